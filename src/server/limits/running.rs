//! What runs long: how much of it at the same time.

use crate::kernel::{Error, OrganisationId, Result};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::task::AbortHandle;
use uuid::Uuid;

/// Who has something under way in each organisation.
type UnderWay = Arc<Mutex<HashMap<OrganisationId, Vec<Uuid>>>>;

/// How many exports run at the same time: so many of each organisation, and one of each person and key.
#[derive(Clone, Debug)]
pub struct Running {
    what: &'static str,
    most: usize,
    under_way: UnderWay,
}

impl Running {
    /// How soon whoever was refused may ask again, in seconds.
    const PAUSE: u32 = 10;

    pub(super) fn new(what: &'static str, most: usize) -> Self {
        Self { what, most, under_way: Arc::default() }
    }

    /// Takes a place for a person or key, which is free again once what is given here is dropped, or so much time is over:
    /// whoever has stopped reading what is sent to them keeps no place by that.
    ///
    /// # Errors
    /// `too_many_requests` if as many run as may.
    pub fn begin(&self, organisation: OrganisationId, caller: Uuid, longest: Duration) -> Result<Run> {
        let held = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            let callers = under_way.get(&organisation).map_or(&[][..], Vec::as_slice);
            let Self { what, most, .. } = self;
            if callers.contains(&caller) {
                let message = format!("You have {what} under way already. Try again when they have ended.");
                return Err(Error::wait(Self::PAUSE, message));
            }
            if callers.len() >= *most {
                let message =
                    format!("This organisation has {most} {what} under way already. Try again when one has ended.");
                return Err(Error::wait(Self::PAUSE, message));
            }
            under_way.entry(organisation).or_default().push(caller);
            Held { of: self.under_way.clone(), organisation, caller }
        };
        let held = Arc::new(Mutex::new(Some(held)));
        let late = held.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep(longest).await;
            free(&late);
        });
        Ok(Run { held, timer: timer.abort_handle() })
    }
}

/// A place of [`Running`].
#[derive(Debug)]
pub struct Run {
    held: Arc<Mutex<Option<Held>>>,
    timer: AbortHandle,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.timer.abort();
        free(&self.held);
    }
}

fn free(held: &Mutex<Option<Held>>) {
    drop(held.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// What is counted for a [`Run`].
#[derive(Debug)]
struct Held {
    of: UnderWay,
    organisation: OrganisationId,
    caller: Uuid,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut under_way = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(callers) = under_way.get_mut(&self.organisation) {
            callers.retain(|caller| *caller != self.caller);
            if callers.is_empty() {
                under_way.remove(&self.organisation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Code;

    #[tokio::test]
    async fn what_runs_at_once_is_counted_for_each_organisation_and_caller() {
        let (running, north, south) =
            (Running::new("exports", 2), OrganisationId::numbered(1), OrganisationId::numbered(2));
        let begin =
            |organisation, caller| running.begin(organisation, Uuid::from_u128(caller), Duration::from_secs(60));
        let first = begin(north, 1).expect("a place");
        for _ in 0..2 {
            let refused = begin(north, 1).expect_err("one has one");
            assert_eq!((refused.code, refused.retry_after), (Code::TooManyRequests, Some(10)));
            assert!(refused.message.starts_with("You have exports"), "{}", refused.message);
        }
        let second = begin(north, 2).expect("a place");
        let refused = begin(north, 3).expect_err("no third one");
        assert_eq!((refused.code, refused.retry_after), (Code::TooManyRequests, Some(10)));
        assert!(refused.message.starts_with("This organisation has 2 exports"), "{}", refused.message);
        assert!(begin(south, 1).is_ok(), "another organisation has places of its own");
        drop(first);
        let third = begin(north, 3).expect("a place is free again");
        drop((second, third));
        assert!(running.under_way.lock().expect("the counts").is_empty(), "nothing is remembered of what is over");
    }

    #[tokio::test]
    async fn a_place_is_free_when_its_time_is_over() {
        let running = Running::new("exports", 2);
        let (north, caller) = (OrganisationId::numbered(1), Uuid::from_u128(1));
        let late = running.begin(north, caller, Duration::from_millis(20)).expect("a place");
        tokio::time::sleep(Duration::from_millis(500)).await;
        let next =
            running.begin(north, caller, Duration::from_secs(60)).expect("it is free, though nobody gave it back");
        drop(late);
        assert!(running.begin(north, caller, Duration::from_secs(60)).is_err(), "the late end frees no other's place");
        drop(next);
        assert!(running.under_way.lock().expect("the counts").is_empty());
    }
}
