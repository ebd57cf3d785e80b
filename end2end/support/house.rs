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

/// How long it may take to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// The running program, killed when it is dropped.
pub struct House {
    pub port: u16,
    /// The master key's secret.
    pub key: String,
    /// What its last start took, until its first answer.
    pub start: Duration,
    child: Child,
    folder: TempDir,
    settings: Vec<(String, String)>,
}

impl House {
    /// Starts it on an empty folder with these settings besides, from a shell that runs `first`, and leaves it empty.
    pub fn empty(first: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let folder = TempDir::new()?;
        let settings = owned(settings);
        let (child, port, start) = serve(by_shell(first), folder.path(), &settings)?;
        Ok(Self { port, key: String::new(), start, child, folder, settings })
    }

    /// Starts it with these settings on a folder that holds an installation's data, whose master key is `key`.
    pub fn on(folder: TempDir, settings: &[(&str, &str)], key: &str) -> Result<Self> {
        let settings = owned(settings);
        let (child, port, start) = serve(Command::new(program()), folder.path(), &settings)?;
        Ok(Self { port, key: key.to_owned(), start, child, folder, settings })
    }

    /// Starts and fills it.
    pub fn open(provider: u16) -> Result<Self> {
        Self::open_in(TempDir::new()?, provider, &[])
    }

    /// Starts and fills it in this folder with these settings besides.
    pub fn open_in(folder: TempDir, provider: u16, settings: &[(&str, &str)]) -> Result<Self> {
        let made = set_up(folder.path(), &owned(settings))?;
        let slug = made["slug"].as_str().ok_or("no slug")?;
        let house = Self::on(folder, settings, made["master_key"].as_str().ok_or("no key")?)?;
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

    /// Fills this folder with the demonstration, and starts it.
    pub fn demonstrated(folder: TempDir, settings: &[(&str, &str)], arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(program());
        let filled = command
            .arg("demo")
            .args(arguments)
            .env("LATCHKEY_DATA", folder.path())
            .envs(owned(settings))
            .stdout(Stdio::null());
        if !filled.status()?.success() {
            return Err("the demonstration was not made".into());
        }
        Self::on(folder, settings, "")
    }

    /// A page of the console, as a browser asks for it.
    pub fn page(&self, path: &str, cookie: &str) -> Result<(u16, String, String)> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\naccept: text/html\r\n\
             sec-fetch-site: none\r\ncookie: {cookie}\r\n\r\n",
            self.port
        );
        exchange(self.port, &request)
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

    /// The status of the answer to this head, sent as it stands; waits for it 20 seconds at most.
    pub fn status(&self, head: &[u8]) -> Result<u16> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.write_all(head)?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(std::str::from_utf8(&start[9..])?.parse()?)
    }

    /// The folder of its data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs another command of the program on its data.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        Ok(Command::new(program())
            .args(arguments)
            .env("LATCHKEY_DATA", self.folder())
            .envs(self.settings.clone())
            .output()?)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in megabytes.
    pub fn resident(&self) -> Result<f64> {
        self.memory("VmRSS:")
    }

    /// The most that it ever had, in megabytes.
    pub fn most_resident(&self) -> Result<f64> {
        self.memory("VmHWM:")
    }

    /// The part of the resident memory that holds data, in megabytes; the rest are pages of the program's file.
    pub fn resident_data(&self) -> Result<f64> {
        self.memory("RssAnon:")
    }

    fn memory(&self, name: &str) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
        Ok(line.split_whitespace().next().ok_or("no figure")?.parse::<f64>()? / 1000.0)
    }

    /// Asks it to stop, and counts the calls that are in its log.
    pub fn stop_and_count(&mut self) -> Result<u64> {
        self.stop()?;
        Ok(self.logged("ok")?.len() as u64)
    }

    /// Asks it to stop, and waits until it has ended well.
    pub fn stop(&mut self) -> Result<()> {
        // The shell's own `kill`: the program of that name is missing on small machines.
        Command::new("sh").args(["-c", "kill -TERM \"$0\"", &self.pid().to_string()]).status()?;
        let asked = Instant::now();
        let ended = loop {
            if let Some(ended) = self.child.try_wait()? {
                break ended;
            }
            if asked.elapsed() > PATIENCE {
                return Err("it still runs".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        if ended.success() { Ok(()) } else { Err(format!("it ended with {ended}").into()) }
    }

    /// Kills it as a crash would.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again on the same data.
    pub fn start_again(&mut self) -> Result<()> {
        (self.child, self.port, self.start) = serve(Command::new(program()), self.folder.path(), &self.settings)?;
        Ok(())
    }

    /// The same, so that a bound of its files' size (`RLIMIT_FSIZE`) is an error of the disk to it and not its end.
    pub fn start_again_bounded(&mut self) -> Result<()> {
        // Its log is on the full disk too.
        let shell = by_shell("trap '' XFSZ; exec 2>/dev/full;");
        (self.child, self.port, self.start) = serve(shell, self.folder.path(), &self.settings)?;
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
    #[expect(clippy::disallowed_methods, reason = "a test looks at the database from outside")]
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

fn owned(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn set_up(folder: &Path, settings: &[(String, String)]) -> Result<serde_json::Value> {
    let mut child = Command::new(program())
        .args(["setup", "--email", EMAIL, "--name", "Owner", "--organisation", "Bench", "--password-stdin"])
        .env("LATCHKEY_DATA", folder)
        .envs(settings.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(PASSWORD.as_bytes())?;
    let done = child.wait_with_output()?;
    Ok(serde_json::from_slice(&done.stdout)?)
}

/// The program by way of a shell that runs `first`.
fn by_shell(first: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{first} exec \"$0\" \"$@\"")]).arg(program());
    shell
}

/// Starts the program; gives its port, and the time until its first answer.
fn serve(mut command: Command, folder: &Path, settings: &[(String, String)]) -> Result<(Child, u16, Duration)> {
    let begun = Instant::now();
    let mut child = command
        .arg("serve")
        .env("LATCHKEY_DATA", folder)
        .env("LATCHKEY_LISTEN", "127.0.0.1:0")
        .env("LATCHKEY_ALLOW_UPSTREAM", "127.0.0.1")
        // Callers may come from any address.
        .env("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1")
        .envs(settings.iter().cloned())
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
