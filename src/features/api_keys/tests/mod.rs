//! The life of keys, through the console's own forms and on both databases.

mod life;
mod list;
mod reach;
mod several;

use super::{
    model::{Expiry, Key, KeyList, KeyPage, Minted},
    operations::{Narrow, New, verify},
};
use crate::{
    features::{accounts, team},
    kernel::{Code, KeyId, Result, Secret, UserId},
    policy::{Operation, PermissionSet, Role},
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
        .by_proof(house.organisation)
        .act(Operation::InvitationJoin, Subject::unnamed("member", ""), |mut change| async move {
            let (user, now) = (UserId::new(), change.now());
            assert!(accounts::insert(change.tx().system(), user, &email, name, &hash, now).await?);
            assert!(team::join(change.tx(), user, role, now).await?);
            change.commit(Event::of(Subject::unnamed("member", user)), user).await
        })
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
            .by_proof(self.organisation)
            .act(Operation::InvitationJoin, Subject::unnamed("api_key", ""), |mut change| async move {
                super::store::touch_used(change.tx(), &[(verified.key, verified.secret, now)]).await?;
                change.commit(Event::of(Subject::unnamed("api_key", "")), ()).await
            })
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
