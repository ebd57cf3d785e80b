//! A key is made once, changed, rotated and ended.

use super::*;
use crate::{
    features::api_keys::{
        operations::{self, Rotation},
        store,
    },
    kernel::time::{DAY, HOUR, MINUTE},
    policy::{KeyFeature, Level, Permission as P},
};

/// The example beside a new secret names what is there.
#[tokio::test]
async fn a_new_secret_comes_with_a_call_that_works() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        let made = house.make(&ada, &[("name", "early")]).await;
        assert_eq!((made.model, made.called), (None, false));
        let new = format!("/o/{}/api-keys/new", house.slug);
        let shown = async |name: &str| {
            let fields = [("slug", house.slug.as_str()), ("name", name)];
            let page = ada.plain_form(&new, "api_keys/create", &fields).await;
            assert_eq!(page.status, 200);
            page.text
        };
        let page = shown("too early").await;
        assert!(page.contains("First store a provider") && !page.contains("/v1/chat/completions"));
        for (name, provider) in [("First one", "anthropic"), ("Second one", "openai")] {
            let fields = [
                ("slug", house.slug.as_str()),
                ("name", name),
                ("provider", provider),
                ("base_url", "http://127.0.0.1:8080/v1"),
                ("credential", "sk-test"),
            ];
            assert_eq!(ada.form("virtual_keys/create", &fields).await.status, 200);
        }
        let made = house.make(&ada, &[("name", "later")]).await;
        assert_eq!(made.model.as_deref(), Some("@first-one/claude-sonnet-4-5"));
        let page = shown("on paper").await;
        assert!(page.contains("@first-one/claude-sonnet-4-5") && page.contains("/v1/chat/completions"));
        let rotate = [("id", made.id.to_string()), ("overlap", "1h".into()), ("expiry", "keep".into())];
        let rotate: Vec<_> = rotate.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let rotated: Minted = serde_json::from_str(&house.call(&ada, "rotate", &rotate).await.text).unwrap();
        assert_eq!(rotated.model, made.model);
        // One that may reach the second alone is shown the second.
        let fields =
            [("name", "narrow"), ("narrowing", "yes"), ("only_virtual_keys", "second-one"), ("only_models", "*mini")];
        let narrow = house.make(&ada, &fields).await;
        assert_eq!(narrow.model.as_deref(), Some("@second-one/gpt-4o-mini"));
    })
    .await;
}

#[tokio::test]
async fn the_life_of_a_key() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        let made = house.make(&ada, &[("name", " ci deploy ")]).await;
        let id = made.id.to_string();
        assert_eq!(made.permissions, PermissionSet::key_default());
        assert_eq!(house.opens(&made.secret).await, Ok(PermissionSet::key_default()));

        // The secret is in that one answer alone.
        let list = house.call(&ada, "list", &[]).await;
        let page = ada.page(&format!("/o/{}/api-keys", house.slug)).await;
        let detail = ada.page(&format!("/o/{}/api-keys/{id}", house.slug)).await;
        assert_eq!((page.status, detail.status), (200, 200));
        assert!(page.text.contains("ci deploy") && detail.text.contains("ci deploy"));
        for answer in [&list, &page, &detail] {
            assert!(!answer.text.contains(&made.secret.expose()[8..]), "a secret is shown again");
        }

        // An edit by its version; another one with the same version is too late.
        let edit = [("id", id.as_str()), ("version", "1"), ("name", "ci"), ("prompts", "write"), ("expiry", "keep")];
        assert_eq!(house.call(&ada, "update", &edit).await.status, 200);
        let key = house.key(&ada, made.id).await;
        assert_eq!((key.name.as_str(), key.version), ("ci", 2));
        assert!(key.permissions.contains(P::PromptsPublish) && key.permissions.contains(P::ModelsCall));
        assert!(key.expires_at.is_some());
        let late = house.call(&ada, "update", &edit).await;
        assert_eq!((late.status, late.code().as_str()), (409, "stale_version"));

        // Rotation: both secrets until the announced instant, at most two.
        let rotate = [("id", id.as_str()), ("overlap", "1h"), ("expiry", "keep")];
        let rotated: Minted = serde_json::from_str(&house.call(&ada, "rotate", &rotate).await.text).unwrap();
        assert_eq!((rotated.id, rotated.permissions), (made.id, key.permissions));
        assert!(house.opens(&made.secret).await.is_ok() && house.opens(&rotated.secret).await.is_ok());
        assert_eq!(house.call(&ada, "rotate", &rotate).await.status, 409);
        house.app.clock.advance(HOUR - MINUTE);
        assert!(house.opens(&made.secret).await.is_ok());
        house.app.clock.advance(MINUTE);
        assert_eq!(house.opens(&made.secret).await, Err(Code::ApiKeyRevoked));
        assert!(house.key(&ada, made.id).await.old.is_none());
        let again: Minted = serde_json::from_str(&house.call(&ada, "rotate", &rotate).await.text).unwrap();
        assert_eq!(house.call(&ada, "end_overlap", &[("id", &id)]).await.status, 200);
        assert_eq!(house.opens(&rotated.secret).await, Err(Code::ApiKeyRevoked));
        assert_eq!(house.call(&ada, "end_overlap", &[("id", &id)]).await.status, 409);

        // Disabled, enabled, expired, deleted: each says which.
        assert_eq!(house.call(&ada, "disable", &[("id", &id)]).await.status, 200);
        assert_eq!(house.opens(&again.secret).await, Err(Code::ApiKeyDisabled));
        assert_eq!(house.call(&ada, "enable", &[("id", &id)]).await.status, 200);
        assert!(house.opens(&again.secret).await.is_ok());
        house.app.clock.advance(91 * DAY);
        assert_eq!(house.opens(&again.secret).await, Err(Code::ApiKeyExpired));
        let ada = house.person("ada@north.test").await;
        assert_eq!(house.call(&ada, "rotate", &rotate).await.status, 422);
        let later = [("id", id.as_str()), ("overlap", "now"), ("expiry", "7")];
        let last: Minted = serde_json::from_str(&house.call(&ada, "rotate", &later).await.text).unwrap();
        assert_eq!(house.opens(&again.secret).await, Err(Code::ApiKeyRevoked));
        assert!(house.opens(&last.secret).await.is_ok());
        assert_eq!(house.call(&ada, "delete", &[("id", &id)]).await.status, 200);
        assert_eq!(house.opens(&last.secret).await, Err(Code::ApiKeyRevoked));
        assert!(house.key(&ada, made.id).await.deleted_at.is_some());
        assert_eq!(house.call(&ada, "enable", &[("id", &id)]).await.status, 409);
        assert_eq!(house.names(&ada, &[]).await, ["Master key"]);
        assert_eq!(house.names(&ada, &[("status", "deleted")]).await, ["ci"]);
    })
    .await;
}

#[tokio::test]
async fn a_key_in_use_ends_only_by_its_name() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        let made = house.make(&ada, &[("name", "busy")]).await;
        let id = made.id.to_string();
        let verified = verify(&house.app, made.secret.expose(), None, house.app.clock.now()).await.unwrap();
        let used = house.app.clock.now();
        Access::system(house.app.clone())
            .by_proof(house.organisation)
            .act(Operation::InvitationJoin, Subject::unnamed("api_key", ""), |mut change| async move {
                store::touch_used(change.tx(), &[(verified.key, verified.secret, used)]).await?;
                // Within a minute the note stays.
                store::touch_used(change.tx(), &[(verified.key, verified.secret, used.plus(MINUTE - 1))]).await?;
                change.commit(Event::of(Subject::unnamed("api_key", "")), ()).await
            })
            .await
            .unwrap();
        assert_eq!(house.key(&ada, made.id).await.used_at, Some(used));
        for verb in ["disable", "delete"] {
            let refused = house.call(&ada, verb, &[("id", &id), ("confirm", "other")]).await;
            assert_eq!((refused.status, refused.json()["fields"][0]["field"].as_str()), (422, Some("confirm")));
        }
        assert!(house.opens(&made.secret).await.is_ok());
        assert_eq!(house.call(&ada, "delete", &[("id", &id), ("confirm", "busy")]).await.status, 200);
        assert_eq!(house.opens(&made.secret).await, Err(Code::ApiKeyRevoked));
    })
    .await;
}

#[tokio::test]
async fn a_double_press_makes_one_key() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        let submission = uuid::Uuid::new_v4().to_string();
        let fields = [("name", "once"), ("submission", submission.as_str())];
        house.make(&ada, &fields).await;
        let second = house.call(&ada, "create", &fields).await;
        assert_eq!((second.status, second.code().as_str()), (409, "already_done"));
        assert!(!second.text.contains("lk_p"));
        assert_eq!(house.names(&ada, &[]).await, ["Master key", "once"]);
        // Whoever lost the first answer is told what was made.
        let said = second.json();
        let made = house.call(&ada, "get", &[("id", said["made"].as_str().expect("an id"))]).await.json();
        assert_eq!(made["key"]["name"], "once");
        assert!(second.text.contains("The key was made") && second.text.contains("Rotate it"), "{}", second.text);
        // What was noted of the form goes after a day.
        house.app.clock.advance(DAY + 1);
        let ada = house.person("ada@north.test").await;
        let submission = uuid::Uuid::new_v4().to_string();
        house.make(&ada, &[("name", "later"), ("submission", &submission)]).await;
        assert_eq!(house.snapshot().await.iter().filter(|row| row.starts_with("submissions:")).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn rotation_and_deletion_at_once_leave_what_some_order_gives() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        let everything =
            PermissionSet::of_levels(|feature| feature.steps().last().map_or(Level::Disabled, |(level, _)| *level));
        assert_eq!(everything, KeyFeature::ALL.into_iter().fold(PermissionSet::EMPTY, |set, f| set.union(f.all())));
        for round in 0..25 {
            let made = house.make(&ada, &[("name", "racer")]).await;
            let master = house.by_key(&Secret::new(house.master_key.clone())).await;
            let rotation = || Ok(Rotation { overlap: Some(HOUR), ..Rotation::default() });
            let (one, two, gone) = tokio::join!(
                operations::rotate(&master, made.id, rotation),
                operations::rotate(&master, made.id, rotation),
                async {
                    if round % 2 == 0 {
                        operations::delete(&master, made.id, None).await.map(|()| true)
                    } else {
                        Ok(false)
                    }
                },
            );
            let deleted = gone.unwrap();
            let secrets: Vec<_> = [&one, &two].into_iter().flatten().map(|minted| minted.secret.clone()).collect();
            if deleted {
                assert!(secrets.len() <= 1, "a second rotation within the overlap is refused");
            } else {
                let refusals: Vec<_> =
                    [&one, &two].into_iter().filter_map(|r| r.as_ref().err()).map(|e| e.code).collect();
                assert_eq!((secrets.len(), refusals), (1, vec![Code::Conflict]), "one rotation wins");
            }
            let mut open = 0;
            for secret in secrets.iter().chain([&made.secret]) {
                open += usize::from(house.opens(secret).await.is_ok());
            }
            assert_eq!(open, if deleted { 0 } else { secrets.len() + 1 });
        }
    })
    .await;
}
