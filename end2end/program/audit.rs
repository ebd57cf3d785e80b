//! The commands of the audit log: an export is verified by itself, and shows where it was changed.

use super::{Result, calls::provider, house::House};
use std::fs;

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
