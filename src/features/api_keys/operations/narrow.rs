//! What a key is narrowed to: read, looked up, and held against what the caller is narrowed to and what the organisation
//! asks of all keys.

use crate::{
    features::{
        api_keys::{
            model::{FARTHEST_DAYS, Key, KeyForm},
            narrowing::{Narrowing, distinct, entries},
            rules::Judged,
            store,
        },
        configs, organisations, prompts, virtual_keys,
    },
    kernel::{Code, ConfigId, Error, Fields, KeyId, PromptId, Result, Timestamp, VirtualKeyId, text, time::DAY},
    server::{access::Change, audit::event::Event, database::OrgTx},
};
use uuid::Uuid;

/// What is asked for a key's narrowing, as typed. None: it stays; an empty list, or text: not narrowed.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    pub models: Option<Vec<String>>,
    pub virtual_keys: Option<Vec<String>>,
    pub configs: Option<Vec<String>>,
    pub prompts: Option<Vec<String>>,
    pub allowed_ips: Option<Vec<String>>,
    /// A day, from its beginning in UTC, or a moment of RFC 3339.
    pub not_before: Option<String>,
}

impl Narrow {
    /// What a form says: nothing where it has no fields for it, else all of it.
    pub fn of_form(form: &KeyForm) -> Self {
        if form.narrowing != "yes" {
            return Self::default();
        }
        let lines = |text: &str| Some(text.lines().map(str::to_owned).collect());
        Self {
            models: lines(&form.only_models),
            virtual_keys: lines(&form.only_virtual_keys),
            configs: lines(&form.only_configs),
            prompts: lines(&form.only_prompts),
            allowed_ips: lines(&form.only_ips),
            not_before: Some(form.not_before.clone()),
        }
    }
}

/// What can be named by its slug.
#[derive(Clone, Copy)]
enum Thing {
    VirtualKey,
    Config,
    Prompt,
}

impl Thing {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Thing::VirtualKey => ("only_virtual_keys", "virtual key"),
            Thing::Config => ("only_configs", "config"),
            Thing::Prompt => ("only_prompts", "prompt"),
        }
    }

    async fn find(self, tx: &mut OrgTx, slug: &str) -> Result<Option<Uuid>> {
        Ok(match self {
            Thing::VirtualKey => {
                let slug = slug.strip_prefix('@').unwrap_or(slug);
                virtual_keys::id_of(tx, slug).await?.map(Uuid::from)
            }
            Thing::Config => configs::id_of(tx, slug).await?.map(Uuid::from),
            Thing::Prompt => prompts::id_of(tx, slug).await?.map(Uuid::from),
        })
    }

    /// The ids behind slugs; an id that is stored already stays, for what was deleted has no slug any more. Another
    /// organisation's is the same as one that there is not.
    async fn ids(self, tx: &mut OrgTx, fields: &mut Fields, typed: &[String], stored: Vec<Uuid>) -> Result<Vec<Uuid>> {
        let (field, what) = self.words();
        let mut ids = vec![];
        for entry in fields.take(field, distinct(typed)).unwrap_or_default() {
            let kept = entry.parse::<Uuid>().ok().filter(|id| stored.contains(id));
            let found = match kept {
                Some(id) => Some(id),
                None => self.find(tx, entry).await?,
            };
            match found {
                Some(id) if ids.contains(&id) => {}
                Some(id) => ids.push(id),
                None => {
                    fields.refuse(field, format!("There is no {what} {}.", text::cut(entry, 60)));
                    break;
                }
            }
        }
        Ok(ids)
    }
}

/// The narrowing of a new key that has this config and this end.
pub(super) async fn of_new(
    change: &mut Change,
    asked: Narrow,
    config: Option<ConfigId>,
    end: Option<Timestamp>,
    has_budget: bool,
) -> Result<Narrowing> {
    let next = settled(change, Narrowing::default(), asked, config, end).await?;
    let judged = Judged { master: false, made_at: change.now(), end, has_budget };
    obeys(change, judged, ALL, Some(&next)).await?;
    Ok(next)
}

/// The narrowing of a key before and after an edit that leaves it this config and this end.
pub(super) async fn of_edited(
    change: &mut Change,
    key: &Key,
    asked: Narrow,
    config: Option<ConfigId>,
    end: Option<Timestamp>,
    has_budget: bool,
) -> Result<(Narrowing, Narrowing)> {
    let was = store::narrowing::of(change.tx(), key.id).await?;
    let next = settled(change, was.clone(), asked, config, end).await?;
    let judged = Judged { master: key.master, made_at: key.secret_made_at, end, has_budget };
    // Whatever else is changed, a key that breaks the policy already can be changed.
    let brought = Brought { end: end != key.expires_at, budget: has_budget != key.has_budget };
    obeys(change, judged, brought, Some(&next).filter(|next| next.allowed_ips != was.allowed_ips)).await?;
    Ok((was, next))
}

async fn settled(
    change: &mut Change,
    was: Narrowing,
    asked: Narrow,
    config: Option<ConfigId>,
    end: Option<Timestamp>,
) -> Result<Narrowing> {
    let now = change.now();
    let mut next = was.clone();
    let mut fields = Fields::default();
    if let Some(typed) = asked.models {
        next.models = fields.take("only_models", entries(&typed)).unwrap_or_default();
    }
    if let Some(typed) = asked.virtual_keys {
        let stored = was.virtual_keys.iter().map(|id| id.0).collect();
        let ids = Thing::VirtualKey.ids(change.tx(), &mut fields, &typed, stored).await?;
        next.virtual_keys = ids.into_iter().map(VirtualKeyId).collect();
    }
    if let Some(typed) = asked.configs {
        let stored = was.configs.iter().map(|id| id.0).collect();
        let ids = Thing::Config.ids(change.tx(), &mut fields, &typed, stored).await?;
        next.configs = ids.into_iter().map(ConfigId).collect();
    }
    if let Some(typed) = asked.prompts {
        let stored = was.prompts.iter().map(|id| id.0).collect();
        let ids = Thing::Prompt.ids(change.tx(), &mut fields, &typed, stored).await?;
        next.prompts = ids.into_iter().map(PromptId).collect();
    }
    if let Some(typed) = asked.allowed_ips {
        next.allowed_ips = fields.take("only_ips", entries(&typed)).unwrap_or_default();
    }
    if let Some(typed) = asked.not_before {
        next.not_before = fields.take("not_before", moment(&typed)).flatten();
    }
    if let Some(from) = next.not_before.filter(|_| next.not_before != was.not_before) {
        if end.is_some_and(|end| from >= end) {
            fields.refuse("not_before", "The key ends before that. Choose an earlier moment, or a later end.");
        } else if from > now.plus(FARTHEST_DAYS * DAY) {
            fields.refuse("not_before", "A key can begin to work within ten years. Choose an earlier moment.");
        }
    }
    if config.is_some_and(|config| !next.lets_config(config)) {
        let sentence = "The key's own config is not among those that it may name. Add it there, or choose another.";
        fields.refuse("config", sentence);
    }
    fields.finish()?;
    within_own(change, &next).await?;
    Ok(next)
}

/// The moment that was typed; none: nothing was.
fn moment(typed: &str) -> std::result::Result<Option<Timestamp>, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let full = if typed.len() == 10 { format!("{typed}T00:00:00Z") } else { typed.to_owned() };
    let read = Timestamp::parse(&full).map(Some);
    read.ok_or_else(|| "This must be a day such as 2027-02-21, or a moment such as 2027-02-21T14:05:00Z.".to_owned())
}

/// A key gives no other what it is itself narrowed from: by such a twin it would get around its own narrowing.
async fn within_own(change: &mut Change, next: &Narrowing) -> Result<()> {
    let Some(own) = change.own_key() else { return Ok(()) };
    let own = store::narrowing::of(change.tx(), own).await?;
    match next.wider_than(&own) {
        None => Ok(()),
        Some(kind) => {
            let message = format!(
                "The key that asks is narrowed to certain {kind}. It makes, changes and rotates only keys that are narrowed as far."
            );
            Err(Error::new(Code::PermissionDenied, message))
        }
    }
}

/// Nobody touches a key that is narrowed less than themselves.
pub(super) async fn touches_none_wider(change: &mut Change, id: KeyId) -> Result<()> {
    match change.own_key() {
        Some(own) if own != id => {
            let stored = store::narrowing::of(change.tx(), id).await?;
            within_own(change, &stored).await
        }
        _ => Ok(()),
    }
}

/// What of a key is new: no other part is held against the policy.
#[derive(Clone, Copy)]
pub(super) struct Brought {
    pub end: bool,
    /// Whether it has a budget.
    pub budget: bool,
}

pub(super) const ALL: Brought = Brought { end: true, budget: true };

/// What the organisation asks of all keys holds for what is new of this one, and for what it is narrowed to (none: as it
/// was).
pub(super) async fn obeys(
    change: &mut Change,
    key: Judged,
    brought: Brought,
    narrowing: Option<&Narrowing>,
) -> Result<()> {
    let id = change.organisation();
    let rules = organisations::by_id(change.tx().system(), id).await?.ok_or_else(Error::not_found)?.rules();
    let mut fields = Fields::default();
    if let Some(sentence) = rules.broken_by_end(key).filter(|_| brought.end) {
        fields.refuse("expiry", sentence);
    }
    if let Some(sentence) = rules.broken_by_want_of_budget(key).filter(|_| brought.budget) {
        fields.refuse("usage_limits", sentence);
    }
    let beyond = |range| !rules.allowed_ips.is_empty() && !rules.allowed_ips.iter().any(|one| one.covers(range));
    if let Some(range) = narrowing.and_then(|narrowing| narrowing.allowed_ips.iter().find(|range| beyond(range))) {
        fields.refuse("only_ips", format!("Keys of this organisation do not work from all of {range}."));
    }
    fields.finish()
}

/// Notes a narrowing that is different now, by the ids of what it names.
pub(super) fn noted(event: Event, was: &Narrowing, now: &Narrowing) -> Event {
    let told = |of: &Narrowing| {
        let words = |list: Vec<String>| if list.is_empty() { "any".to_owned() } else { list.join(", ") };
        [
            ("only_models", words(of.models.iter().map(|one| one.as_str().to_owned()).collect())),
            ("only_virtual_keys", words(of.virtual_keys.iter().map(ToString::to_string).collect())),
            ("only_configs", words(of.configs.iter().map(ToString::to_string).collect())),
            ("only_prompts", words(of.prompts.iter().map(ToString::to_string).collect())),
            ("only_ips", words(of.allowed_ips.iter().map(ToString::to_string).collect())),
            ("not_before", of.not_before.map_or_else(|| "at once".to_owned(), Timestamp::rfc3339)),
        ]
    };
    told(was).into_iter().zip(told(now)).fold(event, |event, ((field, was), (_, now))| event.change(field, was, now))
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn a_day_begins_at_its_beginning() {
        let read = |typed: &str| moment(typed).map(|at| at.map(|at| at.rfc3339()));
        assert_eq!(read(" 2027-02-21 "), Ok(Some("2027-02-21T00:00:00.000Z".to_owned())));
        assert_eq!(read("2027-02-21T14:05:00+01:00"), Ok(Some("2027-02-21T13:05:00.000Z".to_owned())));
        assert_eq!(read(" "), Ok(None));
        assert!(read("tomorrow").is_err() && read("2027-02-30").is_err());
    }
}
