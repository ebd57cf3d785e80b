//! The figures of feedback are those of what was given.

use super::{call, give, ids, log};
use crate::{
    kernel::{KeyId, Timestamp, time::HOUR},
    tests::support::{World, each_engine},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[tokio::test]
async fn graphs_equal_a_naive_sum() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let program = house.program(&house.master_key);
        let begin = house.app.clock.now();
        let models = ["gpt-4o", "claude-sonnet-4-5", "gpt-4o-mini"];
        // The third trace has calls of two models, and the fourth has none.
        let calls = [("t-0", 0), ("t-1", 1), ("t-2", 1), ("t-2", 2), ("t-2", 2)];
        let records: Vec<_> = calls
            .iter()
            .map(|(trace, model)| call(house.organisation, KeyId::numbered(1), trace, models[*model], begin))
            .collect();
        log(house, &records).await;
        // Trace, value, weight in hundredths, and when: (hours after the beginning).
        let mut given: Vec<(String, i64, i64, i64)> = vec![];
        let mut seed = 7_u64;
        for hour in 0..6 {
            let mut body = vec![];
            for _ in 0..9 {
                let mut next = |below: u64| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    i64::try_from((seed >> 33) % below).expect("small")
                };
                let (trace, value, weight) = (format!("t-{}", next(4)), next(21) - 10, next(101));
                body.push(json!({ "trace_id": trace, "value": value, "weight": weight as f64 / 100.0 }));
                given.push((trace, value, weight, hour));
            }
            ids(&give(&program, Value::Array(body)).await);
            house.app.clock.advance(HOUR);
        }
        let graph = async |name: &str, query: &str| {
            let path = format!("/v1/analytics/graphs/{name}?range=24h{query}");
            let answer = house.program(&house.master_key).api("GET", &path, Value::Null).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            let body = answer.json();
            assert_eq!(body["object"], "analytics-graph");
            body
        };
        let mean = |of: &[&(String, i64, i64, i64)]| {
            let sum: i64 = of.iter().map(|(_, value, weight, _)| value * weight).sum();
            (!of.is_empty()).then(|| sum as f64 / 100.0 / of.len() as f64)
        };
        let near = |told: &Value, expected: Option<f64>| match expected {
            None => assert!(told.is_null(), "{told}"),
            Some(mean) => assert!((told.as_f64().expect("a number") - mean).abs() < 1e-6, "{told} {mean}"),
        };
        let has = |trace: &str, model: usize| calls.iter().any(|(of, asked)| *of == trace && *asked == model);
        for (query, fits) in [
            (String::new(), None),
            (format!("&ai_model={}", models[1]), Some(1)),
            (format!("&ai_model={}", models[2]), Some(2)),
            ("&ai_model=nobody".to_owned(), Some(9)),
        ] {
            let all: Vec<_> = given.iter().filter(|(trace, ..)| fits.is_none_or(|model| has(trace, model))).collect();
            assert!(fits == Some(9) || !all.is_empty());
            let count = graph("feedbacks", &query).await;
            assert_eq!(count["summary"]["total"], all.len(), "{query}");
            let weighted = graph("feedbacks/weighted", &query).await;
            near(&weighted["summary"]["avg"], mean(&all));
            let mut in_bars = 0;
            let bars = count["data_points"].as_array().expect("bars").iter();
            for (point, weighted) in bars.zip(weighted["data_points"].as_array().expect("bars")) {
                assert_eq!(point["timestamp"], weighted["timestamp"]);
                let start = Timestamp::parse(point["timestamp"].as_str().expect("a moment")).expect("a moment");
                let inside = |hour: i64| (start.0..start.0 + HOUR).contains(&begin.plus(hour * HOUR).0);
                let here: Vec<_> = all.iter().copied().filter(|(.., hour)| inside(*hour)).collect();
                assert_eq!(point["total"], here.len(), "{query} {point}");
                near(&weighted["avg"], mean(&here));
                in_bars += here.len();
            }
            assert_eq!(in_bars, all.len(), "the bars hold all");
            let mut scores: BTreeMap<i64, usize> = BTreeMap::new();
            all.iter().for_each(|(_, value, ..)| *scores.entry(*value).or_default() += 1);
            let scores: Vec<_> =
                scores.iter().map(|(value, total)| json!({ "score": value, "total": total })).collect();
            for spelling in ["feedbacks/scores", "feedbacks/score", "feedbacks-score"] {
                assert_eq!(graph(spelling, &query).await["data_points"], json!(scores), "{query} {spelling}");
            }
        }
        let told = graph("feedbacks/ai-models", "").await;
        let told = told["data_points"].as_array().expect("models");
        assert_eq!(told.len(), 3, "{told:?}");
        for (number, model) in models.iter().enumerate() {
            let of: Vec<_> = given.iter().filter(|(trace, ..)| has(trace, number)).collect();
            let point = told.iter().find(|point| point["ai_model"] == *model).expect("the model");
            assert_eq!(point["total"], of.len(), "{model}: each entry once, however many calls its trace has");
            near(&point["avg_weighted_feedback"], mean(&of));
        }
        let totals: Vec<_> = told.iter().map(|point| point["total"].as_i64().expect("a number")).collect();
        assert!(totals.windows(2).all(|pair| pair[0] >= pair[1]), "{totals:?}");
        let missing = program.api("GET", "/v1/analytics/graphs/feedbacks/nothing", Value::Null).await;
        assert_eq!(missing.status, 404);
        // The page shows the same.
        let page = world.owner.page(&format!("/o/{}/analytics?range=24h", house.slug)).await.text;
        assert!(page.contains(&format!("{} entries", given.len())) && page.contains("Feedback by value"), "{page}");
    })
    .await;
}
