//! The forms that set a limit, raise it for a while, and reset what was used of it.

use super::list::{Forms, subject_label, used};
use crate::{
    features::limits::{
        functions::SetLimit,
        model::{Changing, Correction, CorrectionKind, Draft, FIELDS, Measure, Subject},
    },
    policy::Operation,
    ui::{
        available,
        components::{Button, Card, Choice, Column, Field, FieldKind, Look, Select, Table, Time},
        form::{Form, FormFor},
    },
};
use leptos::prelude::*;

/// The form that sets a limit.
#[component]
pub fn SetOne(draft: Draft, subjects: Vec<Subject>, of: Option<Subject>, form: Form<SetLimit>) -> impl IntoView {
    let Draft { id, on, kind, measure, span, days, amount, action, alert_at, was } = draft;
    let is_new = id.is_empty();
    let name = of.as_ref().map(|of| of.name.clone()).unwrap_or_default();
    let title = match (is_new, name.is_empty()) {
        (true, true) => "Set a limit".to_owned(),
        (true, false) => format!("Set a limit on {name}"),
        (false, _) => format!("Change the limit on {name}"),
    };
    let chooses = is_new && of.is_none();
    let choice = |value: &'static str, label: &'static str| Choice::new(value, label);
    let kinds = vec![choice("budget", "Budget: how much in all"), choice("rate", "Rate: how fast")];
    let measures =
        vec![choice("cost", "Money, in US dollars"), choice("tokens", "Tokens"), choice("requests", "Requests")];
    let spans = vec![
        choice("second", "Second"),
        choice("minute", "Minute"),
        choice("hour", "Hour"),
        choice("day", "Day"),
        choice("week", "Week, from Monday"),
        choice("month", "Month, from the first"),
        choice("days", "A number of days"),
        choice("whole", "All time"),
    ];
    let actions = vec![choice("block", "Refuse calls"), choice("warn", "Let calls pass, with a warning in a header")];
    let amount_hint = "In US dollars, tokens or requests, as chosen above.".to_owned();
    let days_hint = "1 to 365.".to_owned();
    let action_hint = "Refused calls get status 412 from a budget, and 429 from a rate, until it resets.".to_owned();
    let alert_hint = "In the same unit; budgets only. When this much is used, an alert goes to the budget’s alert addresses, or to the Owners if it has none: once in each period, and again when all of it is used.".to_owned();
    let button = if is_new { "Set the limit" } else { "Save" };
    view! {
        <div id="limit">
            <Card title=title>
                <FormFor form problem="The limit is not set" limits=FIELDS>
                    <input type="hidden" name="id" value=id />
                    <input type="hidden" name="was" value=was />
                    <What chooses subjects on />
                    <Select label="Kind" name="kind" choices=kinds selected=kind />
                    <Select label="What is counted" name="measure" choices=measures selected=measure />
                    <Field label="At most" name="amount" value=amount autocomplete="off" hint=Signal::stored(amount_hint) />
                    <Select label="Period" name="span" choices=spans selected=span />
                    <div class="only-days">
                        <Field label="Days" name="days" value=days autocomplete="off" hint=Signal::stored(days_hint) />
                    </div>
                    <Select label="When it is reached" name="action" choices=actions selected=action hint=Signal::stored(action_hint) />
                    <Field
                        label="Alert at"
                        name="alert_at"
                        value=alert_at
                        autocomplete="off"
                        optional=true
                        hint=Signal::stored(alert_hint)
                    />
                    <div class="row">
                        <Button look=Look::Primary label=button busy=form.busy() availability=available(Operation::LimitSet) />
                    </div>
                </FormFor>
            </Card>
        </div>
    }
}

/// What the limit is on: chosen, or known.
#[component]
fn What(chooses: bool, subjects: Vec<Subject>, on: String) -> impl IntoView {
    if !chooses {
        return view! { <input type="hidden" name="on" value=on /> }.into_any();
    }
    let choices = subjects.iter().map(|subject| Choice::new(subject.on.text(), subject_label(subject))).collect();
    view! { <Select label="On" name="on" choices selected=on /> }.into_any()
}

/// What can be done with a limit beside changing it, and what was used before.
#[component]
pub fn Around(changing: Changing, now: i64, forms: Forms) -> impl IntoView {
    let Changing { limit, past, corrections } = changing;
    let standing = limit.standing;
    let (id, measure) = (standing.limit.id.to_string(), standing.limit.is.measure);
    let same = id.clone();
    let raised = standing.limit.raised.filter(|raised| raised.until.0 > now);
    let to = raised.map(|raised| measure.write(raised.to)).unwrap_or_default();
    let until = raised.map(|raised| raised.until.iso_date()).unwrap_or_default();
    let raise_hint = "Higher than the limit itself. Leave it empty to end a raise.".to_owned();
    let past = (!past.is_empty()).then(|| {
        let rows: Vec<_> = past
            .into_iter()
            .map(|(period, used)| {
                let began = match period.0 {
                    0 => view! { "The beginning" }.into_any(),
                    at => view! { <Time at now /> }.into_any(),
                };
                view! { <tr><th scope="row">{began}</th><td data-label="Used" class="num">{measure.words(used)}</td></tr> }
            })
            .collect();
        let columns = vec![Column::new("Began"), Column::number("Used")];
        view! {
            <Card title="Earlier periods">
                <Table caption="What was used in earlier periods" columns>{rows}</Table>
            </Card>
        }
    });
    view! {
        <Card title="Raise it for a while">
            <FormFor form=forms.raise problem="It is not raised" limits=FIELDS>
                <input type="hidden" name="id" value=same />
                <Field label="At most, until then" name="raised_to" value=to autocomplete="off" hint=Signal::stored(raise_hint) />
                <Field label="Last day" name="raised_until" value=until kind=FieldKind::Date />
                <Field label="Reason" name="reason" id="raise-reason" optional=true autocomplete="off" />
                <div class="row">
                    <Button label="Save the raise" busy=forms.raise.busy() availability=available(Operation::LimitRaise) />
                </div>
            </FormFor>
        </Card>
        <Card title="Reset what was used">
            <p>"Used in this period: "{used(&standing)}</p>
            <FormFor form=forms.reset problem="It is not reset" limits=FIELDS>
                <input type="hidden" name="id" value=id />
                <Field label="Reason" name="reason" id="reset-reason" optional=true autocomplete="off" />
                <div class="row">
                    <Button label="Reset to zero" busy=forms.reset.busy() availability=available(Operation::LimitReset) />
                </div>
            </FormFor>
        </Card>
        <History corrections measure now />
        {past}
    }
}

/// How the limit, and what was used of it, were corrected, and what for.
#[component]
fn History(corrections: Vec<Correction>, measure: Measure, now: i64) -> impl IntoView {
    let row = |one: Correction| {
        let (before, after) = (measure.words(one.before), measure.words(one.after));
        let what = match (one.kind, one.until) {
            (CorrectionKind::Reset, _) => format!("{before} used, reset to zero"),
            (CorrectionKind::Raise, Some(until)) => {
                format!("Raised from {before} to {after} until {}", until.date_time())
            }
            _ => format!("Raise ended: from {before} to {after}"),
        };
        view! {
            <tr>
                <th scope="row"><Time at=one.at.0 now /></th>
                <td data-label="What">{what}</td>
                <td data-label="Who">{one.by}</td>
                <td data-label="Reason">{one.reason.unwrap_or_else(|| "None given".to_owned())}</td>
            </tr>
        }
    };
    let inside = if corrections.is_empty() {
        view! { <p class="hint">"It was never raised or reset."</p> }.into_any()
    } else {
        let rows: Vec<_> = corrections.into_iter().map(row).collect();
        let columns = vec![Column::new("When"), Column::new("What"), Column::new("Who"), Column::new("Reason")];
        view! { <Table caption="Corrections of the limit" columns>{rows}</Table> }.into_any()
    };
    view! { <Card title="History">{inside}</Card> }
}
