//! The log's screens.

mod bar;
mod cause;
mod cost;
mod detail;
mod export;
mod fall;
mod guardrails;
mod list;
mod saved;
mod section;
mod settings;
mod tail;
mod texts;

pub use bar::{choices as bar_choices, narrowing_fields, range_fields};
pub use detail::DetailPage;
pub use export::ExportPage;
pub use list::ListPage;
pub use saved::{FiltersPage, saved_line};
pub use section::{Routes, SECTION};
pub use settings::SettingsPage;

use super::model::CallOutcome;
use crate::ui::{components::Tone, use_place};
use leptos::prelude::*;
use leptos_meta::Title;

/// The document's title: the page, then the organisation.
fn title(page: &str) -> impl IntoView + use<> {
    let text = match use_place() {
        Some(place) => format!("{page} · {}", place.name),
        None => page.to_owned(),
    };
    view! { <Title text /> }
}

/// The colour of an outcome; the words beside it say the same.
const fn tone(outcome: CallOutcome) -> Tone {
    match outcome {
        CallOutcome::Ok => Tone::Ok,
        CallOutcome::Started => Tone::Info,
        CallOutcome::Left | CallOutcome::Lost => Tone::Warn,
        CallOutcome::Refused | CallOutcome::Failed => Tone::Bad,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use crate::{
        features::logs::{
            model::{CallOutcome, Detail, LoggedCall},
            reckoning::Reckoning,
            texts::Texts,
        },
        guardrails::HookResults,
        kernel::{CallId, KeyId, Timestamp},
    };
    use uuid::Uuid;

    /// A call to a model that took a millisecond.
    pub fn detail(outcome: CallOutcome, error: Option<&str>) -> Detail {
        let call = LoggedCall {
            id: CallId(Uuid::nil()),
            started_at: Timestamp(0),
            outcome,
            status: Some(404),
            error_code: error.map(str::to_owned),
            model: Some("@x/gpt-4o".into()),
            key: None,
            person: None,
            virtual_key: None,
            latency_us: Some(1_000),
            tokens: None,
            cost: None,
            count: 1,
            trace_id: String::new(),
        };
        Detail {
            call,
            finished_at: None,
            key_id: Some(KeyId(Uuid::nil())),
            virtual_key_id: None,
            virtual_key_lives: false,
            provider: None,
            endpoint: "messages".into(),
            streamed: false,
            first_byte_us: None,
            input_tokens: None,
            cached_input_tokens: None,
            reasoning_tokens: None,
            saved: None,
            output_tokens: None,
            metadata: None,
            upstream_id: None,
            ran: None,
            led: None,
            attempts: vec![],
            found: HookResults::default(),
            reckoning: Reckoning::default(),
            steps: vec![],
            unknown_key: None,
            newer: None,
            older: None,
            texts: Texts::None { keeps: false, since: None },
            now: Timestamp(0),
        }
    }
}
