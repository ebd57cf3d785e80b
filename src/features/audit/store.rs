//! The SQL of the audit log's room. It only reads.

use super::query::{Begin, Filter};
use crate::{
    kernel::{Result, Window},
    server::{
        audit::{self, Bare, Stored, anchors},
        database::{
            OrgTx, containing,
            listing::{self, Listing, Order, Parts, Place, Question, Slice},
            statements, values,
        },
    },
};

/// Events that one question looks through for what stands in bodies alone.
pub const LOOKED_THROUGH: i64 = 20_000;
/// Events that are counted at most.
pub const COUNTED: i64 = 10_000;

const BETWEEN: &str = "a.seq BETWEEN ? AND ?";
// The text of the index stands here as it is.
const OF_KIND: &str = "RTRIM(a.action, 'abcdefghijklmnopqrstuvwxyz_') = ?";
const OF_ACTION: &str = "a.action = ?";
const ENDED_AS: &str = "a.outcome = ?";
const OF_ACTOR: &str = "a.actor_id = ?";
const OF_ACTORS: &str = "a.actor_kind = ?";
const OF_TARGET: &str = "a.target_id = ?";
const OF_TARGET_OF_KIND: &str = "a.target_id = ? AND a.body LIKE ? ESCAPE '!'";
const OF_REQUEST: &str = "a.request_id = ?";
const OF_CREDENTIAL: &str = "a.credential_id = ?";
const BY_CREDENTIAL: &str = "a.body LIKE ? ESCAPE '!'";
// Where events before version 3 are looked through. A replica of before may have written one after newer ones.
const FROM_ADDRESS: &str = "a.body LIKE ? ESCAPE '!' OR EXISTS (SELECT 1 FROM audit_personal p WHERE p.org_id = a.org_id AND p.seq = a.seq AND p.place = 2 AND p.value = ?)";
const NUMBERED: &str = "p.seq BETWEEN ? AND ?";
const WITH_ADDRESS: &str = "p.value = ?";

/// How many there are, as far as they are counted.
const SOME: &str =
    "SELECT COUNT(*) AS events FROM (SELECT a.seq FROM audit_events a WHERE {these} LIMIT 10001) AS taken";

/// The same of events that are found by their addresses.
const SOME_BY_ADDRESS: &str = "SELECT COUNT(*) AS events FROM (SELECT p.seq FROM audit_personal p CROSS JOIN audit_events a WHERE {these} LIMIT 10001) AS taken";

/// The filters of a list: those that it always has, what both lists can be narrowed by, and what it alone can.
macro_rules! filters {
    ([$($always:ident),+] [$($alone:ident),*]) => {
        &[
            $(listing::Filter::one_of(&[$always]),)+
            listing::Filter::optional(&[OF_KIND]),
            listing::Filter::optional(&[OF_ACTION]),
            listing::Filter::optional(&[ENDED_AS]),
            listing::Filter::optional(&[OF_ACTOR]),
            listing::Filter::optional(&[OF_ACTORS]),
            listing::Filter::optional(&[OF_TARGET, OF_TARGET_OF_KIND]),
            listing::Filter::optional(&[OF_REQUEST]),
            listing::Filter::optional(&[OF_CREDENTIAL]),
            listing::Filter::optional(&[BY_CREDENTIAL]),
            $(listing::Filter::optional(&[$alone]),)*
        ]
    };
}

pub static LIST: Listing = Listing::new(Parts {
    columns: "a.seq, a.body, a.previous, a.hash",
    from: "audit_events a",
    joined: "",
    id: "a.seq",
    within: "a.org_id = $1",
    searched: &[],
    filters: filters!([BETWEEN][FROM_ADDRESS]),
    order: Order::Numbered("a.seq"),
    summaries: &[SOME],
});

/// The events from version 3 on, by their addresses: these stand beside the bodies, where an index finds them. SQLite keeps the
/// order of a CROSS JOIN. That it does not take what bounds the one number for a bound of the other, and so as its way to the
/// event, is the cast's doing. PostgreSQL makes nothing of it; a sum, which can fail, it would work out behind the wall of the
/// rows alone, over all events.
pub static BY_ADDRESS: Listing = Listing::new(Parts {
    columns: "a.seq, a.body, a.previous, a.hash",
    from: "audit_personal p CROSS JOIN audit_events a",
    joined: "",
    id: "p.seq",
    within: "p.org_id = $1 AND p.place = 2 AND a.org_id = p.org_id AND a.seq = CAST(p.seq AS BIGINT)",
    searched: &[],
    filters: filters!([NUMBERED, WITH_ADDRESS] []),
    order: Order::Numbered("p.seq"),
    summaries: &[SOME_BY_ADDRESS],
});

statements! {
    // Times never run backwards within a chain: a span of time is a span of numbers.
    FIRST_FROM: TenantSql = "SELECT seq FROM audit_events WHERE org_id = $1 AND at >= $2 ORDER BY at, seq LIMIT 1";
    LAST_BEFORE: TenantSql = "SELECT seq FROM audit_events WHERE org_id = $1 AND at < $2 ORDER BY at DESC, seq DESC LIMIT 1";
    // The text of the partial index stands here as it is.
    LAST_IN_CLEAR: TenantSql = "SELECT seq FROM audit_events WHERE org_id = $1 AND SUBSTR(body, 1, 7) IN ('{\"v\":1,', '{\"v\":2,') ORDER BY seq DESC LIMIT 1";
}

/// The last number whose event has its address in the body, where no index finds it; 0: there is none, or no address is asked for.
async fn in_clear(tx: &mut OrgTx, filter: &Filter) -> Result<i64> {
    if filter.address.is_none() {
        return Ok(0);
    }
    let last: Option<(i64,)> = tx.optional(LAST_IN_CLEAR, vec![]).await?;
    Ok(last.map_or(0, |(seq,)| seq))
}

/// Whether every event of a span is found by an index, so that those that fit can be counted.
pub async fn is_counted(tx: &mut OrgTx, filter: &Filter, span: (i64, i64)) -> Result<bool> {
    Ok(filter.credential.is_none() && in_clear(tx, filter).await? < span.0)
}

/// The numbers of a filter's span of time, the first and the last; the last is at most this one. Where the first is larger,
/// there are none.
pub async fn numbers(tx: &mut OrgTx, filter: &Filter, last: i64) -> Result<(i64, i64)> {
    let mut span = (anchors::removed(tx).await?.saturating_add(1), last);
    if let Some(from) = filter.from {
        let first: Option<(i64,)> = tx.optional(FIRST_FROM, values![from]).await?;
        span.0 = first.map_or(i64::MAX, |(seq,)| seq);
    }
    if let Some(to) = filter.to {
        let before: Option<(i64,)> = tx.optional(LAST_BEFORE, values![to]).await?;
        span.1 = before.map_or(0, |(seq,)| seq.min(last));
    }
    Ok(span)
}

/// The events with these numbers that a filter lets through. Behind the last number that is in clear an index finds addresses.
fn asked(filter: &Filter, (first, last): (i64, i64), in_clear: i64) -> Question {
    // As it stands in the body's one form, with what stands beside it there. What somebody has typed has its quotation marks
    // escaped in that form.
    let written = |value: &str| serde_json::to_string(value).unwrap_or_default();
    let mut question = match &filter.address {
        Some(address) if first > in_clear => {
            BY_ADDRESS.ask().only(NUMBERED, values![first, last]).only(WITH_ADDRESS, values![written(address)])
        }
        Some(address) => {
            let pattern = format!(r#""address":{},"user_agent":"#, written(address));
            let found = values![containing(&pattern), written(address)];
            LIST.ask().only(BETWEEN, values![first, last]).only(FROM_ADDRESS, found)
        }
        None => LIST.ask().only(BETWEEN, values![first, last]),
    };
    macro_rules! narrow {
        ($($field:ident: $condition:ident;)*) => {
            $(if let Some(value) = &filter.$field {
                question = question.only($condition, values![value.to_owned()]);
            })*
        };
    }
    narrow! {
        kind: OF_KIND;
        action: OF_ACTION;
        outcome: ENDED_AS;
        actor: OF_ACTOR;
        actor_kind: OF_ACTORS;
        request_id: OF_REQUEST;
        credential_id: OF_CREDENTIAL;
    }
    match &filter.target {
        Some((Some(kind), id)) => {
            let of_kind = containing(&format!(r#""subject":{{"kind":"{kind}","id":{},"name":"#, written(id)));
            question = question.only(OF_TARGET_OF_KIND, values![id.to_owned(), of_kind]);
        }
        Some((None, id)) => question = question.only(OF_TARGET, values![id.to_owned()]),
        None => {}
    }
    if let Some(credential) = &filter.credential {
        let pattern = format!(r#""credential":{},"subject":{{"kind":"#, written(credential));
        question = question.only(BY_CREDENTIAL, values![containing(&pattern)]);
    }
    question
}

/// A page of events, newest first, with what comes before and after it.
pub struct Found {
    pub events: Vec<Stored>,
    pub previous: Option<i64>,
    pub next: Option<i64>,
    /// The numbers that were looked through, where these are not all of the filter's span.
    pub looked_through: Option<(i64, i64)>,
}

/// Reads a page of the events in a span of numbers.
pub async fn page(tx: &mut OrgTx, filter: &Filter, span: (i64, i64), from: Begin, size: i64) -> Result<Found> {
    // The part of the span that lies on this side of the place.
    let (mut first, mut last) = match from {
        Begin::Newest => span,
        Begin::After(number) => (span.0, span.1.min(number.saturating_sub(1))),
        Begin::Before(number) => (span.0.max(number.saturating_add(1)), span.1),
    };
    let whole = (first, last);
    let in_clear = in_clear(tx, filter).await?;
    // What an index finds, and what is looked through, are asked for by turns.
    let is_first = match from {
        Begin::Newest | Begin::After(_) => last > in_clear,
        Begin::Before(_) => first > in_clear,
    };
    match (filter.address.is_some(), is_first, from) {
        (false, ..) => {}
        (true, true, _) => first = first.max(in_clear.saturating_add(1)),
        (true, false, _) => last = last.min(in_clear),
    }
    if filter.credential.is_some() || (filter.address.is_some() && !is_first) {
        match from {
            Begin::Newest | Begin::After(_) => first = first.max(last.saturating_sub(LOOKED_THROUGH - 1)),
            Begin::Before(_) => last = last.min(first.saturating_add(LOOKED_THROUGH - 1)),
        }
    }
    let place = match from {
        Begin::Newest => Place::First,
        Begin::After(_) => Place::After(vec![]),
        Begin::Before(_) => Place::Before(vec![]),
    };
    let question = asked(filter, (first, last), in_clear).from(place);
    let Slice { rows: events, newer, older }: Slice<Bare> = question.slice(tx, Window::page(1, size)).await?;
    let is_cut = whole != (first, last);
    let (newest, oldest) = (events.first().map(|event| event.seq), events.last().map(|event| event.seq));
    // Where what was looked through has no more, it is looked further from there.
    let mut previous = newest.filter(|_| newer);
    let mut next = oldest.filter(|_| older);
    if is_cut {
        match from {
            Begin::Newest | Begin::After(_) if !older => next = Some(first),
            Begin::Before(_) if !newer => previous = Some(last),
            _ => {}
        }
    }
    // An empty page between two places has both beside it.
    if events.is_empty() {
        match from {
            Begin::After(number) if number <= span.1 => previous = Some(number.saturating_sub(1)),
            Begin::Before(number) if number >= span.0 => next = Some(number.saturating_add(1)),
            _ => {}
        }
    }
    let events = audit::with_personal(tx, events).await?;
    Ok(Found { events, previous, next, looked_through: is_cut.then_some((first, last)) })
}

/// A numbered page of the events in a span of numbers, newest first.
pub async fn numbered(tx: &mut OrgTx, filter: &Filter, span: (i64, i64), window: Window) -> Result<Vec<Stored>> {
    let question = asked(filter, span, in_clear(tx, filter).await?).from(Place::First);
    let Slice { rows, .. }: Slice<Bare> = question.slice(tx, window).await?;
    audit::with_personal(tx, rows).await
}

/// How many events fit: at most one more than [`COUNTED`], of what an index finds and of what is looked through.
pub async fn count(tx: &mut OrgTx, filter: &Filter, (first, last): (i64, i64)) -> Result<i64> {
    let in_clear = in_clear(tx, filter).await?;
    let mut events = 0;
    for (first, last) in [(first, last.min(in_clear)), (first.max(in_clear.saturating_add(1)), last)] {
        if first > last {
            continue;
        }
        let summary = if filter.address.is_some() && first > in_clear { SOME_BY_ADDRESS } else { SOME };
        let question = asked(filter, (first, last), in_clear);
        let rows: Vec<(i64,)> = question.summary(tx, summary, vec![], vec![]).await?;
        events += rows.first().map_or(0, |(events,)| *events);
    }
    Ok(events.min(COUNTED + 1))
}

/// The events behind a number that fit, in order: at most `size`. Gives also the number as far as which it has looked.
pub async fn following(
    tx: &mut OrgTx,
    filter: &Filter,
    span: (i64, i64),
    after: i64,
    size: i64,
) -> Result<(Vec<Stored>, i64)> {
    let first = span.0.max(after.saturating_add(1));
    let in_clear = in_clear(tx, filter).await?;
    let last = if first > in_clear { span.1 } else { span.1.min(in_clear) };
    let last = match filter.credential.is_some() || first <= in_clear {
        true => last.min(first.saturating_add(LOOKED_THROUGH - 1)),
        false => last,
    };
    let question = asked(filter, (first, last), in_clear).from(Place::Before(vec![]));
    let Slice { mut rows, newer, .. }: Slice<Bare> = question.slice(tx, Window::page(1, size)).await?;
    rows.reverse();
    let looked = match rows.last() {
        Some(row) if newer => row.seq,
        _ => last,
    };
    let rows = audit::with_personal(tx, rows).await?;
    Ok((rows, looked))
}
