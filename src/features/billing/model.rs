//! What both sides know of billing: the spend of a month, its forecast, and the settings.

use super::{
    amount::{Currency, HIGHEST_RATE, MARKUPS, WHOLE, decimal, parse_decimal},
    month::Month,
    statement::{Markup, Seats, Statement},
};
use crate::{
    features::{
        limits::model::Standing,
        logs::figures::{Dimension, Figures},
    },
    kernel::{Asked, Timestamp, provider::Provider, text, time::DAY},
};
use serde::{Deserialize, Serialize};

/// Longest name of a contact, in characters.
const NAME_LIMIT: usize = 200;
/// Longest address, in characters.
const EMAIL_LIMIT: usize = 254;
/// Longest rate and longest mark-up, in characters: more than any that is taken.
const NUMBER_LIMIT: usize = 20;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] =
    &[("contact_name", NAME_LIMIT), ("contact_email", EMAIL_LIMIT), ("currency", 3), ("rate", NUMBER_LIMIT)];
/// What stands before a provider's name in the name of its field.
pub const MARKUP: &str = "markup.";

/// What an address of the page may say: `month` is a [`Month`], `by` one of [`BY`].
pub const ASKED: [&str; 2] = ["month", "by"];
/// What spend is told by.
pub const BY: [Dimension; 6] = [
    Dimension::Provider,
    Dimension::Model,
    Dimension::VirtualKey,
    Dimension::Key,
    Dimension::Person,
    Dimension::Prompt,
];
/// Rows that are told.
pub const ROWS: usize = 50;
/// Full days that a forecast goes by.
pub const FORECAST_DAYS: i64 = 7;
/// Statements that are listed.
pub const LISTED: usize = 60;

/// What the page is told by; by provider where nothing, or nothing that is known, is said.
pub fn by(asked: &Asked) -> Dimension {
    Dimension::parse(asked.get("by")).filter(|by| BY.contains(by)).unwrap_or(Dimension::Provider)
}

/// What calls cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    /// Micro-cents; none if no call's cost is known.
    pub cost: Option<i64>,
    pub calls: i64,
    /// Read and written.
    pub tokens: i64,
    /// Calls that used tokens at a price that is not known.
    pub unpriced: i64,
}

impl Spend {
    pub const fn of(figures: &Figures) -> Self {
        Self { cost: figures.cost, calls: figures.calls, tokens: figures.tokens(), unpriced: figures.unpriced }
    }
}

/// One group of calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What the filter of analytics is set to for these calls alone; none where no filter does that.
    pub value: Option<String>,
    pub label: String,
    pub spend: Spend,
    /// Micro-cents on each day, for the rows that the chart draws; else empty.
    pub days: Vec<i64>,
}

/// What a month will have cost, if it goes on as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Micro-cents.
    pub cost: i64,
    /// Full days that it goes by, [`FORECAST_DAYS`] at most.
    pub days: i64,
    /// Micro-cents that these days cost together.
    pub sum: i64,
    /// Milliseconds that are left of the month.
    pub left: i64,
}

impl Forecast {
    /// `days` are what the last full days cost, in micro-cents; `left` is what is left of the month, in milliseconds. None
    /// where no day is over yet that there could have been calls on.
    pub fn of(spent: i64, days: &[i64], left: i64) -> Option<Self> {
        let count = i64::try_from(days.len()).ok().filter(|count| *count > 0)?;
        let sum = days.iter().copied().fold(0, i64::saturating_add);
        let more = i128::from(sum) * i128::from(left) / (i128::from(count) * i128::from(DAY));
        let cost = spent.saturating_add(i64::try_from(more).unwrap_or(i64::MAX));
        Some(Self { cost, days: count, sum, left })
    }

    /// How it was made.
    pub fn sentence(&self, currency: &Currency) -> String {
        let tenths = self.left * 10 / DAY;
        let left = format!("{}.{}", tenths / 10, tenths % 10);
        let a_day = currency.words(self.sum / self.days.max(1));
        let of = match self.days {
            1 => "what the one full day cost that there is to go by".to_owned(),
            FORECAST_DAYS => format!("the mean of the last {FORECAST_DAYS} full days"),
            few => format!("the mean of the {few} full days that there are to go by"),
        };
        format!("What was spent until now, and for the {left} days that are left {of}: {a_day} a day.")
    }
}

/// A statement in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub month: Month,
    pub number: i64,
    /// Micro-cents.
    pub total: i64,
    /// As it was then.
    pub currency: Currency,
    pub made_at: Timestamp,
}

/// All that the page of spend shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub month: Month,
    /// The month behind it, where that has begun.
    pub next: Option<Month>,
    /// As far as it is told: its end, or now.
    pub until: Timestamp,
    pub spend: Spend,
    /// The same of the month before; of the running month as much of it as has passed of this one.
    pub before: Spend,
    pub before_until: Timestamp,
    /// Of the running month.
    pub forecast: Option<Forecast>,
    /// The budgets of the whole organisation, as they stand now.
    pub budgets: Vec<Standing>,
    /// What a new one is on: the organisation, as an address of the limits says it.
    pub on: String,
    pub by: Dimension,
    /// Those that cost most first, at most [`ROWS`], and how many there are beside them.
    pub rows: Vec<Row>,
    pub more: i64,
    /// The days of the month that have begun.
    pub days: Vec<Timestamp>,
    /// Micro-cents on each of them.
    pub costs: Vec<i64>,
    pub currency: Currency,
    pub seats: Seats,
    /// The newest first, at most [`LISTED`].
    pub statements: Vec<Listed>,
    pub now: Timestamp,
}

/// The page of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementPage {
    pub statement: Statement,
    pub now: Timestamp,
}

/// What an organisation says of its bills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Empty: nobody is named.
    pub contact_name: String,
    pub contact_email: String,
    pub currency: Currency,
    /// Of the providers that have one.
    pub markups: Vec<Markup>,
    /// 0: nothing was ever set.
    pub version: i64,
}

impl Default for Settings {
    fn default() -> Self {
        let currency = Currency::default();
        Self { contact_name: String::new(), contact_email: String::new(), currency, markups: vec![], version: 0 }
    }
}

impl Settings {
    /// The mark-up of a provider as it is typed; empty: none.
    pub fn markup(&self, provider: Provider) -> String {
        let set = self.markups.iter().find(|markup| markup.provider == provider.name());
        set.map_or_else(String::new, |markup| decimal(markup.percent, 2))
    }

    /// The rate as it is typed.
    pub fn rate(&self) -> String {
        decimal(self.currency.rate, 6)
    }
}

/// Who bills are for; empty: nobody is named.
pub fn parse_name(text: &str) -> Result<String, String> {
    text::optional_line("The name", text, NAME_LIMIT)
}

/// What a dollar is in another currency, in millionths.
pub fn parse_rate(text: &str) -> Result<i64, String> {
    let rate = match text.trim() {
        "" => Some(WHOLE),
        text => parse_decimal(text, 6, false),
    };
    let rate = rate.ok_or("Write what a dollar is in this currency, such as 0.92, with at most six decimals.")?;
    match rate {
        ..=0 => Err("A rate is more than 0.".into()),
        rate if rate > HIGHEST_RATE => Err("A rate is at most 1,000,000.".into()),
        rate => Ok(rate),
    }
}

/// A mark-up in percent, a discount below nothing, in hundredths; empty: none.
pub fn parse_markup(text: &str) -> Result<i64, String> {
    let percent = match text.trim() {
        "" => Some(0),
        text => parse_decimal(text, 2, true),
    };
    percent.filter(|percent| MARKUPS.contains(percent)).ok_or_else(|| {
        "Write a percentage from -100 to 1000, such as 12.5, with at most two decimals; a discount is below 0.".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_goes_by_the_days_that_there_are() {
        let day = 100_000_000;
        let full = Forecast::of(5 * day, &[day; 7], 3 * DAY).expect("a forecast");
        assert_eq!((full.cost, full.days), (8 * day, 7));
        assert_eq!(
            full.sentence(&Currency::default()),
            "What was spent until now, and for the 3.0 days that are left the mean of the last 7 full days: $1.00 a day."
        );
        let few = Forecast::of(0, &[0, 2 * day, 4 * day], 36 * 3_600_000).expect("a forecast");
        assert_eq!((few.cost, few.days), (3 * day, 3));
        assert!(
            few.sentence(&Currency::default())
                .contains("the mean of the 3 full days that there are to go by: $2.00 a day")
        );
        let one = Forecast::of(1, &[day], 0).expect("a forecast");
        assert!(one.cost == 1 && one.sentence(&Currency::default()).contains("the one full day"));
        assert_eq!(Forecast::of(5, &[], DAY), None, "nothing to go by");
        assert!(Forecast::of(i64::MAX, &[i64::MAX; 7], 30 * DAY).is_some());
    }

    #[test]
    fn rates_and_markups_are_bounded() {
        assert_eq!(
            (parse_rate(""), parse_rate("0.920001"), parse_rate("1000000")),
            (Ok(WHOLE), Ok(920_001), Ok(HIGHEST_RATE))
        );
        for bad in ["0", "0.000000", "-1", "1000000.000001", "0.9200001", "one"] {
            assert!(parse_rate(bad).is_err(), "{bad}");
        }
        assert_eq!((parse_markup(""), parse_markup("-100"), parse_markup("12.5")), (Ok(0), Ok(-10_000), Ok(1_250)));
        for bad in ["-100.01", "1000.01", "1.234", "12,5", "%"] {
            assert!(parse_markup(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spend_is_told_by_what_there_is_a_table_for() {
        assert_eq!(by(&Asked::default().with("by", "virtual_key")), Dimension::VirtualKey);
        for other in ["", "status", "metadata.team", "x"] {
            assert_eq!(by(&Asked::default().with("by", other)), Dimension::Provider);
        }
    }
}
