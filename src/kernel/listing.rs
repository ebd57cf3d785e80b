//! Lists: what is asked of one, and which part of it is read.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a list is asked for, as it stands in its address: `q` is searched for, `sort` names an order (with `-` before it
/// the other way round), `page` counts from 1, `after` and `before` are places between two rows. Every other name is a
/// filter of the list's own. What is empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Asked(BTreeMap<String, String>);

impl Asked {
    /// What is said under a name; empty: nothing.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The same, saying this under a name.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        match value.into() {
            empty if empty.is_empty() => self.0.remove(name),
            value => self.0.insert(name.to_owned(), value),
        };
        self
    }

    /// Whether nothing is said under any of these names.
    pub fn is_silent(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.get(name).is_empty())
    }

    /// The page that is asked for, of a list with this many rows on a page.
    pub fn window(&self, size: i64) -> Window {
        Window::page(self.get("page").parse().unwrap_or(1), size)
    }
}

/// A part of a list: at most `limit` rows from `offset` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub offset: i64,
    pub limit: i64,
    /// Beyond the end the last page is meant, as rows may have gone since an address was made. Else there is nothing.
    pub or_last: bool,
}

impl Window {
    /// A page for people, from 1.
    pub fn page(number: i64, size: i64) -> Self {
        Self { offset: (number.max(1) - 1).saturating_mul(size), limit: size, or_last: true }
    }

    /// What is meant in a list of this many rows.
    #[must_use]
    pub fn within(self, total: i64) -> Self {
        let last = (total.max(1) - 1) / self.limit * self.limit;
        if self.or_last { Self { offset: self.offset.min(last), ..self } } else { self }
    }

    /// The pages before and after it, where there are any.
    pub fn neighbours(self, total: i64) -> (Option<i64>, Option<i64>) {
        let number = self.offset / self.limit + 1;
        ((number > 1).then(|| number - 1), (number * self.limit < total).then(|| number + 1))
    }

    /// "26 to 50 of 312".
    pub fn words(self, total: i64) -> String {
        format!("{} to {} of {total}", self.offset + 1, (self.offset + self.limit).min(total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_and_end_with_the_list() {
        let asked = |page: &str| Asked::default().with("page", page).window(25);
        assert_eq!(asked("2"), Window { offset: 25, limit: 25, or_last: true });
        for first in ["", "0", "-3", "x", "1"] {
            assert_eq!(asked(first).offset, 0, "{first}");
        }
        assert_eq!([0, 25, 26, 50].map(|total| asked("9223372036854775807").within(total).offset), [0, 0, 25, 25]);
        assert_eq!(Window { or_last: false, ..asked("7") }.within(26).offset, 150);
        assert_eq!((asked("1").neighbours(25), asked("1").neighbours(26)), ((None, None), (None, Some(2))));
        assert_eq!((asked("2").neighbours(26), asked("2").words(26)), ((Some(1), None), "26 to 26 of 26".into()));
    }
}
