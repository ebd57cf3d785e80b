//! Sends spans to the operator's collector, in groups, behind the calls. What waits is bounded: while the collector is away
//! or slow, calls beyond the bound are left out, and counted.

use super::spans::{self, Ended, Find, spans_of};
use crate::gateway::facts::{CallEnd, CallFacts};
use crate::server::metrics::{Counter, Kind, Page};
use crate::server::outgoing::{Outgoing, Patience};
use crate::server::settings::Collector;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Calls that wait, and the most of them in one request.
const WAITING: usize = 4_096;
const GROUP: usize = 512;
/// How long a call waits for others.
const DELAY: Duration = Duration::from_secs(1);
/// The pauses before the same group is sent again.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often the program's own log tells of spans that do not arrive.
const TELL: Duration = Duration::from_secs(60);
/// What a collector has for one request. Its answers are small.
const PATIENCE: Patience = Patience {
    headers: Duration::from_secs(10),
    idle: Duration::from_secs(5),
    total: Duration::from_secs(15),
    largest: 64 << 10,
};

/// What became of spans.
#[derive(Debug, Default)]
pub struct Counts {
    exported: Counter,
    /// Left out, for want of room.
    dropped: Counter,
    /// Not taken by the collector.
    rejected: Counter,
    /// Requests that failed, those that were repeated included.
    failures: Counter,
}

impl Counts {
    /// Puts them on a page, with the number of calls that wait.
    pub fn tell(&self, page: &mut Page, waiting: usize) {
        let name = "latchkey_otlp_spans_total";
        page.family(name, Kind::Counter, "Spans of model calls: exported, dropped for want of room, or rejected.");
        for (result, counter) in
            [("exported", &self.exported), ("dropped", &self.dropped), ("rejected", &self.rejected)]
        {
            page.sample(name, &[("result", result)], counter.get());
        }
        let help = "Requests to the collector that failed.";
        page.single("latchkey_otlp_request_failures_total", Kind::Counter, help, self.failures.get());
        let help = "Ended calls whose spans wait to be sent.";
        page.single("latchkey_otlp_calls_waiting", Kind::Gauge, help, waiting);
    }
}

/// The way to the collector.
pub struct Export {
    queue: mpsc::Sender<Ended>,
    counts: Arc<Counts>,
    ending: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Export {
    pub fn start(collector: Collector, find: Find, counts: Arc<Counts>) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let ending = CancellationToken::new();
        let sender = Sender {
            outgoing: Outgoing::new(Collector::addresses()),
            collector,
            find,
            instance: Uuid::now_v7(),
            waiting,
            counts: counts.clone(),
            ending: ending.clone(),
            told: None,
            told_of: 0,
        };
        Self { queue, counts, ending, task: Mutex::new(Some(tokio::spawn(sender.run()))) }
    }

    /// Takes a call that has ended, if there is room.
    pub fn offer(&self, call: &Arc<CallFacts>, end: &CallEnd) {
        match self.queue.try_reserve() {
            Ok(place) => place.send(Ended { call: call.clone(), end: end.clone() }),
            Err(_) => self.counts.dropped.add(spans_of(end)),
        }
    }

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Sends what waits, for at most `patience`. Nothing is taken any more.
    pub async fn finish(&self, patience: Duration) {
        self.ending.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && timeout(patience, task).await.is_err()
        {
            tracing::warn!("the last spans of calls could not be sent in time");
        }
    }
}

struct Sender {
    outgoing: Outgoing,
    collector: Collector,
    find: Find,
    instance: Uuid,
    waiting: mpsc::Receiver<Ended>,
    counts: Arc<Counts>,
    ending: CancellationToken,
    /// When the log was last told that spans do not arrive, and of how many.
    told: Option<Instant>,
    told_of: u64,
}

/// What a collector says of a group.
enum Said {
    /// Taken, but for so many spans.
    Taken(u64),
    /// Not now; perhaps when to try again.
    Later(&'static str, Option<Duration>),
    /// Never.
    Never,
}

impl Sender {
    async fn run(mut self) {
        let mut group = Vec::with_capacity(GROUP);
        let ending = self.ending.clone();
        loop {
            let received = tokio::select! {
                biased;
                () = ending.cancelled(), if !self.waiting.is_closed() => {
                    self.waiting.close();
                    continue;
                }
                received = self.waiting.recv_many(&mut group, GROUP) => received,
            };
            if received == 0 {
                return;
            }
            self.gather(&mut group).await;
            self.deliver(&group).await;
            group.clear();
        }
    }

    /// Waits a little for more, so that quiet times do not send each call by itself.
    async fn gather(&mut self, group: &mut Vec<Ended>) {
        let ending = self.ending.clone();
        let full = Instant::now() + DELAY;
        while group.len() < GROUP {
            let room = GROUP - group.len();
            tokio::select! {
                biased;
                () = ending.cancelled() => return,
                more = timeout_at(full, self.waiting.recv_many(group, room)) => match more {
                    Ok(more) if more > 0 => {}
                    _ => return,
                },
            }
        }
    }

    /// Sends a group until it is taken, or is not to be sent again.
    async fn deliver(&mut self, group: &[Ended]) {
        let spans: u64 = group.iter().map(Ended::spans).sum();
        let body = Bytes::from(spans::request(self.instance, group, &self.find));
        let mut pause = SHORTEST_PAUSE;
        loop {
            match self.send(body.clone()).await {
                Said::Taken(rejected) => {
                    let rejected = rejected.min(spans);
                    self.counts.exported.add(spans - rejected);
                    self.counts.rejected.add(rejected);
                    if rejected > 0 {
                        self.tell("the collector did not take all spans of calls");
                    } else {
                        self.tell_dropped();
                    }
                    return;
                }
                Said::Never => {
                    self.counts.failures.add(1);
                    self.counts.rejected.add(spans);
                    self.tell("the collector refuses spans of calls");
                    return;
                }
                Said::Later(why, after) => {
                    self.counts.failures.add(1);
                    self.tell(why);
                    if self.ending.is_cancelled() {
                        self.counts.dropped.add(spans);
                        return;
                    }
                    tokio::select! {
                        () = self.ending.cancelled() => {}
                        () = sleep(after.unwrap_or(pause).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)) => {}
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn send(&self, body: Bytes) -> Said {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.collector.address.clone();
        *request.headers_mut() = self.collector.headers.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("latchkey/", env!("CARGO_PKG_VERSION"))));
        match self.outgoing.fetch(request, PATIENCE).await {
            Ok(response) => said(&response),
            Err(_) => Said::Later("the collector of spans cannot be reached", None),
        }
    }

    /// Tells the program's log, once in a while, and of how many spans it is by now.
    fn tell(&mut self, why: &'static str) {
        if self.told.is_some_and(|told| told.elapsed() < TELL) {
            return;
        }
        self.told = Some(Instant::now());
        let (dropped, rejected) = (self.counts.dropped.get(), self.counts.rejected.get());
        self.told_of = dropped;
        tracing::warn!(dropped, rejected, "{why}");
    }

    /// A collector may take everything, and be slower than calls are.
    fn tell_dropped(&mut self) {
        if self.counts.dropped.get() > self.told_of {
            self.tell("the collector of spans is slower than calls come, and some were left out");
        }
    }
}

/// What an answer says. By the protocol these four statuses alone are worth another try.
fn said(response: &Response<Bytes>) -> Said {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        partial_success: Option<Partial>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Partial {
        /// A text, as JSON has 64-bit numbers here, or a number all the same.
        rejected_spans: Option<serde_json::Value>,
    }
    match response.status() {
        status if status.is_success() => {
            let answer = serde_json::from_slice::<Answer>(response.body()).ok();
            let rejected = answer.and_then(|answer| answer.partial_success?.rejected_spans);
            let rejected = rejected.and_then(|number| match number {
                serde_json::Value::String(text) => text.parse().ok(),
                other => other.as_u64(),
            });
            Said::Taken(rejected.unwrap_or(0))
        }
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Said::Later("the collector takes no spans of calls at the moment", after.map(Duration::from_secs))
        }
        _ => Said::Never,
    }
}
