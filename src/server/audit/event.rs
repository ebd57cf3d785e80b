//! What an event says, and its one written form.

use super::personal::{Place, Said, written};
use crate::kernel::{Error, Timestamp, UserId, text};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, value::RawValue};
use uuid::Uuid;

/// The version of the form in which bodies are written. Older ones stay as they are, and are read.
pub const VERSION: u8 = 3;

/// How the act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Done; the change and this event are one transaction.
    Done,
    /// The policy said no; nothing was changed.
    Refused,
    /// It could not be done; nothing was changed.
    Failed,
    /// It was cut off before anybody knew what came of it.
    Unknown,
}

impl Outcome {
    pub const ALL: [Outcome; 4] = [Outcome::Done, Outcome::Refused, Outcome::Failed, Outcome::Unknown];

    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        }
    }
}

/// How whoever acts has proven who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedInBy {
    /// By the password with which the session began.
    Password,
    /// By the password once more, a short while ago, as is asked for before what gives or takes the highest rights.
    PasswordAgain,
    /// By the link of an invitation, with which the account was made.
    Invitation,
    /// By a link that sets a new password.
    ResetLink,
    /// By the secret that the server printed for its first Owner.
    Setup,
    /// By the secret of an API key.
    ApiKey,
    /// A command of the program, run by whoever rules its machine.
    Command,
    /// Not at all: the program acts by itself.
    System,
}

impl SignedInBy {
    pub const ALL: [SignedInBy; 8] = [
        SignedInBy::Password,
        SignedInBy::PasswordAgain,
        SignedInBy::Invitation,
        SignedInBy::ResetLink,
        SignedInBy::Setup,
        SignedInBy::ApiKey,
        SignedInBy::Command,
        SignedInBy::System,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            SignedInBy::Password => "password",
            SignedInBy::PasswordAgain => "password_again",
            SignedInBy::Invitation => "invitation",
            SignedInBy::ResetLink => "reset_link",
            SignedInBy::Setup => "setup",
            SignedInBy::ApiKey => "api_key",
            SignedInBy::Command => "command",
            SignedInBy::System => "system",
        }
    }
}

/// What a request came with, as events name it: never a secret, nor a digest of one.
#[derive(Clone, Debug, Default)]
pub struct Credential {
    /// `session ID`, `key ID`, `command`, or empty.
    pub name: String,
    /// The id of the session, or of the key's secret, by which the same one is found again. None: there is neither.
    pub id: Option<Uuid>,
    /// None: nobody is known, several are counted together, or the session began before this was kept.
    pub signed_in_by: Option<SignedInBy>,
}

/// Who acted, as they were named then.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Actor {
    /// `person`, `api_key`, `nobody` or `system`.
    pub kind: &'static str,
    pub id: String,
    pub name: String,
}

/// What was acted upon, as it was named then.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Subject {
    /// `api_key`, `member`, …
    pub kind: &'static str,
    pub id: String,
    pub name: String,
}

/// Longest id of a subject, in characters: a UUID has 36, a slug 40 at most.
const ID_LIMIT: usize = 40;
/// Longest name of a subject, in characters: a person's name of 100 and an address of 254, with what stands around them.
const NAME_LIMIT: usize = 400;

impl Subject {
    /// A refused caller names things as they like: what they wrote is cut to what a thing can be called.
    pub fn new(kind: &'static str, id: impl ToString, name: impl Into<String>) -> Self {
        let cut = |text: String, limit| text::cut(&text, limit).to_owned();
        Self { kind, id: cut(id.to_string(), ID_LIMIT), name: cut(name.into(), NAME_LIMIT) }
    }

    /// The thing is not known by name yet, or there is none.
    pub fn unnamed(kind: &'static str, id: impl ToString) -> Self {
        Self::new(kind, id, "")
    }
}

/// One field before and after. Secrets stand here only as a word such as `set` or `changed`.
#[derive(Clone, Debug, Serialize)]
pub struct FieldChange {
    pub field: String,
    pub was: Value,
    pub now: Value,
}

/// What an operation says of its change.
#[derive(Clone, Debug)]
pub struct Event {
    pub subject: Subject,
    pub changes: Vec<FieldChange>,
    /// Whom values name, by their places, where the event itself does not tell.
    pub people: Vec<(Place, UserId)>,
}

impl Event {
    pub fn of(subject: Subject) -> Self {
        Self { subject, changes: vec![], people: vec![] }
    }

    /// Notes a field, if it differs.
    #[must_use]
    pub fn change(mut self, field: &str, was: impl Into<Value>, now: impl Into<Value>) -> Self {
        let (was, now) = (was.into(), now.into());
        if was != now {
            self.changes.push(FieldChange { field: field.to_owned(), was, now });
        }
        self
    }

    /// Notes a field of something new.
    #[must_use]
    pub fn with(self, field: &str, now: impl Into<Value>) -> Self {
        self.change(field, Value::Null, now)
    }

    /// The same, which names a person: where that is erased, so is this.
    #[must_use]
    pub fn with_name(self, field: &str, name: impl Into<Value>, person: Option<UserId>) -> Self {
        let place = Place::now(self.changes.len());
        let mut event = self.with(field, name);
        event.people.extend(person.map(|person| (place, person)));
        event
    }

    /// Says that the subject is named after a person: where that is erased, so is its name.
    #[must_use]
    pub fn named_after(mut self, person: UserId) -> Self {
        self.people.push((Place::SUBJECT, person));
        self
    }
}

/// The whole event: one JSON object, one line. What is personal stands in it in clear.
#[derive(Serialize)]
pub struct Body<'a> {
    pub v: u8,
    pub id: Uuid,
    pub at: String,
    pub action: &'a str,
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// More than one: that many alike in a short time, grouped.
    #[serde(skip_serializing_if = "is_one")]
    pub count: u64,
    pub actor: &'a Actor,
    /// From version 2 on; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_in_by: Option<Option<SignedInBy>>,
    /// From version 2 on; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<Option<Uuid>>,
    /// The session or key that was used.
    pub credential: &'a str,
    pub subject: &'a Subject,
    pub changes: &'a [FieldChange],
    pub request_id: &'a str,
    pub address: &'a str,
    pub user_agent: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(count: &u64) -> bool {
    *count == 1
}

impl Body<'_> {
    /// The exact bytes.
    pub fn bytes(&self) -> String {
        written(self)
    }

    /// The same as it is read.
    pub(super) fn said(&self) -> Result<Written, Error> {
        serde_json::from_str(&self.bytes()).map_err(|_| Error::internal())
    }
}

/// A body read back. Its fields are those of [`Body`], in the same order. From version 3 on commitments stand in it in the places
/// of what is personal, until that is put back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    pub v: u8,
    pub id: Uuid,
    pub at: String,
    pub action: String,
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u64,
    pub actor: WrittenThing,
    /// From version 2 on; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub signed_in_by: Option<Option<SignedInBy>>,
    /// From version 2 on; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub credential_id: Option<Option<Uuid>>,
    pub credential: String,
    pub subject: WrittenThing,
    pub changes: Vec<WrittenChange>,
    pub request_id: String,
    pub address: Said<String>,
    pub user_agent: Said<String>,
}

/// Who acted, or what was acted upon.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenThing {
    pub kind: String,
    pub id: String,
    pub name: Said<String>,
}

/// One field before and after, as it was written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenChange {
    pub field: String,
    pub was: Said<Box<RawValue>>,
    pub now: Said<Box<RawValue>>,
}

fn one() -> u64 {
    1
}

/// What stands there, `null` too. What does not stand there is left out.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl Written {
    /// Reads a body of any version there was, as it is hashed. None: these bytes were not written by [`Written::text`].
    pub fn read(body: &str) -> Option<Self> {
        let mut read = serde_json::from_str::<Self>(body).ok()?;
        (read.is_of_its_version() && read.settle_commitments() && read.text() == body).then_some(read)
    }

    /// The exact bytes of what it says.
    pub fn text(&self) -> String {
        written(self)
    }

    /// Has the members of its version, and no others.
    fn is_of_its_version(&self) -> bool {
        let newer = [self.signed_in_by.is_some(), self.credential_id.is_some()];
        match self.v {
            1 => newer == [false, false],
            2..=VERSION => newer == [true, true],
            _ => false,
        }
    }

    /// How whoever acted had proven who they are. None: it is not known, or the event does not say it yet.
    pub fn signed_in_by(&self) -> Option<SignedInBy> {
        self.signed_in_by.flatten()
    }

    /// The id of the session, or of the key's secret. None: there was neither, or the event does not say it yet.
    pub fn credential_id(&self) -> Option<Uuid> {
        self.credential_id.flatten()
    }
}

/// The event's time in its written form; never before the event it follows.
pub fn at_least(now: Timestamp, previous: Timestamp) -> Timestamp {
    now.max(previous)
}
