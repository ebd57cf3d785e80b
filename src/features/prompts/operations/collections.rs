//! What can be done with folders.

use crate::{
    features::{
        prompts::{
            model::{self, Collection, MOST_COLLECTIONS},
            store::collections as store,
        },
        versions,
    },
    kernel::{CollectionId, Error, Fields, Result},
    policy::Operation,
    server::{
        access::Access,
        audit::event::{Event, Subject},
    },
};
use serde_json::Value;

/// Every folder, by name.
pub async fn list(access: &Access) -> Result<Vec<Collection>> {
    store::all(&mut access.read(Operation::CollectionsList).await?).await
}

/// The one with this slug or id.
pub async fn get(access: &Access, of: &str) -> Result<Collection> {
    store::find(&mut access.read(Operation::CollectionGet).await?, of).await?.ok_or_else(Error::not_found)
}

fn subject(collection: &Collection) -> Subject {
    Subject::new("collection", &collection.slug, &collection.name)
}

/// Makes a folder.
pub async fn create(access: &Access, name: &str) -> Result<Collection> {
    access
        .act(Operation::CollectionCreate, Subject::unnamed("collection", ""), |mut change| async move {
            let mut fields = Fields::default();
            let name = fields.take("name", model::parse_name(name));
            let name = fields.build(|| name)?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            if i64::try_from(store::all(change.tx()).await?.len()).unwrap_or(i64::MAX) >= MOST_COLLECTIONS {
                return Err(Error::conflict(format!("An organisation can have at most {MOST_COLLECTIONS} folders.")));
            }
            let slug = versions::new_slug("col", &name, "folder");
            if !store::insert(change.tx(), CollectionId::new(), &slug, &name, &by, now).await? {
                return Err(Error::unavailable());
            }
            let made = store::find(change.tx(), &slug).await?.ok_or_else(Error::internal)?;
            let event = Event::of(subject(&made)).with("name", made.name.as_str());
            change.commit(event, made).await
        })
        .await
}

/// Gives a folder another name.
pub async fn update(access: &Access, of: &str, name: Option<&str>) -> Result<()> {
    access
        .act(Operation::CollectionUpdate, Subject::unnamed("collection", of), |mut change| async move {
            let was = store::find(change.tx(), of).await?.ok_or_else(Error::not_found)?;
            let mut fields = Fields::default();
            let name = fields.take("name", model::parse_name(name.unwrap_or(&was.name)));
            let name = fields.build(|| name)?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            if name != was.name {
                store::rename(change.tx(), was.id, &name, &by, now).await?;
            }
            let event = Event::of(subject(&was)).change("name", was.name.as_str(), name.as_str());
            change.commit(event, ()).await
        })
        .await
}

/// Deletes a folder in which nothing stands.
pub async fn delete(access: &Access, of: &str) -> Result<()> {
    access
        .act(Operation::CollectionDelete, Subject::unnamed("collection", of), |mut change| async move {
            let was = store::find(change.tx(), of).await?.ok_or_else(Error::not_found)?;
            if was.prompts > 0 {
                return Err(Error::conflict("There are prompts or partials in this folder. Move them first."));
            }
            store::delete(change.tx(), was.id).await?;
            let event = Event::of(subject(&was)).change("name", was.name.as_str(), Value::Null);
            change.commit(event, ()).await
        })
        .await
}
