//! JSON as the interface takes it: one object, no name twice, bounded in depth and length.

use crate::kernel::{Code, Error, Result};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Objects and arrays inside one another.
const DEEPEST: usize = 64;
/// Items of one array.
const LONGEST: usize = 1_000;

/// Reads a body. An empty one is an object without fields. A list, where one is taken, is an object of its items by their
/// numbers from 0.
pub fn read(body: &[u8], takes_lists: bool) -> Result<Map<String, Value>> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Strict { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Array(items)) if takes_lists => {
            Ok(items.into_iter().enumerate().map(|(number, item)| (number.to_string(), item)).collect())
        }
        Ok(_) => Err(Error::new(Code::Malformed, "The body must be a JSON object.")),
        Err(error) => Err(Error::new(Code::Malformed, format!("The body cannot be read as JSON: {error}."))),
    }
}

/// Builds a value and looks at the bounds on the way, so that nothing beyond them is kept.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: de::Error>(self) -> std::result::Result<Self, E> {
        match self.depth + 1 {
            depth if depth > DEEPEST => Err(E::custom(format!("it is more than {DEEPEST} levels deep"))),
            depth => Ok(Self { depth }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> std::result::Result<Value, E> {
        i64::try_from(value).map(Value::from).map_err(|_| E::custom("a number is out of range"))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            if array.len() == LONGEST {
                return Err(de::Error::custom(format!("an array has more than {LONGEST} items")));
            }
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(Name(name)) = entries.next_key()? {
            if object.contains_key(&name) {
                return Err(de::Error::custom("a name is given twice in one object"));
            }
            let value = entries.next_value_seed(inner)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let error = read(text.as_bytes(), false).expect_err("refused");
        assert_eq!(error.code, Code::Malformed);
        error.message
    }

    #[test]
    fn objects_are_read_as_they_are() {
        let text = r#"{"a":[1,-2,0.5,true,null,"x\u00e9"],"b":{"c":{}}}"#;
        assert_eq!(
            Value::Object(read(text.as_bytes(), false).expect("an object")),
            serde_json::from_str::<Value>(text).expect("JSON")
        );
        assert_eq!(read(b"", false), Ok(Map::new()));
    }

    #[test]
    fn what_is_ambiguous_or_no_object_is_refused() {
        assert!(refused(r#"{"a":1,"a":1}"#).contains("twice"));
        assert!(refused(r#"{"x":[{"a":1,"\u0061":2}]}"#).contains("twice"));
        assert!(refused("[]").contains("object"));
        let list = read(br#"[{"a":1},2]"#, true).expect("a list");
        assert_eq!(Value::Object(list), serde_json::json!({ "0": { "a": 1 }, "1": 2 }));
        assert!(read(b"2", true).is_err());
        for text in [
            "{",
            "{}{}",
            "null",
            "{'a':1}",
            "{\"a\":NaN}",
            "{\"a\":1e999}",
            "{\"a\":9223372036854775808}",
            r#"{"a":"\ud800"}"#,
        ] {
            refused(text);
        }
        assert!(read(b"{\"a\":\"\xff\"}", false).is_err());
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(read(deep(DEEPEST - 1).as_bytes(), false).is_ok());
        assert!(refused(&deep(DEEPEST)).contains("deep"));
        refused(&deep(100_000));
        let long = |n: usize| format!("{{\"a\":[{}]}}", vec!["0"; n].join(","));
        assert!(read(long(LONGEST).as_bytes(), false).is_ok());
        assert!(refused(&long(LONGEST + 1)).contains("items"));
    }
}
