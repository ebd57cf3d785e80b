//! The frame around every page inside an organisation.

use crate::{
    features::{
        NAVIGATION,
        accounts::functions::SignOut,
        organisations::{functions::LoadView, model::View},
    },
    kernel::text::initials,
    policy::Operation,
    site::{Place, routes},
    ui::{
        Framed, Loaded,
        components::Skeleton,
        form::{BareForm, use_form},
        frame::{Crumb, Frame, FrameData, MembershipLink, NavGroup, NavItem, PendingInvitation, Section},
        load_after,
        pages::use_slug,
        reactive, use_session,
    },
};
use leptos::prelude::*;
use leptos_router::{components::Outlet, hooks::use_location};

/// Loads the frame's data anew: for pages that change what it shows. Given to everything inside an organisation.
#[derive(Clone, Copy)]
pub struct FrameReload(RwSignal<u32>);

impl FrameReload {
    /// Loads the frame anew each time that a form succeeds.
    pub fn after(self, successes: Memo<u32>) {
        Effect::new(move |before: Option<u32>| {
            let now = successes.get();
            if before.is_some_and(|before| before < now) {
                self.0.update(|times| *times += 1);
            }
            now
        });
    }
}

#[component]
pub fn OrganisationLayout() -> impl IntoView {
    let slug = use_slug();
    let reload = RwSignal::new(0);
    provide_context(FrameReload(reload));
    let data = load_after(move || reload.get(), move || LoadView { slug: slug.get() });
    view! { <Loaded data=data view=move |view| view! { <Inside view slug /> }.into_any() /> }
}

#[component]
fn Inside(view: View, slug: Memo<String>) -> impl IntoView {
    let location = use_location();
    let place = view.place.clone();
    if let Some(session) = use_session() {
        session.belongs_to(&view.email);
    }
    // Until the frame of another organisation is there, nothing of it stands in this one's.
    let same = {
        let own = place.slug.clone();
        Memo::new(move |_| slug.with(|slug| *slug == own))
    };
    provide_context(Framed);
    provide_context(Signal::stored(Some(place.clone())));
    let data = Signal::derive(move || frame_data(&view, &location.pathname.get()));
    let crumbs = {
        let place = place.clone();
        let pathname = location.pathname;
        Signal::derive(move || crumbs(&place, &pathname.get()))
    };
    view! {
        <Frame data breadcrumb=crumbs account=|| view! { <SignOutForm /> }>
            {reactive(move || {
                if same.get() { view! { <Outlet /> }.into_any() } else { view! { <Skeleton rows=6 /> }.into_any() }
            })}
        </Frame>
    }
}

#[component]
pub fn SignOutForm() -> impl IntoView {
    let action = use_form::<SignOut>();
    view! {
        <BareForm form=action>
            <button type="submit" class="menu-item">"Sign out"</button>
        </BareForm>
    }
}

fn allowed(place: &Place, operation: Operation) -> bool {
    let target = crate::policy::Target::In(place.organisation);
    crate::policy::decide(&place.principal(), operation.spec().requires, target).is_ok()
}

fn frame_data(view: &View, pathname: &str) -> FrameData {
    let place = &view.place;
    let nav = NAVIGATION
        .iter()
        .filter_map(|(label, entries)| {
            let items: Vec<NavItem> = entries
                .iter()
                .filter(|entry| allowed(place, entry.needs))
                .map(|entry| {
                    let href = (entry.href)(&place.slug).to_string();
                    let current = pathname == href || pathname.starts_with(&format!("{href}/"));
                    NavItem { label: entry.label.into(), href, icon: entry.icon, current }
                })
                .collect();
            (!items.is_empty()).then(|| NavGroup { label: (*label).into(), items })
        })
        .collect();
    let section = section(place, pathname);
    let memberships = view
        .memberships
        .iter()
        .map(|m| {
            // Switching keeps the kind of page if the role there allows it.
            let there = Place { slug: m.slug.clone(), role: m.role, ..place.clone() };
            let href = section
                .filter(|entry| allowed(&there, entry.needs))
                .map_or_else(|| routes::logs(&m.slug), |entry| (entry.href)(&m.slug));
            MembershipLink {
                name: m.name.clone(),
                slug: m.slug.clone(),
                initials: initials(&m.name),
                role: m.role.label().into(),
                href: href.into(),
                current: m.slug == place.slug,
            }
        })
        .collect();
    FrameData {
        organisation: place.name.clone(),
        initials: initials(&place.name),
        role: place.role.label().into(),
        home: routes::logs(&place.slug).into(),
        memberships,
        invitations: view
            .invitations
            .iter()
            .map(|waiting| PendingInvitation {
                organisation: waiting.organisation.clone(),
                initials: initials(&waiting.organisation),
                role: waiting.role.label().into(),
                inviter: waiting.inviter.clone(),
                href: routes::waiting_invitation(waiting.id).into(),
            })
            .collect(),
        organisations_href: routes::organisations().into(),
        create_href: Some(routes::new_organisation().into()),
        manage_href: allowed(place, Operation::OrganisationSettings).then(|| routes::settings(&place.slug).into()),
        nav,
        person: view.person.clone(),
        email: view.email.clone(),
        account_href: routes::account().into(),
    }
}

/// The entry of the navigation to which a page belongs.
fn section(place: &Place, pathname: &str) -> Option<&'static Section> {
    NAVIGATION.iter().flat_map(|(_, entries)| entries.iter()).find(|entry| {
        let href = (entry.href)(&place.slug).to_string();
        pathname == href || pathname.starts_with(&format!("{href}/"))
    })
}

fn crumbs(place: &Place, pathname: &str) -> Vec<Crumb> {
    match section(place, pathname) {
        None => vec![],
        Some(entry) => {
            let href = (entry.href)(&place.slug).to_string();
            if pathname == href {
                return vec![Crumb::here(entry.label)];
            }
            let last = pathname.rsplit('/').next().unwrap_or_default();
            let here = entry.steps.iter().find(|(part, _)| *part == last).map_or("Details", |(_, words)| words);
            vec![Crumb::link(entry.label, href), Crumb::here(here)]
        }
    }
}
