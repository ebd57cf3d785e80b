//! Which models may be called: `default.modelWhitelist` and `default.modelRules`. Judged is the model that is really
//! called: after a config's parameters, and without a virtual key's slug.

use super::parameters::Parameters;
use super::{Found, Scene};
use serde_json::{Value, json};

/// Models by their names, in full.
#[derive(Debug)]
pub struct List {
    models: Vec<String>,
    not: bool,
}

impl List {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let not = read.not();
        Some(Self { models: read.texts("models", 0, 1_000, 200)?, not })
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let listed = self.models.iter().any(|model| model == scene.model);
        Found::verdict(listed != self.not, json!({ "model": scene.model, "not": self.not }))
    }
}

/// Models by what the caller says of the call.
#[derive(Debug)]
pub struct Rules {
    defaults: Vec<String>,
    /// Key, value, models.
    metadata: Vec<(String, String, Vec<String>)>,
    not: bool,
}

impl Rules {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        const SENTENCE: &str =
            "This must be an object such as {\"defaults\": [\"a\"], \"metadata\": {\"team\": {\"lab\": [\"b\"]}}}.";
        let not = read.not();
        let rules = read.get("rules");
        match rules.and_then(Self::rules) {
            Some((defaults, metadata)) if !defaults.is_empty() || !metadata.is_empty() => {
                Some(Self { defaults, metadata, not })
            }
            Some(_) => {
                read.wrong("rules", "No model is named here, so nothing could be judged.");
                None
            }
            None => {
                read.wrong("rules", SENTENCE);
                None
            }
        }
    }

    #[expect(clippy::type_complexity, reason = "two lists that belong together")]
    fn rules(value: &Value) -> Option<(Vec<String>, Vec<(String, String, Vec<String>)>)> {
        let members = value.as_object()?;
        if members.keys().any(|name| name != "defaults" && name != "metadata") {
            return None;
        }
        let defaults = members.get("defaults").map_or(Some(vec![]), names)?;
        let mut found = vec![];
        for (key, values) in members.get("metadata").map_or(Some(&serde_json::Map::new()), Value::as_object)? {
            for (value, models) in values.as_object()? {
                found.push((key.clone(), value.clone(), names(models)?));
                if found.len() > 1_000 {
                    return None;
                }
            }
        }
        Some((defaults, found))
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let named = self.metadata.iter().filter(|(key, value, _)| scene.metadata.get(key) == Some(value));
        let mut allowed: Vec<&String> = named.flat_map(|(.., models)| models).collect();
        // They hold where nothing else does.
        if allowed.is_empty() {
            allowed.extend(&self.defaults);
        }
        if allowed.is_empty() {
            return Found::error("No rule says which models this call may use.");
        }
        let listed = allowed.iter().any(|model| *model == scene.model);
        Found::verdict(listed != self.not, json!({ "model": scene.model, "not": self.not }))
    }
}

fn names(value: &Value) -> Option<Vec<String>> {
    let values = value.as_array().filter(|values| values.len() <= 1_000)?;
    values.iter().map(|value| value.as_str().filter(|name| !name.is_empty()).map(str::to_owned)).collect()
}
