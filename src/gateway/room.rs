//! The memory and the processor time that large bodies may take together: requests, answers, and events of streams.
//!
//! Bytes are counted as they arrive, not as they are announced, and for as long as they are held: a body that has been
//! put together carries its [`RoomPart`] until its last byte has gone. Small bodies are not counted, so that most calls need
//! not ask.
//!
//! The room is shared out by what is free. An organisation may hold as much as is free for everybody, and a key half as
//! much as is free: alone, an organisation gets half of the room and one key a third of it, and whoever comes later still
//! finds some. Nobody can take what would leave the others nothing.

use crate::kernel::{KeyId, OrganisationId};
use crate::web::request::LeastSpeed;
use crate::{
    server::outgoing::{Meter, OutgoingError, Patience, read_metered},
    web::refusal::Refusal,
};
use bytes::Bytes;
use hyper::body::Body;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout_at};

/// The most bytes of a body that is not counted, and the steps in which larger ones are.
pub const SMALL: usize = 64 << 10;
/// The size from which on work on a body is done off the threads that serve connections.
pub const HEAVY: usize = 256 << 10;
/// The most threads that work on large bodies.
const WORKERS: usize = 2;
/// How long an answer waits for room, which is already paid for, measured by how long a request does.
const ANSWERS_WAIT: u32 = 10;

/// What large bodies share. Clones share it.
#[derive(Clone)]
pub struct Room(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    freed: Notify,
    /// How long the body of a request waits for its part.
    patience: Duration,
    /// Threads that may work on large bodies at a time.
    workers: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    free: usize,
    organisations: HashMap<OrganisationId, Holder>,
}

#[derive(Default)]
struct Holder {
    held: usize,
    keys: HashMap<KeyId, usize>,
}

/// There is no room, and there was none in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the bodies of other calls take all the memory that there is for them")]
    NoRoom,
    #[error(transparent)]
    Other(#[from] OutgoingError),
}

impl Default for Room {
    fn default() -> Self {
        Self::new(128 << 20, Duration::from_secs(1))
    }
}

impl Room {
    /// Room for so many bytes; the body of a request waits for its part at most as long as `patience`.
    pub fn new(bytes: usize, patience: Duration) -> Self {
        let half = available_parallelism().map_or(1, NonZeroUsize::get).div_ceil(2);
        Self(Arc::new(Inner {
            state: Mutex::new(State { free: bytes, ..State::default() }),
            freed: Notify::new(),
            patience,
            workers: Arc::new(Semaphore::new(half.min(WORKERS))),
        }))
    }

    /// The room as one key of an organisation sees it.
    pub fn share(&self, organisation: OrganisationId, key: KeyId) -> Share {
        Share { room: self.clone(), organisation, key }
    }

    /// Bytes that are free.
    pub fn free(&self) -> usize {
        self.0.lock().free
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of the room that one key may take.
#[derive(Clone, Debug)]
pub struct Share {
    room: Room,
    organisation: OrganisationId,
    key: KeyId,
}

impl Share {
    /// A part that is still empty.
    pub fn part(&self) -> RoomPart {
        RoomPart { share: self.clone(), taken: 0 }
    }

    /// Bytes with their part of the room, which is given back with the last copy of them.
    ///
    /// # Errors
    /// [`ReadError::NoRoom`] when there is no room for them at this moment.
    pub fn hold(&self, bytes: Bytes) -> Result<Bytes, ReadError> {
        let mut part = self.part();
        if part.resize(bytes.len()) { Ok(part.tie(bytes)) } else { Err(ReadError::NoRoom) }
    }

    /// Reads the body of a request, within the bounds that `patience` and `end` set and not more slowly than the
    /// [`LeastSpeed`]. Gives it with its part of the room, to be tied to whatever becomes of it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn read_request<B>(
        &self,
        body: B,
        patience: Patience,
        end: Instant,
    ) -> Result<(Bytes, RoomPart), ReadError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: StdError + 'static,
    {
        let (wait, speed) = (self.room.0.patience, Some(LeastSpeed::begin()));
        self.read(body, patience, end, Counted { part: self.part(), wait, speed }).await
    }

    /// The same for the body of an answer, whose speed is not ours to ask for.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn read_answer<B>(
        &self,
        body: B,
        patience: Patience,
        end: Instant,
    ) -> Result<(Bytes, RoomPart), ReadError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: StdError + 'static,
    {
        let wait = self.room.0.patience * ANSWERS_WAIT;
        self.read(body, patience, end, Counted { part: self.part(), wait, speed: None }).await
    }

    async fn read<B>(
        &self,
        body: B,
        patience: Patience,
        end: Instant,
        mut meter: Counted,
    ) -> Result<(Bytes, RoomPart), ReadError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: StdError + 'static,
    {
        let bytes = read_metered(body, patience, end, &mut meter).await?;
        Ok((bytes, meter.part))
    }

    /// Does work on a large body off the threads that serve connections, when a worker is free for it. A body that comes
    /// out of it is counted when its [`RoomPart`] is tied to it: until then there are no more of them than workers.
    ///
    /// # Errors
    /// When the program is ending.
    pub async fn off_workers<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        // The work holds its place itself: it goes on also when nobody waits for it any more.
        let worker = self.room.0.workers.clone().acquire_owned().await;
        let work = move || {
            let _worker = worker;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Refusal::no_room(),
        })
    }
}

/// What somebody holds of the room; given back when it is dropped.
#[derive(Debug)]
pub struct RoomPart {
    share: Share,
    taken: usize,
}

impl RoomPart {
    /// All that it holds, for somebody else to give back.
    pub fn take(&mut self) -> Self {
        Self { share: self.share.clone(), taken: std::mem::take(&mut self.taken) }
    }

    /// Makes it as large as so many bytes need, if there is room. Whether there was.
    pub fn resize(&mut self, bytes: usize) -> bool {
        let wanted = if bytes <= SMALL { 0 } else { bytes.next_multiple_of(SMALL) };
        if wanted == self.taken {
            return true;
        }
        let Share { room, organisation, key } = &self.share;
        let mut state = room.0.lock();
        let State { free, organisations } = &mut *state;
        let left = (*free + self.taken).saturating_sub(wanted);
        if wanted > self.taken {
            let (of_all, of_key) = organisations
                .get(organisation)
                .map_or((0, 0), |holder| (holder.held, holder.keys.get(key).copied().unwrap_or(0)));
            let more = wanted - self.taken;
            if more > *free || of_all + more > left || of_key + more > left / 2 {
                return false;
            }
        }
        *free = left;
        let holder = organisations.entry(*organisation).or_default();
        holder.held = holder.held + wanted - self.taken;
        let of_key = holder.keys.entry(*key).or_default();
        *of_key = *of_key + wanted - self.taken;
        if *of_key == 0 {
            holder.keys.remove(key);
        }
        if holder.held == 0 {
            organisations.remove(organisation);
        }
        drop(state);
        if wanted < self.taken {
            room.0.freed.notify_waiters();
        }
        self.taken = wanted;
        true
    }

    /// Makes it as large as so many bytes need, and waits for the room if it must.
    async fn grow(&mut self, bytes: usize, wait: Duration) -> Result<(), ReadError> {
        if self.resize(bytes) {
            return Ok(());
        }
        let (room, end) = (self.share.room.clone(), Instant::now() + wait);
        loop {
            let mut freed = std::pin::pin!(room.0.freed.notified());
            freed.as_mut().enable();
            if self.resize(bytes) {
                return Ok(());
            }
            timeout_at(end, freed).await.map_err(|_| ReadError::NoRoom)?;
        }
    }

    /// Ties it to a body, as large as the body needs it: it is given back with the last copy of the bytes.
    ///
    /// # Errors
    /// [`ReadError::NoRoom`] when it must grow for that, and there is no room in time.
    pub async fn hold(mut self, bytes: Bytes) -> Result<Bytes, ReadError> {
        let wait = self.share.room.0.patience * ANSWERS_WAIT;
        self.grow(bytes.len(), wait).await?;
        Ok(self.tie(bytes))
    }

    fn tie(self, bytes: Bytes) -> Bytes {
        if self.taken == 0 { bytes } else { Bytes::from_owner(Held { bytes, _part: self }) }
    }
}

impl Drop for RoomPart {
    fn drop(&mut self) {
        self.resize(0);
    }
}

struct Held {
    bytes: Bytes,
    _part: RoomPart,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Takes room for a body as it arrives.
struct Counted {
    part: RoomPart,
    /// How long it waits for room.
    wait: Duration,
    speed: Option<LeastSpeed>,
}

impl Meter for Counted {
    type Error = ReadError;

    async fn reached(&mut self, bytes: usize) -> Result<(), ReadError> {
        self.part.grow(bytes, self.wait).await
    }

    fn due(&self, bytes: usize) -> Option<Instant> {
        self.speed.as_ref().map(|speed| speed.deadline(bytes))
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoRoom => Self::no_room(),
            ReadError::Other(error) => error.into(),
        }
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("free", &self.free()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::request::GRACE;
    use http_body_util::Full;

    const KIB: usize = 1 << 10;

    fn room(kib: usize) -> Room {
        Room::new(kib * KIB, Duration::from_millis(20))
    }

    fn share(room: &Room, organisation: u128, key: u128) -> Share {
        room.share(OrganisationId::numbered(organisation), KeyId::numbered(key))
    }

    async fn request<B>(share: &Share, body: B, largest: usize) -> Result<Bytes, ReadError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: StdError + 'static,
    {
        let total = Duration::from_secs(120);
        let patience = Patience { headers: total, idle: total, total, largest };
        let (bytes, part) = share.read_request(body, patience, Instant::now() + total).await?;
        part.hold(bytes).await
    }

    #[test]
    fn an_organisation_holds_as_much_as_is_free_and_a_key_half_of_that() {
        let room = room(1152);
        let (mut one, mut other) = (share(&room, 1, 1).part(), share(&room, 1, 2).part());
        assert!(!one.resize(385 * KIB));
        assert!(one.resize(384 * KIB), "a third of the room");
        assert!(!other.resize(193 * KIB));
        assert!(other.resize(192 * KIB), "with it half of the room");
        assert!(!share(&room, 1, 3).part().resize(65 * KIB), "the organisation has its share");
        let mut theirs = share(&room, 2, 1).part();
        assert!(theirs.resize(192 * KIB), "another organisation finds room");
        assert!(share(&room, 3, 1).part().resize(128 * KIB), "and so does a third");
        drop((one, other, theirs));
        assert_eq!(room.free(), 1152 * KIB);
        assert!(room.0.lock().organisations.is_empty());
    }

    #[test]
    fn small_bodies_are_not_counted_and_a_part_goes_with_the_last_copy() {
        let room = room(600);
        let share = share(&room, 1, 1);
        assert_eq!(share.hold(Bytes::from(vec![0; SMALL])).map(|bytes| bytes.len()), Ok(SMALL));
        assert_eq!(room.free(), 600 * KIB);
        let held = share.hold(Bytes::from(vec![1; SMALL + 1])).expect("room");
        assert_eq!(room.free(), (600 - 128) * KIB);
        let piece = held.slice(7..9);
        drop(held);
        assert_eq!(room.free(), (600 - 128) * KIB);
        assert_eq!(&*piece, [1, 1]);
        drop(piece);
        assert_eq!(room.free(), 600 * KIB);
    }

    #[tokio::test]
    async fn a_body_takes_room_for_what_has_come_and_waits_for_more() {
        let room = Room::new(768 * KIB, Duration::from_millis(300));
        let read = |kib: usize| {
            let share = share(&room, 1, 1);
            async move { request(&share, Full::new(Bytes::from(vec![0; kib * KIB])), 1 << 20).await }
        };
        let first = read(200).await.expect("room");
        assert_eq!(room.free(), (768 - 256) * KIB);
        assert_eq!(read(200).await, Err(ReadError::NoRoom));
        assert_eq!(read(64).await.map(|bytes| bytes.len()), Ok(64 * KIB), "a small one needs none");
        let (waiting, ()) = tokio::join!(read(200), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(first);
        });
        assert_eq!(waiting.map(|bytes| bytes.len()), Ok(200 * KIB));
        assert_eq!(read(2000).await, Err(ReadError::Other(OutgoingError::TooLarge)));
        assert_eq!(room.free(), 768 * KIB);
    }

    #[tokio::test]
    async fn a_body_that_is_slower_than_the_least_speed_is_ended() {
        let room = room(4096);
        let read = async |bytes: usize| {
            let pieces = futures_util::stream::unfold((), move |()| async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let frame = hyper::body::Frame::data(Bytes::from(vec![0; bytes]));
                Some((Ok::<_, std::convert::Infallible>(frame), ()))
            });
            let body = http_body_util::StreamBody::new(Box::pin(pieces));
            let (share, hour) = (share(&room, 1, 1), Duration::from_secs(3_600));
            let patience = Patience { headers: hour, idle: hour, total: hour, largest: 100 * KIB };
            // The time that every body may take is nearly over.
            let speed = Some(LeastSpeed { begun: Instant::now() - GRACE + Duration::from_millis(100) });
            let meter = Counted { part: share.part(), wait: hour, speed };
            share.read(body, patience, Instant::now() + hour, meter).await.map(|(bytes, _)| bytes)
        };
        let slow = read(100).await;
        assert!(matches!(slow, Err(ReadError::Other(OutgoingError::TimedOut(_)))), "{slow:?}");
        assert_eq!(read(2 * KIB).await, Err(ReadError::Other(OutgoingError::TooLarge)), "it came as far as the bound");
        assert_eq!(room.free(), 4096 * KIB);
    }
}
