//! The organisations' screens, and the frame around everything inside one.

mod create;
mod handover;
mod home;
mod layout;
mod list;
mod section;
mod settings;
mod start;

pub use section::SECTION;
pub use create::NewOrganisationPage;
pub use handover::Handover;
pub use home::HomePage;
pub use layout::{FrameReload, OrganisationLayout, SignOutForm};
pub use list::OrganisationsPage;
pub use settings::SettingsPage;
pub use start::StartPage;

pub use crate::ui::pages::use_slug;
