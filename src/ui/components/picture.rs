//! A drawing as a file of its own: an SVG with its own colours and words, which needs nothing of this site.
use super::{
    plotted::{Drawing, Plotted, look},
    scale::{axis, height, line, stack, steps},
    span::marks,
};
use std::fmt::Write as _;

const WIDE: f64 = 960.0;
const HIGH: f64 = 300.0;
/// Where the drawing itself begins and ends.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 916.0;
/// Fill and outline of the rest, then of each series, on white.
const COLOURS: [(&str, &str); 6] = [
    ("#d3d0cb", "#7d7972"),
    ("#e0b350", "#87630b"),
    ("#7f9fc4", "#35618f"),
    ("#85b9a2", "#2f7d62"),
    ("#b088ad", "#84447f"),
    ("#b3b77c", "#646a1c"),
];
/// Width and dashes of each line.
const LINES: [(&str, &str, &str); 3] = [("#87630b", "2.2", ""), ("#4f4a43", "1.6", "7 3"), ("#4f4a43", "1.6", "2 3")];

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The whole file.
pub(crate) fn file(plotted: &Plotted) -> String {
    let (end, _) = axis(plotted.most());
    let count = plotted.starts.len().max(1);
    let step = (RIGHT - LEFT) / count as f64;
    let is_bars = plotted.drawing == Drawing::Bars;
    let mut out = String::new();
    let text = |out: &mut String, x: f64, y: f64, more: &str, words: &str| {
        let _ = write!(out, r#"<text x="{x:.1}" y="{y:.1}"{more}>{}</text>"#, escaped(words));
    };
    text(&mut out, 24.0, 34.0, r#" font-size="16" font-weight="600""#, &plotted.title);
    // Words are about this wide, so that a legend is broken before it goes beyond the edge.
    let (mut x, mut y) = (24.0, 58.0);
    for (index, series) in plotted.series.iter().enumerate() {
        let words = format!("{} {}", series.label, series.total);
        let wide = 32.0 + 7.0 * words.chars().count() as f64;
        if x > 24.0 && x + wide > WIDE - 24.0 {
            (x, y) = (24.0, y + 20.0);
        }
        let (fill, edge) = COLOURS[look(index, series.is_rest)];
        let _ = if is_bars {
            write!(
                out,
                r#"<rect x="{x:.1}" y="{:.1}" width="11" height="11" fill="{fill}" stroke="{edge}"/>"#,
                y - 10.0
            )
        } else {
            let (colour, wide, dash) = LINES[index % LINES.len()];
            write!(
                out,
                r#"<path d="M{x:.1} {:.1}h14" fill="none" stroke="{colour}" stroke-width="{wide}" stroke-dasharray="{dash}"/>"#,
                y - 4.0
            )
        };
        text(&mut out, x + 18.0, y, "", &words);
        x += wide;
    }
    if let Some((name, _)) = &plotted.before {
        text(&mut out, 24.0, y + 20.0, r##" fill="#6b665e""##, &format!("Dashed: {name}"));
        y += 20.0;
    }
    let top = y + 24.0;
    let numbers = plotted.numbers();
    let part = HIGH / numbers.len().saturating_sub(1).max(1) as f64;
    for (index, number) in numbers.iter().enumerate() {
        let y = top + HIGH - part * index as f64;
        let _ = write!(out, r##"<path d="M{LEFT} {y:.1}H{RIGHT}" stroke="#e4e1dc"/>"##);
        text(&mut out, LEFT - 8.0, y + 4.0, r##" text-anchor="end" fill="#6b665e""##, number);
    }
    for (index, mark) in marks(&plotted.starts, plotted.width).into_iter().enumerate() {
        if let Some(mark) = mark {
            text(&mut out, LEFT + step * index as f64, top + HIGH + 20.0, r##" fill="#6b665e""##, &mark);
        }
    }
    if is_bars {
        for index in 0..count {
            let parts =
                stack(plotted.series.iter().map(|series| series.values.get(index).copied().flatten().unwrap_or(0)));
            for (at, (below, value)) in parts.into_iter().enumerate().filter(|(_, (_, value))| *value > 0) {
                let tall = (height(value, end) * HIGH).max(1.0);
                let (fill, edge) = COLOURS[look(at, plotted.series[at].is_rest)];
                let _ = write!(
                    out,
                    r#"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{tall:.1}" fill="{fill}" stroke="{edge}"/>"#,
                    LEFT + step * (index as f64 + 0.14),
                    top + HIGH - height(below, end) * HIGH - tall,
                    step * 0.72,
                );
            }
        }
    }
    // As wide as there are bars, and stretched.
    let _ = write!(
        out,
        r#"<svg x="{LEFT}" y="{top}" width="{}" height="{HIGH}" viewBox="0 0 {count} {HIGH}" preserveAspectRatio="none" fill="none">"#,
        RIGHT - LEFT
    );
    let mut path = |d: String, colour: &str, wide: &str, dash: &str| {
        let _ = write!(
            out,
            r#"<path d="{d}" stroke="{colour}" stroke-width="{wide}" stroke-dasharray="{dash}" stroke-linecap="round" vector-effect="non-scaling-stroke"/>"#
        );
    };
    if !is_bars {
        for (series, (colour, wide, dash)) in plotted.series.iter().zip(LINES) {
            path(line(&series.values, end, HIGH), colour, wide, dash);
        }
    }
    if let Some((_, values)) = &plotted.before {
        path(steps(values, end, HIGH), "#4f4a43", "1.2", "3 3");
    }
    out.push_str("</svg>");
    let bottom = top + HIGH + 44.0;
    text(&mut out, 24.0, bottom, r##" fill="#6b665e" font-size="11""##, "Times in UTC");
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{0}" viewBox="0 0 {WIDE} {0}" font-family="Inter, system-ui, sans-serif" font-size="12.5" fill="#241f17"><rect width="100%" height="100%" fill="#fff"/>{out}</svg>"##,
        bottom + 16.0
    )
}

#[cfg(test)]
mod tests {
    use super::{super::plotted::tests::plotted, *};

    #[test]
    fn the_file_stands_alone_and_escapes_names() {
        for drawing in [Drawing::Bars, Drawing::Lines] {
            let file = file(&plotted(drawing));
            assert!(file.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && file.ends_with("</svg>"));
            assert!(file.contains("a&lt;b 4") && !file.contains("a<b"));
            assert!(!file.contains("var(") && !file.contains("class="));
            assert!(file.contains("Dashed: the two days before"));
        }
    }
}
