//! The lines of a file: CSV as RFC 4180 says, or an object of JSON in each.

use super::model::{Field, Format};
use crate::{
    features::logs::{model::CallOutcome, store::exports::ExportedCall},
    kernel::{Timestamp, provider::Provider, text},
};
use std::fmt::Write;

/// What stands in one place of a line.
enum Cell {
    Nothing,
    /// What others have named.
    Text(String),
    /// What is the same in both formats and holds nothing of others: a number, yes or no.
    Plain(String),
    /// JSON.
    Object(String),
}

impl Cell {
    fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Cell::Nothing, |text| Cell::Text(text.into()))
    }

    fn plain(value: Option<impl ToString>) -> Self {
        value.map_or(Cell::Nothing, |value| Cell::Plain(value.to_string()))
    }

    /// A whole number of so many parts of one, written as a decimal that loses nothing.
    fn decimal(parts: Option<i64>, digits: usize) -> Self {
        parts.map_or(Cell::Nothing, |parts| Cell::Plain(decimal(parts, digits)))
    }
}

fn decimal(parts: i64, digits: usize) -> String {
    let (sign, parts) = (if parts < 0 { "-" } else { "" }, parts.unsigned_abs().to_string());
    let padded = format!("{parts:0>width$}", width = digits + 1);
    let (whole, rest) = padded.split_at(padded.len() - digits);
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

/// The path that was called, by the stored name of the endpoint.
pub fn path(endpoint: &str) -> Option<&'static str> {
    Some(match endpoint {
        "chat_completions" => "/v1/chat/completions",
        "messages" => "/v1/messages",
        "completions" => "/v1/completions",
        "embeddings" => "/v1/embeddings",
        "responses" => "/v1/responses",
        "response_get" | "response_delete" => "/v1/responses/{id}",
        "response_cancel" => "/v1/responses/{id}/cancel",
        "response_input_items" => "/v1/responses/{id}/input_items",
        "count_tokens" => "/v1/messages/count_tokens",
        "moderations" => "/v1/moderations",
        "images" => "/v1/images/generations",
        "speech" => "/v1/audio/speech",
        "transcriptions" => "/v1/audio/transcriptions",
        "rerank" => "/v1/rerank",
        _ => return None,
    })
}

fn cell(field: Field, of: &ExportedCall) -> Cell {
    let call = &of.call;
    match field {
        Field::Id => Cell::Text(call.id.to_string()),
        Field::CreatedAt => Cell::Text(call.started_at.rfc3339()),
        Field::FinishedAt => Cell::text(of.finished_at.map(Timestamp::rfc3339)),
        Field::Outcome => Cell::text(Some(call.outcome.name())),
        Field::IsSuccess => {
            Cell::plain((call.outcome != CallOutcome::Started).then_some(call.outcome == CallOutcome::Ok))
        }
        Field::Status => Cell::plain(call.status),
        Field::Error => Cell::text(call.error_code.clone()),
        Field::Provider => Cell::text(of.provider.map(Provider::name)),
        Field::Model => Cell::text(call.model.clone()),
        Field::Endpoint => Cell::text(Some(of.endpoint.as_str())),
        Field::Url => Cell::text(path(&of.endpoint)),
        Field::Streamed => Cell::plain(Some(of.streamed)),
        Field::KeyId => Cell::text(of.key_id.map(|id| id.to_string())),
        Field::Key => Cell::text(call.key.clone()),
        Field::Person => Cell::text(call.person.clone()),
        Field::VirtualKeyId => Cell::text(of.virtual_key_id.map(|id| id.to_string())),
        Field::VirtualKey => Cell::text(call.virtual_key.clone()),
        Field::Config => Cell::text(of.config.clone()),
        Field::ConfigVersion => Cell::plain(of.config_version),
        Field::Prompt => Cell::text(of.prompt.clone()),
        Field::PromptVersion => Cell::plain(of.prompt_version),
        Field::Read => Cell::plain(of.input_tokens),
        Field::CachedRead => Cell::plain(of.cached_input_tokens),
        Field::Written => Cell::plain(of.output_tokens),
        Field::Reasoning => Cell::plain(of.reasoning_tokens),
        Field::Tokens => Cell::plain(call.tokens),
        // Micro-cents as cents, microseconds as milliseconds.
        Field::Cost => Cell::decimal(call.cost, 6),
        Field::Saved => Cell::decimal(of.saved, 6),
        Field::Currency => Cell::text(Some("USD")),
        Field::Latency => Cell::decimal(call.latency_us, 3),
        Field::FirstByte => Cell::decimal(of.first_byte_us, 3),
        Field::Count => Cell::plain(Some(call.count)),
        Field::Trace => Cell::Text(call.trace_id.clone()),
        Field::Metadata => {
            let written = |metadata| serde_json::to_string(metadata).ok();
            of.metadata.as_ref().and_then(written).map_or(Cell::Nothing, Cell::Object)
        }
        Field::Upstream => Cell::text(of.upstream_id.clone()),
    }
}

impl Format {
    /// What stands before the first call.
    pub fn head(self, fields: &[Field]) -> String {
        match self {
            Format::Csv => fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(",") + "\r\n",
            Format::JsonLines => String::new(),
        }
    }

    /// Adds the line of a call.
    pub fn line(self, out: &mut String, fields: &[Field], call: &ExportedCall) {
        let is_csv = self == Format::Csv;
        for (at, field) in fields.iter().enumerate() {
            match (is_csv, at) {
                (true, 0) => {}
                (false, 0) => out.push('{'),
                (_, _) => out.push(','),
            }
            if is_csv {
                match cell(*field, call) {
                    Cell::Nothing => {}
                    Cell::Plain(text) => out.push_str(&text),
                    Cell::Text(text) | Cell::Object(text) => text::cell(out, &text),
                }
            } else {
                let _ = write!(out, "\"{}\":", field.name());
                match cell(*field, call) {
                    Cell::Nothing => out.push_str("null"),
                    Cell::Plain(text) | Cell::Object(text) => out.push_str(&text),
                    Cell::Text(text) => out.push_str(&serde_json::Value::String(text).to_string()),
                }
            }
        }
        out.push_str(if is_csv { "\r\n" } else { "}\n" });
    }

    /// The last line of a file that is cut: it says so in a way that no call does.
    pub fn cut(self, after: i64) -> String {
        let words = format!("Cut after {after} entries. Choose a shorter span of time for the rest.");
        match self {
            Format::Csv => format!("\"{words}\"\r\n"),
            Format::JsonLines => format!("{}\n", serde_json::json!({ "cut_after": after, "message": words })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_lose_nothing() {
        for (parts, digits, text) in [
            (0, 6, "0"),
            (1, 6, "0.000001"),
            (1_000_000, 6, "1"),
            (1_234_500, 6, "1.2345"),
            (304, 3, "0.304"),
            (-1_500, 3, "-1.5"),
            (i64::MAX, 6, "9223372036854.775807"),
            (i64::MIN, 3, "-9223372036854775.808"),
        ] {
            assert_eq!(decimal(parts, digits), text);
        }
    }

    #[test]
    fn a_cut_file_says_so_in_its_last_line() {
        assert!(Format::Csv.cut(3).starts_with("\"Cut after 3 entries.") && Format::Csv.cut(3).ends_with("\"\r\n"));
        let line: serde_json::Value = serde_json::from_str(&Format::JsonLines.cut(3)).expect("JSON");
        assert_eq!(line["cut_after"], 3);
    }
}
