//! One guardrail: its checks, what happens when they fail, and the test bench.

use super::{
    Above, Open,
    actions::ActionsCard,
    bench::Bench,
    checks::{Checks, ChecksCard},
};
use crate::{
    features::{
        guardrails::{
            functions::{LoadGuardrail, UpdateGuardrail},
            model::{Detail, GuardrailPage, LIMITS, Saved},
        },
        versions::pages::{About, MessageField},
    },
    policy::Operation,
    site::routes,
    ui::{
        available, can,
        components::{Availability, Button, Card, Field, Look, Note, Toast, Tone},
        form::{AnyForm, Form, FormFor, Refusal, use_form, use_stored},
        load_after,
        pages::{Done, ItemPage, param, use_param, use_slug},
        reactive,
    },
};
use leptos::prelude::*;
use std::collections::BTreeMap;

/// What was typed, as JSON of its fields, and the step that a button asked for, where the browser posted the form and it
/// came back.
pub(super) fn typed_of(form: impl Into<AnyForm>) -> (String, String) {
    let Some(fields) = form.into().typed_all() else { return Default::default() };
    let fields: BTreeMap<String, String> = fields.into_iter().collect();
    let step = fields.get("step").cloned().unwrap_or_default();
    (serde_json::to_string(&fields).unwrap_or_default(), step)
}

#[component]
pub fn EditorPage() -> impl IntoView {
    let (slug, of) = (use_slug(), use_param("guardrail"));
    let form = use_form::<UpdateGuardrail>();
    // Read again after a save alone: a refused one keeps what was typed.
    let saves = form.successes();
    let (typed, step) = typed_of(form);
    let page = load_after(
        move || saves.get(),
        move || LoadGuardrail { slug: slug.get(), of: of.get(), typed: typed.clone(), step: step.clone() },
    );
    view! { <ItemPage data=page view=move |page| view! { <Inside page slug=param("slug") form /> }.into_any() /> }
}

/// Whether this guardrail may be saved by whoever looks at it.
fn may_save(guardrail: &Detail) -> Availability {
    match guardrail.all_calls.words() {
        Some(words) if can(Operation::GuardrailUpdate) && !can(Operation::GuardrailEnforce) => {
            let reason = available(Operation::GuardrailEnforce).reason().unwrap_or_default().to_owned();
            Availability::Unavailable { reason: format!("It judges {words} of the organisation. {reason}") }
        }
        _ => available(Operation::GuardrailUpdate),
    }
}

#[component]
fn Inside(page: GuardrailPage, slug: String, form: Form<UpdateGuardrail>) -> impl IntoView {
    let GuardrailPage { guardrail, editing } = page.clone();
    let checks = Checks::new(editing.blocks.clone(), form);
    let on_fail = RwSignal::new(editing.actions.on_fail.clone());
    let bench = (form.typed("text", ""), form.typed("side", ""));
    let availability = may_save(&guardrail);
    let of = guardrail.slug.clone();
    // What is typed is of this version.
    let began = form.typed("began", guardrail.current.to_string());
    let load = LoadGuardrail { slug: slug.clone(), of: of.clone(), typed: String::new(), step: String::new() };
    let (stored, read) = use_stored(form, page.clone(), load, || 0);
    let part = move |part: fn(&Detail) -> String| Signal::derive(move || stored.with(|page| part(&page.guardrail)));
    let (name, description) = (part(|of| of.name.clone()), part(|of| of.description.clone()));
    let version = Signal::derive(move || stored.with(|page| page.guardrail.version));
    let current = Memo::new(move |_| stored.with(|page| page.guardrail.current));
    let actions = Signal::derive(move || stored.with(|page| page.editing.actions.clone()));
    let clash = RwSignal::new(began != guardrail.current.to_string());
    // Checks that were not touched follow what somebody else saved, as fields do; others stay, and that is said.
    let opened = page.editing;
    Effect::new(move |_| {
        let now = stored.get();
        if now.guardrail.current.to_string() == began || now.editing.blocks == opened.blocks {
            return;
        }
        if checks.blocks() == opened.blocks {
            checks.set(now.editing.blocks);
        } else {
            clash.set(true);
        }
        if on_fail.get_untracked() == opened.actions.on_fail {
            on_fail.set(now.editing.actions.on_fail);
        }
    });
    form.says_of(move |saved: Saved| {
        let name = name.get_untracked();
        let mut words = match saved.is_new {
            true => format!("{name} is saved as v{} and in force.", saved.number),
            false => format!("{name} is saved"),
        };
        if !saved.broken.is_empty() {
            words = format!("{words} {}", broken(&saved));
        }
        let tone = if saved.broken.is_empty() { Tone::Ok } else { Tone::Warn };
        Some(Toast { tone, ..Toast::done(words) })
    });
    let samples = routes::guardrail_samples(&slug, &of).to_string();
    let outcome = move || {
        form.done().map(|saved| {
            let samples = samples.clone();
            let warns = (!saved.broken.is_empty()).then(|| {
                view! { <Note tone=Tone::Warn>{broken(&saved)}" "<a href=samples>"Look at the samples"</a></Note> }
            });
            view! {
                {warns}
                <div class="nojs"><Note tone=Tone::Ok>"Saved, and in force for new calls."</Note></div>
            }
        })
    };
    let history = routes::guardrail_versions(&slug, &of).to_string();
    let others = move || {
        clash.get().then(|| {
            let history = history.clone();
            view! {
                <Note tone=Tone::Warn>
                    "Somebody else saved other checks meanwhile. Saving again puts yours in their place. "
                    <a href=history target="_blank" rel="noopener">"See what they changed (a new tab)"</a>
                </Note>
            }
        })
    };
    let began = StoredValue::new(guardrail.current.to_string());
    let label = move || format!("Save as v{}", current.get() + 1);
    let head = guardrail.clone();
    view! {
        <Above guardrail=head slug open=Open::Editor />
        <Done said=&[("made", "The guardrail is made. Name it in a config, or set it for every call under Used by.")] />
        {reactive(outcome)}
        <Refusal form=read />
        <FormFor form problem="This guardrail is not saved" limits=LIMITS version>
            <input type="hidden" name="of" value=of />
            <input type="hidden" name="began" value=began.get_value() />
            <div class="version-bar">
                <span class="version">{reactive(move || format!("v{}", current.get()))}</span>
                <MessageField />
                {reactive(move || {
                    let availability = availability.clone();
                    view! { <Button look=Look::Primary label=label() id="save" busy=form.busy() availability /> }
                })}
            </div>
            {reactive(others)}
            <div class="bench">
                <div class="stack">
                    <Card>
                        <div class="fields">
                            <Field label="Name" name="name" value=name autocomplete="off" />
                            <Field label="What for" name="description" value=description optional=true autocomplete="off" />
                        </div>
                    </Card>
                    <ChecksCard checks />
                    <ActionsCard stored=actions on_fail />
                </div>
                <div class="stack">
                    <Bench tried=editing.tried typed=bench />
                    <About
                        created_by=guardrail.created_by
                        created_at=guardrail.created_at
                        updated_by=guardrail.updated_by
                        updated_at=guardrail.updated_at
                        now=guardrail.now
                    />
                </div>
            </div>
        </FormFor>
    }
}

/// What is said of samples that turn out otherwise.
fn broken(saved: &Saved) -> String {
    let all: Vec<String> = saved.broken.iter().take(3).map(|text| format!("“{text}”")).collect();
    let more = saved.broken.len().saturating_sub(3);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let verb = if saved.broken.len() == 1 {
        "does not get the verdict that it should"
    } else {
        "do not get the verdicts that they should"
    };
    format!("{}{more} {verb}.", all.join(", "))
}
