//! What components do to the page after hydration. Called from effects and event handlers only.
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::js_sys::{Function, JsString, Object, Reflect, encode_uri_component};
use leptos::web_sys::{Element, HtmlElement, HtmlInputElement, HtmlSelectElement};

/// What arrow keys move between inside a panel.
const STOPS: &str = "a[href], button, input:not([type=hidden]), [tabindex='0']";

/// Moves focus without scrolling the page.
pub fn focus_in_place(element: &HtmlElement) {
    let options = Object::new();
    let _ = Reflect::set(&options, &"preventScroll".into(), &JsValue::TRUE);
    if let Ok(focus) = Reflect::get(element, &"focus".into())
        && let Some(focus) = focus.dyn_ref::<Function>()
    {
        let _ = focus.call1(element, &options);
    }
}

/// Has the browser keep something for some days and send it with each request. Never a secret, and nothing that needs to be
/// escaped.
pub fn keep(name: &str, value: &str, days: i64) {
    let cookie = format!("{name}={value}; Path=/; SameSite=Lax; Max-Age={}", days * 86_400);
    let _ = Reflect::set(&document(), &"cookie".into(), &cookie.into());
}

/// The element with this id, if the page has one.
pub fn by_id(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// Whether a popover is showing.
pub fn is_open(panel: &Element) -> bool {
    panel.matches(":popover-open").unwrap_or(false)
}

/// The elements inside `root` that match a selector, in order.
pub fn matching<T: JsCast>(root: &Element, selector: &str) -> Vec<T> {
    let all = root.get_elements_by_tag_name("*");
    (0..all.length())
        .filter_map(|index| all.item(index))
        .filter(|element| element.matches(selector).unwrap_or(false))
        .filter_map(|element| element.dyn_into().ok())
        .collect()
}

/// The controls of a panel that can be seen, in order.
pub fn stops(panel: &Element) -> Vec<HtmlElement> {
    let mut stops = matching::<HtmlElement>(panel, STOPS);
    stops.retain(|element| element.offset_height() > 0);
    stops
}

/// Arrow keys, Home, End and first letters among the controls of an open panel. Text fields keep Home, End and letters.
pub fn rove(event: &KeyboardEvent, panel: &Element) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let stops = stops(panel);
    let Some(last) = stops.len().checked_sub(1) else { return };
    let active: Option<JsValue> = document().active_element().map(Into::into);
    let at = active.and_then(|active| stops.iter().position(|stop| *AsRef::<JsValue>::as_ref(stop) == active));
    let typing = at.is_some_and(|at| stops[at].is_instance_of::<HtmlInputElement>());
    let target = match (event.key().as_str(), at) {
        ("ArrowDown", Some(at)) => Some(if at == last { 0 } else { at + 1 }),
        ("ArrowDown", None) => Some(0),
        ("ArrowUp", Some(at)) => Some(at.checked_sub(1).unwrap_or(last)),
        ("ArrowUp", None) => Some(last),
        ("Home", _) if !typing => Some(0),
        ("End", _) if !typing => Some(last),
        (key, at) if !typing && key.chars().count() == 1 && key != " " => {
            let letter = key.to_lowercase();
            let from = at.map_or(0, |at| at + 1);
            (0..=last)
                .map(|step| (from + step) % (last + 1))
                .find(|&index| stops[index].inner_text().trim().to_lowercase().starts_with(&letter))
        }
        _ => None,
    };
    if let Some(target) = target {
        event.prevent_default();
        let _ = stops[target].focus();
    }
}

/// Whether the event began inside a link, so that the page is about to change.
pub fn from_link(event: &leptos::ev::MouseEvent) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
        .and_then(|target| target.closest("a[href]").ok().flatten())
        .is_some()
}

/// Whether focus goes on to something outside of a panel. The button that opens the panel closes it by itself.
pub fn leaves(event: &leptos::ev::FocusEvent, panel: &Element) -> bool {
    let to = event.related_target().and_then(|target| target.dyn_into::<Element>().ok());
    to.is_some_and(|to| {
        !panel.contains(Some(&to)) && to.get_attribute("popovertarget").is_none_or(|opens| opens != panel.id())
    })
}

/// Lower case without accents, for finding as one types.
pub fn fold(text: &str) -> String {
    let split: String = JsString::from(text).normalize("NFD").into();
    split.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).flat_map(char::to_lowercase).collect()
}

/// Selects the text of an element, for Ctrl-C.
pub fn select_text(element: &Element) {
    let selection = Reflect::get(&window(), &"getSelection".into())
        .ok()
        .and_then(|f| f.dyn_into::<Function>().ok())
        .and_then(|f| f.call0(&window()).ok());
    if let Some(selection) = selection
        && let Ok(select) = Reflect::get(&selection, &"selectAllChildren".into())
        && let Some(select) = select.dyn_ref::<Function>()
    {
        let _ = select.call1(&selection, element);
    }
}

/// Puts text on the clipboard and reports whether it worked. Pages on plain http have no clipboard at all.
pub fn copy(text: &str, done: impl Fn(bool) + Clone + 'static) {
    use leptos::wasm_bindgen::closure::Closure;
    let navigator = Reflect::get(&window(), &"navigator".into()).ok();
    let promise = navigator.and_then(|navigator| {
        let clipboard = Reflect::get(&navigator, &"clipboard".into()).ok()?;
        let write = Reflect::get(&clipboard, &"writeText".into()).ok()?.dyn_into::<Function>().ok()?;
        write.call1(&clipboard, &text.into()).ok()
    });
    let then =
        promise.as_ref().and_then(|promise| Reflect::get(promise, &"then".into()).ok()?.dyn_into::<Function>().ok());
    let (Some(promise), Some(then)) = (promise, then) else { return done(false) };
    let failed = done.clone();
    let fulfilled = Closure::once_into_js(move |_: JsValue| done(true));
    let rejected = Closure::once_into_js(move |_: JsValue| failed(false));
    let _ = then.call2(&promise, &fulfilled, &rejected);
}

/// Reads the first file that was chosen in an input as text.
pub fn text_of_file(input: &JsValue, done: impl Fn(String) + 'static) {
    use leptos::wasm_bindgen::closure::Closure;
    let promise = || {
        let files = Reflect::get(input, &"files".into()).ok()?;
        let file = Reflect::get(&files, &"0".into()).ok()?;
        let text = Reflect::get(&file, &"text".into()).ok()?.dyn_into::<Function>().ok()?;
        text.call0(&file).ok()
    };
    let Some(promise) = promise() else { return };
    let then = Reflect::get(&promise, &"then".into()).ok().and_then(|then| then.dyn_into::<Function>().ok());
    if let Some(then) = then {
        let read = Closure::once_into_js(move |text: JsValue| done(text.as_string().unwrap_or_default()));
        let _ = then.call1(&promise, &read);
    }
}

/// Whether what had focus is gone.
pub fn nothing_has_focus() -> bool {
    document().active_element().is_none_or(|element| element.tag_name() == "BODY")
}

/// Sets the named controls of a form to what `value` gives for their names. A select that has no such choice takes its
/// empty one, which stands for what is usual.
pub fn follow(form: &Element, value: impl Fn(&str) -> Option<String>) {
    for input in matching::<HtmlInputElement>(form, "input[name]") {
        if let Some(value) = value(&input.name()) {
            input.set_value(&value);
        }
    }
    for select in matching::<HtmlSelectElement>(form, "select[name]") {
        if let Some(value) = value(&select.name()) {
            select.set_value(&value);
            if select.selected_index() < 0 {
                select.set_value("");
            }
        }
    }
}

/// Has the browser save a picture under this name.
pub fn save(name: &str, svg: &str) {
    let Ok(link) = document().create_element("a") else { return };
    let href = format!("data:image/svg+xml;charset=utf-8,{}", String::from(encode_uri_component(svg)));
    if link.set_attribute("href", &href).is_ok()
        && link.set_attribute("download", name).is_ok()
        && let Some(link) = link.dyn_ref::<HtmlElement>()
    {
        link.click();
    }
}
