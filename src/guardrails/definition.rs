//! Reads the definition of a guardrail.

use super::checks::Check;
use super::{Fault, Feedback, MAX_CHECKS, MayCall};
use serde_json::{Map, Value};

/// A guardrail that can be run.
#[derive(Debug)]
pub struct Guardrail {
    /// In their order, those that are switched off left out.
    pub(super) checks: Vec<Enabled>,
    pub(super) actions: Actions,
}

/// A check that is run.
#[derive(Debug)]
pub(super) struct Enabled {
    /// As the definition names it.
    pub(super) id: Box<str>,
    /// Its number among all checks of the definition.
    pub(super) number: usize,
    pub(super) check: Check,
}

/// What follows from the checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Actions {
    /// The call is refused where a check does not pass.
    pub deny: bool,
    /// Judged beside the call: nobody waits for it, and it changes nothing.
    pub asynchronous: bool,
    /// One check after another, each over what those before it have left.
    pub sequential: bool,
    /// Judged and logged, and the call goes on as if it were not there.
    pub observe: bool,
    pub on_error: OnError,
    pub stream: Streaming,
    pub on_success: Option<Feedback>,
    pub on_fail: Option<Feedback>,
}

/// What a check that cannot judge counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    Fail,
    Pass,
}

/// How an answer that is streamed is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streaming {
    /// It is held back until it is there and has passed.
    Hold,
    /// Each sentence goes out once all that has come by then has passed.
    Sentence,
    /// It flows. What was found is told at its end.
    Inform,
}

impl Guardrail {
    /// Reads a definition: `{checks, actions}`, or `checks` with the actions beside them, as configs write it.
    ///
    /// # Errors
    /// All faults at once, in the order of the definition.
    pub fn compile(definition: &Value, may_call: MayCall<'_>) -> Result<Self, Vec<Fault>> {
        let mut faults = vec![];
        let Value::Object(members) = definition else {
            return Err(vec![Fault::new("", "not_an_object", "A guardrail must be a JSON object.")]);
        };
        for name in members.keys().filter(|name| !["checks", "actions"].contains(&name.as_str())) {
            faults.push(unknown("", name, "There is no"));
        }
        let checks = checks(members.get("checks"), &mut faults, may_call);
        let actions = match members.get("actions") {
            None | Some(Value::Null) => Actions::read(&Map::new(), "actions", &mut faults),
            Some(Value::Object(members)) => Actions::read(members, "actions", &mut faults),
            Some(_) => {
                faults.push(Fault::new("actions", "invalid_value", "The actions must be an object."));
                return Err(faults);
            }
        };
        let guardrail = Self { checks, actions };
        guardrail.whole_answers("actions.stream", &mut faults);
        if faults.is_empty() { Ok(guardrail) } else { Err(faults) }
    }

    /// Reads one that stands in a config: checks under their own names, or in a list, with the actions beside them.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn inline(definition: &Value, may_call: MayCall<'_>) -> Result<Self, Vec<Fault>> {
        /// What says nothing of how it judges.
        const ABOUT: [&str; 7] = ["id", "name", "type", "guardrail_version_id", "is_enabled", "checks", "actions"];
        let Value::Object(members) = definition else {
            return Err(vec![Fault::new("", "invalid_value", "Name a guardrail by its slug, or write its checks.")]);
        };
        let mut faults = vec![];
        match members.get("type") {
            None => {}
            Some(Value::String(kind)) if kind == "guardrail" => {}
            Some(_) => faults.push(Fault::new("type", "invalid_value", "The type must be `guardrail`.")),
        }
        let mut listed = match members.get("checks") {
            Some(_) => checks(members.get("checks"), &mut faults, may_call),
            None => vec![],
        };
        // They may stand in an object of their own, as where a guardrail is saved.
        let mut actions = match members.get("actions") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(actions)) => actions.clone(),
            Some(_) => {
                faults.push(Fault::new("actions", "invalid_value", "The actions must be an object."));
                Map::new()
            }
        };
        let mut found = members.contains_key("checks");
        for (name, value) in members {
            if ABOUT.contains(&name.as_str()) {
            } else if Actions::NAMES.contains(&name.as_str()) {
                actions.insert(name.clone(), value.clone());
            } else {
                found = true;
                let id = if name.contains('.') { name.clone() } else { format!("default.{name}") };
                one(&id, value, name, listed.len(), may_call, (&mut listed, &mut faults));
            }
        }
        if !found {
            let message =
                "A guardrail has checks: a list `checks`, or each under its name, such as `default.contains`.";
            faults.push(Fault::new("checks", "missing_key", message));
        }
        let actions = Actions::read(&actions, "", &mut faults);
        let guardrail = Self { checks: listed, actions };
        guardrail.whole_answers("stream", &mut faults);
        if faults.is_empty() { Ok(guardrail) } else { Err(faults) }
    }

    /// How many checks are run.
    pub fn checks(&self) -> usize {
        self.checks.len()
    }

    /// Whether it judges by itself, without a webhook or a set of keys.
    pub fn asks_nobody(&self) -> bool {
        !self.checks.iter().any(|one| matches!(one.check, Check::Webhook(_) | Check::Jwt(_)))
    }

    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    /// The first check that says nothing about answers: its number in the definition, and its id.
    pub fn only_requests(&self) -> Option<(usize, &str)> {
        let only = self.checks.iter().find(|enabled| enabled.check.only_requests());
        only.map(|enabled| (enabled.number, &*enabled.id))
    }

    /// Whether it may change what it judges.
    pub fn rewrites(&self) -> bool {
        !self.actions.asynchronous && !self.actions.observe && self.checks.iter().any(|one| one.check.rewrites())
    }

    /// Whether a streamed answer is held back until it has judged it.
    pub fn holds_back(&self) -> bool {
        let waits = !self.actions.asynchronous && !self.actions.observe;
        waits && (self.actions.stream == Streaming::Hold || self.rewrites())
    }

    /// Whether a streamed answer goes out sentence by sentence as it passes.
    pub fn by_sentence(&self) -> bool {
        self.actions.stream == Streaming::Sentence && self.actions.deny && !self.actions.asynchronous
    }

    /// Notes the checks that cannot judge an answer by its beginning, where that is asked for.
    fn whole_answers(&self, field: &str, faults: &mut Vec<Fault>) {
        let whole = self.checks.iter().find(|one| !one.check.judges_beginnings());
        if self.actions.stream == Streaming::Sentence
            && let Some(whole) = whole
        {
            let message = format!(
                "`{}` has to see the whole answer, or changes it. Use `hold`, or a check that looks for what must not be there.",
                whole.id
            );
            faults.push(Fault::new(field, "conflict", message));
        }
    }
}

/// The checks of a list.
fn checks(listed: Option<&Value>, faults: &mut Vec<Fault>, may_call: MayCall<'_>) -> Vec<Enabled> {
    const KEYS: [&str; 4] = ["id", "parameters", "name", "is_enabled"];
    let mut read = vec![];
    let Some(Value::Array(listed)) = listed else {
        faults.push(Fault::new("checks", "missing_key", "A guardrail needs a list of checks."));
        return read;
    };
    if listed.is_empty() || listed.len() > MAX_CHECKS {
        faults.push(Fault::new("checks", "invalid_value", "A guardrail can have 1 to 50 checks."));
        return read;
    }
    for (number, check) in listed.iter().enumerate() {
        let at = format!("checks[{number}]");
        let Value::Object(members) = check else {
            faults.push(Fault::new(at, "invalid_value", "A check must be an object with an `id` and `parameters`."));
            continue;
        };
        for name in members.keys().filter(|name| !KEYS.contains(&name.as_str())) {
            faults.push(unknown(&at, name, "A check has no"));
        }
        if let Some(name) = members.get("name").filter(|name| !name.is_null())
            && name.as_str().is_none_or(|name| name.chars().count() > 100 || name.chars().any(char::is_control))
        {
            faults.push(Fault::new(format!("{at}.name"), "invalid_value", "A name can have at most 100 characters."));
        }
        let enabled = match members.get("is_enabled") {
            None | Some(Value::Null) => true,
            Some(Value::Bool(enabled)) => *enabled,
            Some(_) => {
                let message = "This must be true or false.";
                faults.push(Fault::new(format!("{at}.is_enabled"), "invalid_value", message));
                true
            }
        };
        let Some(Value::String(id)) = members.get("id") else {
            let message = "A check is named by its `id`, such as `default.contains`.";
            faults.push(Fault::new(format!("{at}.id"), "missing_key", message));
            continue;
        };
        let none = Value::Object(Map::new());
        let parameters = members.get("parameters").filter(|parameters| !parameters.is_null()).unwrap_or(&none);
        // One that is switched off is read all the same: it may be switched on.
        match Check::compile(id, parameters, &at, may_call) {
            Ok(check) if enabled => read.push(Enabled { id: id.as_str().into(), number, check }),
            Ok(_) => {}
            Err(found) => faults.extend(found),
        }
    }
    read
}

/// A check that a config writes under its own name.
fn one(
    id: &str,
    value: &Value,
    name: &str,
    number: usize,
    may_call: MayCall<'_>,
    (read, faults): (&mut Vec<Enabled>, &mut Vec<Fault>),
) {
    let Value::Object(members) = value else {
        faults.push(Fault::new(name, "invalid_value", "A check must be an object with its parameters."));
        return;
    };
    let mut parameters = members.clone();
    parameters.remove("id");
    let enabled = parameters.remove("is_enabled");
    if !matches!(enabled, None | Some(Value::Bool(_))) {
        faults.push(Fault::new(format!("{name}.is_enabled"), "invalid_value", "This must be true or false."));
    }
    match Check::compile(id, &Value::Object(parameters), name, may_call) {
        Ok(_) if enabled == Some(Value::Bool(false)) => {}
        Ok(check) => read.push(Enabled { id: id.into(), number, check }),
        Err(found) => faults.extend(found.into_iter().map(|fault| {
            // There, parameters stand beside nothing.
            let field = fault.field.replacen(&format!("{name}.parameters"), name, 1);
            Fault { field: field.replacen(&format!("{name}.id"), name, 1), ..fault }
        })),
    }
}

fn unknown(at: &str, name: &str, before: &str) -> Fault {
    let shown: String = name.chars().take(40).collect();
    let field = if at.is_empty() { shown.clone() } else { format!("{at}.{shown}") };
    Fault::new(field, "unknown_key", format!("{before} `{shown}`."))
}

impl Actions {
    const NAMES: [&str; 8] = ["deny", "async", "sequential", "observe", "on_error", "stream", "on_success", "on_fail"];

    fn read(members: &Map<String, Value>, at: &str, faults: &mut Vec<Fault>) -> Self {
        let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
        for name in members.keys().filter(|name| !Self::NAMES.contains(&name.as_str())) {
            // Passed over in silence, it could be taken for one that protects.
            faults.push(unknown(at, name, "There is no action"));
        }
        let mut flag = |name: &str| match members.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(on)) => *on,
            Some(_) => {
                faults.push(Fault::new(below(name), "invalid_value", "This must be true or false."));
                false
            }
        };
        let (deny, asynchronous) = (flag("deny"), flag("async"));
        let (sequential, observe) = (flag("sequential"), flag("observe"));
        let mut word = |name: &str, words: [&str; 2]| match members.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(word)) if words.contains(&word.as_str()) => Some(word == words[0]),
            Some(_) => {
                let message = format!("This must be `{}` or `{}`.", words[0], words[1]);
                faults.push(Fault::new(below(name), "invalid_value", message));
                None
            }
        };
        let fails = word("on_error", ["fail", "pass"]);
        let stream = match members.get("stream") {
            None | Some(Value::Null) => None,
            Some(Value::String(word)) if word == "hold" => Some(Streaming::Hold),
            Some(Value::String(word)) if word == "sentence" => Some(Streaming::Sentence),
            Some(Value::String(word)) if word == "inform" => Some(Streaming::Inform),
            Some(_) => {
                let message = "This must be `hold`, `sentence` or `inform`.";
                faults.push(Fault::new(below("stream"), "invalid_value", message));
                None
            }
        };
        if deny && observe {
            let message = "A guardrail that only watches cannot deny a call. Leave one of the two out.";
            faults.push(Fault::new(below("observe"), "conflict", message));
        }
        let mut feedback = |name: &str| match members.get(name) {
            None | Some(Value::Null) => None,
            Some(value) => match feedback(value) {
                Ok(feedback) => feedback,
                Err(message) => {
                    faults.push(Fault::new(below(name), "invalid_value", message));
                    None
                }
            },
        };
        let (on_success, on_fail) = (feedback("on_success"), feedback("on_fail"));
        Self {
            deny,
            asynchronous,
            sequential,
            observe,
            on_error: if fails.unwrap_or(deny) { OnError::Fail } else { OnError::Pass },
            stream: stream.unwrap_or(if deny { Streaming::Hold } else { Streaming::Inform }),
            on_success,
            on_fail,
        }
    }
}

/// `{feedback: {value, weight, metadata}}`.
fn feedback(value: &Value) -> Result<Option<Feedback>, &'static str> {
    const SENTENCE: &str = "This must be an object such as {\"feedback\": {\"value\": -5, \"weight\": 1}}.";
    let members = value.as_object().ok_or(SENTENCE)?;
    if members.keys().any(|name| name != "feedback") {
        return Err(SENTENCE);
    }
    let Some(inner) = members.get("feedback").filter(|inner| !inner.is_null()) else { return Ok(None) };
    let inner = inner.as_object().ok_or(SENTENCE)?;
    if inner.keys().any(|name| !["value", "weight", "metadata"].contains(&name.as_str())) {
        return Err(SENTENCE);
    }
    let number = |name: &str, usual: f64| match inner.get(name) {
        None | Some(Value::Null) => Ok(usual),
        Some(value) => value.as_f64().ok_or(SENTENCE),
    };
    let metadata = match inner.get("metadata") {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(Value::Object(metadata)) if metadata.len() <= 20 => Value::Object(metadata.clone()),
        Some(_) => return Err("Metadata must be an object of at most 20 members."),
    };
    let (value, weight) = (number("value", 0.0)?, number("weight", 1.0)?);
    if !(-10.0..=10.0).contains(&value) || !(0.0..=1.0).contains(&weight) {
        return Err("The value must be a number from -10 to 10, and the weight one from 0 to 1.");
    }
    Ok(Some(Feedback { value, weight, metadata }))
}
