//! What can be done with the audit log: read it, and take it along as a file.

use super::{
    export::{Format, Reading, pieces},
    model::{Detail, PAGE, Page, Proof, Thing},
    query,
    reading::{self, Listed},
    store, words,
};
use crate::{
    features::{ROOMS, news::model::News},
    kernel::{Asked, Code, Error, KeyId, Result, Timestamp},
    policy::Operation,
    server::{
        access::{Access, Lengthy},
        audit::{
            self, anchors,
            chain::{self, Hash},
            checkpoints,
            event::{Event, Subject},
        },
        database::{OrgTx, hex},
    },
    site::routes::{self, Path},
};
use futures_util::Stream;

/// New events of which a number is told.
const TOLD: i64 = 999;

/// A page of the log, newest first.
pub async fn list(access: &Access, asked: &Asked) -> Result<Page> {
    let mut tx = access.read(Operation::AuditList).await?;
    let Listed { found, fitting, seen, anchor } = reading::listed(&mut tx, asked, PAGE, access.now()).await?;
    Ok(Page {
        events: found.events.iter().map(words::told).collect(),
        previous: found.previous,
        next: found.next,
        looked_through: found.looked_through,
        fitting,
        kinds: words::kinds(),
        seen,
        proof: proof(&mut tx, access).await?,
        kept_days: access.app().audit_days,
        removed: anchor.map(|anchor| (anchor.removed, Timestamp(anchor.at))),
        now: access.now(),
    })
}

/// What vouches for the organisation's events.
async fn proof(tx: &mut OrgTx, access: &Access) -> Result<Proof> {
    match checkpoints::newest(tx, &access.app().keyring).await {
        Ok(newest) => Ok(newest.map_or(Proof::None, |signed| {
            signed.checkpoint().map_or(Proof::Broken, |checkpoint| Proof::UpTo(checkpoint.seq, signed.at()))
        })),
        Err(error) if error.code == Code::Internal => Ok(Proof::Broken),
        Err(error) => Err(error),
    }
}

/// How many events that fit stand behind a number.
pub async fn arrived(access: &Access, asked: &Asked, after: i64) -> Result<News> {
    let mut tx = access.read(Operation::AuditList).await?;
    let filter = query::filter(asked, access.now())?;
    let newest = audit::seen(&mut tx).await?;
    // Where much has come at once, the rest is looked at the next time.
    let seen = newest.min(after.saturating_add(store::LOOKED_THROUGH));
    let (first, last) = store::numbers(&mut tx, &filter, seen).await?;
    let first = first.max(after.saturating_add(1));
    let events = if first > last { 0 } else { store::count(&mut tx, &filter, (first, last)).await? };
    Ok(News { after, seen: seen.max(after), changes: u32::try_from(events.min(TOLD)).unwrap_or_default() })
}

/// Everything about one event, with the pages of what it names in the organisation of this slug.
pub async fn get(access: &Access, slug: &str, number: &str) -> Result<Detail> {
    let mut tx = access.read(Operation::AuditGet).await?;
    let event = reading::numbered(&mut tx, number).await?;
    let seq = event.seq;
    let newer = audit::seen(&mut tx).await? > seq;
    let older = anchors::removed(&mut tx).await?.saturating_add(1) < seq;
    let previous: Option<Hash> = event.previous.as_slice().try_into().ok();
    let fits = previous.is_some_and(|previous| {
        chain::hash(tx.organisation(), seq, &previous, event.body.as_bytes()).as_slice() == event.hash
    });
    let written = event.read();
    let told = written.as_ref().map_or_else(|| words::told(&event), |written| words::told_of(seq, written));
    let key = written.as_ref().and_then(|written| written.credential.strip_prefix("key ").map(str::to_owned));
    let key = Thing { kind: "api_key".into(), id: key.unwrap_or_default(), name: String::new() };
    let actor = match told.actor.kind.as_str() {
        "person" => Thing { kind: "member".into(), ..told.actor.clone() },
        _ => told.actor.clone(),
    };
    let mut changes: Vec<_> = written.iter().flat_map(|written| &written.changes).map(words::changed).collect();
    words::name_on(&mut changes, &told.subject);
    Ok(Detail {
        changes,
        reason: written
            .as_ref()
            .and_then(|written| written.reason.as_deref())
            .map(|code| (words::reason(code), words::plain(code, false))),
        credential: words::plain(written.as_ref().map_or("", |written| &written.credential), false),
        user_agent: written.as_ref().map(|written| words::said(&written.user_agent)).unwrap_or_default(),
        request_id: words::plain(written.as_ref().map_or("", |written| &written.request_id), false),
        hash: hex(&event.hash),
        previous: hex(&event.previous),
        fits: fits && told.is_readable(),
        body: words::plain(&event.body, false),
        actor_page: page_of(&mut tx, slug, &actor).await?,
        subject_page: page_of(&mut tx, slug, &told.subject).await?,
        key_page: page_of(&mut tx, slug, &key).await?,
        told,
        newer,
        older,
        now: access.now(),
    })
}

/// The page of a thing, if it still exists.
async fn page_of(tx: &mut OrgTx, slug: &str, thing: &Thing) -> Result<Option<String>> {
    let Thing { kind, id, .. } = thing;
    let key = || id.parse::<KeyId>().ok().map(|id| routes::api_key(slug, id));
    let path: Option<Path> = match kind.as_str() {
        _ if id.is_empty() => None,
        "api_key" => key(),
        "virtual_key" => Some(routes::virtual_key(slug, id)),
        "config" => Some(routes::config(slug, id)),
        "guardrail" => Some(routes::guardrail(slug, id)),
        "prompt" => Some(routes::prompt(slug, id)),
        "partial" => Some(routes::partial(slug, id)),
        "label" => Some(routes::edit_prompt_label(slug, id)),
        "member" => Some(routes::team(slug)),
        "invitation" => Some(routes::invitations(slug)),
        "access_review" => id.parse().ok().map(|id| routes::access_review(slug, id)),
        "audit_delivery" => Some(routes::audit_delivery(slug)),
        "limit" => Some(routes::limits(slug).with("id", id)),
        "limit_webhook" => Some(routes::limits(slug)),
        "call" => id.parse().ok().map(|id| routes::log(slug, id)),
        // There is the one whose log this is.
        "organisation" => return Ok(Some(routes::settings(slug).into())),
        _ => None,
    };
    let look_up = ROOMS.iter().flat_map(|room| room.subjects).find(|(known, _)| known == kind);
    match (path, look_up) {
        (Some(path), Some((_, exists))) if exists(tx, id).await? => Ok(Some(path.into())),
        _ => Ok(None),
    }
}

/// The log as a file, of what fits. That it was taken is an event, and stands in the log before the first byte leaves; what
/// comes after that event is not in the file.
pub async fn export(
    access: &Access,
    asked: &Asked,
    format: &str,
) -> Result<(Format, impl Stream<Item = Result<String>> + Send + use<>)> {
    let subject = || Subject::new("audit_log", "", "audit log");
    let reading = access
        .act(Operation::AuditExport, subject(), |mut change| async move {
            let message = "Choose CSV (“csv”) or JSON Lines (“jsonl”).";
            let format = Format::parse(format).ok_or_else(|| Error::field("format", message))?;
            let lengthy = Lengthy::begin(&change, subject(), |limits| &limits.audit_exports)?;
            let filter = query::filter(asked, change.now())?;
            // This transaction holds the end of the chain: the next event is that of this act.
            let own = audit::seen(change.tx()).await?.saturating_add(1);
            let span = store::numbers(change.tx(), &filter, own).await?;
            let event = Event::of(subject())
                .with("format", format.name())
                .with("as_far_as", own)
                .with("filter", query::said(asked).unwrap_or_default());
            change.commit_reading(&event, Reading { lengthy, format, filter, span }).await
        })
        .await?;
    Ok((reading.format, pieces(reading)))
}

/// Checkpoints that are read at a time.
const STEP: i64 = 500;

/// The public keys and the organisation's checkpoints as the file that `latchkey audit verify --checkpoints` takes. Each part
/// is read with the rights of its moment.
pub fn checkpoints(access: &Access) -> impl Stream<Item = Result<String>> + Send + use<> {
    let access = access.clone();
    futures_util::stream::try_unfold(Some(None), move |place: Option<Option<i64>>| {
        let access = access.clone();
        async move {
            let Some(seq) = place else { return Ok(None) };
            let mut tx = access.read(Operation::AuditCheckpoints).await?;
            let keyring = &access.app().keyring;
            let Some(seq) = seq else {
                let keys = checkpoints::public_keys(tx.system(), keyring).await?;
                let lines = keys.iter().map(|key| key.signed.line() + "\n").collect();
                return Ok(Some((lines, Some(Some(0)))));
            };
            Ok(checkpoints::list(&mut tx, keyring, seq, STEP).await?.map(|(signed, last)| {
                let lines = signed.iter().map(|signed| signed.line() + "\n").collect();
                (lines, Some(Some(last)))
            }))
        }
    })
}
