//! The team's screens.

mod leave;
mod many;
pub(in crate::features::team) mod member;
mod people;
mod remove;
mod role_cell;
mod roles;
mod section;

pub use leave::LeavePage;
pub use many::ManyPeoplePage;
pub use member::{ChangeRolePage, PasswordLinkPage};
pub use people::TeamPage;
pub use remove::RemovePage;
pub use roles::RolesPage;
pub use section::{ROLES, Routes, SECTION};

use super::{functions::LoadPerson, model::Profile};
use crate::{
    policy::{Denial, Operation, Role, Target, decide},
    site::routes,
    ui::{
        Data, can,
        components::{Availability, Choice, Note, Tab, Tone},
        load,
        pages::{param, use_slug},
        unavailable, use_place,
    },
};
use leptos::prelude::*;

pub(in crate::features::team) use crate::ui::pages::page_title as titled;

/// The person in this page's path.
fn use_person() -> Data<Profile> {
    let slug = use_slug();
    load(move || LoadPerson { slug: slug.get(), id: param("id") })
}

/// Whether the person may do this to a rank here: give `next` to somebody who is `now`.
pub(in crate::features::team) fn may(operation: Operation, now: Option<Role>, next: Option<Role>) -> Availability {
    let Some(place) = use_place() else { return unavailable(Denial::Unknown) };
    let target = Target::Rank { organisation: place.organisation, now, next };
    match decide(&place.principal(), operation.spec().requires, target) {
        Ok(()) => Availability::Available,
        Err(denial) => unavailable(denial),
    }
}

/// The roles as choices; those that may not be given say why.
pub(in crate::features::team) fn role_choices(operation: Operation, now: Option<Role>) -> Vec<Choice> {
    Role::ALL
        .into_iter()
        .map(|role| {
            let availability = match may(operation, now, Some(role)) {
                Availability::Available => Availability::Available,
                Availability::Unavailable { .. } => {
                    Availability::Unavailable { reason: format!("Only {} can give this role.", role.plural()) }
                }
            };
            Choice::new(role.name(), role.label()).sentence(role.sentence()).availability(availability)
        })
        .collect()
}

/// Members and invitations, side by side.
pub(in crate::features::team) fn tabs(slug: &str, members: i64, invitations: i64, at_members: bool) -> Vec<Tab> {
    let tab = |label: &str, href: routes::Path, count: i64, current| Tab {
        label: label.into(),
        href: href.into(),
        count: Some(count.unsigned_abs()),
        current,
    };
    let mut tabs = vec![
        tab("Members", routes::team(slug), members, at_members),
        tab("Invitations", routes::invitations(slug), invitations, !at_members),
    ];
    tabs.extend(can(Operation::AccessReviewsList).then(|| Tab {
        label: "Access reviews".into(),
        href: routes::access_reviews(slug).into(),
        count: None,
        current: false,
    }));
    tabs
}

/// What the only Owner reads where they cannot be lowered or leave, with the way out.
#[component]
fn OnlyOwner() -> impl IntoView {
    let team = routes::team(&param("slug")).to_string();
    view! {
        <Note tone=Tone::Info>
            "An organisation always has an Owner. "
            <a href=team>"Make somebody else an Owner"</a>
            " first."
        </Note>
    }
}

/// "1 key", "3 keys".
pub(in crate::features::team) fn counted(count: i64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}
