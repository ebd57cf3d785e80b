//! The program is killed at random moments while it writes: what it had answered is there after each start, and nothing
//! is half there.

use super::{Result, calls::provider, house::House};
use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

const ROUNDS: usize = 20;
const WRITERS: usize = 4;

#[test]
fn every_answered_write_survives_kills() -> Result<()> {
    let mut house = House::open(provider()?)?;
    let mut answered = vec![];
    for round in 0..ROUNDS {
        let made = Arc::new(Mutex::new(vec![]));
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (house, made) = (&house, made.clone());
                scope.spawn(move || {
                    for number in 0.. {
                        let name = format!("key {round}-{writer}-{number}");
                        match house.api("POST", "/v1/api-keys", &format!(r#"{{"name":"{name}"}}"#)) {
                            Ok((200, body)) if body.ends_with('}') => made.lock().expect("the list").push(name),
                            Ok((status, body)) if status != 200 => panic!("{status} {body}"),
                            _ => return,
                        }
                    }
                });
            }
            let moment = RandomState::new().hash_one(round) % 170;
            std::thread::sleep(Duration::from_millis(30 + moment));
            Command::new("kill").args(["-KILL", &house.pid().to_string()]).status()
        })?;
        house.kill()?;
        answered.append(&mut made.lock().expect("the list"));
        house.start_again()?;
    }
    assert!(answered.len() > ROUNDS, "keys were made: {}", answered.len());
    house.stop()?;
    let stored = house.texts("SELECT name FROM api_keys WHERE kind = $1", "standard")?;
    let names: HashSet<&String> = stored.iter().collect();
    let lost: Vec<_> = answered.iter().filter(|name| !names.contains(name)).collect();
    assert!(lost.is_empty(), "{} of {} answered writes are lost: {lost:?}", lost.len(), answered.len());
    let whole = house.texts(
        "SELECT k.name FROM api_keys k JOIN api_key_secrets s ON s.key_id = k.id JOIN audit_events e ON e.target_id = \
         lower(substr(hex(k.id), 1, 8) || '-' || substr(hex(k.id), 9, 4) || '-' || substr(hex(k.id), 13, 4) || '-' || \
         substr(hex(k.id), 17, 4) || '-' || substr(hex(k.id), 21)) WHERE e.action = 'api_key.create' AND e.outcome = $1",
        "done",
    )?;
    assert_eq!(whole.len(), stored.len(), "each key has its secret and its event");
    let events =
        house.texts("SELECT outcome FROM audit_events WHERE action = 'api_key.create' AND outcome = $1", "done")?;
    assert_eq!(events.len(), stored.len(), "and each event its key");
    assert_eq!(house.texts("SELECT * FROM pragma_integrity_check WHERE $1 = $1", "")?, ["ok"]);
    house.verify_audit()
}
