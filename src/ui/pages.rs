//! The shells of pages inside an organisation: what every page of a kind has, so that a room writes only what is its own.

use super::{
    can::refusal,
    components::{Availability, Button, Card, Field, LinkButton, Look, Note, PageHeader, Toast, Tone},
    form::{AnyForm, FormFor, Limits},
    listing::use_done,
    loaded::{Loaded, Problem},
    place::use_place,
    remote::Data,
};
use crate::{policy::Operation, site::routes::Path};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use serde::de::DeserializeOwned;

/// A part of this page's path, as it changes.
pub fn use_param(name: &'static str) -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get(name).unwrap_or_default()))
}

/// A part of this page's path, as it is now.
pub fn param(name: &str) -> String {
    use_params_map().with_untracked(|params| params.get(name).unwrap_or_default())
}

/// The slug of the organisation in this page's path.
pub fn use_slug() -> Memo<String> {
    use_param("slug")
}

/// The document's title of a page inside an organisation: "Team · Northwind".
pub fn page_title(page: &str) -> String {
    use_place().map_or_else(|| page.to_owned(), |place| format!("{page} · {}", place.name))
}

/// A page about one thing, which is loaded first. Whoever may not do what the page is for is told so in its place.
#[component]
pub fn ItemPage<T, V>(
    /// The thing, from [`load`](super::load).
    data: Data<T>,
    /// What the page is for, if not everybody who may see the thing may do it.
    #[prop(optional)]
    needs: Option<Operation>,
    /// The page.
    view: V,
) -> impl IntoView
where
    T: DeserializeOwned + 'static,
    V: Fn(T) -> AnyView + Send + Sync + 'static,
{
    let show = move |item| match needs.and_then(refusal) {
        Some(error) => view! { <Problem error /> }.into_any(),
        None => view(item),
    };
    view! { <Loaded data view=show /> }
}

/// A page that is one form: heading, fields, the way back, and the button. With [`Look::Danger`] it asks whether something
/// is meant.
#[component]
pub fn FormPage(
    /// From [`use_form`](super::form::use_form).
    #[prop(into)]
    form: AnyForm,
    /// The page's heading.
    #[prop(into)]
    title: String,
    /// The document's title; the heading if left out.
    #[prop(optional, into)]
    tab: Option<String>,
    /// What the page is for, or what will happen.
    #[prop(optional, into)]
    sentence: ViewFn,
    /// Heading of the errors.
    #[prop(into)]
    problem: String,
    /// What the form names besides its fields: of what it is.
    #[prop(optional)]
    hidden: Vec<(&'static str, String)>,
    /// The most characters of its fields.
    #[prop(optional)]
    limits: Limits,
    /// Words of the button.
    #[prop(into)]
    button: String,
    /// How the button looks.
    #[prop(default = Look::Primary)]
    look: Look,
    /// Whether it may be pressed, else why not.
    #[prop(optional)]
    availability: Availability,
    /// Where the way back leads.
    back: Path,
    /// What is said of a success, in a toast that outlives the page.
    #[prop(optional)]
    done: Option<Toast>,
    /// The fields, and what should be known first.
    children: Children,
) -> impl IntoView {
    if let Some(done) = done {
        form.says(move || done.clone());
    }
    let hidden: Vec<_> =
        hidden.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect();
    view! {
        <Title text=page_title(tab.as_deref().unwrap_or(&title)) />
        <PageHeader title sentence />
        <Card>
            <FormFor form problem limits>
                {hidden}
                {children()}
                <div class="form-end">
                    <LinkButton label="Cancel" href=back />
                    <Button look label=button busy=form.busy() availability />
                </div>
            </FormFor>
        </Card>
    }
}

/// What was just done, for whoever was led here by it without JavaScript; with it, a toast has said so. `said` holds what
/// the address of this page may name, and the sentences for it.
#[component]
pub fn Done(said: &'static [(&'static str, &'static str)]) -> impl IntoView {
    let done = use_done().get_untracked();
    said.iter()
        .find(|(name, _)| *name == done)
        .map(|(_, sentence)| view! { <div class="nojs"><Note tone=Tone::Ok>{*sentence}</Note></div> })
}

/// The one field that confirms the end of a thing in use: its name, typed.
#[component]
pub fn ConfirmName(
    /// Label; it says the name.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    view! { <Field label name="confirm" autocomplete="off" /> }
}
