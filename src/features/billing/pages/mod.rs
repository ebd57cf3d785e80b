//! The pages of billing.

mod section;
mod settings;
mod spend;
mod statement;

pub use section::{Routes, SECTION};
pub use settings::SettingsPage;
pub use spend::BillingPage;
pub use statement::StatementPage;
