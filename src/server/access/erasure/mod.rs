//! Erasing what is personal of somebody from the audit log: the values beside its events, and nothing of what is hashed.

mod store;

pub use store::STATEMENTS;

use super::{App, unknown};
use crate::{
    kernel::{OrganisationId, Result, UserId},
    server::{
        audit::{
            self, Circumstances,
            event::{Actor, Event, Outcome, Subject},
            personal::Place,
        },
        database::OrgTx,
    },
};
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The action of the events that tell of it.
const ACTION: &str = "audit.erase";

/// What is known of a person whose values are to be erased.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// There is an account with this id.
    pub has_account: bool,
    /// It can be signed in to.
    pub is_active: bool,
    /// In how many organisations they are a member.
    pub memberships: i64,
    /// Their addresses, in small letters.
    emails: BTreeSet<String>,
}

/// What was erased from one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    pub organisation: OrganisationId,
    /// Personal values that are not there any more.
    pub values: u64,
    /// Events by or about the person whose bodies hold such values, and keep them.
    pub in_clear: i64,
}

/// Looks a person up.
///
/// # Errors
/// When the database cannot be read.
pub async fn standing(app: &App, person: UserId) -> Result<Standing> {
    let (account, memberships) = store::account(&mut app.db.read_as(person).await?, person).await?;
    let Some(store::Account { email, email_canonical, disabled_at }) = account else {
        return Ok(Standing { memberships, ..Standing::default() });
    };
    let emails = [email, email_canonical].map(|email| email.to_lowercase()).into();
    Ok(Standing { has_account: true, is_active: disabled_at.is_none(), memberships, emails })
}

/// Erases what is personal of a person from every chain: the values that are theirs, and those of nobody who is known by an id
/// that name one of their addresses. Each chain of which something was erased tells of it. Gives the chains in which there was
/// anything of the person. What stops in between is done by doing it again.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn erase(app: &App, person: UserId, standing: &Standing) -> Result<Vec<Erased>> {
    let chains = audit::chains(&mut app.read_every_chain().await?).await?;
    let mut all: BTreeSet<OrganisationId> = chains.organisations.union(&chains.logged).copied().collect();
    all.insert(OrganisationId::INSTALLATION);
    // What was cut off is told first: its note names them too.
    unknown::tell_of(app, person).await?;
    let mut erased = vec![];
    for organisation in all {
        let one = erase_in(app, organisation, person, &standing.emails).await?;
        if (one.values, one.in_clear) != (0, 0) {
            erased.push(one);
        }
    }
    Ok(erased)
}

async fn erase_in(
    app: &App,
    organisation: OrganisationId,
    person: UserId,
    emails: &BTreeSet<String>,
) -> Result<Erased> {
    let mut tx = app.db.write_in(organisation).await?;
    let in_clear = store::in_clear(&mut tx, person).await?;
    let named = naming(&mut tx, person, emails).await?;
    // Before the first row goes: whoever removes old events has the chain's end first, and the values beside them then.
    audit::lock(&mut tx).await?;
    tx.system().erase_as_owner().await?;
    let mut values = store::erase_own(&mut tx, person).await?;
    for place in named {
        values += store::erase_one(&mut tx, place).await?;
    }
    if values > 0 {
        tell(app, &mut tx, person, values, in_clear).await?;
        tx.commit().await?;
    }
    Ok(Erased { organisation, values, in_clear })
}

/// Leaves the event that tells of it, without a name.
async fn tell(app: &App, tx: &mut OrgTx, person: UserId, values: u64, in_clear: i64) -> Result<()> {
    let event = Event::of(Subject::unnamed("account", person)).with("values", values);
    let event = if in_clear > 0 { event.with("events_in_clear", in_clear) } else { event };
    let circumstances = Circumstances {
        action: ACTION,
        outcome: Outcome::Done,
        reason: None,
        count: 1,
        actor: &Actor { kind: "system", id: String::new(), name: "latchkey".into() },
        credential: &super::by_command(),
        request_id: &Uuid::now_v7().to_string(),
        address: "",
        user_agent: "",
        now: app.clock.now(),
    };
    audit::append(tx, &event, &circumstances).await
}

/// Where values of nobody in particular name this person. What nobody who was known has tried with their address came from an
/// address and a program that may be theirs: these go with it.
async fn naming(tx: &mut OrgTx, person: UserId, emails: &BTreeSet<String>) -> Result<Vec<(i64, i64)>> {
    let (mut found, mut last, mut tried) = (vec![], (0, -1), 0);
    loop {
        let page = store::of_nobody(tx, last).await?;
        let Some(end) = page.last() else { return Ok(found) };
        last = (end.seq, end.place);
        for row in &page {
            let place = Place::numbered(row.place);
            let is_named = names(&row.value, person, emails);
            if is_named && place == Place::SUBJECT && row.actor_kind == "nobody" {
                tried = row.seq;
            }
            let is_from = row.seq == tried && [Place::ADDRESS, Place::USER_AGENT].contains(&place);
            if is_named || is_from {
                found.push((row.seq, row.place));
            }
        }
    }
}

/// Whether one of the texts in a value, given as JSON, is an address of the person, or names them with it or with their id.
fn names(value: &str, person: UserId, emails: &BTreeSet<String>) -> bool {
    fn any(value: &Value, is: &dyn Fn(&str) -> bool) -> bool {
        match value {
            Value::String(text) => is(text),
            Value::Array(all) => all.iter().any(|one| any(one, is)),
            Value::Object(all) => all.values().any(|one| any(one, is)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
    let id = format!("({person})");
    let is_theirs = |text: &str| {
        text.ends_with(&id) || emails.contains(&within(text).to_lowercase()) || emails.contains(&text.to_lowercase())
    };
    serde_json::from_str(value).is_ok_and(|value| any(&value, &is_theirs))
}

/// The address in a text such as `Ada <ada@north.test>`, or the text itself.
fn within(text: &str) -> &str {
    let between = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')).map(|(_, address)| address);
    between.unwrap_or(text).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_name_somebody_are_found() {
        let person = UserId(Uuid::from_u128(7));
        let emails = BTreeSet::from(["ada@north.test".to_owned()]);
        for theirs in [
            r#""Ada@North.test""#,
            r#""Ada Lind <ada@north.test>""#,
            r#"["bo@north.test","ada@north.test"]"#,
            r#"{"metadata":{"_user":"ada@north.test"}}"#,
            r#""Ada Lind (00000000-0000-0000-0000-000000000007)""#,
        ] {
            assert!(names(theirs, person, &emails), "{theirs}");
        }
        for others in [
            r#""Ada Lind""#,
            r#""ada@north.test.example""#,
            r#""Bo <bo@north.test>""#,
            r#""Bo (00000000-0000-0000-0000-000000000008)""#,
            r#""192.0.2.7""#,
            "[]",
            "17",
            "{",
        ] {
            assert!(!names(others, person, &emails), "{others}");
        }
    }
}
