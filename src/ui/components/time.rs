//! Points in time for people. The first render is UTC on both sides; the browser adds its own zone after that.
use crate::kernel::time::SHORT_MONTHS;
use crate::ui::reactive;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsValue;
use leptos::web_sys::js_sys::{Array, Function, Intl::DateTimeFormat, Object, Reflect};
use std::cell::RefCell;

pub(super) const DAY: i64 = 86_400_000;

/// Year, month (1 to 12) and day in UTC of a time in milliseconds since 1970, in the proleptic Gregorian calendar.
pub(super) fn civil(at: i64) -> (i64, usize, i64) {
    // Days since 1 March 0000: with the leap day at a year's end, months are a linear function of days.
    let days = at.div_euclid(DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month as usize, day)
}

/// Hours and minutes in UTC.
fn clock(at: i64) -> (i64, i64) {
    let of_day = at.rem_euclid(DAY) / 60_000;
    (of_day / 60, of_day % 60)
}

/// `21 Feb 2027`, in UTC, of a time in milliseconds since 1970.
pub fn date_text(at: i64) -> String {
    let (year, month, day) = civil(at);
    format!("{day} {} {year}", SHORT_MONTHS[month - 1])
}

/// `21 Feb 2027, 14:05 UTC`.
pub fn utc_text(at: i64) -> String {
    styled(at, TimeStyle::Exact)
}

/// A time in UTC as a style has it.
pub(crate) fn styled(at: i64, style: TimeStyle) -> String {
    let (date, (hour, minute)) = (date_text(at), clock(at));
    let (second, thousandth) = (at.rem_euclid(60_000) / 1000, at.rem_euclid(1000));
    let day = || date.rsplit_once(' ').map_or(date.clone(), |(day, _)| day.to_owned());
    match style {
        TimeStyle::Exact => format!("{date}, {hour:02}:{minute:02} UTC"),
        TimeStyle::Millisecond => format!("{date}, {hour:02}:{minute:02}:{second:02}.{thousandth:03} UTC"),
        TimeStyle::Date => date,
        TimeStyle::Day => day(),
        TimeStyle::DaySecond => format!("{}, {hour:02}:{minute:02}:{second:02}", day()),
        TimeStyle::DayMinute => format!("{}, {hour:02}:{minute:02}", day()),
        TimeStyle::Second => format!("{hour:02}:{minute:02}:{second:02}"),
        TimeStyle::Minute => format!("{hour:02}:{minute:02}"),
    }
}

/// `2027-02-21T14:05:09.123Z`, for `datetime`; without thousandths where there are none.
pub fn machine_text(at: i64) -> String {
    let (year, month, day) = civil(at);
    let (hour, minute) = clock(at);
    let second = at.rem_euclid(60_000) / 1000;
    let part = match at.rem_euclid(1000) {
        0 => String::new(),
        part => format!(".{part:03}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{part}Z")
}

/// "2 minutes ago", "yesterday", "in 12 days"; a date beyond a year.
pub fn relative_text(at: i64, now: i64) -> String {
    let apart = now.saturating_sub(at).saturating_abs();
    let past = at <= now;
    // What was is counted in whole units that have passed; what comes is told by the nearest, so that a week just begun is one.
    let units = |unit: i64| if past { apart / unit } else { (apart + unit / 2) / unit };
    let count = |number: i64, unit: &str| {
        let plural = if number == 1 { "" } else { "s" };
        if past { format!("{number} {unit}{plural} ago") } else { format!("in {number} {unit}{plural}") }
    };
    match apart {
        _ if past && apart < 45_000 => "just now".into(),
        _ if apart < 90_000 => count(1, "minute"),
        _ if apart < 3_600_000 => count(units(60_000), "minute"),
        _ if apart < DAY => count(units(3_600_000), "hour"),
        _ if apart < 2 * DAY => if past { "yesterday" } else { "tomorrow" }.into(),
        _ if apart < 365 * DAY => count(units(DAY), "day"),
        _ => date_text(at),
    }
}

/// How a time is written. Those that name no zone stand where a [`Zone`] names it for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeStyle {
    /// `21 Feb 2027, 14:05 UTC`; in the browser its own zone, named too.
    #[default]
    Exact,
    /// `21 Feb 2027, 14:05:09.123 UTC`; in the browser its own zone, named too.
    Millisecond,
    /// `21 Feb 2027`.
    Date,
    /// `21 Feb`: a whole day of UTC, so it stays one in the browser.
    Day,
    /// `21 Feb, 14:05:09`.
    DaySecond,
    /// `21 Feb, 14:05`.
    DayMinute,
    /// `14:05:09`.
    Second,
    /// `14:05`.
    Minute,
}

impl TimeStyle {
    /// What the browser is asked for, as names and values of options of `Intl.DateTimeFormat`.
    const fn parts(self) -> (&'static [(&'static str, &'static str)], bool) {
        const DATE: (&str, &str) = ("day", "numeric");
        const MONTH: (&str, &str) = ("month", "short");
        const YEAR: (&str, &str) = ("year", "numeric");
        const HOUR: (&str, &str) = ("hour", "2-digit");
        const MINUTE: (&str, &str) = ("minute", "2-digit");
        const SECOND: (&str, &str) = ("second", "2-digit");
        const ZONE: (&str, &str) = ("timeZoneName", "short");
        match self {
            Self::Exact => (&[DATE, MONTH, YEAR, HOUR, MINUTE, ZONE], false),
            Self::Millisecond => (&[DATE, MONTH, YEAR, HOUR, MINUTE, SECOND, ZONE], true),
            Self::Date => (&[DATE, MONTH, YEAR], false),
            Self::Day => (&[DATE, MONTH, ("timeZone", "UTC")], false),
            Self::DaySecond => (&[DATE, MONTH, HOUR, MINUTE, SECOND], false),
            Self::DayMinute => (&[DATE, MONTH, HOUR, MINUTE], false),
            Self::Second => (&[HOUR, MINUTE, SECOND], false),
            Self::Minute => (&[HOUR, MINUTE], false),
        }
    }
}

thread_local! {
    /// How the browser writes times of each style that it has written: making a format takes it longer than a page has.
    static FORMATS: RefCell<Vec<(TimeStyle, Function)>> = const { RefCell::new(Vec::new()) };
}

/// A time in the browser's language and zone; only there.
fn local_text(at: i64, style: TimeStyle) -> Option<String> {
    let known = FORMATS.with_borrow(|all| all.iter().find(|(of, _)| *of == style).map(|(_, format)| format.clone()));
    let format = known.or_else(|| {
        let made = local_format(style)?;
        FORMATS.with_borrow_mut(|all| all.push((style, made.clone())));
        Some(made)
    })?;
    format.call1(&JsValue::UNDEFINED, &JsValue::from_f64(at as f64)).ok()?.as_string()
}

/// The function of the browser that writes times in a style.
fn local_format(style: TimeStyle) -> Option<Function> {
    let options = Object::new();
    let (parts, thousandths) = style.parts();
    for (name, value) in parts {
        Reflect::set(&options, &(*name).into(), &(*value).into()).ok()?;
    }
    if thousandths {
        Reflect::set(&options, &"fractionalSecondDigits".into(), &3.into()).ok()?;
    }
    Some(DateTimeFormat::new(&Array::new(), &options).format())
}

/// `Europe/Berlin`: the browser's zone; only there.
fn zone_name() -> Option<String> {
    let format = DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
    Reflect::get(&format, &"timeZone".into()).ok()?.as_string()
}

/// The zone of the times beside it that name none: `UTC`, in the browser its own.
#[component]
pub fn Zone() -> impl IntoView {
    let local = RwSignal::new(None::<String>);
    Effect::new(move |_| local.set(zone_name()));
    reactive(move || local.get().unwrap_or_else(|| "UTC".into()))
}

/// A point in time, in milliseconds since 1970. Given `now` it is relative, and hover, focus or a tap shows the exact
/// local and UTC time.
#[component]
pub fn Time(
    /// The time, in milliseconds since 1970.
    at: i64,
    /// The server's present, in milliseconds since 1970, for a relative text.
    #[prop(optional, into)]
    now: Option<i64>,
    /// It may be still to come. What is not is never told as if it were, however far two clocks are apart.
    #[prop(optional)]
    ahead: bool,
    /// How it is written if not relative.
    #[prop(optional)]
    style: TimeStyle,
) -> impl IntoView {
    let local = RwSignal::new(None::<String>);
    let written = if now.is_some() { TimeStyle::Exact } else { style };
    Effect::new(move |_| local.set(local_text(at, written)));
    match now {
        Some(now) => view! {
            <time class="time" datetime=machine_text(at) tabindex="0">
                {relative_text(if ahead { at } else { at.min(now) }, now)}
                <span class="time-exact">
                    {reactive(move || match local.get() {
                        Some(local) => format!("{local}, here; {}", utc_text(at)),
                        None => utc_text(at),
                    })}
                </span>
            </time>
        }
        .into_any(),
        None => view! {
            <time datetime=machine_text(at)>
                {reactive(move || local.get().unwrap_or_else(|| styled(at, style)))}
            </time>
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEB_21: i64 = 1_803_218_709_000;

    #[test]
    fn known_days() {
        assert_eq!(machine_text(0), "1970-01-01T00:00:00Z");
        assert_eq!(machine_text(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(machine_text(4_107_542_400_000), "2100-03-01T00:00:00Z");
        assert_eq!(machine_text(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(utc_text(FEB_21), "21 Feb 2027, 14:05 UTC");
        assert_eq!(machine_text(FEB_21), "2027-02-21T14:05:09Z");
    }

    #[test]
    fn each_style_says_as_much_as_its_name() {
        for (style, text) in [
            (TimeStyle::Exact, "21 Feb 2027, 14:05 UTC"),
            (TimeStyle::Millisecond, "21 Feb 2027, 14:05:09.007 UTC"),
            (TimeStyle::Date, "21 Feb 2027"),
            (TimeStyle::Day, "21 Feb"),
            (TimeStyle::DaySecond, "21 Feb, 14:05:09"),
            (TimeStyle::DayMinute, "21 Feb, 14:05"),
            (TimeStyle::Second, "14:05:09"),
            (TimeStyle::Minute, "14:05"),
        ] {
            assert_eq!(styled(FEB_21 + 7, style), text);
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut last = (1970, 1, 0);
        for day in 0..146_097 {
            let now = civil(day * DAY);
            let next_day = (now.0, now.1) == (last.0, last.1) && now.2 == last.2 + 1;
            let next_month = now.2 == 1 && last.2 >= 28;
            assert!(next_day || next_month, "{last:?} then {now:?}");
            last = now;
        }
        assert_eq!(last, (2369, 12, 31));
    }

    #[test]
    fn relative_words() {
        let minute = 60_000;
        for (apart, words) in [
            (0, "just now"),
            (50_000, "1 minute ago"),
            (2 * minute, "2 minutes ago"),
            (3 * 60 * minute, "3 hours ago"),
            (DAY, "yesterday"),
            (94 * DAY, "94 days ago"),
            (-minute, "in 1 minute"),
            (-12 * DAY - 1, "in 12 days"),
            (-7 * DAY + 3 * minute, "in 7 days"),
            (7 * DAY - 3 * minute, "6 days ago"),
            (-DAY, "tomorrow"),
            (400 * DAY, "17 Jan 2026"),
        ] {
            assert_eq!(relative_text(FEB_21 - apart, FEB_21), words);
        }
    }
}
