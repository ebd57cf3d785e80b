//! What a request is and says of itself: `default.allowedRequestTypes`, `default.requiredMetadataKeys`,
//! `default.requiredMetadataKeyPairs`, `default.requestParametersCheck`.
//!
//! Only metadata that were sent count; values are compared whole, and letter case matters.

use super::parameters::Parameters;
use super::{Found, Scene};
use serde_json::{Map, Value, json};

/// The contract's names of the endpoints.
const TYPES: [&str; 12] = [
    "complete",
    "chatComplete",
    "embed",
    "messages",
    "createModelResponse",
    "createModeration",
    "imageGenerate",
    "createSpeech",
    "createTranscription",
    "createTranslation",
    "rerank",
    "countTokens",
];

/// Which endpoints may be called.
#[derive(Debug)]
pub struct Types {
    allowed: Vec<String>,
    blocked: Vec<String>,
}

impl Types {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let allowed = Self::list("allowedTypes", read)?;
        let blocked = Self::list("blockedTypes", read)?;
        if let Some(twice) = allowed.iter().find(|name| blocked.contains(name)) {
            read.wrong("blockedTypes", format!("`{twice}` is both allowed and blocked."));
            return None;
        }
        Some(Self { allowed, blocked })
    }

    /// A list, or names with commas between them.
    fn list(name: &'static str, read: &mut Parameters<'_>) -> Option<Vec<String>> {
        let names = match read.get(name) {
            None => return Some(vec![]),
            Some(Value::String(text)) => split(text),
            Some(Value::Array(values)) => {
                match values.iter().map(|value| value.as_str().map(|text| text.trim().to_owned())).collect() {
                    Some(names) => names,
                    None => {
                        read.wrong(name, "This must be a list of names of endpoints.");
                        return None;
                    }
                }
            }
            Some(_) => {
                read.wrong(name, "This must be a list of names of endpoints.");
                return None;
            }
        };
        if let Some(unknown) = names.iter().find(|name| !TYPES.contains(&name.as_str())) {
            let shown: String = unknown.chars().take(40).collect();
            read.wrong(name, format!("There is no endpoint `{shown}`. The endpoints are {}.", TYPES.join(", ")));
            return None;
        }
        Some(names)
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let told = |name: &str| scene.metadata.get(name).map(|text| split(text)).unwrap_or_default();
        // What a call says of itself counts where the check says nothing.
        let (allowed, blocked) = if self.allowed.is_empty() && self.blocked.is_empty() {
            (told("supported_endpoints"), told("blocked_endpoints"))
        } else {
            (self.allowed.clone(), self.blocked.clone())
        };
        if allowed.iter().any(|name| blocked.contains(name)) {
            return Found::error("The metadata both allow and block the same endpoint.");
        }
        let is = |names: &[String]| names.iter().any(|name| name == scene.request_type);
        let holds = !is(&blocked) && (allowed.is_empty() || is(&allowed));
        Found::verdict(holds, json!({ "requestType": scene.request_type }))
    }
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    All,
    Any,
    None,
}

impl Operator {
    fn read(read: &mut Parameters<'_>) -> Self {
        match read.choice("operator", &["all", "any", "none"], "all") {
            "any" => Operator::Any,
            "none" => Operator::None,
            _ => Operator::All,
        }
    }

    fn holds(self, found: usize, of: usize) -> bool {
        match self {
            Operator::All => found == of,
            Operator::Any => found > 0,
            Operator::None => found == 0,
        }
    }
}

/// Which metadata a call must have.
#[derive(Debug)]
pub struct MetadataKeys {
    keys: Vec<String>,
    operator: Operator,
    not: bool,
}

impl MetadataKeys {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let operator = Operator::read(read);
        let not = read.not();
        Some(Self { keys: read.texts("metadataKeys", 1, 100, 128)?, operator, not })
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let (there, missing): (Vec<&str>, Vec<&str>) =
            self.keys.iter().map(String::as_str).partition(|key| scene.metadata.contains_key(*key));
        let holds = self.operator.holds(there.len(), self.keys.len()) != self.not;
        Found::verdict(holds, json!({ "there": there, "missing": missing }))
    }
}

/// Which metadata a call must have, with their values.
#[derive(Debug)]
pub struct MetadataPairs {
    pairs: Vec<(String, String)>,
    operator: Operator,
    not: bool,
}

impl MetadataPairs {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let operator = Operator::read(read);
        let not = read.not();
        let pairs = match read.get("metadataPairs") {
            Some(Value::Object(members)) if !members.is_empty() && members.len() <= 100 => {
                let text = |value: &Value| match value {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
                    _ => None,
                };
                members.iter().map(|(key, value)| Some((key.clone(), text(value)?))).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        let Some(pairs) = pairs else {
            read.wrong("metadataPairs", "This must be an object of 1 to 100 members, each a string.");
            return None;
        };
        Some(Self { pairs, operator, not })
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let is = |(key, value): &&(String, String)| scene.metadata.get(key) == Some(value);
        let there: Vec<&str> = self.pairs.iter().filter(is).map(|(key, _)| key.as_str()).collect();
        let holds = self.operator.holds(there.len(), self.pairs.len()) != self.not;
        Found::verdict(holds, json!({ "there": there }))
    }
}

/// What members a request's body may have: `{"temperature": {"max": 1}, "tools": {"forbidden": true},
/// "tool_choice": {"allowed": ["auto", "none"]}}`. One that is not there passes, unless it is `required`.
#[derive(Debug)]
pub struct Members {
    rules: Vec<(String, Rule)>,
}

#[derive(Debug, Default)]
struct Rule {
    least: Option<f64>,
    most: Option<f64>,
    allowed: Option<Vec<Value>>,
    blocked: Option<Vec<Value>>,
    required: bool,
    forbidden: bool,
}

impl Members {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let rules = match read.get("params") {
            Some(Value::Object(members)) if !members.is_empty() && members.len() <= 100 => members
                .iter()
                .map(|(name, rule)| Some((name.clone(), Rule::read(rule.as_object()?)?)))
                .collect::<Option<Vec<_>>>(),
            _ => None,
        };
        if rules.is_none() {
            let message = "This must be an object such as {\"temperature\": {\"max\": 1}}, with min, max, allowed, blocked, required or forbidden for each.";
            read.wrong("params", message);
        }
        rules.map(|rules| Self { rules })
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let Ok(Value::Object(body)) = serde_json::from_str(scene.request) else {
            return Found::error("The request has no members that could be judged.");
        };
        let failed = self.rules.iter().filter(|(name, rule)| !rule.holds(body.get(name)));
        let failed: Vec<&str> = failed.map(|(name, _)| name.as_str()).collect();
        Found::verdict(failed.is_empty(), json!({ "failed": failed }))
    }
}

impl Rule {
    fn read(members: &Map<String, Value>) -> Option<Self> {
        let mut rule = Self::default();
        for (name, value) in members {
            match name.as_str() {
                "min" => rule.least = Some(value.as_f64()?),
                "max" => rule.most = Some(value.as_f64()?),
                "allowed" => rule.allowed = Some(value.as_array()?.clone()),
                "blocked" => rule.blocked = Some(value.as_array()?.clone()),
                "required" => rule.required = value.as_bool()?,
                "forbidden" => rule.forbidden = value.as_bool()?,
                _ => return None,
            }
        }
        let possible = rule.least.zip(rule.most).is_none_or(|(least, most)| least <= most);
        (!members.is_empty() && possible && !(rule.required && rule.forbidden)).then_some(rule)
    }

    fn holds(&self, value: Option<&Value>) -> bool {
        let Some(value) = value.filter(|value| !value.is_null()) else { return !self.required };
        let number = value.as_f64();
        let above = self.least.is_none_or(|least| number.is_some_and(|number| number >= least));
        let below = self.most.is_none_or(|most| number.is_some_and(|number| number <= most));
        let allowed = self.allowed.as_ref().is_none_or(|allowed| allowed.contains(value));
        let blocked = self.blocked.as_ref().is_some_and(|blocked| blocked.contains(value));
        !self.forbidden && above && below && allowed && !blocked
    }
}
