//! Which checkpoints are to be believed: those that are signed by a trusted key, and follow the one before.

use super::{
    PublishedKey,
    written::{Checkpoint, FIRST, Signed, Statement},
};
use crate::{
    kernel::{OrganisationId, Timestamp},
    server::{audit::chain::Hash, crypto::PublicKey},
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What a checkpoint says of a chain: at this number stood the event with this hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub seq: i64,
    pub hash: Hash,
    /// When the checkpoint was made.
    pub at: Timestamp,
}

/// Takes signed statements from one place, in order.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Trusted keys, with their generation where a statement has said it.
    keys: HashMap<PublicKey, Option<i64>>,
    /// The first key that is met is trusted.
    open: bool,
    /// The first checkpoint of each chain must be the first that there ever was.
    whole: bool,
    last: HashMap<OrganisationId, Last>,
    seen: HashSet<Hash>,
    marks: BTreeMap<OrganisationId, Vec<Mark>>,
}

#[derive(Clone, Debug)]
struct Last {
    seq: i64,
    at: Timestamp,
    hash: Hash,
    generation: Option<i64>,
}

const UNSIGNED: &str = "its signature does not fit";
const UNKNOWN: &str = "it is signed with a key that is not trusted";
const UNLINKED: &str = "it does not follow the checkpoint before it";

impl Evidence {
    /// Trusts these keys, and those that they sign.
    pub fn by(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self { keys: keys.into_iter().map(|key| (key, None)).collect(), ..Self::default() }
    }

    /// Trusts the keys of this installation, which say themselves that they follow one another.
    pub fn of(keys: &[PublishedKey]) -> Self {
        let mut evidence = Self::by(keys.iter().map(|key| key.key));
        for key in keys {
            if let Err(why) = evidence.take(&key.signed) {
                tracing::error!(
                    generation = key.generation,
                    why,
                    "a key of the audit log does not follow the one before"
                );
            }
        }
        evidence
    }

    /// Trusts the first key that is met, and those that it signs: what that key signed belongs together, and nothing says
    /// whose it is.
    pub fn by_the_first() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Nothing may be missing from the beginning either, as in a database.
    #[must_use]
    pub fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// Takes the next statement.
    ///
    /// # Errors
    /// Why it is not to be believed. It is left out then.
    pub fn take(&mut self, signed: &Signed) -> Result<(), &'static str> {
        if !signed.is_signed() {
            return Err(UNSIGNED);
        }
        let by = signed.key();
        if self.open && self.keys.is_empty() {
            self.keys.insert(by, None);
        }
        let Some(generation) = self.keys.get(&by).copied() else { return Err(UNKNOWN) };
        match &signed.statement {
            Statement::Key(new) => {
                let key = PublicKey(new.public_key.0);
                // The first signs itself; each other is signed by the one before it.
                let follows = match generation {
                    Some(generation) => new.generation == generation + 1 || (key == by && new.generation == generation),
                    None => true,
                };
                if !follows || (key == by) != (new.generation == 1) {
                    return Err("it is not the generation of keys that follows");
                }
                // Whoever gets hold of a key that was replaced cannot name another one to follow it.
                let taken = self.keys.iter().any(|(other, at)| *other != key && *at == Some(new.generation));
                if taken {
                    return Err("another key has this generation");
                }
                if key != by && generation.is_none() {
                    self.keys.insert(by, Some(new.generation - 1));
                }
                match self.keys.insert(key, Some(new.generation)).flatten() {
                    Some(known) if known != new.generation => Err("its key has another generation"),
                    _ => Ok(()),
                }
            }
            Statement::Checkpoint(checkpoint) => self.take_checkpoint(signed, checkpoint, generation),
        }
    }

    fn take_checkpoint(
        &mut self,
        signed: &Signed,
        checkpoint: &Checkpoint,
        generation: Option<i64>,
    ) -> Result<(), &'static str> {
        let hash = signed.hash();
        // A file may say the same once more, as after a new start or where two were put together.
        if self.seen.contains(&hash) {
            return Ok(());
        }
        let Checkpoint { organisation, seq, .. } = *checkpoint;
        match self.last.get(&organisation) {
            Some(last) => {
                let is_older = generation.zip(last.generation).is_some_and(|(own, before)| own < before);
                if checkpoint.previous.0 != last.hash || seq <= last.seq || signed.at() < last.at {
                    return Err(UNLINKED);
                }
                if is_older {
                    return Err("it is signed with an older key than the checkpoint before it");
                }
            }
            None if self.whole && checkpoint.previous.0 != FIRST => return Err(UNLINKED),
            None => {}
        }
        self.seen.insert(hash);
        self.last.insert(organisation, Last { seq, at: signed.at(), hash, generation });
        self.marks.entry(organisation).or_default().push(Mark { seq, hash: checkpoint.hash.0, at: signed.at() });
        Ok(())
    }

    /// How many checkpoints were believed.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// What the checkpoints say, by chain.
    pub fn into_marks(self) -> BTreeMap<OrganisationId, Vec<Mark>> {
        self.marks
    }
}
