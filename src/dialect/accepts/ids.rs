//! Ids of calls, for servers that let only some through.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

/// The ids that a server would refuse, each with the one that takes its place. Two never become one, and the same
/// conversation always gets the same ids, so that a provider's cache knows it again.
#[derive(Debug, Default)]
pub(super) struct Ids(HashMap<String, String>);

impl Ids {
    /// Of the ids of a request, for a server that lets those through that `fit`. `propose` makes one that fits from
    /// another one, and as many different ones as it is asked for with a rising number.
    pub(super) fn of<'a>(
        ids: impl Iterator<Item = &'a str> + Clone,
        fit: fn(&str) -> bool,
        propose: fn(&str, u32) -> String,
    ) -> Self {
        let mut taken: HashSet<String> = ids.clone().filter(|id| fit(id)).map(str::to_owned).collect();
        let mut new = HashMap::new();
        for id in ids.filter(|id| !fit(id)) {
            if !new.contains_key(id) {
                let free = (0..).map(|number| propose(id, number)).find(|proposed| taken.insert(proposed.clone()));
                new.extend(free.map(|free| (id.to_owned(), free)));
            }
        }
        Self(new)
    }

    /// What takes the place of this one, if anything must.
    pub(super) fn instead_of(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }
}

/// Letters and digits that are another id's own, as many as asked for, at most 32.
pub(super) fn fingerprint(id: &str, number: u32, length: usize) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let digest = Sha256::new().chain_update(number.to_be_bytes()).chain_update(id).finalize();
    digest.iter().take(length).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_and_two_never_become_one() {
        let all = ["a", "?", "!", "?", "fix"];
        let propose =
            |id: &str, number: u32| if number < 2 { "fix".into() } else { format!("fix{}", id.len() as u32 + number) };
        let ids = Ids::of(all.into_iter(), |id| id.chars().all(|letter| letter.is_ascii_alphabetic()), propose);
        assert_eq!((ids.instead_of("a"), ids.instead_of("fix")), (None, None));
        assert_eq!((ids.instead_of("?"), ids.instead_of("!")), (Some("fix3"), Some("fix4")));
        assert_eq!(fingerprint("call_1", 0, 9), fingerprint("call_1", 0, 9));
        assert_ne!(fingerprint("call_1", 0, 9), fingerprint("call_1", 1, 9));
    }
}
