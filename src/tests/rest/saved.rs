//! What people have set and saved beside the log, as programs read it: prices and filters.

use super::{code, founded, made, well_formed};
use crate::tests::support::{done, each_engine};
use serde_json::{Value, json};

#[tokio::test]
async fn prices_are_read_by_keys_and_set_by_people_alone() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let owner = house.person("ada@north.test").await;
        let slug = house.slug.as_str();
        for (provider, model, input, output) in
            [("openai", "gpt-4o", "2.5", "10"), ("azure", "Ours.1", "0.00000001", "0")]
        {
            let fields =
                [("slug", slug), ("provider", provider), ("model", model), ("input", input), ("output", output)];
            done(&owner, "prices/set", &fields).await;
        }
        let list = program.api("GET", "/v1/prices", Value::Null).await;
        well_formed(&list);
        let list = list.json();
        assert_eq!((list["object"].as_str(), list["total"].as_i64()), (Some("list"), Some(2)), "{list}");
        let first = &list["data"][0];
        let told =
            ["object", "provider", "model", "input", "cached_input", "output", "currency"].map(|name| &first[name]);
        assert_eq!(told, ["price", "azure-openai", "Ours.1", "0.00000001", "0.00000001", "0.00", "USD"]);
        let path = format!("/v1/prices/{}", first["id"].as_str().expect("an id"));
        let one = program.api("GET", &path, Value::Null).await;
        well_formed(&one);
        assert_eq!(&one.json(), first);
        for nothing in ["/v1/prices/none", "/v1/prices/00000000-0000-0000-0000-000000000007"] {
            let answer = program.api("GET", nothing, Value::Null).await;
            assert_eq!((answer.status, code(&answer).as_str()), (404, "not_found"));
        }
        let other = owner.form("organisation/create", &[("name", "South")]).await.json();
        let foreign = house.program(other["master_key"].as_str().expect("a key"));
        assert_eq!(foreign.api("GET", &path, Value::Null).await.status, 404);
        assert_eq!(foreign.api("GET", "/v1/prices", Value::Null).await.json()["total"], 0);
        // No key can hold what it takes to set one.
        let body = json!({ "provider": "openai", "model": "gpt-4o", "input": "1", "output": "1" });
        for (method, path) in [("POST", "/v1/prices"), ("DELETE", &*path), ("PUT", &*path)] {
            let refused = program.api(method, path, body.clone()).await;
            assert_eq!((refused.status, code(&refused).as_str()), (405, "method_not_allowed"), "{method}");
        }
        assert_eq!(program.api("GET", "/v1/prices", Value::Null).await.json(), list);
        let (_, secret) = made(&program, json!({ "name": "calls", "scopes": ["models.call"] })).await;
        let refused = house.program(&secret).api("GET", "/v1/prices", Value::Null).await;
        assert_eq!((refused.status, code(&refused).as_str()), (403, "permission_denied"));
    })
    .await;
}

#[tokio::test]
async fn keys_see_the_filters_that_everybody_does() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let owner = house.person("ada@north.test").await;
        let own = [("slug", house.slug.as_str()), ("name", "Mine"), ("filter", "status=ok")];
        done(&owner, "logs/save_filter", &own).await;
        let ours =
            [("slug", house.slug.as_str()), ("name", "Ours"), ("filter", "status=4xx&model=a b"), ("shared", "true")];
        done(&owner, "logs/save_filter", &ours).await;
        let list = program.api("GET", "/v1/logs/filters", Value::Null).await;
        well_formed(&list);
        let list = list.json();
        assert_eq!(list["total"], 1, "{list}");
        let one = &list["data"][0];
        assert_eq!((&one["object"], &one["name"]), (&json!("log-filter"), &json!("Ours")));
        assert_eq!(one["query"], "model=a+b&status=4xx");
        assert_eq!(one["filter"], json!({ "model": "a b", "status": "4xx" }));
        let other = owner.form("organisation/create", &[("name", "South")]).await.json();
        let foreign = house.program(other["master_key"].as_str().expect("a key"));
        assert_eq!(foreign.api("GET", "/v1/logs/filters", Value::Null).await.json()["total"], 0);
        let (_, secret) = made(&program, json!({ "name": "viewer", "scopes": ["logs.view"] })).await;
        let refused = house.program(&secret).api("GET", "/v1/logs/filters", Value::Null).await;
        assert_eq!((refused.status, code(&refused).as_str()), (403, "permission_denied"));
        assert_eq!(refused.json()["error"]["permission"], "logs.filter");
        assert_eq!(program.api("GET", "/v1/logs/none", Value::Null).await.status, 404, "beside it stand calls");
    })
    .await;
}
