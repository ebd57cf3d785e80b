//! What happens when a check fails.

use crate::{
    features::guardrails::model::Actions,
    ui::components::{Card, Choice, Field, RadioCards, Select},
};
use leptos::prelude::*;

/// The card of the actions. The fields in it follow `stored`; `on_fail` is kept by whoever made it.
#[component]
pub(super) fn ActionsCard(#[prop(into)] stored: Signal<Actions>, on_fail: RwSignal<String>) -> impl IntoView {
    let of = move |part: fn(&Actions) -> String| Signal::derive(move || stored.with(part));
    let cards = vec![
        Choice::new("deny", "Deny the call")
            .sentence("The caller gets status 446 and the names of the checks. Nothing goes to the provider, or comes back from it."),
        Choice::new("pass", "Let it pass and note it")
            .sentence("Status 246; the answer and the log say which check failed. What can be replaced is replaced."),
        Choice::new("observe", "Only watch")
            .sentence("The log says what would have been found. The caller sees nothing of it."),
    ];
    let when =
        vec![Choice::new("", "before the call goes on"), Choice::new("yes", "beside the call: it changes nothing")];
    let order = vec![
        Choice::new("", "side by side: all see the original"),
        Choice::new("yes", "one after another: each sees what those before changed"),
    ];
    let errors = vec![
        Choice::new("", "as usual: fails if it denies"),
        Choice::new("fail", "fails"),
        Choice::new("pass", "passes"),
    ];
    let streams = vec![
        Choice::new("", "as usual: held back if it denies or changes"),
        Choice::new("hold", "held back until it is judged"),
        Choice::new("sentence", "goes out sentence by sentence as it passes"),
        Choice::new("inform", "flows; what was found is told at its end"),
    ];
    let selected = on_fail.get_untracked();
    view! {
        <Card title="Actions">
            <RadioCards legend="When a check fails" name="actions.deny" choices=cards selected bind=on_fail />
            <details class="check-more">
                <summary>"When and in which order, errors, streams, feedback"</summary>
                <div class="check-fields">
                    <Select label="It is judged" name="actions.async" choices=when selected=of(|a| word(a.is_async)) />
                    <Select label="The checks run" name="actions.sequential" choices=order selected=of(|a| word(a.is_sequential)) />
                    <Select label="A check that cannot judge" name="actions.on_error" choices=errors selected=of(|a| a.on_error.clone()) />
                    <Select label="A streamed answer" name="actions.stream" choices=streams selected=of(|a| a.stream.clone()) />
                    <Field label="Feedback of a success" name="actions.on_success.feedback.value" value=of(|a| a.success.0.clone()) optional=true autocomplete="off" hint=Signal::stored("From -10 to 10.".to_owned()) />
                    <Field label="Its weight" name="actions.on_success.feedback.weight" value=of(|a| a.success.1.clone()) optional=true autocomplete="off" hint=Signal::stored("From 0 to 1.".to_owned()) />
                    <Field label="Feedback of a failure" name="actions.on_fail.feedback.value" value=of(|a| a.failure.0.clone()) optional=true autocomplete="off" hint=Signal::stored("From -10 to 10.".to_owned()) />
                    <Field label="Its weight" name="actions.on_fail.feedback.weight" id="on-fail-weight" value=of(|a| a.failure.1.clone()) optional=true autocomplete="off" hint=Signal::stored("From 0 to 1.".to_owned()) />
                </div>
            </details>
        </Card>
    }
}

fn word(on: bool) -> String {
    if on { "yes".to_owned() } else { String::new() }
}
