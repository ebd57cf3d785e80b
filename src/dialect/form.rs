//! What the gateway must know of a form (`multipart/form-data`, RFC 7578), found in its raw bytes.

use std::ops::Range;

use http::HeaderValue;
use memchr::memmem;

use super::{
    error::ApiError,
    head::{Head, check_model},
};

/// The longest boundary, in bytes (RFC 2046).
const MAX_BOUNDARY: usize = 70;
/// The longest headers of a part, in bytes.
const MAX_HEADERS: usize = 4 << 10;

/// The content type of a form, with its boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormKind {
    value: HeaderValue,
    boundary: Box<str>,
}

impl FormKind {
    /// Reads a content type. `None` if it is none of a form, or has no boundary that every server reads alike.
    pub fn read(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let (kind, rest) = text.split_once(';')?;
        if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let (name, boundary) = rest.split_once('=')?;
        let boundary = boundary.trim();
        let boundary = boundary.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(boundary);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
        let fits = name.trim().eq_ignore_ascii_case("boundary")
            && (1..=MAX_BOUNDARY).contains(&boundary.len())
            && boundary.bytes().all(plain)
            && !boundary.ends_with(' ');
        fits.then(|| Self { value: value.clone(), boundary: boundary.into() })
    }

    /// The content type as it came.
    pub fn value(&self) -> HeaderValue {
        self.value.clone()
    }

    /// Finds `model` and `stream` in the form. Each may stand there once only, as in [`Head::read`], and as plain text.
    /// Fails with 400: `invalid_form`, `missing_parameter`, `duplicate_parameter`, `invalid_parameter`.
    pub fn head<'a>(&self, body: &'a [u8]) -> Result<Head<'a>, ApiError> {
        let (mut model_at, mut stream_at) = (None, None);
        self.parts(body, |headers, content| {
            let part = Part::read(headers).ok_or_else(broken)?;
            let (name, slot) = match &*part.name {
                "model" => ("model", &mut model_at),
                "stream" => ("stream", &mut stream_at),
                other => {
                    return match ["model", "stream"].iter().find(|known| known.eq_ignore_ascii_case(other.trim())) {
                        None => Ok(()),
                        Some(name) => Err(ApiError::invalid(name, format!("Write `{name}` in lower case."))),
                    };
                }
            };
            if !part.plain {
                return Err(ApiError::invalid(name, format!("`{name}` must be plain text.")));
            }
            match slot.replace(content) {
                None => Ok(()),
                Some(_) => Err(ApiError::duplicate(name)),
            }
        })?;
        let text = |at: &Range<usize>| std::str::from_utf8(&body[at.clone()]).unwrap_or_default();
        let model_at: Range<usize> = model_at.ok_or_else(ApiError::no_model)?;
        let model = text(&model_at);
        check_model(model)?;
        let stream = match stream_at.as_ref().map(text) {
            None | Some("" | "0") => false,
            Some("1") => true,
            Some(word) if word.eq_ignore_ascii_case("true") => true,
            Some(word) if word.eq_ignore_ascii_case("false") => false,
            Some(_) => return Err(ApiError::invalid("stream", "`stream` must be true or false.")),
        };
        Ok(Head::of_form(model, model_at, stream))
    }

    /// Calls `each` with the headers of every part and the place of its content.
    fn parts<'a>(
        &self,
        body: &'a [u8],
        mut each: impl FnMut(&'a [u8], Range<usize>) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let delimiter = format!("\r\n--{}", self.boundary);
        let finder = memmem::Finder::new(&delimiter);
        // The first one may begin the body.
        let first = &delimiter.as_bytes()[2..];
        let mut at =
            if body.starts_with(first) { first.len() } else { finder.find(body).ok_or_else(broken)? + delimiter.len() };
        loop {
            let rest = &body[at..];
            if rest.starts_with(b"--") {
                return Ok(());
            }
            let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            if !rest[blanks..].starts_with(b"\r\n") {
                return Err(broken());
            }
            let start = at + blanks + 2;
            let end = start + finder.find(&body[start..]).ok_or_else(broken)?;
            let part = &body[start..end];
            let length = memmem::find(&part[..part.len().min(MAX_HEADERS)], b"\r\n\r\n").ok_or_else(broken)?;
            each(&part[..length], start + length + 4..end)?;
            at = end + delimiter.len();
        }
    }
}

/// What the headers of a part say.
struct Part {
    name: String,
    /// It is neither a file nor written in some other way.
    plain: bool,
}

impl Part {
    fn read(headers: &[u8]) -> Option<Self> {
        let (mut name, mut plain) = (None, true);
        for line in std::str::from_utf8(headers).ok()?.split("\r\n") {
            let (header, value) = line.split_once(':')?;
            if header.eq_ignore_ascii_case("content-transfer-encoding") {
                plain = false;
            } else if header.eq_ignore_ascii_case("content-disposition") {
                for (key, value) in parameters(value)? {
                    if key.eq_ignore_ascii_case("name") {
                        // Which of two counts, nobody can say.
                        if name.replace(value).is_some() {
                            return None;
                        }
                    } else if key.to_ascii_lowercase().starts_with("name*") {
                        return None;
                    } else if key.to_ascii_lowercase().starts_with("filename") {
                        plain = false;
                    }
                }
            }
        }
        Some(Self { name: name?, plain })
    }
}

/// The parameters behind the first word of a header, quotes and escapes undone.
fn parameters(value: &str) -> Option<Vec<(&str, String)>> {
    let (kind, mut rest) = value.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let mut found = vec![];
    while !rest.trim().is_empty() {
        let (key, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let mut text = String::new();
        if let Some(quoted) = value.strip_prefix('"') {
            let mut letters = quoted.char_indices();
            let end = loop {
                match letters.next()? {
                    (at, '"') => break at + 1,
                    // Browsers send a quotation mark as %22 and a backslash as it is, others escape both.
                    (_, '\\') if quoted[letters.offset()..].starts_with(['"', '\\']) => text.push(letters.next()?.1),
                    (_, letter) => text.push(letter),
                }
            };
            rest = quoted[end..].trim_start();
            rest = if rest.is_empty() { rest } else { rest.strip_prefix(';')? };
        } else {
            let (word, after) = value.split_once(';').unwrap_or((value, ""));
            text.push_str(word.trim());
            rest = after;
        }
        found.push((key.trim(), text));
    }
    Some(found)
}

fn broken() -> ApiError {
    ApiError {
        param: None,
        code: "invalid_form".into(),
        ..ApiError::invalid("", "The form cannot be read: it is not multipart/form-data as RFC 7578 defines it.")
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn kind(text: &str) -> Option<FormKind> {
        FormKind::read(&HeaderValue::from_str(text).expect("a value"))
    }

    fn form(parts: &[(&str, &str)]) -> String {
        let part = |(head, content): &(&str, &str)| {
            format!("--xx\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
        };
        format!("{}--xx--\r\n", parts.iter().map(part).collect::<String>())
    }

    fn read(parts: &[(&str, &str)]) -> Result<(String, bool), String> {
        let body = form(parts);
        let head = kind("multipart/form-data; boundary=xx").expect("a kind").head(body.as_bytes());
        head.map(|head| (head.model.into_owned(), head.stream)).map_err(|error| error.code)
    }

    #[test]
    fn a_content_type_has_one_boundary() {
        for good in [
            "multipart/form-data; boundary=a",
            "Multipart/Form-Data;boundary=\"a b\"",
            "multipart/form-data; BOUNDARY=----x'1",
        ] {
            assert!(kind(good).is_some(), "{good}");
        }
        for bad in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=a",
            "application/json; boundary=a",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; boundary=\"a",
            &format!("multipart/form-data; boundary={}", "a".repeat(71)),
        ] {
            assert!(kind(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn model_and_stream_are_found_among_files() {
        let file = ("name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg", "\r\n\r\nname=\"model\"\r\n--x");
        assert_eq!(read(&[file, ("name=\"model\"", "whisper-1")]), Ok(("whisper-1".into(), false)));
        assert_eq!(read(&[("name=model", "@a/w"), file, ("name=\"stream\"", "True")]), Ok(("@a/w".into(), true)));
    }

    #[test]
    fn what_could_be_read_two_ways_is_refused() {
        let model = ("name=\"model\"", "a");
        for (parts, code) in [
            (vec![], "missing_parameter"),
            (vec![model, model], "duplicate_parameter"),
            (vec![model, ("name=\"Model\"", "b")], "invalid_parameter"),
            (vec![("name=\"model\"; filename=\"x\"", "a")], "invalid_parameter"),
            (vec![("name=\"model\"\r\nContent-Transfer-Encoding: base64", "YQ==")], "invalid_parameter"),
            (vec![("name=\"x\"; name=\"model\"", "a")], "invalid_form"),
            (vec![("name*=utf-8''model", "a")], "invalid_form"),
            (vec![("filename=\"x\"", "a")], "invalid_form"),
            (vec![("name=\"model\"", "a\r\nb")], "invalid_parameter"),
            (vec![model, ("name=\"stream\"", "perhaps")], "invalid_parameter"),
        ] {
            assert_eq!(read(&parts), Err(code.into()), "{parts:?}");
        }
        let kind = kind("multipart/form-data; boundary=xx").expect("a kind");
        for broken in [
            "",
            "--xx",
            "--xx\r\n\r\n",
            "--xxy\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\r\n--xx--",
            &form(&[model])[..40],
        ] {
            assert_eq!(
                kind.head(broken.as_bytes()).map_err(|error| error.code),
                Err("invalid_form".into()),
                "{broken}"
            );
        }
    }

    #[test]
    fn only_the_model_changes() {
        let body = Bytes::from(form(&[("name=\"model\"", "@a/whisper"), ("name=\"file\"; filename=\"f\"", "\u{1}")]));
        let head = kind("multipart/form-data; boundary=xx").expect("a kind").head(&body).expect("a head");
        let edited = head.edited(&body, "whisper", false);
        assert_eq!(
            edited,
            form(&[("name=\"model\"", "whisper"), ("name=\"file\"; filename=\"f\"", "\u{1}")]).as_bytes()
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let kind = kind("multipart/form-data; boundary=xx").expect("a kind");
            let _ = kind.head(&bytes);
            let _ = kind.head(&[b"--xx\r\nContent-Disposition: form-data; ", &bytes[..], b"\r\n--xx--"].concat());
        }
    }
}
