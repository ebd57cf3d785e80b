//! What calls on versions take.

use crate::web::api::input;

input! {
    /// Which part of the versions is listed.
    VersionsQuery {
        ..page
    }
}
