//! Two versions of a prompt, or one with two models, beside each other over all values that are kept.

use super::{Above, Open, values::head};
use crate::{
    features::prompts::{
        functions::{ComparePrompts, LoadValues},
        model::{
            MODEL_LIMIT, PRODUCTION, Ran,
            sets::{Compared, ComparedRow, MOST_COMPARED, Sets},
        },
    },
    kernel::{money::dollars, text::grouped},
    policy::Operation,
    site::routes,
    ui::{
        available,
        components::{Button, Card, Choice, Field, LinkButton, Look, Note, Select, Toast, Tone},
        form::{Form, FormFor, use_form},
        load,
        pages::{ItemPage, param, use_param, use_slug},
        reactive,
    },
};
use leptos::prelude::*;

/// The most characters of each field.
const LIMITS: &[(&str, usize)] = &[("was_model", MODEL_LIMIT), ("now_model", MODEL_LIMIT)];
/// Versions that can be chosen: the newest of them.
const CHOICES: i64 = 100;

#[component]
pub fn ComparePage() -> impl IntoView {
    let (slug, of) = (use_slug(), use_param("of"));
    let form = use_form::<ComparePrompts>();
    form.says(|| Toast::done("The answers are there"));
    let data = load(move || LoadValues { slug: slug.get(), of: of.get() });
    let view = move |sets| view! { <Inside sets slug=param("slug") form /> }.into_any();
    view! { <ItemPage data view /> }
}

#[component]
fn Inside(sets: Sets, slug: String, form: Form<ComparePrompts>) -> impl IntoView {
    let Sets { prompt, sets, model, .. } = sets;
    let body = if sets.is_empty() {
        let href = routes::prompt_values(&slug, &prompt.slug);
        view! {
            <Card title="There are no values yet">
                <p>"Two versions are compared over values that are kept for this prompt."</p>
                <LinkButton label="Keep values" look=Look::Primary href />
            </Card>
        }
        .into_any()
    } else {
        let count = sets.len().min(MOST_COMPARED);
        let published = prompt.labels.iter().find(|(label, _)| label == PRODUCTION).map(|(_, number)| *number);
        let was = published.filter(|number| *number < prompt.current).unwrap_or((prompt.current - 1).max(1));
        let numbers = (1..=prompt.current).rev().take(usize::try_from(CHOICES).unwrap_or(usize::MAX));
        let choices: Vec<_> = numbers
            .map(|number| {
                let mark = if Some(number) == published { ", published" } else { "" };
                Choice::new(number.to_string(), format!("v{number}{mark}"))
            })
            .collect();
        let side = move |name: &'static str, own: &'static str, title: &'static str, number: i64| {
            let (choices, model) = (choices.clone(), model.clone());
            let selected = Signal::stored(form.typed(name, number.to_string()));
            view! {
                <div class="stack">
                        <Select label=format!("{title}: version") name choices selected />
                        <Field
                            label=format!("{title}: model")
                            name=own
                            mono=true
                            optional=true
                            autocomplete="off"
                            placeholder=model
                        />
                </div>
            }
        };
        let words = match count {
            1 => "2 calls: one set of values with both.".to_owned(),
            count => format!("{} calls: {count} sets of values with both.", 2 * count),
        };
        let of = prompt.slug.clone();
        view! {
            <Card title="What is compared">
                <FormFor form problem="The versions are not compared" limits=LIMITS>
                    <input type="hidden" name="of" value=of />
                    <div class="bench">
                        {side("was", "was_model", "Left", was)}
                        {side("now", "now_model", "Right", prompt.current)}
                    </div>
                    <div class="row">
                        <Button
                            look=Look::Primary
                            label="Run both"
                            id="compare"
                            busy=form.busy()
                            availability=available(Operation::PromptTry)
                        />
                        <span class="hint">{words}" They are made with your rights, and are in the logs."</span>
                    </div>
                </FormFor>
            </Card>
            {reactive(move || form.done().map(|compared| view! { <Rows compared /> }))}
        }
        .into_any()
    };
    view! {
        <Above head=head(&slug, &prompt) open=Open::Compare />
        <div class="stack">{body}</div>
    }
}

#[component]
fn Rows(compared: Compared) -> impl IntoView {
    let Compared { sides, rows } = compared;
    let items: Vec<_> = rows
        .into_iter()
        .map(|row| {
            let ComparedRow { set, left, right } = row;
            let [was, now] = sides.clone();
            view! {
                <Card title=set>
                    <div class="bench">
                        <Cell ran=left title=format!("Left: {was}") />
                        <Cell ran=right title=format!("Right: {now}") />
                    </div>
                </Card>
            }
        })
        .collect();
    view! { <div class="stack" id="compared">{items}</div> }
}

#[component]
fn Cell(ran: Ran, title: String) -> impl IntoView {
    let Ran { filled, text, end } = ran;
    let refused = end.as_ref().map(|end| end.refusal.clone()).unwrap_or_default();
    let refusals: Vec<_> = [filled.refusal, refused]
        .into_iter()
        .filter(|refusal| !refusal.is_empty())
        .map(|refusal| view! { <Note tone=Tone::Bad>{refusal}</Note> })
        .collect();
    let warnings: Vec<_> = filled.warnings.into_iter().map(|warning| view! { <p class="hint">{warning}</p> }).collect();
    let count = |number: u64| grouped(i64::try_from(number).unwrap_or(i64::MAX));
    let figures = end.map(|end| {
        let tokens = end.tokens.map(|(read, written)| format!("{} + {} tokens, ", count(read), count(written)));
        let cost = end.cost.map(|cost| format!("{}, ", dollars(cost)));
        format!("{}{}{} ms", tokens.unwrap_or_default(), cost.unwrap_or_default(), count(end.took_ms))
    });
    view! {
        <div class="stack">
            <h3 class="bench-label">{title}</h3>
            {refusals}
            {warnings}
            {(!text.is_empty()).then(|| view! { <div class="sample-text">{text}</div> })}
            {figures.map(|figures| view! { <p class="hint">{figures}</p> })}
        </div>
    }
}
