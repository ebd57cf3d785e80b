//! What both sides know of API keys.

mod rights;

pub use rights::{PermissionUse, Reset, Rights, SPANS};
pub mod narrowing;

use crate::{
    features::limits::model::{AMOUNT_LIMIT, Doubt, Standing},
    kernel::{
        KeyId, Secret, Timestamp, UserId, Window, text,
        time::{DAY, HOUR},
    },
    policy::{KeyFeature, Level, PermissionSet, Role, Shown, summary},
};
use narrowing::Narrowed;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Longest name of a key.
pub const NAME_LIMIT: usize = 100;
/// In place of a person's name, in the filter by who answers for a key.
pub const OWNERS: &str = "Owners";
/// Longest description of a key.
const DESCRIPTION_LIMIT: usize = 500;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] = &[
    ("name", NAME_LIMIT),
    ("description", DESCRIPTION_LIMIT),
    narrowing::LISTS[0],
    narrowing::LISTS[1],
    narrowing::LISTS[2],
    narrowing::LISTS[3],
    narrowing::LISTS[4],
    ("not_before", 40),
    ("usage_limits", AMOUNT_LIMIT),
];
/// Keys on one page of the list.
pub const PAGE: i64 = 25;
/// From this many days before its end a key is said to expire.
pub const SOON_DAYS: i64 = 14;
/// A key that nobody used for this many days is unused.
pub const UNUSED_DAYS: i64 = 90;
/// The farthest end of a key: ten years.
pub const FARTHEST_DAYS: i64 = 3_653;

/// A person that a key can answer for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: UserId,
    pub name: String,
    pub role: Role,
}

/// Whom a key answers for, as they are now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responsible {
    pub id: UserId,
    pub name: String,
    /// None: their account is disabled, or they do not belong here any more.
    pub role: Option<Role>,
}

/// The visible parts of a secret and its use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visible {
    pub beginning: String,
    pub ending: String,
    pub used_at: Option<Timestamp>,
}

impl Visible {
    /// `lk_p7Xa…Tn2e`.
    pub fn text(&self) -> String {
        format!("{}…{}", self.beginning, self.ending)
    }
}

/// A secret that was rotated away and still works for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldSecret {
    pub visible: Visible,
    pub until: Timestamp,
}

/// A key as lists and pages show it. Never its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub id: KeyId,
    pub master: bool,
    pub name: String,
    pub description: String,
    pub permissions: PermissionSet,
    /// The names under which a program gave them, for it to read again. The console needs none.
    #[serde(skip)]
    pub scopes: Vec<String>,
    /// What of them works now: cut by what the responsible person may do.
    pub effective: PermissionSet,
    /// None: the Owners.
    pub responsible: Option<Responsible>,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Counts the changes.
    pub version: i64,
    pub expires_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    pub secret: Visible,
    /// The secret before, while it still works.
    pub old: Option<OldSecret>,
    /// The last use of any of its secrets.
    pub used_at: Option<Timestamp>,
    /// The config of its calls that name none.
    pub config: Option<KeyConfig>,
    /// Whether a call may name another.
    pub config_override: bool,
    /// Whether the texts of its calls are kept; none: as the organisation does.
    pub keep_texts: Option<bool>,
    /// What it is narrowed to beside its permissions.
    pub narrowed: Narrowed,
    /// Which rule of the organisation it breaks, and what can be done; it opens nothing meanwhile.
    pub blocked: Option<String>,
    /// A budget of its own is used up, so that its calls are refused.
    pub used_up: bool,
    /// Whether it has a budget of its own that refuses calls.
    #[serde(skip)]
    pub has_budget: bool,
    /// When its current secret was made.
    #[serde(skip)]
    pub secret_made_at: Timestamp,
}

/// A config that a key can have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyConfig {
    pub slug: String,
    pub name: String,
}

/// What a key is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    /// Two secrets work until then.
    Rotating(Timestamp),
    /// Its end is this many days away, rounded up: 1 to [`SOON_DAYS`].
    Expiring(i64),
    Expired,
    /// It breaks a rule of its organisation.
    Blocked,
    Disabled,
    Deleted,
}

impl Key {
    pub fn status(&self, now: Timestamp) -> Status {
        let left = self.expires_at.map(|end| end.0 - now.0);
        match (self.deleted_at, self.disabled_at, left, &self.old) {
            (Some(_), ..) => Status::Deleted,
            (_, Some(_), ..) => Status::Disabled,
            (.., Some(left), _) if left <= 0 => Status::Expired,
            _ if self.blocked.is_some() => Status::Blocked,
            (.., Some(old)) if old.until > now => Status::Rotating(old.until),
            (.., Some(left), _) if left <= SOON_DAYS * DAY => Status::Expiring((left + DAY - 1) / DAY),
            _ => Status::Active,
        }
    }

    /// Whether it was used within the last 24 hours: then its end is confirmed by its name.
    pub fn is_in_use(&self, now: Timestamp) -> bool {
        self.used_at.is_some_and(|at| at.plus(24 * HOUR) > now)
    }

    /// Says what works, where the responsible person's role cuts the key.
    pub fn cut_sentence(&self) -> Option<String> {
        if self.effective == self.permissions {
            return None;
        }
        let who = self.responsible.as_ref()?;
        Some(match who.role {
            None => {
                format!("Acts for {}, who is not active here: nothing works until somebody takes it over.", who.name)
            }
            Some(role) => {
                let a = if role == Role::Member { "a" } else { "an" };
                match summary(self.effective) {
                    works if works == "Nothing" => {
                        format!("Acts for {}, who is now {a} {role}: nothing of it works.", who.name)
                    }
                    works => format!("Acts for {}, who is now {a} {role}: only {works} work.", who.name),
                }
            }
        })
    }
}

/// The words of one feature in a set: its level, or the names of a custom set.
pub fn level_word(feature: KeyFeature, set: PermissionSet) -> String {
    match feature.shown(set) {
        Shown::Level(level) => level.name().to_owned(),
        Shown::Custom => format!("custom ({})", set.intersection(feature.all()).names().join(", ")),
    }
}

/// The value of a feature's select: a level's name, or `custom`.
pub fn level_value(feature: KeyFeature, set: PermissionSet) -> &'static str {
    match feature.shown(set) {
        Shown::Level(level) => level.name(),
        Shown::Custom => "custom",
    }
}

/// When a key ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// As it is stored.
    Keep,
    Days(i64),
    At(Timestamp),
    Never,
}

impl Expiry {
    /// What the editor offers, in days.
    pub const DAYS: [i64; 6] = [7, 30, 60, 90, 180, 365];
    /// What is chosen at first.
    pub const DEFAULT: Expiry = Expiry::Days(90);

    /// The end that it means; past and absurd ones are refused in a sentence.
    pub fn end(self, stored: Option<Timestamp>, now: Timestamp) -> Result<Option<Timestamp>, String> {
        let end = match self {
            Expiry::Keep => return Ok(stored),
            Expiry::Never => return Ok(None),
            Expiry::Days(days) => now.plus(days.saturating_mul(DAY)),
            Expiry::At(at) => at,
        };
        if end <= now {
            return Err("This moment has passed. Choose a later one.".into());
        }
        if end > now.plus(FARTHEST_DAYS * DAY) {
            return Err("A key can be valid for ten years at most. Choose an earlier date, or none.".into());
        }
        Ok(Some(end))
    }
}

/// The longest time for which an old secret can live on after a rotation, in milliseconds.
pub const LONGEST_OVERLAP: i64 = 7 * DAY;
/// How long the old secret lives after a rotation, in milliseconds, by the names that the form speaks.
pub const OVERLAPS: [(&str, &str, i64); 4] = [
    ("now", "Stop it now", 0),
    ("1h", "1 hour", HOUR),
    ("24h", "24 hours", 24 * HOUR),
    ("7d", "7 days", LONGEST_OVERLAP),
];

/// What the editor posts: everything as typed. What is empty was not named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyForm {
    pub name: String,
    pub description: String,
    /// `7` … `365`, `date`, `none`, `keep`.
    pub expiry: String,
    /// With `date`: `2027-02-21`, the end of that day in UTC.
    pub expiry_date: String,
    /// A person's id, or `owners`.
    pub responsible: String,
    /// The slug of the key's config, or `none`.
    pub config: String,
    /// `yes` or `no`: whether a call may name another.
    pub config_override: String,
    /// `inherit`, `yes` or `no`: whether the texts of its calls are kept.
    pub keep_texts: String,
    /// `yes`: what follows is said of the key's narrowing. Each list has one entry on each line.
    pub narrowing: String,
    pub only_models: String,
    pub only_virtual_keys: String,
    pub only_configs: String,
    pub only_prompts: String,
    pub only_ips: String,
    /// A day, from its beginning in UTC, or a moment of RFC 3339.
    pub not_before: String,
    /// Of a new key: a monthly budget in dollars; empty: none.
    pub usage_limits: String,
    /// The version that was read.
    pub version: String,
    /// Made with the page: a double press has one effect.
    pub submission: String,
    /// The level of each feature that is named.
    #[serde(flatten, deserialize_with = "levels")]
    pub levels: BTreeMap<KeyFeature, String>,
}

/// The levels among whatever else a form sends.
fn levels<'de, D: Deserializer<'de>>(fields: D) -> Result<BTreeMap<KeyFeature, String>, D::Error> {
    let fields = BTreeMap::<String, String>::deserialize(fields)?;
    Ok(KeyFeature::ALL.into_iter().filter_map(|f| Some((f, fields.get(f.name())?.clone()))).collect())
}

impl KeyForm {
    /// The level named for a feature.
    pub fn level(&self, feature: KeyFeature) -> &str {
        self.levels.get(&feature).map_or("", String::as_str)
    }

    /// The set that the named levels make of a stored one (none: a new key). A feature that is not named keeps what is
    /// stored, or takes its default. The error names the field.
    pub fn permissions(&self, stored: Option<PermissionSet>) -> Result<PermissionSet, (KeyFeature, String)> {
        KeyFeature::ALL.into_iter().try_fold(PermissionSet::EMPTY, |set, feature| {
            let before = stored.unwrap_or_else(PermissionSet::key_default).intersection(feature.all());
            let own = match self.level(feature) {
                "" => Some(before),
                "custom" if stored.is_some() => Some(before),
                name => Level::parse(name).and_then(|level| feature.permissions(level)),
            };
            let own = own.ok_or_else(|| {
                let levels: Vec<_> = feature.levels().into_iter().map(Level::name).collect();
                (feature, format!("{} has the levels {}.", feature.label(), levels.join(", ")))
            })?;
            Ok(set.union(own))
        })
    }
}

/// What a list is filtered by: `active`, `rotating`, `expiring`, `expired`, `disabled` or `deleted` (else all that are
/// not deleted), the name of a feature of which the keys hold something, a person's id or `owners`, and `yes`: not used
/// for [`UNUSED_DAYS`], and `unused`: nor was some of what it holds. It is sorted by `name`, `used` or `expires`; else the newest come first.
pub const FILTERS: [&str; 5] = ["status", "permission", "responsible", "unused", "rights"];

impl KeyList {
    /// The name under which a browser keeps that the banner of an organisation's expiring keys was put away.
    pub fn banner(slug: &str) -> String {
        format!("expiring.{slug}")
    }

    /// What it keeps: the key that was the last of them. The next one brings the banner back.
    pub fn banner_until(&self) -> Option<KeyId> {
        self.expiring.last().map(|key| key.id)
    }

    /// Leaves the banner out where it was put away.
    pub fn put_away(&mut self, kept: Option<&str>) {
        if self.banner_until().is_some_and(|last| kept == Some(last.to_string().as_str())) {
            self.expiring.clear();
        }
    }
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyList {
    /// The place in the organisation's log as of which this was read.
    pub seen: i64,
    pub keys: Vec<Key>,
    /// How many fit the filter.
    pub total: i64,
    pub window: Window,
    /// Those that expire soon, whatever the filter, the soonest first; none where the banner of them was put away.
    pub expiring: Vec<Key>,
    /// Some of those whom the filter by person can mean, as what is typed there narrows them.
    pub people: Vec<Person>,
    pub now: Timestamp,
    pub public_url: String,
}

/// What the page of one key needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPage {
    pub key: Key,
    pub rights: Rights,
    pub people: Vec<Person>,
    pub configs: Vec<KeyConfig>,
    /// What holds for its calls: its own limits, those of the person it answers for, and the organisation's.
    pub limits: Vec<Standing>,
    pub now: Timestamp,
    /// For the forms of this page.
    pub submission: Uuid,
}

/// Some keys of the list, before something is done with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picked {
    pub keys: Vec<Key>,
    pub now: Timestamp,
}

/// What the editor of a new key needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub now: Timestamp,
    pub configs: Vec<KeyConfig>,
    /// The slug of the one that new keys begin with.
    pub default_config: Option<String>,
    pub submission: Uuid,
}

/// A key whose secret was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minted {
    pub id: KeyId,
    pub name: String,
    /// This once.
    pub secret: Secret,
    pub permissions: PermissionSet,
    pub expires_at: Option<Timestamp>,
    /// The old secret's end, after a rotation.
    pub old_until: Option<Timestamp>,
    pub public_url: String,
    /// What an example of a call names as its model. None: the organisation has no virtual key yet.
    pub model: Option<String>,
    /// A call of the organisation has succeeded before.
    pub called: bool,
    /// What is odd about limits that were set with it.
    pub doubts: Vec<Doubt>,
}

/// A name of 1 to [`NAME_LIMIT`] characters.
pub fn parse_name(typed: &str) -> Result<String, String> {
    text::line("The name", typed, NAME_LIMIT)
}

/// A description of up to [`DESCRIPTION_LIMIT`] characters; may have line breaks.
pub fn parse_description(typed: &str) -> Result<String, String> {
    let typed = typed.trim().replace("\r\n", "\n");
    if typed.chars().count() > DESCRIPTION_LIMIT {
        return Err(format!("The description can have at most {DESCRIPTION_LIMIT} characters."));
    }
    if typed.chars().any(|c| c != '\n' && text::is_treacherous(c)) {
        return Err("The description has a character that cannot be shown safely (a control or direction mark).".into());
    }
    if text::hides(&typed) {
        return Err("The description has a character that cannot be seen.".into());
    }
    Ok(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(prompts: &str, metrics: &str) -> KeyForm {
        let levels = [(KeyFeature::Prompts, prompts.into()), (KeyFeature::Metrics, metrics.into())].into();
        KeyForm { levels, ..KeyForm::default() }
    }

    #[test]
    fn nothing_named_is_the_default() {
        assert_eq!(KeyForm::default().permissions(None), Ok(PermissionSet::key_default()));
        let stored = PermissionSet::every_key_permission();
        assert_eq!(KeyForm::default().permissions(Some(stored)), Ok(stored));
    }

    #[test]
    fn a_custom_set_is_kept_and_cannot_be_made_from_nothing() {
        use crate::policy::Permission as P;
        let odd: PermissionSet = [P::PromptsView, P::PromptsDelete].into_iter().collect();
        let kept = form("custom", "enabled").permissions(Some(odd)).unwrap();
        assert_eq!(kept.intersection(KeyFeature::Prompts.all()), odd);
        assert!(kept.contains(P::LogsView));
        assert_eq!(form("custom", "").permissions(None).unwrap_err().0, KeyFeature::Prompts);
    }

    #[test]
    fn a_level_that_the_feature_lacks_is_refused_by_name() {
        let (feature, sentence) = form("", "delete").permissions(None).unwrap_err();
        assert_eq!(feature, KeyFeature::Metrics);
        assert_eq!(sentence, "Metrics has the levels disabled, enabled.");
    }

    #[test]
    fn ends_are_to_come_and_not_absurd() {
        let now = Timestamp(1_000 * DAY);
        assert_eq!(Expiry::Days(7).end(None, now), Ok(Some(now.plus(7 * DAY))));
        assert_eq!(Expiry::Never.end(Some(now), now), Ok(None));
        assert_eq!(Expiry::Keep.end(Some(now), now), Ok(Some(now)));
        assert!(Expiry::At(now).end(None, now).is_err());
        assert!(Expiry::At(now.plus(DAY)).end(None, now).is_ok());
        assert!(Expiry::Days(i64::MAX).end(None, now).is_err());
    }
}
