//! The keys' screens.

mod confirm;
mod editor;
mod form;
mod list;
mod many;
mod minted;
mod narrow;
mod rights;
mod rotate;
mod section;

pub use confirm::{DeleteKeyPage, DisableKeyPage};
pub use editor::{KeyDetailPage, NewKeyPage};
pub use list::KeysPage;
pub use many::ManyKeysPage;
pub use rotate::RotateKeyPage;
pub use section::{Routes, SECTION};

use super::{
    functions::LoadKey,
    model::{Key, KeyPage, Status},
};
use crate::{
    features::limits::pages::USED_UP,
    kernel::Timestamp,
    policy::{PermissionSet, summary},
    ui::{
        Data,
        components::{Pill, Time, Tone},
        load,
        pages::{page_title, use_param, use_slug},
    },
};
use leptos::prelude::*;

/// The key in this page's path.
fn use_key() -> Data<KeyPage> {
    let (slug, id) = (use_slug(), use_param("id"));
    load(move || LoadKey { slug: slug.get(), id: id.get() })
}

/// The words of a set for a row: all of them up to three, else two and the number of the rest.
fn short_summary(set: PermissionSet) -> String {
    let whole = summary(set);
    let parts: Vec<_> = whole.split(", ").collect();
    match parts.as_slice() {
        [first, second, rest @ ..] if rest.len() > 1 => format!("{first}, {second}, {} more", rest.len()),
        _ => whole,
    }
}

/// The state of a key, as word and mark.
fn status_pill(key: &Key, now: Timestamp) -> impl IntoView + use<> {
    let (tone, label) = match key.status(now) {
        Status::Active => (Tone::Ok, "Active".to_owned()),
        Status::Rotating(until) if until.date() == now.date() => {
            (Tone::Info, format!("Rotating until {} UTC", &until.clock()[..5]))
        }
        Status::Rotating(until) => (Tone::Info, format!("Rotating until {}", until.date())),
        Status::Expiring(1) => (Tone::Warn, "Expires within a day".to_owned()),
        Status::Expiring(days) => (Tone::Warn, format!("Expires in {days} days")),
        Status::Expired => (Tone::Bad, "Expired".to_owned()),
        Status::Blocked => (Tone::Bad, "Blocked by policy".to_owned()),
        Status::Disabled => (Tone::Neutral, "Disabled".to_owned()),
        Status::Deleted => (Tone::Neutral, "Deleted".to_owned()),
    };
    let used_up = key.used_up.then(|| view! { " "<Pill tone=Tone::Bad label=USED_UP /> });
    view! {
        <Pill tone label />
        {used_up}
    }
}

/// A moment of use; never is a word.
fn used(at: Option<Timestamp>, now: Timestamp) -> AnyView {
    match at {
        Some(at) => view! { <Time at=at.0 now=now.0 /> }.into_any(),
        None => "never".into_any(),
    }
}

/// The same within a sentence: "was last used just now", "was never used".
fn last_use(at: Option<Timestamp>, now: Timestamp) -> AnyView {
    match at {
        Some(_) => view! { "was last used "{used(at, now)} }.into_any(),
        None => "was never used".into_any(),
    }
}

/// True once the page is alive: the server and the first render of the browser say false.
fn use_alive() -> RwSignal<bool> {
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    alive
}

#[cfg(test)]
mod tests {
    use super::short_summary;
    use crate::policy::{KeyFeature, Level, PermissionSet, Preset};

    #[test]
    fn long_sets_are_told_in_short() {
        assert_eq!(short_summary(PermissionSet::key_default()), "Completions, Prompts: Read");
        let three = PermissionSet::of_levels(|feature| match feature {
            KeyFeature::Metrics | KeyFeature::Completions => Level::Enabled,
            KeyFeature::Prompts => Level::Write,
            _ => Level::Disabled,
        });
        assert_eq!(short_summary(three), "Metrics, Completions, Prompts: Write");
        assert_eq!(short_summary(Preset::ReadOnly.permissions()), "Metrics, Prompts: Read, 5 more");
        assert_eq!(short_summary(Preset::FullAccess.permissions()), "Everything");
    }
}
