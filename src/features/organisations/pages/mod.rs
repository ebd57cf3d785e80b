//! The organisations' screens, and the frame around everything inside one.

mod create;
mod entry;
mod handover;
mod layout;
mod list;
mod policy;
mod section;
mod settings;
mod switcher;
mod texts;

pub use create::NewOrganisationPage;
pub use entry::EntryPage;
pub use handover::Handover;
pub use layout::{FrameReload, OrganisationLayout, PersonFrame, PersonLayout};
pub use list::OrganisationsPage;
pub use section::SECTION;
pub use settings::SettingsPage;
pub use texts::DeleteTextsPage;

pub use crate::ui::pages::use_slug;
