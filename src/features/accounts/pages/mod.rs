//! The accounts' screens.

mod account;
mod again;
mod confirm;
mod forgot;
mod person_bar;
mod reset;
mod setup;
mod sign_in;

pub use account::AccountPage;
pub use again::SignInAgain;
pub use confirm::ConfirmPage;
pub use forgot::ForgotPage;
pub use person_bar::PersonBar;
pub use reset::ResetPage;
pub use setup::SetupPage;
pub use sign_in::SignInPage;

/// What stands below every new password before it is typed.
pub const PASSWORD_RULE: &str = "At least 8 characters. A sentence is a good choice.";
