//! The geometry of drawings: where an axis ends, what lies on what, and the text of paths. A path is drawn into a box that
//! is as wide as it has values, and is stretched to the width that there is.
use std::fmt::Write as _;

/// A share as a percentage, short enough for markup and the same everywhere.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// The end of an axis that reaches `most`, and the number of equal parts between its lines, each of which is whole.
pub(crate) fn axis(most: i64) -> (i64, i64) {
    const ENDS: [(i64, i64); 7] = [(1, 5), (2, 4), (3, 3), (4, 4), (6, 3), (8, 4), (10, 5)];
    let mut unit = 1_i64;
    while most > unit.saturating_mul(10) {
        unit = unit.saturating_mul(10);
    }
    let fits = ENDS.into_iter().map(|(end, parts)| (unit.saturating_mul(end), parts)).find(|(end, _)| *end >= most);
    let (end, parts) = fits.unwrap_or((i64::MAX, 1));
    (end, [parts, 2, 1].into_iter().find(|parts| end % parts == 0).unwrap_or(1))
}

/// How high a value stands above the ground, as a share of the axis.
pub(crate) fn height(value: i64, end: i64) -> f64 {
    value.max(0) as f64 / end.max(1) as f64
}

/// What lies on what, from the ground up: how much is below each value. Nothing is less than none.
pub(crate) fn stack(values: impl IntoIterator<Item = i64>) -> Vec<(i64, i64)> {
    let mut below = 0_i64;
    let on = |value: i64| {
        let (value, under) = (value.max(0), below);
        below = below.saturating_add(value);
        (under, value)
    };
    values.into_iter().map(on).collect()
}

/// A number of a path: two decimals at most.
fn number(out: &mut String, value: f64) {
    let hundredths = (value * 100.0).round() as i64;
    let (sign, hundredths) = if hundredths < 0 { ("-", -hundredths) } else { ("", hundredths) };
    let (whole, part) = (hundredths / 100, hundredths % 100);
    let _ = match (part, part % 10) {
        (0, _) => write!(out, "{sign}{whole}"),
        (_, 0) => write!(out, "{sign}{whole}.{}", part / 10),
        _ => write!(out, "{sign}{whole}.{part:02}"),
    };
}

/// A line from the middle of each value to that of the next. Where nothing is known it is broken; a value by itself is a dot.
pub(crate) fn line(values: &[Option<i64>], end: i64, high: f64) -> String {
    let mut path = String::new();
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let before = index.checked_sub(1).and_then(|before| values[before]);
        path.push(if before.is_some() { 'L' } else { 'M' });
        number(&mut path, index as f64 + 0.5);
        path.push(' ');
        number(&mut path, high - height(*value, end) * high);
        if before.is_none() && values.get(index + 1).copied().flatten().is_none() {
            path.push_str("h0");
        }
    }
    path
}

/// A line along the top of each value, with a step to the next.
pub(crate) fn steps(values: &[i64], end: i64, high: f64) -> String {
    let mut path = String::new();
    for (index, value) in values.iter().enumerate() {
        let y = high - height(*value, end) * high;
        if index == 0 {
            path.push_str("M0 ");
        } else {
            path.push('V');
        }
        number(&mut path, y);
        let _ = write!(path, "H{}", index + 1);
    }
    path
}

/// Heights of words beside the ends of lines, at least `apart` from one another, in the order in which they came.
pub(crate) fn apart(heights: &[f64], apart: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|one, other| heights[*one].total_cmp(&heights[*other]));
    let (mut placed, mut lowest) = (heights.to_vec(), f64::NEG_INFINITY);
    // From the foot up, so that what is pushed goes where there is room: away from the ground.
    for index in order.into_iter().rev() {
        let y = if lowest.is_finite() { heights[index].min(lowest - apart) } else { heights[index] };
        placed[index] = y;
        lowest = y;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_just_above_and_its_parts_are_whole() {
        for (most, ends) in [
            (0, (1, 1)),
            (1, (1, 1)),
            (2, (2, 2)),
            (3, (3, 3)),
            (5, (6, 3)),
            (10, (10, 5)),
            (11, (20, 4)),
            (42, (60, 3)),
            (100, (100, 5)),
            (5_130, (6_000, 3)),
            (i64::MAX, (i64::MAX, 1)),
        ] {
            let (end, parts) = axis(most);
            assert_eq!((end, parts), ends, "{most}");
            assert!(end % parts == 0 && end >= most);
        }
    }

    #[test]
    fn values_lie_on_those_before_them() {
        assert_eq!(stack([3, 0, -2, 4]), [(0, 3), (3, 0), (3, 0), (3, 4)]);
        assert_eq!(stack([i64::MAX, 1]), [(0, i64::MAX), (i64::MAX, 1)]);
    }

    #[test]
    fn lines_are_broken_where_nothing_is_known() {
        assert_eq!(line(&[Some(0), Some(5), None, Some(10), None], 10, 40.0), "M0.5 40L1.5 20M3.5 0h0");
        assert_eq!(line(&[None, None], 10, 40.0), "");
        assert_eq!(line(&[Some(1), Some(1)], 3, 10.0), "M0.5 6.67L1.5 6.67");
    }

    #[test]
    fn steps_run_along_the_top() {
        assert_eq!(steps(&[0, 5, 10], 10, 40.0), "M0 40H1V20H2V0H3");
        assert_eq!(steps(&[], 10, 40.0), "");
    }

    #[test]
    fn words_beside_lines_keep_apart_upwards() {
        assert_eq!(apart(&[100.0, 98.0, 20.0], 14.0), [100.0, 86.0, 20.0]);
        assert_eq!(apart(&[50.0, 50.0, 50.0], 10.0), [30.0, 40.0, 50.0]);
        assert!(apart(&[], 10.0).is_empty());
    }

    #[test]
    fn shares_are_short() {
        assert_eq!(percent(0.123_456), "12.35%");
        assert!((height(5, 10) - 0.5).abs() < f64::EPSILON);
        assert!(height(-5, 10).abs() < f64::EPSILON);
    }
}
