//! What happened in a call, drawn along its time.

use crate::{
    features::logs::model::{Attempt, CallOutcome, Detail, duration},
    kernel::text::grouped,
    ui::components::Card,
};
use leptos::prelude::*;

/// A part of a call, in microseconds from its beginning.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub more: String,
    pub from: i64,
    pub to: i64,
    pub class: &'static str,
}

/// The parts of a call that are known, in their order. None before it ends, and of one whose end nobody saw.
pub fn parts(detail: &Detail) -> Vec<Part> {
    let call = &detail.call;
    let Some(whole) = call.latency_us.filter(|_| call.outcome != CallOutcome::Lost) else { return Vec::new() };
    if !detail.attempts.is_empty() {
        return detail.attempts.iter().map(|attempt| of_attempt(attempt, whole)).collect();
    }
    let well = call.outcome == CallOutcome::Ok;
    let last = if well { "fall-answer" } else { "fall-bad" };
    let provider = match (detail.provider, &call.virtual_key) {
        (Some(provider), Some(slug)) => format!("{}, @{slug}", provider.label()),
        (Some(provider), None) => provider.label().to_owned(),
        _ => "the provider".to_owned(),
    };
    if call.outcome == CallOutcome::Refused {
        let more = "nothing was sent to a provider".to_owned();
        return vec![Part { name: "Refused by Latchkey".into(), more, from: 0, to: whole, class: last }];
    }
    let Some(first) = detail.first_byte_us.filter(|first| *first <= whole) else {
        let name = if well { "Call" } else { "No answer" };
        return vec![Part { name: name.into(), more: provider, from: 0, to: whole, class: last }];
    };
    let written = detail.output_tokens.map(|n| format!("{} {} written", grouped(n), if n == 1 { "token" } else { "tokens" }));
    let more = if well { written.unwrap_or_else(|| "whole".into()) } else { call.words() };
    vec![
        Part { name: "Until the first byte".into(), more: provider, from: 0, to: first, class: "fall-wait" },
        Part { name: "Answer".into(), more, from: first, to: whole, class: last },
    ]
}

/// An attempt of a call that a config led; what lies between two of them is the wait.
fn of_attempt(attempt: &Attempt, whole: i64) -> Part {
    let target = attempt.path.strip_prefix("config.").unwrap_or(&attempt.path);
    let name = match (&attempt.virtual_key, &*attempt.model) {
        (Some(slug), model) if !model.is_empty() => format!("@{slug}, {model}"),
        (Some(slug), _) => format!("@{slug}"),
        (None, _) => target.to_owned(),
    };
    let from = attempt.began_us.clamp(0, whole);
    let to = attempt.took_us.map_or(whole, |took| from.saturating_add(took)).clamp(from, whole);
    let class = if attempt.is_good() { "fall-answer" } else { "fall-bad" };
    Part { name, more: format!("{target}; {}", attempt.words()), from, to, class }
}

fn percent(part: i64, whole: i64) -> f64 {
    part as f64 / whole.max(1) as f64 * 100.0
}

/// The parts below one another, each at its time, with an axis above.
#[component]
pub fn WhatHappened(detail: Detail) -> impl IntoView {
    let parts = parts(&detail);
    let whole = detail.call.latency_us.unwrap_or(0);
    if parts.is_empty() {
        return ().into_any();
    }
    let times: Vec<_> =
        (0..=4).map(|quarter| view! { <span>{duration(whole / 4 * quarter)}</span> }.into_any()).collect();
    let rows: Vec<_> = parts
        .into_iter()
        .map(|Part { name, more, from, to, class }| {
            // The shortest part is seen as a line.
            let wide = percent(to - from, whole).max(0.4);
            let left = percent(from, whole).min(100.0 - wide);
            view! {
                <li class="fall">
                    <div>
                        <div class="fall-name">{name}</div>
                        <div class="fall-more">{more}</div>
                    </div>
                    <svg width="100%" height="12" aria-hidden="true">
                        <rect class=class x=format!("{left:.2}%") width=format!("{wide:.2}%") y="1" height="10" rx="1.5"></rect>
                    </svg>
                    <div class="fall-long">{duration(to - from)}</div>
                </li>
            }
            .into_any()
        })
        .collect();
    let all = format!("{} in all", duration(whole));
    view! {
        <Card title="What happened" actions=move || view! { <span class="muted">{all.clone()}</span> }>
            <ol class="falls">
                <li class="fall-axis" aria-hidden="true"><div class="fall-times">{times}</div></li>
                {rows}
            </ol>
        </Card>
    }
    .into_any()
}
