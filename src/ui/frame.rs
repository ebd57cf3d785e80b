//! The frame around every page: side bar, switcher, top bar; and the plain one for people who are signed out.
use super::components::{Avatar, Heading, OrgMark, Panel, PanelState, dom, open_on_down};
use super::icons::{Glyph, Icon, Mark};
use crate::{policy::Operation, site::routes::Path, ui::reactive};
use leptos::prelude::*;

/// An organisation that the person belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembershipLink {
    /// Its name.
    pub name: String,
    /// Its slug, found by search as well.
    pub slug: String,
    /// Its initials.
    pub initials: String,
    /// The person's role there, as a word.
    pub role: String,
    /// The same kind of page there, else its home.
    pub href: String,
    /// Whether it is the one of this page.
    pub current: bool,
}

/// An invitation that waits for the person's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingInvitation {
    /// Name of the organisation.
    pub organisation: String,
    /// Its initials.
    pub initials: String,
    /// Role offered, as a word.
    pub role: String,
    /// Who invited.
    pub inviter: String,
    /// Page of the invitation, where it is accepted or declined.
    pub href: String,
}

/// A heading of the navigation and what stands below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavGroup {
    /// Heading.
    pub label: String,
    /// Links.
    pub items: Vec<NavItem>,
}

/// A part of the console below one address: its link in the navigation and the first step of the way to its pages.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Words.
    pub label: &'static str,
    /// Icon before the words.
    pub icon: Icon,
    /// Whoever may not do this does not see it.
    pub needs: Operation,
    /// Its first page, in the organisation of this slug.
    pub href: fn(&str) -> Path,
    /// What pages below it are called, by the last part of their address; any other shows details.
    pub steps: &'static [(&'static str, &'static str)],
}

/// One link of the navigation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavItem {
    /// Words.
    pub label: String,
    /// Address.
    pub href: String,
    /// Icon before the words.
    pub icon: Icon,
    /// Whether the page belongs to it.
    pub current: bool,
}

/// A step of the way to this page. The last one, the page itself, has no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crumb {
    /// Words.
    pub label: String,
    /// Address.
    pub href: Option<String>,
}

impl Crumb {
    /// A step above this page.
    pub fn link(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: Some(href.into()) }
    }

    /// This page.
    pub fn here(label: impl Into<String>) -> Self {
        Self { label: label.into(), href: None }
    }
}

/// What the frame shows: plain data, made by the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameData {
    /// Name of the current organisation.
    pub organisation: String,
    /// Its initials.
    pub initials: String,
    /// The person's role in it, as a word.
    pub role: String,
    /// Home of the organisation.
    pub home: String,
    /// All organisations of the person.
    pub memberships: Vec<MembershipLink>,
    /// Invitations that wait.
    pub invitations: Vec<PendingInvitation>,
    /// Address of the full list of organisations (a GET form with `q` searches it).
    pub organisations_href: String,
    /// Address of "Create an organisation", if the person may.
    pub create_href: Option<String>,
    /// Address of "Manage organisation", if the person may.
    pub manage_href: Option<String>,
    /// Navigation.
    pub nav: Vec<NavGroup>,
    /// Name of the person.
    pub person: String,
    /// Their e-mail address.
    pub email: String,
    /// Their own page.
    pub account_href: String,
}

/// The panel has a search field beyond this number of organisations.
const SEARCH_BEYOND: usize = 7;
const MENU: &str = "menu";
const SWITCHER: &str = "switcher";
const PERSON: &str = "person";

/// The frame of a page inside an organisation.
#[component]
pub fn Frame(
    /// What it shows; a signal where the frame outlives a page.
    #[prop(into)]
    data: Signal<FrameData>,
    /// The way to this page, below the organisation.
    #[prop(into)]
    breadcrumb: Signal<Vec<Crumb>>,
    /// In the person's panel: the form that signs out, the choice of theme. Use `class="menu-item"` on buttons.
    #[prop(optional, into)]
    account: ViewFn,
    /// The page.
    children: Children,
) -> impl IntoView {
    let (switcher, person, menu) = (PanelState::new(), PanelState::new(), PanelState::new());
    let nav = NodeRef::<leptos::html::Nav>::new();
    let close_menu = move |event: leptos::ev::MouseEvent| {
        if dom::from_link(&event)
            && let Some(nav) = nav.get()
            && dom::is_open(&nav)
        {
            let _ = nav.hide_popover();
        }
    };
    view! {
        <a class="skip" href="#main" rel="external">"Skip to content"</a>
        <div class="frame">
            <nav
                class="side"
                id=MENU
                aria-label="Console"
                popover="auto"
                node_ref=nav
                on:click=close_menu
                on:toggle=move |_| if let Some(nav) = nav.get() { menu.set_open(dom::is_open(&nav)) }
            >
                <div class="side-top">
                    <a class="brand" href=move || data.with(|d| d.home.clone())><Mark />"Latchkey"</a>
                    <button type="button" class="button button-quiet button-icon side-close" popovertarget=MENU popovertargetaction="hide">
                        <Glyph icon=Icon::Close />
                        <span class="vh">"Close menu"</span>
                    </button>
                </div>
                <SwitcherButton data state=switcher />
                <div class="side-nav">{reactive(move || data.with(|d| nav_view(&d.nav)))}</div>
                <PersonButton data state=person />
            </nav>
            <header class="bar">
                <button
                    type="button"
                    class="button button-quiet button-icon bar-menu"
                    popovertarget=MENU
                    aria-expanded=move || menu.expanded()
                >
                    <Glyph icon=Icon::Menu />
                    <span class="vh">"Menu"</span>
                </button>
                <div class="bar-switcher"><SwitcherButton data state=switcher /></div>
                <div class="crumbs">{reactive(move || breadcrumb.with(|crumbs| data.with(|data| crumbs_view(data, crumbs))))}</div>
            </header>
            <main id="main" tabindex="-1">{children()}</main>
        </div>
        <Panel id=SWITCHER state=switcher class="panel switcher-panel" label="Organisations">
            {reactive(move || data.with(|data| view! { <SwitcherList data=data.clone() /> }))}
        </Panel>
        <Panel id=PERSON state=person class="panel menu person-panel" label="Account">
            <a class="menu-item" href=move || data.with(|d| d.account_href.clone())>"Your account"</a>
            {account.run()}
        </Panel>
    }
}

#[component]
fn SwitcherButton(data: Signal<FrameData>, state: PanelState) -> impl IntoView {
    let button = NodeRef::<leptos::html::Button>::new();
    view! {
        <button
            type="button"
            class="switcher"
            node_ref=button
            popovertarget=SWITCHER
            aria-expanded=move || state.expanded()
            on:keydown=move |event| open_on_down(event, button)
        >
            {reactive(move || data.with(|d| view! { <OrgMark initials=d.initials.clone() current=true /> }))}
            <span class="two-lines">
                <span class="vh">"Organisation: "</span>
                <span class="cell-name">{reactive(move || data.with(|d| d.organisation.clone()))}</span>
                <span class="cell-second">{reactive(move || data.with(|d| d.role.clone()))}</span>
            </span>
            {reactive(move || {
                let waiting = data.with(|d| d.invitations.len());
                (waiting > 0)
                    .then(|| {
                        let words = if waiting == 1 { " invitation" } else { " invitations" };
                        view! { <span class="count-badge">{waiting}<span class="vh">{words}</span></span> }
                    })
            })}
            <Glyph icon=Icon::ChevronsUpDown />
        </button>
    }
}

#[component]
fn PersonButton(data: Signal<FrameData>, state: PanelState) -> impl IntoView {
    let button = NodeRef::<leptos::html::Button>::new();
    view! {
        <button
            type="button"
            class="person"
            node_ref=button
            popovertarget=PERSON
            aria-expanded=move || state.expanded()
            on:keydown=move |event| open_on_down(event, button)
        >
            {reactive(move || data.with(|d| view! { <Avatar name=d.person.clone() /> }))}
            <span class="two-lines">
                <span class="vh">"Account: "</span>
                <span class="cell-name">{reactive(move || data.with(|d| d.person.clone()))}</span>
                <span class="cell-second">{reactive(move || data.with(|d| d.email.clone()))}</span>
            </span>
        </button>
    }
}

fn nav_view(groups: &[NavGroup]) -> Vec<impl IntoView + use<>> {
    let item = |item: &NavItem| {
        view! {
            <li>
                <a href=item.href.clone() aria-current=item.current.then_some("page")>
                    <Glyph icon=item.icon />
                    <span class="nav-words">{item.label.clone()}</span>
                </a>
            </li>
        }
    };
    groups
        .iter()
        .map(|group| {
            let items: Vec<_> = group.items.iter().map(item).collect();
            view! {
                <div class="nav-group">
                    <div class="nav-label" aria-hidden="true">{group.label.clone()}</div>
                    <ul aria-label=group.label.clone()>{items}</ul>
                </div>
            }
        })
        .collect()
}

fn crumbs_view(data: &FrameData, crumbs: &[Crumb]) -> impl IntoView + use<> {
    let steps: Vec<_> = crumbs
        .iter()
        .map(|crumb| {
            let words = crumb.label.clone();
            let step = match crumb.href.clone() {
                Some(href) => view! { <a href=href>{words}</a> }.into_any(),
                None => view! { <span class="crumb-here">{words}</span> }.into_any(),
            };
            view! { <li>{step}</li> }
        })
        .collect();
    view! {
        <ol>
            <li><a href=data.home.clone()>{data.organisation.clone()}</a></li>
            {steps}
        </ol>
    }
}

#[component]
fn SwitcherList(data: FrameData) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let search = data.memberships.len() > SEARCH_BEYOND;
    let wanted = Memo::new(move |_| {
        let typed = typed.get();
        if typed.trim().is_empty() { String::new() } else { dom::fold(typed.trim()) }
    });
    // Folding needs the browser, so it happens on the first letter typed, once for each name.
    let folded: StoredValue<Vec<String>> = StoredValue::new(Vec::new());
    let names: StoredValue<Vec<String>> =
        StoredValue::new(data.memberships.iter().map(|m| format!("{} {}", m.name, m.slug)).collect());
    let shown = Memo::new(move |_| {
        let wanted = wanted.get();
        if wanted.is_empty() {
            return None;
        }
        if folded.with_value(Vec::is_empty) {
            folded.set_value(names.with_value(|names| names.iter().map(|name| dom::fold(name)).collect()));
        }
        Some(folded.with_value(|all| all.iter().map(|name| name.contains(&wanted)).collect::<Vec<bool>>()))
    });
    let found = move || shown.with(|shown| shown.as_ref().map(|all| all.iter().filter(|hit| **hit).count()));
    let hidden_at = move |index: usize| shown.with(|shown| shown.as_ref().is_some_and(|all| !all[index]));
    let memberships: Vec<_> = data
        .memberships
        .into_iter()
        .enumerate()
        .map(|(index, org)| {
            view! {
                <li hidden=move || hidden_at(index)>
                    <a class="org" href=org.href aria-current=org.current.then_some("true")>
                        <OrgMark initials=org.initials current=org.current />
                        <span class="two-lines">
                            <span class="cell-name">{org.name}</span>
                            <span class="cell-second">{org.role}{org.current.then_some(" · current")}</span>
                        </span>
                        {org.current.then(|| view! { <Glyph icon=Icon::Check /> })}
                    </a>
                </li>
            }
        })
        .collect();
    let invitations: Vec<_> = data
        .invitations
        .into_iter()
        .map(|invitation| {
            let name = invitation.organisation.clone();
            view! {
                <li class="org">
                    <OrgMark initials=invitation.initials />
                    <span class="two-lines">
                        <span class="cell-name">{invitation.organisation}</span>
                        <span class="cell-second">{format!("{} invited you as {}", invitation.inviter, invitation.role)}</span>
                    </span>
                    <a class="button button-small" href=invitation.href>
                        "Answer" <span class="vh">{format!(" the invitation to {name}")}</span>
                    </a>
                </li>
            }
        })
        .collect();
    let waiting = !invitations.is_empty();
    view! {
        {search
            .then(|| {
                view! {
                    <form class="search-field switcher-search" method="get" action=data.organisations_href.clone() role="search"
                        aria-label="Find an organisation">
                        <Glyph icon=Icon::Search />
                        <input
                            type="search"
                            class="input"
                            name="q"
                            aria-label="Find an organisation"
                            placeholder="Find an organisation"
                            autocomplete="off"
                            on:input=move |event| typed.set(event_target_value(&event))
                        />
                        <div class="vh" role="status">
                            {reactive(move || found().map(|n| if n == 1 { "1 organisation".into() } else { format!("{n} organisations") }))}
                        </div>
                    </form>
                }
            })}
        <ul class="orgs" aria-label="Your organisations">{memberships}</ul>
        <div class="switcher-none" hidden=move || found() != Some(0)>"No organisation has this name."</div>
        {waiting.then(|| view! { <ul class="orgs switcher-part" aria-label="Invitations">{invitations}</ul> })}
        <ul class="switcher-part switcher-end">
            {data.manage_href.map(|href| end_link(href, Icon::Settings, "Manage organisation"))}
            {data.create_href.map(|href| end_link(href, Icon::Plus, "Create an organisation"))}
            {end_link(data.organisations_href, Icon::Logs, "All organisations")}
        </ul>
    }
}

fn end_link(href: String, icon: Icon, words: &'static str) -> impl IntoView {
    view! { <li><a class="menu-item" href=href><Glyph icon />{words}</a></li> }
}

/// The page for people who are signed out, or belong to no organisation yet: mark, title, one card.
#[component]
pub fn PlainFrame(
    /// The page's one `h1`.
    #[prop(into)]
    title: String,
    /// One sentence below the title.
    #[prop(optional, into)]
    sentence: ViewFn,
    /// Below the card.
    #[prop(optional, into)]
    below: ViewFn,
    /// A wider card, for lists.
    #[prop(optional)]
    wide: bool,
    /// The card's content.
    children: Children,
) -> impl IntoView {
    view! {
        <a class="skip" href="#main" rel="external">"Skip to content"</a>
        <div class="plain">
            <main id="main" tabindex="-1" class="plain-main" class:plain-wide=wide>
                <div class="plain-top">
                    <Mark />
                    <Heading title />
                    <div class="page-sentence">{sentence.run()}</div>
                </div>
                <div class="card">{children()}</div>
                <div class="plain-below">{below.run()}</div>
            </main>
        </div>
    }
}
