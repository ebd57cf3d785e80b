//! Configs: which provider a call goes to, what is tried when that fails, and how the request is changed on the way.
//!
//! A config is a JSON text. [`compile`] checks it and makes a [`Plan`] of it, or says everything that is wrong, each fault
//! with its path, line and column. A [`Run`] leads one call through a plan: it is asked what to do next and told what
//! became of that. It does no input or output, so that the gateway and the dry run ([`explain`]) are led by the same one.
//! [`Outline`] is what pages draw of a config.

#[cfg(feature = "ssr")]
mod breaker;
#[cfg(feature = "ssr")]
mod condition;
#[cfg(feature = "ssr")]
mod draw;
#[cfg(feature = "ssr")]
mod explain;
#[cfg(feature = "ssr")]
mod level;
mod outline;
#[cfg(feature = "ssr")]
mod params;
#[cfg(feature = "ssr")]
mod plan;
#[cfg(feature = "ssr")]
mod read;
#[cfg(feature = "ssr")]
mod run;
mod supposed;

pub use crate::kernel::Fault;
pub use outline::{Breaker as DrawnBreaker, Case, Item, Kind, Outline, Setting};
pub use supposed::{Answer, Explanation, Reached, Step, Supposed, Verdict};

#[cfg(feature = "ssr")]
pub use {
    breaker::Breakers,
    condition::Operand,
    explain::explain,
    plan::{CacheRule, Guarding, Leaf, Plan, Reference, References, compile, look},
    run::{Came, Next, Request, Run},
};

/// The most bytes of a config's text.
pub const MAX_TEXT: usize = 64 << 10;
/// The most targets of a config, those that hold targets themselves included.
pub const MAX_TARGETS: usize = 100;
/// Levels of targets within one another, the config itself included; and of conditions within one another.
pub const MAX_LEVELS: usize = 8;

#[cfg(all(test, feature = "ssr"))]
mod tests;
