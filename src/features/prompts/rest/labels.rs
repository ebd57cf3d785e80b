//! The labels' calls: which there are, where they stand at a prompt, and moves that wait for a second person.

use super::{PromptLabelStand, expected, stands};
use crate::{
    features::prompts::{
        model::{Kind, Label, LabelDraft, Move},
        operations::labels::{self, To},
    },
    kernel::{Error, Result},
    policy::Operation,
    web::api::{Api, Call, Done, Flag, List, Nothing, input, renamed},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::LabelsList, "List labels", list)
        .serve(Operation::LabelGet, "Read a label", get)
        .serve(Operation::LabelCreate, "Make a label", create)
        .serve(Operation::LabelUpdate, "Change who moves a label, and how", update)
        .serve(Operation::LabelDelete, "Delete a label that stands nowhere", delete)
        .serve(Operation::PromptLabel, "Move a label to a version of a prompt, or take it away", move_label)
        .serve(Operation::PromptRollOut, "Let some of a label's calls run another version", roll_out)
        .serve(Operation::PromptMoves, "List the moves of a prompt's labels, the latest first", moves)
        .serve(
            Operation::PromptPropose,
            "Propose a version for a label; a second person agrees in the console",
            propose,
        )
        .serve(Operation::PromptWithdraw, "Take a proposal back", withdraw)
}

input! {
    /// A label to be made.
    CreateLabel {
        /// Lower-case letters, digits, hyphens, underscores and dots; no number.
        #[schema(min_length = 1, max_length = 36, pattern = "^[a-z0-9._-]+$")]
        name: String,
        #[schema(max_length = 300)]
        description: Option<String>,
        /// `#rrggbb`.
        color_code: Option<String>,
        /// Who may move it: `publishers` (left out), or `owners` alone.
        #[schema(pattern = "^(publishers|owners)$")]
        movers: Option<String>,
        /// Whether a second person must agree to each move.
        #[schema(value_type = Option<bool>)]
        needs_second: Option<Flag>,
    }
}

input! {
    /// What shall be different. The name of a label never changes.
    UpdateLabel {
        name: Option<String>,
        #[schema(max_length = 300)]
        description: Option<String>,
        color_code: Option<String>,
        #[schema(pattern = "^(publishers|owners)$")]
        movers: Option<String>,
        #[schema(value_type = Option<bool>)]
        needs_second: Option<Flag>,
        /// The version of the label that was read; the change is refused if there is a newer one.
        #[schema(minimum = 0)]
        version: Option<i64>,
    }
}

input! {
    /// Where a label shall stand.
    MoveLabel {
        /// The label, where the address names a version.
        label_id: Option<String>,
        /// The number of the version, where the address names a label; `null`: nowhere.
        #[schema(value_type = Option<i64>, minimum = 1)]
        version: Option<Value>,
        /// Where it stands now, as far as you know; 0: nowhere. The move is refused if it stands elsewhere.
        #[schema(minimum = 0)]
        expected_version: Option<i64>,
    }
}

input! {
    /// How many of the calls that name a label run another version than that at which it stands.
    RollOutVersion {
        /// The number of the other version.
        #[schema(minimum = 1)]
        version: i64,
        /// Calls in a hundred; 0 ends it, as a move of the label does.
        #[schema(minimum = 0, maximum = 99)]
        percent: i64,
        /// The name in `x-portkey-metadata` by whose value a caller's calls stay with one of the two versions.
        #[schema(max_length = 64)]
        sticky_by: Option<String>,
        /// Where the label stands, as far as you know. The change is refused if it stands elsewhere.
        #[schema(minimum = 1)]
        expected_version: Option<i64>,
    }
}

input! {
    /// A version that is proposed for a label.
    ProposeVersion {
        #[schema(minimum = 1)]
        version: i64,
        /// Why.
        #[schema(max_length = 200)]
        message: Option<String>,
    }
}

/// A label.
#[derive(Serialize, ToSchema)]
pub struct LabelView {
    #[schema(example = "label")]
    object: &'static str,
    /// Its name.
    id: String,
    name: String,
    description: String,
    color_code: Option<String>,
    /// Every organisation has it.
    is_universal: bool,
    movers: &'static str,
    needs_second: bool,
    version: i64,
    #[schema(example = "active")]
    status: &'static str,
    organisation_id: String,
    workspace_id: String,
    created_at: String,
    last_updated_at: String,
}

/// Where the labels of a prompt stand after a move.
#[derive(Serialize, ToSchema)]
pub struct MovedLabel {
    id: String,
    slug: String,
    labels: Vec<PromptLabelStand>,
}

/// A move of a label.
#[derive(Serialize, ToSchema)]
pub struct MoveView {
    #[schema(example = "label-move")]
    object: &'static str,
    label: String,
    from_version: Option<i64>,
    to_version: Option<i64>,
    moved_by: String,
    /// Who had proposed it, where a second person agreed.
    proposed_by: Option<String>,
    /// The label stayed where it was, and this version was given to a part of its calls.
    roll_out_version: Option<i64>,
    /// How many in a hundred; 0: it ended.
    roll_out_percent: Option<i64>,
    moved_at: String,
}

fn view(call: &Call, label: Label) -> LabelView {
    LabelView {
        object: "label",
        id: label.name.clone(),
        name: label.name,
        description: label.description,
        color_code: (!label.colour.is_empty()).then_some(label.colour),
        is_universal: label.is_built_in,
        movers: label.movers.name(),
        needs_second: label.needs_second,
        version: label.version,
        status: "active",
        organisation_id: call.organisation_id(),
        workspace_id: call.organisation_id(),
        created_at: label.created_at.rfc3339(),
        last_updated_at: label.updated_at.rfc3339(),
    }
}

async fn list(call: Call, _: Nothing) -> Result<List<LabelView>> {
    let labels = labels::list(&call.access).await?;
    let total = i64::try_from(labels.len()).unwrap_or(i64::MAX);
    Ok(List::new(total, labels).map(|label| view(&call, label)))
}

async fn get(call: Call, _: Nothing) -> Result<LabelView> {
    let label = labels::get(&call.access, call.part("label")).await?;
    Ok(view(&call, label))
}

async fn create(call: Call, new: CreateLabel) -> Result<LabelView> {
    let draft = LabelDraft {
        name: new.name,
        description: new.description.unwrap_or_default(),
        colour: new.color_code.unwrap_or_default(),
        movers: new.movers.unwrap_or_default(),
        needs_second: new.needs_second.is_some_and(|flag| flag.0),
    };
    let label = labels::create(&call.access, draft).await?;
    Ok(view(&call, label))
}

async fn update(call: Call, change: UpdateLabel) -> Result<LabelView> {
    let name = call.part("label");
    if change.name.as_deref().is_some_and(|sent| sent != name) {
        return Err(Error::field("name", "The name of a label never changes: programs ask for it."));
    }
    let edit = |was: &Label| LabelDraft {
        name: was.name.clone(),
        description: change.description.unwrap_or_else(|| was.description.clone()),
        colour: change.color_code.unwrap_or_else(|| was.colour.clone()),
        movers: change.movers.unwrap_or_else(|| was.movers.name().to_owned()),
        needs_second: change.needs_second.map_or(was.needs_second, |flag| flag.0),
    };
    let label = labels::update(&call.access, name, change.version, edit).await?;
    Ok(view(&call, label))
}

async fn delete(call: Call, _: Nothing) -> Result<Done> {
    labels::delete(&call.access, call.part("label")).await.map(|()| Done {})
}

async fn move_label(call: Call, asked: MoveLabel) -> Result<MovedLabel> {
    let expected = expected(asked.expected_version)?;
    let (by_label, by_version) = (call.part("label"), call.part("version"));
    let number = match (&asked.version, by_label) {
        (_, "") => by_version.to_owned(),
        (Some(Value::Null), _) => String::new(),
        (Some(Value::Number(number)), _) => number.to_string(),
        (Some(Value::String(id)), _) => id.clone(),
        _ => return Err(Error::field("version", "This is the number of a version, or null.")),
    };
    let label = match (by_label, &asked.label_id) {
        ("", Some(label)) => label.as_str(),
        ("", None) => return Err(Error::field("label_id", "Name the label that shall stand at this version.")),
        (label, _) => label,
    };
    let to = if number.is_empty() { To::Nowhere } else { To::Version(&number) };
    let what = (Kind::Prompt, call.part("slug"));
    let moved = labels::move_label(&call.access, Operation::PromptLabel, what, label, to, expected).await;
    let names: &[(&str, &str)] = if by_label.is_empty() { &[("label", "label_id")] } else { &[] };
    let prompt = moved.map_err(|error| renamed(error, names))?;
    Ok(MovedLabel { id: prompt.id.to_string(), slug: prompt.slug, labels: stands(&prompt.labels) })
}

async fn roll_out(call: Call, asked: RollOutVersion) -> Result<MovedLabel> {
    let version = asked.version.to_string();
    let trial = (version.as_str(), asked.percent, asked.sticky_by.as_deref().unwrap_or_default());
    let expected = expected(asked.expected_version)?;
    let prompt = labels::roll_out(&call.access, call.part("slug"), call.part("label"), trial, expected).await?;
    Ok(MovedLabel { id: prompt.id.to_string(), slug: prompt.slug, labels: stands(&prompt.labels) })
}

async fn moves(call: Call, _: Nothing) -> Result<List<MoveView>> {
    let moves = labels::moves(&call.access, call.part("slug")).await?;
    let view = |told: Move| MoveView {
        object: "label-move",
        label: told.label,
        from_version: told.from,
        to_version: told.to,
        moved_by: told.moved_by,
        proposed_by: told.proposed_by,
        roll_out_version: told.trial.map(|(number, _)| number),
        roll_out_percent: told.trial.map(|(_, percent)| percent),
        moved_at: told.moved_at.rfc3339(),
    };
    Ok(List::new(i64::try_from(moves.len()).unwrap_or(i64::MAX), moves).map(view))
}

async fn propose(call: Call, asked: ProposeVersion) -> Result<Done> {
    let (what, label) = ((Kind::Prompt, call.part("slug")), call.part("label"));
    let (version, message) = (asked.version.to_string(), asked.message.unwrap_or_default());
    labels::propose(&call.access, what, label, &version, &message).await.map(|()| Done {})
}

async fn withdraw(call: Call, _: Nothing) -> Result<Done> {
    let what = (Kind::Prompt, call.part("slug"));
    labels::withdraw(&call.access, what, call.part("label")).await.map(|()| Done {})
}
