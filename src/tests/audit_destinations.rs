//! The installation's destinations of audit events: a file, syslog and a webhook, with the events of every organisation.

use super::{
    audit_delivery::{Hook, read},
    audit_room::fill,
    support::{House, World, done, each_engine, text},
};
use crate::{
    commands::tell_deliveries,
    kernel::{OrganisationId, time::MINUTE},
    server::{
        access::deliveries::Deliveries,
        audit::{
            Stored,
            verify::{Verdict, Verifier},
        },
        crypto::WebhookSecret,
        settings::AuditSettings,
    },
};
use regex::Regex;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, UdpSocket},
};

/// Where delivery goes by these settings.
fn program(settings: &AuditSettings) -> Deliveries {
    Deliveries::of(settings, "https://keys.example.org:8443").expect("settings")
}

fn to_file(path: &Path) -> AuditSettings {
    AuditSettings { file: Some(path.to_owned()), ..AuditSettings::default() }
}

/// The chains that there are, with the number of events in each.
async fn ends(world: &World) -> BTreeMap<OrganisationId, i64> {
    let mut ends = BTreeMap::new();
    for organisation in [world.house.organisation, world.south_id, OrganisationId::INSTALLATION] {
        ends.insert(organisation, world.house.chain(organisation).await.0);
    }
    ends
}

/// Each chain is whole, in order, and goes so far.
fn expect_chains(found: &[(OrganisationId, Stored)], ends: &BTreeMap<OrganisationId, i64>) {
    let mut chains: BTreeMap<OrganisationId, (Verifier, i64)> = BTreeMap::new();
    for (organisation, event) in found {
        let (verifier, last) = chains.entry(*organisation).or_insert_with(|| (Verifier::new(*organisation), 0));
        assert_eq!(event.seq, *last + 1, "{organisation}");
        *last = event.seq;
        verifier.take(event);
    }
    let reached: BTreeMap<OrganisationId, i64> =
        chains.iter().map(|(organisation, (_, last))| (*organisation, *last)).collect();
    assert_eq!(&reached, ends);
    for (organisation, (verifier, last)) in chains {
        let verdict = verifier.finish_export();
        assert!(
            matches!(verdict, Verdict::Whole { events, erased: 0, .. } if events == last),
            "every event has its personal values: {organisation}: {verdict:?}"
        );
    }
    assert!(found.iter().any(|(_, event)| !event.personal.is_empty()));
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

/// The events of a file of lines.
fn lines(path: &Path) -> Vec<(OrganisationId, Stored)> {
    let file = std::fs::read_to_string(path).expect("the file");
    assert!(file.is_empty() || file.ends_with('\n'));
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let event = Stored {
            seq: line["seq"].as_i64().expect("a number"),
            body: text(&line, "body"),
            previous: unhex(&text(&line, "previous")),
            hash: unhex(&text(&line, "hash")),
            personal: line.get("personal").map_or(vec![], |all| serde_json::from_value(all.clone()).expect("values")),
        };
        (text(&line, "organisation").parse().expect("an id"), event)
    };
    file.lines().map(read).collect()
}

#[tokio::test]
async fn a_file_gets_every_chain() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, folder) = (&world.house, tempfile::tempdir().expect("a folder"));
        let path = folder.path().join("audit.jsonl");
        fill(house, 130).await;
        let before = ends(&world).await;
        let first = program(&to_file(&path));
        first.round(&house.app).await.expect("a round");
        expect_chains(&lines(&path), &before);
        // Another start goes on behind it, and an organisation that is new is in it.
        let made = world.stranger.form("organisation/create", &[("name", "West")]).await;
        assert_eq!(made.status, 200, "{}", made.text);
        fill(house, 132).await;
        program(&to_file(&path)).round(&house.app).await.expect("a round");
        let all = lines(&path);
        let north: Vec<i64> =
            all.iter().filter(|(of, _)| *of == house.organisation).map(|(_, event)| event.seq).collect();
        assert_eq!(north, (1..=132).collect::<Vec<_>>());
        let mut chains: Vec<OrganisationId> = all.iter().map(|(of, _)| *of).collect();
        chains.sort_unstable();
        chains.dedup();
        assert_eq!(chains.len(), 4, "North, South, West and the installation's own");
        // Its people see that their events go there as well.
        let page = world.owner.form("audit/delivery", &[("slug", &house.slug)]).await.json();
        assert_eq!((&page["webhook"], page["others"].as_array().map(Vec::len)), (&Value::Null, Some(1)));
        assert_eq!((&page["others"][0]["destination"], &page["others"][0]["delivered"]), (&"file".into(), &132.into()));

        // While the disk is away, events wait in the log.
        std::fs::rename(&path, folder.path().join("audit.1")).expect("moved");
        std::fs::create_dir(&path).expect("a folder in its place");
        fill(house, 135).await;
        first.round(&house.app).await.expect("a round");
        let page = world.owner.form("audit/delivery", &[("slug", &house.slug)]).await.json();
        let others = &page["others"][0];
        assert_eq!(
            (&others["failures"], &others["delivered"], &others["waiting"]),
            (&1.into(), &132.into(), &3.into())
        );
        assert!(text(others, "error").starts_with("The file cannot be written"), "{others}");
        let mut told = vec![];
        tell_deliveries(&house.app, &mut told).await.expect("told");
        let told = String::from_utf8(told).expect("text");
        let line = |of: &str| told.lines().find(|line| line.starts_with(of)).expect(of).to_owned();
        let north = line(&format!("{} file: 132 of 135 delivered, the last at 20", house.organisation));
        assert!(
            north.contains("; 1 attempt failed, the next at 20") && north.contains(": The file cannot be"),
            "{north}"
        );
        assert!(!line("installation file: ").contains("failed"), "{told}");
        std::fs::remove_dir(&path).expect("removed");
        house.app.clock.advance(5 * MINUTE);
        first.round(&house.app).await.expect("a round");
        let north: Vec<i64> =
            lines(&path).iter().filter(|(of, _)| *of == house.organisation).map(|(_, event)| event.seq).collect();
        assert_eq!(north, [133, 134, 135]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_programs_one_writes_each_event() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let replica = house.another(|_| {}).await;
        let folder = tempfile::tempdir().expect("a folder");
        let paths = ["one.jsonl", "two.jsonl"].map(|name| folder.path().join(name));
        let programs = [program(&to_file(&paths[0])), program(&to_file(&paths[1]))];
        for round in 0..10 {
            fill(house, 40 + round * 5).await;
            let (one, two) = tokio::join!(programs[0].round(&house.app), programs[1].round(&replica.app));
            one.and(two).expect("rounds");
        }
        programs[0].round(&house.app).await.expect("a round");
        let (one, two) = (lines(&paths[0]), lines(&paths[1]));
        let mut both: Vec<_> = one.into_iter().chain(two).collect();
        both.sort_by_key(|(organisation, event)| (*organisation, event.seq));
        expect_chains(&both, &ends(&world).await);
    })
    .await;
}

/// A message of RFC 5424, in parts: organisation, event, and severity. Fails if it is none.
fn parsed(message: &str) -> (OrganisationId, Stored, u8) {
    let form = Regex::new(
        r#"(?s)\A<([1-9][0-9]{0,2})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) \[([!-<>-\\^-~]{1,32})((?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")+)\] (.*)\z"#,
    )
    .expect("a pattern");
    let parts = form.captures(message).unwrap_or_else(|| panic!("no message of syslog: {message}"));
    let priority: u8 = parts[1].parse().expect("a priority");
    assert_eq!((priority / 8, &parts[3], &parts[4], &parts[7]), (13, "keys.example.org", "latchkey", "event@32473"));
    let pairs = Regex::new(r#" ([a-z]+)="((?:[^"\\]|\\.)*)""#).expect("a pattern");
    let data: BTreeMap<String, String> =
        pairs.captures_iter(&parts[8]).map(|pair| (pair[1].to_owned(), pair[2].to_owned())).collect();
    let body: Value = serde_json::from_str(&parts[9]).expect("JSON");
    assert_eq!((text(&body, "at"), text(&body, "action")), (parts[2].to_owned(), parts[6].to_owned()));
    assert!(!parts[9].contains('\n'));
    let event = Stored {
        seq: data["seq"].parse().expect("a number"),
        body: parts[9].to_owned(),
        previous: unhex(&data["previous"]),
        hash: unhex(&data["hash"]),
        personal: data.get("personal").map_or(vec![], |escaped| {
            let json = Regex::new(r"\\(.)").expect("a pattern").replace_all(escaped, "$1").into_owned();
            serde_json::from_str(&json).expect("values")
        }),
    };
    (data["organisation"].parse().expect("an id"), event, priority % 8)
}

/// A refused act, so that not every event is one that was done.
async fn refuse(world: &World) {
    let refused = world.member.form("audit/pause_delivery", &[("slug", &world.house.slug)]).await;
    assert_eq!(refused.status, 403);
}

async fn expect_severities(house: &House, found: &[(OrganisationId, Stored, u8)]) {
    for (_, event, severity) in found {
        let body: Value = serde_json::from_str(&event.body).expect("JSON");
        assert_eq!(*severity, if body["outcome"] == "done" { 6 } else { 4 }, "{body}");
    }
    assert!(found.iter().any(|(of, _, severity)| *of == house.organisation && *severity == 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn syslog_over_tcp_gets_counted_messages() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        refuse(&world).await;
        fill(house, 120).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let streams: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let kept = streams.clone();
        let taking = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut said = vec![];
                stream.read_to_end(&mut said).await.expect("reads");
                kept.lock().expect("streams").push(said);
            }
        });
        let settings = AuditSettings {
            syslog: Some(format!("tcp://{address}").parse().expect("a server")),
            ..AuditSettings::default()
        };
        let sender = program(&settings);
        sender.round(&house.app).await.expect("a round");
        let mut found = vec![];
        for said in streams.lock().expect("streams").iter() {
            let mut rest = said.as_slice();
            while !rest.is_empty() {
                let blank = rest.iter().position(|byte| *byte == b' ').expect("a length");
                let length: usize = std::str::from_utf8(&rest[..blank]).expect("digits").parse().expect("a length");
                let message = &rest[blank + 1..blank + 1 + length];
                found.push(parsed(std::str::from_utf8(message).expect("UTF-8")));
                rest = &rest[blank + 1 + length..];
            }
        }
        expect_severities(house, &found).await;
        let events: Vec<_> = found.into_iter().map(|(of, event, _)| (of, event)).collect();
        expect_chains(&events, &ends(&world).await);
        // Without it, nothing is taken for delivered.
        taking.abort();
        let _ = taking.await;
        fill(house, 121).await;
        sender.round(&house.app).await.expect("a round");
        let page = world.owner.form("audit/delivery", &[("slug", &house.slug)]).await.json();
        let state = &page["others"][0];
        assert_eq!((&state["delivered"], &state["waiting"], &state["failures"]), (&120.into(), &1.into(), &1.into()));
        assert!(text(state, "error").starts_with("The syslog server cannot be reached"), "{state}");
        assert!(
            !text(state, "error").contains("127.0.0.1"),
            "people of an organisation do not learn of the operator's network"
        );
    })
    .await;
}

/// A server of syslog over TLS, whose certificate is for `localhost`: gives its port, and what it was sent on each connection that
/// was closed in an orderly way.
fn tls_server() -> (u16, Arc<Mutex<Vec<Vec<u8>>>>) {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("it fits");
    let (config, streams) = (Arc::new(config), Arc::<Mutex<Vec<Vec<u8>>>>::default());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let (port, kept) = (listener.local_addr().expect("an address").port(), streams.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(config.clone()).expect("a connection");
            let mut tls = StreamOwned::new(connection, stream.expect("a stream"));
            let mut said = vec![];
            // A client that does not trust the certificate goes away.
            if tls.read_to_end(&mut said).is_ok() {
                kept.lock().expect("streams").push(said);
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
        }
    });
    (port, streams)
}

#[tokio::test(flavor = "multi_thread")]
async fn syslog_over_tls_goes_to_a_server_that_has_proven_its_name() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        fill(house, 120).await;
        let (port, streams) = tls_server();
        let folder = tempfile::tempdir().expect("a folder");
        let authority = folder.path().join("authority.pem");
        std::fs::write(&authority, include_bytes!("tls/authority.pem")).expect("a file");
        let settings = |host: &str, ca: Option<&Path>| AuditSettings {
            syslog: Some(format!("syslog+tls://{host}:{port}").parse().expect("a server")),
            syslog_ca: ca.map(Path::to_owned),
            ..AuditSettings::default()
        };
        // By public authorities, and under another name, it has proven nothing.
        for (host, ca) in [("localhost", None), ("127.0.0.1", Some(authority.as_path()))] {
            program(&settings(host, ca)).round(&house.app).await.expect("a round");
            let page = world.owner.form("audit/delivery", &[("slug", &house.slug)]).await.json();
            let state = &page["others"][0];
            assert_eq!(state["delivered"], 0, "{host}: {state}");
            house.app.clock.advance(6 * MINUTE);
        }
        assert!(streams.lock().expect("streams").is_empty(), "nothing was told to anybody");
        program(&settings("localhost", Some(&authority))).round(&house.app).await.expect("a round");
        let mut found = vec![];
        for said in streams.lock().expect("streams").iter() {
            let mut rest = said.as_slice();
            while !rest.is_empty() {
                let blank = rest.iter().position(|byte| *byte == b' ').expect("a length");
                let length: usize = std::str::from_utf8(&rest[..blank]).expect("digits").parse().expect("a length");
                let (of, event, _) = parsed(std::str::from_utf8(&rest[blank + 1..blank + 1 + length]).expect("UTF-8"));
                found.push((of, event));
                rest = &rest[blank + 1 + length..];
            }
        }
        expect_chains(&found, &ends(&world).await);

        // A server without TLS gets nothing, and is told apart.
        let plain = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = plain.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = plain.accept().await {
                let mut hello = [0; 4096];
                let _ = stream.read(&mut hello).await;
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 this is no TLS\r\n").await;
            }
        });
        fill(house, 121).await;
        let to_plain = AuditSettings {
            syslog: Some(format!("syslog+tls://localhost:{}", address.port()).parse().expect("a server")),
            ..AuditSettings::default()
        };
        program(&to_plain).round(&house.app).await.expect("a round");
        let page = world.owner.form("audit/delivery", &[("slug", &house.slug)]).await.json();
        let state = &page["others"][0];
        assert_eq!((&state["delivered"], &state["waiting"]), (&120.into(), &1.into()), "{state}");
        assert_eq!(text(state, "error"), "The syslog server’s certificate is not trusted, or there is no TLS.");
        // What cannot be meant is refused at start.
        let refused = |settings: &AuditSettings| {
            Deliveries::of(settings, "").map(drop).map_err(|error| error.to_string()).expect_err("it is refused")
        };
        let nothing = folder.path().join("nothing.pem");
        std::fs::write(&nothing, "no certificate").expect("a file");
        assert!(refused(&settings("localhost", Some(&nothing))).contains("LATCHKEY_AUDIT_SYSLOG_CA"));
        let over_tcp = AuditSettings {
            syslog: Some(format!("tcp://localhost:{port}").parse().expect("a server")),
            syslog_ca: Some(authority.clone()),
            ..AuditSettings::default()
        };
        assert!(refused(&over_tcp).contains("no syslog+tls://"));
    })
    .await;
}

#[tokio::test]
async fn syslog_over_udp_gets_a_datagram_for_each_event() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let settings = AuditSettings {
            syslog: Some(format!("udp://{address}").parse().expect("a server")),
            ..AuditSettings::default()
        };
        let before = ends(&world).await;
        program(&settings).round(&world.house.app).await.expect("a round");
        let (mut found, mut buffer) = (vec![], vec![0; 65_536]);
        for _ in 0..before.values().sum::<i64>() {
            let received = tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut buffer)).await;
            let length = received.expect("a datagram").expect("received");
            let (of, event, _) = parsed(std::str::from_utf8(&buffer[..length]).expect("UTF-8"));
            found.push((of, event));
        }
        expect_chains(&found, &before);
    })
    .await;
}

#[tokio::test]
async fn a_webhook_gets_every_chain_and_stands_beside_those_of_organisations() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let (mut all, mut own) = (Hook::open().await, Hook::open().await);
        let url = own.url();
        let fields = [("slug", house.slug.as_str()), ("url", &url), ("format", "events"), ("begin", "now")];
        done(&world.owner, "audit/set_delivery", &fields).await;
        let secret = WebhookSecret::generate().expect("a secret");
        let settings = AuditSettings {
            webhook: Some(all.url()),
            webhook_secret: Some(secret.to_string()),
            webhook_format: "events".into(),
            ..AuditSettings::default()
        };
        program(&settings).round(&house.app).await.expect("a round");
        let found: Vec<_> = all
            .taken()
            .iter()
            .map(read)
            .flat_map(|(of, events)| events.into_iter().map(move |event| (of, event)))
            .collect();
        expect_chains(&found, &ends(&world).await);
        assert_eq!(own.numbers(), [house.chain(house.organisation).await.0]);
    })
    .await;
}

#[test]
fn settings_that_cannot_be_used_are_refused_and_not_repeated() {
    let secret = WebhookSecret::generate().expect("a secret");
    let of = |url: &str, secret: &str, format: &str| {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let settings = AuditSettings {
            webhook: text(url),
            webhook_secret: text(secret),
            webhook_format: format.into(),
            ..AuditSettings::default()
        };
        Deliveries::of(&settings, "").map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(of("http://127.0.0.1:8080/in?key=HIDDEN", &secret, "ocsf"), Ok(()));
    assert_eq!(of("", "", "events"), Ok(()));
    for (url, secret, format, words) in [
        ("http://127.0.0.1/", "", "events", "LATCHKEY_AUDIT_WEBHOOK_SECRET, which signs, is not"),
        ("", "HIDDEN", "events", "LATCHKEY_AUDIT_WEBHOOK is not"),
        ("HIDDEN", secret.as_str(), "events", "LATCHKEY_AUDIT_WEBHOOK cannot be used"),
        ("https://user:HIDDEN@example.org", secret.as_str(), "events", "user name"),
        ("http://127.0.0.1/", "HIDDEN", "events", "whsec_"),
        ("http://127.0.0.1/", secret.as_str(), "xml", "events or ocsf"),
    ] {
        let refused = of(url, secret, format).expect_err(words);
        assert!(refused.contains(words) && !refused.contains("HIDDEN"), "{refused}");
    }
    let nowhere = Deliveries::of(&to_file(Path::new("/nowhere/at/all/audit.jsonl")), "").map(drop);
    assert!(nowhere.expect_err("no folder").to_string().contains("LATCHKEY_AUDIT_FILE"));
}
