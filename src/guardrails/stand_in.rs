//! Until the core is there.

use super::catalogue;
use serde_json::Value;

/// What is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub field: String,
    pub code: String,
    pub message: String,
}

/// Says why an address must not be called.
pub type MayCall<'a> = &'a (dyn Fn(&str) -> Result<(), String> + Sync);

pub struct Guardrail {
    checks: Vec<(String, bool)>,
}

impl Guardrail {
    pub fn compile(definition: &Value, may_call: MayCall<'_>) -> Result<Guardrail, Vec<Fault>> {
        let _ = may_call;
        let mut faults = vec![];
        let mut fault = |field: String, message: &str| {
            faults.push(Fault { field, code: "invalid".into(), message: message.into() });
        };
        let Some(checks) = definition["checks"].as_array().filter(|checks| !checks.is_empty()) else {
            fault("checks".into(), "A guardrail has at least one check.");
            return Err(faults);
        };
        let mut all = vec![];
        for (number, check) in checks.iter().enumerate() {
            let id = check["id"].as_str().unwrap_or_default();
            if catalogue::find(id).is_none() {
                fault(format!("checks[{number}].id"), "There is no such check.");
            }
            if id == "default.regexMatch"
                && check["parameters"]["rule"].as_str().is_none_or(|rule| regex::Regex::new(rule).is_err())
            {
                fault(format!("checks[{number}].parameters.rule"), "This is no pattern.");
            }
            all.push((id.to_owned(), check["is_enabled"] != false));
        }
        if faults.is_empty() { Ok(Self { checks: all }) } else { Err(faults) }
    }

    pub fn only_requests(&self) -> Option<(usize, &str)> {
        let all = self.checks.iter().enumerate();
        let found = all.filter(|(_, (id, on))| *on && catalogue::find(id).is_some_and(|known| known.only_requests));
        found.map(|(at, (id, _))| (at, id.as_str())).next()
    }
}
