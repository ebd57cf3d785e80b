//! Removing a member: what happens, and what becomes of their keys.

use super::{counted, may, member::KeysQuestion, use_person};
use crate::{
    features::team::{functions::RemovePerson, model::Profile},
    policy::Operation,
    site::routes,
    ui::{
        components::{Availability, LinkButton, Look, PageHeader, Toast},
        form::{Form, use_form},
        pages::{FormPage, ItemPage, param},
        use_place,
    },
};
use leptos::prelude::*;

#[component]
pub fn RemovePage() -> impl IntoView {
    let form = use_form::<RemovePerson>();
    view! { <ItemPage data=use_person() view=move |profile| view! { <Remove profile form /> }.into_any() /> }
}

#[component]
fn Remove(profile: Profile, form: Form<RemovePerson>) -> impl IntoView {
    let Profile { person, keys, key_names, only_owner, .. } = profile;
    let slug = param("slug");
    let place = use_place();
    let own = place.as_ref().is_some_and(|place| place.user == person.id);
    let organisation = place.map(|place| place.name).unwrap_or_default();
    let title = format!("Remove {}", person.name);
    let done = Toast::done(format!("{} is removed from {organisation}", person.name));
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
        0 => "They are responsible for no API key.".to_owned(),
        n => {
            let named = if key_names.is_empty() { String::new() } else { format!(" ({})", key_names.join(", ")) };
            format!(
                "They are responsible for {}{named}. Choose below what happens to the keys.",
                counted(n, "key", "keys")
            )
        }
    };
    view! {
        <FormPage
            form
            title=title.clone()
            tab="Remove a person"
            sentence=move || format!("{} · {} of {organisation}", person.email, person.role.label())
            problem="Nobody was removed"
            hidden=vec![("id", person.id.to_string())]
            button=title
            look=Look::Danger
            availability
            done
            back=routes::team(&slug)
        >
            <ul class="points">
                <li>"They lose access at once, in every browser. Their account and their other organisations stay."</li>
                <li>"Prompts, configs, virtual keys and logs stay, with their name as it was."</li>
                <li>{keys_words}</li>
                <li>"Invitations that they made cannot be accepted any more."</li>
            </ul>
            {(keys > 0).then(|| view! { <KeysQuestion count=keys own=false /> })}
        </FormPage>
    }
    .into_any()
}
