//! A prompt that is tried as it is typed: filled with values, and run by its model. It stands in the editor's form; without
//! JavaScript its buttons post that, which comes back with what was found.

use super::fields::typed_of;
use crate::{
    features::prompts::{
        functions::{AnswerPrompt, CheckPrompt, FillPrompt, KeepValues, RunPrompt},
        model::{Answered, Filled, Piece, Ran, Typed, sets::ValueSet},
    },
    kernel::{money::dollars, text::grouped},
    policy::Operation,
    site::routes,
    ui::{
        Listening, Loaded, available,
        components::{
            Card, Checkbox, Choice, CodeView, DefinitionList, Fact, Field, FieldKind, Note, Select, Tone, announce,
        },
        form::{AnyForm, Form, Refusal, use_form},
        load, parse, reactive,
    },
};
use leptos::{
    ev,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, Event, HtmlElement, HtmlFormElement, HtmlInputElement},
};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// How long typing rests before the text is looked at.
const REST: Duration = Duration::from_millis(300);
/// What the names of the fields of values begin with.
const VALUE: &str = "value.";

#[component]
pub(super) fn TryIt(
    slug: String,
    /// The form around it.
    around: AnyForm,
    /// The variables of what is stored.
    variables: Vec<String>,
    /// The values that are kept for it; none of a new one, for which nothing can be.
    #[prop(optional)]
    kept: Option<Vec<ValueSet>>,
) -> impl IntoView {
    let check: Form<CheckPrompt> = use_form();
    let fill: Form<FillPrompt> = use_form();
    let listening = Listening::to::<RunPrompt>();
    let ran: RwSignal<Option<Ran>> = RwSignal::new(None);
    // Whether what was found is of another text than the one that stands there now.
    let is_old = RwSignal::new(false);
    Effect::new(move |_| {
        if let Some(filled) = fill.done() {
            ran.set(Some(Ran { filled, ..Ran::default() }));
        }
    });
    let begin = move |form: &HtmlFormElement| {
        is_old.set(false);
        ran.set(Some(Ran::default()));
        listening.send_fields_of(form, move |line| {
            let Ok(piece) = parse::<Piece>(line) else { return };
            if let Piece::End(end) = &piece {
                announce(&words(end));
            }
            ran.try_update(|ran| ran.get_or_insert_default().take(piece));
        });
    };
    let press = move |event: &Event, act: &dyn Fn(&HtmlFormElement)| {
        event.prevent_default();
        if let Some(form) = form_of(event) {
            act(&form);
        }
    };
    follow(check, is_old, begin);
    let posted = typed_of(around).and_then(|typed| posted(typed, slug.clone()));
    let found = {
        let slug = slug.clone();
        move || {
            let slug = slug.clone();
            ran.get().map(|ran| view! { <Found ran slug /> })
        }
    };
    let run = move |event| {
        if listening.is_under_way() {
            press(&event, &|_| listening.stop());
        } else {
            press(&event, &begin);
        }
    };
    let may_run = available(Operation::PromptTry).reason().is_none();
    view! {
        <Card title="Try it">
            <div class="stack" data-scratch="">
                <Values around variables check kept />
                <div class="row">
                    {may_run
                        .then(|| {
                            view! {
                                <button
                                    type="submit"
                                    id="run"
                                    class="button"
                                    name="step"
                                    value="run"
                                    aria-keyshortcuts="Control+Enter"
                                    on:click=move |event| run(event.into())
                                >
                                    <span class="button-label">
                                        {reactive(move || if listening.is_under_way() { "Stop" } else { "Run" })}
                                    </span>
                                </button>
                            }
                        })}
                    <button
                        type="submit"
                        id="fill"
                        class="button"
                        name="step"
                        value="fill"
                        aria-busy=move || fill.busy().get().then_some("true")
                        on:click=move |event| press(&event.into(), &|form| fill.send_fields_of(form))
                    >
                        <span class="button-label">"Show the request"</span>
                    </button>
                </div>
                <p class="hint">
                    "It is tried as it is typed here. Run calls the model with your rights, and the call is in the logs; to show the request calls nobody."
                </p>
            </div>
            <Refusal form=fill />
            {reactive(move || listening.error().map(|error| view! { <Note tone=Tone::Bad>{error.message}</Note> }))}
            <div class=move || if is_old.get() { "found is-old" } else { "found" }>
                {reactive(found)}
                <div class="nojs">{posted}</div>
            </div>
        </Card>
    }
}

/// The form in which something happened.
fn form_of(event: &Event) -> Option<HtmlFormElement> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    target.closest("form").ok()??.dyn_into().ok()
}

/// Looks at the text as one types, and runs it by Ctrl Enter.
fn follow(check: Form<CheckPrompt>, is_old: RwSignal<bool>, begin: impl Fn(&HtmlFormElement) + Copy + 'static) {
    let typed = RwSignal::new(0u32);
    let of_editor =
        |event: &Event| form_of(event).filter(|form| form.query_selector("#fill").is_ok_and(|found| found.is_some()));
    Effect::new(move |_| {
        let input = window_event_listener(ev::input, move |event| {
            let Some(form) = of_editor(&event) else { return };
            is_old.set(true);
            let name = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()?.get_attribute("name"));
            if name.is_none_or(|name| name == "values" || name.starts_with(VALUE)) {
                return;
            }
            typed.update(|count| *count += 1);
            let count = typed.get_untracked();
            let look = move || {
                // Somebody types on, or has left the page.
                if typed.try_get_untracked() == Some(count) {
                    check.send_fields_of(&form);
                }
            };
            set_timeout(look, REST);
        });
        let keys = window_event_listener(ev::keydown, move |event| {
            let is_run = event.key() == "Enter" && (event.ctrl_key() || event.meta_key());
            if is_run && let Some(form) = of_editor(&event.clone().into()) {
                event.prevent_default();
                begin(&form);
            }
        });
        on_cleanup(move || {
            input.remove();
            keys.remove();
        });
    });
}

/// What the posted form asked to try.
fn posted(typed: Typed, slug: String) -> Option<AnyView> {
    let (values, name) = (typed.get("values").to_owned(), slug.clone());
    match typed.get("step") {
        "fill" => {
            let data = load(move || FillPrompt { slug: slug.clone(), values: values.clone(), typed: typed.clone() });
            let view =
                move |filled| view! { <Found ran=Ran { filled, ..Ran::default() } slug=name.clone() /> }.into_any();
            Some(view! { <Loaded data view /> }.into_any())
        }
        "run" => {
            let data = load(move || AnswerPrompt { slug: slug.clone(), values: values.clone(), typed: typed.clone() });
            let view = move |ran| view! { <Found ran slug=name.clone() /> }.into_any();
            Some(view! { <Loaded data view /> }.into_any())
        }
        _ => None,
    }
}

/// A field for each variable, and one for values that are no texts.
#[component]
fn Values(
    around: AnyForm,
    variables: Vec<String>,
    check: Form<CheckPrompt>,
    kept: Option<Vec<ValueSet>>,
) -> impl IntoView {
    let typed: Vec<String> = around
        .typed_all()
        .into_iter()
        .flatten()
        .filter_map(|(name, _)| Some(name.strip_prefix(VALUE)?.to_owned()))
        .collect();
    let variables = if variables.is_empty() { typed } else { variables };
    let found =
        Memo::new(move |_| check.done().map_or_else(|| variables.clone(), |checked| checked.components.variables));
    let faults = move || check.done().map(|checked| checked.faults).unwrap_or_default();
    // A value outlives its field: a name that is being changed comes back.
    let values: RwSignal<BTreeMap<String, RwSignal<String>>> = RwSignal::new(BTreeMap::new());
    let owner = StoredValue::new(Owner::current().unwrap_or_default());
    let value_of = move |name: &str| {
        values.try_update_untracked(|values| match values.get(name) {
            Some(value) => *value,
            None => {
                let typed = around.typed(&format!("{VALUE}{name}"), "");
                let value = owner.get_value().with(|| RwSignal::new(typed));
                values.insert(name.to_owned(), value);
                value
            }
        })
    };
    let fields = move || {
        let fields: Vec<_> = found
            .get()
            .into_iter()
            .filter_map(|name| {
                let bind = value_of(&name)?;
                Some(view! { <Field label=name.clone() name=format!("{VALUE}{name}") mono=true autocomplete="off" bind /> })
            })
            .collect();
        view! { <div class="fields">{fields}</div> }
    };
    let told = move || {
        let faults: Vec<_> = faults()
            .into_iter()
            .map(|fault| view! { <li>{format!("In line {}, column {}: {}", fault.line, fault.column, fault.message)}</li> })
            .collect();
        (!faults.is_empty()).then(|| view! { <Note tone=Tone::Warn><ul class="plain-list">{faults}</ul></Note> })
    };
    let json = RwSignal::new(around.typed("values", ""));
    let is_open = RwSignal::new(!json.get_untracked().is_empty());
    // Texts go into the fields of their names, everything else into the JSON.
    let put = move |set: &ValueSet| {
        let mut rest = serde_json::from_str::<Value>(&set.values).unwrap_or_default();
        for name in found.get_untracked() {
            let text = take_text(&mut rest, &name).unwrap_or_default();
            if let Some(value) = value_of(&name) {
                value.set(text);
            }
        }
        let is_empty = rest.as_object().is_none_or(serde_json::Map::is_empty);
        let text = if is_empty { Some(String::new()) } else { serde_json::to_string_pretty(&rest).ok() };
        if !is_empty {
            is_open.set(true);
        }
        json.set(text.unwrap_or_default());
    };
    let sets = kept.map(|sets| view! { <Kept sets put /> });
    view! {
        {sets}
        {reactive(told)}
        {reactive(fields)}
        <details class="check-more" prop:open=move || is_open.get() open=is_open.get_untracked()>
            <summary>"Lists and other values as JSON"</summary>
            <Field
                label="Values as JSON"
                hide_label=true
                name="values"
                kind=FieldKind::Textarea { rows: 4 }
                mono=true
                optional=true
                placeholder=r#"{"pages": [{"title": "One"}], "formal": true}"#
                bind=json
            />
        </details>
    }
}

/// Takes the text of a variable out of an object, and what is empty without it: a name with dots is a value in a value.
fn take_text(values: &mut Value, name: &str) -> Option<String> {
    let values = values.as_object_mut()?;
    let Some((first, rest)) = name.split_once('.') else {
        // An empty text is a value; an empty field is none.
        values.get(name)?.as_str().filter(|text| !text.is_empty())?;
        return values.remove(name)?.as_str().map(str::to_owned);
    };
    let text = take_text(values.get_mut(first)?, rest)?;
    if values.get(first).and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
        values.remove(first);
    }
    Some(text)
}

/// Chooses among the values that are kept, and keeps those that are typed. Without JavaScript the page of test values does.
#[component]
fn Kept(sets: Vec<ValueSet>, put: impl Fn(&ValueSet) + Copy + Send + Sync + 'static) -> impl IntoView {
    let keep: Form<KeepValues> = use_form();
    let sets = RwSignal::new(sets);
    let chosen = RwSignal::new(String::new());
    Effect::new(move |_| {
        if let Some(all) = keep.done() {
            announce("The values are kept");
            sets.set(all);
        }
    });
    let choose = Callback::new(move |id: String| {
        let set = sets.with_untracked(|sets| sets.iter().find(|set| set.id.to_string() == id).cloned());
        if let Some(set) = set {
            put(&set);
        }
    });
    let choices = move || {
        let choice = |set: &ValueSet| {
            let whose = if set.is_shared { "" } else { " (yours)" };
            Choice::new(set.id.to_string(), format!("{}{whose}", set.name))
        };
        let all = sets.with(|sets| sets.iter().map(choice).collect::<Vec<_>>());
        (!all.is_empty()).then(|| {
            let choices: Vec<_> = std::iter::once(Choice::new("", "None chosen")).chain(all).collect();
            view! { <Select label="Test values" name="chosen_values" choices bind=chosen on_change=choose /> }
        })
    };
    let press = move |event: &Event| {
        if let Some(form) = form_of(event) {
            keep.send_fields_of(&form);
        }
    };
    // Enter in the field means this button, not the first one of the form, which saves the prompt.
    let enter = move |event: ev::KeyboardEvent| {
        let is_field = event.target().is_some_and(|target| target.dyn_into::<HtmlInputElement>().is_ok());
        if event.key() == "Enter" && is_field {
            event.prevent_default();
            press(&event.into());
        }
    };
    let may_keep = available(Operation::PromptKeepValues).reason().is_none();
    let error = move || {
        keep.error()
            .get()
            .map(|error| error.for_field("set_name").or(error.for_field("values")).unwrap_or(error.message))
    };
    view! {
        <div class="needs-js stack">
            {reactive(choices)}
            <details class="check-more" hidden=!may_keep>
                <summary>"Keep these values"</summary>
                <div class="stack" on:keydown=enter>
                    <Field
                        label="Name of the values"
                        name="set_name"
                        optional=true
                        autocomplete="off"
                        error=Signal::derive(error)
                    />
                    <Checkbox
                        label="For everybody who sees the prompt"
                        name="set_shared"
                        value="yes"
                        hint="Keep invented data, not real people's."
                    />
                    <div class="row">
                        <button
                            type="button"
                            id="keep-values"
                            class="button"
                            aria-busy=move || keep.busy().get().then_some("true")
                            on:click=move |event| press(&event.into())
                        >
                            <span class="button-label">"Keep"</span>
                        </button>
                    </div>
                </div>
            </details>
        </div>
    }
}

/// What is said of the end of an answer.
fn words(end: &Answered) -> String {
    match (&*end.refusal, end.tokens) {
        ("", Some((_, written))) => format!("Answered, {written} tokens"),
        ("", None) => "Answered".to_owned(),
        (refusal, _) => refusal.to_owned(),
    }
}

#[component]
fn Found(ran: Ran, slug: String) -> impl IntoView {
    let Ran { filled, text, end } = ran;
    let Filled { request, refusal, warnings } = filled;
    let warnings: Vec<_> = warnings.into_iter().map(|warning| view! { <li>{warning}</li> }).collect();
    let refused = end.as_ref().map(|end| end.refusal.clone()).unwrap_or_default();
    let refusals = [refusal, refused].into_iter().filter(|refusal| !refusal.is_empty());
    let refusals: Vec<_> = refusals.map(|refusal| view! { <Note tone=Tone::Bad>{refusal}</Note> }).collect();
    view! {
        {refusals}
        {(!warnings.is_empty()).then(|| view! { <Note tone=Tone::Warn><ul class="plain-list">{warnings}</ul></Note> })}
        {(!text.is_empty())
            .then(|| view! { <h3 class="bench-label">"Answer"</h3><div class="sample-text" id="answer">{text}</div> })}
        {end.map(|end| view! { <Figures end slug /> })}
        {(!request.is_empty())
            .then(|| {
                view! {
                    <details class="check-more">
                        <summary>"The request"</summary>
                        <CodeView label="Request" id="request" code=request />
                    </details>
                }
            })}
    }
}

#[component]
fn Figures(end: Answered, slug: String) -> impl IntoView {
    let Answered { tokens, cost, first_ms, took_ms, call, .. } = end;
    let count = |number: u64| grouped(i64::try_from(number).unwrap_or(i64::MAX));
    let first = first_ms.map(|first| format!(", the first piece after {} ms", count(first))).unwrap_or_default();
    view! {
        <DefinitionList>
            {tokens
                .map(|(read, written)| {
                    view! { <Fact term="Tokens">{format!("{} read, {} written", count(read), count(written))}</Fact> }
                })}
            {cost.map(|cost| view! { <Fact term="Cost">{dollars(cost)}</Fact> })}
            <Fact term="Time">{format!("{} ms{first}", count(took_ms))}</Fact>
            <Fact term="Call"><a href=routes::log(&slug, call).to_string()>"See it in the logs"</a></Fact>
        </DefinitionList>
    }
}
