//! Invitations that wait for the signed-in person, each with its answers.

use crate::{
    features::{organisations::model::Waiting, team::invitations::functions::LoadWaiting},
    kernel::text::initials,
    site::routes,
    ui::{
        components::{LinkButton, OrgMark},
        load, reactive,
    },
};
use leptos::prelude::*;

/// The list; nothing at all where none waits.
#[component]
pub fn WaitingInvitations() -> impl IntoView {
    let waiting = load(|| LoadWaiting {});
    view! {
        <Transition>
            {reactive(move || waiting.get().map(|result| view! { <List waiting=result.unwrap_or_default() /> }))}
        </Transition>
    }
}

#[component]
fn List(waiting: Vec<Waiting>) -> impl IntoView {
    let items: Vec<_> = waiting
        .into_iter()
        .map(|waiting| {
            view! {
                <li class="row">
                    <OrgMark initials=initials(&waiting.organisation) />
                    <span class="two-lines">
                        <span class="cell-name">{waiting.organisation.clone()}</span>
                        <span class="cell-second">{format!("{} invites you as {}", waiting.inviter, waiting.role.label())}</span>
                    </span>
                    <LinkButton
                        label=format!("Answer {}", waiting.organisation)
                        id=format!("answer-{}", waiting.id)
                        href=routes::waiting_invitation(waiting.id)
                    />
                </li>
            }
        })
        .collect();
    (!items.is_empty()).then(|| view! { <ul class="stack" aria-label="Invitations">{items}</ul> })
}
