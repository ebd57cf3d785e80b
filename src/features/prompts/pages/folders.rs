//! Folders, in which prompts and partials stand.

use super::{ListTabs, Lists, title};
use crate::{
    features::prompts::{
        functions::{CreateCollection, DeleteCollection, LoadPrompts, RenameCollection},
        model::{Collection, NAME_LIMIT, Prompts},
    },
    kernel::{Asked, Error, Timestamp},
    policy::Operation,
    site::routes,
    ui::{
        Data, Loaded, Problem, available,
        components::{Column, EmptyState, Field, LinkButton, Look, MenuLink, PageHeader, RowMenu, Table, Time, Toast},
        form::{Limits, use_form},
        icons::Icon,
        load,
        pages::{Done, FormPage, ItemPage, param, use_slug},
        refusal,
    },
};
use leptos::prelude::*;

const LIMITS: Limits = &[("name", NAME_LIMIT)];

/// The list of prompts brings all folders with it.
fn use_folders() -> Data<Prompts> {
    let slug = use_slug();
    load(move || LoadPrompts { slug: slug.get(), asked: Asked::default() })
}

/// What is shown of the folder in this page's path.
fn of_path(prompts: Prompts, show: impl FnOnce(Collection) -> AnyView) -> AnyView {
    let of = param("of");
    match prompts.collections.into_iter().find(|folder| folder.slug == of) {
        Some(folder) => show(folder),
        None => view! { <Problem error=Error::not_found() /> }.into_any(),
    }
}

#[component]
pub fn FoldersPage() -> impl IntoView {
    let view = |prompts: Prompts| {
        view! { <Inside folders=prompts.collections now=prompts.now slug=param("slug") /> }.into_any()
    };
    view! { <Loaded data=use_folders() view /> }
}

#[component]
fn Inside(folders: Vec<Collection>, now: Timestamp, slug: String) -> impl IntoView {
    let body = if folders.is_empty() {
        let sentence = "A folder keeps prompts and partials of one subject together. Calls never name it.";
        view! { <EmptyState title="No folders yet" sentence /> }.into_any()
    } else {
        let columns = vec![
            Column::new("Folder"),
            Column::number("Prompts and partials"),
            Column::new("Changed"),
            Column::actions(),
        ];
        let rows: Vec<_> = folders.into_iter().map(|folder| row(folder, now, &slug)).collect();
        view! {
            <Table caption="Folders" columns>
                {rows}
            </Table>
        }
        .into_any()
    };
    let new = routes::new_prompt_folder(&slug);
    view! {
        {title("Folders")}
        <PageHeader title="Folders" sentence=|| "Each prompt and partial stands in one folder or in none.">
            <LinkButton
                look=Look::Primary
                icon=Icon::Plus
                label="New folder"
                href=new
                availability=available(Operation::CollectionCreate)
            />
        </PageHeader>
        <ListTabs slug open=Lists::Folders />
        <Done said=&[
            ("made", "The folder is made."),
            ("renamed", "The folder is renamed."),
            ("deleted", "The folder is deleted."),
        ] />
        {body}
    }
}

fn row(folder: Collection, now: Timestamp, slug: &str) -> AnyView {
    let Collection { id, slug: of, name, prompts, updated_at, .. } = folder;
    let holds = routes::prompts(slug).with("folder", &of);
    let (link, partials) = (holds.to_string(), routes::partials(slug).with("folder", &of));
    let (rename, delete) = (routes::rename_prompt_folder(slug, &of), routes::delete_prompt_folder(slug, &of));
    view! {
        <tr>
            <th scope="row"><a class="cell-name" href=link>{name.clone()}</a></th>
            <td data-label="Prompts and partials" class="num">{prompts}</td>
            <td data-label="Changed"><Time at=updated_at.0 now=now.0 /></td>
            <td class="row-actions">
                <RowMenu id=format!("menu-{id}") label=format!("Actions for {name}")>
                    <MenuLink label="Show prompts" href=holds />
                    <MenuLink label="Show partials" href=partials />
                    <MenuLink label="Rename" href=rename availability=available(Operation::CollectionUpdate) />
                    <MenuLink
                        label="Delete"
                        href=delete
                        danger=true
                        availability=available(Operation::CollectionDelete)
                    />
                </RowMenu>
            </td>
        </tr>
    }
    .into_any()
}

#[component]
pub fn NewFolderPage() -> impl IntoView {
    if let Some(error) = refusal(Operation::CollectionCreate) {
        return view! { <Problem error /> }.into_any();
    }
    let form = use_form::<CreateCollection>();
    view! {
        <FormPage
            form
            title="New folder"
            problem="This folder is not made yet"
            limits=LIMITS
            button="Create folder"
            back=routes::prompt_folders(&param("slug"))
            done=Toast::done("The folder is made")
        >
            <Field label="Name" name="name" autocomplete="off" />
        </FormPage>
    }
    .into_any()
}

#[component]
pub fn RenameFolderPage() -> impl IntoView {
    let form = use_form::<RenameCollection>();
    let view = move |prompts: Prompts| {
        of_path(prompts, |folder| {
            view! {
                <FormPage
                    form
                    title=format!("Rename {}", folder.name)
                    problem="The folder keeps its name"
                    hidden=vec![("of", folder.slug)]
                    limits=LIMITS
                    button="Rename"
                    back=routes::prompt_folders(&param("slug"))
                    done=Toast::done("The folder is renamed")
                >
                    <Field label="Name" name="name" autocomplete="off" value=Signal::stored(folder.name) />
                </FormPage>
            }
            .into_any()
        })
    };
    view! { <ItemPage data=use_folders() needs=Operation::CollectionUpdate view /> }
}

#[component]
pub fn DeleteFolderPage() -> impl IntoView {
    let form = use_form::<DeleteCollection>();
    let view = move |prompts: Prompts| {
        of_path(prompts, |folder| {
            let title = format!("Delete {}", folder.name);
            view! {
                <FormPage
                    form
                    title=title.clone()
                    problem="It is not deleted"
                    hidden=vec![("of", folder.slug)]
                    button=title
                    look=Look::Danger
                    back=routes::prompt_folders(&param("slug"))
                    done=Toast::done(format!("{} is deleted", folder.name))
                >
                    <div>"It must be empty: move its prompts and partials, or delete them."</div>
                </FormPage>
            }
            .into_any()
        })
    };
    view! { <ItemPage data=use_folders() needs=Operation::CollectionDelete view /> }
}
