//! Reading the filter of a list: strict, with a sentence for what cannot be meant.

use super::counting::{Cache, Rescued, Verdict};
use super::model::{CallOutcome, FILTERS, Metadata};
pub use super::several::{Ends, OfVirtualKeys};
use super::several::{ends, of_virtual_keys, provider_models, several, several_or_whole};
use crate::kernel::{
    Asked, CallId, Code, Error, Fields, KeyId, Result, Timestamp, UserId,
    provider::Provider,
    text,
    time::{DAY, HOUR, MINUTE},
};
use crate::server::database::{Value, listing::Place, values};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Longest span of time that one list covers.
const LONGEST: i64 = 400 * DAY;
/// Widths of bars; the first that gives at most [`BARS`] is taken. What is longer than some hours is told by the hour, and
/// what is longer than a week by the day, as roll-ups are.
const WIDTHS: [i64; 8] = [MINUTE, 5 * MINUTE, HOUR, 3 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY];
const BARS: i64 = 61;
pub(super) const MODEL_LIMIT: usize = 200;
const TRACE_LIMIT: usize = 128;
const PROMPT_LIMIT: usize = 100;
/// What the filter calls its fields, and what the contract calls them.
pub const IN_THE_CONTRACT: [(&str, &str); 17] = [
    ("key", "api_key_ids"),
    ("virtual_key", "virtual_keys"),
    ("status", "status_code"),
    ("config", "configs"),
    ("prompt", "prompt_slug"),
    ("model_is", "ai_model"),
    ("provider_model", "ai_org_model"),
    ("from", "time_of_generation_min"),
    ("to", "time_of_generation_max"),
    ("min_cost", "cost_min"),
    ("max_cost", "cost_max"),
    ("min_tokens", "total_units_min"),
    ("max_tokens", "total_units_max"),
    ("min_input_tokens", "prompt_token_min"),
    ("max_input_tokens", "prompt_token_max"),
    ("min_output_tokens", "completion_token_min"),
    ("max_output_tokens", "completion_token_max"),
];
/// Characters of all values of a filter that is written down.
pub const WRITTEN_LIMIT: usize = 2_000;

/// A span of time, its end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Span {
    /// So much time up to now: whole hours, which are counted already, and the one that has begun.
    pub fn last(length: i64, now: Timestamp) -> Self {
        let begun = Timestamp(now.0.div_euclid(HOUR) * HOUR);
        Self { from: begun.plus(-length), to: begun.plus(HOUR) }
    }

    /// The part of it that is over; a call of this very millisecond belongs in.
    pub fn until(self, now: Timestamp) -> Self {
        Self { to: self.to.min(now.plus(1)).max(self.from.plus(1)), ..self }
    }

    /// The width of the bars that this span is drawn with, in milliseconds.
    pub fn width(self) -> i64 {
        let whole = self.to.0 - self.from.0;
        WIDTHS.into_iter().find(|width| whole / width < BARS).unwrap_or(WIDTHS[WIDTHS.len() - 1])
    }

    /// The numbers of its bars, each of which begins at so many widths.
    pub fn buckets(self, width: i64) -> std::ops::RangeInclusive<i64> {
        self.from.0.div_euclid(width)..=(self.to.0 - 1).div_euclid(width)
    }
}

/// Statuses from the first on and below the second.
pub type Statuses = (i64, i64);

/// What a number must be at least and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    pub least: Option<i64>,
    pub most: Option<i64>,
}

impl Bounds {
    fn is_open(self) -> bool {
        self == Self::default()
    }
}

/// A filter that can be asked of the database. Of a list, which is never empty, a call must have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub span: Span,
    pub key: Option<Vec<KeyId>>,
    pub virtual_key: Option<OfVirtualKeys>,
    pub person: Option<UserId>,
    pub provider: Option<Provider>,
    pub endpoint: Option<String>,
    /// The slugs of prompts that were run, and the number of a version.
    pub prompt: Option<Vec<String>>,
    pub prompt_version: Option<i64>,
    /// The slugs of configs that led, and the number of a version.
    pub config: Option<Vec<String>>,
    pub config_version: Option<i64>,
    /// A part of the model's name, in lower case.
    pub model: Option<String>,
    /// The whole of it, as it is.
    pub model_is: Option<Vec<String>>,
    /// A provider's name and a model's, as the contract joins them.
    pub provider_model: Option<Vec<String>>,
    pub trace_id: Option<Vec<String>>,
    /// A part of the trace id or of the metadata.
    pub search: Option<String>,
    /// A call must have each.
    pub metadata: Option<Metadata>,
    pub outcome: Option<CallOutcome>,
    pub status: Option<Statuses>,
    pub ends: Option<Ends>,
    /// The stable code of what went wrong.
    pub error: Option<String>,
    pub cache: Option<Cache>,
    pub rescued: Option<Rescued>,
    pub verdict: Option<Verdict>,
    /// Micro-cents.
    pub cost: Bounds,
    /// Read and written, together.
    pub tokens: Bounds,
    pub input_tokens: Bounds,
    pub output_tokens: Bounds,
    /// Microseconds.
    pub latency: Bounds,
    /// The person whose own calls, and those of keys that they answer for, are the only ones that there are.
    pub own: Option<UserId>,
}

impl Filter {
    /// Every call of a span of time.
    pub fn of(span: Span) -> Self {
        Self {
            span,
            key: None,
            virtual_key: None,
            person: None,
            provider: None,
            endpoint: None,
            prompt: None,
            prompt_version: None,
            config: None,
            config_version: None,
            model: None,
            model_is: None,
            provider_model: None,
            trace_id: None,
            search: None,
            metadata: None,
            outcome: None,
            status: None,
            ends: None,
            error: None,
            cache: None,
            rescued: None,
            verdict: None,
            cost: Bounds::default(),
            tokens: Bounds::default(),
            input_tokens: Bounds::default(),
            output_tokens: Bounds::default(),
            latency: Bounds::default(),
            own: None,
        }
    }

    /// Whether it asks for nothing that roll-ups do not tell, metadata aside.
    pub fn is_counted(&self) -> bool {
        self.trace_id.is_none() && self.search.is_none() && self.numbers().into_iter().all(Bounds::is_open)
    }

    /// What is known of single calls alone, and of none that is under way.
    fn numbers(&self) -> [Bounds; 5] {
        [self.cost, self.tokens, self.input_tokens, self.output_tokens, self.latency]
    }

    /// Whether calls under way can be among those that it lets through.
    pub fn admits_under_way(&self) -> bool {
        let of_the_end = self.error.is_some()
            || self.status.is_some()
            || self.ends.is_some()
            || self.cache.is_some()
            || self.rescued.is_some()
            || self.verdict.is_some()
            || !self.numbers().into_iter().all(Bounds::is_open);
        !of_the_end && matches!(self.outcome, None | Some(CallOutcome::Started))
    }
}

/// A place in the list: between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub started_at: Timestamp,
    pub id: CallId,
}

impl Cursor {
    /// The values of its row.
    pub fn row(self) -> Vec<Value> {
        values![self.started_at, self.id]
    }

    /// Its opaque written form.
    pub fn text(self) -> String {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.started_at.0.to_be_bytes());
        bytes[8..].copy_from_slice(self.id.0.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Self::text`] wrote, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (at, id) = bytes.split_first_chunk::<8>()?;
        let started_at = Timestamp(i64::from_be_bytes(*at));
        Some(Self { started_at, id: CallId(uuid::Uuid::from_slice(id).ok()?) })
    }
}

/// Reads the filter and the page's place.
pub fn read(asked: &Asked, now: Timestamp) -> Result<(Filter, Place)> {
    Ok((filter(asked, now)?, place(asked)?))
}

/// Reads the filter.
pub fn filter(asked: &Asked, now: Timestamp) -> Result<Filter> {
    let mut fields = Fields::default();
    let span = fields.take("range", span(asked, now));
    let mut filter = Filter::of(span.unwrap_or(Span { from: now, to: now }));
    macro_rules! take {
        ($($field:ident: $read:expr;)*) => {
            $(if let Some(read) = fields.take(stringify!($field), optional(asked.get(stringify!($field)), $read)) {
                filter.$field = read;
            })*
        };
    }
    take! {
        key: |text| several(text, |one| one.parse::<KeyId>().map_err(|_| "This is no API key’s id.".into()));
        virtual_key: of_virtual_keys;
        person: |text| text.parse::<UserId>().map_err(|_| "This is no person’s id.".into());
        provider: |text| Provider::parse(text).ok_or_else(|| "This is no provider that Latchkey knows.".into());
        endpoint: |text| line("The endpoint", text);
        prompt: |text| several(text, |one| text::line("The prompt", one, PROMPT_LIMIT));
        prompt_version: version;
        config: |text| several(text, |one| text::line("The config", one, PROMPT_LIMIT));
        config_version: version;
        trace_id: |text| several_or_whole(text, trace);
        search: |text| text::line("The text", text, MODEL_LIMIT);
        metadata: Metadata::parse_filter;
        model: |text| text::line("The model", text, MODEL_LIMIT).map(|model| model.to_lowercase());
        model_is: |text| several_or_whole(text, |one| text::line("The model", one, MODEL_LIMIT));
        provider_model: provider_models;
        error: |text| line("The error code", text);
        cache: |text| word(text, Cache::parse);
        rescued: |text| word(text, Rescued::parse);
        verdict: |text| word(text, Verdict::parse);
    }
    if asked.get("status").contains(',') {
        filter.ends = fields.take("status", ends(asked.get("status")));
    } else if let Some(Some(ended)) = fields.take("status", optional(asked.get("status"), ended)) {
        (filter.outcome, filter.status) = ended;
    }
    let outcome = fields.take("outcome", optional(asked.get("outcome"), |text| word(text, CallOutcome::parse)));
    // It counts beside a status: where `status` names an outcome, that is meant.
    filter.outcome = filter.outcome.or(outcome.flatten());
    // Dollars, tokens and milliseconds, as people write them; as they are stored, micro-cents, tokens and microseconds.
    for (least, most, unit, bounds) in [
        ("min_cost", "max_cost", 100_000_000.0, &mut filter.cost),
        ("min_tokens", "max_tokens", 1.0, &mut filter.tokens),
        ("min_input_tokens", "max_input_tokens", 1.0, &mut filter.input_tokens),
        ("min_output_tokens", "max_output_tokens", 1.0, &mut filter.output_tokens),
        ("min_latency", "max_latency", 1_000.0, &mut filter.latency),
    ] {
        let mut take = |name: &'static str| fields.take(name, optional(asked.get(name), |text| number(text, unit)));
        let (least, most) = (take(least).flatten(), take(most).flatten());
        *bounds = Bounds { least, most };
    }
    fields.finish()?;
    Ok(filter)
}

/// What a filter says as it is written down, in the database and in the audit log: the log's own names alone, and their
/// values without the blanks around them, which [`filter`] does not look at.
///
/// # Errors
/// `invalid`, by the field with the longest value, if they are too long together.
pub fn canonical(asked: &Asked) -> Result<Asked> {
    let said = FILTERS.into_iter().map(|name| (name, asked.get(name).trim()));
    let length = |text: &str| text.chars().count();
    if said.clone().map(|(_, value)| length(value)).sum::<usize>() > WRITTEN_LIMIT {
        let longest = said.max_by_key(|(_, value)| length(value)).map_or("", |(name, _)| name);
        let message = format!("The values of a filter can have at most {WRITTEN_LIMIT} characters together.");
        return Err(Error::field(longest, message));
    }
    Ok(said.fold(Asked::default(), |asked, (name, value)| asked.with(name, value)))
}

fn line(what: &str, text: &str) -> std::result::Result<String, String> {
    text::line(what, text, PROMPT_LIMIT)
}

fn word<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> std::result::Result<T, String> {
    parse(text).ok_or_else(|| "Choose one from the list.".into())
}

fn version(text: &str) -> std::result::Result<i64, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "A version is a number from 1.".into())
}

/// A number that is not below nothing, in what is stored.
fn number(text: &str, unit: f64) -> std::result::Result<i64, String> {
    let number: f64 = text.parse().map_err(|_| "Write a number such as 12 or 0.5.")?;
    let stored = number * unit;
    if (0.0..1e18).contains(&stored) {
        Ok(stored.round() as i64)
    } else {
        Err("This number is too large, or below nothing.".into())
    }
}

fn optional<T>(
    text: &str,
    parse: impl FnOnce(&str) -> std::result::Result<T, String>,
) -> std::result::Result<Option<T>, String> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

fn trace(text: &str) -> std::result::Result<String, String> {
    if text.len() <= TRACE_LIMIT && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(format!("A trace id has at most {TRACE_LIMIT} letters, digits and signs, and no blanks."))
}

fn span(asked: &Asked, now: Timestamp) -> std::result::Result<Span, String> {
    // The end is excluded, and a call of this very millisecond belongs in.
    let end = now.plus(1);
    let last = |length: i64| Ok(Span::last(length, now));
    match asked.get("range") {
        "1h" => Ok(Span { from: now.plus(-HOUR), to: end }),
        "" | "24h" => last(DAY),
        "7d" => last(7 * DAY),
        "30d" => last(30 * DAY),
        "custom" => {
            let from = optional(asked.get("from"), |text| moment(text, false))?.unwrap_or(now.plus(-DAY));
            let to = optional(asked.get("to"), |text| moment(text, true))?.unwrap_or(end);
            if from >= to {
                return Err("The beginning must be before the end.".into());
            }
            if to.0.saturating_sub(from.0) > LONGEST {
                return Err("At most 400 days can be shown at once.".into());
            }
            Ok(Span { from, to })
        }
        _ => Err("Choose a span of time from the list.".into()),
    }
}

/// A date as its beginning or its end, or a moment as it is.
fn moment(text: &str, end: bool) -> std::result::Result<Timestamp, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let at = Timestamp::parse(&whole).ok_or("Write a date such as 2027-02-21.")?;
    Ok(if end && text.len() == 10 { at.plus(DAY) } else { at })
}

/// An outcome, a class of statuses, or a status.
pub(super) fn ended(text: &str) -> std::result::Result<(Option<CallOutcome>, Option<Statuses>), String> {
    match text {
        "2xx" => Ok((None, Some((200, 300)))),
        "4xx" => Ok((None, Some((400, 500)))),
        "5xx" => Ok((None, Some((500, 600)))),
        number if number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()) => {
            let status: i64 = number.parse().map_err(|_| "Choose an outcome from the list.")?;
            Ok((None, Some((status, status + 1))))
        }
        name => CallOutcome::parse(name)
            .map(|outcome| (Some(outcome), None))
            .ok_or_else(|| "Choose an outcome from the list.".into()),
    }
}

fn place(asked: &Asked) -> Result<Place> {
    let cursor = |text: &str| {
        Cursor::parse(text)
            .ok_or_else(|| Error::new(Code::Malformed, "This page of the log does not exist. Begin with the first."))
    };
    match (asked.get("after"), asked.get("before")) {
        ("", "") => Ok(Place::First),
        (after, "") => cursor(after).map(|cursor| Place::After(cursor.row())),
        ("", before) => cursor(before).map(|cursor| Place::Before(cursor.row())),
        _ => Err(Error::new(Code::Malformed, "A page of the log is either before or after a call.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{features::logs::several::MOST_VALUES, kernel::VirtualKeyId};
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp(1_803_218_709_000);

    fn reading(asked: &[(&str, &str)]) -> Result<(Filter, Place)> {
        let asked = asked.iter().fold(Asked::default(), |all, (name, value)| all.with(name, *value));
        read(&asked, NOW)
    }

    #[test]
    fn the_presets_end_with_this_hour_and_have_sixty_bars_at_most() {
        let begun = Timestamp(NOW.0 - NOW.0 % HOUR);
        for (range, length, width) in [("", DAY, HOUR), ("7d", 7 * DAY, 3 * HOUR), ("30d", 30 * DAY, DAY)] {
            let (filter, place) = reading(&[("range", range)]).expect("a filter");
            assert_eq!(filter.span, Span { from: begun.plus(-length), to: begun.plus(HOUR) });
            assert_eq!(filter.span.width(), width, "{range}");
            assert!(matches!(place, Place::First));
        }
        let (filter, _) = reading(&[("range", "1h")]).expect("a filter");
        assert_eq!((filter.span, filter.span.width()), (Span { from: NOW.plus(-HOUR), to: NOW.plus(1) }, MINUTE));
    }

    #[test]
    fn dates_are_whole_days() {
        let custom =
            |from: &str, to: &str| reading(&[("range", "custom"), ("from", from), ("to", to)]).map(|(f, _)| f.span);
        let day = custom("2027-02-21", "2027-02-21").expect("one day");
        assert_eq!((day.from.rfc3339().as_str(), day.to.0 - day.from.0), ("2027-02-21T00:00:00.000Z", DAY));
        assert_eq!(custom("2027-02-21T10:00:00Z", "2027-02-21T11:00:00Z").expect("an hour").width(), MINUTE);
        assert!(custom("2027-02-22", "2027-02-20").is_err());
        assert!(custom("2020-01-01", "2027-02-20").is_err());
        assert!(custom("yesterday", "").is_err());
        assert!(custom("2026-02-01", "2027-02-20").expect("a year").width() >= 6 * DAY / 2);
    }

    #[test]
    fn cursors_are_read_back_and_nothing_else_is() {
        let cursor = Cursor { started_at: NOW, id: CallId(Uuid::from_u128(7)) };
        assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        for bad in ["", "x", "AAAA", &cursor.text()[1..], &format!("{}A", cursor.text()), "!!!!"] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
        let text = cursor.text();
        for bad in [&[("after", text.as_str()), ("before", &text)][..], &[("after", "zzz")]] {
            assert_eq!(reading(bad).map(|_| ()).unwrap_err().code, Code::Malformed);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let query = [
            ("key", "x"),
            ("virtual_key", "Y"),
            ("trace_id", "a b"),
            ("metadata", "team"),
            ("status", "9xx"),
            ("range", "2y"),
        ];
        let refused = reading(&query).map(|_| ()).unwrap_err();
        let named: Vec<String> = refused.fields.into_iter().map(|f| f.field).collect();
        assert_eq!(named, ["range", "key", "virtual_key", "trace_id", "metadata", "status"]);
        let (filter, _) = reading(&[("status", "4xx"), ("model", " GPT ")]).expect("a filter");
        assert_eq!((filter.status, filter.model.as_deref()), (Some((400, 500)), Some("gpt")));
        let of =
            |status, outcome| reading(&[("status", status), ("outcome", outcome)]).map(|(f, _)| (f.outcome, f.status));
        assert_eq!(of("4xx", "refused"), Ok((Some(CallOutcome::Refused), Some((400, 500)))));
        assert_eq!(of("refused", "refused"), Ok((Some(CallOutcome::Refused), None)));
        assert_eq!(of("ok", "refused"), Ok((Some(CallOutcome::Ok), None)));
        assert!(of("", "nonsense").is_err_and(|error| error.fields[0].field == "outcome"));
    }

    #[test]
    fn lists_mean_any_of_their_values() {
        let of = |name: &str, text: &str| reading(&[(name, text)]).map(|(filter, _)| filter);
        let read = |name: &str, text: &str| of(name, text).unwrap_or_else(|error| panic!("{name} {text}: {error:?}"));
        let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(read("config", "pc-a, pc-b,,pc-a").config, texts(&["pc-a", "pc-b"]));
        assert_eq!(read("prompt", "pp-a").prompt, texts(&["pp-a"]));
        let keys = [KeyId::numbered(1), KeyId::numbered(2)];
        assert_eq!(read("key", &format!("{},{}", keys[0], keys[1])).key, Some(keys.to_vec()));
        // Callers choose these names, and may put commas into them.
        assert_eq!(read("trace_id", "a,b").trace_id, texts(&["a", "b", "a,b"]));
        assert_eq!(read("trace_id", "a, b").trace_id, texts(&["a", "b"]), "no trace id has a blank");
        assert_eq!(read("model_is", "gpt-4o").model_is, texts(&["gpt-4o"]));
        let both = read("provider_model", "openai__gpt-3.5-turbo, Claude__claude-2.1,openai__a__b").provider_model;
        assert_eq!(both, texts(&["openai__gpt-3.5-turbo", "anthropic__claude-2.1", "openai__a__b"]));
        let odd = read("provider_model", "openai__gpt,odd,1,Claude__b ,openai__gpt,").provider_model;
        assert_eq!(odd, texts(&["openai__gpt", "openai__gpt,odd,1", "anthropic__b"]));
        assert_eq!(read("virtual_key", "@a,b").virtual_key, texts(&["a", "b"]).map(OfVirtualKeys::Slugs));
        let id = VirtualKeyId::numbered(7);
        assert_eq!(read("virtual_key", &id.to_string()).virtual_key, Some(OfVirtualKeys::Ids(vec![id])));
        let (outcomes, statuses, classes) = (vec![CallOutcome::Failed], vec![401, 403], vec![5]);
        let ended = read("status", "401, failed,5xx,403,401");
        assert_eq!(ended.ends, Some(Ends { outcomes, statuses, classes }));
        assert!(!ended.admits_under_way() && ended.is_counted());
        let parts = read("min_input_tokens", "3");
        assert_eq!(parts.input_tokens, Bounds { least: Some(3), most: None });
        assert!(!parts.admits_under_way() && !parts.is_counted());
        let many = (0..=MOST_VALUES).map(|number| format!("pc-{number}")).collect::<Vec<_>>();
        assert_eq!(read("config", &many[1..].join(",")).config.map(|all| all.len()), Some(MOST_VALUES));
        let mixed = format!("main,{id}");
        for (name, text) in [
            ("config", many.join(",").as_str()),
            ("config", ","),
            ("key", "x,y"),
            ("virtual_key", &mixed),
            ("virtual_key", "a,B c"),
            ("status", "401,nope"),
            ("status", "started,401"),
            ("status", ","),
            ("provider_model", "gpt-4o"),
            ("provider_model", "nobody__gpt-4o"),
            ("provider_model", "gpt-4o,openai__gpt-4o"),
            ("provider_model", "openai__gpt-4o,nobody__gpt-4o"),
            ("provider_model", ","),
            ("provider_model", "openai__"),
        ] {
            let refused = of(name, text).map(|_| ()).expect_err(text);
            assert_eq!((refused.code, refused.fields[0].field.as_str()), (Code::Invalid, name), "{text}");
        }
    }
}
