//! The frame around every page of a person who belongs somewhere: inside an organisation it is that one's, elsewhere that
//! of the organisation that they used last.

use super::switcher::Switcher;
use crate::{
    features::{
        NAVIGATION,
        accounts::{functions::SignOut, pages::PersonBar},
        home,
        organisations::{
            functions::{LoadLast, LoadView},
            model::View,
        },
    },
    kernel::{Code, Error, text::initials},
    policy::Operation,
    site::{
        Place,
        routes::{self, Path},
    },
    ui::{
        Arriving, Expected, Framed, Loaded, Problem, Sending, Session,
        components::PanelState,
        form::{BareForm, use_form},
        frame::{Crumb, Frame, FrameData, NavGroup, NavItem, Section},
        load, load_after,
        pages::use_slug,
        parse, reactive, use_session,
    },
};
use leptos::prelude::*;
use leptos_router::{
    components::Outlet,
    hooks::{use_location, use_query_map},
};
use std::sync::Arc;

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

/// The way's last word, on the page of one thing.
const DETAILS: &str = "Details";

/// What stands in a frame, made anew where it is shown.
type Content = Arc<dyn Fn() -> AnyView + Send + Sync>;

#[component]
pub fn OrganisationLayout() -> impl IntoView {
    let slug = use_slug();
    let reload = RwSignal::new(0);
    provide_context(FrameReload(reload));
    let data = load_after(move || reload.get(), move || LoadView { slug: slug.get() });
    let show = move |view: View| {
        // Until the frame of another organisation is there, nothing of it stands in this one's.
        let same = {
            let own = view.place.slug.clone();
            Memo::new(move |_| slug.with(|slug| *slug == own))
        };
        let content = move || {
            reactive(
                move || {
                    if same.get() { view! { <Outlet /> }.into_any() } else { view! { <Arriving /> }.into_any() }
                },
            )
        };
        view! { <Inside view content=Arc::new(content) /> }.into_any()
    };
    view! { <Loaded data view=show otherwise=missing /> }
}

/// An organisation that is not there does not take the frame away.
fn missing(error: Error) -> AnyView {
    if error.code == Code::NotFound {
        view! { <PersonFrame content=Arc::new(move || view! { <Problem error=error.clone() /> }.into_any()) /> }
            .into_any()
    } else {
        view! { <Problem error /> }.into_any()
    }
}

/// Around the pages of a signed-in person that belong to no organisation.
#[component]
pub fn PersonLayout() -> impl IntoView {
    let reload = RwSignal::new(0);
    provide_context(FrameReload(reload));
    let query = use_query_map();
    let near = Memo::new(move |_| query.with(|query| organisation_in(&query.get("next").unwrap_or_default())));
    let data = load_after(move || reload.get(), move || LoadLast { near: near.get() });
    let show = |view: Option<View>| match view {
        Some(view) => view! { <Inside view content=Arc::new(|| view! { <Outlet /> }.into_any()) /> }.into_any(),
        None => view! {
            <PersonBar>
                <Outlet />
            </PersonBar>
        }
        .into_any(),
    };
    view! { <Loaded data view=show /> }
}

/// The organisation of the page to go back to.
fn organisation_in(next: &str) -> String {
    let slug = next.strip_prefix("/o/").and_then(|rest| rest.split(['/', '?']).next());
    slug.unwrap_or_default().to_owned()
}

/// What there is to say where no page is: in the frame of the organisation used last, or by itself for whoever is signed
/// out or belongs nowhere.
#[component]
pub fn PersonFrame(content: Content) -> impl IntoView {
    let data = load(|| LoadLast { near: String::new() });
    let bare = Arc::clone(&content);
    let show = move |view: Option<View>| match view {
        Some(view) => view! { <Inside view content=Arc::clone(&content) /> }.into_any(),
        None => content(),
    };
    view! { <Loaded data view=show otherwise=move |_: Error| bare() /> }
}

#[component]
fn Inside(view: View, content: Content) -> impl IntoView {
    let pathname = use_location().pathname;
    let view = RwSignal::new(view);
    if let Some(session) = use_session() {
        view.with_untracked(|view| session.belongs_to(&view.email));
        follow(session, view);
    }
    let place = Memo::new(move |_| view.with(|view| view.place.clone()));
    provide_context(Framed);
    provide_context(Signal::derive(move || Some(place.get())));
    provide_context(Expected(Signal::derive(move || place.with(|place| heading(place, &pathname.get())))));
    let data = Signal::from(Memo::new(move |_| view.with(|view| frame_data(view, &pathname.get()))));
    let crumbs = Memo::new(move |_| place.with(|place| crumbs(place, &pathname.get())));
    let switcher = PanelState::new();
    let slug = Signal::derive(move || place.with(|place| place.slug.clone()));
    view! {
        <Frame
            data
            breadcrumb=crumbs
            switcher
            organisations=move || view! { <Switcher view=view.get_untracked() state=switcher /> }
            search=move || view! { <home::pages::Palette data slug /> }
            account=|| view! { <SignOutForm /> }
        >
            {content()}
        </Frame>
    }
}

/// Asks what the person may do here once something was refused them: their role may be another by now. The page stays, with
/// all that was typed; what stands around it follows.
fn follow(session: Session, view: RwSignal<View>) {
    let sending = Sending::to::<LoadView>();
    let refusals = session.refusals();
    Effect::new(move |before: Option<u32>| {
        let now = refusals.get();
        if before.is_some_and(|before| before < now) {
            sending.send_arguments(&LoadView { slug: view.with_untracked(|view| view.place.slug.clone()) });
        }
        now
    });
    Effect::new(move |_| {
        if let Some(Ok(json)) = sending.answer().get()
            && let Ok(now) = parse::<View>(&json)
        {
            view.set(now);
        }
    });
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

/// Whether the person may do this in a place.
pub(super) fn allowed(place: &Place, operation: Operation) -> bool {
    let target = crate::policy::Target::In(place.organisation);
    crate::policy::decide(&place.principal(), operation.spec().requires, target).is_ok()
}

fn frame_data(view: &View, pathname: &str) -> FrameData {
    let place = &view.place;
    let item = |entry: &Section, current: bool| NavItem {
        label: entry.label.into(),
        href: (entry.href)(&place.slug).into(),
        icon: entry.icon,
        current,
    };
    let is_home = pathname == (home::pages::SECTION.href)(&place.slug).as_str();
    let start = NavGroup { label: String::new(), items: vec![item(&home::pages::SECTION, is_home)] };
    let groups = NAVIGATION.iter().filter_map(|(label, entries)| {
        let items: Vec<NavItem> = entries
            .iter()
            .filter(|entry| allowed(place, entry.needs))
            .map(|entry| item(entry, is_within(pathname, (entry.href)(&place.slug).as_str())))
            .collect();
        (!items.is_empty()).then(|| NavGroup { label: (*label).into(), items })
    });
    FrameData {
        organisation: place.name.clone(),
        initials: initials(&place.name),
        role: place.role.label().into(),
        home: routes::organisation(&place.slug).into(),
        invitations: view.invitations.len(),
        organisations_href: routes::organisations().into(),
        nav: std::iter::once(start).chain(groups).collect(),
        person: view.person.clone(),
        email: view.email.clone(),
        account_href: routes::account().into(),
        help_href: help(place, pathname).into(),
    }
}

/// Whether a page is the one at `base`, or below it.
fn is_within(pathname: &str, base: &str) -> bool {
    pathname.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The entry of the navigation to which a page belongs.
pub(super) fn section(place: &Place, pathname: &str) -> Option<&'static Section> {
    let mut entries = NAVIGATION.iter().flat_map(|(_, entries)| entries.iter());
    entries.find(|entry| is_within(pathname, (entry.href)(&place.slug).as_str()))
}

/// The documentation on a page.
fn help(place: &Place, pathname: &str) -> Path {
    routes::documentation(section(place, pathname).map_or(home::pages::SECTION.help, |entry| entry.help))
}

fn crumbs(place: &Place, pathname: &str) -> Vec<Crumb> {
    let own = routes::organisation(&place.slug);
    if !is_within(pathname, own.as_str()) {
        // A page that belongs to the person, or to nobody.
        let word = match pathname {
            "/account" => "Your account",
            "/account/confirm" => "Confirm your password",
            "/organisations" => "Your organisations",
            "/organisations/new" => "Create an organisation",
            _ => return vec![],
        };
        return vec![Crumb::here(word)];
    }
    if pathname == own.as_str() {
        return vec![Crumb::here(home::pages::SECTION.label)];
    }
    match section(place, pathname) {
        None => vec![],
        Some(entry) => {
            let href = (entry.href)(&place.slug).to_string();
            if pathname == href {
                return vec![Crumb::here(entry.label)];
            }
            let last = pathname.rsplit('/').next().unwrap_or_default();
            let here = entry.steps.iter().find(|(part, _)| *part == last).map_or(DETAILS, |(_, words)| words);
            vec![Crumb::link(entry.label, href), Crumb::here(here)]
        }
    }
}

/// The heading of a page that is on its way: that of its section, where its own is the name of what it shows.
fn heading(place: &Place, pathname: &str) -> String {
    let crumbs = crumbs(place, pathname);
    let own = crumbs.iter().rfind(|crumb| crumb.label != DETAILS);
    own.map(|crumb| crumb.label.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_to_go_back_to_names_its_organisation() {
        assert_eq!(organisation_in("/o/north/team?q=a"), "north");
        assert_eq!(organisation_in("/o/north"), "north");
        assert_eq!(organisation_in("/o/north?done=1"), "north");
        assert_eq!(organisation_in("/account"), "");
        assert_eq!(organisation_in(""), "");
    }
}
