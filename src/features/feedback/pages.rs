//! Feedback on the page of a call: what there is, and a form that gives more.

use super::{
    functions::{GiveFeedback, LoadFeedback},
    model::{Given, NOTE_LIMIT, OnCall, VALUES, value_text, weight_text},
};
use crate::{
    kernel::{CallId, Timestamp},
    policy::Operation,
    ui::{
        Loaded, available,
        components::{Button, Card, Choice, Column, Field, Select, Table, Time, Toast},
        form::{FormFor, use_form},
        load_after,
        pages::{Done, use_slug},
    },
};
use leptos::prelude::*;

/// The most characters of the form's fields.
const LIMITS: &[(&str, usize)] = &[("weight", 10), ("note", NOTE_LIMIT)];

/// The card of a call's feedback.
#[component]
pub fn CallFeedback(id: CallId) -> impl IntoView {
    let (slug, form) = (use_slug(), use_form::<GiveFeedback>());
    form.says(|| Toast::done("Thank you. Your feedback is saved."));
    let feedback =
        load_after(move || form.answers().get(), move || LoadFeedback { slug: slug.get(), id: id.to_string() });
    let choices = VALUES
        .rev()
        .map(|value| {
            let more = match value {
                10 => ", best",
                1 => ", good",
                -1 => ", bad",
                -10 => ", worst",
                _ => "",
            };
            Choice::new(value.to_string(), format!("{}{more}", value_text(value)))
        })
        .collect();
    view! {
        <Card title="Feedback">
            <div class="stack">
            <Done said=&[("feedback_given", "Your feedback is saved.")] />
            <Loaded data=feedback view=move |feedback| view! { <Entries feedback /> }.into_any() />
            <FormFor form problem="The feedback was not saved" limits=LIMITS errors_id="feedback-errors">
                <input type="hidden" name="id" value=id.to_string() />
                <div class="fields">
                    <Select label="Value" name="value" choices selected="1".to_owned() />
                    <Field label="Weight, 0 to 1" name="weight" value="1".to_owned() autocomplete="off" />
                </div>
                <Field label="Note" name="note" optional=true autocomplete="off" />
                <div class="row">
                    <Button
                        label="Give feedback"
                        id="give-feedback"
                        busy=form.busy()
                        availability=available(Operation::FeedbackGiveToCall)
                    />
                </div>
            </FormFor>
            </div>
        </Card>
    }
}

#[component]
fn Entries(feedback: OnCall) -> impl IntoView {
    let OnCall { given, is_withheld, now } = feedback;
    if given.is_empty() {
        let why = match is_withheld {
            true => "This call’s trace has calls of others too. You may neither see nor give feedback on it.",
            false => "Nobody has given feedback on this call yet.",
        };
        return view! { <p>{why}</p> }.into_any();
    }
    let columns = vec![Column::number("Value"), Column::number("Weight"), Column::new("By"), Column::new("Metadata")];
    let rows: Vec<_> = given.into_iter().map(|given| row(given, now)).collect();
    view! { <Table caption="Feedback on this call’s trace, oldest first" columns>{rows}</Table> }.into_any()
}

fn row(given: Given, now: Timestamp) -> AnyView {
    let by = if given.is_by_key { format!("{} (API key)", given.by) } else { given.by };
    let changed = given.changed.map(|(who, at)| {
        view! { <div class="hint">"changed by "{who}", "<Time at=at.0 now=now.0 /></div> }
    });
    view! {
        <tr>
            <th scope="row" class="num">{value_text(given.value)}</th>
            <td data-label="Weight" class="num">{weight_text(given.weight)}</td>
            <td data-label="By">{by}", "<Time at=given.at.0 now=now.0 />{changed}</td>
            <td data-label="Metadata"><span class="mono sample-text">{given.metadata}</span></td>
        </tr>
    }
    .into_any()
}
