//! Personal values of events: they come back wherever events are read, are held to their commitments, and can be erased.

use super::{
    audit_room::{ask, expect_schema, page},
    support::{Client, House, PASSWORD, World, done, each_engine, text, told},
    tampering::{id, run},
};
use crate::{
    commands::{Against, erase_person, verify_database},
    kernel::{OrganisationId, UserId},
    server::audit::{
        self, Stored,
        personal::{Personal, Place},
        verify::{Verdict, Verifier},
    },
};
use serde_json::{Value, json};

const INSTALLATION: OrganisationId = OrganisationId::INSTALLATION;

async fn stored(house: &House, chain: OrganisationId) -> Vec<Stored> {
    let mut tx = house.app.read_proven(chain).await.expect("reads");
    audit::page(&mut tx, 0, 10_000).await.expect("a page")
}

/// All that the bodies of these chains say, and all that stands beside them.
async fn all(house: &House, chains: &[OrganisationId]) -> (String, String) {
    let (mut bodies, mut beside) = (String::new(), String::new());
    for chain in chains {
        for event in stored(house, *chain).await {
            bodies.push_str(&event.body);
            event.personal.iter().for_each(|personal| beside.push_str(&personal.value));
        }
    }
    (bodies, beside)
}

async fn verified(house: &House) -> (bool, String) {
    let mut out = vec![];
    let whole = verify_database(&house.app, &Against::default(), &mut out).await.expect("it can be verified");
    (whole, String::from_utf8(out).expect("text"))
}

/// What the command says, or why it does not do it.
async fn erase(house: &House, person: &str, yes: bool) -> Result<String, String> {
    let mut out = vec![];
    let person: UserId = person.parse().expect("an id");
    let done = erase_person(&house.app, person, yes, &mut out).await;
    done.map(|()| String::from_utf8(out).expect("text")).map_err(|error| error.to_string())
}

async fn get(client: &Client, slug: &str, number: i64) -> Value {
    client.form("audit/get", &[("slug", slug), ("number", &number.to_string())]).await.json()
}

/// The events of a file of JSON Lines.
fn lines(file: &str) -> Vec<Value> {
    file.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn personal_values_stand_beside_what_is_hashed_and_come_back() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let slug = house.slug.as_str();
        let ada = world.owner.clone().at("203.0.113.7").with_header("user-agent", "Firefox/130");
        done(&ada, "account/rename", &[("name", "Ada Lind")]).await;
        world.key("deploy-key", &[]).await;
        let renamed = stored(house, INSTALLATION).await.pop().expect("an event");
        let invited = [("slug", slug), ("addresses", "di@north.test"), ("role", "member")];
        assert_eq!(ada.form("team/invite", &invited).await.status, 200);
        let number = house.chain(house.organisation).await.0;
        let guess = [("email", "cy@north.test"), ("password", "guessed")];
        house.nobody().at("198.51.100.9").form("account/sign_in", &guess).await;

        let chains = [house.organisation, world.south_id, INSTALLATION];
        let (bodies, beside) = all(house, &chains).await;
        for personal in ["Ada", "Bo", "Cy", "Eve"].map(|name| format!("\"{name}\"")) {
            assert!(!bodies.contains(&personal) && beside.contains(&personal), "{personal}");
        }
        for personal in
            ["ada@north.test", "di@north.test", "203.0.113.7", "198.51.100.9", "Firefox", "Lind", "cy@north.test"]
        {
            assert!(!bodies.contains(personal) && beside.contains(personal), "{personal}");
        }
        for clear in ["\"deploy-key\"", "\"North\"", "\"South\""] {
            assert!(bodies.contains(clear) && !beside.contains(clear), "{clear}");
        }
        expect_schema(house, &chains).await;

        // Where events are read they stand in their places.
        let event = told(&renamed);
        let change = json!({ "field": "name", "was": "Ada", "now": "Ada Lind" });
        assert_eq!((&event["v"], &event["actor"]["name"], &event["changes"][0]), (&3.into(), &"Ada".into(), &change));
        assert_eq!((&event["address"], &event["user_agent"]), (&"203.0.113.7".into(), &"Firefox/130".into()));
        let list = page(&world.owner, slug, &[("kind", "invitation")]).await;
        let first = &list["events"][0];
        assert_eq!((&first["seq"], &first["address"]), (&number.into(), &"203.0.113.7".into()), "{first}");
        assert_eq!((&first["actor"]["name"], &first["subject"]["name"]), (&"Ada Lind".into(), &"di@north.test".into()));
        let detail = get(&world.admin, slug, number).await;
        assert_eq!((&detail["fits"], &detail["user_agent"]), (&true.into(), &"Firefox/130".into()), "{detail}");
        assert!(text(&detail, "body").contains(r#""address":{"personal":""#), "{detail}");
        let home = world.owner.form("home/view", &[("slug", slug)]).await;
        assert!(home.status == 200 && home.text.contains("di@north.test"), "{}", home.text);
        let shown = world.owner.page(&format!("/o/{slug}/audit/{number}")).await;
        assert!(shown.text.contains("di@north.test") && shown.text.contains("address=203.0.113.7"), "{}", shown.status);
        // By its address it is found, also together with something else.
        for query in [vec![("address", "203.0.113.7")], vec![("address", "203.0.113.7"), ("kind", "invitation")]] {
            let found = page(&world.owner, slug, &query).await;
            assert_eq!(
                (&found["events"][0]["seq"], &found["fitting"]),
                (&number.into(), &json!({ "Exactly": 1 })),
                "{found}"
            );
        }
        assert_eq!(page(&world.stranger, &world.south, &[("address", "203.0.113.7")]).await["events"], json!([]));

        // In files too: beside the exact body, or in its cells.
        let file = ask(&world.owner, "audit/export", slug, &[], &[("format", "jsonl")]).await;
        let line = &lines(&file.text)[usize::try_from(number - 1).expect("few")];
        let body: Value = serde_json::from_str(&text(line, "body")).expect("JSON");
        let personal: Vec<Personal> = serde_json::from_value(line["personal"].clone()).expect("values");
        let places: Vec<Place> = personal.iter().map(|personal| personal.place).collect();
        assert_eq!(places, [Place::ACTOR, Place::SUBJECT, Place::ADDRESS, Place::USER_AGENT], "{line}");
        assert_eq!((&body["address"], body["actor"]["id"].is_string()), (&hidden(&personal[2]), true));
        let csv = ask(&world.owner, "audit/export", slug, &[("address", "203.0.113.7")], &[("format", "csv")]).await;
        assert_eq!(csv.text.lines().count(), 2, "{}", csv.text);
        assert!(csv.text.contains("\"di@north.test\"") && csv.text.contains("\"Firefox/130\""), "{}", csv.text);
        let (whole, said) = verified(house).await;
        assert!(whole && !said.contains("erased"), "{said}");
    })
    .await;
}

/// The commitment as a stranger computes it.
fn hidden(personal: &Personal) -> Value {
    use sha2::{Digest, Sha256};
    let hashed = [b"latchkey personal v1\0", personal.salt.as_slice(), personal.value.as_bytes()].concat();
    json!({ "personal": crate::server::database::hex(&Sha256::digest(hashed)) })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_gone_and_the_rest_is_proven() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let (slug, chains) = (house.slug.as_str(), [house.organisation, world.south_id, INSTALLATION]);
        let person = world.id_of("cy@north.test").await;
        let cy = world.member.clone().at("198.51.100.20").with_header("user-agent", "Browser of Cy/7");
        done(&cy, "account/rename", &[("name", "Cy Penrose")]).await;
        let refused = cy.form("api_keys/create", &[("slug", slug), ("name", "mine")]).await;
        assert_eq!(refused.status, 403);
        let number = house.chain(house.organisation).await.0;
        // Nobody yet who signs in, and somebody who is named by an address alone.
        let guess = |email: &'static str| [("email", email), ("password", "guessed")];
        house.nobody().at("198.51.100.21").form("account/sign_in", &guess("cy@north.test")).await;
        house.nobody().at("198.51.100.22").form("account/sign_in", &guess("di@north.test")).await;
        // Cy will take this address for a name, and must take nothing of Bo's along.
        house.nobody().at("198.51.100.23").form("account/sign_in", &guess("bo@north.test")).await;
        for role in ["admin", "member"] {
            let changed = [("slug", slug), ("id", &person), ("role", role), ("asked", "true")];
            done(&world.owner, "team/change_role", &changed).await;
        }

        let on = format!("person:{person}");
        let limit = [
            ("slug", slug),
            ("on", on.as_str()),
            ("kind", "budget"),
            ("measure", "requests"),
            ("amount", "5"),
            ("action", "warn"),
        ];
        done(&world.owner, "limits/set", &limit).await;

        // First they have to go.
        let why = erase(house, &person, true).await.expect_err("a member");
        assert!(why.contains("a member of 1 organisation: remove them there first"), "{why}");
        done(&cy, "account/rename", &[("name", "bo@north.test")]).await;
        done(&cy, "team/leave", &[("slug", slug)]).await;
        let why = erase(house, &person, false).await.expect_err("active");
        assert!(why.contains("--yes") && why.contains("is active"), "{why}");
        let nobody = uuid::Uuid::now_v7().to_string();
        let why = erase(house, &nobody, true).await.expect_err("nobody");
        assert!(why.contains("nothing is known of a person with this id"), "{why}");
        let mut before = vec![];
        for chain in chains {
            before.push(stored(house, chain).await);
        }
        let (_, beside) = all(house, &chains).await;
        for there in ["Cy Penrose", "limit on Cy", "cy@north.test", "198.51.100.20", "198.51.100.21"] {
            assert!(beside.contains(there), "{there}");
        }

        let told_of = erase(house, &person, true).await.expect("erased");
        for words in
            ["installation: ", " personal values erased\n", "Not erased: the account itself", "backups, exports"]
        {
            assert!(told_of.contains(words), "{words}: {told_of}");
        }
        assert!(
            told_of.contains(&format!("{}: ", house.organisation)) && !told_of.contains("version 1 or 2"),
            "{told_of}"
        );
        assert!(!told_of.contains(&world.south_id.to_string()), "there was nothing: {told_of}");

        // Nothing of the person is left, and all of the others.
        let (bodies, beside) = all(house, &chains).await;
        for gone in [
            "\"Cy\"",
            "Cy <",
            "Cy Penrose",
            "limit on",
            "cy@north.test",
            "198.51.100.20",
            "198.51.100.21",
            "Browser of Cy",
        ] {
            assert!(!bodies.contains(gone) && !beside.contains(gone), "{gone} is left");
        }
        for kept in ["\"Ada\"", "\"Bo\"", "\"Eve\"", "bo@north.test", "di@north.test", "198.51.100.22", "198.51.100.23"]
        {
            assert!(beside.contains(kept), "{kept} is gone");
        }
        assert!(bodies.contains(&person), "the id stays");
        for (chain, before) in chains.into_iter().zip(before) {
            let mut after = stored(house, chain).await;
            let more = usize::from(chain != world.south_id);
            assert_eq!(after.len(), before.len() + more, "an event in each chain from which something was erased");
            after.truncate(before.len());
            let hashed = |events: &[Stored]| -> Vec<(String, Vec<u8>)> {
                events.iter().map(|event| (event.body.clone(), event.hash.clone())).collect()
            };
            assert!(hashed(&after) == hashed(&before), "{chain}: what is hashed has changed");
            if more == 1 {
                let event = house.chain(chain).await.1.expect("an event");
                assert_eq!(
                    (text(&event, "action").as_str(), &event["actor"]["kind"]),
                    ("audit.erase", &"system".into())
                );
                assert_eq!(event["subject"], json!({ "kind": "account", "id": person, "name": "" }));
                assert!(event["changes"][0]["now"].as_u64() > Some(2), "{event}");
            }
        }
        expect_schema(house, &chains).await;
        let (whole, said) = verified(house).await;
        assert!(whole && said.matches(" personal values erased").count() == 2, "{said}");

        // Whoever reads is told so.
        let list = page(&world.owner, slug, &[("actor", &person)]).await;
        let events = list["events"].as_array().expect("events");
        assert!(!events.is_empty() && events.iter().all(|event| event["actor"]["name"] == "[erased]"), "{list}");
        let detail = get(&world.owner, slug, number).await;
        assert_eq!((&detail["fits"], &detail["user_agent"]), (&true.into(), &"[erased]".into()), "{detail}");
        assert_eq!(detail["told"]["address"], "[erased]");
        let shown = world.owner.page(&format!("/o/{slug}/audit/{number}")).await;
        assert!(shown.text.contains("[erased]") && !shown.text.contains("address=%5Berased"), "{}", shown.status);
        assert_eq!(page(&world.owner, slug, &[("address", "198.51.100.20")]).await["events"], json!([]));
        // Files have nothing in the place, and verify.
        let file = ask(&world.owner, "audit/export", slug, &[], &[("format", "jsonl")]).await;
        assert!(!file.text.contains("Penrose") && !file.text.contains("cy@north.test"));
        assert!(
            lines(&file.text)[usize::try_from(number - 1).expect("few")].get("personal").is_none(),
            "{}",
            file.text
        );
        let csv = ask(&world.owner, "audit/export", slug, &[("actor", &person)], &[("format", "csv")]).await;
        assert!(csv.text.contains(&format!("\"person\",\"{person}\",\"\",")), "{}", csv.text);
        let mut verifier = Verifier::new(house.organisation);
        stored(house, house.organisation).await.iter().for_each(|event| verifier.take(event));
        assert!(matches!(verifier.finish_export(), Verdict::Whole { erased: 1.., .. }));

        // Once more there is nothing to do, and nothing to tell.
        let ends = (house.chain(house.organisation).await.0, house.chain(INSTALLATION).await.0);
        let again = erase(house, &person, true).await.expect("nothing is left");
        assert!(again.starts_with("0 personal values erased."), "{again}");
        assert_eq!((house.chain(house.organisation).await.0, house.chain(INSTALLATION).await.0), ends);
        // What they do from now on stands in the log.
        let mut back = house.nobody();
        let signed_in = back.form("account/sign_in", &[("email", "cy@north.test"), ("password", PASSWORD)]).await;
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        back.keep_cookie(&signed_in);
        assert_eq!(house.chain(INSTALLATION).await.1.expect("an event")["subject"]["name"], "cy@north.test");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_value_that_was_changed_or_moved_is_named() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let ada = ada.at("203.0.113.7").with_header("user-agent", "Firefox/130");
        for name in ["one", "two"] {
            done(&ada, "api_keys/create", &[("slug", &house.slug), ("name", name)]).await;
        }
        let north = house.organisation;
        let last = house.chain(north).await.0;
        let (one, two) = (last - 1, last);
        let postgres = house.app.db.is_postgres();
        let free = match postgres {
            true => "ALTER TABLE audit_personal DISABLE TRIGGER USER",
            false => "DROP TRIGGER audit_personal_keep",
        };
        run(&house, free.into()).await;
        run(&house, "CREATE TABLE kept_personal AS SELECT * FROM audit_personal".into()).await;
        let org = id(&house, north.0);
        let bytes = |hex: &str| if postgres { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") };
        let of = |seq: i64, place: i64| format!("WHERE org_id = {org} AND seq = {seq} AND place = {place}");
        let salt = bytes(&"00".repeat(16));
        let add = |seq: i64, place: i64| {
            format!("INSERT INTO audit_personal (org_id, seq, place, salt, value) VALUES ({org}, {seq}, {place}, {salt}, '\"Eve\"')")
        };
        let another = "a personal value beside it is not the one that was hashed";
        let nowhere = "a personal value beside it has no commitment in it";
        for (what, statement, seq, why) in [
            ("changed", format!("UPDATE audit_personal SET value = '\"Eve\"' {}", of(one, 0)), one, another),
            ("another salt", format!("UPDATE audit_personal SET salt = {salt} {}", of(one, 0)), one, another),
            (
                "of another event",
                format!("DELETE FROM audit_personal {}; UPDATE audit_personal SET seq = {two} {}", of(two, 0), of(one, 0)),
                two,
                another,
            ),
            (
                "at another place",
                format!("DELETE FROM audit_personal {}; UPDATE audit_personal SET place = 2 {}", of(one, 2), of(one, 3)),
                one,
                "a personal value beside it",
            ),
            ("where there is none", add(one, 500), one, nowhere),
            ("of a key's name", add(one, 1), one, nowhere),
            ("of nobody", format!("UPDATE audit_personal SET person = NULL {}", of(one, 0)), one, "a personal value beside it is kept"),
            ("of no event", add(last + 5, 0), last + 1, "there are personal values beside an event that is not there"),
            ("of no chain's number", add(-3, 0), -3, "there are personal values beside an event that is not there"),
        ] {
            run(&house, statement).await;
            let (whole, said) = verified(&house).await;
            let line = format!("{north}: BROKEN at event {seq}: {why}");
            assert!(!whole && said.lines().any(|found| found.starts_with(&line)), "{what}: {line} is not in\n{said}");
            assert_eq!(said.matches("BROKEN").count(), 1, "{what}: {said}");
            run(&house, "DELETE FROM audit_personal; INSERT INTO audit_personal SELECT * FROM kept_personal".into()).await;
        }
        // One that does not fit is shown to nobody.
        run(&house, format!("UPDATE audit_personal SET value = '\"Eve\"' {}", of(one, 0))).await;
        let detail = get(&ada, &house.slug, one).await;
        assert!(detail["fits"] == false && !detail.to_string().contains("Eve"), "{detail}");
        run(&house, "DELETE FROM audit_personal; INSERT INTO audit_personal SELECT * FROM kept_personal".into()).await;
        // Rows of a chain that nobody has founded.
        let strange = id(&house, uuid::Uuid::from_u128(9));
        run(&house, format!("INSERT INTO audit_personal (org_id, seq, place, salt, value) VALUES ({strange}, 1, 0, {salt}, '\"Eve\"')")).await;
        let (whole, said) = verified(&house).await;
        assert!(!whole && said.contains("00000000-0000-0000-0000-000000000009: BROKEN at event 1: "), "{said}");
        run(&house, format!("DELETE FROM audit_personal WHERE org_id = {strange}")).await;
        // What is not there was erased.
        run(&house, format!("DELETE FROM audit_personal {}", of(one, 0))).await;
        let (whole, said) = verified(&house).await;
        assert!(whole && said.contains(&format!("{north}: ")) && said.contains(", 1 personal values erased\n"), "{said}");
    })
    .await;
}

/// What an earlier version wrote cannot be erased: it is counted, and stays as it is.
#[tokio::test]
async fn events_in_clear_are_counted_and_stay() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let person = world.id_of("cy@north.test").await;
        done(&world.member, "team/leave", &[("slug", &house.slug)]).await;
        let (chain, postgres) = (house.organisation, house.app.db.is_postgres());
        let last = stored(house, chain).await.pop().expect("an event");
        let body = audit::event::Written { v: 2, ..last.read().expect("an event") }.text();
        let hash = audit::chain::hash(chain, last.seq, &last.previous.try_into().expect("a hash"), body.as_bytes());
        let hash = crate::server::database::hex(&hash);
        let (hash, org) = match postgres {
            true => (format!("'\\x{hash}'"), format!("'{chain}'")),
            false => (format!("x'{hash}'"), format!("x'{}'", chain.0.simple())),
        };
        let free =
            if postgres { "ALTER TABLE audit_events DISABLE TRIGGER USER" } else { "DROP TRIGGER audit_events_keep" };
        let (seq, body) = (last.seq, body.replace('\'', "''"));
        for statement in [
            free.to_owned(),
            format!("UPDATE audit_events SET body = '{body}', hash = {hash} WHERE org_id = {org} AND seq = {seq}"),
            format!("UPDATE audit_heads SET hash = {hash} WHERE org_id = {org}"),
            format!("DELETE FROM audit_personal WHERE org_id = {org} AND seq = {seq}"),
        ] {
            house.as_owner_composed(&statement).await.expect("as it was");
        }
        let told_of = erase(house, &person, true).await.expect("erased");
        let words = "Not erased: 1 events by or about this person are of version 1 or 2 of the format.";
        assert!(told_of.contains(words), "{told_of}");
        let event = house.chain(chain).await.1.expect("an event");
        let changes = event["changes"].as_array().expect("changes");
        assert!(changes.contains(&json!({ "field": "events_in_clear", "was": null, "now": 1 })), "{event}");
        let kept = stored(house, chain).await.into_iter().find(|event| event.seq == seq).expect("the event");
        assert!(kept.body.contains("cy@north.test"), "{}", kept.body);
        let (_, beside) = all(house, &[chain, INSTALLATION]).await;
        assert!(!beside.contains("cy@north.test"));
        let (whole, said) = verified(house).await;
        assert!(whole, "{said}");
    })
    .await;
}
