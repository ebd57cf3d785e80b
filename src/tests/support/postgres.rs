//! The PostgreSQL server that tests fill with databases. The tests of the program in `end2end` include this file too.

/// Its address, from `LATCHKEY_TEST_POSTGRES`; none where that says `skip`.
///
/// # Panics
///
/// If it is not set: a test that did not run must not look like one that passed.
pub fn test_server() -> Option<String> {
    let Ok(server) = std::env::var("LATCHKEY_TEST_POSTGRES") else {
        panic!("LATCHKEY_TEST_POSTGRES is not set: it takes a server's address, or `skip`; ./dev unit starts a server")
    };
    if server == "skip" {
        eprintln!("skipped on PostgreSQL, as LATCHKEY_TEST_POSTGRES says");
        return None;
    }
    Some(server)
}
