//! Where a page stands: the organisation of its path, and what the person is there.

use crate::site::Place;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// The address of this page, from its path on.
pub fn here() -> String {
    let location = use_location();
    let search = location.search.get_untracked();
    let search = search.trim_start_matches('?');
    let path = location.pathname.get_untracked();
    if search.is_empty() { path } else { format!("{path}?{search}") }
}

/// The place of this page; none outside of organisations.
pub fn use_place() -> Option<Place> {
    use_context::<Signal<Option<Place>>>().and_then(|place| place.get())
}
