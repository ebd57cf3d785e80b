//! Reading the filter of the audit log: strict, with a sentence for what cannot be meant.

use super::model::FILTERS;
use crate::{
    kernel::{
        Asked, Error, Fields, Result, Timestamp, text,
        time::{DAY, HOUR},
    },
    server::audit::event::Outcome,
};

/// Longest id, credential, address or name of an action that is looked for, in characters.
const LIMIT: usize = 100;

/// The kinds of actors.
const ACTORS: [&str; 5] = ["person", "api_key", "nobody", "system", "several"];

/// A filter that can be asked of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The first moment.
    pub from: Option<Timestamp>,
    /// The moment before which it ends.
    pub to: Option<Timestamp>,
    /// What an action says before its dot, with the dot.
    pub kind: Option<String>,
    pub action: Option<String>,
    pub outcome: Option<&'static str>,
    pub actor: Option<String>,
    pub actor_kind: Option<&'static str>,
    /// The kind of what it is about, if it was said, and its id.
    pub target: Option<(Option<String>, String)>,
    pub request_id: Option<String>,
    pub credential_id: Option<String>,
    pub credential: Option<String>,
    pub address: Option<String>,
}

impl Filter {
    /// Every event fits.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a page begins: behind a number, towards the oldest, or before it, towards the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    Newest,
    After(i64),
    Before(i64),
}

/// Reads the filter.
///
/// # Errors
/// `invalid`, with a sentence for each field that cannot be meant.
pub fn filter(asked: &Asked, now: Timestamp) -> Result<Filter> {
    let mut fields = Fields::default();
    let (from, to) = fields.take("range", span(asked, now)).unwrap_or_default();
    let mut filter = Filter { from, to, ..Filter::default() };
    macro_rules! take {
        ($($field:ident: $read:expr;)*) => {
            $(if let Some(read) = fields.take(stringify!($field), optional(asked.get(stringify!($field)), $read)) {
                filter.$field = read;
            })*
        };
    }
    take! {
        kind: |text| name("The kind", text).map(|kind| format!("{kind}."));
        action: |text| name("The action", text);
        outcome: |text| {
            one_of(&Outcome::ALL.map(Outcome::name), text)
        };
        actor: |text| line("The id of who acted", text);
        actor_kind: |text| one_of(&ACTORS, text);
        target: target;
        request_id: |text| line("The request id", text);
        credential_id: |text| line("The id of the credential", text).map(|text| text.to_lowercase());
        credential: |text| line("The credential", text);
        address: |text| line("The address", text).map(|text| written_address(&text));
    }
    fields.finish()?;
    Ok(filter)
}

/// An address as events have it; whatever is none, such as a network, in small letters.
fn written_address(text: &str) -> String {
    text.parse::<std::net::IpAddr>().map_or_else(|_| text.to_lowercase(), |address| address.to_string())
}

/// Reads where the page begins.
pub fn place(asked: &Asked) -> Result<Begin> {
    let number = |name: &'static str| match asked.get(name) {
        "" => Ok(None),
        text => match text.parse::<i64>() {
            Ok(number) if number >= 0 => Ok(Some(number)),
            _ => Err(Error::field(name, "A place in the log is the number of an event.")),
        },
    };
    Ok(match (number("after")?, number("before")?) {
        (Some(number), _) => Begin::After(number),
        (None, Some(number)) => Begin::Before(number),
        (None, None) => Begin::Newest,
    })
}

/// What of a filter was said, by name: for the event of an export.
pub fn said(asked: &Asked) -> Option<serde_json::Value> {
    let said: serde_json::Map<_, _> = FILTERS
        .iter()
        .map(|name| (name, asked.get(name).trim()))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| ((*name).to_owned(), text::cut(value, LIMIT).into()))
        .collect();
    (!said.is_empty()).then(|| said.into())
}

type Read<T> = std::result::Result<T, String>;

fn optional<T>(text: &str, parse: impl FnOnce(&str) -> Read<T>) -> Read<Option<T>> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

fn line(what: &str, text: &str) -> Read<String> {
    text::line(what, text, LIMIT)
}

/// `KIND/ID`, or an id alone. No id that Latchkey gives has a `/`.
fn target(text: &str) -> Read<(Option<String>, String)> {
    let text = line("The id of what it is about", text)?;
    match text.split_once('/') {
        Some((kind, id)) if !kind.is_empty() && !id.is_empty() && name("", kind).is_ok() => {
            Ok((Some(kind.to_owned()), id.to_owned()))
        }
        _ => Ok((None, text)),
    }
}

/// A name that Latchkey gives: small letters, digits, `_` and `.`.
fn name(what: &str, text: &str) -> Read<String> {
    let is_name =
        text.len() <= LIMIT && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.".contains(&b));
    if is_name { Ok(text.to_owned()) } else { Err(format!("{what} is written in small letters, such as api_key.")) }
}

fn one_of(all: &[&'static str], text: &str) -> Read<&'static str> {
    all.iter().copied().find(|one| *one == text).ok_or_else(|| "Choose one from the list.".into())
}

fn span(asked: &Asked, now: Timestamp) -> Read<(Option<Timestamp>, Option<Timestamp>)> {
    let last = |length: i64| Ok((Some(now.plus(-length)), None));
    match asked.get("range") {
        "" => Ok((None, None)),
        "1h" => last(HOUR),
        "24h" => last(DAY),
        "7d" => last(7 * DAY),
        "30d" => last(30 * DAY),
        "custom" => {
            let from = optional(asked.get("from"), |text| moment(text, false))?;
            let to = optional(asked.get("to"), |text| moment(text, true))?;
            if from.zip(to).is_some_and(|(from, to)| from >= to) {
                return Err("The beginning must be before the end.".into());
            }
            Ok((from, to))
        }
        _ => Err("Choose a span of time from the list.".into()),
    }
}

/// A date as its beginning or its end, or a moment as it is.
fn moment(text: &str, end: bool) -> Read<Timestamp> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let at = Timestamp::parse(&whole).ok_or("Write a date such as 2027-02-21.")?;
    Ok(if end && text.len() == 10 { at.plus(DAY) } else { at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(said: &[(&str, &str)]) -> Asked {
        said.iter().fold(Asked::default(), |asked, (name, value)| asked.with(name, *value))
    }

    fn refused(said: &[(&str, &str)]) -> Vec<String> {
        let error = filter(&asked(said), Timestamp(0)).unwrap_err();
        error.fields.into_iter().map(|field| field.field).collect()
    }

    #[test]
    fn filters_are_read() {
        assert!(filter(&asked(&[]), Timestamp(0)).unwrap().is_open());
        let said = [("kind", "api_key"), ("outcome", "refused"), ("actor_kind", "person"), ("range", "1h")];
        let read = filter(&asked(&said), Timestamp(HOUR)).unwrap();
        assert_eq!(
            (read.kind.as_deref(), read.outcome, read.actor_kind),
            (Some("api_key."), Some("refused"), Some("person"))
        );
        assert_eq!((read.from, read.to), (Some(Timestamp(0)), None));
        let read = filter(&asked(&[("address", "2001:DB8::1")]), Timestamp(0)).unwrap();
        assert_eq!(read.address.as_deref(), Some("2001:db8::1"));
        let days = filter(&asked(&[("range", "custom"), ("to", "1970-01-01")]), Timestamp(0)).unwrap();
        assert_eq!((days.from, days.to), (None, Some(Timestamp(DAY))));
        assert_eq!(said_of(&[("kind", "config"), ("after", "7")]), r#"{"kind":"config"}"#);
    }

    fn said_of(named: &[(&str, &str)]) -> String {
        said(&asked(named)).unwrap().to_string()
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let long = "x".repeat(101);
        let bad = [("range", "2h"), ("kind", "API"), ("outcome", "ok"), ("actor_kind", "cat"), ("target", &long)];
        assert_eq!(refused(&bad), ["range", "kind", "outcome", "actor_kind", "target"]);
        let of = |text: &str| filter(&asked(&[("target", text)]), Timestamp(0)).unwrap().target.unwrap();
        assert_eq!(of("config/pc-a"), (Some("config".into()), "pc-a".into()));
        for plain in ["pc-a", "/pc-a", "config/", "Config/a"] {
            assert_eq!(of(plain), (None, plain.into()));
        }
        assert_eq!(refused(&[("address", "a\r\nb")]), ["address"]);
        assert_eq!(refused(&[("range", "custom"), ("from", "2027-02-02"), ("to", "2027-02-01")]), ["range"]);
        for bad in ["x", "-1", "99999999999999999999"] {
            assert_eq!(place(&asked(&[("after", bad)])).unwrap_err().fields[0].field, "after");
        }
        assert_eq!(place(&asked(&[("before", "7")])), Ok(Begin::Before(7)));
    }
}
