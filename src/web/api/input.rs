//! What a call may carry: named fields of a body or an address, each read to its type, all mistakes told at once.
//!
//! A field that is not known is refused by its name, so that no misspelt limit is silently without effect. Existing
//! clients repeat some fields that say nothing new; these are the exceptions:
//! - A part of the path, under its own name or with the thing's before it: see [`Echoes`]. It must say what the path says.
//! - `type` and `object`, which answers carry, where the path has no such part: not looked at.
//! - `workspace_id`, `organisation_id` and `organization_id`, in a body or an address: they may name the key's own
//!   organisation, by its id or slug, and no other. Anything else does not exist for this caller.
//! - Fields that a type lists as `unsupported`: they may be null or empty, as that is how it is without them.

use crate::kernel::{Code, Error, Fields, OrganisationId, Result, Secret, text};
use bytes::Bytes;
use serde_json::{Map, Value, value::RawValue};
use std::collections::BTreeMap;

/// Names of the one organisation that a key belongs to.
pub const PLACES: [&str; 4] = ["workspace_id", "workspace_slug", "organisation_id", "organization_id"];
/// What answers say of the kind of a thing.
const KINDS: [&str; 2] = ["type", "object"];
/// Refused fields that one answer names.
const MOST_NAMED: usize = 20;

/// A set of fields, declared by [`input!`].
pub trait Input: Sized + Send {
    const UNSUPPORTED: &'static [&'static str];
    /// Whether a list may stand for it: its items are fields by their numbers, see [`FieldSource::items`].
    const TAKES_LISTS: bool = false;

    /// Takes what it knows out of the source.
    fn take(source: &mut FieldSource) -> Option<Self>;
}

/// Declares a set of fields. Other spellings of a field's name stand behind it: `trace_id | "traceId": Option<String>`. A list
/// that is read page by page ends with `..page`: `page_size` and `current_page`, within the bounds of
/// [`window`](super::window).
macro_rules! input {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$about:meta])* $field:ident $(| $alias:literal)*: $kind:ty,)* ..page }
        $(unsupported: $unsupported:tt)?
    ) => {
        $crate::web::api::input! {
            $(#[$meta])*
            $name {
                $($(#[$about])* $field $(| $alias)*: $kind,)*
                #[schema(minimum = 1, maximum = 100)]
                page_size | "pageSize": Option<i64>,
                #[schema(minimum = 0, maximum = 1000000)]
                current_page | "currentPage": Option<i64>,
            }
            $(unsupported: $unsupported)?
        }
    };
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$about:meta])* $field:ident $(| $alias:literal)*: $kind:ty,)* }
        $(unsupported: [$($unsupported:literal),* $(,)?])?
    ) => {
        $(#[$meta])*
        #[derive(utoipa::ToSchema)]
        pub struct $name { $($(#[$about])* pub $field: $kind,)* }

        impl $crate::web::api::Input for $name {
            const UNSUPPORTED: &'static [&'static str] = &[$($($unsupported),*)?];

            fn take(source: &mut $crate::web::api::FieldSource) -> Option<Self> {
                $(let $field = source.field::<$kind>(&[stringify!($field) $(, $alias)*]);)*
                Some(Self { $($field: $field?,)* })
            }
        }
    };
}
pub(crate) use input;

/// Declares the names that a text field takes, for the document: the field itself is read by whoever knows them.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident { $($value:ident),* $(,)? }) => {
        $(#[$meta])*
        #[derive(serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($value),* }
    };
}
pub(crate) use names;

/// No fields at all.
#[derive(utoipa::ToSchema)]
pub struct Nothing {}

impl Input for Nothing {
    const UNSUPPORTED: &'static [&'static str] = &[];

    fn take(_: &mut FieldSource) -> Option<Self> {
        Some(Self {})
    }
}

/// What a body may repeat of the path: each part by its own name, and by that with the thing's before it. So the `id` of
/// `/admin/users/invites/{id}` may come as `id` and as `invite_id`. A hyphen is as good as an underscore.
#[derive(Debug, Default)]
pub struct Echoes(Vec<(String, String)>);

impl Echoes {
    /// Those of a route, with what stands in the path for each of its parts.
    pub fn of(route: &str, part: impl Fn(&str) -> String) -> Self {
        let segments: Vec<&str> = route.split('/').collect();
        let mut echoes = Vec::new();
        for (before, segment) in segments.iter().zip(segments.iter().skip(1)) {
            let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { continue };
            echoes.push((name.to_owned(), part(name)));
            let thing = before.strip_suffix('s').unwrap_or(before);
            if !thing.is_empty() && !thing.starts_with('{') {
                echoes.push((format!("{}_{name}", thing.replace('-', "_")), part(name)));
            }
        }
        Self(echoes)
    }

    /// Whether a field repeats the path; none: it is no field of this kind.
    fn agrees(&self, field: &str, value: &Value) -> Option<bool> {
        let name = field.replace('-', "_");
        let (_, part) = self.0.iter().find(|(echo, _)| *echo == name)?;
        Some(value.is_null() || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(part)))
    }
}

/// Where fields come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Body,
    /// All values are text there.
    Query,
}

/// The fields of a call that are not read yet.
pub struct FieldSource {
    values: Map<String, Value>,
    origin: Origin,
    refused: Fields,
    /// The body that the values were read of.
    sent: Bytes,
}

impl FieldSource {
    pub fn body(values: Map<String, Value>) -> Self {
        Self { values, origin: Origin::Body, refused: Fields::default(), sent: Bytes::new() }
    }

    /// The same, with the text that they were read of.
    pub fn of_text(values: Map<String, Value>, sent: Bytes) -> Self {
        Self { sent, ..Self::body(values) }
    }

    /// The part of an address behind the question mark. A parameter that is given twice is refused.
    pub fn query(text: &str) -> Self {
        let (mut values, mut refused) = (Map::new(), Fields::default());
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if values.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
                let name = text::cut(&name, 100);
                refused.refuse(name, format!("`{name}` is given twice."));
            }
        }
        Self { values, origin: Origin::Query, refused, sent: Bytes::new() }
    }

    /// Takes out what names an organisation. Gives what is not the id of the key's own, and can only be its slug: any
    /// other organisation does not exist for this caller.
    pub fn take_places(&mut self, own: OrganisationId) -> Result<Vec<String>> {
        let own = own.to_string();
        let places = PLACES.into_iter().filter_map(|name| self.values.remove(name));
        let others = places.filter_map(|value| match value {
            Value::Null => None,
            Value::String(text) if text.is_empty() || text.eq_ignore_ascii_case(&own) => None,
            Value::String(text) => Some(Ok(text)),
            _ => Some(Err(Error::not_found())),
        });
        others.collect()
    }

    /// Reads one field by any of its spellings.
    pub fn field<T: FieldType>(&mut self, names: &[&'static str]) -> Option<T> {
        let name = names[0];
        let mut found = names.iter().filter_map(|name| self.values.remove(*name)).collect::<Vec<_>>().into_iter();
        let value = found.next();
        if found.any(|other| Some(&other) != value.as_ref()) {
            self.refused.refuse(name, format!("`{name}` is given in two spellings with different values."));
            return None;
        }
        let value = match value {
            Some(value) if T::AS_SENT && !value.is_null() => self.as_sent(names).map(Value::String).or(Some(value)),
            value => value,
        };
        let read = match value {
            None => T::absent().ok_or("is missing"),
            Some(value) => T::read(value, self.origin),
        };
        let read = read.map_err(|fault| format!("`{name}` {fault}."));
        self.refused.take(name, read)
    }

    /// Takes out the items of a list: what has a number for its name, in the order of these. None: nothing has one. The
    /// mistakes in an item are told with its number before the field's name.
    pub fn items<I: Input>(&mut self) -> Option<Option<Vec<I>>> {
        let is_number = |name: &str| (1..=9).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_digit());
        let mut numbered: Vec<(u32, String)> = self
            .values
            .keys()
            .filter(|name| is_number(name))
            .filter_map(|name| Some((name.parse().ok()?, name.clone())))
            .collect();
        if numbered.is_empty() {
            return None;
        }
        numbered.sort();
        let mut items = Some(Vec::with_capacity(numbered.len()));
        for (number, name) in numbered {
            let read = match self.values.remove(&name) {
                Some(Value::Object(fields)) => Self::body(fields).read::<I>(&Echoes::default()),
                _ => Err(Error::field("", format!("`{number}` must be an object."))),
            };
            match read {
                Ok(item) => {
                    if let Some(items) = &mut items {
                        items.push(item);
                    }
                }
                Err(error) => {
                    items = None;
                    for fault in error.fields {
                        let field = format!("{number}.{}", fault.field);
                        self.refused.refuse(field.trim_end_matches('.'), fault.message);
                    }
                }
            }
        }
        Some(items)
    }

    /// The text of a value as it was sent.
    fn as_sent(&self, names: &[&'static str]) -> Option<String> {
        let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&self.sent).ok()?;
        names.iter().find_map(|name| fields.remove(*name)).map(|value| value.get().to_owned())
    }

    /// Reads the whole.
    pub fn read<I: Input>(mut self, echoes: &Echoes) -> Result<I> {
        let input = I::take(&mut self);
        for (name, value) in &self.values {
            if self.origin == Origin::Body {
                match echoes.agrees(name, value) {
                    Some(true) => continue,
                    Some(false) => {
                        let message = format!("`{name}` does not match the path.");
                        return Err(Error { code: Code::Malformed, ..Error::field(name, message) });
                    }
                    None if KINDS.contains(&name.as_str()) => continue,
                    None => {}
                }
            }
            if I::UNSUPPORTED.contains(&name.as_str()) {
                if !is_empty(value) {
                    self.refused.refuse(name, format!("`{name}` is not supported here. Leave it out, or send null."));
                }
                continue;
            }
            let name = text::cut(name, 100);
            self.refused.refuse(name, format!("There is no field `{name}`."));
        }
        finish(self.refused)?;
        input.ok_or_else(Error::internal)
    }
}

fn finish(refused: Fields) -> Result<()> {
    refused.finish().map_err(|mut error| {
        error.fields.truncate(MOST_NAMED);
        error
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// The type of a field.
pub trait FieldType: Sized {
    /// It is read from the text of the value as it was sent: `read` gets that text.
    const AS_SENT: bool = false;

    /// Reads what stands there, or says what it must be, as a sentence about the field goes on.
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, &'static str>;

    /// What it is where nothing stands there; none: it is needed.
    fn absent() -> Option<Self> {
        None
    }

    /// What null means, where it differs from nothing at all.
    fn null() -> Option<Self> {
        None
    }
}

/// May be left out; null is the same. Twice around a type, null is told apart: it clears what is stored.
impl<T: FieldType> FieldType for Option<T> {
    const AS_SENT: bool = T::AS_SENT;

    fn read(value: Value, origin: Origin) -> std::result::Result<Self, &'static str> {
        match value {
            Value::Null => Ok(T::null()),
            Value::String(text) if text.is_empty() && origin == Origin::Query => Ok(None),
            value => T::read(value, origin).map(Some),
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn null() -> Option<Self> {
        Some(None)
    }
}

impl FieldType for String {
    fn read(value: Value, _: Origin) -> std::result::Result<Self, &'static str> {
        match value {
            Value::String(text) => Ok(text),
            _ => Err("must be a string"),
        }
    }
}

/// An object, as the text that was sent; or that text as a JSON string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectText(pub String);

impl FieldType for ObjectText {
    const AS_SENT: bool = true;

    fn read(value: Value, _: Origin) -> std::result::Result<Self, &'static str> {
        let Value::String(text) = value else { return Err("must be an object") };
        match text.chars().next() {
            Some('{') => Ok(Self(text)),
            Some('"') => serde_json::from_str(&text).map(Self).map_err(|_| "must be an object"),
            _ => Err("must be an object"),
        }
    }
}

/// Yes or no, as `true` and `false` or 1 and 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag(pub bool);

impl FieldType for Flag {
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, &'static str> {
        if let (Value::String(text), Origin::Query) = (&value, origin) {
            // Python writes its own words for them.
            return match text.to_ascii_lowercase().as_str() {
                "true" | "1" => Ok(Self(true)),
                "false" | "0" => Ok(Self(false)),
                _ => Err("must be true or false"),
            };
        }
        match (value.as_bool(), value.as_i64()) {
            (Some(flag), _) => Ok(Self(flag)),
            (None, Some(0)) => Ok(Self(false)),
            (None, Some(1)) => Ok(Self(true)),
            _ => Err("must be 0 or 1"),
        }
    }
}

/// Any JSON, read by whoever knows it.
impl FieldType for Value {
    fn read(value: Value, _: Origin) -> std::result::Result<Self, &'static str> {
        Ok(value)
    }
}

impl FieldType for Secret {
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, &'static str> {
        String::read(value, origin).map(Secret::new)
    }
}

impl FieldType for i64 {
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, &'static str> {
        let number = match (&value, origin) {
            (Value::String(text), Origin::Query) => text.parse().ok(),
            (value, _) => value.as_i64(),
        };
        number.ok_or("must be a whole number")
    }
}

impl FieldType for f64 {
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, &'static str> {
        let number = match (&value, origin) {
            (Value::String(text), Origin::Query) => text.parse().ok(),
            (value, _) => value.as_f64(),
        };
        number.filter(|number: &f64| number.is_finite()).ok_or("must be a number")
    }
}

impl<T: FieldType> FieldType for Vec<T> {
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, &'static str> {
        match value {
            Value::Array(items) => items.into_iter().map(|item| T::read(item, origin)).collect(),
            _ => Err("must be a list"),
        }
    }
}

impl<T: FieldType> FieldType for BTreeMap<String, T> {
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, &'static str> {
        match value {
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| Ok((name, T::read(value, origin)?))).collect()
            }
            _ => Err("must be an object"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    input! {
        /// For these tests.
        Probe {
            name: String,
            size | "sizeOf": Option<i64>,
            note: Option<Option<String>>,
        }
        unsupported: ["limits"]
    }

    fn body(value: Value) -> FieldSource {
        let Value::Object(fields) = value else { panic!("an object") };
        FieldSource::body(fields)
    }

    /// The echoes of a route with the thing `z` in it.
    fn echoes() -> Echoes {
        Echoes::of("/v1/admin/users/invites/{id}/{sub_type}", |part| if part == "id" { "z" } else { "y" }.into())
    }

    fn refused(source: FieldSource) -> Vec<String> {
        let error = source.read::<Probe>(&echoes()).err().expect("refused");
        assert_eq!(error.code, Code::Invalid);
        error.fields.into_iter().map(|field| field.field).collect()
    }

    #[test]
    fn a_part_of_the_path_may_come_with_the_name_of_its_thing() {
        let agrees = |route: &str, field: &str| Echoes::of(route, |_| "z".into()).agrees(field, &json!("z"));
        assert_eq!(agrees("/v1/feedback/{id}", "feedback_id"), Some(true));
        assert_eq!(agrees("/v1/virtual-keys/{slug}", "virtual_key_slug"), Some(true));
        assert_eq!(agrees("/v1/admin/users/invites/{id}/{sub_type}", "invite_id"), Some(true));
        assert_eq!(agrees("/v1/admin/users/invites/{id}/{sub_type}", "user_id"), None);
    }

    #[test]
    fn null_clears_and_nothing_keeps() {
        let note = |value| body(value).read::<Probe>(&Echoes::default()).unwrap_or_else(|_| panic!("read")).note;
        assert_eq!(note(json!({ "name": "a" })), None);
        assert_eq!(note(json!({ "name": "a", "note": null })), Some(None));
        assert_eq!(note(json!({ "name": "a", "note": "b" })), Some(Some("b".into())));
        assert_eq!(
            body(json!({ "name": "a" })).read::<Probe>(&Echoes::default()).unwrap_or_else(|_| panic!("read")).name,
            "a"
        );
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        assert_eq!(refused(body(json!({ "size": "3", "note": 1, "admin": true }))), ["name", "size", "note", "admin"]);
        assert_eq!(refused(body(json!({ "name": "a", "size": 1, "sizeOf": 2 }))), ["size"]);
        assert_eq!(refused(body(json!({ "name": "a", "limits": [1] }))), ["limits"]);
        assert_eq!(refused(FieldSource::query("name=a&size=1&size=1")), ["size"]);
        assert_eq!(refused(FieldSource::query("name=a&id=1")), ["id"]);
    }

    #[test]
    fn echoes_pass_where_the_path_decides() {
        let echo = json!({ "name": "a", "sizeOf": 7, "type": "x", "sub-type": "y", "id": "z", "limits": [] });
        assert_eq!(body(echo.clone()).read::<Probe>(&echoes()).ok().and_then(|probe| probe.size), Some(7));
        for (name, value, passes) in
            [("invite_id", "Z", true), ("invite_id", "other", false), ("id", "", false), ("sub_type", "service", false)]
        {
            let read = body(json!({ "name": "a", name: value })).read::<Probe>(&echoes());
            let code = read.err().map(|error| (error.code, error.fields[0].field.clone()));
            assert_eq!(code, (!passes).then(|| (Code::Malformed, name.to_owned())), "{name} {value}");
        }
        let error = body(echo).read::<Probe>(&Echoes::default()).err().expect("refused");
        assert_eq!(error.fields[0].field, "id");
    }

    #[test]
    fn the_first_mistake_is_told_by_the_name_of_its_field() {
        for (fields, sentence) in [
            (json!({}), "`name` is missing."),
            (json!({ "name": 7 }), "`name` must be a string."),
            (json!({ "name": "a", "admin": true }), "There is no field `admin`."),
        ] {
            let error = body(fields).read::<Probe>(&Echoes::default()).err().expect("refused");
            assert_eq!(error.message, sentence);
        }
    }

    #[test]
    fn no_field_leads_to_another_organisation() {
        let own = OrganisationId(uuid::Uuid::from_u128(7));
        let own_text = own.to_string().to_uppercase();
        assert_eq!(body(json!({ "organisation_id": own_text, "workspace_id": null })).take_places(own), Ok(vec![]));
        for other in ["00000000-0000-0000-0000-000000000008", "acme"] {
            assert_eq!(body(json!({ "organization_id": other })).take_places(own), Ok(vec![other.to_owned()]));
        }
        for other in [json!(7), json!([])] {
            let error = body(json!({ "organization_id": other })).take_places(own).expect_err("refused");
            assert_eq!(error.code, Code::NotFound);
        }
    }
}
