//! A new secret: shown once, in the answer to the form that made it.

use super::use_alive;
use crate::{
    features::api_keys::model::Minted,
    policy::{Permission, PermissionSet, bitting, summary, summary_sentence},
    site::routes,
    ui::{
        bitting::{Bitting, KeySize},
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
    let Minted { id, name, secret, permissions, expires_at, old_until, public_url, doubts } = minted;
    let doubts: Vec<_> =
        doubts.into_iter().map(|doubt| view! { <Note tone=Tone::Warn>{doubt.message}</Note> }).collect();
    let title = if rotated { format!("New secret of {name}") } else { format!("{name} is ready") };
    let call = call_for(permissions, &public_url, secret.expose());
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
                            view! {
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
                            <Fact term="Cut for">{summary(permissions)}</Fact>
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

/// A chat call through the gateway.
pub(super) fn example_call(public_url: &str, secret: &str) -> String {
    format!(
        "curl {public_url}/v1/chat/completions \\\n  -H \"Authorization: Bearer {secret}\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{{\"model\": \"@your-virtual-key/gpt-4o-mini\", \"messages\": [{{\"role\": \"user\", \"content\": \"Say hello\"}}]}}'"
    )
}

/// A call that this key is allowed to make, if there is a simple one.
fn call_for(set: PermissionSet, public_url: &str, secret: &str) -> Option<String> {
    if set.contains(Permission::ModelsCall) {
        return Some(example_call(public_url, secret));
    }
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
