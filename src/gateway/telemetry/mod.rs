//! What the operator's monitoring is told of model calls: figures for Prometheus, and a span of each call for a collector
//! of OpenTelemetry. Both hang on the one point at which a call's record ends, and neither can delay a call.

pub mod codes;
mod export;
mod meters;
mod spans;

pub use crate::server::metrics::CONTENT_TYPE;
pub use meters::Meters;
pub use spans::{Find, Target};

use super::call::Gateway;
use super::facts::{CallEnd, CallFacts, Record};
use super::record::{Recorder, Sink, SinkError};
use crate::kernel::Timestamp;
use crate::server::access::App;
use crate::server::metrics::{self, Kind, Page};
use crate::server::settings::Collector;
use async_trait::async_trait;
use export::{Counts, Export};
use meters::Written;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

/// What is counted, and where spans go if anywhere.
#[derive(Default)]
pub struct Telemetry {
    pub meters: Meters,
    spans: Arc<Counts>,
    export: OnceLock<Export>,
}

impl Telemetry {
    /// Sends a span of every call that ends from now on to this collector. The first call of this counts. `find` tells of
    /// virtual keys what their ids do not.
    pub fn export_to(&self, collector: Collector, find: Find) {
        self.export.get_or_init(|| Export::start(collector, find, self.spans.clone()));
    }

    /// Notes that a call has ended. `sent_us` says when it first left for a provider, from its arrival on.
    pub(super) fn ended(&self, call: &Arc<CallFacts>, end: &CallEnd, sent_us: Option<u64>) {
        self.meters.ended(call, end, sent_us);
        if let Some(export) = self.export.get() {
            export.offer(call, end);
        }
    }

    /// Sends what waits to be sent, for at most `patience`, and nothing after that.
    pub async fn finish(&self, patience: Duration) {
        if let Some(export) = self.export.get() {
            export.finish(patience).await;
        }
    }

    /// Puts everything on a page.
    pub(super) fn tell(&self, page: &mut Page) {
        self.meters.tell(page);
        if let Some(export) = self.export.get() {
            self.spans.tell(page, export.waiting());
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}

/// Sends a span of every call of this gateway that ends from now on to a collector.
pub fn export(gateway: &Gateway, collector: Collector) {
    let directory = gateway.directory.clone();
    let find = move |organisation, virtual_key| {
        directory.remembered(organisation, virtual_key).as_deref()?.as_ref().map(Target::of)
    };
    gateway.recorder.telemetry().export_to(collector, Arc::new(find));
}

/// A way to the log that counts what goes through it.
pub(super) struct Watched {
    pub sink: Arc<dyn Sink>,
    pub telemetry: Arc<Telemetry>,
}

#[async_trait]
impl Sink for Watched {
    async fn write(&self, records: &[Record]) -> Result<(), SinkError> {
        let begun = Instant::now();
        let done = self.sink.write(records).await;
        let written = match done {
            Ok(()) => Written::Stored,
            Err(SinkError::Unavailable) => Written::Unavailable,
            Err(SinkError::Rejected) => Written::Rejected,
        };
        self.telemetry.meters.wrote(begun.elapsed(), records.len(), written);
        done
    }
}

/// How full the queue of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Places in all, for calls under way and for records that wait.
    pub places: usize,
    pub free: usize,
    /// Calls under way.
    pub under_way: usize,
}

/// The figures of this process, which has started then, as Prometheus reads them.
pub fn page(app: &App, recorder: &Recorder, started: Timestamp) -> String {
    let mut page = Page::default();
    page.family("latchkey_build_info", Kind::Gauge, "The version of the program; always 1.");
    page.sample("latchkey_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    recorder.telemetry().tell(&mut page);
    let Load { places, free, under_way } = recorder.load();
    let used = places.saturating_sub(free);
    let gauge = Kind::Gauge;
    page.single("latchkey_model_calls_under_way", gauge, "Model calls that have not ended.", under_way);
    page.family("latchkey_log_places", gauge, "Places of the log's queue, for calls under way and records that wait.");
    page.sample("latchkey_log_places", &[("state", "free")], free);
    page.sample("latchkey_log_places", &[("state", "used")], used);
    let help = "Records of ended calls that wait to be stored.";
    page.single("latchkey_log_records_waiting", gauge, help, used.saturating_sub(under_way));
    page.family("latchkey_http_requests_total", Kind::Counter, "Requests of the console and of the management API.");
    for (part, answers) in [("console", &app.requests.console), ("api", &app.requests.api)] {
        for (class, number) in answers.all() {
            page.sample("latchkey_http_requests_total", &[("part", part), ("status", class)], number);
        }
    }
    app.deliveries.tell(&mut page);
    let pools = app.db.pools();
    page.family("latchkey_database_connections", gauge, "Open connections to the database.");
    for (name, pool) in &pools {
        page.sample("latchkey_database_connections", &[("pool", name), ("state", "in_use")], pool.in_use);
        page.sample("latchkey_database_connections", &[("pool", name), ("state", "idle")], pool.idle);
    }
    page.family("latchkey_database_connections_max", gauge, "The most connections to the database that may be open.");
    for (name, pool) in &pools {
        page.sample("latchkey_database_connections_max", &[("pool", name)], pool.most);
    }
    metrics::process(&mut page, started);
    page.finish()
}
