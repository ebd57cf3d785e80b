//! The invitations' management calls.

use super::{
    model::{Invitation, InviteOutcome, State},
    operations,
};
use crate::{
    features::{
        accounts::email::Email,
        team::rest::{GivenRole, RoleName, role},
    },
    kernel::{Error, Fields, InvitationId, Result, Secret},
    policy::{Operation, Role},
    web::api::{Api, Call, Done, FieldType, List, Nothing, Origin, asked, input, names, one_of, renamed, window},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::InvitationsList, "List invitations, latest first; the open ones if no status is named", list)
        .serve(Operation::InvitationGet, "Read an invitation", get)
        .serve(Operation::Invite, "Invite somebody; the answer alone holds the link, if it is not mailed", invite)
        .serve(Operation::InvitationResend, "Replace an invitation's link by a new one", resend)
        .serve(Operation::InvitationRevoke, "Revoke an invitation", revoke)
}

input! {
    /// Which invitations are listed.
    InvitesQuery {
        /// `owner`, `admin` or `member`.
        #[schema(value_type = Option<RoleName>, inline)]
        role: Option<String>,
        /// A whole address.
        #[schema(format = Email, max_length = 254)]
        email: Option<String>,
        /// `pending`, `expired`, `accepted`, `declined` or `cancelled`; left out: `pending` and `expired`.
        #[schema(value_type = Option<StatusName>, inline)]
        status: Option<String>,
        ..page
    }
}

input! {
    /// Who is invited.
    CreateInvite {
        #[schema(format = Email, max_length = 254)]
        email: String,
        #[schema(value_type = GivenRole, inline)]
        role: String,
        /// The key's own organisation, for clients that name where somebody is invited to; with the same role, or none.
        #[schema(value_type = Option<Vec<InvitePlace>>, inline, max_items = 1)]
        workspaces: Option<Vec<InvitePlace>>,
    }
    unsupported: ["workspace_api_key_details"]
}

/// Where somebody is invited to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitePlace {
    /// The organisation's id or slug.
    id: String,
    role: Option<String>,
}

impl FieldType for InvitePlace {
    fn read(value: Value, _: Origin) -> std::result::Result<Self, &'static str> {
        serde_json::from_value(value).map_err(|_| "must be a list of objects with `id` and `role`")
    }
}

names! {
    StatusName { Pending, Expired, Accepted, Declined, Cancelled }
}

/// An invitation.
#[derive(Serialize, ToSchema)]
pub struct Invite {
    #[schema(example = "invite")]
    object: &'static str,
    id: String,
    email: String,
    #[schema(example = "member")]
    role: &'static str,
    /// `pending`, `expired`, `accepted`, `declined` or `cancelled`.
    status: &'static str,
    invited_by: String,
    organisation_id: String,
    created_at: String,
    expires_at: String,
}

/// An invitation that was just made.
#[derive(Serialize, ToSchema)]
pub struct CreatedInvite {
    #[schema(example = "invite")]
    object: &'static str,
    id: String,
    /// The link to hand over, this once; null: it was mailed.
    #[schema(value_type = Option<String>)]
    invite_link: Option<Secret>,
}

/// An invitation's new link.
#[derive(Serialize, ToSchema)]
pub struct ResentInvite {
    /// The link to hand over, this once; null: it was mailed.
    #[serde(rename = "inviteLink")]
    #[schema(value_type = Option<String>)]
    camel: Option<Secret>,
    /// The same.
    #[schema(value_type = Option<String>)]
    invite_link: Option<Secret>,
}

async fn list(call: Call, query: InvitesQuery) -> Result<List<Invite>> {
    let window = window(query.page_size, query.current_page)?;
    let mut fields = Fields::default();
    let email = fields.take("email", query.email.as_deref().map(Email::parse).transpose());
    let state = fields.take("status", query.status.as_deref().map(state).transpose());
    let (email, state) =
        (email.flatten().map(|email| email.canonical), state.flatten().map(|state| state.name().into()));
    let asked = asked([("role", query.role), ("email", email), ("status", state)]);
    one_of(&mut fields, &asked, "role", &Role::ALL.map(Role::name));
    fields.finish()?;
    let page = operations::list(&call.access, &asked, window).await?;
    Ok(List::new(page.total, page.invitations).map(|invitation| shown(&call, invitation)))
}

async fn get(call: Call, _: Nothing) -> Result<Invite> {
    let invitation = operations::get(&call.access, call.id("id")?).await?;
    Ok(shown(&call, invitation))
}

async fn invite(call: Call, new: CreateInvite) -> Result<CreatedInvite> {
    let mut fields = Fields::default();
    fields.take("email", Email::parse(&new.email).map(|_| ()));
    let role = fields.take("role", role(&new.role));
    let places = new.workspaces.unwrap_or_default();
    if places.len() > 1 {
        fields.refuse("workspaces", "The organisation is the only one. Name it once, or leave this out.");
    } else if places.iter().any(|place| place.role.as_ref().is_some_and(|own| *own != new.role)) {
        fields.refuse(
            "workspaces",
            "A person has one role in the organisation, that in `role`. Name the same here, or none.",
        );
    }
    fields.finish()?;
    for place in places {
        // No other exists for the key.
        let named = Map::from_iter([("workspace_id".to_owned(), Value::String(place.id))]);
        call.inner::<Nothing>(Operation::Invite, named).await?;
    }
    let batch = operations::invite(&call.access, &new.email, role.ok_or_else(Error::internal)?).await;
    let batch = batch.map_err(|error| renamed(error, &[("addresses", "email")]))?;
    match batch.answers.into_iter().next().map(|answer| answer.outcome) {
        Some(InviteOutcome::Invited { id, link, .. }) => {
            Ok(CreatedInvite { object: "invite", id: id.to_string(), invite_link: link })
        }
        _ => Err(Error::internal()),
    }
}

async fn resend(call: Call, _: Nothing) -> Result<ResentInvite> {
    let resent = operations::resend(&call.access, call.id("id")?, false).await?;
    Ok(ResentInvite { camel: resent.link.clone(), invite_link: resent.link })
}

async fn revoke(call: Call, _: Nothing) -> Result<Done> {
    operations::revoke(&call.access, call.id::<InvitationId>("id")?).await.map(|()| Done {})
}

fn status(state: State) -> &'static str {
    if state == State::Revoked { "cancelled" } else { state.name() }
}

fn state(name: &str) -> std::result::Result<State, String> {
    let known = State::ALL.into_iter().find(|state| status(*state) == name);
    known.ok_or_else(|| format!("This must be one of {}.", State::ALL.map(status).join(", ")))
}

fn shown(call: &Call, invitation: Invitation) -> Invite {
    Invite {
        object: "invite",
        id: invitation.id.to_string(),
        email: invitation.email,
        role: invitation.role.name(),
        status: status(invitation.state),
        invited_by: invitation.inviter,
        organisation_id: call.organisation_id(),
        created_at: invitation.created_at.rfc3339(),
        expires_at: invitation.expires_at.rfc3339(),
    }
}
