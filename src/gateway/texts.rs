//! What calls say, for those whose texts are kept. Nothing in here is touched where they are not.
//!
//! A text is cut and its images are left out when it is taken, so that what waits to be written is small; and all that waits
//! has a bound. Where that is reached, a call's texts are given up, and its entry says so. The journal holds no text: a crash
//! loses those that were not written yet, but no entry.

use super::joined::Joined;
use super::room::{HEAVY, Share};
use crate::features::logs::texts::{Keeps, LIMIT};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use memchr::memchr2;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// How long the record of a stream waits for its last bytes to go to the caller.
const LAST_BYTES: Duration = Duration::from_secs(5);
/// The fewest characters that are taken for an image: shorter ones are no matter.
const SHORTEST: usize = 128;
/// How Base64 begins of what begins as images do, with their kinds.
const IMAGES: [(&[u8], &str); 8] = [
    (b"iVBORw0KGgo", "image/png"),
    (b"/9j/", "image/jpeg"),
    (b"\\/9j\\/", "image/jpeg"),
    (b"R0lGOD", "image/gif"),
    (b"UklGR", "image/webp"),
    (b"PHN2Zy", "image/svg+xml"),
    (b"SUkqA", "image/tiff"),
    (b"TU0AK", "image/tiff"),
];

/// The room for texts that wait to be written. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Budget(Arc<AtomicUsize>);

impl Budget {
    pub(super) fn of(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    fn hold(&self) -> Hold {
        Hold { budget: self.clone(), bytes: 0 }
    }
}

/// What somebody holds of the room; given back when it is dropped.
#[derive(Debug)]
struct Hold {
    budget: Budget,
    bytes: usize,
}

impl Hold {
    /// Takes so many bytes more. False: there is no room.
    fn grow(&mut self, bytes: usize) -> bool {
        let take = |free: usize| free.checked_sub(bytes);
        let taken = self.budget.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        if taken {
            self.bytes += bytes;
        }
        taken
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// A text as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Side {
    pub text: String,
    /// Bytes of the whole.
    pub size: u64,
    pub is_cut: bool,
    /// Images that a short note stands for.
    pub left_out: u64,
}

/// What a record brings of the texts of its call.
#[derive(Debug)]
pub struct Kept {
    pub request: Option<Side>,
    pub answer: Option<Side>,
    /// There was no room, so that neither is here.
    pub dropped: bool,
    /// It holds its room for as long as it waits.
    _hold: Hold,
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        (&self.request, &self.answer, self.dropped) == (&other.request, &other.answer, other.dropped)
    }
}

/// Texts are in no log of the program.
impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("size", &self.size).field("is_cut", &self.is_cut).finish_non_exhaustive()
    }
}

/// The texts of a call that is under way.
#[derive(Debug)]
pub(super) struct Taking {
    keeps: Keeps,
    hold: Hold,
    request: Option<Side>,
    answer: Option<Side>,
    /// Where a stream's text is put together while it goes to the caller.
    tee: Option<Arc<Tee>>,
    dropped: bool,
}

impl Taking {
    pub(super) fn new(keeps: Keeps, budget: &Budget) -> Self {
        Self { keeps, hold: budget.hold(), request: None, answer: None, tee: None, dropped: false }
    }

    /// Takes what has left for the provider.
    pub(super) async fn request(&mut self, share: &Share, said: Bytes) {
        let side = taken(share, self.keeps, said).await;
        self.request = self.held(side);
    }

    /// Takes an answer that is there as a whole: a text, or the events of a stream.
    pub(super) async fn answer(&mut self, share: &Share, said: &Bytes, joined: Option<Joined>) {
        let side = match joined {
            None => taken(share, self.keeps, said.clone()).await,
            Some(joined) => together(share, joined, said.clone()).await,
        };
        self.answer = self.held(side);
    }

    /// A short text of the program's own.
    pub(super) fn told(&mut self, text: &[u8]) {
        let side = kept_of(text, self.keeps.without_images);
        self.answer = self.held(Some(side));
    }

    /// The answer of an attempt is none of the next one's.
    pub(super) fn forget_answer(&mut self) {
        (self.answer, self.tee) = (None, None);
    }

    /// Begins to put a stream's text together.
    pub(super) fn tee(&mut self, joined: Joined) -> Arc<Tee> {
        let part = Part { joined, hold: self.hold.budget.hold(), dropped: false };
        let tee = Arc::new(Tee { part: Mutex::new(part), over: Notify::new(), is_over: AtomicUsize::new(0) });
        self.tee = Some(tee.clone());
        tee
    }

    /// Whether there is something to wait for: the last bytes of a stream.
    pub(super) fn waits(&self) -> bool {
        self.tee.as_ref().is_some_and(|tee| tee.is_over.load(Ordering::Acquire) == 0)
    }

    /// What the record brings. Waits for the last bytes of a stream, if there are any to come.
    pub(super) async fn ended(self) -> Option<Arc<Kept>> {
        if let Some(tee) = self.tee.as_ref().filter(|_| self.waits()) {
            let _ = timeout(LAST_BYTES, tee.over.notified()).await;
        }
        self.kept()
    }

    /// The same as far as it is there now.
    pub(super) fn kept(mut self) -> Option<Arc<Kept>> {
        if let Some(tee) = self.tee.take() {
            let mut part = tee.lock();
            self.dropped |= part.dropped;
            let side = part.joined.side();
            // From here on it is held with the others.
            part.hold = self.hold.budget.hold();
            drop(part);
            self.answer = self.held(side);
        }
        let Self { mut request, mut answer, dropped, hold, .. } = self;
        if dropped {
            (request, answer) = (None, None);
        }
        let some = dropped || request.is_some() || answer.is_some();
        some.then(|| Arc::new(Kept { request, answer, dropped, _hold: hold }))
    }

    fn held(&mut self, side: Option<Side>) -> Option<Side> {
        let side = side?;
        if self.hold.grow(side.text.len()) {
            return Some(side);
        }
        self.dropped = true;
        None
    }
}

/// A stream's text while it goes to the caller.
pub(super) struct Tee {
    part: Mutex<Part>,
    over: Notify,
    is_over: AtomicUsize,
}

struct Part {
    joined: Joined,
    hold: Hold,
    dropped: bool,
}

impl Tee {
    fn lock(&self) -> std::sync::MutexGuard<'_, Part> {
        self.part.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn piece(&self, bytes: &[u8]) {
        let mut part = self.lock();
        if part.dropped {
            return;
        }
        let before = part.joined.held();
        part.joined.feed(bytes);
        let more = part.joined.held().saturating_sub(before);
        if !part.hold.grow(more) {
            part.dropped = true;
            part.joined.clear();
            let budget = part.hold.budget.clone();
            part.hold = budget.hold();
        }
    }

    fn over(&self) {
        self.is_over.store(1, Ordering::Release);
        self.over.notify_one();
    }
}

impl fmt::Debug for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tee")
    }
}

/// A body on its way to the caller, of which the text is put together.
pub(super) struct Teed<B> {
    body: B,
    /// It stands behind the body: that ends first.
    end: End,
}

/// Tells that nothing more comes, whichever way that came about.
struct End(Arc<Tee>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.over();
    }
}

impl<B> Teed<B> {
    pub(super) fn new(body: B, tee: Arc<Tee>) -> Self {
        Self { body, end: End(tee) }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Teed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    this.end.0.piece(data);
                }
            }
            Poll::Ready(_) => this.end.0.over(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Takes a text, a large one off the threads that serve connections. None where this server is at its end.
async fn taken(share: &Share, keeps: Keeps, said: Bytes) -> Option<Side> {
    // Without looking for images no more is read than is kept.
    if said.len() <= HEAVY || !keeps.without_images {
        return Some(kept_of(&said, keeps.without_images));
    }
    share.off_workers(move || kept_of(&said, true)).await.ok()
}

/// Puts the text of events together, of many off the threads that serve connections.
async fn together(share: &Share, mut joined: Joined, said: Bytes) -> Option<Side> {
    let light = said.len() <= HEAVY;
    let mut put = move || {
        joined.feed(&said);
        joined.side()
    };
    if light { put() } else { share.off_workers(put).await.ok().flatten() }
}

/// The beginning of a text, without its images if they are to be left out.
fn kept_of(said: &[u8], without_images: bool) -> Side {
    let mut text = Vec::with_capacity(said.len().min(LIMIT));
    let (mut at, mut left_out) = (0, 0);
    while at < said.len() && text.len() < LIMIT {
        let room = LIMIT - text.len();
        let image = if without_images { next_image(said, at, room) } else { None };
        let until = image.as_ref().map_or(said.len(), |image| image.at.start).min(at + room);
        text.extend_from_slice(&said[at..until]);
        at = until;
        if let Some(image) = image.filter(|image| image.at.start == at) {
            let size = image.at.len() / 4 * 3;
            let size = crate::features::logs::texts::bytes(i64::try_from(size).unwrap_or(i64::MAX));
            text.extend_from_slice(format!("[{} left out: {size}]", image.kind).as_bytes());
            at = image.at.end;
            left_out += 1;
        }
    }
    let mut is_cut = at < said.len();
    if is_cut
        && let Err(error) = str::from_utf8(&text)
        && error.error_len().is_none()
    {
        // The end cut a character in two.
        text.truncate(error.valid_up_to());
    }
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if text.len() > LIMIT {
        text.truncate(text.floor_char_boundary(LIMIT));
        is_cut = true;
    }
    Side { text, size: said.len() as u64, is_cut, left_out }
}

/// An image in a text.
struct Image {
    at: std::ops::Range<usize>,
    kind: &'static str,
}

/// The first image that begins within the next bytes: what a data URL holds, or a string that begins as images do.
fn next_image(said: &[u8], from: usize, within: usize) -> Option<Image> {
    const URL: &[u8] = b";base64,";
    let window = &said[from..said.len().min(from + within)];
    let mut seek = 0;
    while let Some(found) = memchr2(b'"', b';', &window[seek..]) {
        let here = from + seek + found;
        seek += found + 1;
        let rest = &said[here..];
        let (start, kind) = if rest.starts_with(URL) && is_data_url(&said[..here]) {
            (here + URL.len(), "data")
        } else if let Some(kind) = rest.strip_prefix(b"\"").and_then(image_kind) {
            (here + 1, kind)
        } else {
            continue;
        };
        let length = run(&said[start..]);
        if length >= SHORTEST {
            return Some(Image { at: start..start + length, kind });
        }
    }
    None
}

/// Whether a data URL stands there up to its coding: `data:image/png`.
fn is_data_url(before: &[u8]) -> bool {
    const LONGEST: usize = 120;
    let near = &before[before.len().saturating_sub(LONGEST)..];
    memchr::memmem::rfind(near, b"data:")
        .is_some_and(|at| near[at + 5..].iter().all(|byte| byte.is_ascii_alphanumeric() || b"/\\+-.;=_".contains(byte)))
}

fn image_kind(text: &[u8]) -> Option<&'static str> {
    IMAGES.iter().find(|(begins, _)| text.starts_with(begins)).map(|(_, kind)| *kind)
}

/// How many bytes of Base64 stand there, as JSON writes them.
fn run(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' | b'-' | b'_' => at += 1,
            b'\\' if text.get(at + 1) == Some(&b'/') => at += 2,
            _ => break,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_the_limit_and_says_how_long_it_was() {
        let short = kept_of(b"{}", true);
        assert_eq!((&*short.text, short.size, short.is_cut, short.left_out), ("{}", 2, false, 0));
        let exact = kept_of(&vec![b'x'; LIMIT], true);
        assert_eq!((exact.text.len(), exact.is_cut), (LIMIT, false));
        let long = "\u{e9}".repeat(LIMIT);
        let long = kept_of(format!("x{long}").as_bytes(), false);
        assert_eq!((long.text.len(), long.size, long.is_cut), (LIMIT - 1, 1 + 2 * LIMIT as u64, true));
        assert!(long.text.starts_with('x') && long.text.ends_with('\u{e9}'));
    }

    #[test]
    fn images_are_left_out_and_nothing_else() {
        let image = format!("iVBORw0KGgo{}", "Ab+/".repeat(100_000));
        let said = format!(
            r#"{{"a":"data:image/png;base64,{image}","b":"{image}","c":"see data:image/jpeg;base64,{image} here","d":"x;base64,{image}"}}"#
        );
        let kept = kept_of(said.as_bytes(), true);
        assert_eq!((kept.left_out, kept.size), (3, said.len() as u64));
        for part in [
            r#""a":"data:image/png;base64,[data left out: 300 KB]""#,
            r#""b":"[image/png left out: 300 KB]""#,
            "see data:image/jpeg;base64,[data left out: 300 KB] here",
            r#""d":"x;base64,iVBOR"#,
        ] {
            let part = part.replace("300 KB", &crate::features::logs::texts::bytes(300_006));
            assert!(kept.text.contains(&part), "{part}");
        }
        let whole = kept_of(said.as_bytes(), false);
        assert_eq!((whole.left_out, whole.is_cut), (0, true));
        let escaped = format!(r#"{{"a":"\/9j\/{}"}}"#, r"AB\/C".repeat(100));
        assert_eq!(kept_of(escaped.as_bytes(), true).left_out, 1);
        // Words that only look like it.
        for plain in
            [r#"{"a":"iVBORw0KGgo is how it begins"}"#, r#"{"a":"R0lGOD"}"#, r#"{"a":"data:image/png;base64,AAAA"}"#]
        {
            assert_eq!(kept_of(plain.as_bytes(), true).text, plain);
        }
    }

    #[test]
    fn what_finds_no_room_is_given_up_and_room_comes_back() {
        let budget = Budget::of(10);
        let keeps = Keeps { without_images: true };
        let mut first = Taking::new(keeps, &budget);
        first.told(b"12345678");
        let kept = first.kept().expect("a text");
        assert!(!kept.dropped && kept.answer.as_ref().is_some_and(|side| side.text == "12345678"));
        let mut second = Taking::new(keeps, &budget);
        second.told(b"123");
        let dropped = second.kept().expect("a word of it");
        assert!(dropped.dropped && dropped.answer.is_none() && dropped.request.is_none());
        drop((kept, dropped));
        let mut third = Taking::new(keeps, &budget);
        third.told(b"1234567890");
        assert!(!third.kept().expect("a text").dropped);
        assert!(Taking::new(keeps, &budget).kept().is_none(), "nothing was said");
        assert_eq!(budget.0.load(Ordering::Relaxed), 10);
    }
}
