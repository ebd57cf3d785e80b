//! A version that some of a label's calls run: how many, and the form that says so.

use crate::{
    features::prompts::model::Trial,
    policy::Operation,
    ui::{
        available,
        components::{Button, Choice, Field, Select},
        form::{AnyForm, BareForm},
    },
};
use leptos::prelude::*;

/// What is rolled out at a label, and the form behind a summary. `fields` names the prompt.
#[component]
pub(super) fn RollOut(
    label: String,
    /// Where the label stands.
    stands: i64,
    trial: Option<Trial>,
    numbers: Vec<i64>,
    fields: AnyView,
    form: AnyForm,
) -> impl IntoView {
    let others = numbers.into_iter().filter(|number| *number != stands);
    let choices: Vec<_> = others.map(|number| Choice::new(number.to_string(), format!("v{number}"))).collect();
    let told = trial.as_ref().map(|trial| view! { <div>{format!("Rolling out {}.", trial.words())}</div> });
    let Trial { number, percent, sticky_by } = trial.clone().unwrap_or(Trial { percent: 10, ..Trial::default() });
    let selected = match number {
        0 => choices.first().map(|choice| choice.value().to_owned()).unwrap_or_default(),
        number => number.to_string(),
    };
    (!choices.is_empty()).then(|| {
        view! {
            {told}
            <details class="check-more">
                <summary>{format!("Roll out another version at {label}")}</summary>
                <BareForm form class="stack">
                    {fields}
                    <input type="hidden" name="label" value=label.clone() />
                    <input type="hidden" name="was" value=stands.to_string() />
                    <div class="fields">
                        <Select label="Version" name="number" id=format!("rolled-{label}") choices selected />
                        <Field
                            label="Per cent of calls"
                            name="percent"
                            id=format!("percent-{label}")
                            autocomplete="off"
                            value=Signal::stored(percent.to_string())
                            hint=Signal::stored("0 ends it, and so does a move of the label.".to_owned())
                        />
                        <Field
                            label="Stay with a version by this metadata"
                            name="sticky_by"
                            id=format!("sticky-{label}")
                            optional=true
                            mono=true
                            autocomplete="off"
                            value=Signal::stored(sticky_by)
                            hint=Signal::stored("A name in x-portkey-metadata, such as _user.".to_owned())
                        />
                    </div>
                    <div class="row">
                        <Button
                            label=format!("Roll out at {label}")
                            id=format!("roll-out-{label}")
                            busy=form.busy()
                            availability=available(Operation::PromptRollOut)
                        />
                    </div>
                </BareForm>
            </details>
        }
    })
}
