use super::super::{Check, Outcome, TextCheck};
use super::*;
use serde_json::{Value, json};

fn check(parameters: &Value) -> Secrets {
    match Check::compile("latchkey.secrets", parameters, "checks[0]", &|_| Ok(())) {
        Ok(Check::Text(TextCheck::Secrets(check))) => check,
        other => panic!("{other:?}"),
    }
}

fn found(random: bool, text: &str) -> Vec<(&'static str, String)> {
    let places = patterns::places(&check(&json!({ "random": random })), text);
    places.into_iter().map(|place| (place.category, text[place.at].to_owned())).collect()
}

/// A token that is not written out here, so that no scanner takes it for a real one.
fn token(begins: &str, long: usize) -> String {
    format!("{begins}{}", "aB3dE5fG7h".repeat(60).chars().take(long).collect::<String>())
}

fn key(begin: &str, end: &str) -> String {
    format!("-----{begin} RSA PRIVATE KEY-----\n{}\n-----{end} RSA PRIVATE KEY-----", "MIIEow".repeat(20))
}

#[test]
fn finds_keys_by_their_form() {
    let jwt = format!("{}.{}.", token("eyJ", 20), token("eyJ", 20));
    for (category, secret) in [
        ("LATCHKEY_KEY", token("lk_p", 34)),
        ("LATCHKEY_KEY", token("lk_m", 34)),
        (("OPENAI_KEY"), token("sk-proj-", 100)),
        ("OPENAI_KEY", token("sk-", 48)),
        ("ANTHROPIC_KEY", token("sk-ant-api03-", 90)),
        ("AWS_KEY", format!("AKIA{}", "ABCDEFGH23456789")),
        ("GOOGLE_KEY", token("AIza", 35)),
        ("GITHUB_TOKEN", token("ghp_", 36)),
        ("GITHUB_TOKEN", token("github_pat_", 82)),
        ("SLACK_TOKEN", token("xoxb-", 40)),
        ("STRIPE_KEY", token("sk_live_", 24)),
        ("HUGGING_FACE_TOKEN", token("hf_", 34)),
        ("JWT", jwt.clone()),
        ("JWT", format!("{jwt}abc")),
        ("PRIVATE_KEY", key("BEGIN", "END")),
        ("PROVIDER_KEY", token("gsk_", 52)),
    ] {
        for around in ["", " ", "\"", "=", "\\n", "ä "] {
            let text = format!("use {around}{secret}\" now");
            let seen = found(false, &text);
            assert_eq!(seen, [(category, secret.clone())], "{around:?}");
        }
    }
    assert_eq!(found(false, "postgres://app:hunter2@db/app"), [(CONNECTION_URL, "hunter2".to_owned())]);
    let aws = token("", 40);
    assert_eq!(found(false, &format!("AWS_SECRET_ACCESS_KEY=\"{aws}\"")), [(AWS_SECRET, aws)]);
    let cut = format!("-----{} PRIVATE KEY-----\n{}", "BEGIN", "MIIEow".repeat(20));
    assert_eq!(found(false, &cut), [(PRIVATE_KEY, cut.clone())]);
}

#[test]
fn leaves_what_is_no_secret() {
    for text in [
        "a task-oriented-approach-to-long-words",
        "sk-this-is-a-long-name-without-digits",
        "lk_p7Xa…Tn2e lk_p7Xa",
        "AKIAIOSFODNN7 and AIza",
        "https://user@host/ http://host:80/a@b postgres://app:${PASSWORD}@db postgres://app:****@db",
        "eyJhbGciOiJIUzI1NiJ9",
        "What does -----BEGIN PRIVATE KEY----- mean?",
        "xhf_aB3dE5fG7haB3dE5fG7haB3dE5fG7haB3d",
    ] {
        assert_eq!(found(false, text), [], "{text}");
    }
    for text in [
        "internationalizationAndLocalization2Helpers99",
        "123e4567-e89b-12d3-a456-426614174000",
        "src/routing/read/conditions_and_targets.rs",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "1234567890123456789012345678901234567890",
    ] {
        assert_eq!(found(true, text), [], "{text}");
    }
    assert_eq!(found(true, "key=q7Rw2Kp9Zx4Lm8Tb3Vn6Yc1s").len(), 1);
    assert_eq!(found(true, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b").len(), 1);
}

fn redacted(how: &str, text: &str) -> String {
    let check = check(&json!({ "redact": how, "random": true }));
    let mut rewriting = check.rewriting(&[7; 32]).unwrap();
    let left = rewriting.text(text).unwrap_or_else(|| text.to_owned());
    assert_eq!(rewriting.found(true).outcome, Outcome::Pass);
    left
}

#[test]
fn takes_out_what_it_finds() {
    let (one, other) = (token("sk-", 48), token("ghp_", 36));
    let text = format!("{one} {other} {one} mysql://a:pw1@h/d");
    let wanted = "{{OPENAI_KEY_1}} {{GITHUB_TOKEN_1}} {{OPENAI_KEY_1}} mysql://a:{{CONNECTION_URL_1}}@h/d";
    assert_eq!(redacted("replace", &text), wanted);
    assert_eq!(redacted("mask", &one), format!("sk-****{}", &one[one.len() - 4..]));
    assert_eq!(redacted("mask", "mysql://a:pw1@h/d"), "mysql://a:****@h/d");
}

#[test]
fn nothing_is_left_that_would_be_found_again() {
    let jwt = format!("{}.{}.x", token("eyJ", 20), token("eyJ", 20));
    let long = [
        token("sk-", 48),
        token("ghp_", 36),
        jwt,
        key("BEGIN", "END"),
        token("lk_p", 34),
        token("", 40),
        token("xoxb-", 12),
    ];
    let mut pieces: Vec<&str> = vec![
        " ",
        "-",
        "_",
        ".",
        "=",
        "://",
        "a:",
        "@",
        "\\n",
        "\n",
        "x",
        "sk-",
        "AKIA",
        "-----BEGIN ",
        "-----END ",
        "PRIVATE KEY-----",
        "secret_access_key",
        "Z9",
        "é",
        "****",
        "{{",
        "}}",
        "/",
        "q7Rw2Kp9Zx",
    ];
    pieces.extend(long.iter().map(String::as_str));
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed >> 33).unwrap() % most
    };
    let mut changed = 0;
    for round in 0..300 {
        let count = 1 + below(10);
        let text: String = (0..count).map(|_| pieces[below(pieces.len())]).collect();
        for how in ["replace", "mask", "hash"] {
            let left = redacted(how, &text);
            changed += usize::from(left != text);
            assert_eq!(found(true, &left), [], "round {round}, {how}: {text:?} gives {left:?}");
        }
    }
    assert!(changed > 100, "{changed}");
}

#[test]
fn hostile_texts_take_time_in_proportion() {
    for piece in [
        "sk-",
        "-sk-",
        "eyJ",
        "-eyJ",
        "eyJ.",
        "a://",
        "a://b:",
        "://",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "SG.",
        "AKIA",
        "secret_access_key",
        "xoxb-",
        "hf_",
        "aB3",
        "=",
        "hooks.slack.com/services/",
    ] {
        let text = piece.repeat(400_000 / piece.len());
        let since = std::time::Instant::now();
        let _ = found(true, &text);
        assert!(since.elapsed().as_secs() < 3, "{piece:?}: {:?}", since.elapsed());
    }
}
