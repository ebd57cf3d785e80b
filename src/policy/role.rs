//! The three roles and what each holds.

use super::{Permission, PermissionSet};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a person is in one organisation. Ordered by rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Member,
    Admin,
    Owner,
}

impl Role {
    /// Highest first, as people read them.
    pub const ALL: [Role; 3] = [Role::Owner, Role::Admin, Role::Member];

    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Admin => "admin",
            Role::Member => "member",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Role::Owner => "Owner",
            Role::Admin => "Admin",
            Role::Member => "Member",
        }
    }

    pub const fn plural(self) -> &'static str {
        match self {
            Role::Owner => "Owners",
            Role::Admin => "Admins",
            Role::Member => "Members",
        }
    }

    /// One line on what the role allows.
    pub const fn sentence(self) -> &'static str {
        match self {
            Role::Owner => "Everything, including billing and other Owners.",
            Role::Admin => "Runs the organisation: people, keys and settings. Cannot see billing or change Owners.",
            Role::Member => {
                "Uses virtual keys, reads the log, and builds prompts, configs and guardrails. Changes no people and no keys."
            }
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The roles' table. No catch-all arm: a new permission does not compile until it is decided.
    pub const fn holds(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            // Everybody works with these.
            P::LogsView | P::LogsFilter | P::LogsGroup => true,
            P::PromptsList | P::PromptsView | P::PromptsCreate | P::PromptsUpdate => true,
            P::ConfigsList | P::ConfigsView | P::ConfigsCreate => true,
            P::GuardrailsList | P::GuardrailsView | P::GuardrailsCreate | P::GuardrailsUpdate => true,
            P::VirtualKeysList | P::VirtualKeysCopy => true,
            P::ModelsCall => true,
            // What others depend on, and what gives power over people and money, is for Owners and Admins.
            P::PromptsDelete | P::PromptsPublish => self.is_admin(),
            P::ConfigsUpdate | P::ConfigsDelete => self.is_admin(),
            P::GuardrailsDelete => self.is_admin(),
            P::VirtualKeysCreate | P::VirtualKeysUpdate | P::VirtualKeysDuplicate | P::VirtualKeysDelete => {
                self.is_admin()
            }
            P::TeamView | P::TeamInvite | P::TeamAssignRoles | P::TeamRemove => self.is_admin(),
            P::OrganisationUpdate => self.is_admin(),
            P::ApiKeysList | P::ApiKeysCreate | P::ApiKeysUpdate | P::ApiKeysRotate | P::ApiKeysDelete => {
                self.is_admin()
            }
            P::AuditView | P::AuditExport | P::AuditVerify => self.is_admin(),
            // Money is the Owners' alone.
            P::BillingManage => matches!(self, Role::Owner),
        }
    }

    const fn is_admin(self) -> bool {
        matches!(self, Role::Owner | Role::Admin)
    }

    pub fn permissions(self) -> PermissionSet {
        Permission::ALL.iter().copied().filter(|p| self.holds(*p)).collect()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
