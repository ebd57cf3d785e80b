//! The personal values of events: the names of people, their addresses, and what else says something of a person.
//!
//! From version 3 on a body holds a commitment in the place of each. The value itself stands beside the body, with a random
//! salt, and can be deleted: then the commitment tells nothing any more, and the event is verified as before. docs/audit.md
//! has the form.

#[cfg(test)]
mod tests;

use super::{
    event::{Written, WrittenThing},
    schema::{self, Whose},
};
use crate::{
    kernel::{Result, UserId, text},
    server::{crypto::random, database::hex},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::fmt::{self, Write};
use uuid::Uuid;

/// What is hashed before salt and value.
const DOMAIN: &[u8] = b"latchkey personal v1\0";
/// Bytes of a salt. It is all that keeps a name or an address from being guessed out of its commitment.
const SALT: usize = 16;
/// From this version on bodies hold commitments.
const SINCE: u8 = 3;

/// SHA-256 over a salt and a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// Of a value as exact JSON.
    pub fn of(salt: &[u8], value: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(DOMAIN);
        hasher.update(salt);
        hasher.update(value.as_bytes());
        Self(hasher.finalize().into())
    }

    /// Reads the one form in which it is written.
    fn read(json: &str) -> Option<Self> {
        let digits = json.strip_prefix(r#"{"personal":""#)?.strip_suffix(r#""}"#)?;
        Some(Self(unhex(digits)?.try_into().ok()?))
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"{{"personal":"{}"}}"#, hex(&self.0))
    }
}

impl Serialize for Commitment {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form {
            personal: String,
        }
        Form { personal: hex(&self.0) }.serialize(serializer)
    }
}

/// What stands at a place where a personal value may stand.
#[derive(Clone, Debug)]
pub enum Said<T> {
    /// The value itself.
    Clear(T),
    /// The commitment to one that is not there: it stands beside the body, or was erased.
    Committed(Commitment),
}

impl<T> Said<T> {
    pub fn clear(&self) -> Option<&T> {
        match self {
            Said::Clear(value) => Some(value),
            Said::Committed(_) => None,
        }
    }
}

impl Said<String> {
    /// The text; an empty one where it is not there.
    pub fn text(&self) -> &str {
        self.clear().map_or("", String::as_str)
    }

    /// The text, or this in its place where it is not there.
    pub fn or<'a>(&'a self, instead: &'a str) -> &'a str {
        self.clear().map_or(instead, String::as_str)
    }
}

impl From<&str> for Said<String> {
    fn from(text: &str) -> Self {
        Said::Clear(text.to_owned())
    }
}

impl<T: Serialize> Serialize for Said<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Said::Clear(value) => value.serialize(serializer),
            Said::Committed(commitment) => commitment.serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Said<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        match Commitment::read(json.get()) {
            Some(commitment) => Ok(Said::Committed(commitment)),
            None => serde_json::from_str(json.get()).map(Said::Clear).map_err(D::Error::custom),
        }
    }
}

/// A place of a body where a personal value may stand. They are ordered by their numbers, which are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(i64);

impl Place {
    pub const ACTOR: Self = Self(0);
    pub const SUBJECT: Self = Self(1);
    pub const ADDRESS: Self = Self(2);
    pub const USER_AGENT: Self = Self(3);

    /// As it is kept in the database.
    pub const fn numbered(number: i64) -> Self {
        Self(number)
    }

    pub const fn number(self) -> i64 {
        self.0
    }

    const fn was(change: usize) -> Self {
        Self(4 + 2 * change as i64)
    }

    pub(super) const fn now(change: usize) -> Self {
        Self(5 + 2 * change as i64)
    }

    /// Reads a JSON Pointer (RFC 6901), as exports have it.
    pub fn parse(pointer: &str) -> Option<Self> {
        let place = match pointer {
            "/actor/name" => Self::ACTOR,
            "/subject/name" => Self::SUBJECT,
            "/address" => Self::ADDRESS,
            "/user_agent" => Self::USER_AGENT,
            _ => {
                let (change, side) = pointer.strip_prefix("/changes/")?.split_once('/')?;
                let change = change.parse::<u32>().ok()?;
                let first = 4 + 2 * i64::from(change);
                match side {
                    "was" => Self(first),
                    "now" => Self(first + 1),
                    _ => return None,
                }
            }
        };
        // One place has one name: `/changes/01/was` is none.
        (place.to_string() == pointer).then_some(place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ACTOR => f.write_str("/actor/name"),
            Self::SUBJECT => f.write_str("/subject/name"),
            Self::ADDRESS => f.write_str("/address"),
            Self::USER_AGENT => f.write_str("/user_agent"),
            Self(number) => {
                let side = if number % 2 == 0 { "was" } else { "now" };
                write!(f, "/changes/{}/{side}", number.saturating_sub(4).div_euclid(2))
            }
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let pointer = String::deserialize(deserializer)?;
        Self::parse(&pointer).ok_or_else(|| D::Error::custom("this is no place of an event"))
    }
}

/// A personal value that stands beside the body of its event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Personal {
    pub place: Place,
    #[serde(serialize_with = "as_hex", deserialize_with = "from_hex")]
    pub salt: Vec<u8>,
    /// The exact JSON that would stand in the place.
    pub value: String,
}

fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(bytes))
}

fn from_hex<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<u8>, D::Error> {
    unhex(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("these are no hexadecimal digits"))
}

/// Bytes from hexadecimal digits in lower case.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !text.bytes().all(is_digit) || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// JSON in its one written form: characters that could break a line or a terminal are escaped by JSON itself, the rest is kept.
pub(super) fn written(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    // JSON escapes controls below U+0020; these pass through it and could forge a line or its direction.
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if text::is_treacherous(c) {
            let _ = write!(safe, "\\u{:04x}", c as u32);
        } else {
            safe.push(c);
        }
    }
    safe
}

/// What stands at one place, whatever its type.
enum Slot<'a> {
    Text(&'a mut Said<String>),
    Json(&'a mut Said<Box<RawValue>>),
}

impl Slot<'_> {
    fn commitment(&self) -> Option<Commitment> {
        match self {
            Slot::Text(Said::Committed(commitment)) | Slot::Json(Said::Committed(commitment)) => Some(*commitment),
            Slot::Text(Said::Clear(_)) | Slot::Json(Said::Clear(_)) => None,
        }
    }

    /// The exact JSON that stands there.
    fn json(&self) -> String {
        match self {
            Slot::Text(said) => written(said),
            Slot::Json(said) => written(said),
        }
    }

    fn commit(&mut self, commitment: Commitment) {
        match self {
            Slot::Text(said) => **said = Said::Committed(commitment),
            Slot::Json(said) => **said = Said::Committed(commitment),
        }
    }

    /// Puts a value there; false: it is none that can stand there.
    fn put(&mut self, value: &str) -> bool {
        match self {
            Slot::Text(said) => serde_json::from_str(value).map(|text| **said = Said::Clear(text)).is_ok(),
            Slot::Json(said) => serde_json::from_str(value).map(|json| **said = Said::Clear(json)).is_ok(),
        }
    }
}

impl Written {
    /// The places where a personal value may stand, in their order.
    fn slots(&mut self) -> impl Iterator<Item = (Place, Slot<'_>)> {
        let Written { actor, subject, address, user_agent, changes, .. } = self;
        let texts = [
            (Place::ACTOR, &mut actor.name),
            (Place::SUBJECT, &mut subject.name),
            (Place::ADDRESS, address),
            (Place::USER_AGENT, user_agent),
        ];
        let changes = changes.iter_mut().enumerate().flat_map(|(number, change)| {
            [(Place::was(number), Slot::Json(&mut change.was)), (Place::now(number), Slot::Json(&mut change.now))]
        });
        texts.into_iter().map(|(place, text)| (place, Slot::Text(text))).chain(changes)
    }

    /// Whether commitments stand only where its version has them: before version 3 whatever looks like one is a value.
    pub(super) fn settle_commitments(&mut self) -> bool {
        if self.v >= SINCE {
            return true;
        }
        self.slots().all(|(_, mut slot)| match slot.commitment() {
            None => true,
            Some(commitment) => matches!(slot, Slot::Json(_)) && slot.put(&commitment.to_string()),
        })
    }

    /// How many commitments stand in it without their values.
    pub fn missing(&mut self) -> u64 {
        if self.v < SINCE {
            return 0;
        }
        self.slots().map(|(_, slot)| u64::from(slot.commitment().is_some())).sum()
    }

    /// Puts personal values back into their places. Each is held against its commitment.
    ///
    /// # Errors
    /// What is wrong with the first that does not fit. Those before it, and none behind it, are put back.
    pub fn put_back(&mut self, personal: &[Personal]) -> std::result::Result<(), &'static str> {
        let is_ordered = personal.windows(2).all(|two| matches!(two, [one, next] if one.place < next.place));
        if !is_ordered {
            return Err(DISORDER);
        }
        if personal.is_empty() {
            return Ok(());
        }
        let is_new = self.v >= SINCE;
        let mut values = personal.iter().peekable();
        for (place, mut slot) in self.slots() {
            let Some(value) = values.next_if(|value| value.place == place) else { continue };
            let commitment = slot.commitment().filter(|_| is_new).ok_or(NOWHERE)?;
            if value.salt.len() != SALT || Commitment::of(&value.salt, &value.value) != commitment {
                return Err(ANOTHER);
            }
            if !slot.put(&value.value) {
                return Err(ANOTHER);
            }
        }
        if values.next().is_some() { Err(NOWHERE) } else { Ok(()) }
    }

    /// Whose value it is that stands at a place, as far as the event tells.
    pub fn person_of(&self, place: Place) -> Option<Uuid> {
        let id = |thing: &WrittenThing| thing.id.parse::<Uuid>().ok();
        let actor = || Some(&self.actor).filter(|actor| actor.kind == "person").and_then(id);
        let subject = || match self.subject.kind.as_str() {
            "account" | "member" => id(&self.subject),
            "session" => actor(),
            // Whoever answers an invitation is the one whom it names.
            "invitation" if ANSWERS.contains(&self.action.as_str()) => actor(),
            _ => None,
        };
        match place {
            Place::ACTOR => actor(),
            Place::SUBJECT => subject(),
            // Nobody is known yet who signs in, and the account is.
            Place::ADDRESS | Place::USER_AGENT if self.actor.kind == "nobody" => subject(),
            Place::ADDRESS | Place::USER_AGENT => actor(),
            Place(number) => {
                let change = usize::try_from(number.saturating_sub(4) / 2).ok()?;
                match schema::whose(&self.action, &self.changes.get(change)?.field)? {
                    Whose::Actors => actor(),
                    Whose::Subjects => subject(),
                    Whose::Others => None,
                }
            }
        }
    }

    /// Whether what stands at a place says something of a person.
    fn is_personal(&self, place: Place) -> bool {
        match place {
            Place::ACTOR => self.actor.kind == "person",
            Place::SUBJECT => schema::PEOPLE.contains(&self.subject.kind.as_str()),
            Place::ADDRESS | Place::USER_AGENT => true,
            Place(number) => {
                let change = usize::try_from(number.saturating_sub(4) / 2).unwrap_or_default();
                let field = self.changes.get(change).map_or("", |change| change.field.as_str());
                schema::whose(&self.action, field).is_some()
            }
        }
    }

    /// Takes the personal values out, and leaves commitments in their places. Gives each with the person whose it is: these are of
    /// some places, where the event itself does not tell.
    ///
    /// # Errors
    /// When there are no random numbers.
    pub(super) fn take_out(&mut self, people: &[(Place, UserId)]) -> Result<Vec<(Personal, Option<Uuid>)>> {
        let mut places: Vec<(Place, String)> = self.slots().map(|(place, slot)| (place, slot.json())).collect();
        let named = |place: Place| people.iter().find(|(of, _)| *of == place).map(|(_, person)| person.0);
        // What looks like a commitment and is a value must not be taken for one.
        places.retain(|(place, json)| {
            let is_nothing = matches!(json.as_str(), r#""""# | "null" | "[]" | "{}");
            let is_personal = self.is_personal(*place) || named(*place).is_some();
            !is_nothing && (is_personal || Commitment::read(json).is_some())
        });
        let salts = random(SALT * places.len())?;
        let personal: Vec<Personal> = places
            .into_iter()
            .zip(salts.chunks_exact(SALT))
            .map(|((place, value), salt)| Personal { place, salt: salt.to_vec(), value })
            .collect();
        let mut next = personal.iter().peekable();
        for (place, mut slot) in self.slots() {
            if let Some(value) = next.next_if(|value| value.place == place) {
                slot.commit(Commitment::of(&value.salt, &value.value));
            }
        }
        let of = |place: Place| named(place).or_else(|| self.person_of(place));
        let people: Vec<_> = personal.iter().map(|personal| of(personal.place)).collect();
        Ok(personal.into_iter().zip(people).collect())
    }
}

/// The acts of whom an invitation names.
const ANSWERS: [&str; 3] = ["invitation.accept", "invitation.decline", "invitation.join"];

const DISORDER: &str = "the personal values beside it stand twice, or in another order";
const NOWHERE: &str = "a personal value beside it has no commitment in it";
const ANOTHER: &str = "a personal value beside it is not the one that was hashed";
/// Of a row in the database.
pub(super) const OF_ANOTHER: &str = "a personal value beside it is kept as that of another person";
/// Of a row in the database.
pub(super) const STRAY: &str = "there are personal values beside an event that is not there";
