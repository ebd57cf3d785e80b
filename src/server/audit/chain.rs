//! The hash chain (design: per organisation, without gaps). Pure, so that the offline verifier computes the same.

use crate::kernel::OrganisationId;
use sha2::{Digest, Sha256};

/// SHA-256 of an event: 32 bytes.
pub type Hash = [u8; 32];

/// What the first event of a chain follows.
pub const GENESIS: Hash = [0; 32];

const VERSION: &[u8] = b"latchkey audit v1\0";

/// The hash of one event: over the format's version, the organisation, the sequence number, the previous hash and the
/// exact stored bytes.
pub fn hash(organisation: OrganisationId, seq: i64, previous: &Hash, body: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(VERSION);
    hasher.update(organisation.0.as_bytes());
    hasher.update(seq.to_be_bytes());
    hasher.update(previous);
    hasher.update(body);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::database::hex;

    #[test]
    fn fixed_events_give_fixed_hashes() {
        let first = hash(OrganisationId::INSTALLATION, 1, &GENESIS, br#"{"v":1}"#);
        let second = hash(OrganisationId::INSTALLATION, 2, &first, "{\"n\":\"é\"}".as_bytes());
        assert_eq!(hex(&first), "82ed7140fd39df1ab369a4974d53b50bcdb8102031513801ccc41bc0b7c2245b");
        assert_eq!(hex(&second), "acd9a959720ebf0d143509924f17bc13df072b510f08900793282cc26aa66316");
    }
}
