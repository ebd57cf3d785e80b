//! The members: search, filter, roles in the row, and the way to everything else that is done with people.

use super::{
    counted, many, may,
    role_cell::{RoleCell, RoleForm},
    tabs, titled,
};
use crate::{
    features::{
        news::{
            model::Watched,
            pages::{ChangesByOthers, Watch},
        },
        organisations::pages::use_slug,
        team::{
            functions::LoadPeople,
            model::{FILTERS, People, Person},
        },
    },
    policy::{Operation, Role},
    site::routes,
    ui::{
        Gradual, Loaded, apart, available, can,
        components::{
            Availability, Avatar, Choice, Column, LinkButton, Look, MenuLink, Note, PageHeader, Pill, RowMenu,
            SearchField, Select, Table, Tabs, Tag, Time, TimeStyle, Tone,
        },
        icons::Icon,
        listing::{FilterBar, List, NothingFits, Pages, use_asked, use_marked},
        load_after,
        many::{PickCell, Picks},
        pages::Done,
        reactive, use_place,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn TeamPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&FILTERS));
    let watch = Watch::of(Watched::Members);
    let people = load_after(move || watch.reads(), move || LoadPeople { slug: slug.get(), asked: asked.get() });
    let form = RoleForm::new();
    view! {
        <Title text=titled("Team") />
        <ChangesByOthers watch />
        <Loaded
            data=people
            view=move |people: People| {
                watch.has_read(people.seen);
                let list = List {
                    path: routes::team(&slug.get_untracked()),
                    filters: &FILTERS,
                    usual: "role",
                    asked: asked.get_untracked(),
                };
                view! { <Team people slug=slug.get_untracked() list form /> }.into_any()
            }
        />
    }
}

#[component]
fn Team(people: People, slug: String, list: List, form: RoleForm) -> impl IntoView {
    let owners = RwSignal::new(people.owners);
    let picks = many::can_pick();
    let mut columns = vec![
        list.column("Person", "name"),
        list.column("Role", "role"),
        list.column("Last active", "active"),
        list.column("Joined", "joined"),
        Column::new("Status"),
        Column::actions(),
    ];
    if picks {
        columns.insert(0, Column::picks("Select everybody on this page"));
    }
    let roles = std::iter::once(Choice::new("", "All roles"))
        .chain(Role::ALL.map(|role| Choice::new(role.name(), role.plural())))
        .collect::<Vec<_>>();
    let members = counted(people.total, "member", "members");
    let count = if list.is_narrowed() { format!("{} of {members}", people.found) } else { members };
    let People { people, found, total, invitations, window, has_mail, now, .. } = people;
    let is_empty = people.is_empty();
    let heirs: Vec<_> =
        people.iter().filter(|person| person.role != Role::Owner && !person.disabled).take(HEIRS).cloned().collect();
    let own = slug.clone();
    let rows = Gradual::of(people, move |person| {
        view! { <Row person slug=own.clone() now=now.0 has_mail owners form picks /> }
    });
    let (roles_page, invite, everybody) = (routes::roles(&slug), routes::invite(&slug), list.path.clone());
    let (tabs, narrowed) = (tabs(&slug, total, invitations, true), list.clone());
    let (value, selected) = (list.asked.get("q").to_owned(), list.asked.get("role").to_owned());
    view! {
        <PageHeader
            title="Team"
            sentence=move || {
                view! {
                    "These people belong to this organisation. "
                    <a href=roles_page.to_string()>"What can each role do?"</a>
                }
            }
        >
            <LinkButton
                look=Look::Primary
                icon=Icon::Plus
                label="Invite people"
                href=invite
                availability=available(Operation::Invite)
            />
        </PageHeader>
        <Done said=DONE />
        <Tabs tabs />
        {apart(move || {
            view! {
                <FilterBar list=narrowed count>
                    <SearchField label="Name or e-mail" value />
                    <Select compact=true hide_label=true label="Role" name="role" id="role-filter" choices=roles selected />
                </FilterBar>
            }
        })}
        {apart(move || view! { <RolesNote owners heirs /> })}
        {if is_empty {
            let sentence = "No member has this name, address and role.";
            view! { <NothingFits title="Nobody is found" sentence label="Show everybody" href=everybody /> }.into_any()
        } else if picks {
            view! {
                <Picks action=routes::many_members(&slug) acts=many::acts()>
                    <Table caption="Members" columns>{rows}</Table>
                </Picks>
            }
            .into_any()
        } else {
            view! { <Table caption="Members" columns>{rows}</Table> }.into_any()
        }}
        <Pages list window total=found />
    }
}

/// How many people are named who could become an Owner.
const HEIRS: usize = 3;

/// Why some roles here are not to be changed, once for the whole table. Where there is only one Owner it leads to making
/// another: one of `heirs`, or somebody new.
#[component]
fn RolesNote(owners: RwSignal<i64>, heirs: Vec<Person>) -> impl IntoView {
    let slug = use_slug();
    let place = use_place();
    let gives_owner = may(Operation::TeamChangeRole, Some(Role::Owner), Some(Role::Owner)).reason().is_none();
    let others = place.map(|place| place.owners.join(" or ")).filter(|names| !names.is_empty());
    reactive(move || {
        let (is_only, others) = (owners.get() <= 1, others.clone());
        if !gives_owner {
            let ask = others.map(|names| format!(" Ask {names}.")).unwrap_or_default();
            return view! { <Note tone=Tone::Info>{format!("Only Owners change the role of an Owner, or make somebody one.{ask}")}</Note> }
                .into_any();
        }
        if !is_only {
            return ().into_any();
        }
        let slug = slug.get_untracked();
        let invite = routes::invite(&slug).with("role", Role::Owner.name()).to_string();
        let links: Vec<_> = heirs
            .iter()
            .map(|Person { id, name, .. }| {
                let href = routes::change_role(&slug, *id).with("role", Role::Owner.name()).to_string();
                view! { <a href=href>{format!("Make {name} an Owner")}</a>", " }
            })
            .collect();
        let invite_words = if links.is_empty() { "Invite another Owner" } else { "or invite another Owner" };
        view! {
            <Note tone=Tone::Info>
                "There is only one Owner, who cannot be changed or leave until there is another. "
                {links}
                <a href=invite>{invite_words}</a>
                "."
            </Note>
        }
        .into_any()
    })
}

/// What can have been done on the pages that lead back here.
const DONE: &[(&str, &str)] =
    &[("role", "The role was changed."), ("removed", "The person was removed. They lost access at once.")];

#[component]
fn Row(
    person: Person,
    slug: String,
    now: i64,
    has_mail: bool,
    owners: RwSignal<i64>,
    form: RoleForm,
    picks: bool,
) -> impl IntoView {
    let own = use_place().is_some_and(|place| place.user == person.id);
    let marked = use_marked();
    let role = RwSignal::new(person.role);
    let only_owner = Memo::new(move |_| role.get() == Role::Owner && owners.get() <= 1);
    let (id, name) = (person.id, person.name.clone());
    let pick = picks.then(|| view! { <PickCell id=id.to_string() name=name.clone() /> });
    let menu = {
        let (slug, name) = (slug.clone(), name.clone());
        move || {
            let only = only_owner.get();
            view! { <Menu id slug=slug.clone() name=name.clone() role=role.get() own only_owner=only has_mail /> }
        }
    };
    let last_active = match person.active_at {
        Some(at) => view! { <Time at=at.0 now=now /> }.into_any(),
        None => view! { "never" }.into_any(),
    };
    let status = match person.disabled {
        true => view! { <Pill tone=Tone::Neutral label="Disabled" /> },
        false => view! { <Pill tone=Tone::Ok label="Active" /> },
    };
    view! {
        <tr class:marked=move || form.has_changed(id) || marked.with(|marked| *marked == id.to_string())>
            {pick}
            <th scope="row">
                <span class="cell-person">
                    <Avatar name=name.clone() />
                    <span class="two-lines">
                        <span class="cell-first">
                            <span class="cell-name">{name.clone()}</span>
                            {own.then(|| view! { <Tag label="You" /> })}
                        </span>
                        <span class="cell-second">{person.email}</span>
                    </span>
                </span>
            </th>
            <td class="wide bare" data-label="Role">
                <RoleCell id name slug role owners only_owner form />
            </td>
            <td data-label="Last active">{last_active}</td>
            <td data-label="Joined">
                <Time at=person.joined_at.0 style=TimeStyle::Date />
            </td>
            <td class="state">{status}</td>
            <td class="row-actions">{menu}</td>
        </tr>
    }
}

#[component]
fn Menu(
    id: crate::kernel::UserId,
    slug: String,
    name: String,
    role: Role,
    own: bool,
    only_owner: bool,
    has_mail: bool,
) -> impl IntoView {
    let only = || Availability::when(!only_owner, "The only Owner. Make someone else an Owner first.");
    let items = if own {
        view! { <MenuLink label="Leave" danger=true href=routes::leave(&slug) availability=only() /> }.into_any()
    } else {
        let removable = match may(Operation::TeamRemove, Some(role), None) {
            Availability::Available => only(),
            unavailable => unavailable,
        };
        let resettable = match use_place().map(|place| place.role) {
            _ if has_mail => Availability::when(false, "They can ask for a link on the sign-in page."),
            Some(Role::Owner) => Availability::Available,
            _ => Availability::when(false, "Only Owners can make a password link."),
        };
        view! {
            <MenuLink label="Password link" href=routes::password_link(&slug, id) availability=resettable />
            <MenuLink label="Remove" danger=true href=routes::remove_member(&slug, id) availability=removable />
        }
        .into_any()
    };
    let history = can(Operation::AuditList).then(|| {
        let href = routes::audit_of(&slug, "member", &id.to_string());
        view! { <MenuLink label="Audit history" href /> }
    });
    let limits = can(Operation::LimitsList).then(|| {
        let href = routes::limits(&slug).with("on", &format!("person:{id}"));
        view! { <MenuLink label="Limits" href /> }
    });
    view! { <RowMenu id=format!("menu-{id}") label=format!("Actions for {name}")>{history}{limits}{items}</RowMenu> }
}
