//! The SQL of labels: where they stand, how they came there, and moves that wait for a second person.

use crate::{
    features::prompts::model::{BUILT_IN, Label, MOST_MOVES, Move, Movers, PRODUCTION, Pointer, Proposal, Trial},
    kernel::{PromptId, Result, Timestamp, UserId},
    server::database::{OrgTx, TenantSql, Value, row, statements, values},
};
use std::collections::BTreeMap;
use uuid::Uuid;

statements! {
    LABELS: TenantSql = "SELECT name, description, colour, movers, needs_second, version, created_at, updated_at FROM prompt_labels WHERE org_id = $1 ORDER BY name LIMIT 1000";
    LABEL: TenantSql = "SELECT name, description, colour, movers, needs_second, version, created_at, updated_at FROM prompt_labels WHERE org_id = $1 AND name = $2";
    INSERT: TenantSql = "INSERT INTO prompt_labels (org_id, name, description, colour, movers, needs_second, version, created_by, created_at, updated_by, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $7, $8) ON CONFLICT (org_id, name) DO NOTHING";
    UPDATE: TenantSql = "UPDATE prompt_labels SET description = $3, colour = $4, movers = $5, needs_second = $6, updated_by = $7, updated_at = $8, version = version + 1 WHERE org_id = $1 AND name = $2 AND version = $9";
    DELETE: TenantSql = "DELETE FROM prompt_labels WHERE org_id = $1 AND name = $2";
    STANDING: TenantSql = "SELECT p.slug, p.name FROM prompt_pointers l JOIN prompts p ON p.org_id = l.org_id AND p.id = l.prompt_id WHERE l.org_id = $1 AND l.label = $2 ORDER BY p.name, p.slug LIMIT 20";
    POINTERS: TenantSql = "SELECT label, number, moved_by, moved_at, trial_number, trial_percent, trial_by FROM prompt_pointers WHERE org_id = $1 AND prompt_id = $2 ORDER BY label";
    POINTERS_OF: TenantSql = "SELECT prompt_id, label, number FROM prompt_pointers WHERE org_id = $1 AND prompt_id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ORDER BY label";
    PROPOSED_OF: TenantSql = "SELECT prompt_id, label, number FROM prompt_proposals WHERE org_id = $1 AND prompt_id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ORDER BY proposed_at DESC";
    POINT: TenantSql = "INSERT INTO prompt_pointers (org_id, prompt_id, label, number, moved_by, moved_at, trial_percent, trial_by) VALUES ($1, $2, $3, $4, $5, $6, 0, '') ON CONFLICT (org_id, prompt_id, label) DO UPDATE SET number = excluded.number, moved_by = excluded.moved_by, moved_at = excluded.moved_at, trial_number = NULL, trial_percent = 0, trial_by = ''";
    TRY: TenantSql = "UPDATE prompt_pointers SET trial_number = $4, trial_percent = $5, trial_by = $6 WHERE org_id = $1 AND prompt_id = $2 AND label = $3";
    TAKE_AWAY: TenantSql = "DELETE FROM prompt_pointers WHERE org_id = $1 AND prompt_id = $2 AND label = $3";
    NOTE_MOVE: TenantSql = "INSERT INTO prompt_moves (org_id, prompt_id, id, label, from_number, to_number, moved_by, proposed_by, moved_at, trial_number, trial_percent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    MOVES: TenantSql = "SELECT label, from_number, to_number, moved_by, proposed_by, moved_at, trial_number, trial_percent FROM prompt_moves WHERE org_id = $1 AND prompt_id = $2 ORDER BY moved_at DESC, id DESC LIMIT $3";
    PROPOSALS: TenantSql = "SELECT label, number, from_number, message, proposer, proposed_by, proposed_at FROM prompt_proposals WHERE org_id = $1 AND prompt_id = $2 ORDER BY label";
    PROPOSE: TenantSql = "INSERT INTO prompt_proposals (org_id, prompt_id, label, id, number, from_number, message, proposer, proposed_by, proposed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (org_id, prompt_id, label) DO NOTHING";
    WITHDRAW: TenantSql = "DELETE FROM prompt_proposals WHERE org_id = $1 AND prompt_id = $2 AND label = $3";
    FORGET_POINTERS: TenantSql = "DELETE FROM prompt_pointers WHERE org_id = $1 AND prompt_id = $2";
    FORGET_MOVES: TenantSql = "DELETE FROM prompt_moves WHERE org_id = $1 AND prompt_id = $2";
    FORGET_PROPOSALS: TenantSql = "DELETE FROM prompt_proposals WHERE org_id = $1 AND prompt_id = $2";
}

row! {
    struct LabelRow {
        name: String,
        description: String,
        colour: String,
        movers: String,
        needs_second: bool,
        version: i64,
        created_at: i64,
        updated_at: i64,
    }
}

fn label(row: LabelRow) -> Label {
    Label {
        is_built_in: BUILT_IN.iter().any(|(name, _)| *name == row.name),
        name: row.name,
        description: row.description,
        colour: row.colour,
        // A word that is not known allows the fewest.
        movers: Movers::parse(&row.movers).unwrap_or(Movers::Owners),
        needs_second: row.needs_second,
        version: row.version,
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    }
}

/// A label as every organisation has it.
fn built_in((name, sentence): (&str, &str)) -> Label {
    Label {
        name: name.to_owned(),
        description: sentence.to_owned(),
        colour: String::new(),
        movers: Movers::Publishers,
        needs_second: false,
        is_built_in: true,
        version: 0,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

/// Every label of the organisation: the three that each has first, then its own by name.
pub async fn all(tx: &mut OrgTx) -> Result<Vec<Label>> {
    let rows: Vec<LabelRow> = tx.all(LABELS, vec![]).await?;
    let (mut changed, own): (Vec<_>, Vec<_>) = rows.into_iter().map(label).partition(|label| label.is_built_in);
    let mut all: Vec<Label> = BUILT_IN
        .into_iter()
        .map(|told| match changed.iter().position(|label| label.name == told.0) {
            Some(at) => changed.swap_remove(at),
            None => built_in(told),
        })
        .collect();
    all.extend(own);
    Ok(all)
}

pub async fn find(tx: &mut OrgTx, name: &str) -> Result<Option<Label>> {
    let row: Option<LabelRow> = tx.optional(LABEL, values![name]).await?;
    Ok(row.map(label).or_else(|| BUILT_IN.into_iter().find(|(known, _)| *known == name).map(built_in)))
}

/// What a change makes of a label.
pub struct Facts<'a> {
    pub description: &'a str,
    pub colour: &'a str,
    pub movers: Movers,
    pub needs_second: bool,
    pub by: &'a str,
}

/// Makes a label, or the row of one that every organisation has. False: there is one.
pub async fn insert(tx: &mut OrgTx, name: &str, facts: &Facts<'_>, now: Timestamp) -> Result<bool> {
    let row = values![name, facts.description, facts.colour, facts.movers.name(), facts.needs_second, facts.by, now];
    Ok(tx.execute(INSERT, row).await? == 1)
}

/// Changes a label, if nobody else has since `version`. False: somebody has.
pub async fn update(tx: &mut OrgTx, name: &str, version: i64, facts: &Facts<'_>, now: Timestamp) -> Result<bool> {
    let Facts { description, colour, movers, needs_second, by } = facts;
    let row = values![name, *description, *colour, movers.name(), *needs_second, *by, now, version];
    Ok(tx.execute(UPDATE, row).await? == 1)
}

pub async fn delete(tx: &mut OrgTx, name: &str) -> Result<()> {
    tx.execute(DELETE, values![name]).await.map(|_| ())
}

/// The prompts at which a label stands: slug and name of each, by name; 20 at most.
pub async fn standing(tx: &mut OrgTx, name: &str) -> Result<Vec<(String, String)>> {
    tx.all(STANDING, values![name]).await
}

row! {
    struct PointerRow {
        label: String,
        number: i64,
        moved_by: String,
        moved_at: i64,
        trial_number: Option<i64>,
        trial_percent: i64,
        trial_by: String,
    }
}

/// Where the labels of a prompt stand: production first, then by name.
pub async fn of(tx: &mut OrgTx, prompt: PromptId) -> Result<Vec<Pointer>> {
    let rows: Vec<PointerRow> = tx.all(POINTERS, values![prompt]).await?;
    let mut pointers: Vec<_> = rows
        .into_iter()
        .map(|row| Pointer {
            label: row.label,
            number: row.number,
            moved_by: row.moved_by,
            moved_at: Timestamp(row.moved_at),
            trial: row.trial_number.map(|number| Trial { number, percent: row.trial_percent, sticky_by: row.trial_by }),
        })
        .collect();
    pointers.sort_by_key(|pointer| pointer.label != PRODUCTION);
    Ok(pointers)
}

/// Labels, or proposals, by prompt: the name of the label and a version.
pub type ByPrompt = BTreeMap<PromptId, Vec<(String, i64)>>;

/// Where labels stand at the prompts of one page: production first, then by name.
pub async fn of_page(tx: &mut OrgTx, prompts: &[PromptId]) -> Result<ByPrompt> {
    let mut all = by_prompt(tx, POINTERS_OF, prompts).await?;
    for labels in all.values_mut() {
        labels.sort_by_key(|(label, _)| label != PRODUCTION);
    }
    Ok(all)
}

/// What is proposed for the prompts of one page, the latest first.
pub async fn proposed_of_page(tx: &mut OrgTx, prompts: &[PromptId]) -> Result<ByPrompt> {
    by_prompt(tx, PROPOSED_OF, prompts).await
}

/// Asks about ten at a time; the last group asks about its last one more often.
async fn by_prompt(tx: &mut OrgTx, statement: TenantSql, prompts: &[PromptId]) -> Result<ByPrompt> {
    let mut all = ByPrompt::new();
    for group in prompts.chunks(10) {
        let ids = (0..10).filter_map(|at| group.get(at).or(group.last())).map(|id| Value::from(*id));
        let rows: Vec<(Uuid, String, i64)> = tx.list(statement, ids.collect()).await?;
        for (prompt, label, number) in rows {
            all.entry(PromptId(prompt)).or_default().push((label, number));
        }
    }
    Ok(all)
}

/// A move that is made.
pub struct NewMove<'a> {
    pub label: &'a str,
    pub from: Option<i64>,
    /// None: the label is taken away.
    pub to: Option<i64>,
    pub by: &'a str,
    pub proposed_by: Option<&'a str>,
}

/// Lets some of a label's calls run another version, or none any more, and notes it in the history.
pub async fn try_version(
    tx: &mut OrgTx,
    prompt: PromptId,
    pointer: &Pointer,
    trial: Option<&Trial>,
    (who, now): (&str, Timestamp),
) -> Result<()> {
    let (percent, by) = trial.map_or((0, ""), |trial| (trial.percent, trial.sticky_by.as_str()));
    let row = values![prompt, pointer.label.as_str(), trial.map(|trial| trial.number), percent, by];
    tx.execute(TRY, row).await?;
    let tried = trial.or(pointer.trial.as_ref()).map(|trial| trial.number);
    let (here, nobody) = (Some(pointer.number), None::<&str>);
    let row =
        values![prompt, Uuid::now_v7(), pointer.label.as_str(), here, here, who, nobody, now, tried, Some(percent)];
    tx.execute(NOTE_MOVE, row).await.map(|_| ())
}

/// Moves a label, notes it in the history, and voids what was proposed for it.
pub async fn move_to(tx: &mut OrgTx, prompt: PromptId, new: &NewMove<'_>, now: Timestamp) -> Result<()> {
    match new.to {
        Some(number) => tx.execute(POINT, values![prompt, new.label, number, new.by, now]).await?,
        None => tx.execute(TAKE_AWAY, values![prompt, new.label]).await?,
    };
    withdraw(tx, prompt, new.label).await?;
    let (tried, percent) = (None::<i64>, None::<i64>);
    let row =
        values![prompt, Uuid::now_v7(), new.label, new.from, new.to, new.by, new.proposed_by, now, tried, percent];
    tx.execute(NOTE_MOVE, row).await.map(|_| ())
}

row! {
    struct MoveRow {
        label: String,
        from_number: Option<i64>,
        to_number: Option<i64>,
        moved_by: String,
        proposed_by: Option<String>,
        moved_at: i64,
        trial_number: Option<i64>,
        trial_percent: Option<i64>,
    }
}

/// The last moves of a prompt's labels, the latest first.
pub async fn moves(tx: &mut OrgTx, prompt: PromptId) -> Result<Vec<Move>> {
    let rows: Vec<MoveRow> = tx.list(MOVES, values![prompt, MOST_MOVES]).await?;
    let read = |row: MoveRow| Move {
        label: row.label,
        from: row.from_number,
        to: row.to_number,
        moved_by: row.moved_by,
        proposed_by: row.proposed_by,
        moved_at: Timestamp(row.moved_at),
        trial: row.trial_number.zip(row.trial_percent),
    };
    Ok(rows.into_iter().map(read).collect())
}

row! {
    struct ProposalRow {
        label: String,
        number: i64,
        from_number: Option<i64>,
        message: String,
        proposer: Option<Uuid>,
        proposed_by: String,
        proposed_at: i64,
    }
}

/// The proposals for a prompt's labels, by label, each with the person who made it or whose key did.
pub async fn proposals(tx: &mut OrgTx, prompt: PromptId) -> Result<Vec<(Option<UserId>, Proposal)>> {
    let rows: Vec<ProposalRow> = tx.all(PROPOSALS, values![prompt]).await?;
    let read = |row: ProposalRow| {
        let proposal = Proposal {
            label: row.label,
            number: row.number,
            from: row.from_number,
            message: row.message,
            proposed_by: row.proposed_by,
            proposed_at: Timestamp(row.proposed_at),
            may_agree: false,
        };
        (row.proposer.map(UserId), proposal)
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Keeps a proposal. False: there is one for this label.
pub async fn propose(tx: &mut OrgTx, prompt: PromptId, proposer: Option<UserId>, new: &Proposal) -> Result<bool> {
    let row = values![
        prompt,
        new.label.as_str(),
        Uuid::now_v7(),
        new.number,
        new.from,
        new.message.as_str(),
        proposer,
        new.proposed_by.as_str(),
        new.proposed_at
    ];
    Ok(tx.execute(PROPOSE, row).await? == 1)
}

pub async fn withdraw(tx: &mut OrgTx, prompt: PromptId, label: &str) -> Result<()> {
    tx.execute(WITHDRAW, values![prompt, label]).await.map(|_| ())
}

/// Forgets all labels of a prompt that goes, with their history.
pub async fn forget(tx: &mut OrgTx, prompt: PromptId) -> Result<()> {
    for statement in [FORGET_POINTERS, FORGET_PROPOSALS, FORGET_MOVES] {
        tx.execute(statement, values![prompt]).await?;
    }
    Ok(())
}
