//! What guardrails look for. A check is read from its id and parameters, and judges without input or output; what needs
//! the network (a webhook, a key set) is told what came of that.
//!
//! The ids and parameters are those of existing clients. Where a check judges otherwise than they may be used to, its
//! file says so.

mod case;
mod code;
mod counts;
mod jwt;
mod models;
mod parameters;
mod patterns;
mod personal;
mod regular;
mod request;
mod schema;
pub(super) mod search;
mod secrets;
mod urls;
mod webhook;
mod words;

use super::{Fault, HashKey, Mark, MayCall, Side};
use parameters::Parameters;
use serde_json::Value;
use std::collections::BTreeMap;

pub use jwt::{Jwt, KeySet};
pub use webhook::{Webhook, webhook_answer};

/// A thing that is judged alone: a message of a request, a choice of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// Its texts, joined by one line feed.
    pub text: String,
    pub calls_tools: bool,
}

/// What a check judges.
#[derive(Debug)]
pub struct Scene<'a> {
    pub side: Side,
    pub units: &'a [Unit],
    /// The JSON text of the arguments of each tool call.
    pub arguments: &'a [String],
    /// The same of whatever else can be read.
    pub asides: &'a [String],
    /// The model really called, without a virtual key's slug.
    pub model: &'a str,
    /// The contract's name of the endpoint, such as `chatComplete`.
    pub request_type: &'a str,
    pub metadata: &'a BTreeMap<String, String>,
    /// The body of the request, as JSON text.
    pub request: &'a str,
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub outcome: Outcome,
    /// Names and counts of what was found. It never quotes what was judged.
    pub data: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fail,
    /// It could not judge; why.
    Error(String),
}

impl Found {
    /// The verdict of a check that has judged.
    pub(super) fn verdict(holds: bool, data: Value) -> Self {
        Self { outcome: if holds { Outcome::Pass } else { Outcome::Fail }, data }
    }

    pub(super) fn error(message: impl Into<String>) -> Self {
        Self { outcome: Outcome::Error(message.into()), data: Value::Null }
    }

    /// There is nothing that could be judged.
    pub(super) fn no_text() -> Self {
        Self::error("There is no text to judge.")
    }
}

/// Takes what a check finds out of texts. It remembers what it has seen, so that the same is called the same everywhere.
pub trait Rewriting {
    /// The text without what was found in it; `None` where nothing was.
    fn text(&mut self, text: &str) -> Option<String>;
    /// Whether it also changes the names of members, where arguments have such a name.
    fn names(&self) -> bool {
        false
    }
    /// What was found in all of them. `had_text` tells whether there was any text at all.
    fn found(&self, had_text: bool) -> Found;
}

/// A check that can be run.
#[derive(Debug)]
pub enum Check {
    Text(TextCheck),
    Prefix(Prefix),
    Webhook(Webhook),
    Jwt(Jwt),
}

/// A check that needs nothing but what it judges.
#[derive(Debug)]
pub enum TextCheck {
    Regex(regular::Match),
    Replace(regular::Replace),
    Words(words::Contains),
    EndsWith(words::EndsWith),
    Count(counts::Count),
    Case(case::LetterCase),
    NotNull(case::NotNull),
    Code(code::Code),
    Urls(urls::Urls),
    Schema(schema::Schema),
    Keys(schema::Keys),
    Models(models::List),
    ModelRules(models::Rules),
    RequestTypes(request::Types),
    MetadataKeys(request::MetadataKeys),
    MetadataPairs(request::MetadataPairs),
    RequestParameters(request::Members),
    Personal(personal::Personal),
    Secrets(secrets::Secrets),
}

/// A text that is put before a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    pub prefix: String,
    pub role: String,
    pub add_to_existing: bool,
    pub only_if_empty: bool,
}

impl Check {
    /// Reads a check. `at` is its place, such as `checks[0]`.
    ///
    /// # Errors
    /// All faults at once.
    pub fn compile(id: &str, parameters: &Value, at: &str, may_call: MayCall<'_>) -> Result<Self, Vec<Fault>> {
        let Value::Object(members) = parameters else {
            let message = "The parameters must be an object.";
            return Err(vec![Fault::new(format!("{at}.parameters"), "invalid_value", message)]);
        };
        let mut read = Parameters::new(members, format!("{at}.parameters"));
        // Both ways of writing that clients have.
        let name = id.strip_prefix("default.").map(str::to_ascii_lowercase);
        let check = match (id, name.as_deref()) {
            ("portkey.pii", _) => personal::compile(&mut read).map(TextCheck::Personal).map(Check::Text),
            ("latchkey.secrets", _) => secrets::compile(&mut read).map(TextCheck::Secrets).map(Check::Text),
            (_, Some(name)) => match name {
                "regexmatch" => regular::Match::read(&mut read).map(TextCheck::Regex).map(Check::Text),
                "regexreplace" => regular::Replace::read(&mut read).map(TextCheck::Replace).map(Check::Text),
                "contains" => words::Contains::read(&mut read).map(TextCheck::Words).map(Check::Text),
                "endswith" => words::EndsWith::read(&mut read).map(TextCheck::EndsWith).map(Check::Text),
                "wordcount" => count(counts::What::Words, &mut read),
                "sentencecount" => count(counts::What::Sentences, &mut read),
                "charactercount" => count(counts::What::Characters, &mut read),
                "alllowercase" | "isalllowercase" => letters(false, &mut read),
                "alluppercase" | "isalluppercase" => letters(true, &mut read),
                "notnull" => Some(Check::Text(TextCheck::NotNull(case::NotNull::read(&mut read)))),
                "containscode" => code::Code::read(&mut read).map(TextCheck::Code).map(Check::Text),
                "validurls" => Some(Check::Text(TextCheck::Urls(urls::Urls::read(&mut read)))),
                "jsonschema" => schema::Schema::read(&mut read).map(TextCheck::Schema).map(Check::Text),
                "jsonkeys" => schema::Keys::read(&mut read).map(TextCheck::Keys).map(Check::Text),
                "modelwhitelist" => models::List::read(&mut read).map(TextCheck::Models).map(Check::Text),
                "modelrules" => models::Rules::read(&mut read).map(TextCheck::ModelRules).map(Check::Text),
                "allowedrequesttypes" => request::Types::read(&mut read).map(TextCheck::RequestTypes).map(Check::Text),
                "requiredmetadatakeys" => {
                    request::MetadataKeys::read(&mut read).map(TextCheck::MetadataKeys).map(Check::Text)
                }
                "requiredmetadatakeypairs" | "requiredmetadatakeyvaluepairs" => {
                    request::MetadataPairs::read(&mut read).map(TextCheck::MetadataPairs).map(Check::Text)
                }
                "requestparameterscheck" => {
                    request::Members::read(&mut read).map(TextCheck::RequestParameters).map(Check::Text)
                }
                "addprefix" => Prefix::read(&mut read).map(Check::Prefix),
                "webhook" => webhook::compile(&mut read, may_call).map(Check::Webhook),
                "jwt" => jwt::compile(&mut read, may_call).map(Check::Jwt),
                _ => return Err(vec![no_such(id, at)]),
            },
            _ => return Err(vec![no_such(id, at)]),
        };
        let faults = read.finish();
        match check {
            Some(check) if faults.is_empty() => Ok(check),
            None if faults.is_empty() => Err(vec![no_such(id, at)]),
            _ => Err(faults),
        }
    }

    /// Whether it says nothing about answers.
    pub fn only_requests(&self) -> bool {
        match self {
            Check::Prefix(_) | Check::Jwt(_) => true,
            Check::Text(check) => !check.looks_at_words(),
            Check::Webhook(_) => false,
        }
    }

    /// Whether it judges every call, also one that says nothing and asks no model, as for an answer that is stored.
    pub fn judges_who_calls(&self) -> bool {
        match self {
            Check::Jwt(_) => true,
            Check::Text(check) => {
                matches!(check, TextCheck::MetadataKeys(_) | TextCheck::MetadataPairs(_) | TextCheck::RequestTypes(_))
            }
            Check::Prefix(_) | Check::Webhook(_) => false,
        }
    }

    /// Whether an answer that it lets pass has no beginning that it would not: it looks for what must not be there.
    pub fn judges_beginnings(&self) -> bool {
        let Check::Text(check) = self else { return false };
        match check {
            TextCheck::Regex(check) => check.forbids(),
            TextCheck::Words(check) => check.forbids(),
            TextCheck::Code(check) => check.forbids(),
            TextCheck::Personal(_) | TextCheck::Secrets(_) => !self.rewrites(),
            _ => false,
        }
    }

    /// Whether it may change what it judges.
    pub fn rewrites(&self) -> bool {
        match self {
            Check::Prefix(_) | Check::Webhook(_) => true,
            Check::Text(check) => check.rewriting(&[0; 32]).is_some(),
            Check::Jwt(_) => false,
        }
    }
}

impl TextCheck {
    /// Whether it judges what is said, not which model is called or what the request tells of itself.
    pub fn looks_at_words(&self) -> bool {
        !matches!(
            self,
            TextCheck::Models(_)
                | TextCheck::ModelRules(_)
                | TextCheck::RequestTypes(_)
                | TextCheck::MetadataKeys(_)
                | TextCheck::MetadataPairs(_)
                | TextCheck::RequestParameters(_)
        )
    }

    /// Judges what does not change it.
    pub fn judge(&self, scene: &Scene<'_>) -> Found {
        match self {
            TextCheck::Regex(check) => check.judge(scene),
            TextCheck::Replace(check) => check.judge(scene),
            TextCheck::Words(check) => check.judge(scene),
            TextCheck::EndsWith(check) => check.judge(scene),
            TextCheck::Count(check) => check.judge(scene),
            TextCheck::Case(check) => check.judge(scene),
            TextCheck::NotNull(check) => check.judge(scene),
            TextCheck::Code(check) => check.judge(scene),
            TextCheck::Urls(check) => check.judge(scene),
            TextCheck::Schema(check) => check.judge(scene),
            TextCheck::Keys(check) => check.judge(scene),
            TextCheck::Models(check) => check.judge(scene),
            TextCheck::ModelRules(check) => check.judge(scene),
            TextCheck::RequestTypes(check) => check.judge(scene),
            TextCheck::MetadataKeys(check) => check.judge(scene),
            TextCheck::MetadataPairs(check) => check.judge(scene),
            TextCheck::RequestParameters(check) => check.judge(scene),
            TextCheck::Personal(check) => check.judge(scene),
            TextCheck::Secrets(check) => check.judge(scene),
        }
    }

    /// What takes out of texts what it finds, for those that do.
    pub fn rewriting<'a>(&'a self, key: &'a HashKey) -> Option<Box<dyn Rewriting + Send + 'a>> {
        match self {
            TextCheck::Replace(check) => Some(check.rewriting()),
            TextCheck::Personal(check) => check.rewriting(key),
            TextCheck::Secrets(check) => check.rewriting(key),
            _ => None,
        }
    }

    /// The places in a text that it finds, where it looks for places.
    pub fn marks(&self, text: &str) -> Vec<Mark> {
        match self {
            TextCheck::Regex(check) => check.marks(text),
            TextCheck::Replace(check) => check.marks(text),
            TextCheck::Words(check) => check.marks(text),
            TextCheck::Personal(check) => check.marks(text),
            TextCheck::Secrets(check) => check.marks(text),
            _ => vec![],
        }
    }
}

fn no_such(id: &str, at: &str) -> Fault {
    let shown: String = id.chars().take(60).collect();
    Fault::new(format!("{at}.id"), "unknown_check", format!("There is no check `{shown}`."))
}

fn count(what: counts::What, read: &mut Parameters<'_>) -> Option<Check> {
    counts::Count::read(what, read).map(TextCheck::Count).map(Check::Text)
}

fn letters(upper: bool, read: &mut Parameters<'_>) -> Option<Check> {
    Some(Check::Text(TextCheck::Case(case::LetterCase::read(upper, read))))
}

impl Prefix {
    fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let prefix = read.text("prefix", 10_000)?;
        let role = read.choice("applyToRole", &["user", "system", "assistant", "developer"], "user");
        let add_to_existing = read.flag_or("addToExisting", true);
        let only_if_empty = read.flag_or("onlyIfEmpty", false);
        Some(Self { prefix, role: role.to_owned(), add_to_existing, only_if_empty })
    }
}

#[cfg(test)]
mod tests;
