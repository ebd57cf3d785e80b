//! The page of analytics.

mod charts;
mod links;
mod page;
mod section;
mod shares;
mod tiles;
mod words;

pub use page::AnalyticsPage;
pub use section::{Routes, SECTION};
