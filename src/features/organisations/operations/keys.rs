//! What the organisation asks of all its keys.

use super::super::{model::KeyPolicyForm, store};
use crate::{
    features::api_keys::{
        self,
        narrowing::{Range, entries},
        rules::{KeyRules, MOST_DAYS},
    },
    kernel::{Code, Error, Fields, OrganisationId, Result, text::grouped},
    policy::Operation,
    server::{
        access::{Access, Change},
        audit::event::{Event, Subject},
    },
};

/// What shall be different of the rules; none: it stays.
#[derive(Clone, Debug, Default)]
pub struct KeyPolicyEdit {
    /// As typed; `Some` of an empty text: no longest time.
    pub longest_days: Option<String>,
    pub must_expire: Option<bool>,
    pub must_have_budget: Option<bool>,
    /// Ranges as typed; an empty list: any address.
    pub allowed_ips: Option<Vec<String>>,
    /// How many keys that work now may be blocked by it: just as many as will be. None: no key.
    pub blocks: Option<i64>,
    /// What was read, as [`was`] tells it. None: whatever is there.
    pub was: Option<String>,
}

impl KeyPolicyEdit {
    /// What a form says: all of it.
    pub fn of_form(form: &KeyPolicyForm) -> Result<Self> {
        let mut fields = Fields::default();
        let mut choice = |name: &str, typed: &str| match typed {
            "yes" => Some(true),
            "no" => Some(false),
            "" => None,
            _ => {
                fields.refuse(name, "Choose one of the two.");
                None
            }
        };
        let must_expire = choice("must_expire", &form.must_expire);
        let must_have_budget = choice("must_have_budget", &form.must_have_budget);
        let blocks = match form.confirm.trim() {
            "" => None,
            typed => fields.take("confirm", typed.parse().map_err(|_| "Write a number of keys.".to_owned())),
        };
        fields.finish()?;
        Ok(Self {
            longest_days: Some(form.longest_days.clone()),
            must_expire,
            must_have_budget,
            allowed_ips: Some(form.allowed_ips.lines().map(str::to_owned).collect()),
            blocks,
            was: Some(form.was.clone()).filter(|was| !was.is_empty()),
        })
    }

    fn of(&self, was: &KeyRules) -> Result<KeyRules> {
        let mut fields = Fields::default();
        let longest_days = match self.longest_days.as_deref().map(str::trim) {
            None => Some(was.longest_days),
            Some("") => Some(None),
            Some(typed) => {
                let days = typed.parse::<i64>().ok().filter(|days| (1..=MOST_DAYS).contains(days));
                let days = days.ok_or_else(|| format!("Write a number of days from 1 to {MOST_DAYS}, or nothing."));
                fields.take("longest_days", days).map(Some)
            }
        };
        let allowed_ips: Option<Vec<Range>> = match &self.allowed_ips {
            None => Some(was.allowed_ips.clone()),
            Some(typed) => fields.take("allowed_ips", entries(typed)),
        };
        let must_expire = self.must_expire.unwrap_or(was.must_expire);
        let must_have_budget = self.must_have_budget.unwrap_or(was.must_have_budget);
        if self.blocks.is_some_and(|blocks| blocks < 0) {
            fields.refuse("confirm", "Write a number of keys, 0 or more.");
        }
        fields.build(|| {
            Some(KeyRules { longest_days: longest_days?, must_expire, must_have_budget, allowed_ips: allowed_ips? })
        })
    }
}

/// Rules in one word, so that a save notices that somebody else was there first.
pub fn was(rules: &KeyRules) -> String {
    serde_json::to_string(rules).unwrap_or_default()
}

/// Sets what is asked of all keys. Keys that break it are blocked from then on, and none is revoked.
pub async fn set_key_policy(access: &Access, asked: impl FnOnce() -> Result<KeyPolicyEdit>) -> Result<()> {
    let id = access.principal().organisation().unwrap_or(OrganisationId::INSTALLATION);
    access
        .act(Operation::OrganisationKeyPolicy, Subject::unnamed("organisation", id), |mut change| async move {
            let asked = asked()?;
            of_no_narrowed_key(&mut change).await?;
            let (id, now) = (change.organisation(), change.now());
            let own = store::by_id(change.tx().system(), id).await?.ok_or_else(Error::not_found)?;
            let before = own.rules();
            let rules = asked.of(&before)?;
            if asked.was.is_some_and(|read| read != was(&before)) && rules != before {
                let sentence = "Somebody else has set this meanwhile. Reload the page to see how it is set now.";
                return Err(Error::new(Code::StaleVersion, sentence));
            }
            let blocked = api_keys::breaking(change.tx(), &rules, now).await?;
            if blocked > 0 && rules != before && asked.blocks != Some(blocked) {
                let keys = if blocked == 1 { "1 key".to_owned() } else { format!("{} keys", grouped(blocked)) };
                let sentence = format!("{keys} would be blocked at once. Write {blocked} here to confirm that.");
                return Err(Error::field("confirm", sentence));
            }
            store::set_key_rules(change.tx().system(), id, &rules).await?;
            let days = |rules: &KeyRules| rules.longest_days.map_or_else(|| "any".to_owned(), |days| days.to_string());
            let ranges = |rules: &KeyRules| match rules.allowed_ips.as_slice() {
                [] => "any".to_owned(),
                some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            };
            let event = Event::of(Subject::new("organisation", id, &own.name))
                .change("longest_days_of_keys", days(&before), days(&rules))
                .change("keys_must_expire", before.must_expire, rules.must_expire)
                .change("keys_must_have_budget", before.must_have_budget, rules.must_have_budget)
                .change("addresses_of_keys", ranges(&before), ranges(&rules))
                .change("blocked_keys", 0, blocked);
            change.commit(event, ()).await
        })
        .await
}

/// A key that is narrowed does not say what holds for all of them.
async fn of_no_narrowed_key(change: &mut Change) -> Result<()> {
    match change.own_key() {
        Some(key) if api_keys::is_narrowed(change.tx(), key).await? => {
            let message = "The key that asks is narrowed. It does not change what is asked of all keys.";
            Err(Error::new(Code::PermissionDenied, message))
        }
        _ => Ok(()),
    }
}
