//! Delivery of events to receivers outside: a file, syslog and webhooks. The log itself is what waits while a receiver is
//! away; of each chain and destination no more is kept than how far the receiver has it.
//!
//! A receiver gets the events of a chain in their order, each at least once: how far it has them is noted after it has taken
//! them. After a crash between the two it gets some of them again.

mod file;
mod ocsf;
mod store;
mod syslog;
mod webhook;

pub use file::check as check_file;
pub use store::{
    Cursor, STATEMENTS, StoredState, StoredWebhook, begin, claim, cursors, delivered, end, failed, insert_webhook,
    pause, release, remove_webhook, resume, rotate_secret, states, try_again, update_webhook, webhook,
};
pub use syslog::Syslog;
pub use webhook::{Address, Format, Webhook};

use super::Stored;
use crate::kernel::{
    OrganisationId, Timestamp,
    time::{MINUTE, SECOND},
};
use std::{borrow::Cow, path::PathBuf};

/// The installation's destinations, as they are called in the database.
pub const FILE: &str = "file";
pub const SYSLOG: &str = "syslog";
pub const WEBHOOK: &str = "webhook";
/// All of them.
pub const OF_INSTALLATION: [&str; 3] = [FILE, SYSLOG, WEBHOOK];
/// An organisation's own webhook.
pub const ORGANISATION: &str = "organisation";

/// The most events that are read and sent at once, and the most bytes of them. One that is larger goes alone.
pub const EVENTS: i64 = 100;
const BYTES: usize = 256 * 1024;

/// The longest pause before another attempt, in milliseconds.
pub const LONGEST_PAUSE: i64 = 5 * MINUTE;
/// The most characters that are kept of why an attempt failed.
const SENTENCE: usize = 200;

/// Who takes events.
#[derive(Debug)]
pub enum Receiver {
    File(PathBuf),
    Syslog(Syslog),
    Webhook(Box<Webhook>),
}

impl Receiver {
    /// Sends the first of these events, as many as go at once. Gives the number of the last one that was taken.
    ///
    /// # Errors
    /// When it cannot be said that they were taken; some of them may have been.
    pub async fn send(&self, organisation: OrganisationId, events: &[Stored], now: Timestamp) -> Result<i64, Trouble> {
        match self {
            Receiver::File(path) => file::send(path.clone(), organisation, events).await,
            Receiver::Syslog(syslog) => syslog.send(organisation, events).await,
            Receiver::Webhook(webhook) => webhook.send(organisation, events, now).await,
        }
    }
}

/// Why events were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// A sentence that repeats nothing of what the receiver said, and not its address.
    pub sentence: Cow<'static, str>,
    /// In how many milliseconds the receiver wants to be asked again, if it has said so.
    pub after: Option<i64>,
}

impl Trouble {
    fn of(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { sentence: sentence.into(), after: None }
    }

    /// The sentence, as much as is kept of it.
    pub fn kept(&self) -> &str {
        crate::kernel::text::cut(&self.sentence, SENTENCE)
    }

    /// Milliseconds until the next attempt, after so many failed ones before this: one second, doubled each time, or what
    /// the receiver wants, and no more than [`LONGEST_PAUSE`].
    pub fn pause(&self, failures: i64) -> i64 {
        let doubled = SECOND << failures.clamp(0, 9);
        doubled.max(self.after.unwrap_or(0)).min(LONGEST_PAUSE)
    }
}

/// The first of these events as texts, as many as go at once, and the number of the last one.
fn fitting(events: &[Stored], write: impl Fn(&Stored) -> String) -> (Vec<String>, i64) {
    let (mut texts, mut bytes, mut last) = (vec![], 0, 0);
    for event in events {
        let text = write(event);
        bytes += text.len();
        if bytes > BYTES && !texts.is_empty() {
            break;
        }
        texts.push(text);
        last = event.seq;
    }
    (texts, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: i64, bytes: usize) -> Stored {
        Stored { seq, body: "x".repeat(bytes), previous: vec![], hash: vec![], personal: vec![] }
    }

    #[test]
    fn what_goes_at_once_is_bounded_and_never_nothing() {
        let sent = |sizes: &[usize]| {
            let events: Vec<_> = (1..).zip(sizes).map(|(seq, bytes)| event(seq, *bytes)).collect();
            let (texts, last) = fitting(&events, |event| event.body.clone());
            (texts.len(), last)
        };
        assert_eq!(sent(&[10, 10, 10]), (3, 3));
        assert_eq!(sent(&[BYTES, 1]), (1, 1));
        assert_eq!(sent(&[BYTES - 1, 1, 1]), (2, 2));
        assert_eq!(sent(&[BYTES + 1, 1]), (1, 1), "a large one goes alone");
        assert_eq!(sent(&[1, BYTES + 1]), (1, 1));
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let pauses: Vec<i64> = (0..12).map(|failures| Trouble::of("").pause(failures) / SECOND).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        let asked = |after| Trouble { after: Some(after), ..Trouble::of("") }.pause(1);
        assert_eq!((asked(30 * SECOND), asked(0), asked(i64::MAX)), (30 * SECOND, 2 * SECOND, LONGEST_PAUSE));
    }
}
