//! Several series over time: stacked bars or lines, drawn by the server, with their numbers in a table.
use super::{
    dom, picture,
    plotted::{Drawing, Plotted, Series, look, marks_row, rows, shapes},
    scale::{apart, axis, height, percent},
};
use crate::ui::reactive;
use leptos::ev::PointerEvent;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::Element;
use std::sync::Arc;

/// The words at the ends of lines, by where they stand.
fn ends(plotted: &Plotted) -> AnyView {
    if plotted.drawing == Drawing::Bars {
        return ().into_any();
    }
    let (end, _) = axis(plotted.most());
    let high = f64::from(plotted.high);
    let last = |series: &Series| series.values.iter().rev().find_map(|value| *value);
    let lines: Vec<_> = plotted
        .series
        .iter()
        .filter_map(|series| Some((series.label.clone(), high - height(last(series)?, end) * high)))
        .collect();
    let heights = apart(&lines.iter().map(|(_, y)| *y).collect::<Vec<_>>(), 14.0);
    lines
        .into_iter()
        .zip(heights)
        .map(|((label, _), y)| {
            view! { <text class="plot-end" x="100%" dx="6" y=format!("{:.0}", y + 4.0)>{label}</text> }.into_any()
        })
        .collect::<Vec<_>>()
        .into_any()
}

/// The drawing below its title and its legend, with a table of the same numbers. The legend tells the series in the order
/// of the stack. It tells the whole range; once scripts run, the bar that the pointer, a finger or the arrow keys are on.
#[component]
pub fn Plot(plotted: Plotted) -> impl IntoView {
    let (drawn, rows, words) = (shapes(&plotted), rows(&plotted), ends(&plotted));
    let numbers: Vec<_> =
        plotted.numbers().into_iter().rev().map(|number| view! { <span>{number}</span> }.into_any()).collect();
    let below = marks_row(&plotted);
    let (id, high, count) = (plotted.id, plotted.high, plotted.starts.len());
    let (title, aside) = (plotted.title.clone(), plotted.aside.clone());
    let (heading, of_button, caption) = (title.clone(), title.clone(), title.clone());
    let slide = format!("{title}, bar by bar");
    let is_bars = plotted.drawing == Drawing::Bars;
    let mut head: Vec<_> = plotted
        .series
        .iter()
        .map(|series| view! { <th scope="col" class="num">{series.label.clone()}</th> }.into_any())
        .collect();
    let further =
        is_bars.then(|| "All".to_owned()).into_iter().chain(plotted.before.as_ref().map(|(name, _)| name.clone()));
    head.extend(further.map(|label| view! { <th scope="col" class="num">{label}</th> }.into_any()));
    let before = plotted.before.as_ref().map(|(name, _)| {
        view! { <li><span class="swatch-line line-before" aria-hidden="true"></span>{name.clone()}</li> }.into_any()
    });
    let (spoken, table_name) = (format!("{title}. {}", plotted.summary), format!("{title}, as a table"));
    let at = RwSignal::new(None::<usize>);
    let plotted = Arc::new(plotted);
    let legend: Vec<_> = (0..plotted.series.len())
        .map(|index| {
            let Series { label, is_rest, .. } = plotted.series[index].clone();
            let class = if is_bars {
                format!("swatch series-{}", look(index, is_rest))
            } else {
                format!("swatch-line line-{}", index + 1)
            };
            let plotted = Arc::clone(&plotted);
            view! {
                <li>
                    <span class=class aria-hidden="true"></span>
                    <span class="legend-name">{label}</span>
                    <b>{reactive(move || plotted.told(index, at.get()))}</b>
                </li>
            }
            .into_any()
        })
        .collect();
    let (read, value_text, saved) = (Arc::clone(&plotted), Arc::clone(&plotted), plotted);
    let last = count.saturating_sub(1);
    let step = 1.0 / count.max(1) as f64;
    let mark = move || percent(at.get().unwrap_or(0) as f64 * step);
    let mark_wide = move || percent(if at.get().is_some() { step } else { 0.0 });
    view! {
        <section class="figure" id=id aria-label=title>
            <div class="figure-top">
                <h2>{heading}</h2>
                <div class="figure-aside">
                    {reactive(move || at.get().map_or_else(|| aside.clone(), |at| read.bar(at)))}
                </div>
                <button
                    type="button"
                    class="button button-quiet button-small needs-js"
                    on:click=move |_| dom::save(&format!("{}.svg", saved.id), &picture::file(&saved))
                >
                    "Save as picture"
                    <span class="vh">": "{of_button}</span>
                </button>
            </div>
            <ul class="plot-legend" aria-label=if is_bars { "From the foot of each bar" } else { "Lines" }>
                {legend}
                {before}
            </ul>
            <div class="plot-area">
                <div class="chart-numbers" aria-hidden="true">{numbers}</div>
                <div class="plot-box" class:plot-lines=!is_bars>
                    <svg class="plot" width="100%" height=high role="img" aria-label=spoken>
                        <g inner_html=drawn></g>
                        {words}
                        <rect class="plot-mark" x=mark y="0" width=mark_wide height=high></rect>
                    </svg>
                    <input
                        type="range"
                        class="plot-slide needs-js"
                        min="0"
                        max=last
                        value=last
                        aria-label=slide
                        aria-valuetext=move || value_text.spoken(at.get().unwrap_or(last))
                        on:input=move |event| at.set(event_target_value(&event).parse().ok())
                        on:focus=move |event| at.set(event_target_value(&event).parse().ok())
                        on:blur=move |_| at.set(None)
                        on:pointermove=move |event| at.set(bar_under(&event, count))
                        on:pointerleave=move |event| {
                            // A finger that goes leaves what it has touched.
                            if event.pointer_type() == "mouse" {
                                at.set(None);
                            }
                        }
                    />
                </div>
                <div class="plot-marks" class:plot-lines=!is_bars aria-hidden="true" inner_html=below></div>
            </div>
            <details class="chart-table">
                <summary>"Show the numbers"</summary>
                <div class="table-region" role="region" tabindex="0" aria-label=table_name>
                    <table class="dense">
                        <caption class="vh">{caption}</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Time, UTC"</th>
                                {head}
                            </tr>
                        </thead>
                        <tbody inner_html=rows></tbody>
                    </table>
                </div>
            </details>
        </section>
    }
}

/// The bar that the pointer is over.
fn bar_under(event: &PointerEvent, count: usize) -> Option<usize> {
    let wide = event.target()?.dyn_into::<Element>().ok()?.client_width();
    let share = f64::from(event.offset_x()) / f64::from(wide.max(1));
    Some(((share * count as f64).max(0.0) as usize).min(count.saturating_sub(1)))
}
