//! Reads a config's JSON level by level, and finds everything that is wrong with it. Here are the text and its levels; each
//! kind of thing that may stand in a level is read in a file of its own.

mod conditions;
mod guards;
mod headers;
mod lines;
mod members;
mod settings;
mod strategy;
mod targets;
mod values;

pub use lines::Lines;

use super::MAX_TEXT;
use super::level::Level;
use crate::kernel::Fault;
use crate::kernel::json::{self, Node, Value, Why, below};
use std::borrow::Cow;

/// The most faults that are told at once, in the order of the text.
const MAX_FAULTS: usize = 100;
/// The longest name of a target or slug, in bytes.
const MAX_NAME: usize = 128;

/// A fault, its place in bytes.
struct Found {
    at: usize,
    path: String,
    code: Cow<'static, str>,
    message: String,
}

/// What was read, and everything that is wrong with it, in the order of the text. Nothing is read where the text is no JSON.
pub fn read(text: &str) -> (Option<Level>, Vec<Fault>) {
    let mut reader = Reader { text, found: vec![], targets: 0, patterns: 0, checks: 0 };
    let level = reader.config();
    reader.found.sort_by_key(|found| found.at);
    reader.found.truncate(MAX_FAULTS);
    let lines = Lines::new(text);
    let faults = reader.found.into_iter().map(|Found { at, path, code, message }| {
        let (line, column) = lines.place(at);
        Fault { path, line, column, code: code.into_owned(), message }
    });
    (level, faults.collect())
}

struct Reader<'t> {
    text: &'t str,
    found: Vec<Found>,
    targets: usize,
    patterns: usize,
    /// Of the guardrails that stand in the text itself.
    checks: usize,
}

/// A member as it is read: its path, and its value.
struct Piece<'n> {
    path: String,
    node: &'n Node,
}

impl Reader<'_> {
    fn fault(
        &mut self,
        at: usize,
        path: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) {
        // Far more are never told; what they would take is not the caller's to choose.
        if self.found.len() < 10 * MAX_FAULTS {
            self.found.push(Found { at, path: path.into(), code: code.into(), message: message.into() });
        }
    }

    fn wrong(&mut self, part: &Piece<'_>, message: impl Into<String>) {
        self.fault(part.node.at.start, part.path.clone(), "invalid_value", message);
    }

    fn config(&mut self) -> Option<Level> {
        if self.text.len() > MAX_TEXT {
            self.fault(0, "", "too_large", "A config can be at most 64 KiB long.");
            return None;
        }
        let (root, twice) = match json::read(self.text) {
            Ok(read) => read,
            Err(unreadable) => {
                let (code, message) = match unreadable.why {
                    Why::Syntax if unreadable.at >= self.text.len() => {
                        ("invalid_json", "The JSON text ends too early.")
                    }
                    Why::Syntax => ("invalid_json", "This is not valid JSON from here on."),
                    Why::TooDeep => ("too_deep", "The JSON text is nested more than 64 levels deep."),
                    Why::Number => ("invalid_json", "This number is too large."),
                };
                self.fault(unreadable.at, "", code, message);
                return None;
            }
        };
        for twice in twice {
            self.fault(twice.at, twice.path, "duplicate_key", "This key appears twice in one object.");
        }
        if !matches!(root.value, Value::Object(_)) {
            self.fault(root.at.start, "", "not_an_object", "A config must be a JSON object.");
            return None;
        }
        let clean = self.found.is_empty();
        let level = self.level(&root, String::new(), 1);
        let does = level.does_something();
        if !does && clean && self.found.is_empty() {
            let message = "This config does nothing. Name a virtual key, or a strategy with targets, retries, a cache, a time limit or parameters.";
            self.fault(root.at.start, "", "does_nothing", message);
        }
        Some(level)
    }

    fn level(&mut self, node: &Node, path: String, depth: usize) -> Level {
        const KEYS: [&str; 25] = [
            "name",
            "weight",
            "strategy",
            "targets",
            "virtual_key",
            "provider",
            "api_key",
            "custom_host",
            "forward_headers",
            "retry",
            "cache",
            "request_timeout",
            "default_params",
            "override_params",
            "drop_params",
            "cb_config",
            "passthrough",
            "strict_open_ai_compliance",
            "prompt_id",
            "input_guardrails",
            "output_guardrails",
            "default_input_guardrails",
            "default_output_guardrails",
            "before_request_hooks",
            "after_request_hooks",
        ];
        let mut level = Level { path: path.clone(), at: node.at.start, ..Level::default() };
        let part = Piece { path, node };
        let Some(members) = self.members(&part, &KEYS) else { return level };
        let get = |name: &str| members.get(name);
        level.name = get("name").and_then(|part| self.text_of(part, MAX_NAME));
        level.weight = get("weight").and_then(|part| self.weight(part));
        level.retry = get("retry").and_then(|part| self.retry(part));
        level.cache = get("cache").and_then(|part| self.cache(part));
        level.request_timeout = get("request_timeout").and_then(|part| {
            let sentence = "A time limit must be a whole number of milliseconds above 0.";
            self.whole(part, 1, u64::from(u32::MAX), sentence)
        });
        level.default_params = get("default_params").and_then(|part| self.params(part));
        level.override_params = get("override_params").and_then(|part| self.params(part));
        level.drop_params = get("drop_params").and_then(|part| self.drops(part));
        level.forward_headers = get("forward_headers").and_then(|part| self.headers(part));
        level.passthrough = get("passthrough").and_then(|part| self.flag(part)).unwrap_or(false);
        if let Some(part) = get("strict_open_ai_compliance") {
            self.flag(part);
        }
        if let Some(part) = get("prompt_id") {
            self.fault(part.node.at.start, part.path.clone(), "unknown_prompt", "There is no such prompt.");
        }
        self.guards(&mut level, &members);
        self.own_target(&mut level, &members);
        let strategy = get("strategy").map(|part| self.strategy(part));
        let outside = get("cb_config").and_then(|part| self.breaker(part));
        let (strategy, inside) = strategy.unwrap_or_default();
        if let (Some(_), Some(_), Some(part)) = (&outside, &inside, get("cb_config")) {
            self.wrong(part, "`cb_config` is given both beside and inside `strategy`. Keep one.");
        }
        level.breaker = inside.or(outside);
        level.strategy = strategy;
        if let Some(part) = get("targets") {
            level.targets = self.targets(part, depth);
            if get("strategy").is_none() {
                self.fault(
                    part.node.at.start,
                    below(&level.path, "strategy"),
                    "missing_key",
                    "Targets need a `strategy` that says which one is asked.",
                );
            }
        } else if let Some(part) = get("strategy") {
            self.fault(part.node.at.start, below(&level.path, "targets"), "missing_key", "A strategy needs `targets`.");
        }
        self.fits(&level, members.get("targets"));
        level
    }
}

impl Level {
    /// Whether it says anything that changes a call.
    fn does_something(&self) -> bool {
        self.virtual_key.is_some()
            || self.strategy.is_some()
            || self.retry.is_some()
            || self.cache.is_some()
            || self.request_timeout.is_some()
            || self.default_params.is_some()
            || self.override_params.is_some()
            || self.drop_params.is_some()
            || self.forward_headers.is_some()
            || self.guards.requests.at.is_some()
            || self.guards.answers.at.is_some()
            || self.passthrough
    }
}
