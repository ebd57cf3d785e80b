//! A key *is* its permissions: the same set as eight teeth, as a short list, and as a sentence.

use super::{KeyFeature, Level, PermissionSet, Shown};

/// One tooth of the drawn key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tooth {
    None,
    /// Cut `at` of `of` steps deep.
    Level {
        at: u8,
        of: u8,
    },
    /// A set that no level expresses: drawn hatched.
    Custom,
}

/// The eight teeth from bow to tip, in the order of [`KeyFeature::ALL`].
pub fn bitting(set: PermissionSet) -> [Tooth; 8] {
    KeyFeature::ALL.map(|feature| {
        let of = feature.steps().len() as u8;
        match feature.shown(set) {
            Shown::Level(Level::Disabled) => Tooth::None,
            Shown::Level(level) => {
                let at = feature.steps().iter().position(|(step, _)| *step == level).map_or(0, |i| i as u8 + 1);
                Tooth::Level { at, of }
            }
            Shown::Custom => Tooth::Custom,
        }
    })
}

/// `Completions, Prompts: Read`; `Everything`; `Nothing`.
pub fn summary(set: PermissionSet) -> String {
    if set == PermissionSet::every_key_permission() {
        return "Everything".into();
    }
    let parts: Vec<String> = KeyFeature::ALL
        .into_iter()
        .filter_map(|feature| match feature.shown(set) {
            Shown::Level(Level::Disabled) => None,
            Shown::Level(Level::Enabled) => Some(feature.label().to_owned()),
            Shown::Level(level) => Some(format!("{}: {}", feature.label(), level.label())),
            Shown::Custom => Some(format!("{}: custom", feature.label())),
        })
        .collect();
    if parts.is_empty() { "Nothing".into() } else { parts.join(", ") }
}

/// What the key will be able to do, in plain words: `(risky rights, the rest)`. The risky ones (deleting, power over
/// people and keys) are named first and shown strong.
pub fn summary_sentence(set: PermissionSet) -> (String, String) {
    let level = |feature: KeyFeature| match feature.shown(set) {
        Shown::Level(level) => Some(level),
        Shown::Custom => None,
    };
    let mut risky = vec![];
    let mut plain = vec![];
    let mut custom = vec![];
    let mut delete = vec![];
    let mut write = vec![];
    let mut read = vec![];
    for feature in [KeyFeature::Prompts, KeyFeature::Configs, KeyFeature::Guardrails, KeyFeature::VirtualKeys] {
        let noun = feature.label().to_lowercase();
        match level(feature) {
            Some(Level::Delete) => delete.push(noun),
            Some(Level::Write) => write.push(noun),
            Some(Level::Read | Level::Enabled) => read.push(noun),
            Some(Level::Disabled) => {}
            None => custom.push(noun),
        }
    }
    match level(KeyFeature::Users) {
        Some(Level::Delete) => risky.push("Can invite people, change their roles and remove them.".to_owned()),
        Some(Level::Write) => risky.push("Can invite people and change their roles.".to_owned()),
        Some(Level::Read | Level::Enabled) => read.push("members".to_owned()),
        Some(Level::Disabled) => {}
        None => custom.push("members".to_owned()),
    }
    match level(KeyFeature::ApiKeys) {
        Some(Level::Delete) => risky.push("Can make, change, rotate and delete keys.".to_owned()),
        Some(Level::Write) => risky.push("Can make, change and rotate keys.".to_owned()),
        Some(Level::Read | Level::Enabled) => read.push("the list of keys".to_owned()),
        Some(Level::Disabled) => {}
        None => custom.push("keys".to_owned()),
    }
    if !delete.is_empty() {
        risky.push(format!("Can write and delete {}.", listed(&delete)));
    }
    if level(KeyFeature::Completions) == Some(Level::Enabled) {
        plain.push("Can call models.".to_owned());
    }
    if !write.is_empty() {
        plain.push(format!("Can write {}.", listed(&write)));
    }
    if !read.is_empty() {
        plain.push(format!("Can read {}.", listed(&read)));
    }
    match level(KeyFeature::Metrics) {
        Some(Level::Enabled) => plain.push("Can see logs and usage figures.".to_owned()),
        None => custom.push("logs".to_owned()),
        Some(_) => {}
    }
    if !custom.is_empty() {
        plain.push(format!("Has a custom set for {}.", listed(&custom)));
    }
    if risky.is_empty() && plain.is_empty() {
        plain.push("Can do nothing.".to_owned());
    } else if risky.is_empty() && write.is_empty() && custom.is_empty() {
        plain.push("Cannot change anything.".to_owned());
    } else if delete.is_empty() && custom.is_empty() && risky.is_empty() {
        plain.push("Cannot delete anything.".to_owned());
    }
    (risky.join(" "), plain.join(" "))
}

fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
