//! What the console and programs do with limits by themselves, beside the keys and virtual keys that they are on.

use super::{
    doubts::doubts,
    model::{
        Action, Changing, Correction, DAYS_RANGE, Doubt, Draft, Hook, Kind, Limit, Measure, Named, On, Page, RATES,
        Raised, Scope, Span, Standing, Subject, Wanted, stands,
    },
    operations::{self, counts, fits, free_to_act, may_touch},
    store,
};
use crate::{
    features::{api_keys, team, virtual_keys},
    kernel::{self, Error, Fields, LimitId, Result, Timestamp, UserId},
    policy::{Operation, Target},
    server::{
        access::{Access, App, Change},
        audit::event::{self, Event},
        database::OrgTx,
    },
};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// The most limits on one thing.
const MOST_ON_ONE: usize = 20;

/// What a thing is called that is no more.
const GONE: &str = "Deleted";

/// All limits of the organisation, of more than 1,000 the first.
pub async fn list(access: &Access) -> Result<Vec<Named>> {
    let mut tx = access.read(Operation::LimitsList).await?;
    let subjects = subjects(&mut tx).await?;
    let all = store::all(&mut tx).await?;
    named(&mut tx, access, all, &subjects).await
}

/// All that the page shows.
pub async fn page(access: &Access, asked: &kernel::Asked) -> Result<Page> {
    let mut tx = access.read(Operation::LimitsList).await?;
    let now = access.now();
    let mut subjects = subjects(&mut tx).await?;
    let all = store::all(&mut tx).await?;
    let all = named(&mut tx, access, all, &subjects).await?;
    let changing = match asked.get("id").parse::<LimitId>().ok() {
        None => None,
        Some(id) => {
            let limit = store::by_id(&mut tx, id).await?.ok_or_else(Error::not_found)?;
            let Subject { name, slug, .. } = one(&mut tx, limit.on).await?.unwrap_or_else(|| gone(limit.on));
            let standing = operations::standing(&mut tx, access.app(), vec![limit], now).await?.remove(0);
            let past = store::past(&mut tx, id, standing.period.start).await?;
            let corrections = store::history::of(&mut tx, id).await?;
            Some(Changing { limit: Named { standing, name, slug }, past, corrections })
        }
    };
    let on = match &changing {
        Some(changing) => Some(changing.limit.standing.limit.on),
        None => On::parse(asked.get("on")),
    };
    let of = match on {
        None => None,
        Some(on) => match (one(&mut tx, on).await?, &changing) {
            (Some(subject), _) => Some(subject),
            (None, Some(_)) => Some(gone(on)),
            (None, None) => return Err(Error::not_found()),
        },
    };
    // One beyond those that are listed is listed all the same.
    subjects.extend(of.iter().filter(|of| subjects.iter().all(|other| other.on != of.on)).cloned().collect::<Vec<_>>());
    let organisation = tx.organisation();
    let there: Vec<Limit> = all.iter().map(|one| one.standing.limit.clone()).collect();
    let doubts = doubts(&mut tx, &there, now).await?;
    let name = |doubt: &Doubt| all.iter().find(|one| one.standing.limit.id == doubt.limit).map(|one| one.name.as_str());
    let doubts = doubts.iter().map(|doubt| format!("{}: {}", name(doubt).unwrap_or(GONE), doubt.message)).collect();
    let draft = match (&changing, on) {
        (Some(changing), _) => Draft::of(&changing.limit.standing.limit),
        (None, on) => Draft { on: on.map(On::text).unwrap_or_default(), ..Draft::default() },
    };
    let limits = match on {
        None => all,
        Some(on) => {
            let own = store::on(&mut tx, on).await?;
            named(&mut tx, access, own, &subjects).await?
        }
    };
    let blocked = api_keys::without_budget(&mut tx, now).await?;
    let may_hook = access.check(Operation::LimitWebhookSet, Target::In(organisation)).is_ok();
    let hook = if may_hook { store::hook::webhook(&mut tx).await? } else { None };
    let hook = hook.map(|stored| Hook {
        id: stored.id,
        url: stored.url,
        error: stored.error,
        changed_by: stored.changed_by,
        changed_at: Timestamp(stored.changed_at),
    });
    Ok(Page { limits, of, subjects, changing, draft, doubts, blocked, hook, may_hook, now })
}

/// Limits with what was used of them, and the names of what they are on.
async fn named(tx: &mut OrgTx, access: &Access, limits: Vec<Limit>, subjects: &[Subject]) -> Result<Vec<Named>> {
    let standing = operations::standing(tx, access.app(), limits, access.now()).await?;
    with_names(tx, standing, subjects).await
}

/// Limits with the names of what they are on, which may be none of these. Those on keys that are deleted are left out: no call
/// is made by them any more. A person who was removed can come back.
async fn with_names(tx: &mut OrgTx, standing: Vec<Standing>, subjects: &[Subject]) -> Result<Vec<Named>> {
    let mut by: HashMap<On, Subject> = subjects.iter().map(|subject| (subject.on, subject.clone())).collect();
    let others: Vec<On> = standing.iter().map(|one| one.limit.on).filter(|on| !by.contains_key(on)).collect();
    by.extend(found(tx, &others).await?.into_iter().map(|subject| (subject.on, subject)));
    let named = standing.into_iter().filter_map(|standing| {
        let on = standing.limit.on;
        let Subject { name, slug, .. } = match (by.get(&on), on.scope) {
            (Some(subject), _) => subject.clone(),
            (None, Scope::ApiKey | Scope::VirtualKey) => return None,
            (None, Scope::Organisation | Scope::Person) => gone(on),
        };
        Some(Named { standing, name, slug })
    });
    Ok(named.collect())
}

fn gone(on: On) -> Subject {
    Subject { on, name: GONE.to_owned(), slug: None }
}

/// Those of some things that are there, whatever their number.
async fn found(tx: &mut OrgTx, things: &[On]) -> Result<Vec<Subject>> {
    let of = |scope| {
        let ids: BTreeSet<Uuid> = things.iter().filter(|on| on.scope == scope).map(|on| on.id).collect();
        ids.into_iter().collect::<Vec<Uuid>>()
    };
    let mut found = vec![];
    if of(Scope::Organisation).contains(&tx.organisation().0) {
        found.push(whole(tx));
    }
    for (id, slug, name) in virtual_keys::choices_of(tx, &of(Scope::VirtualKey)).await? {
        found.push(subject(Scope::VirtualKey, id.0, name, Some(slug)));
    }
    for (id, name) in api_keys::live_names_of(tx, &of(Scope::ApiKey)).await? {
        found.push(subject(Scope::ApiKey, id.0, name, None));
    }
    for id in of(Scope::Person) {
        if let Some(person) = team::person(tx, UserId(id)).await? {
            found.push(subject(Scope::Person, id, person.name, None));
        }
    }
    Ok(found)
}

/// One thing, if it is there.
async fn one(tx: &mut OrgTx, on: On) -> Result<Option<Subject>> {
    Ok(found(tx, &[on]).await?.pop())
}

fn subject(scope: Scope, id: Uuid, name: String, slug: Option<String>) -> Subject {
    Subject { on: On { scope, id }, name, slug }
}

fn whole(tx: &OrgTx) -> Subject {
    subject(Scope::Organisation, tx.organisation().0, "The organisation".to_owned(), None)
}

/// The budgets of which all is used, or so much that people are told, at most so many: the worst first.
pub async fn attention(tx: &mut OrgTx, app: &App, most: usize, now: Timestamp) -> Result<Vec<Named>> {
    let limits = store::budgets(tx).await?;
    let mut standing = operations::standing(tx, app, limits, now).await?;
    standing.retain(|one| one.is_used_up() || one.limit.is.alert_at.is_some_and(|at| one.used >= at));
    if standing.is_empty() {
        return Ok(vec![]);
    }
    let things: Vec<On> = standing.iter().map(|one| one.limit.on).collect();
    let there = found(tx, &things).await?;
    // Nobody needs to look after what is gone.
    standing.retain(|one| there.iter().any(|subject| subject.on == one.limit.on));
    let mut named = with_names(tx, standing, &there).await?;
    named.sort_by_key(|one| (!one.standing.is_exhausted(), !one.standing.is_used_up(), one.standing.limit.id));
    named.truncate(most);
    Ok(named)
}

/// What limits can be on; of many the first.
async fn subjects(tx: &mut OrgTx) -> Result<Vec<Subject>> {
    let mut subjects = vec![whole(tx)];
    for (id, slug, name) in virtual_keys::choices(tx).await? {
        subjects.push(subject(Scope::VirtualKey, id.0, name, Some(slug)));
    }
    for (id, name, _) in team::active_people(tx).await? {
        subjects.push(subject(Scope::Person, id.0, name, None));
    }
    for (id, name) in api_keys::live_names(tx).await? {
        subjects.push(subject(Scope::ApiKey, id.0, name, None));
    }
    Ok(subjects)
}

/// Sets a limit: a new one, or another amount, span or answer of one that there is. Gives its id, and what is odd about it.
pub async fn set(access: &Access, draft: &Draft) -> Result<(LimitId, Vec<Doubt>)> {
    set_as(access, &draft.id, |_| {
        let on = On::parse(&draft.on);
        Ok(Asked { on, wanted: read(draft)?, was: Some(draft.was.as_str()).filter(|was| !was.is_empty()) })
    })
    .await
}

/// What is asked of a limit.
pub struct Asked<'a> {
    /// What a new one is on.
    pub on: Option<On>,
    pub wanted: Wanted,
    /// How it stood when somebody began to change it.
    pub was: Option<&'a str>,
}

/// Sets the limit of this id, or a new one where there is none. What is asked is read once it is known that the caller may.
/// Gives its id, and what is odd about it.
pub async fn set_as<'a>(
    access: &Access,
    id: &str,
    ask: impl FnOnce(Option<&Limit>) -> Result<Asked<'a>>,
) -> Result<(LimitId, Vec<Doubt>)> {
    let subject = event::Subject::unnamed("limit", id);
    access
        .act(Operation::LimitSet, subject, |mut change| async move {
            free_to_act(&mut change).await?;
            let was = match id {
                "" => None,
                id => Some(known(&mut change, id).await?),
            };
            let Asked { on, wanted, was: read } = ask(was.as_ref())?;
            let on = match &was {
                Some(limit) => limit.on,
                None => on.ok_or_else(|| Error::field("on", "Choose what the limit is on."))?,
            };
            let subject = there(&mut change, on).await?;
            may_touch(&mut change, on).await?;
            if was.as_ref().zip(read).is_some_and(|(limit, read)| read != stands(limit)) {
                return Err(Error::stale());
            }
            let others = store::on(change.tx(), on).await?;
            let clashes =
                |other: &&Limit| Some(other.id) != was.as_ref().map(|limit| limit.id) && other.is.same_as(&wanted);
            if let Some(other) = others.iter().find(clashes) {
                let message = format!(
                    "There is one already for {} in {}: {}.",
                    other.is.measure.name(),
                    other.is.span.words(),
                    other.is
                );
                return Err(Error::field("span", message));
            }
            if was.is_none() && others.len() >= MOST_ON_ONE {
                return Err(Error::conflict(format!("One thing has at most {MOST_ON_ONE} limits.")));
            }
            let (id, before) = match &was {
                Some(limit) => {
                    operations::change(&mut change, limit, &wanted).await?;
                    (limit.id, Some(operations::described(&limit.is)))
                }
                None => (operations::add(&mut change, on, &wanted).await?, None),
            };
            let event = event_of(on, id, &subject.name)
                .change("on", was.as_ref().map(|limit| limit.on.text()), on.text())
                .change("limit", before, operations::described(&wanted));
            let (now, tx) = (change.now(), change.tx());
            let set = store::by_id(tx, id).await?;
            let doubts = doubts(tx, set.as_slice(), now).await?;
            change.commit(event, (id, doubts)).await
        })
        .await
}

/// The limit of this id.
async fn known(change: &mut Change, id: &str) -> Result<Limit> {
    let id = id.parse().map_err(|_| Error::not_found())?;
    store::by_id(change.tx(), id).await?.ok_or_else(Error::not_found)
}

/// What a limit is on, if it is there.
async fn there(change: &mut Change, on: On) -> Result<Subject> {
    let found = one(change.tx(), on).await?;
    found.ok_or_else(|| Error::field("on", "Choose what the limit is on from the list."))
}

/// What a limit that there is is on, or was.
async fn name_of(change: &mut Change, limit: &Limit) -> Result<String> {
    Ok(one(change.tx(), limit.on).await?.map(|subject| subject.name).unwrap_or_default())
}

/// What was typed, fit to be stored.
fn read(draft: &Draft) -> Result<Wanted> {
    let mut fields = Fields::default();
    let kind = fields.take("kind", Kind::parse(&draft.kind).ok_or_else(|| "Choose one of the two.".to_owned()));
    let measure =
        fields.take("measure", Measure::parse(&draft.measure).ok_or_else(|| "Choose what is counted.".to_owned()));
    let days = || draft.days.trim().parse().ok().filter(|days| DAYS_RANGE.contains(days)).map(Span::Days);
    let span = match draft.span.as_str() {
        "days" => {
            fields.take("days", days().ok_or_else(|| format!("Write a number of days from 1 to {}.", DAYS_RANGE.end())))
        }
        name => fields.take("span", Span::parse(name).ok_or_else(|| "Choose a span of time.".to_owned())),
    };
    let action = fields.take("action", Action::parse(&draft.action).ok_or_else(|| "Choose one of the two.".to_owned()));
    if let (Some(kind), Some(measure)) = (kind, measure)
        && !counts(kind, measure)
    {
        fields.refuse("measure", "A rate counts requests or tokens; money is a matter of budgets.");
    }
    if let (Some(kind), Some(span)) = (kind, span)
        && !fits(kind, span)
    {
        let spans: Vec<String> = RATES.iter().map(|span| span.words()).collect();
        let message = match kind {
            Kind::Rate => format!("A rate is of one of these: {}.", spans.join(", ")),
            Kind::Budget => "A budget is of a day or longer. Choose a rate for less.".to_owned(),
        };
        fields.refuse(if matches!(span, Span::Days(_)) { "days" } else { "span" }, message);
    }
    let counted = measure.unwrap_or(Measure::Requests);
    let sentence = |least: &str| match counted {
        Measure::Cost => format!("Write dollars, such as 250 or 12.50, {least}."),
        Measure::Requests | Measure::Tokens => format!("Write a whole number, {least}."),
    };
    let least = if kind == Some(Kind::Rate) { 0 } else { counted.least_budget() };
    let amount = counted.read(&draft.amount).filter(|amount| *amount >= least);
    let amount =
        fields.take("amount", amount.ok_or_else(|| sentence(if least == 0 { "0 or more" } else { "at least 1" })));
    let alert_at = match draft.alert_at.trim() {
        "" => Some(None),
        typed => {
            let at = counted.read(typed).filter(|at| *at > 0 && amount.is_none_or(|amount| *at <= amount));
            let at = at.ok_or_else(|| sentence("more than 0 and no more than the limit"));
            fields.take("alert_at", at).map(Some)
        }
    };
    if kind == Some(Kind::Rate) && matches!(alert_at, Some(Some(_))) {
        fields.refuse("alert_at", "People are told of budgets. Leave it empty for a rate.");
    }
    fields.build(|| {
        Some(Wanted {
            kind: kind?,
            measure: measure?,
            span: span?,
            amount: amount?,
            action: action?,
            alert_at: alert_at?,
            anchor: None,
        })
    })
}

/// Sets what was used of a limit to nothing, from now on. What was used before stays where it is written.
pub async fn reset(access: &Access, id: &str, reason: &str) -> Result<()> {
    access
        .act(Operation::LimitReset, event::Subject::unnamed("limit", id), |mut change| async move {
            free_to_act(&mut change).await?;
            let limit = known(&mut change, id).await?;
            may_touch(&mut change, limit.on).await?;
            let reason = reason_of(reason)?;
            let name = name_of(&mut change, &limit).await?;
            let used = operations::reset(&mut change, &limit, reason.clone()).await?;
            let event = event_of(limit.on, limit.id, &name)
                .change("used", limit.is.measure.words(used), "nothing")
                .change("reason", serde_json::Value::Null, reason);
            change.commit(event, ()).await
        })
        .await
}

/// What a correction is for, if anybody says.
fn reason_of(text: &str) -> Result<Option<String>> {
    match text.trim() {
        "" => Ok(None),
        text => crate::kernel::text::line("The reason", text, 200)
            .map(Some)
            .map_err(|sentence| Error::field("reason", sentence)),
    }
}

/// Lets more be used until a moment, or takes that back (an empty amount). Gives what is odd about the limit then.
pub async fn raise(access: &Access, id: &str, to: &str, until: &str, reason: &str) -> Result<Vec<Doubt>> {
    access
        .act(Operation::LimitRaise, event::Subject::unnamed("limit", id), |mut change| async move {
            let limit = known(&mut change, id).await?;
            let name = name_of(&mut change, &limit).await?;
            let mut fields = Fields::default();
            let until = match until.trim() {
                "" => None,
                typed => {
                    let read =
                        Timestamp::parse(typed).ok_or_else(|| "Choose the last day, such as 2027-02-21.".to_owned());
                    fields.take("raised_until", read)
                }
            };
            let to = match to.trim() {
                "" => None,
                typed => {
                    let read = limit.is.measure.read(typed);
                    let to =
                        fields.take("raised_to", read.ok_or_else(|| "Write the higher amount as a number.".to_owned()));
                    if until.is_none() {
                        fields.refuse("raised_until", "Choose the last day, such as 2027-02-21.");
                    }
                    to
                }
            };
            fields.finish()?;
            let raised = to.zip(until).map(|(to, until)| Raised { to, until });
            let reason = reason_of(reason)?;
            let event = event_of(limit.on, limit.id, &name);
            let (event, doubts) = operations::raise(&mut change, &limit, raised, reason, event).await?;
            change.commit(event, doubts).await
        })
        .await
}

/// What a limit counts, and how it was corrected, the newest first: of one that is deleted as well.
pub async fn history(access: &Access, id: &str) -> Result<(Measure, Vec<Correction>)> {
    let mut tx = access.read(Operation::LimitHistory).await?;
    let id = id.parse().map_err(|_| Error::not_found())?;
    let measure = store::history::measure(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let corrections = store::history::of(&mut tx, id).await?;
    Ok((measure, corrections))
}

/// Takes a limit away.
pub async fn delete(access: &Access, id: &str) -> Result<()> {
    access
        .act(Operation::LimitDelete, event::Subject::unnamed("limit", id), |mut change| async move {
            free_to_act(&mut change).await?;
            let limit = known(&mut change, id).await?;
            may_touch(&mut change, limit.on).await?;
            let name = name_of(&mut change, &limit).await?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            store::delete(change.tx(), limit.id, &by, now).await?;
            let event = event_of(limit.on, limit.id, &name).change(
                "limit",
                operations::described(&limit.is),
                serde_json::Value::Null,
            );
            change.commit(event, ()).await
        })
        .await
}

/// The event of what is done to a limit, by the name of what it is on.
fn event_of(on: On, id: LimitId, name: &str) -> Event {
    let name = if name.is_empty() { "limit".to_owned() } else { format!("limit on {name}") };
    let event = Event::of(event::Subject::new("limit", id, name));
    match on.scope {
        Scope::Person => event.named_after(UserId(on.id)),
        Scope::Organisation | Scope::ApiKey | Scope::VirtualKey => event,
    }
}
