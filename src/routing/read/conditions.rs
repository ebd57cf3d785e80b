//! Reads the conditions of a strategy.

use super::{
    MAX_NAME, Piece, Reader,
    values::{clip, field},
};
use crate::kernel::json::{Value, below};
use crate::routing::MAX_LEVELS;
use crate::routing::condition::{Condition, Operand, Pattern, Test, number};
use crate::routing::level::{Field, ReadCase};

/// The most patterns in a config.
const MAX_PATTERNS: usize = 32;

impl Reader<'_> {
    pub(super) fn conditions(&mut self, part: &Piece<'_>) -> Vec<ReadCase> {
        let list = self.list(part, "This must be a list of conditions.");
        if list.is_empty() && matches!(part.node.value, Value::List(_)) {
            self.wrong(part, "There must be at least one condition.");
        }
        let mut cases = vec![];
        for (path, node) in list {
            let part = Piece { path, node };
            let mut case = ReadCase { at: node.at.start, query: None, then: None };
            if let Some(members) = self.members(&part, &["query", "then"]) {
                for name in ["query", "then"] {
                    if !members.contains_key(name) {
                        self.fault(
                            node.at.start,
                            below(&part.path, name),
                            "missing_key",
                            format!("A condition needs `{name}`."),
                        );
                    }
                }
                case.query = members.get("query").and_then(|part| self.query(part, 1));
                case.then = members.get("then").and_then(|part| self.text_of(part, MAX_NAME));
            }
            cases.push(case);
        }
        cases
    }

    fn query(&mut self, part: &Piece<'_>, depth: usize) -> Option<Condition> {
        let Value::Object(members) = &part.node.value else {
            self.wrong(part, "This must be an object.");
            return None;
        };
        if members.is_empty() {
            self.wrong(part, "This condition is empty.");
            return None;
        }
        if depth > MAX_LEVELS {
            self.fault(
                part.node.at.start,
                part.path.clone(),
                "too_deep",
                "Conditions can be nested at most 8 levels deep.",
            );
            return None;
        }
        let mut all = vec![];
        for member in members {
            let inner = Piece { path: below(&part.path, &member.key), node: &member.value };
            match member.key.as_str() {
                word @ ("$and" | "$or") => {
                    if members.len() > 1 {
                        let message = format!("Nothing else can stand beside `{word}`. Put the rest into its list.");
                        self.fault(member.key_at, inner.path.clone(), "sibling", message);
                    }
                    let list = self.list(&inner, "This must be a list of conditions.");
                    if list.is_empty() && matches!(inner.node.value, Value::List(_)) {
                        self.wrong(&inner, "There must be at least one condition.");
                    }
                    let mut parts = vec![];
                    for (path, node) in list {
                        parts.extend(self.query(&Piece { path, node }, depth + 1));
                    }
                    all.push(if word == "$and" { Condition::All(parts) } else { Condition::Any(parts) });
                }
                word if word.starts_with('$') => {
                    self.fault(
                        member.key_at,
                        inner.path,
                        "unknown_operator",
                        format!("There is no operator `{}` here.", clip(word)),
                    );
                }
                key => match field(key, false) {
                    Some(field) => all.extend(self.tests(&inner, &field)),
                    None => self.fault(
                        member.key_at,
                        inner.path,
                        "unknown_value",
                        "This must be `metadata.` or `params.` and a name, or `url.pathname`.",
                    ),
                },
            }
        }
        Some(if all.len() == 1 { all.remove(0) } else { Condition::All(all) })
    }

    /// What is asked of one value of the request.
    fn tests(&mut self, part: &Piece<'_>, field: &Field) -> Vec<Condition> {
        let is = |test: Test| Condition::Is { field: field.clone(), test };
        let members = match &part.node.value {
            Value::Object(members) => members,
            _ => return self.scalar(part).map(|operand| is(Test::Equal(operand))).into_iter().collect(),
        };
        if members.is_empty() {
            self.wrong(part, "This condition is empty.");
        }
        let mut tests = vec![];
        for member in members {
            let inner = Piece { path: below(&part.path, &member.key), node: &member.value };
            let test = match member.key.as_str() {
                "$eq" => self.scalar(&inner).map(Test::Equal),
                "$ne" => self.scalar(&inner).map(Test::NotEqual),
                "$gt" => self.bound(&inner).map(Test::Above),
                "$gte" => self.bound(&inner).map(Test::AtLeast),
                "$lt" => self.bound(&inner).map(Test::Below),
                "$lte" => self.bound(&inner).map(Test::AtMost),
                "$in" => self.scalars(&inner).map(Test::OneOf),
                "$nin" => self.scalars(&inner).map(Test::NoneOf),
                "$regex" => {
                    if members.len() > 1 {
                        self.fault(
                            member.key_at,
                            inner.path.clone(),
                            "sibling",
                            "Nothing else can stand beside `$regex`. Use `$and`.",
                        );
                    }
                    self.pattern(&inner).map(Test::Matches)
                }
                other => {
                    self.fault(
                        member.key_at,
                        inner.path,
                        "unknown_operator",
                        format!("There is no operator `{}` here.", clip(other)),
                    );
                    continue;
                }
            };
            tests.extend(test.map(is));
        }
        tests
    }

    fn scalar(&mut self, part: &Piece<'_>) -> Option<Operand> {
        match &part.node.value {
            Value::Null => Some(Operand::Null),
            Value::Bool(word) => Some(Operand::Bool(*word)),
            Value::Number(number) => Some(Operand::Number(*number)),
            Value::Text(text) => Some(Operand::Text(text.as_str().into())),
            Value::List(_) | Value::Object(_) => {
                self.wrong(part, "This must be a string, a number, true, false or null.");
                None
            }
        }
    }

    fn scalars(&mut self, part: &Piece<'_>) -> Option<Vec<Operand>> {
        if !matches!(part.node.value, Value::List(_)) {
            self.wrong(part, "This must be a list.");
            return None;
        }
        let list = self.list(part, "");
        Some(list.into_iter().filter_map(|(path, node)| self.scalar(&Piece { path, node })).collect())
    }

    fn bound(&mut self, part: &Piece<'_>) -> Option<f64> {
        let bound = match &part.node.value {
            Value::Number(number) => Some(*number),
            Value::Text(text) => number(text),
            _ => None,
        };
        if bound.is_none() {
            self.wrong(part, "This must be a number.");
        }
        bound
    }

    fn pattern(&mut self, part: &Piece<'_>) -> Option<Pattern> {
        let Value::Text(text) = &part.node.value else {
            self.wrong(part, "A pattern must be a string.");
            return None;
        };
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            self.wrong(part, "A config can have at most 32 patterns.");
            return None;
        }
        match Pattern::new(text) {
            Ok(pattern) => Some(pattern),
            Err(sentence) => {
                self.fault(part.node.at.start, part.path.clone(), "invalid_pattern", sentence);
                None
            }
        }
    }
}
