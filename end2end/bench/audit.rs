//! How long pages of the audit log take over so many events, and how long its chain takes to be verified, on SQLite and, where
//! `LATCHKEY_TEST_POSTGRES` names a server, on PostgreSQL. `./dev bench audit 1000000`.

use super::{
    House, Result,
    month::{PLACE, SLUG, each_engine, enter, tell},
};
use std::{io::Write, time::Instant};
use tempfile::TempDir;

/// Measures over so many events.
pub fn run(events: &str) -> Result<()> {
    let number: u64 = events.parse().map_err(|_| "how many events? such as 1000000")?;
    each_engine("latchkey_audit", |engine, settings| on(number, engine, settings))
}

fn on(events: u64, engine: &str, settings: &[(&str, &str)]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let begun = Instant::now();
    let mut house = House::demonstrated(TempDir::new()?, settings, &["--events", &events.to_string()])?;
    let filled = begun.elapsed().as_secs_f64();
    writeln!(out, "{engine}: {events} events made in {filled:.0} s, {:.0} a second", events as f64 / filled)?;
    let cookie = enter(&house)?;
    // One in the middle; it is asked for whatever it says of itself.
    let middle = events / 2;
    let (_, _, body) =
        house.form("audit/list", Some(&cookie), &[("slug", SLUG), ("query[after]", &middle.to_string())])?;
    let page: serde_json::Value = serde_json::from_str(&body)?;
    let event = &page["events"][0];
    let said = |value: &serde_json::Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let said = |value| said(value).ok_or("the event in the middle says too little");
    let (action, address) = (said(&event["action"])?, said(&event["address"])?);
    let actor = said(&event["actor"]["id"])?;
    let target = format!("{}/{}", said(&event["subject"]["kind"])?, said(&event["subject"]["id"])?);
    let log = format!("{PLACE}/audit");
    for (what, query) in [
        ("first page", String::new()),
        ("a page in the middle", format!("after={middle}")),
        ("by action", format!("action={action}")),
        ("by actor", format!("actor={actor}")),
        ("by target", format!("target={target}")),
        ("by target, from the middle", format!("target={target}&after={middle}")),
        ("by address", format!("address={address}")),
        ("by address and action", format!("address={address}&action={action}")),
    ] {
        tell(&mut out, &house, &cookie, what, &format!("{log}?{query}"))?;
    }
    // Its command takes the database for itself.
    house.stop()?;
    let begun = Instant::now();
    house.verify_audit()?;
    let took = begun.elapsed().as_secs_f64();
    writeln!(out, "  {:<34} {took:>10.1} s, {:.0} events a second", "latchkey audit verify", events as f64 / took)?;
    Ok(())
}
