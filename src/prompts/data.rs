//! The values that a prompt is filled with.

use super::outcome::Refusal;
use crate::kernel::json::{self, MAX_DEPTH, Node, Why};

/// A JSON value whose members keep their order and whose numbers keep their digits.
#[derive(Debug, Clone)]
pub(super) enum Data {
    Null,
    Bool(bool),
    /// As it was written.
    Number(Box<str>),
    Text(String),
    List(Vec<Data>),
    Object(Object),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Object {
    pub members: Vec<(String, Data)>,
    /// The members by key, where there are so many that looking through them is slow.
    sorted: Vec<u32>,
}

/// Above this many members they are found by halves.
const FEW: usize = 8;

impl Object {
    fn new(members: Vec<(String, Data)>) -> Self {
        let mut sorted = vec![];
        if members.len() > FEW {
            sorted.extend(0..u32::try_from(members.len()).unwrap_or(u32::MAX));
            sorted.sort_unstable_by(|a, b| members[*a as usize].0.cmp(&members[*b as usize].0));
        }
        Self { members, sorted }
    }

    pub fn get(&self, key: &str) -> Option<&Data> {
        if self.sorted.is_empty() {
            return self.members.iter().find(|(own, _)| own == key).map(|(_, value)| value);
        }
        let found = self.sorted.binary_search_by(|number| self.members[*number as usize].0.as_str().cmp(key)).ok()?;
        Some(&self.members[self.sorted[found] as usize].1)
    }
}

impl Data {
    /// A value of a text that was read; keys stand once in it.
    pub fn of(node: &Node, text: &str) -> Self {
        match &node.value {
            json::Value::Null => Self::Null,
            json::Value::Bool(told) => Self::Bool(*told),
            json::Value::Number(_) => Self::Number(text[node.at.clone()].into()),
            json::Value::Text(told) => Self::Text(told.clone()),
            json::Value::List(elements) => Self::List(elements.iter().map(|one| Self::of(one, text)).collect()),
            json::Value::Object(members) => {
                Self::Object(Object::new(members.iter().map(|m| (m.key.clone(), Self::of(&m.value, text))).collect()))
            }
        }
    }

    fn from_value(value: &serde_json::Value, depth: usize) -> Option<Self> {
        use serde_json::Value;
        if depth > MAX_DEPTH && (value.is_array() || value.is_object()) {
            return None;
        }
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(told) => Self::Bool(*told),
            Value::Number(number) => Self::Number(number.to_string().into()),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(list) => {
                Self::List(list.iter().map(|one| Self::from_value(one, depth + 1)).collect::<Option<_>>()?)
            }
            Value::Object(map) => Self::Object(Self::from_map(map, depth)?),
        })
    }

    fn from_map(map: &serde_json::Map<String, serde_json::Value>, depth: usize) -> Option<Object> {
        let members = map.iter().map(|(key, value)| Some((key.clone(), Self::from_value(value, depth + 1)?)));
        Some(Object::new(members.collect::<Option<_>>()?))
    }

    /// What shows a section, as JavaScript has it: not false, null, the empty text, the empty list, or a zero.
    pub fn shows(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(told) => *told,
            Self::Number(number) => number.parse::<f64>().is_ok_and(|number| number != 0.0),
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Object(_) => true,
        }
    }

    /// Writes it as JSON without blanks; stops once the text is longer than `most`.
    pub fn write(&self, out: &mut String, most: usize) {
        if out.len() > most {
            return;
        }
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(told) => out.push_str(if *told { "true" } else { "false" }),
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => quote(out, text),
            Self::List(list) => {
                out.push('[');
                for (number, one) in list.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    if out.len() > most {
                        return;
                    }
                    one.write(out, most);
                }
                out.push(']');
            }
            Self::Object(object) => {
                out.push('{');
                for (number, (key, value)) in object.members.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    if out.len() > most {
                        return;
                    }
                    quote(out, key);
                    out.push(':');
                    value.write(out, most);
                }
                out.push('}');
            }
        }
    }
}

/// Writes a text as a JSON string, quotes included.
pub(super) fn quote(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

/// Writes a text as it stands between the quotes of a JSON string.
pub(super) fn escape(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        from = at + 1;
        out.push_str(short);
        if short.is_empty() {
            out.push_str("\\u00");
            out.push(HEX[usize::from(byte >> 4)].into());
            out.push(HEX[usize::from(byte & 15)].into());
        }
    }
    out.push_str(&text[from..]);
}

/// The values of one rendering, by name.
#[derive(Debug, Clone)]
pub struct Variables(pub(super) Data);

impl Default for Variables {
    fn default() -> Self {
        Self(Data::Object(Object::default()))
    }
}

impl Variables {
    /// Reads them from the JSON text of an object, as it was sent. Members keep their order, numbers their digits.
    ///
    /// # Errors
    /// [`Refusal::BadVariables`] where it is no object, a key stands twice, or it is nested deeper than 64 levels.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let bad = |message: String| Err(Refusal::BadVariables { message });
        match json::read(text) {
            Err(unreadable) if unreadable.why == Why::TooDeep => {
                bad(format!("The variables are nested deeper than {MAX_DEPTH} levels."))
            }
            Err(_) => bad("The variables are not valid JSON.".into()),
            Ok((_, twice)) if !twice.is_empty() => {
                bad(format!("The variables name “{}” twice.", twice.first().map_or("", |one| one.path.as_str())))
            }
            Ok((node, _)) => match Data::of(&node, text) {
                object @ Data::Object(_) => Ok(Self(object)),
                _ => bad("The variables must be an object of names and values.".into()),
            },
        }
    }

    /// Takes them from a map; what the map has lost already (the order of members, digits of long numbers) stays lost.
    ///
    /// # Errors
    /// [`Refusal::BadVariables`] where it is nested deeper than 64 levels.
    pub fn of(map: &serde_json::Map<String, serde_json::Value>) -> Result<Self, Refusal> {
        Data::from_map(map, 1).map(|object| Self(Data::Object(object))).ok_or_else(|| Refusal::BadVariables {
            message: format!("The variables are nested deeper than {MAX_DEPTH} levels."),
        })
    }

    /// The names at the top.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let members = match &self.0 {
            Data::Object(object) => object.members.as_slice(),
            _ => &[],
        };
        members.iter().map(|(key, _)| key.as_str())
    }
}
