//! Limits on attempts. Per node; their memory is bounded however many subjects there are.

use crate::kernel::{
    Error, Result, Timestamp,
    time::{HOUR, MINUTE, SECOND},
};
use moka::sync::Cache;
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

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
        let entry = self.subjects.get_with_by_ref(subject, || Arc::new(Mutex::new((now, 0))));
        let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
        if entry.0.plus(self.window) <= now {
            *entry = (now, 0);
        }
        if entry.1 >= self.most {
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
        let seconds = u32::try_from((end.0 - now.0 + SECOND - 1) / SECOND).unwrap_or(1).max(1);
        let wait =
            if seconds < 90 { format!("{seconds} seconds") } else { format!("{} minutes", seconds.div_ceil(60)) };
        Error::wait(seconds, format!("Too many {}. Try again in {wait}.", self.what))
    }
}

/// The limits that there are.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Failed sign-ins of one account from one address: a third party cannot lock the rightful person out.
    pub account: Limiter,
    /// Failed sign-ins from one address, over all accounts.
    pub address: Limiter,
    /// Reset mails asked for one account.
    pub resets: Limiter,
    /// Invitations of one organisation.
    pub invitations: Limiter,
    /// Keys made in one organisation.
    pub keys: Limiter,
    /// Organisations made by one person.
    pub organisations: Limiter,
    /// Tries of secrets in links from one address.
    pub links: Limiter,
}

impl Limits {
    /// Takes one try of a password, before it is looked at: tries at once cannot all slip under the limit.
    pub fn take_try(&self, account: &str, address: &str, now: Timestamp) -> Result<()> {
        self.address.take(address, now)?;
        self.account.take(account, now).inspect_err(|_| self.address.give_back(address))
    }

    /// The password fitted: the try does not count.
    pub fn give_back_try(&self, account: &str, address: &str) {
        self.account.give_back(account);
        self.address.give_back(address);
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            account: Limiter::new("failed sign-ins", 10, 10 * MINUTE),
            address: Limiter::new("failed sign-ins from this address", 50, 10 * MINUTE),
            resets: Limiter::new("reset requests", 5, HOUR),
            invitations: Limiter::new("invitations", 500, HOUR),
            keys: Limiter::new("new keys", 300, HOUR),
            organisations: Limiter::new("new organisations", 50, HOUR),
            links: Limiter::new("attempts", 60, 10 * MINUTE),
        }
    }
}

/// The subject of limits by address: IPv6 counts by its /64 network.
pub fn address_subject(address: Option<IpAddr>) -> String {
    match address {
        None => String::from("unknown"),
        Some(IpAddr::V4(v4)) => v4.to_string(),
        Some(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => v6.segments()[..4].iter().map(|s| format!("{s:x}:")).collect(),
        },
    }
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
}
