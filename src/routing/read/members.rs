//! The members of an object by name, and what may be meant by one that is not known.

use super::{Piece, Reader, values::clip};
use crate::kernel::json::{Member, Value, below};
use std::collections::HashMap;

impl Reader<'_> {
    /// The members of an object by name, those that are not known refused.
    pub(super) fn members<'n>(&mut self, part: &Piece<'n>, known: &[&str]) -> Option<HashMap<&'n str, Piece<'n>>> {
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
        let key = clip(&member.key);
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
