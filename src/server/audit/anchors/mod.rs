//! What is left of events that were removed for their age: the anchor, which is the number and hash of the last of them, as a
//! signed checkpoint says them, and an event that tells of the removal.

mod shown;
mod store;

pub use shown::{Removed, SKEW};
pub use store::{Anchor, STATEMENTS, advance, get, remove, removed};

use super::{
    chain::Hash,
    checkpoints::written::Hex,
    event::{Event, Outcome, Subject, Written},
};
use crate::{
    kernel::{OrganisationId, Timestamp, time::DAY},
    server::settings::AuditDays,
};

/// The action of the events that tell of a removal.
pub const ACTION: &str = "audit.expire";
/// The least age of events that are removed, in milliseconds. The database holds to it as well.
pub const LEAST: i64 = AuditDays::LEAST * DAY;

/// What an event says of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The number of the last event that it tells of, and its hash.
    pub up_to: i64,
    pub hash: Hash,
    /// When that was.
    pub at: Timestamp,
}

/// The event of a removal, of the events from `first` up to that one, which were older than `before`.
pub fn event(organisation: OrganisationId, first: i64, (up_to, hash): (i64, &Hash), before: Timestamp) -> Event {
    Event::of(Subject::new("audit_log", organisation, "audit log"))
        .with("events", up_to - first + 1)
        .with("up_to", up_to)
        .with("hash", serde_json::to_value(Hex(*hash)).unwrap_or_default())
        .with("before", before.rfc3339())
}

/// What an event says of a removal; none, if it is another event.
pub fn expired(event: &Written) -> Option<Expired> {
    if event.action != ACTION || event.outcome != Outcome::Done || event.actor.kind != "system" {
        return None;
    }
    let change = |field: &str| event.changes.iter().find(|change| change.field == field);
    let now = |field: &str| change(field)?.now.clear().map(|json| json.get());
    let hash: Hex<32> = serde_json::from_str(now("hash")?).ok()?;
    Some(Expired { up_to: now("up_to")?.parse().ok()?, hash: hash.0, at: Timestamp::parse(&event.at)? })
}
