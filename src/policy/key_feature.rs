//! The key editor's table: eight features, their levels, the defaults and presets. What is stored is a set of
//! permissions; a level is the console's way to show and edit it.

use super::{Permission, PermissionSet};
use serde::{Deserialize, Serialize};

/// A row of the key editor, from bow to tip of the drawn key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFeature {
    Metrics,
    Completions,
    Prompts,
    Configs,
    Guardrails,
    VirtualKeys,
    Users,
    ApiKeys,
}

/// How far a key may go in one feature. Ordered; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Disabled,
    /// The one step of Metrics and Completions.
    Enabled,
    Read,
    Write,
    Delete,
}

/// How a set of permissions shows in one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Level(Level),
    /// A set that no level expresses. Never rounded up.
    Custom,
}

/// A starting point of the editor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    CompletionsOnly,
    ReadOnly,
    FullAccess,
}

impl Level {
    pub const fn name(self) -> &'static str {
        match self {
            Level::Disabled => "disabled",
            Level::Enabled => "enabled",
            Level::Read => "read",
            Level::Write => "write",
            Level::Delete => "delete",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Level::Disabled => "Disabled",
            Level::Enabled => "Enabled",
            Level::Read => "Read",
            Level::Write => "Write",
            Level::Delete => "Delete",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Level::Disabled, Level::Enabled, Level::Read, Level::Write, Level::Delete]
            .into_iter()
            .find(|l| l.name() == name)
    }
}

impl KeyFeature {
    pub const ALL: [KeyFeature; 8] = [
        KeyFeature::Metrics,
        KeyFeature::Completions,
        KeyFeature::Prompts,
        KeyFeature::Configs,
        KeyFeature::Guardrails,
        KeyFeature::VirtualKeys,
        KeyFeature::Users,
        KeyFeature::ApiKeys,
    ];

    /// The stable name, also the field's name in forms and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            KeyFeature::Metrics => "metrics",
            KeyFeature::Completions => "completions",
            KeyFeature::Prompts => "prompts",
            KeyFeature::Configs => "configs",
            KeyFeature::Guardrails => "guardrails",
            KeyFeature::VirtualKeys => "virtual_keys",
            KeyFeature::Users => "users",
            KeyFeature::ApiKeys => "api_keys",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            KeyFeature::Metrics => "Metrics",
            KeyFeature::Completions => "Completions",
            KeyFeature::Prompts => "Prompts",
            KeyFeature::Configs => "Configs",
            KeyFeature::Guardrails => "Guardrails",
            KeyFeature::VirtualKeys => "Virtual keys",
            KeyFeature::Users => "Users",
            KeyFeature::ApiKeys => "API keys",
        }
    }

    /// What the row is about, in a line.
    pub const fn sentence(self) -> &'static str {
        match self {
            KeyFeature::Metrics => "Logs, analytics and usage figures",
            KeyFeature::Completions => "Call models through the gateway",
            KeyFeature::Prompts => "Read, write, publish, delete prompts",
            KeyFeature::Configs => "Routing, fallbacks, retries, caches",
            KeyFeature::Guardrails => "Checks on requests and answers",
            KeyFeature::VirtualKeys => "Provider credentials, never their secret",
            KeyFeature::Users => "Members, invitations and roles",
            KeyFeature::ApiKeys => "Make, change and revoke keys",
        }
    }

    /// The levels above Disabled, each with the permissions that it adds to those before it.
    pub const fn steps(self) -> &'static [(Level, &'static [Permission])] {
        use Permission as P;
        match self {
            KeyFeature::Metrics => &[(Level::Enabled, &[P::LogsView, P::LogsFilter, P::LogsGroup])],
            KeyFeature::Completions => &[(Level::Enabled, &[P::ModelsCall])],
            KeyFeature::Prompts => &[
                (Level::Read, &[P::PromptsList, P::PromptsView]),
                (Level::Write, &[P::PromptsCreate, P::PromptsUpdate, P::PromptsPublish]),
                (Level::Delete, &[P::PromptsDelete]),
            ],
            KeyFeature::Configs => &[
                (Level::Read, &[P::ConfigsList, P::ConfigsView]),
                (Level::Write, &[P::ConfigsCreate, P::ConfigsUpdate]),
                (Level::Delete, &[P::ConfigsDelete]),
            ],
            KeyFeature::Guardrails => &[
                (Level::Read, &[P::GuardrailsList, P::GuardrailsView]),
                (Level::Write, &[P::GuardrailsCreate, P::GuardrailsUpdate]),
                (Level::Delete, &[P::GuardrailsDelete]),
            ],
            KeyFeature::VirtualKeys => &[
                (Level::Read, &[P::VirtualKeysList, P::VirtualKeysCopy]),
                (Level::Write, &[P::VirtualKeysCreate, P::VirtualKeysUpdate, P::VirtualKeysDuplicate]),
                (Level::Delete, &[P::VirtualKeysDelete]),
            ],
            KeyFeature::Users => &[
                (Level::Read, &[P::TeamView]),
                (Level::Write, &[P::TeamInvite, P::TeamAssignRoles]),
                (Level::Delete, &[P::TeamRemove]),
            ],
            KeyFeature::ApiKeys => &[
                (Level::Read, &[P::ApiKeysList]),
                (Level::Write, &[P::ApiKeysCreate, P::ApiKeysUpdate, P::ApiKeysRotate]),
                (Level::Delete, &[P::ApiKeysDelete]),
            ],
        }
    }

    /// Disabled first, then the steps.
    pub fn levels(self) -> Vec<Level> {
        std::iter::once(Level::Disabled).chain(self.steps().iter().map(|(level, _)| *level)).collect()
    }

    /// What a new key has when nothing is said: least privilege.
    pub const fn default_level(self) -> Level {
        match self {
            KeyFeature::Completions => Level::Enabled,
            KeyFeature::Prompts => Level::Read,
            KeyFeature::Metrics
            | KeyFeature::Configs
            | KeyFeature::Guardrails
            | KeyFeature::VirtualKeys
            | KeyFeature::Users
            | KeyFeature::ApiKeys => Level::Disabled,
        }
    }

    /// Every permission that some level of this feature gives.
    pub fn all(self) -> PermissionSet {
        self.steps().iter().flat_map(|(_, permissions)| permissions.iter().copied()).collect()
    }

    /// The permissions of a level, or nothing if the feature has no such level.
    pub fn permissions(self, level: Level) -> Option<PermissionSet> {
        if level == Level::Disabled {
            return Some(PermissionSet::EMPTY);
        }
        let end = self.steps().iter().position(|(step, _)| *step == level)?;
        Some(self.steps()[..=end].iter().flat_map(|(_, permissions)| permissions.iter().copied()).collect())
    }

    /// The feature of which some level gives a permission; none: no level of keys does.
    pub fn of(permission: Permission) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.all().contains(permission))
    }

    /// The first level that gives a permission, if one does.
    pub fn first_with(self, permission: Permission) -> Option<Level> {
        self.steps().iter().find(|(_, permissions)| permissions.contains(&permission)).map(|(level, _)| *level)
    }

    /// How a set shows in this row.
    pub fn shown(self, set: PermissionSet) -> Shown {
        let own = set.intersection(self.all());
        self.levels()
            .into_iter()
            .find(|level| self.permissions(*level) == Some(own))
            .map_or(Shown::Custom, Shown::Level)
    }
}

/// What keys can hold and nothing that they can ask for requires yet: it counts as used with whatever else of its feature is.
pub(super) const UNASKED: [Permission; 1] = [Permission::VirtualKeysCopy];

/// What the master key holds besides, while it holds all that keys can: no level of any feature gives it, and no other key has
/// it.
pub const MASTERS: [Permission; 1] = [Permission::AuditView];

impl PermissionSet {
    /// The set of a master key, with what that alone can hold, if it is all that keys can.
    #[must_use]
    pub fn of_master(self) -> Self {
        match Self::every_key_permission().is_subset_of(self) {
            true => MASTERS.into_iter().fold(self, Self::with),
            false => self,
        }
    }

    /// The same with what cannot be used by itself, for the features of which something is in it.
    #[must_use]
    pub fn with_unasked(self) -> Self {
        UNASKED.into_iter().fold(self, |set, unasked| match self.iter().any(|p| p.feature() == unasked.feature()) {
            true => set.with(unasked),
            false => set,
        })
    }

    /// Everything that a key can be given: the master key's set, which holds [`MASTERS`] besides.
    pub fn every_key_permission() -> Self {
        KeyFeature::ALL.into_iter().map(KeyFeature::all).fold(Self::EMPTY, Self::union)
    }

    /// What a key made with no permissions named has.
    pub fn key_default() -> Self {
        Self::of_levels(KeyFeature::default_level)
    }

    /// The set that a choice of level for each feature expresses.
    pub fn of_levels(level: impl Fn(KeyFeature) -> Level) -> Self {
        KeyFeature::ALL
            .into_iter()
            .map(|feature| feature.permissions(level(feature)).unwrap_or_default())
            .fold(Self::EMPTY, Self::union)
    }
}

impl Preset {
    pub const ALL: [Preset; 3] = [Preset::CompletionsOnly, Preset::ReadOnly, Preset::FullAccess];

    pub const fn name(self) -> &'static str {
        match self {
            Preset::CompletionsOnly => "completions_only",
            Preset::ReadOnly => "read_only",
            Preset::FullAccess => "full_access",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Preset::CompletionsOnly => "Call models",
            Preset::ReadOnly => "Read only",
            Preset::FullAccess => "Full access",
        }
    }

    pub fn level(self, feature: KeyFeature) -> Level {
        match self {
            Preset::CompletionsOnly => feature.default_level(),
            Preset::ReadOnly => match feature {
                KeyFeature::Completions => Level::Disabled,
                _ => feature.steps().first().map_or(Level::Disabled, |(level, _)| *level),
            },
            Preset::FullAccess => feature.steps().last().map_or(Level::Disabled, |(level, _)| *level),
        }
    }

    pub fn permissions(self) -> PermissionSet {
        PermissionSet::of_levels(|feature| self.level(feature))
    }

    /// The preset that a set equals, if any.
    pub fn of(set: PermissionSet) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.permissions() == set)
    }
}
