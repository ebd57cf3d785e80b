//! What Home gathers, in one transaction.

use super::model::{Budget, Ending, Example, Found, Happened, Home, Steps};
use crate::{
    features::{
        api_keys,
        audit::model::ERASED,
        configs, guardrails, limits,
        logs::{self, model::LoggedCall},
        prompts::{self, model::Kind},
        team, virtual_keys,
    },
    kernel::{Asked, Code, Result, Timestamp, Window},
    policy::{Operation, Target},
    server::{
        access::Access,
        audit::{
            self,
            event::{Outcome, Written, WrittenChange},
        },
    },
    site::routes,
};

/// Events that are looked through for a test of a connection. A new organisation has few.
const LOOKED_AT: i64 = 200;
/// Events and calls that are shown.
const SHOWN: usize = 6;
/// Budgets that are shown.
const BUDGETS: usize = 5;

/// Whether an event tells of a test of a connection that worked.
fn is_a_working_test(event: &Written) -> bool {
    let works = |change: &WrittenChange| {
        change.field == "result" && change.now.clear().is_some_and(|now| now.get() == r#""works""#)
    };
    event.action == Operation::VirtualKeyTest.spec().id
        && event.outcome == Outcome::Done
        && event.changes.iter().any(works)
}

/// Whether an event tells of no more than a wrong field in a form.
fn is_a_slip(event: &Written) -> bool {
    event.outcome == Outcome::Failed && event.reason.as_deref() == Some(Code::Invalid.as_str())
}

/// Everything that Home shows to this role.
pub async fn view(access: &Access) -> Result<Home> {
    let mut tx = access.read(Operation::Home).await?;
    let here = Target::In(tx.organisation());
    let may = |operation| access.check(operation, here).is_ok();
    let now = access.now();
    let virtual_key = virtual_keys::oldest(&mut tx).await?;
    let call = logs::succeeded(&mut tx).await?;
    let mut events = audit::latest(&mut tx, LOOKED_AT).await?;
    let is_tested = |event: &audit::Bare| Written::read(&event.body).is_some_and(|event| is_a_working_test(&event));
    let tested = call || events.iter().any(is_tested);
    let (key, ending, unused) = if may(Operation::ApiKeysList) {
        let ending = api_keys::expiring(&mut tx, now).await?;
        let ending =
            ending.into_iter().filter_map(|key| Some(Ending { id: key.id, name: key.name, at: key.expires_at? }));
        let unused = api_keys::with_unused(&mut tx, now).await?;
        (Some(api_keys::newest_name(&mut tx, now).await?), ending.take(SHOWN).collect(), unused)
    } else {
        (None, vec![], 0)
    };
    let budgets = match may(Operation::LimitsList) {
        true => limits::attention(&mut tx, access.app(), BUDGETS, now).await?.into_iter().map(budget).collect(),
        false => vec![],
    };
    let people = if may(Operation::TeamList) {
        Some(team::counts(&mut tx).await?.0 > 1 || team::invitations::count(&mut tx).await? > 0)
    } else {
        None
    };
    let own = logs::own_only(&mut tx, access.principal()).await?;
    let day = logs::day(&mut tx, now, own).await?;
    let calls = logs::latest(&mut tx, now, SHOWN, own).await?;
    // How a virtual key does is told by everybody's calls.
    let providers = if own.is_none() { logs::providers(&mut tx, now).await? } else { vec![] };
    let may_see_events = may(Operation::AuditList);
    let lately = match may_see_events {
        true => {
            events.retain(|event| !Written::read(&event.body).is_some_and(|event| is_a_slip(&event)));
            events.truncate(SHOWN);
            let events = audit::with_personal(&mut tx, events).await?;
            Some(events.iter().filter_map(audit::Stored::read).map(happened).collect())
        }
        false => None,
    };
    let steps = Steps { provider: virtual_key.is_some(), tested, key: key.as_ref().map(Option::is_some), call, people };
    let example = Example { public_url: access.app().public_url.clone(), virtual_key, key: key.flatten() };
    Ok(Home { steps, example, day, calls, providers, ending, unused, budgets, lately, now })
}

/// An event as Home tells it.
fn happened(event: Written) -> Happened {
    let (actor, subject) = (event.actor.name.or(ERASED), event.subject.name.or(ERASED));
    Happened {
        at: Timestamp::parse(&event.at).unwrap_or_default(),
        actor: if actor.is_empty() { "Somebody".into() } else { actor.to_owned() },
        subject: subject.to_owned(),
        trouble: (event.outcome != Outcome::Done).then(|| event.outcome.name().to_owned()),
        action: event.action,
    }
}

fn budget(named: limits::model::Named) -> Budget {
    let limits::model::Named { standing, name, .. } = named;
    let measure = standing.limit.is.measure;
    Budget {
        id: standing.limit.id,
        name,
        words: format!("{} of {} are used.", measure.words(standing.used), measure.words(standing.amount)),
        used_up: standing.is_used_up(),
        refuses: standing.is_exhausted(),
    }
}

/// The newest call.
pub async fn arrived(access: &Access) -> Result<Option<LoggedCall>> {
    let mut tx = access.read(Operation::Home).await?;
    let own = logs::own_only(&mut tx, access.principal()).await?;
    Ok(logs::latest(&mut tx, access.now(), 1, own).await?.pop())
}

/// The most of each kind that a search shows.
const OF_EACH: i64 = 5;

/// What has this in its name, as far as the caller may list it: API keys, virtual keys, configs, guardrails, prompts, people, in this
/// order.
pub async fn find(access: &Access, slug: &str, sought: &str) -> Result<Vec<Found>> {
    let here = Target::In(access.read(Operation::HomeFind).await?.organisation());
    let may = |operation| access.check(operation, here).is_ok();
    let asked = Asked::default().with("q", sought.trim());
    let window = || Window::page(1, OF_EACH);
    let mut found = vec![];
    if may(Operation::ApiKeysList) {
        let keys = api_keys::operations::list(access, &asked, window()).await?.keys;
        found.extend(keys.into_iter().map(|key| Found {
            what: "API key".into(),
            href: routes::api_key(slug, key.id).into(),
            name: key.name,
        }));
    }
    if may(Operation::VirtualKeysList) {
        let keys = virtual_keys::operations::list(access, &asked, window()).await?.keys;
        found.extend(keys.into_iter().map(|key| Found {
            what: format!("Virtual key @{}", key.slug),
            href: routes::virtual_key(slug, &key.slug).into(),
            name: key.name,
        }));
    }
    if may(Operation::ConfigsList) {
        let configs = configs::operations::list(access, &asked, window()).await?.configs;
        found.extend(configs.into_iter().map(|config| Found {
            what: format!("Config {}", config.slug),
            href: routes::config(slug, &config.slug).into(),
            name: config.name,
        }));
    }
    if may(Operation::GuardrailsList) {
        let guardrails = guardrails::operations::list(access, &asked, window()).await?.guardrails;
        found.extend(guardrails.into_iter().map(|guardrail| Found {
            what: format!("Guardrail {}", guardrail.slug),
            href: routes::guardrail(slug, &guardrail.slug).into(),
            name: guardrail.name,
        }));
    }
    if may(Operation::PromptsList) {
        let prompts = prompts::operations::list(access, Kind::Prompt, &asked, window()).await?.prompts;
        found.extend(prompts.into_iter().map(|prompt| Found {
            what: format!("Prompt {}", prompt.slug),
            href: routes::prompt(slug, &prompt.slug).into(),
            name: prompt.name,
        }));
    }
    if may(Operation::TeamList) {
        let people = team::operations::list(access, &asked, window()).await?.people;
        found.extend(people.into_iter().map(|person| Found {
            what: format!("{}, {}", person.role.label(), person.email),
            href: routes::team(slug).with("q", &person.email).into(),
            name: person.name,
        }));
    }
    Ok(found)
}
