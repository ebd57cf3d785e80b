//! What happened in a call, drawn along its time, with a table of the same numbers.

use crate::{
    features::logs::{
        model::{Detail, duration},
        timeline::{Kind, Step},
    },
    ui::components::Card,
};
use leptos::prelude::*;

fn percent(part: i64, whole: i64) -> f64 {
    part as f64 / whole.max(1) as f64 * 100.0
}

const fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Moment | Kind::Check => "fall-check",
        Kind::Wait => "fall-wait",
        Kind::Answer => "fall-answer",
        Kind::Bad => "fall-bad",
    }
}

/// The bars of a step: what was waited for its first byte, where that is known, and the rest.
fn bars(step: &Step, whole: i64) -> Vec<AnyView> {
    let parts = match step.first_byte {
        Some(first) => vec![("fall-wait", step.from, first), (class(step.kind), first, step.to)],
        None => vec![(class(step.kind), step.from, step.to)],
    };
    let bar = |(class, from, to)| {
        // The shortest part is seen as a line.
        let wide = percent(to - from, whole).max(0.4);
        let left = percent(from, whole).min(100.0 - wide);
        view! { <rect class=class x=format!("{left:.2}%") width=format!("{wide:.2}%") y="1" height="10" rx="1.5"></rect> }
            .into_any()
    };
    parts.into_iter().map(bar).collect()
}

/// The steps below one another, each at its time, with an axis above.
#[component]
pub fn WhatHappened(detail: Detail) -> impl IntoView {
    let steps = detail.steps;
    let whole = detail.call.latency_us.unwrap_or(0);
    if steps.is_empty() {
        return ().into_any();
    }
    let times: Vec<_> =
        (0..=4).map(|quarter| view! { <span>{duration(whole / 4 * quarter)}</span> }.into_any()).collect();
    let numbers: Vec<_> = steps.iter().map(numbers).collect();
    let rows: Vec<_> = steps
        .into_iter()
        .map(|step| {
            let long = if step.kind == Kind::Moment { String::new() } else { duration(step.to - step.from) };
            let (bars, times) = (bars(&step, whole), step.times());
            view! {
                <li class="fall">
                    <div>
                        <div class="fall-name">{step.name}</div>
                        <div class="fall-more">{step.more}<span class="vh">", "{times}</span></div>
                    </div>
                    <svg width="100%" height="12" aria-hidden="true">{bars}</svg>
                    <div class="fall-long">{long}</div>
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
            <details class="chart-table">
                <summary>"Show the numbers"</summary>
                <div class="table-region" role="region" tabindex="0" aria-label="What happened, as a table">
                    <table class="dense">
                        <caption class="vh">"What happened, from the arrival of the request"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Step"</th>
                                <th scope="col" class="num">"From"</th>
                                <th scope="col" class="num">"First byte"</th>
                                <th scope="col" class="num">"Until"</th>
                                <th scope="col" class="num">"Took"</th>
                            </tr>
                        </thead>
                        <tbody>{numbers}</tbody>
                    </table>
                </div>
            </details>
        </Card>
    }
    .into_any()
}

fn numbers(step: &Step) -> AnyView {
    let cells = [Some(step.from), step.first_byte, Some(step.to), Some(step.to - step.from)];
    let cells: Vec<_> = cells
        .into_iter()
        .map(|at| view! { <td class="num">{at.map_or_else(|| "–".into(), duration)}</td> }.into_any())
        .collect();
    view! { <tr><th scope="row">{step.name.clone()}</th>{cells}</tr> }.into_any()
}
