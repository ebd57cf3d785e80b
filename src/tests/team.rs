//! The team: who may bring, change and remove whom; invitations and their links; races.

use super::support::{Client, House, PASSWORD, each_engine};
use crate::{
    kernel::time::{DAY, MINUTE},
    server::clock::Clock,
};
use serde_json::{Value, json};

impl House {
    fn clock(&self) -> &Clock {
        &self.app.clock
    }

    /// Invites one address and gives the token of the link.
    async fn invite(&self, by: &Client, address: &str, role: &str) -> String {
        let answer = by.form("team/invite", &[("slug", &self.slug), ("addresses", address), ("role", role)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        token(&answer.json()["answers"][0]["outcome"]["invited"]["link"])
    }

    /// Invites and lets join.
    async fn with_person(&self, by: &Client, name: &str, role: &str) -> Client {
        let address = address(name);
        let token = self.invite(by, &address, role).await;
        join(self, &token, name).await
    }

    async fn people(&self, by: &Client) -> Value {
        let answer = by.form("team/list", &[("slug", &self.slug)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    async fn id_of(&self, by: &Client, name: &str) -> String {
        let list = self.people(by).await;
        let people = list["people"].as_array().expect("people");
        let person = people.iter().find(|p| p["name"] == name).unwrap_or_else(|| panic!("{name} in {list}"));
        person["id"].as_str().expect("an id").to_owned()
    }

    async fn role_of(&self, by: &Client, name: &str) -> String {
        let list = self.people(by).await;
        let people = list["people"].as_array().expect("people");
        people
            .iter()
            .find(|p| p["name"] == name)
            .map(|p| p["role"].as_str().expect("a role").to_owned())
            .unwrap_or_default()
    }

    async fn set_role(&self, by: &Client, name: &str, role: &str, seen_by: &Client) -> (u16, String) {
        let id = self.id_of(seen_by, name).await;
        let fields = [("slug", self.slug.as_str()), ("id", &id), ("role", role), ("asked", "true")];
        let answer = by.form("team/change_role", &fields).await;
        let code = if answer.status < 400 { String::new() } else { answer.code() };
        (answer.status, code)
    }
}

fn address(name: &str) -> String {
    format!("{}@north.test", name.to_lowercase())
}

fn token(link: &Value) -> String {
    let link = link.as_str().expect("a link");
    link.strip_prefix("http://latchkey.test/invitation?token=").expect("this installation's address").to_owned()
}

async fn join(house: &House, token: &str, name: &str) -> Client {
    let mut client = house.nobody();
    let answer = client.form("invitation/join", &[("token", token), ("name", name), ("password", PASSWORD)]).await;
    assert!(answer.status < 400, "{name} joins: {} {}", answer.status, answer.text);
    client.keep_cookie(&answer);
    client
}

async fn accept(client: &Client, token: &str) -> (u16, String) {
    let answer = client.form("invitation/accept", &[("token", token)]).await;
    (answer.status, if answer.status < 400 { String::new() } else { answer.code() })
}

fn outcomes(batch: &Value) -> Vec<(String, String)> {
    let answers = batch["answers"].as_array().expect("answers");
    answers
        .iter()
        .map(|answer| {
            let outcome = match &answer["outcome"] {
                Value::String(word) => word.clone(),
                Value::Object(object) => object.keys().next().expect("an outcome").clone(),
                other => panic!("{other}"),
            };
            (answer["address"].as_str().expect("an address").to_owned(), outcome)
        })
        .collect()
}

#[tokio::test]
async fn many_are_invited_at_once_and_each_address_has_its_answer() {
    each_engine(async |house| {
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
        house.invite(&ada, "waiting@north.test", "member").await;
        let text = "Bo Berg <bo@north.test>, ada@north.test; nonsense\nWAITING@north.test bo@NORTH.test";
        let fields = [("slug", house.slug.as_str()), ("addresses", text), ("role", "admin")];
        let batch = ada.form("team/invite", &fields).await.json();
        let expected = [
            ("bo@north.test", "invited"),
            ("ada@north.test", "already_member"),
            ("nonsense", "invalid"),
            ("WAITING@north.test", "already_invited"),
        ];
        let expected: Vec<_> = expected.map(|(a, o)| (a.to_owned(), o.to_owned())).to_vec();
        assert_eq!(outcomes(&batch), expected);
        assert_eq!(house.people(&ada).await["invitations"], 2);

        let before = house.snapshot().await;
        let none = ada
            .form("team/invite", &[("slug", &house.slug), ("addresses", "x, ada@north.test"), ("role", "member")])
            .await;
        assert_eq!((none.status, none.code().as_str()), (422, "invalid"), "{}", none.text);
        assert_eq!(none.json()["fields"].as_array().map(Vec::len), Some(2));
        assert_eq!(house.snapshot().await, before, "nobody invited changes nothing");

        // A link is looked at as often as one likes, and opens one account.
        let token = token(&batch["answers"][0]["outcome"]["invited"]["link"]);
        for _ in 0..3 {
            let page = house.nobody().page(&format!("/invitation?token={token}")).await;
            assert_eq!(page.status, 200);
            assert!(page.text.contains("Join North") && page.text.contains("Admin"), "{}", page.text);
        }
        let bo = join(&house, &token, "Bo").await;
        assert_eq!(house.role_of(&bo, "Bo").await, "admin");
        let again =
            house.nobody().form("invitation/join", &[("token", &token), ("name", "Eve"), ("password", PASSWORD)]).await;
        assert_eq!((again.status, again.code().as_str()), (409, "already_done"));
    })
    .await;
}

#[tokio::test]
async fn an_invitation_is_for_one_address_one_time_and_seven_days() {
    each_engine(async |house| {
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
        let eve = house.with_person(&ada, "Eve", "member").await;
        let first = house.invite(&ada, "cy@north.test", "member").await;

        // Somebody else may look, and learns for whom it is.
        let shown = eve.form("invitation/view", &[("token", &first)]).await.json();
        assert_eq!(
            shown,
            json!({"for_someone_else": {"organisation": "North", "email": "cy@north.test", "signed_in_as": "eve@north.test"}})
        );
        assert_eq!(accept(&eve, &first).await, (403, "permission_denied".into()));

        // Resending lets the earlier link die: at once where the link is only shown, after a pause where it is sent.
        let list = ada.form("team/invitations", &[("slug", &house.slug)]).await.json();
        let id = list["invitations"][0]["id"].as_str().expect("an id").to_owned();
        let resend = async |show| {
            let fields = [("slug", house.slug.as_str()), ("id", &id), ("show", show)];
            ada.form("team/resend_invitation", &fields).await
        };
        assert_eq!(resend("false").await.status, 429);
        let shown = token(&resend("true").await.json()["link"]);
        assert_ne!(shown, first);
        assert_eq!(resend("false").await.status, 429, "the pause begins anew");
        house.clock().advance(2 * MINUTE);
        let second = token(&resend("false").await.json()["link"]);
        assert_ne!(second, shown);
        let dead = house.nobody().form("invitation/join", &[("token", &first), ("name", "Cy"), ("password", PASSWORD)]).await;
        assert_eq!(dead.status, 404, "{}", dead.text);

        house.clock().advance(7 * DAY);
        let ada = house.person("ada@north.test").await;
        let late = house.nobody().form("invitation/join", &[("token", &second), ("name", "Cy"), ("password", PASSWORD)]).await;
        assert_eq!((late.status, late.code().as_str()), (410, "link_spent"));

        // An expired one makes room for a new one; a revoked one opens nothing.
        let third = house.invite(&ada, "cy@north.test", "member").await;
        let list = ada.form("team/invitations", &[("slug", &house.slug)]).await.json();
        assert_eq!(list["total"], 1);
        let id = list["invitations"][0]["id"].as_str().expect("an id").to_owned();
        let revoked = ada.form("team/revoke_invitation", &[("slug", &house.slug), ("id", &id)]).await;
        assert!(revoked.status < 400, "{}", revoked.text);
        let dead = house.nobody().form("invitation/join", &[("token", &third), ("name", "Cy"), ("password", PASSWORD)]).await;
        assert_eq!((dead.status, dead.code().as_str()), (410, "link_spent"));
        assert_eq!(house.nobody().form("invitation/view", &[("token", "guessed")]).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn who_is_signed_in_answers_from_the_switcher() {
    each_engine(async |house| {
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
        let bo = house.with_person(&ada, "Bo", "owner").await;
        // Bo leaves, so that there is an account to invite.
        let left = bo.form("team/leave", &[("slug", &house.slug)]).await;
        assert!(left.status < 400, "{}", left.text);
        assert_eq!(bo.form("team/list", &[("slug", &house.slug)]).await.status, 404);

        house.invite(&ada, "BO@north.test", "admin").await;
        let waiting = bo.form("invitation/mine", &[]).await.json();
        assert_eq!(waiting[0]["organisation"], "North");
        let id = waiting[0]["id"].as_str().expect("an id").to_owned();
        let shown = bo.form("invitation/view", &[("id", &id)]).await.json();
        assert_eq!(shown["open"]["signed_in"], true, "{shown}");
        assert_eq!(ada.form("invitation/accept_mine", &[("id", &id)]).await.status, 404, "it is not Ada's");
        let accepted = bo.form("invitation/accept_mine", &[("id", &id)]).await;
        assert!(accepted.status < 400, "{}", accepted.text);
        assert_eq!(house.role_of(&bo, "Bo").await, "admin");
        assert_eq!(bo.form("invitation/mine", &[]).await.json(), json!([]));

        let left = bo.form("team/leave", &[("slug", &house.slug)]).await;
        assert!(left.status < 400);
        let token = house.invite(&ada, "bo@north.test", "member").await;
        let declined = bo.form("invitation/decline", &[("token", &token)]).await;
        assert!(declined.status < 400, "{}", declined.text);
        assert_eq!(accept(&bo, &token).await, (410, "link_spent".into()));
    })
    .await;
}

#[tokio::test]
async fn an_inviter_who_lost_the_right_invites_nobody() {
    each_engine(async |house| {
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
        let bo = house.with_person(&ada, "Bo", "admin").await;
        let by_admin = house.invite(&bo, "cy@north.test", "member").await;
        assert_eq!(house.set_role(&ada, "Bo", "member", &ada).await.1, "");
        let refused = house
            .nobody()
            .form("invitation/join", &[("token", &by_admin), ("name", "Cy"), ("password", PASSWORD)])
            .await;
        assert_eq!((refused.status, refused.code().as_str()), (410, "link_spent"), "{}", refused.text);
        assert_eq!(house.set_role(&ada, "Bo", "admin", &ada).await.1, "");
        join(&house, &by_admin, "Cy").await;
    })
    .await;
}

#[tokio::test]
async fn nobody_reaches_above_their_own_rank() {
    each_engine(async |house| {
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
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
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
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
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
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
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
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
    })
    .await;
}

#[tokio::test]
async fn a_password_link_opens_only_what_its_maker_owns() {
    each_engine(async |house| {
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
        let bo = house.with_person(&ada, "Bo", "member").await;
        let id = house.id_of(&ada, "Bo").await;
        let fields = [("slug", house.slug.as_str()), ("id", id.as_str())];
        let made = ada.form("team/make_reset_link", &fields).await;
        assert_eq!(made.status, 200, "{}", made.text);
        assert!(made.json()["link"].as_str().is_some_and(|l| l.starts_with("http://latchkey.test/reset?token=")));
        let resets =
            async || house.snapshot().await.into_iter().filter(|line| line.starts_with("password_resets:")).count();
        assert_eq!(resets().await, 1);

        // Bo joins another organisation: Ada's links die, and she makes no new ones.
        let other = House::second_organisation(&house, &bo).await;
        assert_eq!(other.status, 200, "{}", other.text);
        let refused = ada.form("team/make_reset_link", &fields).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "permission_denied"), "{}", refused.text);
    })
    .await;
}

/// Lets the keys of one person answer for another.
async fn answer_for(house: &House, from: &str, to: &str) {
    use crate::{
        features::{
            api_keys::operations::hand_over,
            audit::event::{Event, Subject},
        },
        policy::Operation,
        server::access::Access,
    };
    let subject = Subject::unnamed("test", "");
    let (from, to) = (from.parse().expect("an id"), to.parse().expect("an id"));
    Access::system(house.app.clone())
        .act_with_proof(Operation::Setup, house.organisation, subject.clone(), |mut change| async move {
            hand_over(&mut change, from, Some(to)).await?;
            change.commit(Event::of(subject), ()).await
        })
        .await
        .expect("handed over");
}

impl House {
    /// Lets a person belong elsewhere as well, by way of the database's own operations.
    async fn second_organisation(house: &House, person: &Client) -> super::support::Answer {
        use crate::{
            features::organisations::operations::found,
            kernel::{OrganisationId, UserId},
            policy::Operation,
            server::access::Access,
        };
        let mut tx = house.app.db.read().await.expect("reads");
        let bo =
            crate::features::accounts::store::by_email(&mut tx, "bo@north.test").await.expect("reads").expect("Bo");
        drop(tx);
        let access = Access::system(house.app.clone());
        let subject = crate::features::audit::event::Subject::unnamed("organisation", "");
        access
            .act_with_proof(Operation::Setup, OrganisationId::new(), subject.clone(), |mut change| async move {
                found(&mut change, UserId(bo.id), "Elsewhere", "elsewhere").await?;
                change.commit(crate::features::audit::event::Event::of(subject), ()).await
            })
            .await
            .expect("founded");
        person.form("organisation/view", &[("slug", "elsewhere")]).await
    }
}

#[tokio::test]
async fn two_owners_who_demote_each_other_leave_one() {
    each_engine(async |house| {
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
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
async fn one_link_accepted_twice_at_once_is_one_membership() {
    each_engine(async |house| {
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
        let bo = house.with_person(&ada, "Bo", "member").await;
        for round in 0..10 {
            assert!(bo.form("team/leave", &[("slug", &house.slug)]).await.status < 400);
            let token = house.invite(&ada, "bo@north.test", "member").await;
            let (first, second) = tokio::join!(accept(&bo, &token), accept(&bo, &token));
            let (good, bad) = if first.0 < 400 { (first, second) } else { (second, first) };
            assert!(good.0 < 400, "round {round}: {good:?}");
            assert_eq!(bad, (409, "already_done".into()), "round {round}");
            assert_eq!(house.people(&ada).await["total"], 2);
        }
    })
    .await;
}

#[tokio::test]
async fn the_list_is_searched_filtered_and_sorted_on_the_server() {
    each_engine(async |house| {
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
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
async fn every_page_is_served() {
    each_engine(async |house| {
        let house = house.founded().await;
        let ada = house.person("ada@north.test").await;
        let cy = house.with_person(&ada, "Cy", "member").await;
        house.invite(&ada, "late@north.test", "member").await;
        let (slug, cy_id) = (house.slug.as_str(), house.id_of(&ada, "Cy").await);
        let list = ada.form("team/invitations", &[("slug", slug)]).await.json();
        let id = list["invitations"][0]["id"].as_str().expect("an id");
        for (path, words) in [
            ("team".to_owned(), "What can each role do?"),
            ("team/invite".to_owned(), "E-mail addresses"),
            ("team/invitations".to_owned(), "late@north.test"),
            (format!("team/invitations/{id}/resend"), "Links that were sent or copied before stop working."),
            (format!("team/invitations/{id}/revoke"), "Its link stops working at once."),
            (format!("team/{cy_id}/role?role=owner"), "Make Cy an Owner"),
            (format!("team/{cy_id}/remove"), "Remove Cy"),
            (format!("team/{cy_id}/password-link"), "Password link for Cy"),
            ("roles".to_owned(), "list, view, create"),
            ("leave".to_owned(), "Leave North"),
        ] {
            let page = ada.page(&format!("/o/{slug}/{path}")).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.text.contains(words), "{path} says {words}: {}", page.text);
            let forbidden = path.starts_with("team");
            let member = cy.page(&format!("/o/{slug}/{path}")).await;
            assert_eq!(member.status, if forbidden { 403 } else { 200 }, "{path} for a Member");
        }
        let shown = ada
            .plain_form(
                &format!("/o/{slug}/team/invite"),
                "team/invite",
                &[("slug", slug), ("addresses", "n@x.org, bad"), ("role", "member")],
            )
            .await;
        assert_eq!(shown.status, 200);
        assert!(shown.text.contains("/invitation?token=") && shown.text.contains("bad"), "{}", shown.text);
    })
    .await;
}
