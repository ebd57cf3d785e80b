//! A strict look at how requests are framed, before hyper reads them.
//!
//! hyper takes a bare LF for the end of a line. A proxy in front may not, and then the two disagree about where a request
//! ends (RFC 9112, sections 2.2, 6.3 and 11.2). So every byte passes through this reader first. It follows heads and
//! bodies, and says where the first byte stands that a strict reader refuses.

use memchr::memchr;

/// The most bytes of a line that are kept: names and values of the two headers that frame a body fit into it.
const KEPT: usize = 64;

/// Follows the requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    place: Place,
    line: Line,
    head: Head,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Head,
    /// So many bytes of a body, or of a chunk.
    Body {
        left: u64,
        chunked: bool,
    },
    /// The line end after a chunk's bytes.
    ChunkEnd,
    /// The line with a chunk's size.
    ChunkSize,
    Trailers,
}

/// The line that is being read.
#[derive(Debug)]
struct Line {
    kept: [u8; KEPT],
    length: usize,
    /// The last byte was a CR: an LF must follow.
    returned: bool,
}

/// What is known of the head that is being read.
#[derive(Debug, Default)]
struct Head {
    begun: bool,
    length: Option<u64>,
    chunked: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self { kept: [0; KEPT], length: 0, returned: false }
    }
}

/// A strict reader refuses the request.
struct Refused;

impl Framing {
    /// Whether a request's head has begun and not ended.
    pub(super) fn inside_head(&self) -> bool {
        self.place == Place::Head && (self.head.begun || self.line.length > 0 || self.line.returned)
    }

    /// Takes the next bytes. Gives the place of the first one that is refused; after it, take no more.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if let Place::Body { left, chunked } = self.place {
                let passed = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += passed;
                self.place = match (left - passed as u64, chunked) {
                    (0, true) => Place::ChunkEnd,
                    (0, false) => Place::Head,
                    (left, chunked) => Place::Body { left, chunked },
                };
                continue;
            }
            let Some(end) = memchr(b'\n', &bytes[at..]) else {
                return self.line.hold(&bytes[at..]).map(|refused| at + refused);
            };
            if let Some(refused) = self.line.hold(&bytes[at..at + end]) {
                return Some(at + refused);
            }
            at += end;
            // Without the CR before it, an LF ends no line.
            if !self.line.returned || self.end_line().is_err() {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    fn end_line(&mut self) -> Result<(), Refused> {
        let line = std::mem::take(&mut self.line);
        self.place = match self.place {
            Place::Head if line.length == 0 && !self.head.begun => Place::Head,
            Place::Head if line.length == 0 => match std::mem::take(&mut self.head) {
                Head { chunked: true, length: None, .. } => Place::ChunkSize,
                Head { chunked: true, .. } => return Err(Refused),
                Head { length: Some(left @ 1..), .. } => Place::Body { left, chunked: false },
                Head { .. } => Place::Head,
            },
            Place::Head => {
                if self.head.begun {
                    self.head.note(&line)?;
                }
                self.head.begun = true;
                Place::Head
            }
            Place::ChunkSize => match chunk_size(line.text())? {
                0 => Place::Trailers,
                left => Place::Body { left, chunked: true },
            },
            Place::ChunkEnd if line.length == 0 => Place::ChunkSize,
            Place::ChunkEnd => return Err(Refused),
            Place::Trailers if line.length == 0 => Place::Head,
            Place::Trailers => Place::Trailers,
            Place::Body { .. } => return Err(Refused),
        };
        Ok(())
    }
}

impl Line {
    /// Takes a part of a line without its LF. Gives the place of a CR that ends no line.
    fn hold(&mut self, part: &[u8]) -> Option<usize> {
        if part.is_empty() {
            return None;
        }
        if self.returned {
            return Some(0);
        }
        let (text, returned) = match part.split_last() {
            Some((b'\r', text)) => (text, true),
            _ => (part, false),
        };
        if let Some(inside) = memchr(b'\r', text) {
            return Some(inside);
        }
        self.returned = returned;
        if self.length < KEPT {
            let kept = text.len().min(KEPT - self.length);
            self.kept[self.length..self.length + kept].copy_from_slice(&text[..kept]);
        }
        self.length += text.len();
        None
    }

    /// Its beginning.
    fn text(&self) -> &[u8] {
        &self.kept[..self.length.min(KEPT)]
    }
}

impl Head {
    /// Notes what a header says about the body.
    fn note(&mut self, line: &Line) -> Result<(), Refused> {
        let text = line.text();
        let Some(colon) = memchr(b':', text) else { return Ok(()) };
        let (name, value) = (&text[..colon], text[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = decimal(value).filter(|_| line.length <= KEPT && self.length.is_none());
            self.length = Some(length.ok_or(Refused)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.chunked || line.length > KEPT || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Refused);
            }
            self.chunked = true;
        }
        Ok(())
    }
}

fn decimal(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// The size at the beginning of a chunk; what stands behind `;` is an extension.
fn chunk_size(line: &[u8]) -> Result<u64, Refused> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    if !(1..=16).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Refused);
    }
    std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or(Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of the refused byte, the same however the bytes are cut.
    fn refused(text: &str) -> Option<usize> {
        let bytes = text.as_bytes();
        let whole = Framing::default().take(bytes);
        for size in 1..bytes.len() {
            let mut framing = Framing::default();
            let cut = bytes.chunks(size).enumerate().find_map(|(n, part)| Some(n * size + framing.take(part)?));
            // A CR is seen to end no line only with the byte after it.
            let same = cut == whole || whole.is_some_and(|at| cut == Some(at + 1));
            assert!(same, "{text:?} in pieces of {size}: {cut:?}, whole {whole:?}");
        }
        whole
    }

    #[test]
    fn requests_follow_one_another() {
        for good in [
            "GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\n\n\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\n\n\n\n\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(refused(good), None, "{good:?}");
            let mut framing = Framing::default();
            framing.take(good.as_bytes());
            assert!(!framing.inside_head(), "{good:?}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for (bad, rest) in [
            ("GET / HTTP/1.1\n", "host: x\n\n"),
            ("GET / HTTP/1.1\r\nhost: x\n", "\r\n"),
            ("GET / HTTP/1.1\r\nhost: x\r", "y\r\n\r\n"),
            ("GET / HTTP/1.1\r\nhost: x\r\n\r", "\r\n"),
            ("GET / HTTP/1.1\r\nhost: x\r\n\n", ""),
            ("POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 3\r\n", "\r\nabc"),
            ("POST / HTTP/1.1\r\ncontent-length: 3, 3\r\n", "\r\nabc"),
            ("POST / HTTP/1.1\r\ncontent-length: +3\r\n", "\r\nabc"),
            ("POST / HTTP/1.1\r\ncontent-length:\r\n", "\r\nabc"),
            ("POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n", "0\r\n\r\n"),
            ("POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n", "\r\n0\r\n\r\n"),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "\r\n0\r\n\r\n"),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\n", "abc\r\n0\r\n\r\n"),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0x3\r\n", "abc\r\n0\r\n\r\n"),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n", "0\r\n\r\n"),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: y\n", "\r\n"),
        ] {
            assert_eq!(refused(&format!("{bad}{rest}")), Some(bad.len() - 1), "{bad:?}");
        }
        let padded = format!("POST / HTTP/1.1\r\ncontent-length:{}3\r\n", " ".repeat(KEPT));
        assert_eq!(refused(&padded), Some(padded.len() - 1));
    }

    #[test]
    fn a_head_is_known_to_be_unfinished() {
        let mut framing = Framing::default();
        assert!(!framing.inside_head());
        for part in ["G", "ET / HTTP/1.1\r\n", "host: x\r\n", "\r"] {
            assert_eq!(framing.take(part.as_bytes()), None);
            assert!(framing.inside_head(), "{part:?}");
        }
        assert_eq!(framing.take(b"\n"), None);
        assert!(!framing.inside_head());
    }
}
