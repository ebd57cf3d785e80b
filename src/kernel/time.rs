//! Moments in UTC milliseconds, and the words for them.

use serde::{Deserialize, Serialize};
use std::fmt;
use time::OffsetDateTime;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// The months by their names.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// The same, cut short.
pub const SHORT_MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Timestamp {
    /// The moment `milliseconds` later (earlier if negative); saturates at the ends of the range.
    #[must_use]
    pub fn plus(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// The beginning of its day, in UTC.
    #[must_use]
    pub const fn day(self) -> Self {
        Self(self.0.div_euclid(DAY).saturating_mul(DAY))
    }

    fn civil(self) -> OffsetDateTime {
        // Outside years 0001..9999 there is nothing sensible to show: the nearest end stands in.
        let nanos = i128::from(self.0.clamp(-62_135_596_800_000, 253_402_300_799_999)) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// `2027-02-21T14:05:09.123Z` (RFC 3339).
    pub fn rfc3339(self) -> String {
        let t = self.civil();
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.millisecond()
        )
    }

    /// `21 Feb 2027`, in UTC.
    pub fn date(self) -> String {
        let t = self.civil();
        format!("{} {} {}", t.day(), SHORT_MONTHS[u8::from(t.month()) as usize - 1], t.year())
    }

    /// `2027-02-21`, as `<input type="date">` speaks.
    pub fn iso_date(self) -> String {
        let t = self.civil();
        format!("{:04}-{:02}-{:02}", t.year(), u8::from(t.month()), t.day())
    }

    /// `14:05:09`, in UTC.
    pub fn clock(self) -> String {
        let t = self.civil();
        format!("{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second())
    }

    /// `21 Feb 2027, 14:05 UTC`.
    pub fn date_time(self) -> String {
        let t = self.civil();
        format!("{}, {:02}:{:02} UTC", self.date(), t.hour(), t.minute())
    }

    /// Reads RFC 3339, or a bare date `2027-02-21` as the end of that day in UTC.
    #[cfg(feature = "ssr")]
    pub fn parse(text: &str) -> Option<Self> {
        use time::format_description::well_known::Rfc3339;
        let full = if text.len() == 10 { format!("{text}T23:59:59Z") } else { text.to_owned() };
        let moment = OffsetDateTime::parse(&full, &Rfc3339).ok()?;
        i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok().map(Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_one_written_form() {
        let moment = Timestamp(1_803_218_709_123);
        assert_eq!(moment.rfc3339(), "2027-02-21T14:05:09.123Z");
        assert_eq!(moment.date(), "21 Feb 2027");
        assert_eq!(moment.date_time(), "21 Feb 2027, 14:05 UTC");
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn what_is_written_is_read_back() {
        let moment = Timestamp(1_803_218_709_123);
        assert_eq!(Timestamp::parse(&moment.rfc3339()), Some(moment));
        assert_eq!(Timestamp::parse("2027-02-21").map(|t| t.rfc3339()).as_deref(), Some("2027-02-21T23:59:59.000Z"));
        assert_eq!(Timestamp::parse("yesterday"), None);
    }
}
