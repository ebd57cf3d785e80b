//! The calls of feedback for programs, in the words of the contract.

use super::{
    model::{Draft, Given, WHOLE},
    operations,
};
use crate::{
    kernel::{Result, Timestamp},
    policy::Operation,
    web::api::{Api, Call, FieldSource, Input, input},
};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

pub fn register(api: Api) -> Api {
    api.serve(Operation::FeedbackGive, "Give feedback on a trace; a list of such objects gives several at once", give)
        .serve(Operation::FeedbackChange, "Change an entry of feedback that this key gave", change)
}

input! {
    /// Feedback on a trace. A list of these, up to 100, gives several at once.
    NewFeedback {
        /// The `x-portkey-trace-id` of the calls, or the id of one.
        #[schema(min_length = 1, max_length = 128, pattern = "^[!-~]{1,128}$")]
        trace_id | "traceID" | "traceId": String,
        #[schema(minimum = -10, maximum = 10)]
        value: i64,
        /// 1 where nothing is said.
        #[schema(minimum = 0, maximum = 1)]
        weight: Option<f64>,
        /// At most 4096 bytes.
        #[schema(value_type = Option<Object>)]
        metadata: Option<Value>,
    }
}

input! {
    /// What an entry of feedback becomes. What is left out stays as it is.
    FeedbackChange {
        #[schema(minimum = -10, maximum = 10)]
        value: i64,
        #[schema(minimum = 0, maximum = 1)]
        weight: Option<f64>,
        #[schema(value_type = Option<Object>)]
        metadata: Option<Value>,
    }
}

/// One entry, or a list of them.
struct FeedbackBody {
    entries: Vec<NewFeedback>,
    is_list: bool,
}

impl Input for FeedbackBody {
    const UNSUPPORTED: &'static [&'static str] = &[];
    const TAKES_LISTS: bool = true;

    fn take(source: &mut FieldSource) -> Option<Self> {
        match source.items() {
            Some(entries) => Some(Self { entries: entries?, is_list: true }),
            None => Some(Self { entries: vec![NewFeedback::take(source)?], is_list: false }),
        }
    }
}

impl PartialSchema for FeedbackBody {
    fn schema() -> RefOr<Schema> {
        NewFeedback::schema()
    }
}

impl ToSchema for FeedbackBody {
    fn name() -> Cow<'static, str> {
        NewFeedback::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        NewFeedback::schemas(schemas);
    }
}

/// What became of feedback.
#[derive(Serialize, ToSchema)]
pub struct FeedbackAnswer {
    #[schema(example = "success")]
    status: &'static str,
    message: &'static str,
    /// In the order in which it was given.
    feedback_ids: Vec<String>,
}

/// An entry of feedback, as the call that it is about shows it.
#[derive(Serialize, ToSchema)]
pub struct FeedbackEntry {
    id: String,
    value: i64,
    weight: f64,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// The key or person that gave it, as they were named then.
    created_by: String,
    created_at: String,
    /// Who changed it last, if anybody did.
    updated_by: Option<String>,
    updated_at: Option<String>,
}

impl From<Given> for FeedbackEntry {
    fn from(given: Given) -> Self {
        let (updated_by, updated_at) = given.changed.unzip();
        Self {
            id: given.id.to_string(),
            value: given.value,
            weight: given.weight as f64 / WHOLE as f64,
            metadata: serde_json::from_str(&given.metadata).ok(),
            created_by: given.by,
            created_at: given.at.rfc3339(),
            updated_by,
            updated_at: updated_at.map(Timestamp::rfc3339),
        }
    }
}

async fn give(call: Call, body: FeedbackBody) -> Result<FeedbackAnswer> {
    let draft = |entry: NewFeedback| {
        let NewFeedback { trace_id, value, weight, metadata } = entry;
        Draft { trace_id, value, weight, metadata }
    };
    let drafts: Vec<Draft> = body.entries.into_iter().map(draft).collect();
    let ids = operations::give(&call.access, &drafts, body.is_list).await?;
    let feedback_ids = ids.into_iter().map(|id| id.to_string()).collect();
    Ok(FeedbackAnswer { status: "success", message: "Feedback successfully saved", feedback_ids })
}

async fn change(call: Call, change: FeedbackChange) -> Result<FeedbackAnswer> {
    let FeedbackChange { value, weight, metadata } = change;
    let draft = Draft { trace_id: String::new(), value, weight, metadata };
    let id = operations::change(&call.access, call.part("id"), &draft).await?;
    Ok(FeedbackAnswer {
        status: "success",
        message: "Feedback successfully updated",
        feedback_ids: vec![id.to_string()],
    })
}
