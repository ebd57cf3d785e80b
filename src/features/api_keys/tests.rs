//! The life of keys, through the console's own forms and on both databases.

use super::{
    model::{Expiry, Key, KeyList, KeyPage, Minted},
    operations::{self, Edit, Narrow, New, Rotation, verify},
};
use crate::{
    features::{accounts, team},
    kernel::{
        Code, Error, KeyId, Result, Secret, UserId,
        many::Outcome,
        time::{DAY, HOUR, MINUTE},
    },
    policy::{KeyFeature, Level, Operation, Permission as P, PermissionSet, Role},
    server::{
        access::{Access, Origin},
        audit::event::{Event, Subject},
    },
    tests::support::{Answer, Client, House, PASSWORD, each_engine},
};
use zeroize::Zeroizing;

/// Adds a person to the first organisation.
async fn join(house: &House, email: &str, name: &str, role: Role) -> UserId {
    let hash = house.app.passwords.hash(None, Zeroizing::new(PASSWORD.to_owned())).await.unwrap();
    let email = accounts::email::Email::parse(email).unwrap();
    Access::system(house.app.clone())
        .act_with_proof(
            Operation::InvitationJoin,
            house.organisation,
            Subject::unnamed("member", ""),
            |mut change| async move {
                let (user, now) = (UserId::new(), change.now());
                assert!(accounts::insert(change.tx().system(), user, &email, name, &hash, now).await?);
                assert!(team::join(change.tx(), user, role, now).await?);
                change.commit(Event::of(Subject::unnamed("member", user)), user).await
            },
        )
        .await
        .unwrap()
}

/// A house with Ada signed in as its Owner.
async fn with_ada(house: House) -> (House, Client) {
    let (house, ada) = house.with_ada().await;
    (house, ada)
}

impl House {
    async fn call(&self, client: &Client, verb: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<_> = std::iter::once(("slug", self.slug.as_str())).chain(fields.iter().copied()).collect();
        client.form(&format!("api_keys/{verb}"), &fields).await
    }

    async fn make(&self, client: &Client, fields: &[(&str, &str)]) -> Minted {
        let answer = self.call(client, "create", fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        serde_json::from_str(&answer.text).unwrap()
    }

    async fn key(&self, client: &Client, id: KeyId) -> Key {
        let answer = self.call(client, "get", &[("id", &id.to_string())]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        serde_json::from_str::<KeyPage>(&answer.text).unwrap().key
    }

    async fn names(&self, client: &Client, filter: &[(&str, &str)]) -> Vec<String> {
        let filter: Vec<_> = filter.iter().map(|(name, value)| (format!("filter[{name}]"), *value)).collect();
        let fields: Vec<_> = filter.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let answer = self.call(client, "list", &fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let list: KeyList = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(list.total, list.keys.len() as i64);
        list.keys.into_iter().map(|key| key.name).collect()
    }

    /// What a secret opens now, or the code of its refusal.
    async fn opens(&self, secret: &Secret) -> std::result::Result<PermissionSet, Code> {
        let verified = verify(&self.app, secret.expose(), None, self.app.clock.now()).await;
        verified.map(|verified| verified.effective).map_err(|error| error.code)
    }

    /// Notes that a secret was used at this moment.
    async fn use_now(&self, secret: &Secret) {
        let now = self.app.clock.now();
        let verified = verify(&self.app, secret.expose(), None, now).await.unwrap();
        Access::system(self.app.clone())
            .act_with_proof(
                Operation::InvitationJoin,
                self.organisation,
                Subject::unnamed("api_key", ""),
                |mut change| async move {
                    super::store::touch_used(change.tx(), &[(verified.key, verified.secret, now)]).await?;
                    change.commit(Event::of(Subject::unnamed("api_key", "")), ()).await
                },
            )
            .await
            .unwrap();
    }

    async fn by_key(&self, secret: &Secret) -> Access {
        let verified = verify(&self.app, secret.expose(), None, self.app.clock.now()).await.unwrap();
        Access::key(self.app.clone(), Origin::default(), &verified)
    }
}

fn new(permissions: PermissionSet) -> impl FnOnce() -> Result<New> {
    move || {
        Ok(New {
            name: "made by a key".into(),
            description: String::new(),
            permissions: Some(permissions),
            scopes: vec![],
            expiry: Expiry::DEFAULT,
            config: None,
            config_override: true,
            keep_texts: None,
            limits: Default::default(),
            narrow: Narrow::default(),
            submission: None,
        })
    }
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
            .act_with_proof(
                Operation::InvitationJoin,
                house.organisation,
                Subject::unnamed("api_key", ""),
                |mut change| async move {
                    super::store::touch_used(change.tx(), &[(verified.key, verified.secret, used)]).await?;
                    // Within a minute the note stays.
                    super::store::touch_used(change.tx(), &[(verified.key, verified.secret, used.plus(MINUTE - 1))])
                        .await?;
                    change.commit(Event::of(Subject::unnamed("api_key", "")), ()).await
                },
            )
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
async fn keys_are_found() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        for far in ["2", "1000001", &i64::MAX.to_string()] {
            let answer = house.call(&ada, "list", &[("filter[page]", far)]).await;
            let list: KeyList = serde_json::from_str(&answer.text).unwrap();
            assert_eq!((list.keys.len(), list.total), (1, 1), "page {far} is not there: the last is shown");
        }
        let gateway = house.make(&ada, &[("name", "Production 100%"), ("expiry", "7")]).await;
        house
            .make(
                &ada,
                &[
                    ("name", "metrics exporter"),
                    ("metrics", "enabled"),
                    ("completions", "disabled"),
                    ("expiry", "none"),
                ],
            )
            .await;
        let secret = gateway.secret.expose();
        let all = ["Master key", "metrics exporter", "Production 100%"];
        assert_eq!(house.names(&ada, &[]).await, all);
        for (filter, expected) in [
            (vec![("q", "PRODUCTION")], vec!["Production 100%"]),
            (vec![("q", "0%")], vec!["Production 100%"]),
            (vec![("q", "_")], vec![]),
            (vec![("q", secret)], vec!["Production 100%"]),
            (vec![("q", &secret[..12])], vec!["Production 100%"]),
            (vec![("q", &secret[12..])], vec!["Production 100%"]),
            (vec![("q", &secret[34..])], vec!["Production 100%"]),
            (vec![("permission", "metrics")], vec!["Master key", "metrics exporter"]),
            (vec![("permission", "completions")], vec!["Master key", "Production 100%"]),
            (vec![("status", "active")], all.to_vec()),
            (vec![("status", "expiring")], vec!["Production 100%"]),
            (vec![("status", "rotating")], vec![]),
            (vec![("status", "expired")], vec![]),
            (vec![("status", "disabled")], vec![]),
            (vec![("responsible", "owners")], vec!["Master key"]),
            (vec![("unused", "yes")], vec![]),
            (vec![("sort", "name")], vec!["Master key", "metrics exporter", "Production 100%"]),
            (vec![("sort", "-name")], vec!["Production 100%", "metrics exporter", "Master key"]),
            (vec![("sort", "used")], vec!["Master key", "Production 100%", "metrics exporter"]),
            (vec![("sort", "-expires"), ("permission", "completions")], vec!["Master key", "Production 100%"]),
        ] {
            assert_eq!(house.names(&ada, &filter).await, expected, "{filter:?}");
        }
        house.app.clock.advance(91 * DAY);
        let ada = house.person("ada@north.test").await;
        assert_eq!(house.names(&ada, &[("unused", "yes")]).await, all);
        assert_eq!(house.names(&ada, &[("status", "expired")]).await, ["Production 100%"]);
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
        for (verb, missing) in [
            ("disable_many", P::ApiKeysUpdate),
            ("enable_many", P::ApiKeysUpdate),
            ("delete_many", P::ApiKeysDelete),
        ] {
            let events = house.chain(house.organisation).await.0;
            let refused = house.call(&mia, verb, &[("ids", &ids)]).await;
            assert_eq!((refused.status, refused.code().as_str()), (403, "permission_denied"), "{verb}");
            assert_eq!(refused.json()["missing"]["permission"], missing.name(), "{verb}");
            assert_eq!(house.chain(house.organisation).await.0 - events, 1, "{verb}");
            for ids in [String::new(), joined(&(0..51).map(|_| KeyId::new()).collect::<Vec<_>>())] {
                let refused = house.call(&ada, verb, &[("ids", &ids)]).await;
                assert_eq!((refused.status, refused.json()["fields"][0]["field"].as_str()), (422, Some("ids")), "{verb}");
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
