//! Panels that open over the page. They are native popovers: they open, close with Escape or a press outside, and give
//! focus back without JavaScript; hydration adds arrow keys.
use super::{Availability, dom};
use crate::ui::icons::{Glyph, Icon};
use leptos::prelude::*;

/// State shared by a panel and the buttons that open it: `aria-expanded`, known only once hydrated, since without
/// JavaScript the browser itself tells it.
#[derive(Clone, Copy, Debug)]
pub struct PanelState(RwSignal<Option<bool>>);

impl PanelState {
    /// A closed panel.
    pub fn new() -> Self {
        let state = RwSignal::new(None);
        Effect::new(move |_| state.set(Some(false)));
        Self(state)
    }

    /// Takes note that the panel opened or closed.
    pub fn set_open(self, open: bool) {
        self.0.set(Some(open));
    }

    /// Whether the panel shows.
    pub fn is_open(self) -> bool {
        self.0.get() == Some(true)
    }

    /// Value of `aria-expanded`.
    pub fn expanded(self) -> Option<&'static str> {
        self.0.get().map(|open| if open { "true" } else { "false" })
    }
}

impl Default for PanelState {
    fn default() -> Self {
        Self::new()
    }
}

/// The panel itself. A button opens it by `popovertarget=id`.
#[component]
pub fn Panel(
    /// Id, unique in the page.
    #[prop(into)]
    id: String,
    /// Shared state.
    state: PanelState,
    /// Look and place.
    class: &'static str,
    /// Name of the region, where the panel stands outside of others.
    #[prop(optional)]
    label: Option<&'static str>,
    /// Content.
    children: Children,
) -> impl IntoView {
    let node = NodeRef::<leptos::html::Div>::new();
    view! {
        <div
            id=id
            class=class
            popover="auto"
            role=label.is_some().then_some("region")
            aria-label=label
            node_ref=node
            on:toggle=move |_| if let Some(panel) = node.get() {
                let open = dom::is_open(&panel);
                state.set_open(open);
                if open && let Some(first) = dom::stops(&panel).first() {
                    let _ = first.focus();
                }
            }
            on:keydown=move |event| if let Some(panel) = node.get() { dom::rove(&event, &panel) }
            on:click=move |event| if dom::from_link(&event) && let Some(panel) = node.get() {
                let _ = panel.hide_popover();
            }
            on:submit=move |_| if let Some(panel) = node.get() {
                let _ = panel.hide_popover();
            }
            on:focusout=move |event| if let Some(panel) = node.get() && dom::leaves(&event, &panel) {
                let _ = panel.hide_popover();
            }
        >
            {children()}
        </div>
    }
}

/// Opens a panel with the Down key as well.
pub(crate) fn open_on_down(event: leptos::ev::KeyboardEvent, button: NodeRef<leptos::html::Button>) {
    if event.key() == "ArrowDown"
        && let Some(button) = button.get()
    {
        event.prevent_default();
        button.click();
    }
}

/// The menu of a row: three dots, then links and one-button forms ([`MenuLink`], [`MenuButton`]).
#[component]
pub fn RowMenu(
    /// Id, unique in the page: `format!("menu-{id}")`.
    #[prop(into)]
    id: String,
    /// Whose menu, "Actions for ci-deploy".
    #[prop(into)]
    label: String,
    /// Items.
    children: Children,
) -> impl IntoView {
    let state = PanelState::new();
    let button = NodeRef::<leptos::html::Button>::new();
    let target = id.clone();
    view! {
        <div class="row-menu">
            <button
                type="button"
                class="button button-quiet button-icon"
                node_ref=button
                popovertarget=target
                aria-expanded=move || state.expanded()
                on:keydown=move |event| open_on_down(event, button)
            >
                <Glyph icon=Icon::Dots />
                <span class="vh">{label}</span>
            </button>
            <Panel id state class="panel menu">{children()}</Panel>
        </div>
    }
}

/// A link in a menu.
#[component]
pub fn MenuLink(
    /// Words.
    #[prop(into)]
    label: String,
    /// Where it leads.
    #[prop(into)]
    href: String,
    /// What cannot be undone.
    #[prop(optional)]
    danger: bool,
    /// Whether it may be used, else why not.
    #[prop(optional)]
    availability: Availability,
) -> impl IntoView {
    match availability {
        Availability::Available => {
            view! { <a class="menu-item" class:menu-danger=danger href=href>{label}</a> }.into_any()
        }
        Availability::Unavailable { reason } => view! {
            <a class="menu-item" role="link" tabindex="0" aria-disabled="true">
                {label}
                <span class="reason">{reason}</span>
            </a>
        }
        .into_any(),
    }
}

/// The button of a form in a menu: `<BareForm form><input type="hidden" …/><MenuButton label="Disable" /></BareForm>`.
#[component]
pub fn MenuButton(
    /// Words.
    #[prop(into)]
    label: String,
    /// What cannot be undone.
    #[prop(optional)]
    danger: bool,
    /// True while its work runs.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Whether it may be used, else why not.
    #[prop(optional)]
    availability: Availability,
) -> impl IntoView {
    let reason = availability.reason().map(str::to_owned);
    let blocked = reason.is_some();
    view! {
        <button
            type=if blocked { "button" } else { "submit" }
            class="menu-item"
            class:menu-danger=danger
            aria-disabled=move || (blocked || busy.get()).then_some("true")
            on:click=move |event| if blocked || busy.get_untracked() { event.prevent_default() }
        >
            {label}
            {reason.map(|reason| view! { <span class="reason">{reason}</span> })}
        </button>
    }
}
