//! `latchkey audit`: verify the chains, or export one; erase what is personal of somebody; the keys that sign checkpoints.

mod checkpoints;
mod database;
mod deliveries;
mod erase;
mod file;

pub(crate) use database::verify_database;
#[cfg(test)]
pub(crate) use deliveries::tell as tell_deliveries;
#[cfg(test)]
pub(crate) use erase::erase as erase_person;

use super::open_existing;
use crate::{
    kernel::{OrganisationId, UserId},
    server::{
        access::{self, App},
        audit::{self, checkpoints::PublishedKey, personal::Personal, verify::Verdict},
        clock::Clock,
        crypto::PublicKey,
        database::{StartResult, hex},
        settings::DataSettings,
    },
};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::{io::Write, path::PathBuf, process::ExitCode};

/// Events exported at once.
const PAGE: i64 = 1_000;

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Verify every chain of the database, or of an export; exit code 2 and the first bad number if one is broken. What
    /// this cannot show is said at the end
    Verify(VerifyArguments),
    /// Write the events of one organisation as JSON Lines, to verify or keep elsewhere
    Export(ExportArguments),
    /// Erase what is personal of somebody: their names, addresses and programs in events of version 3 on. What is hashed
    /// stays, so that the log verifies as before
    Erase(EraseArguments),
    /// Print how far each receiver has the events of each chain, and why one does not take them
    Deliveries(DataSettings),
    /// Print the public keys by which checkpoints are verified, oldest first: one a line, with its generation and its time
    PublicKey(DataSettings),
    /// Make the next key that signs checkpoints, and print its public key. The present one signs it; what it signed before
    /// still verifies
    RotateKey(DataSettings),
}

#[derive(Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    data: DataSettings,
    /// An export to verify instead of the database
    #[arg(long)]
    file: Option<PathBuf>,
    #[command(flatten)]
    against: Against,
}

/// What chains are held against.
#[derive(Args, Clone, Default)]
pub(crate) struct Against {
    /// A file of checkpoints that was kept outside the database: each chain must have what it says, and reach as far
    #[arg(long, value_name = "FILE")]
    pub checkpoints: Option<PathBuf>,
    /// A public key to trust, as `latchkey audit public-key` prints it: 64 hexadecimal digits. May be given several times
    #[arg(long = "public-key", value_name = "KEY")]
    pub public_keys: Vec<PublicKey>,
}

#[derive(Args)]
pub(super) struct ExportArguments {
    #[command(flatten)]
    data: DataSettings,
    /// The organisation's id; without it the installation's own chain
    #[arg(long)]
    organisation: Option<OrganisationId>,
}

#[derive(Args)]
pub(super) struct EraseArguments {
    #[command(flatten)]
    data: DataSettings,
    /// The person's id, as events name it
    #[arg(long, value_name = "ID")]
    person: UserId,
    /// Erase although the account is active: what the person does from now on stands in the log again
    #[arg(long)]
    yes: bool,
}

/// A line of an export, as it is read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    organisation: OrganisationId,
    seq: i64,
    body: String,
    previous: String,
    hash: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    personal: Vec<Personal>,
}

pub(super) async fn run(command: AuditCommand) -> StartResult<ExitCode> {
    match command {
        AuditCommand::Verify(VerifyArguments { file: Some(path), against, .. }) => {
            Ok(code(file::verify_file(&path, &against, Clock::default().now(), &mut std::io::stdout())?))
        }
        AuditCommand::Verify(VerifyArguments { data, file: None, against }) => {
            let (app, _lock) = open_existing(&data).await?;
            let result = verify_database(&app, &against, &mut std::io::stdout()).await;
            app.db.close().await;
            Ok(code(result?))
        }
        AuditCommand::PublicKey(data) => {
            let (app, _lock) = open_existing(&data).await?;
            let result = public_keys(&app).await;
            app.db.close().await;
            result
        }
        AuditCommand::Deliveries(data) => {
            let (app, _lock) = open_existing(&data).await?;
            let result = deliveries::tell(&app, &mut std::io::stdout()).await;
            app.db.close().await;
            result.map(|()| ExitCode::SUCCESS)
        }
        AuditCommand::Erase(EraseArguments { data, person, yes }) => {
            let (app, _lock) = open_existing(&data).await?;
            let result = erase::erase(&app, person, yes, &mut std::io::stdout()).await;
            app.db.close().await;
            result.map(|()| ExitCode::SUCCESS)
        }
        AuditCommand::RotateKey(data) => {
            let (app, _lock) = open_existing(&data).await?;
            let result = access::checkpoints::rotate_key(&app).await;
            app.db.close().await;
            print_key(&result?)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Export(ExportArguments { data, organisation }) => {
            let (app, _lock) = open_existing(&data).await?;
            let result = export(&app, organisation.unwrap_or(OrganisationId::INSTALLATION)).await;
            app.db.close().await;
            result
        }
    }
}

/// Says what became of a chain. Only a whole one is true.
fn report(out: &mut impl Write, organisation: OrganisationId, verdict: Verdict) -> StartResult<bool> {
    let name =
        if organisation == OrganisationId::INSTALLATION { "installation".to_owned() } else { organisation.to_string() };
    match verdict {
        Verdict::Whole { events, removed, head, checkpoint, erased } => {
            let vouched = checkpoint
                .map(|(seq, at)| format!(", verified up to #{seq} by a checkpoint of {at}"))
                .unwrap_or_default();
            let events = events - removed;
            let gone = match removed {
                0 => String::new(),
                _ => format!(", behind #{removed}: those before were removed for their age"),
            };
            let erased = if erased > 0 { format!(", {erased} personal values erased") } else { String::new() };
            writeln!(out, "{name}: {events} events verified, head {}{vouched}{gone}{erased}", hex(&head))?;
        }
        Verdict::Broken { seq, why } => writeln!(out, "{name}: BROKEN at event {seq}: {why}")?,
    }
    Ok(matches!(verdict, Verdict::Whole { .. }))
}

fn code(whole: bool) -> ExitCode {
    if whole { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

async fn public_keys(app: &App) -> StartResult<ExitCode> {
    let keys = audit::checkpoints::public_keys(&mut app.read_every_chain().await?, &app.keyring).await?;
    keys.iter().try_for_each(print_key)?;
    if keys.is_empty() {
        // It will be this one, as it comes from the installation's key.
        writeln!(std::io::stdout(), "{} generation 1, not used yet", app.keyring.signing_key(1).public())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_key(key: &PublishedKey) -> StartResult<()> {
    Ok(writeln!(std::io::stdout(), "{} generation {}, since {}", key.key, key.generation, key.since)?)
}

async fn export(app: &App, organisation: OrganisationId) -> StartResult<ExitCode> {
    let mut tx = app.read_as_operator(organisation).await?;
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let mut seq = 0;
    loop {
        let page = audit::page(&mut tx, seq, PAGE).await?;
        let Some(last) = page.last() else { break };
        seq = last.seq;
        for event in &page {
            out.write_all(event.line(organisation).as_bytes())?;
        }
    }
    out.flush()?;
    // Every chain begins with its organisation; the installation's own may still be empty.
    if seq == 0 && organisation != OrganisationId::INSTALLATION {
        return Err("there is no organisation with this id".into());
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::audit::event::{Event, Subject};
    use crate::{policy::Operation, server::access::Access, tests::support::each_engine};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_chain_that_grows_meanwhile_is_whole() {
        each_engine(async |house| {
            let house = house.founded().await;
            let (system, organisation) = (Access::system(house.app.clone()), house.organisation);
            let writing = tokio::spawn(async move {
                for _ in 0..300 {
                    let subject = Subject::unnamed("test", "");
                    system
                        .by_proof(organisation)
                        .act(Operation::Setup, subject.clone(), |change| change.commit(Event::of(subject), ()))
                        .await
                        .expect("an event");
                }
            });
            let mut rounds = 0;
            while !writing.is_finished() {
                let mut tx = house.app.read_proven(organisation).await.expect("reads");
                let (verdict, _) = audit::verify::verify(&mut tx, vec![]).await.expect("verified");
                assert!(matches!(verdict, Verdict::Whole { .. }), "round {rounds}: {verdict:?}");
                rounds += 1;
            }
            writing.await.expect("written");
            assert!(rounds > 1, "it was verified while it grew");
        })
        .await;
    }
}
