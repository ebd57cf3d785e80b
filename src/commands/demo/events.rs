//! Events of the audit log of the demonstration, as many as are wanted, for whoever measures with a long one. They stand in the
//! chain as all others do, and tell of things that are not there.

use crate::{
    kernel::{Error, Result, Secret},
    policy::Operation,
    server::{
        access::{Access, App, Origin, sessions},
        audit::event::{Event, Subject},
    },
};
use std::{io::Write, net::IpAddr};
use uuid::Uuid;

/// Events that are written in one transaction. All of them are one person's, from one address.
const AT_ONCE: u64 = 500;
/// Things that they tell of, and addresses that they come from, in turns.
const THINGS: u64 = 5_000;
const ADDRESSES: u64 = 250;

/// What is done, the kind of what it is done to, and how the names of these begin.
const ACTIONS: [(Operation, &str, &str); 4] = [
    (Operation::ConfigUpdate, "config", "Config"),
    (Operation::PromptUpdate, "prompt", "Prompt"),
    (Operation::PartialUpdate, "partial", "Partial"),
    (Operation::GuardrailUpdate, "guardrail", "Guardrail"),
];

/// Writes so many events by the people of these sessions, in turns, in the organisation of this slug.
pub async fn write(app: &App, slug: &str, people: &[Secret], wanted: u64) -> Result<()> {
    let mut written = 0;
    for (turn, token) in (0..wanted.div_ceil(AT_ONCE)).zip(people.iter().cycle()) {
        let last = wanted.min(written + AT_ONCE);
        let address = IpAddr::from([198, 51, 100, u8::try_from(turn % ADDRESSES + 1).unwrap_or(1)]);
        let origin = Origin::new(Uuid::now_v7().to_string(), Some(address), "latchkey demo".into());
        let who = sessions::find(app, token.expose()).await?.ok_or_else(Error::sign_in_needed)?;
        let access = Access::person(app.clone(), origin, who).enter(slug).await?;
        access
            .act(ACTIONS[0].0, Subject::unnamed(ACTIONS[0].1, ""), |mut change| async move {
                for number in written..last {
                    let thing = number % THINGS;
                    let (operation, kind, name) = ACTIONS[(thing % ACTIONS.len() as u64) as usize];
                    change.turn_to(operation)?;
                    let subject = Subject::new(kind, format!("measured-{thing}"), format!("{name} {thing}"));
                    let version = number / THINGS + 1;
                    change.record(&Event::of(subject).change("version", version, version + 1)).await?;
                }
                change.finish(()).await
            })
            .await?;
        written = last;
        if written.is_multiple_of(200 * AT_ONCE) {
            // Whoever asked for so many waits for minutes.
            let _ = writeln!(std::io::stderr(), "{written} events");
        }
    }
    Ok(())
}
