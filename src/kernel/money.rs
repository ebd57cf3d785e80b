//! Money as whole numbers of micro-cents: 1 US cent is 1,000,000 of them.

/// Micro-cents in one US dollar.
pub const DOLLAR: i64 = 100_000_000;

/// `$0.0412`: four decimals below a dollar, two above.
pub fn dollars(micro_cents: i64) -> String {
    let sign = if micro_cents < 0 { "-" } else { "" };
    let amount = micro_cents.unsigned_abs();
    let (whole, part) = (amount / DOLLAR as u64, amount % DOLLAR as u64);
    if whole >= 1 {
        let cents = (part + 500_000) / 1_000_000;
        format!("{sign}${}.{:02}", whole + cents / 100, cents % 100)
    } else {
        let ten_thousandths = (part + 5_000) / 10_000;
        format!("{sign}${}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn amounts_are_rounded_half_up() {
        assert_eq!(dollars(0), "$0.0000");
        assert_eq!(dollars(4_120_000), "$0.0412");
        assert_eq!(dollars(99_999_999), "$1.0000");
        assert_eq!(dollars(1_284_000_000), "$12.84");
        assert_eq!(dollars(199_999_999), "$2.00");
        assert_eq!(dollars(-4_120_000), "-$0.0412");
    }
}
