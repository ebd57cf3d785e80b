//! All organisations of a person, as links: the switcher for those without JavaScript, and for many organisations.

use crate::{
    features::{
        organisations::{
            functions::LoadList,
            model::{Belonging, Membership},
        },
        team::invitations::pages::WaitingInvitations,
    },
    kernel::{Asked, text::initials},
    site::routes,
    ui::{
        Loaded,
        components::{Card, EmptyState, LinkButton, Look, OrgMark, PageHeader, SearchField},
        icons::{Glyph, Icon},
        listing::{FilterBar, List, use_asked},
        load,
        pages::page_title,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The list has a search beyond this number.
const SEARCH_BEYOND: usize = 7;

#[component]
pub fn OrganisationsPage() -> impl IntoView {
    let asked = use_asked(&[]);
    let list = load(move || LoadList { q: asked.with(|asked| asked.get("q").to_owned()) });
    view! {
        <Title text=page_title("Your organisations") />
        <div class="own-page">
            <Loaded data=list view=move |list| view! { <All list asked=asked.get_untracked() /> }.into_any() />
        </div>
    }
}

#[component]
fn All(list: Belonging, asked: Asked) -> impl IntoView {
    if list.total == 0 {
        return view! { <NowhereYet /> }.into_any();
    }
    let count = match (list.memberships.len(), list.total) {
        (found, total) if found == total => counted(total),
        (found, total) => format!("{found} of {}", counted(total)),
    };
    let (typed, sought) = (asked.get("q").to_owned(), asked.get("q").to_owned());
    let search = (list.total > SEARCH_BEYOND || !typed.is_empty()).then(|| {
        let list = List { path: routes::organisations(), filters: &[], usual: "", asked };
        view! {
            <FilterBar list count>
                <SearchField label="Find by name or short name" value=typed />
            </FilterBar>
        }
    });
    let none = list.memberships.is_empty().then(|| {
        view! {
            <EmptyState
                title=format!("No organisation is called “{sought}”")
                sentence="You see only those that you belong to."
            >
                <LinkButton label="Show all" href=routes::organisations() />
                <LinkButton label="Create an organisation" href=routes::new_organisation() />
            </EmptyState>
        }
    });
    let some = !list.memberships.is_empty();
    let items: Vec<_> = list.memberships.into_iter().map(item).collect();
    view! {
        <PageHeader title="Your organisations" sentence=|| "People, keys and logs of one organisation are never seen in another.">
            <LinkButton look=Look::Primary icon=Icon::Plus label="Create an organisation" href=routes::new_organisation() />
        </PageHeader>
        <div class="own-waiting"><WaitingInvitations /></div>
        {search}
        <Card flush=true>
            {some.then(|| view! { <ul class="own-list" aria-label="Organisations">{items}</ul> })}
            {none}
        </Card>
    }
    .into_any()
}

fn counted(number: usize) -> String {
    if number == 1 { "1 organisation".into() } else { format!("{number} organisations") }
}

fn item(membership: Membership) -> impl IntoView {
    let Membership { slug, name, role } = membership;
    let href = routes::organisation(&slug).to_string();
    view! {
        <li>
            <a class="org" href=href>
                <OrgMark initials=initials(&name) />
                <span class="two-lines">
                    <span class="cell-name">{name}</span>
                    <span class="cell-second">{role.label()} " · " {slug}</span>
                </span>
                <Glyph icon=Icon::ChevronRight />
            </a>
        </li>
    }
}

/// For a person who belongs to no organisation.
#[component]
pub fn NowhereYet() -> impl IntoView {
    view! {
        <PageHeader title="You belong to no organisation yet" sentence=|| "An organisation holds people, keys and logs together." />
        <div class="own-waiting"><WaitingInvitations /></div>
        <Card>
            <EmptyState
                title="Make one, or be invited"
                sentence="Make an organisation and you are its Owner. To join one that exists, ask one of its Owners or Admins for an invitation to your e-mail address, and open its link."
            >
                <LinkButton look=Look::Primary icon=Icon::Plus label="Create an organisation" href=routes::new_organisation() />
            </EmptyState>
        </Card>
    }
}
