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
                // Of statuses there are points where calls have failed alone.
                let is_of_statuses = graph.starts_with("errors") && graph.contains("status");
                assert_eq!(points.len() > 5, !is_of_statuses, "{graph}: {}", points.len());
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
        for bad in ["range=9d", "range=7d&from=2027-01-01", "status_code=nope", "cost_min=-1", "virtual_keys=a,B%20c"] {
            let answer = program.api("GET", &format!("/v1/analytics/graphs/cost?{bad}"), Value::Null).await;
            assert_eq!((answer.status, code(&answer).as_str()), (422, "invalid"), "{bad}: {}", answer.text);
        }
    })
    .await;
}

/// A call that is neither of the model nor of the trace of [`crate::tests::support::House::add_call`].
async fn add_other(house: &crate::tests::support::House, trace: &str, model: &str, (outcome, status): (&str, u16)) {
    let id = Uuid::now_v7();
    house.add_uncounted_call(id).await;
    let change = format!(
        "UPDATE call_logs SET trace_id = '{trace}', model = '{model}', provider = 'anthropic', status = {status}, \
         outcome = '{outcome}', input_tokens = 40, output_tokens = 2 WHERE id = '{id}'"
    );
    // SQLite keeps ids as bytes.
    let change = match house.owner_url() {
        Some(_) => change,
        None => change.replace(&format!("'{id}'"), &format!("x'{}'", id.simple())),
    };
    house.as_owner_composed(&change).await.expect("another call");
    crate::features::logs::operations::count_earlier(&house.app).await.expect("it is counted");
}

#[tokio::test]
async fn filters_take_several_values_and_mean_any_of_them() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        for _ in 0..3 {
            house.add_call(Uuid::now_v7()).await;
        }
        add_other(&house, "other,one", "claude-test", ("ok", 429)).await;
        add_other(&house, "third", "claude-other", ("ok", 200)).await;
        let count = async |filter: &str| {
            let path = format!("/v1/analytics/graphs/requests?range=7d&{filter}");
            let answer = program.api("GET", &path, Value::Null).await;
            assert_eq!(answer.status, 200, "{filter}: {}", answer.text);
            answer.json()["summary"]["total"].as_i64()
        };
        for (filter, calls) in [
            ("", 5),
            ("ai_model=gpt-test,claude-test", 4),
            ("ai_model=claude-test,%20nobody", 1),
            ("ai_model=nobody,none", 0),
            ("ai_org_model=anthropic__claude-test", 1),
            ("ai_org_model=claude__claude-test,anthropic__claude-other", 2),
            ("ai_org_model=openai__claude-test,anthropic__gpt-test", 0),
            ("ai_org_model=anthropic__claude-test&ai_model=gpt-test", 0),
            ("trace_id=trace,third", 4),
            // A name with a comma in it is found by its whole.
            ("trace_id=other,one", 1),
            ("status_code=429,404", 1),
            ("status_code=200,4xx", 5),
            ("status_code=failed,refused", 0),
            ("configs=pc-a,pc-b", 0),
            ("prompt_slug=pp-a,pp-b", 0),
            ("virtual_keys=a,b", 0),
            ("prompt_token_min=40", 2),
            // What is not known is in no bounds.
            ("prompt_token_max=39", 0),
            ("prompt_token_min=0", 2),
            ("completion_token_min=0", 2),
            ("total_units_max=0", 0),
            ("total_units_min=0&total_units_max=42", 2),
            ("cost_max=0", 0),
            ("completion_token_min=2&completion_token_max=2", 2),
            ("completion_token_min=3", 0),
            ("cache_status=HIT", 0),
            ("cache_status=MISS", 5),
        ] {
            assert_eq!(count(filter).await, Some(calls), "{filter}");
        }
        let many: Vec<String> = (0..31).map(|number| format!("m{number}")).collect();
        assert_eq!(count(&format!("ai_model={},gpt-test", many[..29].join(","))).await, Some(3));
        let many = format!("ai_model={}", many.join(","));
        for (bad, field) in [
            (many.as_str(), "ai_model"),
            ("ai_org_model=gpt-test", "ai_org_model"),
            ("ai_org_model=nobody__gpt-test", "ai_org_model"),
            ("ai_org_model=gpt-test,openai__gpt-test", "ai_org_model"),
            ("status_code=200,nope", "status_code"),
            ("configs=,", "configs"),
            ("prompt_token_min=-1", "prompt_token_min"),
            ("cache_status=DISABLED", "cache_status"),
            ("span_id=a", "span_id"),
            ("weighted_feedback_min=1", "weighted_feedback_min"),
            ("weighted_feedback_max=1", "weighted_feedback_max"),
            ("order_by=cost", "order_by"),
            ("order_by_type=asc", "order_by_type"),
        ] {
            let answer = program.api("GET", &format!("/v1/analytics/graphs/requests?{bad}"), Value::Null).await;
            assert_eq!((answer.status, code(&answer).as_str()), (422, "invalid"), "{bad}: {}", answer.text);
            assert_eq!(answer.json()["error"]["param"], field, "{bad}: {}", answer.text);
        }
        // The list of the log takes the same.
        for (filter, entries) in [
            ("ai_model=gpt-test,claude-test", 4),
            ("ai_model=claude", 2),
            ("trace_id=trace,third", 4),
            ("ai_org_model=anthropic__claude-test", 1),
            ("status=429,404", 1),
            ("configs=pc-a,pc-b", 0),
        ] {
            let answer = program.api("GET", &format!("/v1/logs?range=7d&{filter}"), Value::Null).await;
            assert_eq!(answer.json()["total"].as_i64(), Some(entries), "{filter}: {}", answer.text);
        }
        // A model whose own name has a comma in it.
        add_other(&house, "fourth", "claude,odd", ("ok", 200)).await;
        for filter in [
            "ai_org_model=anthropic__claude,odd",
            "ai_org_model=openai__x,anthropic__claude,odd",
            "ai_model=claude,odd",
        ] {
            assert_eq!(count(filter).await, Some(1), "{filter}");
        }
        // Feedback counts by the calls of its trace.
        let given = json!({ "trace_id": "third", "value": 5 });
        assert_eq!(program.api("POST", "/v1/feedback", given).await.status, 200);
        for (filter, entries) in
            [("trace_id=third,trace", 1), ("ai_model=gpt-test,claude-test", 0), ("prompt_token_min=1", 1)]
        {
            let path = format!("/v1/analytics/graphs/feedbacks?range=7d&{filter}");
            let answer = program.api("GET", &path, Value::Null).await;
            assert_eq!(answer.json()["summary"]["total"].as_i64(), Some(entries), "{filter}: {}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn groups_tell_the_columns_that_are_asked_for() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        house.add_call(Uuid::now_v7()).await;
        let read =
            async |query: &str| program.api("GET", &format!("/v1/analytics/groups/model?{query}"), Value::Null).await;
        // As the official client for Python writes it.
        let told = read("columns=requests%2Ccost&include_total=True").await;
        well_formed(&told);
        let told = told.json();
        assert_eq!(told["total"], 1, "{told}");
        let group =
            json!({ "object": "analytics-group", "ai_model": "gpt-test", "id": null, "requests": 1, "cost": null });
        assert_eq!(told["data"], json!([group]));
        let without = read("include_total=false").await.json();
        assert_eq!((without.get("total"), &without["data"][0]["requests"]), (None, &json!(1)), "{without}");
        let all = read("columns=").await.json();
        assert!(all["total"] == 1 && all["data"][0].get("p99").is_some(), "{all}");
        // Names of the official client for Node, and what can be worked out of the figures.
        let names = "total_tokens,error_count,cache_hit_rate,avg_input_tokens,avg_output_tokens,p99_latency,last_seen";
        let told = read(&format!("columns={names}")).await.json();
        let group = told["data"][0].as_object().expect("a group");
        assert_eq!(group.len(), 3 + names.split(',').count(), "{told}");
        for (name, value) in [("total_tokens", 0.0), ("error_count", 0.0), ("cache_hit_rate", 0.0)] {
            assert_eq!(group[name].as_f64(), Some(value), "{name}: {told}");
        }
        for (query, field) in [
            ("columns=requests,price", "columns"),
            ("columns=p95_latency", "columns"),
            ("columns=first_seen", "columns"),
            ("include_total=perhaps", "include_total"),
            ("order_by=price", "order_by"),
            ("order_by=cost&order_by_type=up", "order_by_type"),
        ] {
            let answer = read(query).await;
            assert_eq!((answer.status, code(&answer).as_str()), (422, "invalid"), "{query}: {}", answer.text);
            assert_eq!(answer.json()["error"]["param"], field, "{}", answer.text);
        }
        for path in ["graphs/cost?columns=cost", "summary/cache?include_total=true", "graphs/feedbacks?columns=cost"] {
            let answer = program.api("GET", &format!("/v1/analytics/{path}"), Value::Null).await;
            assert_eq!((answer.status, code(&answer).as_str()), (422, "invalid"), "{path}: {}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn errors_are_told_by_their_statuses_and_groups_stand_in_the_order_asked_for() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        house.add_call(Uuid::now_v7()).await;
        for (model, outcome, status) in [
            ("one", "failed", 502),
            ("one", "failed", 502),
            ("two", "failed", 429),
            ("three", "refused", 446),
            ("three", "ok", 200),
        ] {
            add_other(&house, "another", model, (outcome, status)).await;
        }
        let read = async |path: &str| {
            let answer = program.api("GET", &format!("/v1/analytics/{path}"), Value::Null).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            answer.json()
        };
        for graph in ["errors/status-codes", "errors-status-code"] {
            let told = read(&format!("graphs/{graph}?range=7d")).await;
            assert_eq!(told["summary"], json!({ "total_errors": 4, "unique_error_codes": 3 }), "{told}");
            let mut counts = std::collections::BTreeMap::new();
            for point in told["data_points"].as_array().expect("points") {
                let (status, count) = (point["status_code"].as_i64(), point["count"].as_i64());
                *counts.entry(status.expect("a status")).or_insert(0) += count.expect("a count");
                assert!(point["timestamp"].is_string(), "{told}");
            }
            assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(429, 1), (446, 1), (502, 2)], "{told}");
        }
        let ordered = async |query: &str| {
            let told = read(&format!("groups/model?range=7d&{query}")).await;
            let data = told["data"].as_array().expect("groups").clone();
            data.iter().map(|group| group["ai_model"].as_str().expect("a model").to_owned()).collect::<Vec<_>>()
        };
        // What is alike stays in the usual order: by requests, and then by the name.
        for (query, models) in [
            ("", ["one", "three", "gpt-test", "two"]),
            ("order_by=requests&order_by_type=asc", ["gpt-test", "two", "one", "three"]),
            ("order_by=error_count&order_by_type=desc", ["one", "three", "two", "gpt-test"]),
            ("order_by=tokens&order_by_type=asc&columns=requests", ["gpt-test", "two", "one", "three"]),
            ("order_by=success_rate", ["gpt-test", "three", "one", "two"]),
            ("order_by=cost", ["one", "three", "gpt-test", "two"]),
        ] {
            assert_eq!(ordered(query).await, models, "{query}");
        }
        // A page is one of the whole order.
        assert_eq!(ordered("order_by=success_rate&page_size=1&current_page=1").await, ["three"]);
        let told = read("groups/model?range=7d&columns=error_count,avg_input_tokens,avg_output_tokens").await;
        let first = json!({ "object": "analytics-group", "ai_model": "one", "id": null, "error_count": 2,
            "avg_input_tokens": 40.0, "avg_output_tokens": 2.0 });
        assert_eq!(told["data"][0], first, "{told}");
    })
    .await;
}
