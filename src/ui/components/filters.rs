//! The bar above a list: search, filters, and what of them is active.
use super::dom;
use crate::{
    kernel::listing::without_secret,
    ui::{
        icons::{Glyph, Icon},
        reactive,
    },
};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::{Element, Event, HtmlInputElement, HtmlSelectElement, js_sys::encode_uri_component};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
    location::Location,
    params::ParamsMap,
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

/// How long typing rests before it acts.
const REST: Duration = Duration::from_millis(150);

/// Id of the sheet of filters: a page has one list.
const SHEET: &str = "filter-sheet";

thread_local! {
    /// What waits for typing to rest. A list that comes meanwhile makes its bar anew, and must not undo this. There is one
    /// page per browser tab, and the server never touches it.
    static WAITING: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
    /// The address to which a bar led last.
    static LED_TO: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Something that narrows a list, in words, and the address of the list without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    pub name: String,
    pub words: String,
    pub href: String,
}

/// What narrows a list, each with the way to be rid of it, and the way to be rid of all.
#[component]
pub fn Chips(
    /// In the order of the fields.
    chips: Vec<Chip>,
    /// The address of the whole list.
    clear: String,
) -> impl IntoView {
    let some = !chips.is_empty();
    let items: Vec<_> = chips
        .into_iter()
        .map(|Chip { words, href, .. }| {
            view! {
                <li>
                    <a class="chip" href=href data-noscroll="">
                        <span class="vh">"Remove "</span>
                        <span class="chip-words">{words}</span>
                        <Glyph icon=Icon::Close />
                    </a>
                </li>
            }
        })
        .collect();
    some.then(|| {
        view! {
            <ul class="chips" aria-label="Active filters">
                {items}
                <li>
                    <a class="chip-clear" href=clear>"Clear"<span class="vh">" all filters"</span></a>
                </li>
            </ul>
        }
    })
}

/// The bar of search and filters above a table: a GET form, so that what is filtered is in the address. Put
/// [`SearchField`] and compact [`Select`](super::Select)s in it. Once hydrated a choice acts at once, and typing as soon as
/// it rests; until then, and without JavaScript, both act by its button. The fields follow the address, whatever changes it.
#[component]
pub fn Filters(
    /// Address of the list.
    #[prop(into)]
    action: String,
    /// The number of results in words, "12 keys"; announced when it changes.
    #[prop(into)]
    count: Signal<String>,
    /// Fields.
    children: Children,
) -> impl IntoView {
    let (query, Location { pathname, search, .. }, navigate) = (use_query_map(), use_location(), use_navigate());
    let here = move || format!("{}?{}", pathname.get_untracked(), search.get_untracked());
    let node = NodeRef::<leptos::html::Form>::new();
    Effect::new(move |before: Option<ParamsMap>| {
        let now = query.get();
        if let (Some(before), Some(form)) = (before, node.get_untracked()) {
            // Whoever types on while the address that they led to is loaded keeps what they typed.
            let typed_in = LED_TO.with_borrow(|led_to| same_address(led_to, &here())).then(focused).flatten();
            dom::follow(&form, |name| {
                let (was, now) = (before.get(name), now.get(name));
                (was != now && typed_in.as_deref() != Some(name)).then(|| now.unwrap_or_default())
            });
        }
        now
    });
    let lead: Rc<dyn Fn(bool)> = {
        let action = action.clone();
        Rc::new(move |replace| {
            WAITING.take();
            // The page may have been left while the typing rested, and the bar with it.
            let form = node.try_get_untracked().flatten();
            let Some(form) = form.filter(|form| form.is_connected()) else { return };
            let to = address(&action, &form);
            if !same_address(&to, &here()) {
                LED_TO.set(to.clone());
                navigate(&to, NavigateOptions { replace, scroll: false, ..Default::default() });
            }
        })
    };
    let (submitted, changed) = (Rc::clone(&lead), Rc::clone(&lead));
    view! {
        <form
            node_ref=node
            method="get"
            action=action
            class="filters"
            role="search"
            aria-label="Search and filter"
            on:submit=move |event| {
                event.prevent_default();
                wait_no_more();
                submitted(false);
            }
            on:change=move |event| {
                let typed = text_field(&event);
                if let Some(field) = &typed {
                    hide_secret(field);
                }
                if !is_in_open_sheet(&event) {
                    wait_no_more();
                    changed(typed.is_some());
                }
            }
            on:input=move |event| {
                if let Some(field) = text_field(&event) {
                    if without_secret(&field.name(), &field.value()).chars().count() > 8 {
                        // A whole secret was pasted, or has just been typed to its end.
                        hide_secret(&field);
                    }
                    if !is_in_open_sheet(&event) {
                        wait_no_more();
                        let lead = Rc::clone(&lead);
                        WAITING.set(set_timeout_with_handle(move || lead(true), REST).ok());
                    }
                }
            }
        >
            {children()}
            <button type="submit" class="button nojs keep">
                "Apply"
            </button>
            <span class="filters-count" role="status">
                {reactive(move || count.get())}
            </span>
        </form>
    }
}

/// The fields of a bar that are used less: beside the others where there is room, and on a phone in a sheet that a button
/// opens.
#[component]
pub fn FilterSheet(
    /// How many of them narrow the list.
    active: usize,
    /// Fields.
    children: Children,
) -> impl IntoView {
    let sheet = NodeRef::<leptos::html::Div>::new();
    let hide = move |_| {
        if let Some(sheet) = sheet.get().filter(|sheet| dom::is_open(sheet)) {
            let _ = sheet.hide_popover();
        }
    };
    view! {
        <button type="button" class="button filter-open" popovertarget=SHEET>
            "Filter "
            {(active > 0).then(|| view! { <span class="count-badge">{active}<span class="vh">" active"</span></span> })}
        </button>
        <div id=SHEET class="filter-sheet" popover="auto" role="group" aria-label="Filters" node_ref=sheet>
            {children()}
            <button type="submit" class="button button-primary filter-show" on:click=hide>"Show"</button>
        </div>
    }
}

/// Whether it happened in a sheet that is open: there its button acts, or the first choice would close it.
fn is_in_open_sheet(event: &Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.and_then(|target| target.closest(":popover-open").ok().flatten()).is_some()
}

fn wait_no_more() {
    if let Some(waiting) = WAITING.take() {
        waiting.clear();
    }
}

/// The field of an event, if people type in it.
fn text_field(event: &Event) -> Option<HtmlInputElement> {
    let field = event.target()?.dyn_into::<HtmlInputElement>().ok()?;
    matches!(field.type_().as_str(), "search" | "text").then_some(field)
}

/// Puts what lists show of a secret in the place of the secret.
fn hide_secret(field: &HtmlInputElement) {
    let value = field.value();
    let shown = without_secret(&field.name(), &value);
    if *shown != value {
        field.set_value(&shown);
    }
}

/// The name of the field that has focus.
fn focused() -> Option<String> {
    document().active_element()?.get_attribute("name")
}

/// The address that a form leads to: nothing for what is empty, and of a secret no more than lists show.
fn address(action: &str, form: &Element) -> String {
    let mut address = action.to_owned();
    let mut add = |name: String, value: String| {
        let value = without_secret(&name, value.trim()).into_owned();
        if !value.is_empty() {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str(&name);
            address.push('=');
            address.push_str(&String::from(encode_uri_component(&value)));
        }
    };
    for field in dom::matching::<Element>(form, "input[name], select[name]") {
        match field.dyn_into::<HtmlInputElement>() {
            Ok(input) => add(input.name(), input.value()),
            Err(field) => {
                if let Ok(select) = field.dyn_into::<HtmlSelectElement>() {
                    add(select.name(), select.value());
                }
            }
        }
    }
    address
}

/// Whether two addresses ask the same: browsers and forms differ in how they encode blanks.
fn same_address(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        let text = text.trim_end_matches('?').replace('+', "%20");
        leptos::web_sys::js_sys::decode_uri_component(&text).map_or_else(|_: JsValue| text.clone(), Into::into)
    };
    one == other || plain(one) == plain(other)
}

/// The search field of a list.
#[component]
pub fn SearchField(
    /// Accessible name, and the words in the empty field.
    #[prop(into)]
    label: String,
    /// Name in the form.
    #[prop(into, default = "q".into())]
    name: String,
    /// What is searched for now.
    #[prop(optional, into)]
    value: String,
    /// The id of a `datalist` with what to choose from.
    #[prop(optional)]
    list: Option<&'static str>,
    /// Called as one types.
    #[prop(optional, into)]
    on_input: Option<Callback<String>>,
) -> impl IntoView {
    view! {
        <div class="search-field">
            <Glyph icon=Icon::Search />
            <input
                type="search"
                class="input"
                name=name
                value=value
                list=list
                aria-label=label.clone()
                placeholder=label
                autocomplete="off"
                spellcheck="false"
                on:input=move |event| if let Some(on_input) = on_input { on_input.run(event_target_value(&event)) }
            />
        </div>
    }
}
