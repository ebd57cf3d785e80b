//! Figures and their changes in words.

use crate::{
    features::logs::{figures::Figures, model::duration},
    kernel::text::grouped,
};

/// `0.62 %`, `11.4 %`: a share of 0 to 1. What is not none never looks like none, and what is not all never like all.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        none if none <= 0.0 => "0 %".into(),
        few if few < 0.01 => "< 0.01 %".into(),
        few if few < 9.995 => format!("{few:.2} %"),
        all if all >= 100.0 => "100 %".into(),
        most if most >= 99.95 => "> 99.9 %".into(),
        some => format!("{some:.1} %"),
    }
}

/// A share, or a dash where there is nothing to have one of.
pub fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "–".into(), percent)
}

/// `1,204`, `212.6 M`, `1.2 bn`.
pub fn short(number: i64) -> String {
    const MILLION: i64 = 1_000_000;
    match number {
        MILLION..=999_949_999 => tenths(number, MILLION, "M"),
        999_950_000.. => tenths(number, 1_000 * MILLION, "bn"),
        _ => grouped(number),
    }
}

fn tenths(number: i64, unit: i64, word: &str) -> String {
    let tenth = unit / 10;
    let tenths = (number + tenth / 2) / tenth;
    format!("{}.{} {word}", grouped(tenths / 10), tenths % 10)
}

/// `12.4 % more, was 85,770`. None before is nothing to compare with.
pub fn change(now: i64, before: i64, write: fn(i64) -> String) -> String {
    if before <= 0 {
        return "none before".into();
    }
    let was = format!("was {}", write(before));
    let times = now as f64 / before as f64;
    let apart = (times - 1.0) * 100.0;
    match apart.abs() {
        _ if now == before => "as before".into(),
        small if small < 0.05 => format!("about the same, {was}"),
        _ if times >= 10.0 => format!("{} times as much, {was}", grouped(times.round() as i64)),
        _ => format!("{:.1} % {}, {was}", apart.abs(), if apart > 0.0 { "more" } else { "less" }),
    }
}

/// The same for a column: `+9 %`, `−4 %`, `new`.
pub fn short_change(now: i64, before: Option<i64>) -> String {
    let Some(before) = before.filter(|before| *before > 0) else { return "new".into() };
    let times = now as f64 / before as f64;
    let apart = ((times - 1.0) * 100.0).round();
    match () {
        () if times >= 10.0 => format!("× {}", grouped(times.round() as i64)),
        () if apart > 0.0 => format!("+{apart:.0} %"),
        () if apart < 0.0 => format!("−{:.0} %", -apart),
        () => "±0 %".into(),
    }
}

/// How a share of the calls has changed: `0.21 points more`; none where there were none before.
pub fn points(now: Option<f64>, before: Option<f64>) -> String {
    let (Some(now), Some(before)) = (now, before) else { return "none before".into() };
    let apart = (now - before) * 100.0;
    match apart.abs() {
        none if none < 0.005 => "as before".into(),
        some => format!("{some:.2} points {}", if apart > 0.0 { "more" } else { "less" }),
    }
}

/// Whether more of the calls fail than before, as far as can be told in words.
pub fn is_worse(now: &Figures, before: &Figures) -> bool {
    let (Some(now), Some(before)) = (now.share(now.failed()), before.share(before.failed())) else { return false };
    (now - before) * 100.0 >= 0.005
}

/// How a length has changed: `p50 80 ms less`.
pub fn length_change(name: &str, now: i64, before: i64) -> String {
    let apart = duration((now - before).abs());
    match now - before {
        0 => format!("{name} as before"),
        1.. => format!("{name} {apart} more"),
        _ => format!("{name} {apart} less"),
    }
}

/// `1 call`, `1,204 calls`.
pub fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_look_like_none_or_all() {
        for (share, words) in [
            (0.0, "0 %"),
            (0.000_01, "< 0.01 %"),
            (0.0062, "0.62 %"),
            (0.021, "2.10 %"),
            (0.114, "11.4 %"),
            (0.999_9, "> 99.9 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(percent(share), words);
        }
        assert_eq!(super::share(None), "–");
    }

    #[test]
    fn large_numbers_are_short() {
        for (number, words) in [
            (0, "0"),
            (999_999, "999,999"),
            (1_000_000, "1.0 M"),
            (212_649_999, "212.6 M"),
            (212_650_000, "212.7 M"),
            (999_949_999, "999.9 M"),
            (999_950_000, "1.0 bn"),
        ] {
            assert_eq!(short(number), words);
        }
    }

    #[test]
    fn changes_are_told_in_words() {
        assert_eq!(change(96_412, 85_770, grouped), "12.4 % more, was 85,770");
        assert_eq!(change(50, 100, grouped), "50.0 % less, was 100");
        assert_eq!(change(5, 0, grouped), "none before");
        assert_eq!(change(5, 5, grouped), "as before");
        assert_eq!(change(100_001, 100_000, grouped), "about the same, was 100,000");
        assert_eq!(change(1_200, 100, grouped), "12 times as much, was 100");
        assert_eq!((short_change(109, Some(100)), short_change(96, Some(100))), ("+9 %".into(), "−4 %".into()));
        assert_eq!((short_change(5, None), short_change(1_000, Some(1_001))), ("new".into(), "±0 %".into()));
        assert_eq!(points(Some(0.0062), Some(0.0041)), "0.21 points more");
        assert_eq!((points(Some(0.5), None), points(Some(0.5), Some(0.5))), ("none before".into(), "as before".into()));
        assert_eq!(length_change("p50", 1_210_000, 1_290_000), "p50 80 ms less");
    }

    #[test]
    fn only_more_failures_are_worse() {
        let of = |calls, ok| Figures { calls, ok, ..Figures::default() };
        assert!(is_worse(&of(100, 90), &of(100, 95)));
        assert!(!is_worse(&of(100, 95), &of(100, 90)) && !is_worse(&of(100, 0), &of(0, 0)));
    }
}
