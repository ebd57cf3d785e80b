//! Looks after the key of a call that is under way. Its answer may take many minutes, and goes on only as long as the key
//! may call.
//!
//! Each call asks the directory twice a second. The directory answers from memory, reads a key anew once every two seconds
//! however many calls it has, hears of changes at once, and believes no answer beyond 4.5 seconds: so nothing is handed on
//! five seconds after a key has ended, whatever has become of the notification link or the database.

use super::call::{Gateway, known, may_still_call};
use super::directory::Known;
use crate::web::refusal::Refusal;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// How long a key is believed between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// The watch over the key of one call.
pub(super) struct Watch {
    gateway: Gateway,
    key: Arc<Option<Known>>,
    state: State,
}

enum State {
    /// The key was good a moment ago. There is no alarm before the first look.
    Resting(Option<Pin<Box<Sleep>>>),
    Asking(Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>),
}

/// What a look found.
#[derive(Debug)]
pub(super) enum Look {
    /// The key may call.
    Good,
    /// It is not known yet whether it still may.
    Asking,
    /// It may not, and why.
    Ended(Refusal),
}

impl Watch {
    /// Begins with a key that may call at this moment.
    pub(super) fn new(gateway: Gateway, key: Arc<Option<Known>>) -> Self {
        Self { gateway, key, state: State::Resting(None) }
    }

    /// Looks whether the key may still call, at most once in each pause, and wakes the task when the next look is due.
    pub(super) fn look(&mut self, context: &mut Context<'_>) -> Look {
        loop {
            match &mut self.state {
                State::Resting(alarm) => {
                    let alarm = alarm.get_or_insert_with(|| Box::pin(sleep(PAUSE)));
                    if alarm.as_mut().poll(context).is_pending() {
                        return Look::Good;
                    }
                    let (gateway, key) = (self.gateway.clone(), self.key.clone());
                    let ask = async move { may_still_call(&gateway, known(&key)?).await.map(drop) };
                    self.state = State::Asking(Box::pin(ask));
                }
                State::Asking(asked) => match asked.as_mut().poll(context) {
                    Poll::Pending => return Look::Asking,
                    Poll::Ready(Ok(())) => self.state = State::Resting(None),
                    Poll::Ready(Err(refusal)) => return Look::Ended(refusal),
                },
            }
        }
    }

    /// Waits until the key may call no longer, and gives the reason.
    pub(super) async fn ended(&mut self) -> Refusal {
        poll_fn(|context| match self.look(context) {
            Look::Ended(refusal) => Poll::Ready(refusal),
            Look::Good | Look::Asking => Poll::Pending,
        })
        .await
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
