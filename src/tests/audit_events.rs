//! What events say of how somebody has proven who they are, and by what; and that they keep to the schemas of their actions.

use super::{
    audit_room::{expect_schema, page},
    support::{Client, House, PASSWORD, World, done, each_engine, text},
};
use crate::{
    kernel::{OrganisationId, time::MINUTE},
    server::{
        access::{Access, installation},
        audit,
    },
};
use serde_json::{Value, json};

const INSTALLATION: OrganisationId = OrganisationId::INSTALLATION;
const NEW: &str = "another long test password";

async fn last(house: &House, chain: OrganisationId) -> Value {
    house.chain(chain).await.1.expect("an event")
}

/// What an event says of who acted: how they were signed in, by which session or secret, and its name.
fn used(event: &Value) -> (Value, Value, String) {
    assert_eq!(event["v"], 3, "{event}");
    (event["signed_in_by"].clone(), event["credential_id"].clone(), text(event, "credential"))
}

/// The session that began with an event.
fn begun(event: &Value) -> String {
    let changes = event["changes"].as_array().expect("changes");
    let session = changes.iter().find(|change| change["field"] == "session");
    text(session.unwrap_or_else(|| panic!("no session begins: {event}")), "now")
}

/// By this, in this session.
fn in_session(by: &str, session: &str) -> (Value, Value, String) {
    (by.into(), session.into(), format!("session {session}"))
}

/// Sent before there is a session.
fn without(by: &str) -> (Value, Value, String) {
    (by.into(), Value::Null, String::new())
}

async fn rename(client: &Client, name: &str) {
    done(client, "account/rename", &[("name", name)]).await;
}

#[tokio::test]
async fn an_event_says_how_its_person_has_proven_who_they_are() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let slug = ("slug", house.slug.as_str());
        let own = async || last(house, INSTALLATION).await;
        let ada = [("email", "ada@north.test"), ("password", PASSWORD)];

        // Nobody yet, and then by the password.
        house.nobody().form("account/sign_in", &[ada[0], ("password", "guessed")]).await;
        assert_eq!(used(&own().await), (Value::Null, Value::Null, String::new()));
        let mut owner = house.nobody();
        let signed_in = owner.form("account/sign_in", &ada).await;
        owner.keep_cookie(&signed_in);
        let event = own().await;
        assert_eq!(used(&event), without("password"));
        let session = begun(&event);
        rename(&owner, "Ada L.").await;
        assert_eq!(used(&own().await), in_session("password", &session));

        // By the password once more, as long as that is believed.
        let confirmed = owner.form("account/confirm_password", &[("current_password", PASSWORD)]).await;
        let event = own().await;
        assert_eq!(used(&event), in_session("password_again", &session));
        owner.keep_cookie(&confirmed);
        let session = begun(&event);
        rename(&owner, "Ada").await;
        assert_eq!(used(&own().await), in_session("password_again", &session));
        house.app.clock.advance(15 * MINUTE + 1);
        rename(&owner, "Ada L.").await;
        assert_eq!(used(&own().await), in_session("password", &session));

        // By an invitation: in its event, and in the session that begins with it.
        let (_, token) = world.invitation("di@north.test", "member").await;
        let mut di = house.nobody();
        let joined = di.form("invitation/join", &[("token", &token), ("name", "Di"), ("password", PASSWORD)]).await;
        di.keep_cookie(&joined);
        let event = last(house, house.organisation).await;
        assert_eq!((text(&event, "action").as_str(), used(&event)), ("invitation.join", without("invitation")));
        let session = begun(&event);
        rename(&di, "Di D.").await;
        assert_eq!(used(&own().await), in_session("invitation", &session));
        let changed = [("current_password", PASSWORD), ("new_password", NEW)];
        done(&di, "account/change_password", &changed).await;
        let event = own().await;
        assert_eq!(used(&event), in_session("password_again", &session));
        assert_ne!(begun(&event), session);

        // By a link for a new password, with which no session begins.
        let id = world.id_of("di@north.test").await;
        let owner = house.person("ada@north.test").await;
        let made = owner.form("team/make_reset_link", &[slug, ("id", &id)]).await.json();
        let link = text(&made, "link");
        let token = link.split_once("token=").expect("a token").1;
        done(&house.nobody(), "account/reset_password", &[("token", token), ("new_password", PASSWORD)]).await;
        let event = own().await;
        assert_eq!(used(&event), without("reset_link"));
        assert_eq!(text(&event["actor"], "id"), id);

        // What several have done together is nobody's.
        for _ in 0..30 {
            world.member.form("api_keys/create", &[slug, ("name", "x")]).await;
        }
        Access::record_floods(&house.app).await;
        let event = last(house, house.organisation).await;
        assert!(event["count"].as_u64() > Some(1), "{event}");
        assert_eq!(used(&event), (Value::Null, Value::Null, String::new()));
        expect_schema(house, &[house.organisation, world.south_id, INSTALLATION]).await;
    })
    .await;
}

#[tokio::test]
async fn the_first_owner_is_signed_in_by_the_setup_secret_and_commands_by_themselves() {
    each_engine(async |mut house| {
        let secret = installation::setup_secret(&house.app).await.expect("a secret").expect("nobody is there yet");
        let mut ada = house.nobody();
        let fields = [
            ("secret", secret.as_str()),
            ("email", "ada@north.test"),
            ("name", "Ada"),
            ("organisation", "North"),
            ("password", PASSWORD),
        ];
        let made = ada.form("account/setup", &fields).await;
        assert_eq!(made.status, 200, "{}", made.text);
        ada.keep_cookie(&made);
        house.slug = text(&made.json(), "slug");
        let keys =
            house.program(&text(&made.json(), "master_key")).api("GET", "/v1/api-keys", Value::Null).await.json();
        house.organisation = text(&keys["data"][0], "organisation_id").parse().expect("an id");
        let event = last(&house, house.organisation).await;
        assert_eq!((text(&event, "action").as_str(), used(&event)), ("account.setup", without("setup")));
        assert!(!event.to_string().contains(secret.as_str()));
        let session = begun(&event);
        done(&ada, "api_keys/create", &[("slug", &house.slug), ("name", "ci")]).await;
        assert_eq!(used(&last(&house, house.organisation).await), in_session("setup", &session));
        // The end of the new chain is recorded by the program itself.
        let first = {
            let mut tx = house.app.read_proven(INSTALLATION).await.expect("reads");
            audit::page(&mut tx, 0, 1).await.expect("a page").remove(0)
        };
        let event: Value = serde_json::from_str(&first.body).expect("JSON");
        assert_eq!((text(&event, "action").as_str(), used(&event)), ("audit.heads", without("system")));
        expect_schema(&house, &[house.organisation, INSTALLATION]).await;
    })
    .await;
    each_engine(async |house| {
        let house = house.founded().await;
        let event = last(&house, house.organisation).await;
        assert_eq!(used(&event), ("command".into(), Value::Null, "command".into()));
        // What jobs do is not done by whoever runs a command.
        house.closed_month().await;
        let event = last(&house, house.organisation).await;
        assert_eq!(text(&event, "action"), "billing.close");
        assert_eq!(used(&event), ("system".into(), Value::Null, "command".into()));
        expect_schema(&house, &[house.organisation, INSTALLATION]).await;
    })
    .await;
}

#[tokio::test]
async fn an_event_names_the_secret_of_the_key_that_was_used() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let slug = house.slug.as_str();
        let (id, old) = world.key("robot", &[("configs", "write")]).await;
        let act = async |secret: &str, name: &str| {
            let config = json!({ "name": name, "config": { "retry": { "attempts": 1 } } });
            let made = house.program(secret).api("POST", "/v1/configs", config).await;
            (made.status, last(house, house.organisation).await)
        };
        let secret_of = async |secret: &str, name: &str| {
            let (status, event) = act(secret, name).await;
            assert_eq!((status < 300, text(&event, "action").as_str()), (true, "config.create"), "{event}");
            let (by, used, credential) = used(&event);
            assert_eq!((by, credential), ("api_key".into(), format!("key {id}")));
            text(&json!({ "id": used }), "id")
        };
        let first = secret_of(&old, "one").await;
        assert_eq!(secret_of(&old, "two").await, first, "the same secret");
        assert_ne!(first, id, "it is not the key's id");
        let rotated = world.owner.form("api_keys/rotate", &[("slug", slug), ("id", &id), ("overlap", "1h")]).await;
        let new = text(&rotated.json(), "secret");
        let second = secret_of(&new, "three").await;
        assert_ne!(second, first);
        assert_eq!(secret_of(&old, "four").await, first, "the old one still works");
        done(&world.owner, "api_keys/end_overlap", &[("slug", slug), ("id", &id)]).await;
        let (status, event) = act(&old, "five").await;
        assert_eq!((status, text(&event, "outcome").as_str()), (401, "refused"), "{event}");
        assert_eq!(used(&event), ("api_key".into(), first.as_str().into(), format!("key {id}")));
        assert_eq!(text(&event["actor"], "id"), id);

        // What was done with one secret is found by it, and the pages say so.
        let with = async |secret: &str| {
            let found = page(&world.owner, slug, &[("credential_id", secret)]).await;
            let events = found["events"].as_array().expect("events").clone();
            assert!(events.iter().all(|event| event["credential_id"] == secret && event["signed_in_by"] == "API key"));
            (events.len(), found["fitting"].clone())
        };
        assert_eq!(with(&first).await, (4, json!({ "Exactly": 4 })));
        assert_eq!(with(&second).await, (1, json!({ "Exactly": 1 })));
        assert_eq!(with(&id).await.0, 0);
        let shown = world.owner.page(&format!("/o/{slug}/audit?credential_id={first}")).await;
        assert!(shown.text.contains("· by API key") && shown.text.contains(&first), "the list says it");
        let number = house.chain(house.organisation).await.0;
        let shown = world.owner.page(&format!("/o/{slug}/audit/{number}")).await;
        assert!(shown.text.contains("Signed in by") && shown.text.contains(&first), "and so does the event");
        for hidden in [&old[8..], &new[8..]] {
            assert!(!shown.text.contains(hidden) && !event.to_string().contains(hidden));
        }
        expect_schema(house, &[house.organisation]).await;
    })
    .await;
}

/// An event of an earlier version is read, shown and verified as it was written.
#[tokio::test]
async fn events_of_the_first_version_stay_as_they_are() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let ada = ada.at("203.0.113.7");
        let postgres = house.app.db.is_postgres();
        let free =
            if postgres { "ALTER TABLE audit_events DISABLE TRIGGER USER" } else { "DROP TRIGGER audit_events_keep" };
        house.as_owner(free).await.expect("no trigger");
        done(&ada, "api_keys/create", &[("slug", &house.slug), ("name", "ci")]).await;
        let chain = house.organisation;
        let (seq, _) = house.chain(chain).await;
        let stored = {
            let mut tx = house.app.read_proven(chain).await.expect("reads");
            audit::page(&mut tx, seq - 1, 1).await.expect("a page").remove(0)
        };
        let body = older(&stored);
        let hash = audit::chain::hash(chain, seq, &stored.previous.try_into().expect("a hash"), body.as_bytes());
        let hash = crate::server::database::hex(&hash);
        let hash = if postgres { format!("'\\x{hash}'") } else { format!("x'{hash}'") };
        let body = body.replace('\'', "''");
        // Nothing stands beside the newer members and values, as the migrations leave it.
        let org = if postgres { format!("'{chain}'") } else { format!("x'{}'", chain.0.simple()) };
        for change in [
            format!("UPDATE audit_events SET body = '{body}', hash = {hash}, credential_id = '' WHERE org_id = {org} AND seq = {seq}"),
            format!("UPDATE audit_heads SET hash = {hash} WHERE org_id = {org}"),
            format!("DELETE FROM audit_personal WHERE org_id = {org} AND seq = {seq}"),
        ] {
            house.as_owner_composed(&change).await.expect("as it was");
        }
        done(&ada, "api_keys/create", &[("slug", &house.slug), ("name", "other")]).await;
        let mut tx = house.app.read_proven(chain).await.expect("reads");
        let (verdict, _) = audit::verify::verify(&mut tx, vec![]).await.expect("verifies");
        assert!(matches!(verdict, audit::verify::Verdict::Whole { events, .. } if events == seq + 1), "{verdict:?}");
        drop(tx);
        let event = ada.form("audit/get", &[("slug", &house.slug), ("number", &seq.to_string())]).await.json();
        assert_eq!((&event["fits"], &event["told"]["signed_in_by"]), (&true.into(), &"".into()), "{event}");
        let session = text(&event, "credential");
        let numbers = |found: &Value| -> Vec<i64> {
            let events = found["events"].as_array().expect("events").iter();
            events.map(|event| event["seq"].as_i64().expect("a number")).collect()
        };
        let found = page(&ada, &house.slug, &[("credential", &session)]).await;
        assert_eq!(numbers(&found), [seq + 1, seq], "events of both versions are found: {found}");
        // By their address newer ones are found by an index, and older ones are looked through behind them.
        let address = text(&event["told"], "address");
        let newer = page(&ada, &house.slug, &[("address", &address)]).await;
        assert_eq!((numbers(&newer), &newer["next"]), (vec![seq + 1], &json!(seq + 1)), "{newer}");
        let next = (seq + 1).to_string();
        let older = page(&ada, &house.slug, &[("address", &address), ("after", &next)]).await;
        assert_eq!(numbers(&older), [seq], "{older}");
        assert_eq!((&older["fitting"], &older["next"]), (&json!("NotCounted"), &Value::Null), "{older}");
        let back = page(&ada, &house.slug, &[("address", &address), ("before", &seq.to_string())]).await;
        assert_eq!(numbers(&back), [seq + 1], "{back}");
        expect_schema(&house, &[chain]).await;
    })
    .await;
}

/// The same event as the first version wrote it.
fn older(event: &audit::Stored) -> String {
    let written = event.read().expect("an event");
    audit::event::Written { v: 1, signed_in_by: None, credential_id: None, ..written }.text()
}
