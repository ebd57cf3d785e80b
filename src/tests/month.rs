//! How long pages take over a month of calls, measured and judged by nobody but the reader:
//! `LATCHKEY_MONTH=1000000 ./dev unit month --run-ignored only --no-capture`. An optimised build takes a third of the time.

use super::support::{Client, House, each_engine};
use crate::{
    dialect::usage::Usage,
    gateway::{
        facts::{CallEnd, CallFacts, EndedBy, Endpoint, Record},
        record::Sink,
        storage::call_log,
    },
    kernel::{CallId, KeyId, SecretId, Timestamp, VirtualKeyId, provider::Provider, time::DAY},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

const MODELS: [&str; 6] =
    ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "claude-sonnet-4-5", "claude-haiku-4-5", "mistral-large"];
const ROUNDS: usize = 9;

/// A month of calls: 12 keys, 4 virtual keys, 6 models, one in fifty failed, with the lengths of real ones.
async fn fill(house: &House, now: i64, calls: u64) -> Duration {
    let log = call_log(&house.app);
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let step = 30 * DAY as u64 / calls.max(1);
    let began = Instant::now();
    let mut group = Vec::with_capacity(2_000);
    for number in 0..calls {
        let key = random(12);
        let failed = random(50) == 0;
        let latency = 200_000 * (1 + random(8)) + random(200_000);
        let (input, output) = (random(3_000), random(900));
        group.push(Record {
            call: Arc::new(CallFacts {
                id: CallId(Uuid::now_v7()),
                organisation: house.organisation,
                key: KeyId::numbered(u128::from(key) + 1),
                secret: SecretId::numbered(0),
                person: None,
                virtual_key: Some(VirtualKeyId::numbered(u128::from(key % 4) + 1)),
                provider: Some(Provider::OpenAi),
                endpoint: Endpoint::ChatCompletions,
                model: MODELS[((key + random(3)) % 6) as usize].into(),
                streamed: key % 2 == 0,
                trace: "trace".into(),
                metadata: None,
                config: None,
                prompt: None,
                keeps: None,
                started_at: Timestamp(now - 30 * DAY + (number * step) as i64),
            }),
            outcome: Some(CallEnd {
                status: if failed { 502 } else { 200 },
                upstream_status: None,
                upstream_id: None,
                error: failed.then(|| "upstream_failed".into()),
                sent: true,
                ended_by: EndedBy::Answer,
                latency_us: latency,
                first_byte_us: Some(latency / 3),
                usage: Some(Usage { input_tokens: input, output_tokens: output, cached_input_tokens: 0, reasoning_tokens: 0 }),
                cost: Some((input * 250 + output * 1_000) as i64),
                saved: None,
                count: 1,
                went: None,
                tried: vec![],
            }),
            texts: None,
        });
        if group.len() == 2_000 || number + 1 == calls {
            assert!(log.write(&group).await.is_ok());
            group.clear();
        }
    }
    began.elapsed()
}

async fn measure(client: &Client, house: &House, path: &str, query: &[(&str, &str)]) -> Duration {
    let named: Vec<(String, &str)> = query.iter().map(|(name, value)| (format!("query[{name}]"), *value)).collect();
    let mut fields = vec![("slug", house.slug.as_str())];
    fields.extend(named.iter().map(|(name, value)| (name.as_str(), *value)));
    let mut took = vec![];
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let answer = client.form(path, &fields).await;
        took.push(began.elapsed());
        assert_eq!(answer.status, 200, "{path} {query:?}: {}", answer.text);
    }
    took.sort_unstable();
    took[ROUNDS / 2]
}

#[tokio::test]
#[ignore = "a measurement of minutes"]
#[expect(clippy::print_stdout, reason = "it tells what it measures")]
async fn a_month_of_calls_is_measured() {
    let calls = std::env::var("LATCHKEY_MONTH").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    each_engine(async |house| {
        let engine = if house.app.db.is_postgres() { "PostgreSQL" } else { "SQLite" };
        let (house, ada) = house.with_ada().await;
        let now = house.app.clock.now().0;
        let filled = fill(&house, now, calls).await;
        house.as_owner("ANALYZE").await.expect("looked at");
        println!("{engine}: {calls} calls written in {:.0} s", filled.as_secs_f64());
        let deep = ada.form("logs/list", &[("slug", &house.slug), ("query[range]", "30d")]).await.json();
        let mut cursor = deep["next"].as_str().unwrap_or_default().to_owned();
        for _ in 0..999 {
            let fields = [("slug", house.slug.as_str()), ("query[range]", "1h"), ("query[after]", &cursor)];
            let page = ada.form("logs/list", &fields).await.json();
            match page["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        for (what, path, query) in [
            ("log, first page, a day", "logs/list", vec![("range", "24h")]),
            ("log, first page, a month", "logs/list", vec![("range", "30d")]),
            ("log, far back, a month", "logs/list", vec![("range", "30d"), ("after", cursor.as_str())]),
            ("log, failed ones of a month", "logs/list", vec![("range", "30d"), ("status", "failed")]),
            ("analytics, a day", "analytics/view", vec![("range", "24h")]),
            ("analytics, a week", "analytics/view", vec![("range", "7d")]),
            ("analytics, a month", "analytics/view", vec![("range", "30d")]),
            (
                "analytics, a month by status",
                "analytics/view",
                vec![("range", "30d"), ("group", "status"), ("share", "virtual_key")],
            ),
            ("analytics, a model in a month", "analytics/view", vec![("range", "30d"), ("model_is", "gpt-4o")]),
        ] {
            println!("  {what:<34}{:>9.1} ms", measure(&ada, &house, path, &query).await.as_secs_f64() * 1_000.0);
        }
    })
    .await;
}
