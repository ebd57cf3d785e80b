//! The team's management calls.

use super::{
    model::{Keys, Person},
    operations,
};
use crate::{
    features::accounts::email::Email,
    kernel::{Error, Fields, Result, Timestamp},
    policy::{Operation, Role},
    web::api::{Api, Call, Done, List, Nothing, asked, input, names, one_of, window},
};
use serde::Serialize;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::TeamList, "List members", list)
        .serve(Operation::TeamGet, "Read a member", get)
        .serve(Operation::TeamChangeRole, "Give a member another role", change_role)
        .serve(Operation::TeamRemove, "Take a member out of the organisation", remove)
}

input! {
    /// Which members are listed.
    UsersQuery {
        /// `owner`, `admin` or `member`.
        #[schema(value_type = Option<RoleName>, inline)]
        role: Option<String>,
        /// A whole address.
        #[schema(format = Email, max_length = 254)]
        email: Option<String>,
        /// Part of a name or address.
        q | "search": Option<String>,
        /// `name`, `active` or `joined`, with `-` before it for the other way round; else by role.
        #[schema(pattern = "^-?(role|name|active|joined)$")]
        sort: Option<String>,
        ..page
    }
}

input! {
    /// A member's new role.
    UpdateUser {
        #[schema(value_type = GivenRole, inline)]
        role: String,
        /// What becomes of their keys, if the new role may do less than keys can: `take_over` (the default) or `revoke`.
        #[schema(value_type = Option<KeysName>, inline)]
        keys: Option<String>,
    }
}

input! {
    /// How a member is removed.
    RemoveUser {
        /// What becomes of their keys: `take_over` (the default) or `revoke`.
        #[schema(value_type = Option<KeysName>, inline)]
        keys: Option<String>,
    }
}

names! {
    RoleName { Owner, Admin, Member }
}

names! {
    /// A role that a key may give.
    GivenRole { Admin, Member }
}

names! {
    KeysName { TakeOver, Revoke }
}

/// A member of the organisation.
#[derive(Serialize, ToSchema)]
pub struct User {
    #[schema(example = "user")]
    object: &'static str,
    id: String,
    name: String,
    /// The name's first word.
    first_name: String,
    /// The rest of the name.
    last_name: String,
    email: String,
    #[schema(example = "member")]
    role: &'static str,
    organisation_id: String,
    /// When they joined.
    created_at: String,
    last_active_at: Option<String>,
    /// The account was disabled: it opens nothing.
    disabled: bool,
}

async fn list(call: Call, query: UsersQuery) -> Result<List<User>> {
    let window = window(query.page_size, query.current_page)?;
    let mut fields = Fields::default();
    if query.email.is_some() && query.q.is_some() {
        fields.refuse("q", "Send email or q, not both.");
    }
    let email = fields.take("email", query.email.as_deref().map(Email::parse).transpose());
    let email = email.flatten().map(|email| email.canonical);
    let asked = asked([("q", query.q), ("email", email), ("role", query.role), ("sort", query.sort)]);
    one_of(&mut fields, &asked, "role", &Role::ALL.map(Role::name));
    one_of(&mut fields, &asked, "sort", &["role", "name", "active", "joined"]);
    fields.finish()?;
    let page = operations::list(&call.access, &asked, window).await?;
    Ok(List::new(page.found, page.people).map(|person| shown(&call, person)))
}

async fn get(call: Call, _: Nothing) -> Result<User> {
    let profile = operations::get(&call.access, call.id("id")?).await?;
    Ok(shown(&call, profile.person))
}

async fn change_role(call: Call, change: UpdateUser) -> Result<Done> {
    let mut fields = Fields::default();
    let role = fields.take("role", role(&change.role));
    let keys = fields.take("keys", Keys::parse(&change.keys.unwrap_or_default()));
    let (role, keys) = fields.build(|| Some((role?, keys?)))?;
    operations::change_role(&call.access, call.id("id")?, role, keys).await.map(|_| Done {})
}

async fn remove(call: Call, how: RemoveUser) -> Result<Done> {
    let keys = Keys::parse(&how.keys.unwrap_or_default()).map_err(|sentence| Error::field("keys", sentence))?;
    operations::remove(&call.access, call.id("id")?, keys).await.map(|_| Done {})
}

pub(super) fn role(name: &str) -> std::result::Result<Role, String> {
    Role::ALL.into_iter().find(|role| role.name() == name).ok_or_else(|| "This is one of owner, admin, member.".into())
}

fn shown(call: &Call, person: Person) -> User {
    let (first, last) = person.name.split_once(' ').unwrap_or((&person.name, ""));
    User {
        object: "user",
        id: person.id.to_string(),
        first_name: first.to_owned(),
        last_name: last.trim().to_owned(),
        email: person.email,
        role: person.role.name(),
        organisation_id: call.organisation_id(),
        created_at: person.joined_at.rfc3339(),
        last_active_at: person.active_at.map(Timestamp::rfc3339),
        disabled: person.disabled,
        name: person.name,
    }
}
