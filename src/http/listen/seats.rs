//! Who may be connected: a bound on all connections, and a share of it for each network.
//!
//! Whoever takes more than there is does not shut others out: once no seat is free, the connection that has waited
//! longest for a request gives its seat up, first of the network that holds the most.

use ipnet::IpNet;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};
use tokio::{sync::Notify, time::Instant};

/// The most connections, however many files may be open: an idle one costs some 12 KB.
const MOST: usize = 10_000;
/// Files that are not connections of callers or to providers: the database's, the journal, the program's own.
const OTHER_FILES: usize = 64;
/// One address (an IPv6 /64) may hold this part of all seats, and its surroundings (an IPv4 /24, an IPv6 /48) that.
const ADDRESS_PART: usize = 8;
const SURROUNDINGS_PART: usize = 4;

/// Seats for connections. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Seats(Arc<Hall>);

#[derive(Debug)]
struct Hall {
    most: usize,
    /// Those through which many callers come, who have no share of their own.
    proxies: Vec<IpNet>,
    /// Times of seats are counted from here.
    opened: Instant,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    seats: HashMap<u64, Arc<Place>>,
    /// How many each network holds. One that holds none is not here.
    networks: HashMap<Network, Arc<AtomicUsize>>,
}

/// One connection's seat; free again once it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    number: u64,
    place: Arc<Place>,
    hall: Weak<Hall>,
}

/// What is known of a connection while it is open. Its parts share it.
#[derive(Debug)]
pub(super) struct Place {
    opened: Instant,
    networks: [(Network, Arc<AtomicUsize>); 2],
    /// Milliseconds after `opened` since when it waits for a request; [`BUSY`] while it serves one.
    idle_since: AtomicU64,
    /// The body of its request has not been read to its end.
    unread: AtomicBool,
    /// Somebody else needs the seat.
    given_up: Notify,
}

const BUSY: u64 = u64::MAX;

/// A range of addresses that counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4(Ipv4Addr, u8),
    V6(Ipv6Addr, u8),
}

impl Network {
    /// The address itself (IPv6: its /64), and what surrounds it.
    fn of(address: IpAddr) -> [Self; 2] {
        match address.to_canonical() {
            IpAddr::V4(v4) => [32, 24].map(|bits| {
                Self::V4(Ipv4Addr::from_bits(v4.to_bits() & u32::MAX.unbounded_shl(32 - u32::from(bits))), bits)
            }),
            IpAddr::V6(v6) => [64, 48].map(|bits| {
                Self::V6(Ipv6Addr::from_bits(v6.to_bits() & u128::MAX.unbounded_shl(128 - u32::from(bits))), bits)
            }),
        }
    }
}

impl Seats {
    /// As many seats as the limit of open files allows: each call needs a connection to its provider too.
    pub(super) fn within_file_limit(proxies: Vec<IpNet>) -> Self {
        Self::new(raise_file_limit().saturating_sub(OTHER_FILES).div_euclid(2).clamp(16, MOST), proxies)
    }

    pub(super) fn new(most: usize, proxies: Vec<IpNet>) -> Self {
        Self(Arc::new(Hall { most, proxies, opened: Instant::now(), taken: Mutex::default() }))
    }

    /// A seat for a new connection, if need be in place of one that has waited longest for a request. `None`: all of
    /// those that count are serving requests.
    pub(super) fn take(&self, address: IpAddr) -> Option<Seat> {
        let hall = &self.0;
        let mut taken = hall.lock();
        let networks =
            Network::of(address).map(|network| (network, taken.networks.entry(network).or_default().clone()));
        let crowded = if hall.is_proxy(address) { None } else { hall.crowded(&networks) };
        let free = match crowded {
            Some(network) => taken.give_up(|place| place.networks.iter().any(|(of, _)| *of == network)),
            None if taken.seats.len() >= hall.most => taken.give_up(|_| true),
            None => true,
        };
        if !free {
            taken.forget_empty(&networks);
            return None;
        }
        for (_, held) in &networks {
            held.fetch_add(1, Ordering::Relaxed);
        }
        let place = Arc::new(Place {
            opened: hall.opened,
            networks,
            idle_since: AtomicU64::new(0),
            unread: AtomicBool::new(false),
            given_up: Notify::new(),
        });
        place.wait();
        let number = taken.next;
        taken.next += 1;
        taken.seats.insert(number, place.clone());
        Some(Seat { number, place, hall: Arc::downgrade(hall) })
    }
}

impl Hall {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A proxy on this machine need not be named in the settings.
    fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || self.proxies.iter().any(|range| range.contains(&address))
    }

    /// The network that has used up its share.
    fn crowded(&self, networks: &[(Network, Arc<AtomicUsize>); 2]) -> Option<Network> {
        let shares = [ADDRESS_PART, SURROUNDINGS_PART].map(|part| (self.most / part).max(1));
        let full = networks.iter().zip(shares).find(|((_, held), share)| held.load(Ordering::Relaxed) >= *share);
        full.map(|((network, _), _)| *network)
    }
}

impl Taken {
    /// Takes the seat from the connection that has waited longest, of those that `counts` and of the network that holds
    /// the most. False: none waits.
    fn give_up(&mut self, counts: impl Fn(&Place) -> bool) -> bool {
        let waiting = self.seats.iter().filter_map(|(number, place)| {
            let since = place.idle_since.load(Ordering::Relaxed);
            (since != BUSY && counts(place)).then(|| (place.crowd(), u64::MAX - since, *number))
        });
        let Some((.., number)) = waiting.max() else { return false };
        if let Some(place) = self.remove(number) {
            place.given_up.notify_one();
        }
        true
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Place>> {
        let place = self.seats.remove(&number)?;
        for (_, held) in &place.networks {
            held.fetch_sub(1, Ordering::Relaxed);
        }
        self.forget_empty(&place.networks);
        Some(place)
    }

    fn forget_empty(&mut self, networks: &[(Network, Arc<AtomicUsize>); 2]) {
        for (network, held) in networks {
            if held.load(Ordering::Relaxed) == 0 {
                self.networks.remove(network);
            }
        }
    }
}

impl Seat {
    pub(super) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// Ends once somebody else needs the seat.
    pub(super) async fn given_up(&self) {
        self.place.given_up.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(hall) = self.hall.upgrade() {
            hall.lock().remove(self.number);
        }
    }
}

impl Place {
    /// It serves a request from here on.
    pub(super) fn serve(&self) {
        self.idle_since.store(BUSY, Ordering::Relaxed);
    }

    /// It waits for a request from here on.
    pub(super) fn wait(&self) {
        let since = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(BUSY - 1);
        self.idle_since.store(since, Ordering::Relaxed);
    }

    pub(super) fn set_unread(&self, unread: bool) {
        self.unread.store(unread, Ordering::Relaxed);
    }

    pub(super) fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// How many connections its address holds.
    fn crowd(&self) -> usize {
        self.networks[0].1.load(Ordering::Relaxed)
    }
}

/// Raises this process's limit of open files as far as it may, and gives it.
fn raise_file_limit() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
        let limit = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
        limit.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
    }
    #[cfg(not(unix))]
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn take(seats: &Seats, address: &str) -> Option<Seat> {
        seats.take(address.parse().expect("an address"))
    }

    fn is_out(seat: &Seat) -> bool {
        seat.given_up().now_or_never().is_some()
    }

    #[test]
    fn an_address_has_its_share() {
        let seats = Seats::new(16, vec![]);
        let first = [take(&seats, "192.0.2.1").unwrap(), take(&seats, "192.0.2.1").unwrap()];
        first[0].place().serve();
        // The one that waits gives way; others are not asked.
        let other = take(&seats, "198.51.100.1").unwrap();
        let third = take(&seats, "::ffff:192.0.2.1").unwrap();
        assert!(is_out(&first[1]) && !is_out(&first[0]) && !is_out(&other));
        third.place().serve();
        assert!(take(&seats, "192.0.2.1").is_none());
        drop(third);
        assert!(take(&seats, "192.0.2.1").is_some());
    }

    #[test]
    fn surroundings_have_a_share_of_their_own() {
        let seats = Seats::new(16, vec![]);
        for (near, far) in [("192.0.2.", "192.0.3.1"), ("2001:db8:0:", "2001:db8:1::1")] {
            let held: Vec<Seat> = (0..4)
                .map(|n| {
                    let address = if near.contains(':') { format!("{near}{n}::1") } else { format!("{near}{n}") };
                    let seat = take(&seats, &address).expect("a seat");
                    seat.place().serve();
                    seat
                })
                .collect();
            let fifth = if near.contains(':') { format!("{near}9::1") } else { format!("{near}9") };
            assert!(take(&seats, &fifth).is_none(), "{fifth}");
            assert!(take(&seats, far).is_some(), "{far}");
            drop(held);
        }
        assert!(seats.0.lock().networks.is_empty());
    }

    #[test]
    fn the_longest_wait_of_the_largest_crowd_gives_way() {
        let seats = Seats::new(3, vec!["10.0.0.0/8".parse().unwrap()]);
        let lonely = take(&seats, "192.0.2.1").unwrap();
        let crowd = [take(&seats, "10.0.0.1").unwrap(), take(&seats, "10.0.0.1").unwrap()];
        crowd[1].place().idle_since.store(0, Ordering::Relaxed);
        crowd[0].place().idle_since.store(1, Ordering::Relaxed);
        let late = take(&seats, "198.51.100.1").unwrap();
        assert!(is_out(&crowd[1]) && !is_out(&crowd[0]) && !is_out(&lonely));
        for seat in [&lonely, &crowd[0], &late] {
            seat.place().serve();
        }
        assert!(take(&seats, "203.0.113.1").is_none());
        crowd[0].place().wait();
        assert!(take(&seats, "203.0.113.1").is_some());
    }
}
