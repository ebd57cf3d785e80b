//! What calls on versions take.

use crate::web::api::input;

input! {
    /// Which part of the versions is listed.
    VersionsQuery {
        #[schema(minimum = 1, maximum = 100)]
        page_size | "pageSize": Option<i64>,
        #[schema(minimum = 0, maximum = 1000000)]
        current_page | "currentPage": Option<i64>,
    }
}
