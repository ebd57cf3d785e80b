//! The SQL of calls' texts, and of what is deleted for its age.

use crate::{
    features::logs::{
        query::Cursor,
        texts::{KeptTexts, Size, Texts},
    },
    kernel::{CallId, Result, Timestamp, time::DAY},
    server::{
        crypto::{Keyring, Sealed},
        database::{OrgTx, WriteError, row, statements, values},
    },
};

macro_rules! old_calls {
    ($columns:literal) => {
        concat!("SELECT ", $columns, old_calls!())
    };
    () => {
        " FROM call_logs c WHERE c.org_id = $1 AND c.started_at < $2 ORDER BY c.started_at, c.id LIMIT $3"
    };
}
macro_rules! old_texts {
    () => {
        "SELECT t.call_id FROM call_texts t WHERE t.org_id = $1 AND t.created_at < $2 ORDER BY t.created_at, t.call_id LIMIT $3"
    };
}

statements! {
    // A record may come twice, and then tells the same.
    INSERT: TenantSql = "INSERT INTO call_texts (org_id, call_id, request, answer, request_size, answer_size, request_cut, answer_cut, left_out, dropped, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    NOTE: TenantSql = "SELECT t.request IS NOT NULL AS has_request, t.answer IS NOT NULL AS has_answer, t.request_size, t.answer_size, t.request_cut, t.answer_cut, t.left_out, t.dropped, t.created_at FROM call_texts t WHERE t.org_id = $1 AND t.call_id = $2 AND t.created_at = $3";
    SEALED: TenantSql = "SELECT t.request, t.answer FROM call_texts t WHERE t.org_id = $1 AND t.call_id = $2 AND t.created_at = $3";
    // Every organisation, for what is deleted by its age.
    RULES: SystemSql = "SELECT keep_texts, keep_texts_set_at, texts_days, logs_days, texts_deleted_before, entries_dropped, texts_dropped FROM organisations WHERE id = $1";
    NOTE_DELETED: SystemSql = "UPDATE organisations SET texts_deleted_before = $2 WHERE id = $1";
    // More may have been dropped meanwhile.
    NOTE_TOLD: SystemSql = "UPDATE organisations SET entries_dropped = entries_dropped - $2, texts_dropped = texts_dropped - $3 WHERE id = $1";
    CLAIM: SystemSql = "UPDATE organisations SET logs_expiring_until = $3 WHERE id = $1 AND (logs_expiring_until IS NULL OR logs_expiring_until < $2)";
    RELEASE: SystemSql = "UPDATE organisations SET logs_expiring_until = NULL WHERE id = $1 AND logs_expiring_until = $2";
    TEXTS_OLD: TenantSql = concat!("SELECT COUNT(*) FROM (", old_texts!(), ") AS page");
    CALLS_OLD: TenantSql = concat!("SELECT COUNT(*) FROM (", old_calls!("c.id"), ") AS page");
    // The moment says in which months they are. With NOT, since SQLite would go by it in place of the ids.
    DELETE_OLD_TEXTS: TenantSql = concat!("DELETE FROM call_texts WHERE org_id = $1 AND NOT (created_at >= $2) AND call_id IN (", old_texts!(), ")");
    DELETE_TEXTS_OF_OLD: TenantSql = concat!("DELETE FROM call_texts WHERE org_id = $1 AND NOT (created_at >= $2) AND call_id IN (", old_calls!("c.id"), ")");
    DELETE_ATTEMPTS_OF_OLD: TenantSql = concat!("DELETE FROM call_attempts WHERE org_id = $1 AND NOT (started_at >= $2) AND call_id IN (", old_calls!("c.id"), ")");
    DELETE_OLD: TenantSql = concat!("DELETE FROM call_logs WHERE org_id = $1 AND NOT (started_at >= $2) AND (started_at, id) IN (", old_calls!("c.started_at, c.id"), ")");
    COUNT: TenantSql = "SELECT COUNT(*) FROM call_texts WHERE org_id = $1";
}

/// The texts of a call that are to be kept.
pub struct NewTexts<'a> {
    pub call: CallId,
    pub request: Option<NewSide<'a>>,
    pub answer: Option<NewSide<'a>>,
    /// Images that a short note stands for.
    pub left_out: u64,
    /// There was no room for them.
    pub dropped: bool,
    /// When the call came.
    pub at: Timestamp,
}

/// One of them.
#[derive(Clone, Copy)]
pub struct NewSide<'a> {
    pub text: &'a str,
    /// Bytes of the whole.
    pub size: u64,
    pub is_cut: bool,
}

/// What a text is sealed to: in another row, on the other side or in another organisation it does not open.
fn place<'a>(organisation: &'a str, call: &'a str, side: &'a str) -> [&'a str; 4] {
    ["call text", organisation, call, side]
}

/// Seals texts and stores them.
pub async fn write_texts(
    tx: &mut OrgTx,
    keyring: &Keyring,
    texts: &NewTexts<'_>,
) -> std::result::Result<(), WriteError> {
    let (organisation, call) = (tx.organisation().to_string(), texts.call.to_string());
    let seal = |side: Option<NewSide<'_>>, name: &str| -> Result<Option<Sealed>> {
        side.map(|side| keyring.seal(&place(&organisation, &call, name), side.text)).transpose()
    };
    let (request, answer) = (seal(texts.request, "request")?, seal(texts.answer, "answer")?);
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let size = |side: Option<NewSide<'_>>| side.map_or(0, |side| number(side.size));
    let is_cut = |side: Option<NewSide<'_>>| side.is_some_and(|side| side.is_cut);
    let row = values![
        texts.call,
        request,
        answer,
        size(texts.request),
        size(texts.answer),
        is_cut(texts.request),
        is_cut(texts.answer),
        number(texts.left_out),
        texts.dropped,
        texts.at
    ];
    tx.write(INSERT, row).await.map(drop)
}

row! {
    struct NoteRow {
        has_request: bool,
        has_answer: bool,
        request_size: i64,
        answer_size: i64,
        request_cut: bool,
        answer_cut: bool,
        left_out: i64,
        dropped: bool,
        created_at: i64,
    }
}

row! {
    /// What an organisation says of the age of texts and entries.
    pub struct Rules {
        pub keep_texts: bool,
        pub keep_texts_set_at: Option<i64>,
        pub texts_days: i64,
        pub logs_days: Option<i64>,
        /// Texts of calls before this were all deleted. Some calls were under way then, and wrote theirs later.
        pub texts_deleted_before: Option<i64>,
        /// What went with whole months, and of which no event tells yet.
        pub entries_dropped: i64,
        pub texts_dropped: i64,
    }
}

impl Rules {
    /// Before which moment a text is too old, and an entry, if ever one is.
    ///
    /// Of whole months PostgreSQL's own `latchkey_keeps_calls` and `latchkey_keeps_texts` say the same.
    pub fn ends(&self, now: Timestamp) -> (Timestamp, Option<Timestamp>) {
        let before = |days: i64| now.plus(-days.saturating_mul(DAY));
        let entries = self.logs_days.map(before);
        let texts = before(self.texts_days).max(Timestamp(self.texts_deleted_before.unwrap_or(i64::MIN)));
        // A text never stays longer than its entry, whatever is stored.
        (entries.map_or(texts, |entries| entries.max(texts)), entries)
    }
}

/// What the transaction's organisation says.
pub async fn rules(tx: &mut OrgTx) -> Result<Rules> {
    let id = tx.organisation();
    tx.system().one(RULES, values![id]).await
}

/// Before which moment the transaction's organisation keeps no entries. None: it keeps all, or is not there.
pub async fn kept_since(tx: &mut OrgTx, now: Timestamp) -> Result<Option<Timestamp>> {
    let id = tx.organisation();
    let rules: Option<Rules> = tx.system().optional(RULES, values![id]).await?;
    Ok(rules.and_then(|rules| rules.ends(now).1))
}

/// What there is of a call's texts.
pub async fn note(tx: &mut OrgTx, call: Cursor) -> Result<Texts> {
    let rules = rules(tx).await?;
    let row: Option<NoteRow> = tx.optional(NOTE, values![call.id, call.started_at]).await?;
    let size = |has: bool, whole: i64, is_cut: bool| has.then_some(Size { whole, is_cut });
    Ok(match row {
        None => Texts::None { keeps: rules.keep_texts, since: rules.keep_texts_set_at.map(Timestamp) },
        Some(row) if rules.texts_deleted_before.is_some_and(|before| row.created_at < before) => {
            Texts::None { keeps: rules.keep_texts, since: rules.keep_texts_set_at.map(Timestamp) }
        }
        Some(row) if row.dropped => Texts::Dropped,
        Some(row) => {
            let days = rules.logs_days.map_or(rules.texts_days, |days| days.min(rules.texts_days));
            Texts::Kept(KeptTexts {
                request: size(row.has_request, row.request_size, row.request_cut),
                answer: size(row.has_answer, row.answer_size, row.answer_cut),
                left_out: row.left_out,
                until: Timestamp(row.created_at).plus(days.saturating_mul(DAY)),
            })
        }
    })
}

/// Opens the texts of a call: the request, and the answer.
pub async fn open(tx: &mut OrgTx, keyring: &Keyring, call: Cursor) -> Result<(Option<String>, Option<String>)> {
    let row: Option<(Option<Sealed>, Option<Sealed>)> = tx.optional(SEALED, values![call.id, call.started_at]).await?;
    let (request, answer) = row.unwrap_or_default();
    let (organisation, call) = (tx.organisation().to_string(), call.id.to_string());
    let open = |sealed: Option<Sealed>, side: &str| -> Result<Option<String>> {
        let Some(sealed) = sealed else { return Ok(None) };
        Ok(Some(keyring.open_sealed(&place(&organisation, &call, side), &sealed)?.as_str().to_owned()))
    };
    Ok((open(request, "request")?, open(answer, "answer")?))
}

/// Notes that every text of a call before this is to go.
pub async fn note_deleted(tx: &mut OrgTx, before: Timestamp) -> Result<()> {
    let id = tx.organisation();
    tx.system().execute(NOTE_DELETED, values![id, before]).await.map(drop)
}

/// Notes that an event tells of so much that went with whole months.
pub async fn note_told(tx: &mut OrgTx, entries: i64, texts: i64) -> Result<()> {
    let id = tx.organisation();
    tx.system().execute(NOTE_TOLD, values![id, entries, texts]).await.map(drop)
}

/// Takes it upon this replica to delete what is too old, until then. False: another one does it.
pub async fn claim(tx: &mut OrgTx, now: Timestamp, until: Timestamp) -> Result<bool> {
    let id = tx.organisation();
    Ok(tx.system().execute(CLAIM, values![id, now, until]).await? > 0)
}

/// Ends that.
pub async fn release(tx: &mut OrgTx, until: Timestamp) -> Result<()> {
    let id = tx.organisation();
    tx.system().execute(RELEASE, values![id, until]).await.map(drop)
}

/// How many texts are too old; `most` at most.
pub async fn count_old_texts(tx: &mut OrgTx, before: Timestamp, most: i64) -> Result<i64> {
    let (count,): (i64,) = tx.one(TEXTS_OLD, values![before, most]).await?;
    Ok(count)
}

/// How many entries are too old; `most` at most.
pub async fn count_old_calls(tx: &mut OrgTx, before: Timestamp, most: i64) -> Result<i64> {
    let (count,): (i64,) = tx.one(CALLS_OLD, values![before, most]).await?;
    Ok(count)
}

/// Deletes the oldest texts that are too old; gives of how many calls.
pub async fn delete_old_texts(tx: &mut OrgTx, before: Timestamp, most: i64) -> Result<u64> {
    tx.execute(DELETE_OLD_TEXTS, values![before, most]).await
}

/// Deletes the oldest entries that are too old, with their attempts and texts.
pub async fn delete_old_calls(tx: &mut OrgTx, before: Timestamp, most: i64) -> Result<()> {
    tx.execute(DELETE_TEXTS_OF_OLD, values![before, most]).await?;
    tx.execute(DELETE_ATTEMPTS_OF_OLD, values![before, most]).await?;
    tx.execute(DELETE_OLD, values![before, most]).await.map(drop)
}

/// How many calls have kept texts.
pub async fn count(tx: &mut OrgTx) -> Result<i64> {
    let (count,): (i64,) = tx.one(COUNT, vec![]).await?;
    Ok(count)
}
