//! The commands of the audit log: an export is verified by itself, and shows where it was changed; so are chains against
//! signed checkpoints.

use super::{
    Result,
    calls::provider,
    house::{House, program},
};
use std::{fs, process::Command};

#[test]
fn an_export_shows_where_it_was_changed() -> Result<()> {
    let mut house = House::open(provider()?)?;
    let (status, body) = house.api("GET", "/v1/api-keys", "")?;
    assert_eq!(status, 200, "{body}");
    let keys: serde_json::Value = serde_json::from_str(&body)?;
    let organisation = keys["data"][0]["organisation_id"].as_str().ok_or("no organisation")?.to_owned();
    for name in ["one", "<b>two</b>, \\\"quoted\\\"", "three"] {
        let (status, body) = house.api("POST", "/v1/api-keys", &format!(r#"{{"name":"{name}"}}"#))?;
        assert_eq!(status, 200, "{body}");
    }
    house.stop()?;
    let exported = house.run(&["audit", "export", "--organisation", &organisation])?;
    assert!(exported.status.success());
    let text = String::from_utf8(exported.stdout)?;
    // Set-up, the virtual key, three keys: a line each.
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(!text.contains(&house.key));

    let file = house.folder().join("export.jsonl");
    let path = file.display().to_string();
    let verify = |text: &str| -> Result<(Option<i32>, String)> {
        fs::write(&file, text)?;
        let done = house.run(&["audit", "verify", "--file", &path])?;
        Ok((done.status.code(), String::from_utf8(done.stdout)? + &String::from_utf8(done.stderr)?))
    };
    let (code, said) = verify(&text)?;
    assert!(code == Some(0) && said.starts_with(&format!("{organisation}: 5 events verified, head ")), "{said}");
    let changed = text.replace("<b>two</b>", "<b>too</b>");
    let removed = format!("{}\n", [&lines[..2], &lines[3..]].concat().join("\n"));
    let swapped = format!("{}\n", [lines[0], lines[2], lines[1], lines[3], lines[4]].join("\n"));
    for (what, text, seq) in [("changed", changed, 4), ("removed", removed, 3), ("swapped", swapped, 2)] {
        let (code, said) = verify(&text)?;
        assert!(
            code == Some(2) && said.starts_with(&format!("{organisation}: BROKEN at event {seq}: ")),
            "{what}: {said}"
        );
        assert!(said.contains("Not checked: "), "{said}");
    }
    for (line, text) in [(1, "no event\n".to_owned()), (6, format!("{text}\n")), (2, text.replacen('\n', "\n\n", 1))] {
        let (code, said) = verify(&text)?;
        assert!(code == Some(1) && said.starts_with(&format!("latchkey: line {line} is no event")), "{said}");
    }

    // With the installation's chain in one file, in any order of the lines of each: the one is held against the other.
    let installation = String::from_utf8(house.run(&["audit", "export"])?.stdout)?;
    let (code, said) = verify(&format!("{text}{installation}"))?;
    assert!(code == Some(0) && said.contains("installation: ") && said.contains(&organisation), "{said}");
    let elsewhere = format!("{text}{}", text.replace(&organisation, "00000000-0000-4000-8000-000000000009"));
    let (code, said) = verify(&elsewhere)?;
    assert!(code == Some(2) && said.contains("00000000-0000-4000-8000-000000000009: BROKEN at event 1: "), "{said}");
    house.verify_audit()
}

#[test]
fn what_was_done_to_the_database_is_found() -> Result<()> {
    let mut house = House::open(provider()?)?;
    house.stop()?;
    let verified = || -> Result<(Option<i32>, String)> {
        let done = house.run(&["audit", "verify"])?;
        Ok((done.status.code(), String::from_utf8(done.stdout)?))
    };
    let (code, said) = verified()?;
    assert!(code == Some(0) && said.contains("Not checked: whether events were cut off"), "{said}");
    change(&house, "DROP TRIGGER audit_events_keep; UPDATE audit_events SET actor_id = 'x' WHERE seq = 2")?;
    let (code, said) = verified()?;
    assert!(code == Some(2) && said.matches(": BROKEN at event 2: ").count() == 2, "{said}");
    Ok(())
}

/// Makes API keys, each of which is an event.
fn make_keys(house: &House, names: &[&str]) -> Result<()> {
    for name in names {
        let (status, body) = house.api("POST", "/v1/api-keys", &format!(r#"{{"name":"{name}"}}"#))?;
        assert_eq!(status, 200, "{body}");
    }
    Ok(())
}

/// Runs a Python program; gives its exit code, and all that it said.
fn python(arguments: &[&std::ffi::OsStr]) -> Result<(Option<i32>, String)> {
    let done = Command::new("python3")
        .args(arguments)
        .output()
        .map_err(|error| format!("this test needs python3 (its standard library is enough): {error}"))?;
    Ok((done.status.code(), String::from_utf8(done.stdout)? + &String::from_utf8(done.stderr)?))
}

#[test]
fn every_attack_on_the_database_is_named() -> Result<()> {
    let mut house = House::open(provider()?)?;
    make_keys(&house, &["one", "two", "three", "four"])?;
    house.stop()?;
    // Once more, so that there is more than one checkpoint.
    house.start_again()?;
    make_keys(&house, &["five", "six", "seven"])?;
    house.stop()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/end2end/audit-attacks.py");
    let before = fs::read(house.folder().join("latchkey.db"))?;
    let (code, said) =
        python(&[script.as_ref(), house.folder().as_os_str(), "--latchkey".as_ref(), program().as_os_str()])?;
    assert!(code == Some(0) && said.contains("All 25 attacks were named."), "{said}");
    assert!(!said.contains("FAILED") && said.matches(": BROKEN at event ").count() == 24, "{said}");
    assert!(fs::read(house.folder().join("latchkey.db"))? == before, "the data folder was only read");
    house.verify_audit()
}

#[test]
fn an_export_is_held_against_checkpoints() -> Result<()> {
    let mut house = House::open(provider()?)?;
    make_keys(&house, &["one", "two"])?;
    let (_, body) = house.api("GET", "/v1/api-keys", "")?;
    let keys: serde_json::Value = serde_json::from_str(&body)?;
    let organisation = keys["data"][0]["organisation_id"].as_str().ok_or("no organisation")?.to_owned();
    house.stop()?;
    let said = |arguments: &[&str]| -> Result<(Option<i32>, String)> {
        let done = house.run(arguments)?;
        Ok((done.status.code(), String::from_utf8(done.stdout)? + &String::from_utf8(done.stderr)?))
    };
    let (code, printed) = said(&["audit", "public-key"])?;
    let (key, rest) = printed.split_once(' ').ok_or("no key")?;
    assert!(code == Some(0) && key.len() == 64 && rest.starts_with("generation 1, since "), "{printed}");
    let kept = house.folder().join("checkpoints.jsonl").display().to_string();
    let checkpoints = fs::read_to_string(&kept)?;
    let export = |name: &str| house.folder().join(name).display().to_string();
    let (whole, cut, both) = (export("whole.jsonl"), export("cut.jsonl"), export("both.jsonl"));
    let (_, text) = said(&["audit", "export", "--organisation", &organisation])?;
    let (_, installation) = said(&["audit", "export"])?;
    let shorter = text.lines().take(3).map(|line| format!("{line}\n")).collect::<String>();
    for (path, text) in [(&whole, &text), (&cut, &shorter), (&both, &format!("{text}{installation}"))] {
        fs::write(path, text)?;
    }
    let verify = |file: &str, checkpoints: &str, key: &str| {
        said(&["audit", "verify", "--file", file, "--checkpoints", checkpoints, "--public-key", key])
    };
    let (code, line) = verify(&whole, &kept, key)?;
    assert!(code == Some(0) && line.contains(&format!("{organisation}: 4 events verified, head ")), "{line}");
    assert!(line.contains(", verified up to #4 by a checkpoint of 20") && !line.contains("whose"), "{line}");
    let (code, line) = verify(&cut, &kept, key)?;
    let missing = format!("{organisation}: BROKEN at event 4: it is missing, and a checkpoint says that it was there");
    assert!(code == Some(2) && line.contains(&missing), "{line}");
    let (code, line) = said(&["audit", "verify", "--file", &cut, "--checkpoints", &kept])?;
    assert!(code == Some(2) && line.contains(&missing) && line.contains("Not checked: whose"), "{line}");
    // Keys that did not sign, and what is no key.
    let (code, line) = verify(&whole, &kept, &"0f".repeat(32))?;
    assert!(code == Some(2) && line.contains("checkpoints: BROKEN at line 1: "), "{line}");
    for bad in ["0f", &key.to_uppercase()] {
        let (code, line) = verify(&whole, &kept, bad)?;
        assert!(code == Some(2) && line.contains("cannot be used: it must be 64 hexadecimal digits"), "{line}");
    }
    let (code, line) = said(&["audit", "verify", "--file", &whole, "--public-key", key])?;
    assert!(code == Some(1) && line.contains("give --checkpoints as well"), "{line}");
    // A line that is none.
    let broken = export("broken.jsonl");
    for (number, text) in [(1, format!("x\n{checkpoints}")), (2, checkpoints.replacen('\n', "\n\n", 1))] {
        fs::write(&broken, text)?;
        let (code, line) = verify(&whole, &broken, key)?;
        assert!(code == Some(1) && line.contains(&format!("line {number} of ")), "{line}");
    }

    // As the page of the format tells it, without Latchkey.
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/audit.md"))?;
    let start = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).ok_or("no program")?;
    let verifier = house.folder().join("verify.py");
    fs::write(&verifier, start)?;
    let (code, line) = python(&[verifier.as_os_str(), both.as_ref()])?;
    assert!(code == Some(0) && line.contains(&format!("{organisation}: 4 events verified, head ")), "{line}");
    let (code, line) = python(&[verifier.as_os_str(), broken.as_ref()])?;
    assert!(code != Some(0), "{line}");
    // Of a personal value that was changed both say which it is.
    let (_, value) = text.split_once(r#""place":"/address","salt":""#).ok_or("no address beside an event")?;
    let salt = value.get(..32).ok_or("no salt")?;
    fs::write(&broken, text.replacen(salt, &"0f".repeat(16), 1))?;
    let (code, line) = python(&[verifier.as_os_str(), broken.as_ref()])?;
    assert!(code == Some(1) && line.contains(" has another value at /address"), "{line}");
    let (code, line) = said(&["audit", "verify", "--file", &broken])?;
    assert!(code == Some(2) && line.contains(": a personal value beside it is not the one that was hashed"), "{line}");

    // The next key: whoever trusts the first trusts it, and what the first signed still verifies.
    let (code, printed) = said(&["audit", "rotate-key"])?;
    assert!(code == Some(0) && printed.contains(" generation 2, since "), "{printed}");
    house.start_again()?;
    make_keys(&house, &["three"])?;
    house.stop()?;
    let done = house.run(&["audit", "public-key"])?;
    assert_eq!(String::from_utf8(done.stdout)?.lines().count(), 2);
    let next = printed.split(' ').next().ok_or("no key")?;
    let lines = fs::read_to_string(&kept)?;
    assert!(lines.starts_with(&checkpoints) && lines.contains(&format!(r#"\"key\":\"{next}\""#)), "{lines}");
    let done = house.run(&["audit", "verify", "--checkpoints", &kept, "--public-key", key])?;
    let line = String::from_utf8(done.stdout)?;
    assert!(done.status.success() && line.contains(", verified up to #5 by a checkpoint of 20"), "{line}");
    Ok(())
}

/// Changes its database as somebody who owns the file would.
#[expect(clippy::disallowed_methods, reason = "a test looks at the database from outside")]
fn change(house: &House, statements: &'static str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.folder().join("latchkey.db"));
        let mut connection = sqlx::ConnectOptions::connect(&options).await?;
        sqlx::Executor::execute(&mut connection, statements).await?;
        Ok(())
    })
}
