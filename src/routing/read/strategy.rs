//! Reads how a level chooses among its targets, and whether these fit.

use super::{
    MAX_NAME, Piece, Reader,
    values::{clip, field},
};
use crate::kernel::json::{Value, below, element};
use crate::routing::level::{At, Breaker, Level, Mode, Sticky, Strategy};
use std::collections::HashMap;

impl Reader<'_> {
    pub(super) fn strategy(&mut self, part: &Piece<'_>) -> (Option<Strategy>, Option<At<Breaker>>) {
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

    /// What the strategy asks of the targets.
    pub(super) fn fits(&mut self, level: &Level, targets: Option<&Piece<'_>>) {
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
                let sentence = |name: &str| format!("No target of this strategy is called `{}`.", clip(name));
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
}
