//! What the gateway must know of a request body before it forwards it, found without building a tree, and the few edits
//! that are made in the raw bytes.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{error::ApiError, raw_json};

/// Longest model name, in bytes.
pub const MAX_MODEL: usize = 256;

/// The most models that may answer in place of one.
const MAX_MODELS: usize = 100;

/// Longest `stream_options`, in bytes.
const MAX_OPTIONS: usize = 1024;
/// Longest text of a key or of a model's name that is looked at, escapes included.
const MAX_LITERAL: usize = 6 * MAX_MODEL + 2;

/// The model and the way of answering that a request body asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The value of `model`, as the caller wrote it.
    pub model: Cow<'a, str>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the caller asked for the usage chunk of a stream (`stream_options.include_usage`).
    pub include_usage: bool,
    /// How many JSON values the body holds, at every depth.
    pub values: usize,
    /// The most tokens that the answer may have, all its choices together, where the request says.
    pub most_output: Option<u64>,
    /// Whether the answer is to be made while nobody waits for it.
    pub background: bool,
    /// `None` where it is left out.
    model_at: Option<Range<usize>>,
    /// Where `models` stands.
    models_at: Option<Range<usize>>,
    stream_options_at: Option<Range<usize>>,
    /// Just behind the opening brace.
    first_at: usize,
    /// The body is a form, in which a text stands without quotes.
    form: bool,
}

/// A whole number that is no larger than any answer could be.
fn whole(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

impl<'a> Head<'a> {
    /// Reads the head of a JSON object, at most 64 levels deep. `model`, `models`, `stream` and `stream_options` may each
    /// stand there once only: two readers that choose differently among two would let a caller pass a check with one model and
    /// call another. For the same reason the key is compared after its escapes are undone.
    pub fn read(body: &'a [u8]) -> Result<Self, ApiError> {
        Self::read_as(body, true)
    }

    /// The same for a request that may leave its model to the provider, unless it `needs_model`. A model that is left out
    /// is the empty name.
    pub fn read_as(body: &'a [u8], needs_model: bool) -> Result<Self, ApiError> {
        let (mut model_at, mut models_at, mut stream_at, mut options_at) = (None, None, None, None);
        let mut background = false;
        let (mut most, mut choices): (Option<u64>, Option<u64>) = (None, Some(1));
        let values = raw_json::members(body, |member| {
            let key =
                raw_json::text(Some(&body[member.key]).filter(|key| key.len() <= MAX_LITERAL).unwrap_or_default());
            let (name, slot) = match key.as_deref() {
                Some("model") => ("model", &mut model_at),
                Some("models") => ("models", &mut models_at),
                Some("stream") => ("stream", &mut stream_at),
                Some("stream_options") => ("stream_options", &mut options_at),
                // Of two the larger counts: whichever the provider reads.
                Some("max_tokens" | "max_completion_tokens" | "max_output_tokens") => {
                    most = most.max(whole(&body[member.value]));
                    return Ok(());
                }
                Some("background") => {
                    background |= &body[member.value] == b"true";
                    return Ok(());
                }
                Some("n" | "best_of") => {
                    // How many there are of a number that is written otherwise, nobody can say.
                    let said = &body[member.value];
                    if said != b"null" {
                        choices = choices.zip(whole(said)).map(|(one, other)| one.max(other));
                    }
                    return Ok(());
                }
                // Servers that ignore letter case would read this one, while we have read the other.
                Some(key) => {
                    return match READ.iter().find(|known| known.eq_ignore_ascii_case(key)) {
                        None => Ok(()),
                        Some(name) => Err(ApiError::invalid(name, format!("Write `{name}` in lower case."))),
                    };
                }
                None => return Ok(()),
            };
            match slot.replace(member.value) {
                None => Ok(()),
                Some(_) => Err(ApiError::duplicate(name)),
            }
        })?;
        let model_at: Option<Range<usize>> = model_at;
        let model = match &model_at {
            None if needs_model => return Err(ApiError::no_model()),
            None => Cow::Borrowed(""),
            Some(at) if at.len() > MAX_LITERAL => return Err(ApiError::invalid("model", TOO_LONG)),
            Some(at) => {
                let model = raw_json::text(&body[at.clone()])
                    .ok_or_else(|| ApiError::invalid("model", "`model` must be a string."))?;
                check_model(&model)?;
                model
            }
        };
        let stream = match stream_at.map(|at: Range<usize>| &body[at]) {
            None | Some(b"null" | b"false") => false,
            Some(b"true") => true,
            Some(_) => return Err(ApiError::invalid("stream", "`stream` must be true or false.")),
        };
        let include_usage = match &options_at {
            None => false,
            Some(at) if at.len() > MAX_OPTIONS => {
                return Err(ApiError::invalid("stream_options", "`stream_options` is longer than 1024 bytes."));
            }
            Some(at) => match serde_json::from_slice::<Value>(&body[at.clone()]) {
                Ok(Value::Null) => false,
                Ok(Value::Object(options)) => match options.get("include_usage") {
                    None | Some(Value::Null) => false,
                    Some(Value::Bool(asked)) => *asked,
                    Some(_) => {
                        return Err(ApiError::invalid("stream_options.include_usage", "It must be true or false."));
                    }
                },
                _ => return Err(ApiError::invalid("stream_options", "`stream_options` must be an object.")),
            },
        };
        let first_at = body.iter().position(|&byte| byte == b'{').map_or(0, |at| at + 1);
        let form = false;
        let most_output = most.zip(choices).map(|(most, choices)| most.saturating_mul(choices));
        Ok(Self {
            model,
            stream,
            include_usage,
            values,
            most_output,
            background,
            model_at,
            models_at,
            stream_options_at: options_at,
            first_at,
            form,
        })
    }

    /// What a form says, whose text of the model stands at this place.
    pub(super) fn of_form(model: &'a str, model_at: Range<usize>, stream: bool) -> Self {
        Self { model: model.into(), model_at: Some(model_at), form: true, ..Self::of_nothing(stream) }
    }

    /// What a request without a body says.
    pub fn of_nothing(stream: bool) -> Self {
        Self {
            model: "".into(),
            stream,
            include_usage: false,
            values: 0,
            most_output: None,
            background: false,
            model_at: None,
            models_at: None,
            stream_options_at: None,
            first_at: 0,
            form: false,
        }
    }

    /// The same without the body.
    pub fn into_owned(self) -> Head<'static> {
        Head { model: Cow::Owned(self.model.into_owned()), ..self }
    }

    /// The models that may answer in place of the one that is asked for, where the body says which. None: what it says
    /// cannot be read.
    pub fn others(&self, body: &[u8]) -> Option<Vec<Box<str>>> {
        let Some(at) = &self.models_at else { return Some(vec![]) };
        let others: Option<Vec<Box<str>>> = serde_json::from_slice(body.get(at.clone())?).ok()?;
        let others = others.unwrap_or_default();
        (others.len() <= MAX_MODELS && others.iter().all(|model| model.len() <= MAX_MODEL)).then_some(others)
    }

    /// The body with another model name, and with usage asked for in a stream if `ask_usage` says so. Every other byte
    /// stays as it was; a body that needs no edit is not copied.
    pub fn edited(&self, body: &Bytes, model: &str, ask_usage: bool) -> Bytes {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        if let Some(at) = self.model_at.as_ref().filter(|_| model != self.model) {
            edits.push((at.clone(), if self.form { model.to_owned() } else { Value::from(model).to_string() }));
        }
        if ask_usage && self.stream && !self.include_usage {
            edits.push(match &self.stream_options_at {
                None => (self.first_at..self.first_at, "\"stream_options\":{\"include_usage\":true},".to_owned()),
                Some(at) => {
                    let mut options = serde_json::from_slice::<Value>(&body[at.clone()]).unwrap_or(Value::Null);
                    match options.as_object_mut() {
                        Some(options) => drop(options.insert("include_usage".into(), Value::Bool(true))),
                        None => options = json!({ "include_usage": true }),
                    }
                    (at.clone(), options.to_string())
                }
            });
        }
        if edits.is_empty() {
            return body.clone();
        }
        edits.sort_by_key(|(at, _)| at.start);
        let mut out = Vec::with_capacity(body.len() + edits.iter().map(|(_, text)| text.len()).sum::<usize>());
        let mut done = 0;
        for (at, text) in edits {
            out.extend_from_slice(&body[done..at.start]);
            out.extend_from_slice(text.as_bytes());
            done = at.end;
        }
        out.extend_from_slice(&body[done..]);
        out.into()
    }
}

/// The members that are read.
const READ: [&str; 10] = [
    "model",
    "models",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "background",
    "n",
    "best_of",
];

const TOO_LONG: &str = "`model` is longer than 256 bytes.";

/// Refuses names that no provider has and that could climb out of a path: empty, over-long, dots alone, or with control
/// characters.
pub fn check_model(model: &str) -> Result<(), ApiError> {
    let why = if model.is_empty() || model.trim() != model {
        "`model` must not be empty, or begin or end with a space."
    } else if model.len() > MAX_MODEL {
        TOO_LONG
    } else if model.chars().any(char::is_control) || model.split('/').any(|part| matches!(part, "" | "." | "..")) {
        "`model` is not a model name."
    } else {
        return Ok(());
    };
    Err(ApiError::invalid("model", why))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(body: &str) -> (String, Option<String>) {
        let error = Head::read(body.as_bytes()).unwrap_err();
        assert_eq!(error.status, 400);
        (error.code, error.param)
    }

    #[test]
    fn the_head_is_found_among_other_things() {
        let body = r#"{"messages":[{"model":"inner","stream":true}],"mod\u0065l":"gpt\u002d4o","stream":true}"#;
        let head = Head::read(body.as_bytes()).unwrap();
        assert_eq!((head.model.as_ref(), head.stream, head.include_usage), ("gpt-4o", true, false));
        let head = Head::read(br#"{"model":"m","stream":null,"stream_options":{"include_usage":true}}"#).unwrap();
        assert_eq!((head.stream, head.include_usage), (false, true));
        assert!(matches!(head.model, Cow::Borrowed("m")));
    }

    #[test]
    fn what_else_a_call_may_use_is_found() {
        let read = |body: &'static str| Head::read(body.as_bytes()).unwrap();
        assert!(read(r#"{"model":"m","background":true}"#).background);
        assert!(!read(r#"{"model":"m","background":null,"input":{"background":true}}"#).background);
        for (body, others) in [
            (r#"{"model":"m"}"#, Some(vec![])),
            (r#"{"model":"m","models":null}"#, Some(vec![])),
            (r#"{"models":["a/b","c\u0064"],"model":"m"}"#, Some(vec!["a/b", "cd"])),
            (r#"{"model":"m","models":"a"}"#, None),
            (r#"{"model":"m","models":["a",1]}"#, None),
        ] {
            let told = read(body).others(body.as_bytes());
            assert_eq!(
                told,
                others.map(|others| others.into_iter().map(Into::into).collect::<Vec<Box<str>>>()),
                "{body}"
            );
        }
    }

    #[test]
    fn what_could_be_read_two_ways_is_refused() {
        for (body, param) in [
            (r#"{"models":["a"],"model":"a","models":["b"]}"#, "models"),
            (r#"{"model":"a","model":"b"}"#, "model"),
            (r#"{"model":"a","mod\u0065l":"b"}"#, "model"),
            (r#"{"stream":true,"model":"a","stream":false}"#, "stream"),
            (r#"{"stream_options":null,"model":"a","stream_options":null}"#, "stream_options"),
        ] {
            assert_eq!(refused(body), ("duplicate_parameter".into(), Some(param.into())), "{body}");
        }
        assert_eq!(refused(r#"{"model":"a","Model":"b"}"#), ("invalid_parameter".into(), Some("model".into())));
        for (name, other) in
            [("models", "Models"), ("max_tokens", "MAX_tokens"), ("background", "Background"), ("n", "N")]
        {
            let body = format!(r#"{{"model":"a","{other}":1}}"#);
            assert_eq!(refused(&body), ("invalid_parameter".into(), Some(name.into())), "{body}");
        }
        assert_eq!(refused(r#"{"messages":[]}"#), ("missing_parameter".into(), Some("model".into())));
        for model in ["1", "null", r#""""#, r#""..""#, r#""a/../b""#, r#"" a""#, r#""a\u0000""#, r#""\ud800""#] {
            assert_eq!(refused(&format!("{{\"model\":{model}}}")).1.as_deref(), Some("model"), "{model}");
        }
        assert_eq!(refused(r#"{"model":"a","stream":"true"}"#).1.as_deref(), Some("stream"));
        assert_eq!(refused(r#"{"model":"a","stream_options":[]}"#).1.as_deref(), Some("stream_options"));
        assert_eq!(refused("[1]"), ("invalid_json".into(), None));
        assert_eq!(refused(&format!("{{\"model\":\"a\",\"x\":{}", "[".repeat(70))), ("invalid_json".into(), None));
    }

    #[test]
    fn what_is_read_is_bounded() {
        let long = "\\u0061".repeat(300);
        assert_eq!(refused(&format!(r#"{{"model":"{long}"}}"#)).1.as_deref(), Some("model"));
        let options = format!(r#"{{"model":"m","stream_options":[{}0]}}"#, "0,".repeat(600));
        assert_eq!(refused(&options).1.as_deref(), Some("stream_options"));
        let key = format!(r#"{{"{long}":1,"model":"m"}}"#);
        assert_eq!(Head::read(key.as_bytes()).unwrap().values, 2);
    }

    fn edit(body: &str, model: &str, ask: bool) -> String {
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let head = Head::read(body.as_bytes()).unwrap();
        String::from_utf8(head.edited(&bytes, model, ask).to_vec()).unwrap()
    }

    #[test]
    fn only_what_must_change_changes() {
        let body = r#" { "a" : 1.50, "model" : "@openai/gpt-4o" , "b":"\u00e4" } "#;
        assert_eq!(edit(body, "gpt-\"4o", true), r#" { "a" : 1.50, "model" : "gpt-\"4o" , "b":"\u00e4" } "#);
        let body = Bytes::from_static(br#"{"model":"m"}"#);
        assert_eq!(Head::read(&body).unwrap().edited(&body, "m", true).as_ptr(), body.as_ptr());
    }

    #[test]
    fn usage_is_asked_for_in_streams_only_and_once() {
        for (body, want) in [
            (r#"{"model":"m","stream":false}"#, r#"{"model":"m","stream":false}"#),
            (
                r#"{"model":"m","stream":true}"#,
                r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#,
            ),
            (
                r#"{"stream_options":null,"model":"m","stream":true}"#,
                r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#,
            ),
            (
                r#"{"model":"m","stream":true,"stream_options":{"include_obfuscation":false}}"#,
                r#"{"model":"m","stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}"#,
            ),
            (
                r#"{"model":"m","stream":true,"stream_options":{ "include_usage":true}}"#,
                r#"{"model":"m","stream":true,"stream_options":{ "include_usage":true}}"#,
            ),
        ] {
            assert_eq!(edit(body, "m", true), want);
        }
    }

    proptest! {
        #[test]
        fn an_edited_body_reads_as_the_same_request_with_the_other_model(
            before in "[a-c]{1,5}", model in "[\\PC]{1,20}", text in "\\PC{0,20}", stream: bool, ask: bool,
        ) {
            prop_assume!(check_model(&model).is_ok());
            let body = json!({ "a": [text], "model": before, "stream": stream, "z": { "model": 1 } }).to_string();
            let edited: Value = serde_json::from_str(&edit(&body, &model, ask)).unwrap();
            let mut want: Value = serde_json::from_str(&body).unwrap();
            want["model"] = Value::from(model);
            if stream && ask {
                want["stream_options"] = json!({ "include_usage": true });
            }
            prop_assert_eq!(edited, want);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Head::read(&bytes);
        }
    }
}
