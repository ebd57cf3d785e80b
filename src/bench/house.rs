//! The real program on a folder of its own, with an organisation, a virtual key that leads to the provider, and a key.

use super::Result;
use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub const EMAIL: &str = "owner@bench.test";
pub const PASSWORD: &str = "a long benchmark password";

/// The program that cargo has built, or the one that `LATCHKEY_BIN` names.
pub fn program() -> OsString {
    std::env::var_os("LATCHKEY_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_latchkey").into())
}

/// Megabytes of the program's file.
pub fn program_size() -> Result<f64> {
    Ok(std::fs::metadata(program())?.len() as f64 / 1e6)
}

/// The running program.
pub struct House {
    pub port: u16,
    pub key: String,
    pub first_start: Duration,
    pub start: Duration,
    /// Calls that preparing it has made.
    pub calls_so_far: u64,
    child: Child,
    folder: TempDir,
}

impl House {
    /// Starts and fills it.
    pub fn open(provider: u16) -> Result<Self> {
        let empty = TempDir::new()?;
        let (child, _, first_start) = serve(empty.path())?;
        stop(child)?;
        Self::open_in(TempDir::new()?, first_start, provider)
    }

    /// Starts and fills it in this folder; `first_start` is what a start on an empty one took.
    pub fn open_in(folder: TempDir, first_start: Duration, provider: u16) -> Result<Self> {
        let made = set_up(folder.path())?;
        let slug = made["slug"].as_str().ok_or("no slug")?;
        let key = made["master_key"].as_str().ok_or("no key")?.to_owned();
        let (child, port, start) = serve(folder.path())?;
        let house = Self { port, key, first_start, start, calls_so_far: 0, child, folder };
        let (_, head, _) = house.form("account/sign_in", None, &[("email", EMAIL), ("password", PASSWORD)])?;
        let cookie =
            head.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next()).ok_or("no session")?;
        let base = format!("http://127.0.0.1:{provider}/v1");
        let fields = [
            ("slug", slug),
            ("name", "Bench"),
            ("key_slug", "bench"),
            ("provider", "openai"),
            ("base_url", base.as_str()),
            ("credential", "sk-benchmark"),
        ];
        let (status, _, body) = house.form("virtual_keys/create", Some(cookie), &fields)?;
        if status >= 400 {
            return Err(format!("the virtual key was not made: {status} {body}").into());
        }
        Ok(house)
    }

    /// Sends a form of the console; gives status, head and body of the answer.
    pub fn form(&self, path: &str, cookie: Option<&str>, fields: &[(&str, &str)]) -> Result<(u16, String, String)> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let cookie = cookie.map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
        let request = format!(
            "POST /fn/{path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\naccept: application/json\r\n\
             sec-fetch-site: same-origin\r\n{cookie}content-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        exchange(self.port, &request)
    }

    /// Calls the REST API with the master key; gives status and body.
    pub fn api(&self, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        exchange(self.port, &request).map(|(status, _, body)| (status, body))
    }

    /// The folder of its data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs another command of the program on its data.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        Ok(Command::new(program()).args(arguments).env("LATCHKEY_DATA", self.folder()).output()?)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in megabytes.
    pub fn resident(&self) -> Result<f64> {
        self.status("VmRSS:")
    }

    pub fn most_resident(&self) -> Result<f64> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
        Ok(line.split_whitespace().next().ok_or("no figure")?.parse::<f64>()? / 1000.0)
    }

    /// Asks it to stop, and counts the calls that are in its log.
    pub fn stop_and_count(&mut self) -> Result<u64> {
        self.stop()?;
        Ok(self.logged("ok")?.len() as u64)
    }

    /// Asks it to stop, and waits for it.
    pub fn stop(&mut self) -> Result<()> {
        ask_to_stop(&self.child)?;
        self.child.wait()?;
        Ok(())
    }

    /// Kills it as a crash would.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again on the same data.
    pub fn start_again(&mut self) -> Result<()> {
        (self.child, self.port, self.start) = serve(self.folder.path())?;
        Ok(())
    }

    /// The same, so that a bound of its files' size (`RLIMIT_FSIZE`) is an error of the disk to it and not its end.
    pub fn start_again_bounded(&mut self) -> Result<()> {
        let mut shell = Command::new("sh");
        // Its log is on the full disk too.
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\" 2>/dev/full"]).arg(program());
        (self.child, self.port, self.start) = serve_by(shell, self.folder.path())?;
        Ok(())
    }

    /// Has the program verify its audit log, once it is stopped.
    pub fn verify_audit(&self) -> Result<()> {
        let done = self.run(&["audit", "verify"])?;
        if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned().into()) }
    }

    /// The trace ids of the calls in the log with this outcome.
    pub fn logged(&self, outcome: &str) -> Result<Vec<String>> {
        self.texts("SELECT trace_id FROM call_logs WHERE outcome = $1", outcome)
    }

    /// The texts that a query of its database gives; `$1` is `value`.
    pub fn texts(&self, query: &'static str, value: &str) -> Result<Vec<String>> {
        let database = self.folder.path().join("latchkey.db");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
            let mut connection = sqlx::ConnectOptions::connect(&options).await?;
            Ok(sqlx::query_scalar(query).bind(value).fetch_all(&mut connection).await?)
        })
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn set_up(folder: &Path) -> Result<serde_json::Value> {
    let mut child = Command::new(program())
        .args(["setup", "--email", EMAIL, "--name", "Owner", "--organisation", "Bench", "--password-stdin"])
        .env("LATCHKEY_DATA", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(PASSWORD.as_bytes())?;
    let done = child.wait_with_output()?;
    Ok(serde_json::from_slice(&done.stdout)?)
}

/// Starts the program; gives its port, and the time until its first answer.
fn serve(folder: &Path) -> Result<(Child, u16, Duration)> {
    serve_by(Command::new(program()), folder)
}

fn serve_by(mut command: Command, folder: &Path) -> Result<(Child, u16, Duration)> {
    let begun = Instant::now();
    let mut child = command
        .arg("serve")
        .env("LATCHKEY_DATA", folder)
        .env("LATCHKEY_LISTEN", "127.0.0.1:0")
        .env("LATCHKEY_ALLOW_UPSTREAM", "127.0.0.1")
        // Callers may come from any address.
        .env("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1")
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let port = loop {
        let line = lines.next().ok_or("the program did not start")??;
        if let Some((_, rest)) = line.split_once("listening on 127.0.0.1:") {
            break rest.trim_end_matches(')').parse()?;
        }
    };
    let request = format!("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
    match exchange(port, &request)? {
        (200, ..) => Ok((child, port, begun.elapsed())),
        (status, ..) => Err(format!("the program is not well: {status}").into()),
    }
}

fn stop(mut child: Child) -> Result<()> {
    ask_to_stop(&child)?;
    child.wait()?;
    Ok(())
}

fn ask_to_stop(child: &Child) -> Result<()> {
    // The shell's own `kill`: the program of that name is missing on small machines.
    Command::new("sh").args(["-c", "kill -TERM \"$0\"", &child.id().to_string()]).status()?;
    Ok(())
}

/// Sends one request; gives status, head and body of the answer.
fn exchange(port: u16, request: &str) -> Result<(u16, String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    Ok((status, head.to_owned(), body.to_owned()))
}
