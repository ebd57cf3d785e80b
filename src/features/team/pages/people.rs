//! The members: search, filter, roles in the row, and the way to everything else that is done with people.

use super::{
    counted, may, range,
    role_cell::{RoleCell, RoleForm},
    tabs, titled,
};
use crate::{
    features::{
        organisations::pages::use_slug,
        team::{
            functions::LoadPeople,
            model::{PAGE, People, Person, Sort, SortBy},
        },
    },
    policy::{Operation, Role},
    site::routes::{self, Path},
    ui::{
        Loaded, available,
        components::{
            Availability, Avatar, Choice, Column, EmptyState, Filters, LinkButton, Look, MenuLink, Note, PageHeader,
            Pager, RowMenu, SearchField, Select, Sort as Direction, Table, Tabs, Tag, Time, TimeStyle, Tone,
        },
        icons::Icon,
        load, use_place,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// What the address says of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    slug: String,
    q: String,
    role: String,
    sort: String,
    page: u32,
    done: String,
}

impl Asked {
    /// The address of the same list, with another order and page.
    fn href(&self, sort: Sort, page: u32) -> Path {
        let page = if page > 1 { page.to_string() } else { String::new() };
        routes::team(&self.slug)
            .with("q", &self.q)
            .with("role", &self.role)
            .with("sort", &sort.text())
            .with("page", &page)
    }

    fn is_filtered(&self) -> bool {
        !self.q.is_empty() || !self.role.is_empty()
    }
}

#[component]
pub fn TeamPage() -> impl IntoView {
    let (slug, query) = (use_slug(), use_query_map());
    let asked = Memo::new(move |_| {
        query.with(|query| {
            let text = |name| query.get(name).unwrap_or_default().trim().to_owned();
            Asked {
                slug: slug.get(),
                q: text("q"),
                role: text("role"),
                sort: text("sort"),
                page: text("page").parse().unwrap_or(1),
                done: text("done"),
            }
        })
    });
    let people = load(move || {
        let Asked { slug, q, role, sort, page, .. } = asked.get();
        LoadPeople { slug, q, role, sort, page }
    });
    let form = RoleForm::new();
    view! {
        <Title text=titled("Team") />
        <Loaded
            data=people
            view=move |people| view! { <List people asked=asked.get_untracked() form /> }.into_any()
        />
    }
}

#[component]
fn List(people: People, asked: Asked, form: RoleForm) -> impl IntoView {
    let asked = StoredValue::new(asked);
    let Asked { slug, q, role: role_asked, sort: sort_text, done: what, .. } = asked.get_value();
    let is_filtered = asked.with_value(Asked::is_filtered);
    let href = move |sort: Sort, page: u32| asked.with_value(|asked| asked.href(sort, page)).to_string();
    let sort = Sort::parse(&sort_text);
    let owners = RwSignal::new(people.owners);
    let columns = {
        let column = |label: &str, by: SortBy| {
            let now =
                (sort.by == by).then_some(if sort.descending { Direction::Descending } else { Direction::Ascending });
            Column::new(label).sorted_by(href(sort.pressed(by), 1), now)
        };
        vec![
            column("Person", SortBy::Name),
            column("Role", SortBy::Role),
            column("Last active", SortBy::Active),
            column("Joined", SortBy::Joined),
            Column::actions(),
        ]
    };
    let roles = std::iter::once(Choice::new("", "All roles"))
        .chain(Role::ALL.map(|role| Choice::new(role.name(), role.plural())))
        .collect::<Vec<_>>();
    let found = if is_filtered {
        format!("{} of {}", people.found, counted(people.total, "member", "members"))
    } else {
        counted(people.total, "member", "members")
    };
    let pages = u32::try_from(people.found.max(1).unsigned_abs().div_ceil(u64::from(PAGE))).unwrap_or(u32::MAX);
    let page = people.page;
    let words = range(page, PAGE, people.people.len(), people.found);
    let (has_mail, now, people_total, invitations) = (people.has_mail, people.now.0, people.total, people.invitations);
    let is_empty = people.people.is_empty();
    let rows: Vec<_> = people
        .people
        .into_iter()
        .map(|person| view! { <Row person slug=slug.clone() now has_mail owners form /> })
        .collect();
    let (roles_page, everybody) = (routes::roles(&slug), routes::team(&slug));
    let (list, invite) = (everybody.clone(), routes::invite(&slug));
    let tabs = tabs(&slug, people_total, invitations, true);
    view! {
        <PageHeader
            title="Team"
            sentence=move || {
                view! {
                    "These people can sign in to this organisation. "
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
        {done(&what)}
        <Tabs tabs />
        <Filters action=list count=found>
            <SearchField label="Name or e-mail" value=q />
            <Select compact=true hide_label=true label="Role" name="role" id="role-filter" choices=roles selected=role_asked />
            {(!sort_text.is_empty()).then(|| view! { <input type="hidden" name="sort" value=sort_text /> })}
        </Filters>
        {if is_empty {
            view! {
                <EmptyState title="Nobody is found" sentence="No member has this name, address and role.">
                    <LinkButton label="Show everybody" href=everybody />
                </EmptyState>
            }
                .into_any()
        } else {
            view! { <Table caption="Members" columns>{rows}</Table> }.into_any()
        }}
        {(pages > 1)
            .then(|| {
                let previous = (page > 1).then(|| href(sort, page - 1));
                let next = (page < pages).then(|| href(sort, page + 1));
                view! { <Pager previous next words /> }
            })}
    }
}

/// What was just done, where a page was left for it.
fn done(what: &str) -> Option<AnyView> {
    let words = match what {
        "role" => "The role was changed.",
        "removed" => "The person was removed. They lost access at once.",
        _ => return None,
    };
    Some(view! { <Note tone=Tone::Ok>{words}</Note> }.into_any())
}

#[component]
fn Row(person: Person, slug: String, now: i64, has_mail: bool, owners: RwSignal<i64>, form: RoleForm) -> impl IntoView {
    let own = use_place().is_some_and(|place| place.user == person.id);
    let role = RwSignal::new(person.role);
    let only_owner = Memo::new(move |_| role.get() == Role::Owner && owners.get() <= 1);
    let (id, name) = (person.id, person.name.clone());
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
    view! {
        <tr>
            <th scope="row">
                <span class="cell-person">
                    <Avatar name=name.clone() />
                    <span class="two-lines">
                        <span class="cell-first">
                            <span class="cell-name">{name.clone()}</span>
                            {own.then(|| view! { <Tag label="You" /> })}
                            {person.disabled.then(|| view! { <Tag label="Disabled" plain=true /> })}
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
    view! { <RowMenu id=format!("menu-{id}") label=format!("Actions for {name}")>{items}</RowMenu> }
}
