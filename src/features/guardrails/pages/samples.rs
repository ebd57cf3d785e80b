//! Texts that a guardrail is tried with on each save, and the verdict that each should have.

use super::{Above, Open};
use crate::{
    features::guardrails::{
        functions::{DropSample, KeepSample, LoadSamples},
        model::{LIMITS, Sample, Samples},
    },
    policy::Operation,
    ui::{
        available,
        components::{Button, Card, Choice, Field, FieldKind, Look, Pill, Select, Time, Toast, Tone},
        form::{BareForm, Form, FormFor, Refusal, use_form},
        load_after,
        pages::{Done, ItemPage, param, use_param, use_slug},
    },
};
use leptos::prelude::*;

#[component]
pub fn SamplesPage() -> impl IntoView {
    let (slug, of) = (use_slug(), use_param("guardrail"));
    let (keep, remove) = (use_form::<KeepSample>(), use_form::<DropSample>());
    let (kept, removed) = (keep.successes(), remove.successes());
    let data = load_after(move || kept.get() + removed.get(), move || LoadSamples { slug: slug.get(), of: of.get() });
    keep.says(|| Toast::done("The sample is kept"));
    remove.says(|| Toast::done("The sample is removed"));
    let view = move |samples| view! { <Inside samples slug=param("slug") keep remove /> }.into_any();
    view! { <ItemPage data view /> }
}

#[component]
fn Inside(samples: Samples, slug: String, keep: Form<KeepSample>, remove: Form<DropSample>) -> impl IntoView {
    let Samples { guardrail, samples } = samples;
    let (of, now) = (guardrail.slug.clone(), guardrail.now.0);
    let items: Vec<_> =
        samples.into_iter().enumerate().map(|(at, sample)| item(at, sample, &of, now, remove)).collect();
    let list = if items.is_empty() {
        view! { <p class="muted">"No samples yet. Keep texts that must pass, and texts that must not: every save says which of them turn out otherwise."</p> }.into_any()
    } else {
        view! { <ol class="samples">{items}</ol> }.into_any()
    };
    let sides = vec![Choice::new("request", "a request"), Choice::new("answer", "an answer")];
    let verdicts = vec![Choice::new("no", "should fail"), Choice::new("yes", "should pass")];
    view! {
        <Above guardrail slug open=Open::Samples />
        <Done said=&[("kept", "The sample is kept."), ("dropped", "The sample is removed.")] />
        <div class="bench">
            <Card title="Samples" flush=true>
                <Refusal form=remove />
                {list}
            </Card>
            <Card title="Keep a sample">
                <FormFor form=keep problem="It is not kept" limits=LIMITS>
                    <input type="hidden" name="of" value=of />
                    <Field label="Text" name="text" kind=FieldKind::Textarea { rows: 6 } />
                    <div class="fields">
                        <Select label="As" name="side" choices=sides />
                        <Select label="It" name="passes" choices=verdicts />
                    </div>
                    <p class="hint">"Everybody who can see this guardrail can read it. Keep invented data, not real people's."</p>
                    <div class="row">
                        <Button
                            look=Look::Primary
                            label="Keep"
                            busy=keep.busy()
                            availability=available(Operation::GuardrailKeepSample)
                        />
                    </div>
                </FormFor>
            </Card>
        </div>
    }
}

fn item(at: usize, sample: Sample, of: &str, now: i64, form: Form<DropSample>) -> AnyView {
    let should = if sample.passes { "should pass" } else { "should fail" };
    let side = if sample.is_answer { "answer" } else { "request" };
    let (tone, label) = match sample.holds {
        Some(true) => (Tone::Ok, "Holds"),
        Some(false) => (Tone::Bad, "Does not hold"),
        None => (Tone::Neutral, "Not known"),
    };
    let of = of.to_owned();
    view! {
        <li>
            <div class="row">
                <Pill tone label />
                <span>{format!("As {} {side}, it {should}", if sample.is_answer { "an" } else { "a" })}</span>
            </div>
            <div class="sample-text">{sample.text}</div>
            <div class="row">
                <span class="hint">{sample.created_by}", "<Time at=sample.created_at.0 now /></span>
                <BareForm form>
                    <input type="hidden" name="of" value=of />
                    <input type="hidden" name="sample" value=sample.id.to_string() />
                    <Button
                        label=format!("Remove sample {}", at + 1)
                        look=Look::Quiet
                        id=format!("remove-{}", sample.id)
                        busy=form.busy()
                        availability=available(Operation::GuardrailDropSample)
                    />
                </BareForm>
            </div>
        </li>
    }
    .into_any()
}
