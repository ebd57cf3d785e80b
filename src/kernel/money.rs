//! Money as whole numbers of micro-cents: 1 US cent is 1,000,000 of them.

/// Micro-cents in one US dollar.
pub const DOLLAR: i64 = 100_000_000;
const DOLLAR_UNSIGNED: u64 = DOLLAR.unsigned_abs();

/// `$12.84`; `$0.0412` with four decimals below a dollar; `$0.000041` with its two first digits below a cent, of which no
/// cost is too small to be seen.
pub fn dollars(micro_cents: i64) -> String {
    let sign = if micro_cents < 0 { "-" } else { "" };
    let amount = micro_cents.unsigned_abs();
    // How many of the eight decimals are told.
    let decimals = match amount {
        0 | DOLLAR_UNSIGNED.. => 2,
        1_000_000.. => 4,
        // The first digit that is not zero, and one more.
        small => (9 - small.ilog10()).clamp(4, 8),
    };
    let unit = 10_u64.pow(8 - decimals);
    let rounded = (amount + unit / 2) / unit;
    let (whole, part) = (rounded / 10_u64.pow(decimals), rounded % 10_u64.pow(decimals));
    let mut text = format!("{sign}${whole}.{part:0width$}", width = decimals as usize);
    while text.ends_with('0') && text.len() > sign.len() + "$0.0000".len() && amount < DOLLAR_UNSIGNED {
        text.pop();
    }
    text
}

/// Reads dollars, such as `2.50`, exactly, in micro-cents. None: it is no amount, is below nothing, or has more than eight
/// decimals.
pub fn parse_dollars(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || part.len() > 8 || !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: i64 = format!("{part:0<8}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(DOLLAR)?.checked_add(part)
}

/// Dollars as [`parse_dollars`] reads them, exactly: `2.50`, `0.075`.
pub fn decimal(micro_cents: i64) -> String {
    let sign = if micro_cents < 0 { "-" } else { "" };
    let amount = micro_cents.unsigned_abs();
    let mut text = format!("{sign}{}.{:08}", amount / DOLLAR_UNSIGNED, amount % DOLLAR_UNSIGNED);
    let least = text.len() - 6;
    while text.len() > least && text.ends_with('0') {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{decimal, dollars, parse_dollars};

    #[test]
    fn decimals_are_read_and_written_exactly() {
        for (text, amount, written) in [
            ("0", 0, "0.00"),
            ("2.5", 250_000_000, "2.50"),
            ("2.50", 250_000_000, "2.50"),
            ("0.075", 7_500_000, "0.075"),
            ("0.00000001", 1, "0.00000001"),
            ("12.", 1_200_000_000, "12.00"),
            ("92233720368.54775807", i64::MAX, "92233720368.54775807"),
        ] {
            assert_eq!(parse_dollars(text), Some(amount), "{text}");
            assert_eq!(decimal(amount), written);
            assert_eq!(parse_dollars(written), Some(amount), "{written}");
        }
        for bad in ["", ".5", "-1", "+1", "1,5", "1e3", "$1", " 1", "1.000000001", "92233720368.54775808", "1.2.3", "٣"]
        {
            assert_eq!(parse_dollars(bad), None, "{bad}");
        }
        assert_eq!(decimal(i64::MIN), "-92233720368.54775808");
    }

    #[test]
    fn amounts_are_rounded_half_up() {
        assert_eq!(dollars(0), "$0.00");
        assert_eq!(dollars(4_120_000), "$0.0412");
        assert_eq!(dollars(99_999_999), "$1.0000");
        assert_eq!(dollars(1_284_000_000), "$12.84");
        assert_eq!(dollars(199_999_999), "$2.00");
        assert_eq!(dollars(-4_120_000), "-$0.0412");
    }

    #[test]
    fn no_cost_below_a_cent_looks_like_none() {
        for (amount, text) in [
            (999_999, "$0.0100"),
            (140_000, "$0.0014"),
            (60_000, "$0.0006"),
            (4_120, "$0.000041"),
            (4_000, "$0.00004"),
            (99, "$0.00000099"),
            (1, "$0.00000001"),
            (-1, "-$0.00000001"),
        ] {
            assert_eq!(dollars(amount), text);
        }
        for digits in 0..=8 {
            for amount in [10_i64.pow(digits), 10_i64.pow(digits) * 10 - 1] {
                assert!(dollars(amount).contains(|c: char| ('1'..='9').contains(&c)), "{amount}");
            }
        }
    }
}
