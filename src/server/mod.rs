//! What only the server has.

pub mod outgoing;
