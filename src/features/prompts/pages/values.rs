//! The values that a prompt is tried with: those that are kept, and the form that keeps more.

use super::{Above, Head, Open};
use crate::{
    features::prompts::{
        functions::{DropValues, KeepValues, LoadValues},
        model::{
            Kind,
            sets::{Heading, LIMITS, Sets, ValueSet},
        },
    },
    policy::Operation,
    site::routes,
    ui::{
        available,
        components::{Button, Card, Checkbox, CodeView, Field, FieldKind, LinkButton, Look, Pill, Time, Toast, Tone},
        form::{BareForm, Form, FormFor, Refusal, use_form},
        load_after,
        pages::{Done, ItemPage, param, use_param, use_slug},
    },
};
use leptos::prelude::*;
use serde_json::{Map, Value};

#[component]
pub fn ValuesPage() -> impl IntoView {
    let (slug, of) = (use_slug(), use_param("of"));
    let (keep, remove) = (use_form::<KeepValues>(), use_form::<DropValues>());
    let (kept, removed) = (keep.successes(), remove.successes());
    let data = load_after(move || kept.get() + removed.get(), move || LoadValues { slug: slug.get(), of: of.get() });
    keep.says(|| Toast::done("The values are kept"));
    remove.says(|| Toast::done("The values are removed"));
    let view = move |sets| view! { <Inside sets slug=param("slug") keep remove /> }.into_any();
    view! { <ItemPage data view /> }
}

/// What stands above the page.
pub(super) fn head(slug: &str, prompt: &Heading) -> Head {
    Head {
        kind: Kind::Prompt,
        slug: slug.to_owned(),
        of: prompt.slug.clone(),
        name: prompt.name.clone(),
        versions: prompt.current,
        labels: prompt.labels.clone(),
    }
}

#[component]
fn Inside(sets: Sets, slug: String, keep: Form<KeepValues>, remove: Form<DropValues>) -> impl IntoView {
    let Sets { prompt, sets, variables, now, .. } = sets;
    let of = prompt.slug.clone();
    let compare = (!sets.is_empty()).then(|| {
        let href = routes::compare_prompts(&slug, &of);
        let availability = available(Operation::PromptTry);
        view! { <LinkButton label="Compare two versions with these values" href availability /> }
    });
    let items: Vec<_> = sets.into_iter().map(|set| view! { <Item set of=of.clone() now=now.0 remove /> }).collect();
    let list = if items.is_empty() {
        view! { <p class="muted">"Nothing is kept yet. Values that are kept can be chosen in the editor, and two versions compared over all of them."</p> }.into_any()
    } else {
        view! { <ol class="samples">{items}</ol> }.into_any()
    };
    view! {
        <Above head=head(&slug, &prompt) open=Open::Values />
        <Done said=&[("kept", "The values are kept."), ("dropped", "The values are removed.")] />
        <div class="bench">
            <div class="stack">
                <Card title="Test values" flush=true>
                    <Refusal form=remove />
                    {list}
                </Card>
                <div class="row">{compare}</div>
            </div>
            <Card title="Keep values">
                <FormFor form=keep problem="The values are not kept" limits=LIMITS>
                    <input type="hidden" name="of" value=of />
                    <input type="hidden" name="then" value="values" />
                    <Field label="Name" name="set_name" autocomplete="off" hint=Signal::stored("A set with the same name is replaced.".to_owned()) />
                    <Field
                        label="Values as JSON"
                        name="values"
                        kind=FieldKind::Textarea { rows: 8 }
                        mono=true
                        value=Signal::stored(empty(&variables))
                    />
                    <Checkbox
                        label="For everybody who sees the prompt"
                        name="set_shared"
                        value="yes"
                        hint="Keep invented data, not real people's."
                    />
                    <div class="row">
                        <Button
                            look=Look::Primary
                            label="Keep"
                            busy=keep.busy()
                            availability=available(Operation::PromptKeepValues)
                        />
                    </div>
                </FormFor>
            </Card>
        </div>
    }
}

/// An object with an empty text for each variable: a name with dots is a value in a value.
fn empty(variables: &[String]) -> String {
    let mut values = Value::Object(Map::new());
    for name in variables {
        let mut place = &mut values;
        let mut parts = name.split('.').peekable();
        while let (Some(part), Some(inside)) = (parts.next(), place.as_object_mut()) {
            let usual = if parts.peek().is_some() { Value::Object(Map::new()) } else { Value::String(String::new()) };
            place = inside.entry(part).or_insert(usual);
        }
    }
    serde_json::to_string_pretty(&values).unwrap_or_default()
}

#[component]
fn Item(set: ValueSet, of: String, now: i64, remove: Form<DropValues>) -> impl IntoView {
    let ValueSet { id, name, values, is_shared, created_by, created_at } = set;
    let laid_out = serde_json::from_str::<Value>(&values).ok();
    let code = laid_out.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or(values);
    let whose = if is_shared { "Everybody's" } else { "Yours" };
    view! {
        <li>
            <div class="row"><strong>{name.clone()}</strong><Pill tone=Tone::Neutral label=whose /></div>
            <CodeView label=format!("Values of {name}") id=format!("values-{id}") code />
            <div class="row">
                <span class="hint">{created_by}", "<Time at=created_at.0 now /></span>
                <BareForm form=remove>
                    <input type="hidden" name="of" value=of />
                    <input type="hidden" name="values" value=id.to_string() />
                    <Button
                        label=format!("Remove {name}")
                        look=Look::Quiet
                        id=format!("remove-{id}")
                        busy=remove.busy()
                        availability=available(Operation::PromptDropValues)
                    />
                </BareForm>
            </div>
        </li>
    }
}
