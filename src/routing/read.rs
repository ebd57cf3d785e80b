//! Reads a config's JSON level by level, and finds everything that is wrong with it.

mod conditions;
mod guards;
mod settings;

use super::condition::{Condition, Operand, Pattern, Test, number};
use super::level::{At, Breaker, Cache, Field, Level, Mode, Named, Params, Part, ReadCase, Retry, Sticky, Strategy};
use super::{MAX_LEVELS, MAX_TARGETS, MAX_TEXT};
use crate::kernel::Fault;
use crate::kernel::json::{self, Member, Node, Value, Why, below, element};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// The most faults that are told at once, in the order of the text.
const MAX_FAULTS: usize = 100;
/// The most members of `override_params` or `default_params`, paths of `drop_params`, headers to forward, hash fields.
const MAX_MEMBERS: usize = 100;
/// The most patterns in a config.
const MAX_PATTERNS: usize = 32;
/// The longest name of a target or slug, in bytes.
const MAX_NAME: usize = 128;

/// Headers that are the gateway's, the connection's, or hold credentials.
const KEPT_BACK: [&str; 24] = [
    "authorization",
    "proxy-authorization",
    "proxy-authenticate",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "accept",
    "accept-encoding",
    "user-agent",
    "forwarded",
    "proxy-connection",
];
const KEPT_BACK_GROUPS: [&str; 5] = ["x-portkey-", "x-latchkey-", "x-forwarded-", "x-amz-", "x-amzn-"];
/// What the name of a header that proves who somebody is has in it.
const SECRET_WORDS: [&str; 13] = [
    "key",
    "token",
    "secret",
    "password",
    "credential",
    "signature",
    "auth",
    "jwt",
    "session",
    "assertion",
    "cert",
    "cookie",
    "oidc",
];

/// Whether a caller's header may be handed on to a provider.
fn may_be_forwarded(name: &str) -> bool {
    let secret = SECRET_WORDS.iter().any(|word| name.contains(word));
    !secret && !KEPT_BACK.contains(&name) && !KEPT_BACK_GROUPS.iter().any(|group| name.starts_with(group))
}

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

/// Where the lines of a text begin.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Line and column of a byte, from 1, the column in characters.
    pub fn place(&self, at: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let start = self.starts[line - 1];
        let before = self.text.as_bytes()[start..at.min(self.text.len())].iter();
        // Bytes that begin a character.
        let column = before.filter(|byte| **byte & 0xc0 != 0x80).count() + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }
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
    fn fault(&mut self, at: usize, path: impl Into<String>, code: &'static str, message: impl Into<String>) {
        // Far more are never told; what they would take is not the caller's to choose.
        if self.found.len() < 10 * MAX_FAULTS {
            self.found.push(Found { at, path: path.into(), code: code.into(), message: message.into() });
        }
    }

    /// A fault that a guardrail's own reader has told.
    fn found_in(&mut self, at: usize, path: String, code: String, message: String) {
        if self.found.len() < 10 * MAX_FAULTS {
            self.found.push(Found { at, path, code: code.into(), message });
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

    /// The members of an object by name, those that are not known refused.
    fn members<'n>(&mut self, part: &Piece<'n>, known: &[&str]) -> Option<HashMap<&'n str, Piece<'n>>> {
        let Value::Object(members) = &part.node.value else {
            self.wrong(part, "This must be an object.");
            return None;
        };
        let mut found = HashMap::new();
        for member in members {
            let path = below(&part.path, &member.key);
            if known.contains(&member.key.as_str()) {
                found.insert(member.key.as_str(), Piece { path, node: &member.value });
            } else {
                self.unknown(member, path, known);
            }
        }
        Some(found)
    }

    fn unknown(&mut self, member: &Member, path: String, known: &[&str]) {
        let key: String = member.key.chars().take(40).collect();
        let message = match member.key.as_str() {
            "options" => "`options` is an older form. Write `strategy` and `targets` instead.".to_owned(),
            "mode" if !known.contains(&"mode") => "`mode` belongs inside `strategy` or `cache`.".to_owned(),
            key if ["azure_", "aws_", "vertex_", "openai_", "anthropic_"]
                .iter()
                .any(|group| key.starts_with(group)) =>
            {
                "A provider's settings belong in a virtual key. Name that with `virtual_key`.".to_owned()
            }
            _ => match known.iter().find(|known| alike(known, &member.key)) {
                Some(known) => format!("There is no `{key}` here. Did you mean `{known}`?"),
                None => format!("There is no `{key}` here."),
            },
        };
        self.fault(member.key_at, path, "unknown_key", message);
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

    /// What the strategy asks of the targets.
    fn fits(&mut self, level: &Level, targets: Option<&Piece<'_>>) {
        let (Some(strategy), Some(part)) = (&level.strategy, targets) else { return };
        match &strategy.mode {
            Mode::LoadBalance { .. } => {
                let weights =
                    level.targets.iter().map(|target| target.weight.as_ref().map_or(1.0, |weight| weight.value));
                if !level.targets.is_empty() && weights.clone().all(|weight| weight == 0.0) {
                    self.wrong(part, "All weights are 0, so no target could ever be chosen.");
                } else if !weights.sum::<f64>().is_finite() {
                    self.wrong(part, "The weights add up to too large a number.");
                }
            }
            Mode::Conditional { cases, default } => {
                let mut names: HashMap<&str, usize> = HashMap::new();
                let mut twice = vec![];
                for (number, target) in level.targets.iter().enumerate() {
                    if let Some(name) = &target.name
                        && names.insert(&name.value, number).is_some()
                    {
                        twice.push((name.at, number));
                    }
                }
                for (at, number) in twice {
                    let path = below(&element(&part.path, number), "name");
                    self.fault(at, path, "invalid_value", "Another target of this strategy has the same name.");
                }
                let base = below(&level.path, "strategy");
                let unknown = |at: &At<String>| !names.contains_key(at.value.as_str());
                let sentence = |name: &str| {
                    format!("No target of this strategy is called `{}`.", name.chars().take(40).collect::<String>())
                };
                for (number, case) in cases.iter().enumerate() {
                    if let Some(then) = case.then.as_ref().filter(|then| unknown(then)) {
                        let path = below(&element(&below(&base, "conditions"), number), "then");
                        self.fault(then.at, path, "unknown_target", sentence(&then.value));
                    }
                }
                if let Some(default) = default.as_ref().filter(|default| unknown(default)) {
                    self.fault(default.at, below(&base, "default"), "unknown_target", sentence(&default.value));
                }
            }
            Mode::Single | Mode::Fallback { .. } => {}
        }
    }

    /// The virtual key that a level names, in any of the three ways.
    fn own_target(&mut self, level: &mut Level, members: &HashMap<&str, Piece<'_>>) {
        let mut named: Vec<Named> = vec![];
        let mut slug = |reader: &mut Self, part: &Piece<'_>, slug: &str| {
            if slug.is_empty()
                || slug.len() > MAX_NAME
                || slug.contains(['/', '@'])
                || slug.chars().any(|c| c.is_control() || c.is_whitespace())
            {
                reader.wrong(part, "This must be the slug of a virtual key.");
            } else {
                named.push(Named { slug: slug.to_owned(), path: part.path.clone(), at: part.node.at.start });
            }
        };
        if let Some(part) = members.get("virtual_key") {
            match &part.node.value {
                Value::Text(text) => slug(self, part, text.strip_prefix('@').unwrap_or(text)),
                _ => self.wrong(part, "This must be the slug of a virtual key, as text."),
            }
        }
        if let Some(part) = members.get("provider") {
            match &part.node.value {
                Value::Text(text) => match text.strip_prefix('@') {
                    Some(text) => slug(self, part, text),
                    // Beside a virtual key it says nothing new.
                    None if members.contains_key("virtual_key") => {}
                    None => self.fault(
                        part.node.at.start,
                        part.path.clone(),
                        "inline_provider",
                        "A provider's name does not say which credential to use. Make a virtual key and name it, as `@slug` here or with `virtual_key`.",
                    ),
                },
                _ => self.wrong(part, "This must be `@` and the slug of a virtual key, as text."),
            }
        }
        if let Some(part) = members.get("api_key") {
            let message =
                "A config cannot hold credentials. Store this one in a virtual key, and name that with `virtual_key`.";
            self.fault(part.node.at.start, part.path.clone(), "inline_credential", message);
        }
        if let Some(part) = members.get("custom_host") {
            let message = "A config cannot choose an address, since the credential would be sent there. The address belongs in the virtual key.";
            self.fault(part.node.at.start, part.path.clone(), "inline_host", message);
        }
        if let Some(part) = members.get("default_params")
            && let Value::Object(members) = &part.node.value
            && let Some(member) = members.iter().find(|member| member.key == "model")
            && matches!(&member.value.value, Value::Text(text) if text.starts_with('@'))
        {
            let part = Piece { path: below(&part.path, "model"), node: &member.value };
            self.wrong(&part, "A model that is filled in cannot name a virtual key. Name that with `virtual_key`.");
        }
        if let Some(part) = members.get("override_params")
            && let Value::Object(members) = &part.node.value
            && let Some(member) = members.iter().find(|member| member.key == "model")
        {
            let part = Piece { path: below(&part.path, "model"), node: &member.value };
            match &member.value.value {
                Value::Text(text) => {
                    let (own, model) = match text.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
                        Some((own, model)) => (Some(own), model),
                        None => (None, text.as_str()),
                    };
                    if model.is_empty() || model.trim() != model {
                        self.wrong(&part, "This must be a model's name, or `@slug/model`.");
                    } else {
                        if let Some(own) = own {
                            slug(self, &part, own);
                        }
                        level.model = Some(model.to_owned());
                    }
                }
                _ => self.wrong(&part, "A model's name must be a string."),
            }
        }
        if let Some(other) = named.iter().skip(1).find(|other| other.slug != named[0].slug) {
            let message = format!("Two virtual keys are named here: `{}` and `{}`.", named[0].slug, other.slug);
            self.fault(other.at, other.path.clone(), "two_virtual_keys", message);
        }
        level.virtual_key = named.into_iter().next();
    }

    fn targets(&mut self, part: &Piece<'_>, depth: usize) -> Vec<Level> {
        let Value::List(elements) = &part.node.value else {
            self.wrong(part, "This must be a list of targets.");
            return vec![];
        };
        if elements.is_empty() {
            self.wrong(part, "There must be at least one target.");
        }
        if depth >= MAX_LEVELS {
            self.fault(
                part.node.at.start,
                part.path.clone(),
                "too_deep",
                "Targets can be nested at most 8 levels deep, including the config itself.",
            );
            return vec![];
        }
        let mut levels = vec![];
        for (number, node) in elements.iter().enumerate() {
            self.targets += 1;
            if self.targets > MAX_TARGETS {
                if self.targets == MAX_TARGETS + 1 {
                    self.fault(
                        node.at.start,
                        element(&part.path, number),
                        "too_many_targets",
                        "A config can have at most 100 targets.",
                    );
                }
                break;
            }
            levels.push(self.level(node, element(&part.path, number), depth + 1));
        }
        levels
    }

    fn strategy(&mut self, part: &Piece<'_>) -> (Option<Strategy>, Option<At<Breaker>>) {
        const KEYS: [&str; 6] = ["mode", "on_status_codes", "conditions", "default", "sticky", "cb_config"];
        let Some(members) = self.members(part, &KEYS) else { return (None, None) };
        let on = members.get("on_status_codes").and_then(|part| self.codes(part));
        let sticky = members.get("sticky").and_then(|part| self.sticky(part));
        let cases = members.get("conditions").map(|part| self.conditions(part));
        let default = members.get("default").and_then(|part| self.text_of(part, MAX_NAME));
        let breaker = members.get("cb_config").and_then(|part| self.breaker(part));
        let mode = match members.get("mode") {
            None => {
                self.fault(
                    part.node.at.start,
                    below(&part.path, "mode"),
                    "missing_key",
                    "A strategy needs a `mode`: single, fallback, loadbalance or conditional.",
                );
                None
            }
            Some(mode) => match &mode.node.value {
                Value::Text(text) if text == "single" => Some(Mode::Single),
                Value::Text(text) if text == "fallback" => Some(Mode::Fallback { on }),
                Value::Text(text) if text == "loadbalance" => Some(Mode::LoadBalance { sticky }),
                Value::Text(text) if text == "conditional" => {
                    if cases.is_none() {
                        let path = below(&part.path, "conditions");
                        self.fault(
                            part.node.at.start,
                            path,
                            "missing_key",
                            "A conditional strategy needs `conditions`.",
                        );
                    }
                    Some(Mode::Conditional { cases: cases.unwrap_or_default(), default })
                }
                _ => {
                    self.wrong(mode, "The mode must be `single`, `fallback`, `loadbalance` or `conditional`.");
                    None
                }
            },
        };
        (mode.map(|mode| Strategy { mode }), breaker)
    }

    fn sticky(&mut self, part: &Piece<'_>) -> Option<Sticky> {
        let members = self.members(part, &["enabled", "hash_fields", "ttl"])?;
        let enabled = members.get("enabled").is_none_or(|part| self.flag(part).unwrap_or(true));
        if let Some(part) = members.get("ttl") {
            self.whole(part, 1, u64::from(u32::MAX), "This must be a whole number of seconds above 0.");
        }
        let mut fields = vec![];
        if let Some(part) = members.get("hash_fields") {
            for (path, node) in self.few(part, "This must be a list of values such as `metadata.user`.") {
                let part = Piece { path, node };
                let field = match &node.value {
                    Value::Text(text) => field(text, true),
                    _ => None,
                };
                match field {
                    Some(field) => fields.push(field),
                    None => self.wrong(&part, "This must be `metadata.`, `params.` or `headers.` and a name."),
                }
            }
        }
        enabled.then_some(Sticky { fields })
    }

    fn weight(&mut self, part: &Piece<'_>) -> Option<At<f64>> {
        match &part.node.value {
            Value::Number(weight) if *weight >= 0.0 => Some(At { at: part.node.at.start, value: *weight }),
            Value::Text(text) if number(text).is_some_and(|weight| weight >= 0.0) => {
                let message = format!(
                    "A weight must be a number, and this is a string. Write {} without quotation marks.",
                    text.trim()
                );
                self.wrong(part, message);
                None
            }
            _ => {
                self.wrong(part, "A weight must be a number, 0 or more.");
                None
            }
        }
    }

    fn whole(&mut self, part: &Piece<'_>, least: u64, most: u64, sentence: &str) -> Option<At<u64>> {
        match part.node.value {
            Value::Number(number) if number.fract() == 0.0 && number >= least as f64 && number <= most as f64 => {
                Some(At { at: part.node.at.start, value: number as u64 })
            }
            _ => {
                self.wrong(part, sentence);
                None
            }
        }
    }

    fn flag(&mut self, part: &Piece<'_>) -> Option<bool> {
        if let Value::Bool(word) = part.node.value {
            return Some(word);
        }
        self.wrong(part, "This must be true or false.");
        None
    }

    fn text_of(&mut self, part: &Piece<'_>, most: usize) -> Option<At<String>> {
        match &part.node.value {
            Value::Text(text) if !text.is_empty() && text.len() <= most => {
                Some(At { at: part.node.at.start, value: text.clone() })
            }
            Value::Text(text) if text.is_empty() => {
                self.wrong(part, "This must not be empty.");
                None
            }
            Value::Text(_) => {
                self.wrong(part, format!("This may have at most {most} bytes."));
                None
            }
            _ => {
                self.wrong(part, "This must be a string.");
                None
            }
        }
    }

    /// The elements of a list that every call goes through, with their paths.
    fn few<'n>(&mut self, part: &Piece<'n>, sentence: &str) -> Vec<(String, &'n Node)> {
        let list = self.list(part, sentence);
        if list.len() > MAX_MEMBERS {
            self.wrong(part, "There may be at most 100 of these.");
            return vec![];
        }
        list
    }

    /// The elements of a list with their paths.
    fn list<'n>(&mut self, part: &Piece<'n>, sentence: &str) -> Vec<(String, &'n Node)> {
        match &part.node.value {
            Value::List(elements) if elements.len() > 1_000 => {
                self.wrong(part, "This list is too long.");
                vec![]
            }
            Value::List(elements) => {
                elements.iter().enumerate().map(|(number, node)| (element(&part.path, number), node)).collect()
            }
            _ => {
                self.wrong(part, sentence);
                vec![]
            }
        }
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

/// A value of a request, by the name that configs give it.
fn field(name: &str, sticky: bool) -> Option<Field> {
    if name == "url.pathname" {
        return (!sticky).then_some(Field::Path);
    }
    let (kind, name) = name.split_once('.')?;
    if name.is_empty() || name.contains('.') {
        return None;
    }
    match kind {
        "metadata" => Some(Field::Metadata(name.into())),
        "params" => Some(Field::Param(name.into())),
        "headers" if sticky => Some(Field::Header(name.to_ascii_lowercase().into())),
        _ => None,
    }
}

/// A path into a body: `a.b[0].c[*]`.
fn body_path(text: &str) -> Option<Vec<Part>> {
    let mut parts = vec![];
    for (number, piece) in text.split('.').enumerate() {
        let (key, mut rest) = piece.split_at(piece.find('[').unwrap_or(piece.len()));
        match key {
            "" if rest.is_empty() || number == 0 => return None,
            "" => {}
            key => parts.push(Part::Key(key.into())),
        }
        while let Some(inner) = rest.strip_prefix('[') {
            let (inside, after) = inner.split_once(']')?;
            parts.push(if inside == "*" { Part::All } else { Part::Element(inside.parse().ok()?) });
            rest = after;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    (parts.len() <= 16).then_some(parts)
}

fn clip(word: &str) -> String {
    word.chars().take(40).collect()
}

/// Whether one word may be the other with a slip of the hand: one letter more, fewer or other, or two swapped.
fn alike(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().take(60).collect());
    let front = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let back = one[front..].iter().rev().zip(other[front..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (left, right) = (&one[front..one.len() - back], &other[front..other.len() - back]);
    match (left, right) {
        ([a, b], [c, d]) => a == d && b == c,
        _ => left.len().max(right.len()) <= 1,
    }
}
