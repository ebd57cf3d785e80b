//! The log as a file, written piece by piece as it is read.

use super::{query::Filter, store};
use crate::{
    kernel::{Error, Result, text},
    policy::Operation,
    server::{
        access::Lengthy,
        audit::{Stored, anchors, event::Written},
        database::hex,
    },
};
use futures_util::{Stream, stream};

/// Events that are read at once: no more than these are held in memory.
const PIECE: i64 = 100;

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    JsonLines,
}

impl Format {
    /// The stable name, also the file's ending.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::JsonLines => "jsonl",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Format::Csv, Format::JsonLines].into_iter().find(|format| format.name() == name)
    }
}

/// What of the log is written.
pub struct Reading {
    pub lengthy: Lengthy,
    pub format: Format,
    pub filter: Filter,
    /// The first number and the last.
    pub span: (i64, i64),
}

/// Where the writing stands.
struct Place {
    reading: Reading,
    /// The number as far as which it is written; none before the head of the file.
    written: Option<i64>,
}

/// The file. Each piece is read in a transaction of its own, which proves anew that whoever asks may have it: whoever loses
/// the right meanwhile gets no more, and no transaction waits for a slow reader. What is already written never changes, and
/// goes only with all that stands before it, so the pieces fit together; where the next one was removed for its age
/// meanwhile, the file ends short, as with any other error.
pub fn pieces(reading: Reading) -> impl Stream<Item = Result<String>> + Send + use<> {
    Lengthy::hold(stream::try_unfold(Place { reading, written: None }, next))
}

/// The next piece; none at the end.
async fn next(mut place: Place) -> Result<Option<(String, Place)>> {
    let Reading { ref lengthy, format, ref filter, span } = place.reading;
    let (mut text, mut after) = match place.written {
        Some(written) => (String::new(), written),
        None => (head(format), span.0.saturating_sub(1)),
    };
    // What a filter lets nothing through of gives no piece: it is looked further.
    while text.is_empty() && after < span.1 {
        let mut tx = lengthy.read(Operation::AuditExport).await?;
        // The transaction is of one moment: what it finds removed is missing in the piece, and nothing else is.
        if anchors::removed(&mut tx).await? > after {
            return Err(Error::conflict(
                "Events of this export were removed for their age meanwhile. Export it again.",
            ));
        }
        let (events, looked) = store::following(&mut tx, filter, span, after, PIECE).await?;
        for event in &events {
            match format {
                Format::Csv => row(&mut text, event),
                Format::JsonLines => text.push_str(&event.line(tx.organisation())),
            }
        }
        after = looked.max(after.saturating_add(1));
    }
    place.written = Some(after);
    Ok((!text.is_empty()).then_some((text, place)))
}

/// What stands before the events.
fn head(format: Format) -> String {
    match format {
        Format::Csv => COLUMNS.join(",") + "\r\n",
        Format::JsonLines => String::new(),
    }
}

const COLUMNS: [&str; 22] = [
    "number",
    "at",
    "action",
    "outcome",
    "reason",
    "count",
    "actor_kind",
    "actor_id",
    "actor_name",
    "credential",
    "subject_kind",
    "subject_id",
    "subject_name",
    "changes",
    "request_id",
    "address",
    "user_agent",
    "id",
    "previous",
    "hash",
    "signed_in_by",
    "credential_id",
];

/// One event as a row. Of one that Latchkey has not written there is the number, its text as `changes`, and the hashes.
fn row(out: &mut String, event: &Stored) {
    let (previous, hash) = (hex(&event.previous), hex(&event.hash));
    let seq = event.seq.to_string();
    let written = event.read();
    let by = written.as_ref().and_then(Written::signed_in_by).map(|by| by.name().to_owned()).unwrap_or_default();
    let used = written.as_ref().and_then(Written::credential_id).map(|id| id.to_string()).unwrap_or_default();
    let cells: [String; 22] = match written {
        Some(written) => [
            seq,
            written.at,
            written.action,
            written.outcome.name().to_owned(),
            written.reason.unwrap_or_default(),
            written.count.to_string(),
            written.actor.kind,
            written.actor.id,
            written.actor.name.text().to_owned(),
            written.credential,
            written.subject.kind,
            written.subject.id,
            written.subject.name.text().to_owned(),
            if written.changes.is_empty() {
                String::new()
            } else {
                serde_json::to_string(&written.changes).unwrap_or_default()
            },
            written.request_id,
            written.address.text().to_owned(),
            written.user_agent.text().to_owned(),
            written.id.to_string(),
            previous,
            hash,
            by,
            used,
        ],
        None => {
            let mut cells: [String; 22] = Default::default();
            cells[0] = seq;
            cells[2] = "not as Latchkey has written it".into();
            cells[13].clone_from(&event.body);
            cells[18] = previous;
            cells[19] = hash;
            cells
        }
    };
    for (index, text) in cells.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        text::cell(out, text);
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_as_many_cells_as_the_head() {
        let (previous, hash, personal) = (vec![0; 32], vec![255; 32], vec![]);
        let event = Stored { seq: 7, body: "{}".into(), previous, hash, personal };
        let mut out = String::new();
        row(&mut out, &event);
        assert_eq!(out.matches("\",\"").count() + 1, COLUMNS.len());
        assert!(out.starts_with("\"7\",") && out.ends_with("\"\r\n") && out.contains("\"{}\""), "{out}");
    }

    #[test]
    fn formats_have_names() {
        for format in [Format::Csv, Format::JsonLines] {
            assert_eq!(Format::parse(format.name()), Some(format));
        }
        assert_eq!(Format::parse("xls"), None);
    }
}
