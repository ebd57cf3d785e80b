//! One pass over the raw bytes of a JSON object that checks the grammar (RFC 8259) and gives the places of its top-level
//! members, without building a tree. Nothing is allocated, and depth is bounded by a 64-bit stack.

use std::{borrow::Cow, ops::Range};

use thiserror::Error;

/// Arrays and objects inside one another, the outermost included.
pub const MAX_DEPTH: u32 = 64;

/// Why a body is no acceptable JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    #[error("the body is not valid JSON (at byte {0})")]
    Syntax(usize),
    #[error("the body is not a JSON object")]
    NotAnObject,
    #[error("the body is nested more than 64 levels deep")]
    TooDeep,
}

/// The places of one member: the key with its quotes, and the value without blanks around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// Calls `each` with every top-level member of the object in `bytes`, in order. Gives the number of values inside the
/// object, at every depth.
pub fn members<E: From<JsonError>>(bytes: &[u8], mut each: impl FnMut(Member) -> Result<(), E>) -> Result<usize, E> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(JsonError::Syntax(error.valid_up_to()).into());
    }
    let mut scan = Scan::new(bytes);
    scan.blanks();
    match scan.peek() {
        Some(b'{') => scan.at += 1,
        Some(_) => return Err(JsonError::NotAnObject.into()),
        None => return Err(JsonError::Syntax(scan.at).into()),
    }
    scan.blanks();
    if scan.peek() == Some(b'}') {
        scan.at += 1;
    } else {
        loop {
            scan.blanks();
            let key = scan.string()?;
            scan.blanks();
            scan.expect(b':')?;
            scan.blanks();
            let start = scan.at;
            scan.value(1)?;
            each(Member { key, value: start..scan.at })?;
            scan.blanks();
            match scan.next() {
                Some(b',') => {}
                Some(b'}') => break,
                _ => return Err(scan.wrong().into()),
            }
        }
    }
    scan.blanks();
    if scan.at == bytes.len() { Ok(scan.values) } else { Err(JsonError::Syntax(scan.at).into()) }
}

/// Calls `each` with every member (its key with quotes, and its value) or element (with an empty key) of an object or array
/// whose grammar has been checked, which begins and ends with its brackets.
pub fn each<'a>(value: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8])) {
    let object = value.first() == Some(&b'{');
    let mut scan = Scan::new(value);
    scan.at = 1;
    scan.blanks();
    if matches!(scan.peek(), None | Some(b'}' | b']')) {
        return;
    }
    scan.at = 0;
    while let Some((key, element)) = scan.following(object) {
        each(&value[key], &value[element]);
        if !scan.goes_on() {
            break;
        }
    }
}

/// The text of a JSON string literal, quotes included, that [`members`] has accepted. `None` when it is no string, or
/// has a lone surrogate, which no text can hold.
pub fn text(literal: &[u8]) -> Option<Cow<'_, str>> {
    let inner = literal.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inner.contains(&b'\\') {
        serde_json::from_slice::<String>(literal).ok().map(Cow::Owned)
    } else {
        std::str::from_utf8(inner).ok().map(Cow::Borrowed)
    }
}

/// A place in a text.
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Values passed.
    values: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, values: 0 }
    }

    /// In a text that has been checked: the next member of an object, or element of an array (without a key), from the
    /// opening bracket on.
    pub(super) fn following(&mut self, object: bool) -> Option<(Range<usize>, Range<usize>)> {
        // The opening bracket, or a comma.
        self.at += 1;
        self.blanks();
        let mut key = 0..0;
        if object {
            key = self.string().ok()?;
            self.blanks();
            self.expect(b':').ok()?;
            self.blanks();
        }
        let start = self.at;
        self.value(0).ok()?;
        let value = start..self.at;
        self.blanks();
        Some((key, value))
    }

    /// After [`Scan::following`]: whether another one follows.
    pub(super) fn goes_on(&self) -> bool {
        self.peek() == Some(b',')
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// The error at the byte just read, or at the end.
    fn wrong(&self) -> JsonError {
        JsonError::Syntax(self.at.saturating_sub(1))
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.next() == Some(byte) { Ok(()) } else { Err(self.wrong()) }
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Result<Range<usize>, JsonError> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            match self.next() {
                Some(b'"') => return Ok(start..self.at),
                Some(b'\\') => match self.next() {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                    Some(b'u') => {
                        for _ in 0..4 {
                            if !self.next().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                return Err(self.wrong());
                            }
                        }
                    }
                    _ => return Err(self.wrong()),
                },
                Some(0x00..=0x1f) | None => return Err(self.wrong()),
                Some(_) => {}
            }
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(JsonError::Syntax(self.at))
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(JsonError::Syntax(start)) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Passes one value that stands inside `outer` levels. Which kind each open level is, is one bit of `objects`.
    fn value(&mut self, outer: u32) -> Result<(), JsonError> {
        let mut objects: u64 = 0;
        let mut depth = 0;
        loop {
            // Here a value begins.
            self.values += 1;
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    self.at += 1;
                    if outer + depth >= MAX_DEPTH {
                        return Err(JsonError::TooDeep);
                    }
                    depth += 1;
                    objects = objects << 1 | u64::from(open == b'{');
                    self.blanks();
                    let close = if open == b'{' { b'}' } else { b']' };
                    if self.peek() != Some(close) {
                        if open == b'{' {
                            self.member_key()?;
                        }
                        continue;
                    }
                    self.at += 1;
                    depth -= 1;
                    objects >>= 1;
                }
                Some(b'"') => {
                    self.string()?;
                }
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                _ => return Err(JsonError::Syntax(self.at)),
            }
            // Here a value has ended: close what ends with it, until another one follows.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                self.blanks();
                let object = objects & 1 == 1;
                match self.next() {
                    Some(b',') => {
                        self.blanks();
                        if object {
                            self.member_key()?;
                        }
                        break;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    _ => return Err(self.wrong()),
                }
                depth -= 1;
                objects >>= 1;
            }
        }
    }

    fn member_key(&mut self) -> Result<(), JsonError> {
        self.string()?;
        self.blanks();
        self.expect(b':')?;
        self.blanks();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(body: &str) -> Result<Vec<(String, String)>, JsonError> {
        let mut all = Vec::new();
        members(body.as_bytes(), |member| {
            let key = text(&body.as_bytes()[member.key]).ok_or(JsonError::NotAnObject)?.into_owned();
            all.push((key, body[member.value].to_owned()));
            Ok::<_, JsonError>(())
        })?;
        Ok(all)
    }

    #[test]
    fn members_have_their_places() {
        let body = r#" { "a" : [1, {"b":[]}] , "m\u006fdel":"x\"y" ,"n":-1.5e+3,"t":true} "#;
        let want = [("a", r#"[1, {"b":[]}]"#), ("model", r#""x\"y""#), ("n", "-1.5e+3"), ("t", "true")];
        let want: Vec<_> = want.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(keys(body).unwrap(), want);
        assert_eq!(keys("{}").unwrap(), []);
    }

    #[test]
    fn values_are_counted_at_every_depth() {
        let count = |body: &str| members(body.as_bytes(), |_| Ok::<_, JsonError>(()));
        for (body, values) in [("{}", 0), (r#"{"a":1}"#, 1), (r#"{"a":[]}"#, 1), (r#"{"a":[1,{"b":[2,3]}],"c":{}}"#, 7)]
        {
            assert_eq!(count(body), Ok(values), "{body}");
        }
    }

    #[test]
    fn depth_is_bounded_exactly() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(keys(&nested(63)).is_ok());
        assert_eq!(keys(&nested(64)), Err(JsonError::TooDeep));
        assert_eq!(keys(&nested(100_000)), Err(JsonError::TooDeep));
    }

    #[test]
    fn what_is_no_object_is_said_to_be_none() {
        for body in ["[]", "1", "\"a\"", "null"] {
            assert_eq!(keys(body), Err(JsonError::NotAnObject), "{body}");
        }
        assert_eq!(keys(""), Err(JsonError::Syntax(0)));
        for body in
            ["{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":01}", "{\"a\":1}}", "{\"a\":[1,]}", "{\"a\":\"\n\"}"]
        {
            assert!(matches!(keys(body), Err(JsonError::Syntax(_))), "{body}");
        }
        assert!(matches!(members(b"{\"\xff\":1}", |_| Ok::<_, JsonError>(())), Err(JsonError::Syntax(2))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// The grammar is serde_json's, for texts of JSON's own characters.
        #[test]
        fn agrees_with_a_full_parser(inner in r#"([{}\[\]:,"]|\\u00e4|\\n|[0-9eE.+-]|true|null|"a"|"b":|[ \n]|1|,){0,14}"#) {
            let body = format!("{{\"k\":{inner}}}");
            let ours = keys(&body).is_ok();
            // Read for its grammar alone: a number too large for a float is valid JSON, though no value of serde_json's.
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
            prop_assert_eq!(ours, theirs, "{}", body);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = members(&bytes, |_| Ok::<_, JsonError>(()));
            let mut inside = b"{\"a\":".to_vec();
            inside.extend_from_slice(&bytes);
            let _ = members(&inside, |_| Ok::<_, JsonError>(()));
        }
    }
}
