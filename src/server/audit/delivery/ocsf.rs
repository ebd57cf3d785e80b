//! Events as API Activity (class 6003) of the Open Cybersecurity Schema Framework, version 1.3. `docs/audit.md` has the
//! mapping.

use crate::{
    kernel::{OrganisationId, Timestamp},
    server::{
        audit::{
            Stored,
            event::{Outcome, Written, WrittenThing},
        },
        database::hex,
    },
};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

const VERSION: &str = "1.3.0";
const CLASS: i64 = 6003;
/// The action of what [`test`] makes.
const TEST: &str = "audit.test_delivery";

/// What an act does to its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    Create,
    Read,
    Update,
    Delete,
    Other,
}

impl Activity {
    /// Of an action such as `api_key.rotate`. What neither makes, reads nor removes something changes it; what people do
    /// with their session and what the program does by itself is none of these.
    fn of(action: &str) -> Self {
        let (subject, verb) = action.split_once('.').unwrap_or(("", action));
        let first = verb.split('_').next().unwrap_or_default();
        match (subject, first) {
            ("account", "sign" | "confirm" | "front") | ("audit", "heads" | "test") | (_, "test") | ("", _) => {
                Self::Other
            }
            (_, "create" | "duplicate" | "invite" | "accept" | "join" | "setup" | "save" | "keep" | "propose") => {
                Self::Create
            }
            (_, "export" | "read") => Self::Read,
            (_, "delete" | "erase" | "remove" | "revoke" | "leave" | "drop" | "withdraw" | "decline" | "expire") => {
                Self::Delete
            }
            _ => Self::Update,
        }
    }

    const fn id(self) -> i64 {
        match self {
            Activity::Create => 1,
            Activity::Read => 2,
            Activity::Update => 3,
            Activity::Delete => 4,
            Activity::Other => 99,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Activity::Create => "Create",
            Activity::Read => "Read",
            Activity::Update => "Update",
            Activity::Delete => "Delete",
            Activity::Other => "Other",
        }
    }
}

/// The event as a JSON object.
pub(super) fn told(organisation: OrganisationId, event: &Stored) -> String {
    let written = event.read();
    let mut told = match &written {
        Some(written) => of(organisation, written),
        None => of(organisation, &unreadable()),
    };
    told.insert("raw_data".to_owned(), event.body.as_str().into());
    if let Some(metadata) = told.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("sequence".to_owned(), event.seq.into());
    }
    if let Some(unmapped) = told.get_mut("unmapped").and_then(Value::as_object_mut) {
        unmapped.insert("hash".to_owned(), hex(&event.hash).into());
        unmapped.insert("previous".to_owned(), hex(&event.previous).into());
        if !event.personal.is_empty() {
            unmapped.insert("personal".to_owned(), json!(event.personal));
        }
    }
    Value::Object(told).to_string()
}

/// What is no event of the log, in the same form.
pub(super) fn test(organisation: OrganisationId, id: &str, now: Timestamp) -> String {
    let written = Written {
        id: id.parse().unwrap_or_default(),
        at: now.rfc3339(),
        action: TEST.to_owned(),
        outcome: Outcome::Done,
        actor: thing("system", "latchkey"),
        ..unreadable()
    };
    let mut told = of(organisation, &written);
    told.insert("message".to_owned(), "A test of the delivery; no event of the audit log.".into());
    Value::Object(told).to_string()
}

fn thing(kind: &str, name: &str) -> WrittenThing {
    WrittenThing { kind: kind.to_owned(), id: String::new(), name: name.into() }
}

/// In place of a text that Latchkey has not written.
fn unreadable() -> Written {
    Written {
        v: 1,
        id: uuid::Uuid::nil(),
        at: String::new(),
        action: String::new(),
        outcome: Outcome::Failed,
        reason: None,
        count: 1,
        actor: thing("nobody", ""),
        signed_in_by: None,
        credential_id: None,
        credential: String::new(),
        subject: thing("request", ""),
        changes: vec![],
        request_id: String::new(),
        address: "".into(),
        user_agent: "".into(),
    }
}

fn of(organisation: OrganisationId, written: &Written) -> Map<String, Value> {
    let activity = Activity::of(&written.action);
    let (severity, severity_id) = match written.outcome {
        Outcome::Done => ("Informational", 1),
        Outcome::Failed | Outcome::Unknown => ("Low", 2),
        Outcome::Refused => ("Medium", 3),
    };
    let (status, status_id) = match written.outcome {
        Outcome::Unknown => ("Unknown", 0),
        Outcome::Done => ("Success", 1),
        Outcome::Refused | Outcome::Failed => ("Failure", 2),
    };
    let mut told = json!({
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "activity_id": activity.id(),
        "activity_name": activity.name(),
        "type_uid": CLASS * 100 + activity.id(),
        "type_name": format!("API Activity: {}", activity.name()),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_detail": written.outcome.name(),
        "time": Timestamp::parse(&written.at).unwrap_or_default().0,
        "count": written.count,
        "metadata": {
            "version": VERSION,
            "product": { "name": "Latchkey", "vendor_name": "Latchkey", "version": env!("CARGO_PKG_VERSION") },
            "uid": written.id.to_string(),
            "log_name": "audit",
            "event_code": written.action,
            "original_time": written.at,
            "tenant_uid": organisation.to_string(),
        },
        "api": { "operation": written.action, "service": { "name": "Latchkey" } },
        "actor": { "user": user(written) },
        "src_endpoint": endpoint(written.address.clear()),
        "resources": [{ "uid": written.subject.id, "name": written.subject.name.text(), "type": written.subject.kind }],
        "unmapped": {
            "credential": written.credential,
            "signed_in_by": written.signed_in_by(),
            "changes": written.changes,
        },
    });
    let mut put = |place: &str, name: &str, value: Value| {
        if let Some(object) = told.pointer_mut(place).and_then(Value::as_object_mut) {
            object.insert(name.to_owned(), value);
        }
    };
    if let Some(reason) = &written.reason {
        put("", "status_code", reason.as_str().into());
    }
    if !written.request_id.is_empty() {
        put("/metadata", "correlation_uid", written.request_id.as_str().into());
        put("/api", "request", json!({ "uid": written.request_id }));
    }
    if !written.user_agent.text().is_empty() {
        put("", "http_request", json!({ "user_agent": written.user_agent.text() }));
    }
    // Of sessions both say the same; an event of version 1 has no other.
    if let Some(session) = written.credential.strip_prefix("session ") {
        put("/actor", "session", json!({ "uid": session }));
    }
    match told {
        Value::Object(told) => told,
        _ => Map::new(),
    }
}

fn user(written: &Written) -> Value {
    let WrittenThing { kind, id, name } = &written.actor;
    let (type_id, kind) = match kind.as_str() {
        "person" => (1, "User"),
        "system" => (3, "System"),
        "nobody" => (0, "Unknown"),
        other => (99, other),
    };
    let mut user = json!({ "uid": id, "name": name.text(), "type_id": type_id, "type": kind });
    // The secret that was used, as far as the event names it; one of version 1 names its key alone.
    if let (Some(key), Some(user)) = (written.credential.strip_prefix("key "), user.as_object_mut()) {
        let used = written.credential_id().map_or_else(|| key.to_owned(), |secret| secret.to_string());
        user.insert("credential_uid".to_owned(), used.into());
    }
    user
}

/// Where a request came from: an address, or the network or nothing of several. None: it was erased.
fn endpoint(address: Option<&String>) -> Value {
    match address.map(String::as_str) {
        None => json!({ "name": "erased" }),
        Some("") => json!({ "name": "latchkey" }),
        Some(text) if text.parse::<IpAddr>().is_ok() => json!({ "ip": text }),
        Some(network) => json!({ "name": network }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::audit::personal::Personal;

    const SECRET: &str = "01a2213b-56de-7491-9c32-e7dcc295ff45";

    fn body(outcome: &str, credential: &str, address: &str) -> String {
        let (reason, count) =
            if outcome == "done" { ("", "") } else { (r#""reason":"permission_denied","#, r#""count":3,"#) };
        format!(
            concat!(
                r#"{{"v":1,"id":"01a2213b-56de-7491-9c32-e7dcc295ff44","at":"2026-11-28T08:20:37.919Z","action":"api_key.rotate","#,
                r#""outcome":"{}",{}{}"actor":{{"kind":"person","id":"u1","name":"Ada"}},"credential":"{}","subject":{{"#,
                r#""kind":"api_key","id":"k1","name":"ci"}},"changes":[{{"field":"secret","was":"set","now":"changed"}}],"#,
                r#""request_id":"r1","address":"{}","user_agent":"curl"}}"#
            ),
            outcome, reason, count, credential, address
        )
    }

    fn read(body: &str) -> Value {
        read_with(body, vec![])
    }

    fn read_with(body: &str, personal: Vec<Personal>) -> Value {
        let event = Stored { seq: 9, body: body.to_owned(), previous: vec![1], hash: vec![2], personal };
        serde_json::from_str(&told(OrganisationId::numbered(5), &event)).expect("JSON")
    }

    #[test]
    fn what_an_event_says_has_its_place() {
        let body = body("done", "session s1", "192.0.2.7");
        let told = read(&body);
        for (place, value) in [
            ("/class_uid", json!(6003)),
            ("/category_uid", json!(6)),
            ("/activity_id", json!(3)),
            ("/type_uid", json!(600_303)),
            ("/severity_id", json!(1)),
            ("/status_id", json!(1)),
            ("/time", json!(1_795_854_037_919_i64)),
            ("/metadata/version", json!("1.3.0")),
            ("/metadata/uid", json!("01a2213b-56de-7491-9c32-e7dcc295ff44")),
            ("/metadata/sequence", json!(9)),
            ("/metadata/tenant_uid", json!(OrganisationId::numbered(5).to_string())),
            ("/metadata/correlation_uid", json!("r1")),
            ("/api/operation", json!("api_key.rotate")),
            ("/api/request/uid", json!("r1")),
            ("/actor/user/uid", json!("u1")),
            ("/actor/user/type_id", json!(1)),
            ("/actor/session/uid", json!("s1")),
            ("/src_endpoint/ip", json!("192.0.2.7")),
            ("/http_request/user_agent", json!("curl")),
            ("/resources/0/type", json!("api_key")),
            ("/unmapped/hash", json!("02")),
            ("/unmapped/previous", json!("01")),
            ("/unmapped/changes/0/now", json!("changed")),
            ("/raw_data", json!(body)),
        ] {
            assert_eq!(told.pointer(place), Some(&value), "{place}: {told}");
        }
        assert!(told.get("status_code").is_none());
    }

    #[test]
    fn refusals_and_what_nobody_has_written_are_failures() {
        let told = read(&body("refused", "key k1", "2001:db8::/64"));
        let found = ["/status_id", "/severity_id", "/count"].map(|place| told.pointer(place).and_then(Value::as_i64));
        assert_eq!(found, [Some(2), Some(3), Some(3)]);
        assert_eq!((&told["status_code"], &told["status_detail"]), (&json!("permission_denied"), &json!("refused")));
        assert_eq!(told.pointer("/src_endpoint/name"), Some(&json!("2001:db8::/64")));
        assert_eq!(told.pointer("/actor/user/credential_uid"), Some(&json!("k1")));
        assert_eq!(told.pointer("/unmapped/signed_in_by"), Some(&Value::Null));
        let forged = read("{}");
        assert_eq!(
            (&forged["status_id"], &forged["activity_id"], &forged["raw_data"]),
            (&json!(2), &json!(99), &json!("{}"))
        );
    }

    #[test]
    fn what_nobody_knows_is_neither() {
        let told = read(&body("unknown", "session s1", "192.0.2.7"));
        let found = ["/status_id", "/severity_id"].map(|place| told.pointer(place).and_then(Value::as_i64));
        assert_eq!(found, [Some(0), Some(2)]);
        assert_eq!((&told["status"], &told["status_detail"]), (&json!("Unknown"), &json!("unknown")));
    }

    #[test]
    fn a_newer_event_names_the_secret_and_how_it_was_signed_in() {
        let newer = |credential: &str, by: &str| {
            let more = format!(r#""signed_in_by":"{by}","credential_id":"{SECRET}","credential":"#);
            let old = body("done", credential, "192.0.2.7");
            read(&old.replace(r#"{"v":1"#, r#"{"v":2"#).replace(r#""credential":"#, &more))
        };
        let told = newer("key k1", "api_key");
        assert_eq!(told.pointer("/actor/user/credential_uid"), Some(&json!(SECRET)), "{told}");
        assert_eq!(told.pointer("/unmapped/signed_in_by"), Some(&json!("api_key")));
        let told = newer(&format!("session {SECRET}"), "password_again");
        assert_eq!(told.pointer("/actor/session/uid"), Some(&json!(SECRET)), "{told}");
        assert_eq!(told.pointer("/unmapped/signed_in_by"), Some(&json!("password_again")));
        assert_eq!(told.pointer("/metadata/event_code"), Some(&json!("api_key.rotate")), "it is read");
    }

    #[test]
    fn personal_values_have_their_places_and_erased_ones_are_not_told() {
        let body = include_str!("../golden.jsonl").lines().nth(3).expect("an event of version 3");
        let mut values: Vec<Personal> =
            serde_json::from_str(include_str!("../golden-personal.json")).expect("its values");
        let told = read_with(body, values.clone());
        for (place, value) in [
            ("/actor/user/name", json!("Ada Lind")),
            ("/src_endpoint/ip", json!("192.0.2.7")),
            ("/http_request/user_agent", json!("curl/8.5.0")),
            ("/resources/0/name", json!("ada@north.test")),
            ("/unmapped/changes/0/was", json!("Ada Lind")),
            ("/unmapped/personal/0/place", json!("/actor/name")),
            ("/raw_data", json!(body)),
        ] {
            assert_eq!(told.pointer(place), Some(&value), "{place}: {told}");
        }
        let erased = read_with(body, vec![]);
        assert_eq!(
            (&erased["actor"]["user"]["name"], &erased["src_endpoint"]),
            (&json!(""), &json!({ "name": "erased" }))
        );
        assert_eq!(erased.pointer("/metadata/event_code"), Some(&json!("account.rename")));
        assert!(erased.get("http_request").is_none() && erased["unmapped"].get("personal").is_none(), "{erased}");
        assert!(!erased.to_string().contains("Ada"), "{erased}");
        // What does not fit is not told as if it did.
        values[0].value = r#""Eve""#.into();
        assert_eq!(read_with(body, values).pointer("/status_detail"), Some(&json!("failed")));
    }

    #[test]
    fn acts_are_made_read_changed_or_removed() {
        for (action, expected) in [
            ("api_key.create", Activity::Create),
            ("invitation.accept", Activity::Create),
            ("audit.export", Activity::Read),
            ("log.read_texts", Activity::Read),
            ("organisation.update", Activity::Update),
            ("team.change_role", Activity::Update),
            ("audit.rotate_key", Activity::Update),
            ("audit.erase", Activity::Delete),
            ("prompt.drop_values", Activity::Delete),
            ("team.remove", Activity::Delete),
            ("account.sign_in", Activity::Other),
            ("audit.heads", Activity::Other),
            ("virtual_key.test", Activity::Other),
        ] {
            assert_eq!(Activity::of(action), expected, "{action}");
        }
        let made = test(OrganisationId::INSTALLATION, "01a2213b-56de-7491-9c32-e7dcc295ff44", Timestamp(5));
        let made: Value = serde_json::from_str(&made).expect("JSON");
        assert_eq!((&made["type_uid"], &made["time"], &made["status_id"]), (&json!(600_399), &json!(5), &json!(1)));
    }
}
