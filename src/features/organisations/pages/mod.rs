//! The organisations' screens, and the frame around everything inside one.

mod home;
mod layout;
mod start;

pub use home::HomePage;
pub use layout::{OrganisationLayout, use_slug};
pub use start::StartPage;
