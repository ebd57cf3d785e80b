//! What both sides know of organisations.

use crate::{features::logs::texts::Keeping, kernel::text, policy::Role, site::Place};
use serde::{Deserialize, Serialize};

/// Longest name of an organisation.
pub const NAME_LIMIT: usize = 100;
/// Longest slug.
pub const SLUG_LIMIT: usize = text::SLUG_LIMIT;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] = &[("name", NAME_LIMIT), ("new_slug", SLUG_LIMIT)];

/// An organisation that a person belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub slug: String,
    pub name: String,
    pub role: Role,
}

/// An invitation that waits for the signed-in person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub id: crate::kernel::InvitationId,
    pub organisation: String,
    pub role: Role,
    pub inviter: String,
}

/// Everything that the frame of an organisation's pages shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    pub place: Place,
    pub person: String,
    pub email: String,
    /// How many organisations the person belongs to. Which ones is asked for where they are listed.
    pub places: i64,
    pub invitations: Vec<Waiting>,
}

/// What a new organisation gives its maker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub slug: String,
    pub name: String,
    /// The master key's secret: this once.
    pub master_key: crate::kernel::Secret,
}

/// Where a person belongs, as far as a search goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belonging {
    /// Those that were found, by name.
    pub memberships: Vec<Membership>,
    /// How many there are in all.
    pub total: usize,
    /// Names the next creation, so that a double press of its button has one effect.
    pub submission: uuid::Uuid,
}

/// What the settings page shows and changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub slug: String,
    pub name: String,
    pub version: i64,
    /// Calls may name saved configs and virtual keys, and bring nothing of their own.
    pub saved_only: bool,
    /// What is kept of calls, and for how long.
    pub keeping: Keeping,
    /// What is asked of all keys.
    pub key_policy: KeyPolicy,
    /// Of how many calls texts are kept now.
    pub texts: i64,
    /// The address of this installation, without a trailing slash.
    pub public_url: String,
    /// Slugs that this organisation gave up a short while ago, each with the day from which others may take it.
    pub retired: Vec<(String, crate::kernel::Timestamp)>,
}

/// What is asked of all keys, as the settings show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPolicy {
    /// For how many days a secret works at most; none: as long as its key.
    pub longest_days: Option<i64>,
    pub must_expire: bool,
    pub must_have_budget: bool,
    /// Ranges of addresses; empty: any.
    pub allowed_ips: Vec<String>,
    /// All of it in one word, for a form to send back.
    pub was: String,
    /// How many keys that would work are blocked by it now.
    pub blocked: i64,
}

/// What a form says of that, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyPolicyForm {
    /// Empty: none.
    pub longest_days: String,
    /// `yes` or `no`.
    pub must_expire: String,
    /// `yes` or `no`.
    pub must_have_budget: String,
    /// One on each line.
    pub allowed_ips: String,
    /// How many keys that work now are blocked by it, where any are.
    pub confirm: String,
    /// What the page has shown.
    pub was: String,
}

/// What a form says of what is kept of calls; what is empty was not said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeepingForm {
    /// `yes` or `no`.
    pub keep: String,
    /// `yes` or `no`.
    pub images: String,
    /// Days.
    pub texts_days: String,
    /// Days; empty: for ever.
    pub logs_days: String,
    /// What the page has shown, see [`KeepingForm::read_of`].
    pub was: String,
}

impl KeepingForm {
    /// What was read, in one word, so that a save notices that somebody else was there first.
    pub fn read_of(keeping: &Keeping) -> String {
        let Keeping { keep, leave_images_out, texts_days, logs_days } = *keeping;
        let logs = logs_days.map_or_else(|| "ever".to_owned(), |days| days.to_string());
        format!("{keep} {leave_images_out} {texts_days} {logs}")
    }
}

/// A name of 1 to 100 characters.
pub fn parse_name(text: &str) -> Result<String, String> {
    text::line("The name", text, NAME_LIMIT)
}

/// A slug: lower-case ASCII letters, digits and single hyphens, 2 to 40 characters.
pub fn parse_slug(text: &str) -> Result<String, String> {
    let slug = text.trim();
    let well_formed = (2..=SLUG_LIMIT).contains(&slug.len())
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-')
        && !slug.contains("--");
    if well_formed {
        Ok(slug.to_owned())
    } else {
        Err(format!("The short name takes 2 to {SLUG_LIMIT} lower-case letters, digits and single hyphens."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slugs_have_one_form() {
        for good in ["ab", "northwind", "north-wind-2", "0x", &"a".repeat(40)] {
            assert_eq!(parse_slug(good).as_deref(), Ok(good));
        }
        assert_eq!(parse_slug(" northwind ").as_deref(), Ok("northwind"));
        for bad in ["", "a", "North", "north wind", "-ab", "ab-", "a--b", "a/b", "a.b", "\u{fc}ber", &"a".repeat(41)] {
            assert!(parse_slug(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_proposed_is_acceptable(name in "\\PC{0,60}") {
            let proposed = text::slug(&name);
            prop_assert!(proposed.len() < 2 || parse_slug(&proposed).is_ok(), "{proposed}");
        }
    }
}
