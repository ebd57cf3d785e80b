//! The log of calls, as programs read it.

use super::{code, founded, made, well_formed};
use crate::tests::support::each_engine;
use serde_json::{Value, json};

#[tokio::test]
async fn the_log_is_listed_by_number_and_cursor() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let answer = program.api("GET", "/v1/logs?range=7d&pageSize=10&currentPage=0&status=4xx", Value::Null).await;
        well_formed(&answer);
        let list = answer.json();
        assert_eq!(
            (answer.status, list["total"].as_i64(), list["data"].as_array().map(Vec::len)),
            (200, Some(0), Some(0)),
            "{list}"
        );
        for path in [
            "?range=9d",
            "?status=nope",
            "?range=7d&from=2027-01-01",
            "?cursor=x&current_page=1",
            "?page_size=100&current_page=10",
        ] {
            let answer = program.api("GET", &format!("/v1/logs{path}"), Value::Null).await;
            assert_eq!((answer.status, code(&answer).as_str()), (422, "invalid"), "{path}");
        }
        let answer = program.api("GET", "/v1/logs/none", Value::Null).await;
        assert_eq!((answer.status, code(&answer).as_str()), (404, "not_found"));
        // To view is not to filter.
        let (_, secret) = made(&program, json!({ "name": "viewer", "scopes": ["logs.view"] })).await;
        let viewer = house.program(&secret);
        assert_eq!(viewer.api("GET", "/v1/logs?range=7d", Value::Null).await.status, 200);
        for filter in ["status=ok", "ai_model=gpt", "api_key_id=x", "virtual_key=x"] {
            let denied = viewer.api("GET", &format!("/v1/logs?{filter}"), Value::Null).await;
            assert_eq!((denied.status, code(&denied).as_str()), (403, "permission_denied"), "{filter}");
            assert_eq!(denied.json()["error"]["permission"], "logs.filter");
        }
    })
    .await;
}
