//! What both sides know of news.

use crate::policy::Operation;
use serde::{Deserialize, Serialize};

/// A list that says when others have changed what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watched {
    ApiKeys,
    VirtualKeys,
    Configs,
    Guardrails,
    Prompts,
    Partials,
    Members,
    Invitations,
}

impl Watched {
    /// The operation that shows it: whoever may see the list may know that it has changed.
    pub const fn shown_by(self) -> Operation {
        match self {
            Watched::ApiKeys => Operation::ApiKeysList,
            Watched::VirtualKeys => Operation::VirtualKeysList,
            Watched::Configs => Operation::ConfigsList,
            Watched::Guardrails => Operation::GuardrailsList,
            Watched::Prompts => Operation::PromptsList,
            Watched::Partials => Operation::PartialsList,
            Watched::Members => Operation::TeamList,
            Watched::Invitations => Operation::InvitationsList,
        }
    }

    /// The operations that change what it shows.
    pub const fn changed_by(self) -> &'static [Operation] {
        use Operation as O;
        match self {
            Watched::ApiKeys => &[
                O::ApiKeyCreate,
                O::ApiKeyUpdate,
                O::ApiKeyRotate,
                O::ApiKeyEndOverlap,
                O::ApiKeyDisable,
                O::ApiKeyEnable,
                O::ApiKeyDelete,
            ],
            Watched::VirtualKeys => {
                &[O::VirtualKeyCreate, O::VirtualKeyUpdate, O::VirtualKeyDuplicate, O::VirtualKeyDelete]
            }
            Watched::Configs => &[O::ConfigCreate, O::ConfigUpdate, O::ConfigRestore, O::ConfigDelete],
            Watched::Guardrails => {
                &[O::GuardrailCreate, O::GuardrailUpdate, O::GuardrailRestore, O::GuardrailEnforce, O::GuardrailDelete]
            }
            Watched::Prompts => &[
                O::PromptCreate,
                O::PromptUpdate,
                O::PromptRestore,
                O::PromptPublish,
                O::PromptLabel,
                O::PromptRollOut,
                O::PromptAgree,
                O::PromptDelete,
                O::CollectionUpdate,
                O::CollectionDelete,
            ],
            Watched::Partials => &[
                O::PartialCreate,
                O::PartialUpdate,
                O::PartialRestore,
                O::PartialPublish,
                O::PromptAgree,
                O::PartialDelete,
                O::CollectionUpdate,
                O::CollectionDelete,
            ],
            Watched::Members => {
                &[O::TeamChangeRole, O::TeamRemove, O::TeamLeave, O::InvitationAccept, O::InvitationJoin]
            }
            Watched::Invitations => &[
                O::Invite,
                O::InvitationResend,
                O::InvitationRevoke,
                O::InvitationAccept,
                O::InvitationDecline,
                O::InvitationJoin,
            ],
        }
    }
}

/// What others have changed of a list behind a place in the organisation's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The place that was asked about.
    pub after: i64,
    /// The place as far as which this looked.
    pub seen: i64,
    pub changes: u32,
}
