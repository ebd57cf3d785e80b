//! The periods of limits: calendars and plain lengths of time, in UTC.

use crate::kernel::{
    Timestamp,
    time::{DAY, HOUR, MINUTE, SECOND},
};
use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime};

/// The most days of a period.
pub const MOST_DAYS: i64 = 365;

/// How long a limit counts before it resets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Span {
    Second,
    Minute,
    Hour,
    Day,
    /// From Monday on.
    Week,
    /// From the first on, or from the day of the limit's anchor; a month that lacks that day begins on its last.
    Month,
    /// So many days, from the anchor on.
    Days(i64),
    /// It never resets by itself.
    Whole,
}

/// One period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    pub start: Timestamp,
    /// The first moment that belongs to the next one. None: there is none.
    pub end: Option<Timestamp>,
}

/// A Monday.
const MONDAY: Timestamp = Timestamp(4 * DAY);

impl Span {
    /// The name under which it is stored: `week`, `days:10`.
    pub fn name(self) -> String {
        match self {
            Span::Second => "second".into(),
            Span::Minute => "minute".into(),
            Span::Hour => "hour".into(),
            Span::Day => "day".into(),
            Span::Week => "week".into(),
            Span::Month => "month".into(),
            Span::Days(days) => format!("days:{days}"),
            Span::Whole => "whole".into(),
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "second" => Span::Second,
            "minute" => Span::Minute,
            "hour" => Span::Hour,
            "day" => Span::Day,
            "week" => Span::Week,
            "month" => Span::Month,
            "whole" => Span::Whole,
            _ => {
                let days = name.strip_prefix("days:")?.parse().ok()?;
                return (1..=MOST_DAYS).contains(&days).then_some(Span::Days(days));
            }
        })
    }

    /// As a sentence goes on: `a minute`, `10 days`.
    pub fn words(self) -> String {
        match self {
            Span::Second => "a second".into(),
            Span::Minute => "a minute".into(),
            Span::Hour => "an hour".into(),
            Span::Day => "a day".into(),
            Span::Week => "a week".into(),
            Span::Month => "a month".into(),
            Span::Days(1) => "1 day".into(),
            Span::Days(days) => format!("{days} days"),
            Span::Whole => "all time".into(),
        }
    }

    /// Its length in milliseconds, where all of its periods have the same.
    fn length(self) -> Option<i64> {
        match self {
            Span::Second => Some(SECOND),
            Span::Minute => Some(MINUTE),
            Span::Hour => Some(HOUR),
            Span::Day => Some(DAY),
            Span::Week => Some(7 * DAY),
            Span::Days(days) => Some(days * DAY),
            Span::Month | Span::Whole => None,
        }
    }

    /// The period in which a moment lies. `anchor` is a moment at which one begins; where there is none, they begin with the
    /// clock and the calendar.
    pub fn period(self, anchor: Option<Timestamp>, at: Timestamp) -> Period {
        match (self, self.length()) {
            (Span::Whole, _) => Period { start: Timestamp(0), end: None },
            (Span::Month, _) => month(anchor, at),
            (_, Some(length)) => {
                let origin = anchor.unwrap_or(if self == Span::Week { MONDAY } else { Timestamp(0) });
                let start = origin.plus(at.0.saturating_sub(origin.0).div_euclid(length).saturating_mul(length));
                Period { start, end: Some(start.plus(length)) }
            }
            (_, None) => Period { start: Timestamp(0), end: None },
        }
    }
}

/// The month in which a moment lies, from the day and hour of the anchor on.
fn month(anchor: Option<Timestamp>, at: Timestamp) -> Period {
    let (day, hour) = anchor.map_or((1, 0), |anchor| (civil(anchor).day(), anchor.0.rem_euclid(DAY)));
    let date = civil(at).date();
    let begins = |year: i32, month: Month| {
        let day = day.min(month.length(year));
        let date = Date::from_calendar_date(year, month, day).unwrap_or(Date::MAX);
        Timestamp(date.midnight().assume_utc().unix_timestamp().saturating_mul(SECOND)).plus(hour)
    };
    let next = |(year, month): (i32, Month)| match month {
        Month::December => (year + 1, Month::January),
        month => (year, month.next()),
    };
    let before = |(year, month): (i32, Month)| match month {
        Month::January => (year - 1, Month::December),
        month => (year, month.previous()),
    };
    let this = (date.year(), date.month());
    let first = if begins(this.0, this.1) <= at { this } else { before(this) };
    let then = next(first);
    Period { start: begins(first.0, first.1), end: Some(begins(then.0, then.1)) }
}

fn civil(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.0.div_euclid(SECOND)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a moment")
    }

    fn period(span: Span, anchor: Option<&str>, moment: &str) -> (String, Option<String>) {
        let period = span.period(anchor.map(at), at(moment));
        (period.start.rfc3339(), period.end.map(Timestamp::rfc3339))
    }

    #[test]
    fn periods_begin_with_the_clock_and_the_calendar() {
        for (span, start, end) in [
            (Span::Second, "2026-03-04T12:34:56.000Z", "2026-03-04T12:34:57.000Z"),
            (Span::Minute, "2026-03-04T12:34:00.000Z", "2026-03-04T12:35:00.000Z"),
            (Span::Hour, "2026-03-04T12:00:00.000Z", "2026-03-04T13:00:00.000Z"),
            (Span::Day, "2026-03-04T00:00:00.000Z", "2026-03-05T00:00:00.000Z"),
            (Span::Week, "2026-03-02T00:00:00.000Z", "2026-03-09T00:00:00.000Z"),
            (Span::Month, "2026-03-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z"),
        ] {
            assert_eq!(period(span, None, "2026-03-04T12:34:56.789Z"), (start.into(), Some(end.into())));
        }
        assert_eq!(Span::Whole.period(None, at("2026-03-04T12:34:56Z")).end, None);
        let turn = period(Span::Month, None, "2026-12-31T23:59:59Z");
        assert_eq!(turn.1.as_deref(), Some("2027-01-01T00:00:00.000Z"));
    }

    #[test]
    fn a_month_without_the_day_of_the_anchor_begins_on_its_last() {
        let anchor = Some("2028-01-30T06:00:00Z");
        for (moment, start, end) in [
            ("2028-01-29T00:00:00Z", "2027-12-30T06", "2028-01-30T06"),
            ("2028-01-30T06:00:00Z", "2028-01-30T06", "2028-02-29T06"),
            ("2028-02-29T05:59:59Z", "2028-01-30T06", "2028-02-29T06"),
            ("2028-02-29T06:00:00Z", "2028-02-29T06", "2028-03-30T06"),
            ("2028-03-30T05:00:00Z", "2028-02-29T06", "2028-03-30T06"),
            ("2027-02-28T07:00:00Z", "2027-02-28T06", "2027-03-30T06"),
        ] {
            let found = period(Span::Month, anchor, moment);
            assert_eq!(found, (format!("{start}:00:00.000Z"), Some(format!("{end}:00:00.000Z"))), "{moment}");
        }
    }

    #[test]
    fn days_are_counted_from_the_anchor() {
        let anchor = Some("2026-03-02T06:00:00Z");
        let found = period(Span::Days(10), anchor, "2026-03-12T05:59:58Z");
        assert_eq!(found, ("2026-03-02T06:00:00.000Z".into(), Some("2026-03-12T06:00:00.000Z".into())));
        let before = period(Span::Days(10), anchor, "2026-03-02T05:59:58Z");
        assert_eq!(before.1.as_deref(), Some("2026-03-02T06:00:00.000Z"));
    }

    proptest! {
        /// Every moment lies in its period, and the next period begins where this one ends.
        #[test]
        fn periods_have_no_gaps(span in 0_usize..8, anchor in prop::option::of(0_i64..4_000_000_000_000), at in 0_i64..4_000_000_000_000) {
            let spans = [Span::Second, Span::Minute, Span::Hour, Span::Day, Span::Week, Span::Month, Span::Days(31), Span::Days(1)];
            let (span, anchor, at) = (spans[span], anchor.map(Timestamp), Timestamp(at));
            let period = span.period(anchor, at);
            let end = period.end.expect("an end");
            prop_assert!(period.start <= at && at < end, "{period:?} {at}");
            prop_assert_eq!(span.period(anchor, end).start, end);
            prop_assert_eq!(span.period(anchor, end.plus(-1)), period);
            prop_assert_eq!(Span::parse(&span.name()), Some(span));
        }
    }
}
