//! The organisation's own management calls.

use super::operations::{self, KeyPolicyEdit};
use crate::{
    features::limits::contract::{
        self, BudgetBody, Changed, RateBody, Sent, ShownBudget, ShownBudgets, ShownRate, Told,
    },
    kernel::Result,
    policy::Operation,
    web::api::{Api, Call, Done, Flag, Nothing, input, renamed},
};
use serde::Serialize;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::OrganisationGet, "Read the organisation", get)
        .serve(
            Operation::OrganisationRestrict,
            "Say whether calls may bring configs of their own, and what all of them may use",
            restrict,
        )
        .serve(
            Operation::OrganisationKeyPolicy,
            "Say what is asked of all API keys; what is left out stays",
            key_policy,
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
        #[schema(value_type = Option<Vec<RateBody>>, inline)]
        rate_limits: Option<Option<Told>>,
        /// A budget of US dollars, tokens or requests; a list of several. Null: none.
        #[schema(value_type = Option<BudgetBody>, inline)]
        usage_limits: Option<Option<Told>>,
        /// Who is told of budgets; where nobody is named, the Owners are.
        #[schema(max_items = 10)]
        alert_emails: Option<Option<Vec<String>>>,
        /// True: sets what was used of its budgets to nothing.
        #[schema(value_type = Option<bool>)]
        reset_usage: Option<Flag>,
    }
}

input! {
    /// What shall be different.
    UpdateKeyPolicy {
        /// For how many days a secret works at most, from its making; null: as long as its key. The master key is exempt.
        #[schema(value_type = Option<i64>, minimum = 1, maximum = 3650)]
        longest_days: Option<Option<i64>>,
        /// True: every key has an end. The master key is exempt.
        #[schema(value_type = Option<bool>)]
        must_expire: Option<Flag>,
        /// True: every key has a budget of its own beyond which its calls are refused. The master key is exempt.
        #[schema(value_type = Option<bool>)]
        must_have_budget: Option<Flag>,
        /// Ranges of addresses from which keys work, such as `10.0.0.0/8`, or addresses; null or empty: any.
        #[schema(value_type = Option<Vec<String>>, max_items = 50)]
        allowed_ips: Option<Option<Vec<String>>>,
        /// How many keys that work now will be blocked by it. Needed where that is more than none, and just that number.
        #[schema(minimum = 0)]
        blocks: Option<i64>,
    }
}

/// What is asked of all API keys. One that breaks it is blocked until it keeps it.
#[derive(Serialize, ToSchema)]
pub struct KeyPolicyBody {
    /// For how many days a secret works at most, from its making; null: as long as its key.
    longest_days: Option<i64>,
    /// Every key has an end.
    must_expire: bool,
    /// Every key has a budget of its own beyond which its calls are refused.
    must_have_budget: bool,
    /// Ranges of addresses from which keys work; empty: any.
    allowed_ips: Vec<String>,
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
    /// What is asked of all API keys.
    key_policy: KeyPolicyBody,
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
    let rules = own.rules();
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
        key_policy: KeyPolicyBody {
            longest_days: rules.longest_days,
            must_expire: rules.must_expire,
            must_have_budget: rules.must_have_budget,
            allowed_ips: rules.allowed_ips.iter().map(ToString::to_string).collect(),
        },
        keep_texts: own.keep_texts,
        leave_images_out: own.leave_images_out,
        texts_days: own.texts_days,
        logs_days: own.logs_days,
    })
}

async fn restrict(call: Call, change: UpdateOrganisationBody) -> Result<Changed> {
    let limits = Sent {
        rates: change.rate_limits,
        budgets: change.usage_limits,
        emails: change.alert_emails,
        reset: change.reset_usage.map(|flag| flag.0),
    };
    operations::restrict(&call.access, change.saved_only.map(|flag| flag.0), None, limits).await.map(Changed::with)
}

async fn key_policy(call: Call, change: UpdateKeyPolicy) -> Result<Done> {
    let asked = || {
        Ok(KeyPolicyEdit {
            longest_days: change.longest_days.map(|days| days.map(|days| days.to_string()).unwrap_or_default()),
            must_expire: change.must_expire.map(|flag| flag.0),
            must_have_budget: change.must_have_budget.map(|flag| flag.0),
            allowed_ips: change.allowed_ips.map(Option::unwrap_or_default),
            blocks: change.blocks,
            was: None,
        })
    };
    let set = operations::set_key_policy(&call.access, asked).await;
    set.map_err(|error| renamed(error, &[("confirm", "blocks")])).map(|()| Done {})
}
