//! The log's screens.

mod bar;
mod cause;
mod detail;
mod fall;
mod guardrails;
mod list;
mod section;
mod settings;
mod texts;

pub use bar::{narrowing_fields, range_fields};
pub use section::{Routes, SECTION};
pub use detail::DetailPage;
pub use list::ListPage;
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
