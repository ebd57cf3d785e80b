//! What people and keys may do with keys: nothing beyond what they hold themselves.

use super::*;
use crate::{
    features::api_keys::operations::{self, Edit, Rotation},
    kernel::time::MINUTE,
    policy::{KeyFeature, Permission as P},
};

#[tokio::test]
async fn members_change_nothing_and_are_told_what_is_missing() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        join(&house, "mia@north.test", "Mia", Role::Member).await;
        let mia = house.person("mia@north.test").await;
        let made = house.make(&ada, &[("name", "safe")]).await;
        let id = made.id.to_string();
        let before = house.snapshot().await;
        for (verb, missing) in [
            ("list", P::ApiKeysList),
            ("get", P::ApiKeysList),
            ("draft", P::ApiKeysCreate),
            ("create", P::ApiKeysCreate),
            ("update", P::ApiKeysUpdate),
            ("rotate", P::ApiKeysRotate),
            ("end_overlap", P::ApiKeysRotate),
            ("disable", P::ApiKeysUpdate),
            ("enable", P::ApiKeysUpdate),
            ("delete", P::ApiKeysDelete),
        ] {
            // What was typed is nonsense as well: the refusal comes first.
            let answer = house.call(&mia, verb, &[("id", &id), ("prompts", "nonsense"), ("version", "x")]).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, "permission_denied"), "{verb}");
            assert_eq!(answer.json()["missing"]["permission"], missing.name(), "{verb}");
        }
        assert_eq!(house.snapshot().await, before);
        assert_eq!(mia.page(&format!("/o/{}/api-keys", house.slug)).await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn no_key_reaches_beyond_itself() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        let boss = house.make(&ada, &[("name", "boss"), ("api_keys", "delete"), ("expiry", "none")]).await;
        let strong = house.make(&ada, &[("name", "strong"), ("users", "write")]).await;
        let weak = house.make(&ada, &[("name", "weak")]).await;
        let access = house.by_key(&boss.secret).await;
        let ada_id = house.key(&ada, boss.id).await.responsible.unwrap().id;

        let beyond = PermissionSet::key_default().with(P::TeamView);
        let refused = operations::create(&access, new(beyond)).await.unwrap_err();
        assert_eq!(
            (refused.code, refused.missing.map(|m| m.permission)),
            (Code::PermissionDenied, Some(P::TeamView.name().into()))
        );
        let made = operations::create(&access, new(PermissionSet::key_default())).await.unwrap();
        let key = house.key(&ada, made.id).await;
        assert_eq!(key.responsible.map(|person| person.id), Some(ada_id), "it answers for whom its maker answers for");

        let denied = |result: Result<()>| assert_eq!(result.unwrap_err().code, Code::PermissionDenied);
        denied(operations::disable(&access, strong.id, None).await);
        denied(operations::enable(&access, strong.id).await);
        denied(operations::delete(&access, strong.id, None).await);
        denied(operations::end_overlap(&access, strong.id).await);
        let rotation = || Ok(Rotation { overlap: Some(0), ..Rotation::default() });
        denied(operations::rotate(&access, strong.id, rotation).await.map(|_| ()));
        denied(operations::rotate(&access, boss.id, rotation).await.map(|_| ()));
        let wider = Edit { permissions: Some(beyond), ..Edit::default() };
        denied(operations::update(&access, weak.id, |_| Ok(wider)).await.map(|_| ()));
        let longer = Edit { expiry: Some(Expiry::Never), ..Edit::default() };
        denied(operations::update(&access, boss.id, |_| Ok(longer)).await.map(|_| ()));
        let mine = Edit { responsible: Some(None), ..Edit::default() };
        denied(operations::update(&access, weak.id, |_| Ok(mine)).await.map(|_| ()));
        assert!(house.opens(&strong.secret).await.is_ok() && house.opens(&boss.secret).await.is_ok());
        operations::rotate(&access, weak.id, rotation).await.unwrap();
        assert_eq!(house.opens(&weak.secret).await, Err(Code::ApiKeyRevoked));
        // What no key can hold is refused to an Owner's key as well.
        let master = house.by_key(&Secret::new(house.master_key.clone())).await;
        let refused = operations::create(&master, new(PermissionSet::EMPTY.with(P::BillingManage))).await.unwrap_err();
        assert_eq!(refused.code, Code::PermissionDenied);
    })
    .await;
}

#[tokio::test]
async fn no_key_gives_another_a_longer_life_than_its_own() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        let week = house.make(&ada, &[("name", "week"), ("api_keys", "delete"), ("expiry", "7")]).await;
        let lasting = house.make(&ada, &[("name", "lasting"), ("prompts", "disabled"), ("expiry", "none")]).await;
        let access = house.by_key(&week.secret).await;
        let before = house.snapshot().await;
        let until = |expiry| move || new(PermissionSet::EMPTY)().map(|asked| New { expiry, ..asked });
        let denied = |result: Result<()>| assert_eq!(result.unwrap_err().code, Code::PermissionDenied);
        for expiry in [Expiry::Never, Expiry::Days(8)] {
            denied(operations::create(&access, until(expiry)).await.map(|_| ()));
        }
        // Nor does it get, by a rotation or as more permissions, a working secret that outlives its own.
        let rotation = || Ok(Rotation { overlap: Some(0), ..Rotation::default() });
        denied(operations::rotate(&access, lasting.id, rotation).await.map(|_| ()));
        let wider = Edit { permissions: Some(PermissionSet::key_default()), ..Edit::default() };
        denied(operations::update(&access, lasting.id, |_| Ok(wider)).await.map(|_| ()));
        assert_eq!(house.snapshot().await, before);

        let made = operations::create(&access, until(Expiry::Days(6))).await.unwrap();
        let longer = Edit { expiry: Some(Expiry::Never), ..Edit::default() };
        denied(operations::update(&access, made.id, |_| Ok(longer)).await.map(|_| ()));
        let shorter = Edit { expiry: Some(Expiry::Days(5)), ..Edit::default() };
        operations::update(&access, made.id, |_| Ok(shorter)).await.unwrap();
        operations::rotate(&access, made.id, rotation).await.unwrap();
        let renamed = Edit { name: Some("long".into()), ..Edit::default() };
        operations::update(&access, lasting.id, |_| Ok(renamed)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_key_shrinks_with_whom_it_answers_for() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        let mia = join(&house, "mia@north.test", "Mia", Role::Member).await.to_string();
        let made = house.make(&ada, &[("name", "team tool"), ("users", "delete")]).await;
        let id = made.id.to_string();
        assert!(house.opens(&made.secret).await.unwrap().contains(P::TeamRemove));
        let to_mia = [("id", id.as_str()), ("version", "1"), ("name", "team tool"), ("responsible", &mia)];
        assert_eq!(house.call(&ada, "update", &to_mia).await.status, 200);
        let opens = house.opens(&made.secret).await.unwrap();
        assert!(!opens.contains(P::TeamView) && opens.contains(P::ModelsCall));
        let key = house.key(&ada, made.id).await;
        assert_eq!(
            key.cut_sentence().as_deref(),
            Some("Acts for Mia, who is now a Member: only Completions, Prompts: Read work.")
        );
        assert!(key.permissions.contains(P::TeamRemove), "its own set stays");
        assert_eq!(house.names(&ada, &[("responsible", &mia)]).await, ["team tool"]);
        let nobody = UserId::new().to_string();
        let stranger = [("id", id.as_str()), ("version", "2"), ("name", "team tool"), ("responsible", &nobody)];
        let refused = house.call(&ada, "update", &stranger).await;
        assert_eq!((refused.status, refused.json()["fields"][0]["field"].as_str()), (422, Some("responsible")));
        let to_owners = [("id", id.as_str()), ("version", "2"), ("name", "team tool"), ("responsible", "owners")];
        assert_eq!(house.call(&ada, "update", &to_owners).await.status, 200);
        assert!(house.opens(&made.secret).await.unwrap().contains(P::TeamRemove));
    })
    .await;
}

/// By what they hold and not by their kind: a key that manages keys is as good as the master key.
#[tokio::test]
async fn keys_that_manage_keys_ask_for_the_password() {
    each_engine(async |house| {
        let (house, mut ada) = with_ada(house).await;
        let strong = house.make(&ada, &[("name", "strong"), ("api_keys", "write")]).await;
        let weak = house.make(&ada, &[("name", "weak"), ("completions", "enabled"), ("api_keys", "read")]).await;
        let list: KeyList = serde_json::from_str(&house.call(&ada, "list", &[]).await.text).unwrap();
        let master = list.keys.iter().find(|key| key.master).expect("the master key").id.to_string();
        let (strong, weak) = (strong.id.to_string(), weak.id.to_string());
        let full: Vec<(&str, &str)> =
            KeyFeature::ALL.iter().map(|f| (f.name(), f.steps().last().expect("a step").0.name())).collect();
        house.app.clock.advance(16 * MINUTE);
        let named = |name: &'static str, more: &[(&'static str, &'static str)]| [&[("name", name)], more].concat();
        let before = house.snapshot().await;
        let on = |id: &String, more: &[(&'static str, &'static str)]| {
            let id = ("id", id.clone());
            std::iter::once(id).chain(more.iter().map(|(n, v)| (*n, (*v).to_owned()))).collect::<Vec<_>>()
        };
        let own = |fields: Vec<(&'static str, &'static str)>| {
            fields.into_iter().map(|(name, value)| (name, value.to_owned())).collect::<Vec<_>>()
        };
        for (verb, fields) in [
            ("create", own(named("twin", &full))),
            ("create", own(named("manager", &[("api_keys", "write")]))),
            ("update", on(&weak, &[("version", "1"), ("name", "weak"), ("api_keys", "delete")])),
            ("update", on(&strong, &[("version", "1"), ("name", "strong")])),
            ("rotate", on(&master, &[("overlap", "now")])),
            ("rotate", on(&strong, &[("overlap", "now")])),
            ("disable", on(&strong, &[("confirm", "strong")])),
            ("enable", on(&strong, &[])),
            ("delete", on(&master, &[("confirm", "Master key")])),
        ] {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let refused = house.call(&ada, verb, &fields).await;
            assert_eq!((refused.status, refused.code().as_str()), (401, "password_needed"), "{verb}: {}", refused.text);
        }
        let key = Secret::new(house.master_key.clone());
        assert!(house.opens(&key).await.is_ok());
        assert_eq!(house.snapshot().await, before);
        // What hands on nothing does not ask; nor do keys themselves, which have no password.
        house.make(&ada, &[("name", "plain")]).await;
        assert_eq!(house.call(&ada, "rotate", &[("id", &weak), ("overlap", "now")]).await.status, 200);
        let by_master = house.by_key(&key).await;
        operations::create(&by_master, new(PermissionSet::every_key_permission())).await.unwrap();
        // Guesses count as those at sign-in, and a right one opens the way for a while.
        let confirm = async |client: &Client, password: &str| {
            client.form("account/confirm_password", &[("current_password", password)]).await
        };
        for _ in 0..10 {
            assert_eq!(confirm(&ada, "not my password").await.status, 401);
        }
        assert_eq!(confirm(&ada, PASSWORD).await.status, 429);
        house.app.clock.advance(11 * MINUTE);
        let confirmed = confirm(&ada, PASSWORD).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text);
        ada.keep_cookie(&confirmed);
        assert_eq!(house.call(&ada, "rotate", &[("id", &master), ("overlap", "now")]).await.status, 200);
        assert_eq!(house.opens(&key).await, Err(Code::ApiKeyRevoked));
    })
    .await;
}
