//! What each provider accepts: one pass for each, which puts otherwise or leaves out what its server would refuse, with the
//! reason beside it. What has a meaning that nothing can carry is refused by its name instead.

pub(super) mod anthropic;
pub(super) mod google;
mod ids;
pub(super) mod openai;
