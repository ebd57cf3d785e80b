//! The configs' screens.

mod delete;
mod dry_run;
mod editor;
mod fields;
mod list;
mod new;
mod route;
mod section;
mod uses;
mod versions;

pub use delete::DeletePage;
pub use editor::EditorPage;
pub use list::ListPage;
pub use new::NewPage;
pub use section::{Routes, SECTION};
pub use uses::UsesPage;
pub use versions::VersionsPage;

use crate::{
    features::{
        audit::pages as audit,
        configs::{
            functions::LoadConfig,
            model::{ConfigPage, TryForm},
        },
    },
    policy::Operation,
    site::routes,
    ui::{
        Data, available,
        components::{CopyText, LinkButton, Look, PageHeader, Tab, Tabs, Tag},
        load,
        pages::{page_title, use_param, use_slug},
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The config in this page's path, as it is stored.
fn use_config() -> Data<ConfigPage> {
    let (slug, of) = (use_slug(), use_param("config"));
    load(move || LoadConfig { slug: slug.get(), of: of.get(), draft: String::new(), dry_run: TryForm::default() })
}

/// The document's title: the page, then the organisation.
fn title(page: &str) -> impl IntoView + use<> {
    view! { <Title text=page_title(page) /> }
}

/// What stands above the tabs of a config's pages.
#[derive(Clone)]
struct Head {
    slug: String,
    config: String,
    name: String,
    is_default: bool,
    versions: i64,
    used: usize,
}

/// The tabs, by their place.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Editor,
    Versions,
    Uses,
}

/// Heading and tabs of a config's pages.
#[component]
fn Above(head: Head, open: Open) -> impl IntoView {
    let Head { slug, config, name, is_default, versions, used } = head;
    let count = |number: i64| u64::try_from(number).ok();
    let tab = |label: &str, href: routes::Path, count: Option<u64>, own: Open| Tab {
        label: label.to_owned(),
        href: href.to_string(),
        count,
        current: own == open,
    };
    let tabs = vec![
        tab("Editor", routes::config(&slug, &config), None, Open::Editor),
        tab("Versions", routes::config_versions(&slug, &config), count(versions), Open::Versions),
        tab("Used by", routes::config_uses(&slug, &config), u64::try_from(used).ok(), Open::Uses),
    ];
    let another = routes::new_config(&slug).with("from", &config);
    let delete = routes::delete_config(&slug, &config);
    let history = audit::history("config", &config);
    view! {
        {title(&name)}
        <PageHeader
            title=name
            sentence=move || {
                view! {
                    <span class="row">
                        <CopyText id="config-slug" what="name that calls use" value=config.clone() />
                        {is_default.then(|| view! { <Tag label="Default" /> })}
                    </span>
                }
            }
        >
            {history}
            <LinkButton
                label="Create another from this"
                href=another
                availability=available(Operation::ConfigCreate)
            />
            <LinkButton
                label="Delete"
                look=Look::TowardsDanger
                href=delete
                availability=available(Operation::ConfigDelete)
            />
        </PageHeader>
        <Tabs tabs />
    }
}
