//! Reads the guardrails that a level names or writes itself.

use super::{MAX_NAME, Piece, Reader};
use crate::guardrails::{Guardrail, Side};
use crate::kernel::json::{Member, Node, Value};
use crate::routing::level::{Guard, Level, Named, Rules};
use std::collections::HashMap;
use std::sync::Arc;

/// The most checks that a config writes itself. What it names is stored, and has bounds of its own.
const MAX_CHECKS: usize = 20;

impl Reader<'_> {
    /// The guardrails of a level. Both lists of a side are one; `default_…` holds for its targets whatever they say.
    pub(super) fn guards(&mut self, level: &mut Level, members: &HashMap<&str, Piece<'_>>) {
        const LISTS: [(&str, Side, bool); 6] = [
            ("input_guardrails", Side::Request, false),
            ("before_request_hooks", Side::Request, false),
            ("default_input_guardrails", Side::Request, true),
            ("output_guardrails", Side::Answer, false),
            ("after_request_hooks", Side::Answer, false),
            ("default_output_guardrails", Side::Answer, true),
        ];
        for (name, side, always) in LISTS {
            let Some(part) = members.get(name) else { continue };
            if !matches!(part.node.value, Value::List(_)) {
                self.wrong(part, "This must be a list of guardrails.");
                continue;
            }
            let mut guards = vec![];
            for (path, node) in self.few(part, "This must be a list of guardrails.") {
                guards.extend(self.guard(&Piece { path, node }, side));
            }
            let rules = match side {
                Side::Request => &mut level.guards.requests,
                Side::Answer => &mut level.guards.answers,
            };
            rules.note(part.node.at.start, guards, always);
        }
    }

    fn guard(&mut self, part: &Piece<'_>, side: Side) -> Option<Guard> {
        let at = part.node.at.start;
        let named = |slug: &str| Guard::Named(Named { slug: slug.to_owned(), path: part.path.clone(), at });
        let definition: serde_json::Value = match &part.node.value {
            Value::Text(slug) => return self.slug_of(part, slug).map(named),
            Value::Object(members) => {
                // An object that only names one, as the lists of hooks do.
                let only = |key: &str| ["id", "type"].contains(&key);
                let id = members.iter().find(|member| member.key == "id");
                if let (true, Some(Member { value: Node { value: Value::Text(slug), .. }, .. })) =
                    (members.iter().all(|member| only(&member.key)), id)
                {
                    return self.slug_of(part, slug).map(named);
                }
                serde_json::from_str(&self.text[part.node.at.clone()]).ok()?
            }
            _ => {
                self.wrong(part, "Name a guardrail by its slug, or write its checks.");
                return None;
            }
        };
        // Where a webhook may be is asked again when it is called.
        match Guardrail::inline(&definition, &|_| Ok(())) {
            Err(faults) => {
                for fault in faults {
                    let path = match fault.field.as_str() {
                        "" => part.path.clone(),
                        field => format!("{}.{field}", part.path),
                    };
                    self.fault(at, path, fault.code, fault.message);
                }
                None
            }
            Ok(guardrail) => {
                self.checks += guardrail.checks();
                if self.checks > MAX_CHECKS {
                    let message =
                        "A config can hold at most 20 checks of its own. Save guardrails and name them instead.";
                    self.fault(at, part.path.clone(), "too_many_checks", message);
                    return None;
                }
                if side == Side::Answer
                    && let Some((_, check)) = guardrail.only_requests()
                {
                    let message = format!("`{check}` only checks requests, so it cannot judge answers.");
                    self.fault(at, part.path.clone(), "only_requests", message);
                    return None;
                }
                let id = definition.get("id").or_else(|| definition.get("name")).and_then(serde_json::Value::as_str);
                let id = id.filter(|id| !id.is_empty() && id.len() <= MAX_NAME).unwrap_or("inline");
                Some(Guard::Inline(id.into(), Arc::new(guardrail)))
            }
        }
    }

    fn slug_of<'n>(&mut self, part: &Piece<'n>, slug: &'n str) -> Option<&'n str> {
        let odd = |c: char| c.is_control() || c.is_whitespace();
        if slug.is_empty() || slug.len() > MAX_NAME || slug.contains(odd) {
            self.wrong(part, "This must be the slug of a guardrail.");
            return None;
        }
        Some(slug)
    }
}

impl Rules {
    fn note(&mut self, at: usize, guards: Vec<Guard>, always: bool) {
        self.at.get_or_insert(at);
        if always {
            self.always.extend(guards);
        } else {
            self.own.get_or_insert_default().extend(guards);
        }
    }
}
