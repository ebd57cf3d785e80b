//! Features and the permissions on them. A permission is stored and sent by its name, never by an index.

use super::Role;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the roles' table speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    Logs,
    Prompts,
    Configs,
    Guardrails,
    VirtualKeys,
    Team,
    Organisation,
    ApiKeys,
    Billing,
    AuditLog,
    Models,
}

impl Feature {
    pub const ALL: [Feature; 11] = [
        Feature::Logs,
        Feature::Prompts,
        Feature::Configs,
        Feature::Guardrails,
        Feature::VirtualKeys,
        Feature::Team,
        Feature::Organisation,
        Feature::ApiKeys,
        Feature::Billing,
        Feature::AuditLog,
        Feature::Models,
    ];

    pub const fn label(self) -> &'static str {
        match self {
            Feature::Logs => "Logs and Analytics",
            Feature::Prompts => "Prompts",
            Feature::Configs => "Configs",
            Feature::Guardrails => "Guardrails",
            Feature::VirtualKeys => "Virtual keys",
            Feature::Team => "Team",
            Feature::Organisation => "Organisation",
            Feature::ApiKeys => "API keys",
            Feature::Billing => "Billing",
            Feature::AuditLog => "Audit log",
            Feature::Models => "Model calls",
        }
    }
}

macro_rules! permissions {
    ($($name:ident = $text:literal, $feature:ident, $verb:literal;)*) => {
        /// One thing that can be allowed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Permission { $(#[serde(rename = $text)] $name,)* }

        impl Permission {
            pub const ALL: &'static [Permission] = &[$(Permission::$name,)*];

            /// The stable name: `virtual_keys.update`.
            pub const fn name(self) -> &'static str {
                match self { $(Permission::$name => $text,)* }
            }

            pub const fn feature(self) -> Feature {
                match self { $(Permission::$name => Feature::$feature,)* }
            }

            /// The verb for people: `edit`.
            pub const fn verb(self) -> &'static str {
                match self { $(Permission::$name => $verb,)* }
            }
        }
    };
}

permissions! {
    LogsView = "logs.view", Logs, "view";
    LogsFilter = "logs.filter", Logs, "filter";
    LogsGroup = "logs.group", Logs, "group";
    PromptsList = "prompts.list", Prompts, "list";
    PromptsView = "prompts.view", Prompts, "view";
    PromptsCreate = "prompts.create", Prompts, "create";
    PromptsUpdate = "prompts.update", Prompts, "update";
    PromptsDelete = "prompts.delete", Prompts, "delete";
    PromptsPublish = "prompts.publish", Prompts, "publish";
    ConfigsList = "configs.list", Configs, "list";
    ConfigsView = "configs.view", Configs, "view";
    ConfigsCreate = "configs.create", Configs, "create";
    ConfigsUpdate = "configs.update", Configs, "update";
    ConfigsDelete = "configs.delete", Configs, "delete";
    GuardrailsList = "guardrails.list", Guardrails, "list";
    GuardrailsView = "guardrails.view", Guardrails, "view";
    GuardrailsCreate = "guardrails.create", Guardrails, "create";
    GuardrailsUpdate = "guardrails.update", Guardrails, "update";
    GuardrailsDelete = "guardrails.delete", Guardrails, "delete";
    VirtualKeysList = "virtual_keys.list", VirtualKeys, "list";
    VirtualKeysCreate = "virtual_keys.create", VirtualKeys, "create";
    VirtualKeysUpdate = "virtual_keys.update", VirtualKeys, "edit";
    VirtualKeysDuplicate = "virtual_keys.duplicate", VirtualKeys, "duplicate";
    VirtualKeysDelete = "virtual_keys.delete", VirtualKeys, "delete";
    VirtualKeysCopy = "virtual_keys.copy", VirtualKeys, "copy";
    TeamView = "team.view", Team, "view";
    TeamInvite = "team.invite", Team, "add users";
    TeamAssignRoles = "team.assign_roles", Team, "assign roles";
    TeamRemove = "team.remove", Team, "remove users";
    OrganisationUpdate = "organisation.update", Organisation, "update";
    ApiKeysList = "api_keys.list", ApiKeys, "list";
    ApiKeysCreate = "api_keys.create", ApiKeys, "create";
    ApiKeysUpdate = "api_keys.update", ApiKeys, "edit";
    ApiKeysRotate = "api_keys.rotate", ApiKeys, "rotate";
    ApiKeysDelete = "api_keys.delete", ApiKeys, "delete";
    BillingManage = "billing.manage", Billing, "manage";
    AuditView = "audit.view", AuditLog, "view";
    AuditExport = "audit.export", AuditLog, "export";
    AuditVerify = "audit.verify", AuditLog, "verify";
    ModelsCall = "models.call", Models, "call";
}

impl Permission {
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.name() == name)
    }

    /// What it allows, as a sentence goes on: `publish prompts`.
    pub fn act(self) -> String {
        let verb = self.verb();
        // These say by themselves what is acted on.
        if verb.contains(' ') {
            return verb.to_owned();
        }
        let what = match self.feature() {
            Feature::Logs => "logs",
            Feature::Prompts => "prompts",
            Feature::Configs => "configs",
            Feature::Guardrails => "guardrails",
            Feature::VirtualKeys => "virtual keys",
            Feature::Team => "the team",
            Feature::Organisation => "the organisation",
            Feature::ApiKeys => "API keys",
            Feature::Billing => "billing",
            Feature::AuditLog => "the audit log",
            Feature::Models => "models",
        };
        format!("{verb} {what}")
    }

    /// The roles that hold it, in words: `Owners and Admins`.
    pub fn held_by(self) -> String {
        let holders: Vec<_> = Role::ALL.into_iter().filter(|role| role.holds(self)).map(Role::plural).collect();
        match holders.as_slice() {
            [] => "nobody".into(),
            [only] => format!("only {only}"),
            [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
