//! The two kinds of texts, and the operations of each.

use crate::policy::Operation;
use serde::{Deserialize, Serialize};

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Programs run it.
    Prompt,
    /// Prompts and other partials put it in.
    Partial,
}

impl Kind {
    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Prompt => "prompt",
            Kind::Partial => "partial",
        }
    }

    /// One of them in a sentence, with its article.
    pub const fn one(self) -> &'static str {
        match self {
            Kind::Prompt => "a prompt",
            Kind::Partial => "a partial",
        }
    }

    /// One of them, as a heading names it.
    pub const fn title(self) -> &'static str {
        match self {
            Kind::Prompt => "Prompt",
            Kind::Partial => "Partial",
        }
    }

    pub const fn plural(self) -> &'static str {
        match self {
            Kind::Prompt => "prompts",
            Kind::Partial => "partials",
        }
    }
}

/// The operations of one kind: what is done with both is done in the same way, and named apart in the audit log.
#[derive(Clone, Copy)]
pub struct Acts {
    pub list: Operation,
    pub get: Operation,
    pub create: Operation,
    pub update: Operation,
    pub delete: Operation,
    pub versions: Operation,
    pub restore: Operation,
    pub publish: Operation,
}

impl Kind {
    pub const fn acts(self) -> Acts {
        match self {
            Kind::Prompt => Acts {
                list: Operation::PromptsList,
                get: Operation::PromptGet,
                create: Operation::PromptCreate,
                update: Operation::PromptUpdate,
                delete: Operation::PromptDelete,
                versions: Operation::PromptVersions,
                restore: Operation::PromptRestore,
                publish: Operation::PromptPublish,
            },
            Kind::Partial => Acts {
                list: Operation::PartialsList,
                get: Operation::PartialGet,
                create: Operation::PartialCreate,
                update: Operation::PartialUpdate,
                delete: Operation::PartialDelete,
                versions: Operation::PartialVersions,
                restore: Operation::PartialRestore,
                publish: Operation::PartialPublish,
            },
        }
    }
}
