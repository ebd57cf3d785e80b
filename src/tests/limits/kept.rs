//! What limits count is neither lost nor counted twice, and holds over replicas that cannot hear each other or whose clocks
//! differ.

use super::{call, limited, programs, rounds, statuses, written};
use crate::{
    features::limits::{self, ROOM, Share},
    gateway::tests::support::Upstream,
    kernel::{
        KeyId, LimitId, Timestamp,
        time::{DAY, MINUTE},
    },
    server::{access::jobs, clock::Clock},
    tests::{
        gateway::with_provider,
        support::{Answer, House, each_engine, test_server},
        tampering::id,
    },
};
use futures_util::future::join_all;
use serde_json::json;
use std::time::Duration;
use tokio::{
    join,
    time::{Instant, sleep},
};
use uuid::Uuid;

/// Rounds in which calls come at once.
const ROUNDS: usize = 100;

#[tokio::test]
async fn replicas_that_hear_nothing_of_each_other_let_no_more_through() {
    /// What a minute and what all minutes together let through.
    const RATE: usize = 6;
    const BUDGET: usize = 400;
    let Some(server) = test_server() else { return };
    let (house, _, provider) = with_provider(House::on_postgres(&server).await).await;
    let replica = house.another(|_| {}).await;
    // No notification comes. Each of them only compares revisions now and then.
    let compare = |house: &House| {
        let app = house.app.clone();
        tokio::spawn(async move { jobs::compare(&app).await })
    };
    let jobs = [compare(&house), compare(&replica)];
    let both = json!({
        "rate_limits": [{ "type": "requests", "unit": "rpm", "value": RATE }],
        "usage_limits": { "type": "requests", "credit_limit": BUDGET },
    });
    let (_, programs) = programs(&[&house, &replica], both).await;
    let (mut total, mut most, mut by) = (0, 0, [0, 0]);
    for round in 0..ROUNDS {
        // All calls of a round belong to the minute that has just begun, by the clock of both.
        let now = house.app.clock.now().0;
        house.app.clock.advance(MINUTE - now.rem_euclid(MINUTE));
        let before = provider.seen();
        let answers = join_all((0..3 * RATE).map(|number| call(&programs[number % 2]))).await;
        let is_known = |answer: &Answer| matches!(answer.status, 200 | 412 | 429 | 503);
        assert!(answers.iter().all(is_known), "round {round}: {answers:?}");
        let passed = answers.iter().filter(|answer| answer.status == 200).count();
        for (number, answer) in answers.iter().enumerate() {
            by[number % 2] += usize::from(answer.status == 200);
        }
        assert_eq!(provider.seen() - before, passed, "round {round}");
        total += passed;
        most = most.max(passed);
        let (over_rate, over_budget) = (passed.saturating_sub(RATE), total.saturating_sub(BUDGET));
        assert_eq!((over_rate, over_budget), (0, 0), "round {round}: {passed} of {RATE}, in all {total} of {BUDGET}");
    }
    jobs.iter().for_each(|job| job.abort());
    assert!(most >= RATE - 1, "{most} of {RATE} passed at most");
    assert!(total >= BUDGET * 3 / 4, "{total} of {BUDGET} passed in all");
    assert!(by.iter().all(|passed| *passed > 0), "one of them let nothing through: {by:?}");
}

#[tokio::test]
async fn replicas_whose_clocks_differ_let_no_more_through() {
    let Some(server) = test_server() else { return };
    let (house, _, provider) = with_provider(House::on_postgres(&server).await).await;
    // By its clock nobody was heard of for ten minutes.
    let ahead = house
        .another(|parts| {
            parts.clock = Clock::default();
            parts.clock.advance(10 * MINUTE);
        })
        .await;
    let budget = json!({ "usage_limits": { "type": "requests", "credit_limit": 8 } });
    let most = rounds(&[&house, &ahead], &provider, budget, 8).await;
    assert!(most >= 7, "{most} of 8 passed at most");
}

/// Who counts what of a period.
async fn shares(house: &House, limit: LimitId, period: Timestamp) -> Vec<Share> {
    let mut tx = house.app.read_proven(house.organisation).await.expect("reads");
    limits::shares(&mut tx, limit, period).await.expect("shares")
}

/// One round of the job that puts together what programs that are gone have counted.
async fn fold(house: &House) {
    let job = ROOM.jobs.iter().find(|job| job.failed.starts_with("programs that are gone")).expect("the job");
    (job.round)(&house.app).await.expect("a round");
}

#[tokio::test]
async fn what_programs_that_are_gone_have_counted_is_put_together_once() {
    each_engine(async |house| {
        let (house, _, _provider) = with_provider(house).await;
        let daily = json!({ "usage_limits": { "type": "tokens", "credit_limit": 55, "periodic_reset": "daily" } });
        let (key, program) = limited(&house, daily).await;
        let mut tx = house.app.read_proven(house.organisation).await.expect("reads");
        let all = limits::of_key(&mut tx, KeyId(key.parse().expect("an id"))).await.expect("limits");
        drop(tx);
        let limit = all.first().expect("a limit");
        let now = house.app.clock.now();
        let (today, earlier) = (limit.period(now).start, limit.period(now.plus(-3 * DAY)).start);
        // Two programs counted three days ago, and two today, which were then heard of for the last time in 1970.
        for (period, used) in [(earlier, 5), (earlier, 6), (today, 10), (today, 12)] {
            let Timestamp(period) = period;
            let [org, limit, replica] =
                [house.organisation.into(), limit.id.into(), Uuid::new_v4()].map(|uuid: Uuid| id(&house, uuid));
            let row = format!(
                "INSERT INTO limit_usage (org_id, limit_id, period, replica, used, granted, seen_at) \
                 VALUES ({org}, {limit}, {period}, {replica}, {used}, {used}, 1)"
            );
            house.as_owner_composed(&row).await.expect("a row");
        }
        assert_eq!(statuses(&program, 1).await, [200]);
        written(&house, 5 + 6 + 10 + 12 + 11).await;
        let before = shares(&house, limit.id, today).await;
        assert_eq!(before.len(), 3, "{before:?}");
        // Two that do it at once do it once.
        join!(fold(&house), fold(&house));
        fold(&house).await;
        let used = |shares: &[Share]| {
            let mut used: Vec<(bool, i64)> = shares.iter().map(|share| (share.replica.is_nil(), share.used)).collect();
            used.sort_unstable();
            used
        };
        assert_eq!(used(&shares(&house, limit.id, earlier).await), [(true, 11)]);
        // The program that runs keeps what it has counted.
        assert_eq!(used(&shares(&house, limit.id, today).await), [(false, 11), (true, 22)]);
        written(&house, 44).await;
        // 33 of 55 are used: two more calls of 11.
        assert_eq!(statuses(&program, 3).await, [200, 200, 412]);
        written(&house, 66).await;
        // The next start knows all of it.
        let another = house.another(|_| {}).await;
        let rotated =
            house.program(&house.master_key).api("POST", &format!("/v1/api-keys/{key}/rotate"), json!({})).await;
        let secret = rotated.json()["key"].as_str().expect("a key").to_owned();
        assert_eq!(call(&another.program(&secret)).await.status, 412);
    })
    .await;
}

/// A program that slept for a day, whose counts were put together meanwhile as if it were gone, counts nothing twice.
#[tokio::test]
async fn a_program_that_comes_back_counts_nothing_twice() {
    let Some(server) = test_server() else { return };
    let (house, _, _provider) = with_provider(House::on_postgres(&server).await).await;
    let replica = house.another(|_| {}).await;
    let limits = json!({ "usage_limits": { "type": "tokens", "credit_limit": 55 } });
    let (path, programs) = programs(&[&house, &replica], limits).await;
    assert_eq!(statuses(&programs[0], 2).await, [200, 200]);
    written(&house, 22).await;
    // It has given back what it does not need, and says nothing more of itself.
    sleep(Duration::from_millis(2_500)).await;
    house.as_owner("UPDATE limit_usage SET seen_at = 1 WHERE seen_at > 0").await.expect("it is not heard of");
    fold(&replica).await;
    written(&house, 22).await;
    // After so long it asks before it lets anything through.
    sleep(Duration::from_millis(9_500)).await;
    assert_eq!(statuses(&programs[0], 4).await, [200, 200, 200, 412]);
    written(&house, 55).await;
    assert_eq!(call(&programs[1]).await.status, 412);
    let used = super::read(&house, &path).await["usage_limits"]["used"].clone();
    assert_eq!(used, 55.0);
}

/// What a call had reserved whose program was cut off: in the log it is lost, and its tokens are unknown.
#[tokio::test]
async fn a_call_that_was_cut_off_counts_what_it_had_reserved_once() {
    each_engine(async |house| {
        let (house, _, _answering) = with_provider(house).await;
        let silent = Upstream::scripted(|stream| async move {
            let _held = stream;
            sleep(Duration::from_secs(60)).await;
        })
        .await;
        let base = format!("http://127.0.0.1:{}/v1", silent.port);
        let key = json!({ "name": "Silent", "slug": "silent", "provider": "openai", "key": "sk-2", "base_url": base });
        let master = house.program(&house.master_key);
        assert_eq!(master.api("POST", "/v1/virtual-keys", key).await.status, 200);
        let limits = json!({
            "rate_limits": [{ "type": "requests", "unit": "rpw", "value": 1000 }],
            "usage_limits": [
                { "type": "tokens", "credit_limit": 1_000_000 },
                { "type": "cost", "credit_limit": 1000 },
            ],
        });
        let (id, program) = limited(&house, limits).await;
        let asking = super::call_with(&program, json!({ "model": "@silent/gpt-4o", "max_tokens": 1_000 }));
        let bytes = json!({ "model": "@silent/gpt-4o", "messages": [{ "role": "user", "content": "Hello" }],
            "max_tokens": 1_000 })
        .to_string()
        .len();
        let journals = house.calls();
        // While the call waits for its provider, its journal is copied: so it is found after a kill.
        let copied = async {
            let since = Instant::now();
            while silent.seen() == 0 {
                assert!(since.elapsed() < Duration::from_secs(10), "nothing has left");
                sleep(Duration::from_millis(10)).await;
            }
            let kept = tempfile::tempdir().expect("a folder");
            for file in std::fs::read_dir(&journals).expect("the journals") {
                let file = file.expect("a journal");
                std::fs::copy(file.path(), kept.path().join(file.file_name())).expect("a copy");
            }
            // From here on its program is about to end, and tells of no end of the call.
            assert!(!house.gateway.recorder.drain(Duration::ZERO).await, "the call is under way");
            kept
        };
        let kept = tokio::select! {
            answer = asking => panic!("it is answered: {answer:?}"),
            kept = copied => kept,
        };
        let tokens = i64::try_from(bytes.div_ceil(4)).expect("a number") + 1_000;
        // The first start finds it, and a second one with the same journal counts nothing more.
        for _ in 0..2 {
            let again = tempfile::tempdir().expect("a folder");
            for file in std::fs::read_dir(kept.path()).expect("the copies") {
                let file = file.expect("a copy");
                std::fs::copy(file.path(), again.path().join(file.file_name())).expect("a copy");
            }
            let next = crate::gateway::storage::start(&house.app, again.path()).expect("a gateway");
            assert!(next.recorder.recovered(Duration::from_secs(10)).await, "it is written");
        }
        let key = super::read(&house, &format!("/v1/api-keys/{id}")).await;
        let used = |at: usize| key["usage_limits"][at]["used"].as_f64().expect("a number");
        assert_eq!(key["rate_limits"][0]["used"], 1, "{key}");
        let of_tokens = if key["usage_limits"][0]["type"] == "tokens" { 0 } else { 1 };
        assert!((used(of_tokens) - tokens as f64).abs() < 0.5, "{key}: not {tokens}");
        assert!(used(1 - of_tokens) > 0.01, "a cent for a thousand tokens: {key}");
        let lost = master.api("GET", "/v1/logs", serde_json::Value::Null).await.json();
        let entry = lost["data"].as_array().expect("calls").first().expect("a call").clone();
        assert_eq!((&entry["outcome"], &entry["cost"]), (&json!("lost"), &serde_json::Value::Null), "{entry}");
    })
    .await;
}
