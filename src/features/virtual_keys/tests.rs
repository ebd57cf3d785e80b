//! Tests of the pure parts.

use super::model::{self, Finding};
use crate::kernel::Secret;

#[test]
fn references_are_short_names_and_never_an_address_of_the_console() {
    for good in ["openai-main", "@openai-main", " a1 ", "news"] {
        assert!(model::parse_slug(good).is_ok(), "{good}");
    }
    assert_eq!(model::parse_slug("@eu").as_deref(), Ok("eu"));
    for bad in ["", "a", "A1", "a_b", "a--b", "-a", "a/b", "new", "ä1", &"a".repeat(41)] {
        assert!(model::parse_slug(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_mask_is_no_credential_and_a_damaged_one_is_refused() {
    let parse = |text: &str| model::parse_credential(&Secret::new(text)).map(|c| c.map(|s| s.expose().to_owned()));
    for none in ["", "  ", "••••••••", "********"] {
        assert_eq!(parse(none), Ok(None), "{none}");
    }
    assert_eq!(parse(" sk-a*b \n"), Ok(Some("sk-a*b".into())));
    for bad in ["sk a", "sk-\u{e4}", "a\r\nhost: evil", "a\tb"] {
        assert!(parse(bad).is_err(), "{bad}");
    }
    assert!(parse(&"x".repeat(model::CREDENTIAL_LIMIT)).is_ok());
    assert!(parse(&"x".repeat(model::CREDENTIAL_LIMIT + 1)).is_err());
}

#[test]
fn findings_travel_and_speak() {
    for finding in [Finding::Works { models: 3 }, Finding::Tls, Finding::CredentialRefused] {
        let json = serde_json::to_string(&finding).expect("json");
        assert_eq!(serde_json::from_str::<Finding>(&json).expect("a finding"), finding);
        assert!(json.contains(finding.name()));
    }
    assert!(Finding::Works { models: 1 }.sentence().contains("1 model."));
    assert!(Finding::Works { models: 12 }.sentence().contains("12 models."));
}
