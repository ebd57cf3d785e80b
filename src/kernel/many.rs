//! Several things of a list in one go.

use super::{Error, Id, Result};
use serde::{Deserialize, Serialize};

/// The most things in one go: as many as the longest page of a list has rows.
pub const MOST: usize = 50;

/// What became of one of several things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub id: String,
    /// Empty: there is no such thing here, or the caller may not see it.
    pub name: String,
    /// Why nothing was done with it, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// The ids in a text, with blanks between them. One that stands there twice counts once.
///
/// # Errors
/// `invalid`, for the field `ids`, where there are none or more than [`MOST`]; `not_found` for what is no id.
pub fn ids<I: Id + PartialEq>(text: &str) -> Result<Vec<I>> {
    let mut ids: Vec<I> = vec![];
    for word in text.split_whitespace() {
        let id = word.parse().map_err(|_| Error::not_found())?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    match ids.len() {
        0 => Err(Error::field("ids", "Choose at least one.")),
        1..=MOST => Ok(ids),
        _ => Err(Error::field("ids", format!("Choose {MOST} at most."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::KeyId;

    fn numbered(count: u128) -> String {
        (0..count).map(|number| format!(" {}", KeyId::numbered(number))).collect()
    }

    #[test]
    fn one_to_fifty_ids_are_read_and_each_counts_once() {
        let one = KeyId::numbered(7);
        assert_eq!(ids::<KeyId>(&format!(" {one}\n{one}")), Ok(vec![one]));
        assert_eq!(ids::<KeyId>(&numbered(50)).map(|ids| ids.len()), Ok(50));
        for (text, code) in [(String::new(), "invalid"), (numbered(51), "invalid"), ("x".into(), "not_found")] {
            assert_eq!(ids::<KeyId>(&text).unwrap_err().code.as_str(), code, "{text}");
        }
    }
}
