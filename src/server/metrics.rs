//! Figures for the operator's monitoring: counted without locks, and told in Prometheus' text format, version 0.0.4.

use crate::kernel::Timestamp;
use std::fmt::{self, Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The content type of a [`Page`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// So many counters, for what is told apart by a number.
pub fn counters(number: usize) -> Box<[Counter]> {
    (0..number).map(|_| Counter::default()).collect()
}

/// How long something took, counted by upper bounds.
#[derive(Debug)]
pub struct Histogram {
    /// In microseconds, rising.
    bounds: &'static [u64],
    /// One for each bound, and one for what is beyond the last.
    buckets: Box<[Counter]>,
    /// In microseconds.
    sum: Counter,
}

impl Histogram {
    pub fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, buckets: counters(bounds.len() + 1), sum: Counter::default() }
    }

    /// Notes that something took so many microseconds.
    pub fn note(&self, micros: u64) {
        self.buckets[self.bounds.partition_point(|bound| *bound < micros)].add(1);
        self.sum.add(micros);
    }

    /// The same.
    pub fn took(&self, time: Duration) {
        self.note(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// How often something was noted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(Counter::get).sum()
    }
}

/// Answers by the first digit of their status.
#[derive(Debug, Default)]
pub struct ByClass([Counter; CLASSES.len()]);

/// What statuses are told apart by. Whatever is no status is among the last.
pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The place of a status in [`CLASSES`].
pub fn class(status: u16) -> usize {
    usize::from(status / 100).clamp(1, CLASSES.len()) - 1
}

impl ByClass {
    pub fn note(&self, status: u16) {
        self.0[class(status)].add(1);
    }

    /// Each class with its number.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES.into_iter().zip(self.0.iter().map(Counter::get))
    }
}

/// The requests of the console and of programs, model calls aside.
#[derive(Debug, Default)]
pub struct Requests {
    pub console: ByClass,
    pub api: ByClass,
}

/// Where audit events are delivered to.
pub const DESTINATIONS: [&str; 4] = ["file", "syslog", "webhook", "organisation"];

/// What became of the audit events that this program delivers, by destination.
#[derive(Debug, Default)]
pub struct Deliveries([Delivered; DESTINATIONS.len()]);

/// The same of one destination.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Events that were taken.
    pub events: Counter,
    /// Messages that were not.
    pub failures: Counter,
    waiting: AtomicU64,
}

impl Delivered {
    /// So many events wait at this moment, of all chains.
    pub fn wait(&self, events: u64) {
        self.waiting.store(events, Ordering::Relaxed);
    }
}

impl Deliveries {
    /// Those to one of [`DESTINATIONS`].
    pub fn to(&self, destination: &str) -> &Delivered {
        let place = DESTINATIONS.iter().position(|name| *name == destination);
        &self.0[place.unwrap_or(DESTINATIONS.len() - 1)]
    }

    /// Puts them on a page: those of destinations that are in use.
    pub fn tell(&self, page: &mut Page) {
        let told: Vec<(&str, [u64; 3])> = DESTINATIONS
            .into_iter()
            .zip(&self.0)
            .map(|(name, of)| (name, [of.events.get(), of.failures.get(), of.waiting.load(Ordering::Relaxed)]))
            .filter(|(_, figures)| figures.iter().any(|figure| *figure > 0))
            .collect();
        if told.is_empty() {
            return;
        }
        let families = [
            ("latchkey_audit_events_delivered_total", Kind::Counter, "Audit events that receivers have taken."),
            (
                "latchkey_audit_delivery_failures_total",
                Kind::Counter,
                "Messages with audit events that were not taken.",
            ),
            ("latchkey_audit_events_waiting", Kind::Gauge, "Audit events that wait to be delivered."),
        ];
        for (at, (family, kind, help)) in families.into_iter().enumerate() {
            page.family(family, kind, help);
            for (name, figures) in &told {
                page.sample(family, &[("destination", name)], figures[at]);
            }
        }
    }
}

/// What kind of figure a family of samples is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A page of figures as it is put together.
#[derive(Debug, Default)]
pub struct Page(String);

/// Names and values that tell samples of one family apart.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

impl Page {
    /// Begins a family. Its samples follow.
    pub fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(self.0, "# HELP {name} {}\n# TYPE {name} {kind}", help.replace('\\', "\\\\"));
    }

    pub fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        self.line(name, labels, None, value);
    }

    /// A family of one sample.
    pub fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// The samples of one histogram. What is noted meanwhile is in all of them or in none, but for the sum.
    pub fn histogram(&mut self, name: &str, labels: Labels<'_>, histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        let mut count = 0;
        for (at, counter) in histogram.buckets.iter().enumerate() {
            count += counter.get();
            let bound = histogram.bounds.get(at).map_or_else(|| "+Inf".to_owned(), |bound| seconds(*bound).to_string());
            self.line(&bucket, labels, Some(&bound), count);
        }
        self.sample(&format!("{name}_sum"), labels, seconds(histogram.sum.get()));
        self.sample(&format!("{name}_count"), labels, count);
    }

    fn line(&mut self, name: &str, labels: Labels<'_>, bound: Option<&str>, value: impl Display) {
        self.0.push_str(name);
        let all = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
        let mut before = '{';
        for (label, value) in all {
            let _ = write!(self.0, "{before}{label}=\"{}\"", Escaped(value));
            before = ',';
        }
        if before == ',' {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    /// The whole page.
    pub fn finish(self) -> String {
        self.0
    }
}

struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}

/// Microseconds in seconds.
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// What is known of this process, as far as the system tells it.
pub fn process(page: &mut Page, started: Timestamp) {
    let started = started.0 as f64 / 1e3;
    page.single("process_start_time_seconds", Kind::Gauge, "When the process started, in seconds since 1970.", started);
    #[cfg(target_os = "linux")]
    linux(page);
}

#[cfg(target_os = "linux")]
fn linux(page: &mut Page) {
    use std::fs::{read_dir, read_to_string};
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    for (field, name, help) in [
        ("VmRSS:", "process_resident_memory_bytes", "Memory of the process that is resident, in bytes."),
        ("VmSize:", "process_virtual_memory_bytes", "Virtual memory of the process, in bytes."),
    ] {
        let kilobytes = status.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix("kB"));
        if let Some(kilobytes) = kilobytes.and_then(|text| text.trim().parse::<u64>().ok()) {
            page.single(name, Kind::Gauge, help, kilobytes * 1024);
        }
    }
    // Behind the name, which may hold anything, follow the fields from the third on: time in user and in kernel mode are
    // the fourteenth and fifteenth of all.
    let stat = read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace().skip(11).take(2);
    let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
    if let [user, kernel] = ticks[..] {
        let spent = (user + kernel) as f64 / rustix::param::clock_ticks_per_second().max(1) as f64;
        page.single("process_cpu_seconds_total", Kind::Counter, "Time that processors spent on the process.", spent);
    }
    if let Ok(files) = read_dir("/proc/self/fd") {
        page.single("process_open_fds", Kind::Gauge, "Open files, connections among them.", files.count());
    }
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        page.single("process_max_fds", Kind::Gauge, "The most files that may be open.", most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_what_is_at_most_each_bound() {
        let histogram = Histogram::new(&[1_000, 10_000]);
        for micros in [0, 1_000, 1_001, 10_000, 10_001, 5_000_000] {
            histogram.note(micros);
        }
        let mut page = Page::default();
        page.family("a_seconds", Kind::Histogram, "How long.");
        page.histogram("a_seconds", &[("b", "c")], &histogram);
        let expected = "# HELP a_seconds How long.\n\
            # TYPE a_seconds histogram\n\
            a_seconds_bucket{b=\"c\",le=\"0.001\"} 2\n\
            a_seconds_bucket{b=\"c\",le=\"0.01\"} 4\n\
            a_seconds_bucket{b=\"c\",le=\"+Inf\"} 6\n\
            a_seconds_sum{b=\"c\"} 5.022002\n\
            a_seconds_count{b=\"c\"} 6\n";
        assert_eq!(page.finish(), expected);
        assert_eq!(histogram.count(), 6);
    }

    #[test]
    fn values_of_labels_end_no_line() {
        let mut page = Page::default();
        page.sample("a", &[("b", "x\"} 1\na\\")], 2);
        assert_eq!(page.finish(), "a{b=\"x\\\"} 1\\na\\\\\"} 2\n");
    }

    #[test]
    fn every_status_has_a_class() {
        for (status, expected) in [
            (100, "1xx"),
            (200, "2xx"),
            (246, "2xx"),
            (304, "3xx"),
            (499, "4xx"),
            (599, "5xx"),
            (0, "1xx"),
            (999, "5xx"),
        ] {
            assert_eq!(CLASSES[class(status)], expected, "{status}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_tells_of_the_process() {
        let mut page = Page::default();
        process(&mut page, Timestamp(1_700_000_000_500));
        let page = page.finish();
        let value = |name: &str| {
            let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {name}: {page}")).parse::<f64>().expect("a number")
        };
        assert!((value("process_start_time_seconds") - 1_700_000_000.5).abs() < 1e-3);
        assert!(value("process_resident_memory_bytes") > 1e6 && value("process_open_fds") > 2.0);
        assert!(value("process_cpu_seconds_total") >= 0.0 && value("process_virtual_memory_bytes") > 1e6);
    }
}
