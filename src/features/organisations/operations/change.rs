//! Making an organisation, and what can be changed about one.

use super::{
    super::{
        model::{Created, KeepingForm, KeyPolicy, Settings, parse_name, parse_slug},
        store::{self, Organisation},
    },
    found, free_slug,
    keys::was,
};
use crate::{
    features::{
        api_keys,
        limits::{
            self,
            contract::Sent,
            model::{Doubt, On, Scope, Standing},
        },
        logs::{self, texts::Keeping},
    },
    kernel::{Code, Error, Fields, OrganisationId, Result, Timestamp, time::DAY},
    policy::Operation,
    server::{
        access::Access,
        audit::event::{Event, Subject},
        database::Tx,
    },
};
use uuid::Uuid;

/// How long a slug that was given up leads nowhere and to nobody else.
const RETIRED_FOR: i64 = 90 * DAY;

const TAKEN: &str = "Another organisation has this short name, or had it in the last 90 days.";

/// Makes an organisation of which the person is the Owner. An empty slug is made from the name.
///
/// A form sent twice makes one organisation: the second time answers `already_done`.
pub async fn create(access: &Access, name: &str, slug: &str, submission: Option<Uuid>) -> Result<Created> {
    let organisation = identity(access, submission);
    let subject = Subject::new("organisation", organisation, name.trim());
    let result = access
        .founding(organisation)
        .act(Operation::OrganisationCreate, subject, |mut change| async move {
            let user = change.access().user()?;
            let mut fields = Fields::default();
            let name = fields.take("name", parse_name(name));
            let slug =
                if slug.trim().is_empty() { Some(None) } else { fields.take("new_slug", parse_slug(slug)).map(Some) };
            let (name, slug) = fields.build(|| Some((name?, slug?)))?;
            change.once(submission).await?;
            let now = change.now();
            let slug = match slug {
                Some(slug) => match clash(change.tx().system(), &slug, now).await? {
                    Some(sentence) => return Err(Error::field("new_slug", sentence)),
                    None => slug,
                },
                None => free_slug(change.tx().system(), &name, now).await?,
            };
            change.access().app().limits.organisations.take(&user.to_string(), now)?;
            let (key, master_key) = found(&mut change, user, &name, &slug).await?;
            let subject = Subject::new("organisation", organisation, &name);
            let event = Event::of(subject)
                .with("name", name.clone())
                .with("slug", slug.clone())
                .with("master_key", key.to_string());
            change.commit(event, Created { slug, name, master_key }).await
        })
        .await;
    result.map_err(|error| match error.code {
        Code::AlreadyDone => Error::new(
            Code::AlreadyDone,
            "This organisation was made by your first press. Its master key was shown then; if you did not see it, rotate it on its page of API keys.",
        ),
        _ => error,
    })
}

/// What making an organisation would say of its slug, if something is wrong with it.
pub async fn check_slug(access: &Access, typed: &str) -> Result<Option<String>> {
    let mut tx = access.read_account(Operation::OrganisationSlugCheck).await?;
    match looked_up(access, typed)? {
        Ok(slug) => clash(&mut tx, &slug, access.now()).await,
        Err(sentence) => Ok(Some(sentence)),
    }
}

/// What giving the organisation another slug would say of it, if something is wrong with it.
pub async fn check_slug_change(access: &Access, typed: &str) -> Result<Option<String>> {
    let mut tx = access.read(Operation::OrganisationSlugChangeCheck).await?;
    let id = tx.organisation();
    Ok(match looked_up(access, typed)? {
        Ok(slug) => {
            let is_taken = store::slug_is_taken_by_others(tx.system(), &slug, id, access.now()).await?;
            is_taken.then(|| TAKEN.to_owned())
        }
        Err(sentence) => Some(sentence),
    })
}

/// A slug that is about to be looked up among those of all organisations, which nobody tries out by the thousand; else what
/// is wrong with it.
fn looked_up(access: &Access, typed: &str) -> Result<std::result::Result<String, String>> {
    access.app().limits.slugs.take(&access.user()?.to_string(), access.now())?;
    Ok(parse_slug(typed))
}

/// What is said of a slug that is taken.
async fn clash(tx: &mut Tx, slug: &str, now: Timestamp) -> Result<Option<String>> {
    if !store::slug_is_taken(tx, slug, now).await? {
        return Ok(None);
    }
    Ok(Some(format!("{TAKEN} Free is “{}”.", free_slug(tx, slug, now).await?)))
}

/// The id of the organisation that a submission makes: for one person the same each time, and nothing that a caller
/// could choose.
fn identity(access: &Access, submission: Option<Uuid>) -> OrganisationId {
    match (access.user(), submission) {
        (Ok(user), Some(submission)) => {
            let digest = access.app().keyring.digest("new organisation", &format!("{user} {submission}"));
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&digest[..16]);
            OrganisationId(uuid::Builder::from_random_bytes(bytes).into_uuid())
        }
        _ => OrganisationId::new(),
    }
}

/// The settings page.
pub async fn settings(access: &Access) -> Result<Settings> {
    let mut tx = access.read(Operation::OrganisationSettings).await?;
    let id = tx.organisation();
    let own = store::by_id(tx.system(), id).await?.ok_or_else(Error::not_found)?;
    let retired = store::retired(&mut tx, access.now()).await?;
    let texts = logs::count_texts(&mut tx).await?;
    let rules = own.rules();
    let key_policy = KeyPolicy {
        longest_days: rules.longest_days,
        must_expire: rules.must_expire,
        must_have_budget: rules.must_have_budget,
        allowed_ips: rules.allowed_ips.iter().map(ToString::to_string).collect(),
        was: was(&rules),
        blocked: api_keys::breaking(&mut tx, &rules, access.now()).await?,
    };
    Ok(Settings {
        key_policy,
        keeping: own.keeping(),
        texts,
        slug: own.slug,
        name: own.name,
        version: own.version,
        saved_only: own.saved_only,
        public_url: access.app().public_url.clone(),
        retired,
    })
}

/// The organisation itself, as programs read it.
pub async fn get(access: &Access) -> Result<(OrganisationId, Organisation, Vec<Standing>)> {
    let mut tx = access.read(Operation::OrganisationGet).await?;
    let id = tx.organisation();
    let own = store::by_id(tx.system(), id).await?.ok_or_else(Error::not_found)?;
    let on = On { scope: Scope::Organisation, id: id.0 };
    let limits = limits::operations::of(&mut tx, access.app(), on, access.now()).await?;
    Ok((id, own, limits))
}

/// Sets whether calls may bring configs, providers and hosts of their own, or name saved ones only; and what all calls together
/// may use, for which more is needed than for the first. `read` is what was set when the caller read it (none: whatever is
/// set): where somebody has set it otherwise since, nothing is changed. Gives what is odd about limits that were set.
pub async fn restrict(
    access: &Access,
    saved_only: Option<bool>,
    read: Option<bool>,
    limits: Sent,
) -> Result<Vec<Doubt>> {
    let id = access.principal().organisation().unwrap_or(OrganisationId::INSTALLATION);
    access
        .act(Operation::OrganisationRestrict, Subject::unnamed("organisation", id), |mut change| async move {
            let limits = limits.edit()?;
            if saved_only.is_none() && limits.is_nothing() {
                return Err(Error::field("saved_only", "Say whether calls may name saved configs only."));
            }
            let id = change.organisation();
            let on = On { scope: Scope::Organisation, id: id.0 };
            if !limits.is_nothing() {
                limits::operations::may_touch(&mut change, on).await?;
            }
            let tx = change.tx().system();
            let was = store::by_id(tx, id).await?.ok_or_else(Error::not_found)?;
            let saved_only = saved_only.unwrap_or(was.saved_only);
            if read.is_some_and(|read| read != was.saved_only) && saved_only != was.saved_only {
                let sentence = "Somebody else has set this meanwhile. Reload the page to see how it is set now.";
                return Err(Error::new(Code::StaleVersion, sentence));
            }
            store::restrict(tx, id, saved_only).await?;
            let event = Event::of(Subject::new("organisation", id, &was.name));
            let event = event.change("saved_only", was.saved_only, saved_only);
            let (event, doubts) = limits::set(&mut change, on, &limits, event).await?;
            change.commit(event, doubts).await
        })
        .await
}

/// What is changed of what is kept of calls; what is not said stays.
#[derive(Clone, Copy, Debug, Default)]
struct KeepingEdit {
    keep: Option<bool>,
    leave_images_out: Option<bool>,
    texts_days: Option<i64>,
    /// `Some(None)`: entries stay for ever.
    logs_days: Option<Option<i64>>,
}

impl KeepingEdit {
    fn of(self, was: Keeping) -> Keeping {
        Keeping {
            keep: self.keep.unwrap_or(was.keep),
            leave_images_out: self.leave_images_out.unwrap_or(was.leave_images_out),
            texts_days: self.texts_days.unwrap_or(was.texts_days),
            logs_days: self.logs_days.unwrap_or(was.logs_days),
        }
    }
}

/// What a form says, read.
fn typed(form: &KeepingForm) -> Result<KeepingEdit> {
    let flag = |word: &str| match word {
        "" => Ok(None),
        "yes" => Ok(Some(true)),
        "no" => Ok(Some(false)),
        _ => Err("Choose one of the two.".to_owned()),
    };
    let days = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| "Write a number of days.".to_owned()),
    };
    let mut fields = Fields::default();
    let keep = fields.take("keep", flag(&form.keep));
    let images = fields.take("images", flag(&form.images));
    let texts_days = fields.take("texts_days", days(&form.texts_days));
    let logs_days = fields.take("logs_days", days(&form.logs_days));
    fields.build(|| {
        Some(KeepingEdit {
            keep: keep?,
            leave_images_out: images?.map(|kept| !kept),
            texts_days: texts_days?,
            // What is empty is for ever.
            logs_days: Some(logs_days?),
        })
    })
}

/// What becomes of what is kept, or which field is at fault.
fn keeping_of(was: Keeping, edit: KeepingEdit) -> Result<Keeping> {
    let keeping = edit.of(was);
    keeping.check().map_err(|(field, sentence)| Error::field(field, sentence))?;
    Ok(keeping)
}

/// Stores what is kept of calls, and notes the difference.
async fn store_keeping(
    tx: &mut Tx,
    id: OrganisationId,
    was: &Organisation,
    keeping: Keeping,
    now: Timestamp,
) -> Result<()> {
    let set_at = if was.keep_texts == keeping.keep { was.keep_texts_set_at.map(Timestamp) } else { Some(now) };
    store::keep_texts(tx, id, keeping, set_at).await
}

fn noted(event: Event, was: Keeping, keeping: Keeping) -> Event {
    event
        .change("keep_texts", was.keep, keeping.keep)
        .change("leave_images_out", was.leave_images_out, keeping.leave_images_out)
        .change("texts_days", was.texts_days, keeping.texts_days)
        .change("logs_days", was.logs_days, keeping.logs_days)
}

/// Sets what is kept of calls, and for how long, as a form says it. Of what is there already, a job deletes what is older than it then may be.
pub async fn keep_texts(access: &Access, form: &KeepingForm) -> Result<()> {
    let id = access.principal().organisation().unwrap_or(OrganisationId::INSTALLATION);
    access
        .act(Operation::OrganisationKeepTexts, Subject::unnamed("organisation", id), |mut change| async move {
            let edit = typed(form)?;
            let (id, now) = (change.organisation(), change.now());
            let tx = change.tx().system();
            let own = store::by_id(tx, id).await?.ok_or_else(Error::not_found)?;
            let was = own.keeping();
            let keeping = keeping_of(was, edit)?;
            if !form.was.is_empty() && form.was != KeepingForm::read_of(&was) && keeping != was {
                let sentence = "Somebody else has set this meanwhile. Reload the page to see how it is set now.";
                return Err(Error::new(Code::StaleVersion, sentence));
            }
            store_keeping(tx, id, &own, keeping, now).await?;
            let event = noted(Event::of(Subject::new("organisation", id, &own.name)), was, keeping);
            change.commit(event, ()).await
        })
        .await
}

/// Changes name and slug. Gives the slug that the organisation has then.
pub async fn update(access: &Access, name: &str, slug: &str, version: i64) -> Result<String> {
    let id = access.principal().organisation().unwrap_or(OrganisationId::INSTALLATION);
    let subject = Subject::unnamed("organisation", id);
    let result = access
        .act(Operation::OrganisationUpdate, subject, |mut change| async move {
            let (id, now) = (change.organisation(), change.now());
            let mut fields = Fields::default();
            let name = fields.take("name", parse_name(name));
            let slug = fields.take("new_slug", parse_slug(slug));
            let (name, slug) = fields.build(|| Some((name?, slug?)))?;
            let tx = change.tx().system();
            let was = store::by_id(tx, id).await?.ok_or_else(Error::not_found)?;
            if was.slug != slug {
                if store::slug_is_taken_by_others(tx, &slug, id, now).await? {
                    return Err(Error::field("new_slug", TAKEN));
                }
                store::resume_slug(tx, &slug).await?;
                store::retire_slug(tx, &was.slug, id, now.plus(RETIRED_FOR)).await?;
            }
            if !store::update(tx, id, version, &slug, &name, now).await? {
                return Err(Error::stale());
            }
            let event = Event::of(Subject::new("organisation", id, &name)).change("name", was.name, name).change(
                "slug",
                was.slug,
                slug.clone(),
            );
            change.commit(event, slug).await
        })
        .await;
    // Two organisations that take one slug at the same moment: the database lets one of them have it.
    result.map_err(|error| if error.code == Code::Conflict { Error::field("new_slug", TAKEN) } else { error })
}
