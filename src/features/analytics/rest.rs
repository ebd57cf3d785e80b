//! The calls of analytics for programs, in the words of the contract. Costs are in cents, lengths of time in milliseconds.

use super::{
    columns::{self, Order},
    operations::{self, Bars},
};
use crate::{
    features::{
        feedback::model::Tally,
        logs::{
            figures::{Dimension, Figures},
            query::IN_THE_CONTRACT,
        },
    },
    kernel::{Asked, Error, Result, Timestamp, Window},
    policy::Operation,
    web::api::{Api, Call, Flag, asked, input, renamed, window},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// The name in metadata under which the contract's callers say who their user is.
const USER: &str = "_user";
const MICROCENTS: f64 = 1_000_000.0;

pub fn register(api: Api) -> Api {
    api.serve(Operation::AnalyticsGraph, "Read a graph: figures over time", graph)
        .serve(
            Operation::AnalyticsGroups,
            "Read figures by group, those with the most requests first unless another order is asked for",
            groups,
        )
        .serve(Operation::AnalyticsCache, "Read what kept answers have saved", cache)
}

input! {
    /// Which calls are counted. Names and ids of which several can be meant are parted by commas, 30 at most.
    AnalyticsQuery {
        /// `1h`, `24h` (also if nothing is said), `7d`, `30d`; without a beginning and an end.
        #[schema(pattern = "^(1h|24h|7d|30d)$")]
        range: Option<String>,
        /// A date or a moment (RFC 3339).
        time_of_generation_min | "from": Option<String>,
        /// A date (its end) or a moment.
        time_of_generation_max | "to": Option<String>,
        /// An API key's id, or several.
        #[schema(max_length = 1200)]
        api_key_ids | "api_key_id": Option<String>,
        /// A virtual key's slug, or several; or ids.
        #[schema(max_length = 4000)]
        virtual_keys | "virtual_key": Option<String>,
        /// A config's slug, or several.
        #[schema(max_length = 4000)]
        configs | "config": Option<String>,
        /// A prompt's slug, or several.
        #[schema(max_length = 4000)]
        prompt_slug | "prompt": Option<String>,
        /// A model's whole name, or several.
        #[schema(max_length = 7000)]
        ai_model: Option<String>,
        /// A provider and a model, such as `openai__gpt-4o`, or several.
        #[schema(max_length = 7000, example = "openai__gpt-4o,anthropic__claude-sonnet-4-5")]
        ai_org_model: Option<String>,
        /// One provider's name.
        #[schema(max_length = 100)]
        provider: Option<String>,
        /// A status, a class of statuses such as `4xx`, or an outcome; or several.
        #[schema(max_length = 400)]
        status_code | "status": Option<String>,
        /// A whole trace id, or several.
        #[schema(max_length = 4000)]
        trace_id: Option<String>,
        /// What callers said of a call: `name=value`, or a JSON object of which a call must have every part.
        metadata: Option<String>,
        /// `HIT`: calls whose answer was kept from an earlier one; `MISS`: all others.
        #[schema(max_length = 100, example = "HIT")]
        cache_status: Option<String>,
        /// Cents.
        #[schema(minimum = 0)]
        cost_min: Option<f64>,
        #[schema(minimum = 0)]
        cost_max: Option<f64>,
        /// Tokens read and written, together.
        #[schema(minimum = 0)]
        total_units_min: Option<i64>,
        #[schema(minimum = 0)]
        total_units_max: Option<i64>,
        /// Tokens that were read.
        #[schema(minimum = 0)]
        prompt_token_min: Option<i64>,
        #[schema(minimum = 0)]
        prompt_token_max: Option<i64>,
        /// Tokens that were written.
        #[schema(minimum = 0)]
        completion_token_min: Option<i64>,
        #[schema(minimum = 0)]
        completion_token_max: Option<i64>,
        /// Of groups alone: what is told of each, parted by commas. Left out: `requests`, `cost`, `tokens`, `avg_tokens`,
        /// `avg_latency`, `p50`, `p90`, `p99`, `success_rate` and `last_seen`. There are also `error_count`,
        /// `cache_hit_rate`, `avg_input_tokens` and `avg_output_tokens`, and as other names `total_tokens`, `p50_latency`,
        /// `p90_latency` and `p99_latency`.
        #[schema(max_length = 400, example = "requests,cost")]
        columns: Option<String>,
        /// Of groups alone: one of the columns, also one that is not told. Left out: `requests`.
        #[schema(max_length = 100, example = "cost")]
        order_by | "orderBy": Option<String>,
        /// Of groups alone: `asc`, or `desc` (also if nothing is said).
        #[schema(pattern = "^(asc|desc)$")]
        order_by_type | "orderByType": Option<String>,
        /// Of groups alone: false leaves out how many there are.
        #[schema(value_type = Option<bool>)]
        include_total | "includeTotal": Option<Flag>,
        /// Of groups alone.
        #[schema(minimum = 1, maximum = 100)]
        page_size | "pageSize": Option<i64>,
        #[schema(minimum = 0, maximum = 1000000)]
        current_page | "currentPage": Option<i64>,
    }
    unsupported: ["span_id", "weighted_feedback_min", "weighted_feedback_max"]
}

/// Figures over time.
#[derive(Serialize, ToSchema)]
pub struct AnalyticsGraph {
    #[schema(example = "analytics-graph")]
    object: &'static str,
    /// The figures of the whole span.
    #[schema(value_type = Object)]
    summary: Value,
    /// Each with its `timestamp`, the beginning of what it tells of. Of statuses there is one for each in each bar.
    #[schema(value_type = Vec<Object>)]
    data_points: Vec<Value>,
}

/// Figures by group.
#[derive(Serialize, ToSchema)]
pub struct AnalyticsGroups {
    #[schema(example = "list")]
    object: &'static str,
    /// How many groups there are, over all pages; left out if `include_total` is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    /// Each with what it is by, `requests`, `cost` and more.
    #[schema(value_type = Vec<Object>)]
    data: Vec<Value>,
}

/// What kept answers have saved.
#[derive(Serialize, ToSchema)]
pub struct AnalyticsSummary {
    #[schema(example = "analytics-summary")]
    object: &'static str,
    #[schema(value_type = Object)]
    summary: Value,
}

/// What the operation is asked for, and which page.
fn asked_of(query: AnalyticsQuery) -> Result<(Asked, Window)> {
    let window = window(query.page_size, query.current_page)?;
    let custom = query.time_of_generation_min.is_some() || query.time_of_generation_max.is_some();
    if custom && query.range.is_some() {
        return Err(Error::field("range", "Send range, or a beginning and an end, not both."));
    }
    let range = if custom { Some("custom".to_owned()) } else { query.range };
    // The operation reads dollars.
    let dollars = |cents: Option<f64>| cents.map(|cents| (cents / 100.0).to_string());
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    let cache = query.cache_status.as_deref().map(kept).transpose()?.flatten();
    let asked = asked([
        ("range", range),
        ("from", query.time_of_generation_min),
        ("to", query.time_of_generation_max),
        ("key", query.api_key_ids),
        ("virtual_key", query.virtual_keys),
        ("config", query.configs),
        ("prompt", query.prompt_slug),
        ("model_is", query.ai_model),
        ("provider_model", query.ai_org_model),
        ("provider", query.provider),
        ("status", query.status_code),
        ("trace_id", query.trace_id),
        ("metadata", query.metadata),
        ("cache", cache.map(str::to_owned)),
        ("min_cost", dollars(query.cost_min)),
        ("max_cost", dollars(query.cost_max)),
        ("min_tokens", number(query.total_units_min)),
        ("max_tokens", number(query.total_units_max)),
        ("min_input_tokens", number(query.prompt_token_min)),
        ("max_input_tokens", number(query.prompt_token_max)),
        ("min_output_tokens", number(query.completion_token_min)),
        ("max_output_tokens", number(query.completion_token_max)),
    ]);
    Ok((asked, window))
}

/// The filter's word for the contract's state of the cache.
fn kept(status: &str) -> Result<Option<&'static str>> {
    match status.trim().to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "hit" => Ok(Some("hit")),
        "miss" => Ok(Some("none")),
        _ => {
            let message = "Write `HIT`, or `MISS` for all other calls: no more is known of the cache.";
            Err(Error::field("cache_status", message))
        }
    }
}

async fn read(
    call: &Call,
    operation: Operation,
    query: AnalyticsQuery,
    by: Option<Dimension>,
) -> Result<(Bars, Window)> {
    let (asked, window) = asked_of(query)?;
    let over_time = operation == Operation::AnalyticsGraph;
    let bars = operations::bars(&call.access, operation, &asked, by, over_time).await;
    Ok((bars.map_err(|error| renamed(error, &IN_THE_CONTRACT))?, window))
}

pub(super) fn cents(cost: Option<i64>) -> Option<f64> {
    cost.map(|cost| cost as f64 / MICROCENTS)
}

pub(super) fn milliseconds(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

/// A share in percent, 0 where there is nothing.
pub(super) fn percent(part: i64, of: i64) -> f64 {
    if of > 0 { part as f64 / of as f64 * 100.0 } else { 0.0 }
}

pub(super) fn per_call(sum: f64, calls: i64) -> f64 {
    if calls > 0 { sum / calls as f64 } else { 0.0 }
}

/// Refuses what is said of groups alone.
fn without_groups(query: &AnalyticsQuery) -> Result<()> {
    for (name, is_said) in [
        ("columns", query.columns.is_some()),
        ("order_by", query.order_by.is_some()),
        ("order_by_type", query.order_by_type.is_some()),
        ("include_total", query.include_total.is_some()),
    ] {
        if is_said {
            return Err(Error::field(name, format!("`{name}` is for groups alone.")));
        }
    }
    Ok(())
}

/// A graph, by its name in the path: the summary, and the points of each bar.
async fn graph(call: Call, query: AnalyticsQuery) -> Result<AnalyticsGraph> {
    without_groups(&query)?;
    // Both official clients are served: one writes a slash where the other writes a hyphen.
    let name = [call.part("graph"), call.part("detail")].join("/");
    let name = name.trim_end_matches('/').replace('/', "-");
    if name.starts_with("feedbacks") {
        return feedbacks(call, query, &name).await;
    }
    let by = match name.as_str() {
        "users" | "users-requests" => Some(Dimension::Metadata(USER.into())),
        "errors-stacks" | "errors-stack" | "errors-status-codes" | "errors-status-code" => Some(Dimension::Status),
        "requests" | "tokens" | "cost" | "latency" | "errors" | "errors-rate" | "requests-rescued"
        | "cache-hit-rate" | "cache-latency" => None,
        _ => return Err(Error::not_found()),
    };
    // How long kept answers took is told by them alone.
    let hits_only = name == "cache-latency";
    let (mut bars, _) =
        read(&call, Operation::AnalyticsGraph, query, if hits_only { Some(Dimension::Cache) } else { by }).await?;
    if hits_only {
        bars.keep_group(|label| label == "hit");
    }
    let summary = summary(&name, &bars);
    let mut data_points = Vec::with_capacity(bars.bars.len());
    for (index, (start, figures)) in bars.bars.iter().enumerate() {
        for told in points_of(&name, &bars, index, figures) {
            let mut point = Map::from_iter([("timestamp".to_owned(), json!(Timestamp::rfc3339(*start)))]);
            if let Value::Object(told) = told {
                point.extend(told);
            }
            data_points.push(Value::Object(point));
        }
    }
    Ok(AnalyticsGraph { object: "analytics-graph", summary, data_points })
}

/// A graph of feedback. An average is that of value times weight, null where there is no entry.
async fn feedbacks(call: Call, query: AnalyticsQuery, name: &str) -> Result<AnalyticsGraph> {
    if !matches!(
        name,
        "feedbacks" | "feedbacks-scores" | "feedbacks-score" | "feedbacks-weighted" | "feedbacks-ai-models"
    ) {
        return Err(Error::not_found());
    }
    let (asked, _) = asked_of(query)?;
    let read = operations::feedback_bars(&call.access, &asked, name == "feedbacks-ai-models").await;
    let read = read.map_err(|error| renamed(error, &IN_THE_CONTRACT))?;
    let over_time = |told: fn(Tally) -> (&'static str, Value)| -> Vec<Value> {
        let point = |(start, tally): &(Timestamp, Tally)| {
            let (name, value) = told(*tally);
            json!({ "timestamp": start.rfc3339(), name: value })
        };
        read.bars.iter().map(point).collect()
    };
    let (summary, data_points) = match name {
        "feedbacks" => (json!({ "total": read.all.given }), over_time(|tally| ("total", json!(tally.given)))),
        "feedbacks-weighted" => (json!({ "avg": read.all.mean() }), over_time(|tally| ("avg", json!(tally.mean())))),
        "feedbacks-ai-models" => {
            let model = |(model, tally): &(String, Tally)| json!({ "ai_model": model, "total": tally.given, "avg_weighted_feedback": tally.mean() });
            (json!({ "total": read.all.given }), read.models.iter().map(model).collect())
        }
        _ => {
            let score = |(value, tally): &(i64, Tally)| json!({ "score": value, "total": tally.given });
            (json!({ "total": read.all.given }), read.by_value.iter().map(score).collect())
        }
    };
    Ok(AnalyticsGraph { object: "analytics-graph", summary, data_points })
}

fn plain(name: &str, figures: &Figures) -> Value {
    let cost = cents(figures.cost).unwrap_or(0.0);
    match name {
        "requests" => json!({ "total": figures.calls }),
        "tokens" => json!({
            "total": figures.tokens(),
            "avg": per_call(figures.tokens() as f64, figures.calls),
            "input": figures.input_tokens,
            "cached_input": figures.cached_input_tokens,
            "output": figures.output_tokens,
            "reasoning": figures.reasoning_tokens,
        }),
        "cost" => json!({ "total": cost, "avg": per_call(cost, figures.calls), "unpriced": figures.unpriced }),
        "errors" => json!({ "total": figures.failed() }),
        "errors-rate" => json!({ "rate": percent(figures.failed(), figures.calls) }),
        "cache-latency" => json!({ "avg": milliseconds(figures.latency.mean) }),
        _ => {
            let latency = figures.latency;
            json!({
                "avg": milliseconds(latency.mean),
                "p50": milliseconds(latency.p50),
                "p90": milliseconds(latency.p90),
                "p99": milliseconds(latency.p99),
            })
        }
    }
}

fn summary(name: &str, bars: &Bars) -> Value {
    let all = &bars.totals;
    let said = bars.groups.iter().filter(|group| group.label.is_some());
    match name {
        "users" => json!({ "total": said.count() }),
        "users-requests" => {
            let (unique, total) = said.fold((0_i64, 0_i64), |(n, calls), group| (n + 1, calls + group.figures.calls));
            json!({ "total": total, "unique": unique, "avg": per_call(total as f64, unique) })
        }
        "errors-stacks" | "errors-stack" => json!({ "total": all.failed() }),
        "errors-status-codes" | "errors-status-code" => {
            let codes = said.filter(|group| group.figures.failed() > 0).count();
            json!({ "total_errors": all.failed(), "unique_error_codes": codes })
        }
        "requests-rescued" => json!({ "retry": all.retried, "fallback": all.fell_back }),
        "cache-hit-rate" => json!({
            "total": all.hits,
            "rate": percent(all.hits, all.calls),
            "cost_saved": all.saved as f64 / MICROCENTS,
        }),
        name => plain(name, all),
    }
}

/// One point, but for statuses: of these there is one for each with which calls of the bar have failed.
fn points_of(name: &str, bars: &Bars, index: usize, figures: &Figures) -> Vec<Value> {
    if !matches!(name, "errors-status-codes" | "errors-status-code") {
        return vec![point_of(name, bars, index, figures)];
    }
    let failed = bars.groups.iter().map(|group| (status(group.label.as_deref()), group.failed[index]));
    let told = failed.filter(|(status, count)| status.is_some() && *count > 0);
    told.map(|(status, count)| json!({ "status_code": status, "count": count })).collect()
}

fn point_of(name: &str, bars: &Bars, index: usize, figures: &Figures) -> Value {
    let in_bar = || bars.groups.iter().filter(move |group| group.label.is_some() && group.calls[index] > 0);
    match name {
        "users" => json!({ "total": in_bar().count() }),
        "users-requests" => {
            let calls: i64 = in_bar().map(|group| group.calls[index]).sum();
            json!({ "avg": per_call(calls as f64, i64::try_from(in_bar().count()).unwrap_or(0)) })
        }
        "errors-stacks" | "errors-stack" => {
            let failed = in_bar().filter(|group| group.failed[index] > 0);
            let stats = failed.map(
                |group| json!({ "response_status_code": status(group.label.as_deref()), "count": group.failed[index] }),
            );
            json!({ "stats": stats.collect::<Vec<_>>() })
        }
        "requests-rescued" => {
            let retry = if figures.retried > 0 { json!([{ "count": figures.retried }]) } else { json!([]) };
            json!({ "retry": retry, "fallback": figures.fell_back })
        }
        "cache-hit-rate" => {
            // Of this bar and all before it.
            let saved = bars.bars[..=index].iter().fold(0, |sum: i64, (_, figures)| sum.saturating_add(figures.saved));
            json!({
                "simple_hits": figures.hits,
                "semantic_hits": 0,
                "rate": percent(figures.hits, figures.calls),
                "cumulative_simple_cache_savings": saved as f64 / MICROCENTS,
                "cumulative_semantic_cache_savings": 0.0,
            })
        }
        name => plain(name, figures),
    }
}

fn status(label: Option<&str>) -> Option<u16> {
    label.and_then(|label| label.parse().ok())
}

async fn groups(call: Call, query: AnalyticsQuery) -> Result<AnalyticsGroups> {
    let (by, name) = match (call.part("by"), call.part("name")) {
        ("", metadata) => {
            let by = Dimension::parse(&format!("metadata.{metadata}")).ok_or_else(Error::not_found)?;
            (by, "metadata_value")
        }
        ("users", _) => (Dimension::Metadata(USER.into()), "user"),
        ("ai-models" | "model", _) => (Dimension::Model, "ai_model"),
        ("ai_service" | "provider", _) => (Dimension::Provider, "provider"),
        ("status_code", _) => (Dimension::Status, "status_code"),
        ("api_key", _) => (Dimension::Key, "api_key"),
        ("virtual_key", _) => (Dimension::VirtualKey, "virtual_key"),
        ("config", _) => (Dimension::Config, "config"),
        ("prompt", _) => (Dimension::Prompt, "prompt"),
        _ => return Err(Error::not_found()),
    };
    let columns = columns::chosen(query.columns.as_deref())?;
    let order = Order::of(query.order_by.as_deref(), query.order_by_type.as_deref())?;
    let tells_total = query.include_total.is_none_or(|include| include.0);
    let (mut bars, window) = read(&call, Operation::AnalyticsGroups, query, Some(by)).await?;
    order.put(&mut bars.groups);
    let place = |number: i64| usize::try_from(number).unwrap_or(0);
    let told = |group: &operations::GroupBars| {
        let mut told = json!({ "object": "analytics-group", name: group.label, "id": group.id });
        for column in &columns {
            told[column.name] = column.told(&group.figures);
        }
        told
    };
    let data = bars.groups.iter().skip(place(window.offset)).take(place(window.limit)).map(told).collect();
    Ok(AnalyticsGroups { object: "list", total: tells_total.then_some(bars.groups.len()), data })
}

async fn cache(call: Call, query: AnalyticsQuery) -> Result<AnalyticsSummary> {
    without_groups(&query)?;
    let (bars, _) = read(&call, Operation::AnalyticsCache, query, Some(Dimension::Cache)).await?;
    let mean = |label: &str| {
        let group = bars.groups.iter().find(|group| group.label.as_deref() == Some(label));
        group.map(|group| group.figures.latency.mean).filter(|mean| *mean > 0)
    };
    let (hit, asked) = (mean("hit"), mean("none"));
    let speedup = hit.zip(asked).map(|(hit, asked)| asked as f64 / hit as f64);
    let summary = json!({
        "hits": bars.totals.hits,
        "avg_latency": hit.map(milliseconds),
        "total_requests": bars.totals.calls,
        "cache_speedup": speedup,
        "cost_saved": bars.totals.saved as f64 / MICROCENTS,
    });
    Ok(AnalyticsSummary { object: "analytics-summary", summary })
}
