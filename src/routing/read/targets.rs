//! Reads the targets of a level, and the one that it names itself.

use super::{MAX_NAME, Piece, Reader};
use crate::kernel::json::{Value, below, element};
use crate::routing::condition::number;
use crate::routing::level::{At, Level, Named};
use crate::routing::{MAX_LEVELS, MAX_TARGETS};
use std::collections::HashMap;

impl Reader<'_> {
    pub(super) fn targets(&mut self, part: &Piece<'_>, depth: usize) -> Vec<Level> {
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

    /// The virtual key that a level names, in any of the three ways.
    pub(super) fn own_target(&mut self, level: &mut Level, members: &HashMap<&str, Piece<'_>>) {
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

    pub(super) fn weight(&mut self, part: &Piece<'_>) -> Option<At<f64>> {
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
}
