//! What a checkpoint says, and its one written form. Pure, so that whoever verifies a file computes the same.

use crate::{
    kernel::{OrganisationId, Timestamp},
    server::{
        audit::chain::Hash,
        crypto::{PublicKey, Signature, SigningKey},
        database::hex,
    },
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};

/// What the first checkpoint of a chain follows.
pub const FIRST: Hash = [0; 32];

/// What goes before the bytes that are signed, so that no signature fits anything else.
const OF_CHECKPOINT: &[u8] = b"latchkey checkpoint v1\0";
const OF_KEY: &[u8] = b"latchkey audit key v1\0";

/// Bytes as hexadecimal digits in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; N];
        if text.len() != 2 * N || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(D::Error::custom("hexadecimal digits in lower case are missing"));
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(D::Error::custom)?;
        }
        Ok(Self(bytes))
    }
}

/// Where a chain stood at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    pub v: u8,
    /// Nil: the installation's own chain.
    pub organisation: OrganisationId,
    /// How many events the chain had, which is the number of the last.
    pub seq: i64,
    /// The hash of that event.
    pub hash: Hex<32>,
    /// When the checkpoint was made, as RFC 3339 in UTC with milliseconds.
    pub at: String,
    /// The hash of the checkpoint before; [`FIRST`] if there is none.
    pub previous: Hex<32>,
    /// The public key that its signature fits.
    pub key: Hex<32>,
}

/// That a key signs from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    pub v: u8,
    /// 1 for the first key.
    pub generation: i64,
    pub public_key: Hex<32>,
    pub at: String,
    /// The public key that its signature fits: of the generation before; of the first key, itself.
    pub key: Hex<32>,
}

/// What can be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Statement {
    Checkpoint(Checkpoint),
    Key(NewKey),
}

impl Statement {
    fn at(&self) -> &str {
        match self {
            Self::Checkpoint(Checkpoint { at, .. }) | Self::Key(NewKey { at, .. }) => at,
        }
    }

    fn is_sound(&self) -> bool {
        let counts = match self {
            Self::Checkpoint(checkpoint) => checkpoint.v == 1 && checkpoint.seq > 0,
            Self::Key(key) => key.v == 1 && key.generation > 0,
        };
        counts && Timestamp::parse(self.at()).is_some_and(|at| at.rfc3339() == self.at())
    }

    fn read(body: &str) -> Option<Self> {
        let read: Self = serde_json::from_str(body).ok()?;
        (read.is_sound() && written(&read) == body).then_some(read)
    }
}

fn written(of: &impl Serialize) -> String {
    serde_json::to_string(of).unwrap_or_default()
}

/// A line of a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    body: std::borrow::Cow<'a, str>,
    signature: Hex<64>,
}

/// A statement with its signature, which nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub statement: Statement,
    /// The statement as it was written.
    pub body: String,
    pub signature: Signature,
}

impl Signed {
    /// Signs. The statement must name this key.
    pub fn new(statement: Statement, key: &SigningKey) -> Self {
        let body = written(&statement);
        let signature = key.sign(&message(&statement, &body));
        Self { statement, body, signature }
    }

    /// What stands in the database. None: it was not written by Latchkey.
    pub fn stored(body: &str, signature: &[u8]) -> Option<Self> {
        let signature = signature.try_into().ok()?;
        Some(Self { statement: Statement::read(body)?, body: body.to_owned(), signature })
    }

    /// Reads a line, without its end. None: it is in any other form than the one that is written.
    pub fn read(line: &str) -> Option<Self> {
        let read: Line<'_> = serde_json::from_str(line).ok()?;
        let signed = Self::stored(&read.body, &read.signature.0)?;
        (signed.line() == line).then_some(signed)
    }

    /// The line of a file, without its end.
    pub fn line(&self) -> String {
        written(&Line { body: (&*self.body).into(), signature: Hex(self.signature) })
    }

    /// The exact bytes that are signed.
    pub fn message(&self) -> Vec<u8> {
        message(&self.statement, &self.body)
    }

    /// What the next checkpoint of the chain names: SHA-256 of what is signed.
    pub fn hash(&self) -> Hash {
        Sha256::digest(self.message()).into()
    }

    /// The key that it says it is signed with.
    pub fn key(&self) -> PublicKey {
        match &self.statement {
            Statement::Checkpoint(Checkpoint { key, .. }) | Statement::Key(NewKey { key, .. }) => PublicKey(key.0),
        }
    }

    /// Whether the signature fits that key. Whether the key is to be trusted is another question.
    pub fn is_signed(&self) -> bool {
        self.key().verifies(&self.message(), &self.signature)
    }

    /// When it was made.
    pub fn at(&self) -> Timestamp {
        Timestamp::parse(self.statement.at()).unwrap_or_default()
    }

    /// The checkpoint that it is, if it is one.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        match &self.statement {
            Statement::Checkpoint(checkpoint) => Some(checkpoint),
            Statement::Key(_) => None,
        }
    }
}

fn message(statement: &Statement, body: &str) -> Vec<u8> {
    let of = match statement {
        Statement::Checkpoint(_) => OF_CHECKPOINT,
        Statement::Key(_) => OF_KEY,
    };
    [of, body.as_bytes()].concat()
}

/// A checkpoint, signed.
pub fn checkpoint(
    (organisation, seq, hash): (OrganisationId, i64, Hash),
    at: Timestamp,
    previous: Hash,
    key: &SigningKey,
) -> Signed {
    let checkpoint = Checkpoint {
        v: 1,
        organisation,
        seq,
        hash: Hex(hash),
        at: at.rfc3339(),
        previous: Hex(previous),
        key: Hex(key.public().0),
    };
    Signed::new(Statement::Checkpoint(checkpoint), key)
}

/// That the key of this generation signs from now on, signed by the one before it; the first one by itself.
pub fn new_key(generation: i64, key: &SigningKey, by: &SigningKey, at: Timestamp) -> Signed {
    let new = NewKey { v: 1, generation, public_key: Hex(key.public().0), at: at.rfc3339(), key: Hex(by.public().0) };
    Signed::new(Statement::Key(new), by)
}
