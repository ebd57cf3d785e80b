//! The text of a config as it is typed, and what is said of it: shared by the page of a new one and the editor.

use super::route::Route;
use crate::{
    features::configs::{functions::CheckConfig, model::Checked},
    routing::{Explanation, Fault},
    ui::{
        components::{Availability, Button, Card, CodeArea, Note, Problem, Tone},
        form::{Form, use_form, when_rested},
        reactive,
    },
};
use leptos::{prelude::*, server_fn::ServerFn};

/// A text that is being typed, and what is said of it.
#[derive(Clone, Copy)]
pub(super) struct Typing {
    pub text: RwSignal<String>,
    pub checked: RwSignal<Checked>,
    /// What a dry run found of this text.
    pub tried: RwSignal<Option<Explanation>>,
    check: Form<CheckConfig>,
}

impl Typing {
    /// Of a text that was already looked at. Whenever typing rests, the server looks again.
    pub fn new(slug: String, text: String, checked: Checked, tried: Option<Explanation>) -> Self {
        let check = use_form::<CheckConfig>();
        let typing =
            Self { text: RwSignal::new(text), checked: RwSignal::new(checked), tried: RwSignal::new(tried), check };
        when_rested(typing.text, move |config| check.send(&CheckConfig { slug: slug.clone(), config }));
        Effect::new(move |before: Option<String>| {
            let now = typing.text.get();
            if before.is_some_and(|before| before != now) {
                typing.tried.set(None);
            }
            now
        });
        Effect::new(move |_| {
            if let Some(checked) = check.done() {
                typing.checked.set(checked);
            }
        });
        typing
    }

    fn problems(self) -> Signal<Vec<Problem>> {
        let problem =
            |fault: &Fault| Problem { line: fault.line, column: fault.column, message: fault.message.clone() };
        Signal::derive(move || self.checked.with(|checked| checked.faults.iter().map(problem).collect()))
    }
}

/// The field of the text.
#[component]
pub(super) fn TextField(
    typing: Typing,
    /// What is stored.
    #[prop(into)]
    value: Signal<String>,
    #[prop(optional)] availability: Availability,
) -> impl IntoView {
    view! {
        <CodeArea
            label="Config"
            name="config"
            value
            bind=typing.text
            problems=typing.problems()
            availability
        />
    }
}

/// Asks to look at the text where it is not looked at as one types.
#[component]
pub(super) fn CheckButton() -> impl IntoView {
    view! { <span class="nojs"><Button label="Check" formaction=CheckConfig::PATH /></span> }
}

/// What came of that.
#[component]
pub(super) fn CheckOutcome(typing: Typing) -> impl IntoView {
    untrack(|| typing.check.result()).map(|result| match result {
        Ok(checked) if checked.faults.is_empty() => {
            view! { <Note tone=Tone::Ok>"No faults were found. Nothing is saved yet."</Note> }.into_any()
        }
        Ok(_) => view! { <Note tone=Tone::Warn>"There are faults, told below the text. Nothing is saved yet."</Note> }
            .into_any(),
        Err(error) => view! { <Note tone=Tone::Bad>{error.message}</Note> }.into_any(),
    })
}

/// The drawing of the text. With faults it shows what could be read, or what could be read last.
#[component]
pub(super) fn WhatItDoes(typing: Typing) -> impl IntoView {
    let last = RwSignal::new(typing.checked.with_untracked(|checked| checked.outline.clone()));
    Effect::new(move |_| {
        if let Some(outline) = typing.checked.with(|checked| checked.outline.clone()) {
            last.set(Some(outline));
        }
    });
    view! {
        <Card title="What it does">
            {reactive(move || {
                let checked = typing.checked.get();
                let is_old = checked.outline.is_none();
                match last.get() {
                    Some(outline) => {
                        let old = is_old
                            .then(|| view! { <p class="hint">"As it was before the text could not be read any more."</p> });
                        view! {
                            {old}
                            <div class:route-old=is_old>
                                <Route outline faults=checked.faults tried=typing.tried.get() />
                            </div>
                        }
                            .into_any()
                    }
                    None => view! { <p class="muted">"It is drawn once the text can be read."</p> }.into_any(),
                }
            })}
        </Card>
    }
}
