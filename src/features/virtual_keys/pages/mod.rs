//! The virtual keys' screens.

mod delete;
mod detail;
mod duplicate;
mod fields;
mod list;
mod new;
mod section;

pub use section::{Routes, SECTION};
pub use delete::DeletePage;
pub use detail::DetailPage;
pub use duplicate::DuplicatePage;
pub use list::ListPage;
pub use new::NewPage;

use crate::{
    features::{
        organisations::pages::use_slug,
        virtual_keys::{functions::LoadVirtualKey, model::Detail},
    },
    ui::{Data, load_after, use_place},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

/// The reference of the virtual key in this page's path.
fn use_key() -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get("key").unwrap_or_default()))
}

/// The virtual key in this page's path, read again whenever `saves` counts one more.
fn use_virtual_key(saves: impl Fn() -> u32 + Send + Sync + 'static) -> Data<Detail> {
    let (slug, key) = (use_slug(), use_key());
    load_after(saves, move || LoadVirtualKey { slug: slug.get(), key: key.get() })
}

/// The document's title: the page, then the organisation.
fn title(page: &str) -> impl IntoView + use<> {
    let text = match use_place() {
        Some(place) => format!("{page} · {}", place.name),
        None => page.to_owned(),
    };
    view! { <Title text /> }
}
