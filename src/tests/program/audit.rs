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
        assert_eq!(verify(&text)?, (Some(2), format!("{organisation}: BROKEN at event {seq}\n")), "{what}");
    }
    let (code, said) = verify("no event\n")?;
    assert!(code == Some(1) && said.starts_with("latchkey: line 1 is no event"), "{said}");
    house.verify_audit()
}
