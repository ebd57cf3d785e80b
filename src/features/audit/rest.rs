//! The management calls of the audit log. Of API keys the master key alone may call them.

use super::{
    model::Fitting,
    reading::{self, Listed, Verification},
};
use crate::{
    kernel::{Code, Error, Result},
    policy::Operation,
    server::{
        audit::{
            Stored,
            event::{Outcome, Written},
            personal::Personal,
        },
        database::hex,
    },
    web::api::{Api, Call, Nothing, asked, input, range_of, renamed, window},
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Numbered pages reach this many events; further back leads a shorter span of time, or the cursor of `/audit-events`.
const DEEPEST: i64 = 1_000;
/// What is never kept of a request.
const NOTHING: &str = "{}";

pub fn register(api: Api) -> Api {
    api.serve(Operation::AuditList, "List the events of the audit log, newest first", list)
        .serve(
            Operation::AuditVerification,
            "Say how far the audit log is vouched for, and whether it holds together",
            verification,
        )
        .serve(Operation::AuditGet, "Read an event of the audit log", get)
        .serve(Operation::AuditRecords, "List the events of a span of time in the form of the contract", records)
}

input! {
    /// Which events are listed. All filters are exact.
    AuditEventsQuery {
        /// `1h`, `24h`, `7d`, `30d`; without `from` and `to`. All that there is, if nothing is said.
        #[schema(pattern = "^(1h|24h|7d|30d)$")]
        range: Option<String>,
        /// A date or a moment (RFC 3339).
        from: Option<String>,
        /// A date (its end) or a moment.
        to: Option<String>,
        /// What an action says before its dot, such as `api_key`.
        #[schema(pattern = "^[a-z0-9_.]{1,100}$")]
        kind: Option<String>,
        /// A whole one, such as `api_key.rotate`.
        #[schema(pattern = "^[a-z0-9_.]{1,100}$")]
        action: Option<String>,
        #[schema(pattern = "^(done|refused|failed|unknown)$")]
        outcome: Option<String>,
        /// The id of a person or API key.
        #[schema(max_length = 100)]
        actor: Option<String>,
        #[schema(pattern = "^(person|api_key|nobody|system|several)$")]
        actor_kind: Option<String>,
        /// The id of what it is about, such as `api_key/ID`, or without its kind.
        #[schema(max_length = 100)]
        target: Option<String>,
        #[schema(max_length = 100)]
        request_id: Option<String>,
        /// The id of a session, or of an API key's secret.
        #[schema(max_length = 100)]
        credential_id: Option<String>,
        /// `session ID`, `key ID` or `command`. By this and by `address` each page looks through 20,000 events.
        #[schema(max_length = 100)]
        credential: Option<String>,
        #[schema(max_length = 100)]
        address: Option<String>,
        /// The cursor `next` of the page before this one.
        #[schema(pattern = "^[0-9]{1,18}$")]
        cursor: Option<String>,
        #[schema(minimum = 1, maximum = 100)]
        page_size | "pageSize": Option<i64>,
    }
}

input! {
    /// Which events are listed.
    AuditRecordsQuery {
        /// A moment (RFC 3339), or a date: its beginning.
        start_time: String,
        /// A moment, or a date: its end.
        end_time: String,
        #[schema(max_length = 100)]
        request_id: Option<String>,
        /// The id of a person or API key.
        #[schema(max_length = 100)]
        user_id: Option<String>,
        #[schema(pattern = "^(user|api_key)$")]
        user_type: Option<String>,
        /// What an action says before its dot, such as `api_key`.
        #[schema(pattern = "^[a-z0-9_.]{1,100}$")]
        resource_type: Option<String>,
        /// A whole one, such as `api_key.rotate`.
        #[schema(pattern = "^[a-z0-9_.]{1,100}$")]
        action: Option<String>,
        /// By this at most 20,000 events are looked through.
        #[schema(max_length = 100)]
        client_ip: Option<String>,
        ..page
    }
    unsupported: ["method", "uri", "response_status_code", "country"]
}

/// An event of the audit log.
#[derive(Serialize, ToSchema)]
pub struct AuditEvent {
    #[schema(example = "audit_event")]
    object: &'static str,
    /// Its number in the organisation's chain, from 1.
    seq: i64,
    /// The hash of the event before, 64 hexadecimal digits.
    previous: String,
    /// Its own.
    hash: String,
    /// What it says, character by character as it is hashed. Null: it is no JSON, and nothing that Latchkey has written.
    #[schema(value_type = Option<Object>)]
    event: Option<Box<RawValue>>,
    /// The personal values for whose hashes `{"personal": …}` stands in it. Absent where there are none, and where all were erased.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    personal: Vec<AuditPersonal>,
}

/// A personal value of an event.
#[derive(Serialize, ToSchema)]
pub struct AuditPersonal {
    /// Where it stands, as a JSON Pointer.
    #[schema(example = "/actor/name")]
    place: String,
    /// What is hashed before it, 32 hexadecimal digits.
    salt: String,
    /// Its exact JSON.
    #[schema(example = "\"Ada Lind\"")]
    value: String,
}

/// A page of the audit log.
#[derive(Serialize, ToSchema)]
pub struct AuditEventList {
    #[schema(example = "list")]
    object: &'static str,
    /// How many events the filter lets through; null where more than 10,000 do, and where that would take all bodies to be
    /// looked through.
    total: Option<i64>,
    data: Vec<AuditEvent>,
    /// Whether there is more behind this page.
    has_more: bool,
    /// The cursor of the next page, if there is one. A page that was looked for by address or credential may be empty and have one.
    next: Option<String>,
}

/// How far the audit log is vouched for.
#[derive(Serialize, ToSchema)]
pub struct AuditVerification {
    #[schema(example = "audit_verification")]
    object: &'static str,
    /// The number up to which every event was hashed anew before the newest checkpoint was signed; null before the first one.
    verified_up_to: Option<i64>,
    /// When it was.
    verified_at: Option<String>,
    /// The number of the first event that does not hold together: looked at are the newest checkpoint, its event and the 2,000
    /// behind it. Null: all of these do.
    broken_at: Option<i64>,
    /// The number of the newest event.
    newest: i64,
    /// The number of the last event that was removed for its age; null: none was.
    removed_up_to: Option<i64>,
}

/// An event in the form of the contract.
#[derive(Serialize, ToSchema)]
pub struct AuditRecord {
    timestamp: String,
    /// Of the route by which an API key has asked, where the action has only one; else empty, as it is not kept.
    #[schema(example = "POST")]
    method: &'static str,
    /// The path of that route, with its parts in braces.
    #[schema(example = "/v1/api-keys/{id}/rotate")]
    uri: &'static str,
    request_id: String,
    /// Never kept.
    #[schema(example = "{}")]
    request_body: &'static str,
    /// Never kept.
    #[schema(example = "{}")]
    query_params: &'static str,
    /// Never kept.
    #[schema(example = "{}")]
    request_headers: &'static str,
    /// The id of the person or API key; null: nobody known, Latchkey itself, or several together.
    user_id: Option<String>,
    /// `user` or `api_key`.
    user_type: Option<&'static str>,
    organisation_id: String,
    workspace_id: String,
    /// 200 for what was done, else that of the error; null where it is not known.
    response_status_code: Option<u16>,
    /// What the action says before its dot.
    #[schema(example = "api_key")]
    resource_type: String,
    #[schema(example = "api_key.rotate")]
    action: String,
    client_ip: String,
    /// Never known.
    country: &'static str,
    /// The number of the event.
    seq: i64,
}

/// A page of them.
#[derive(Serialize, ToSchema)]
pub struct AuditRecordList {
    records: Vec<AuditRecord>,
    /// How many events fit, over all pages: at most 10,001.
    total: i64,
    #[schema(example = "analytics-graph")]
    object: &'static str,
}

async fn list(call: Call, query: AuditEventsQuery) -> Result<AuditEventList> {
    let size = window(query.page_size, None)?.limit;
    let range = range_of(query.range, query.from.as_deref(), query.to.as_deref())?;
    let asked = asked([
        ("range", Some(range)),
        ("from", query.from),
        ("to", query.to),
        ("kind", query.kind),
        ("action", query.action),
        ("outcome", query.outcome),
        ("actor", query.actor),
        ("actor_kind", query.actor_kind),
        ("target", query.target),
        ("request_id", query.request_id),
        ("credential_id", query.credential_id),
        ("credential", query.credential),
        ("address", query.address),
        ("after", query.cursor),
    ]);
    let listed = reading::events(&call.access, &asked, size).await;
    let Listed { found, fitting, .. } = listed.map_err(|error| renamed(error, &[("after", "cursor")]))?;
    Ok(AuditEventList {
        object: "list",
        total: match fitting {
            Fitting::Exactly(total) => Some(total),
            Fitting::MoreThan(_) | Fitting::NotCounted => None,
        },
        data: found.events.into_iter().map(event).collect(),
        has_more: found.next.is_some(),
        next: found.next.map(|number| number.to_string()),
    })
}

async fn get(call: Call, _: Nothing) -> Result<AuditEvent> {
    reading::event(&call.access, call.part("seq")).await.map(event)
}

fn event(stored: Stored) -> AuditEvent {
    AuditEvent {
        object: "audit_event",
        seq: stored.seq,
        previous: hex(&stored.previous),
        hash: hex(&stored.hash),
        event: RawValue::from_string(stored.body).ok(),
        personal: stored.personal.into_iter().map(personal).collect(),
    }
}

fn personal(Personal { place, salt, value }: Personal) -> AuditPersonal {
    AuditPersonal { place: place.to_string(), salt: hex(&salt), value }
}

async fn verification(call: Call, _: Nothing) -> Result<AuditVerification> {
    let Verification { signed, broken_at, newest, removed } = reading::verification(&call.access).await?;
    Ok(AuditVerification {
        object: "audit_verification",
        verified_up_to: signed.map(|(seq, _)| seq),
        verified_at: signed.map(|(_, at)| at.rfc3339()),
        broken_at,
        newest,
        removed_up_to: Some(removed).filter(|removed| *removed > 0),
    })
}

async fn records(call: Call, query: AuditRecordsQuery) -> Result<AuditRecordList> {
    let window = window(query.page_size, query.current_page)?;
    if window.offset + window.limit > DEEPEST {
        let message = format!("Numbered pages reach {DEEPEST} events. Choose a shorter span of time.");
        return Err(Error::field("current_page", message));
    }
    for (name, moment) in [("start_time", &query.start_time), ("end_time", &query.end_time)] {
        if moment.trim().is_empty() {
            return Err(Error::field(name, "Write a moment such as 2027-02-21T14:05:09Z."));
        }
    }
    let kind = query.user_type.map(|kind| match kind.as_str() {
        "user" => "person".to_owned(),
        _ => kind,
    });
    let asked = asked([
        ("range", Some("custom".to_owned())),
        ("from", Some(query.start_time)),
        ("to", Some(query.end_time)),
        ("request_id", query.request_id),
        ("actor", query.user_id),
        ("actor_kind", kind),
        ("kind", query.resource_type),
        ("action", query.action),
        ("address", query.client_ip),
    ]);
    let names = [
        ("range", "start_time"),
        ("actor", "user_id"),
        ("actor_kind", "user_type"),
        ("kind", "resource_type"),
        ("address", "client_ip"),
    ];
    let found = reading::records(&call.access, &asked, window).await;
    let (events, total) = found.map_err(|error| renamed(error, &names))?;
    let organisation = call.organisation_id();
    Ok(AuditRecordList {
        records: events.iter().map(|event| record(event, &organisation)).collect(),
        total,
        object: "analytics-graph",
    })
}

fn record(stored: &Stored, organisation: &str) -> AuditRecord {
    let written = stored.read();
    let told = |read: fn(&Written) -> &str| written.as_ref().map_or(String::new(), |written| read(written).to_owned());
    let (user_type, user_id) = match &written {
        Some(written) => match written.actor.kind.as_str() {
            "person" => (Some("user"), Some(written.actor.id.clone())),
            "api_key" => (Some("api_key"), Some(written.actor.id.clone())),
            _ => (None, None),
        },
        None => (None, None),
    };
    let (method, uri) = match &written {
        Some(written) if user_type == Some("api_key") => route(&written.action),
        _ => ("", ""),
    };
    let action = told(|written| &written.action);
    AuditRecord {
        timestamp: told(|written| &written.at),
        method,
        uri,
        request_id: told(|written| &written.request_id),
        request_body: NOTHING,
        query_params: NOTHING,
        request_headers: NOTHING,
        user_id,
        user_type,
        organisation_id: organisation.to_owned(),
        workspace_id: organisation.to_owned(),
        response_status_code: written.as_ref().and_then(status),
        resource_type: action.split('.').next().unwrap_or_default().to_owned(),
        action,
        client_ip: told(|written| written.address.text()),
        country: "",
        seq: stored.seq,
    }
}

/// The method and path of an action by an API key, if it has only one.
fn route(action: &str) -> (&'static str, &'static str) {
    let spec = Operation::ALL.iter().map(|operation| operation.spec()).find(|spec| spec.id == action);
    match spec.map(|spec| spec.routes) {
        Some([route]) => route.split_once(' ').unwrap_or(("", "")),
        _ => ("", ""),
    }
}

fn status(written: &Written) -> Option<u16> {
    match (written.outcome, written.reason.as_deref()) {
        (Outcome::Done, _) => Some(200),
        (_, Some(reason)) => Code::ALL.iter().find(|code| code.as_str() == reason).map(|code| code.status()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_one_route_tells_it() {
        assert_eq!(route("api_key.delete"), ("DELETE", "/v1/api-keys/{id}"));
        assert_eq!(route("api_key.rotate"), ("", ""), "it has two");
        assert_eq!(route("account.sign_in"), ("", ""));
        assert_eq!(route("never.made"), ("", ""));
    }
}
