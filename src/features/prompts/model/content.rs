//! What a version holds, and the fields of the editor into which it is typed.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The roles that the editor offers for a message, with the words for them.
pub const ROLES: [(&str, &str); 5] =
    [("system", "System"), ("developer", "Developer"), ("user", "User"), ("assistant", "Assistant"), ("tool", "Tool")];

/// What a version holds. A partial has its text alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// The JSON text of the list of messages, or the text of a completion or a partial.
    pub string: String,
    /// `chat` or `text`; empty: what begins like a list of messages is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub form: String,
    /// The string is rendered as a text and read as JSON afterwards.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_raw: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// The slug of the virtual key that is called, unless the call names one or a config does.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub virtual_key: String,
    /// An object: `temperature`, `max_tokens` and so on.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub functions: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub tools: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub tool_choice: Value,
    /// What its makers note about it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
}

impl Content {
    /// Its messages, if each is a role and a text and nothing else.
    pub fn blocks(&self) -> Option<Vec<Block>> {
        if self.is_raw || self.form == "text" {
            return None;
        }
        let blocks: Vec<Block> = serde_json::from_str(&self.string).ok()?;
        let is_known = |block: &Block| ROLES.iter().any(|(role, _)| *role == block.role);
        blocks.iter().all(is_known).then_some(blocks)
    }
}

/// A message that is a role and a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    pub role: String,
    #[serde(rename = "content")]
    pub text: String,
}

/// What is typed into the editor, by the names of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Typed(pub BTreeMap<String, String>);

impl Typed {
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a button of the form asks for something else than to save it.
    pub fn is_step(&self) -> bool {
        !self.get("step").is_empty()
    }

    /// The messages, where they are typed as blocks.
    pub fn blocks(&self) -> Option<Vec<Block>> {
        let block = |at: usize| {
            let role = self.0.get(&format!("blocks.{at}.role"))?.clone();
            // Browsers post a line break as two characters.
            Some(Block { role, text: self.get(&format!("blocks.{at}.text")).replace("\r\n", "\n") })
        };
        (self.get("written") == "blocks").then(|| (0..).map_while(block).collect())
    }

    /// The same after the step that a button asked for.
    pub fn stepped(&self) -> Option<Vec<Block>> {
        let mut blocks = self.blocks()?;
        let (word, at) = self.get("step").split_once('.').unwrap_or((self.get("step"), ""));
        let at = at.parse().ok().filter(|at| *at < blocks.len());
        match (word, at) {
            ("add", _) => blocks.push(Block { role: "user".to_owned(), text: String::new() }),
            ("remove", Some(at)) => drop(blocks.remove(at)),
            ("up", Some(at)) if at > 0 => blocks.swap(at, at - 1),
            ("down", Some(at)) if at + 1 < blocks.len() => blocks.swap(at, at + 1),
            _ => {}
        }
        Some(blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_moved_by_the_buttons_of_the_form() {
        let typed = |step: &str| {
            let fields = [
                ("written", "blocks"),
                ("step", step),
                ("blocks.0.role", "system"),
                ("blocks.0.text", "a\r\nb"),
                ("blocks.1.role", "user"),
            ];
            Typed(fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        };
        let after = |step: &str| {
            let blocks = typed(step).stepped().unwrap_or_default();
            blocks.into_iter().map(|block| format!("{} {}", block.role, block.text)).collect::<Vec<_>>()
        };
        let (system, user) = ("system a\nb", "user ");
        assert_eq!(after("fill"), [system, user]);
        assert_eq!(after("add"), [system, user, user]);
        assert_eq!(after("up.1"), [user, system]);
        assert_eq!(after("down.0"), [user, system]);
        assert_eq!(after("remove.0"), [user]);
        for beyond in ["up.0", "down.1", "remove.2", "remove.x"] {
            assert_eq!(after(beyond), [system, user], "{beyond}");
        }
    }

    #[test]
    fn what_is_more_than_a_role_and_a_text_is_no_block() {
        let content = |string: &str| Content { string: string.to_owned(), ..Content::default() };
        let plain = content(r#"[{"role": "user", "content": "a"}]"#);
        assert_eq!(plain.blocks().map(|blocks| blocks.len()), Some(1));
        assert_eq!(Content { is_raw: true, ..plain }.blocks(), None);
        for other in [
            "Say it.",
            r#"[{"role": "user", "content": [{"type": "text", "text": "a"}]}]"#,
            r#"[{"role": "user", "name": "n", "content": "a"}]"#,
        ] {
            assert_eq!(content(other).blocks(), None, "{other}");
        }
    }
}
