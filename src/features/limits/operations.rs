//! What can be done with limits.

use super::{
    doubts::doubts,
    model::{
        Correction, CorrectionKind, Doubt, Edit, Kind, Limit, MOST, Measure, On, Raised, Scope, Span, Standing, Wanted,
    },
    store,
};
use crate::{
    features::{api_keys, team},
    kernel::{Code, Error, KeyId, LimitId, Result, Timestamp, UserId},
    policy::{Operation, Target},
    server::{
        access::{App, Change},
        audit::event::Event,
        database::OrgTx,
    },
};
use serde_json::Value;
use std::collections::HashSet;
use uuid::Uuid;

/// The limits on a thing, with what was used of them.
pub async fn of(tx: &mut OrgTx, app: &App, on: On, now: Timestamp) -> Result<Vec<Standing>> {
    let limits = store::on(tx, on).await?;
    standing(tx, app, limits, now).await
}

/// Limits with what was used of them: what is written, or what this process knows beyond that.
pub async fn standing(tx: &mut OrgTx, app: &App, limits: Vec<Limit>, now: Timestamp) -> Result<Vec<Standing>> {
    let mut standing = store::standing(tx, limits, now).await?;
    for one in &mut standing {
        let live = app.usage.of(one.limit.id.0, one.period.start.0);
        one.used = one.used.max(live.unwrap_or(0));
    }
    Ok(standing)
}

/// Which of some things have used up a budget, so that calls are refused.
pub async fn used_up(tx: &mut OrgTx, app: &App, scope: Scope, ids: &[Uuid], now: Timestamp) -> Result<HashSet<Uuid>> {
    let mut limits = store::blocking(tx, ids).await?;
    limits.retain(|limit| limit.on.scope == scope);
    let standing = standing(tx, app, limits, now).await?;
    Ok(standing.iter().filter(|one| one.is_exhausted()).map(|one| one.limit.on.id).collect())
}

/// Changes the limits on a thing inside a change that its caller has the right to make. Gives the event with what differs, and
/// what is odd about limits that were set.
///
/// What was used stays whatever is changed: a limit of the same measure goes on where it was.
///
/// # Errors
/// `permission_denied` for an API key that has limits of its own; `invalid` where there are too many.
pub async fn set(change: &mut Change, on: On, edit: &Edit, event: Event) -> Result<(Event, Vec<Doubt>)> {
    if edit.is_nothing() {
        return Ok((event, vec![]));
    }
    free_to_act(change).await?;
    let was = store::on(change.tx(), on).await?;
    let mut event = event;
    if let Some(wanted) = &edit.rates {
        event = replace(change, (on, Kind::Rate), (&was, wanted), edit, event).await?;
    }
    match &edit.budgets {
        Some(wanted) => event = replace(change, (on, Kind::Budget), (&was, wanted), edit, event).await?,
        None => {
            if let Some(emails) = &edit.emails {
                event = tell(change, &was, emails, event).await?;
            }
        }
    }
    if edit.reset {
        let app = change.access().app().clone();
        let (now, by) = (change.now(), change.access().actor_name().to_owned());
        for limit in store::on(change.tx(), on).await?.into_iter().filter(|limit| limit.is.kind == Kind::Budget) {
            let one = standing(change.tx(), &app, vec![limit.clone()], now).await?.remove(0);
            note_reset(change.tx(), &one, None, (&by, now)).await?;
            event = event.change(&format!("used ({})", limit.is), limit.is.measure.words(one.used), "nothing");
        }
    }
    let mut set = store::on(change.tx(), on).await?;
    let is_set = |kind| if kind == Kind::Rate { edit.rates.is_some() } else { edit.budgets.is_some() };
    set.retain(|limit| is_set(limit.is.kind));
    let now = change.now();
    let doubts = doubts(change.tx(), &set, now).await?;
    Ok((event, doubts))
}

/// Sets what was used of a limit to nothing, and notes it.
async fn note_reset(
    tx: &mut OrgTx,
    standing: &Standing,
    reason: Option<String>,
    (by, now): (&str, Timestamp),
) -> Result<()> {
    store::reset(tx, standing.limit.id, by, now).await?;
    let correction = Correction {
        kind: CorrectionKind::Reset,
        period: standing.period.start,
        at: now,
        by: by.to_owned(),
        before: standing.used,
        after: 0,
        until: None,
        reason,
    };
    store::history::note(tx, standing.limit.id, &correction).await
}

/// Sets what was used of a limit to nothing, from now on. What was used before stays where it is written. Gives how much that was.
pub async fn reset(change: &mut Change, limit: &Limit, reason: Option<String>) -> Result<i64> {
    let app = change.access().app().clone();
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    let standing = standing(change.tx(), &app, vec![limit.clone()], now).await?.remove(0);
    note_reset(change.tx(), &standing, reason, (&by, now)).await?;
    Ok(standing.used)
}

/// Makes a limit that there is another one. With another amount a raise of it ends, which is noted.
async fn update(
    tx: &mut OrgTx,
    before: &Limit,
    (is, emails): (&Wanted, &[String]),
    (by, now): (&str, Timestamp),
) -> Result<()> {
    store::update(tx, before.id, is, emails, by, now).await?;
    match before.raised.filter(|raised| raised.until > now && is.amount != before.is.amount) {
        Some(_) => note_raise(tx, before, None, is.amount, Some("The limit was changed".to_owned()), (by, now)).await,
        None => Ok(()),
    }
}

/// Notes a raise, or its end: then `after` is the limit that holds again.
async fn note_raise(
    tx: &mut OrgTx,
    before: &Limit,
    raised: Option<Raised>,
    after: i64,
    reason: Option<String>,
    (by, now): (&str, Timestamp),
) -> Result<()> {
    let kind = if raised.is_some() { CorrectionKind::Raise } else { CorrectionKind::EndOfRaise };
    let correction = Correction {
        kind,
        period: before.period(now).start,
        at: now,
        by: by.to_owned(),
        before: before.amount(now),
        after: raised.map_or(after, |raised| raised.to),
        until: raised.map(|raised| raised.until),
        reason,
    };
    store::history::note(tx, before.id, &correction).await
}

/// Gives a copy of a thing the limits of that thing, with what was used of them by now: to copy is no way around a limit.
pub async fn copy(change: &mut Change, from: On, to: On, event: Event) -> Result<Event> {
    let app = change.access().app().clone();
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    let limits = of(change.tx(), &app, from, now).await?;
    let mut words = vec![];
    for Standing { limit, used, .. } in limits {
        let same = Limit { id: LimitId::new(), on: to, reset_at: None, raised: None, ..limit };
        store::insert(change.tx(), &same, &by).await?;
        store::carry(change.tx(), same.id, same.period(now).start, used).await?;
        words.push(described(&same.is));
    }
    Ok(if words.is_empty() { event } else { event.with("limits", words) })
}

/// An API key that has limits makes none of others wider, by which it would get around its own.
pub async fn free_to_act(change: &mut Change) -> Result<()> {
    let Some(key) = change.own_key() else { return Ok(()) };
    match is_limited(change.tx(), key).await? {
        false => Ok(()),
        true => Err(Error::new(
            Code::PermissionDenied,
            "The API key that asks has limits of its own. It makes and changes no other keys, changes no limits and invites nobody.",
        )),
    }
}

async fn is_limited(tx: &mut OrgTx, key: KeyId) -> Result<bool> {
    Ok(!store::on(tx, On { scope: Scope::ApiKey, id: key.0 }).await?.is_empty())
}

/// Which of those that there are goes on as which that are wanted.
fn matched<'l>(was: &[&'l Limit], wanted: &[Wanted]) -> Vec<Option<&'l Limit>> {
    let mut left: Vec<&Limit> = was.to_vec();
    let mut take = |fits: &dyn Fn(&Limit) -> bool| {
        let at = left.iter().position(|limit| fits(limit))?;
        Some(left.remove(at))
    };
    let mut found: Vec<Option<&Limit>> = wanted.iter().map(|wanted| take(&|limit| limit.is.same_as(wanted))).collect();
    for (found, wanted) in found.iter_mut().zip(wanted) {
        // One of another span goes on with what was used of it; a rate begins anew.
        if found.is_none() && wanted.kind == Kind::Budget {
            *found = take(&|limit| limit.is.measure == wanted.measure);
        }
    }
    found
}

async fn replace(
    change: &mut Change,
    (on, kind): (On, Kind),
    (was, wanted): (&[Limit], &[Wanted]),
    edit: &Edit,
    event: Event,
) -> Result<Event> {
    let was: Vec<&Limit> = was.iter().filter(|limit| limit.is.kind == kind).collect();
    let field = if kind == Kind::Rate { "rate_limits" } else { "usage_limits" };
    if wanted.len() > MOST {
        return Err(Error::field(field, format!("One thing has at most {MOST} limits of a kind.")));
    }
    for (number, one) in wanted.iter().enumerate() {
        if wanted[..number].iter().any(|other| other.same_as(one)) {
            let message = format!("There is a limit of {} in {} twice.", one.measure.name(), one.span.words());
            return Err(Error::field(format!("{field}[{number}]"), message));
        }
    }
    let app = change.access().app().clone();
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    let pairs = matched(&was, wanted);
    for (wanted, before) in wanted.iter().zip(&pairs) {
        let kept = before.map_or(&[][..], |limit| &limit.emails);
        let emails = edit.emails.as_deref().unwrap_or(kept);
        let Some(before) = before else {
            let limit = Limit {
                id: LimitId::new(),
                on,
                is: wanted.clone(),
                emails: emails.to_vec(),
                since: now,
                reset_at: None,
                raised: None,
            };
            store::insert(change.tx(), &limit, &by).await?;
            continue;
        };
        update(change.tx(), before, (wanted, emails), (&by, now)).await?;
        let after = Limit { is: wanted.clone(), ..(*before).clone() };
        carry(change.tx(), &app, before, &after, now).await?;
    }
    for limit in &was {
        if !pairs.iter().flatten().any(|kept| kept.id == limit.id) {
            store::delete(change.tx(), limit.id, &by, now).await?;
        }
    }
    let words = |limits: Vec<&Wanted>| match limits.is_empty() {
        true => Value::Null,
        false => limits.into_iter().map(described).collect(),
    };
    let before = words(was.iter().map(|limit| &limit.is).collect());
    let event = event.change(field, before, words(wanted.iter().collect()));
    Ok(match (&edit.emails, was.first()) {
        (Some(emails), Some(first)) => event.change("alert_emails", first.emails.clone(), emails.clone()),
        (Some(emails), None) if !wanted.is_empty() => event.with("alert_emails", emails.clone()),
        _ => event,
    })
}

/// What was used in the period under way belongs to the one that is under way by the new rule, too.
async fn carry(tx: &mut OrgTx, app: &App, before: &Limit, after: &Limit, now: Timestamp) -> Result<()> {
    let (old, new) = (before.period(now).start, after.period(now).start);
    if old == new {
        return Ok(());
    }
    let used = standing(tx, app, vec![before.clone()], now).await?.remove(0).used;
    let there = store::used(tx, after.id, new).await?;
    if used > there {
        store::carry(tx, after.id, new, used - there).await?;
    }
    Ok(())
}

/// Makes a limit. Gives its id.
pub async fn add(change: &mut Change, on: On, wanted: &Wanted) -> Result<LimitId> {
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    let limit =
        Limit { id: LimitId::new(), on, is: wanted.clone(), emails: vec![], since: now, reset_at: None, raised: None };
    store::insert(change.tx(), &limit, &by).await?;
    Ok(limit.id)
}

/// Makes a limit another one; what was used of it stays used.
///
/// # Errors
/// `invalid` where something else would be counted: that is a limit of its own.
pub async fn change(change: &mut Change, was: &Limit, wanted: &Wanted) -> Result<()> {
    if (was.is.kind, was.is.measure) != (wanted.kind, wanted.measure) {
        let field = if was.is.kind == wanted.kind { "measure" } else { "kind" };
        let message = "What is counted stays what it is: make a limit of its own for something else.";
        return Err(Error::field(field, message));
    }
    let app = change.access().app().clone();
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    let anchor = was.is.anchor.filter(|_| was.is.span == wanted.span);
    let is = Wanted { anchor, ..wanted.clone() };
    update(change.tx(), was, (&is, &was.emails), (&by, now)).await?;
    let after = Limit { is, ..was.clone() };
    carry(change.tx(), &app, was, &after, now).await
}

async fn tell(change: &mut Change, was: &[Limit], emails: &[String], event: Event) -> Result<Event> {
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    let mut event = event;
    for limit in was.iter().filter(|limit| limit.is.kind == Kind::Budget) {
        update(change.tx(), limit, (&limit.is, emails), (&by, now)).await?;
        event = event.change("alert_emails", limit.emails.clone(), emails.to_vec());
    }
    Ok(event)
}

/// One limit as events tell it.
pub fn described(wanted: &Wanted) -> String {
    let warns = if wanted.action == super::model::Action::Warn { ", only warns" } else { "" };
    let tells = wanted.alert_at.map(|at| format!(", alert at {}", wanted.measure.words(at)));
    let from = wanted.anchor.map(|anchor| format!(", resets on {}", anchor.date_time()));
    format!("{wanted}{warns}{}{}", tells.unwrap_or_default(), from.unwrap_or_default())
}

/// Whether the change may touch limits on such a thing: as far as it may touch the thing itself.
///
/// # Errors
/// `permission_denied`, `password_needed`; `not_found` where there is no such thing.
pub async fn may_touch(change: &mut Change, on: On) -> Result<()> {
    let organisation = change.organisation();
    match on.scope {
        Scope::ApiKey => {
            change.access().check(Operation::ApiKeyUpdate, Target::In(organisation))?;
            api_keys::operations::touch(change, KeyId(on.id)).await
        }
        Scope::VirtualKey => change.access().check(Operation::VirtualKeyUpdate, Target::In(organisation)),
        Scope::Person => {
            let role = team::role_of(change.tx(), UserId(on.id)).await?;
            let rank = Target::Rank { organisation, now: role, next: role };
            change.access().check(Operation::TeamChangeRole, rank)?;
            change.proven_for(rank)
        }
        // It holds for everybody.
        Scope::Organisation => {
            change.access().check(Operation::ApiKeyDelete, Target::In(organisation))?;
            api_keys::operations::free_to_invite(change).await
        }
    }
}

/// Sets a higher amount for a while, or takes it back. Gives the event with what differs, and what is odd about the limit then.
pub async fn raise(
    change: &mut Change,
    limit: &Limit,
    raised: Option<Raised>,
    reason: Option<String>,
    event: Event,
) -> Result<(Event, Vec<Doubt>)> {
    free_to_act(change).await?;
    may_touch(change, limit.on).await?;
    let now = change.now();
    if let Some(Raised { to, until }) = raised {
        if to <= limit.is.amount {
            return Err(Error::field("raised_to", "A raise is higher than the limit itself."));
        }
        if until <= now {
            return Err(Error::field("raised_until", "Choose a moment that is still to come."));
        }
    }
    let by = change.access().actor_name().to_owned();
    store::raise(change.tx(), limit.id, raised, &by, now).await?;
    // To take back what does not hold changes nothing.
    if raised.is_some() || limit.raised.is_some_and(|raised| raised.until > now) {
        note_raise(change.tx(), limit, raised, limit.is.amount, reason.clone(), (&by, now)).await?;
    }
    let after = Limit { raised, ..limit.clone() };
    let doubts = if raised.is_some() { doubts(change.tx(), &[after], now).await? } else { vec![] };
    let words = |raised: Option<Raised>| {
        raised.map(|raised| format!("{} until {}", limit.is.measure.words(raised.to), raised.until.date_time()))
    };
    let event = event.change("raised", words(limit.raised), words(raised)).change("reason", Value::Null, reason);
    Ok((event, doubts))
}

/// Whether a span goes with a kind of limit.
pub const fn fits(kind: Kind, span: Span) -> bool {
    match kind {
        Kind::Rate => !matches!(span, Span::Month | Span::Days(_) | Span::Whole),
        Kind::Budget => !matches!(span, Span::Second | Span::Minute | Span::Hour),
    }
}

/// Whether a measure goes with a kind of limit.
pub const fn counts(kind: Kind, measure: Measure) -> bool {
    !matches!((kind, measure), (Kind::Rate, Measure::Cost))
}
