//! The page of analytics.

mod page;
mod section;

pub use page::AnalyticsPage;
pub use section::{Routes, SECTION};
