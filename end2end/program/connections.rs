//! The real program at the edges of HTTP: more connections than it may have, odd requests, a database that falls silent.

use super::{Result, house::House, postgres::test_server};
use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

#[test]
fn idle_connections_shut_nobody_out() -> Result<()> {
    let house = House::empty("ulimit -n 256;", &[])?;
    let mut idle = vec![];
    for _ in 0..300 {
        idle.push(TcpStream::connect(("127.0.0.1", house.port))?);
    }
    for _ in 0..20 {
        let asked = Instant::now();
        assert_eq!(house.status(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?, 200);
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    }
    Ok(())
}

#[test]
fn odd_requests_are_answered() -> Result<()> {
    let house = House::empty("", &[])?;
    let long = "a/".repeat(8_000);
    for (target, statuses) in [
        ("GET /%00", &[400, 404][..]),
        ("GET /%ff%fe", &[400, 404]),
        ("GET //", &[404, 401, 200, 302, 303, 307]),
        ("GET //o//", &[404]),
        ("GET /o/%2e%2e/api-keys", &[401, 404]),
        ("GET /?%ff=%00&%zz", &[200, 302, 303, 307, 401]),
        ("GET /o/a;x/", &[302, 303, 401, 404]),
        ("HEAD /nowhere", &[404]),
        ("BREW /", &[405]),
        ("GET http://other.example/healthz", &[200]),
        ("OPTIONS *", &[400]),
        ("CONNECT a:80", &[405]),
        (&format!("GET /{long}"), &[404]),
    ] {
        let mut head = String::new();
        write!(head, "{target} HTTP/1.1\r\nhost: x\r\naccept: text/html\r\nconnection: close\r\n\r\n")?;
        let status = house.status(head.as_bytes()).map_err(|error| format!("{target}: {error}"))?;
        assert!(statuses.contains(&status), "{}: {status}", &target[..target.len().min(60)]);
    }
    Ok(())
}

/// Hands bytes on between the program and PostgreSQL until it is frozen.
fn proxy(server: String, frozen: Arc<AtomicBool>) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(&server) else { return };
            for (from, to) in [(near.try_clone(), far.try_clone()), (Ok(far), Ok(near))] {
                let (Ok(mut from), Ok(mut to)) = (from, to) else { return };
                let frozen = frozen.clone();
                std::thread::spawn(move || {
                    let mut bytes = [0; 16 << 10];
                    while let Ok(read @ 1..) = from.read(&mut bytes) {
                        while frozen.load(Ordering::Relaxed) {
                            std::thread::sleep(Duration::from_millis(20));
                        }
                        if to.write_all(&bytes[..read]).is_err() {
                            return;
                        }
                    }
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    Ok(port)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test makes and drops a database")]
fn a_database_that_falls_silent_does_not_keep_the_program_from_ending() -> Result<()> {
    let Some(server) = test_server() else { return Ok(()) };
    let mut url = url::Url::parse(&server)?;
    let address = format!("{}:{}", url.host_str().ok_or("no host")?, url.port().unwrap_or(5432));
    let name = format!("latchkey_silent_{}", std::process::id());
    let frozen = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = |statement: String| {
        runtime.block_on(async {
            let mut connection =
                sqlx::ConnectOptions::connect(&server.parse::<sqlx::postgres::PgConnectOptions>()?).await?;
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await
        })
    };
    run(format!("CREATE DATABASE {name}"))?;
    url.set_port(Some(proxy(address, frozen.clone())?)).map_err(|()| "no port")?;
    url.set_path(&name);
    let mut house = House::empty("", &[("DATABASE_URL", url.as_str())])?;
    assert_eq!(house.status(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n")?, 200);
    frozen.store(true, Ordering::Relaxed);
    let asked = Instant::now();
    assert_eq!(house.status(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n")?, 503);
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    // Somebody waits for the database when the program is asked to stop.
    let mut waiting = TcpStream::connect(("127.0.0.1", house.port))?;
    waiting.write_all(b"GET /sign-in HTTP/1.1\r\nhost: x\r\naccept: text/html\r\n\r\n")?;
    std::thread::sleep(Duration::from_millis(200));
    let ended = house.stop();
    frozen.store(false, Ordering::Relaxed);
    run(format!("DROP DATABASE {name} WITH (FORCE)"))?;
    ended
}
