//! Mails to people who did not ask for them: how many, and what stands in them.

use super::{found, join};
use crate::{
    kernel::time::HOUR,
    tests::support::{PASSWORD, each_engine_with_mail},
};
use serde_json::Value;

#[tokio::test]
async fn one_person_cannot_flood_anothers_inbox() {
    each_engine_with_mail(async |house, mailbox| {
        let (house, ada) = house.with_ada().await;
        house.invite_by_mail(&ada, &house.slug, "bo@north.test").await;
        let bo = join(&house, &mailbox.token("bo@north.test").await, "Bo").await;
        let victim = "vi@elsewhere.test";
        let (mut mailed, mut shown) = (0, vec![]);
        for number in 0..10 {
            let slug = found(&bo, &format!("Win a prize at http://evil.example {number}")).await;
            let address = if number % 2 == 0 { victim } else { "VI@Elsewhere.test" };
            let fields = [("slug", slug.as_str()), ("addresses", address), ("role", "member")];
            let answer = bo.form("team/invite", &fields).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let invited = answer.json()["answers"][0]["outcome"]["invited"].clone();
            match invited["link"].as_str() {
                None => mailed += 1,
                Some(link) => shown.push((slug, invited["id"].clone(), link.to_owned(), invited["unsent"].clone())),
            }
        }
        assert_eq!((mailed, shown.len(), mailbox.unread()), (6, 4, 6));
        for mail in mailbox.unread_of(victim) {
            let subjects: Vec<_> = mail.lines().filter(|line| line.starts_with("Subject:")).collect();
            assert_eq!(subjects, ["Subject: Invitation to an organisation on Latchkey"]);
            assert!(!mail.contains("evil.example") && !mail.contains("http://evil"), "{mail}");
        }

        // The invitation is good, and its link proves no address: it was shown.
        let (slug, id, link, unsent) = &shown[0];
        let unsent = unsent.as_str().expect("a reason");
        assert!(unsent.starts_with("Too many mails to this address. Try again in 60 minutes"), "{unsent}");
        let id = id.as_str().expect("an id");
        let again = bo.form("team/resend_invitation", &[("slug", slug), ("id", id), ("show", "false")]).await;
        assert_eq!(again.status, 429, "{}", again.text);
        let vi = join(&house, link.split_once("token=").expect("a token").1, "Vi").await;
        let fields = [("slug", house.slug.as_str()), ("addresses", victim), ("role", "member")];
        assert_eq!(ada.form("team/invite", &fields).await.status, 200);
        assert_eq!(vi.form("invitation/mine", &[]).await.json().as_array().map(Vec::len), Some(0));

        // What the person asks for themself is mailed all the same, and so is what warns them.
        assert!(house.nobody().form("account/ask_reset", &[("email", victim)]).await.status < 400);
        let link = mailbox.link_to(victim, "/reset?").await;
        let token = link.split_once("token=").expect("a token").1;
        let fields = [("token", token), ("new_password", "another long test password")];
        assert!(house.nobody().form("account/reset_password", &fields).await.status < 400);

        // An hour later the next one is mailed.
        house.clock().advance(HOUR);
        let ada = house.person("ada@north.test").await;
        let south = found(&ada, "South").await;
        house.invite_by_mail(&ada, &south, "vi2@elsewhere.test").await;
        house.invite_by_mail(&ada, &south, victim).await;
    })
    .await;
}

#[tokio::test]
async fn one_person_mails_so_many_invitations_over_all_organisations() {
    each_engine_with_mail(async |house, mailbox| {
        let (_house, ada) = house.with_ada().await;
        let (mut mailed, mut shown) = (0, 0);
        for batch in 0..3 {
            let slug = found(&ada, &format!("Office {batch}")).await;
            let addresses: Vec<_> = (0..80).map(|n| format!("p{n}@office{batch}.test")).collect();
            let fields = [("slug", slug.as_str()), ("addresses", &addresses.join(" ")), ("role", "member")];
            let answer = ada.form("team/invite", &fields).await.json();
            for answer in answer["answers"].as_array().expect("answers") {
                match &answer["outcome"]["invited"]["link"] {
                    Value::Null => mailed += 1,
                    _ => shown += 1,
                }
            }
        }
        assert_eq!((mailed, shown, mailbox.unread()), (200, 40, 200));
    })
    .await;
}

#[tokio::test]
async fn a_mailbox_is_not_the_one_that_it_looks_like() {
    each_engine_with_mail(async |house, mailbox| {
        let (house, ada) = house.with_ada().await;
        house.invite_by_mail(&ada, &house.slug, "finance@north.test").await;
        let before = house.snapshot().await;
        let fields = [("slug", house.slug.as_str()), ("addresses", "\u{FB01}nance@north.test"), ("role", "admin")];
        let refused = ada.form("team/invite", &fields).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "invalid"), "{}", refused.text);
        assert!(refused.text.contains('\u{FB01}'), "it names the character: {}", refused.text);
        let asked = house.nobody().form("account/ask_reset", &[("email", "\u{FB01}nance@north.test")]).await;
        assert_eq!(asked.status, 422, "{}", asked.text);
        assert_eq!(house.snapshot().await, before);
        let token = mailbox.token("finance@north.test").await;
        join(&house, &token, "Fi").await;
        let fields = [("email", "\u{FB01}nance@north.test"), ("password", PASSWORD)];
        assert_eq!(house.nobody().form("account/sign_in", &fields).await.status, 401);
    })
    .await;
}
