//! A new secret for a key.

use super::{last_use, minted::NewSecret, page_title, use_alive, use_key};
use crate::{
    features::api_keys::{
        functions::RotateKey,
        model::{Expiry, KeyPage, OVERLAPS, SOON_DAYS, Status},
    },
    policy::Operation,
    site::routes,
    ui::{
        available,
        components::{Choice, LinkButton, Note, PageHeader, RadioCards, Select, Time, Tone, utc_text},
        form::{Form, use_form},
        pages::{FormPage, ItemPage, param},
        reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn RotateKeyPage() -> impl IntoView {
    let page = use_key();
    let form = use_form::<RotateKey>();
    let outcome = form.outcome();
    view! {
        <Title text=page_title("Rotate API key") />
        {reactive(move || match outcome.get() {
            Some(minted) => view! { <NewSecret slug=param("slug") minted rotated=true /> }.into_any(),
            None => {
                view! { <ItemPage data=page view=move |page| view! { <Rotate page form /> }.into_any() /> }.into_any()
            }
        })}
    }
}

#[component]
fn Rotate(page: KeyPage, form: Form<RotateKey>) -> impl IntoView {
    let KeyPage { key, now, submission, .. } = page;
    let back = routes::api_key(&param("slug"), key.id);
    let status = key.status(now);
    let refusal = match status {
        Status::Deleted => Some("This key was deleted. It cannot be rotated any more.".to_owned()),
        _ => key.old.as_ref().map(|old| {
            format!(
                "The old secret still works until {}. A key has two secrets at most: end the old one first.",
                utc_text(old.until.0)
            )
        }),
    };
    let title = format!("Rotate {}", key.name);
    let sentence = || "The key stays the same key, with a new secret. What it may do does not change.";
    if let Some(refusal) = refusal {
        return view! {
            <PageHeader title sentence />
            <Note tone=Tone::Info action=move || view! { <LinkButton label="To the key" href=back.clone() /> }>{refusal}</Note>
        }
        .into_any();
    }
    let overlap = RwSignal::new(form.typed("overlap", "24h"));
    let choices = OVERLAPS
        .into_iter()
        .map(|(name, label, milliseconds)| {
            let sentence = if milliseconds == 0 {
                "Programs that use it are refused from this moment. For a secret that leaked.".to_owned()
            } else {
                format!("Until {}.", utc_text(now.0 + milliseconds))
            };
            Choice::new(name, label).sentence(sentence).default_mark(name == "24h")
        })
        .collect();
    let alive = use_alive();
    let end = move || {
        let chosen = overlap.get();
        let (.., milliseconds) = OVERLAPS.into_iter().find(|(name, ..)| *name == chosen)?;
        (alive.get() && milliseconds > 0)
            .then(|| view! { "The old secret ends at "<Time at=now.0 + milliseconds />" your time." })
    };
    let mut ends = vec![];
    let soon = matches!(status, Status::Expiring(_) | Status::Expired);
    match key.expires_at {
        Some(at) if status != Status::Expired => ends.push(Choice::new("keep", format!("Stays {}", at.date()))),
        Some(_) => {}
        None => ends.push(Choice::new("keep", "Stays without an end")),
    }
    ends.extend(Expiry::DAYS.map(|days| Choice::new(days.to_string(), format!("In {days} days"))));
    ends.push(Choice::new("none", "Never"));
    let hint = if soon {
        format!("Without a later end it stops within {SOON_DAYS} days, whatever its secret.")
    } else {
        "A rotation is a good moment to set another end.".to_owned()
    };
    let secret = key.secret.clone();
    view! {
        <FormPage
            form
            title
            tab="Rotate API key"
            sentence
            problem="The key is not rotated"
            hidden=vec![("id", key.id.to_string()), ("submission", submission.to_string())]
            button="Rotate key"
            availability=available(Operation::ApiKeyRotate)
            back
        >
            <div>
                "The present secret, "<code>{secret.text()}</code>", "{last_use(secret.used_at, now)}"."
            </div>
            <RadioCards legend="How long shall the old secret live on?" name="overlap" choices bind=overlap />
            <div class="hint" aria-live="polite">{end}</div>
            <Select
                label="The key expires"
                name="expiry"
                choices=ends
                selected=if soon { "90" } else { "keep" }
                hint=Signal::stored(hint)
            />
            <div class="hint">"The new secret is shown once, right after this."</div>
        </FormPage>
    }
    .into_any()
}
