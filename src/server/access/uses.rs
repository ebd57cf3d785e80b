//! When API keys were last used: noted once a minute for each secret, whichever way it came.

use crate::kernel::{KeyId, Timestamp, time::MINUTE};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// Secrets whose last note is remembered; beyond it all are forgotten, which costs a needless note each.
const REMEMBERED: usize = 100_000;

/// A use of a secret of a key.
pub type Use = (KeyId, Uuid, Timestamp);

/// Remembers when the last use of a secret was noted.
#[derive(Debug, Default)]
pub struct Uses(Mutex<HashMap<Uuid, Timestamp>>);

impl Uses {
    /// Keeps the uses that deserve a note, those of secrets of which none was noted within the minute, and takes them for
    /// noted.
    pub fn due(&self, mut uses: Vec<Use>) -> Vec<Use> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= REMEMBERED {
            noted.clear();
        }
        uses.retain(|(_, secret, at)| noted.get(secret).is_none_or(|before| *at >= before.plus(MINUTE)));
        noted.extend(uses.iter().map(|(_, secret, at)| (*secret, *at)));
        uses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_noted_once_a_minute() {
        let (uses, start) = (Uses::default(), Timestamp(1_000_000));
        let of = |secret: u128, at| (KeyId(Uuid::nil()), Uuid::from_u128(secret), at);
        assert_eq!(uses.due(vec![of(1, start), of(2, start)]).len(), 2);
        assert_eq!(uses.due(vec![of(1, start.plus(MINUTE - 1)), of(3, start)]), [of(3, start)]);
        assert_eq!(uses.due(vec![of(1, start.plus(MINUTE))]).len(), 1);
    }
}
