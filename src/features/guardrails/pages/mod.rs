//! The guardrails' screens.

mod actions;
mod bench;
mod checks;
mod delete;
mod editor;
mod list;
mod new;
mod samples;
mod section;
mod uses;
mod versions;

pub use delete::DeletePage;
pub use editor::EditorPage;
pub use list::ListPage;
pub use new::NewPage;
pub use samples::SamplesPage;
pub use section::{Routes, SECTION};
pub use uses::UsesPage;
pub use versions::VersionsPage;

use crate::{
    features::{audit::pages as audit, guardrails::model::Detail},
    policy::Operation,
    site::routes,
    ui::{
        available,
        components::{CopyText, LinkButton, Look, PageHeader, Tab, Tabs, Tag},
        pages::page_title,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The document's title: the page, then the organisation.
fn title(page: &str) -> impl IntoView + use<> {
    view! { <Title text=page_title(page) /> }
}

/// The tabs, by their place.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Editor,
    Versions,
    Samples,
    Uses,
}

/// Heading and tabs of a guardrail's pages.
#[component]
fn Above(guardrail: Detail, slug: String, open: Open) -> impl IntoView {
    let Detail { slug: of, name, all_calls, current, samples, configs, .. } = guardrail;
    let count = |number: i64| u64::try_from(number).ok();
    let tab = |label: &str, href: routes::Path, count: Option<u64>, own: Open| Tab {
        label: label.to_owned(),
        href: href.to_string(),
        count,
        current: own == open,
    };
    let used = i64::try_from(configs.len()).unwrap_or_default() + i64::from(all_calls.any());
    let tabs = vec![
        tab("Editor", routes::guardrail(&slug, &of), None, Open::Editor),
        tab("Versions", routes::guardrail_versions(&slug, &of), count(current), Open::Versions),
        tab("Samples", routes::guardrail_samples(&slug, &of), count(samples), Open::Samples),
        tab("Used by", routes::guardrail_uses(&slug, &of), count(used), Open::Uses),
    ];
    let another = routes::new_guardrail(&slug).with("from", &of);
    let delete = routes::delete_guardrail(&slug, &of);
    let history = audit::history("guardrail", &of);
    let tag = all_calls.words().map(|words| format!("Judges {words}"));
    view! {
        {title(&name)}
        <PageHeader
            title=name
            sentence=move || {
                view! {
                    <span class="row">
                        <CopyText id="guardrail-slug" what="name that configs use" value=of.clone() />
                        {tag.clone().map(|label| view! { <Tag label /> })}
                    </span>
                }
            }
        >
            {history}
            <LinkButton label="Duplicate" href=another availability=available(Operation::GuardrailCreate) />
            <LinkButton
                label="Delete"
                look=Look::TowardsDanger
                href=delete
                availability=available(Operation::GuardrailDelete)
            />
        </PageHeader>
        <Tabs tabs />
    }
}
