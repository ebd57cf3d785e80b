//! A disk that takes nothing for a while: what cannot be written is refused, what was answered is not lost, and all is
//! well within a second after the disk is.

use super::{
    Result,
    calls::{call, provider},
    house::{EMAIL, House, PASSWORD, program},
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::{
    fs,
    process::{Command, Output},
    thread::sleep,
    time::{Duration, Instant},
};

/// No file of the program may grow beyond this many bytes from now on; none: as large as it likes.
fn bound(house: &House, bytes: Option<u64>) -> Result<()> {
    let pid = i32::try_from(house.pid())?;
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Pid::from_raw(pid), Resource::Fsize, limit)?;
    Ok(())
}

/// The status with which the program answers a write by REST, a sign-in, and whether it is ready.
fn statuses(house: &House) -> Result<(u16, u16, u16)> {
    let (write, _) = house.api("POST", "/v1/api-keys", r#"{"name":"ci"}"#)?;
    let (sign_in, ..) = house.form("account/sign_in", None, &[("email", EMAIL), ("password", PASSWORD)])?;
    let (ready, _) = house.api("GET", "/readyz", "")?;
    Ok((write, sign_in, ready))
}

/// Makes calls; gives their trace ids, and what was answered in place of the provider's answer.
fn calls(house: &House, name: &str) -> (Vec<String>, Vec<String>) {
    let traces: Vec<String> = (0..20).map(|number| format!("{name}-{number}")).collect();
    let refused = traces.iter().filter_map(|trace| call(house.port, &house.key, trace).err());
    let refused = refused.map(|answer| answer.to_string()).collect();
    (traces, refused)
}

/// Waits for calls to be in the log.
fn logged(house: &House, traces: &[String]) -> Result<()> {
    let since = Instant::now();
    loop {
        let logged = house.logged("ok")?;
        let lost: Vec<_> = traces.iter().filter(|trace| !logged.contains(trace)).collect();
        if lost.is_empty() {
            return Ok(());
        }
        assert!(since.elapsed() < Duration::from_secs(5), "answered and not in the log: {lost:?}");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_full_disk_is_told_and_survived() -> Result<()> {
    let mut house = House::open(provider()?)?;
    house.stop()?;
    house.start_again_bounded()?;
    assert_eq!(statuses(&house)?, (200, 200, 200));
    for number in 0..20 {
        assert_eq!(house.api("POST", "/v1/api-keys", &format!(r#"{{"name":"key {number}"}}"#))?.0, 200);
    }
    let mut answered = vec![];
    for round in 0..3 {
        // The database cannot grow any more; the journal of calls, which is smaller, can.
        let size = fs::metadata(house.folder().join("latchkey.db-wal"))?.len();
        bound(&house, Some(size))?;
        for _ in 0..3 {
            assert_eq!(statuses(&house)?, (503, 503, 503), "round {round}");
            // Who only reads, or is alive, goes on.
            assert_eq!(house.api("GET", "/v1/api-keys", "")?.0, 200);
            assert_eq!(house.api("GET", "/healthz", "")?.0, 200);
        }
        let (made, refused) = calls(&house, &format!("during-{round}"));
        assert!(refused.is_empty(), "the journal takes them: {refused:?}");
        answered.extend(made);

        // Nothing at all can be written: no call is made, since it could not be accounted for.
        bound(&house, Some(0))?;
        let (made, refused) = calls(&house, &format!("nowhere-{round}"));
        assert_eq!(refused.len(), made.len(), "answered, and written down nowhere");
        let told = |answer: &String| answer.starts_with("HTTP/1.1 503 ") && answer.contains("log_unavailable");
        assert!(refused.iter().all(told), "{refused:?}");
        assert_eq!(statuses(&house)?, (503, 503, 503));

        bound(&house, None)?;
        sleep(Duration::from_secs(1));
        assert_eq!(house.api("GET", "/readyz", "")?.0, 200, "round {round}");
        assert_eq!(statuses(&house)?, (200, 200, 200), "round {round}");
        logged(&house, &answered)?;
        let (made, refused) = calls(&house, &format!("after-{round}"));
        assert!(refused.is_empty(), "{refused:?}");
        answered.extend(made);
    }
    logged(&house, &answered)?;
    house.stop()?;
    assert_eq!(house.texts("SELECT * FROM pragma_integrity_check WHERE $1 = $1", "")?, ["ok"]);
    house.verify_audit()
}

/// A start with this bound of its files' size.
fn start(folder: &std::path::Path, blocks: &str, key: Option<&str>) -> Result<Output> {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" migrate")]).arg(program());
    shell.env("LATCHKEY_DATA", folder).envs(key.map(|key| ("LATCHKEY_KEY", key)));
    Ok(shell.output()?)
}

#[test]
fn a_start_on_a_full_disk_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let key = "0123456789abcdef".repeat(4);
    // Neither the key's file nor the database can be written; with a key of the environment only the latter is tried.
    for key in [None, Some(key.as_str())] {
        let done = start(folder.path(), "0", key)?;
        let said = String::from_utf8(done.stderr)?;
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.starts_with("latchkey: the ") && said.lines().count() == 1, "{said}");
        assert!(said.contains("written"), "{said}");
    }
    // What such a start leaves is not in the way of the next.
    let done = start(folder.path(), "unlimited", None)?;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
