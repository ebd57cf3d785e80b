//! The way in: to the only organisation, to the list of them, or to signing in.

use crate::{
    features::{organisations::functions::load_list, team::invitations::pages::WaitingInvitations},
    ui::{Loaded, components::LinkButton, frame::PlainFrame, routes},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Redirect;

#[component]
pub fn HomePage() -> impl IntoView {
    let memberships = Resource::new_blocking(|| (), |()| load_list());
    view! {
        <Title text="" />
        <Loaded
            resource=memberships
            view=|memberships| match memberships.as_slice() {
                [] => {
                    view! {
                        <PlainFrame title="You belong to no organisation" sentence=|| "Make one, or ask somebody for an invitation.">
                            <div class="stack">
                                <WaitingInvitations />
                                <LinkButton label="Create an organisation" href=routes::new_organisation() />
                            </div>
                        </PlainFrame>
                    }
                        .into_any()
                }
                [first, ..] => view! { <Redirect path=routes::organisation(&first.slug).to_string() /> }.into_any(),
            }
        />
    }
}
