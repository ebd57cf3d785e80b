//! The policy in the console: the same decision as the server's says what is shown and what is explained.

use super::{components::Availability, place::use_place};
use crate::{
    kernel::{Error, text::capital},
    policy::{Denial, Operation, Target, decide},
};

/// Whether the person may do this in the organisation of this page.
pub fn can(operation: Operation) -> bool {
    decision(operation).is_ok()
}

/// Why the person may not do this, for a page that is about nothing else.
pub fn refusal(operation: Operation) -> Option<Error> {
    decision(operation).err().map(Error::from)
}

/// Available, or why not and who can help.
pub fn available(operation: Operation) -> Availability {
    match decision(operation) {
        Ok(()) => Availability::Available,
        Err(denial) => unavailable(denial),
    }
}

/// A denial as the reason of a control.
pub fn unavailable(denial: Denial) -> Availability {
    let owners = use_place().map(|place| place.owners).unwrap_or_default();
    let reason = match denial.missing() {
        Some(permission) => {
            let who = capital(&permission.held_by());
            let ask = match owners.as_slice() {
                [] => String::new(),
                [one] => format!(" Ask {one}."),
                [one, two, ..] => format!(" Ask {one} or {two}."),
            };
            format!("{who} can do this.{ask}")
        }
        None => denial.sentence(),
    };
    Availability::Unavailable { reason }
}

fn decision(operation: Operation) -> Result<(), Denial> {
    let place = use_place().ok_or(Denial::Unknown)?;
    decide(&place.principal(), operation.spec().requires, Target::In(place.organisation))
}
