//! Several invitations revoked: which they are, which are left out, is it meant, and what became of each.

use crate::{
    features::team::{
        invitations::{
            functions::{LoadPickedInvitations, RevokeInvitations},
            model::{Invitation, State},
        },
        pages::may,
    },
    policy::Operation,
    site::routes,
    ui::{
        available, can,
        components::{Button, Look},
        form::{Form, use_form},
        load,
        many::{NothingPicked, Outcomes, Skipped, counted, picked},
        pages::{FormPage, ItemPage, param, use_slug},
        reactive,
    },
};
use leptos::prelude::*;

const THINGS: (&str, &str) = ("invitation", "invitations");
const BACK: &str = "Back to the invitations";

/// Whether there is anything that the person can do with several invitations.
pub fn can_pick() -> bool {
    can(Operation::InvitationRevoke)
}

/// The button of what the person can do with several invitations.
pub fn acts() -> AnyView {
    view! { <Button label="Revoke" look=Look::TowardsDanger name="act" value="revoke" /> }.into_any()
}

#[component]
pub fn ManyInvitationsPage() -> impl IntoView {
    let ids = picked();
    let count = ids.split_whitespace().count();
    let back = routes::invitations(&param("slug"));
    if count == 0 {
        return view! { <NothingPicked back_label=BACK back /> }.into_any();
    }
    let form = use_form::<RevokeInvitations>();
    let outcome = form.outcome();
    let slug = use_slug();
    let data = load(move || LoadPickedInvitations { slug: slug.get(), ids: ids.clone() });
    reactive(move || match outcome.get() {
        Some(outcomes) => {
            view! { <Outcomes outcomes things=THINGS done="revoked" back_label=BACK back=back.clone() /> }.into_any()
        }
        None => view! { <ItemPage data view=move |invitations| ask(count, invitations, form) /> }.into_any(),
    })
}

/// Why an invitation is left out.
fn skips(invitation: &Invitation) -> Option<String> {
    let settled = match invitation.state {
        State::Pending | State::Expired => None,
        State::Accepted => Some("it is accepted already."),
        State::Declined => Some("it is declined already."),
        State::Revoked => Some("it is revoked already."),
    };
    settled
        .map(str::to_owned)
        .or_else(|| may(Operation::InvitationRevoke, Some(invitation.role), None).reason().map(str::to_owned))
}

/// Asks whether it is meant, of those of `count` invitations that can be revoked.
fn ask(count: usize, invitations: Vec<Invitation>, form: Form<RevokeInvitations>) -> AnyView {
    let back = routes::invitations(&param("slug"));
    let (missing, mut skipped, mut meant) = (count.saturating_sub(invitations.len()), vec![], vec![]);
    for invitation in invitations {
        match skips(&invitation) {
            Some(reason) => skipped.push((invitation.email, reason)),
            None => meant.push(invitation),
        }
    }
    if missing > 0 {
        skipped.push((counted(missing, THINGS), "not found.".to_owned()));
    }
    if meant.is_empty() {
        let title = "No invitation can be revoked";
        return view! { <NothingPicked title skipped back_label=BACK back /> }.into_any();
    }
    let words = format!("Revoke {}", counted(meant.len(), THINGS));
    let ids: Vec<_> = meant.iter().map(|invitation| invitation.id.to_string()).collect();
    let rows: Vec<_> = meant
        .into_iter()
        .map(|Invitation { email, role, inviter, .. }| {
            view! { <li><strong>{email}</strong>{format!(" invited by {inviter} as {}", role.label())}</li> }
        })
        .collect();
    view! {
        <FormPage
            form
            title=format!("{words}?")
            tab="Revoke invitations"
            sentence=|| "Their links stop working at once. You can invite the addresses again later."
            problem="No invitation is revoked"
            hidden=vec![("ids", ids.join(" "))]
            button=words
            look=Look::Danger
            availability=available(Operation::InvitationRevoke)
            back
        >
            <ul class="plain-list">{rows}</ul>
            <Skipped skipped />
        </FormPage>
    }
    .into_any()
}
