//! The limits' SQL.

pub mod fold;
pub mod history;
pub mod hook;

use super::{
    alerts::Alert,
    model::{Action, Kind, Limit, Measure, On, Raised, Scope, Span, Standing, Wanted},
};
use crate::{
    kernel::{Error, KeyId, LimitId, Result, Timestamp, UserId, VirtualKeyId},
    server::database::{OrgTx, Value, WriteError, row, statements, values},
};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "SELECT l.id, l.scope, l.subject_id, l.kind, l.measure, l.span, l.amount, l.action, l.alert_at, l.emails, l.since, l.anchor, l.reset_at, l.raised_to, l.raised_until FROM limits l WHERE l.org_id = $1 AND l.deleted_at IS NULL"
    };
}

/// How many things one statement asks for.
const AT_ONCE: usize = 50;

macro_rules! fifty {
    () => {
        "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51"
    };
}

statements! {
    ON: TenantSql = concat!(columns!(), " AND l.subject_id = $2 AND l.scope = $3 ORDER BY l.id LIMIT 100");
    ALL: TenantSql = concat!(columns!(), " ORDER BY l.scope, l.subject_id, l.id LIMIT 1000");
    BUDGETS: TenantSql = concat!(columns!(), " AND l.kind = 'budget' ORDER BY l.id LIMIT 1000");
    // The budgets that block, of up to fifty things.
    BLOCKING: TenantSql = concat!(columns!(), " AND l.kind = 'budget' AND l.action = 'block' AND l.subject_id IN (", fifty!(), ")");
    // All limits on up to fifty things.
    OF_THINGS: TenantSql = concat!(columns!(), " AND l.subject_id IN (", fifty!(), ") ORDER BY l.subject_id, l.id");
    BY_ID: TenantSql = concat!(columns!(), " AND l.id = $2");
    // Of a caller: those of the organisation, of its key, and of the person who answers. In this order they are found by their
    // index.
    OF_CALLER: TenantSql = concat!(columns!(), " AND l.subject_id IN ($1, $2, $3) AND l.scope <> 'virtual_key' ORDER BY l.subject_id, l.id LIMIT 100");
    RESPONSIBLE: TenantSql = "SELECT COALESCE(k.responsible, k.id) AS person FROM api_keys k WHERE k.org_id = $1 AND k.id = $2";
    INSERT: TenantSql = "INSERT INTO limits (org_id, id, scope, subject_id, kind, measure, span, amount, action, alert_at, emails, since, anchor, shares, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14, $15)";
    // With another amount a raise ends: it was one of the amount before.
    UPDATE: TenantSql = "UPDATE limits SET span = $3, amount = $4, action = $5, alert_at = $6, emails = $7, anchor = $8, changed_by = $9, changed_at = $10, raised_to = CASE WHEN amount = CAST($4 AS BIGINT) THEN raised_to END, raised_until = CASE WHEN amount = CAST($4 AS BIGINT) THEN raised_until END WHERE org_id = $1 AND id = $2";
    RESET: TenantSql = "UPDATE limits SET reset_at = $3, changed_by = $4, changed_at = $3 WHERE org_id = $1 AND id = $2";
    RAISE: TenantSql = "UPDATE limits SET raised_to = $3, raised_until = $4, changed_by = $5, changed_at = $6 WHERE org_id = $1 AND id = $2";
    DELETE: TenantSql = "UPDATE limits SET deleted_at = $3, changed_by = $4, changed_at = $3 WHERE org_id = $1 AND id = $2";
    USED: TenantSql = "SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT) AS used FROM limit_usage WHERE org_id = $1 AND limit_id = $2 AND period = $3";
    // Of up to fifty limits; their periods are few, as they go by the calendar.
    USED_OF: TenantSql = concat!("SELECT limit_id, period, CAST(SUM(used) AS BIGINT) AS used FROM limit_usage WHERE org_id = $1 AND limit_id IN (", fifty!(), ") AND period IN ($52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, $68, $69, $70, $71, $72, $73, $74, $75, $76, $77, $78, $79, $80, $81, $82, $83, $84, $85, $86, $87, $88, $89, $90, $91, $92, $93, $94, $95, $96, $97, $98, $99, $100, $101) GROUP BY limit_id, period");
    PAST: TenantSql = "SELECT period, CAST(SUM(used) AS BIGINT) AS used FROM limit_usage WHERE org_id = $1 AND limit_id = $2 AND period < $3 GROUP BY period ORDER BY period DESC LIMIT 24";
    // Which process counts what of one period.
    SHARES: TenantSql = "SELECT replica, used, granted, seen_at FROM limit_usage WHERE org_id = $1 AND limit_id = $2 AND period = $3";
    // Whoever takes a share waits here for others.
    TAKE_TURN: TenantSql = "UPDATE limits SET shares = shares + 1 WHERE org_id = $1 AND id = $2";
    GRANT: TenantSql = "INSERT INTO limit_usage (org_id, limit_id, period, replica, used, granted, seen_at) VALUES ($1, $2, $3, $4, 0, $5, $6) ON CONFLICT (org_id, limit_id, period, replica) DO UPDATE SET granted = excluded.granted, seen_at = excluded.seen_at";
    COUNT: TenantSql = "INSERT INTO limit_usage (org_id, limit_id, period, replica, used, granted, seen_at) VALUES ($1, $2, $3, $4, $5, 0, 0) ON CONFLICT (org_id, limit_id, period, replica) DO UPDATE SET used = limit_usage.used + excluded.used";
    // Of the process itself and of what was carried over: two that deleted the rows of each other would wait for each other.
    FORGET_RATES: TenantSql = "DELETE FROM limit_usage WHERE org_id = $1 AND limit_id = $2 AND period < $3 AND replica IN ($4, $5)";
    WAITING: TenantSql = "SELECT id, limit_id, kind, amount, used, at FROM limit_alerts WHERE org_id = $1 AND sent_at IS NULL AND held_until <= $2 ORDER BY id LIMIT $3";
    HOLD: TenantSql = "UPDATE limit_alerts SET held_until = $4 WHERE org_id = $1 AND id = $2 AND sent_at IS NULL AND held_until <= $3";
    SENT: TenantSql = "UPDATE limit_alerts SET sent_at = $3 WHERE org_id = $1 AND id = $2";
    // What other processes have counted of rates, long after it had a meaning.
    SWEEP_RATES: TenantSql = "DELETE FROM limit_usage WHERE org_id = $1 AND period < $2 AND limit_id IN (SELECT id FROM limits WHERE org_id = $1 AND kind = 'rate')";
    ALERT: TenantSql = "INSERT INTO limit_alerts (org_id, id, limit_id, period, kind, amount, used, at, held_until, hook_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, CASE WHEN EXISTS (SELECT 1 FROM limit_webhooks w WHERE w.org_id = $1) THEN CAST($8 AS BIGINT) END) ON CONFLICT (org_id, limit_id, period, kind) DO NOTHING";
}

row! {
    struct LimitRow {
        id: Uuid,
        scope: String,
        subject_id: Uuid,
        kind: String,
        measure: String,
        span: String,
        amount: i64,
        action: String,
        alert_at: Option<i64>,
        emails: String,
        since: i64,
        anchor: Option<i64>,
        reset_at: Option<i64>,
        raised_to: Option<i64>,
        raised_until: Option<i64>,
    }
}

impl LimitRow {
    fn limit(self) -> Result<Limit> {
        let read = || {
            Some(Limit {
                id: LimitId(self.id),
                on: On { scope: Scope::parse(&self.scope)?, id: self.subject_id },
                is: Wanted {
                    kind: Kind::parse(&self.kind)?,
                    measure: Measure::parse(&self.measure)?,
                    span: Span::parse(&self.span)?,
                    amount: self.amount,
                    action: Action::parse(&self.action)?,
                    alert_at: self.alert_at,
                    anchor: self.anchor.map(Timestamp),
                },
                emails: serde_json::from_str(&self.emails).ok()?,
                since: Timestamp(self.since),
                reset_at: self.reset_at.map(Timestamp),
                raised: self.raised_to.zip(self.raised_until).map(|(to, until)| Raised { to, until: Timestamp(until) }),
            })
        };
        read().ok_or_else(|| {
            // A limit that cannot be read must not be as good as none.
            tracing::error!(limit = %self.id, "a stored limit cannot be read");
            Error::internal()
        })
    }
}

fn read(rows: Vec<LimitRow>) -> Result<Vec<Limit>> {
    rows.into_iter().map(LimitRow::limit).collect()
}

/// The limits on one thing.
pub async fn on(tx: &mut OrgTx, on: On) -> Result<Vec<Limit>> {
    read(tx.all(ON, values![on.id, on.scope.name()]).await?)
}

/// All of the organisation, by what they are on; of more than 1,000 the first.
pub async fn all(tx: &mut OrgTx) -> Result<Vec<Limit>> {
    read(tx.list(ALL, vec![]).await?)
}

pub async fn by_id(tx: &mut OrgTx, id: LimitId) -> Result<Option<Limit>> {
    let row: Option<LimitRow> = tx.optional(BY_ID, values![id]).await?;
    row.map(LimitRow::limit).transpose()
}

/// Those that hold for the calls of an API key: its own, of the person it answers for, and of the organisation.
pub async fn of_key(tx: &mut OrgTx, key: KeyId) -> Result<Vec<Limit>> {
    let row: Option<(Uuid,)> = tx.optional(RESPONSIBLE, values![key]).await?;
    let person = row.map_or(key.0, |(person,)| person);
    read(tx.all(OF_CALLER, values![key, person]).await?)
}

/// Those that hold for what a person calls from the console.
pub async fn of_person(tx: &mut OrgTx, person: UserId) -> Result<Vec<Limit>> {
    read(tx.all(OF_CALLER, values![person, person]).await?)
}

pub async fn of_virtual_key(tx: &mut OrgTx, key: VirtualKeyId) -> Result<Vec<Limit>> {
    on(tx, On { scope: Scope::VirtualKey, id: key.0 }).await
}

/// What was used of a limit in the period that begins at a moment, as far as it is written.
pub async fn used(tx: &mut OrgTx, id: LimitId, period: Timestamp) -> Result<i64> {
    let (used,): (i64,) = tx.one(USED, values![id, period]).await?;
    Ok(used)
}

/// Limits with what was used of them by now, as far as it is written.
pub async fn standing(tx: &mut OrgTx, limits: Vec<Limit>, now: Timestamp) -> Result<Vec<Standing>> {
    let begin = |limit: Limit| Standing { used: 0, period: limit.period(now), amount: limit.amount(now), limit };
    let mut standing: Vec<Standing> = limits.into_iter().map(begin).collect();
    for some in standing.chunks_mut(AT_ONCE) {
        let ids = filled(some.iter().map(|one| one.limit.id.0));
        let periods = filled(some.iter().map(|one| one.period.start));
        let rows: Vec<(Uuid, i64, i64)> = tx.all(USED_OF, [ids, periods].concat()).await?;
        for one in some {
            let is_its = |(id, period, _): &&(Uuid, i64, i64)| (*id, *period) == (one.limit.id.0, one.period.start.0);
            one.used = rows.iter().find(is_its).map_or(0, |(.., used)| *used);
        }
    }
    Ok(standing)
}

/// As many values as one statement has places: the first again where there are fewer.
fn filled<T: Copy + Into<Value>>(of: impl Iterator<Item = T>) -> Vec<Value> {
    let of: Vec<T> = of.collect();
    let again = of.first().copied();
    of.into_iter().chain(again.into_iter().cycle()).take(AT_ONCE).map(Into::into).collect()
}

/// All budgets of the organisation, of more than 1,000 the first.
pub async fn budgets(tx: &mut OrgTx) -> Result<Vec<Limit>> {
    read(tx.list(BUDGETS, vec![]).await?)
}

/// The budgets on some things that refuse calls.
pub async fn blocking(tx: &mut OrgTx, subjects: &[Uuid]) -> Result<Vec<Limit>> {
    let mut limits = vec![];
    for some in subjects.chunks(AT_ONCE) {
        limits.extend(read(tx.all(BLOCKING, filled(some.iter().copied())).await?)?);
    }
    Ok(limits)
}

/// All limits on some things, by the ids of these.
pub async fn of_things(tx: &mut OrgTx, subjects: &[Uuid]) -> Result<Vec<Limit>> {
    let mut limits = vec![];
    for some in subjects.chunks(AT_ONCE) {
        limits.extend(read(tx.list(OF_THINGS, filled(some.iter().copied())).await?)?);
    }
    Ok(limits)
}

pub async fn insert(tx: &mut OrgTx, limit: &Limit, by: &str) -> Result<()> {
    let Limit { id, on, is, emails, since, .. } = limit;
    let values = values![
        *id,
        on.scope.name(),
        on.id,
        is.kind.name(),
        is.measure.name(),
        is.span.name(),
        is.amount,
        is.action.name(),
        is.alert_at,
        serde_json::to_string(emails).unwrap_or_default(),
        *since,
        is.anchor,
        by,
        *since,
    ];
    tx.execute(INSERT, values).await.map(drop)
}

pub async fn update(
    tx: &mut OrgTx,
    id: LimitId,
    is: &Wanted,
    emails: &[String],
    by: &str,
    now: Timestamp,
) -> Result<()> {
    let emails = serde_json::to_string(emails).unwrap_or_default();
    let values = values![id, is.span.name(), is.amount, is.action.name(), is.alert_at, emails, is.anchor, by, now];
    tx.execute(UPDATE, values).await.map(drop)
}

pub async fn reset(tx: &mut OrgTx, id: LimitId, by: &str, now: Timestamp) -> Result<()> {
    tx.execute(RESET, values![id, now, by]).await.map(drop)
}

pub async fn raise(tx: &mut OrgTx, id: LimitId, raised: Option<Raised>, by: &str, now: Timestamp) -> Result<()> {
    let values = values![id, raised.map(|raised| raised.to), raised.map(|raised| raised.until), by, now];
    tx.execute(RAISE, values).await.map(drop)
}

/// What was used of it stays.
pub async fn delete(tx: &mut OrgTx, id: LimitId, by: &str, now: Timestamp) -> Result<()> {
    tx.execute(DELETE, values![id, now, by]).await.map(drop)
}

/// Notes what was used before a period began that belongs to it all the same.
pub async fn carry(tx: &mut OrgTx, id: LimitId, period: Timestamp, used: i64) -> Result<()> {
    tx.execute(COUNT, values![id, period, Uuid::nil(), used]).await.map(drop)
}

/// What a process counts of one period.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub replica: Uuid,
    pub used: i64,
    pub granted: i64,
    pub seen_at: Timestamp,
}

/// Who counts what of a period.
pub async fn shares(tx: &mut OrgTx, id: LimitId, period: Timestamp) -> Result<Vec<Share>> {
    let rows: Vec<(Uuid, i64, i64, i64)> = tx.all(SHARES, values![id, period]).await?;
    let share = |(replica, used, granted, seen)| Share { replica, used, granted, seen_at: Timestamp(seen) };
    Ok(rows.into_iter().map(share).collect())
}

/// Waits until nobody else takes a share of this limit. False: there is no such limit.
pub async fn take_turn(tx: &mut OrgTx, id: LimitId) -> Result<bool> {
    Ok(tx.execute(TAKE_TURN, values![id]).await? > 0)
}

/// Sets what a process may use, all in all.
pub async fn grant(
    tx: &mut OrgTx,
    id: LimitId,
    period: Timestamp,
    replica: Uuid,
    granted: i64,
    now: Timestamp,
) -> Result<()> {
    tx.execute(GRANT, values![id, period, replica, granted, now]).await.map(drop)
}

/// What a call has used of a limit.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    pub limit: LimitId,
    pub period: Timestamp,
    pub amount: i64,
    pub replica: Uuid,
}

/// Adds what calls have used. Notes who is to be told of it, once in each period.
pub async fn count(tx: &mut OrgTx, uses: &[Use], now: Timestamp) -> std::result::Result<(), WriteError> {
    let failed = |_| WriteError::Failed;
    for used in uses {
        tx.write(COUNT, values![used.limit, used.period, used.replica, used.amount]).await?;
    }
    let mut counted: Vec<(LimitId, Timestamp, Uuid)> =
        uses.iter().map(|used| (used.limit, used.period, used.replica)).collect();
    counted.sort_unstable();
    counted.dedup();
    for (id, period, replica) in counted {
        let Some(limit) = by_id(tx, id).await.map_err(failed)? else { continue };
        if limit.is.kind == Kind::Rate {
            // What is over has no more meaning.
            let earlier = limit.period(period.plus(-1)).start;
            tx.write(FORGET_RATES, values![id, earlier, replica, Uuid::nil()]).await?;
            continue;
        }
        let (used, amount) = (used(tx, id, period).await.map_err(failed)?, limit.amount(now));
        for (kind, at) in [("threshold", limit.is.alert_at), ("exhausted", Some(amount))] {
            if at.is_some_and(|at| used >= at) {
                tx.write(ALERT, values![Uuid::now_v7(), id, period, kind, amount, used, now]).await?;
            }
        }
    }
    Ok(())
}

/// What is written as used of all limits there are, for tests.
#[cfg(test)]
pub async fn written(tx: &mut OrgTx) -> Result<i64> {
    const WRITTEN: crate::server::database::TenantSql = crate::server::database::TenantSql::new(
        "SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT) AS used FROM limit_usage WHERE org_id = $1",
    );
    let (used,): (i64,) = tx.one(WRITTEN, vec![]).await?;
    Ok(used)
}

/// What was used in the last periods before one, the newest first.
pub async fn past(tx: &mut OrgTx, id: LimitId, before: Timestamp) -> Result<Vec<(Timestamp, i64)>> {
    let rows: Vec<(i64, i64)> = tx.list(PAST, values![id, before]).await?;
    Ok(rows.into_iter().map(|(period, used)| (Timestamp(period), used)).collect())
}

row! {
    struct AlertRow {
        id: Uuid,
        limit_id: Uuid,
        kind: String,
        amount: i64,
        used: i64,
        at: i64,
    }
}

/// Alerts that wait to be sent, the oldest first.
pub async fn waiting(tx: &mut OrgTx, now: Timestamp, most: i64) -> Result<Vec<Alert>> {
    let rows: Vec<AlertRow> = tx.list(WAITING, values![now, most]).await?;
    let alert = |row: AlertRow| Alert {
        id: row.id,
        limit: LimitId(row.limit_id),
        kind: row.kind,
        amount: row.amount,
        used: row.used,
        at: Timestamp(row.at),
    };
    Ok(rows.into_iter().map(alert).collect())
}

/// Keeps others from sending an alert until a moment. False: somebody else does, or has.
pub async fn hold(tx: &mut OrgTx, id: Uuid, now: Timestamp, until: Timestamp) -> Result<bool> {
    Ok(tx.execute(HOLD, values![id, now, until]).await? > 0)
}

/// Notes that an alert was sent.
pub async fn sent(tx: &mut OrgTx, id: Uuid, now: Timestamp) -> Result<()> {
    tx.execute(SENT, values![id, now]).await.map(drop)
}

/// Deletes what was counted of rates in periods that began before a moment.
pub async fn sweep_rates(tx: &mut OrgTx, before: Timestamp) -> Result<u64> {
    tx.execute(SWEEP_RATES, values![before]).await
}
