//! Buttons that add, move and remove the blocks of a form.

use crate::ui::icons::{Glyph, Icon};
use leptos::{
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{HtmlElement, MouseEvent},
};

/// Gives focus to what has this id, once it is there.
pub fn focus_on(id: String) {
    request_animation_frame(move || {
        let element = document().get_element_by_id(&id).and_then(|element| element.dyn_into::<HtmlElement>().ok());
        if let Some(element) = element {
            let _ = element.focus();
        }
    });
}

/// A button of a block: with JavaScript it acts at once, else it posts the form with what it is for.
pub fn step(
    word: &'static str,
    label: String,
    at: usize,
    icon: Icon,
    blocked: bool,
    act: impl Fn() + 'static,
) -> AnyView {
    let press = move |event: MouseEvent| {
        event.prevent_default();
        if !blocked {
            act();
        }
    };
    view! {
        <button
            type="submit"
            class="button button-quiet button-icon"
            id=format!("{word}-{at}")
            name="step"
            value=format!("{word}.{at}")
            aria-disabled=blocked.then_some("true")
            on:click=press
        >
            <Glyph icon />
            <span class="vh">{label}</span>
        </button>
    }
    .into_any()
}
