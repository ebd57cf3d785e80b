//! Sending an invitation anew, and taking it back.

use crate::{
    features::{
        organisations::pages::use_slug,
        team::{
            invitations::{
                functions::{LoadInvitation, ResendInvitation, RevokeInvitation},
                model::{Invitation, Resent},
            },
            pages::{may, param, titled},
        },
    },
    policy::Operation,
    site::routes,
    ui::{
        Loaded,
        components::{Button, Card, LinkButton, Look, Note, PageHeader, SecretBox, Tone},
        form::{Form, FormFor, use_form},
        load, reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn ResendPage() -> impl IntoView {
    let slug = use_slug();
    let invitation = load(move || LoadInvitation { slug: slug.get(), id: param("id") });
    let form = use_form::<ResendInvitation>();
    let show = use_query_map().with_untracked(|query| query.get("show").is_some());
    let outcome = form.outcome();
    view! {
        <Title text=titled("Resend an invitation") />
        {reactive(move || match outcome.get() {
            Some(resent) => view! { <Sent resent slug=slug.get_untracked() /> }.into_any(),
            None => {
                view! {
                    <Loaded
                        data=invitation
                        view=move |invitation| view! { <Resend invitation slug=slug.get_untracked() show form /> }.into_any()
                    />
                }
                    .into_any()
            }
        })}
    }
}

#[component]
fn Resend(invitation: Invitation, slug: String, show: bool, form: Form<ResendInvitation>) -> impl IntoView {
    let Invitation { id, email, role, .. } = invitation;
    let (title, button) = if show {
        (format!("A new link for {email}"), "Make a new link")
    } else {
        (format!("Resend the invitation to {email}"), "Resend")
    };
    view! {
        <PageHeader title sentence=move || format!("As {}. It works for 7 days from now.", role.label()) />
        <Card>
            <FormFor form problem="It was not sent">
                <input type="hidden" name="slug" value=slug.clone() />
                <input type="hidden" name="id" value=id.to_string() />
                {show.then(|| view! { <input type="hidden" name="show" value="true" /> })}
                <div>"Links that were sent or copied before stop working."</div>
                <div class="form-end">
                    <LinkButton label="Cancel" href=routes::invitations(&slug) />
                    <Button
                        look=Look::Primary
                        label=button
                        busy=form.busy()
                        availability=may(Operation::InvitationResend, None, Some(role))
                    />
                </div>
            </FormFor>
        </Card>
    }
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
    let slug = use_slug();
    let invitation = load(move || LoadInvitation { slug: slug.get(), id: param("id") });
    let form = use_form::<RevokeInvitation>();
    view! {
        <Title text=titled("Revoke an invitation") />
        <Loaded
            data=invitation
            view=move |invitation| view! { <Revoke invitation slug=slug.get_untracked() form /> }.into_any()
        />
    }
}

#[component]
fn Revoke(invitation: Invitation, slug: String, form: Form<RevokeInvitation>) -> impl IntoView {
    let Invitation { id, email, role, inviter, .. } = invitation;
    view! {
        <PageHeader
            title=format!("Revoke the invitation to {email}")
            sentence=move || format!("{inviter} invited them as {}.", role.label())
        />
        <Card>
            <FormFor form problem="It was not revoked">
                <input type="hidden" name="slug" value=slug.clone() />
                <input type="hidden" name="id" value=id.to_string() />
                <div>"Its link stops working at once. You can invite the address again later."</div>
                <div class="form-end">
                    <LinkButton label="Cancel" href=routes::invitations(&slug) />
                    <Button
                        look=Look::Danger
                        label="Revoke"
                        busy=form.busy()
                        availability=may(Operation::InvitationRevoke, Some(role), None)
                    />
                </div>
            </FormFor>
        </Card>
    }
}
