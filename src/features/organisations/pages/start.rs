//! Where an organisation begins: its logs, which every role may see.

use crate::{site::routes, ui::pages::use_slug};
use leptos::prelude::*;
use leptos_router::components::Redirect;

#[component]
pub fn StartPage() -> impl IntoView {
    let slug = use_slug();
    view! { <Redirect path=routes::logs(&slug.get_untracked()).to_string() /> }
}
