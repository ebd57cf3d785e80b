//! Tests of the pure parts.

use super::model::{self, Finding};
use crate::kernel::{Secret, provider::Provider};

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
    let listed = |provider, has_credential, names: &[&str]| {
        Finding::listed(provider, has_credential, names.len(), names.iter().copied())
    };
    for finding in [listed(Provider::OpenAi, true, &["a", "b", "c"]), Finding::Tls, Finding::CredentialRefused] {
        let json = serde_json::to_string(&finding).expect("json");
        assert_eq!(serde_json::from_str::<Finding>(&json).expect("a finding"), finding);
        assert!(json.contains(finding.name()));
    }
    for (provider, has_credential, names, sentence) in [
        (Provider::OpenAi, true, &[][..], "It works. The provider took the credential and lists no models."),
        (Provider::OpenAi, true, &["a"][..], "It works. The provider took the credential and lists 1 model: a."),
        (
            Provider::Mistral,
            true,
            &["a", "b", "c", "d"][..],
            "It works. The provider took the credential and lists 4 models, among them a, b, c.",
        ),
        // Such a server may list its models for anybody.
        (
            Provider::OpenAiCompatible,
            true,
            &["gpt-4.1-mini", "llama-3"][..],
            "It answers and lists 2 models: gpt-4.1-mini, llama-3. The first call shows whether it takes the credential.",
        ),
        (Provider::Ollama, false, &["llama3.2"][..], "It answers and lists 1 model: llama3.2."),
    ] {
        assert_eq!(listed(provider, has_credential, names).sentence(), sentence);
    }
}

#[test]
fn a_finding_names_no_model_that_could_forge_or_flood() {
    let long = "x".repeat(500);
    let names = ["a\u{202e}b", "line\nbreak", "zero\u{200b}width", &long, "<b>"];
    let Finding::Works { models, first, .. } =
        Finding::listed(Provider::OpenAiCompatible, false, names.len(), names.into_iter())
    else {
        panic!("a list");
    };
    assert_eq!(models, 5);
    assert_eq!(first, [format!("{}…", "x".repeat(60)), "<b>".to_owned()]);
}
