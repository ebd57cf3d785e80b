//! Leaving an organisation.

use super::{OnlyOwner, counted};
use crate::{
    features::team::{
        functions::{LeaveTeam, LoadLeaving},
        model::Leaving,
    },
    site::routes,
    ui::{
        components::{Availability, Look},
        form::use_form,
        load,
        pages::{FormPage, ItemPage, param, use_slug},
        use_place,
    },
};
use leptos::prelude::*;

#[component]
pub fn LeavePage() -> impl IntoView {
    let slug = use_slug();
    let leaving = load(move || LoadLeaving { slug: slug.get() });
    let form = use_form::<LeaveTeam>();
    let ask = move |Leaving { keys, heir, only_owner }| {
        let organisation = use_place().map(|place| place.name).unwrap_or_default();
        let title = format!("Leave {organisation}");
        let heir = heir.unwrap_or_else(|| "the Owners".into());
        let keys_words = match keys {
            0 => "You are responsible for no API key.".to_owned(),
            1 => format!("1 API key that you are responsible for goes to {heir}. It keeps working as it does now."),
            n => format!(
                "{} that you are responsible for go to {heir}. They keep working as they do now.",
                counted(n, "key", "keys")
            ),
        };
        view! {
            <FormPage
                form
                title=title.clone()
                tab="Leave"
                sentence=|| "You lose access at once. To come back you need a new invitation."
                problem="You did not leave"
                button=title
                look=Look::Danger
                availability=Availability::when(!only_owner, "The only Owner. Make someone else an Owner first.")
                back=routes::organisation(&param("slug"))
            >
                {only_owner.then(|| view! { <OnlyOwner /> })}
                <ul class="points">
                    <li>"What you made stays here, with your name as it was."</li>
                    <li>{keys_words}</li>
                    <li>"Your account and your other organisations stay as they are."</li>
                </ul>
            </FormPage>
        }
        .into_any()
    };
    view! { <ItemPage data=leaving view=ask /> }
}
