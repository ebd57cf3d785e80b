//! What a [`Plot`](super::Plot) draws, and the text of its drawing.
//!
//! That text is made here of numbers and of words of our own, never of what people have named: that stands in the legend
//! and in the table's head.
use super::{
    scale::{axis, height, line, percent, stack, steps},
    span::{bar_text, marks},
};
use std::fmt::Write as _;

/// The most series that are drawn beside "others".
pub const SERIES: usize = 5;

/// One series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// What people call it.
    pub label: String,
    /// Its value over all bars, in words.
    pub total: String,
    /// A value for each bar; none where nothing is known.
    pub values: Vec<Option<i64>>,
    /// All that has no series of its own, in grey.
    pub is_rest: bool,
}

/// How series are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// Bars, the first series at their foot.
    Bars,
    /// Lines: at most three, told apart by their dashes and by a word at their end.
    Lines,
}

/// All that is drawn.
#[derive(Clone, Debug)]
pub struct Plotted {
    /// Id of the part of the page.
    pub id: &'static str,
    /// What is counted: "Requests by model".
    pub title: String,
    /// Beside the title: what the numbers mean.
    pub aside: String,
    /// What the picture shows, in a sentence or two.
    pub summary: String,
    pub drawing: Drawing,
    /// In pixels.
    pub high: u32,
    /// Where each bar begins, in milliseconds since 1970, oldest first.
    pub starts: Vec<i64>,
    /// What one bar spans, in milliseconds.
    pub width: i64,
    pub series: Vec<Series>,
    /// The same of a range before: its name, and what all series were together. A dashed line.
    pub before: Option<(String, Vec<i64>)>,
    /// How a value is written.
    pub write: fn(i64) -> String,
}

impl Plotted {
    /// All series of a bar together.
    pub(super) fn sum(&self, index: usize) -> i64 {
        let values = self.series.iter().filter_map(|series| series.values.get(index).copied().flatten());
        values.fold(0, i64::saturating_add)
    }

    /// The highest point.
    pub(super) fn most(&self) -> i64 {
        let before = self.before.iter().flat_map(|(_, values)| values).copied();
        let drawn: Box<dyn Iterator<Item = i64>> = match self.drawing {
            Drawing::Bars => Box::new((0..self.starts.len()).map(|index| self.sum(index))),
            Drawing::Lines => Box::new(self.series.iter().flat_map(|series| &series.values).filter_map(|value| *value)),
        };
        drawn.chain(before).max().unwrap_or(0)
    }

    /// The numbers of the axis, from the ground up.
    pub(super) fn numbers(&self) -> Vec<String> {
        let (end, parts) = axis(self.most());
        (0..=parts).map(|part| if part == 0 { "0".into() } else { (self.write)(end / parts * part) }).collect()
    }

    /// Of a bar, or of all: what stands beside a series' name.
    pub(super) fn told(&self, series: usize, at: Option<usize>) -> String {
        let Some(series) = self.series.get(series) else { return String::new() };
        match at.and_then(|at| series.values.get(at)) {
            None => series.total.clone(),
            Some(value) => value.map_or_else(|| "–".into(), self.write),
        }
    }

    /// The time of a bar, and what all series are together in it.
    pub(super) fn bar(&self, at: usize) -> String {
        let time = bar_text(self.starts.get(at).copied().unwrap_or_default(), self.width);
        let mut words = match self.drawing {
            Drawing::Bars => format!("{time}: {}", (self.write)(self.sum(at))),
            Drawing::Lines => time,
        };
        if let Some((name, values)) = &self.before
            && let Some(value) = values.get(at)
        {
            let _ = write!(words, "; {name} {}", (self.write)(*value));
        }
        words
    }

    /// A bar as it is spoken.
    pub(super) fn spoken(&self, at: usize) -> String {
        let each =
            (0..self.series.len()).map(|index| format!("{} {}", self.series[index].label, self.told(index, Some(at))));
        std::iter::once(self.bar(at)).chain(each).collect::<Vec<_>>().join("; ")
    }
}

/// Which of the looks a series has: 1 to [`SERIES`], 0 for the rest.
pub(super) fn look(index: usize, is_rest: bool) -> usize {
    if is_rest { 0 } else { index % SERIES + 1 }
}

/// The drawing as SVG, to stand in one that is as wide as there is room.
pub(super) fn shapes(plotted: &Plotted) -> String {
    let high = f64::from(plotted.high);
    let (end, parts) = axis(plotted.most());
    let count = plotted.starts.len();
    let step = 1.0 / count.max(1) as f64;
    let mut out = String::new();
    for part in 0..=parts {
        let y = (high - high * part as f64 / parts as f64).clamp(0.5, high - 0.5);
        let class = if part == 0 { "plot-ground" } else { "chart-line" };
        let _ = write!(out, r#"<line class="{class}" x1="0" x2="100%" y1="{y:.2}" y2="{y:.2}"></line>"#);
    }
    let mut paths = String::new();
    match plotted.drawing {
        Drawing::Bars => {
            for index in 0..count {
                let (x, wide) = (percent(step * (index as f64 + 0.14)), percent(step * 0.72));
                let parts =
                    stack(plotted.series.iter().map(|series| series.values.get(index).copied().flatten().unwrap_or(0)));
                for (at, (below, value)) in parts.into_iter().enumerate().filter(|(_, (_, value))| *value > 0) {
                    // What is there is seen, if only as a line.
                    let tall = (height(value, end) * high).max(1.0);
                    let y = high - height(below, end) * high - tall;
                    let look = look(at, plotted.series[at].is_rest);
                    let _ = write!(
                        out,
                        r#"<rect class="series-{look}" x="{x}" width="{wide}" y="{y:.2}" height="{tall:.2}"></rect>"#
                    );
                }
            }
        }
        Drawing::Lines => {
            for (index, series) in plotted.series.iter().enumerate() {
                let _ = write!(
                    paths,
                    r#"<path class="plot-line line-{}" d="{}"></path>"#,
                    index + 1,
                    line(&series.values, end, high)
                );
            }
        }
    }
    if let Some((_, values)) = &plotted.before {
        let _ = write!(paths, r#"<path class="plot-before" d="{}"></path>"#, steps(values, end, high));
    }
    if !paths.is_empty() {
        let _ = write!(
            out,
            r#"<svg width="100%" height="{0}" viewBox="0 0 {1} {0}" preserveAspectRatio="none">{paths}</svg>"#,
            plotted.high,
            count.max(1)
        );
    }
    out
}
/// The words below the drawing: one place for each bar, most of them empty.
pub(super) fn marks_row(plotted: &Plotted) -> String {
    let marks = marks(&plotted.starts, plotted.width);
    let count = marks.len();
    let (mut out, mut written) = (String::new(), 0);
    for (index, mark) in marks.into_iter().enumerate() {
        let Some(mark) = mark else {
            out.push_str("<span></span>");
            continue;
        };
        // Where it is narrow there is room for every second word, and for none near the end.
        let class = if written % 2 == 1 || (count - index) * 5 < count { r#" class="plot-spare""# } else { "" };
        let _ = write!(out, "<span{class}>{mark}</span>");
        written += 1;
    }
    out
}

/// The rows of the table: times and numbers.
pub(super) fn rows(plotted: &Plotted) -> String {
    let mut out = String::new();
    for (index, start) in plotted.starts.iter().enumerate() {
        let _ = write!(out, r#"<tr><th scope="row">{}</th>"#, bar_text(*start, plotted.width));
        let mut cell = |words: String| {
            let _ = write!(out, r#"<td class="num">{words}</td>"#);
        };
        for series in 0..plotted.series.len() {
            cell(plotted.told(series, Some(index)));
        }
        if plotted.drawing == Drawing::Bars {
            cell((plotted.write)(plotted.sum(index)));
        }
        if let Some((_, values)) = &plotted.before {
            cell(values.get(index).map_or_else(|| "–".into(), |value| (plotted.write)(*value)));
        }
        out.push_str("</tr>");
    }
    out
}
#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::kernel::text::grouped;

    pub(in super::super) fn plotted(drawing: Drawing) -> Plotted {
        let series = |label: &str, values: [i64; 2], is_rest| Series {
            label: label.into(),
            total: grouped(values.iter().sum()),
            values: values.into_iter().map(Some).collect(),
            is_rest,
        };
        Plotted {
            id: "requests",
            title: "Requests by model".into(),
            aside: String::new(),
            summary: String::new(),
            drawing,
            high: 100,
            starts: vec![1_803_168_000_000, 1_803_254_400_000],
            width: 86_400_000,
            series: vec![series("a<b", [4, 0], false), series("2 others", [4, 2], true)],
            before: Some(("the two days before".into(), vec![10, 5])),
            write: grouped,
        }
    }

    #[test]
    fn bars_are_stacked_from_the_foot_and_the_rest_is_grey() {
        let drawn = shapes(&plotted(Drawing::Bars));
        assert!(
            drawn.contains(r#"<rect class="series-1" x="7.00%" width="36.00%" y="60.00" height="40.00">"#),
            "{drawn}"
        );
        assert!(drawn.contains(r#"<rect class="series-0" x="7.00%" width="36.00%" y="20.00" height="40.00">"#));
        assert!(drawn.contains(r#"<rect class="series-0" x="57.00%" width="36.00%" y="80.00" height="20.00">"#));
        assert!(drawn.contains(r#"<path class="plot-before" d="M0 0H1V50H2">"#));
        assert!(!drawn.contains("a<b"), "what people name is not in it");
    }

    #[test]
    fn lines_are_as_high_as_their_values() {
        let mut lines = plotted(Drawing::Lines);
        lines.before = None;
        let drawn = shapes(&lines);
        assert!(drawn.contains(r#"<path class="plot-line line-1" d="M0.5 0L1.5 100">"#), "{drawn}");
    }

    #[test]
    fn the_axis_is_told_from_the_ground_up() {
        assert_eq!(plotted(Drawing::Bars).numbers(), ["0", "2", "4", "6", "8", "10"]);
    }

    #[test]
    fn a_bar_is_told_with_all_its_series() {
        let bars = plotted(Drawing::Bars);
        assert_eq!(bars.spoken(0), "Sun 21 Feb: 8; the two days before 10; a<b 4; 2 others 4");
        assert_eq!((bars.told(0, None), bars.told(1, Some(1))), ("4".into(), "2".into()));
        assert!(rows(&bars).starts_with(
            r#"<tr><th scope="row">Sun 21 Feb</th><td class="num">4</td><td class="num">4</td><td class="num">8</td><td class="num">10</td></tr>"#
        ));
    }
}
