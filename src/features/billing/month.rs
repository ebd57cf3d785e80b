//! Months, in UTC.

use crate::kernel::{
    Timestamp,
    time::{DAY, MONTHS},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long after its end a month is still open, in milliseconds: for calls that end late.
const OPEN: i64 = 3 * DAY;

/// A month, written `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: u16,
    /// 1 to 12.
    month: u8,
}

impl Month {
    /// The one that a moment is in.
    pub fn of(at: Timestamp) -> Self {
        let first = Self { year: 1970, month: 1 };
        Self::parse(at.iso_date().get(..7).unwrap_or_default()).unwrap_or(first)
    }

    /// Reads `2026-11`. None: it is no month from 1970 on.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let is_plain = year.len() == 4 && month.len() == 2 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let (year, month) = is_plain.then(|| Some((year.parse().ok()?, month.parse().ok()?)))??;
        ((1970..=9998).contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        // Days since 1970 of the first day, by years that begin in March.
        let (year, month) = (i64::from(self.year), i64::from(self.month));
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 - 719_468;
        Timestamp(days * DAY)
    }

    /// The first moment behind it.
    pub fn end(self) -> Timestamp {
        self.next().start()
    }

    #[must_use]
    pub const fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { year: self.year, month: month + 1 },
        }
    }

    /// The month so many months before.
    #[must_use]
    pub fn back(self, months: u16) -> Self {
        let all = (u32::from(self.year) * 12 + u32::from(self.month) - 1).saturating_sub(u32::from(months));
        Self { year: u16::try_from(all / 12).unwrap_or(0), month: u8::try_from(all % 12).unwrap_or(0) + 1 }
    }

    /// From when on its statement is made.
    pub fn closes_at(self) -> Timestamp {
        self.end().plus(OPEN)
    }

    /// The last one that is closed.
    pub fn last_closed(now: Timestamp) -> Self {
        Self::of(now.plus(-OPEN)).back(1)
    }

    pub fn days(self) -> i64 {
        (self.end().0 - self.start().0) / DAY
    }

    /// `November 2026`.
    pub fn words(self) -> String {
        format!("{} {}", MONTHS[usize::from(self.month.clamp(1, 12)) - 1], self.year)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl TryFrom<String> for Month {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a month")
    }
}

impl From<Month> for String {
    fn from(month: Month) -> String {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_meet_each_other() {
        let mut month = Month::parse("1970-01").expect("a month");
        assert_eq!(month.start(), Timestamp(0));
        for _ in 0..1_600 {
            let next = month.next();
            assert_eq!(month.end(), next.start());
            assert_eq!((Month::of(month.start()), Month::of(month.end().plus(-1))), (month, month));
            assert_eq!(month.start().iso_date(), format!("{month}-01"));
            assert_eq!((next.back(1), next.back(13).next().back(0)), (month, next.back(12)));
            month = next;
        }
        assert_eq!(Month::parse("2024-02").map(Month::days), Some(29));
        assert_eq!(Month::parse("2026-11").map(Month::words).as_deref(), Some("November 2026"));
    }

    #[test]
    fn what_is_no_month_is_none() {
        for bad in
            ["", "2026", "2026-13", "2026-00", "2026-1", "1969-12", "9999-01", "+026-01", "2026-11-01", "20２6-11"]
        {
            assert_eq!(Month::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_month_closes_on_the_fourth() {
        let november = Month::parse("2026-11").expect("a month");
        assert_eq!(november.closes_at().rfc3339(), "2026-12-04T00:00:00.000Z");
        assert_eq!(Month::last_closed(november.closes_at()), november);
        assert_eq!(Month::last_closed(november.closes_at().plus(-1)), november.back(1));
    }
}
