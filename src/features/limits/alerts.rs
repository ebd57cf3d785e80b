//! Who is told that a budget is nearly, or wholly, used: once in each period, by mail.

use super::{
    model::{Limit, Measure},
    store,
};
use crate::{
    features::{accounts::email::Email, organisations, team},
    kernel::{
        LimitId, OrganisationId, Result, Timestamp,
        time::{DAY, MINUTE, SECOND},
    },
    server::{access::App, limits::MailKind, mail::plain},
};
use uuid::Uuid;

/// Alerts that one round of an organisation sends.
const BATCH: i64 = 20;
/// The most people who are told of one alert.
const MOST: usize = 50;
/// How long a replica that is about to send one keeps others from it, in milliseconds, and how much longer for each mail: as
/// long as the server has for it.
const HOLD: i64 = 2 * MINUTE;
const HOLD_OF_EACH: i64 = 10 * SECOND;
/// How long it is tried, in milliseconds.
const TRIED_FOR: i64 = DAY;

/// Something that people are to be told.
#[derive(Clone, Debug)]
pub struct Alert {
    pub id: Uuid,
    pub limit: LimitId,
    /// `threshold` or `exhausted`.
    pub kind: String,
    pub amount: i64,
    pub used: i64,
    pub at: Timestamp,
}

/// The longest window of a rate, and a day more.
const OVER: i64 = 8 * DAY;

/// Deletes what has no meaning any more: of rates whose windows are long over.
pub async fn sweep(app: &App) -> Result<()> {
    let mut tx = app.db.read().await?;
    let organisations = organisations::ids(&mut tx).await?;
    drop(tx);
    for organisation in organisations {
        let mut note = app.note_in(organisation).await?;
        if store::sweep_rates(note.tx(), app.clock.now().plus(-OVER)).await? > 0 {
            note.commit().await?;
        }
    }
    Ok(())
}

/// One round over all organisations. What is wrong with one stops no other.
pub async fn round(app: &App) -> Result<()> {
    if !app.mail.is_configured() {
        return Ok(());
    }
    let mut tx = app.db.read().await?;
    let organisations = organisations::ids(&mut tx).await?;
    drop(tx);
    let mut first = Ok(());
    for organisation in organisations {
        first = first.and(of(app, organisation).await);
    }
    first
}

async fn of(app: &App, organisation: OrganisationId) -> Result<()> {
    let mut note = app.note_in(organisation).await?;
    let waiting = store::waiting(note.tx(), app.clock.now(), BATCH).await?;
    drop(note);
    for alert in waiting {
        let now = app.clock.now();
        let mut note = app.note_in(organisation).await?;
        let limit = store::by_id(note.tx(), alert.limit).await?;
        let is_old = alert.at.plus(TRIED_FOR) < now;
        let Some(limit) = limit.filter(|_| !is_old) else {
            if is_old {
                tracing::warn!(%organisation, "an alert of a budget could not be mailed within a day, and is given up");
            }
            store::sent(note.tx(), alert.id, now).await?;
            note.commit().await?;
            continue;
        };
        let Some(own) = organisations::by_id(note.tx().system(), organisation).await? else { continue };
        let mut to = match limit.emails.is_empty() {
            false => limit.emails.clone(),
            true => team::owners_emails(note.tx()).await?,
        };
        to.truncate(MOST);
        let hold = HOLD.saturating_add(HOLD_OF_EACH.saturating_mul(i64::try_from(to.len()).unwrap_or(i64::MAX)));
        // Whoever gets it sends it; one that ends meanwhile leaves it to the next.
        if !store::hold(note.tx(), alert.id, now, now.plus(hold)).await? {
            continue;
        }
        note.commit().await?;
        let link = format!("{}{}", app.public_url, crate::site::routes::limits(&own.slug));
        let (subject, text) = words(&alert, &limit, &own.name, &link);
        // One who was told is enough: to all others it would come again and again.
        let mut told = to.is_empty();
        for address in &to {
            let canonical = Email::parse(address).map(|email| email.canonical).unwrap_or_default();
            if app.limits.take_mail(MailKind::Notice, &canonical, app.clock.now()).is_ok() {
                told |= app.mail.send(address, subject, text.clone()).await;
            }
        }
        if told {
            let mut note = app.note_in(organisation).await?;
            store::sent(note.tx(), alert.id, app.clock.now()).await?;
            note.commit().await?;
        }
    }
    Ok(())
}

/// The words of a mail. No name stands in its subject.
fn words(alert: &Alert, limit: &Limit, organisation: &str, link: &str) -> (&'static str, String) {
    let measure: Measure = limit.is.measure;
    let (used, amount) = (measure.words(alert.used), measure.words(alert.amount));
    let whose = match limit.on.scope {
        super::model::Scope::Organisation => "the organisation".to_owned(),
        super::model::Scope::Person => "a person".to_owned(),
        super::model::Scope::ApiKey => "an API key".to_owned(),
        super::model::Scope::VirtualKey => "a virtual key".to_owned(),
    };
    let ends = limit.period(Timestamp(i64::MAX / 2)).end.is_some();
    let then = match (alert.kind.as_str(), limit.blocks(), ends) {
        ("exhausted", true, true) => "Its calls are refused until the budget resets, or is raised.",
        ("exhausted", true, false) => "Its calls are refused until the budget is raised or reset.",
        ("exhausted", false, _) => "Its calls go on: the budget only warns.",
        _ => "Its calls go on. You will hear once more when all of it is used.",
    };
    let subject = match alert.kind.as_str() {
        "exhausted" => "A Latchkey budget is used up",
        _ => "A Latchkey budget is nearly used up",
    };
    let text = format!(
        "In {}, the budget of {whose} is used to {used} of {amount} ({}).\n\n{then}\n\nThe limits of the organisation:\n\n{link}\n",
        plain(organisation),
        limit.is,
    );
    (subject, text)
}
