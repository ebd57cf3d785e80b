//! Removing a member: what happens, and what becomes of their keys.

use super::{counted, may, member::KeysQuestion, param, titled};
use crate::{
    features::{
        organisations::pages::use_slug,
        team::{
            functions::{LoadPerson, RemovePerson},
            model::Profile,
        },
    },
    policy::Operation,
    site::routes,
    ui::{
        Loaded,
        components::{Availability, Button, Card, LinkButton, Look, PageHeader},
        form::{Form, FormFor, use_form},
        load, use_place,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn RemovePage() -> impl IntoView {
    let slug = use_slug();
    let profile = load(move || LoadPerson { slug: slug.get(), id: param("id") });
    let form = use_form::<RemovePerson>();
    view! {
        <Title text=titled("Remove a person") />
        <Loaded data=profile view=move |profile| view! { <Remove profile slug=slug.get_untracked() form /> }.into_any() />
    }
}

#[component]
fn Remove(profile: Profile, slug: String, form: Form<RemovePerson>) -> impl IntoView {
    let Profile { person, keys, key_names, only_owner, .. } = profile;
    let place = use_place();
    let own = place.as_ref().is_some_and(|place| place.user == person.id);
    let organisation = place.map(|place| place.name).unwrap_or_default();
    let name = person.name.clone();
    if own {
        return view! {
            <PageHeader title="Nobody removes themselves" sentence=|| "You can leave the organisation instead." />
            <LinkButton label="Leave" href=routes::leave(&slug) />
        }
        .into_any();
    }
    let availability = if only_owner {
        Availability::when(false, "The only Owner. Make someone else an Owner first.")
    } else {
        may(Operation::TeamRemove, Some(person.role), None)
    };
    let keys_words = match keys {
        0 => "No key answers for them.".to_owned(),
        n => {
            let named = if key_names.is_empty() { String::new() } else { format!(" ({})", key_names.join(", ")) };
            let (keys, verb) = (counted(n, "key", "keys"), if n == 1 { "answers" } else { "answer" });
            format!("{keys}{named} {verb} for them. Choose below what becomes of them.")
        }
    };
    view! {
        <PageHeader
            title=format!("Remove {name}")
            sentence=move || format!("{} · {} of {organisation}", person.email, person.role.label())
        />
        <Card>
            <FormFor form problem="Nobody was removed">
                <input type="hidden" name="slug" value=slug.clone() />
                <input type="hidden" name="id" value=person.id.to_string() />
                <ul class="points">
                    <li>"They lose access at once, in every browser. Their account and their other organisations stay."</li>
                    <li>"Prompts, configs, virtual keys and logs stay, with their name as it was."</li>
                    <li>{keys_words}</li>
                    <li>"Invitations that they made cannot be accepted any more."</li>
                </ul>
                {(keys > 0).then(|| view! { <KeysQuestion count=keys own=false selected=form.typed("keys", "") /> })}
                <div class="form-end">
                    <LinkButton label="Cancel" href=routes::team(&slug) />
                    <Button look=Look::Danger label=format!("Remove {name}") busy=form.busy() availability />
                </div>
            </FormFor>
        </Card>
    }
    .into_any()
}
