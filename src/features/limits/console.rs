//! What the console and programs do with limits by themselves, beside the keys and virtual keys that they are on.

use super::{
    model::{
        Action, Changing, DAYS_RANGE, Draft, Hook, Kind, Limit, Measure, Named, On, Page, RATES, Raised, Scope, Span, Standing,
        Subject, Wanted, stands,
    },
    operations::{self, counts, doubts, fits, free_to_act, may_touch},
    store,
};
use crate::{
    features::{api_keys, team, virtual_keys},
    kernel::{self, Error, Fields, LimitId, Result, Timestamp},
    policy::{Operation, Target},
    server::{
        access::{Access, App, Change},
        audit::event::{self, Event},
        database::OrgTx,
    },
};
use std::collections::HashMap;
use uuid::Uuid;

/// The most limits on one thing.
const MOST_ON_ONE: usize = 20;

/// All limits of the organisation, of more than 1,000 the first.
pub async fn list(access: &Access) -> Result<Vec<Named>> {
    let mut tx = access.read(Operation::LimitsList).await?;
    let subjects = subjects(&mut tx).await?;
    named(&mut tx, access, store::all, &subjects).await
}

/// All that the page shows.
pub async fn page(access: &Access, asked: &kernel::Asked) -> Result<Page> {
    let mut tx = access.read(Operation::LimitsList).await?;
    let now = access.now();
    let subjects = subjects(&mut tx).await?;
    let all = named(&mut tx, access, store::all, &subjects).await?;
    let changing = match asked.get("id").parse::<LimitId>().ok() {
        None => None,
        Some(id) => {
            let limit = all.iter().find(|one| one.standing.limit.id == id).cloned().ok_or_else(Error::not_found)?;
            let past = store::past(&mut tx, id, limit.standing.period.start).await?;
            Some(Changing { limit, past })
        }
    };
    let on = match &changing {
        Some(changing) => Some(changing.limit.standing.limit.on),
        None => On::parse(asked.get("on")),
    };
    let of = match on {
        None => None,
        Some(on) => Some(subjects.iter().find(|subject| subject.on == on).cloned().ok_or_else(Error::not_found)?),
    };
    let organisation = tx.organisation();
    let is_above = |limit: &&Limit| limit.on.scope == Scope::Organisation && limit.on.id == organisation.0;
    let above: Vec<Limit> = all.iter().map(|one| &one.standing.limit).filter(is_above).cloned().collect();
    let below: Vec<Limit> = all.iter().map(|one| &one.standing.limit).filter(|limit| !is_above(limit)).cloned().collect();
    let doubts = doubts(&below, &above, now);
    let draft = match (&changing, on) {
        (Some(changing), _) => Draft::of(&changing.limit.standing.limit),
        (None, on) => Draft { on: on.map(On::text).unwrap_or_default(), ..Draft::default() },
    };
    let limits = all.into_iter().filter(|one| on.is_none_or(|on| one.standing.limit.on == on)).collect();
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

async fn named(
    tx: &mut OrgTx,
    access: &Access,
    read: impl AsyncFnOnce(&mut OrgTx) -> Result<Vec<Limit>>,
    subjects: &[Subject],
) -> Result<Vec<Named>> {
    let limits = read(tx).await?;
    let standing = operations::standing(tx, access.app(), limits, access.now()).await?;
    Ok(with_names(standing, subjects))
}

fn with_names(standing: Vec<Standing>, subjects: &[Subject]) -> Vec<Named> {
    let by: HashMap<Uuid, &Subject> = subjects.iter().map(|subject| (subject.on.id, subject)).collect();
    // What is gone has no limits any more that matter.
    let named = standing.into_iter().filter_map(|standing| {
        let Subject { name, slug, .. } = (*by.get(&standing.limit.on.id)?).clone();
        Some(Named { standing, name, slug })
    });
    named.collect()
}

/// The budgets of which all is used, or so much that people are told, at most so many: the worst first.
pub async fn attention(tx: &mut OrgTx, app: &App, most: usize, now: Timestamp) -> Result<Vec<Named>> {
    let limits = store::budgets(tx).await?;
    let mut standing = operations::standing(tx, app, limits, now).await?;
    standing.retain(|one| one.is_used_up() || one.limit.is.alert_at.is_some_and(|at| one.used >= at));
    if standing.is_empty() {
        return Ok(vec![]);
    }
    let mut named = with_names(standing, &subjects(tx).await?);
    named.sort_by_key(|one| (!one.standing.is_exhausted(), !one.standing.is_used_up(), one.standing.limit.id));
    named.truncate(most);
    Ok(named)
}

/// What limits can be on.
async fn subjects(tx: &mut OrgTx) -> Result<Vec<Subject>> {
    let organisation = tx.organisation();
    let of = |scope, id, name, slug| Subject { on: On { scope, id }, name, slug };
    let mut subjects = vec![of(Scope::Organisation, organisation.0, "The organisation".to_owned(), None)];
    for (id, slug, name) in virtual_keys::choices(tx).await? {
        subjects.push(of(Scope::VirtualKey, id.0, name, Some(slug)));
    }
    for (id, name, _) in team::active_people(tx).await? {
        subjects.push(of(Scope::Person, id.0, name, None));
    }
    for (id, name) in api_keys::live_names(tx).await? {
        subjects.push(of(Scope::ApiKey, id.0, name, None));
    }
    Ok(subjects)
}

/// Sets a limit: a new one, or another amount, span or answer of one that there is.
pub async fn set(access: &Access, draft: &Draft) -> Result<LimitId> {
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
/// Gives its id.
pub async fn set_as<'a>(
    access: &Access,
    id: &str,
    ask: impl FnOnce(Option<&Limit>) -> Result<Asked<'a>>,
) -> Result<LimitId> {
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
            let clashes = |other: &&Limit| Some(other.id) != was.as_ref().map(|limit| limit.id) && other.is.same_as(&wanted);
            if let Some(other) = others.iter().find(clashes) {
                let message = format!("There is one already for {} in {}: {}.", other.is.measure.name(), other.is.span.words(), other.is);
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
            let event = Event::of(event::Subject::new("limit", id, format!("limit on {}", subject.name)))
                .change("on", was.as_ref().map(|limit| limit.on.text()), on.text())
                .change("limit", before, operations::described(&wanted));
            change.commit(event, id).await
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
    let found = subjects(change.tx()).await?.into_iter().find(|subject| subject.on == on);
    found.ok_or_else(|| Error::field("on", "Choose what the limit is on from the list."))
}

/// What was typed, fit to be stored.
fn read(draft: &Draft) -> Result<Wanted> {
    let mut fields = Fields::default();
    let kind = fields.take("kind", Kind::parse(&draft.kind).ok_or_else(|| "Choose one of the two.".to_owned()));
    let measure = fields.take("measure", Measure::parse(&draft.measure).ok_or_else(|| "Choose what is counted.".to_owned()));
    let days = || draft.days.trim().parse().ok().filter(|days| DAYS_RANGE.contains(days)).map(Span::Days);
    let span = match draft.span.as_str() {
        "days" => fields.take("days", days().ok_or_else(|| format!("Write a number of days from 1 to {}.", DAYS_RANGE.end()))),
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
    let amount = fields.take("amount", amount.ok_or_else(|| sentence(if least == 0 { "0 or more" } else { "at least 1" })));
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
            let subject = there(&mut change, limit.on).await?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let app = change.access().app().clone();
            let used = operations::standing(change.tx(), &app, vec![limit.clone()], now).await?.remove(0).used;
            store::reset(change.tx(), limit.id, &by, now).await?;
            let event = Event::of(event_subject(&limit, &subject))
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

/// Lets more be used until a moment, or takes that back (an empty amount).
pub async fn raise(access: &Access, id: &str, to: &str, until: &str, reason: &str) -> Result<()> {
    access
        .act(Operation::LimitRaise, event::Subject::unnamed("limit", id), |mut change| async move {
            let limit = known(&mut change, id).await?;
            let subject = there(&mut change, limit.on).await?;
            let mut fields = Fields::default();
            let until = match until.trim() {
                "" => None,
                typed => {
                    let read = Timestamp::parse(typed).ok_or_else(|| "Choose the last day, such as 2027-02-21.".to_owned());
                    fields.take("raised_until", read)
                }
            };
            let to = match to.trim() {
                "" => None,
                typed => {
                    let read = limit.is.measure.read(typed);
                    let to = fields.take("raised_to", read.ok_or_else(|| "Write the higher amount as a number.".to_owned()));
                    if until.is_none() {
                        fields.refuse("raised_until", "Choose the last day, such as 2027-02-21.");
                    }
                    to
                }
            };
            fields.finish()?;
            let raised = to.zip(until).map(|(to, until)| Raised { to, until });
            let reason = reason_of(reason)?;
            let event = Event::of(event_subject(&limit, &subject)).change("reason", serde_json::Value::Null, reason);
            let event = operations::raise(&mut change, &limit, raised, event).await?;
            change.commit(event, ()).await
        })
        .await
}

/// Takes a limit away.
pub async fn delete(access: &Access, id: &str) -> Result<()> {
    access
        .act(Operation::LimitDelete, event::Subject::unnamed("limit", id), |mut change| async move {
            free_to_act(&mut change).await?;
            let limit = known(&mut change, id).await?;
            may_touch(&mut change, limit.on).await?;
            let subject = there(&mut change, limit.on).await?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            store::delete(change.tx(), limit.id, &by, now).await?;
            let event = Event::of(event_subject(&limit, &subject)).change(
                "limit",
                operations::described(&limit.is),
                serde_json::Value::Null,
            );
            change.commit(event, ()).await
        })
        .await
}

fn event_subject(limit: &Limit, subject: &Subject) -> event::Subject {
    event::Subject::new("limit", limit.id, format!("limit on {}", subject.name))
}
