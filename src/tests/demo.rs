//! The demonstration.

use super::support::each_engine;
use crate::{
    commands::{DEMONSTRATION_PASSWORD, fill_demonstration},
    kernel::Timestamp,
};
use serde_json::Value;

const DOLLAR: i64 = 100_000_000;

#[tokio::test]
async fn its_budgets_are_used_by_what_its_calls_cost() {
    each_engine(async |house| {
        let slug = fill_demonstration(&house.app, None, None).await.expect("it is filled");
        let mut ada = house.nobody();
        let fields = [("email", "ada@northwind.test"), ("password", DEMONSTRATION_PASSWORD)];
        let answer = ada.form("account/sign_in", &fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        ada.keep_cookie(&answer);
        let page = ada.form("limits/list", &[("slug", slug.as_str())]).await.json();
        let budget = |scope: &str| -> Value {
            let limits = page["limits"].as_array().expect("limits");
            let is_it = |one: &&Value| one["standing"]["limit"]["on"]["scope"] == scope;
            limits.iter().find(is_it).unwrap_or_else(|| panic!("{scope}: {page}"))["standing"].clone()
        };
        for scope in ["organisation", "api_key"] {
            let budget = budget(scope);
            let number =
                |at: &str| budget.pointer(at).and_then(Value::as_i64).unwrap_or_else(|| panic!("{at}: {budget}"));
            let used = number("/used");
            let id = budget["limit"]["on"]["id"].as_str().expect("an id");
            let from = Timestamp(number("/period/start")).iso_date();
            let to = house.app.clock.now().iso_date();
            let mut fields = vec![
                ("slug", slug.as_str()),
                ("query[range]", "custom"),
                ("query[from]", from.as_str()),
                ("query[to]", to.as_str()),
            ];
            fields.extend((scope == "api_key").then_some(("query[key]", id)));
            let figures = ada.form("analytics/view", &fields).await.json();
            assert_eq!(used, figures["totals"]["cost"].as_i64().unwrap_or(0), "{scope}");
            assert!(used < number("/amount"), "{scope}: calls go on");
            // On the first day of a month little is used yet.
            if scope == "api_key" && used >= 2 * DOLLAR {
                assert!(used >= number("/limit/is/alert_at"), "people are told: {budget}");
            }
        }
    })
    .await;
}
