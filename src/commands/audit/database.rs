//! Verifying every chain of the database against itself, its rows and the installation's chain.

use super::report;
use crate::{
    kernel::OrganisationId,
    server::{
        access::{App, installation},
        audit::{
            self, Chains,
            chain::Hash,
            verify::{Verdict, verify},
        },
        database::{StartResult, hex},
    },
};
use std::{
    collections::{BTreeSet, HashMap},
    io::Write,
};

/// What nothing inside a database can show.
const LIMITS: &str = "Not checked: whether events were cut off the end of a chain after the last of its events that the \
installation's chain has recorded, and whether the whole log was written anew. Showing that takes signed checkpoints \
kept outside the database, which this version does not make.";

/// Verifies every row of the audit log: each stands in a chain of an organisation that the installation's chain records.
/// True: nothing is wrong.
pub(crate) async fn verify_database(app: &App, out: &mut impl Write) -> StartResult<bool> {
    // The order matters where others write meanwhile: whoever is found here is recorded in what is read next.
    let mut tx = app.read_every_chain().await?;
    let Chains { organisations, logged, malformed } = audit::chains(&mut tx).await?;
    let begun = installation::heads_recorded_at(&mut tx).await?.is_some();
    drop(tx);
    let installation = OrganisationId::INSTALLATION;
    let (mut verdict, records) = verify(&mut app.read_as_operator(installation).await?, vec![]).await?;
    if let Verdict::Whole { events, .. } = verdict
        && begun
        && records.is_empty()
    {
        let why = "the organisations that the installation's chain had recorded are missing";
        verdict = Verdict::Broken { seq: events + 1, why };
    }
    // Behind a broken event nothing that the installation's chain says is believed.
    let complete = report(out, installation, verdict)?;
    let mut whole = complete;
    for id in malformed {
        writeln!(out, "{}: BROKEN at event 1: this is no organisation's id", hex(&id))?;
        whole = false;
    }
    let mut recorded: HashMap<OrganisationId, Vec<(i64, Hash)>> = HashMap::new();
    for record in &records {
        recorded.entry(record.organisation).or_default().push((record.seq, record.hash));
    }
    let mut all: BTreeSet<OrganisationId> = organisations.union(&logged).copied().collect();
    all.extend(recorded.keys());
    all.remove(&installation);
    let mut unrecorded = 0;
    for organisation in all {
        let ends = recorded.remove(&organisation);
        let is_recorded = ends.is_some();
        let (verdict, _) = verify(&mut app.read_as_operator(organisation).await?, ends.unwrap_or_default()).await?;
        let verdict = match verdict {
            Verdict::Whole { events, .. } => {
                let broken = |seq, why| Verdict::Broken { seq, why };
                if events == 0 {
                    broken(1, "it is missing: every chain begins with its organisation")
                } else if !is_recorded && begun && complete {
                    broken(1, "the installation's chain does not record this organisation")
                } else if !organisations.contains(&organisation) && !is_recorded {
                    broken(1, "there is no such organisation")
                } else if !organisations.contains(&organisation) {
                    broken(events + 1, "the organisation is gone, and nothing says that it was deleted")
                } else {
                    verdict
                }
            }
            Verdict::Broken { .. } => verdict,
        };
        whole &= report(out, organisation, verdict)?;
        unrecorded += usize::from(!is_recorded && matches!(verdict, Verdict::Whole { .. }));
    }
    if unrecorded > 0 {
        writeln!(
            out,
            "Not checked: whether the chains of {unrecorded} organisations were deleted or built anew. The \
             installation's chain does not say that they were there{}.",
            if begun { "" } else { "; it will once `latchkey serve` has run" }
        )?;
    }
    writeln!(out, "{LIMITS}")?;
    Ok(whole)
}
