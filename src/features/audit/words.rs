//! Events in words.

use super::model::{Changed, ERASED, Thing, Told};
use crate::{
    features::home::model::Happened,
    kernel::{Timestamp, text::is_treacherous},
    policy::Operation,
    server::audit::{
        Stored,
        event::{SignedInBy, Written, WrittenChange, WrittenThing},
        personal::Said,
    },
};
use serde_json::value::RawValue;
use std::fmt::Write;

/// A text in which whatever could forge or hide text is written out, as `\u202e`. With `lines` line feeds stay.
pub fn plain(text: &str, lines: bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_treacherous(c) && !(lines && c == '\n') {
            let _ = write!(safe, "\\u{:04x}", c as u32);
        } else {
            safe.push(c);
        }
    }
    safe
}

/// A text as it is shown.
pub fn said(text: &Said<String>) -> String {
    plain(text.or(ERASED), false)
}

fn thing(written: &WrittenThing) -> Thing {
    let WrittenThing { kind, id, name } = written;
    Thing { kind: plain(kind, false), id: plain(id, false), name: said(name) }
}

/// An event as a list tells it. One whose text Latchkey has not written tells no more than its number.
pub fn told(event: &Stored) -> Told {
    let Some(written) = event.read() else { return Told { seq: event.seq, ..Told::default() } };
    told_of(event.seq, &written)
}

/// The same, of an event that is read already.
pub fn told_of(seq: i64, written: &Written) -> Told {
    Told {
        seq,
        at: Timestamp::parse(&written.at).unwrap_or_default(),
        actor: thing(&written.actor),
        verb: verb(&written.action),
        subject: thing(&written.subject),
        action: plain(&written.action, false),
        outcome: written.outcome.name().to_owned(),
        count: written.count,
        fields: written.changes.iter().map(|change| plain(&change.field, false)).collect(),
        address: said(&written.address),
        signed_in_by: written.signed_in_by().map(proof).unwrap_or_default().to_owned(),
        credential_id: written.credential_id().map(|id| id.to_string()).unwrap_or_default(),
    }
}

/// How somebody has proven who they are, in words behind "by".
const fn proof(by: SignedInBy) -> &'static str {
    match by {
        SignedInBy::Password => "password",
        SignedInBy::PasswordAgain => "password, a short while before",
        SignedInBy::Invitation => "invitation",
        SignedInBy::ResetLink => "link for a new password",
        SignedInBy::Setup => "setup secret",
        SignedInBy::ApiKey => "API key",
        SignedInBy::Command => "command on the server",
        SignedInBy::System => "the program itself",
    }
}

/// What was done, in words: the same as Home says.
fn verb(action: &str) -> String {
    let nothing = String::new;
    Happened { at: Timestamp(0), actor: nothing(), action: plain(action, false), subject: nothing(), trouble: None }
        .verb()
}

/// A change as it is shown.
pub fn changed(change: &WrittenChange) -> Changed {
    let told = |said: &Said<Box<RawValue>>| match said {
        Said::Clear(json) => value(json.get()),
        Said::Committed(_) => Some(ERASED.to_owned()),
    };
    Changed { field: plain(&change.field, false), was: told(&change.was), now: told(&change.now) }
}

/// What a limit is on, by the name that its event says, in place of an id.
pub fn name_on(changes: &mut [Changed], subject: &Thing) {
    let Some(name) = subject.name.strip_prefix("limit on ").filter(|_| subject.kind == "limit") else { return };
    for change in changes.iter_mut().filter(|change| change.field == "on") {
        for value in [&mut change.was, &mut change.now].into_iter().flatten() {
            *value = match value.split_once(':') {
                Some(("organisation", _)) => name.to_owned(),
                Some((kind, _)) => format!("{name} ({})", kind.replace('_', " ")),
                None => continue,
            };
        }
    }
}

/// A value as it is shown: texts as they are, lists of texts one a line, anything else as JSON.
fn value(json: &str) -> Option<String> {
    let text = match serde_json::from_str(json) {
        Ok(serde_json::Value::Null) => return None,
        Ok(serde_json::Value::String(text)) => text,
        Ok(serde_json::Value::Array(all)) if all.iter().all(serde_json::Value::is_string) => {
            all.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join("\n")
        }
        Ok(other) => serde_json::to_string_pretty(&other).unwrap_or_default(),
        Err(_) => json.to_owned(),
    };
    Some(plain(&text, true)).filter(|text| !text.is_empty()).or_else(|| Some("(empty)".into()))
}

/// Why something was refused or failed, in words.
pub fn reason(code: &str) -> String {
    let words = match code {
        "sign_in_needed" => "Nobody was signed in.",
        "wrong_credentials" => "The e-mail address or the password was wrong.",
        "invalid_api_key" => "The request had no valid API key.",
        "api_key_disabled" => "The API key was disabled.",
        "api_key_expired" => "The API key’s time was over.",
        "api_key_not_yet_valid" => "The API key did not work yet.",
        "address_not_allowed" => "The API key does not work from this address.",
        "key_breaks_policy" => "The API key breaks a rule that the organisation has for keys.",
        "prompt_not_allowed" => "The API key is narrowed to other prompts.",
        "api_key_revoked" => "The API key was revoked, or its secret was rotated away.",
        "password_needed" => "The password had not been confirmed for this.",
        "permission_denied" => "They do not have the permission for this.",
        "foreign_origin" => "The request did not come from Latchkey’s own pages.",
        "not_found" => "There was no such thing, or it was not theirs to see.",
        "conflict" => "What there was stood in the way.",
        "last_owner" => "An organisation needs an Owner.",
        "stale_version" => "Somebody else had saved it meanwhile.",
        "already_done" => "The same request had been carried out before.",
        "link_spent" => "The link had been used, revoked, or was too old.",
        "too_large" => "The request was too large.",
        "malformed" => "The request could not be read.",
        "invalid" => "A field of the request was not acceptable.",
        "too_many_requests" => "There had been too many attempts.",
        "upstream_failed" => "The provider could not be reached, or answered badly.",
        "unavailable" | "busy" => "Latchkey could not do it at that moment.",
        "cut_off" => "Latchkey, or the request, was ended before it was known what came of it.",
        "internal" => "A fault of the program. Its own log has more under the request id.",
        other => return format!("It ended with “{}”.", plain(other, false)),
    };
    words.to_owned()
}

/// The kinds of actions that leave events, by name and label, in the order of the table of operations.
pub fn kinds() -> Vec<(String, String)> {
    let mut kinds: Vec<(String, String)> = vec![];
    for operation in Operation::ALL.iter().filter(|operation| operation.spec().audited) {
        let kind = operation.spec().id.split('.').next().unwrap_or_default();
        if kinds.iter().all(|(known, _)| known != kind) {
            let label = match kind {
                "api_key" => "API keys".to_owned(),
                "log" => "Log of calls".to_owned(),
                "audit" => "Audit log".to_owned(),
                "billing" => "Billing".to_owned(),
                "team" => "Team".to_owned(),
                "organisation" => "Organisation".to_owned(),
                kind => crate::kernel::text::capital(&kind.replace('_', " ")) + "s",
            };
            kinds.push((kind.to_owned(), label));
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Code;

    #[test]
    fn what_a_limit_is_on_is_told_by_its_name() {
        let changes = |on: &str| {
            let on = Changed { field: "on".into(), was: None, now: Some(on.into()) };
            [on, Changed { field: "limit".into(), was: None, now: Some("a:b".into()) }]
        };
        let told = |on: &str, kind: &str, name: &str| {
            let mut changes = changes(on);
            name_on(&mut changes, &Thing { kind: kind.into(), id: "1".into(), name: name.into() });
            assert_eq!(changes[1].now.as_deref(), Some("a:b"));
            (changes[0].was.clone(), changes[0].now.clone().unwrap_or_default())
        };
        assert_eq!(told("virtual_key:01a2", "limit", "limit on Main: one"), (None, "Main: one (virtual key)".into()));
        assert_eq!(told("organisation:01a2", "limit", "limit on The organisation").1, "The organisation");
        assert_eq!(told("person:01a2", "limit", ERASED).1, "person:01a2", "no name is known");
        assert_eq!(told("person:01a2", "other", "limit on Ada").1, "person:01a2");
    }

    #[test]
    fn what_could_forge_text_is_written_out() {
        assert_eq!(plain("a\r\n\u{1b}[31mb\u{202e}c\tד", false), "a\\u000d\\u000a\\u001b[31mb\\u202ec\\u0009ד");
        assert_eq!(plain("a\nb\r", true), "a\nb\\u000d");
    }

    #[test]
    fn values_are_shown_as_they_are_read() {
        assert_eq!(value("null"), None);
        assert_eq!(value("\"\""), Some("(empty)".into()));
        assert_eq!(value("\"a\\u202eb\""), Some("a\\u202eb".into()));
        assert_eq!(value("[\"logs.view\",\"models.call\"]"), Some("logs.view\nmodels.call".into()));
        assert_eq!(value("17"), Some("17".into()));
        assert_eq!(value("{\"a\":[1]}"), Some("{\n  \"a\": [\n    1\n  ]\n}".into()));
    }

    #[test]
    fn every_refusal_of_a_person_or_key_has_words() {
        for code in Code::ALL.iter().filter(|code| matches!(code.status(), 401 | 403 | 404 | 409)) {
            assert!(!reason(code.as_str()).contains(code.as_str()), "{}", code.as_str());
        }
        assert_eq!(reason("odd\u{1b}"), "It ended with “odd\\u001b”.");
    }

    #[test]
    fn kinds_are_those_of_the_table() {
        let kinds = kinds();
        assert!(kinds.contains(&("api_key".into(), "API keys".into())));
        assert!(kinds.contains(&("virtual_key".into(), "Virtual keys".into())));
        // The index of the database takes off what stands behind the dot: letters and `_`.
        let odd = |c: char| !(c.is_ascii_lowercase() || matches!(c, '_' | '.'));
        for operation in Operation::ALL {
            let id = operation.spec().id;
            assert!(!id.contains(odd) && id.matches('.').count() == 1, "{id}");
        }
    }
}
