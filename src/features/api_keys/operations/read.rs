//! Reading keys.

use super::rights::rights;
use crate::{
    features::{
        api_keys::{
            model::{Draft, KeyConfig, KeyList, KeyPage, Person},
            store,
        },
        configs,
        limits::{
            self,
            model::{On, Scope},
        },
        team,
    },
    kernel::{Asked, Error, KeyId, Result, Window},
    policy::Operation,
    server::{
        access::Access,
        audit,
        database::{OrgTx, listing::Page},
    },
};
use uuid::Uuid;

/// One page of the keys that fit, and those whose end is near.
pub async fn list(access: &Access, asked: &Asked, window: Window) -> Result<KeyList> {
    let mut tx = access.read(Operation::ApiKeysList).await?;
    let seen = audit::seen(&mut tx).await?;
    let now = access.now();
    let Page { rows: keys, total, window } = store::list::page(&mut tx, asked, window, now).await?;
    Ok(KeyList {
        seen,
        keys,
        total,
        window,
        expiring: store::list::expiring(&mut tx, now).await?,
        people: offered(people(&mut tx).await?, asked.get("responsible")),
        now,
        public_url: access.app().public_url.clone(),
    })
}

/// One key with all that its pages need.
pub async fn get(access: &Access, id: KeyId) -> Result<KeyPage> {
    let mut tx = access.read(Operation::ApiKeyGet).await?;
    let now = access.now();
    let key = store::list::get(&mut tx, id, now).await?.ok_or_else(Error::not_found)?;
    let rights = rights(&mut tx, access.app(), id).await?;
    let people = people(&mut tx).await?;
    let configs = configs(&mut tx).await?;
    let on = On { scope: Scope::ApiKey, id: id.0 };
    let limits = limits::operations::of(&mut tx, access.app(), on, now).await?;
    Ok(KeyPage { key, rights, people, configs, limits, now, submission: Uuid::now_v7() })
}

/// What the editor of a new key needs.
pub async fn draft(access: &Access) -> Result<Draft> {
    let mut tx = access.read(Operation::ApiKeyDraft).await?;
    let default = configs::default_id(&mut tx).await?;
    let choices = configs::choices(&mut tx).await?;
    let default_config = choices.iter().find(|(id, ..)| Some(*id) == default).map(|(_, slug, _)| slug.clone());
    let configs = choices.into_iter().map(|(_, slug, name)| KeyConfig { slug, name }).collect();
    Ok(Draft { now: access.now(), configs, default_config, submission: Uuid::now_v7() })
}

/// The configs that a key can have.
async fn configs(tx: &mut OrgTx) -> Result<Vec<KeyConfig>> {
    let choices = configs::choices(tx).await?;
    Ok(choices.into_iter().map(|(_, slug, name)| KeyConfig { slug, name }).collect())
}

/// How many people the filter by person offers at once.
const OFFERED: usize = 12;

/// The people of whom a text is part of the name, or the id.
fn offered(mut people: Vec<Person>, text: &str) -> Vec<Person> {
    let wanted = text.to_lowercase();
    people.retain(|person| person.name.to_lowercase().contains(&wanted) || person.id.to_string() == text);
    people.truncate(OFFERED);
    people
}

/// Whom a key can answer for.
async fn people(tx: &mut OrgTx) -> Result<Vec<Person>> {
    let people = team::active_people(tx).await?;
    Ok(people.into_iter().map(|(id, name, role)| Person { id, name, role }).collect())
}
