//! Checkpoints: signed statements of where a chain stood, which are also kept outside the database. By them a tail that was
//! cut off shows, and a chain that was written anew as a whole.
//!
//! Whoever shows how far the log is vouched for asks [`newest`], [`list`] and [`public_keys`]; [`verify`] verifies a chain
//! with its checkpoints, by [`Evidence::of`] the installation's keys. When checkpoints are made stands in [`crate::server::access`].

pub mod file;
mod store;
#[cfg(test)]
pub(crate) mod tests;
mod trust;
pub mod written;

pub use store::{STATEMENTS, keep, keep_key, standings};
pub use trust::{Evidence, Mark};
pub use written::{Checkpoint, NewKey, Signed, Statement};

use crate::{
    kernel::{Error, Result, Timestamp},
    server::{
        audit::{
            chain::Hash,
            heads::Recorded,
            verify::{Verdict, verify_with},
        },
        crypto::{Keyring, PublicKey},
        database::{OrgTx, Tx},
    },
};

/// Checkpoints read at once.
const PAGE: i64 = 1_000;

/// A key that signs, or has signed, checkpoints.
#[derive(Clone, Debug)]
pub struct PublishedKey {
    /// 1 for the first.
    pub generation: i64,
    pub key: PublicKey,
    pub since: Timestamp,
    /// The statement by which the key before it names it.
    pub signed: Signed,
}

/// The public keys of this installation, oldest first; none before the first checkpoint. Only those that come from the
/// installation's key count, whatever stands in the database.
///
/// # Errors
/// When the database cannot be read.
pub async fn public_keys(tx: &mut Tx, keyring: &Keyring) -> Result<Vec<PublishedKey>> {
    let mut keys = vec![];
    for row in store::key_rows(tx).await? {
        let own = keyring.signing_key(row.seq).public();
        let signed = row.read().filter(|signed| signed.is_signed());
        match signed.as_ref().map(|signed| (&signed.statement, signed.key())) {
            Some((Statement::Key(new), by))
                if new.public_key.0 == own.0 && by == keyring.signing_key((row.seq - 1).max(1)).public() => {}
            _ => {
                tracing::error!(
                    generation = row.seq,
                    "a key of the audit log was tampered with: run `latchkey audit verify`"
                );
                continue;
            }
        }
        if let Some(signed) = signed {
            keys.push(PublishedKey { generation: row.seq, key: own, since: signed.at(), signed });
        }
    }
    Ok(keys)
}

/// The statements on keys as they stand in the database, in order, each with its generation; none where a row says
/// something else than what was signed.
///
/// # Errors
/// When the database cannot be read.
pub async fn stored_keys(tx: &mut Tx) -> Result<Vec<(i64, Option<Signed>)>> {
    Ok(store::key_rows(tx).await?.iter().map(|row| (row.seq, row.read())).collect())
}

/// The organisation's newest checkpoint; none, if none was made yet.
///
/// # Errors
/// `internal` if what stands in its place is no checkpoint of this installation; the log says so.
pub async fn newest(tx: &mut OrgTx, keyring: &Keyring) -> Result<Option<Signed>> {
    let row = store::newest_row(tx).await?;
    believed(tx, keyring, row).await
}

/// The number of the organisation's newest checkpoint, whatever else stands there; none, if there is none.
///
/// # Errors
/// When the database cannot be read.
pub async fn newest_number(tx: &mut OrgTx) -> Result<Option<i64>> {
    Ok(store::newest_row(tx).await?.map(|row| row.seq))
}

/// The newest of the organisation's checkpoints of events behind `first` up to `last` that was made at this moment or before;
/// none, if there is none.
///
/// # Errors
/// As [`newest`].
pub async fn newest_of_age(
    tx: &mut OrgTx,
    keyring: &Keyring,
    span: (i64, i64),
    at: Timestamp,
) -> Result<Option<Signed>> {
    let row = store::newest_row_of_age(tx, span, at).await?;
    believed(tx, keyring, row).await
}

async fn believed(tx: &mut OrgTx, keyring: &Keyring, row: Option<store::StoredSigned>) -> Result<Option<Signed>> {
    let Some(row) = row else { return Ok(None) };
    let keys = public_keys(tx.system(), keyring).await?;
    let own = row.read().filter(|signed| is_of(signed, tx, &keys));
    if own.is_none() {
        accuse(tx, row.seq);
        return Err(Error::internal());
    }
    Ok(own)
}

/// At most `limit` checkpoints of the organisation behind the event `seq`, oldest first, and the number of the last row that
/// was looked at; none: there are no more. What is no checkpoint of this installation is left out; the log says so.
///
/// # Errors
/// When the database cannot be read.
pub async fn list(tx: &mut OrgTx, keyring: &Keyring, seq: i64, limit: i64) -> Result<Option<(Vec<Signed>, i64)>> {
    let rows = store::rows(tx, seq, limit).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    // Read afterwards: a key is published before it signs.
    let keys = public_keys(tx.system(), keyring).await?;
    let mut own = vec![];
    for row in &rows {
        match row.read().filter(|signed| is_of(signed, tx, &keys)) {
            Some(signed) => own.push(signed),
            None => accuse(tx, row.seq),
        }
    }
    Ok(Some((own, last.seq)))
}

/// Whether it is signed with one of these keys, for the organisation in whose place it stands.
fn is_of(signed: &Signed, tx: &OrgTx, keys: &[PublishedKey]) -> bool {
    let here = signed.checkpoint().is_some_and(|checkpoint| checkpoint.organisation == tx.organisation());
    here && keys.iter().any(|known| known.key == signed.key()) && signed.is_signed()
}

fn accuse(tx: &OrgTx, seq: i64) {
    let organisation = tx.organisation();
    tracing::error!(%organisation, seq, "a checkpoint of the audit log was tampered with: run `latchkey audit verify`");
}

/// Verifies the chain of the organisation: against the ends that the installation's chain has recorded of it, against its
/// checkpoints in the database as far as this evidence's keys vouch for them, and against these checkpoints from outside.
/// `now` is the moment of verifying. Gives also what the chain records of others.
///
/// # Errors
/// When the database cannot be read.
pub async fn verify(
    tx: &mut OrgTx,
    evidence: &Evidence,
    recorded: Vec<(i64, Hash)>,
    outside: impl IntoIterator<Item = Mark>,
    now: Timestamp,
) -> Result<(Verdict, Vec<Recorded>)> {
    let (mut marks, broken) = kept(tx, evidence).await?;
    marks.extend(outside);
    let (verdict, records) = verify_with(tx, recorded, marks, now).await?;
    let verdict = match (verdict, broken) {
        (Verdict::Broken { seq, .. }, Some(first)) if seq <= first => verdict,
        (_, Some(seq)) => Verdict::Broken { seq, why: BROKEN },
        (verdict, None) => verdict,
    };
    Ok((verdict, records))
}

/// What the organisation's checkpoints in the database say, and the number of the first that is not to be believed.
async fn kept(tx: &mut OrgTx, evidence: &Evidence) -> Result<(Vec<Mark>, Option<i64>)> {
    let (mut evidence, organisation) = (evidence.clone().whole(), tx.organisation());
    let (mut seq, mut broken) = (i64::MIN, None);
    while broken.is_none() {
        let page = store::rows(tx, seq, PAGE).await?;
        let Some(last) = page.last() else { break };
        seq = last.seq;
        let here = |signed: &Signed| signed.checkpoint().is_some_and(|own| own.organisation == organisation);
        let mut is_good =
            |row: &store::StoredSigned| row.read().filter(here).is_some_and(|signed| evidence.take(&signed).is_ok());
        broken = page.iter().find(|row| !is_good(row)).map(|row| row.seq);
    }
    Ok((evidence.into_marks().remove(&organisation).unwrap_or_default(), broken))
}

const BROKEN: &str =
    "the checkpoint of it in the database is not as it was signed, or does not follow the one before it";
