//! What a prompt that is tried with values comes to.

use crate::kernel::CallId;
use serde::{Deserialize, Serialize};

/// What a version that is not saved comes to with values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// The JSON of the request that would leave, laid out; empty where there is none.
    pub request: String,
    /// Why there is none.
    pub refusal: String,
    /// What is missing or not known, a sentence each.
    pub warnings: Vec<String>,
}

/// How a call that a person tries a prompt with has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The HTTP status; 200 where there is an answer.
    pub status: u16,
    /// Why there is no answer, or not all of it; may be empty.
    pub refusal: String,
    /// What the model read and wrote, as far as the provider says.
    pub tokens: Option<(u64, u64)>,
    /// By the price that is known of the model, in micro-cents.
    pub cost: Option<i64>,
    /// Milliseconds to the first piece of the answer, and to its end.
    pub first_ms: Option<u64>,
    pub took_ms: u64,
    /// By which the log knows it.
    pub call: CallId,
}

/// A part of what a prompt that is tried comes to, as it arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// What is sent, or why nothing is; the first.
    Filled(Filled),
    /// More of the answer.
    Text(String),
    /// The last.
    End(Answered),
}

/// What a prompt that is tried has come to so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    pub filled: Filled,
    pub text: String,
    /// None: it is still under way, or nothing was sent.
    pub end: Option<Answered>,
}

impl Ran {
    /// Takes the next piece in.
    pub fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Filled(filled) => self.filled = filled,
            Piece::Text(text) => self.text.push_str(&text),
            Piece::End(end) => self.end = Some(end),
        }
    }
}
