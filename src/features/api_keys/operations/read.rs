//! Reading keys.

use super::rights::rights;
use crate::{
    features::{
        api_keys::{
            model::{Draft, Key, KeyConfig, KeyList, KeyPage, Person},
            store,
        },
        configs,
        limits::{self, model::Scope},
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
    let Page { rows: mut keys, total, window } = store::list::page(&mut tx, asked, window, now).await?;
    mark_used_up(&mut tx, access, &mut keys).await?;
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
    let mut key = store::list::get(&mut tx, id, now).await?.ok_or_else(Error::not_found)?;
    mark_used_up(&mut tx, access, std::slice::from_mut(&mut key)).await?;
    let rights = rights(&mut tx, access.app(), id).await?;
    let people = people(&mut tx).await?;
    let configs = configs(&mut tx).await?;
    // As the gateway finds them.
    let limits = limits::of_key(&mut tx, id).await?;
    let mut limits = limits::operations::standing(&mut tx, access.app(), limits, now).await?;
    // Its own first.
    limits.sort_by_key(|one| (std::cmp::Reverse(one.limit.on.scope), one.limit.id));
    Ok(KeyPage { key, rights, people, configs, limits, now, submission: Uuid::now_v7() })
}

/// Notes of which keys a budget is used up. A deleted key uses nothing any more.
async fn mark_used_up(tx: &mut OrgTx, access: &Access, keys: &mut [Key]) -> Result<()> {
    let ids: Vec<Uuid> = keys.iter().filter(|key| key.deleted_at.is_none()).map(|key| key.id.0).collect();
    let used_up = limits::used_up(tx, access.app(), Scope::ApiKey, &ids, access.now()).await?;
    for key in keys {
        key.used_up = used_up.contains(&key.id.0);
    }
    Ok(())
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
