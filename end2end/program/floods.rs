//! Floods from people without an account: the program stays small, and answers others meanwhile.

use super::{Result, calls::provider, house::House};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// Megabytes that it may come to hold.
const MOST: f64 = 300.0;
/// Stands for the status of an answer that was lost, as when the connection is closed before all is sent.
const CUT: u16 = 0;
/// How long somebody else may wait for the simplest answer.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn floods_of_strangers_cost_little() -> Result<()> {
    let mut house = House::open(provider()?)?;
    let port = house.port;
    let begun = house.resident()?;

    let form = "a&".repeat(512 * 1024);
    let (answers, wait) = flood(port, 60, 3, |_| ("203.0.113.7".into(), "account/front", form.clone()));
    assert!(answers.keys().all(|status| [413, CUT].contains(status)), "{answers:?}");
    report("60 forms of 1 MiB at once, three times", &house, begun, wait)?;

    let many = (0..255).map(|n| format!("a%5B{n}%5D%5Bb%5D%5Bc%5D%5Bd%5D={}", "x".repeat(200)));
    let form = many.collect::<Vec<_>>().join("&");
    let (answers, wait) = flood(port, 60, 3, |_| ("203.0.113.8".into(), "account/front", form.clone()));
    assert!(answers.keys().all(|status| [200, 400].contains(status)), "{answers:?}");
    report("as many fields as a form may have", &house, begun, wait)?;

    let guess = |email: String| format!("email={email}&password=not+the+password");
    let (answers, wait) =
        flood(port, 60, 2, |_| ("203.0.113.9".into(), "account/sign_in", guess("owner%40bench.test".into())));
    assert_eq!(answers.get(&401), Some(&10), "{answers:?}");
    assert_eq!(answers.get(&429), Some(&110), "{answers:?}");
    report("120 wrong sign-ins from one address", &house, begun, wait)?;

    let (answers, wait) = flood(port, 100, 24, |n| {
        (format!("10.{}.{}.1", n / 250, n % 250), "account/sign_in", guess(format!("person-{n}%40bench.test")))
    });
    assert!(answers.keys().all(|status| [401, 429, 503, CUT].contains(status)), "{answers:?}");
    assert!(answers.get(&401).is_some_and(|tried| *tried > 200), "{answers:?}");
    report("2,400 wrong sign-ins from as many addresses", &house, begun, wait)?;
    house.stop()
}

fn report(what: &str, house: &House, begun: f64, wait: Duration) -> Result<()> {
    let (now, most) = (house.resident()?, house.most_resident()?);
    println!("{what}: {begun:.0} MB before, {now:.0} MB now, {most:.0} MB at most; others waited {wait:?}");
    assert!(most < MOST, "{what}: {most} MB");
    assert!(wait < SOON, "{what}: others waited {wait:?}");
    Ok(())
}

/// Posts forms from so many callers at once, each so often; gives how often each status came, and the longest that
/// somebody else waited for `/healthz` meanwhile. `form` says address, server function and body.
fn flood(
    port: u16,
    callers: usize,
    times: usize,
    form: impl Fn(usize) -> (String, &'static str, String) + Sync,
) -> (BTreeMap<u16, usize>, Duration) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let status = exchange(port, "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
                assert_eq!(status.ok(), Some(200), "it is well");
                longest = longest.max(asked.elapsed());
                std::thread::sleep(Duration::from_millis(20));
            }
            longest
        });
        let form = &form;
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                scope.spawn(move || (0..times).map(|n| post(port, form(caller * times + n))).collect::<Vec<_>>())
            })
            .collect();
        let mut answers = BTreeMap::new();
        for status in callers.into_iter().flat_map(|caller| caller.join().expect("a caller ends")) {
            *answers.entry(status).or_default() += 1;
        }
        over.store(true, Ordering::Relaxed);
        (answers, other.join().expect("the other one ends"))
    })
}

fn post(port: u16, (address, path, body): (String, &str, String)) -> u16 {
    let head = format!(
        "POST /fn/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept: application/json\r\n\
         sec-fetch-site: same-origin\r\nx-forwarded-for: {address}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    exchange(port, &(head + &body)).unwrap_or(CUT)
}

/// The status of the answer. It may come before the whole request is sent.
fn exchange(port: u16, request: &str) -> Result<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let mut sending = stream.try_clone()?;
    std::thread::scope(|scope| {
        scope.spawn(move || sending.write_all(request.as_bytes()));
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer)?;
        let _ = stream.read_to_end(&mut answer);
        let _ = stream.shutdown(std::net::Shutdown::Both);
        Ok(std::str::from_utf8(&answer[9..12])?.parse()?)
    })
}
