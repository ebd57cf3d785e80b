//! Patterns, ranges, and that a key that is narrowed as far can do no more.

use super::*;
use proptest::prelude::*;

fn pattern(text: &str) -> Pattern {
    text.parse().expect("a pattern")
}

fn range(text: &str) -> Range {
    text.parse().expect("a range")
}

/// The plainest way to say what a pattern means, whatever it costs.
fn plainly(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        (['*', rest @ ..], _) => plainly(rest, name) || (!name.is_empty() && plainly(pattern, &name[1..])),
        ([first, rest @ ..], [letter, others @ ..]) => first == letter && plainly(rest, others),
        ([], []) => true,
        _ => false,
    }
}

#[test]
fn patterns_mean_whole_names() {
    for (text, fitting, other) in [
        ("gpt-4o", &["gpt-4o"][..], &["gpt-4o-mini", "GPT-4o", "xgpt-4o", ""][..]),
        ("gpt-4o*", &["gpt-4o", "gpt-4o-mini"], &["gpt-4", "a/gpt-4o"]),
        ("*-mini", &["gpt-4o-mini", "-mini"], &["mini", "gpt-4o-mini-2"]),
        ("a*b*c", &["abc", "aXbYc", "abbcc"], &["ac", "acb", "abcd"]),
        ("a*a", &["aa", "aba"], &["a"]),
        ("*", &["", "anything/at:all"], &[]),
        ("meta/**", &["meta/", "meta/llama"], &["meta"]),
    ] {
        for name in fitting {
            assert!(pattern(text).fits(name), "{text} fits {name}");
        }
        for name in other {
            assert!(!pattern(text).fits(name), "{text} does not fit {name}");
        }
    }
    for refused in ["", "  ", "two words", "a\nb", "a\u{202e}b", &"x".repeat(101)] {
        assert!(refused.parse::<Pattern>().is_err(), "{refused:?}");
    }
}

#[test]
fn many_stars_cost_no_more_than_their_length() {
    let hard = pattern(&"a*".repeat(50));
    let name = "a".repeat(1_000_000) + "b";
    let begun = std::time::Instant::now();
    assert!(hard.fits(&name));
    assert!(!pattern(&format!("{}c", "a*".repeat(49))).fits(&name));
    // What would go back and forth would take years.
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn ranges_have_one_spelling() {
    for (typed, shown) in [
        ("10.1.2.3/8", "10.0.0.0/8"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.7/32", "203.0.113.7"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("2001:db8::7", "2001:db8::7"),
    ] {
        assert_eq!(range(typed).to_string(), shown);
        assert_eq!(range(shown), range(typed), "what is shown is read again");
    }
    for refused in ["", "10.0.0.0/33", "10.0.0", "example.com", "10.0.0.0-10.0.0.9"] {
        assert!(refused.parse::<Range>().is_err(), "{refused}");
    }
    let mapped: IpAddr = "::ffff:10.9.9.9".parse().expect("an address");
    assert!(range("10.0.0.0/8").holds(mapped));
    assert!(!range("::/0").holds(mapped), "a range of IPv6 holds no address of IPv4");
}

#[test]
fn what_is_stored_is_read_again_and_what_is_not_known_fails() {
    let narrowing = Narrowing {
        models: vec![pattern("gpt-4o*")],
        virtual_keys: vec![VirtualKeyId::numbered(7)],
        allowed_ips: vec![range("10.0.0.0/8")],
        not_before: Some(Timestamp(5)),
        ..Narrowing::default()
    };
    let stored = serde_json::to_value(&narrowing).expect("JSON");
    assert_eq!(stored["models"], serde_json::json!(["gpt-4o*"]));
    assert_eq!(serde_json::from_value::<Narrowing>(stored).expect("a narrowing"), narrowing);
    assert_eq!(serde_json::to_value(Narrowing::default()).expect("JSON"), serde_json::json!({}));
    // An older program does not pass over what a newer one narrows by.
    assert!(serde_json::from_value::<Narrowing>(serde_json::json!({ "hours": [9] })).is_err());
}

#[test]
fn lists_are_read_once_each_and_are_bounded() {
    let typed = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
    assert_eq!(entries(&typed(&[" a* ", "", "a*", "b"])), Ok(vec![pattern("a*"), pattern("b")]));
    let fifty: Vec<String> = (0..50).map(|n| format!("m{n}")).collect();
    assert!(entries::<Pattern>(&fifty).is_ok());
    assert!(entries::<Pattern>(&[fifty, typed(&["more"])].concat()).is_err());
    assert!(entries::<Range>(&typed(&["10.0.0.0/8", "nowhere"])).is_err_and(|said| said.contains("nowhere")));
}

#[test]
fn what_is_not_narrowed_is_wider_than_what_is() {
    let own = |change: fn(&mut Narrowing)| {
        let mut own = Narrowing::default();
        change(&mut own);
        own
    };
    let nothing = Narrowing::default();
    for (kind, own) in [
        ("models", own(|own| own.models = vec![pattern("a*")])),
        ("virtual keys", own(|own| own.virtual_keys = vec![VirtualKeyId::numbered(1)])),
        ("configs", own(|own| own.configs = vec![ConfigId::numbered(1)])),
        ("prompts", own(|own| own.prompts = vec![PromptId::numbered(1)])),
        ("addresses", own(|own| own.allowed_ips = vec![range("10.0.0.0/8")])),
    ] {
        assert_eq!(nothing.wider_than(&own), Some(kind));
        assert_eq!(own.wider_than(&own), None);
        assert_eq!(own.wider_than(&nothing), None);
    }
}

const LETTERS: &str = "[ab*]{1,6}";

/// A narrowing out of few things, so that many pairs stand inside one another.
fn narrowings() -> impl Strategy<Value = Narrowing> {
    let models = prop::collection::vec(LETTERS.prop_map(|text| pattern(&text)), 0..3);
    let ids = || prop::collection::vec(1..4_u128, 0..3);
    let ranges = prop::collection::vec((0..4_u8, 30..=32_u8), 0..3);
    (models, ids(), ids(), ids(), ranges).prop_map(|(models, keys, configs, prompts, ranges)| Narrowing {
        models,
        virtual_keys: keys.into_iter().map(VirtualKeyId::numbered).collect(),
        configs: configs.into_iter().map(ConfigId::numbered).collect(),
        prompts: prompts.into_iter().map(PromptId::numbered).collect(),
        allowed_ips: ranges.into_iter().map(|(last, length)| range(&format!("10.0.0.{last}/{length}"))).collect(),
        not_before: None,
    })
}

proptest! {
    #[test]
    fn patterns_fit_what_they_plainly_mean(text in LETTERS, name in "[ab]{0,8}") {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(pattern(&text).fits(&name), plainly(&letters(&text), &letters(&name)));
    }

    #[test]
    fn a_key_that_is_narrowed_as_far_lets_through_no_more(
        own in narrowings(),
        other in narrowings(),
        takes in prop::array::uniform5(any::<bool>()),
        model in "[ab]{0,8}",
    ) {
        // Of most pairs one is wider somewhere: there it takes what the first has.
        let mut next = other;
        let wider = |next: &Narrowing, kind: &str| next.wider_than(&own) == Some(kind);
        let kinds = ["models", "virtual keys", "configs", "prompts", "addresses"];
        for (kind, take) in kinds.into_iter().zip(takes) {
            if take || wider(&next, kind) {
                match kind {
                    "models" => next.models.clone_from(&own.models),
                    "virtual keys" => next.virtual_keys.clone_from(&own.virtual_keys),
                    "configs" => next.configs.clone_from(&own.configs),
                    "prompts" => next.prompts.clone_from(&own.prompts),
                    _ => next.allowed_ips.clone_from(&own.allowed_ips),
                }
            }
        }
        prop_assert!(next.wider_than(&own).is_none());
        prop_assert!(!next.lets_model(&model) || own.lets_model(&model));
        for number in 0..5 {
            let (key, config, prompt) = (VirtualKeyId::numbered(number), ConfigId::numbered(number), PromptId::numbered(number));
            prop_assert!(!next.lets_virtual_key(key) || own.lets_virtual_key(key));
            prop_assert!(!next.lets_config(config) || own.lets_config(config));
            prop_assert!(!next.lets_prompt(prompt) || own.lets_prompt(prompt));
        }
        let bounds = |own: &Narrowing| KeyBounds { own: own.clone(), ..KeyBounds::default() };
        for last in 0..8 {
            let address = Some(IpAddr::from([10, 0, 0, last]));
            prop_assert!(!bounds(&next).lets_address(address) || bounds(&own).lets_address(address));
        }
        prop_assert!(!bounds(&next).lets_address(None) || bounds(&own).lets_address(None));
    }

    #[test]
    fn a_narrowing_takes_away_and_adds_nothing(own in narrowings(), model in "[ab]{0,8}") {
        let all = Narrowing::default();
        prop_assert!(all.lets_model(&model));
        prop_assert_eq!(own.wider_than(&all), None);
        prop_assert_eq!(own.wider_than(&own), None);
    }
}
