//! Verifying every chain of the database against itself, its rows and the installation's chain.

use super::{Against, checkpoints, report};
use crate::{
    kernel::OrganisationId,
    server::{
        access::{App, installation},
        audit::{
            self, Chains,
            chain::Hash,
            checkpoints::{Evidence, Mark},
            heads::Recorded,
            verify::Verdict,
        },
        database::{StartResult, hex},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::Write,
};

/// What nothing inside a database can show.
const ALONE: &str = "Not checked: whether events were cut off the end of a chain, with what the database says of them \
elsewhere, and whether the whole log was written anew, its checkpoints included. Showing that takes --checkpoints with a \
file that was kept outside the database.";
/// What comes behind the last checkpoint.
const BEHIND: &str =
    "Not checked: whether events were cut off the end of a chain that came after its newest checkpoint.";
/// Whose keys they are.
const OWN_KEYS: &str = "Not checked: whether the installation's key is the one that it always was; signatures were checked \
with the public keys that come from it. Give --public-key as you keep it elsewhere.";

/// What the chains of a database are held against, besides themselves.
struct Witness {
    /// Knows the keys to trust.
    evidence: Evidence,
    /// What a file says of each chain, if one was given.
    outside: Option<BTreeMap<OrganisationId, Vec<Mark>>>,
}

impl Witness {
    /// Reads keys and file. False: not all of it is to be believed.
    async fn call(app: &App, against: &Against, out: &mut impl Write) -> StartResult<(Self, bool)> {
        let stored = audit::checkpoints::stored_keys(&mut app.read_every_chain().await?).await?;
        let own = |generation| app.keyring.signing_key(generation).public();
        let mut evidence = match against.public_keys.is_empty() {
            true => Evidence::by(stored.iter().map(|(generation, _)| *generation).chain([1]).map(own)),
            false => Evidence::by(against.public_keys.iter().copied()),
        };
        let mut whole = true;
        for (generation, signed) in stored {
            let taken = match &signed {
                Some(signed) => evidence.take(signed).map_err(|why| (why, signed.key().to_string())),
                None => Err(("it is not what was signed", "none".to_owned())),
            };
            if let Err((why, by)) = taken {
                writeln!(out, "checkpoints: BROKEN at key {generation} of the database: {why} (key {by})")?;
                whole = false;
            }
        }
        let outside = match &against.checkpoints {
            Some(path) => {
                let read = checkpoints::read(path, evidence.clone(), out)?;
                whole &= read.whole;
                Some(read.marks)
            }
            None => None,
        };
        Ok((Self { evidence, outside }, whole))
    }

    /// Verifies a chain against what is in the database, these ends and the file. Gives what it records of others.
    async fn hear(
        &self,
        app: &App,
        organisation: OrganisationId,
        ends: Vec<(i64, Hash)>,
    ) -> StartResult<(Verdict, Vec<Recorded>)> {
        let mut tx = app.read_as_operator(organisation).await?;
        let outside = self.outside.iter().filter_map(|outside| outside.get(&organisation)).flatten().copied();
        Ok(audit::checkpoints::verify(&mut tx, &self.evidence, ends, outside, app.clock.now()).await?)
    }
}

/// Verifies every row of the audit log: each stands in a chain of an organisation that the installation's chain records.
/// True: nothing is wrong.
pub(crate) async fn verify_database(app: &App, against: &Against, out: &mut impl Write) -> StartResult<bool> {
    // The order matters where others write meanwhile: whoever is found here is recorded in what is read next.
    let (witness, believed) = Witness::call(app, against, out).await?;
    let mut tx = app.read_every_chain().await?;
    let Chains { organisations, logged, malformed } = audit::chains(&mut tx).await?;
    let begun = installation::heads_recorded_at(&mut tx).await?.is_some();
    drop(tx);
    let installation = OrganisationId::INSTALLATION;
    let (mut verdict, records) = witness.hear(app, installation, vec![]).await?;
    if let Verdict::Whole { events, .. } = verdict
        && begun
        && records.is_empty()
    {
        let why = "the organisations that the installation's chain had recorded are missing";
        verdict = Verdict::Broken { seq: events + 1, why };
    }
    // Behind a broken event nothing that the installation's chain says is believed.
    let complete = report(out, installation, verdict)?;
    let mut whole = complete && believed;
    let mut unvouched = Unvouched::default();
    unvouched.count(&witness, installation, verdict);
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
    all.extend(witness.outside.iter().flat_map(BTreeMap::keys));
    all.remove(&installation);
    let mut unrecorded = 0;
    for organisation in all {
        let ends = recorded.remove(&organisation);
        let is_recorded = ends.is_some();
        let (verdict, _) = witness.hear(app, organisation, ends.unwrap_or_default()).await?;
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
        unvouched.count(&witness, organisation, verdict);
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
    unvouched.tell(out)?;
    writeln!(out, "{}", if witness.outside.is_some() { BEHIND } else { ALONE })?;
    if against.public_keys.is_empty() {
        writeln!(out, "{OWN_KEYS}")?;
    }
    Ok(whole)
}

/// Whole chains that nobody vouches for.
#[derive(Default)]
struct Unvouched {
    without: usize,
    outside: usize,
}

impl Unvouched {
    fn count(&mut self, witness: &Witness, organisation: OrganisationId, verdict: Verdict) {
        let Verdict::Whole { events: 1.., checkpoint, .. } = verdict else { return };
        self.without += usize::from(checkpoint.is_none());
        let is_left_out = witness.outside.as_ref().is_some_and(|marks| !marks.contains_key(&organisation));
        self.outside += usize::from(is_left_out);
    }

    fn tell(&self, out: &mut impl Write) -> StartResult<()> {
        if self.without > 0 {
            writeln!(out, "Not checked: {} chains have no checkpoint yet.", self.without)?;
        }
        if self.outside > 0 {
            writeln!(out, "Not checked: {} chains are not in the file of checkpoints.", self.outside)?;
        }
        Ok(())
    }
}
