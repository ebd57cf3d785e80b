//! Statements: one text for both engines, registered so that a test prepares each on both.

/// A statement on the installation's own tables, or a look-up by a secret, an address or the signed-in person.
#[derive(Clone, Copy, Debug)]
pub struct SystemSql(pub(super) &'static str);

/// A statement inside one organisation: `$1` is always the organisation, bound by the transaction itself.
#[derive(Clone, Copy, Debug)]
pub struct TenantSql(pub(super) &'static str);

impl SystemSql {
    pub const fn new(text: &'static str) -> Self {
        Self(text)
    }
}

impl TenantSql {
    /// The text itself, for the list of statements.
    pub(crate) const fn text(self) -> &'static str {
        self.0
    }

    /// Fails to compile unless the text binds the organisation: `org_id = $1`, or an INSERT whose first column is
    /// `org_id` and first value `$1`.
    pub const fn new(text: &'static str) -> Self {
        let binds = contains(text.as_bytes(), b"org_id = $1")
            || (starts_with(text.as_bytes(), b"INSERT INTO ")
                && contains(text.as_bytes(), b" (org_id, ")
                && (contains(text.as_bytes(), b"VALUES ($1, ") || contains(text.as_bytes(), b"SELECT $1, ")));
        assert!(binds, "a statement inside an organisation must bind org_id = $1");
        Self(text)
    }
}

const fn starts_with(text: &[u8], start: &[u8]) -> bool {
    matches_at(text, start, 0)
}

const fn contains(text: &[u8], part: &[u8]) -> bool {
    let mut at = 0;
    while at + part.len() <= text.len() {
        if matches_at(text, part, at) {
            return true;
        }
        at += 1;
    }
    false
}

const fn matches_at(text: &[u8], part: &[u8], at: usize) -> bool {
    if at + part.len() > text.len() {
        return false;
    }
    let mut i = 0;
    while i < part.len() {
        if text[at + i] != part[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Declares statements as constants and lists them for the test that prepares each on both engines:
/// `statements! { GET: TenantSql = "SELECT … WHERE org_id = $1"; }` makes `GET` and `pub const STATEMENTS`.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident: $kind:ident = $text:expr;)*) => {
        $($(#[$doc])* const $name: $crate::server::database::$kind = $crate::server::database::$kind::new($text);)*
        /// The texts of this store's statements.
        pub const STATEMENTS: &[&str] = &[$($text,)*];
    };
}
pub(crate) use statements;
