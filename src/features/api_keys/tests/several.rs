//! Several keys at once: each is changed or left for itself.

use super::*;
use crate::{
    kernel::{Error, many::Outcome, time::MINUTE},
    policy::Permission as P,
};

/// What became of each of several keys: its name, and why nothing was done with it.
fn told(answer: &Answer) -> Vec<(String, Option<String>)> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let outcomes: Vec<Outcome> = serde_json::from_str(&answer.text).unwrap();
    outcomes.into_iter().map(|outcome| (outcome.name, outcome.refused)).collect()
}

fn joined(ids: &[KeyId]) -> String {
    ids.iter().map(KeyId::to_string).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn several_keys_are_changed_one_by_one() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        let south = ada.form("organisation/create", &[("name", "South")]).await.json();
        let south = south["slug"].as_str().expect("a slug");
        let theirs = ada.form("api_keys/create", &[("slug", south), ("name", "southern")]).await;
        let theirs: Minted = serde_json::from_str(&theirs.text).unwrap();
        let (good, off, gone) = (
            house.make(&ada, &[("name", "good")]).await,
            house.make(&ada, &[("name", "off")]).await,
            house.make(&ada, &[("name", "gone")]).await,
        );
        assert_eq!(house.call(&ada, "disable", &[("id", &off.id.to_string())]).await.status, 200);
        assert_eq!(house.call(&ada, "delete", &[("id", &gone.id.to_string())]).await.status, 200);
        let ids = joined(&[good.id, off.id, gone.id, theirs.id, KeyId::new(), good.id]);

        // The page names what it is about, and what is left out.
        let picks: String = ids.split(' ').map(|id| format!("&pick={id}")).collect();
        let page = format!("/o/{}/api-keys/many?act=disable{picks}", house.slug);
        let asks = ada.page(&page).await;
        assert_eq!(asks.status, 200);
        for words in ["Disable 1 key?", "it is disabled already.", "it is deleted already."] {
            assert!(asks.text.contains(words), "{words}: {}", asks.text);
        }
        assert!(!asks.text.contains("southern"), "{}", asks.text);

        // Each has an event of its own, and another organisation's key is as one that there never was.
        let events = house.chain(house.organisation).await.0;
        let unknown = (String::new(), Some(Error::not_found().message));
        let deleted = Some("This key was deleted. It cannot be changed any more.".to_owned());
        assert_eq!(
            told(&house.call(&ada, "disable_many", &[("ids", &ids)]).await),
            [("good".into(), None), ("off".into(), None), ("gone".into(), deleted), unknown.clone(), unknown]
        );
        assert_eq!(house.chain(house.organisation).await.0 - events, 5);
        assert_eq!(house.opens(&good.secret).await, Err(Code::ApiKeyDisabled));
        assert!(house.opens(&theirs.secret).await.is_ok());

        // Without JavaScript the same page tells what became of each.
        let both = joined(&[good.id, off.id]);
        let fields = [("slug", house.slug.as_str()), ("ids", both.as_str())];
        let page = format!("/o/{}/api-keys/many?act=enable&pick={}&pick={}", house.slug, good.id, off.id);
        let done = ada.plain_form(&page, "api_keys/enable_many", &fields).await;
        assert_eq!(done.status, 200);
        assert!(done.text.contains("2 keys enabled") && done.text.contains("good"), "{}", done.text);
        assert!(house.opens(&good.secret).await.is_ok() && house.opens(&off.secret).await.is_ok());
        assert_eq!(told(&house.call(&ada, "delete_many", &[("ids", &both)]).await).len(), 2);
        assert_eq!(house.opens(&good.secret).await, Err(Code::ApiKeyRevoked));
    })
    .await;
}

#[tokio::test]
async fn several_keys_are_all_left_where_the_caller_or_the_number_is_wrong() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        join(&house, "mia@north.test", "Mia", Role::Member).await;
        let mia = house.person("mia@north.test").await;
        let (plain, strong) = (
            house.make(&ada, &[("name", "plain")]).await,
            house.make(&ada, &[("name", "strong"), ("api_keys", "write")]).await,
        );
        let ids = joined(&[plain.id, strong.id]);
        let before = house.snapshot().await;
        for (verb, missing) in
            [("disable_many", P::ApiKeysUpdate), ("enable_many", P::ApiKeysUpdate), ("delete_many", P::ApiKeysDelete)]
        {
            let events = house.chain(house.organisation).await.0;
            let refused = house.call(&mia, verb, &[("ids", &ids)]).await;
            assert_eq!((refused.status, refused.code().as_str()), (403, "permission_denied"), "{verb}");
            assert_eq!(refused.json()["missing"]["permission"], missing.name(), "{verb}");
            assert_eq!(house.chain(house.organisation).await.0 - events, 1, "{verb}");
            for ids in [String::new(), joined(&(0..51).map(|_| KeyId::new()).collect::<Vec<_>>())] {
                let refused = house.call(&ada, verb, &[("ids", &ids)]).await;
                assert_eq!(
                    (refused.status, refused.json()["fields"][0]["field"].as_str()),
                    (422, Some("ids")),
                    "{verb}"
                );
            }
        }
        assert_eq!(house.snapshot().await, before);

        // What asks for the password comes first: then nothing is done yet.
        house.app.clock.advance(16 * MINUTE);
        let before = house.snapshot().await;
        let refused = house.call(&ada, "disable_many", &[("ids", &ids)]).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, "password_needed"), "{}", refused.text);
        assert_eq!(house.snapshot().await, before);
        assert!(house.opens(&plain.secret).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn several_keys_in_use_end_only_by_their_names() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        let (busy, idle, other) = (
            house.make(&ada, &[("name", "busy")]).await,
            house.make(&ada, &[("name", "idle")]).await,
            house.make(&ada, &[("name", "other")]).await,
        );
        house.use_now(&busy.secret).await;
        house.use_now(&other.secret).await;
        let ids = joined(&[busy.id, idle.id, other.id]);
        let page = format!("/o/{}/api-keys/many?act=delete&pick={}&pick={}", house.slug, busy.id, other.id);
        let asks = ada.page(&page).await;
        assert!(asks.text.contains("busy, other were used within a day."), "{}", asks.text);
        let unnamed = Some("Type the name, busy, to confirm.".to_owned());
        assert_eq!(
            told(&house.call(&ada, "delete_many", &[("ids", &ids), ("confirm", "nobody\r\n other \r\n")]).await),
            [("busy".into(), unnamed), ("idle".into(), None), ("other".into(), None)]
        );
        assert!(house.opens(&busy.secret).await.is_ok());
        assert_eq!(house.opens(&other.secret).await, Err(Code::ApiKeyRevoked));
        let named = house.call(&ada, "delete_many", &[("ids", &ids), ("confirm", "busy")]).await;
        assert_eq!(told(&named)[0], ("busy".into(), None));
    })
    .await;
}
