//! The currencies that amounts can be shown in.

use super::amount::{Currency, WHOLE};

/// ISO 4217, without funds, metals and codes for tests.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF \
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR \
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP \
    MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG \
    SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST \
    XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";
/// Those without a smaller unit, and those whose smaller unit is a thousandth.
const WITHOUT: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const THOUSANDTHS: &str = "BHD IQD JOD KWD LYD OMR TND";

fn has(list: &str, code: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == code)
}

/// Decimals of a currency's smallest unit.
pub fn digits(code: &str) -> u32 {
    match code {
        code if has(WITHOUT, code) => 0,
        code if has(THOUSANDTHS, code) => 3,
        _ => 2,
    }
}

/// A currency by its code, in any letter case; empty: dollars. The rate is left at 1.
///
/// # Errors
/// A sentence for people.
pub fn parse(text: &str) -> Result<Currency, String> {
    let code = text.trim().to_ascii_uppercase();
    match code.as_str() {
        "" => Ok(Currency::default()),
        known if has(CODES, known) => Ok(Currency { digits: digits(known), code, rate: WHOLE }),
        _ => Err("Write the three letters of a currency as ISO 4217 has them, such as EUR.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_list() {
        assert_eq!(parse(" eur ").map(|of| (of.code, of.digits, of.rate)), Ok(("EUR".into(), 2, WHOLE)));
        assert_eq!(parse("").map(|of| of.code), Ok("USD".into()));
        assert_eq!((digits("JPY"), digits("KWD")), (0, 3));
        for bad in ["EU", "EURO", "XXX", "E R", "€", "AED AFN"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let sorted = |list: &str| list.split_ascii_whitespace().is_sorted();
        assert!([CODES, WITHOUT, THOUSANDTHS].into_iter().all(sorted));
        let each = |list: &'static str| list.split_ascii_whitespace();
        assert!(
            each(CODES).all(|code| code.len() == 3)
                && each(WITHOUT).chain(each(THOUSANDTHS)).all(|code| has(CODES, code))
        );
    }
}
