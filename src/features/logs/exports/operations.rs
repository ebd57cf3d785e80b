//! The log as a file, read part by part, each in a transaction of its own that decides anew whether whoever asked may still
//! read on.

use super::model::{AboutExport, Field, Format, MOST};
use crate::{
    features::logs::{
        model::{FILTERS, is_plain},
        operations,
        query::{self, Cursor, Filter, Span},
        store::{self, exports::ExportedCall},
    },
    kernel::{Asked, Fields, Result, Window},
    policy::{Operation, Target},
    server::{
        access::{Access, Change, Committed, Lengthy},
        audit::event::{Event, Subject},
        database::listing::Place,
    },
    web::files::Download,
};
use futures_util::stream;
use serde_json::{Map, Value};

/// Entries that one transaction reads.
const STEP: i64 = 500;

/// What an export of this filter would be.
pub async fn about(access: &Access, asked: &Asked) -> Result<AboutExport> {
    let (mut tx, filter, _) = operations::begin(access, Operation::LogsExportAbout, asked).await?;
    let (_, totals) = store::summary(&mut tx, &filter).await?;
    let Span { from, to } = filter.span.until(access.now());
    Ok(AboutExport { entries: totals.entries, calls: totals.calls, from, to })
}

/// What shall be exported.
pub struct Wanted {
    /// The log's filter.
    pub asked: Asked,
    /// The span in place of the filter's own.
    pub span: Option<Span>,
    pub fields: Vec<Field>,
    pub format: Format,
    /// Entries that are passed over, the newest.
    pub skip: i64,
    /// Entries at most.
    pub most: i64,
    /// A file that ends at `most` says so in its last line.
    pub tells_cut: bool,
}

/// The calls that the log's filter lets through, as a file with the fields that a form has ticked.
pub async fn export(access: &Access, asked: &Asked, format: &str) -> Result<Export> {
    within(access, asked, format, MOST).await
}

/// The same with no more than so many entries.
pub async fn within(access: &Access, asked: &Asked, format: &str, most: i64) -> Result<Export> {
    let id = access.principal().organisation().map(|id| id.to_string()).unwrap_or_default();
    let subject = Subject::new("log", id, "the log of calls");
    access
        .act(Operation::LogsExport, subject.clone(), |change| async move {
            let mut fields = Fields::default();
            let format =
                fields.take("format", Format::parse(format).ok_or_else(|| "Choose CSV or JSON Lines.".to_owned()));
            let ticked = Some(Field::ticked(asked)).filter(|ticked| !ticked.is_empty());
            let ticked = fields.take("fields", ticked.ok_or_else(|| "Choose at least one field.".to_owned()));
            let wanted = fields.build(|| {
                let (asked, span) = (asked.clone(), None);
                Some(Wanted { asked, span, fields: ticked?, format: format?, skip: 0, most, tells_cut: true })
            })?;
            begin(change, wanted, subject).await
        })
        .await
}

/// Begins an export inside the act that asks for it: its event is committed before the first call is read.
pub async fn begin(change: Change, wanted: Wanted, subject: Subject) -> Result<Committed<Export>> {
    let (now, organisation) = (change.now(), change.organisation());
    let reading = Lengthy::begin(&change, subject.clone(), |limits| &limits.exports)?;
    let Wanted { asked, span, fields, format, skip, most, tells_cut } = wanted;
    let asked = query::canonical(&asked)?;
    let mut filter = query::filter(&asked, now)?;
    filter.span = span.unwrap_or(filter.span.until(now));
    let is_plain = is_plain(&asked);
    if !is_plain {
        change.access().check(Operation::LogsFilter, Target::In(organisation))?;
    }
    let said = FILTERS.iter().filter(|name| !asked.get(name).is_empty());
    let said: Map<String, Value> = said.map(|name| ((*name).to_owned(), asked.get(name).into())).collect();
    let event = Event::of(subject)
        .with("format", format.name())
        .with("fields", fields.iter().map(|field| field.name()).collect::<Vec<_>>())
        .with("filter", said)
        .with("from", filter.span.from.rfc3339())
        .with("to", filter.span.to.rfc3339());
    let place = Some(Place::First);
    let export = Export { reading, filter, is_plain, fields, format, skip, most, tells_cut, sent: 0, place };
    change.commit_reading(&event, export).await
}

/// An export on its way.
pub struct Export {
    reading: Lengthy,
    filter: Filter,
    is_plain: bool,
    fields: Vec<Field>,
    format: Format,
    skip: i64,
    most: i64,
    tells_cut: bool,
    /// Entries that were read.
    sent: i64,
    /// Where it goes on; none at its end.
    place: Option<Place>,
}

impl Export {
    /// The file.
    pub fn download(self) -> Download {
        let digits = |text: String| text.chars().filter(char::is_ascii_digit).take(14).collect::<String>();
        let name = format!("calls-{}.{}", digits(self.reading.begun().rfc3339()), self.format.name());
        let kind = match self.format {
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::JsonLines => "application/x-ndjson; charset=utf-8",
        };
        Download { name, kind, pieces: Box::pin(Lengthy::hold(stream::try_unfold(self, Self::next))) }
    }

    /// The next piece of the file; none behind its end.
    async fn next(mut self) -> Result<Option<(String, Self)>> {
        let Some(place) = self.place.take() else { return Ok(None) };
        let is_first = matches!(place, Place::First);
        let window = Window {
            offset: if is_first { self.skip } else { 0 },
            limit: STEP.min(self.most - self.sent),
            or_last: false,
        };
        let (calls, next) = self.read(place, window).await?;
        let mut piece = if is_first { self.format.head(&self.fields) } else { String::new() };
        calls.iter().for_each(|call| self.format.line(&mut piece, &self.fields, call));
        self.sent += window.limit;
        if let Some(cursor) = next {
            if self.sent < self.most {
                self.place = Some(Place::After(cursor.row()));
            } else if self.tells_cut {
                piece.push_str(&self.format.cut(self.most));
            }
        }
        Ok((!piece.is_empty() || self.place.is_some()).then_some((piece, self)))
    }

    /// Reads a part, if whoever asked for the export may still do so. What takes the engine too long would do so again: that
    /// ends the file.
    async fn read(&self, place: Place, window: Window) -> Result<(Vec<ExportedCall>, Option<Cursor>)> {
        if !self.is_plain {
            drop(self.reading.read(Operation::LogsFilter).await?);
        }
        let mut tx = self.reading.read(Operation::LogsExport).await?;
        let mut filter = self.filter.clone();
        operations::limit(&mut tx, self.reading.access(), &mut filter).await?;
        store::exports::calls(&mut tx, &filter, place, window).await
    }
}
