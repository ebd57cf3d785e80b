//! Limits on attempts and mails. Per node; their memory is bounded however many subjects there are.
//!
//! **Tries of passwords.** Each counts for its account and each network around its address, and for each of those networks
//! over all accounts: 10 for one account and 50 in all from one address, and some times as many from the networks around it
//! ([`Networks::allowances`]), within 10 minutes. Beyond that the network is refused. Over all networks an account has 30. A
//! third party can use these up, so that nobody is refused for them: a try from a network that its person has signed in from
//! goes on as if they were not, and any other takes its turn, one every 5 seconds. So somebody who guesses from everywhere is
//! slow, and the rightful person is at most late on a device that is new. What turns out right does not count. All of this
//! is the same for addresses that have no account.

mod running;

pub use running::{Run, Running};

use super::networks::Networks;
use crate::kernel::{
    Error, Result, Timestamp,
    time::{HOUR, MINUTE, SECOND},
};
use moka::sync::Cache;
use std::{
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// At most `most` events of one subject within `window` milliseconds.
#[derive(Clone, Debug)]
pub struct Limiter {
    what: &'static str,
    most: u32,
    window: i64,
    subjects: Cache<String, Arc<Mutex<(Timestamp, u32)>>>,
}

impl Limiter {
    pub fn new(what: &'static str, most: u32, window: i64) -> Self {
        let lifetime = Duration::from_millis(window.unsigned_abs());
        // Forgotten when nobody has asked for long, and not in the middle of a later window.
        Self { what, most, window, subjects: Cache::builder().max_capacity(100_000).time_to_idle(lifetime * 2).build() }
    }

    /// Refuses if the subject has used up its window. Counts nothing.
    pub fn check(&self, subject: &str, now: Timestamp) -> Result<()> {
        let Some(entry) = self.subjects.get(subject) else { return Ok(()) };
        let (since, count) = *entry.lock().unwrap_or_else(PoisonError::into_inner);
        let end = since.plus(self.window);
        if count < self.most || end <= now {
            return Ok(());
        }
        Err(self.refusal(end, now))
    }

    /// Counts one event.
    pub fn count(&self, subject: &str, now: Timestamp) {
        let entry = self.subjects.get_with_by_ref(subject, || Arc::new(Mutex::new((now, 0))));
        let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
        if entry.0.plus(self.window) <= now {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }

    /// Counts one event, unless the window is used up.
    pub fn take(&self, subject: &str, now: Timestamp) -> Result<()> {
        self.take_times(subject, 1, now)
    }

    /// The same for a subject that has so many times the allowance.
    pub fn take_times(&self, subject: &str, times: u32, now: Timestamp) -> Result<()> {
        let entry = self.subjects.get_with_by_ref(subject, || Arc::new(Mutex::new((now, 0))));
        let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
        if entry.0.plus(self.window) <= now {
            *entry = (now, 0);
        }
        if entry.1 >= self.most.saturating_mul(times) {
            return Err(self.refusal(entry.0.plus(self.window), now));
        }
        entry.1 += 1;
        Ok(())
    }

    /// Gives back what was taken and turned out not to count.
    pub fn give_back(&self, subject: &str) {
        if let Some(entry) = self.subjects.get(subject) {
            let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
            entry.1 = entry.1.saturating_sub(1);
        }
    }

    fn refusal(&self, end: Timestamp, now: Timestamp) -> Error {
        wait(self.what, end.0 - now.0)
    }
}

fn wait(what: &str, milliseconds: i64) -> Error {
    let seconds = u32::try_from((milliseconds + SECOND - 1) / SECOND).unwrap_or(1).max(1);
    let wait = if seconds < 90 { format!("{seconds} seconds") } else { format!("{} minutes", seconds.div_ceil(60)) };
    Error::wait(seconds, format!("Too many {what}. Try again in {wait}."))
}

/// Lets one subject's attempts follow each other no faster than one a `step`; an attempt waits for its turn, up to
/// `patience`. Both are milliseconds.
#[derive(Clone, Debug)]
pub struct Turns {
    what: &'static str,
    step: i64,
    patience: i64,
    /// When the next turn is.
    subjects: Cache<String, Arc<Mutex<Timestamp>>>,
    /// Bounds how many wait at once, over all subjects.
    waiting: Arc<Semaphore>,
}

impl Turns {
    fn new(what: &'static str, step: i64, patience: i64, waiting: usize) -> Self {
        let lifetime = Duration::from_millis((step + patience).unsigned_abs());
        let subjects = Cache::builder().max_capacity(100_000).time_to_idle(lifetime * 2).build();
        Self { what, step, patience, subjects, waiting: Arc::new(Semaphore::new(waiting)) }
    }

    /// Milliseconds until this attempt's turn, which is taken.
    fn reserve(&self, subject: &str, now: Timestamp) -> Result<i64> {
        let next = self.subjects.get_with_by_ref(subject, || Arc::new(Mutex::new(now)));
        let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
        // One that lies further ahead than any can is from before the clock went back.
        let turn = if next.0 - now.0 > self.step + self.patience { now } else { (*next).max(now) };
        let left = turn.0 - now.0;
        if left > self.patience {
            return Err(wait(self.what, left - self.patience));
        }
        *next = turn.plus(self.step);
        Ok(left)
    }

    async fn take(&self, subject: &str, now: Timestamp) -> Result<()> {
        let Ok(_place) = self.waiting.try_acquire() else { return Err(wait(self.what, self.patience)) };
        let left = self.reserve(subject, now)?;
        if left > 0 {
            tokio::time::sleep(Duration::from_millis(left.unsigned_abs())).await;
        }
        Ok(())
    }
}

/// What was counted for one attempt. It stays counted unless it is given back.
#[derive(Debug, Default)]
#[must_use = "an attempt that was none, or that succeeded, is given back"]
pub struct Taken(Vec<(Limiter, String)>);

impl Taken {
    fn take(&mut self, limiter: &Limiter, subject: String, times: u32, now: Timestamp) -> Result<()> {
        limiter.take_times(&subject, times, now)?;
        self.0.push((limiter.clone(), subject));
        Ok(())
    }

    /// The attempt does not count.
    pub fn give_back(self) {
        for (limiter, subject) in self.0 {
            limiter.give_back(&subject);
        }
    }
}

/// What a mail is for. The most that one address gets differs, so that mails which somebody asked for, and above all those
/// that warn, come through when others have used up theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// From others, who need no account of the recipient's.
    Invitation,
    /// Whoever knows the address asks for it.
    Reset,
    /// Something has happened to the account.
    Notice,
}

/// The limits that there are.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Failed sign-ins of one account from one network.
    pub account: Limiter,
    /// Failed sign-ins from one network, over all accounts.
    pub address: Limiter,
    /// Failed sign-ins of one account, over all networks.
    everywhere: Limiter,
    /// For the tries beyond.
    turns: Turns,
    /// Reset mails asked for one account.
    pub resets: Limiter,
    /// Changes of one person's password, each of which is hashed.
    pub changes: Limiter,
    /// Invitations of one organisation.
    pub invitations: Limiter,
    /// Invitations that one person mails, over all organisations.
    invitation_mails: Limiter,
    /// Mails to one address, whoever sends them.
    mails: Limiter,
    /// Keys made in one organisation.
    pub keys: Limiter,
    /// Access reviews begun in one organisation.
    pub reviews: Limiter,
    /// Tests of one organisation's delivery of audit events, each of which calls its receiver.
    pub delivery_tests: Limiter,
    /// Organisations made by one person.
    pub organisations: Limiter,
    /// Slugs of organisations that one person asks for while typing.
    pub slugs: Limiter,
    /// Tries of secrets in links from one address.
    pub links: Limiter,
    /// Tries with one link, each of which hashes a password.
    link: Limiter,
    /// Exports of the log of calls.
    pub exports: Running,
    /// Exports of the audit log.
    pub audit_exports: Running,
}

impl Limits {
    /// Takes one try of a password, before it is looked at: tries at once cannot all slip under the limit. It may wait.
    /// `is_known` says whether the account's person has signed in from a network around this address; it is asked only if
    /// that matters.
    pub async fn take_try(
        &self,
        account: &str,
        address: Option<IpAddr>,
        now: Timestamp,
        is_known: impl Future<Output = Result<bool>>,
    ) -> Result<Taken> {
        let mut taken = Taken::default();
        match self.count_try(&mut taken, account, address, now, is_known).await {
            Ok(()) => Ok(taken),
            Err(error) => {
                taken.give_back();
                Err(error)
            }
        }
    }

    async fn count_try(
        &self,
        taken: &mut Taken,
        account: &str,
        address: Option<IpAddr>,
        now: Timestamp,
        is_known: impl Future<Output = Result<bool>>,
    ) -> Result<()> {
        for (network, times) in Networks::of(address).allowances() {
            taken.take(&self.address, network.to_owned(), times, now)?;
            taken.take(&self.account, format!("{account} {network}"), times, now)?;
        }
        let is_within = taken.take(&self.everywhere, account.to_owned(), 1, now).is_ok();
        if is_within || is_known.await? { Ok(()) } else { self.turns.take(account, now).await }
    }

    /// Takes one use of a link whose secret is right, before a password is hashed for it. `link` names the link.
    pub fn take_link(&self, link: &str, address: Option<IpAddr>, now: Timestamp) -> Result<Taken> {
        let mut taken = Taken::default();
        let both = taken
            .take(&self.links, address_subject(address), 1, now)
            .and_then(|()| taken.take(&self.link, link.to_owned(), 1, now));
        match both {
            Ok(()) => Ok(taken),
            Err(error) => {
                taken.give_back();
                Err(error)
            }
        }
    }

    /// Takes one mail to an address, by its canonical form.
    pub fn take_mail(&self, kind: MailKind, to: &str, now: Timestamp) -> Result<()> {
        let times = match kind {
            MailKind::Invitation => 1,
            MailKind::Reset => 2,
            MailKind::Notice => 4,
        };
        self.mails.take_times(to, times, now)
    }

    /// Takes one mailed invitation, for whoever sends it and for its address.
    pub fn take_invitation_mail(&self, sender: &str, to: &str, now: Timestamp) -> Result<()> {
        self.invitation_mails.take(sender, now)?;
        self.take_mail(MailKind::Invitation, to, now).inspect_err(|_| self.invitation_mails.give_back(sender))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            account: Limiter::new("failed sign-ins", 10, 10 * MINUTE),
            address: Limiter::new("failed sign-ins from this address", 50, 10 * MINUTE),
            everywhere: Limiter::new("failed sign-ins", 30, 10 * MINUTE),
            turns: Turns::new("failed sign-ins", 5 * SECOND, 15 * SECOND, 64),
            resets: Limiter::new("reset requests", 5, HOUR),
            changes: Limiter::new("changes of the password", 300, 10 * MINUTE),
            invitations: Limiter::new("invitations", 500, HOUR),
            invitation_mails: Limiter::new("mailed invitations", 200, HOUR),
            mails: Limiter::new("mails to this address", 6, HOUR),
            keys: Limiter::new("new keys", 300, HOUR),
            reviews: Limiter::new("new access reviews", 100, HOUR),
            delivery_tests: Limiter::new("tests of the delivery", 20, HOUR),
            organisations: Limiter::new("new organisations", 50, HOUR),
            slugs: Limiter::new("short names", 200, 10 * MINUTE),
            links: Limiter::new("attempts", 60, 10 * MINUTE),
            link: Limiter::new("attempts with this link", 10, 10 * MINUTE),
            exports: Running::new("exports", 2),
            audit_exports: Running::new("exports of the audit log", 2),
        }
    }
}

/// The subject of limits by address: IPv6 counts by its /64 network.
pub fn address_subject(address: Option<IpAddr>) -> String {
    Networks::of(address).own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_n_lets_through_n() {
        let limiter = Limiter::new("tries", 3, MINUTE);
        let start = Timestamp(1_000_000);
        let passed = (0..10).filter(|_| limiter.take("a", start).is_ok()).count();
        assert_eq!(passed, 3);
        let refusal = limiter.take("a", start.plus(10 * SECOND)).unwrap_err();
        assert_eq!(refusal.retry_after, Some(50));
        assert!(limiter.take("b", start).is_ok());
        assert!(limiter.check("a", start.plus(MINUTE)).is_ok());
        assert!(limiter.take("a", start.plus(MINUTE)).is_ok());
    }

    #[test]
    fn a_later_window_is_not_forgotten_in_its_middle() {
        let window = 400;
        let limiter = Limiter::new("tries", 2, window);
        let (start, began) = (Timestamp(1_000_000), std::time::Instant::now());
        assert!(limiter.take("a", start).is_ok());
        let second = start.plus(window);
        let passed = |now| (0..3).filter(|_| limiter.take("a", now).is_ok()).count();
        assert_eq!(passed(second), 2);
        // The memory of subjects has a clock of its own.
        while began.elapsed() < Duration::from_millis(3 * window.unsigned_abs()) {
            assert_eq!(passed(second.plus(1)), 0);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn ipv6_counts_by_network() {
        let a = address_subject("2001:db8:1:2:3::1".parse().ok());
        let b = address_subject("2001:db8:1:2:9::9".parse().ok());
        assert_eq!(a, b);
        assert_eq!(address_subject("::ffff:10.0.0.1".parse().ok()), "10.0.0.1");
    }

    /// Tries one account from these addresses, none of them known; gives how many got through at once, in time, and not.
    async fn tries(limits: &Limits, addresses: impl Iterator<Item = String>) -> (usize, usize, usize) {
        let (mut at_once, mut late, mut refused) = (0, 0, 0);
        for address in addresses {
            let mut attempt = Box::pin(limits.take_try("ada", address.parse().ok(), START, async { Ok(false) }));
            match futures_util::poll!(&mut attempt) {
                std::task::Poll::Ready(Ok(_)) => at_once += 1,
                std::task::Poll::Ready(Err(_)) => refused += 1,
                std::task::Poll::Pending => late += 1,
            }
        }
        (at_once, late, refused)
    }

    const START: Timestamp = Timestamp(1_000_000);

    #[tokio::test]
    async fn who_guesses_from_everywhere_takes_turns() {
        let limits = Limits::default();
        let everywhere = (0..400).map(|n| format!("10.{}.{}.7", n / 200, n % 200));
        // 30, and one whose turn is at once.
        assert_eq!(tries(&limits, everywhere).await, (31, 3, 366));
        // The person themself, from where they signed in before and, once there are turns again, from anywhere.
        let known = limits.take_try("ada", "192.0.2.1".parse().ok(), START, async { Ok(true) });
        assert!(futures_util::FutureExt::now_or_never(known).expect("at once").is_ok());
        let full = limits.take_try("ada", "192.0.2.3".parse().ok(), START, async { Ok(false) }).await.unwrap_err();
        assert_eq!((full.code.status(), full.retry_after), (429, Some(5)));
        let later = START.plus(20 * SECOND);
        assert!(limits.take_try("ada", "192.0.2.2".parse().ok(), later, async { Ok(false) }).await.is_ok());
        assert!(limits.take_try("bo", "192.0.2.3".parse().ok(), START, async { Ok(false) }).await.is_ok());
    }

    #[tokio::test]
    async fn wider_networks_count_too() {
        let of_one_56 = (0..200).map(|n| format!("2001:db8:1:a{n:02x}::1"));
        assert_eq!(tries(&Limits::default(), of_one_56).await.0, 30);
        let of_one_24 = (0..200).map(|n| format!("192.0.2.{n}"));
        assert_eq!(tries(&Limits::default(), of_one_24).await.0, 30);
        // Over many accounts, from one /48.
        let limits = Limits::default();
        let mut passed = 0;
        for n in 0..2_000 {
            let address = format!("2001:db8:1:{n:x}::1").parse().ok();
            passed += usize::from(limits.take_try(&n.to_string(), address, START, async { Ok(false) }).await.is_ok());
        }
        assert_eq!(passed, 300);
    }

    #[tokio::test]
    async fn what_does_not_count_is_given_back_everywhere() {
        let limits = Limits::default();
        for _ in 0..1_000 {
            let attempt = limits.take_try("ada", "192.0.2.1".parse().ok(), START, async { Ok(false) }).await;
            attempt.expect("none of them counts").give_back();
            limits.take_link("link", None, START).expect("none of them counts").give_back();
        }
        assert_eq!((0..99).filter(|_| limits.take_link("link", None, START).is_ok()).count(), 10);
        assert!(limits.take_link("another", None, START).is_ok(), "what was refused counted for nothing");
    }

    #[test]
    fn warnings_come_through_when_invitations_have_used_up_theirs() {
        let limits = Limits::default();
        let sent = |kind| (0..99).filter(|_| limits.take_mail(kind, "vi@x.org", START).is_ok()).count();
        assert_eq!(sent(MailKind::Invitation), 6);
        assert_eq!(sent(MailKind::Reset), 6);
        assert_eq!(sent(MailKind::Notice), 12);
        let by_one = |n: u32| limits.take_invitation_mail("ada", &n.to_string(), START).is_ok();
        assert_eq!((0..999).filter(|n| by_one(*n)).count(), 200);
    }
}
