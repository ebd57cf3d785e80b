//! Invitations: their links, whom they let in, what they prove, races.

use super::{accept, found, join, token};
use crate::{
    kernel::time::{DAY, MINUTE},
    server::audit,
    tests::support::{Client, PASSWORD, each_engine, each_engine_with_mail, told},
};
use serde_json::{Value, json};

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
        let (house, ada) = house.with_ada().await;
        house.invite(&ada, "waiting@north.test", "member").await;
        let text = "Bo Berg <bo@north.test>, ada@north.test; nonsense\nWAITING@north.test bo@NORTH.test";
        let fields = [("slug", house.slug.as_str()), ("addresses", text), ("role", "admin")];
        let batch = ada.form("team/invite", &fields).await.json();
        let expected = [
            ("bo@north.test", "invited"),
            ("ada@north.test", "already_member"),
            ("nonsense", "invalid"),
            ("WAITING@north.test", "already_invited"),
            ("bo@NORTH.test", "repeated"),
        ];
        let expected: Vec<_> = expected.map(|(a, o)| (a.to_owned(), o.to_owned())).to_vec();
        assert_eq!(outcomes(&batch), expected);
        assert_eq!(house.people(&ada).await["invitations"], 2);

        let text = "new@north.test, ada@north.test; bo@north.test nonsense@";
        let told = ada.form("team/check_addresses", &[("slug", &house.slug), ("addresses", text)]).await.json();
        let told: Vec<(String, Option<String>)> = serde_json::from_value(told).expect("addresses with reasons");
        let reasons: Vec<_> = told.iter().map(|(address, why)| (address.as_str(), why.is_some())).collect();
        let expected =
            [("new@north.test", false), ("ada@north.test", true), ("bo@north.test", true), ("nonsense@", true)];
        assert_eq!(reasons, expected);

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
        let (house, ada) = house.with_ada().await;
        let eve = house.with_person(&ada, "Eve", "member").await;
        let first = house.invite(&ada, "cy@north.test", "member").await;

        // Somebody else may look, and does not learn for whom it is.
        let shown = eve.form("invitation/view", &[("token", &first)]).await.json();
        assert_eq!(shown, json!({"for_someone_else": {"organisation": "North", "signed_in_as": "eve@north.test"}}));
        assert_eq!(accept(&eve, &first).await, (403, "permission_denied".into()));

        // A new link lets the earlier one die, at once: it is shown and mailed to nobody.
        let list = ada.form("team/invitations", &[("slug", &house.slug)]).await.json();
        let id = list["invitations"][0]["id"].as_str().expect("an id").to_owned();
        let resend = async || {
            ada.form("team/resend_invitation", &[("slug", house.slug.as_str()), ("id", &id), ("show", "true")]).await
        };
        let second = token(&resend().await.json()["link"]);
        let dead =
            house.nobody().form("invitation/join", &[("token", &first), ("name", "Cy"), ("password", PASSWORD)]).await;
        assert_eq!(dead.status, 404, "{}", dead.text);

        house.clock().advance(7 * DAY);
        let ada = house.person("ada@north.test").await;
        let late =
            house.nobody().form("invitation/join", &[("token", &second), ("name", "Cy"), ("password", PASSWORD)]).await;
        assert_eq!((late.status, late.code().as_str()), (410, "link_spent"));

        // An expired one makes room for a new one; a revoked one opens nothing.
        let third = house.invite(&ada, "cy@north.test", "member").await;
        let list = ada.form("team/invitations", &[("slug", &house.slug)]).await.json();
        assert_eq!(list["total"], 1);
        let id = list["invitations"][0]["id"].as_str().expect("an id").to_owned();
        let revoked = ada.form("team/revoke_invitation", &[("slug", &house.slug), ("id", &id)]).await;
        assert!(revoked.status < 400, "{}", revoked.text);
        let dead =
            house.nobody().form("invitation/join", &[("token", &third), ("name", "Cy"), ("password", PASSWORD)]).await;
        assert_eq!((dead.status, dead.code().as_str()), (410, "link_spent"));
        assert_eq!(house.nobody().form("invitation/view", &[("token", "guessed")]).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn an_expired_invitation_makes_room_and_the_log_says_so() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        house.with_person(&ada, "Bo", "admin").await;
        house.invite(&ada, "cy@north.test", "member").await;
        house.invite(&ada, "dee@north.test", "owner").await;
        house.clock().advance(8 * DAY);
        let bo = house.person("bo@north.test").await;
        let before = house.chain(house.organisation).await.0;
        let text = "cy@north.test, dee@north.test, eve@north.test";
        let fields = [("slug", house.slug.as_str()), ("addresses", text), ("role", "member")];
        // An Admin takes no Owner's invitation away; the others are invited.
        let batch = bo.form("team/invite", &fields).await;
        assert_eq!(batch.status, 200, "{}", batch.text);
        let outcomes: Vec<String> = outcomes(&batch.json()).into_iter().map(|(_, outcome)| outcome).collect();
        assert_eq!(outcomes, ["invited", "invalid", "invited"]);
        let mut tx = house.app.read_proven(house.organisation).await.expect("reads");
        let events = audit::page(&mut tx, before, 10).await.expect("events");
        let told: Vec<_> = events
            .iter()
            .map(|event| {
                let event = told(event);
                (event["subject"]["name"].clone(), event["changes"][0]["now"].clone())
            })
            .collect();
        let expected = [("cy@north.test", "Revoked"), ("cy@north.test", "member"), ("eve@north.test", "member")];
        assert_eq!(told, expected.map(|(name, now)| (json!(name), json!(now))));
    })
    .await;
}

#[tokio::test]
async fn what_is_mailed_again_waits_and_what_is_shown_does_not() {
    each_engine_with_mail(async |house, mailbox| {
        let (house, ada) = house.with_ada().await;
        let id = house.invite_by_mail(&ada, &house.slug, "cy@north.test").await;
        let first = mailbox.token("cy@north.test").await;
        let resend = async |show: &str| {
            ada.form("team/resend_invitation", &[("slug", house.slug.as_str()), ("id", &id), ("show", show)]).await
        };
        let before = house.snapshot().await;
        let early = resend("false").await;
        assert_eq!((early.status, early.code().as_str()), (429, "too_many_requests"), "{}", early.text);
        assert!(early.headers.contains_key("retry-after"));
        assert_eq!(house.snapshot().await, before);
        let seen = async |token: &str| house.nobody().form("invitation/view", &[("token", token)]).await.status;
        assert_eq!(seen(&first).await, 200, "what was refused ended nothing");

        // Links to hand over follow one another at once; each ends the one before it.
        let second = token(&resend("true").await.json()["link"]);
        let third = token(&resend("true").await.json()["link"]);
        assert_eq!((seen(&first).await, seen(&second).await, seen(&third).await), (404, 404, 200));
        assert_eq!(mailbox.unread(), 0, "they are shown and not mailed");
        assert_eq!(resend("false").await.status, 429, "the pause counts from the newest link");

        house.clock().advance(2 * MINUTE);
        let mailed = resend("false").await;
        assert_eq!((mailed.status, &mailed.json()["link"]), (200, &Value::Null), "{}", mailed.text);
        assert_eq!(seen(&third).await, 404);
        assert_eq!(seen(&mailbox.token("cy@north.test").await).await, 200);

        // What the mail server does not take is shown instead.
        mailbox.refuse(true);
        house.clock().advance(2 * MINUTE);
        assert_eq!(seen(&token(&resend("false").await.json()["link"])).await, 200);
    })
    .await;
}

#[tokio::test]
async fn to_revoke_and_invite_anew_is_no_way_around_the_pause() {
    each_engine_with_mail(async |house, mailbox| {
        let (house, ada) = house.with_ada().await;
        let id = house.invite_by_mail(&ada, &house.slug, "cy@north.test").await;
        mailbox.token("cy@north.test").await;
        let revoked = ada.form("team/revoke_invitation", &[("slug", &house.slug), ("id", &id)]).await;
        assert!(revoked.status < 400, "{}", revoked.text);
        let fields = [("slug", house.slug.as_str()), ("addresses", "CY@north.test"), ("role", "member")];
        let early = ada.form("team/invite", &fields).await;
        assert_eq!((early.status, early.code().as_str()), (422, "invalid"), "{}", early.text);
        assert_eq!(mailbox.unread(), 0);
        house.clock().advance(2 * MINUTE);
        house.invite_by_mail(&ada, &house.slug, "cy@north.test").await;
        mailbox.token("cy@north.test").await;
    })
    .await;
}

#[tokio::test]
async fn who_is_signed_in_answers_from_the_switcher() {
    each_engine_with_mail(async |house, mailbox| {
        let (house, ada) = house.with_ada().await;
        house.invite_by_mail(&ada, &house.slug, "bo@north.test").await;
        let bo = join(&house, &mailbox.token("bo@north.test").await, "Bo").await;
        // Bo leaves, so that there is an account to invite.
        let left = bo.form("team/leave", &[("slug", &house.slug)]).await;
        assert!(left.status < 400, "{}", left.text);
        assert_eq!(bo.form("team/list", &[("slug", &house.slug)]).await.status, 404);

        house.invite_by_mail(&ada, &house.slug, "BO@north.test").await;
        mailbox.token("BO@north.test").await;
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
        house.invite_by_mail(&ada, &house.slug, "bo@north.test").await;
        let token = mailbox.token("bo@north.test").await;
        let declined = bo.form("invitation/decline", &[("token", &token)]).await;
        assert!(declined.status < 400, "{}", declined.text);
        assert_eq!(accept(&bo, &token).await, (410, "link_spent".into()));
    })
    .await;
}

/// What a person sees of the invitations to their address, by the organisations' names.
async fn waiting(person: &Client) -> Vec<String> {
    let list = person.form("invitation/mine", &[]).await;
    assert_eq!(list.status, 200, "{}", list.text);
    let names = |waiting: &Value| waiting["organisation"].as_str().expect("a name").to_owned();
    list.json().as_array().expect("a list").iter().map(names).collect()
}

#[tokio::test]
async fn who_made_an_account_of_anothers_address_sees_nothing_that_is_sent_there() {
    each_engine_with_mail(async |house, mailbox| {
        let (house, ada) = house.with_ada().await;
        let south = found(&ada, "South").await;
        // Whoever may invite makes a link to hand over, and uses it themselves.
        let invited = house.invite_by_mail(&ada, &house.slug, "vi@north.test").await;
        let fields = [("slug", house.slug.as_str()), ("id", invited.as_str()), ("show", "true")];
        let shown = token(&ada.form("team/resend_invitation", &fields).await.json()["link"]);
        let thief = join(&house, &shown, "Vi").await;

        let id = house.invite_by_mail(&ada, &south, "vi@north.test").await;
        let before = house.snapshot().await;
        assert_eq!(waiting(&thief).await, [""; 0]);
        let view = thief.form("organisation/view", &[("slug", &house.slug)]).await.json();
        assert_eq!(view["invitations"], json!([]));
        for (path, field) in [("invitation/view", "id"), ("invitation/accept_mine", "id"), ("invitation/decline", "id")]
        {
            let refused = thief.form(path, &[(field, &id)]).await;
            assert_eq!((refused.status, refused.code().as_str()), (404, "not_found"), "{path}: {}", refused.text);
        }
        assert_eq!(thief.page(&format!("/invitation?id={id}")).await.status, 404);
        assert_eq!(house.snapshot().await, before, "what was refused changed nothing");

        // Whoever reads the mail takes the account, and what was sent to its address.
        let asked = house.nobody().form("account/ask_reset", &[("email", "vi@north.test")]).await;
        assert_eq!(asked.status, 200, "{}", asked.text);
        for _ in 0..2 {
            // Both invitations were mailed before it.
            mailbox.token("vi@north.test").await;
        }
        let link = mailbox.token("vi@north.test").await;
        let password = "another long test password";
        let reset =
            house.nobody().form("account/reset_password", &[("token", &link), ("new_password", password)]).await;
        assert!(reset.status < 400, "{}", reset.text);
        assert_eq!(thief.form("invitation/mine", &[]).await.status, 401);
        let mut vi = house.nobody();
        let signed_in = vi.form("account/sign_in", &[("email", "vi@north.test"), ("password", password)]).await;
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        vi.keep_cookie(&signed_in);
        assert_eq!(waiting(&vi).await, ["South"]);
        let accepted = vi.form("invitation/accept_mine", &[("id", &id)]).await;
        assert!(accepted.status < 400, "{}", accepted.text);
        assert_eq!(vi.form("organisation/view", &[("slug", &south)]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_was_shown_proves_no_address_and_still_lets_in() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let bo = house.with_person(&ada, "Bo", "member").await;
        let id = house.id_of(&ada, "Bo").await;
        let made = ada.form("team/make_reset_link", &[("slug", &house.slug), ("id", &id)]).await;
        let link = made.json()["link"].as_str().expect("a link").to_owned();
        let link = link.strip_prefix("http://latchkey.test/reset?token=").expect("this installation's address");
        let reset = house.nobody().form("account/reset_password", &[("token", link), ("new_password", PASSWORD)]).await;
        assert!(reset.status < 400, "{}", reset.text);
        assert_eq!(bo.form("invitation/mine", &[]).await.status, 401, "it ended all sessions");
        let bo = house.person("bo@north.test").await;

        let south = found(&ada, "South").await;
        let fields = [("slug", south.as_str()), ("addresses", "bo@north.test"), ("role", "member")];
        let answer = ada.form("team/invite", &fields).await.json();
        let shown = token(&answer["answers"][0]["outcome"]["invited"]["link"]);
        assert_eq!(waiting(&bo).await, [""; 0], "neither link proved the address");
        // Whoever holds the link needs no proof beyond it.
        let page = bo.page(&format!("/invitation?token={shown}")).await;
        assert!(page.status == 200 && page.text.contains("Join South"), "{}", page.text);
        assert_eq!(accept(&bo, &shown).await.1, "");
        assert_eq!(bo.form("organisation/view", &[("slug", &south)]).await.status, 200);

        // Nor did the first Owner's own word prove theirs.
        let left = bo.form("team/leave", &[("slug", &south)]).await;
        assert!(left.status < 400, "{}", left.text);
        let east = found(&bo, "East").await;
        let fields = [("slug", east.as_str()), ("addresses", "ada@north.test"), ("role", "member")];
        assert_eq!(bo.form("team/invite", &fields).await.status, 200);
        assert_eq!(waiting(&ada).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_was_only_mailed_proves_the_address() {
    each_engine_with_mail(async |house, mailbox| {
        let (house, ada) = house.with_ada().await;
        let south = found(&ada, "South").await;

        // The mail server took this one, so that nobody saw the link: a new account.
        house.invite_by_mail(&ada, &house.slug, "bo@north.test").await;
        let bo = join(&house, &mailbox.token("bo@north.test").await, "Bo").await;
        house.invite_by_mail(&ada, &south, "bo@north.test").await;
        assert_eq!(waiting(&bo).await, ["South"]);

        // And not this one, whose link was shown.
        mailbox.refuse(true);
        let shown = house.invite(&ada, "cy@north.test", "member").await;
        mailbox.refuse(false);
        let cy = join(&house, &shown, "Cy").await;
        house.invite_by_mail(&ada, &south, "cy@north.test").await;
        assert_eq!(waiting(&cy).await, [""; 0]);

        // An account that is there already is proven by the first mailed link that it uses.
        assert_eq!(accept(&cy, &mailbox.token("cy@north.test").await).await.1, "");
        let left = cy.form("team/leave", &[("slug", &south)]).await;
        assert!(left.status < 400, "{}", left.text);
        house.invite_by_mail(&ada, &south, "cy@north.test").await;
        assert_eq!(waiting(&cy).await, ["South"]);

        // A link that was mailed and then replaced by one to copy proves nothing any more.
        let id = house.invite_by_mail(&ada, &house.slug, "dee@north.test").await;
        let fields = [("slug", house.slug.as_str()), ("id", id.as_str()), ("show", "true")];
        let copied = token(&ada.form("team/resend_invitation", &fields).await.json()["link"]);
        let dee = join(&house, &copied, "Dee").await;
        house.invite_by_mail(&ada, &south, "dee@north.test").await;
        assert_eq!(waiting(&dee).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn an_inviter_who_lost_the_right_invites_nobody() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
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
async fn one_link_accepted_twice_at_once_is_one_membership() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
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
async fn several_are_revoked_one_by_one() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let cy = house.with_person(&ada, "Cy", "member").await;
        let mut ids = vec![];
        for name in ["one", "two", "three"] {
            house.invite(&ada, &format!("{name}@north.test"), "member").await;
        }
        let slug = ("slug", house.slug.as_str());
        let list = ada.form("team/invitations", &[slug]).await.json();
        for name in ["one", "two", "three"] {
            let email = format!("{name}@north.test");
            let waiting = list["invitations"].as_array().expect("invitations");
            let invitation = waiting.iter().find(|one| one["email"] == email.as_str()).expect("an invitation");
            ids.push(invitation["id"].as_str().expect("an id").to_owned());
        }
        assert_eq!(ada.form("team/revoke_invitation", &[slug, ("id", &ids[1])]).await.status, 200);
        ids.push(uuid::Uuid::now_v7().to_string());
        let all = ids.join(" ");
        let fields = [slug, ("ids", all.as_str())];

        let (before, events) = (house.snapshot().await, house.chain(house.organisation).await.0);
        assert_eq!(cy.form("team/revoke_invitations", &fields).await.status, 403);
        assert_eq!(house.chain(house.organisation).await.0 - events, 1);
        assert_eq!(house.snapshot().await, before);

        let picks: String = ids.iter().map(|id| format!("&pick={id}")).collect();
        let page = format!("/o/{}/team/invitations/many?act=revoke{picks}", house.slug);
        let asks = ada.page(&page).await;
        assert_eq!(asks.status, 200);
        for words in ["Revoke 2 invitations?", "it is revoked already.", "not found."] {
            assert!(asks.text.contains(words), "{words}: {}", asks.text);
        }
        let done = ada.plain_form(&page, "team/revoke_invitations", &fields).await;
        assert_eq!(done.status, 200);
        for words in
            ["2 of 4 invitations revoked", "three@north.test", "This invitation was revoked. Invite the address anew."]
        {
            assert!(done.text.contains(words), "{words}: {}", done.text);
        }
        assert_eq!(house.people(&ada).await["invitations"], 0);
    })
    .await;
}
