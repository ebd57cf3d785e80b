//! All guardrails.

use super::title;
use crate::{
    features::{
        guardrails::{
            functions::LoadGuardrails,
            model::{Guardrails, Listed},
        },
        news::{
            model::Watched,
            pages::{ChangesByOthers, Watch},
        },
    },
    kernel::{Asked, Timestamp},
    policy::Operation,
    site::routes,
    ui::{
        Gradual, Loaded, available, can,
        components::{
            Column, CopyText, EmptyState, LinkButton, Look, MenuLink, PageHeader, RowMenu, SearchField, Table, Tag,
            Time,
        },
        icons::Icon,
        listing::{FilterBar, List, NothingFits, Pages, use_asked},
        load_after,
        pages::{Done, use_slug},
    },
};
use leptos::prelude::*;

#[component]
pub fn ListPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&[]));
    let watch = Watch::of(Watched::Guardrails);
    let guardrails = load_after(move || watch.reads(), move || LoadGuardrails { slug: slug.get(), asked: asked.get() });
    let view = move |guardrails: Guardrails| {
        watch.has_read(guardrails.seen);
        view! { <Inside guardrails slug=slug.get_untracked() asked=asked.get_untracked() /> }.into_any()
    };
    view! {
        <ChangesByOthers watch />
        <Loaded data=guardrails view />
    }
}

#[component]
fn Inside(guardrails: Guardrails, slug: String, asked: Asked) -> impl IntoView {
    let list = List { path: routes::guardrails(&slug), filters: &[], usual: "name", asked };
    let new = routes::new_guardrail(&slug);
    let total = guardrails.total;
    let nothing = total == 0 && !list.is_narrowed();
    let count = format!("{total} {}", if total == 1 { "guardrail" } else { "guardrails" });
    let body = if nothing {
        view! {
            <EmptyState
                title="No guardrails yet"
                sentence="A guardrail checks what is sent to a provider and what comes back: for personal data, secrets, words, patterns. It denies the call, rewrites the text, or only notes what it found. A config names it, or it judges every call."
            />
        }
        .into_any()
    } else if guardrails.guardrails.is_empty() {
        let sentence = "No guardrail has this in its name.";
        view! { <NothingFits title="No guardrail fits" sentence label="Show all guardrails" href=list.path.clone() /> }
            .into_any()
    } else {
        view! { <Rows guardrails slug list=list.clone() /> }.into_any()
    };
    let value = list.asked.get("q").to_owned();
    view! {
        {title("Guardrails")}
        <PageHeader title="Guardrails" sentence=|| "What requests and answers are checked for, and what happens then.">
            <LinkButton
                look=Look::Primary
                icon=Icon::Plus
                label="New guardrail"
                href=new
                availability=available(Operation::GuardrailCreate)
            />
        </PageHeader>
        <Done said=&[("deleted", "The guardrail is deleted.")] />
        {(!nothing)
            .then(|| {
                view! {
                    <FilterBar list count>
                        <SearchField label="Name" value />
                    </FilterBar>
                }
            })}
        {body}
    }
}

#[component]
fn Rows(guardrails: Guardrails, slug: String, list: List) -> impl IntoView {
    let Guardrails { guardrails, total, window, webhook_key, now, .. } = guardrails;
    let columns = vec![
        list.column("Guardrail", "name"),
        Column::new("Slug"),
        Column::number("Version"),
        list.column("Used by", "used"),
        list.column("Changed", "changed"),
        Column::actions(),
    ];
    let own = slug.clone();
    let rows = Gradual::of(guardrails, move |guardrail| view! { <Row guardrail now slug=own.clone() /> });
    view! {
        <Table caption="Guardrails" columns>
            {rows}
        </Table>
        <Pages list window total />
        <p class="hint row">
            "Webhooks are signed. They are checked by" <CopyText id="webhook-key" what="public key of webhooks" value=webhook_key />
        </p>
    }
}

#[component]
fn Row(guardrail: Listed, now: Timestamp, slug: String) -> impl IntoView {
    let of = guardrail.slug.as_str();
    let page = routes::guardrail(&slug, of);
    let (another, versions, samples, delete) = (
        routes::new_guardrail(&slug).with("from", of),
        routes::guardrail_versions(&slug, of),
        routes::guardrail_samples(&slug, of),
        routes::delete_guardrail(&slug, of),
    );
    let uses = routes::guardrail_uses(&slug, of).to_string();
    let edit = if can(Operation::GuardrailUpdate) { "Edit" } else { "View" };
    let configs = match guardrail.configs {
        0 => view! { <span class="muted">"no config"</span> }.into_any(),
        1 => view! { <a href=uses>"1 config"</a> }.into_any(),
        many => view! { <a href=uses>{format!("{many} configs")}</a> }.into_any(),
    };
    let tag = guardrail.all_calls.words().map(|words| view! { <Tag label=format!("Judges {words}") /> });
    view! {
        <tr>
            <th scope="row">
                <span class="row">
                    <a class="cell-name" href=page.to_string()>{guardrail.name.clone()}</a>
                    {tag}
                </span>
                {(!guardrail.description.is_empty())
                    .then(|| view! { <div class="hint">{guardrail.description.clone()}</div> })}
            </th>
            <td data-label="Slug">
                <CopyText
                    id=format!("slug-{}", guardrail.id)
                    what=format!("name of {} in configs", guardrail.name)
                    value=guardrail.slug.clone()
                />
            </td>
            <td data-label="Version" class="num">{format!("v{}", guardrail.current)}</td>
            <td data-label="Used by">{configs}</td>
            <td data-label="Changed">
                <Time at=guardrail.updated_at.0 now=now.0 />
                {format!(" by {}", guardrail.updated_by)}
            </td>
            <td class="row-actions">
                <RowMenu id=format!("menu-{}", guardrail.id) label=format!("Actions for {}", guardrail.name)>
                    <MenuLink label=edit href=page />
                    <MenuLink label="Versions" href=versions />
                    <MenuLink label="Samples" href=samples />
                    <MenuLink label="Duplicate" href=another availability=available(Operation::GuardrailCreate) />
                    <MenuLink label="Delete" href=delete danger=true availability=available(Operation::GuardrailDelete) />
                </RowMenu>
            </td>
        </tr>
    }
}
