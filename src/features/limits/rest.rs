//! The limits' management calls. What a key, a virtual key or the organisation may use is set with these themselves.

use super::{
    console,
    contract::{self, BudgetBody, Changed, LimitWarning, RateBody, ShownBudget, ShownBudgets, ShownRate, Told},
    model::{Correction, Kind, Limit, Measure, Named, On, Scope},
    operations,
};
use crate::{
    features::api_keys,
    kernel::{Error, Fields, Result, Timestamp},
    policy::{Operation, Principal},
    web::api::{Api, Call, Done, List, Nothing, input, renamed},
};
use serde::Serialize;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::LimitsList, "List the limits of the organisation and of what belongs to it", list)
        .serve(Operation::LimitHistory, "Read how a limit was corrected, and what for", history)
        .serve(Operation::LimitSet, "Set a limit on a thing, or change one; what was used stays", set)
        .serve(Operation::LimitReset, "Set what was used of a limit to nothing", reset)
        .serve(Operation::LimitRaise, "Let more be used of a limit until a moment; null takes it back", raise)
        .serve(Operation::LimitDelete, "Delete a limit", delete)
        .serve(Operation::WhoAmI, "Read what the key that asks is, may do and may still use", who_am_i)
}

input! {
    /// What a limit shall be: either a rate or a budget.
    SetLimit {
        /// Of a new one, what it is on: `organisation`, `person`, `api_key` or `virtual_key`.
        #[schema(pattern = "^(organisation|person|api_key|virtual_key)$")]
        scope: Option<String>,
        /// Of a new one, the id of that thing; left out for the organisation.
        #[schema(format = Uuid)]
        subject_id: Option<String>,
        #[schema(value_type = Option<RateBody>, inline)]
        rate_limit: Option<Told>,
        #[schema(value_type = Option<BudgetBody>, inline)]
        usage_limit: Option<Told>,
    }
}

input! {
    /// Why it is done, for the history of the limit and the audit log.
    ResetLimit {
        #[schema(max_length = 200)]
        reason: Option<String>,
    }
}

input! {
    /// A higher limit for a while.
    RaiseLimit {
        /// Dollars, tokens or requests, as a text; null: what was raised is taken back.
        #[schema(example = "250")]
        raised_to: Option<String>,
        /// RFC 3339.
        #[schema(format = DateTime)]
        raised_until: Option<String>,
        #[schema(max_length = 200)]
        reason: Option<String>,
    }
}

/// A limit, and what was used of it.
#[derive(Serialize, ToSchema)]
pub struct LimitBody {
    #[schema(example = "limit")]
    object: &'static str,
    id: String,
    /// `organisation`, `person`, `api_key` or `virtual_key`.
    scope: &'static str,
    subject_id: String,
    subject_name: String,
    /// `rate` or `budget`.
    kind: &'static str,
    /// What it is, where it is a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<ShownRate>,
    /// What it is, where it is a budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ShownBudget>)]
    usage_limit: Option<ShownBudgets>,
    /// When what was used was last set to nothing.
    last_reset_at: Option<String>,
    organisation_id: String,
}

/// The key that asks.
#[derive(Serialize, ToSchema)]
pub struct Who {
    #[schema(example = "api-key")]
    object: &'static str,
    id: String,
    name: String,
    organisation_id: String,
    /// The permissions that work now.
    scopes: Vec<&'static str>,
    expires_at: Option<String>,
    /// Every limit that holds for its calls: its own, those of the person it answers for, and those of the organisation.
    limits: Vec<Holding>,
}

/// A limit that holds for a key.
#[derive(Serialize, ToSchema)]
pub struct Holding {
    /// `organisation`, `person` or `api_key`.
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<ShownRate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ShownBudget>)]
    usage_limit: Option<ShownBudgets>,
}

async fn list(call: Call, _: Nothing) -> Result<List<LimitBody>> {
    let limits = console::list(&call.access).await?;
    let total = i64::try_from(limits.len()).unwrap_or(i64::MAX);
    let organisation = call.organisation_id();
    Ok(List::new(total, limits).map(|named| body(named, organisation.clone())))
}

/// A correction of a limit.
#[derive(Serialize, ToSchema)]
pub struct CorrectionBody {
    #[schema(example = "limit-correction")]
    object: &'static str,
    /// `reset`: what was used was set to nothing. `raise`: the limit was raised. `end_of_raise`: a raise was taken back before
    /// its end.
    #[schema(example = "reset")]
    kind: &'static str,
    at: String,
    /// When the period began that was under way; null: it has no beginning.
    period_start: Option<String>,
    /// Who made it, as they were named then.
    by: String,
    /// US dollars, tokens or requests: of a reset what was used, else what the limit was.
    before: f64,
    after: f64,
    /// Of a raise: when it ends.
    raised_until: Option<String>,
    /// What it was for; null: nobody said.
    reason: Option<String>,
}

fn correction(measure: Measure, correction: Correction) -> CorrectionBody {
    CorrectionBody {
        object: "limit-correction",
        kind: correction.kind.name(),
        at: correction.at.rfc3339(),
        period_start: Some(correction.period).filter(|start| start.0 != 0).map(Timestamp::rfc3339),
        by: correction.by,
        before: contract::dollars(measure, correction.before),
        after: contract::dollars(measure, correction.after),
        raised_until: correction.until.map(Timestamp::rfc3339),
        reason: correction.reason,
    }
}

/// The newest first; of more than 100 those. They stay when the limit is deleted.
async fn history(call: Call, _: Nothing) -> Result<List<CorrectionBody>> {
    let (measure, corrections) = console::history(&call.access, call.part("id")).await?;
    let total = i64::try_from(corrections.len()).unwrap_or(i64::MAX);
    Ok(List::new(total, corrections).map(|one| correction(measure, one)))
}

fn body(named: Named, organisation_id: String) -> LimitBody {
    let Named { standing, name, .. } = named;
    let limit = standing.limit.clone();
    let (rate_limit, usage_limit, last_reset_at) = parts(standing);
    LimitBody {
        object: "limit",
        id: limit.id.to_string(),
        scope: limit.on.scope.name(),
        subject_id: limit.on.id.to_string(),
        subject_name: name,
        kind: limit.is.kind.name(),
        rate_limit,
        usage_limit,
        last_reset_at,
        organisation_id,
    }
}

fn parts(standing: super::model::Standing) -> (Option<ShownRate>, Option<ShownBudgets>, Option<String>) {
    let kind = standing.limit.is.kind;
    let mut shown = contract::shown(&[standing]);
    let rate = (kind == Kind::Rate).then(|| shown.rates.pop()).flatten();
    (rate, shown.budgets, shown.last_reset_at)
}

/// The limit that was set.
#[derive(Serialize, ToSchema)]
pub struct LimitWasSet {
    #[schema(example = "limit")]
    object: &'static str,
    id: String,
    /// What is odd about it. Left out where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<LimitWarning>>,
}

async fn set(call: Call, input: SetLimit) -> Result<LimitWasSet> {
    let organisation = call.access.principal().organisation().map(|organisation| organisation.0);
    let ask = |_: Option<&Limit>| {
        let mut fields = Fields::default();
        let on = match input.scope.as_deref() {
            None => None,
            Some(scope) => {
                let scope = Scope::parse(scope).ok_or_else(|| "`scope` is none that there is.".to_owned());
                let scope = fields.take("scope", scope);
                let id = match (scope, &input.subject_id) {
                    (Some(Scope::Organisation), None) => Ok(organisation),
                    (_, Some(id)) => id.parse().map(Some).map_err(|_| "`subject_id` must be an id.".to_owned()),
                    (_, None) => Err("`subject_id` is missing.".to_owned()),
                };
                let id = fields.take("subject_id", id).flatten();
                scope.zip(id).map(|(scope, id)| On { scope, id })
            }
        };
        fields.finish()?;
        let wanted = match (&input.rate_limit, &input.usage_limit) {
            (Some(rate), None) => contract::one_rate(rate)?,
            (None, Some(budget)) => contract::one_budget(budget)?,
            _ => return Err(Error::field("usage_limit", "Send either `rate_limit` or `usage_limit`.")),
        };
        Ok(console::Asked { on, wanted, was: None })
    };
    let id = console::set_as(&call.access, call.part("id"), ask).await;
    let (id, doubts) = id.map_err(|error| renamed(error, &[("on", "scope")]))?;
    Ok(LimitWasSet { object: "limit", id: id.to_string(), warnings: contract::warnings(doubts) })
}

async fn reset(call: Call, input: ResetLimit) -> Result<Done> {
    console::reset(&call.access, call.part("id"), &input.reason.unwrap_or_default()).await.map(|()| Done {})
}

async fn raise(call: Call, input: RaiseLimit) -> Result<Changed> {
    let (to, until) = (input.raised_to.unwrap_or_default(), input.raised_until.unwrap_or_default());
    let reason = input.reason.unwrap_or_default();
    console::raise(&call.access, call.part("id"), &to, &until, &reason).await.map(Changed::with)
}

async fn delete(call: Call, _: Nothing) -> Result<Done> {
    console::delete(&call.access, call.part("id")).await.map(|()| Done {})
}

async fn who_am_i(call: Call, _: Nothing) -> Result<Who> {
    let mut tx = call.access.read(Operation::WhoAmI).await?;
    let principal = *call.access.principal();
    let Principal::ApiKey { key, permissions, .. } = principal else { return Err(crate::kernel::Error::not_found()) };
    let now = call.access.now();
    let found = api_keys::key(&mut tx, key, now).await?.ok_or_else(crate::kernel::Error::not_found)?;
    let limits = super::store::of_key(&mut tx, key).await?;
    let limits = operations::standing(&mut tx, call.access.app(), limits, now).await?;
    let holding = |standing: super::model::Standing| {
        let On { scope, .. } = standing.limit.on;
        let (rate_limit, usage_limit, _) = parts(standing);
        Holding { scope: Scope::name(scope), rate_limit, usage_limit }
    };
    Ok(Who {
        object: "api-key",
        id: key.to_string(),
        name: found.name,
        organisation_id: call.organisation_id(),
        scopes: permissions.names(),
        expires_at: found.expires_at.map(Timestamp::rfc3339),
        limits: limits.into_iter().map(holding).collect(),
    })
}
