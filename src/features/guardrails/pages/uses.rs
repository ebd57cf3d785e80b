//! What uses a guardrail: configs that name it, and whether it judges every call of the organisation.

use super::{Above, Open};
use crate::{
    features::guardrails::{
        functions::{EnforceGuardrail, LoadGuardrail},
        model::{Detail, GuardrailPage, UsedBy},
    },
    policy::Operation,
    site::routes,
    ui::{
        available,
        components::{Button, Card, Checkbox, Look, Toast},
        form::{Form, FormFor, use_form},
        load_after,
        pages::{ItemPage, param, use_param, use_slug},
    },
};
use leptos::prelude::*;

#[component]
pub fn UsesPage() -> impl IntoView {
    let (slug, of, form) = (use_slug(), use_param("guardrail"), use_form::<EnforceGuardrail>());
    let saves = form.successes();
    let data = load_after(
        move || saves.get(),
        move || LoadGuardrail { slug: slug.get(), of: of.get(), typed: String::new(), step: String::new() },
    );
    let view =
        move |page: GuardrailPage| view! { <Inside guardrail=page.guardrail slug=param("slug") form /> }.into_any();
    view! { <ItemPage data view /> }
}

#[component]
fn Inside(guardrail: Detail, slug: String, form: Form<EnforceGuardrail>) -> impl IntoView {
    let none = if guardrail.lists_configs { "None." } else { "You may not see which configs name it." };
    let items: Vec<_> = guardrail.configs.iter().map(|used| item(used, &slug)).collect();
    let items = if items.is_empty() {
        view! { <p class="muted">{none}</p> }.into_any()
    } else {
        view! { <ul class="plain-list">{items}</ul> }.into_any()
    };
    let may = || available(Operation::GuardrailEnforce);
    let reason = may().reason().map(|reason| view! { <p class="hint">{reason.to_owned()}</p> });
    let save = may().reason().is_none().then(|| {
        view! { <div class="row"><Button look=Look::Primary label="Save" busy=form.busy() /></div> }
    });
    let (name, of, all) = (guardrail.name.clone(), guardrail.slug.clone(), guardrail.all_calls);
    form.says_of(move |now| {
        let words = now.words().map_or_else(|| "no call by itself".to_owned(), |words| format!("{words} from now on"));
        Some(Toast::done(format!("{name} judges {words}")))
    });
    view! {
        <Above guardrail slug open=Open::Uses />
        <div class="stack">
            <Card title="Configs that name it">
                {items}
                <p class="hint">"A config names it in input_guardrails for requests, in output_guardrails for answers."</p>
            </Card>
            <Card title="Every call of this organisation">
                <FormFor form problem="This is not saved">
                    <input type="hidden" name="of" value=of />
                    <p class="hint">"Whatever a config says, and where there is none. No config can switch it off."</p>
                    <div class="row">
                        <Checkbox label="Requests" name="requests" value="yes" checked=all.requests availability=may() />
                        <Checkbox label="Answers" name="answers" value="yes" checked=all.answers availability=may() />
                    </div>
                    {reason}
                    {save}
                </FormFor>
            </Card>
        </div>
    }
}

fn item(used: &UsedBy, slug: &str) -> AnyView {
    let href = routes::config(slug, &used.slug).to_string();
    let on = match (used.on_requests, used.on_answers) {
        (true, true) => "requests and answers",
        (true, false) => "requests",
        _ => "answers",
    };
    let name = used.name.clone();
    view! { <li><a href=href>{name}</a>" "<span class="muted">{on}</span></li> }.into_any()
}
