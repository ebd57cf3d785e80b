//! What stores and operations of versions have in common.

use super::model::Version;
use crate::{
    kernel::{Timestamp, text},
    server::database::row,
};
use sha2::{Digest, Sha256};
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

/// By which a reader of the log knows a text again.
pub fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first of several names, and how many more there are.
pub fn names(all: Vec<&str>) -> String {
    const SHOWN: usize = 10;
    match all.len().checked_sub(SHOWN) {
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..SHOWN].join(", ")),
    }
}
