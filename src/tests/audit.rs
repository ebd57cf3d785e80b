//! The audit log: no change without its event, what an event says, and what cannot break its form.

use super::support::{Client, House, World, difference, each_engine, text};
use crate::{
    kernel::{OrganisationId, text::is_treacherous, time::HOUR},
    server::audit,
};
use serde_json::{Value, json};

const SECRET: &str = "sk-of-the-provider-7f3a91";

/// Refuses every new event, as a disk that is full would.
async fn break_log(house: &House) {
    let refuse: &[&'static str] = if house.app.db.is_postgres() {
        &[
            "CREATE FUNCTION no_events() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no events''; END'",
            "CREATE TRIGGER no_events BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION no_events()",
        ]
    } else {
        &["CREATE TRIGGER no_events BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'no events'); END"]
    };
    for statement in refuse {
        house.as_owner(statement).await.expect("a trigger");
    }
}

async fn mend_log(house: &House) {
    let mend =
        if house.app.db.is_postgres() { "DROP TRIGGER no_events ON audit_events" } else { "DROP TRIGGER no_events" };
    house.as_owner(mend).await.expect("no trigger");
}

/// Every event of a chain, oldest first, with the personal values in their places.
async fn events(house: &House, organisation: OrganisationId) -> Vec<String> {
    let mut tx = house.app.read_proven(organisation).await.expect("reads");
    let events = audit::page(&mut tx, 0, 1_000).await.expect("a page");
    events.iter().map(|event| event.read().expect("an event").text()).collect()
}

async fn last(house: &House, organisation: OrganisationId) -> Value {
    house.chain(organisation).await.1.expect("an event")
}

#[tokio::test]
async fn what_leaves_no_event_does_not_happen() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let program = house.program(&house.master_key);
        let slug = ("slug", house.slug.as_str());
        let form = async |path: &str, fields: &[(&str, &str)]| ada.form(path, fields).await;
        break_log(&house).await;
        let before = house.snapshot().await;
        let answers = [
            form("api_keys/create", &[slug, ("name", "ci")]).await,
            form("team/invite", &[slug, ("addresses", "bo@north.test"), ("role", "member")]).await,
            form("account/rename", &[("name", "Ada Lovelace")]).await,
            form("organisation/create", &[("name", "South")]).await,
            program.api("POST", "/v1/api-keys", json!({ "name": "ci" })).await,
        ];
        for answer in answers {
            let failed = answer.status >= 500 || answer.text.contains("internal");
            assert!(failed, "{} {}", answer.status, answer.text);
            assert!(!answer.text.contains("lk_p"), "{}", answer.text);
        }
        let after = house.snapshot().await;
        assert_eq!(difference(&before, &after), Vec::<&String>::new());
        mend_log(&house).await;
        assert_eq!(form("api_keys/create", &[slug, ("name", "ci")]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn an_event_says_who_did_what_from_where() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let (north, slug) = (house.organisation, ("slug", house.slug.as_str()));
        let agent = "é".repeat(300);
        let ada: Client = world.owner.clone().at("203.0.113.7").with_header("user-agent", "Firefox/130");

        let (id, secret) = world.key("ci", &[("completions", "enabled")]).await;
        let changed = [slug, ("id", &id), ("name", "deploy"), ("version", "1"), ("completions", "enabled")];
        let answer = ada.form("api_keys/update", &changed).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let event = last(house, north).await;
        let profile = ada.form("account/view", &[]).await.json();
        let own = profile["sessions"].as_array().expect("sessions").iter().find(|s| s["is_current"] == true);
        let ada_id = world.id_of("ada@north.test").await;
        assert_eq!(event["action"], "api_key.update");
        assert_eq!(event["outcome"], "done");
        assert_eq!(event["actor"], json!({ "kind": "person", "id": ada_id, "name": "Ada" }));
        assert_eq!(event["credential"], format!("session {}", text(own.expect("this session"), "id")));
        assert_eq!(event["subject"]["kind"], "api_key");
        assert_eq!(event["subject"]["id"], id);
        let changes = event["changes"].as_array().expect("changes");
        assert!(changes.contains(&json!({ "field": "name", "was": "ci", "now": "deploy" })), "{event}");
        assert_eq!((&event["address"], &event["user_agent"]), (&json!("203.0.113.7"), &json!("Firefox/130")));
        assert!(event["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{event}");

        // What a key does is the key's, not its maker's.
        let program = house.program(&house.master_key);
        let made = program.api("POST", "/v1/api-keys", json!({ "name": "by a key" })).await;
        assert!(made.status < 300, "{}", made.text);
        let event = last(house, north).await;
        let keys = program.api("GET", "/v1/api-keys", Value::Null).await.json();
        let keys = keys["data"].as_array().expect("keys").clone();
        let master = keys.iter().find(|key| key["name"] == "Master key").expect("the master key");
        let master = text(master, "id");
        assert_eq!(event["actor"], json!({ "kind": "api_key", "id": master, "name": "Master key" }));
        assert_eq!(event["credential"], format!("key {master}"));

        // A refusal has its reason, and the id under which its caller can ask.
        let denied = world.member.form("api_keys/create", &[slug, ("name", "ci")]).await;
        let event = last(house, north).await;
        assert_eq!((&event["outcome"], &event["reason"]), (&json!("refused"), &json!("permission_denied")));
        assert_eq!(event["request_id"], denied.json()["request_id"]);
        let guesser = house.nobody().at("198.51.100.9").with_header("user-agent", &agent);
        guesser.form("account/sign_in", &[("email", "ada@north.test"), ("password", "guessed")]).await;
        let event = last(house, OrganisationId::INSTALLATION).await;
        assert_eq!(event["actor"], json!({ "kind": "nobody", "id": "", "name": "" }));
        assert_eq!((&event["action"], &event["reason"]), (&json!("account.sign_in"), &json!("wrong_credentials")));

        // Secrets stand in no event.
        let fields = [
            slug,
            ("name", "Main"),
            ("key_slug", "main"),
            ("provider", "openai"),
            ("base_url", "https://api.openai.com/v1"),
            ("credential", SECRET),
        ];
        assert_eq!(ada.form("virtual_keys/create", &fields).await.status, 200);
        let all = [events(house, north).await, events(house, OrganisationId::INSTALLATION).await].concat().join("\n");
        assert!(all.contains("\"field\":\"credential\"") && all.contains("deploy"));
        for hidden in [SECRET, &secret[8..], &house.master_key[8..], super::support::PASSWORD, "guessed"] {
            assert!(!all.contains(hidden), "{hidden} is in an event");
        }
    })
    .await;
}

/// One line of plain text each, whatever a caller sends: that is how events are exported and read in a terminal.
#[tokio::test]
async fn nothing_typed_breaks_an_events_form() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let slug = ("slug", house.slug.as_str());
        for nasty in [
            "<script>alert(1)</script>",
            "=HYPERLINK(\"http://evil.example\")",
            "\"}\\u000a{\"outcome\":\"done",
            "a\r\nb\tc",
            "\u{1b}[31mred\u{1b}[0m",
            "nul\0",
            "\u{202e}desrever\u{2066}",
            "line\u{2028}paragraph\u{2029}end",
        ] {
            let before = house.chain(OrganisationId::INSTALLATION).await.0;
            let north = house.chain(house.organisation).await.0;
            ada.form("account/ask_reset", &[("email", nasty)]).await;
            ada.form("account/end_session", &[("id", nasty)]).await;
            ada.form("account/sign_in", &[("email", nasty), ("password", "guessed")]).await;
            ada.form("api_keys/create", &[slug, ("name", nasty)]).await;
            assert_eq!(house.chain(OrganisationId::INSTALLATION).await.0, before + 3, "{nasty:?}");
            assert_eq!(house.chain(house.organisation).await.0, north + 1, "{nasty:?}");
            for (path, field) in [("api_keys/list", "filter[q]"), ("team/list", "q"), ("logs/get", "id")] {
                let answer = ada.form(path, &[slug, (field, nasty)]).await;
                assert!(answer.status < 500, "{path} with {nasty:?}: {}", answer.text);
            }
            let own = events(&house, OrganisationId::INSTALLATION).await;
            let asked: Value = serde_json::from_str(&own[own.len() - 3]).expect("JSON");
            assert_eq!(asked["subject"]["name"], nasty, "what was typed can be read back");
        }
        for organisation in [OrganisationId::INSTALLATION, house.organisation] {
            for body in events(&house, organisation).await {
                assert!(!body.chars().any(is_treacherous), "{body:?}");
                let event: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
                assert_eq!(event["v"], 3);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_times_of_events_never_run_backwards() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        for step in [0, -HOUR, -HOUR, 3 * HOUR, -HOUR] {
            house.app.clock.advance(step);
            assert_eq!(ada.form("account/rename", &[("name", &format!("Ada {step}"))]).await.status, 200);
            assert_eq!(ada.form("account/rename", &[("name", "Ada")]).await.status, 200);
        }
        let bodies = events(&house, OrganisationId::INSTALLATION).await;
        let times: Vec<String> =
            bodies.iter().map(|body| text(&serde_json::from_str::<Value>(body).expect("JSON"), "at")).collect();
        assert!(times.is_sorted(), "{times:#?}");
        assert!(times.first() < times.last(), "the clock went on in between");
    })
    .await;
}
