//! What stands in the columns and rows beside an event's body.

use super::FORM;
use crate::{
    kernel::Timestamp,
    server::{
        audit::{
            event::Written,
            personal::{OF_ANOTHER, Personal, Place},
            store::{StoredPersonal, StoredRow},
        },
        database::{Raw, storable},
    },
};

/// Whether the columns say what the body says.
pub(super) fn stands_beside(row: &StoredRow, written: &Written) -> bool {
    let same =
        |column: &Raw, text: &str| column.0 == storable(text.to_owned()).as_bytes() || column.0 == without_nul(text);
    row.id.0 == written.id.as_bytes()
        && Timestamp(row.at).rfc3339() == written.at
        && same(&row.action, &written.action)
        && same(&row.outcome, written.outcome.name())
        && same(&row.actor_kind, &written.actor.kind)
        && same(&row.actor_id, &written.actor.id)
        && same(&row.target_id, &written.subject.id)
        && same(&row.request_id, &written.request_id)
        && same(&row.credential_id, &written.credential_id().map(|id| id.to_string()).unwrap_or_default())
}

/// The personal values in the rows beside a body, each kept as that of the person whom the body names.
pub(super) fn read_beside(rows: &[StoredPersonal], written: &Written) -> Result<Vec<Personal>, &'static str> {
    let read = |row: &StoredPersonal| {
        let place = Place::numbered(row.place);
        // Of a change, and of what is called after somebody, the event does not tell for ever whose it is.
        let is_named = match written.person_of(place) {
            Some(person) => row.person.as_ref().is_some_and(|kept| kept.0 == person.as_bytes()),
            None => row.person.is_none() || place == Place::SUBJECT,
        };
        if place <= Place::USER_AGENT && !is_named {
            return Err(OF_ANOTHER);
        }
        let value = String::from_utf8(row.value.0.clone()).map_err(|_| FORM)?;
        Ok(Personal { place, salt: row.salt.0.clone(), value })
    };
    rows.iter().map(read).collect()
}

/// As an earlier version stored texts that hold a NUL beside the body.
fn without_nul(text: &str) -> Vec<u8> {
    text.bytes().filter(|byte| *byte != 0).collect()
}
