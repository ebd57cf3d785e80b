//! The virtual keys' screens.

mod delete;
mod detail;
mod duplicate;
mod fields;
mod list;
mod new;
mod section;

pub use delete::DeletePage;
pub use detail::DetailPage;
pub use duplicate::DuplicatePage;
pub use list::ListPage;
pub use new::NewPage;
pub use section::{Routes, SECTION};

use crate::{
    features::virtual_keys::{
        functions::{CheckVirtualKeySlug, LoadVirtualKey},
        model::Detail,
    },
    ui::{
        Data,
        form::use_look,
        load_after,
        pages::{page_title, use_param, use_slug},
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The virtual key in this page's path, read again whenever `saves` counts one more.
fn use_virtual_key(saves: impl Fn() -> u32 + Send + Sync + 'static) -> Data<Detail> {
    let (slug, key) = (use_slug(), use_param("key"));
    load_after(saves, move || LoadVirtualKey { slug: slug.get(), key: key.get() })
}

/// What is wrong with the reference of a virtual key that is not made yet, told while it is typed.
fn slug_clash(key_slug: RwSignal<String>) -> Signal<Option<String>> {
    let slug = use_slug();
    use_look(key_slug, move |typed| {
        let is_typed = !typed.trim().is_empty();
        is_typed.then(|| CheckVirtualKeySlug { slug: slug.get_untracked(), key_slug: typed.to_owned() })
    })
}

/// The document's title: the page, then the organisation.
fn title(page: &str) -> impl IntoView + use<> {
    view! { <Title text=page_title(page) /> }
}
