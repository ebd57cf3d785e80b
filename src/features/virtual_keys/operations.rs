//! What can be done with virtual keys.

use super::{
    connection,
    model::{self, Detail, Draft, Finding, Saved, Settings, VirtualKeys},
    store::{self, Facts, SetCredential},
};
use crate::{
    features::{
        limits::{
            self,
            contract::Sent,
            model::{Doubt, On, Scope},
        },
        versions,
    },
    kernel::{Asked, Error, Fields, OrganisationId, Result, Secret, VirtualKeyId, Window, provider::Provider, text},
    policy::Operation,
    server::{
        access::{Access, Change},
        audit::{
            self,
            event::{Event, Subject},
        },
        crypto::{Keyring, Sealed},
        database::listing::Page,
        outgoing::{BaseUrl, OutgoingError},
    },
};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a save waits for the look-up of a host's name. The check that counts is made with every connection.
const LOOK_UP: Duration = Duration::from_secs(3);

/// A [`Draft`] that is fit to be stored.
struct Ready {
    name: String,
    description: String,
    provider: Provider,
    base_url: String,
    settings: Settings,
    credential: Option<Secret>,
}

impl Ready {
    fn facts(&self) -> Facts<'_> {
        Facts {
            name: &self.name,
            description: &self.description,
            provider: self.provider,
            base_url: &self.base_url,
            settings: &self.settings,
        }
    }
}

/// One page of the virtual keys that fit, without their credentials.
pub async fn list(access: &Access, asked: &Asked, window: Window) -> Result<VirtualKeys> {
    let mut tx = access.read(Operation::VirtualKeysList).await?;
    let seen = audit::seen(&mut tx).await?;
    let now = access.now();
    let Page { rows: mut keys, total, window } = store::page(&mut tx, asked, window).await?;
    let ids: Vec<_> = keys.iter().map(|key| key.id.0).collect();
    let used_up = limits::used_up(&mut tx, access.app(), Scope::VirtualKey, &ids, now).await?;
    for key in &mut keys {
        key.used_up = used_up.contains(&key.id.0);
    }
    Ok(VirtualKeys { seen, keys, total, window, now })
}

/// One virtual key, without its credential.
pub async fn get(access: &Access, slug: &str) -> Result<Detail> {
    let mut tx = access.read(Operation::VirtualKeyGet).await?;
    let mut detail = store::by_slug(&mut tx, slug, access.now()).await?.ok_or_else(Error::not_found)?;
    let on = On { scope: Scope::VirtualKey, id: detail.id.0 };
    detail.limits = limits::operations::of(&mut tx, access.app(), on, access.now()).await?;
    Ok(detail)
}

/// What making a virtual key would say of its slug, if something is wrong with it.
pub async fn check_slug(access: &Access, typed: &str) -> Result<Option<String>> {
    let mut tx = access.read(Operation::VirtualKeySlugCheck).await?;
    Ok(match model::parse_slug(typed) {
        Ok(slug) => store::slug_is_taken(&mut tx, &slug).await?.then(|| clash(&slug)),
        Err(sentence) => Some(sentence),
    })
}

/// Makes a virtual key. Without a slug one is made from the name. Gives it, and what is odd about its limits.
pub async fn create(access: &Access, slug: &str, draft: Draft, limits: Sent) -> Result<(Detail, Vec<Doubt>)> {
    let ready = prepare(access, Operation::VirtualKeyCreate, draft, None, Some(slug)).await;
    let subject = Subject::unnamed("virtual_key", "");
    access
        .act(Operation::VirtualKeyCreate, subject, |mut change| async move {
            let ready = ready?;
            if ready.provider.needs_credential() && ready.credential.is_none() {
                return Err(Error::field("credential", format!("{} needs a credential.", ready.provider.label())));
            }
            let slug = choose_slug(&mut change, slug, &ready.name).await?;
            let id = VirtualKeyId::new();
            let credential = match &ready.credential {
                Some(plain) => Some(seal(&change, id, plain.expose())?),
                None => None,
            };
            insert(change, id, &slug, &ready, credential, (None, &limits.edit()?)).await
        })
        .await
}

/// Changes a virtual key to what `edit` makes of the stored one. A credential that is not typed stays, unless provider or
/// base URL change. `version` is the one that was read (none: whatever is there); another one by now is refused.
pub async fn update(
    access: &Access,
    slug: &str,
    version: Option<i64>,
    edit: impl FnOnce(&Detail) -> Draft,
    limits: Sent,
) -> Result<Saved> {
    let ready = edited(access, slug, version, edit).await;
    access
        .act(Operation::VirtualKeyUpdate, Subject::unnamed("virtual_key", slug), |mut change| async move {
            let (version, ready) = ready?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let was = store::by_slug(change.tx(), slug, now).await?.ok_or_else(Error::not_found)?;
            if !store::update(change.tx(), was.id, version, &ready.facts(), now).await? {
                return Err(Error::stale());
            }
            let moved = was.provider != ready.provider || was.base_url != ready.base_url;
            let had = was.credential_set_at.is_some();
            if moved && ready.credential.is_none() && ready.provider.needs_credential() {
                let sentence = "Provider or base URL have changed: enter the credential again. The stored one is only sent where it was saved for.";
                return Err(Error::field("credential", sentence));
            }
            let removed = moved && had && ready.credential.is_none();
            if let Some(plain) = &ready.credential {
                let sealed = seal(&change, was.id, plain.expose())?;
                store::set_credential(change.tx(), was.id, Some(SetCredential { sealed, by: &by, at: now })).await?;
            } else if removed {
                store::set_credential(change.tx(), was.id, None).await?;
            }
            let word = match (&ready.credential, had, removed) {
                (Some(_), true, _) => "changed",
                (Some(_), false, _) => "set",
                (None, _, true) => "removed",
                (None, true, false) => "kept",
                (None, false, false) => "none",
            };
            let before = if had { "set" } else { "none" };
            let mut event = Event::of(subject(&was))
                .change("name", was.name.as_str(), ready.name.as_str())
                .change("description", was.description.as_str(), ready.description.as_str())
                .change("provider", was.provider.name(), ready.provider.name())
                .change("base_url", was.base_url.as_str(), ready.base_url.as_str())
                .change("api_version", was.settings.api_version.as_str(), ready.settings.api_version.as_str());
            if ready.credential.is_some() || removed {
                event = event.change("credential", before, word);
            }
            let on = On { scope: Scope::VirtualKey, id: was.id.0 };
            let (event, doubts) = limits::set(&mut change, on, &limits.edit()?, event).await?;
            change.commit(event, Saved { credential_removed: removed, doubts }).await
        })
        .await
}

/// The stored virtual key as it shall become, and the version that this is made of. Reads by the permission to change
/// it, which does not include the one to list.
async fn edited(
    access: &Access,
    slug: &str,
    version: Option<i64>,
    edit: impl FnOnce(&Detail) -> Draft,
) -> Result<(i64, Ready)> {
    let mut tx = access.read(Operation::VirtualKeyUpdate).await?;
    let stored = store::by_slug(&mut tx, slug, access.now()).await?.ok_or_else(Error::not_found)?;
    // A host is looked up next; the database does not wait for it.
    drop(tx);
    let ready = prepare(access, Operation::VirtualKeyUpdate, edit(&stored), Some(&stored), None).await?;
    Ok((version.unwrap_or(stored.version), ready))
}

/// Makes a copy with a name and reference of its own. The credential is sealed anew for it and never leaves the server.
pub async fn duplicate(access: &Access, slug: &str, name: &str, new_slug: &str) -> Result<Detail> {
    access
        .act(Operation::VirtualKeyDuplicate, Subject::unnamed("virtual_key", slug), |mut change| async move {
            let mut fields = Fields::default();
            let name = fields.take("name", model::parse_name(name));
            if !new_slug.trim().is_empty() {
                fields.take("key_slug", model::parse_slug(new_slug));
            }
            let name = fields.build(|| name)?;
            let now = change.now();
            let was = store::by_slug(change.tx(), slug, now).await?.ok_or_else(Error::not_found)?;
            let limited = On { scope: Scope::VirtualKey, id: was.id.0 };
            if !limits::of_virtual_key(change.tx(), was.id).await?.is_empty() {
                // Two of the same limits are twice as much: only whoever may change them makes a copy.
                limits::free_to_act(&mut change).await?;
                limits::operations::may_touch(&mut change, limited).await?;
            }
            let new_slug = choose_slug(&mut change, new_slug, &name).await?;
            let id = VirtualKeyId::new();
            let credential = match store::credential(change.tx(), was.id).await? {
                Some(sealed) => {
                    let plain = unseal(&change.access().app().keyring, change.organisation(), was.id, &sealed)?;
                    Some(seal(&change, id, &plain)?)
                }
                None => None,
            };
            let ready = Ready {
                name,
                description: was.description.clone(),
                provider: was.provider,
                base_url: was.base_url.clone(),
                settings: was.settings.clone(),
                credential: None,
            };
            let made =
                insert(change, id, &new_slug, &ready, credential, (Some(&was), &limits::Edit::default())).await?;
            Ok(made.map(|(made, _)| made))
        })
        .await
}

/// Deletes a virtual key and wipes its credential. One that carried a call within the last day wants its name typed.
/// None: the caller is a program, which names it by its reference.
pub async fn delete(access: &Access, slug: &str, confirm: Option<&str>) -> Result<()> {
    access
        .act(Operation::VirtualKeyDelete, Subject::unnamed("virtual_key", slug), |mut change| async move {
            let now = change.now();
            let was = store::by_slug(change.tx(), slug, now).await?.ok_or_else(Error::not_found)?;
            if was.is_in_use() {
                text::confirm(&was.name, confirm).map_err(|sentence| Error::field("confirm", sentence))?;
            }
            if !was.configs.is_empty() {
                let names = versions::names(was.configs.iter().map(|config| config.name.as_str()).collect());
                return Err(Error::conflict(format!("Configs name it: {names}. Let them name another first.")));
            }
            if !store::delete(change.tx(), was.id, now).await? {
                return Err(Error::not_found());
            }
            let credential = if was.credential_set_at.is_some() { "set" } else { "none" };
            let event = Event::of(subject(&was)).change("slug", was.slug.as_str(), serde_json::Value::Null).change(
                "credential",
                credential,
                "none",
            );
            change.commit(event, ()).await
        })
        .await
}

/// Asks the provider for its models with the stored credential, and says what came of it.
pub async fn test(access: &Access, slug: &str) -> Result<Finding> {
    let tested = try_connection(access, slug).await;
    let acting = tested.as_ref().map_or(access, |(acting, ..)| acting).clone();
    acting
        .act(Operation::VirtualKeyTest, Subject::unnamed("virtual_key", slug), |change| async move {
            let (_, subject, finding) = tested?;
            change.commit(Event::of(subject).with("result", finding.name()), finding).await
        })
        .await
}

/// Gives also who goes on: whatever cuts the call off leaves a trace.
async fn try_connection(access: &Access, slug: &str) -> Result<(Access, Subject, Finding)> {
    let mut tx = access.read(Operation::VirtualKeyTest).await?;
    let stored = store::by_slug(&mut tx, slug, access.now()).await?.ok_or_else(Error::not_found)?;
    let sealed = store::credential(&mut tx, stored.id).await?;
    let organisation = tx.organisation();
    // The provider may take its time; the database does not wait for it.
    drop(tx);
    let app = access.app();
    let credential = sealed.map(|sealed| unseal(&app.keyring, organisation, stored.id, &sealed)).transpose()?;
    let subject = subject(&stored);
    let acting = access.begin_outside(Operation::VirtualKeyTest, &subject).await?;
    let finding = connection::test(&app.outgoing, &stored, credential.as_ref().map(|plain| plain.as_str())).await;
    Ok((acting, subject, finding))
}

/// Opens the credential of a virtual key. It opens in its own organisation and record alone.
pub fn unseal(
    keyring: &Keyring,
    organisation: OrganisationId,
    id: VirtualKeyId,
    sealed: &[u8],
) -> Result<Zeroizing<String>> {
    keyring.open_sealed(&[&organisation.to_string(), &id.to_string(), "credential"], sealed)
}

fn seal(change: &Change, id: VirtualKeyId, plain: &str) -> Result<Sealed> {
    let organisation = change.organisation();
    change.access().app().keyring.seal(&[&organisation.to_string(), &id.to_string(), "credential"], plain)
}

fn subject(key: &Detail) -> Subject {
    Subject::new("virtual_key", key.id, &key.name)
}

/// Stores a new virtual key and its event. Gives it, and what is odd about its limits.
async fn insert(
    mut change: Change,
    id: VirtualKeyId,
    slug: &str,
    ready: &Ready,
    credential: Option<Sealed>,
    (copy_of, limits): (Option<&Detail>, &limits::Edit),
) -> Result<crate::server::access::Committed<(Detail, Vec<Doubt>)>> {
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    if store::count(change.tx()).await? >= model::MOST {
        return Err(Error::conflict(format!("An organisation can have at most {} virtual keys.", model::MOST)));
    }
    let word = if credential.is_some() { "set" } else { "none" };
    let credential = credential.map(|sealed| SetCredential { sealed, by: &by, at: now });
    if !store::insert(change.tx(), id, slug, &ready.facts(), credential, &by, now).await? {
        return Err(taken(slug));
    }
    let made = store::by_slug(change.tx(), slug, now).await?.ok_or_else(Error::internal)?;
    let event = Event::of(subject(&made))
        .with("slug", slug)
        .with("provider", ready.provider.name())
        .with("base_url", ready.base_url.as_str())
        .with("credential", word)
        .change("copy_of", "none", copy_of.map_or("none", |was| &was.slug));
    let on = On { scope: Scope::VirtualKey, id: id.0 };
    let (mut event, doubts) = limits::set(&mut change, on, limits, event).await?;
    if let Some(was) = copy_of {
        // A copy is no way around them.
        event = limits::copy(&mut change, On { scope: Scope::VirtualKey, id: was.id.0 }, on, event).await?;
    }
    change.commit(event, (made, doubts)).await
}

/// The slug that was typed, if it is free; else one made from the name.
async fn choose_slug(change: &mut Change, typed: &str, name: &str) -> Result<String> {
    if !typed.trim().is_empty() {
        let slug = model::parse_slug(typed).map_err(|sentence| Error::field("key_slug", sentence))?;
        return if store::slug_is_taken(change.tx(), &slug).await? { Err(taken(&slug)) } else { Ok(slug) };
    }
    let base = model::parse_slug(&text::slug(name)).unwrap_or_else(|_| "virtual-key".into());
    for slug in text::numbered_slugs(&base) {
        if !store::slug_is_taken(change.tx(), &slug).await? {
            return Ok(slug);
        }
    }
    Err(Error::field("key_slug", "No reference is free for this name. Type one."))
}

fn taken(slug: &str) -> Error {
    Error::field("key_slug", clash(slug))
}

fn clash(slug: &str) -> String {
    format!("Another virtual key has the reference @{slug}.")
}

/// Reads what was typed; looks the host up for whoever may save, and for nobody else.
async fn prepare(
    access: &Access,
    operation: Operation,
    draft: Draft,
    stored: Option<&Detail>,
    slug: Option<&str>,
) -> Result<Ready> {
    drop(access.read(operation).await?);
    let mut fields = Fields::default();
    let name = fields.take("name", model::parse_name(&draft.name));
    if let Some(slug) = slug.filter(|slug| !slug.trim().is_empty()) {
        fields.take("key_slug", model::parse_slug(slug));
    }
    let description = fields.take("description", model::parse_description(&draft.description));
    let provider = fields.take("provider", model::parse_provider(&draft.provider));
    let api_version = fields.take("api_version", model::parse_api_version(&draft.api_version));
    let credential = fields.take("credential", model::parse_credential(&draft.credential));
    let base = match provider {
        Some(provider) => fields.take("base_url", read_base(access, provider, &draft.base_url, stored)),
        None => None,
    };
    if let (Some(base), Some(provider)) = (&base, provider)
        && provider.default_base_url() != Some(base.as_str())
        && let Err(sentence) = look_up(access, base).await
    {
        fields.refuse("base_url", sentence);
    }
    fields.build(|| {
        // What another provider does not read is not kept for it.
        let settings = match provider? {
            Provider::AzureOpenAi => Settings { api_version: api_version? },
            _ => Settings::default(),
        };
        let base_url = base?.as_str().to_owned();
        Some(Ready {
            name: name?,
            description: description?,
            provider: provider?,
            base_url,
            settings,
            credential: credential?,
        })
    })
}

/// The base URL that is meant: the typed one, else the provider's own. A form without JavaScript still shows the former
/// provider's own address after another provider was chosen; that is as good as empty.
fn read_base(
    access: &Access,
    provider: Provider,
    typed: &str,
    stored: Option<&Detail>,
) -> std::result::Result<BaseUrl, String> {
    let typed = typed.trim();
    let left_over =
        stored.is_some_and(|was| was.provider != provider && was.provider.default_base_url() == Some(typed));
    let text = match provider.default_base_url() {
        Some(own) if typed.is_empty() || left_over => own,
        None if typed.is_empty() => {
            return Err(format!("{} needs a base URL, such as {}.", provider.label(), provider.example_base_url()));
        }
        _ => typed,
    };
    BaseUrl::parse(text, access.app().outgoing.allowed()).map_err(|error| error.to_string())
}

/// Refuses a host that leads where requests may not go. One that cannot be looked up at the moment is let pass: every
/// connection is checked again.
async fn look_up(access: &Access, base: &BaseUrl) -> std::result::Result<(), String> {
    match tokio::time::timeout(LOOK_UP, access.app().outgoing.check(base)).await {
        Ok(Err(OutgoingError::Blocked(_))) => Err(Finding::AddressBlocked.sentence()),
        Ok(Err(OutgoingError::PlainHttp)) => Err(Finding::PlainHttp.sentence()),
        Ok(_) | Err(_) => Ok(()),
    }
}
