//! What a target changes in a request's body: members that are added, replaced and taken out, in the raw bytes. Every other
//! byte stays as the caller wrote it.

use super::level::{Params, Part};
use crate::dialect::raw_json::{self, JsonError};
use std::collections::HashMap;
use std::sync::Arc;

/// What one target changes, everything inherited included.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Fill what is not there.
    pub defaults: Params,
    /// Go before what is there.
    pub overrides: Params,
    /// Are taken out at the end.
    pub drops: Arc<[Vec<Part>]>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.defaults.is_empty() && self.overrides.is_empty() && self.drops.is_empty()
    }

    /// The body, a JSON object, with the changes: defaults, then overrides, then what is dropped.
    ///
    /// # Errors
    /// When the body is no JSON object.
    pub fn apply(&self, body: &[u8]) -> Result<Vec<u8>, JsonError> {
        let replaced: HashMap<&str, &str> = self.overrides.iter().map(|(key, text)| (&**key, &**text)).collect();
        let mut out = Vec::with_capacity(body.len() + 256);
        let mut seen: Vec<&str> = vec![];
        out.push(b'{');
        let mut put = |key: &[u8], name: Option<&str>, value: &[u8]| {
            let drops: Vec<&[Part]> = name.map(|name| under(&self.drops, name)).unwrap_or_default();
            if drops.iter().any(|rest| rest.is_empty()) {
                return;
            }
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(key);
            out.push(b':');
            without(value, &drops, &mut out);
        };
        raw_json::members(body, |member| {
            let (key, value) = (&body[member.key], &body[member.value]);
            let name = raw_json::text(key);
            let known = name.as_deref().and_then(|name| replaced.get_key_value(name));
            match known {
                // The first of several of one name is replaced, the others go.
                Some((name, text)) if !seen.contains(name) => {
                    seen.push(name);
                    put(key, Some(name), text.as_bytes());
                }
                Some(_) => {}
                None => {
                    let own = name.as_deref().and_then(|name| self.defaults.iter().find(|(key, _)| **key == *name));
                    if let Some((key, _)) = own {
                        seen.push(key);
                    }
                    put(key, name.as_deref(), value);
                }
            }
            Ok::<_, JsonError>(())
        })?;
        let added = self.overrides.iter().chain(self.defaults.iter().filter(|(key, _)| !replaced.contains_key(&**key)));
        for (key, text) in added.filter(|(key, _)| !seen.contains(&&**key)) {
            let literal = serde_json::to_vec(&**key).unwrap_or_default();
            put(&literal, Some(key), text.as_bytes());
        }
        out.push(b'}');
        Ok(out)
    }
}

/// What is left of the paths that begin with this key, behind it.
fn under<'a>(paths: &'a [Vec<Part>], key: &str) -> Vec<&'a [Part]> {
    let of = |path: &'a Vec<Part>| match path.split_first() {
        Some((Part::Key(first), rest)) if **first == *key => Some(rest),
        _ => None,
    };
    paths.iter().filter_map(of).collect()
}

/// Writes a value without what these paths lead to, none of which is the value itself. Its grammar has been checked.
fn without(value: &[u8], paths: &[&[Part]], out: &mut Vec<u8>) {
    let object = value.first() == Some(&b'{');
    if paths.is_empty() || !(object || value.first() == Some(&b'[')) {
        out.extend_from_slice(value);
        return;
    }
    out.push(value[0]);
    let start = out.len();
    let mut number = 0;
    raw_json::each(value, |key, element| {
        let name = if object { raw_json::text(key) } else { None };
        let fits = |part: &Part| match part {
            Part::Key(wanted) => name.as_deref().is_some_and(|name| name == &**wanted),
            Part::Element(wanted) => !object && *wanted == number,
            Part::All => !object,
        };
        let below: Vec<&[Part]> = paths
            .iter()
            .filter_map(|path| path.split_first())
            .filter(|(first, _)| fits(first))
            .map(|(_, rest)| rest)
            .collect();
        number += 1;
        if below.iter().any(|rest| rest.is_empty()) {
            return;
        }
        if out.len() > start {
            out.push(b',');
        }
        if object {
            out.extend_from_slice(key);
            out.push(b':');
        }
        without(element, &below, out);
    });
    out.push(if object { b'}' } else { b']' });
}
