//! The audit log's screens.

mod event;
mod list;
mod section;

pub use super::delivery::pages::DeliveryPage;
pub use event::EventPage;
pub use list::ListPage;
pub use section::{Routes, SECTION, history};

use super::model::Told;
use crate::ui::components::Tone;

/// The colour of an outcome; the word beside it says the same.
fn tone(told: &Told) -> Tone {
    match told.outcome.as_str() {
        "done" => Tone::Ok,
        "refused" | "unknown" => Tone::Warn,
        _ => Tone::Bad,
    }
}
