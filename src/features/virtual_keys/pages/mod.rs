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
    features::virtual_keys::{functions::LoadVirtualKey, model::Detail},
    ui::{
        Data, load_after,
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

/// The document's title: the page, then the organisation.
fn title(page: &str) -> impl IntoView + use<> {
    view! { <Title text=page_title(page) /> }
}
