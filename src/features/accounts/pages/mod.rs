//! The accounts' screens.

mod setup;
mod sign_in;

pub use setup::SetupPage;
pub use sign_in::SignInPage;
