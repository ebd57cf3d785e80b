//! What becomes of a rendering: a prompt that is filled, with warnings, or the reason why there is none.

use super::{MAX_DEPTH, MAX_OUTPUT};
use serde::Serialize;

/// What a prompt was rendered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub output: Output,
    /// What was missing or superfluous, in the order missing variables, unknown variables, missing partials.
    pub warnings: Vec<Warning>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The JSON text of the list of messages.
    Messages(String),
    /// The text of a completion.
    Text(String),
}

/// Something about the variables that did not stop the rendering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    pub code: Code,
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A tag was reached whose name no variable has; the empty text was put in.
    MissingVariable,
    /// A variable that neither the prompt nor its partials mention.
    UnknownVariable,
    /// No such partial, or no such version of it; the empty text was put in.
    MissingPartial,
}

impl Warning {
    /// A sentence for people.
    pub fn sentence(&self) -> String {
        match self.code {
            Code::MissingVariable => format!("“{}” has no value: nothing is put in.", self.name),
            Code::UnknownVariable => format!("Nothing names “{}”.", self.name),
            Code::MissingPartial => format!("There is no published partial “{}”: nothing is put in.", self.name),
        }
    }
}

/// Why nothing was rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Strict, and names were missing or superfluous; at most [`MAX_TOLD`](super::MAX_TOLD) of each kind.
    Unfilled { missing: Vec<String>, unknown: Vec<String>, missing_partials: Vec<String> },
    /// The variables are no object of names and values, or nested too deep.
    BadVariables { message: String },
    /// The value of a placeholder is no list of messages.
    BadPlaceholder { name: String, message: String },
    /// Sections and partials stand deeper than [`MAX_DEPTH`] within one another, as in a partial that calls itself.
    TooDeep,
    /// More than [`MAX_OUTPUT`] bytes.
    TooLong,
    /// More than [`MAX_STEPS`](super::MAX_STEPS) steps.
    TooMuchWork,
    /// A raw prompt that is no JSON list of messages once the values are in.
    NotMessages { message: String },
}

impl Refusal {
    /// A name that never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unfilled { .. } => "unfilled_variables",
            Self::BadVariables { .. } => "bad_variables",
            Self::BadPlaceholder { .. } => "bad_placeholder",
            Self::TooDeep => "prompt_too_deep",
            Self::TooLong => "prompt_too_long",
            Self::TooMuchWork => "prompt_too_much_work",
            Self::NotMessages { .. } => "prompt_not_messages",
        }
    }

    /// A sentence for people.
    pub fn message(&self) -> String {
        match self {
            Self::Unfilled { missing, unknown, missing_partials } => {
                let told = [
                    ("missing variables", missing),
                    ("unknown variables", unknown),
                    ("missing partials", missing_partials),
                ];
                let told = told.iter().filter(|(_, names)| !names.is_empty());
                let told: Vec<_> = told.map(|(what, names)| format!("{what}: {}", names.join(", "))).collect();
                format!("The prompt is strict about its variables; {}.", told.join("; "))
            }
            Self::BadVariables { message } | Self::NotMessages { message } => message.clone(),
            Self::BadPlaceholder { name, message } => {
                format!("The variable “{name}” must be a list of messages: {message}")
            }
            Self::TooDeep => format!(
                "Sections and partials stand more than {MAX_DEPTH} deep within one another; does a partial call itself?"
            ),
            Self::TooLong => format!("With these variables the prompt is longer than {MAX_OUTPUT} bytes."),
            Self::TooMuchWork => "With these variables the prompt takes too much work to render.".into(),
        }
    }
}
