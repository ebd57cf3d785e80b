//! Server-sent events (WHATWG HTML, section 9.2): an incremental splitter and parser, and an encoder.
//!
//! A stream is cut into frames (the raw bytes up to and with the blank line that ends an event), and a frame is parsed
//! only when somebody needs what is in it. So bytes that are merely passed on are neither copied nor rebuilt.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Largest frame that is put together, in bytes: an answer's picture or sound fits into it.
pub const MAX_FRAME: usize = 2 << 20;
/// Room for a frame that is kept for the next one.
const KEPT: usize = 64 << 10;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What [`Frames`] hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A frame.
    Whole(&'a [u8]),
    /// A piece of a frame that is too large to be put together.
    Piece(&'a [u8]),
}

/// Cuts a byte stream into frames, wherever the pieces it is fed with are split.
#[derive(Debug)]
pub struct Frames {
    /// The frame so far, if it began in an earlier piece.
    held: Vec<u8>,
    /// Whether the line has begun.
    line: bool,
    after_cr: bool,
    /// Whether the frame is handed out in pieces.
    in_pieces: bool,
    largest: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Self::bounded(MAX_FRAME)
    }
}

impl Frames {
    /// A splitter that puts frames of at most so many bytes together.
    pub fn bounded(largest: usize) -> Self {
        Self { held: Vec::new(), line: false, after_cr: false, in_pieces: false, largest }
    }

    /// Takes the next bytes and calls `each` with every frame that they complete. The concatenation of everything handed
    /// out and of [`Frames::rest`] is exactly what was fed.
    pub fn feed<E>(&mut self, bytes: &[u8], mut each: impl FnMut(Frame<'_>) -> Result<(), E>) -> Result<(), E> {
        // Where the frame and the line begin, or go on.
        let (mut start, mut at) = (0, 0);
        while at < bytes.len() {
            // The second half of a CRLF whose CR has already ended the line.
            if std::mem::take(&mut self.after_cr) && bytes[at] == b'\n' {
                at += 1;
                continue;
            }
            let Some(length) = memchr2(b'\n', b'\r', &bytes[at..]) else {
                self.line = true;
                break;
            };
            at += length + 1;
            self.after_cr = bytes[at - 1] == b'\r';
            if std::mem::take(&mut self.line) || length > 0 {
                continue;
            }
            let end = &bytes[start..at];
            if self.too_large_with(end) {
                self.hand_out_piece(end, &mut each)?;
                self.in_pieces = false;
            } else if self.held.is_empty() {
                each(Frame::Whole(end))?;
            } else {
                self.held.extend_from_slice(end);
                each(Frame::Whole(&self.held))?;
                self.forget();
            }
            start = at;
        }
        let rest = &bytes[start..];
        if self.too_large_with(rest) {
            self.hand_out_piece(rest, &mut each)?;
        } else {
            self.held.extend_from_slice(rest);
        }
        Ok(())
    }

    fn too_large_with(&self, more: &[u8]) -> bool {
        self.in_pieces || self.held.len() + more.len() > self.largest
    }

    fn hand_out_piece<E>(&mut self, piece: &[u8], each: &mut impl FnMut(Frame<'_>) -> Result<(), E>) -> Result<(), E> {
        self.in_pieces = true;
        if !self.held.is_empty() {
            each(Frame::Piece(&self.held))?;
            self.forget();
        }
        if piece.is_empty() { Ok(()) } else { each(Frame::Piece(piece)) }
    }

    fn forget(&mut self) {
        self.held.clear();
        self.held.shrink_to(KEPT);
    }

    /// What stands after the last blank line. At the end of a stream the standard drops it; several servers forget the
    /// last blank line, so the caller may parse it as a frame of its own.
    pub fn rest(&self) -> &[u8] {
        &self.held
    }

    /// Whether a frame has begun and not ended.
    pub fn within(&self) -> bool {
        self.in_pieces || !self.held.is_empty()
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

    fn frames(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let (all, rest) = bounded(MAX_FRAME, pieces);
        let whole = all.into_iter().map(|(frame, whole)| {
            assert!(whole);
            frame
        });
        (whole.collect(), rest)
    }

    /// What is handed out, neighbouring pieces of one frame joined, and what is left.
    fn bounded(largest: usize, pieces: &[&[u8]]) -> (Vec<(Vec<u8>, bool)>, Vec<u8>) {
        let mut splitter = Frames::bounded(largest);
        let mut all: Vec<(Vec<u8>, bool)> = Vec::new();
        let mut goes_on = false;
        for piece in pieces {
            let fed = splitter.feed(piece, |frame| {
                match frame {
                    Frame::Whole(frame) => all.push((frame.to_vec(), true)),
                    Frame::Piece(piece) if goes_on => all.last_mut().expect("a piece").0.extend_from_slice(piece),
                    Frame::Piece(piece) => all.push((piece.to_vec(), false)),
                }
                goes_on = matches!(frame, Frame::Piece(piece) if !piece.ends_with(b"\n\n"));
                Ok::<_, ()>(())
            });
            assert_eq!(fed, Ok(()));
        }
        (all, splitter.rest().to_vec())
    }

    fn events(bytes: &[u8]) -> Vec<(String, String)> {
        let (all, rest) = frames(&[bytes]);
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
        let (all, rest) = frames(&[b"data: 1\r\n\r", b"\ndata: 2\n\n"]);
        assert_eq!(all.len(), 2);
        assert!(rest.is_empty());
        assert_eq!(parse_frame(&all[1]).unwrap().data, "2");
    }

    #[test]
    fn a_frame_that_is_too_large_goes_out_in_pieces_and_the_next_one_is_whole() {
        let text = b"data: 1\n\ndata: 23456789\n\ndata: 3\n\ndata: 4";
        let want = vec![
            (b"data: 1\n\n".to_vec(), true),
            (b"data: 23456789\n\n".to_vec(), false),
            (b"data: 3\n\n".to_vec(), true),
        ];
        for cut in 0..text.len() {
            let (before, after) = text.split_at(cut);
            assert_eq!(bounded(12, &[before, after]), (want.clone(), b"data: 4".to_vec()), "{cut}");
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(bounded(12, &single).0, want);
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
            let whole = frames(&[bytes]);
            prop_assert_eq!(&frames(&pieces), &whole);
            let mut joined = whole.0.concat();
            joined.extend_from_slice(&whole.1);
            prop_assert_eq!(joined.as_slice(), bytes);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (all, rest) = frames(&[&bytes]);
            for frame in all.iter().chain([&rest]) {
                let _ = parse_frame(frame);
            }
        }
    }
}
