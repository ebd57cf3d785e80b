//! A caller's connection as hyper sees it: read strictly, bounded in how slow it may be, and closed so that the caller
//! can still read the answer.

use super::{framing::Framing, seats::Place};
use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How slow a caller may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From the first byte of a request's head to its last.
    pub(super) head: Duration,
    /// How long a caller may take none of the bytes that wait for it. The body of an answer is not asked for more
    /// meanwhile, so nothing else would end such a connection and the call that it carries.
    pub(super) stall: Duration,
    /// How long a caller that was answered before its request was read may go on sending it.
    pub(super) linger: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(20), stall: Duration::from_secs(60), linger: Duration::from_secs(10) }
    }
}

/// The most bytes of a request that are thrown away after it was answered. A client that sends more sees its connection
/// reset.
const LINGER_BYTES: usize = 64 << 20;

/// A caller's stream.
pub(super) struct Caller {
    stream: TcpStream,
    place: Arc<Place>,
    framing: Framing,
    /// A request was refused by its framing: nothing behind it is read.
    refused: bool,
    patience: Patience,
    /// Set while a head has begun and not ended.
    slow: Option<Pin<Box<Sleep>>>,
    /// Set while there is no room to write.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Set once nothing more is written, with the bytes that may still be thrown away.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl Caller {
    pub(super) fn new(stream: TcpStream, place: Arc<Place>, patience: Patience) -> Self {
        let framing = Framing::default();
        Self { stream, place, framing, refused: false, patience, slow: None, stalled: None, lingering: None }
    }

    fn bounded(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience.stall;
        let alarm = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        alarm.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Whether the caller takes too long over a head.
    fn is_slow(&mut self, context: &mut Context<'_>) -> bool {
        if !self.framing.inside_head() {
            self.slow = None;
            return false;
        }
        let patience = self.patience.head;
        let alarm = self.slow.get_or_insert_with(|| Box::pin(sleep(patience)));
        alarm.as_mut().poll(context).is_ready()
    }

    /// Throws away what the caller still sends of a request that is answered: closing on it would reset the connection,
    /// and the caller would lose the answer (RFC 9112, section 9.6).
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some((end, left)) = &mut self.lingering else { return Poll::Ready(()) };
        let mut thrown_away = [0; 16 << 10];
        loop {
            if end.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut thrown_away);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() && *left > buffer.filled().len() => {
                    *left -= buffer.filled().len();
                }
                _ => return Poll::Ready(()),
            }
        }
    }
}

impl AsyncRead for Caller {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.refused {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        if Pin::new(&mut self.stream).poll_read(context, buffer)?.is_pending() {
            return if self.is_slow(context) {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            } else {
                Poll::Pending
            };
        }
        if let Some(place) = self.framing.take(&buffer.filled()[before..]) {
            // A NUL is refused wherever a request is parsed, so hyper answers 400 and closes.
            buffer.filled_mut()[before + place] = 0;
            buffer.set_filled(before + place + 1);
            self.refused = true;
            self.place.set_unread(true);
        }
        if !self.framing.inside_head() {
            self.slow = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Caller {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            if !self.place.is_unread() {
                return Poll::Ready(Ok(()));
            }
            self.place.wait();
            self.lingering = Some((Box::pin(sleep(self.patience.linger)), LINGER_BYTES));
        }
        self.linger(context).map(Ok)
    }
}
