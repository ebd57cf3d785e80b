//! Sending an invitation anew, and taking it back.

use crate::{
    features::team::{
        invitations::{
            functions::{LoadInvitation, ResendInvitation, RevokeInvitation},
            model::{Invitation, Resent},
        },
        pages::{may, titled},
    },
    policy::Operation,
    site::routes,
    ui::{
        Data,
        components::{Card, LinkButton, Look, Note, PageHeader, SecretBox, Toast, Tone},
        form::{Form, use_form},
        load,
        pages::{FormPage, ItemPage, param, use_slug},
        reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn ResendPage() -> impl IntoView {
    let invitation = use_invitation();
    let form = use_form::<ResendInvitation>();
    let show = use_query_map().with_untracked(|query| query.get("show").is_some());
    let outcome = form.outcome();
    view! {
        <Title text=titled("Resend an invitation") />
        {reactive(move || match outcome.get() {
            Some(resent) => view! { <Sent resent slug=param("slug") /> }.into_any(),
            None => {
                view! { <ItemPage data=invitation view=move |invitation| resend(invitation, show, form) /> }.into_any()
            }
        })}
    }
}

fn resend(invitation: Invitation, show: bool, form: Form<ResendInvitation>) -> AnyView {
    let Invitation { id, email, role, .. } = invitation;
    let (title, button) = if show {
        (format!("A new link for {email}"), "Make a new link")
    } else {
        (format!("Resend the invitation to {email}"), "Resend")
    };
    let mut hidden = vec![("id", id.to_string())];
    if show {
        hidden.push(("show", "true".into()));
    }
    view! {
        <FormPage
            form
            title
            tab="Resend an invitation"
            sentence=move || format!("As {}. It works for 7 days from now.", role.label())
            problem="It was not sent"
            hidden
            button
            availability=may(Operation::InvitationResend, None, Some(role))
            back=routes::invitations(&param("slug"))
        >
            <div>"Links that were sent or copied before stop working."</div>
        </FormPage>
    }
    .into_any()
}

#[component]
fn Sent(resent: Resent, slug: String) -> impl IntoView {
    let Resent { email, link } = resent;
    let list = routes::invitations(&slug);
    match link {
        None => view! {
            <PageHeader title="Sent" sentence=move || format!("A new invitation is on its way to {email}. Earlier links stopped working.") />
            <LinkButton label="Back to the invitations" href=list />
        }
        .into_any(),
        Some(link) => view! {
            <PageHeader
                title=format!("Link for {email}")
                sentence=|| "Copy it now: it is shown this once. Earlier links stopped working."
            />
            <Card>
                <div class="stack">
                    <SecretBox id="invitation-link" what=format!("link for {email}") value=link.expose().to_owned() />
                    <div class="row">
                        <LinkButton label="Back to the invitations" href=list />
                    </div>
                </div>
            </Card>
            <Note tone=Tone::Info>"It works once, for 7 days, and for this address alone."</Note>
        }
        .into_any(),
    }
}

#[component]
pub fn RevokePage() -> impl IntoView {
    let form = use_form::<RevokeInvitation>();
    let ask = move |Invitation { id, email, role, inviter, .. }| {
        view! {
            <FormPage
                form
                title=format!("Revoke the invitation to {email}")
                tab="Revoke an invitation"
                sentence=move || format!("{inviter} invited them as {}.", role.label())
                problem="It was not revoked"
                hidden=vec![("id", id.to_string())]
                button="Revoke"
                look=Look::Danger
                availability=may(Operation::InvitationRevoke, Some(role), None)
                done=Toast::done(format!("The invitation to {email} is revoked"))
                back=routes::invitations(&param("slug"))
            >
                <div>"Its link stops working at once. You can invite the address again later."</div>
            </FormPage>
        }
        .into_any()
    };
    view! { <ItemPage data=use_invitation() view=ask /> }
}

/// The invitation in this page's path.
fn use_invitation() -> Data<Invitation> {
    let slug = use_slug();
    load(move || LoadInvitation { slug: slug.get(), id: param("id") })
}
