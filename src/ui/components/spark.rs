//! Small lines that show how a figure came about. Decoration: the words beside them say what matters.
use leptos::prelude::*;
use std::fmt::Write as _;

/// Of the drawing, in pixels.
const WIDE: f64 = 76.0;
const HIGH: f64 = 24.0;

/// The places of the values that are known, from zero at the foot to the highest at the top.
fn points(values: &[Option<f64>]) -> Vec<(f64, f64)> {
    let most = values.iter().flatten().fold(0.0_f64, |most, value| most.max(*value));
    let step = WIDE / values.len().saturating_sub(1).max(1) as f64;
    let place = |(index, value): (usize, &Option<f64>)| {
        let share = if most > 0.0 { (*value)?.max(0.0) / most } else { 0.0 };
        Some((step * index as f64, HIGH - share * HIGH))
    };
    values.iter().enumerate().filter_map(place).collect()
}

/// A line through points, as the `d` of a path.
fn path(points: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let _ = write!(d, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
    }
    d
}

/// The line of these values, oldest first, red if that is bad. Nothing where fewer than two are known.
#[component]
pub fn Spark(
    /// None where nothing is known: the line goes on to the next.
    values: Vec<Option<f64>>,
    /// The figure has become worse.
    #[prop(optional)]
    bad: bool,
) -> impl IntoView {
    let points = points(&values);
    let (Some((first, _)), Some((last, end)), true) = (points.first(), points.last(), points.len() > 1) else {
        return ().into_any();
    };
    let line = path(&points);
    let area = format!("{line}V{HIGH}H{first:.1}z");
    view! {
        <svg class="spark" class:spark-bad=bad viewBox="0 0 76 24" width="76" height="24" aria-hidden="true">
            <path class="spark-area" d=area></path>
            <path class="spark-line" d=line></path>
            <circle class="spark-end" cx=format!("{last:.1}") cy=format!("{end:.1}") r="2"></circle>
        </svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_is_at_the_top_and_what_is_not_known_is_passed_over() {
        let points = points(&[Some(0.0), None, Some(10.0), Some(5.0), Some(5.0)]);
        assert_eq!(path(&points), "M0.0 24.0L38.0 0.0L57.0 12.0L76.0 12.0");
    }

    #[test]
    fn nothing_is_a_line_along_the_foot() {
        assert_eq!(path(&points(&[Some(0.0), Some(0.0)])), "M0.0 24.0L76.0 24.0");
        assert_eq!(path(&points(&[])), "");
    }
}
