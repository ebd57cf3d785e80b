//! Who may do what, declared once, as data: features, permissions, roles, key levels, the decision, and the table of
//! operations. Pure: the same code answers on the server and decides in the browser what is shown.

mod bitting;
mod decision;
mod explain;
mod key_feature;
pub mod operations;
mod permission;
mod permission_set;
mod proof;
mod role;
#[cfg(test)]
mod tests;

pub use bitting::{Tooth, bitting, summary, summary_sentence};
pub use decision::{Decision, Denial, Principal, Requirement, Target, decide};
pub use explain::{AnswersFor, Explanation, Facts, Part, Standing, Step, Verdict, Who, explain};
pub use key_feature::{KeyFeature, Level, MASTERS, Preset, Shown};
pub use operations::Operation;
pub use permission::{Feature, Permission};
pub use permission_set::{PermissionSet, UnknownPermission};
pub use proof::asks_for_proof;
pub use role::Role;
