//! Keeps signals and native controls the same. On hydration the control wins, so that nothing typed is lost; after that
//! the signal does, also where a new view takes over the control of the one before it.
use leptos::html;
use leptos::prelude::*;
use leptos::web_sys::HtmlInputElement;

/// One effect for every kind of control: `read` and `write` say how it holds its value.
fn tie<N: Clone + 'static>(
    node: impl Fn() -> Option<N> + 'static,
    bind: Option<RwSignal<String>>,
    read: impl Fn(&N) -> String + 'static,
    write: impl Fn(&N, &str) + 'static,
) {
    let Some(bind) = bind else { return };
    let hydrates = Owner::current_shared_context().is_some_and(|context| context.during_hydration());
    Effect::new(move |adopted: Option<bool>| {
        let Some(node) = node() else { return false };
        let (wanted, present) = (bind.get(), read(&node));
        if wanted != present {
            if adopted == Some(true) || !hydrates {
                write(&node, &wanted);
            } else {
                bind.set(present);
            }
        }
        true
    });
}

pub(super) fn input(node: NodeRef<html::Input>, bind: Option<RwSignal<String>>) {
    tie(move || node.get(), bind, |node| node.value(), |node, value| node.set_value(value));
}

pub(super) fn text_area(node: NodeRef<html::Textarea>, bind: Option<RwSignal<String>>) {
    tie(move || node.get(), bind, |node| node.value(), |node, value| node.set_value(value));
}

pub(super) fn select(node: NodeRef<html::Select>, bind: Option<RwSignal<String>>) {
    tie(move || node.get(), bind, |node| node.value(), |node, value| node.set_value(value));
}

/// A group of radio buttons: its value is that of the checked one.
pub(super) fn radios(node: NodeRef<html::Fieldset>, bind: Option<RwSignal<String>>) {
    fn inputs(group: &leptos::web_sys::Element) -> Vec<HtmlInputElement> {
        super::dom::matching(group, "input[type=radio]")
    }
    tie(
        move || node.get(),
        bind,
        |group| {
            inputs(group).into_iter().find(HtmlInputElement::checked).map(|input| input.value()).unwrap_or_default()
        },
        |group, value| {
            for input in inputs(group) {
                input.set_checked(input.value() == value);
            }
        },
    );
}
