//! The page that explains.

mod answer;
mod page;
mod section;

pub use page::WhyPage;
pub use section::{Routes, SECTION};
