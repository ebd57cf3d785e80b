//! The test bench: what the guardrail that is typed says of a sample text. It stands in the editor's form; without
//! JavaScript its button posts that, which comes back with what was found.

use crate::{
    features::guardrails::{
        functions::TryGuardrail,
        model::{TEXT_LIMIT, Tried, TriedCheck},
    },
    kernel::text,
    ui::{
        components::{Card, Choice, Field, FieldKind, Segments},
        form::{Form, Refusal, use_form},
        icons::{Glyph, Icon},
        reactive,
    },
};
use leptos::{
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{HtmlElement, HtmlFormElement, MouseEvent},
};

#[component]
pub(super) fn Bench(
    /// What was found where the form has come back.
    tried: Option<Tried>,
    /// The text and the side that were typed.
    typed: (String, String),
) -> impl IntoView {
    let form: Form<TryGuardrail> = use_form();
    let found = RwSignal::new(tried);
    Effect::new(move |_| {
        if let Some(tried) = form.done() {
            found.set(Some(tried));
        }
    });
    let press = move |event: MouseEvent| {
        event.prevent_default();
        let button = event.current_target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
        let around = button.and_then(|button| button.closest("form").ok().flatten());
        if let Some(around) = around.and_then(|around| around.dyn_into::<HtmlFormElement>().ok()) {
            form.send_fields_of(&around);
        }
    };
    let sides = vec![Choice::new("request", "Request"), Choice::new("answer", "Answer")];
    let (typed_text, side) = typed;
    let side = if side.is_empty() { "request".to_owned() } else { side };
    let most = text::grouped(i64::try_from(TEXT_LIMIT).unwrap_or_default());
    view! {
        <Card title="Test bench">
            <div class="stack" data-scratch="">
            <Segments legend="Judged as" name="side" choices=sides selected=side />
            <Field
                label="Sample text"
                name="text"
                kind=FieldKind::Textarea { rows: 6 }
                bind=RwSignal::new(typed_text)
                hint=Signal::stored(format!("At most {most} characters. It is judged as typed here, and kept nowhere. No webhook is called."))
            />
            <div class="row">
                <button
                    type="submit"
                    id="try"
                    class="button"
                    name="step"
                    value="try"
                    aria-busy=move || form.busy().get().then_some("true")
                    on:click=press
                >
                    <span class="button-label">"Check the text"</span>
                </button>
            </div>
            </div>
            <Refusal form />
            <div role="status" class="bench-found">{reactive(move || found.get().map(|tried| view! { <Found tried /> }))}</div>
        </Card>
    }
}

/// So many microseconds, in milliseconds.
fn time(microseconds: u64) -> String {
    format!("{}.{:02} ms", microseconds / 1000, microseconds % 1000 / 10)
}

#[component]
fn Found(tried: Tried) -> impl IntoView {
    if !tried.faults.is_empty() {
        let faults: Vec<_> = tried.faults.into_iter().map(|fault| view! { <li>{fault}</li> }).collect();
        return view! {
            <p class="error">"Nothing was judged. Correct this first:"</p>
            <ul>{faults}</ul>
        }
        .into_any();
    }
    let (icon, class) = if tried.passes { (Icon::Check, "chain-end") } else { (Icon::Alert, "chain-end chain-bad") };
    let checks: Vec<_> = tried.checks.into_iter().map(check).collect();
    let marked = (!tried.marked.is_empty()).then(|| {
        let parts: Vec<_> = tried.marked.into_iter().map(part).collect();
        view! {
            <h3 class="bench-label">"What was found"</h3>
            <div class="sample-text">{parts}</div>
        }
    });
    let after = tried.text_after.map(|text| {
        view! {
            <h3 class="bench-label">"What would go on"</h3>
            <div class="sample-text">{text}</div>
        }
    });
    view! {
        <div class=class>
            <Glyph icon />
            <strong>{tried.verdict}</strong>
            <span class="muted">{time(tried.microseconds)}</span>
        </div>
        <ol class="chain">{checks}</ol>
        {marked}
        {after}
    }
    .into_any()
}

fn part((text, kind): (String, Option<String>)) -> AnyView {
    match kind {
        Some(kind) => view! { <mark>{text}<span class="mark-kind">{kind}</span></mark> }.into_any(),
        None => view! { <span>{text}</span> }.into_any(),
    }
}

fn check(check: TriedCheck) -> AnyView {
    let (icon, class, word) = match check.verdict.as_str() {
        "passed" => (Icon::Check, "tone-ok", "Passed"),
        "changed" => (Icon::Minus, "tone-warn", "Changed"),
        "error" => (Icon::Alert, "tone-warn", "Could not judge"),
        _ => (Icon::Close, "tone-bad", "Failed"),
    };
    let words = if check.words.is_empty() { word.to_owned() } else { format!("{word}: {}", check.words) };
    view! {
        <li class=class>
            <Glyph icon />
            <span class="chain-words"><strong>{check.label}</strong>" "{words}</span>
            <span class="muted">{time(check.microseconds)}</span>
        </li>
    }
    .into_any()
}
