//! Billing on both databases: who sees it, that statements are what the log has counted, to the micro-cent, and that they
//! never change.

use super::support::{Answer, Client, House, World, done, each_engine};
use crate::{
    dialect::usage::Usage,
    features::billing::{close, month::Month},
    gateway::{
        facts::{CallEnd, CallFacts, EndedBy, Endpoint, Record},
        record::Sink,
        storage::call_log,
    },
    kernel::{
        CallId, KeyId, SecretId, Timestamp, VirtualKeyId,
        provider::Provider,
        time::{DAY, HOUR},
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

/// A call as it is made up.
#[derive(Clone, Copy)]
struct Made {
    at: Timestamp,
    provider: Option<Provider>,
    model: &'static str,
    key: u128,
    virtual_key: u128,
    input: u64,
    output: u64,
    /// Micro-cents.
    cost: Option<i64>,
}

impl Made {
    fn record(&self, house: &House) -> Record {
        let call = CallFacts {
            id: CallId(Uuid::now_v7()),
            organisation: house.organisation,
            key: KeyId::numbered(self.key),
            secret: SecretId::numbered(0),
            person: None,
            virtual_key: self.provider.map(|_| VirtualKeyId::numbered(self.virtual_key)),
            provider: self.provider,
            endpoint: Endpoint::ChatCompletions,
            model: self.model.into(),
            streamed: false,
            trace: "trace".into(),
            metadata: None,
            config: None,
            prompt: None,
            keeps: None,
            prices: None,
            started_at: self.at,
        };
        let usage = Usage {
            input_tokens: self.input,
            output_tokens: self.output,
            cached_input_tokens: self.input / 2,
            ..Usage::default()
        };
        let end = CallEnd {
            status: if self.provider.is_some() { 200 } else { 403 },
            upstream_status: None,
            upstream_id: None,
            error: None,
            sent: self.provider.is_some(),
            ended_by: EndedBy::Answer,
            latency_us: 1_000,
            first_byte_us: None,
            usage: self.provider.map(|_| usage),
            cost: self.cost,
            saved: None,
            count: 1,
            went: None,
            tried: vec![],
            spent: vec![],
        };
        Record { call: Arc::new(call), outcome: Some(end), texts: None }
    }
}

async fn write(house: &House, calls: &[Made]) {
    let records: Vec<Record> = calls.iter().map(|call| call.record(house)).collect();
    assert!(call_log(&house.app).write(&records).await.is_ok());
}

/// Calls of a month, in odd amounts.
fn calls_of(month: Month) -> Vec<Made> {
    let models = [
        (Some(Provider::OpenAi), "gpt-4o"),
        (Some(Provider::OpenAi), "gpt-4o-mini"),
        (Some(Provider::Anthropic), "claude-sonnet-4-5"),
        (Some(Provider::Ollama), "own"),
        (None, "gpt-4o"),
    ];
    let length = month.end().0 - month.start().0;
    (0..60_u32)
        .map(|number| {
            let (provider, model) = models[number as usize % models.len()];
            let cost = match provider {
                None | Some(Provider::Ollama) => None,
                Some(_) => Some(i64::from(number) * 7_919_333 + 1),
            };
            Made {
                // The first and the last millisecond of the month are among them.
                at: month.start().plus((length - 1) * i64::from(number) / 59),
                provider,
                model,
                key: u128::from(number % 3 + 1),
                virtual_key: u128::from(number % 2 + 1),
                input: u64::from(number) * 13 + 1,
                output: u64::from(number) * 5,
                cost,
            }
        })
        .collect()
}

async fn ask(client: &Client, house: &House, path: &str, fields: &[(&str, &str)]) -> Answer {
    let all: Vec<_> = [("slug", house.slug.as_str())].into_iter().chain(fields.iter().copied()).collect();
    client.form(path, &all).await
}

async fn view(client: &Client, house: &House, query: &[(&str, &str)]) -> Value {
    let answer = ask(client, house, "billing/view", query).await;
    assert_eq!(answer.status, 200, "{query:?}: {}", answer.text);
    answer.json()
}

async fn statement(client: &Client, house: &House, month: Month) -> Value {
    let answer = ask(client, house, "billing/statement", &[("month", &month.to_string())]).await;
    assert_eq!(answer.status, 200, "{month}: {}", answer.text);
    answer.json()["statement"].clone()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn sum(lines: &Value, field: &str) -> i64 {
    list(lines).iter().map(|line| line[field].as_i64().expect("a number")).sum()
}

const SETTINGS: [(&str, &str); 6] = [
    ("contact_name", "Ada Lind"),
    ("contact_email", "bills@north.test"),
    ("currency", "eur"),
    ("rate", "0.92"),
    ("markup.openai", "12.5"),
    ("markup.anthropic", "-10"),
];

async fn set(client: &Client, house: &House, version: &str, fields: &[(&str, &str)]) -> Answer {
    let all: Vec<_> = [("version", version)].into_iter().chain(fields.iter().copied()).collect();
    ask(client, house, "billing/change_settings", &all).await
}

#[tokio::test]
async fn a_statement_is_what_was_counted() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        assert_eq!(set(&ada, &house, "0", &SETTINGS).await.status, 200);
        let month = Month::last_closed(house.app.clock.now());
        // Calls of the months beside it are none of its.
        write(&house, &calls_of(month.back(1))).await;
        write(&house, &calls_of(month)).await;
        write(&house, &calls_of(month.next())[..1]).await;
        let page = view(&ada, &house, &[]).await;
        let told: Vec<_> =
            list(&page["statements"]).iter().map(|listed| (&listed["month"], &listed["number"])).collect();
        let (last, first) = (json!(month.to_string()), json!(month.back(1).to_string()));
        assert_eq!(told, [(&last, &json!(2)), (&first, &json!(1))]);

        let made = statement(&ada, &house, month).await;
        let mut expected: BTreeMap<(Option<&str>, &str), [i64; 6]> = BTreeMap::new();
        let mut keys: BTreeMap<u128, (i64, i64)> = BTreeMap::new();
        let whole = |number: u64| i64::try_from(number).expect("a number");
        for call in calls_of(month) {
            let model = if call.provider.is_some() { call.model } else { "" };
            let sums = expected.entry((call.provider.map(Provider::name), model)).or_default();
            let (input, output) = if call.provider.is_some() { (call.input, call.output) } else { (0, 0) };
            let unpriced = i64::from(call.provider.is_some() && call.cost.is_none());
            let numbers = [1, whole(input), whole(input / 2), whole(output), unpriced, call.cost.unwrap_or(0)];
            sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
            let key = keys.entry(call.key).or_default();
            *key = (key.0 + 1, key.1 + call.cost.unwrap_or(0));
        }
        assert_eq!(list(&made["lines"]).len(), expected.len(), "{made}");
        for line in list(&made["lines"]) {
            let of = (line["provider"].as_str(), line["model"].as_str().expect("a model"));
            let told = ["calls", "input_tokens", "cached_input_tokens", "output_tokens", "unpriced", "cost"]
                .map(|field| line[field].as_i64().expect("a number"));
            assert_eq!(told, expected[&of], "{of:?}");
            let markup = match of.0 {
                Some("openai") => 1_250,
                Some("anthropic") => -1_000,
                _ => 0,
            };
            assert_eq!(line["markup"], markup, "{of:?}");
            let exact = i128::from(told[5]) * i128::from(markup);
            let added = i128::from(line["added"].as_i64().expect("a number"));
            assert!((added * 10_000 - exact).abs() * 2 <= 10_000, "{of:?}: {added} for {exact}");
        }
        assert_eq!(made["corrections"], json!([]));
        let costs = list(&made["api_keys"]).iter().map(|part| (part["calls"].as_i64(), part["cost"].as_i64()));
        let mut costs: Vec<_> = costs.collect();
        costs.sort_unstable();
        let mut of_keys: Vec<_> = keys.into_values().map(|(calls, cost)| (Some(calls), Some(cost))).collect();
        of_keys.sort_unstable();
        assert_eq!(costs, of_keys);
        assert_eq!(sum(&made["virtual_keys"], "cost"), sum(&made["lines"], "cost"));
        assert_eq!(sum(&made["virtual_keys"], "calls"), 60);
        assert_eq!(made["currency"], json!({ "code": "EUR", "digits": 2, "rate": 920_000 }));
        assert_eq!((&made["contact_name"], &made["seats"]["owners"]), (&json!("Ada Lind"), &json!(1)));
        // The page of the month says the same of its calls, and what it lists is the statement's total.
        let of_month = view(&ada, &house, &[("query[month]", &month.to_string()), ("query[by]", "model")]).await;
        assert_eq!(of_month["spend"]["cost"].as_i64(), Some(sum(&made["lines"], "cost")));
        assert_eq!(of_month["spend"]["unpriced"], sum(&made["lines"], "unpriced"));
        assert_eq!(
            sum(&json!(list(&of_month["rows"]).iter().map(|row| &row["spend"]).collect::<Vec<_>>()), "calls"),
            60
        );
        let costs: i64 = list(&of_month["costs"]).iter().filter_map(Value::as_i64).sum();
        assert_eq!(costs, sum(&made["lines"], "cost"), "the days are the month");
        assert_eq!(list(&of_month["days"]).len(), usize::try_from(month.days()).expect("days"));
        assert_eq!(of_month["forecast"], Value::Null, "of the running month alone");
        let total = sum(&made["lines"], "cost") + sum(&made["lines"], "added");
        assert_eq!(
            (&page["statements"][0]["total"], &page["statements"][0]["currency"]),
            (&json!(total), &made["currency"])
        );
    })
    .await;
}

#[tokio::test]
async fn what_comes_later_is_corrected_once() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let month = Month::last_closed(house.app.clock.now());
        write(&house, &calls_of(month)).await;
        assert_eq!(set(&ada, &house, "0", &SETTINGS).await.status, 200);
        let first = statement(&ada, &house, month).await;
        // Another mark-up holds for later months alone.
        let changed = [&SETTINGS[..4], &[("markup.openai", "50")]].concat();
        assert_eq!(set(&ada, &house, "1", &changed).await.status, 200);
        let at = month.start().plus(DAY);
        let late = Made { at, cost: Some(1_000_003), ..calls_of(month)[0] };
        let new = Made { model: "came-later", cost: Some(5), ..late };
        write(&house, &[late, new, calls_of(month.next())[5]]).await;
        assert_eq!(statement(&ada, &house, month).await, first, "it stays as it was");

        let (now, closes) = (house.app.clock.now(), month.next().closes_at());
        house.app.clock.advance(closes.0 - now.0 - HOUR);
        let ada = house.person("ada@north.test").await;
        let early = ask(&ada, &house, "billing/statement", &[("month", &month.next().to_string())]).await;
        assert_eq!(early.status, 404, "it is open until the fourth");
        house.app.clock.advance(2 * HOUR);
        let second = statement(&ada, &house, month.next()).await;
        let told: Vec<_> = list(&second["corrections"])
            .iter()
            .map(|of| {
                (
                    of["month"].clone(),
                    of["line"]["model"].clone(),
                    of["line"]["calls"].clone(),
                    of["line"]["cost"].clone(),
                )
            })
            .collect();
        let of = json!(month.to_string());
        let expected =
            [(of.clone(), json!("gpt-4o"), json!(1), json!(1_000_003)), (of, json!("came-later"), json!(1), json!(5))];
        assert_eq!(told, expected);
        assert_eq!(second["corrections"][0]["line"]["markup"], 1_250, "the one of its month");
        assert_eq!((&second["number"], &second["lines"][0]["markup"]), (&json!(2), &json!(5_000)));
        // All that was ever billed of the model is raised by what its whole cost is.
        let line = list(&first["lines"])
            .iter()
            .find(|line| line["provider"] == "openai" && line["model"] == "gpt-4o")
            .expect("a line");
        let number = |value: &Value| value.as_i64().expect("a number");
        let (cost, added) = (
            number(&line["cost"]) + 1_000_003,
            number(&line["added"]) + number(&second["corrections"][0]["line"]["added"]),
        );
        assert!((i128::from(added) * 10_000 - i128::from(cost) * 1_250).abs() * 2 <= 10_000);

        house.app.clock.advance(month.next().next().closes_at().0 - closes.0);
        let ada = house.person("ada@north.test").await;
        let third = statement(&ada, &house, month.next().next()).await;
        assert_eq!(
            (&third["corrections"], &third["lines"]),
            (&json!([]), &json!([])),
            "billed once, and an empty month"
        );
        // What the log deletes for its age is not taken back.
        house.as_owner("DELETE FROM call_rollups").await.expect("deleted");
        let fourth = month.next().next().next();
        house.app.clock.advance(fourth.closes_at().0 - month.next().next().closes_at().0);
        let ada = house.person("ada@north.test").await;
        assert_eq!(statement(&ada, &house, fourth).await["corrections"], json!([]));
        assert_eq!(statement(&ada, &house, month).await, first);
    })
    .await;
}

#[tokio::test]
async fn a_month_has_one_statement_which_never_changes() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let month = Month::last_closed(house.app.clock.now());
        let nothing = view(&ada, &house, &[]).await;
        assert_eq!(nothing["statements"], json!([]), "without a call there is nothing to state");
        write(&house, &calls_of(month.back(2))).await;
        let another = house.another(|_| {}).await;
        let (one, two, page) = tokio::join!(
            close::due(&house.app, house.organisation),
            close::due(&another.app, house.organisation),
            view(&ada, &house, &[]),
        );
        assert!(one.is_ok() && two.is_ok());
        close::round(&house.app).await.expect("a round");
        let page = (page, view(&ada, &house, &[]).await).1;
        let numbers: Vec<_> = list(&page["statements"]).iter().map(|listed| listed["number"].as_i64()).collect();
        assert_eq!(numbers, [Some(3), Some(2), Some(1)]);
        let events = super::audit_room::events(&house).await;
        let made: Vec<_> = events.iter().filter(|(_, event)| event["action"] == "billing.close").collect();
        assert_eq!(made.len(), 3);
        assert_eq!(
            (&made[0].1["actor"]["kind"], &made[0].1["subject"]["kind"]),
            (&json!("system"), &json!("statement"))
        );

        let before = statement(&ada, &house, month).await;
        let mut statements = vec!["UPDATE billing_statements SET total = 0", "DELETE FROM billing_statements"];
        if house.app.db.is_postgres() {
            statements.push("TRUNCATE billing_statements");
        }
        for text in statements {
            let refused = house.as_owner(text).await.expect_err("the trigger refuses").to_string();
            assert!(refused.contains("billing statements cannot be"), "{text}: {refused}");
        }
        assert_eq!(statement(&ada, &house, month).await, before);
        for bad in ["2026-13", "x", "", "1999-01"] {
            assert_eq!(ask(&ada, &house, "billing/statement", &[("month", bad)]).await.status, 404, "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn billing_is_the_owners_alone() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, slug) = (&world.house, &world.house.slug);
        let month = house.closed_month().await;
        let pages = [
            format!("/o/{slug}/billing"),
            format!("/o/{slug}/billing/settings"),
            format!("/o/{slug}/billing/statements/{month}"),
        ];
        let paths = ["view", "settings", "change_settings", "statement", "statement_file"]
            .map(|path| format!("billing/{path}"));
        let here = format!("href=\"/o/{slug}/billing\"");
        for page in &pages {
            let shown = world.owner.page(page).await;
            assert_eq!(shown.status, 200, "{page}");
            assert!(shown.text.contains(&here), "{page} is in the navigation");
        }
        let program = house.program(&house.master_key);
        for (who, client) in [("Admin", &world.admin), ("Member", &world.member)] {
            let home = client.page(&format!("/o/{slug}")).await;
            assert!(home.status == 200 && !home.text.contains(&here), "not in the navigation of {who}");
            for page in &pages {
                let refused = client.page(page).await;
                assert_eq!(refused.status, 403, "{page} for {who}");
                assert!(
                    !refused.text.contains("Download as CSV") && !refused.text.contains("contact_email"),
                    "{page} for {who}"
                );
            }
            for path in &paths {
                let fields = [&SETTINGS[..], &[("version", "0"), ("month", &month)]].concat();
                let refused = ask(client, house, path, &fields).await;
                assert_eq!((refused.status, refused.code().as_str()), (403, "permission_denied"), "{path} for {who}");
                assert_eq!(refused.json()["missing"]["permission"], "billing.manage");
            }
        }
        for path in &paths {
            let refused = ask(&program, house, path, &[("version", "0"), ("month", &month)]).await;
            assert_eq!(refused.status, 401, "{path} with the master key");
        }
        for path in ["/v1/billing", "/v1/billing/statements", "/v1/statements"] {
            assert_eq!(program.api("GET", path, Value::Null).await.status, 404, "{path}");
        }
        // Nor does a stranger see of North what is North's.
        assert_eq!(ask(&world.stranger, house, "billing/view", &[]).await.status, 404);
        let south = world.stranger.form("billing/view", &[("slug", &world.south)]).await;
        assert_eq!((south.status, &south.json()["statements"]), (200, &json!([])));
        assert_eq!(ask(&world.owner, house, "billing/settings", &[]).await.json()["version"], 0, "nothing was set");
    })
    .await;
}

#[tokio::test]
async fn settings_are_read_exactly_and_never_overwritten_unseen() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let bad = [
            ("contact_email", "nobody"),
            ("currency", "EURO"),
            ("rate", "0"),
            ("markup.openai", "1000.01"),
            ("markup.azure-openai", "a lot"),
        ];
        let before = house.snapshot().await;
        let refused = set(&ada, &house, "0", &bad).await;
        let fields: Vec<_> = list(&refused.json()["fields"]).iter().map(|field| field["field"].clone()).collect();
        assert_eq!(refused.status, 422);
        assert_eq!(fields, bad.map(|(field, _)| json!(field)));
        let dollars = set(&ada, &house, "0", &[("currency", "USD"), ("rate", "2")]).await;
        assert_eq!((dollars.status, dollars.json()["fields"][0]["field"].clone()), (422, json!("rate")));
        assert_eq!(house.snapshot().await, before);

        assert_eq!(set(&ada, &house, "0", &SETTINGS).await.status, 200);
        let stale = set(&ada, &house, "0", &[("currency", "CHF")]).await;
        assert_eq!((stale.status, stale.code().as_str()), (409, "stale_version"));
        let stored = ask(&ada, &house, "billing/settings", &[]).await.json();
        assert_eq!((&stored["currency"]["code"], &stored["version"]), (&json!("EUR"), &json!(1)));
        let markups =
            json!([{ "provider": "anthropic", "percent": -1_000 }, { "provider": "openai", "percent": 1_250 }]);
        assert_eq!(stored["markups"], markups);
        let (_, last) = house.chain(house.organisation).await;
        // The late save has left the last event; the one before it tells what was set.
        assert_eq!(last.expect("an event")["outcome"], "failed");
        let events = super::audit_room::events(&house).await;
        let told = events.iter().rfind(|(_, event)| event["outcome"] == "done").expect("an event").1["changes"].clone();
        let currency = json!({ "field": "billing_currency", "was": "USD", "now": "EUR" });
        assert!(list(&told).contains(&currency), "{told}");
        let markups = json!({ "field": "markups", "was": {}, "now": { "anthropic": "-10", "openai": "12.5" } });
        assert!(list(&told).contains(&markups), "{told}");
        assert_eq!(set(&ada, &house, "1", &[]).await.status, 200, "all taken back");
        let stored = ask(&ada, &house, "billing/settings", &[]).await.json();
        assert_eq!((&stored["currency"]["code"], &stored["markups"]), (&json!("USD"), &json!([])));
    })
    .await;
}

#[tokio::test]
async fn a_forecast_says_what_it_goes_by() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let today = Timestamp(house.app.clock.now().0.div_euclid(DAY) * DAY);
        let call = |at: Timestamp, cost: i64| Made { at, cost: Some(cost), ..calls_of(Month::of(at))[0] };
        write(&house, &[call(today, 7_000)]).await;
        assert_eq!(view(&ada, &house, &[]).await["forecast"], Value::Null, "no day is over");
        write(&house, &[call(today.plus(-2 * DAY), 1_000_000), call(today.plus(-1), 3_000_000)]).await;
        let page = view(&ada, &house, &[]).await;
        let forecast = &page["forecast"];
        assert_eq!((&forecast["days"], &forecast["sum"]), (&json!(2), &json!(4_000_000)));
        let number = |value: &Value| value.as_i64().expect("a number");
        let more = i128::from(number(&forecast["left"])) * 4_000_000 / (2 * i128::from(DAY));
        assert_eq!(i128::from(number(&forecast["cost"])), i128::from(number(&page["spend"]["cost"])) + more);
        let shown = ada.page(&format!("/o/{}/billing", house.slug)).await;
        assert!(shown.text.contains("the mean of the 2 full days that there are to go by"), "{}", shown.text);
        write(&house, &[call(today.plus(-40 * DAY), 1)]).await;
        assert_eq!(view(&ada, &house, &[]).await["forecast"]["days"], 7);
        for bad in ["2026-13", "next", "9998-12"] {
            let refused = ask(&ada, &house, "billing/view", &[("query[month]", bad)]).await;
            assert_eq!((refused.status, refused.code().as_str()), (422, "invalid"), "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_statement_is_read_printed_and_saved() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        assert_eq!(set(&ada, &house, "0", &SETTINGS).await.status, 200);
        let month = Month::last_closed(house.app.clock.now());
        let mut calls = calls_of(month);
        calls[0].model = "=cmd|' /C calc'!A0";
        write(&house, &calls).await;
        let path = format!("/o/{}/billing/statements/{month}", house.slug);
        let page = ada.page(&path).await;
        assert_eq!(page.status, 200);
        for part in ["bills@north.test", "EUR, at 0.92 for a dollar", "12.5 %", "claude-sonnet-4-5", "Download as CSV"]
        {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        let file = ask(&ada, &house, "billing/statement_file", &[("month", &month.to_string())]).await;
        assert_eq!(file.status, 200, "{}", file.text);
        assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8; header=present");
        assert!(
            file.headers["content-disposition"].to_str().expect("text").contains(&format!("statement-{month}.csv"))
        );
        assert!(file.text.contains("\"'=cmd|' /C calc'!A0\""), "{}", file.text);
        // The lines as they are shown add up to the total that is shown, and the exact ones to the exact one.
        let rows: Vec<Vec<&str>> = file.text.lines().map(|line| line.rsplitn(8, ',').collect()).collect();
        let cents = |text: &str| text.replace('.', "").parse::<i64>().expect("a number");
        let shown = |kind: &str| -> i64 {
            let of = rows.iter().filter(|row| row.last().is_some_and(|start| start.starts_with(kind)));
            of.map(|row| cents(row[0])).sum()
        };
        assert_eq!(shown("line,"), shown("total,"));
        assert!(shown("total,") > 0);
    })
    .await;
}

#[tokio::test]
async fn budgets_of_the_organisation_stand_on_the_page_with_when_people_are_told() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let page = async || ada.page(&format!("/o/{}/billing", house.slug)).await.text;
        let none = page().await;
        assert!(none.contains("None is set for all calls together"), "{none}");
        let on = format!("organisation:{}", house.organisation);
        let lead = format!("/o/{}/limits?on=organisation%3A{}", house.slug, house.organisation);
        assert!(none.contains(&lead), "{none}");
        let set = async |fields: &[(&str, &str)]| {
            let fields = [&[("slug", house.slug.as_str()), ("on", on.as_str())], fields].concat();
            done(&ada, "limits/set", &fields).await;
        };
        set(&[("amount", "500"), ("alert_at", "400")]).await;
        set(&[("measure", "tokens"), ("amount", "7000")]).await;
        set(&[("kind", "rate"), ("measure", "requests"), ("span", "hour"), ("amount", "77")]).await;
        let shown = page().await;
        for words in ["$500.00 in a month", "$400.00", "7,000 tokens in a month", "When it is used up", lead.as_str()] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert!(!shown.contains("77 requests"), "a rate is no budget: {shown}");
    })
    .await;
}
