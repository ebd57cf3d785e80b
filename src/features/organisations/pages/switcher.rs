//! The panel in which one goes from one organisation to another. Its list is asked for when it opens, so that no page
//! carries it.

use super::layout::{allowed, section};
use crate::{
    features::organisations::{
        functions::LoadList,
        model::{Belonging, Membership, View, Waiting},
    },
    kernel::text::initials,
    policy::Operation,
    site::{Place, routes},
    ui::{
        Sending,
        components::{OrgMark, PanelState, dom},
        icons::{Glyph, Icon},
        parse, reactive,
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// The panel has a search field beyond this number of organisations.
const SEARCH_BEYOND: i64 = 7;

#[component]
pub fn Switcher(view: View, state: PanelState) -> impl IntoView {
    let View { place, places, invitations, .. } = view;
    let pathname = use_location().pathname;
    let sending = Sending::to::<LoadList>();
    // It is shown as it was while it is asked for anew.
    Effect::new(move |_| {
        if state.is_open() {
            sending.send_arguments(&LoadList { q: String::new() });
        }
    });
    // Each answer has something of its own; only another list is drawn anew, which would take the focus from a link.
    let list = Memo::new(move |_| {
        let answer = sending.answer().get();
        answer
            .map(|answer| answer.map(|json| parse::<Belonging>(&json).map(|list| list.memberships).unwrap_or_default()))
    });
    let typed = RwSignal::new(String::new());
    let found = RwSignal::new(None::<usize>);
    let search = (places > SEARCH_BEYOND).then(|| {
        view! {
            <form
                class="search-field switcher-search"
                method="get"
                action=routes::organisations().to_string()
                role="search"
                aria-label="Find an organisation"
            >
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
                    {reactive(move || found.get().map(|n| if n == 1 { "1 organisation".into() } else { format!("{n} organisations") }))}
                </div>
            </form>
        }
    });
    let manage = allowed(&place, Operation::OrganisationSettings).then(|| routes::settings(&place.slug).to_string());
    let waiting = (!invitations.is_empty()).then(|| {
        let items: Vec<_> = invitations.into_iter().map(invitation).collect();
        view! { <ul class="orgs switcher-part" aria-label="Invitations">{items}</ul> }
    });
    view! {
        {search}
        {reactive(move || match list.get() {
            None => view! { <div class="switcher-none with-scripts">"Loading your organisations…"</div> }.into_any(),
            Some(Err(error)) => view! { <div class="switcher-none" role="status">{error.message}</div> }.into_any(),
            Some(Ok(memberships)) => {
                view! { <Places memberships place=place.clone() pathname=pathname.get() typed found /> }.into_any()
            }
        })}
        {waiting}
        <ul class="switcher-part switcher-end">
            {manage.map(|href| end_link(href, Icon::Settings, "Manage organisation"))}
            {end_link(routes::new_organisation().into(), Icon::Plus, "Create an organisation")}
            {end_link(routes::organisations().into(), Icon::Logs, "All organisations")}
        </ul>
    }
}

/// The organisations, as far as what is typed fits.
#[component]
fn Places(
    memberships: Vec<Membership>,
    place: Place,
    pathname: String,
    typed: RwSignal<String>,
    found: RwSignal<Option<usize>>,
) -> impl IntoView {
    let node = NodeRef::<leptos::html::Ul>::new();
    // What had focus while the list was on its way stood below it.
    Effect::new(move |_| {
        let Some(list) = node.get() else { return };
        let panel = list.parent_element().filter(dom::is_open);
        if let Some(first) = panel.and_then(|panel| dom::stops(&panel).into_iter().next())
            && typed.with_untracked(String::is_empty)
        {
            let _ = first.focus();
        }
    });
    let folded: StoredValue<Vec<String>> =
        StoredValue::new(memberships.iter().map(|m| dom::fold(&format!("{} {}", m.name, m.slug))).collect());
    let shown = Memo::new(move |_| {
        let wanted = typed.with(|typed| dom::fold(typed.trim()));
        (!wanted.is_empty())
            .then(|| folded.with_value(|all| all.iter().map(|name| name.contains(&wanted)).collect::<Vec<bool>>()))
    });
    Effect::new(move |_| {
        found.set(shown.with(|shown| shown.as_ref().map(|all| all.iter().filter(|hit| **hit).count())))
    });
    let hidden_at = move |index: usize| shown.with(|shown| shown.as_ref().is_some_and(|all| !all[index]));
    let section = section(&place, &pathname);
    let items: Vec<_> = memberships
        .into_iter()
        .enumerate()
        .map(|(index, there)| {
            let current = there.slug == place.slug;
            // Switching keeps the kind of page if the role there allows it.
            let other = Place { slug: there.slug.clone(), role: there.role, ..place.clone() };
            let href = section
                .filter(|entry| allowed(&other, entry.needs))
                .map_or_else(|| routes::organisation(&there.slug), |entry| (entry.href)(&there.slug));
            view! {
                <li hidden=move || hidden_at(index)>
                    <a class="org" href=href.to_string() aria-current=current.then_some("true")>
                        <OrgMark initials=initials(&there.name) current />
                        <span class="two-lines">
                            <span class="cell-name">{there.name}</span>
                            <span class="cell-second">{there.role.label()}{current.then_some(" · current")}</span>
                        </span>
                        {current.then(|| view! { <Glyph icon=Icon::Check /> })}
                    </a>
                </li>
            }
        })
        .collect();
    view! {
        <ul class="orgs" aria-label="Your organisations" node_ref=node>
            {items}
        </ul>
        <div class="switcher-none" hidden=move || found.get() != Some(0)>
            "No organisation has this name."
        </div>
    }
}

fn invitation(invitation: Waiting) -> impl IntoView {
    let Waiting { id, organisation, role, inviter } = invitation;
    let href = routes::waiting_invitation(id).to_string();
    let hidden = format!(" the invitation to {organisation}");
    view! {
        <li class="org">
            <OrgMark initials=initials(&organisation) />
            <span class="two-lines">
                <span class="cell-name">{organisation}</span>
                <span class="cell-second">{format!("{inviter} invited you as {}", role.label())}</span>
            </span>
            <a class="button button-small" href=href>
                "Answer"
                <span class="vh">{hidden}</span>
            </a>
        </li>
    }
}

fn end_link(href: String, icon: Icon, words: &'static str) -> impl IntoView {
    view! { <li><a class="menu-item" href=href><Glyph icon />{words}</a></li> }
}
