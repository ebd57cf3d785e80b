//! Members: ranks, the last Owner, what becomes of keys, the list.

use super::{found, join};
use crate::{
    kernel::time::MINUTE,
    tests::support::{Client, House, PASSWORD, answer_for, each_engine},
};
use serde_json::{Value, json};

#[tokio::test]
async fn nobody_reaches_above_their_own_rank() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let bo = house.with_person(&ada, "Bo", "admin").await;
        let cy = house.with_person(&ada, "Cy", "member").await;
        let ada_id = house.id_of(&ada, "Ada").await;
        let bo_id = house.id_of(&ada, "Bo").await;
        let before = house.snapshot().await;

        assert_eq!(house.set_role(&bo, "Cy", "owner", &ada).await, (403, "permission_denied".into()));
        assert_eq!(house.set_role(&bo, "Bo", "owner", &ada).await, (403, "permission_denied".into()));
        assert_eq!(house.set_role(&bo, "Ada", "member", &ada).await, (403, "permission_denied".into()));
        let slug = house.slug.as_str();
        assert_eq!(bo.form("team/remove", &[("slug", slug), ("id", &ada_id)]).await.status, 403);
        assert_eq!(
            bo.form("team/invite", &[("slug", slug), ("addresses", "x@x.org"), ("role", "owner")]).await.status,
            403
        );
        assert_eq!(bo.form("team/make_reset_link", &[("slug", slug), ("id", &ada_id)]).await.status, 403);

        // A Member does nothing here, and hears what is missing.
        for (path, more) in [
            ("team/list", vec![]),
            ("team/get", vec![("id", bo_id.as_str())]),
            ("team/invitations", vec![]),
            ("team/change_role", vec![("id", bo_id.as_str()), ("role", "member")]),
            ("team/remove", vec![("id", bo_id.as_str())]),
            ("team/invite", vec![("addresses", "x@x.org"), ("role", "member")]),
            ("team/make_reset_link", vec![("id", bo_id.as_str())]),
        ] {
            let fields: Vec<_> = [("slug", slug)].into_iter().chain(more).collect();
            let answer = cy.form(path, &fields).await;
            assert_eq!(answer.status, 403, "{path}");
            assert!(answer.json()["missing"]["permission"].as_str().is_some_and(|p| p.starts_with("team.")), "{path}");
            assert_eq!(house.nobody().form(path, &fields).await.status, 401, "{path}");
        }
        assert_eq!(house.snapshot().await, before, "refusals change nothing");
    })
    .await;
}

#[tokio::test]
async fn an_owner_stays() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        house.invite(&ada, "late@north.test", "owner").await;
        let before = house.snapshot().await;
        assert_eq!(house.set_role(&ada, "Ada", "admin", &ada).await, (409, "last_owner".into()));
        let left = ada.form("team/leave", &[("slug", &house.slug)]).await;
        assert_eq!((left.status, left.code().as_str()), (409, "last_owner"));
        assert_eq!(house.snapshot().await, before);
        let page = ada.page(&format!("/o/{}/team", house.slug)).await;
        assert!(page.text.contains("The only Owner. Make someone else an Owner first."));

        let bo = house.with_person(&ada, "Bo", "owner").await;
        assert_eq!(house.set_role(&ada, "Ada", "member", &bo).await.1, "");
        assert_eq!(house.set_role(&bo, "Bo", "member", &bo).await, (409, "last_owner".into()));
    })
    .await;
}

#[tokio::test]
async fn what_matters_is_asked_first() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        house.with_person(&ada, "Bo", "member").await;
        let id = house.id_of(&ada, "Bo").await;
        let slug = house.slug.as_str();
        let page = format!("/o/{slug}/team");
        let asked = ada.plain_form(&page, "team/change_role", &[("slug", slug), ("id", &id), ("role", "owner")]).await;
        assert_eq!(asked.status, 303);
        let location = asked.headers["location"].to_str().expect("an address").to_owned();
        assert_eq!(location, format!("/o/{slug}/team/{id}/role?role=owner"));
        assert_eq!(house.role_of(&ada, "Bo").await, "member", "nothing happened yet");
        let question = ada.page(&location).await;
        assert!(question.text.contains("removing Owners, you included"), "{}", question.text);
        let plain = ada.plain_form(&page, "team/change_role", &[("slug", slug), ("id", &id), ("role", "admin")]).await;
        assert_eq!(plain.status, 200, "an ordinary change is done at once");
        assert_eq!(house.role_of(&ada, "Bo").await, "admin");
    })
    .await;
}

/// The rows of keys: name, whether they are revoked, whether somebody answers for them, their permissions.
async fn keys(house: &House) -> Vec<String> {
    house.snapshot().await.into_iter().filter(|line| line.starts_with("api_keys:")).collect()
}

#[tokio::test]
async fn keys_of_those_who_go_are_taken_over_or_revoked() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let slug = house.slug.as_str();
        for (name, fate) in [("Bo", "take_over"), ("Cy", "revoke")] {
            let client = house.with_person(&ada, name, "admin").await;
            let answer = client
                .form(
                    "api_keys/create",
                    &[("slug", slug), ("name", name), ("completions", "enabled"), ("prompts", "delete")],
                )
                .await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let id = house.id_of(&ada, name).await;
            let profile = ada.form("team/get", &[("slug", slug), ("id", &id)]).await.json();
            assert_eq!((&profile["keys"], &profile["key_names"]), (&json!(1), &json!([name])), "{profile}");
            let removed = ada.form("team/remove", &[("slug", slug), ("id", &id), ("keys", fate)]).await;
            assert!(removed.status < 400, "{}", removed.text);
            assert_eq!(client.page(&format!("/o/{slug}/logs")).await.status, 404, "access is gone at once");
        }
        let rows = keys(&house).await;
        let ada_id = house.id_of(&ada, "Ada").await.replace('-', "").to_lowercase();
        let row_of = |name: &str| {
            rows.iter()
                .find(|row| row.contains(&format!("'{name}'")) || row.contains(&format!("\"{name}\"")))
                .expect("a key")
                .to_lowercase()
                .replace('-', "")
        };
        assert!(row_of("Bo").contains(&ada_id), "Ada answers for Bo's key");
        assert!(!row_of("Cy").contains(&ada_id), "nobody answers for Cy's");

        // Whoever demotes a person takes the keys over with it.
        let dee = house.with_person(&ada, "Dee", "admin").await;
        let key = [("slug", slug), ("name", "Dee"), ("completions", "enabled"), ("prompts", "delete")];
        assert_eq!(dee.form("api_keys/create", &key).await.status, 200);
        let id = house.id_of(&ada, "Dee").await;
        let page = format!("/o/{slug}/team");
        let asked = ada.plain_form(&page, "team/change_role", &[("slug", slug), ("id", &id), ("role", "member")]).await;
        assert_eq!(asked.status, 303, "what becomes of the keys is asked first");
        assert_eq!(house.set_role(&ada, "Dee", "member", &ada).await.1, "");
        let row_of = |rows: Vec<String>, name: &str| {
            let named = |row: &&String| row.contains(&format!("'{name}'")) || row.contains(&format!("\"{name}\""));
            rows.iter().find(named).expect("a key").to_lowercase().replace('-', "")
        };
        assert!(row_of(keys(&house).await, "Dee").contains(&ada_id));

        // A key that answers for a Member does no more than a Member; nor does it once the Member has left.
        answer_for(&house, &ada_id, &id).await;
        assert!(dee.form("team/leave", &[("slug", slug)]).await.status < 400);
        let row = row_of(keys(&house).await, "Dee");
        assert!(row.contains(&ada_id) && row.contains("prompts.update") && !row.contains("prompts.delete"), "{row}");
        let event = house.chain(house.organisation).await.1.expect("an event");
        let changes = event["changes"].as_array().expect("changes");
        let narrowed = changes.iter().find(|change| change["field"] == "keys_narrowed").expect("what was taken");
        let told = narrowed["now"][0].as_str().expect("a sentence");
        assert!(told.contains(" lost ") && told.contains("prompts.delete"), "{event}");
        assert!(!told.contains("prompts.update"), "{event}");
    })
    .await;
}

#[tokio::test]
async fn a_password_link_opens_only_what_its_maker_owns() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let bo = house.with_person(&ada, "Bo", "member").await;
        let id = house.id_of(&ada, "Bo").await;
        let fields = [("slug", house.slug.as_str()), ("id", id.as_str())];
        // A session that was left open is not enough.
        house.clock().advance(16 * MINUTE);
        let early = ada.form("team/make_reset_link", &fields).await;
        assert_eq!((early.status, early.code().as_str()), (401, "password_needed"), "{}", early.text);
        let mut ada = ada;
        let confirmed = ada.form("account/confirm_password", &[("current_password", PASSWORD)]).await;
        assert!(confirmed.status < 400, "{}", confirmed.text);
        ada.keep_cookie(&confirmed);
        let made = ada.form("team/make_reset_link", &fields).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let made = made.json();
        let link = made["link"].as_str().and_then(|link| link.strip_prefix("http://latchkey.test/reset?token="));
        let token = link.expect("this installation's address");
        let view = async || house.nobody().form("account/view_reset", &[("token", token)]).await.status;
        let reset = async || {
            let answer =
                house.nobody().form("account/reset_password", &[("token", token), ("new_password", PASSWORD)]).await;
            (answer.status, if answer.status < 400 { String::new() } else { answer.code() })
        };
        let spent = || (410, "link_spent".to_owned());
        assert_eq!(view().await, 200);

        // Bo founds another organisation: while he has it Ada's link opens nothing, and she makes no new one.
        let elsewhere = found(&bo, "Elsewhere").await;
        assert_eq!((view().await, reset().await), (410, spent()));
        let refused = ada.form("team/make_reset_link", &fields).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "permission_denied"), "{}", refused.text);
        let bo = house.person("bo@north.test").await;
        let token_of_heir = {
            let sent = [("slug", elsewhere.as_str()), ("addresses", "heir@north.test"), ("role", "owner")];
            let invited = bo.form("team/invite", &sent).await.json();
            super::token(&invited["answers"][0]["outcome"]["invited"]["link"])
        };
        join(&house, &token_of_heir, "Heir").await;
        assert!(bo.form("team/leave", &[("slug", &elsewhere)]).await.status < 400);
        assert_eq!((view().await, reset().await.0), (200, 200));
    })
    .await;
}

/// By what they are when it is used, and not when it was made.
#[tokio::test]
async fn a_password_link_ends_with_its_makers_rights() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let slug = ("slug", house.slug.as_str());
        let cy = house.with_person(&ada, "Cy", "member").await;
        let cy_id = house.id_of(&ada, "Cy").await;
        let owners = house.with_person(&ada, "Bo", "owner").await;
        let bo_id = house.id_of(&ada, "Bo").await;
        let make = async |by: &Client| {
            let made = by.form("team/make_reset_link", &[slug, ("id", &cy_id)]).await;
            let link = made.json()["link"].as_str().unwrap_or_else(|| panic!("{}", made.text)).to_owned();
            link.split_once("token=").expect("a token").1.to_owned()
        };
        let spent = async |token: &str, why: &str| {
            let before = house.snapshot().await;
            let nobody = house.nobody();
            for (path, fields) in [
                ("account/view_reset", vec![("token", token)]),
                ("account/reset_password", vec![("token", token), ("new_password", "the password of a thief")]),
            ] {
                let answer = nobody.form(path, &fields).await;
                assert_eq!((answer.status, answer.code().as_str()), (410, "link_spent"), "{why}: {}", answer.text);
            }
            assert_eq!(house.snapshot().await, before, "{why}");
            assert_eq!(cy.form("account/view", &[]).await.status, 200, "{why}: no session has ended");
        };
        let ready = async |client: &Client, path: &str, fields: &[(&str, &str)]| {
            let answer = client.form(path, &[&[slug], fields].concat()).await;
            assert!(answer.status < 400, "{path}: {}", answer.text);
        };
        let token = make(&owners).await;
        ready(&ada, "team/change_role", &[("id", &bo_id), ("role", "admin"), ("asked", "true")]).await;
        spent(&token, "its maker was demoted").await;
        // The rights are back, and with them what they allow.
        ready(&ada, "team/change_role", &[("id", &bo_id), ("role", "owner"), ("asked", "true")]).await;
        assert_eq!(house.nobody().form("account/view_reset", &[("token", &token)]).await.status, 200);
        house
            .as_owner("UPDATE users SET disabled_at = 1 WHERE email_canonical = 'bo@north.test'")
            .await
            .expect("disabled");
        spent(&token, "its maker's account was disabled").await;
        house.as_owner("UPDATE users SET disabled_at = NULL").await.expect("enabled");
        ready(&ada, "team/remove", &[("id", &bo_id)]).await;
        spent(&token, "its maker was removed").await;

        let token = make(&ada).await;
        ready(&ada, "team/remove", &[("id", &cy_id)]).await;
        spent(&token, "its person has left, and belongs nowhere").await;
    })
    .await;
}

/// Who asks, for which server function, with which fields besides the organisation.
type Case<'a> = (&'a Client, &'a str, Vec<(&'a str, &'a str)>);

/// A session that was left open does not do it.
#[tokio::test]
async fn acts_that_give_or_take_the_highest_rights_ask_for_the_password() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let slug = ("slug", house.slug.as_str());
        let bo = house.with_person(&ada, "Bo", "owner").await;
        house.with_person(&ada, "Cy", "member").await;
        let di = house.with_person(&ada, "Di", "admin").await;
        let key = di.form("api_keys/create", &[slug, ("name", "di's"), ("api_keys", "write"), ("expiry", "90")]).await;
        assert_eq!(key.status, 200, "{}", key.text);
        let (bo_id, cy_id) = (house.id_of(&ada, "Bo").await, house.id_of(&ada, "Cy").await);
        let di_id = house.id_of(&ada, "Di").await;
        house.invite(&ada, "late@north.test", "owner").await;
        let list = ada.form("team/invitations", &[slug]).await.json();
        let invitation = list["invitations"][0]["id"].as_str().expect("an id").to_owned();
        house.clock().advance(16 * MINUTE);
        let before = house.snapshot().await;
        let cases: [Case<'_>; 12] = [
            (&ada, "team/change_role", vec![("id", &cy_id), ("role", "owner"), ("asked", "true")]),
            (&ada, "team/change_role", vec![("id", &bo_id), ("role", "admin"), ("asked", "true")]),
            (&ada, "team/remove", vec![("id", &bo_id)]),
            (&bo, "team/leave", vec![]),
            (&ada, "team/invite", vec![("addresses", "x@x.org"), ("role", "owner")]),
            (&ada, "team/resend_invitation", vec![("id", &invitation), ("show", "true")]),
            (&ada, "team/revoke_invitation", vec![("id", &invitation)]),
            (&ada, "team/make_reset_link", vec![("id", &cy_id)]),
            // Their keys manage keys.
            (&ada, "team/remove", vec![("id", &di_id), ("keys", "take_over")]),
            (&ada, "team/remove", vec![("id", &di_id), ("keys", "revoke")]),
            (&ada, "team/change_role", vec![("id", &di_id), ("role", "member"), ("asked", "true")]),
            (&di, "team/leave", vec![]),
        ];
        for (who, path, fields) in &cases {
            let refused = who.form(path, &[&[slug], fields.as_slice()].concat()).await;
            let told = (refused.status, refused.code());
            assert_eq!(told, (401, "password_needed".to_owned()), "{path} {fields:?}: {}", refused.text);
        }
        assert_eq!(house.snapshot().await, before);
        // From a row of the list it leads to the page that can say so.
        let page = format!("/o/{}/team", house.slug);
        let demote = [slug, ("id", &bo_id), ("role", "admin")];
        let asked = ada.plain_form(&page, "team/change_role", &demote).await;
        let question = format!("{page}/{bo_id}/role?role=admin");
        let to = asked.headers.get("location").and_then(|to| to.to_str().ok());
        assert_eq!(to, Some(question.as_str()));
        let refused =
            ada.plain_form(&question, "team/change_role", &[&demote[..], &[("asked", "true")]].concat()).await;
        assert_eq!(refused.status, 401);
        assert!(refused.text.contains("/account/confirm") && refused.text.contains("Confirm your password"));
        // What reaches less far does not ask.
        for (path, fields) in [
            ("team/invite", vec![("addresses", "y@x.org"), ("role", "admin")]),
            ("team/change_role", vec![("id", &cy_id), ("role", "admin"), ("asked", "true")]),
            ("team/remove", vec![("id", &cy_id)]),
        ] {
            let answer = ada.form(path, &[&[slug], fields.as_slice()].concat()).await;
            assert!(answer.status < 400, "{path}: {}", answer.text);
        }
        // Once proven, it is theirs to do.
        let mut ada = ada;
        ada.keep_cookie(&ada.form("account/confirm_password", &[("current_password", PASSWORD)]).await);
        let removed = ada.form("team/remove", &[slug, ("id", &bo_id)]).await;
        assert!(removed.status < 400, "{}", removed.text);
    })
    .await;
}

#[tokio::test]
async fn two_owners_who_demote_each_other_leave_one() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let bo = house.with_person(&ada, "Bo", "owner").await;
        let (ada_id, bo_id) = (house.id_of(&ada, "Ada").await, house.id_of(&ada, "Bo").await);
        for round in 0..20 {
            let slug = house.slug.as_str();
            let demote = async |by: &Client, id: &str| {
                by.form("team/change_role", &[("slug", slug), ("id", id), ("role", "admin"), ("asked", "true")])
                    .await
                    .status
            };
            let (first, second) = tokio::join!(demote(&ada, &bo_id), demote(&bo, &ada_id));
            let mut statuses = [first / 100, second / 100];
            statuses.sort_unstable();
            assert_eq!(statuses, [2, 4], "round {round}: {first} and {second}");
            assert!([403, 409].contains(&first.max(second)));
            let (winner, loser) = if first < 400 { (&ada, &bo_id) } else { (&bo, &ada_id) };
            assert_eq!(house.people(winner).await["owners"], 1, "round {round}");
            let fields = [("slug", slug), ("id", loser.as_str()), ("role", "owner"), ("asked", "true")];
            assert!(winner.form("team/change_role", &fields).await.status < 400);
        }
    })
    .await;
}

#[tokio::test]
async fn the_list_is_searched_filtered_and_sorted_on_the_server() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        for (name, role) in [("Zoe", "admin"), ("Åsa", "member"), ("Bo_100%", "member")] {
            let token = house.invite(&ada, &format!("{}@north.test", name.len()), role).await;
            join(&house, &token, name).await;
        }
        let names = async |fields: &[(&str, &str)]| -> Vec<String> {
            let fields: Vec<_> = [("slug", house.slug.as_str())].into_iter().chain(fields.iter().copied()).collect();
            let list = ada.form("team/list", &fields).await.json();
            list["people"]
                .as_array()
                .expect("people")
                .iter()
                .map(|p| p["name"].as_str().expect("a name").to_owned())
                .collect()
        };
        assert_eq!(names(&[]).await[..2], ["Ada", "Zoe"], "Owners first, then Admins");
        assert_eq!(names(&[("q", "zO")]).await, ["Zoe"]);
        assert_eq!(names(&[("q", "Åsa")]).await, ["Åsa"]);
        assert_eq!(names(&[("q", "_100%")]).await, ["Bo_100%"]);
        assert_eq!(names(&[("q", "%")]).await, ["Bo_100%"]);
        assert_eq!(names(&[("q", "ada@NORTH")]).await, ["Ada"]);
        assert_eq!(names(&[("role", "admin")]).await, ["Zoe"]);
        assert_eq!(names(&[("sort", "-joined")]).await[0], "Bo_100%");
        assert_eq!(names(&[("sort", "-role")]).await[3], "Ada");
        assert_eq!(names(&[("sort", "-name"), ("q", "north")]).await.len(), 4);
        assert_eq!(names(&[("page", "7")]).await.len(), 4, "a page that is not there is the last");

        let page = ada.page(&format!("/o/{}/team?q=zo", house.slug)).await;
        assert!(page.text.contains("1 of 4 members") && page.text.contains("Zoe") && !page.text.contains("Bo_100%"));
        let list = house.people(&ada).await;
        let own = list["people"].as_array().expect("people").iter().find(|p| p["name"] == "Ada").expect("Ada").clone();
        assert!(own["active_at"].is_i64(), "a page was opened: {own}");
    })
    .await;
}

#[tokio::test]
async fn several_members_are_changed_one_by_one() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let bo = house.with_person(&ada, "Bo", "admin").await;
        let cy = house.with_person(&ada, "Cy", "member").await;
        house.with_person(&ada, "Dee", "member").await;
        let mut ids = vec![];
        for name in ["Cy", "Ada", "Bo", "Dee"] {
            ids.push(house.id_of(&ada, name).await);
        }
        // Somebody of another organisation is as nobody at all.
        let eve = house.with_person(&ada, "Eve", "member").await;
        let eve_id = house.id_of(&ada, "Eve").await;
        found(&eve, "South").await;
        assert_eq!(eve.form("team/leave", &[("slug", &house.slug)]).await.status, 200);
        ids.extend([eve_id, uuid::Uuid::now_v7().to_string()]);
        let slug = ("slug", house.slug.as_str());
        let all = ids.join(" ");

        let before = house.snapshot().await;
        for (path, role) in [("team/change_role_many", "admin"), ("team/remove_many", "")] {
            let fields = [slug, ("ids", &all), ("role", role)];
            let events = house.chain(house.organisation).await.0;
            let refused = cy.form(path, &fields).await;
            assert_eq!((refused.status, refused.code().as_str()), (403, "permission_denied"), "{path}");
            assert_eq!(house.chain(house.organisation).await.0 - events, 1, "{path}");
            let many: Vec<_> = (0..51).map(|_| uuid::Uuid::now_v7().to_string()).collect();
            for ids in ["", many.join(" ").as_str()] {
                let refused = ada.form(path, &[slug, ("ids", ids), ("role", role)]).await;
                assert_eq!(refused.status, 422, "{path}");
                assert_eq!(refused.json()["fields"][0]["field"], "ids", "{path}");
            }
        }
        assert_eq!(house.snapshot().await, before);

        // Owners come first, since what asks for a password must come before anything is done.
        let made = ada.form("team/change_role_many", &[slug, ("ids", &ids[..4].join(" ")), ("role", "admin")]).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let only = "The only Owner. Make someone else an Owner first.";
        assert_eq!(told(&made.json()), json!([["Ada", only], ["Cy", null], ["Bo", null], ["Dee", null]]));
        assert_eq!(house.role_of(&ada, "Cy").await, "admin");
        assert_eq!(house.role_of(&ada, "Ada").await, "owner");

        let picks: String = ids.iter().map(|id| format!("&pick={id}")).collect();
        let page = format!("/o/{}/team/many?act=remove{picks}", house.slug);
        let asks = bo.page(&page).await;
        assert_eq!(asks.status, 200);
        for words in ["Remove 2 people?", "nobody removes themselves.", "the only Owner.", "2 people"] {
            assert!(asks.text.contains(words), "{words}: {}", asks.text);
        }
        let events = house.chain(house.organisation).await.0;
        let removed = bo.form("team/remove_many", &[slug, ("ids", &all)]).await.json();
        let (above, own) = (
            "Nobody can give a role above their own, or change someone above them. Ask an Owner.",
            "Nobody removes themselves. Leave the organisation instead.",
        );
        let unknown = "It does not exist, or it belongs to another organisation.";
        assert_eq!(
            told(&removed),
            json!([["Ada", above], ["Cy", null], ["Bo", own], ["Dee", null], ["", unknown], ["", unknown]])
        );
        assert_eq!(house.chain(house.organisation).await.0 - events, 6);
        assert_eq!(house.people(&ada).await["total"], 2);
        assert_eq!(cy.page(&format!("/o/{}/logs", house.slug)).await.status, 404, "access is gone at once");
    })
    .await;
}

/// What became of each: its name, and why nothing was done.
fn told(outcomes: &Value) -> Value {
    let outcomes = outcomes.as_array().expect("outcomes");
    outcomes.iter().map(|outcome| json!([outcome["name"], outcome["refused"]])).collect()
}
