//! Readings that take long, such as those of files which come piece by piece: each piece is read in a transaction of its own,
//! which decides anew, and no transaction waits for a slow reader.

use super::{Access, Change};
use crate::{
    kernel::{Code, Error, Result, Timestamp, time::HOUR},
    policy::Operation,
    server::{
        audit::event::Subject,
        database::OrgTx,
        limits::{Limits, Run, Running},
    },
};
use futures_util::{Stream, StreamExt, stream};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long such a reading may take, in milliseconds.
const LONGEST: i64 = HOUR;
/// How often a transaction is asked for again while too many others read, and how long it waits before that.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// A reading under way, with its place among those that run at the same time.
pub struct Lengthy {
    access: Access,
    operation: Operation,
    subject: Subject,
    begun: Timestamp,
    _run: Run,
}

impl Lengthy {
    /// Begins inside the act that asks for it.
    ///
    /// # Errors
    /// `too_many_requests` if as many run as may.
    pub fn begin(change: &Change, subject: Subject, of: impl FnOnce(&Limits) -> &Running) -> Result<Self> {
        let access = change.access.clone();
        let caller = access.principal.id().ok_or_else(Error::not_found)?;
        let run = of(&access.app.limits).begin(change.organisation(), caller, longest())?;
        Ok(Self { operation: change.operation, subject, begun: change.now(), access, _run: run })
    }

    pub fn access(&self) -> &Access {
        &self.access
    }

    pub fn begun(&self) -> Timestamp {
        self.begun
    }

    /// The transaction of the next piece, as [`Access::read`] gives it: it waits a while where no place for readers is free.
    /// That the right was lost meanwhile is an event of the act that began the reading. Whoever gets an error reads no more.
    ///
    /// # Errors
    /// Besides those of [`Access::read`] `busy`, if the reading takes too long.
    pub async fn read(&self, operation: Operation) -> Result<OrgTx> {
        let mut tries = 0;
        loop {
            if self.access.now() > self.begun.plus(LONGEST) {
                return Err(too_long());
            }
            match self.access.read(operation).await {
                Err(error) if error.code == Code::Busy && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    if let (401 | 403 | 404, Some(organisation)) =
                        (error.code.status(), self.access.principal.organisation())
                    {
                        let subject = self.subject.clone();
                        self.access.record_refusal(self.operation, organisation, subject, &error).await;
                    }
                    return Err(error);
                }
                Ok(tx) => return Ok(tx),
            }
        }
    }

    /// Holds the pieces of a reading that begins now to its time, however slowly they are taken. Behind an error there is none.
    pub fn hold(pieces: impl Stream<Item = Result<String>> + Send) -> impl Stream<Item = Result<String>> + Send {
        hold_until(Instant::now() + longest(), pieces)
    }
}

fn hold_until(
    end: Instant,
    pieces: impl Stream<Item = Result<String>> + Send,
) -> impl Stream<Item = Result<String>> + Send {
    stream::unfold(Some(Box::pin(pieces)), move |pieces| async move {
        let mut pieces = pieces?;
        let next = match Instant::now() < end {
            true => timeout_at(end, pieces.next()).await.unwrap_or_else(|_| Some(Err(too_long()))),
            false => Some(Err(too_long())),
        };
        match next? {
            Ok(piece) => Some((Ok(piece), Some(pieces))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

const fn longest() -> Duration {
    Duration::from_millis(LONGEST.unsigned_abs())
}

fn too_long() -> Error {
    Error::new(Code::Busy, "This export takes too long. Choose a shorter span of time.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_end_with_their_time() {
        let pieces = || stream::iter(["a", "b", "c"]).map(|piece| Ok(piece.to_owned()));
        let whole: Vec<_> = hold_until(Instant::now() + longest(), pieces()).collect().await;
        assert_eq!(whole, ["a", "b", "c"].map(|piece| Ok(piece.to_owned())));
        // A reader who takes their time with a piece that is ready.
        let mut slow = Box::pin(hold_until(Instant::now() + Duration::from_millis(300), pieces()));
        assert_eq!(slow.next().await, Some(Ok("a".to_owned())));
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(slow.next().await, Some(Err(too_long())));
        assert_eq!(slow.next().await, None, "nothing comes behind an error");
        // A piece that never comes.
        let none = hold_until(Instant::now() + Duration::from_millis(50), stream::pending::<Result<String>>());
        assert_eq!(none.collect::<Vec<_>>().await, [Err(too_long())]);
    }
}
