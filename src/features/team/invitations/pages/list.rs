//! The invitations that wait for an answer.

use super::many;
use crate::{
    features::{
        news::{
            model::Watched,
            pages::{ChangesByOthers, Watch},
        },
        organisations::pages::use_slug,
        team::{
            invitations::{
                functions::LoadInvitations,
                model::{Invitation, Invitations, State},
            },
            pages::{may, tabs, titled},
        },
    },
    policy::Operation,
    site::routes,
    ui::{
        Gradual, Loaded, available,
        components::{
            Column, EmptyState, LinkButton, Look, MenuLink, PageHeader, Pill, RowMenu, Table, Tabs, Time, Tone,
            TwoLines,
        },
        icons::Icon,
        listing::{List, Pages, use_asked},
        load_after,
        many::{PickCell, Picks},
        pages::Done,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn InvitationsPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&[]));
    let watch = Watch::of(Watched::Invitations);
    let invitations =
        load_after(move || watch.reads(), move || LoadInvitations { slug: slug.get(), asked: asked.get() });
    view! {
        <Title text=titled("Invitations") />
        <ChangesByOthers watch />
        <Loaded
            data=invitations
            view=move |invitations: Invitations| {
                watch.has_read(invitations.seen);
                let slug = slug.get_untracked();
                let list =
                    List { path: routes::invitations(&slug), filters: &[], usual: "", asked: asked.get_untracked() };
                view! { <Waiting invitations slug list /> }.into_any()
            }
        />
    }
}

#[component]
fn Waiting(invitations: Invitations, slug: String, list: List) -> impl IntoView {
    let Invitations { invitations, total, members, window, has_mail, now, .. } = invitations;
    let (is_empty, picks) = (invitations.is_empty(), many::can_pick());
    let own = slug.clone();
    let rows = Gradual::of(invitations, move |invitation| {
        view! { <Row invitation slug=own.clone() now=now.0 has_mail picks /> }
    });
    let all = picks.then(|| Column::picks("Select all invitations on this page"));
    let named = ["Person", "Role", "Sent", "State"].map(Column::new);
    let columns = all.into_iter().chain(named).chain([Column::actions()]).collect();
    let (invite, invite_first) = (routes::invite(&slug), routes::invite(&slug));
    let tabs = tabs(&slug, members, total, false);
    view! {
        <PageHeader title="Invitations" sentence=|| "Nobody is a member before they have accepted.">
            <LinkButton
                look=Look::Primary
                icon=Icon::Plus
                label="Invite people"
                href=invite
                availability=available(Operation::Invite)
            />
        </PageHeader>
        <Done said=&[("revoked", "The invitation was revoked. Its link opens nothing any more.")] />
        <Tabs tabs />
        {if is_empty {
            view! {
                <EmptyState title="No invitation waits" sentence="Invite people by e-mail, many at once. Each gets a link that works once.">
                    <LinkButton label="Invite people" href=invite_first availability=available(Operation::Invite) id="invite-first" />
                </EmptyState>
            }
                .into_any()
        } else if picks {
            view! {
                <Picks action=routes::many_invitations(&slug) acts=many::acts()>
                    <Table caption="Invitations" columns>{rows}</Table>
                </Picks>
            }
                .into_any()
        } else {
            view! { <Table caption="Invitations" columns>{rows}</Table> }.into_any()
        }}
        <Pages list window total />
    }
}

#[component]
fn Row(invitation: Invitation, slug: String, now: i64, has_mail: bool, picks: bool) -> impl IntoView {
    let Invitation { id, email, role, inviter, sent_at, expires_at, state, .. } = invitation;
    let state = match state {
        State::Pending => view! {
            <Pill tone=Tone::Info label="Pending" />
            <span class="muted">"expires " <Time at=expires_at.0 now=now ahead=true /></span>
        }
        .into_any(),
        State::Expired => view! {
            <Pill tone=Tone::Warn label="Expired" />
            <span class="muted"><Time at=expires_at.0 now=now /></span>
        }
        .into_any(),
        other => view! { <Pill tone=Tone::Neutral label=other.label() /> }.into_any(),
    };
    let resend = may(Operation::InvitationResend, None, Some(role));
    let revoke = may(Operation::InvitationRevoke, Some(role), None);
    let (sending, showing) =
        (routes::resend_invitation(&slug, id), routes::resend_invitation(&slug, id).with("show", "link"));
    let label = format!("Actions for {email}");
    let pick = picks.then(|| view! { <PickCell id=id.to_string() name=email.clone() /> });
    view! {
        <tr>
            {pick}
            <th scope="row"><TwoLines first=email second=format!("invited by {inviter}") /></th>
            <td data-label="Role">{role.label()}</td>
            <td data-label="Sent"><Time at=sent_at.0 now=now /></td>
            <td class="state"><span class="row">{state}</span></td>
            <td class="row-actions">
                <RowMenu id=format!("menu-{id}") label>
                    {has_mail.then(|| view! { <MenuLink label="Resend" href=sending availability=resend.clone() /> })}
                    <MenuLink label="Copy a new link" href=showing availability=resend />
                    <MenuLink label="Revoke" danger=true href=routes::revoke_invitation(&slug, id) availability=revoke />
                </RowMenu>
            </td>
        </tr>
    }
}
