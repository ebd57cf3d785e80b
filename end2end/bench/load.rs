//! The load: connections that each send a request, read the whole answer, and send the next.

use super::Result;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Before the clock counts.
const WARM_UP: Duration = Duration::from_millis(300);
/// Of the kernel's counts of processor time, per second.
const TICKS: f64 = 100.0;

/// Where requests go, and how they look.
pub struct Way {
    port: u16,
    request: Vec<u8>,
}

impl Way {
    /// To the provider itself.
    pub fn raw(port: u16, streamed: bool) -> Self {
        Self::new(port, "authorization: Bearer sk-benchmark\r\n", streamed)
    }

    /// Through the gateway.
    pub fn through(port: u16, key: &str, streamed: bool) -> Self {
        Self::new(port, &format!("authorization: Bearer {key}\r\nx-portkey-virtual-key: bench\r\n"), streamed)
    }

    /// Through the gateway, led by a saved config.
    pub fn led(port: u16, key: &str, config: &str) -> Self {
        Self::new(port, &format!("authorization: Bearer {key}\r\nx-portkey-config: {config}\r\n"), false)
    }

    fn new(port: u16, headers: &str, streamed: bool) -> Self {
        let mut body = serde_json::json!({
            "model": "gpt-4o",
            "messages": [
                { "role": "system", "content": "You answer in one short sentence." },
                { "role": "user", "content": "What is the shortest way from the harbour to the old town at this time of the day?" },
            ],
        });
        if streamed {
            body["stream"] = true.into();
            body["stream_options"] = serde_json::json!({ "include_usage": true });
        }
        let body = body.to_string();
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nuser-agent: bench\r\naccept: */*\r\n{headers}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { port, request: request.into_bytes() }
    }
}

/// What came of a measurement.
#[derive(Default)]
pub struct Measured {
    /// Of requests in the measured time, in nanoseconds.
    times: Vec<u64>,
    /// All requests, those before the clock counted included.
    all: u64,
    elapsed: Duration,
    /// Seconds of processor time: gateway, provider, load.
    cpu: [f64; 3],
    /// Seconds of processor time that everybody else on the machine took.
    others: f64,
}

impl Measured {
    pub fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.all += other.all;
        self.elapsed += other.elapsed;
        self.others += other.others;
        for (sum, more) in self.cpu.iter_mut().zip(other.cpu) {
            *sum += more;
        }
    }

    pub fn requests(&self) -> u64 {
        self.all
    }

    pub fn rate(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The share of the machine that was not this benchmark's, of 1.
    pub fn disturbance(&self) -> f64 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        self.others.max(0.0) / (self.elapsed.as_secs_f64() * cores)
    }

    /// In milliseconds.
    pub fn percentile(&mut self, percent: f64) -> f64 {
        self.times.sort_unstable();
        let at = (self.times.len() as f64 * percent / 100.0) as usize;
        self.times.get(at.min(self.times.len().saturating_sub(1))).map_or(0.0, |ns| *ns as f64 / 1e6)
    }

    /// In microseconds: gateway, provider, load.
    pub fn cpu_per_request(&self) -> [f64; 3] {
        self.cpu.map(|seconds| seconds * 1e6 / self.times.len().max(1) as f64)
    }
}

/// Runs the load for a while. `processes` are the gateway's and the provider's.
pub async fn run(way: &Way, connections: usize, lasting: Duration, processes: [Option<u32>; 2]) -> Result<Measured> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + lasting;
    let mut callers = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(("127.0.0.1", way.port)).await?;
        stream.set_nodelay(true)?;
        callers.push(tokio::spawn(caller(stream, way.request.clone(), begin, end)));
    }
    let pids = [processes[0], processes[1], Some(std::process::id())];
    tokio::time::sleep_until(begin.into()).await;
    let busy = busy_seconds();
    let before = pids.map(|pid| pid.map_or(0.0, cpu_seconds));
    tokio::time::sleep_until(end.into()).await;
    let after = pids.map(|pid| pid.map_or(0.0, cpu_seconds));
    let cpu = [0, 1, 2].map(|at| after[at] - before[at]);
    let others = busy_seconds() - busy - cpu.iter().sum::<f64>();
    let mut measured = Measured { elapsed: lasting, cpu, others, ..Measured::default() };
    for caller in callers {
        let (times, all) = caller.await?.map_err(|error| error.to_string())?;
        measured.times.extend(times);
        measured.all += all;
    }
    Ok(measured)
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn caller(
    mut stream: TcpStream,
    request: Vec<u8>,
    begin: Instant,
    end: Instant,
) -> std::result::Result<(Vec<u64>, u64), Failure> {
    let mut times = Vec::with_capacity(64 << 10);
    let mut held = Vec::with_capacity(16 << 10);
    let mut all = 0;
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok((times, all));
        }
        stream.write_all(&request).await?;
        held.clear();
        while !is_whole(&held) {
            if stream.read_buf(&mut held).await? == 0 {
                return Err("the connection was closed".into());
            }
        }
        if !held.starts_with(b"HTTP/1.1 200") {
            return Err(String::from_utf8_lossy(&held).into_owned().into());
        }
        all += 1;
        let got = Instant::now();
        if sent >= begin && got <= end {
            times.push((got - sent).as_nanos() as u64);
        }
    }
}

/// Whether an answer has arrived whole.
fn is_whole(held: &[u8]) -> bool {
    let Some(head) = held.windows(4).position(|part| part == b"\r\n\r\n") else { return false };
    match content_length(&held[..head + 4]) {
        Some(length) => held.len() >= head + 4 + length,
        None => held.ends_with(b"0\r\n\r\n"),
    }
}

/// The `content-length` of a head in lower case.
pub fn content_length(head: &[u8]) -> Option<usize> {
    let name = b"\ncontent-length: ";
    let at = head.windows(name.len()).position(|part| part == name)? + name.len();
    let digits = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')))
}

/// Processor time of everything on the machine.
fn busy_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<f64> = fields.filter_map(|text| text.parse().ok()).collect();
    // Idle and waiting for the disk are the fourth and fifth.
    (ticks.iter().take(8).sum::<f64>() - ticks.iter().skip(3).take(2).sum::<f64>()) / TICKS
}

/// User and system time of a process.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS
}
