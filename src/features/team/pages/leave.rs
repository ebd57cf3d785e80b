//! Leaving an organisation.

use super::{counted, titled};
use crate::{
    features::{
        organisations::pages::use_slug,
        team::{
            functions::{LeaveTeam, LoadLeaving},
            model::Leaving,
        },
    },
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
pub fn LeavePage() -> impl IntoView {
    let slug = use_slug();
    let leaving = load(move || LoadLeaving { slug: slug.get() });
    let form = use_form::<LeaveTeam>();
    view! {
        <Title text=titled("Leave") />
        <Loaded data=leaving view=move |leaving| view! { <Leave leaving slug=slug.get_untracked() form /> }.into_any() />
    }
}

#[component]
fn Leave(leaving: Leaving, slug: String, form: Form<LeaveTeam>) -> impl IntoView {
    let Leaving { keys, heir, only_owner } = leaving;
    let organisation = use_place().map(|place| place.name).unwrap_or_default();
    let title = format!("Leave {organisation}");
    let heir = heir.unwrap_or_else(|| "the Owners".into());
    let keys_words = match keys {
        0 => "No key answers for you.".to_owned(),
        1 => format!("1 key that answers for you goes to {heir}. It goes on working, with what it can do now."),
        n => format!(
            "{} that answer for you go to {heir}. They go on working, with what they can do now.",
            counted(n, "key", "keys")
        ),
    };
    let availability = Availability::when(!only_owner, "The only Owner. Make someone else an Owner first.");
    view! {
        <PageHeader title=title.clone() sentence=|| "You lose access at once. To come back you need a new invitation." />
        <Card>
            <FormFor form problem="You did not leave">
                <input type="hidden" name="slug" value=slug.clone() />
                <ul class="points">
                    <li>"What you made stays here, with your name as it was."</li>
                    <li>{keys_words}</li>
                    <li>"Your account and your other organisations stay as they are."</li>
                </ul>
                <div class="form-end">
                    <LinkButton label="Stay" href=routes::logs(&slug) />
                    <Button look=Look::Danger label=title busy=form.busy() availability />
                </div>
            </FormFor>
        </Card>
    }
}
