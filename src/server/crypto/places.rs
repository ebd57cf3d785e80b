//! The few places in which passwords are hashed, each with its memory, and the line before them.
//!
//! Hashing takes 19 MiB and some 30 ms each time, for anybody who asks. However many ask, there are [`PLACES`] pieces of
//! memory: whoever leaves hands theirs on to the next in line, and the last one gives it back to the system. The networks
//! in line take turns, so that a flood from one of them makes the others wait for one hash each and not for all of its own.

use crate::kernel::Error;
use argon2::Block;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// Hashes at once.
pub const PLACES: usize = 2;
/// Who may wait in all, and from one network.
const WAITING: usize = 256;
const WAITING_OF_ONE: usize = 64;
/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(5);
/// Blocks for which memory is asked: more than are used, since what is larger than 32 MiB goes back to the system when it is
/// freed, while the C library keeps smaller pieces, and keeps them for each thread. What is not touched takes no memory.
const ROOM: usize = 40 * 1024;

/// Places for hashing. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Places(Arc<Line>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Line(Mutex::new(Queue { free: PLACES, ..Queue::default() }))))
    }
}

#[derive(Debug)]
struct Line(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    free: usize,
    waiting: HashMap<String, VecDeque<oneshot::Sender<Place>>>,
    /// The networks that wait, the next one first. Each stands here once.
    turns: VecDeque<String>,
}

impl Places {
    /// Waits for a place, in the line of this network.
    ///
    /// # Errors
    /// `unavailable` if too many wait already, or the turn does not come in time.
    pub async fn enter(&self, network: &str) -> Result<Place, Error> {
        let turn = {
            let mut queue = self.0.lock();
            if queue.free > 0 {
                queue.free -= 1;
                return Ok(Place { memory: Vec::new(), line: Some(self.0.clone()) });
            }
            queue.line_up(network)?
        };
        match timeout(PATIENCE, turn).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(busy()),
        }
    }

    #[cfg(test)]
    pub fn free(&self) -> usize {
        self.0.lock().free
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a place on to the next who still waits, with its memory.
    fn hand_on(self: Arc<Self>, memory: Vec<Block>) {
        let mut place = Place { memory, line: None };
        loop {
            let next = {
                let mut queue = self.lock();
                let next = queue.next();
                if next.is_none() {
                    queue.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            place.line = Some(self.clone());
            match next.send(place) {
                Ok(()) => return,
                Err(unwanted) => place = unwanted.detached(),
            }
        }
    }
}

impl Queue {
    fn line_up(&mut self, network: &str) -> Result<oneshot::Receiver<Place>, Error> {
        self.forget_gone();
        let own = self.waiting.get(network).map_or(0, VecDeque::len);
        if own >= WAITING_OF_ONE {
            return Err(busy());
        }
        if self.waiting.values().map(VecDeque::len).sum::<usize>() >= WAITING {
            // Whoever came last in the longest line goes, unless that is the newcomer.
            let longest = self.waiting.values_mut().max_by_key(|line| line.len()).ok_or_else(busy)?;
            if longest.len() <= own + 1 {
                return Err(busy());
            }
            longest.pop_back();
        }
        let (ticket, turn) = oneshot::channel();
        if own == 0 {
            self.turns.push_back(network.to_owned());
        }
        self.waiting.entry(network.to_owned()).or_default().push_back(ticket);
        Ok(turn)
    }

    /// The next in line; its network goes to the end.
    fn next(&mut self) -> Option<oneshot::Sender<Place>> {
        let network = self.turns.pop_front()?;
        let line = self.waiting.get_mut(&network)?;
        let ticket = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&network);
        } else {
            self.turns.push_back(network);
        }
        ticket
    }

    /// Those who wait no more make room.
    fn forget_gone(&mut self) {
        self.waiting.retain(|_, line| {
            line.retain(|ticket| !ticket.is_closed());
            !line.is_empty()
        });
        self.turns.retain(|network| self.waiting.contains_key(network));
    }
}

/// A place, held until it is dropped.
#[derive(Debug)]
pub struct Place {
    memory: Vec<Block>,
    line: Option<Arc<Line>>,
}

impl Place {
    /// Does something with so many blocks.
    pub fn with<T>(&mut self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        if self.memory.len() < blocks {
            self.memory.reserve_exact(blocks.max(ROOM) - self.memory.len());
            self.memory.resize(blocks, Block::new());
        }
        let value = work(&mut self.memory[..blocks]);
        if self.memory.capacity() > ROOM {
            self.memory = Vec::new();
        }
        value
    }

    /// The same place for somebody else: dropping it hands nothing on.
    fn detached(mut self) -> Self {
        self.line = None;
        Self { memory: std::mem::take(&mut self.memory), line: None }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            line.hand_on(std::mem::take(&mut self.memory));
        }
    }
}

fn busy() -> Error {
    let message =
        "Too many passwords are being checked at this moment. Nothing was changed. Try again in a few seconds.";
    Error { retry_after: Some(5), message: message.into(), ..Error::unavailable() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, future::BoxFuture};

    type Waiting = BoxFuture<'static, Result<Place, Error>>;

    /// Somebody who waits in line.
    fn waiting(places: &Places, network: &str) -> Waiting {
        let (places, network) = (places.clone(), network.to_owned());
        let mut enters = async move { places.enter(&network).await }.boxed();
        assert!((&mut enters).now_or_never().is_none(), "all places are taken");
        enters
    }

    fn is_in(waiting: &mut Waiting) -> Option<Place> {
        waiting.now_or_never().map(|place| place.expect("a place"))
    }

    async fn full() -> (Places, Vec<Place>) {
        let places = Places::default();
        let mut inside = vec![];
        for _ in 0..PLACES {
            inside.push(places.enter("inside").await.unwrap());
        }
        (places, inside)
    }

    #[tokio::test]
    async fn memory_is_handed_on() {
        let (places, mut inside) = full().await;
        inside[0].with(8, |blocks| assert_eq!(blocks.len(), 8));
        let mut next = waiting(&places, "a");
        let before = inside[0].memory.as_ptr();
        drop(inside.remove(0));
        let next = is_in(&mut next).unwrap();
        assert_eq!(next.memory.as_ptr(), before);
        drop((next, inside));
        assert_eq!(places.free(), PLACES);
    }

    #[tokio::test]
    async fn a_flood_from_one_network_lets_others_take_turns() {
        let (places, mut inside) = full().await;
        let mut flood: Vec<_> = (0..WAITING_OF_ONE).map(|_| waiting(&places, "flood")).collect();
        assert!(places.enter("flood").now_or_never().unwrap().is_err(), "no more of one network");
        let mut other = waiting(&places, "other");
        inside.pop();
        inside.push(is_in(&mut flood[0]).expect("the first in line"));
        inside.pop();
        inside.push(is_in(&mut other).expect("the other network's turn"));
        inside.pop();
        inside.push(is_in(&mut flood[1]).expect("the flood's turn again"));
    }

    #[tokio::test]
    async fn a_full_line_makes_room_for_networks_that_have_less() {
        let (places, inside) = full().await;
        let mut lines: Vec<_> = (0..WAITING).map(|number| waiting(&places, &format!("{}", number % 4))).collect();
        let newcomer = waiting(&places, "new");
        let dropped = lines.iter_mut().filter_map(|line| line.now_or_never()).filter(Result::is_err).count();
        assert_eq!(dropped, 1);
        drop((lines, newcomer));
        // Those who went away wait no more.
        let _all: Vec<_> = (0..WAITING).map(|number| waiting(&places, &number.to_string())).collect();
        assert!(places.enter("one more").now_or_never().unwrap().is_err());
        drop(inside);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let (places, inside) = full().await;
        let refusal = places.enter("late").await.unwrap_err();
        assert_eq!((refusal.code.status(), refusal.retry_after), (503, Some(5)));
        drop(inside);
        assert_eq!(places.free(), PLACES);
    }
}
