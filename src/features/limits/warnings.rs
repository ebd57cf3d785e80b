//! What answers to programs say is odd about limits that were set.

use super::model::Doubt;
use serde::Serialize;
use utoipa::ToSchema;

/// What is odd about a limit that was set. It is set all the same.
#[derive(Serialize, ToSchema)]
pub struct LimitWarning {
    /// `never_reached`: another limit that holds for the same calls is lower. `holds_for_nothing`: no call is made that it counts.
    #[schema(example = "never_reached")]
    code: &'static str,
    /// A sentence for people.
    message: String,
    limit_id: String,
}

/// What an answer says is odd about limits that were set; none where nothing is.
pub fn warnings(doubts: Vec<Doubt>) -> Option<Vec<LimitWarning>> {
    let warning = |doubt: Doubt| LimitWarning {
        code: doubt.code.name(),
        message: doubt.message,
        limit_id: doubt.limit.to_string(),
    };
    (!doubts.is_empty()).then(|| doubts.into_iter().map(warning).collect())
}

/// The answer of a change that may have set limits.
#[derive(Serialize, ToSchema)]
pub struct Changed {
    /// What is odd about limits that were set. Left out where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<LimitWarning>>,
}

impl Changed {
    pub fn with(doubts: Vec<Doubt>) -> Self {
        Self { warnings: warnings(doubts) }
    }
}
