//! Answers that are kept for the same question. A replica keeps its own, in memory, within a bound of bytes.
//!
//! An answer is found again only by the same organisation, a key that may do the same, the same version of the same
//! config, the same virtual key, endpoint and namespace, and a body that is the same byte for byte after the config's
//! changes. So nobody is told what they could not have asked for themselves.

use super::facts::Endpoint;
use crate::dialect::usage::Usage;
use crate::kernel::{OrganisationId, Timestamp};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The most bytes of all kept answers, and of one.
const MOST: usize = 32 << 20;
const LARGEST: usize = 1 << 20;
/// What an answer takes beside its bytes, roughly.
const BESIDE: usize = 256;

/// The answers that are kept. Cheap to clone.
#[derive(Clone)]
pub struct Kept(Arc<Mutex<Shelves>>);

/// Which answer.
pub type Question = [u8; 32];

/// An answer that is kept.
#[derive(Debug, Clone)]
pub struct KeptAnswer {
    pub body: Bytes,
    /// Whether it is a stream of events.
    pub streamed: bool,
    /// What the call used that it was given to first, where that is known.
    pub usage: Option<Usage>,
    until: Timestamp,
}

#[derive(Default)]
struct Shelves {
    most: usize,
    bytes: usize,
    /// Counts uses, so that those of long ago go first.
    uses: u64,
    of: HashMap<OrganisationId, Shelf>,
}

/// The answers of one organisation.
#[derive(Default)]
struct Shelf {
    bytes: usize,
    answers: HashMap<Question, (KeptAnswer, u64)>,
    by_use: BTreeMap<u64, Question>,
}

impl Default for Kept {
    fn default() -> Self {
        Self::within(MOST)
    }
}

impl Kept {
    /// Keeps so many bytes of answers.
    pub fn within(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Shelves { most: bytes, ..Shelves::default() })))
    }

    /// The answer to a question, if one is kept and not too old.
    pub fn find(&self, organisation: OrganisationId, question: &Question, now: Timestamp) -> Option<KeptAnswer> {
        let mut shelves = self.lock();
        let Shelves { uses, of, .. } = &mut *shelves;
        let shelf = of.get_mut(&organisation)?;
        let (answer, used) = shelf.answers.get_mut(question)?;
        if now >= answer.until {
            return None;
        }
        *uses += 1;
        shelf.by_use.remove(used);
        shelf.by_use.insert(*uses, *question);
        *used = *uses;
        Some(answer.clone())
    }

    fn put(&self, organisation: OrganisationId, question: Question, answer: KeptAnswer) {
        let mut shelves = self.lock();
        shelves.take(organisation, &question);
        let size = answer.size();
        let Shelves { uses, of, bytes, .. } = &mut *shelves;
        *uses += 1;
        *bytes += size;
        let shelf = of.entry(organisation).or_default();
        shelf.bytes += size;
        shelf.by_use.insert(*uses, question);
        shelf.answers.insert(question, (answer, *uses));
        while shelves.bytes > shelves.most {
            // Whoever has most gives way, so that no organisation takes the room of others.
            let Some(largest) = shelves.of.iter().max_by_key(|(_, shelf)| shelf.bytes).map(|(owner, _)| *owner) else {
                break;
            };
            let oldest = shelves.of.get(&largest).and_then(|shelf| shelf.by_use.values().next().copied());
            let Some(oldest) = oldest else { break };
            shelves.take(largest, &oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn take(&mut self, organisation: OrganisationId, question: &Question) {
        let Some(shelf) = self.of.get_mut(&organisation) else { return };
        let Some((answer, used)) = shelf.answers.remove(question) else { return };
        shelf.by_use.remove(&used);
        shelf.bytes -= answer.size();
        self.bytes -= answer.size();
        if shelf.answers.is_empty() {
            self.of.remove(&organisation);
        }
    }
}

impl KeptAnswer {
    fn size(&self) -> usize {
        self.body.len() + BESIDE
    }
}

/// What a question is made of.
#[derive(Debug)]
pub struct Asked<'a> {
    pub organisation: OrganisationId,
    /// The names of what the key may do.
    pub permissions: Vec<&'static str>,
    /// Which config, and its version.
    pub config: String,
    pub virtual_key: [u8; 16],
    pub endpoint: Endpoint,
    pub namespace: Option<&'a str>,
    /// Headers that say how the body is to be read.
    pub headers: [Option<&'a str>; 2],
    /// The caller's headers that are handed on.
    pub forwarded: Vec<(HeaderName, &'a HeaderValue)>,
    pub body: &'a [u8],
}

impl Asked<'_> {
    pub fn question(&self) -> Question {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(self.organisation.to_string().as_bytes());
        part(self.permissions.join(" ").as_bytes());
        part(self.config.as_bytes());
        part(&self.virtual_key);
        part(self.endpoint.name().as_bytes());
        for optional in [self.namespace, self.headers[0], self.headers[1]] {
            part(&[u8::from(optional.is_some())]);
            part(optional.unwrap_or_default().as_bytes());
        }
        part(&(self.forwarded.len() as u64).to_be_bytes());
        for (name, value) in &self.forwarded {
            part(name.as_str().as_bytes());
            part(value.as_bytes());
        }
        part(self.body);
        hash.finalize().into()
    }
}

/// An answer that is on its way, and is kept if it comes to a good end.
pub(super) struct Keeping {
    pub kept: Kept,
    pub organisation: OrganisationId,
    pub question: Question,
    pub until: Timestamp,
    /// What has come of a stream; `None` once it is too large.
    pub pieces: Option<Vec<u8>>,
}

impl Keeping {
    /// Keeps a whole answer.
    pub fn whole(self, body: &[u8], usage: Option<Usage>) {
        self.put(body, false, usage);
    }

    /// Notes a piece of a stream.
    pub fn piece(&mut self, piece: &[u8]) {
        if let Some(pieces) = &mut self.pieces {
            if pieces.len() + piece.len() > LARGEST {
                self.pieces = None;
            } else {
                pieces.extend_from_slice(piece);
            }
        }
    }

    /// Keeps the stream, which has come to its end.
    pub fn ended(mut self, usage: Option<Usage>) {
        if let Some(pieces) = self.pieces.take() {
            self.put(&pieces, true, usage);
        }
    }

    fn put(&self, body: &[u8], streamed: bool, usage: Option<Usage>) {
        if body.len() <= LARGEST {
            // A copy of its own: the answer's bytes hold room that others wait for.
            let answer = KeptAnswer { body: Bytes::copy_from_slice(body), streamed, usage, until: self.until };
            self.kept.put(self.organisation, self.question, answer);
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("bytes", &self.lock().bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(kept: &Kept, organisation: u128, question: u8, bytes: usize) {
        let keeping = Keeping {
            kept: kept.clone(),
            organisation: OrganisationId::numbered(organisation),
            question: [question; 32],
            until: Timestamp(1_000),
            pieces: None,
        };
        keeping.whole(&vec![b'x'; bytes], None);
    }

    fn has(kept: &Kept, organisation: u128, question: u8) -> bool {
        kept.find(OrganisationId::numbered(organisation), &[question; 32], Timestamp(999)).is_some()
    }

    #[test]
    fn an_answer_is_kept_until_its_time_is_over_and_for_its_organisation() {
        let kept = Kept::default();
        keep(&kept, 1, 1, 10);
        assert!(has(&kept, 1, 1) && !has(&kept, 2, 1) && !has(&kept, 1, 2));
        assert!(kept.find(OrganisationId::numbered(1), &[1; 32], Timestamp(1_000)).is_none());
    }

    #[test]
    fn what_was_not_asked_for_longest_goes_and_of_who_has_most() {
        let kept = Kept::within(10 * (BESIDE + 100));
        keep(&kept, 2, 1, 100);
        (0..9).for_each(|question| keep(&kept, 1, question, 100));
        assert!(has(&kept, 1, 0));
        // There is no room for another: the one that was not used goes, though the other organisation's is older.
        keep(&kept, 1, 9, 100);
        assert!(has(&kept, 1, 0) && !has(&kept, 1, 1) && has(&kept, 2, 1));
        keep(&kept, 1, 10, LARGEST + 1);
        assert!(!has(&kept, 1, 10), "too large for one");
        assert!(kept.lock().bytes <= 10 * (BESIDE + 100));
        keep(&kept, 1, 2, 2_000);
        assert!(has(&kept, 1, 2) && has(&kept, 2, 1));
    }

    #[test]
    fn a_stream_is_kept_at_its_end_and_if_it_is_not_too_large() {
        let kept = Kept::default();
        let keeping = |question: u8| Keeping {
            kept: kept.clone(),
            organisation: OrganisationId::numbered(1),
            question: [question; 32],
            until: Timestamp(1_000),
            pieces: Some(vec![]),
        };
        let mut good = keeping(1);
        good.piece(b"data: 1\n\n");
        good.piece(b"data: [DONE]\n\n");
        assert!(!has(&kept, 1, 1));
        good.ended(None);
        let found = kept.find(OrganisationId::numbered(1), &[1; 32], Timestamp(0)).expect("a stream");
        assert_eq!((&*found.body, found.streamed), (&b"data: 1\n\ndata: [DONE]\n\n"[..], true));
        let mut large = keeping(2);
        large.piece(&vec![0; LARGEST]);
        large.piece(b"x");
        large.ended(None);
        assert!(!has(&kept, 1, 2));
    }

    #[test]
    fn every_part_of_a_question_counts() {
        let asked = || Asked {
            organisation: OrganisationId::numbered(1),
            permissions: vec!["a", "b"],
            config: "c 1".to_owned(),
            virtual_key: [1; 16],
            endpoint: Endpoint::ChatCompletions,
            namespace: None,
            headers: [None, None],
            forwarded: vec![],
            body: b"{}",
        };
        static VALUE: HeaderValue = HeaderValue::from_static("a");
        let changes: [fn(&mut Asked<'_>); 9] = [
            |asked| asked.organisation = OrganisationId::numbered(2),
            |asked| asked.permissions = vec!["a"],
            |asked| asked.config = "c 2".to_owned(),
            |asked| asked.virtual_key = [2; 16],
            |asked| asked.endpoint = Endpoint::Messages,
            |asked| asked.namespace = Some(""),
            |asked| asked.headers = [Some(""), None],
            |asked| asked.forwarded = vec![(HeaderName::from_static("x-tenant"), &VALUE)],
            |asked| asked.body = b"{ }",
        ];
        let mut questions = vec![asked().question()];
        for change in changes {
            let mut changed = asked();
            change(&mut changed);
            questions.push(changed.question());
        }
        let all = questions.len();
        questions.sort_unstable();
        questions.dedup();
        assert_eq!(questions.len(), all);
    }
}
