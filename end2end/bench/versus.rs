//! This program beside an older one, in turns on the same machine: what a call without a config costs in either.
//! `./dev bench versus OLD_PROGRAM`.

use super::{House, QUIET, Result, house, line, load, load::Measured, load::Way, upstream};
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// The word by which this program becomes the keeper of one house.
pub const COMMAND: &str = "house";

const ROUNDS: usize = 12;
const ROUND: Duration = Duration::from_secs(3);

/// One program under load, kept by a process of its own that names it in its environment.
struct Kept {
    port: u16,
    pid: u32,
    key: String,
    keeper: Child,
}

impl Kept {
    fn start(program: &str, provider: u16) -> Result<Self> {
        let mut keeper = Command::new(std::env::current_exe()?)
            .args([COMMAND, &provider.to_string()])
            .env("LATCHKEY_BIN", program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut told = String::new();
        BufReader::new(keeper.stdout.take().ok_or("no output")?).read_line(&mut told)?;
        let mut words = told.split_whitespace();
        let mut word = || words.next().ok_or_else(|| format!("{program} did not start"));
        Ok(Self { port: word()?.parse()?, pid: word()?.parse()?, key: word()?.to_owned(), keeper })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // The end of its input is the end of its house.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Keeps a house until its input ends.
pub fn keep(provider: &str) -> Result<()> {
    let house = House::open(provider.parse()?)?;
    writeln!(std::io::stdout(), "{} {} {}", house.port, house.pid(), house.key)?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Measures both, in turns, whole and streamed.
pub fn run(old: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let provider = upstream::Process::start()?;
    let own = house::program();
    let own = own.to_str().ok_or("the program's path is no text")?;
    let kept = [("old", Kept::start(old, provider.port)?), ("new", Kept::start(own, provider.port)?)];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut disturbance = 0.0f64;
    for streamed in [false, true] {
        for connections in [1, 32] {
            let mut measured = [Measured::default(), Measured::default()];
            for round in 0..ROUNDS {
                // Whoever goes first in one round goes second in the next.
                for turn in [round % 2, 1 - round % 2] {
                    let (_, kept) = &kept[turn];
                    let way = Way::through(kept.port, &kept.key, streamed);
                    let cpu = [Some(kept.pid), Some(provider.pid())];
                    measured[turn].add(runtime.block_on(load::run(&way, connections, ROUND, cpu))?);
                }
            }
            let what = if streamed { "streamed" } else { "whole" };
            for ((name, _), measured) in kept.iter().zip(&mut measured) {
                disturbance = disturbance.max(measured.disturbance());
                line(&mut out, &format!("{what}, {name}"), connections, measured, None)?;
            }
            let [before, now] = [0, 1].map(|at| measured[at].cpu_per_request()[0]);
            let [slow, fast] = [0, 1].map(|at| measured[at].rate());
            let [cost, rate] = [now / before, fast / slow].map(|times| (times - 1.0) * 100.0);
            writeln!(out, "{:<20}{cost:+.1} % processor time, {rate:+.1} % requests/s", "")?;
        }
    }
    if disturbance > QUIET {
        writeln!(out, "NOT QUIET: others took up to {:.0} % of the machine meanwhile", disturbance * 100.0)?;
    }
    Ok(())
}
