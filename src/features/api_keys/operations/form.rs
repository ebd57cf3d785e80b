//! From what the console's forms post to what the operations take. Read inside the operation, so that a refusal of what
//! was typed comes after the decision and leaves its event.

use super::{Edit, Narrow, New, Rotation, SetTo};
use crate::{
    features::{
        api_keys::model::{Expiry, Key, KeyForm, OVERLAPS, parse_description, parse_name},
        limits::{
            self,
            model::{Wanted, monthly_budget},
        },
        logs::texts::parse_choice,
    },
    kernel::{Error, Fields, Result, Timestamp, UserId},
    policy::PermissionSet,
};
use uuid::Uuid;

impl New {
    pub fn from_form(form: &KeyForm) -> Result<Self> {
        let typed = Typed::read(form, None)?;
        Ok(Self {
            name: typed.name,
            description: typed.description,
            permissions: Some(typed.permissions),
            scopes: vec![],
            expiry: typed.expiry.unwrap_or(Expiry::DEFAULT),
            config: config(form),
            config_override: form.config_override != "no",
            keep_texts: keep_texts(form)?.flatten(),
            limits: limits::Edit { budgets: typed.budget.map(|budget| vec![budget]), ..limits::Edit::default() },
            narrow: Narrow::of_form(form),
            submission: form.submission.parse().ok(),
        })
    }
}

impl Edit {
    pub fn from_form(form: &KeyForm, key: &Key) -> Result<Self> {
        let typed = Typed::read(form, Some(key.permissions))?;
        let responsible = match form.responsible.as_str() {
            "" => None,
            "owners" => Some(None),
            id => Some(Some(
                id.parse::<UserId>().map_err(|_| Error::field("responsible", "Choose a person from the list."))?,
            )),
        };
        let version = form.version.parse().map_err(|_| Error::field("version", "Reload the page and try again."))?;
        Ok(Self {
            name: Some(typed.name),
            description: Some(typed.description),
            permissions: Some(typed.permissions),
            scopes: None,
            expiry: typed.expiry,
            config: config(form),
            config_override: (!form.config_override.is_empty()).then_some(form.config_override != "no"),
            keep_texts: keep_texts(form)?,
            limits: limits::Edit::default(),
            narrow: Narrow::of_form(form),
            responsible,
            version: Some(version),
        })
    }
}

impl SetTo {
    pub fn from_form(permissions: &str, used_within: &str, version: &str) -> Result<Self> {
        let permissions = PermissionSet::from_names(permissions.split_whitespace())
            .map_err(|unknown| Error::field("permissions", unknown.to_string()))?;
        let number = |text: &str, field: &str| match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Error::field(field, "Reload the page and try again.")),
        };
        Ok(Self { permissions, used_within: number(used_within, "used_within")?, version: number(version, "version")? })
    }
}

impl Rotation {
    pub fn from_form(overlap: &str, expiry: &str, submission: Option<Uuid>) -> Result<Self> {
        let expiry = read_expiry(expiry, "").map_err(|(_, sentence)| Error::field("expiry", sentence))?;
        let overlap = OVERLAPS.into_iter().find(|(name, ..)| *name == overlap).map(|(.., milliseconds)| milliseconds);
        Ok(Self { overlap, expiry, submission })
    }
}

/// The config that was chosen; none: nothing was said.
fn config(form: &KeyForm) -> Option<Option<String>> {
    match form.config.as_str() {
        "" => None,
        "none" => Some(None),
        slug => Some(Some(slug.to_owned())),
    }
}

/// Whether texts are to be kept; none: nothing was said.
fn keep_texts(form: &KeyForm) -> Result<Option<Option<bool>>> {
    match form.keep_texts.as_str() {
        "" => Ok(None),
        name => match parse_choice(name) {
            Some(choice) => Ok(Some(choice)),
            None => Err(Error::field("keep_texts", "Choose one of the list.")),
        },
    }
}

/// What both editors post.
struct Typed {
    name: String,
    description: String,
    permissions: PermissionSet,
    /// None: nothing was said.
    expiry: Option<Expiry>,
    budget: Option<Wanted>,
}

impl Typed {
    fn read(form: &KeyForm, stored: Option<PermissionSet>) -> Result<Self> {
        let mut fields = Fields::default();
        let name = fields.take("name", parse_name(&form.name));
        let description = fields.take("description", parse_description(&form.description));
        let permissions = match form.permissions(stored) {
            Ok(set) => Some(set),
            Err((feature, sentence)) => {
                fields.refuse(feature.name(), sentence);
                None
            }
        };
        let expiry = match read_expiry(&form.expiry, &form.expiry_date) {
            Ok(expiry) => expiry,
            Err((field, sentence)) => {
                fields.refuse(field, sentence);
                None
            }
        };
        let budget = match form.usage_limits.trim() {
            "" => None,
            typed => fields.take("usage_limits", monthly_budget(typed)),
        };
        fields
            .build(|| Some(Self { name: name?, description: description?, permissions: permissions?, expiry, budget }))
    }
}

/// The chosen end; the error names its field.
fn read_expiry(choice: &str, date: &str) -> std::result::Result<Option<Expiry>, (&'static str, String)> {
    match choice {
        "" => Ok(None),
        "keep" => Ok(Some(Expiry::Keep)),
        "none" => Ok(Some(Expiry::Never)),
        "date" => match Timestamp::parse(date.trim()) {
            Some(at) => Ok(Some(Expiry::At(at))),
            None => Err(("expiry_date", "Choose the last day, such as 2027-02-21.".into())),
        },
        days => match days.parse().ok().filter(|days| Expiry::DAYS.contains(days)) {
            Some(days) => Ok(Some(Expiry::Days(days))),
            None => Err(("expiry", "Choose how long the key shall live.".into())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::KeyFeature;

    #[test]
    fn every_refused_field_is_named_at_once() {
        let form = KeyForm {
            expiry: "date".into(),
            levels: [(KeyFeature::Metrics, "write".into())].into(),
            ..KeyForm::default()
        };
        let error = Typed::read(&form, None).err().unwrap();
        let named: Vec<_> = error.fields.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(named, ["name", "metrics", "expiry_date"]);
    }

    #[test]
    fn ends_are_read() {
        assert_eq!(read_expiry("90", ""), Ok(Some(Expiry::Days(90))));
        assert_eq!(read_expiry("none", "2027-02-21"), Ok(Some(Expiry::Never)));
        assert!(read_expiry("91", "").is_err());
        let Ok(Some(Expiry::At(at))) = read_expiry("date", "2027-02-21") else { panic!("a date") };
        assert_eq!(at.rfc3339(), "2027-02-21T23:59:59.000Z");
    }
}
