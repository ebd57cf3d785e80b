//! What both sides know of analytics.

use crate::{
    features::{
        feedback::model::Tally,
        logs::{
            figures::{Dimension, Figures},
            model::FILTERS,
        },
    },
    kernel::{Asked, Timestamp},
};
use serde::{Deserialize, Serialize};

/// What an address may ask for, beside the filters of the log, which it takes all of: `group` is a [`Dimension`]'s name,
/// `share` another by which the table at the foot is made.
pub const ASKS: [&str; 2] = ["group", "share"];

/// All that an address of the page may say: the filters of the log, then [`ASKS`].
pub const ASKED: [&str; FILTERS.len() + ASKS.len()] = {
    let mut all = [""; FILTERS.len() + ASKS.len()];
    let mut index = 0;
    while index < all.len() {
        all[index] = if index < FILTERS.len() { FILTERS[index] } else { ASKS[index - FILTERS.len()] };
        index += 1;
    }
    all
};

/// One group of calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// What the filter of the log is set to for these calls alone; none where no filter does that ("no prompt").
    pub value: Option<String>,
    /// What people call it. Of what was deleted, the name that it had.
    pub label: String,
    pub figures: Figures,
    /// The same of the range before; none where this is not compared, or there were no such calls.
    pub before: Option<Figures>,
    /// Calls in each bar, in the order of the page's bars.
    pub calls: Vec<i64>,
    /// Micro-cents in each bar.
    pub costs: Vec<i64>,
}

/// One bar of a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    pub start: Timestamp,
    pub figures: Figures,
    /// Calls of the range before, at the same distance from its beginning.
    pub before: i64,
}

/// The feedback of a span.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedbackGiven {
    pub all: Tally,
    /// How many entries have each value, the lowest first; values without any are left out.
    pub by_value: Vec<(i64, i64)>,
    /// In each bar: entries with a value above zero, of zero, and below.
    pub bars: Vec<[i64; 3]>,
}

/// All that the page of analytics shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Width of a bar in milliseconds.
    pub width: i64,
    pub totals: Figures,
    /// The figures of the range before, of the same length.
    pub before: Figures,
    /// Every bar of the range, oldest first, those without calls too.
    pub slots: Vec<Slot>,
    /// What `groups` are made by.
    pub group: Dimension,
    /// The groups with the most calls first, at most [`GROUPS`], and how many there are beside them.
    pub groups: Vec<Group>,
    pub more_groups: i64,
    /// The same for the table at the foot. Without bars.
    pub share: Dimension,
    pub shares: Vec<Group>,
    pub more_shares: i64,
    pub feedback: FeedbackGiven,
    /// Calls under way, which no figure counts.
    pub under_way: i64,
    /// The names of metadata that the organisation groups by.
    pub metadata: Vec<String>,
    /// The last call there was, if this range has none.
    pub last_call: Option<Timestamp>,
    /// Whether it is about calls of the asker's own keys alone.
    pub own_only: bool,
    pub now: Timestamp,
}

/// The most groups that are told.
pub const GROUPS: usize = 200;

/// What the page is grouped by; by model where nothing, or nothing that is known, is said.
pub fn group_of(asked: &Asked, name: &str, usual: Dimension) -> Dimension {
    Dimension::parse(asked.get(name)).unwrap_or(usual)
}
