//! The gateway beside the provider that it leads to and beside a bare forwarder: requests per second and added time, memory, start, and decisions
//! and renderings of a prompt per second. `cargo bench --features ssr` starts the real program on an empty folder, a provider in a process of its
//! own, and this process as the load. Numbers as arguments: only with so many connections.

mod audit;
mod checks;
mod forwarder;
#[expect(dead_code, reason = "the tests of the program need more of it than this")]
#[path = "../support/house.rs"]
mod house;
mod load;
mod month;
mod renders;
mod upstream;
mod versus;
mod ways;

use house::House;
use latchkey::{
    kernel::{KeyId, OrganisationId},
    policy::{Operation, PermissionSet, Principal, Role, Target, decide},
};
use load::{Measured, Way};
use std::{
    hint::black_box,
    io::Write,
    time::{Duration, Instant},
};

/// Rounds of each measurement; raw and gateway take turns.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(2);
const CONNECTIONS: [usize; 3] = [1, 32, 128];
/// Above this share of the machine for others the figures mean little.
const QUIET: f64 = 0.05;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some(upstream::COMMAND) {
        return upstream::run();
    }
    if std::env::args().nth(1).as_deref() == Some(forwarder::COMMAND) {
        return forwarder::run(std::env::args().nth(2).ok_or("which provider?")?.parse()?);
    }
    if std::env::args().nth(1).as_deref() == Some(versus::COMMAND) {
        return versus::keep(&std::env::args().nth(2).unwrap_or_default());
    }
    if std::env::args().nth(1).as_deref() == Some("versus") {
        return versus::run(&std::env::args().nth(2).ok_or("which older program?")?);
    }
    if std::env::args().nth(1).as_deref() == Some("audit") {
        return audit::run(&std::env::args().nth(2).unwrap_or_default());
    }
    if std::env::args().nth(1).as_deref() == Some("month") {
        return month::run(&std::env::args().nth(2).unwrap_or_default());
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "decisions per second (one core): {:.0} million", decisions() / 1e6)?;
    let (rendered, written) = renders::renders()?;
    writeln!(
        out,
        "renderings per second (one core): {rendered:.0}; the same messages written by serde_json: {written:.0}"
    )?;
    let (rendered, read) = renders::large()?;
    writeln!(out, "a prompt with 1 MiB of values: {rendered:.1} ms; serde_json reads the same in {read:.1} ms")?;
    let provider = upstream::Process::start()?;
    let forwarder = forwarder::Process::start(provider.port)?;
    let mut empty = House::empty("", &[])?;
    empty.stop()?;
    let mut house = House::open(provider.port)?;
    writeln!(
        out,
        "start on an empty folder: {} ms, with data: {} ms",
        empty.start.as_millis(),
        house.start.as_millis()
    )?;
    writeln!(out, "the program: {:.1} MB", house::program_size()?)?;
    writeln!(out, "resident before load: {}", memory(&house)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let header = [
        "",
        "connections",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "added p50",
        "added p99",
        "CPU us: between",
        "provider",
        "load",
    ];
    writeln!(
        out,
        "\n{:<20}{:>12}{:>12}{:>9}{:>9}{:>11}{:>11}{:>17}{:>10}{:>7}",
        header[0], header[1], header[2], header[3], header[4], header[5], header[6], header[7], header[8], header[9]
    )?;
    let mut calls = 0;
    let wanted: Vec<usize> = std::env::args().filter_map(|text| text.parse().ok()).collect();
    let wanted = if wanted.is_empty() { CONNECTIONS.to_vec() } else { wanted };
    let mut disturbance = 0.0f64;
    for streamed in [false, true] {
        for &connections in &wanted {
            let raw = Way::raw(provider.port, streamed);
            let bare = Way::raw(forwarder.port, streamed);
            let through = Way::through(house.port, &house.key, streamed);
            let (mut alone, mut handed_on, mut led) = Default::default();
            for _ in 0..ROUNDS {
                let cpu = [None, Some(provider.pid())];
                Measured::add(&mut alone, runtime.block_on(load::run(&raw, connections, ROUND, cpu))?);
                let cpu = [Some(forwarder.pid()), Some(provider.pid())];
                Measured::add(&mut handed_on, runtime.block_on(load::run(&bare, connections, ROUND, cpu))?);
                let cpu = [Some(house.pid()), Some(provider.pid())];
                Measured::add(&mut led, runtime.block_on(load::run(&through, connections, ROUND, cpu))?);
            }
            calls += led.requests();
            disturbance = disturbance.max(alone.disturbance()).max(led.disturbance());
            let what = if streamed { "streamed" } else { "whole" };
            line(&mut out, &format!("{what}, raw"), connections, &mut alone, None)?;
            let raw = Some((alone.percentile(50.0), alone.percentile(99.0)));
            line(&mut out, &format!("{what}, forwarder"), connections, &mut handed_on, raw)?;
            line(&mut out, &format!("{what}, gateway"), connections, &mut led, raw)?;
            let [gateway, forwarder] = [&led, &handed_on].map(|measured| measured.cpu_per_request()[0]);
            writeln!(out, "{:<20}{:.2} times the forwarder's processor time", "", gateway / forwarder)?;
        }
    }
    writeln!(out, "\nresident after this load: {}", memory(&house)?)?;
    calls += ways::print(&mut out, &house, provider.pid(), &runtime)?;
    checks::print(&mut out)?;
    writeln!(out, "\nresident after all of it: {} (most: {:.1} MB)", memory(&house)?, house.most_resident()?)?;
    if disturbance > QUIET {
        writeln!(out, "NOT QUIET: others took up to {:.0} % of the machine meanwhile", disturbance * 100.0)?;
    }
    let stored = house.stop_and_count()?;
    writeln!(out, "calls answered: {calls}, calls in the log: {stored}")?;
    if calls == stored { Ok(()) } else { Err("the log does not hold every call".into()) }
}

fn line(
    out: &mut impl Write,
    what: &str,
    connections: usize,
    measured: &mut Measured,
    raw: Option<(f64, f64)>,
) -> Result<()> {
    let (p50, p99) = (measured.percentile(50.0), measured.percentile(99.0));
    let added = raw.map_or(Default::default(), |(a, b)| (format!("{:.3}", p50 - a), format!("{:.3}", p99 - b)));
    let [gateway, provider, load] =
        measured.cpu_per_request().map(|us| if us > 0.0 { format!("{us:.1}") } else { String::new() });
    writeln!(
        out,
        "{what:<20}{connections:>12}{:>12.0}{p50:>9.3}{p99:>9.3}{:>11}{:>11}{gateway:>17}{provider:>10}{load:>7}",
        measured.rate(),
        added.0,
        added.1,
    )?;
    out.flush()?;
    Ok(())
}

/// What the program holds in memory, in words.
fn memory(house: &House) -> Result<String> {
    Ok(format!("{:.1} MB, of which {:.1} MB are data", house.resident()?, house.resident_data()?))
}

/// Decisions per second over every operation, as Owner, Member and key.
fn decisions() -> f64 {
    let organisation = OrganisationId::INSTALLATION;
    let user = latchkey::kernel::UserId(organisation.0);
    let key = Principal::ApiKey {
        key: KeyId(organisation.0),
        organisation,
        permissions: PermissionSet::every_key_permission(),
    };
    let principals =
        [Role::Owner, Role::Member].map(|role| Principal::Member { user, organisation, role }).into_iter().chain([key]);
    let principals: Vec<Principal> = principals.collect();
    let begun = Instant::now();
    let mut made = 0u64;
    while begun.elapsed() < Duration::from_millis(500) {
        for _ in 0..1_000 {
            for principal in &principals {
                for operation in Operation::ALL {
                    let _ = black_box(decide(
                        black_box(principal),
                        operation.spec().requires,
                        black_box(Target::In(organisation)),
                    ));
                }
            }
        }
        made += 1_000 * (principals.len() * Operation::ALL.len()) as u64;
    }
    made as f64 / begun.elapsed().as_secs_f64()
}
