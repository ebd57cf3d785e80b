//! Amounts: mark-ups, and how amounts are shown in another currency. All is reckoned in whole micro-cents; rounded is only what
//! is shown.

use crate::kernel::{
    money::{DOLLAR, dollars},
    text::grouped,
};
use serde::{Deserialize, Serialize};

/// A rate of 1 as it is stored.
pub const WHOLE: i64 = 1_000_000;
/// A percent as it is stored.
pub const PERCENT: i64 = 100;
/// The highest rate.
pub const HIGHEST_RATE: i64 = 1_000_000 * WHOLE;
/// The lowest mark-up, by which nothing is left, and the highest.
pub const MARKUPS: std::ops::RangeInclusive<i64> = -100 * PERCENT..=1_000 * PERCENT;

/// What amounts are shown in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Currency {
    /// ISO 4217: `EUR`.
    pub code: String,
    /// Decimals of its smallest unit: 2 for cents.
    pub digits: u32,
    /// What a dollar is in it, in millionths.
    pub rate: i64,
}

impl Default for Currency {
    fn default() -> Self {
        Self { code: "USD".into(), digits: 2, rate: WHOLE }
    }
}

impl Currency {
    pub fn is_dollars(&self) -> bool {
        self.code == "USD"
    }

    /// Micro-cents as such parts of this currency, rounded.
    pub fn converted(&self, micro_cents: i64) -> i64 {
        narrow(halves_up(i128::from(micro_cents) * i128::from(self.rate), i128::from(WHOLE)))
    }

    /// A converted amount without the name of its currency.
    pub fn plain(converted: i64) -> String {
        dollars(converted).replacen('$', "", 1)
    }

    /// `$12.84`, `EUR 11.90`.
    pub fn words(&self, micro_cents: i64) -> String {
        match self.is_dollars() {
            true => dollars(micro_cents),
            false => format!("{} {}", self.code, Self::plain(self.converted(micro_cents))),
        }
    }

    /// Micro-cents in parts of the smallest unit that one of them is divided into here: see [`Self::unit`].
    fn exact(&self, micro_cents: i64) -> i128 {
        i128::from(micro_cents) * i128::from(self.rate) * 10_i128.pow(self.digits)
    }

    const fn unit() -> i128 {
        DOLLAR as i128 * WHOLE as i128
    }

    /// Amounts in smallest units whose sum is the rounded sum, which comes last. Each is rounded down first; what is then
    /// missing goes, a unit each, to those from which most was taken, of equal ones to the earlier.
    pub fn shown(&self, amounts: &[i64]) -> (Vec<i64>, i64) {
        let exact: Vec<i128> = amounts.iter().map(|amount| self.exact(*amount)).collect();
        let mut shown: Vec<i128> = exact.iter().map(|exact| exact.div_euclid(Self::unit())).collect();
        let total = halves_up(exact.iter().sum(), Self::unit());
        let mut order: Vec<usize> = (0..exact.len()).collect();
        order.sort_by_key(|at| (-exact[*at].rem_euclid(Self::unit()), *at));
        let missing = usize::try_from(total - shown.iter().sum::<i128>()).unwrap_or(0);
        order.into_iter().take(missing).for_each(|at| shown[at] += 1);
        (shown.into_iter().map(narrow).collect(), narrow(total))
    }

    /// Smallest units in words: `1,204.50`.
    pub fn units(&self, units: i64) -> String {
        let one = 10_u64.pow(self.digits);
        let (whole, part) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
        let sign = if units < 0 { "-" } else { "" };
        let whole = grouped(i64::try_from(whole).unwrap_or(i64::MAX));
        match self.digits {
            0 => format!("{sign}{whole}"),
            digits => format!("{sign}{whole}.{part:0width$}", width = digits as usize),
        }
    }
}

/// Divides; halves are rounded up.
fn halves_up(number: i128, by: i128) -> i128 {
    (number + by / 2).div_euclid(by)
}

/// At most the greatest number there is, at least the least.
fn narrow(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

/// What a mark-up of so many hundredths of a percent adds to a cost, in micro-cents. A discount takes away.
pub fn added(cost: i64, markup: i64) -> i64 {
    narrow(halves_up(i128::from(cost) * i128::from(markup), i128::from(100 * PERCENT)))
}

/// Reads a decimal with at most so many decimals, exactly, in parts of its last one. A sign is read where `signed`.
pub fn parse_decimal(text: &str, decimals: usize, signed: bool) -> Option<i64> {
    let text = text.trim();
    let (sign, text) = match (signed, text.strip_prefix(['-', '−']), text.strip_prefix('+')) {
        (true, Some(rest), _) => (-1, rest),
        (true, None, Some(rest)) => (1, rest),
        _ => (1, text),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || part.len() > decimals || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part: i64 = format!("{part:0<decimals$}").parse().ok()?;
    let one = 10_i64.checked_pow(u32::try_from(decimals).ok()?)?;
    Some(sign * whole.parse::<i64>().ok()?.checked_mul(one)?.checked_add(part)?)
}

/// Writes such a number as short as it can be: `1.5`, `-20`.
pub fn decimal(number: i64, decimals: u32) -> String {
    let one = 10_u64.pow(decimals);
    let (whole, part) = (number.unsigned_abs() / one, number.unsigned_abs() % one);
    let sign = if number < 0 { "-" } else { "" };
    let part = format!("{part:0width$}", width = decimals as usize);
    match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        part => format!("{sign}{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency() -> impl Strategy<Value = Currency> {
        (prop::sample::select(vec![0_u32, 2, 3]), prop_oneof![Just(WHOLE), 1..=HIGHEST_RATE, 1..=200 * WHOLE])
            .prop_map(|(digits, rate)| Currency { code: "XTS".into(), digits, rate })
    }

    proptest! {
        #[test]
        fn shown_lines_add_up_to_the_shown_total(
            currency in currency(),
            amounts in prop::collection::vec(prop_oneof![-1_000_i64..100_000_000, 0..10_000_000_000_000_i64, Just(0)], 0..60),
        ) {
            let (lines, total) = currency.shown(&amounts);
            prop_assert_eq!(lines.iter().sum::<i64>(), total);
            // The total is the exact one, rounded once.
            let exact: i128 = amounts.iter().map(|amount| currency.exact(*amount)).sum();
            prop_assert!((i128::from(total) * Currency::unit() - exact).abs() * 2 <= Currency::unit());
            // No line is a whole unit away from what it is.
            for (line, amount) in lines.iter().zip(&amounts) {
                prop_assert!((i128::from(*line) * Currency::unit() - currency.exact(*amount)).abs() < Currency::unit());
            }
        }

        #[test]
        fn decimals_are_read_as_they_are_written(number in -1_000_000_000_000_i64..1_000_000_000_000) {
            prop_assert_eq!(parse_decimal(&decimal(number, 6), 6, true), Some(number));
            prop_assert_eq!(parse_decimal(&decimal(number, 2), 2, true), Some(number));
        }

        #[test]
        fn a_markup_is_rounded_by_less_than_a_micro_cent(cost in 0..10_000_000_000_000_i64, markup in MARKUPS) {
            let exact = i128::from(cost) * i128::from(markup);
            prop_assert!((i128::from(added(cost, markup)) * 10_000 - exact).abs() * 2 <= 10_000);
            prop_assert!(cost + added(cost, markup) >= 0);
        }
    }

    #[test]
    fn three_thirds_of_a_cent_are_a_cent() {
        let currency = Currency::default();
        assert_eq!(currency.shown(&[333_333, 333_334, 333_333]), (vec![0, 1, 0], 1));
        assert_eq!(currency.shown(&[]), (vec![], 0));
        assert_eq!(currency.units(120_450), "1,204.50");
        assert_eq!(Currency { digits: 0, ..currency.clone() }.units(-7), "-7");
        assert_eq!(Currency { digits: 3, ..currency }.units(7), "0.007");
    }

    #[test]
    fn amounts_are_told_in_their_currency() {
        let euro = Currency { code: "EUR".into(), digits: 2, rate: 920_000 };
        assert_eq!(euro.words(1_284_000_000), "EUR 11.81");
        assert_eq!(euro.words(-100_000_000), "EUR -0.9200");
        assert_eq!(Currency::default().words(4_120_000), "$0.0412");
    }

    #[test]
    fn what_is_no_decimal_is_none() {
        for bad in ["", ".", ".5", "1,5", "1e3", "1.1234567", "-1", "+1", "９"] {
            assert_eq!(parse_decimal(bad, 6, false), None, "{bad}");
        }
        assert_eq!((parse_decimal(" -12.5 ", 2, true), parse_decimal("--1", 2, true)), (Some(-1_250), None));
        assert_eq!((parse_decimal("+3", 2, true), parse_decimal("99999999999999999999", 2, true)), (Some(300), None));
    }
}
