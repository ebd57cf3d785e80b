//! Inviting many at once, with a result for each address.

use super::addresses::AddressField;
use crate::{
    features::team::{
        invitations::{
            functions::InvitePeople,
            model::{Answer, Batch, InviteOutcome},
        },
        pages::{counted, role_choices, titled},
    },
    policy::{Operation, Role},
    site::routes,
    ui::{
        Problem, available,
        components::{Button, Card, CopyText, LinkButton, Look, Note, PageHeader, Pill, RadioCards, Tone},
        form::{Form, FormFor, use_form},
        pages::use_slug,
        reactive, refusal,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn InvitePage() -> impl IntoView {
    if let Some(error) = refusal(Operation::Invite) {
        return view! { <Problem error /> }.into_any();
    }
    let slug = use_slug();
    let form = use_form::<InvitePeople>();
    let roles = routes::roles(&slug.get_untracked());
    // A link may lead here to invite an Owner.
    let wanted = use_query_map().with_untracked(|query| query.get("role").and_then(|role| Role::parse(&role)));
    let wanted = wanted.unwrap_or(Role::Member);
    let done = form.outcome();
    view! {
        <Title text=titled("Invite people") />
        <PageHeader
            title="Invite people"
            sentence=move || {
                view! {
                    "Each gets a link that works once, for 7 days. "
                    <a href=roles.to_string()>"What can each role do?"</a>
                }
            }
        >
            <LinkButton label="Back to the team" href=routes::team(&slug.get_untracked()) />
        </PageHeader>
        {reactive(move || {
            let batch = done.get();
            // Who could not be invited stays in the field, with the reason above it.
            let (typed, role) = match &batch {
                Some(batch) => (left_over(batch), batch.role.name().to_owned()),
                None => (form.typed("addresses", ""), form.typed("role", wanted.name())),
            };
            view! {
                {batch.map(|batch| view! { <Results batch slug=slug.get_untracked() /> })}
                <InviteForm form typed role />
            }
        })}
    }
    .into_any()
}

/// The addresses that were not invited, each on a line. What stood there twice stays once, or not at all.
fn left_over(batch: &Batch) -> String {
    let left = batch
        .answers
        .iter()
        .filter(|answer| answer.outcome.reason().is_some() && answer.outcome != InviteOutcome::Repeated);
    left.map(|answer| format!("{}\n", answer.address)).collect()
}

#[component]
fn InviteForm(form: Form<InvitePeople>, typed: String, role: String) -> impl IntoView {
    let chosen = RwSignal::new(role);
    view! {
        <Card>
            <FormFor form problem="Nobody was invited">
                <AddressField typed />
                <RadioCards
                    legend="Role for everyone invited"
                    name="role"
                    choices=role_choices(Operation::Invite, None)
                    bind=chosen
                />
                <div class="form-end">
                    <Button look=Look::Primary label="Invite" busy=form.busy() availability=available(Operation::Invite) />
                </div>
            </FormFor>
        </Card>
    }
}

#[component]
fn Results(batch: Batch, slug: String) -> impl IntoView {
    let invited = batch.answers.iter().filter(|answer| answer.outcome.reason().is_none()).count();
    let shows_links = batch.answers.iter().any(|a| matches!(&a.outcome, InviteOutcome::Invited { link: Some(_), .. }));
    let role = batch.role;
    let title =
        format!("{} invited as {}", counted(i64::try_from(invited).unwrap_or(0), "person", "people"), role.label());
    let rows: Vec<_> = batch.answers.into_iter().map(|answer| view! { <ResultRow answer /> }).collect();
    let list = routes::invitations(&slug);
    view! {
        {shows_links
            .then(|| {
                view! {
                    <Note tone=Tone::Warn>
                        <strong>"Hand the links over yourself."</strong>
                        " They could not be mailed, and they are shown this once. Each works once, and for its address alone: without mail, people join by these links only."
                    </Note>
                }
            })}
        <Card title actions=move || view! { <LinkButton label="See the invitations" href=list.clone() /> }>
            <div role="status">
                <ul class="stack">{rows}</ul>
            </div>
        </Card>
    }
}

#[component]
fn ResultRow(answer: Answer) -> impl IntoView {
    let Answer { address, outcome } = answer;
    let reason = match &outcome {
        InviteOutcome::Invited { unsent, .. } => unsent.as_ref().map(|reason| format!("Not mailed. {reason}")),
        _ => outcome.reason(),
    };
    let (tone, word) = match &outcome {
        InviteOutcome::Invited { link: None, .. } => (Tone::Ok, "Invited by mail"),
        InviteOutcome::Invited { link: Some(_), .. } => (Tone::Ok, "Invited"),
        InviteOutcome::AlreadyMember | InviteOutcome::AlreadyInvited | InviteOutcome::Repeated => {
            (Tone::Info, "Not invited")
        }
        InviteOutcome::Invalid(_) => (Tone::Bad, "Not invited"),
    };
    let link = match outcome {
        InviteOutcome::Invited { id, link: Some(link), .. } => {
            let what = format!("link for {address}");
            Some(view! { <CopyText id=format!("link-{id}") what value=link.expose().to_owned() /> })
        }
        _ => None,
    };
    view! {
        <li class="row">
            <strong>{address}</strong>
            <Pill tone label=word />
            {reason.map(|reason| view! { <span class="muted">{reason}</span> })}
            {link}
        </li>
    }
}
