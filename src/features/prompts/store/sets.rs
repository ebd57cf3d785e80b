//! The SQL of values that prompts are tried with.

use crate::{
    features::prompts::model::sets::ValueSet,
    kernel::{PromptId, Result, Timestamp, UserId, ValuesId},
    server::database::{OrgTx, row, statements, values},
};
use uuid::Uuid;

statements! {
    SETS: TenantSql = "SELECT id, owner, name, body, created_by, created_at FROM prompt_values WHERE org_id = $1 AND prompt_id = $2 AND owner IN ($3, $4) ORDER BY name, id LIMIT 100";
    SET: TenantSql = "SELECT id, owner, name, body, created_by, created_at FROM prompt_values WHERE org_id = $1 AND prompt_id = $2 AND id = $3 AND owner IN ($4, $5)";
    KEEP: TenantSql = "INSERT INTO prompt_values (org_id, prompt_id, id, owner, name, body, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (org_id, prompt_id, owner, name) DO UPDATE SET body = excluded.body, created_by = excluded.created_by, created_at = excluded.created_at";
    DROP: TenantSql = "DELETE FROM prompt_values WHERE org_id = $1 AND prompt_id = $2 AND id = $3";
    FORGET_OF: TenantSql = "DELETE FROM prompt_values WHERE org_id = $1 AND owner = $2";
    FORGET: TenantSql = "DELETE FROM prompt_values WHERE org_id = $1 AND prompt_id = $2";
}

/// Whose values are that are everybody's.
const EVERYBODY: Uuid = Uuid::nil();

row! {
    struct SetRow {
        id: Uuid,
        owner: Uuid,
        name: String,
        body: String,
        created_by: String,
        created_at: i64,
    }
}

impl From<SetRow> for ValueSet {
    fn from(row: SetRow) -> Self {
        Self {
            id: ValuesId(row.id),
            name: row.name,
            values: row.body,
            is_shared: row.owner == EVERYBODY,
            created_by: row.created_by,
            created_at: Timestamp(row.created_at),
        }
    }
}

/// The values that this person sees: their own and everybody's, by name.
pub async fn of(tx: &mut OrgTx, prompt: PromptId, user: UserId) -> Result<Vec<ValueSet>> {
    let rows: Vec<SetRow> = tx.all(SETS, values![prompt, user, EVERYBODY]).await?;
    Ok(rows.into_iter().map(ValueSet::from).collect())
}

/// One of them.
pub async fn find(tx: &mut OrgTx, prompt: PromptId, id: ValuesId, user: UserId) -> Result<Option<ValueSet>> {
    let row: Option<SetRow> = tx.optional(SET, values![prompt, id, user, EVERYBODY]).await?;
    Ok(row.map(ValueSet::from))
}

/// Keeps values, in the place of those of the same person that have this name.
pub async fn keep(tx: &mut OrgTx, prompt: PromptId, user: UserId, set: &ValueSet) -> Result<()> {
    let owner = if set.is_shared { UserId(EVERYBODY) } else { user };
    let (name, body, by) = (set.name.as_str(), set.values.as_str(), set.created_by.as_str());
    let row = values![prompt, set.id, owner, name, body, by, set.created_at];
    tx.execute(KEEP, row).await.map(|_| ())
}

pub async fn drop_one(tx: &mut OrgTx, prompt: PromptId, id: ValuesId) -> Result<()> {
    tx.execute(DROP, values![prompt, id]).await.map(|_| ())
}

/// Forgets what a person keeps for themselves, of every prompt.
pub async fn forget_of(tx: &mut OrgTx, user: UserId) -> Result<()> {
    tx.execute(FORGET_OF, values![user]).await.map(|_| ())
}

/// Forgets the values of a prompt that goes, whosever they are.
pub async fn forget(tx: &mut OrgTx, prompt: PromptId) -> Result<()> {
    tx.execute(FORGET, values![prompt]).await.map(|_| ())
}
