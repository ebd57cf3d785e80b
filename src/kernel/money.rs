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

#[cfg(test)]
mod tests {
    use super::dollars;

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
