//! A new secret: shown once, in the answer to the form that made it.

use super::use_alive;
use crate::{
    features::{api_keys::model::Minted, home::model::curl},
    policy::{Operation, Permission, PermissionSet, bitting, summary, summary_sentence},
    site::routes,
    ui::{
        bitting::{Bitting, KeySize},
        can,
        components::{
            Availability, Card, Checkbox, CodeBlock, DefinitionList, Fact, LinkButton, Look, Note, PageHeader,
            SecretBox, Time, Tone, utc_text,
        },
        reactive,
    },
};
use leptos::prelude::*;

/// The secret, a call to try it with, and the one way on.
#[component]
pub(super) fn NewSecret(
    slug: String,
    minted: Minted,
    /// It replaces another one.
    #[prop(optional)]
    rotated: bool,
) -> impl IntoView {
    let alive = use_alive();
    let saved = RwSignal::new(false);
    let Minted { id, name, secret, permissions, expires_at, old_until, public_url, model, called, doubts } = minted;
    let doubts: Vec<_> =
        doubts.into_iter().map(|doubt| view! { <Note tone=Tone::Warn>{doubt.message}</Note> }).collect();
    let title = if rotated { format!("New secret of {name}") } else { format!("{name} is ready") };
    let call = match (permissions.contains(Permission::ModelsCall), model) {
        (true, Some(model)) => Some(curl(&public_url, secret.expose(), &model)),
        (true, None) => None,
        (false, _) => other_call(permissions, &public_url, secret.expose()),
    };
    let nothing_to_call = (permissions.contains(Permission::ModelsCall) && call.is_none()).then(|| {
        let href = routes::new_virtual_key(&slug).to_string();
        view! {
            <Note tone=Tone::Info>
                "Before it can call a model, a provider’s key must be stored. "
                {can(Operation::VirtualKeyCreate).then(|| view! { <a href=href>"First store a provider’s key"</a> })}
            </Note>
        }
    });
    // Whoever is still at the first steps finds the next one there.
    let steps = (!called && !rotated).then(|| routes::organisation(&slug).to_string());
    let back = routes::api_keys(&slug).with("row", &id.to_string()).to_string();
    let (risky, plain) = summary_sentence(permissions);
    let end = match expires_at {
        Some(at) => view! { <Time at=at.0 /> }.into_any(),
        None => "never".into_any(),
    };
    view! {
        <PageHeader title sentence=|| "Save the secret now. You will not see it again: Latchkey keeps only a hash of it." />
        <div class="columns">
            <Card title="Secret">
                <div class="stack">
                    {doubts}
                    <SecretBox
                        id="secret"
                        what=format!("secret of {name}")
                        value=secret.expose().to_owned()
                        saved
                    />
                    {call
                        .map(|code| {
                            view! {
                                <div class="stack">
                                    <h3>"Try it"</h3>
                                    <CodeBlock id="call" what="example call" code />
                                </div>
                            }
                        })}
                    {nothing_to_call}
                    <div class="needs-js">
                        <Checkbox
                            label="I have saved it"
                            name="saved"
                            on_change=Callback::new(move |ticked| saved.set(ticked))
                        />
                    </div>
                    <div class="form-end">
                        {reactive(move || {
                            let ready = saved.get() || !alive.get();
                            let availability = Availability::when(ready, "Copy the secret, or say that you have saved it.");
                            let steps = steps.clone().filter(|_| ready);
                            let steps = steps.map(|href| view! { <LinkButton label="Back to the first steps" href /> });
                            view! {
                                {steps}
                                <LinkButton look=Look::Primary label="Done" href=back.clone() id="secret-done" availability />
                            }
                        })}
                    </div>
                </div>
            </Card>
            <aside>
                <Card>
                    <div class="stack">
                        <div class="key-well">
                            <Bitting teeth=bitting(permissions) size=KeySize::Large />
                        </div>
                        <div><strong>{risky}</strong>" "{plain}</div>
                        <DefinitionList>
                            <Fact term="Permissions">{summary(permissions)}</Fact>
                            <Fact term="Expires">{end}</Fact>
                            {old_until
                                .map(|until| {
                                    view! {
                                        <Fact term="Old secret">
                                            "works until "<Time at=until.0 />
                                            <span class="hint">{format!(" ({})", utc_text(until.0))}</span>
                                        </Fact>
                                    }
                                })}
                        </DefinitionList>
                    </div>
                </Card>
            </aside>
        </div>
    }
}

/// A chat call through the gateway, where no virtual key is known.
pub(super) fn example_call(public_url: &str, secret: &str) -> String {
    format!(
        "curl {public_url}/v1/chat/completions \\\n  -H \"Authorization: Bearer {secret}\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{{\"model\": \"@your-virtual-key/gpt-4o-mini\", \"messages\": [{{\"role\": \"user\", \"content\": \"Say hello\"}}]}}'"
    )
}

/// A call that a key is allowed to make that calls no models, if there is a simple one.
fn other_call(set: PermissionSet, public_url: &str, secret: &str) -> Option<String> {
    let path = [
        (Permission::LogsView, "/v1/logs"),
        (Permission::VirtualKeysList, "/v1/virtual-keys"),
        (Permission::TeamView, "/v1/admin/users"),
        (Permission::ApiKeysList, "/v1/api-keys"),
    ]
    .into_iter()
    .find(|(permission, _)| set.contains(*permission))
    .map(|(_, path)| path)?;
    Some(format!("curl {public_url}{path} \\\n  -H \"Authorization: Bearer {secret}\""))
}
