//! The frame around every page: side bar, switcher, top bar; and the plain one for people who are signed out.
use super::components::{Avatar, Heading, OrgMark, Panel, PanelState, dom, open_on_down};
use super::icons::{Glyph, Icon, Mark};
use super::{Gradual, apart, reactive};
use crate::{policy::Operation, site::routes::Path};
use leptos::prelude::*;

/// A heading of the navigation and what stands below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavGroup {
    /// Heading; empty for what stands above all groups.
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
    /// The page of the documentation on it, by its name.
    pub help: &'static str,
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
    /// How many invitations wait for the person's answer.
    pub invitations: usize,
    /// Address of the full list of organisations.
    pub organisations_href: String,
    /// Navigation.
    pub nav: Vec<NavGroup>,
    /// Name of the person.
    pub person: String,
    /// Their e-mail address.
    pub email: String,
    /// Their own page.
    pub account_href: String,
    /// The page of the documentation on what is in view.
    pub help_href: String,
}

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
    /// State of the panel of organisations.
    switcher: PanelState,
    /// What that panel holds.
    #[prop(into)]
    organisations: ViewFn,
    /// In the bar: the search of everything.
    #[prop(optional, into)]
    search: ViewFn,
    /// In the person's panel: the form that signs out, the choice of theme. Use `class="menu-item"` on buttons.
    #[prop(optional, into)]
    account: ViewFn,
    /// The page.
    children: Children,
) -> impl IntoView {
    let (person, menu) = (PanelState::new(), PanelState::new());
    let nav = NodeRef::<leptos::html::Nav>::new();
    let close_menu = move |event: leptos::ev::MouseEvent| {
        if dom::from_link(&event)
            && let Some(nav) = nav.get()
            && dom::is_open(&nav)
        {
            let _ = nav.hide_popover();
        }
    };
    let switcher_panel = move || {
        view! {
            <Panel id=SWITCHER state=switcher class="panel switcher-panel" label="Organisations">
                {organisations.run()}
            </Panel>
        }
    };
    let person_panel = move || {
        view! {
            <Panel id=PERSON state=person class="panel menu person-panel" label="Account">
                <a class="menu-item" href=move || data.with(|d| d.account_href.clone())>"Your account"</a>
                {account.run()}
            </Panel>
        }
    };
    let side = move || {
        view! {
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
        }
    };
    let bar = move || {
        view! {
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
                {search.run()}
                <a class="bar-help" rel="external" href=move || data.with(|d| d.help_href.clone())>"Help"</a>
            </header>
        }
    };
    view! {
        <a class="skip" href="#main" rel="external">"Skip to content"</a>
        <div class="frame">
            {apart(side)}
            {apart(bar)}
            <main id="main" tabindex="-1">{apart(children)}</main>
        </div>
        {Gradual::default().with(switcher_panel).with(person_panel)}
    }
}

/// Opens the panel of organisations; without JavaScript, which fills that panel, a link to the page of them.
#[component]
fn SwitcherButton(data: Signal<FrameData>, state: PanelState) -> impl IntoView {
    let button = NodeRef::<leptos::html::Button>::new();
    view! {
        <button
            type="button"
            class="switcher with-scripts"
            node_ref=button
            popovertarget=SWITCHER
            aria-expanded=move || state.expanded()
            on:keydown=move |event| open_on_down(event, button)
        >
            {switcher_words(data)}
        </button>
        <a class="switcher without-scripts" href=move || data.with(|d| d.organisations_href.clone())>
            {switcher_words(data)}
        </a>
    }
}

/// The organisation and the role in it, and how many invitations wait.
fn switcher_words(data: Signal<FrameData>) -> impl IntoView {
    view! {
        {reactive(move || data.with(|d| view! { <OrgMark initials=d.initials.clone() current=true /> }))}
        <span class="two-lines">
            <span class="vh">"Organisation: "</span>
            <span class="cell-name">{reactive(move || data.with(|d| d.organisation.clone()))}</span>
            <span class="cell-second">{reactive(move || data.with(|d| d.role.clone()))}</span>
        </span>
        {reactive(move || {
            let waiting = data.with(|d| d.invitations);
            (waiting > 0)
                .then(|| {
                    let words = if waiting == 1 { " invitation" } else { " invitations" };
                    view! { <span class="count-badge">{waiting}<span class="vh">{words}</span></span> }
                })
        })}
        <Glyph icon=Icon::ChevronsUpDown />
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
            let label = (!group.label.is_empty()).then(|| group.label.clone());
            view! {
                <div class="nav-group">
                    {label.clone().map(|label| view! { <div class="nav-label" aria-hidden="true">{label}</div> })}
                    <ul aria-label=label>{items}</ul>
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
