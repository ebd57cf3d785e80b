//! Bars over time, drawn by the server, with the same numbers in a table.
use leptos::prelude::*;

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// When, "13:05".
    pub label: String,
    /// Number that went well.
    pub ok: u64,
    /// Number that failed or was refused.
    pub failed: u64,
}

const HEIGHT: f64 = 76.0;

/// A share of a percent, short enough for markup and the same everywhere.
fn percent(value: f64) -> String {
    format!("{:.2}%", value * 100.0)
}

/// Brass bars with a red cap for what failed. Scaled to the highest bar; five labels below.
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
    /// Header of the table's first column.
    #[prop(into, default = "Time".into())]
    label_column: String,
) -> impl IntoView {
    let most = bars.iter().map(|bar| bar.ok + bar.failed).max().unwrap_or(0).max(1) as f64;
    let step = 1.0 / bars.len().max(1) as f64;
    let (mut columns, mut ticks, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let shown = bars.len().saturating_sub(1);
    for tick in 0..=4 {
        if let Some(bar) = bars.get(shown * tick / 4) {
            ticks.push(view! { <span>{bar.label.clone()}</span> });
        }
    }
    for (index, bar) in bars.into_iter().enumerate() {
        let failed = if bar.failed == 0 { 0.0 } else { (bar.failed as f64 / most * (HEIGHT - 6.0)).max(4.0).round() };
        let ok = if bar.ok == 0 { 0.0 } else { (bar.ok as f64 / most * (HEIGHT - 6.0)).max(2.0).round() };
        let ok = ok.min(HEIGHT - failed - 2.0);
        let x = percent(step * (index as f64 + 0.14));
        let width = percent(step * 0.72);
        columns.push(view! {
            <rect class="bar-ok" x=x.clone() width=width.clone() y=HEIGHT - ok height=ok rx="1.5"></rect>
            {(failed > 0.0)
                .then(|| {
                    view! {
                        <rect class="bar-failed" x=x width=width y=HEIGHT - ok - failed - 1.5 height=failed rx="1.5"></rect>
                    }
                })}
        });
        rows.push(view! {
            <tr>
                <th scope="row">{bar.label}</th>
                <td class="num">{bar.ok}</td>
                <td class="num">{bar.failed}</td>
            </tr>
        });
    }
    let (spoken, table_name) = (format!("{title}. {summary}"), format!("{title}, as a table"));
    view! {
        <figure class="chart">
            <figcaption class="vh">{title.clone()}</figcaption>
            <svg class="chart-bars" width="100%" height=HEIGHT role="img" aria-label=spoken>
                {columns}
            </svg>
            <div class="chart-ticks" aria-hidden="true">{ticks}</div>
            <details class="chart-table">
                <summary>"Show the numbers"</summary>
                <div class="table-region" role="region" tabindex="0" aria-label=table_name>
                    <table class="dense">
                        <caption class="vh">{title}</caption>
                        <thead>
                            <tr>
                                <th scope="col">{label_column}</th>
                                <th scope="col" class="num">"Succeeded"</th>
                                <th scope="col" class="num">"Failed"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </details>
        </figure>
    }
}
