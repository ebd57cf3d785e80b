//! The webhook for alerts: its card on the page of limits.

use crate::{
    features::limits::{
        functions::{DeleteLimitWebhook, SetLimitWebhook},
        model::{FIELDS, Hook},
    },
    policy::Operation,
    ui::{
        available,
        components::{Button, Card, DefinitionList, Fact, Field, Look, SecretBox, Time},
        form::{BareForm, Form, FormFor, Refusal},
        reactive,
    },
};
use leptos::prelude::*;

/// The webhook that there is, with its secret where that was just made; or the form that sets one.
#[component]
pub fn AlertHook(
    hook: Option<Hook>,
    now: i64,
    set: Form<SetLimitWebhook>,
    delete: Form<DeleteLimitWebhook>,
) -> impl IntoView {
    let inside = match hook {
        None => {
            let hint =
                "It must be public and begin with https://. A secret that signs each message is made, and shown once.";
            view! {
                <FormFor form=set problem="The webhook is not set" limits=FIELDS errors_id="hook-errors">
                    <Field
                        label="URL"
                        name="url"
                        mono=true
                        autocomplete="off"
                        hint=Signal::stored(hint.to_owned())
                    />
                    <div class="row">
                        <Button label="Set the webhook" busy=set.busy() availability=available(Operation::LimitWebhookSet) />
                    </div>
                </FormFor>
            }
            .into_any()
        }
        Some(Hook { id, url, error, changed_by, changed_at }) => {
            let made = set.outcome();
            let secret = move || {
                made.get().filter(|made| made.id == id).map(|made| {
                    view! {
                        <p>"Save the signing secret now, where the receiver checks signatures. You will not see it again."</p>
                        <SecretBox id="secret" what="signing secret" value=made.secret.expose().to_owned() />
                    }
                })
            };
            view! {
                <Refusal form=delete />
                {reactive(secret)}
                <DefinitionList>
                    <Fact term="URL"><span class="mono">{url}</span></Fact>
                    {error.map(|error| view! { <Fact term="Last error">{error}</Fact> })}
                    <Fact term="Set">{changed_by}", "<Time at=changed_at.0 now /></Fact>
                </DefinitionList>
                <div class="row">
                    <BareForm form=delete>
                        <Button
                            label="Delete the webhook"
                            look=Look::Danger
                            busy=delete.busy()
                            availability=available(Operation::LimitWebhookDelete)
                        />
                    </BareForm>
                </div>
            }
            .into_any()
        }
    };
    view! {
        <Card title="Webhook for alerts">
            <div class="stack alert-hook">
                <div class="hint">"When a budget reaches its threshold, and when it is used up, a signed message is sent here in addition to the e-mails."</div>
                {inside}
            </div>
        </Card>
    }
}
