//! `latchkey audit deliveries`.

use crate::{
    kernel::{OrganisationId, Timestamp},
    server::{
        access::App,
        audit::{
            checkpoints,
            delivery::{self, StoredState},
        },
        database::StartResult,
    },
};
use std::{fmt::Write as _, io::Write};

/// Prints a line for each chain and destination.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn tell(app: &App, out: &mut impl Write) -> StartResult<()> {
    let chains = checkpoints::standings(&mut app.read_every_chain().await?).await?;
    let mut none = true;
    for (organisation, end, _) in chains {
        let states = delivery::states(&mut app.read_as_operator(organisation).await?).await?;
        for state in states {
            none = false;
            writeln!(out, "{}", line(organisation, end, &state))?;
        }
    }
    if none {
        writeln!(out, "nothing is delivered: no receiver is set, or the server has not run with it yet")?;
    }
    Ok(())
}

fn line(organisation: OrganisationId, end: i64, state: &StoredState) -> String {
    let name =
        if organisation == OrganisationId::INSTALLATION { "installation".to_owned() } else { organisation.to_string() };
    let StoredState { destination, seq, delivered_at, failures, error, next_at, is_paused } = state;
    let mut line = format!("{name} {destination}: {seq} of {end} delivered");
    if let Some(at) = delivered_at {
        let _ = write!(line, ", the last at {}", Timestamp(*at).rfc3339());
    }
    if *is_paused {
        line.push_str(", paused");
    }
    if let (1.., Some(error)) = (failures, error) {
        let next = Timestamp(*next_at).rfc3339();
        let attempts = if *failures == 1 { "attempt" } else { "attempts" };
        let _ = write!(line, "; {failures} {attempts} failed, the next at {next}: {error}");
    }
    line
}
