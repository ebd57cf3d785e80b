//! Asks before a page is left on which something would be lost: what was typed into a form and not sent, or a secret that
//! is shown once. Whoever makes such a form or shows such a secret has nothing to do for it: see [`losses`].
use super::{Dialog, dom};
use leptos::{
    prelude::*,
    wasm_bindgen::{JsCast, JsValue, closure::Closure},
    web_sys::{Element, Event, HtmlElement, HtmlInputElement, HtmlSelectElement, MouseEvent, js_sys::Reflect},
};
use std::{cell::RefCell, time::Duration};

/// On an element that shows something which is lost with the page: what.
const UNSAVED: &str = "data-unsaved";
/// On a form whose fields are on their way or were saved as they are.
const SENT: &str = "data-sent";

/// Where somebody was about to go.
enum Way {
    Link(HtmlElement),
    Back,
}

thread_local! {
    /// Where the question is about. A browser has one thread, and one question at a time.
    static WAY: RefCell<Option<Way>> = const { RefCell::new(None) };
}

/// What asks.
#[derive(Clone, Copy)]
pub struct Guard {
    open: RwSignal<bool>,
    words: RwSignal<String>,
    /// The next step is meant.
    meant: StoredValue<bool>,
    /// The page is being brought back after a press of Back.
    returning: StoredValue<bool>,
}

/// The question itself. Stands once, around the application.
#[component]
pub fn AskBeforeLeaving(guard: Guard) -> impl IntoView {
    view! {
        <Dialog id="leaving" open=guard.open title="Leave this page?".to_owned() words=guard.words>
            <div class="form-end">
                <button type="button" class="button" autofocus on:click=move |_| guard.open.set(false)>"Stay"</button>
                <button type="button" class="button button-danger" on:click=move |_| guard.leave()>"Leave"</button>
            </div>
        </Dialog>
    }
}

impl Guard {
    /// Begins to listen. Made before the router is, which must not hear first of what is asked about.
    pub fn begin() -> Self {
        let guard = Self {
            open: RwSignal::new(false),
            words: RwSignal::new(String::new()),
            meant: StoredValue::new(false),
            returning: StoredValue::new(false),
        };
        if cfg!(not(feature = "ssr")) {
            listen("click", move |event| guard.clicked(event));
            listen("popstate", move |event| guard.went_back(event));
            listen("beforeunload", move |event| {
                if !guard.meant.get_value() && losses(None).is_some() {
                    event.prevent_default();
                }
            });
        }
        guard
    }

    fn clicked(self, event: &Event) {
        let Some(link) = followed(event).filter(|_| !self.meant.get_value()) else { return };
        if self.asks(losses(Some(&link)), Way::Link(link)) {
            event.prevent_default();
            event.stop_propagation();
        }
    }

    fn went_back(self, event: &Event) {
        if self.returning.get_value() {
            self.returning.set_value(false);
            event.stop_immediate_propagation();
        } else if self.meant.get_value() {
            self.meant.set_value(false);
        } else if self.asks(losses(None), Way::Back) {
            event.stop_immediate_propagation();
            self.returning.set_value(true);
            let _ = window().history().and_then(|history| history.go_with_delta(1));
        }
    }

    fn asks(self, losses: Option<String>, way: Way) -> bool {
        let Some(words) = losses else { return false };
        self.words.set(words);
        WAY.set(Some(way));
        self.open.set(true);
        true
    }

    fn leave(self) {
        self.open.set(false);
        self.meant.set_value(true);
        match WAY.take() {
            Some(Way::Link(link)) => {
                link.click();
                // A link out of the console closes the page a moment later, which is meant as well.
                set_timeout(move || self.meant.set_value(false), Duration::from_secs(1));
            }
            Some(Way::Back) => {
                let _ = window().history().and_then(|history| history.back());
            }
            None => self.meant.set_value(false),
        }
    }
}

/// Listens before everybody else, for as long as the document is there.
fn listen(name: &str, heard: impl Fn(&Event) + 'static) {
    let heard = Closure::<dyn Fn(Event)>::new(move |event| heard(&event)).into_js_value();
    let _ = window().add_event_listener_with_callback_and_bool(name, heard.unchecked_ref(), true);
}

/// The link that a click follows in this tab, to another page.
fn followed(event: &Event) -> Option<HtmlElement> {
    let mouse = event.dyn_ref::<MouseEvent>()?;
    if mouse.button() != 0 || mouse.ctrl_key() || mouse.meta_key() || mouse.shift_key() || mouse.alt_key() {
        return None;
    }
    let link = event.target()?.dyn_into::<Element>().ok()?.closest("a[href]").ok()??;
    let here = link.get_attribute("href").is_some_and(|href| href.starts_with('#'));
    let elsewhere =
        link.get_attribute("target").is_some_and(|target| target == "_blank") || link.has_attribute("download");
    if here || elsewhere { None } else { link.dyn_into().ok() }
}

/// What would be lost with this page, in a sentence. The way out of a form, beside its button, says itself that what was
/// typed is not wanted.
fn losses(link: Option<&Element>) -> Option<String> {
    let body = document().body()?;
    let shown: Vec<Element> = dom::matching(&body, &format!("[{UNSAVED}]"));
    if let Some(words) = shown.iter().find_map(|element| element.get_attribute(UNSAVED)) {
        return Some(words);
    }
    let out_of = link.filter(|link| link.closest(".form-end").ok().flatten().is_some());
    let forms: Vec<Element> = dom::matching(&body, &format!("form[method=post]:not([{SENT}])"));
    let is_lost = |form: &Element| is_changed(form) && !out_of.is_some_and(|link| form.contains(Some(link)));
    forms.iter().any(is_lost).then(|| "What you typed is not saved yet.".to_owned())
}

/// Whether anything in a form differs from how the page came, but for fields around which `data-scratch` says that they are
/// never saved. What proves who somebody is can be typed again.
fn is_changed(form: &Element) -> bool {
    let inputs: Vec<HtmlInputElement> = dom::matching(form, "input:not([type=hidden])");
    if inputs.iter().any(|input| input.get_attribute("autocomplete").as_deref() == Some("current-password")) {
        return false;
    }
    let typed = |input: &HtmlInputElement| match input.type_().as_str() {
        "checkbox" | "radio" => input.checked() != input.default_checked(),
        _ => input.value() != input.default_value(),
    };
    let areas: Vec<Element> = dom::matching(form, "textarea");
    let selects: Vec<HtmlSelectElement> = dom::matching(form, "select");
    let counts = |field: &Element| field.closest("[data-scratch]").ok().flatten().is_none();
    inputs.iter().any(|input| typed(input) && counts(input))
        || areas.iter().any(|area| property(area, "value") != property(area, "defaultValue") && counts(area))
        || selects.iter().any(|select| is_chosen_anew(select) && counts(select))
}

fn is_chosen_anew(select: &HtmlSelectElement) -> bool {
    let options: Vec<Element> = dom::matching(select, "option");
    let first = options.iter().find(|option| option.has_attribute("selected")).or(options.first());
    first.is_some_and(|option| property(option, "value").as_string().is_some_and(|value| value != select.value()))
}

fn property(element: &Element, name: &str) -> JsValue {
    Reflect::get(element, &name.into()).unwrap_or_default()
}
