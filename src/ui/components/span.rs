//! Spans of time in words, in UTC: of whole ranges, of bars, and of the marks below them.
use super::{
    TimeStyle,
    time::{DAY, civil, styled},
};
use crate::kernel::time::MONTHS;

const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
/// Distances of marks; the first with which there are not too many is taken.
const STEPS: [i64; 16] = [
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    20 * DAY,
    30 * DAY,
    60 * DAY,
    90 * DAY,
];
/// The most marks below a drawing.
const MARKS: i64 = 8;

/// `Sat`.
fn weekday(at: i64) -> &'static str {
    WEEKDAYS[at.div_euclid(DAY).rem_euclid(7) as usize]
}

/// What one bar spans: "Sat 21 Feb", "Sat 21 Feb, 09:00 to 12:00".
pub fn bar_text(start: i64, width: i64) -> String {
    let day = |at| format!("{} {}", weekday(at), styled(at, TimeStyle::Day));
    let clock = |at| styled(at, TimeStyle::Minute);
    let end = start.saturating_add(width);
    match width {
        ..DAY => format!("{}, {} to {}", day(start), clock(start), clock(end)),
        DAY => day(start),
        _ => format!("{} to {}", day(start), day(end - 1)),
    }
}

/// The marks below bars that begin at these times: a word for each bar at which one stands.
pub fn marks(starts: &[i64], width: i64) -> Vec<Option<String>> {
    let whole = width.saturating_mul(starts.len() as i64);
    let step = STEPS.into_iter().find(|step| *step >= width && whole / step <= MARKS).unwrap_or(STEPS[15]);
    let words = |at: i64| match step {
        ..DAY => styled(at, TimeStyle::Minute),
        DAY => format!("{} {}", weekday(at), civil(at).2),
        _ => styled(at, TimeStyle::Day),
    };
    let mark = |(index, at): (usize, &i64)| {
        let begins = at.div_euclid(step) != at.saturating_sub(width).div_euclid(step);
        // A word at the very end would go beyond the drawing.
        let has_room = (starts.len() - index) * 11 >= starts.len();
        (begins && has_room).then(|| words(*at))
    };
    starts.iter().enumerate().map(mark).collect()
}

/// A range: "21 to 27 November", with the year if it is not that of `now`, and with the times where it is not whole days.
pub fn range_text(from: i64, to: i64, now: i64) -> String {
    // What ends within the millisecond after a day's end was meant to end with the day.
    let is_whole = from.rem_euclid(DAY) == 0 && to.rem_euclid(DAY) <= 1 && to - from >= DAY;
    if !is_whole {
        let style = if civil(from).0 == civil(now).0 { TimeStyle::DayMinute } else { TimeStyle::Exact };
        let end = to.saturating_sub(1);
        return if from.div_euclid(DAY) == end.div_euclid(DAY) {
            format!("{} to {}", styled(from, style).trim_end_matches(" UTC"), styled(to, TimeStyle::Minute))
        } else {
            format!(
                "{} to {}",
                styled(from, style).trim_end_matches(" UTC"),
                styled(to, style).trim_end_matches(" UTC")
            )
        };
    }
    let last = (to - 1).div_euclid(DAY) * DAY - if to.rem_euclid(DAY) == 1 { DAY } else { 0 };
    let ((year, month, day), (end_year, end_month, end_day)) = (civil(from), civil(last.max(from)));
    let end = format!("{end_day} {}", MONTHS[end_month - 1]);
    let begin = match () {
        () if year != end_year => format!("{day} {} {year} to ", MONTHS[month - 1]),
        () if month != end_month => format!("{day} {} to ", MONTHS[month - 1]),
        () if day != end_day => format!("{day} to "),
        () => String::new(),
    };
    if end_year == civil(now).0 && year == end_year {
        format!("{begin}{end}")
    } else {
        format!("{begin}{end} {end_year}")
    }
}

/// The range of this length before another: "the seven days before".
pub fn before_text(length: i64) -> String {
    const NUMBERS: [&str; 9] = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let count = |number: i64, unit: &str| match usize::try_from(number - 2).ok().and_then(|index| NUMBERS.get(index)) {
        _ if number == 1 => format!("the {unit} before"),
        Some(word) => format!("the {word} {unit}s before"),
        None => format!("the {number} {unit}s before"),
    };
    match length {
        // As long as that to an hour: ranges begin with a whole hour, and end with the one that has begun.
        _ if length / DAY == 1 && length % DAY <= HOUR => "the 24 hours before".into(),
        _ if length >= DAY && length % DAY <= HOUR => count(length / DAY, "day"),
        _ if length >= HOUR && length % HOUR < MINUTE => count(length / HOUR, "hour"),
        _ => "the period before".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 21 February 2027, a Sunday, at midnight.
    const FEB_21: i64 = 1_803_168_000_000;

    #[test]
    fn bars_are_told_by_their_day_and_times() {
        assert_eq!(bar_text(FEB_21, DAY), "Sun 21 Feb");
        assert_eq!(bar_text(FEB_21 + 21 * HOUR, 3 * HOUR), "Sun 21 Feb, 21:00 to 00:00");
        assert_eq!(bar_text(FEB_21, 2 * DAY), "Sun 21 Feb to Mon 22 Feb");
    }

    #[test]
    fn marks_stand_where_days_or_hours_begin() {
        let at = |count: i64, width: i64| (0..count).map(|index| FEB_21 + index * width).collect::<Vec<_>>();
        let told = |starts: &[i64], width| marks(starts, width).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(
            told(&at(56, 3 * HOUR), 3 * HOUR),
            ["Sun 21", "Mon 22", "Tue 23", "Wed 24", "Thu 25", "Fri 26", "Sat 27"]
        );
        let day = told(&at(48, HOUR / 2), HOUR / 2);
        assert_eq!(day, ["00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]);
        assert_eq!(marks(&at(7, DAY), DAY).len(), 7);
        assert!(told(&at(60, 7 * DAY), 7 * DAY).len() <= 9);
        assert!(marks(&[], DAY).is_empty());
    }

    #[test]
    fn whole_days_are_told_without_times() {
        let now = FEB_21;
        for (from, to, words) in [
            (FEB_21 - 6 * DAY, FEB_21 + DAY, "15 to 21 February"),
            (FEB_21 - 6 * DAY, FEB_21 + DAY + 1, "15 to 21 February"),
            (FEB_21, FEB_21 + DAY, "21 February"),
            (FEB_21 - 30 * DAY, FEB_21, "22 January to 20 February"),
            (FEB_21 - 60 * DAY, FEB_21, "23 December 2026 to 20 February 2027"),
            (FEB_21 - 400 * DAY, FEB_21 - 399 * DAY, "17 January 2026"),
            (FEB_21 + HOUR, FEB_21 + 2 * HOUR, "21 Feb, 01:00 to 02:00"),
            (FEB_21 - HOUR, FEB_21 + 2 * HOUR, "20 Feb, 23:00 to 21 Feb, 02:00"),
        ] {
            assert_eq!(range_text(from, to, now), words);
        }
    }

    #[test]
    fn the_range_before_is_named_by_its_length() {
        for (length, words) in [
            (7 * DAY + 1, "the seven days before"),
            (30 * DAY, "the 30 days before"),
            (DAY, "the 24 hours before"),
            (DAY + 40 * MINUTE, "the 24 hours before"),
            (HOUR + 1, "the hour before"),
            (3 * HOUR, "the three hours before"),
            (90 * MINUTE, "the period before"),
        ] {
            assert_eq!(before_text(length), words);
        }
    }
}
