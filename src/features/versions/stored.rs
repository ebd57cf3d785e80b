//! What stores and operations of versions have in common.

use super::model::{MOST, Version};
use crate::{
    kernel::{Error, Result, Timestamp, text},
    server::database::row,
};
use uuid::Uuid;

/// A version with its text.
pub struct Whole {
    pub version: Version,
    pub id: String,
    pub text: String,
}

row! {
    /// A version's row.
    pub struct Row {
        number: i64,
        id: Uuid,
        body: String,
        message: String,
        created_by: String,
        created_at: i64,
    }
}

impl From<Row> for Whole {
    fn from(row: Row) -> Self {
        let version = Version {
            number: row.number,
            message: row.message,
            created_by: row.created_by,
            created_at: Timestamp(row.created_at),
        };
        Self { version, id: row.id.to_string(), text: row.body }
    }
}

/// `<kind>-<up to 6 letters of the name>-<6 hexadecimal digits>`; `otherwise` stands where the name has no letters.
pub fn new_slug(kind: &str, name: &str, otherwise: &str) -> String {
    let name: String = text::slug(name).chars().filter(|c| *c != '-').take(6).collect();
    let name = if name.is_empty() { otherwise } else { &name };
    format!("{kind}-{name}-{}", &Uuid::new_v4().simple().to_string()[..6])
}

/// The number of the newest version after a save, which makes one where the text `is_new`. `one`: what has the versions, such
/// as "A config".
///
/// # Errors
/// That there are as many as there may be.
pub fn next(one: &str, current: i64, is_new: bool) -> Result<i64> {
    let number = if is_new { current + 1 } else { current };
    if number > MOST {
        return Err(Error::conflict(format!("{one} can have at most {MOST} versions. Make another from this one.")));
    }
    Ok(number)
}

/// The first of several names, and how many more there are.
pub fn names(all: Vec<&str>) -> String {
    const SHOWN: usize = 10;
    match all.len().checked_sub(SHOWN) {
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..SHOWN].join(", ")),
    }
}
