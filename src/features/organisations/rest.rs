//! The organisation's own management calls.

use super::operations;
use crate::{
    features::limits::contract::{self, BudgetBody, RateBody, Sent, ShownBudget, ShownBudgets, ShownRate, Told},
    kernel::Result,
    policy::Operation,
    web::api::{Api, Call, Done, Flag, Nothing, input},
};
use serde::Serialize;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::OrganisationGet, "Read the organisation", get).serve(
        Operation::OrganisationRestrict,
        "Say whether calls may bring configs of their own, and what all of them may use",
        restrict,
    )
}

input! {
    /// What shall be different.
    UpdateOrganisationBody {
        /// True: calls may name saved configs and virtual keys, and bring no config, provider or host of their own.
        #[schema(value_type = Option<bool>)]
        saved_only: Option<Flag>,
        /// What all calls of the organisation together may use: at most so many requests or tokens in a time. Null, or an
        /// empty list: no limit. A key that sets it needs API Keys at Delete.
        #[schema(value_type = Option<Vec<RateBody>>)]
        rate_limits: Option<Option<Told>>,
        /// A budget of US dollars, tokens or requests; a list of several. Null: none.
        #[schema(value_type = Option<BudgetBody>)]
        usage_limits: Option<Option<Told>>,
        /// Who is told of budgets; where nobody is named, the Owners are.
        #[schema(max_items = 10)]
        alert_emails: Option<Option<Vec<String>>>,
        /// True: sets what was used of its budgets to nothing.
        #[schema(value_type = Option<bool>)]
        reset_usage: Option<Flag>,
    }
}

/// The organisation of the key.
#[derive(Serialize, ToSchema)]
pub struct OrganisationBody {
    #[schema(example = "organisation")]
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    /// Calls may name saved configs and virtual keys, and bring nothing of their own.
    saved_only: bool,
    /// Whether requests and answers are kept, sealed, where an API key says nothing else.
    keep_texts: bool,
    /// In kept texts a short note stands for each image.
    leave_images_out: bool,
    /// After how many days kept texts are deleted.
    texts_days: i64,
    /// After how many days entries of the log are deleted; null: they stay for ever.
    logs_days: Option<i64>,
    /// `active`; `exhausted`: its budget is used up.
    status: &'static str,
    /// The limits of all its calls together, and what was used of them.
    rate_limits: Vec<ShownRate>,
    #[schema(value_type = Option<ShownBudget>)]
    usage_limits: Option<ShownBudgets>,
    alert_emails: Vec<String>,
}

async fn get(call: Call, _: Nothing) -> Result<OrganisationBody> {
    let (id, own, limits) = operations::get(&call.access).await?;
    let limits = contract::shown(&limits);
    Ok(OrganisationBody {
        status: if limits.is_exhausted { "exhausted" } else { "active" },
        rate_limits: limits.rates,
        usage_limits: limits.budgets,
        alert_emails: limits.emails,
        object: "organisation",
        id: id.to_string(),
        slug: own.slug,
        name: own.name,
        saved_only: own.saved_only,
        keep_texts: own.keep_texts,
        leave_images_out: own.leave_images_out,
        texts_days: own.texts_days,
        logs_days: own.logs_days,
    })
}

async fn restrict(call: Call, change: UpdateOrganisationBody) -> Result<Done> {
    let limits = Sent {
        rates: change.rate_limits,
        budgets: change.usage_limits,
        emails: change.alert_emails,
        reset: change.reset_usage.map(|flag| flag.0),
    };
    operations::restrict(&call.access, change.saved_only.map(|flag| flag.0), None, limits).await.map(|()| Done {})
}
