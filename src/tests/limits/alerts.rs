//! Who is told that budgets are used: by mail and by webhook, once each.

use super::{call, limited, shown::set, written};
use crate::{
    features::limits::ROOM,
    kernel::time::{DAY, HOUR, MINUTE, SECOND},
    server::limits::MailKind,
    tests::{
        audit_delivery::{Hook, signed},
        gateway::with_provider,
        support::{Client, House, done, each_engine, each_engine_with_mail},
    },
};
use serde_json::{Value, json};
use tokio::join;

/// One round of those that send mails, or of those that call webhooks.
async fn round(house: &House, of: &str) {
    let job = ROOM.jobs.iter().find(|job| job.failed.starts_with(of)).expect("the job");
    (job.round)(&house.app).await.expect("a round");
}

/// A budget of two calls for the whole organisation, of which people hear after the first.
async fn two_calls(owner: &Client, house: &House) {
    let budget = [("kind", "budget"), ("measure", "requests"), ("span", "month"), ("amount", "2"), ("alert_at", "1")];
    set(owner, house, &format!("organisation:{}", house.organisation), &budget).await;
}

#[tokio::test]
async fn a_webhook_is_told_once_and_again_until_it_listens() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let another = house.another(|_| {}).await;
        let mut hook = Hook::open().await;
        let slug = ("slug", house.slug.as_str());
        let url = hook.url();
        for bad in ["", "nowhere", "https://10.0.0.1/hook", "https://user@example.org/"] {
            let refused = owner.form("limits/set_webhook", &[slug, ("url", bad)]).await;
            assert_eq!((refused.status, &refused.json()["fields"][0]["field"]), (422, &json!("url")), "{bad}");
        }
        let made = owner.form("limits/set_webhook", &[slug, ("url", &url)]).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let secret = made.json()["secret"].as_str().expect("a secret").to_owned();
        let twice = owner.form("limits/set_webhook", &[slug, ("url", &url)]).await;
        assert_eq!((twice.status, twice.code()), (409, "conflict".into()), "{}", twice.text);
        let page = owner.page(&format!("/o/{}/limits", house.slug)).await.text;
        assert!(page.contains(&url) && !page.contains(&secret), "the secret is shown once");

        two_calls(&owner, &house).await;
        let (_, program) = limited(&house, json!({})).await;
        round(&house, "webhooks").await;
        assert_eq!(hook.taken().len(), 0, "nothing is to be told yet");
        assert_eq!(call(&program).await.status, 200);
        written(&house, 1).await;
        join!(round(&house, "webhooks"), round(&another, "webhooks"));
        let [message] = &hook.taken()[..] else { panic!("one message") };
        assert_eq!(signed(message, &secret), (true, 1));
        let told: Value = serde_json::from_str(&message.body).expect("JSON");
        assert_eq!(told["type"], "limit.alert");
        let data = &told["data"];
        assert_eq!(
            (&data["alert"], &data["used"], &data["credit_limit"]),
            (&json!("threshold"), &json!(1.0), &json!(2.0))
        );
        assert_eq!(
            (&data["scope"], &data["subject_id"]),
            (&json!("organisation"), &json!(house.organisation)),
            "{told}"
        );
        assert!(data["url"].as_str().is_some_and(|url| url.ends_with("/limits")), "{told}");
        round(&house, "webhooks").await;
        assert_eq!(hook.taken().len(), 0, "it has it");

        // One that does not take it is asked again, not at once, and by one of the programs.
        hook.answers(500);
        assert_eq!(call(&program).await.status, 200);
        written(&house, 2).await;
        round(&house, "webhooks").await;
        round(&house, "webhooks").await;
        let [first] = &hook.taken()[..] else { panic!("one attempt") };
        let id = first.header("webhook-id").expect("an id").to_owned();
        let shown = async || owner.form("limits/list", &[slug]).await.json()["hook"]["error"].clone();
        assert!(shown().await.as_str().is_some_and(|error| error.contains("500")), "{}", shown().await);
        hook.answers(200);
        house.app.clock.advance(10 * SECOND);
        join!(round(&house, "webhooks"), round(&another, "webhooks"));
        let [second] = &hook.taken()[..] else { panic!("one more attempt") };
        assert_eq!(second.header("webhook-id"), Some(id.as_str()));
        assert!(second.body.contains("\"exhausted\""), "{}", second.body);
        assert_eq!(shown().await, Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_never_listens_is_given_up_and_one_that_is_gone_is_told_nothing() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let mut hook = Hook::open().await;
        let slug = ("slug", house.slug.as_str());
        let url = hook.url();
        done(&owner, "limits/set_webhook", &[slug, ("url", &url)]).await;
        two_calls(&owner, &house).await;
        let (_, program) = limited(&house, json!({})).await;
        hook.answers(503);
        assert_eq!(call(&program).await.status, 200);
        written(&house, 1).await;
        round(&house, "webhooks").await;
        house.app.clock.advance(DAY + MINUTE);
        round(&house, "webhooks").await;
        assert_eq!(hook.taken().len(), 2);
        hook.answers(200);
        house.app.clock.advance(DAY);
        round(&house, "webhooks").await;
        assert_eq!(hook.taken().len(), 0, "it was given up");
    })
    .await;
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let mut hook = Hook::open().await;
        let slug = ("slug", house.slug.as_str());
        let url = hook.url();
        done(&owner, "limits/set_webhook", &[slug, ("url", &url)]).await;
        two_calls(&owner, &house).await;
        let (_, program) = limited(&house, json!({})).await;
        assert_eq!(call(&program).await.status, 200);
        written(&house, 1).await;
        // What waited for the one is not told to the next.
        done(&owner, "limits/delete_webhook", &[slug]).await;
        round(&house, "webhooks").await;
        done(&owner, "limits/set_webhook", &[slug, ("url", &url)]).await;
        round(&house, "webhooks").await;
        assert_eq!(hook.taken().len(), 0);
        // It is told of what comes after it.
        assert_eq!(call(&program).await.status, 200);
        written(&house, 2).await;
        round(&house, "webhooks").await;
        assert_eq!(hook.taken().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn people_are_told_once_by_mail_whatever_the_number_of_replicas() {
    each_engine_with_mail(async |house, mailbox| {
        let (house, owner, _provider) = with_provider(house).await;
        let another = house.another(|_| {}).await;
        two_calls(&owner, &house).await;
        let (_, program) = limited(&house, json!({})).await;
        for (used, subject) in [(1, "A Latchkey budget is nearly used up"), (2, "A Latchkey budget is used up")] {
            assert_eq!(call(&program).await.status, 200);
            written(&house, used).await;
            join!(round(&house, "people"), round(&another, "people"));
            round(&house, "people").await;
            let mails = mailbox.unread_of("ada@north.test");
            assert_eq!(mails.iter().filter(|mail| mail.contains(subject)).count(), 1, "{mails:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn mails_that_cannot_be_sent_wait_and_are_given_up_after_a_day() {
    each_engine_with_mail(async |house, mailbox| {
        let (house, owner, _provider) = with_provider(house).await;
        two_calls(&owner, &house).await;
        let (_, program) = limited(&house, json!({})).await;
        let told =
            |subject: &str| mailbox.unread_of("ada@north.test").iter().filter(|mail| mail.contains(subject)).count();
        let nearly = "A Latchkey budget is nearly used up";
        // An address gets so many mails in an hour, whatever they say.
        while house.app.limits.take_mail(MailKind::Notice, "ada@north.test", house.app.clock.now()).is_ok() {}
        assert_eq!(call(&program).await.status, 200);
        written(&house, 1).await;
        round(&house, "people").await;
        assert_eq!(told(nearly), 0);
        house.app.clock.advance(HOUR + MINUTE);
        mailbox.refuse(true);
        round(&house, "people").await;
        mailbox.refuse(false);
        round(&house, "people").await;
        assert_eq!(told(nearly), 0, "it waits for a while");
        house.app.clock.advance(3 * MINUTE);
        round(&house, "people").await;
        assert_eq!(told(nearly), 1);

        let used_up = "A Latchkey budget is used up";
        assert_eq!(call(&program).await.status, 200);
        written(&house, 2).await;
        mailbox.refuse(true);
        round(&house, "people").await;
        mailbox.refuse(false);
        for _ in 0..2 {
            house.app.clock.advance(DAY + MINUTE);
            round(&house, "people").await;
        }
        assert_eq!((told(nearly), told(used_up)), (1, 0), "it was given up");
    })
    .await;
}
