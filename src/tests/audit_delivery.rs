//! The delivery of audit events to webhooks of organisations: in order, at least once, signed, and only to where it may go.

use super::{
    audit_room::{events, fill},
    support::{Client, House, World, done, each_engine, text},
};
use crate::{
    gateway::{
        telemetry::page,
        tests::support::{Received, Upstream},
    },
    kernel::{OrganisationId, Timestamp, time::HOUR, time::MINUTE, time::SECOND},
    server::{
        access::deliveries::{CLAIM, Deliveries},
        audit::{
            Stored,
            personal::Personal,
            verify::{Verdict, Verifier},
        },
        crypto::WebhookSecret,
        outgoing::{AllowList, Outgoing},
    },
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};
use tokio::io::AsyncWriteExt;

/// A receiver that answers with a status of the test's choice.
pub struct Hook {
    upstream: Upstream,
    status: Arc<AtomicU16>,
}

/// In place of a status: it takes the request and never answers.
pub(super) const SILENT: u16 = 0;

impl Hook {
    pub async fn open() -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let says = status.clone();
        let upstream = Upstream::scripted(move |mut stream| {
            let status = says.load(Ordering::SeqCst);
            async move {
                if status == SILENT {
                    std::future::pending::<()>().await;
                }
                let away = "location: http://127.0.0.1:1/elsewhere\r\nretry-after: 7\r\n";
                let answer = format!("HTTP/1.1 {status} X\r\n{away}connection: close\r\ncontent-length: 0\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await;
        Self { upstream, status }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1/hook", self.upstream.port)
    }

    pub fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// What has come since this was asked last.
    pub fn taken(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.upstream.received.try_recv().ok()).collect()
    }

    /// The numbers of the events that have come since, in the order in which they came.
    pub fn numbers(&mut self) -> Vec<i64> {
        self.taken().iter().flat_map(|message| read(message).1).map(|event| event.seq).collect()
    }
}

/// The organisation and events of a message.
pub fn read(message: &Received) -> (OrganisationId, Vec<Stored>) {
    #[derive(Deserialize)]
    struct Message {
        r#type: String,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        organisation: OrganisationId,
        events: Vec<Told>,
    }
    #[derive(Deserialize)]
    struct Told {
        seq: i64,
        previous: String,
        hash: String,
        event: Box<RawValue>,
        #[serde(default)]
        personal: Vec<Personal>,
    }
    let unhex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
    };
    let message: Message = serde_json::from_str(&message.body).expect("a message");
    assert_eq!(message.r#type, "audit.events");
    let stored = |told: Told| Stored {
        seq: told.seq,
        body: told.event.get().to_owned(),
        previous: unhex(&told.previous),
        hash: unhex(&told.hash),
        personal: told.personal,
    };
    (message.data.organisation, message.data.events.into_iter().map(stored).collect())
}

/// Whether a message is signed with this secret, and with how many.
pub fn signed(message: &Received, secret: &str) -> (bool, usize) {
    let part = |name: &str| message.header(name).expect("a part of the signature");
    let now = Timestamp(part("webhook-timestamp").parse::<i64>().expect("seconds") * SECOND);
    let secret = WebhookSecret::parse(secret).expect("a secret");
    let [.., (_, expected)] = WebhookSecret::headers(&[secret], part("webhook-id"), now, &message.body);
    let signatures: Vec<&str> = part("webhook-signature").split(' ').collect();
    (signatures.contains(&expected.as_str()), signatures.len())
}

/// Sets up North's delivery to this receiver; gives the secret.
pub(super) async fn set_up(world: &World, hook: &Hook, begin: &str) -> String {
    let (slug, url) = (world.house.slug.as_str(), hook.url());
    let fields = [("slug", slug), ("url", url.as_str()), ("format", "events"), ("begin", begin)];
    let made = world.owner.form("audit/set_delivery", &fields).await;
    assert_eq!(made.status, 200, "{}", made.text);
    text(&made.json(), "secret")
}

/// How North's delivery stands.
async fn standing(world: &World) -> Value {
    let found = world.admin.form("audit/delivery", &[("slug", &world.house.slug)]).await;
    assert_eq!(found.status, 200, "{}", found.text);
    found.json()["webhook"]["standing"].clone()
}

async fn ask(client: &Client, world: &World, what: &str) {
    done(client, &format!("audit/{what}_delivery"), &[("slug", &world.house.slug)]).await;
}

async fn end(house: &House) -> i64 {
    house.chain(house.organisation).await.0
}

/// Writes so many more events into North's log.
async fn write(house: &House, more: i64) {
    fill(house, end(house).await + more).await;
}

fn upto(last: i64) -> Vec<i64> {
    (1..=last).collect()
}

#[tokio::test]
async fn the_whole_log_arrives_in_order_signed_and_as_it_is_hashed() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, north) = (&world.house, world.house.organisation);
        let (mut hook, program) = (Hook::open().await, Deliveries::default());
        program.round(&house.app).await.expect("a round");
        assert!(hook.taken().is_empty(), "nothing is set up");
        let secret = set_up(&world, &hook, "first").await;
        write(house, 230).await;
        let last = end(house).await;
        let before = standing(&world).await;
        assert_eq!((&before["waiting"], &before["delivered"]), (&last.into(), &0.into()));
        program.round(&house.app).await.expect("a round");
        let messages = hook.taken();
        assert!(messages.len() >= 3, "at most a hundred at once: {}", messages.len());
        let (mut verifier, mut seen) = (Verifier::new(north), vec![]);
        let other = WebhookSecret::generate().expect("a secret");
        for message in &messages {
            let (organisation, events) = read(message);
            assert!(organisation == north && events.len() <= 100);
            let id = format!("{north}-{}-{}", events[0].seq, events[events.len() - 1].seq);
            assert_eq!(message.header("webhook-id"), Some(id.as_str()));
            assert_eq!((signed(message, &secret), signed(message, &other).0), ((true, 1), false));
            seen.extend(events.iter().map(|event| event.seq));
            events.iter().for_each(|event| verifier.take(event));
        }
        assert_eq!(seen, upto(last));
        let figures = page(&house.app, &house.gateway.recorder, Timestamp(0));
        let delivered = format!("latchkey_audit_events_delivered_total{{destination=\"organisation\"}} {last}\n");
        assert!(figures.contains(&delivered) && !figures.contains("destination=\"file\""), "{figures}");
        let verdict = verifier.finish_export();
        assert!(matches!(verdict, Verdict::Whole { events, .. } if events == last), "{verdict:?}");
        let after = standing(&world).await;
        assert_eq!((&after["waiting"], &after["delivered"], &after["error"]), (&0.into(), &last.into(), &Value::Null));
        assert!(after["delivered_at"].is_i64());
        program.round(&house.app).await.expect("a round");
        assert!(hook.taken().is_empty(), "each of them once");
        // What South does is its own.
        let fields = [("slug", world.south.as_str()), ("name", "ci"), ("expiry", "90")];
        done(&world.stranger, "api_keys/create", &fields).await;
        write(house, 1).await;
        program.round(&house.app).await.expect("a round");
        assert_eq!(hook.numbers(), [last + 1]);
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_was_away_gets_everything_and_is_not_pressed() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, app) = (&world.house, &world.house.app);
        let (mut hook, program) = (Hook::open().await, Deliveries::default());
        set_up(&world, &hook, "now").await;
        let first = end(house).await;
        hook.answers(500);
        // One second, then two, then four; a receiver may ask for more.
        for (failures, pause) in [(1, 7), (2, 7), (3, 7), (4, 8), (5, 16)] {
            program.round(app).await.expect("a round");
            assert_eq!(hook.numbers(), (first..=end(house).await).collect::<Vec<_>>(), "attempt {failures}");
            let state = standing(&world).await;
            assert_eq!((&state["failures"], &state["delivered"]), (&failures.into(), &(first - 1).into()));
            assert_eq!(state["error"], "The receiver answered with status 500.");
            let wait = state["next_at"].as_i64().expect("a time") - app.clock.now().0;
            assert!(wait <= pause * SECOND && wait > (pause - 5) * SECOND, "{failures}: {wait}");
            program.round(app).await.expect("a round");
            assert!(hook.taken().is_empty(), "it is too early");
            write(house, 1).await;
            app.clock.advance(pause * SECOND);
        }
        hook.answers(307);
        program.round(app).await.expect("a round");
        assert!(text(&standing(&world).await, "error").contains("redirects are not followed"));
        assert_eq!(hook.taken().len(), 1);
        hook.answers(204);
        write(house, 150).await;
        app.clock.advance(5 * MINUTE);
        program.round(app).await.expect("a round");
        assert_eq!(hook.numbers(), (first..=end(house).await).collect::<Vec<_>>());
        let state = standing(&world).await;
        assert_eq!((&state["failures"], &state["error"], &state["next_at"]), (&0.into(), &Value::Null, &Value::Null));
        // A new address is tried at once.
        hook.answers(500);
        write(house, 1).await;
        program.round(app).await.expect("a round");
        let mut other = Hook::open().await;
        let url = other.url();
        let fields = [("slug", house.slug.as_str()), ("version", "1"), ("url", &url), ("format", "ocsf")];
        done(&world.owner, "audit/set_delivery", &fields).await;
        program.round(app).await.expect("a round");
        let told: Value = serde_json::from_str(&other.taken()[0].body).expect("JSON");
        assert_eq!(
            (&told[0]["class_uid"], &told[0]["metadata"]["sequence"]),
            (&6003.into(), &(end(house).await - 1).into())
        );
        assert_eq!(told[1]["api"]["operation"], "audit.set_delivery");
        let stale = world.owner.form("audit/set_delivery", &fields).await;
        assert_eq!(stale.code(), "stale_version");
    })
    .await;
}

#[tokio::test]
async fn what_a_crash_left_unnoted_is_sent_again_and_nothing_is_left_out() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, app) = (&world.house, &world.house.app);
        let mut hook = Hook::open().await;
        set_up(&world, &hook, "first").await;
        let last = end(house).await;
        // Each dies between sending and noting.
        for is_orderly in [false, true] {
            hook.answers(SILENT);
            let program = Deliveries::default();
            let first = tokio::select! {
                done = program.round(app) => panic!("it is not answered: {done:?}"),
                first = hook.upstream.request() => first,
            };
            assert_eq!(read(&first).1.len(), usize::try_from(last).expect("few"));
            hook.answers(200);
            let next = Deliveries::default();
            next.round(app).await.expect("a round");
            assert!(hook.taken().is_empty(), "the one that died may still be sending");
            if is_orderly {
                program.release(app).await;
            } else {
                app.clock.advance(CLAIM);
                hook.answers(SILENT);
                // It is another one's by now: what the first one notes too late changes nothing.
                let again = tokio::select! {
                    done = next.round(app) => panic!("it is not answered: {done:?}"),
                    again = hook.upstream.request() => again,
                };
                assert_eq!((again.header("webhook-id"), &again.body), (first.header("webhook-id"), &first.body));
                app.clock.advance(CLAIM);
            }
        }
        assert_eq!(standing(&world).await["delivered"], 0);
        write(house, 3).await;
        Deliveries::default().round(app).await.expect("a round");
        assert_eq!(hook.numbers(), upto(last + 3));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_programs_one_sends_each_event() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let replica = house.another(|_| {}).await;
        let mut hook = Hook::open().await;
        set_up(&world, &hook, "first").await;
        let programs = [Deliveries::default(), Deliveries::default()];
        for _ in 0..20 {
            write(house, 7).await;
            let (one, two) = tokio::join!(programs[0].round(&house.app), programs[1].round(&replica.app));
            one.and(two).expect("rounds");
        }
        programs[1].round(&replica.app).await.expect("a round");
        assert_eq!(hook.numbers(), upto(end(house).await), "each once, and in order");
    })
    .await;
}

#[tokio::test]
async fn events_go_to_public_addresses_alone() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, slug) = (&world.house, world.house.slug.as_str());
        for (url, words) in [
            ("https://10.0.0.1/hook", "not public"),
            ("https://169.254.169.254/latest", "not public"),
            ("https://[::1]/hook", "not public"),
            ("https://[::ffff:127.0.0.1]/hook", "not public"),
            ("http://127.0.0.2:8080/hook", "not public"),
            ("http://8.8.8.8/hook", "Plain http"),
            ("ftp://example.org/hook", "https://"),
            ("https://user:word@example.org/hook", "user name"),
            ("", "URL"),
        ] {
            let before = end(house).await;
            let fields = [("slug", slug), ("url", url), ("format", "events"), ("begin", "first")];
            let refused = world.owner.form("audit/set_delivery", &fields).await;
            assert_eq!((refused.status, refused.code().as_str()), (422, "invalid"), "{url}: {}", refused.text);
            assert_eq!(refused.json()["fields"][0]["field"], "url", "{}", refused.text);
            assert!(refused.text.contains(words), "{url}: {}", refused.text);
            assert_eq!(standing(&world).await, Value::Null);
            assert_eq!(end(house).await, before + 1, "the attempt is an event");
        }
        for (field, value) in [("format", "xml"), ("begin", "yesterday")] {
            let mut fields =
                vec![("slug", slug), ("url", "http://127.0.0.1:8080/"), ("format", "events"), ("begin", "now")];
            fields.retain(|(name, _)| *name != field);
            fields.push((field, value));
            let refused = world.owner.form("audit/set_delivery", &fields).await;
            assert_eq!(
                (refused.status, &refused.json()["fields"][0]["field"]),
                (422, &field.into()),
                "{}",
                refused.text
            );
        }
        // What was saved once is looked at again when it is sent: here the operator lists it no more.
        let mut hook = Hook::open().await;
        set_up(&world, &hook, "first").await;
        let stricter = house.another(|parts| parts.outgoing = Outgoing::new(AllowList::default())).await;
        Deliveries::default().round(&stricter.app).await.expect("a round");
        assert!(hook.taken().is_empty());
        assert!(text(&standing(&world).await, "error").contains("not public"));
    })
    .await;
}

#[tokio::test]
async fn the_secret_is_shown_once_and_stands_nowhere() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, slug) = (&world.house, world.house.slug.as_str());
        let (mut hook, program) = (Hook::open().await, Deliveries::default());
        // Without JavaScript it stands on the page that answers the form.
        let address = format!("/o/{slug}/audit/delivery");
        let url = format!("{}?token=HIDDEN", hook.url());
        let fields =
            [("slug", slug), ("page", address.as_str()), ("url", url.as_str()), ("format", "events"), ("begin", "now")];
        let shown = world.owner.plain_form(&address, "audit/set_delivery", &fields).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        let begin = shown.text.find("whsec_").expect("the secret");
        let old: String =
            shown.text[begin..].chars().take_while(|c| c.is_ascii_alphanumeric() || "_+/=".contains(*c)).collect();
        assert!(WebhookSecret::parse(&old).is_some(), "{old}");
        let rotated = world.admin.form("audit/rotate_delivery_secret", &[("slug", slug)]).await;
        let new = text(&rotated.json(), "secret");
        assert_ne!(old, new);
        let again = world.admin.form("audit/rotate_delivery_secret", &[("slug", slug)]).await;
        assert_eq!(again.code(), "conflict", "{}", again.text);
        assert!(again.text.contains("signs as well until"), "{}", again.text);
        // Each is known to somebody for a day.
        program.round(&house.app).await.expect("a round");
        let message = hook.taken().remove(0);
        assert_eq!((signed(&message, &old), signed(&message, &new)), ((true, 2), (true, 2)));
        house.app.clock.advance(24 * HOUR + SECOND);
        let owner = house.person("ada@north.test").await;
        done(&owner, "audit/test_delivery", &[("slug", slug)]).await;
        let message = hook.taken().remove(0);
        assert_eq!((signed(&message, &old).0, signed(&message, &new)), (false, (true, 1)));

        // Another address within one origin is told as no more than that.
        let url = format!("{}/elsewhere?token=HIDDEN", hook.url());
        done(&owner, "audit/set_delivery", &[("slug", slug), ("version", "2"), ("url", &url), ("format", "events")])
            .await;
        let origin = hook.url().replace("/v1/hook", "");
        let told = json!({ "field": "url", "was": format!("{origin}/…"), "now": "changed" });
        let newest = house.chain(house.organisation).await.1.expect("an event");
        assert_eq!(newest["changes"], json!([told]));
        program.round(&house.app).await.expect("a round");
        let shown = owner.page(&address).await;
        assert!(shown.status == 200 && shown.text.contains("Signing secret") && shown.text.contains("Up to date"));
        let told = owner.form("audit/delivery", &[("slug", slug)]).await.text;
        let log = owner.page(&format!("/o/{slug}/audit")).await.text;
        let events: String = events(house).await.into_iter().map(|(_, event)| event.to_string()).collect();
        let rows = house.snapshot().await.concat();
        for (place, text) in
            [("page", &shown.text), ("answer", &told), ("log", &log), ("events", &events), ("rows", &rows)]
        {
            for secret in [&old, &new] {
                assert!(!text.contains(&secret["whsec_".len()..]), "{place}");
            }
        }
        assert!(!events.contains("HIDDEN") && !events.contains("/v1/hook"), "paths and queries are not in events");
    })
    .await;
}

#[tokio::test]
async fn a_delivery_is_tested_paused_resumed_and_deleted() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, slug) = (&world.house, world.house.slug.as_str());
        let (mut hook, program) = (Hook::open().await, Deliveries::default());
        for what in ["test", "pause", "resume", "delete"] {
            let none = world.owner.form(&format!("audit/{what}_delivery"), &[("slug", slug)]).await;
            assert_eq!(none.status, 404, "{what}");
        }
        set_up(&world, &hook, "now").await;
        let first = end(house).await;
        let twice =
            world.owner.form("audit/set_delivery", &[("slug", slug), ("url", &hook.url()), ("format", "ocsf")]).await;
        assert_eq!(twice.code(), "conflict", "{}", twice.text);
        // A test says what came of it, and moves nothing.
        let test = async || world.admin.form("audit/test_delivery", &[("slug", slug)]).await.json();
        assert_eq!(test().await["problem"], Value::Null);
        let tried: Value = serde_json::from_str(&hook.taken()[0].body).expect("JSON");
        assert_eq!(
            (&tried["type"], &tried["data"]["organisation"]),
            (&"audit.test".into(), &house.organisation.to_string().into())
        );
        hook.answers(403);
        assert_eq!(test().await["problem"], "The receiver answered with status 403.");
        assert_eq!(standing(&world).await["delivered"], first - 1);
        hook.answers(200);
        hook.taken();
        let results: Vec<Value> = events(house)
            .await
            .into_iter()
            .filter(|(_, event)| event["action"] == "audit.test_delivery" && event["outcome"] == "done")
            .map(|(_, event)| event["changes"][0]["now"].clone())
            .collect();
        assert_eq!(results, ["taken", "The receiver answered with status 403."]);
        // There are so many in an hour.
        for _ in results.len()..20 {
            assert_eq!(test().await["problem"], Value::Null);
        }
        let more = world.owner.form("audit/test_delivery", &[("slug", slug)]).await;
        assert_eq!(more.status, 429, "{}", more.text);
        assert_eq!(hook.taken().len(), 18);

        ask(&world.admin, &world, "pause").await;
        program.round(&house.app).await.expect("a round");
        assert!(hook.taken().is_empty());
        let state = standing(&world).await;
        assert_eq!((&state["is_paused"], &state["delivered"]), (&true.into(), &(first - 1).into()));
        let again = world.admin.form("audit/pause_delivery", &[("slug", slug)]).await;
        assert_eq!(again.code(), "conflict");
        ask(&world.admin, &world, "resume").await;
        program.round(&house.app).await.expect("a round");
        assert_eq!(hook.numbers(), (first..=end(house).await).collect::<Vec<_>>());

        ask(&world.owner, &world, "delete").await;
        write(house, 2).await;
        program.round(&house.app).await.expect("a round");
        assert!(hook.taken().is_empty());
        assert_eq!(standing(&world).await, Value::Null);
        // Set up anew, it begins with that.
        set_up(&world, &hook, "now").await;
        program.round(&house.app).await.expect("a round");
        assert_eq!(hook.numbers(), [end(house).await]);
    })
    .await;
}
