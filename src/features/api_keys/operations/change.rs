//! Making, editing, disabling and deleting keys.

use super::{Narrow, changeable, narrow, new_secret, subject};
use crate::{
    features::limits::model::{Doubt, On, Scope},
    features::{
        api_keys::{
            model::{Expiry, Key, Minted, level_word, parse_description, parse_name},
            narrowing::Narrowing,
            store::{self, NewKey},
        },
        configs, home, limits,
        logs::{self, texts::choice_name},
        team, virtual_keys,
    },
    kernel::{Code, ConfigId, Error, Fields, KeyId, Result, Secret, Timestamp, UserId, text},
    policy::{Denial, KeyFeature, Operation, PermissionSet, Principal, Target},
    server::{
        access::{Access, Change, Committed},
        audit::event::{Event, Subject},
        crypto::KeyKind,
    },
};
use serde_json::Value;
use uuid::Uuid;

/// A key to be made, as typed.
pub struct New {
    pub name: String,
    pub description: String,
    /// None: what a new key has by default.
    pub permissions: Option<PermissionSet>,
    /// The names under which a program gave them.
    pub scopes: Vec<String>,
    pub expiry: Expiry,
    /// The slug of its config; `Some(None)`: none. None: the one that new keys begin with.
    pub config: Option<Option<String>>,
    pub config_override: bool,
    /// Whether the texts of its calls are kept; none: as the organisation does.
    pub keep_texts: Option<bool>,
    /// What it may use.
    pub limits: limits::Edit,
    /// What it is narrowed to.
    pub narrow: Narrow,
    pub submission: Option<Uuid>,
}

/// What shall be different. None: it stays.
#[derive(Default)]
pub struct Edit {
    pub name: Option<String>,
    pub description: Option<String>,
    pub permissions: Option<PermissionSet>,
    /// As above; none: the stored ones stay.
    pub scopes: Option<Vec<String>>,
    pub expiry: Option<Expiry>,
    /// The slug of its config; `Some(None)`: none.
    pub config: Option<Option<String>>,
    pub config_override: Option<bool>,
    pub keep_texts: Option<Option<bool>>,
    /// What it may use.
    pub limits: limits::Edit,
    /// What it shall be narrowed to.
    pub narrow: Narrow,
    /// `Some(None)`: the Owners.
    pub responsible: Option<Option<UserId>>,
    /// The version that was read; another one by now is refused. None: whatever is there.
    pub version: Option<i64>,
}

/// Makes a key and gives its secret, this once. What was asked for is read once the caller is known to be allowed.
pub async fn create(access: &Access, new: impl FnOnce() -> Result<New>) -> Result<Minted> {
    access
        .act(Operation::ApiKeyCreate, Subject::unnamed("api_key", ""), |mut change| async move {
            let new = new()?;
            let now = change.now();
            let mut fields = Fields::default();
            let name = fields.take("name", parse_name(&new.name));
            let description = fields.take("description", parse_description(&new.description));
            let expires_at = fields.take("expiry", new.expiry.end(None, now));
            let (name, description, expires_at) = fields.build(|| Some((name?, description?, expires_at?)))?;
            let permissions = new.permissions.unwrap_or_else(PermissionSet::key_default);
            let organisation = change.organisation();
            change.check(Target::Key { organisation, now: PermissionSet::EMPTY, next: permissions, itself: false })?;
            only_of_keys(permissions)?;
            within_own_life(&mut change, expires_at).await?;
            limits::free_to_act(&mut change).await?;
            change
                .once(new.submission)
                .await
                .map_err(|error| lost(error, "The key was made", "Rotate it to get a new one."))?;
            change.access().app().limits.keys.take(&organisation.to_string(), now)?;
            let responsible = maker(&mut change).await?;
            let config = match new.config {
                Some(slug) => config_id(&mut change, slug.as_deref()).await?,
                None => configs::default_id(change.tx()).await?,
            };
            let narrowing =
                narrow::of_new(&mut change, new.narrow, config, expires_at, new.limits.leaves_budget(false)).await?;
            let created_by = change.access().actor_name().to_owned();
            let id = KeyId::new();
            let row = NewKey {
                id,
                kind: KeyKind::Standard,
                name: &name,
                description: &description,
                permissions,
                scopes: &new.scopes,
                responsible,
                created_by: &created_by,
                expires_at,
                config,
                config_override: new.config_override,
                keep_texts: new.keep_texts,
            };
            store::insert(change.tx(), &row, now).await?;
            store::narrowing::set(change.tx(), id, &narrowing).await?;
            let secret = new_secret(&mut change, id, KeyKind::Standard).await?;
            let event = Event::of(Subject::new("api_key", id, &name));
            let on = On { scope: Scope::ApiKey, id: id.0 };
            let (event, doubts) = limits::set(&mut change, on, &new.limits, event).await?;
            let event = permissions_changed(event, None, permissions)
                .with("name", name.clone())
                .with("description", description)
                .with("expires_at", moment(expires_at))
                .with("responsible", who(responsible))
                .with("config", config_word(config))
                .change("config_override", true, new.config_override)
                .change("keep_texts", choice_name(None), choice_name(new.keep_texts));
            let event = narrow::noted(event, &Narrowing::default(), &narrowing);
            let minted = minted(change.access(), id, name, secret, permissions, expires_at, None);
            let minted = with_example(&mut change, &narrowing, minted).await?;
            change.commit(event, Minted { doubts, ..minted }).await
        })
        .await
}

/// The key that the same request has made before, for whoever may make keys and asks once more.
pub async fn made_before(access: &Access, id: KeyId) -> Result<Key> {
    let mut tx = access.read(Operation::ApiKeyCreate).await?;
    store::list::get(&mut tx, id, access.now()).await?.ok_or_else(Error::not_found)
}

/// What to do about a secret whose one answer was lost.
pub(super) fn lost(error: Error, done: &str, way: &str) -> Error {
    let message = format!("{done} when this was first sent. Its secret was shown then, or lost on the way. {way}");
    if error.code == Code::AlreadyDone { Error { message, ..error } } else { error }
}

/// Changes a key. Somebody else's change since it was read is not overwritten. Gives what is odd about limits that were set.
pub async fn update(access: &Access, id: KeyId, edit: impl FnOnce(&Key) -> Result<Edit>) -> Result<Vec<Doubt>> {
    access
        .act(Operation::ApiKeyUpdate, Subject::unnamed("api_key", id), |mut change| async move {
            let mut asked = Edit::default();
            let (key, permissions) = changeable(&mut change, id, |key| {
                asked = edit(key)?;
                Ok(asked.permissions.unwrap_or(key.permissions))
            })
            .await?;
            apply(change, key, permissions, asked).await
        })
        .await
}

/// Makes of a key, which the caller may change, what was asked for; `permissions` was decided on. Gives what is odd about limits
/// that were set.
pub(super) async fn apply(
    mut change: Change,
    key: Key,
    permissions: PermissionSet,
    asked: Edit,
) -> Result<Committed<Vec<Doubt>>> {
    let (id, now) = (key.id, change.now());
    only_of_keys(permissions)?;
    let mut fields = Fields::default();
    let name = fields.take("name", asked.name.map_or(Ok(key.name.clone()), |name| parse_name(&name)));
    let description =
        fields.take("description", asked.description.map_or(Ok(key.description.clone()), |d| parse_description(&d)));
    let expiry = asked.expiry.unwrap_or(Expiry::Keep);
    let expires_at = fields.take("expiry", expiry.end(key.expires_at, now));
    let (name, description, expires_at) = fields.build(|| Some((name?, description?, expires_at?)))?;
    if expires_at != key.expires_at || !permissions.is_subset_of(key.permissions) {
        within_own_life(&mut change, expires_at).await?;
    }
    let before = key.responsible.as_ref().map(|person| person.id);
    let responsible = asked.responsible.unwrap_or(before);
    if responsible != before {
        check_responsible(&mut change, responsible).await?;
    }
    let scopes = asked.scopes.as_deref().unwrap_or(&key.scopes);
    let had = key.config.as_ref().map(|config| config.slug.clone());
    let had = config_id(&mut change, had.as_deref()).await?;
    let config = match asked.config {
        Some(slug) => config_id(&mut change, slug.as_deref()).await?,
        None => had,
    };
    let config_override = asked.config_override.unwrap_or(key.config_override);
    let keep_texts = asked.keep_texts.unwrap_or(key.keep_texts);
    let has_budget = asked.limits.leaves_budget(key.has_budget);
    let (unnarrowed, narrowing) =
        narrow::of_edited(&mut change, &key, asked.narrow, config, expires_at, has_budget).await?;
    let row = store::Fields {
        name: &name,
        description: &description,
        permissions,
        scopes,
        expires_at,
        responsible,
        config,
        config_override,
        keep_texts,
    };
    let event = permissions_changed(Event::of(subject(&key)), Some(key.permissions), permissions)
        .change("name", key.name.clone(), name.clone())
        .change("description", key.description.clone(), description.clone())
        .change("expires_at", moment(key.expires_at), moment(expires_at))
        .change("responsible", who(before), who(responsible))
        .change("config", config_word(had), config_word(config))
        .change("config_override", key.config_override, config_override)
        .change("keep_texts", choice_name(key.keep_texts), choice_name(keep_texts));
    if !store::update(change.tx(), id, asked.version.unwrap_or(key.version), &row, now).await? {
        return Err(Error::stale());
    }
    store::rights::give(change.tx(), id, permissions.without(key.permissions), now).await?;
    let on = On { scope: Scope::ApiKey, id: id.0 };
    let (event, doubts) = limits::set(&mut change, on, &asked.limits, event).await?;
    store::narrowing::set(change.tx(), id, &narrowing).await?;
    let event = narrow::noted(event, &unnarrowed, &narrowing);
    change.commit(event, doubts).await
}

/// The config behind a slug. Another organisation's is the same as one that there is not.
async fn config_id(change: &mut Change, slug: Option<&str>) -> Result<Option<ConfigId>> {
    let Some(slug) = slug else { return Ok(None) };
    let found = configs::id_of(change.tx(), slug).await?;
    let sentence = || Error::field("config", format!("There is no config {}.", text::cut(slug, 60)));
    found.map(Some).ok_or_else(sentence)
}

/// A key's config as events name it: by its id, which outlives it.
fn config_word(config: Option<ConfigId>) -> String {
    config.map_or_else(|| "none".to_owned(), |id| id.to_string())
}

/// Makes a key open nothing until it is enabled again. Disabling twice is one change.
pub async fn disable(access: &Access, id: KeyId, typed: Option<&str>) -> Result<()> {
    access
        .act(Operation::ApiKeyDisable, Subject::unnamed("api_key", id), |mut change| async move {
            let event = disable_within(&mut change, id, typed).await?;
            change.commit(event, ()).await
        })
        .await
}

/// The same as a part of an act; gives its event.
pub async fn disable_within(change: &mut Change, id: KeyId, typed: Option<&str>) -> Result<Event> {
    let now = change.now();
    let (key, _) = changeable(change, id, |key| Ok(key.permissions)).await?;
    confirm(&key, typed, now)?;
    let since = key.disabled_at.unwrap_or(now);
    store::set_disabled(change.tx(), id, Some(since), now).await?;
    Ok(Event::of(subject(&key)).change("disabled", key.disabled_at.is_some(), true))
}

/// Lets a disabled key work again.
pub async fn enable(access: &Access, id: KeyId) -> Result<()> {
    access
        .act(Operation::ApiKeyEnable, Subject::unnamed("api_key", id), |mut change| async move {
            let now = change.now();
            let (key, _) = changeable(&mut change, id, |key| Ok(key.permissions)).await?;
            store::set_disabled(change.tx(), id, None, now).await?;
            let event = Event::of(subject(&key)).change("disabled", key.disabled_at.is_some(), false);
            change.commit(event, ()).await
        })
        .await
}

/// Ends a key for good.
pub async fn delete(access: &Access, id: KeyId, typed: Option<&str>) -> Result<()> {
    access
        .act(Operation::ApiKeyDelete, Subject::unnamed("api_key", id), |mut change| async move {
            let now = change.now();
            let (key, _) = changeable(&mut change, id, |key| Ok(key.permissions)).await?;
            confirm(&key, typed, now)?;
            store::delete(change.tx(), id, now).await?;
            let event = Event::of(subject(&key)).change("deleted", false, true);
            change.commit(event, ()).await
        })
        .await
}

/// A key that was used within a day ends only by its name.
fn confirm(key: &Key, typed: Option<&str>, now: Timestamp) -> Result<()> {
    match key.is_in_use(now) {
        true => text::confirm(&key.name, typed).map_err(|sentence| Error::field("confirm", sentence)),
        false => Ok(()),
    }
}

/// What no key can hold is refused by name.
fn only_of_keys(permissions: PermissionSet) -> Result<()> {
    match permissions.without(PermissionSet::every_key_permission()).iter().next() {
        None => Ok(()),
        Some(permission) => {
            Err(Error::field("permissions", format!("No API key can hold {permission}: it is for people alone.")))
        }
    }
}

/// A key gives no other a longer life than its own: by such a twin it would outlive its end.
pub(super) async fn within_own_life(change: &mut Change, end: Option<Timestamp>) -> Result<()> {
    let Some(key) = change.own_key() else { return Ok(()) };
    match store::end_of(change.tx(), key).await? {
        Some(own) if end.is_none_or(|end| end > own) => {
            let message = format!("The key that asks ends on {}. It gives no key a longer life.", own.date_time());
            Err(Error::new(Code::PermissionDenied, message))
        }
        _ => Ok(()),
    }
}

/// Whom a new key answers for: its maker, or whom the maker answers for, if that is a key.
async fn maker(change: &mut Change) -> Result<Option<UserId>> {
    match *change.principal() {
        Principal::Member { user, .. } => Ok(Some(user)),
        Principal::ApiKey { key, .. } => store::responsible_of(change.tx(), key).await?.ok_or_else(store::invalid_key),
        Principal::Nobody | Principal::Person { .. } => Err(Error::sign_in_needed()),
    }
}

/// A key can be given to answer for an active member, or for the Owners, and only by a person: the change can widen what
/// works of it.
async fn check_responsible(change: &mut Change, responsible: Option<UserId>) -> Result<()> {
    if change.own_key().is_some() {
        return Err(Denial::NotForKeys.into());
    }
    let Some(user) = responsible else { return Ok(()) };
    match team::role_of(change.tx(), user).await? {
        Some(_) => Ok(()),
        None => Err(Error::field("responsible", "This person is not an active member of the organisation.")),
    }
}

/// One line for each feature that differs, in the words of the levels.
fn permissions_changed(event: Event, was: Option<PermissionSet>, now: PermissionSet) -> Event {
    KeyFeature::ALL.into_iter().fold(event, |event, feature| {
        let before = was.map_or(Value::Null, |was| Value::from(level_word(feature, was)));
        event.change(&format!("permissions.{}", feature.name()), before, level_word(feature, now))
    })
}

pub(super) fn moment(at: Option<Timestamp>) -> Value {
    at.map_or_else(|| Value::from("never"), |at| Value::from(at.rfc3339()))
}

fn who(user: Option<UserId>) -> Value {
    user.map_or_else(|| Value::from("owners"), |user| Value::from(user.to_string()))
}

/// The answer that holds a new secret.
pub(super) fn minted(
    access: &Access,
    id: KeyId,
    name: String,
    secret: Secret,
    permissions: PermissionSet,
    expires_at: Option<Timestamp>,
    old_until: Option<Timestamp>,
) -> Minted {
    Minted {
        doubts: vec![],
        id,
        name,
        secret,
        permissions,
        expires_at,
        old_until,
        public_url: access.app().public_url.clone(),
        model: None,
        called: true,
    }
}

/// The same with what its page needs for a call that works as it stands: of what the key may reach.
pub(super) async fn with_example(change: &mut Change, narrowing: &Narrowing, minted: Minted) -> Result<Minted> {
    let mut virtual_key = None;
    // One that it names may have been deleted since.
    for id in &narrowing.virtual_keys {
        virtual_key = virtual_keys::of_id(change.tx(), *id).await?;
        if virtual_key.is_some() {
            break;
        }
    }
    if narrowing.virtual_keys.is_empty() {
        virtual_key = virtual_keys::oldest(change.tx()).await?;
    }
    let model = virtual_key.map(|(slug, provider)| {
        home::model::model_of(&slug, provider, |model| {
            narrowing.models.is_empty() || narrowing.models.iter().any(|pattern| pattern.fits(model))
        })
    });
    let called = logs::succeeded(change.tx()).await?;
    Ok(Minted { model, called, ..minted })
}
