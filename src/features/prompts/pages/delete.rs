//! Deleting a prompt or a partial.

use super::use_item;
use crate::{
    features::prompts::{
        functions,
        model::{Kind, PromptPage, UsedBy},
        paths,
    },
    ui::{
        components::{Look, Note, Toast, Tone},
        form::{AnyForm, use_form},
        pages::{FormPage, ItemPage, param},
    },
};
use leptos::prelude::*;

#[component]
pub fn DeletePrompt() -> impl IntoView {
    let form = use_form::<functions::DeletePrompt>();
    view! { <Ask kind=Kind::Prompt form /> }
}

#[component]
pub fn DeletePartial() -> impl IntoView {
    let form = use_form::<functions::DeletePartial>();
    view! { <Ask kind=Kind::Partial form /> }
}

#[component]
fn Ask(kind: Kind, #[prop(into)] form: AnyForm) -> impl IntoView {
    let ask = move |page: PromptPage| {
        let prompt = page.prompt;
        let title = format!("Delete {}", prompt.name);
        let slug = param("slug");
        let sentence = match kind {
            Kind::Prompt => {
                "Calls that run it are refused within seconds. Its versions go with it; the log keeps its calls."
            }
            Kind::Partial => "Its versions go with it.",
        };
        view! {
            <FormPage
                form
                title=title.clone()
                sentence=move || sentence
                problem="It is not deleted"
                hidden=vec![("of", prompt.slug.clone())]
                button=title
                look=Look::Danger
                done=Toast::done(format!("{} is deleted", prompt.name))
                back=paths::item(kind, &slug, &prompt.slug)
            >
                <Users used_by=page.used_by slug />
            </FormPage>
        }
        .into_any()
    };
    view! { <ItemPage data=use_item(kind, || 0) needs=kind.acts().delete view=ask /> }
}

#[component]
fn Users(used_by: Vec<UsedBy>, slug: String) -> impl IntoView {
    let items: Vec<_> = used_by
        .into_iter()
        .map(|user| view! { <li><a href=paths::item(user.kind, &slug, &user.slug).to_string()>{user.name}</a></li> })
        .collect();
    (!items.is_empty()).then(|| {
        view! {
            <Note tone=Tone::Warn>
                "It is put in here. Take it out there first:"
                <ul>{items}</ul>
            </Note>
        }
    })
}
