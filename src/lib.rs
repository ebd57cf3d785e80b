//! Latchkey: self-hosted access control for teams that use language models.
pub mod ui;
