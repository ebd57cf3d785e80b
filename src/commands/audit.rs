//! `latchkey audit`: verify the chains, or export one.

mod database;
mod file;

pub(crate) use database::verify_database;

use super::open_existing;
use crate::{
    kernel::OrganisationId,
    server::{
        access::App,
        audit::{self, verify::Verdict},
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
}

#[derive(Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    data: DataSettings,
    /// An export to verify instead of the database
    #[arg(long)]
    file: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct ExportArguments {
    #[command(flatten)]
    data: DataSettings,
    /// The organisation's id; without it the installation's own chain
    #[arg(long)]
    organisation: Option<OrganisationId>,
}

/// A line of an export.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    organisation: OrganisationId,
    seq: i64,
    body: String,
    previous: String,
    hash: String,
}

pub(super) async fn run(command: AuditCommand) -> StartResult<ExitCode> {
    match command {
        AuditCommand::Verify(VerifyArguments { file: Some(path), .. }) => {
            Ok(code(file::verify_file(&path, &mut std::io::stdout())?))
        }
        AuditCommand::Verify(VerifyArguments { data, file: None }) => {
            let (app, _lock) = open_existing(&data).await?;
            let result = verify_database(&app, &mut std::io::stdout()).await;
            app.db.close().await;
            Ok(code(result?))
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
        Verdict::Whole { events, head } => writeln!(out, "{name}: {events} events verified, head {}", hex(&head))?,
        Verdict::Broken { seq, why } => writeln!(out, "{name}: BROKEN at event {seq}: {why}")?,
    }
    Ok(matches!(verdict, Verdict::Whole { .. }))
}

fn code(whole: bool) -> ExitCode {
    if whole { ExitCode::SUCCESS } else { ExitCode::from(2) }
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
            let line = Line {
                organisation,
                seq: event.seq,
                body: event.body.clone(),
                previous: hex(&event.previous),
                hash: hex(&event.hash),
            };
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
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
                        .act_with_proof(Operation::Setup, organisation, subject.clone(), |change| {
                            change.commit(Event::of(subject), ())
                        })
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
