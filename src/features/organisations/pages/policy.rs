//! What is asked of all keys of an organisation: the section of its settings.

use crate::{
    features::organisations::{functions::SetKeyPolicy, model::KeyPolicy},
    policy::Operation,
    ui::{
        available,
        components::{Button, Card, Choice, Field, FieldKind, Note, RadioCards, Toast, Tone},
        form::{Form, FormFor},
    },
};
use leptos::prelude::*;

#[component]
pub(super) fn PolicyOfKeys(policy: KeyPolicy, form: Form<SetKeyPolicy>) -> impl IntoView {
    let choices = vec![
        Choice::new("no", "Keys need not expire")
            .sentence("A key can be made that works until somebody disables or deletes it."),
        Choice::new("yes", "Every key expires")
            .sentence("A key that does not expire is blocked until it is given an expiry."),
    ];
    form.says(|| Toast::done("Saved. It applies to all keys at once."));
    let budgets = vec![
        Choice::new("no", "Keys need no budget").sentence("A key can use as much as its person and the organisation may."),
        Choice::new("yes", "Every key has a budget").sentence(
            "A key without one of its own that refuses calls is blocked until it is given one. The master key is exempt.",
        ),
    ];
    let chosen = |must: bool| if must { "yes" } else { "no" };
    let (selected, with_budget) = (chosen(policy.must_expire), chosen(policy.must_have_budget));
    let days = policy.longest_days.map(|days| days.to_string()).unwrap_or_default();
    let blocked = (policy.blocked > 0).then(|| {
        let words = match policy.blocked {
            1 => "1 key is blocked by this policy. The list of API keys says which.".to_owned(),
            many => format!("{many} keys are blocked by this policy. The list of API keys says which."),
        };
        view! { <Note tone=Tone::Warn>{words}</Note> }
    });
    view! {
        <Card title="Policy for API keys">
            <FormFor form problem="This is not saved" errors_id="policy-errors">
                <input type="hidden" name="was" value=policy.was />
                <RadioCards legend="Expiry of keys" name="must_expire" choices selected />
                <RadioCards legend="Budgets of keys" name="must_have_budget" choices=budgets selected=with_budget />
                <Field
                    label="Longest life in days"
                    name="longest_days"
                    kind=FieldKind::Number
                    value=Signal::stored(days)
                    hint=Signal::stored(
                        "A secret works for no longer, from its making. 1 to 3650; empty: as long as the key does. The master key is exempt.".to_owned(),
                    )
                    optional=true
                    autocomplete="off"
                />
                <Field
                    label="Addresses from which keys work"
                    name="allowed_ips"
                    id="policy-ips"
                    kind=FieldKind::Textarea { rows: 2 }
                    mono=true
                    value=Signal::stored(policy.allowed_ips.join("\n"))
                    hint=Signal::stored("Ranges such as 10.0.0.0/8, or addresses, one on each line. Empty: anywhere.".to_owned())
                    optional=true
                    autocomplete="off"
                />
                <Field
                    label="Confirm: number of keys that this blocks"
                    name="confirm"
                    kind=FieldKind::Number
                    hint=Signal::stored(
                        "Only where keys would be blocked: how many, to confirm it. Saving without it tells the number and changes nothing.".to_owned(),
                    )
                    optional=true
                    autocomplete="off"
                />
                {blocked}
                <div class="hint">"Keys that break the policy are blocked, not deleted: they work again once they keep it, or it is changed."</div>
                <div class="row">
                    <Button
                        label="Save the policy"
                        id="save-policy"
                        busy=form.busy()
                        availability=available(Operation::OrganisationKeyPolicy)
                    />
                </div>
            </FormFor>
        </Card>
    }
}
