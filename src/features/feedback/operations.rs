//! What can be done with feedback. It is data, as the calls are that it is about, and leaves no event.

use super::{
    model::{Draft, MOST, MOST_OF_TRACE, OnCall},
    store::{self, About, By},
};
use crate::{
    features::logs,
    kernel::{CallId, Error, FeedbackId, Fields, Result, UserId, time::HOUR},
    policy::{Operation, Principal},
    server::{access::Access, database::OrgTx},
};
use std::collections::BTreeMap;

/// The most entries of an hour on traces that the log does not know: of an organisation, and of each key.
const MOST_UNKNOWN: i64 = 1_000;
const MOST_UNKNOWN_OF_ONE: i64 = 200;

/// Gives feedback on traces, all of it or none. Gives the ids in the same order.
pub async fn give(access: &Access, drafts: &[Draft], is_list: bool) -> Result<Vec<FeedbackId>> {
    // All that can be said without the database is said before anybody has to wait for it.
    if drafts.len() > MOST {
        return Err(Error::field("feedback", format!("One request gives at most {MOST} entries of feedback.")));
    }
    let mut fields = Fields::default();
    let mut all = Vec::with_capacity(drafts.len());
    for (number, draft) in drafts.iter().enumerate() {
        let before = if is_list { format!("{number}.") } else { String::new() };
        draft.trace(&mut fields, &before);
        all.push((draft.trace_id.as_str(), draft.said(&mut fields, &before)));
    }
    fields.finish()?;
    let mut new: BTreeMap<&str, i64> = BTreeMap::new();
    all.iter().for_each(|(trace, _)| *new.entry(trace).or_default() += 1);

    let mut note = access.note(Operation::FeedbackGive).await?;
    let (by, now) = (by(access), access.now());
    let own = logs::own_only(note.tx(), access.principal()).await?;
    let mut known: BTreeMap<&str, bool> = BTreeMap::new();
    let mut unknown = 0;
    for (trace, number) in new {
        if !may_see(note.tx(), own, trace).await? {
            return Err(not_seen());
        }
        let is_known = has_room(note.tx(), trace, number).await?;
        unknown += if is_known { 0 } else { number };
        known.insert(trace, is_known);
    }
    if unknown > 0 {
        let (of_all, of_one) = store::count_unknown(note.tx(), now.plus(-HOUR), &by).await?;
        if of_all + unknown > MOST_UNKNOWN || of_one + unknown > MOST_UNKNOWN_OF_ONE {
            let message =
                "Too much feedback has come on traces that the log does not know. Send it once their calls have ended.";
            return Err(Error::wait(60, message));
        }
    }
    let mut ids = Vec::with_capacity(all.len());
    for (trace, said) in &all {
        let about = About { trace, is_known: known.get(trace).copied().unwrap_or_default() };
        ids.push(store::insert(note.tx(), about, said, &by, now).await?);
    }
    note.commit().await?;
    Ok(ids)
}

/// Changes an entry. To everybody but the key that gave it, it is not there.
pub async fn change(access: &Access, id: &str, draft: &Draft) -> Result<FeedbackId> {
    let mut note = access.note(Operation::FeedbackChange).await?;
    let id: FeedbackId = id.parse().map_err(|_| Error::not_found())?;
    // What is not there is told before what is wrong with it.
    let trace = store::trace(note.tx(), id, &by(access)).await?.ok_or_else(Error::not_found)?;
    let own = logs::own_only(note.tx(), access.principal()).await?;
    if !may_see(note.tx(), own, &trace).await? {
        return Err(Error::not_found());
    }
    let mut fields = Fields::default();
    let said = draft.said(&mut fields, "");
    fields.finish()?;
    if !store::change(note.tx(), id, &said, access.actor_name(), access.now()).await? {
        return Err(Error::not_found());
    }
    note.commit().await?;
    Ok(id)
}

/// Gives feedback on the trace of a call that whoever gives it sees.
pub async fn give_to_call(access: &Access, call: &str, draft: &Draft) -> Result<FeedbackId> {
    let mut fields = Fields::default();
    let said = draft.said(&mut fields, "");
    fields.finish()?;
    let mut note = access.note(Operation::FeedbackGiveToCall).await?;
    let trace = trace_of(note.tx(), access, call).await?;
    let own = logs::own_only(note.tx(), access.principal()).await?;
    if !may_see(note.tx(), own, &trace).await? {
        return Err(not_seen());
    }
    let is_known = has_room(note.tx(), &trace, 1).await?;
    let about = About { trace: &trace, is_known };
    let id = store::insert(note.tx(), about, &said, &by(access), access.now()).await?;
    note.commit().await?;
    Ok(id)
}

/// The feedback on the trace of a call.
pub async fn on_call(access: &Access, call: &str) -> Result<OnCall> {
    let mut tx = access.read(Operation::FeedbackList).await?;
    let trace = trace_of(&mut tx, access, call).await?;
    let own = logs::own_only(&mut tx, access.principal()).await?;
    // The call itself may be seen, whatever else is of its trace.
    let is_withheld = !may_see(&mut tx, own, &trace).await?;
    let given = if is_withheld { vec![] } else { store::on_trace(&mut tx, &trace).await? };
    Ok(OnCall { given, is_withheld, now: access.now() })
}

async fn trace_of(tx: &mut OrgTx, access: &Access, call: &str) -> Result<String> {
    let call: CallId = call.parse().map_err(|_| Error::not_found())?;
    logs::trace_of(tx, access.principal(), call).await?.ok_or_else(Error::not_found)
}

/// Whether feedback on a trace may be seen and given. Who sees their own calls alone (`own`) may where all calls of the
/// trace are theirs; everybody else may on all traces, those too that the log does not know yet.
async fn may_see(tx: &mut OrgTx, own: Option<UserId>, trace: &str) -> Result<bool> {
    match own {
        None => Ok(true),
        Some(person) => logs::trace_is_own(tx, trace, person).await,
    }
}

fn not_seen() -> Error {
    let message =
        "The log has no call of this trace, or one that you may not see. Calls are logged a moment after they end.";
    Error { message: message.into(), ..Error::not_found() }
}

/// Fails unless a trace takes so many entries more. Gives whether the log has a call of it.
async fn has_room(tx: &mut OrgTx, trace: &str, number: i64) -> Result<bool> {
    let (given, is_known) = store::count_of_trace(tx, trace).await?;
    if given + number > MOST_OF_TRACE {
        return Err(Error::conflict(format!("A trace has at most {MOST_OF_TRACE} entries of feedback.")));
    }
    Ok(is_known)
}

fn by(access: &Access) -> By<'_> {
    let (key, person) = match access.principal() {
        Principal::ApiKey { key, .. } => (Some(*key), None),
        Principal::Member { user, .. } => (None, Some(*user)),
        Principal::Nobody | Principal::Person { .. } => (None, None),
    };
    By { key, person, name: access.actor_name() }
}
