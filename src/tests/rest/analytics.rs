//! Analytics, as programs read them: both spellings of the contract's paths, and figures that are those of the log.

use super::{code, founded, well_formed};
use crate::tests::support::each_engine;
use serde_json::{Value, json};
use uuid::Uuid;

const GRAPHS: [&str; 17] = [
    "requests",
    "tokens",
    "cost",
    "latency",
    "errors",
    "users",
    "users/requests",
    "users-requests",
    "errors/rate",
    "errors-rate",
    "errors/stacks",
    "errors-stack",
    "errors/status-codes",
    "errors-status-code",
    "requests/rescued",
    "cache/hit-rate",
    "cache-latency",
];

#[tokio::test]
async fn graphs_groups_and_summaries_are_read() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        for _ in 0..3 {
            house.add_call(Uuid::now_v7()).await;
        }
        let spans = ["range=7d", "time_of_generation_min=2020-01-01&time_of_generation_max=2021-01-01", ""];
        for (span, calls) in spans.into_iter().zip([3, 0, 3]) {
            for graph in GRAPHS {
                let answer = program.api("GET", &format!("/v1/analytics/graphs/{graph}?{span}"), Value::Null).await;
                well_formed(&answer);
                assert_eq!(answer.status, 200, "{graph}: {}", answer.text);
                let told = answer.json();
                assert_eq!(told["object"], "analytics-graph", "{graph}");
                assert!(told["summary"].is_object(), "{graph}: {told}");
                let points = told["data_points"].as_array().expect("points");
                assert!(points.len() > 5, "{graph}: {}", points.len());
                assert!(points.iter().all(|point| point["timestamp"].is_string()), "{graph}: {told}");
                if graph == "requests" {
                    let sum: i64 = points.iter().filter_map(|point| point["total"].as_i64()).sum();
                    assert_eq!((told["summary"]["total"].as_i64(), sum), (Some(calls), calls), "{told}");
                }
            }
        }
        let models = program.api("GET", "/v1/analytics/groups/ai-models?page_size=10", Value::Null).await.json();
        let first = &models["data"][0];
        assert_eq!(
            (&models["total"], &first["ai_model"], &first["requests"]),
            (&json!(1), &json!("gpt-test"), &json!(3))
        );
        assert_eq!(first["success_rate"], json!(100.0), "{models}");
        let teams = program.api("GET", "/v1/analytics/groups/metadata/team", Value::Null).await.json();
        assert_eq!(teams["data"][0]["metadata_value"], Value::Null, "nothing was said: {teams}");
        let cache = program.api("GET", "/v1/analytics/summary/cache", Value::Null).await.json();
        assert_eq!((&cache["object"], &cache["summary"]["total_requests"]), (&json!("analytics-summary"), &json!(3)));
        for path in ["graphs/feedbacks/no", "graphs/errors/no", "groups/nothing"] {
            let answer = program.api("GET", &format!("/v1/analytics/{path}"), Value::Null).await;
            assert_eq!((answer.status, code(&answer).as_str()), (404, "not_found"), "{path}");
        }
        for bad in ["range=9d", "range=7d&from=2027-01-01", "status_code=nope", "cost_min=-1", "virtual_keys=a,b"] {
            let answer = program.api("GET", &format!("/v1/analytics/graphs/cost?{bad}"), Value::Null).await;
            assert_eq!((answer.status, code(&answer).as_str()), (422, "invalid"), "{bad}: {}", answer.text);
        }
    })
    .await;
}
