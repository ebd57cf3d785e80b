//! Bars over time, drawn by the server, with the same numbers in a table.
use super::{Time, TimeStyle, Zone, scale::percent};
use crate::kernel::text;
use leptos::prelude::*;

/// One bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Its beginning, in milliseconds since 1970.
    pub at: i64,
    /// Number that went well.
    pub ok: u64,
    /// Number that failed or was refused.
    pub failed: u64,
}

/// Of the drawing, in pixels; its lines are in the middle of theirs.
const HEIGHT: f64 = 84.0;

/// The end of an axis that reaches `most`: 1, 2, 4, 6, 8 or 10 with as many zeros as it takes, so that its half is whole.
fn end_of_axis(most: u64) -> u64 {
    let mut unit = 1_u64;
    while most > unit.saturating_mul(10) {
        unit = unit.saturating_mul(10);
    }
    [1, 2, 4, 6, 8, 10].into_iter().map(|n| unit.saturating_mul(n)).find(|end| *end >= most).unwrap_or(u64::MAX)
}

/// `1,204`.
fn grouped(number: u64) -> String {
    text::grouped(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Brass bars with a hatched red part for what failed, as high as their numbers, between an axis of numbers and one of
/// times.
#[component]
pub fn Chart(
    /// What is counted, "Calls over the last hour".
    #[prop(into)]
    title: String,
    /// What the picture shows, in one sentence: "3,418 calls, 12 failed, most at 13:51".
    #[prop(into)]
    summary: String,
    /// The bars, oldest first.
    bars: Vec<Bar>,
    /// What one bar spans, in milliseconds.
    width: i64,
    /// How its times are written.
    style: TimeStyle,
    /// What is counted, in the plural: "calls".
    #[prop(into)]
    unit: String,
) -> impl IntoView {
    let end = end_of_axis(bars.iter().map(|bar| bar.ok + bar.failed).max().unwrap_or(0));
    let step = 1.0 / bars.len().max(1) as f64;
    let high = |number: u64| number as f64 / end as f64 * HEIGHT;
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    let first = bars.first().map_or(0, |bar| bar.at);
    let span = width.saturating_mul(bars.len() as i64);
    let ticks: Vec<_> =
        (0..=4).map(|quarter| view! { <span><Time at=first + span / 4 * quarter style /></span> }.into_any()).collect();
    let lines: Vec<_> = [0.5, HEIGHT / 2.0, HEIGHT - 0.5]
        .into_iter()
        .map(|y| view! { <line class="chart-line" x1="0" x2="100%" y1=y y2=y></line> }.into_any())
        .collect();
    let half = if end.is_multiple_of(2) { grouped(end / 2) } else { String::new() };
    for (index, bar) in bars.into_iter().enumerate() {
        let (x, wide) = (percent(step * (index as f64 + 0.14)), percent(step * 0.72));
        let mut part = |class: &'static str, number: u64, below: u64| {
            if number > 0 {
                // What is there is seen, if only as a line.
                let (height, y) = (high(number).max(1.0), HEIGHT - high(below));
                let (x, wide) = (x.clone(), wide.clone());
                let fill = (class == "bar-failed").then_some("url(#chart-hatch)");
                columns.push(
                    view! { <rect class=class fill=fill x=x width=wide y=format!("{:.2}", y - height) height=format!("{height:.2}")></rect> }
                        .into_any(),
                );
            }
        };
        part("bar-ok", bar.ok, 0);
        part("bar-failed", bar.failed, bar.ok);
        rows.push(
            view! {
                <tr>
                    <th scope="row"><Time at=bar.at style /></th>
                    <td class="num">{grouped(bar.ok)}</td>
                    <td class="num">{grouped(bar.failed)}</td>
                </tr>
            }
            .into_any(),
        );
    }
    let (spoken, table_name) = (format!("{title}. {summary}"), format!("{title}, as a table"));
    let zone = move || if style == TimeStyle::Day { "UTC".into_any() } else { view! { <Zone /> }.into_any() };
    view! {
        <figure class="chart">
            <figcaption class="chart-legend">
                <span class="vh">{title.clone()}". "</span>
                <span class="legend legend-ok">"Succeeded"</span>
                <span class="legend legend-failed">"Failed or refused"</span>
                <span class="chart-unit">{unit}" · times in "{zone()}</span>
            </figcaption>
            <div class="chart-plot">
                <div class="chart-numbers" aria-hidden="true">
                    <span>{grouped(end)}</span>
                    <span>{half}</span>
                    <span>"0"</span>
                </div>
                <svg class="chart-bars" width="100%" height=HEIGHT role="img" aria-label=spoken>
                    <defs>
                        <pattern id="chart-hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                            <rect class="hatch-ground" width="4" height="4"></rect>
                            <rect class="hatch-line" width="1.2" height="4"></rect>
                        </pattern>
                    </defs>
                    {lines}
                    {columns}
                </svg>
                <div class="chart-ticks" aria-hidden="true">{ticks}</div>
            </div>
            <details class="chart-table">
                <summary>"Show the numbers"</summary>
                <div class="table-region" role="region" tabindex="0" aria-label=table_name>
                    <table class="dense">
                        <caption class="vh">{title}</caption>
                        <thead>
                            <tr>
                                <th scope="col">"From, "{zone()}</th>
                                <th scope="col" class="num">"Succeeded"</th>
                                <th scope="col" class="num">"Failed or refused"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </details>
        </figure>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_number_just_above() {
        for (most, end) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 4),
            (5, 6),
            (10, 10),
            (11, 20),
            (42, 60),
            (100, 100),
            (3_418, 4_000),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(end_of_axis(most), end, "{most}");
        }
    }
}
