//! Verifying an export by itself.

use super::{Line, report};
use crate::{
    kernel::OrganisationId,
    server::{
        audit::{
            Stored,
            chain::Hash,
            verify::{Verdict, Verifier},
        },
        database::StartResult,
    },
};
use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
};

/// What nothing inside an export can show.
const LIMITS: &str = "Not checked: whether events are missing from the end, whether the whole export was written anew, \
and the columns that the database keeps beside each event. The first two take signed checkpoints, which this version does \
not make.";

/// Verifies an export, each organisation's lines as a chain of their own. Where the installation's chain is among them, the
/// others are held against what it records of them. A line that is no event is an error that names it. True: nothing is
/// wrong.
pub(super) fn verify_file(path: &Path, out: &mut impl Write) -> StartResult<bool> {
    let mut recorded: HashMap<OrganisationId, Vec<(i64, Hash)>> = HashMap::new();
    let mut installation = Verifier::new(OrganisationId::INSTALLATION);
    // A pipe is read only once, and its chains each by itself.
    if path.metadata().is_ok_and(|about| about.is_file()) {
        for line in lines(path)? {
            let (organisation, event) = line?;
            if organisation == OrganisationId::INSTALLATION {
                installation.take(&event);
            }
        }
    }
    for record in installation.take_records() {
        recorded.entry(record.organisation).or_default().push((record.seq, record.hash));
    }
    let mut chains: BTreeMap<OrganisationId, Verifier> = BTreeMap::new();
    for line in lines(path)? {
        let (organisation, event) = line?;
        let chain = chains.entry(organisation).or_insert_with(|| {
            // What was recorded after the export was made is no fault of it: an end that it does not reach is not missed.
            Verifier::against(organisation, recorded.remove(&organisation).unwrap_or_default())
        });
        chain.take(&event);
    }
    if chains.is_empty() {
        return Err("the export holds no event".into());
    }
    let mut whole = true;
    for (organisation, chain) in chains {
        let verdict: Verdict = chain.finish_export();
        whole &= report(out, organisation, verdict)?;
    }
    writeln!(out, "{LIMITS}")?;
    Ok(whole)
}

type Read = StartResult<(OrganisationId, Stored)>;

fn lines(path: &Path) -> StartResult<impl Iterator<Item = Read>> {
    let file = File::open(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Ok(BufReader::new(file).lines().enumerate().map(|(n, line)| {
        let read = || -> StartResult<Line> { Ok(serde_json::from_str(&line?)?) };
        let line = read().map_err(|error| format!("line {} is no event: {error}", n + 1))?;
        let event = Stored { seq: line.seq, body: line.body, previous: unhex(&line.previous), hash: unhex(&line.hash) };
        Ok((line.organisation, event))
    }))
}

/// Bytes from hexadecimal; anything else gives no bytes, which no hash equals.
fn unhex(text: &str) -> Vec<u8> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return vec![];
    }
    (0..text.len()).step_by(2).map_while(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
