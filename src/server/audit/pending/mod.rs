//! Acts whose effect lies outside the database: what is noted before it, so that a crash leaves a trace of it.

mod store;

pub use store::{STATEMENTS, left, note, settle};

use super::event::{Actor, Credential, Event, SignedInBy, Subject};
use crate::kernel::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why nobody knows what came of an act.
pub const REASON: &str = "cut_off";
/// What such events say of when the act began.
pub const BEGUN: &str = "begun_at";

/// What the event of an act will say, beside what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    pub action: String,
    pub actor: Named,
    pub subject: Named,
    pub signed_in_by: Option<SignedInBy>,
    pub credential_id: Option<Uuid>,
    pub credential: String,
    pub request_id: String,
    pub address: String,
    pub user_agent: String,
}

/// Who acts, or what is acted upon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub kind: String,
    pub id: String,
    pub name: String,
}

/// The kinds of those who act, and of what such acts are about.
const KINDS: [&str; 6] = ["person", "api_key", "nobody", "system", "virtual_key", "audit_delivery"];

impl Named {
    fn kind(&self) -> Option<&'static str> {
        KINDS.into_iter().find(|kind| *kind == self.kind)
    }
}

impl From<&Actor> for Named {
    fn from(actor: &Actor) -> Self {
        Self { kind: actor.kind.to_owned(), id: actor.id.clone(), name: actor.name.clone() }
    }
}

impl From<&Subject> for Named {
    fn from(subject: &Subject) -> Self {
        Self { kind: subject.kind.to_owned(), id: subject.id.clone(), name: subject.name.clone() }
    }
}

impl Noted {
    /// The event that tells of the act, who acted and with what. None: another version has noted something else.
    pub fn told(&self, begun: Timestamp) -> Option<(Event, Actor, Credential)> {
        let subject = Subject::new(self.subject.kind()?, &self.subject.id, &*self.subject.name);
        let actor = Actor { kind: self.actor.kind()?, id: self.actor.id.clone(), name: self.actor.name.clone() };
        let credential =
            Credential { name: self.credential.clone(), id: self.credential_id, signed_in_by: self.signed_in_by };
        Some((Event::of(subject).with(BEGUN, begun.rfc3339()), actor, credential))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_told() {
        let subject = Subject::new("virtual_key", 7, "main");
        let actor = Actor { kind: "person", id: "u1".into(), name: "Ada".into() };
        let noted = Noted {
            action: "virtual_key.test".into(),
            actor: (&actor).into(),
            subject: (&subject).into(),
            signed_in_by: Some(SignedInBy::Password),
            credential_id: Some(Uuid::nil()),
            credential: "session x".into(),
            request_id: "r".into(),
            address: "192.0.2.7".into(),
            user_agent: "curl".into(),
        };
        let text = serde_json::to_string(&noted).unwrap();
        let read: Noted = serde_json::from_str(&text).unwrap();
        assert_eq!(read, noted);
        let (event, by, credential) = read.told(Timestamp(5)).expect("an event");
        assert_eq!((event.subject, by), (subject, actor));
        assert_eq!((event.changes[0].field.as_str(), &event.changes[0].now), (BEGUN, &Timestamp(5).rfc3339().into()));
        assert_eq!((credential.id, credential.signed_in_by), (Some(Uuid::nil()), Some(SignedInBy::Password)));
        let other = Noted { subject: Named { kind: "cat".into(), ..noted.subject.clone() }, ..noted };
        assert!(other.told(Timestamp(5)).is_none());
    }
}
