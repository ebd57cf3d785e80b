//! `latchkey audit`: verify the chains, or export one.

use super::{Extras, open};
use crate::{
    features::audit::{
        self, Stored,
        verify::{Verdict, Verifier},
    },
    kernel::OrganisationId,
    server::{
        app::App,
        database::{StartResult, hex},
        settings::DataSettings,
    },
};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Events read at once.
const PAGE: i64 = 1_000;

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Verify every chain of the database, or an export; exit code 2 and the first bad number if one is broken
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
struct Line {
    organisation: OrganisationId,
    seq: i64,
    body: String,
    previous: String,
    hash: String,
}

pub(super) async fn run(command: AuditCommand) -> StartResult<ExitCode> {
    match command {
        AuditCommand::Verify(VerifyArguments { file: Some(path), .. }) => verify_file(&path),
        AuditCommand::Verify(VerifyArguments { data, file: None }) => {
            let (app, _lock) = open(&data, Extras::default()).await?;
            let result = verify_database(&app).await;
            app.db.close().await;
            result
        }
        AuditCommand::Export(ExportArguments { data, organisation }) => {
            let (app, _lock) = open(&data, Extras::default()).await?;
            let result = export(&app, organisation.unwrap_or(OrganisationId::INSTALLATION)).await;
            app.db.close().await;
            result
        }
    }
}

fn report(out: &mut impl Write, organisation: OrganisationId, verdict: Verdict) -> StartResult<bool> {
    let name =
        if organisation == OrganisationId::INSTALLATION { "installation".to_owned() } else { organisation.to_string() };
    match verdict {
        Verdict::Whole { events, head } => writeln!(out, "{name}: {events} events verified, head {}", hex(&head))?,
        Verdict::Broken { seq } => writeln!(out, "{name}: BROKEN at event {seq}")?,
    }
    Ok(matches!(verdict, Verdict::Whole { .. }))
}

fn code(whole: bool) -> ExitCode {
    if whole { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

async fn verify_database(app: &App) -> StartResult<ExitCode> {
    let mut tx = app.db.read().await?;
    let chains = audit::chains(&mut tx).await?;
    drop(tx);
    let mut whole = true;
    for organisation in chains {
        let verdict = verify_chain(app, organisation).await?;
        whole &= report(&mut std::io::stdout(), organisation, verdict)?;
    }
    Ok(code(whole))
}

/// Events may be written while these are read. So each page is read after the head: once it is empty, nothing stands
/// behind that head.
async fn verify_chain(app: &App, organisation: OrganisationId) -> StartResult<Verdict> {
    let mut verifier = Verifier::new(organisation);
    let mut tx = app.db.read_in(organisation).await?;
    let (mut head, mut seq) = (audit::head(&mut tx).await?, 0);
    loop {
        let page = audit::page(&mut tx, seq, PAGE).await?;
        page.iter().for_each(|event| verifier.take(event));
        match page.last() {
            Some(last) => seq = last.seq,
            None => break,
        }
        head = audit::head(&mut tx).await?;
    }
    let head = head.as_ref().map_or((0, [0; 32].as_slice()), |head| (head.seq, head.hash.as_slice()));
    Ok(verifier.finish(Some(head)))
}

async fn export(app: &App, organisation: OrganisationId) -> StartResult<ExitCode> {
    let mut tx = app.db.read_in(organisation).await?;
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
    Ok(ExitCode::SUCCESS)
}

fn verify_file(path: &PathBuf) -> StartResult<ExitCode> {
    let file = File::open(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let mut verifier: Option<(OrganisationId, Verifier)> = None;
    for (n, line) in BufReader::new(file).lines().enumerate() {
        let line: Line =
            serde_json::from_str(&line?).map_err(|error| format!("line {} is no event: {error}", n + 1))?;
        let event = Stored { seq: line.seq, body: line.body, previous: unhex(&line.previous), hash: unhex(&line.hash) };
        verifier.get_or_insert_with(|| (line.organisation, Verifier::new(line.organisation))).1.take(&event);
    }
    let Some((organisation, verifier)) = verifier else { return Err("the export holds no event".into()) };
    Ok(code(report(&mut std::io::stdout(), organisation, verifier.finish(None))?))
}

/// Bytes from hexadecimal; anything else gives no bytes, which no hash equals.
fn unhex(text: &str) -> Vec<u8> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return vec![];
    }
    (0..text.len()).step_by(2).map_while(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        features::audit::event::{Event, Subject},
        policy::Operation,
        server::access::Access,
        tests::support::each_engine,
    };

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
                let verdict = verify_chain(&house.app, organisation).await.expect("verified");
                assert!(matches!(verdict, Verdict::Whole { .. }), "round {rounds}: {verdict:?}");
                rounds += 1;
            }
            writing.await.expect("written");
            assert!(rounds > 1, "it was verified while it grew");
        })
        .await;
    }
}
