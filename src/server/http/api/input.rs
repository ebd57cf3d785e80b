//! What a call may carry: named fields of a body or an address, each read to its type, all mistakes told at once.
//!
//! A field that is not known is refused by its name, so that no misspelt limit is silently without effect. Existing
//! clients repeat some fields that say nothing new; these are the exceptions:
//! - `type`, `sub-type`, `sub_type` and `object` anywhere, and `id`, `slug` and `user_id` where the path has named the
//!   thing already: not looked at, the path decides.
//! - `workspace_id`, `organisation_id` and `organization_id`, in a body or an address: they may name the key's own
//!   organisation, by its id, and no other. Anything else does not exist for this caller.
//! - Fields that a type lists as `unsupported`: they may be null or empty, as that is how it is without them.

use crate::kernel::{Error, Fields, OrganisationId, Result, Secret, text};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Names of the one organisation that a key belongs to.
pub const PLACES: [&str; 3] = ["workspace_id", "organisation_id", "organization_id"];
const ECHOES: [&str; 4] = ["type", "sub-type", "sub_type", "object"];
const ECHOES_OF_PATH: [&str; 3] = ["id", "slug", "user_id"];
/// Refused fields that one answer names.
const MOST_NAMED: usize = 20;

/// A set of fields, declared by [`input!`].
pub trait Input: Sized + Send {
    const UNSUPPORTED: &'static [&'static str];

    /// Takes what it knows out of the source.
    fn take(source: &mut Source) -> Option<Self>;
}

/// Declares a set of fields. Other spellings of a field's name stand behind it: `page_size | "pageSize": Option<i64>`.
macro_rules! input {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$about:meta])* $field:ident $(| $alias:literal)*: $kind:ty,)* }
        $(unsupported: [$($unsupported:literal),* $(,)?])?
    ) => {
        $(#[$meta])*
        #[derive(utoipa::ToSchema)]
        pub struct $name { $($(#[$about])* pub $field: $kind,)* }

        impl $crate::server::http::api::Input for $name {
            const UNSUPPORTED: &'static [&'static str] = &[$($($unsupported),*)?];

            fn take(source: &mut $crate::server::http::api::Source) -> Option<Self> {
                $(let $field = source.field::<$kind>(&[stringify!($field) $(, $alias)*]);)*
                Some(Self { $($field: $field?,)* })
            }
        }
    };
}
pub(crate) use input;

/// No fields at all.
#[derive(utoipa::ToSchema)]
pub struct Nothing {}

impl Input for Nothing {
    const UNSUPPORTED: &'static [&'static str] = &[];

    fn take(_: &mut Source) -> Option<Self> {
        Some(Self {})
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
pub struct Source {
    values: Map<String, Value>,
    origin: Origin,
    refused: Fields,
}

impl Source {
    pub fn body(values: Map<String, Value>) -> Self {
        Self { values, origin: Origin::Body, refused: Fields::default() }
    }

    /// The part of an address behind the question mark. A parameter that stands there twice is refused.
    pub fn query(text: &str) -> Self {
        let (mut values, mut refused) = (Map::new(), Fields::default());
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if values.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
                refused.refuse(text::cut(&name, 100), "This parameter stands there twice.");
            }
        }
        Self { values, origin: Origin::Query, refused }
    }

    /// Takes out what names an organisation. Another one than the key's own does not exist for this caller.
    pub fn check_places(&mut self, own: OrganisationId) -> Result<()> {
        let own = own.to_string();
        PLACES.into_iter().filter_map(|name| self.values.remove(name)).try_for_each(|value| match value {
            Value::Null => Ok(()),
            Value::String(text) if text.is_empty() || text.eq_ignore_ascii_case(&own) => Ok(()),
            _ => Err(Error::not_found()),
        })
    }

    /// Reads one field by any of its spellings.
    pub fn field<T: Part>(&mut self, names: &[&'static str]) -> Option<T> {
        let name = names[0];
        let mut found = names.iter().filter_map(|name| self.values.remove(*name)).collect::<Vec<_>>().into_iter();
        let value = found.next();
        if found.any(|other| Some(&other) != value.as_ref()) {
            self.refused.refuse(name, "This field stands there in two spellings with different values.");
            return None;
        }
        let read = match value {
            None => T::absent().ok_or_else(|| "This field is needed.".to_owned()),
            Some(value) => T::read(value, self.origin),
        };
        self.refused.take(name, read)
    }

    /// Reads the whole.
    pub fn read<I: Input>(mut self, path_names_thing: bool) -> Result<I> {
        let input = I::take(&mut self);
        for (name, value) in &self.values {
            let echo = self.origin == Origin::Body
                && (ECHOES.contains(&name.as_str()) || (path_names_thing && ECHOES_OF_PATH.contains(&name.as_str())));
            if echo {
                continue;
            }
            if I::UNSUPPORTED.contains(&name.as_str()) {
                if !is_empty(value) {
                    self.refused.refuse(name, "This is not supported here. Leave it out, or send null.");
                }
                continue;
            }
            self.refused.refuse(text::cut(name, 100), "There is no field of this name.");
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
pub trait Part: Sized {
    /// Reads what stands there, or says in a sentence why not.
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, String>;

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
impl<T: Part> Part for Option<T> {
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, String> {
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

impl Part for String {
    fn read(value: Value, _: Origin) -> std::result::Result<Self, String> {
        match value {
            Value::String(text) => Ok(text),
            _ => Err("This must be a text.".into()),
        }
    }
}

impl Part for Secret {
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, String> {
        String::read(value, origin).map(Secret::new)
    }
}

impl Part for i64 {
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, String> {
        let number = match (&value, origin) {
            (Value::String(text), Origin::Query) => text.parse().ok(),
            (value, _) => value.as_i64(),
        };
        number.ok_or_else(|| "This must be a whole number.".into())
    }
}

impl<T: Part> Part for Vec<T> {
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, String> {
        match value {
            Value::Array(items) => items.into_iter().map(|item| T::read(item, origin)).collect(),
            _ => Err("This must be a list.".into()),
        }
    }
}

impl<T: Part> Part for BTreeMap<String, T> {
    fn read(value: Value, origin: Origin) -> std::result::Result<Self, String> {
        match value {
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| Ok((name, T::read(value, origin)?))).collect()
            }
            _ => Err("This must be an object.".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Code;
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

    fn body(value: Value) -> Source {
        let Value::Object(fields) = value else { panic!("an object") };
        Source::body(fields)
    }

    fn refused(source: Source) -> Vec<String> {
        let error = source.read::<Probe>(true).err().expect("refused");
        assert_eq!(error.code, Code::Invalid);
        error.fields.into_iter().map(|field| field.field).collect()
    }

    #[test]
    fn null_clears_and_nothing_keeps() {
        let note = |value| body(value).read::<Probe>(false).unwrap_or_else(|_| panic!("read")).note;
        assert_eq!(note(json!({ "name": "a" })), None);
        assert_eq!(note(json!({ "name": "a", "note": null })), Some(None));
        assert_eq!(note(json!({ "name": "a", "note": "b" })), Some(Some("b".into())));
        assert_eq!(body(json!({ "name": "a" })).read::<Probe>(false).unwrap_or_else(|_| panic!("read")).name, "a");
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        assert_eq!(refused(body(json!({ "size": "3", "note": 1, "admin": true }))), ["name", "size", "note", "admin"]);
        assert_eq!(refused(body(json!({ "name": "a", "size": 1, "sizeOf": 2 }))), ["size"]);
        assert_eq!(refused(body(json!({ "name": "a", "limits": [1] }))), ["limits"]);
        assert_eq!(refused(Source::query("name=a&size=1&size=1")), ["size"]);
        assert_eq!(refused(Source::query("name=a&id=1")), ["id"]);
    }

    #[test]
    fn echoes_pass_where_the_path_decides() {
        let echo = json!({ "name": "a", "sizeOf": 7, "type": "x", "sub-type": "y", "id": "z", "limits": [] });
        assert_eq!(body(echo.clone()).read::<Probe>(true).ok().and_then(|probe| probe.size), Some(7));
        let error = body(echo).read::<Probe>(false).err().expect("refused");
        assert_eq!(error.fields[0].field, "id");
    }

    #[test]
    fn no_field_leads_to_another_organisation() {
        let own = OrganisationId(uuid::Uuid::from_u128(7));
        let own_text = own.to_string().to_uppercase();
        assert!(body(json!({ "organisation_id": own_text, "workspace_id": null })).check_places(own).is_ok());
        for other in [json!("00000000-0000-0000-0000-000000000008"), json!("acme"), json!(7), json!([])] {
            let error = body(json!({ "organization_id": other })).check_places(own).expect_err("refused");
            assert_eq!(error.code, Code::NotFound);
        }
    }
}
