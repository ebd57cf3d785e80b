//! One call.

use super::guardrails::GuardrailsFound;
use super::{
    cause::{Cause, Step, cause},
    cost::Cost,
    fall::WhatHappened,
    texts::CallTexts,
    title, tone,
};
use crate::{
    features::{
        feedback::pages::CallFeedback,
        logs::{
            functions::LoadLog,
            model::{Attempt, CallOutcome, Detail, LedBy, Metadata, duration},
        },
        organisations::pages::use_slug,
    },
    kernel::{CallId, money::dollars, text::grouped},
    policy::Operation,
    site::routes,
    ui::{
        Loaded, can,
        components::{Card, CopyText, DefinitionList, Fact, LinkButton, Note, PageHeader, Pill, Time, TimeStyle, Tone},
        icons::Icon,
        load, refusal,
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

#[component]
pub fn DetailPage() -> impl IntoView {
    let (slug, params) = (use_slug(), use_params_map());
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let call = load(move || LoadLog { slug: slug.get(), id: id.get() });
    view! { <Loaded data=call view=move |detail| view! { <Inside detail slug=slug.get_untracked() /> }.into_any() /> }
}

#[component]
fn Inside(detail: Detail, slug: String) -> impl IntoView {
    let call = detail.call.clone();
    let heading = call.model.clone().unwrap_or_else(|| "A call without a model".into());
    let all = routes::logs(&slug);
    let step = |label: &'static str, icon: Icon, id: Option<CallId>| {
        id.map(|id| view! { <LinkButton label icon=icon href=routes::log(&slug, id) /> }.into_any())
    };
    let (newer, older) = (step("Newer", Icon::ArrowUp, detail.newer), step("Older", Icon::ArrowDown, detail.older));
    let why = cause(&detail, &slug).map(|cause| view! { <Why cause outcome=call.outcome /> }.into_any());
    let (figures, drawn, texts) = (detail.clone(), detail.clone(), detail.texts.clone());
    let (reckoning, cost) = (detail.reckoning.clone(), call.cost);
    let (at, outcome, words) = (call.started_at.0, call.outcome, call.words());
    view! {
        {title("Call")}
        <PageHeader
            title=heading
            sentence=move || {
                view! {
                    <span class="call-line">
                        <Pill tone=tone(outcome) label=words.clone() />
                        <Time at style=TimeStyle::Millisecond />
                    </span>
                }
            }
        >
            {newer}
            {older}
            <LinkButton label="All calls" href=all />
        </PageHeader>
        {why}
        <div class="columns">
            <div class="stack">
                <WhatHappened detail=drawn />
                <CallTexts texts id=call.id slug=slug.clone() />
                <Cost reckoning total=cost />
                <CallFeedback id=call.id />
                <Card title="Call">
                    <CallFacts detail slug />
                </Card>
            </div>
            <aside class="stack" aria-label="Figures">
                <Card title="Figures">
                    <Figures detail=figures />
                </Card>
            </aside>
        </div>
    }
}

/// Why it went wrong, and the way to where that is dealt with; who may not, is told who can.
#[component]
fn Why(cause: Cause, outcome: CallOutcome) -> impl IntoView {
    let Cause { why, help, step } = cause;
    let mut who = None;
    let mut link = None;
    if let Some(Step { label, href, needs }) = step {
        match refusal(needs) {
            None => link = Some((label, href)),
            Some(error) => who = error.missing.map(|missing| format!(" {} can do that.", missing.held_by)),
        }
    }
    // It is not news: a bad note would be announced at once.
    let tone = if tone(outcome) == Tone::Bad { Tone::Warn } else { tone(outcome) };
    let action = move || link.clone().map(|(label, href)| view! { <LinkButton label href /> });
    view! {
        <Note tone action>
            <strong>{why}</strong>
            " "
            {help}
            {who}
        </Note>
    }
}

/// The dry run of the same request, with targets supposed to answer as they did.
fn again(page: routes::Path, model: &Option<String>, said: &Option<Metadata>, attempts: &[Attempt]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let said = said.clone().unwrap_or_default().into_texts().into_iter();
    let said: Vec<_> = said.map(|(name, value)| format!("{}: {}", quoted(&name), quoted(&value))).collect();
    let said = if said.is_empty() { String::new() } else { format!("{{{}}}", said.join(", ")) };
    let failed = attempts.iter().filter_map(|attempt| {
        let status = attempt.status.filter(|status| *status >= 400)?;
        Some(format!("{}={status}", attempt.path))
    });
    let suppose = failed.collect::<Vec<_>>().join(" ");
    let page = page.with("dry", "yes").with("model", model.as_deref().unwrap_or_default());
    page.with("metadata", &said).with("suppose", &suppose).to_string()
}

#[component]
fn CallFacts(detail: Detail, slug: String) -> impl IntoView {
    let call = detail.call;
    let (outcome, words, code) = (call.outcome, call.words(), call.error_code);
    // What the program has to write to ask for it, the virtual key in front.
    let asked = match (&call.virtual_key, &call.model) {
        (Some(name), Some(model)) => Some(format!("@{name}/{model}")),
        (None, Some(model)) => Some(model.clone()),
        _ => None,
    };
    let first_byte = detail.first_byte_us.map(|us| call.started_at.0 + us / 1_000);
    // The stored name is its words.
    let mut endpoint = detail.endpoint.replace('_', " ");
    if let Some(first) = endpoint.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let way = if detail.streamed { "streamed" } else { "whole" };
    let key_href = detail.key_id.filter(|_| can(Operation::ApiKeyGet)).map(|id| routes::api_key(&slug, id).to_string());
    let (who, caller) = match (call.person, call.key, key_href) {
        (Some(person), _, _) => ("Called by", view! { {person}", in the console" }.into_any()),
        (None, Some(name), Some(href)) => ("API key", view! { <a href=href>{name}</a> }.into_any()),
        (None, name, _) => ("API key", name.unwrap_or_else(|| "A key that is not known".into()).into_any()),
    };
    let virtual_key = match call.virtual_key {
        Some(name) if detail.virtual_key_lives => {
            let href = routes::virtual_key(&slug, &name).to_string();
            view! { <a class="mono" href=href>{format!("@{name}")}</a> }.into_any()
        }
        Some(name) => view! { <span class="mono">{format!("@{name}")}</span>" (deleted)" }.into_any(),
        None => view! { "None" }.into_any(),
    };
    let ran = detail.ran.map(|ran| {
        let label = ran.label.map(|label| format!(", {label}")).unwrap_or_default();
        let gone = if ran.lives { "" } else { " (deleted)" };
        format!("{}, version {}{label}{gone}", ran.slug, ran.version)
    });
    let led = detail.led.map(|led| match led {
        LedBy::Inline => view! { "One that came with the request" }.into_any(),
        LedBy::Saved { slug: config, version, lives } => {
            let words = format!("{config}, version {version}");
            if lives && can(Operation::ConfigGet) {
                let page = routes::config(&slug, &config);
                let (href, again) = (page.to_string(), again(page, &call.model, &detail.metadata, &detail.attempts));
                view! { <a class="mono" href=href>{words}</a>" "<a href=again>"Try it without a call"</a> }.into_any()
            } else {
                view! { <span class="mono">{words}</span> }.into_any()
            }
        }
    });
    let many = (call.count > 1).then(|| format!("{} refused calls alike; this is the latest", grouped(call.count)));
    let (id, trace) = (call.id.to_string(), call.trace_id);
    let said: Vec<_> = detail.metadata.unwrap_or_default().into_texts().into_iter().collect();
    view! {
        <DefinitionList>
            <Fact term="Outcome"><Pill tone=tone(outcome) label=words /></Fact>
            {asked.map(|asked| view! { <Fact term="Asked for"><span class="mono">{asked}</span></Fact> })}
            {code.map(|code| view! { <Fact term="Error code"><span class="mono">{code}</span></Fact> })}
            {many.map(|many| view! { <Fact term="Stands for">{many}</Fact> })}
            <Fact term=who>{caller}</Fact>
            <Fact term="Virtual key">{virtual_key}</Fact>
            {ran.map(|ran| view! { <Fact term="Prompt"><span class="mono">{ran}</span></Fact> })}
            {led.map(|led| view! { <Fact term="Config">{led}</Fact> })}
            {(!detail.found.is_empty())
                .then(|| view! { <Fact term="Guardrails"><GuardrailsFound found=detail.found.clone() /></Fact> })}
            {detail.provider.map(|provider| view! { <Fact term="Provider">{provider.label()}</Fact> })}
            <Fact term="Endpoint">{format!("{endpoint}, {way}")}</Fact>
            <Fact term="Started"><Time at=call.started_at.0 style=TimeStyle::Millisecond /></Fact>
            {first_byte
                .map(|at| view! { <Fact term="First byte"><Time at style=TimeStyle::Millisecond /></Fact> })}
            {detail
                .finished_at
                .map(|at| view! { <Fact term="Ended"><Time at=at.0 style=TimeStyle::Millisecond /></Fact> })}
            <Fact term="Trace id"><CopyText id="trace-id" what="trace id" value=trace /></Fact>
            {(!said.is_empty())
                .then(|| {
                    let pairs: Vec<_> = said
                        .into_iter()
                        .map(|(name, value)| view! { <div><span class="mono">{name}</span>": "{value}</div> })
                        .collect();
                    view! { <Fact term="Metadata">{pairs}</Fact> }
                })}
            <Fact term="Call id"><CopyText id="call-id" what="call id" value=id /></Fact>
        </DefinitionList>
    }
}

#[component]
fn Figures(detail: Detail) -> impl IntoView {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".into());
    let part = |of: Option<i64>, what: &str| {
        of.filter(|n| *n > 0).map(|n| format!(" ({} {what})", grouped(n))).unwrap_or_default()
    };
    let saved = detail.saved.map(|saved| format!("{} saved", dollars(saved)));
    let cost = detail.call.cost.map(dollars).or(saved);
    let (cached, reasoning) = (part(detail.cached_input_tokens, "cached"), part(detail.reasoning_tokens, "reasoning"));
    view! {
        <DefinitionList>
            <Fact term="Latency">{or_dash(detail.call.latency_us.map(duration))}</Fact>
            <Fact term="First byte">{or_dash(detail.first_byte_us.map(duration))}</Fact>
            <Fact term="Tokens read">{or_dash(detail.input_tokens.map(|n| format!("{}{cached}", grouped(n))))}</Fact>
            <Fact term="Tokens written">{or_dash(detail.output_tokens.map(|n| format!("{}{reasoning}", grouped(n))))}</Fact>
            <Fact term="Cost">{or_dash(cost)}</Fact>
        </DefinitionList>
    }
}
