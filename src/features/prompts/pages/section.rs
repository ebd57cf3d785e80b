//! The prompts' place in the console.

use crate::{
    features::later::Later,
    policy::Operation,
    site::routes,
    ui::{frame::Section, icons::Icon},
};
use leptos::prelude::*;
use leptos_router::{
    SsrMode,
    components::{Outlet, ParentRoute, Route},
    path,
};

/// The prompts' place in the navigation.
pub const SECTION: Section = Section {
    label: "Prompts",
    icon: Icon::Prompts,
    needs: Operation::PromptsList,
    href: routes::prompts,
    steps: &[
        ("partials", "Partials"),
        ("labels", "Labels"),
        ("folders", "Folders"),
        ("new", "New"),
        ("import", "Import"),
        ("versions", "Versions"),
        ("values", "Test values"),
        ("compare", "Compare"),
        ("edit", "Change"),
        ("rename", "Rename"),
        ("delete", "Delete"),
    ],
    help: "prompts",
};

/// Its pages.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("prompts") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=Later::Prompts ssr=SsrMode::Async />
            <Route path=path!("new") view=Later::NewPrompt ssr=SsrMode::Async />
            <Route path=path!("import") view=Later::ImportPrompt ssr=SsrMode::Async />
            <Route path=path!("partials") view=Later::Partials ssr=SsrMode::Async />
            <Route path=path!("partials/new") view=Later::NewPartial ssr=SsrMode::Async />
            <Route path=path!("partials/:of") view=Later::Partial ssr=SsrMode::Async />
            <Route path=path!("partials/:of/versions") view=Later::PartialVersions ssr=SsrMode::Async />
            <Route path=path!("partials/:of/delete") view=Later::DeletePartial ssr=SsrMode::Async />
            <Route path=path!("labels") view=Later::PromptLabels ssr=SsrMode::Async />
            <Route path=path!("labels/new") view=Later::NewPromptLabel ssr=SsrMode::Async />
            <Route path=path!("labels/:of/edit") view=Later::EditPromptLabel ssr=SsrMode::Async />
            <Route path=path!("labels/:of/delete") view=Later::DeletePromptLabel ssr=SsrMode::Async />
            <Route path=path!("folders") view=Later::PromptFolders ssr=SsrMode::Async />
            <Route path=path!("folders/new") view=Later::NewPromptFolder ssr=SsrMode::Async />
            <Route path=path!("folders/:of/rename") view=Later::RenamePromptFolder ssr=SsrMode::Async />
            <Route path=path!("folders/:of/delete") view=Later::DeletePromptFolder ssr=SsrMode::Async />
            <Route path=path!(":of") view=Later::Prompt ssr=SsrMode::Async />
            <Route path=path!(":of/versions") view=Later::PromptVersions ssr=SsrMode::Async />
            <Route path=path!(":of/values") view=Later::PromptValues ssr=SsrMode::Async />
            <Route path=path!(":of/compare") view=Later::ComparePrompts ssr=SsrMode::Async />
            <Route path=path!(":of/delete") view=Later::DeletePrompt ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}
