//! The management calls of the log of model calls.

use super::{
    model::{self, Attempt, Detail, LedBy, Ran},
    operations::{self, Entries},
    reckoning::Reckoned,
    texts::{Shown, ShownTexts, Size, Texts, Turn},
    timeline::Step,
};
use crate::guardrails::HookResults;
use crate::{
    features::feedback::{self, rest::FeedbackEntry},
    kernel::{Error, Result, Timestamp},
    policy::Operation,
    web::api::{Api, Call, Nothing, asked, input, range_of, renamed, window},
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Numbered pages reach this many calls; further back leads the cursor.
const DEEPEST: i64 = 1_000;
const MICROCENTS: f64 = 1_000_000.0;
/// What the operations call their fields, and what they are called here.
const NAMES: [(&str, &str); 4] = [
    ("key", "api_key_id"),
    ("virtual_key", "virtual_key_id"),
    ("model_is", "model"),
    ("provider_model", "ai_org_model"),
];

pub fn register(api: Api) -> Api {
    api.serve(Operation::LogsList, "List model calls, newest first", list)
        .serve(Operation::LogGet, "Read what is kept of a model call", get)
        .serve(
            Operation::LogTexts,
            "Read what was said in a model call, where that is kept; the audit log tells of it",
            texts,
        )
}

input! {
    /// Which calls are listed.
    LogsQuery {
        /// `1h`, `24h` (also if nothing is said), `7d`, `30d`; without `from` and `to`.
        #[schema(pattern = "^(1h|24h|7d|30d)$")]
        range: Option<String>,
        /// A date or a moment (RFC 3339).
        from | "time_of_generation_min": Option<String>,
        /// A date (its end) or a moment.
        to | "time_of_generation_max": Option<String>,
        /// An API key's id. It may be several, parted by commas, 30 at most: any of them.
        #[schema(max_length = 1200)]
        api_key_id | "api_key_ids": Option<String>,
        /// A virtual key's slug, or several; or ids.
        #[schema(max_length = 4000)]
        virtual_key_id | "virtual_key" | "virtual_keys": Option<String>,
        /// The slug of the prompt that was run, or several.
        #[schema(max_length = 4000)]
        prompt | "prompt_slug": Option<String>,
        /// The slug of the config that led, or several.
        #[schema(max_length = 4000)]
        config | "configs": Option<String>,
        /// Part of the model's name; several, parted by commas, are whole names.
        #[schema(max_length = 7000)]
        model | "ai_model": Option<String>,
        /// A provider and a model, such as `openai__gpt-4o`, or several.
        #[schema(max_length = 7000)]
        ai_org_model: Option<String>,
        /// A whole trace id, or several.
        #[schema(max_length = 4000)]
        trace_id: Option<String>,
        /// Part of a trace id or of metadata, whatever its letter case.
        #[schema(max_length = 200)]
        search: Option<String>,
        /// What callers said of a call in `x-portkey-metadata`: `name=value`, or a JSON object of which a call must have
        /// every part.
        metadata: Option<String>,
        /// `ok`, `refused`, `failed`, `left`, `lost`, `started`, a status, or `2xx`, `4xx`, `5xx`; or several.
        #[schema(max_length = 400)]
        status | "status_code": Option<String>,
        /// The cursor `next` of the page before this one, instead of a page's number.
        cursor: Option<String>,
        ..page
    }
}

/// A model call. What was said in it stands at `/v1/logs/{id}/texts`, where that is kept.
#[derive(Serialize, ToSchema)]
pub struct LogEntry {
    #[schema(example = "log")]
    object: &'static str,
    id: String,
    created_at: String,
    /// `ok`, `refused`, `failed`, `left`, `lost`, or `started` while it is under way.
    outcome: &'static str,
    response_status_code: Option<u16>,
    /// The stable code of what went wrong.
    error_code: Option<String>,
    ai_model: Option<String>,
    /// The API key's name now.
    api_key_name: Option<String>,
    /// The person's name now, where a person called from the console.
    user_name: Option<String>,
    /// The virtual key's slug.
    virtual_key: Option<String>,
    /// Milliseconds until the last byte.
    response_time: Option<f64>,
    /// Tokens read and written, together.
    total_units: Option<i64>,
    /// Cents.
    cost: Option<f64>,
    #[schema(example = "USD")]
    cost_currency: &'static str,
    /// How many calls the entry stands for: refused calls alike are counted when they are many, and this is the latest.
    #[schema(example = 1)]
    count: i64,
    /// The caller's `x-portkey-trace-id`, or the call's id.
    trace_id: String,
}

/// A page of the log.
#[derive(Serialize, ToSchema)]
pub struct LogEntryList {
    #[schema(example = "list")]
    object: &'static str,
    /// How many entries the filter lets through, over all pages. An entry may stand for more than one call (`count`).
    total: i64,
    data: Vec<LogEntry>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
}

/// All that is kept of a model call.
#[derive(Serialize, ToSchema)]
pub struct LogDetail {
    #[serde(flatten)]
    #[schema(inline)]
    entry: LogEntry,
    finished_at: Option<String>,
    api_key_id: Option<String>,
    virtual_key_id: Option<String>,
    /// The provider.
    ai_org: Option<&'static str>,
    /// `chat_completions`, `messages`, `embeddings`, `responses` and so on: what was called.
    endpoint: String,
    streamed: bool,
    /// Milliseconds until the provider's first byte.
    time_to_first_byte: Option<f64>,
    req_units: Option<i64>,
    cached_req_units: Option<i64>,
    res_units: Option<i64>,
    /// Of those, reasoning tokens, as far as the provider tells them.
    reasoning_units: Option<i64>,
    /// Cents that an answer kept from an earlier call would have cost anew.
    cost_saved: Option<f64>,
    /// What the caller said of it in `x-portkey-metadata`.
    metadata: BTreeMap<String, String>,
    /// The provider's own id of the call, under which its support finds it.
    upstream_request_id: Option<String>,
    /// The slug of the prompt that it ran.
    prompt: Option<String>,
    /// The number of the prompt's version.
    prompt_version: Option<i64>,
    /// The label by which the prompt was found; none where a number or nothing published was asked for.
    prompt_label: Option<String>,
    /// The slug of the config that led it; `inline` for one that came with the request.
    config: Option<String>,
    /// The number of the config's version.
    config_version: Option<i64>,
    /// The attempts of a call that a config led, in order.
    attempts: Vec<LoggedAttempt>,
    /// What guardrails have found, in the contract's words: `before_request_hooks` and `after_request_hooks`.
    #[schema(value_type = Object)]
    hook_results: HookResults,
    /// Whether what was said is kept: `kept`, `dropped` (too much was to be kept at once), or `none`.
    texts: &'static str,
    /// What happened, step by step; empty until the call has ended.
    timeline: Vec<LogStep>,
    /// How the cost was calculated, for each attempt that used tokens.
    cost_details: Vec<LogCost>,
    /// The feedback on its trace, oldest first.
    feedback: Vec<FeedbackEntry>,
    organisation_id: String,
}

/// A step of a call. Times are milliseconds from the arrival of the request.
#[derive(Serialize, ToSchema)]
pub struct LogStep {
    #[schema(example = "Until the first byte")]
    name: String,
    more: String,
    from: f64,
    /// When the provider's first byte came, where that is known and within the step.
    first_byte: Option<f64>,
    to: f64,
}

/// What an attempt used, and what that costs at today's prices. The log keeps the cost at the prices of the time of the
/// call, and not these prices.
#[derive(Serialize, ToSchema)]
pub struct LogCost {
    /// The attempt's number from 1; null where tokens are known of the call alone.
    attempt: Option<i64>,
    ai_org: Option<&'static str>,
    ai_model: String,
    /// Tokens read, without those from the provider's cache.
    req_units: i64,
    cached_req_units: i64,
    res_units: i64,
    /// Cents for a million tokens of each kind; null: the model has no known price.
    price_per_million: Option<LogPrices>,
    /// Cents, at these prices.
    cost_today: Option<f64>,
    /// Cents, as the log has them.
    cost: Option<f64>,
}

/// Cents for a million tokens of each kind.
#[derive(Serialize, ToSchema)]
pub struct LogPrices {
    req_units: f64,
    cached_req_units: f64,
    res_units: f64,
    /// `built_in`; `own`: the operator's file; `organisation`: a price of the organisation.
    table: &'static str,
}

/// What was said in a model call.
#[derive(Serialize, ToSchema)]
pub struct LogTexts {
    #[schema(example = "log-texts")]
    object: &'static str,
    id: String,
    /// When they are deleted.
    kept_until: String,
    /// Images that a short note stands for.
    images_left_out: i64,
    /// What was sent to the provider, in its own words, without what guardrails have taken out; null: not kept.
    request: Option<LogText>,
    /// What the caller was given. Of a stream: put together, in the form of a whole answer; null: not kept.
    response: Option<LogText>,
}

/// A text that is kept.
#[derive(Serialize, ToSchema)]
pub struct LogText {
    /// The text itself, mostly JSON.
    body: String,
    /// Bytes of the whole text.
    size: i64,
    /// Whether only its beginning is kept.
    cut: bool,
    /// That in words.
    #[schema(example = "cut after 64 KiB of 1.2 MB")]
    note: Option<String>,
    /// What is said in it, in order; empty where nothing could be made out.
    conversation: Vec<LogTurn>,
}

/// Something that somebody said.
#[derive(Serialize, ToSchema)]
pub struct LogTurn {
    /// `system`, `user`, `assistant`, `tool call get_weather` and so on.
    who: String,
    text: String,
}

/// One attempt of a call.
#[derive(Serialize, ToSchema)]
pub struct LoggedAttempt {
    /// The target in the config.
    #[schema(example = "config.targets[1]")]
    path: String,
    virtual_key: Option<String>,
    /// The provider.
    ai_org: Option<&'static str>,
    ai_model: String,
    /// The provider's own status; none where it gave none.
    response_status_code: Option<u16>,
    error_code: Option<String>,
    /// Whether anything was sent to the provider.
    sent: bool,
    /// Milliseconds from the call's beginning to the attempt's.
    began_after: f64,
    /// Milliseconds that it took; none where the end of the program cut it off.
    response_time: Option<f64>,
    /// What came after it: `answered`, `kept` (the answer was one of an earlier call), `retried`, `led_on` or `ended`.
    next: Option<&'static str>,
    /// Milliseconds from the call's beginning to the provider's first byte.
    time_to_first_byte: Option<f64>,
    /// Cents; null where it is not known.
    cost: Option<f64>,
}

async fn list(call: Call, query: LogsQuery) -> Result<LogEntryList> {
    let window = window(query.page_size, query.current_page)?;
    if query.cursor.is_some() && window.offset > 0 {
        return Err(Error::field("cursor", "Send a cursor or a page's number, not both."));
    }
    if window.offset + window.limit > DEEPEST {
        return Err(Error::field(
            "current_page",
            format!("Numbered pages reach {DEEPEST} calls. Follow the cursor `next` from there."),
        ));
    }
    let range = range_of(query.range, query.from.as_deref(), query.to.as_deref())?;
    let (model, model_is) = match query.model {
        Some(models) if models.contains(',') => (None, Some(models)),
        part => (part, None),
    };
    let asked = asked([
        ("range", Some(range)),
        ("from", query.from),
        ("to", query.to),
        ("key", query.api_key_id),
        ("virtual_key", query.virtual_key_id),
        ("prompt", query.prompt),
        ("config", query.config),
        ("model", model),
        ("model_is", model_is),
        ("provider_model", query.ai_org_model),
        ("trace_id", query.trace_id),
        ("search", query.search),
        ("metadata", query.metadata),
        ("status", query.status),
        ("after", query.cursor),
    ]);
    let entries = operations::entries(&call.access, &asked, window).await;
    let Entries { calls, next, total } = entries.map_err(|error| renamed(error, &NAMES))?;
    Ok(LogEntryList { object: "list", total, data: calls.into_iter().map(entry).collect(), next })
}

async fn get(call: Call, _: Nothing) -> Result<LogDetail> {
    let detail = operations::get(&call.access, call.part("id")).await?;
    let given = feedback::operations::on_call(&call.access, call.part("id")).await?.given;
    let Detail {
        call: of,
        finished_at,
        key_id,
        virtual_key_id,
        provider,
        endpoint,
        streamed,
        first_byte_us,
        input_tokens,
        cached_input_tokens,
        output_tokens,
        reasoning_tokens,
        saved,
        metadata,
        upstream_id,
        ran,
        led,
        attempts,
        found,
        texts,
        reckoning,
        steps,
        ..
    } = detail;
    let (config, config_version) = match led {
        None => (None, None),
        Some(LedBy::Inline) => (Some("inline".to_owned()), None),
        Some(LedBy::Saved { slug, version, .. }) => (Some(slug), Some(version)),
    };
    let (prompt, prompt_version, prompt_label) = match ran {
        None => (None, None, None),
        Some(Ran { slug, version, label, .. }) => (Some(slug), Some(version), label),
    };
    Ok(LogDetail {
        entry: entry(of),
        finished_at: finished_at.map(Timestamp::rfc3339),
        api_key_id: key_id.map(|id| id.to_string()),
        virtual_key_id: virtual_key_id.map(|id| id.to_string()),
        ai_org: provider.map(|provider| provider.name()),
        endpoint,
        streamed,
        time_to_first_byte: first_byte_us.map(milliseconds),
        req_units: input_tokens,
        cached_req_units: cached_input_tokens,
        res_units: output_tokens,
        reasoning_units: reasoning_tokens,
        cost_saved: saved.map(|saved| saved as f64 / MICROCENTS),
        metadata: metadata.unwrap_or_default().into_texts(),
        upstream_request_id: upstream_id,
        prompt,
        prompt_version,
        prompt_label,
        config,
        config_version,
        attempts: attempts.into_iter().map(attempt).collect(),
        hook_results: found,
        texts: match texts {
            Texts::None { .. } => "none",
            Texts::Dropped => "dropped",
            Texts::Kept(_) => "kept",
        },
        timeline: steps.into_iter().map(step).collect(),
        cost_details: reckoning.parts.into_iter().map(cost).collect(),
        feedback: given.into_iter().map(FeedbackEntry::from).collect(),
        organisation_id: call.organisation_id(),
    })
}

async fn texts(call: Call, _: Nothing) -> Result<LogTexts> {
    let id = call.part("id");
    let ShownTexts { kept, request, answer } = operations::texts(&call.access, id).await?;
    let text = |shown: Option<Shown>, size: Option<Size>| {
        let (Shown { turns, raw }, size) = shown.zip(size)?;
        let turn = |Turn { who, words }| LogTurn { who, text: words };
        let (note, conversation) = (size.words(), turns.into_iter().map(turn).collect());
        Some(LogText { body: raw, size: size.whole, cut: size.is_cut, note, conversation })
    };
    Ok(LogTexts {
        object: "log-texts",
        id: id.to_owned(),
        kept_until: kept.until.rfc3339(),
        images_left_out: kept.left_out,
        request: text(request, kept.request),
        response: text(answer, kept.answer),
    })
}

fn attempt(attempt: Attempt) -> LoggedAttempt {
    LoggedAttempt {
        path: attempt.path,
        virtual_key: attempt.virtual_key,
        ai_org: attempt.provider.map(|provider| provider.name()),
        ai_model: attempt.model,
        response_status_code: attempt.status,
        error_code: attempt.error_code,
        sent: attempt.sent,
        began_after: milliseconds(attempt.began_us),
        response_time: attempt.took_us.map(milliseconds),
        next: attempt.next.map(|next| next.name()),
        time_to_first_byte: attempt.first_byte_us.map(milliseconds),
        cost: attempt.cost.map(cents),
    }
}

fn step(step: Step) -> LogStep {
    let Step { name, more, from, first_byte, to, .. } = step;
    let (from, to, first_byte) = (milliseconds(from), milliseconds(to), first_byte.map(milliseconds));
    LogStep { name, more, from, first_byte, to }
}

fn cost(part: Reckoned) -> LogCost {
    LogCost {
        attempt: part.attempt,
        ai_org: part.provider.map(|provider| provider.name()),
        ai_model: part.model,
        req_units: part.used.fresh,
        cached_req_units: part.used.cached,
        res_units: part.used.written,
        price_per_million: part.prices.map(|(prices, table)| LogPrices {
            req_units: cents(prices.fresh),
            cached_req_units: cents(prices.cached),
            res_units: cents(prices.written),
            table: table.name(),
        }),
        cost_today: part.amount.map(cents),
        cost: part.then.map(cents),
    }
}

fn cents(micro_cents: i64) -> f64 {
    micro_cents as f64 / MICROCENTS
}

fn entry(call: model::LoggedCall) -> LogEntry {
    LogEntry {
        object: "log",
        id: call.id.to_string(),
        created_at: call.started_at.rfc3339(),
        outcome: call.outcome.name(),
        response_status_code: call.status,
        error_code: call.error_code,
        ai_model: call.model,
        api_key_name: call.key,
        user_name: call.person,
        virtual_key: call.virtual_key,
        response_time: call.latency_us.map(milliseconds),
        total_units: call.tokens,
        cost: call.cost.map(|cost| cost as f64 / MICROCENTS),
        cost_currency: "USD",
        count: call.count,
        trace_id: call.trace_id,
    }
}

fn milliseconds(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}
