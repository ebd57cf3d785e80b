//! The registration of calls for programs: how their fields are read, and the document that tells of them.

mod document;
mod input;
mod json;
mod paging;
mod registrar;

pub use input::{FieldSource, FieldType, Flag, Input, Nothing, ObjectText, Origin};
pub(crate) use input::{input, names};
pub use paging::{List, asked, one_of, range_of, window};
pub use registrar::{Api, Call, parse_route};

use crate::kernel::Error;
use serde::Serialize;
use utoipa::ToSchema;

/// The answer of a change that has nothing to tell.
#[derive(Serialize, ToSchema)]
pub struct Done {}

/// An operation's error with its fields under the names that they have in a body.
pub fn renamed(mut error: Error, names: &[(&str, &str)]) -> Error {
    for field in &mut error.fields {
        if let Some((_, name)) = names.iter().find(|(inner, _)| *inner == field.field) {
            field.field = (*name).to_owned();
        }
    }
    error
}
