//! The ends of the organisations' chains, as the installation's own chain records them: by these a chain that was deleted or
//! built anew shows.

use super::{
    Circumstances,
    chain::Hash,
    event::{Actor, Credential, Event, FieldChange, Outcome, SignedInBy, Subject, Written},
    store,
};
use crate::{
    kernel::{OrganisationId, Result, Timestamp},
    server::database::{OrgTx, hex},
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
};

/// The action of the events that record ends of chains. The database has an index of them.
pub const ACTION: &str = "audit.heads";
/// Ends in one event.
const EACH: usize = 100;
/// Events read at once.
const PAGE: i64 = 100;

/// One end of a chain, as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub organisation: OrganisationId,
    pub seq: i64,
    pub hash: Hash,
}

/// What an event of the installation's chain records; nothing, if it is another event.
pub fn recorded(event: &Written) -> Vec<Recorded> {
    if event.action != ACTION || event.actor.kind != SYSTEM {
        return vec![];
    }
    let read = |change: &super::event::WrittenChange| {
        let text: String = serde_json::from_str(change.now.clear()?.get()).ok()?;
        let (seq, hash) = text.split_once(' ')?;
        Some(Recorded { organisation: change.field.parse().ok()?, seq: seq.parse().ok()?, hash: unhex(hash)? })
    };
    event.changes.iter().filter_map(read).collect()
}

fn unhex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    (text.len() == 64 && text.is_ascii()).then_some(())?;
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(hash)
}

const SYSTEM: &str = "system";

/// Why ends are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// An organisation is founded: its chain begins.
    Founding(OrganisationId),
    /// The first time: these organisations were already there.
    First,
    /// Now and then.
    Round,
}

impl Occasion {
    fn subject(self) -> Subject {
        match self {
            Occasion::Founding(id) => Subject::unnamed("organisation", id),
            Occasion::First => Subject::new("audit_log", "", "already there when ends were first recorded"),
            Occasion::Round => Subject::unnamed("audit_log", ""),
        }
    }
}

/// Records ends in the installation's chain, which the transaction has entered.
pub async fn record(
    tx: &mut OrgTx,
    occasion: Occasion,
    heads: &[(OrganisationId, i64, Vec<u8>)],
    request_id: &str,
    now: Timestamp,
) -> Result<()> {
    let actor = Actor { kind: SYSTEM, id: String::new(), name: "latchkey".into() };
    let credential = Credential { signed_in_by: Some(SignedInBy::System), ..Credential::default() };
    for heads in heads.chunks(EACH) {
        let changes = heads.iter().map(|(organisation, seq, hash)| {
            let mut end = String::with_capacity(85);
            let _ = write!(end, "{seq} {}", hex(hash));
            FieldChange { field: organisation.to_string(), was: Value::Null, now: end.into() }
        });
        let event = Event { subject: occasion.subject(), changes: changes.collect(), people: vec![] };
        let circumstances = Circumstances {
            action: ACTION,
            outcome: Outcome::Done,
            reason: None,
            count: 1,
            actor: &actor,
            credential: &credential,
            request_id,
            address: "",
            user_agent: "",
            now,
        };
        store::append(tx, &event, &circumstances).await?;
    }
    Ok(())
}

/// What the installation's chain has recorded so far.
#[derive(Debug, Default)]
pub struct Progress {
    /// The last event that was read.
    read: i64,
    /// The latest number of each organisation, and the event that says it.
    latest: HashMap<OrganisationId, (i64, i64)>,
    /// When ends were last recorded other than at a founding.
    round_at: Option<Timestamp>,
}

impl Progress {
    /// Reads what has been recorded since.
    pub async fn catch_up(&mut self, tx: &mut OrgTx) -> Result<()> {
        loop {
            let page = store::records(tx, self.read, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            for event in &page {
                let Some(written) = Written::read(&event.body) else {
                    tracing::error!(event = event.seq, "the audit log was tampered with: run `latchkey audit verify`");
                    continue;
                };
                if written.subject.kind == "audit_log" {
                    self.round_at = Timestamp::parse(&written.at);
                }
                for Recorded { organisation, seq, .. } in recorded(&written) {
                    self.latest.insert(organisation, (seq, event.seq));
                }
            }
            self.read = last.seq;
        }
    }

    /// Whether nothing was ever recorded.
    pub fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }

    /// When ends were last recorded other than at a founding.
    pub fn round_at(&self) -> Option<Timestamp> {
        self.round_at
    }

    /// Those of these ends whose organisations are recorded, but by no event behind this number. None: an organisation was
    /// recorded that is not among them, and nothing may be forgotten of it.
    pub fn unrecorded_behind(
        &self,
        event: i64,
        mut heads: Vec<(OrganisationId, i64, Vec<u8>)>,
    ) -> Option<Vec<(OrganisationId, i64, Vec<u8>)>> {
        let there: HashSet<OrganisationId> = heads.iter().map(|(organisation, ..)| *organisation).collect();
        let missing = self.latest.keys().find(|organisation| !there.contains(organisation));
        if let Some(organisation) = missing {
            tracing::error!(%organisation, "an organisation is missing that the audit log records: run `latchkey audit verify`");
            return None;
        }
        heads
            .retain(|(organisation, ..)| self.latest.get(organisation).is_some_and(|(_, recorded)| *recorded <= event));
        Some(heads)
    }

    /// Those of these ends that are news, the longest unrecorded first. An organisation that was never recorded is left
    /// out: it would have been at its founding.
    pub fn news(&self, heads: Vec<(OrganisationId, i64, Vec<u8>)>) -> Vec<(OrganisationId, i64, Vec<u8>)> {
        let mut news: Vec<_> = heads
            .into_iter()
            .filter_map(|head| match self.latest.get(&head.0) {
                Some((seq, event)) => (*seq < head.1).then_some((*event, head)),
                None => {
                    tracing::error!(
                        organisation = %head.0,
                        "the audit log does not record this organisation: run `latchkey audit verify`"
                    );
                    None
                }
            })
            .collect();
        news.sort_by_key(|(event, head)| (*event, head.0));
        news.into_iter().map(|(_, head)| head).collect()
    }
}

/// Whether anything was ever recorded in the installation's chain, which the transaction has entered.
pub async fn has_begun(tx: &mut OrgTx) -> Result<bool> {
    store::has_records(tx).await
}
