//! Server-sent events (WHATWG HTML, section 9.2): an incremental splitter and parser, and an encoder.
//!
//! A stream is cut into frames (the raw bytes up to and with the blank line that ends an event), and a frame is parsed
//! only when somebody needs what is in it. So bytes that are merely passed on are neither copied nor rebuilt.

use std::borrow::Cow;

use memchr::{memchr, memchr2};
use thiserror::Error;

/// Largest line, in bytes, terminator excluded. A whole generated image or tool call may stand on one line.
pub const MAX_LINE: usize = 8 << 20;
/// Largest frame, in bytes, with its terminators.
pub const MAX_FRAME: usize = 16 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A stream that cannot be cut into events within bounded memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SseError {
    #[error("a line of the event stream is too long")]
    LineTooLong,
    #[error("an event of the stream is too large")]
    FrameTooLarge,
}

/// Cuts a byte stream into frames, wherever the pieces it is fed with are split.
#[derive(Debug)]
pub struct Frames {
    held: Vec<u8>,
    line: usize,
    frame: usize,
    after_cr: bool,
    max_line: usize,
    max_frame: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Self::bounded(MAX_LINE, MAX_FRAME)
    }
}

impl Frames {
    /// A splitter with other bounds, in bytes.
    pub fn bounded(max_line: usize, max_frame: usize) -> Self {
        Self { held: Vec::new(), line: 0, frame: 0, after_cr: false, max_line, max_frame }
    }

    /// Takes the next bytes and calls `each` with every frame that they complete. The concatenation of all frames and of
    /// [`Frames::rest`] is exactly what was fed. After an error the splitter is of no further use.
    pub fn feed<E: From<SseError>>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        // Where the frame and the line begin, or go on.
        let (mut start, mut at) = (0, 0);
        while at < bytes.len() {
            // The second half of a CRLF whose CR has already ended the line.
            if std::mem::take(&mut self.after_cr) && bytes[at] == b'\n' {
                self.grow(0, 1)?;
                at += 1;
                continue;
            }
            let Some(length) = memchr2(b'\n', b'\r', &bytes[at..]) else {
                self.grow(bytes.len() - at, 0)?;
                break;
            };
            self.grow(length, 1)?;
            at += length + 1;
            self.after_cr = bytes[at - 1] == b'\r';
            if std::mem::take(&mut self.line) > 0 {
                continue;
            }
            self.frame = 0;
            if self.held.is_empty() {
                each(&bytes[start..at])?;
            } else {
                self.held.extend_from_slice(&bytes[start..at]);
                each(&self.held)?;
                self.held.clear();
            }
            start = at;
        }
        self.held.extend_from_slice(&bytes[start..]);
        Ok(())
    }

    /// Counts bytes of a line, and of what ends it.
    fn grow(&mut self, text: usize, end: usize) -> Result<(), SseError> {
        self.line += text;
        self.frame += text + end;
        if self.line > self.max_line {
            Err(SseError::LineTooLong)
        } else if self.frame > self.max_frame {
            Err(SseError::FrameTooLarge)
        } else {
            Ok(())
        }
    }

    /// What stands after the last blank line. At the end of a stream the standard drops it; several servers forget the
    /// last blank line, so the caller may parse it as a frame of its own.
    pub fn rest(&self) -> &[u8] {
        &self.held
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field; empty means `message`.
    pub name: Cow<'a, str>,
    /// The `data` lines, joined by line feeds.
    pub data: Cow<'a, str>,
}

/// Reads a frame. `None` when it has no `data` line: a comment, a blank line, or a lone `retry`.
/// Bytes that are not UTF-8 become replacement characters, as the standard says.
pub fn parse_frame(frame: &[u8]) -> Option<Event<'_>> {
    let frame = frame.strip_prefix(BOM).unwrap_or(frame);
    let mut name = Cow::Borrowed("");
    let mut data: Option<Cow<'_, str>> = None;
    let mut rest = frame;
    while !rest.is_empty() {
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        let (field, value) = match memchr(b':', line) {
            Some(colon) => {
                let value = &line[colon + 1..];
                (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &b""[..]),
        };
        match field {
            b"event" => name = String::from_utf8_lossy(value),
            b"data" => {
                let value = String::from_utf8_lossy(value);
                data = Some(match data {
                    None => value,
                    Some(before) => {
                        let mut joined = before.into_owned();
                        joined.push('\n');
                        joined.push_str(&value);
                        Cow::Owned(joined)
                    }
                });
            }
            _ => {}
        }
    }
    data.map(|data| Event { name, data })
}

/// Appends one event. Line breaks in `data` become several `data` lines; `name` must have none.
pub fn write_event(out: &mut Vec<u8>, name: Option<&str>, data: &str) {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend(name.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')));
        out.push(b'\n');
    }
    let mut rest = data;
    loop {
        let (line, more) = match rest.find(['\r', '\n']) {
            Some(at) => {
                let skip = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
                (&rest[..at], Some(&rest[at + skip..]))
            }
            None => (rest, None),
        };
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
        match more {
            Some(more) => rest = more,
            None => break,
        }
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(pieces: &[&[u8]]) -> Result<(Vec<Vec<u8>>, Vec<u8>), SseError> {
        let mut splitter = Frames::default();
        let mut all = Vec::new();
        for piece in pieces {
            splitter.feed(piece, |frame| {
                all.push(frame.to_vec());
                Ok::<_, SseError>(())
            })?;
        }
        Ok((all, splitter.rest().to_vec()))
    }

    fn events(bytes: &[u8]) -> Vec<(String, String)> {
        let (all, rest) = frames(&[bytes]).unwrap();
        all.iter()
            .chain(std::iter::once(&rest))
            .filter_map(|frame| parse_frame(frame))
            .map(|event| (event.name.into_owned(), event.data.into_owned()))
            .collect()
    }

    fn pair(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn every_line_ending_gives_the_same_events() {
        let want = vec![pair("a", "one\ntwo"), pair("", "three")];
        for end in ["\n", "\r\n", "\r"] {
            let text = ["\u{feff}event: a", "data: one", "data:two", ": comment", "id: 7", "", "data: three", "", ""]
                .join(end);
            assert_eq!(events(text.as_bytes()), want, "{end:?}");
        }
    }

    #[test]
    fn comments_empty_data_and_a_missing_last_blank_line() {
        assert_eq!(
            events(b": ping\n\ndata\n\ndata:  x\n\ndata: [DONE]\n"),
            [pair("", ""), pair("", " x"), pair("", "[DONE]")]
        );
        assert_eq!(events(b"retry: 5\n\nevent: x\n\n"), []);
    }

    #[test]
    fn a_frame_that_arrives_whole_is_handed_out_before_anything_follows() {
        let (all, rest) = frames(&[b"data: 1\r\n\r", b"\ndata: 2\n\n"]).unwrap();
        assert_eq!(all.len(), 2);
        assert!(rest.is_empty());
        assert_eq!(parse_frame(&all[1]).unwrap().data, "2");
    }

    #[test]
    fn long_lines_and_events_are_refused() {
        let mut splitter = Frames::bounded(10, 100);
        let none = |_: &[u8]| Ok::<_, SseError>(());
        assert_eq!(splitter.feed(&[b'x'; 10], none), Ok(()));
        assert_eq!(splitter.feed(b"x", none), Err(SseError::LineTooLong));
        let mut splitter = Frames::bounded(10, 100);
        assert_eq!(splitter.feed("data: 1\n".repeat(12).as_bytes(), none), Ok(()));
        assert_eq!(splitter.feed("data: 1\n".as_bytes(), none), Err(SseError::FrameTooLarge));
    }

    #[test]
    fn written_events_read_back() {
        let mut out = Vec::new();
        write_event(&mut out, Some("error"), "a\nb\r\nc\rd");
        write_event(&mut out, None, "");
        assert_eq!(events(&out), [pair("error", "a\nb\nc\nd"), pair("", "")]);
    }

    proptest! {
        #[test]
        fn splits_change_nothing(
            text in "(data|event|:|[a-c ]{0,4}|\r\n|\n|\r|\u{feff}|ü){0,60}",
            cuts in proptest::collection::vec(0usize..200, 0..8),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let whole = frames(&[bytes]).unwrap();
            prop_assert_eq!(&frames(&pieces).unwrap(), &whole);
            let mut joined = whole.0.concat();
            joined.extend_from_slice(&whole.1);
            prop_assert_eq!(joined.as_slice(), bytes);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (all, rest) = frames(&[&bytes]).unwrap();
            for frame in all.iter().chain([&rest]) {
                let _ = parse_frame(frame);
            }
        }
    }
}
