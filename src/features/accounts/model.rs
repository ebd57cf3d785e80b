//! What both sides know of accounts.

use crate::kernel::{SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// Longest name of a person.
pub const NAME_LIMIT: usize = 100;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] = &[("name", NAME_LIMIT)];

/// What the first-run page makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founded {
    pub slug: String,
    pub organisation: String,
    /// The master key's secret: this once.
    pub master_key: crate::kernel::Secret,
}

/// What is behind the signed-out pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Front {
    /// The first Owner exists.
    pub is_set_up: bool,
    /// Whoever asks is signed in.
    pub is_signed_in: bool,
    /// Reset links can be mailed.
    pub has_mail: bool,
}

/// What a person sees of their own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub name: String,
    pub email: String,
    /// Latest first.
    pub sessions: Vec<SessionLine>,
    pub theme: Theme,
    /// The moment against which relative times are told.
    pub now: Timestamp,
}

/// One session, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    pub id: SessionId,
    /// `Firefox on Linux`.
    pub browser: String,
    /// `203.0.113.7`, `10.0.0.4 in a private network`.
    pub place: String,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    /// The session of this very request.
    pub is_current: bool,
}

/// What a living reset link is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetLink {
    pub email: String,
}

/// The console's colours, kept by each browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    Light,
    Dark,
    /// As the browser's system is set.
    #[default]
    System,
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    pub const fn name(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
            Theme::System => "system",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Theme::Light => "Light",
            Theme::Dark => "Dark",
            Theme::System => "Same as the system",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Theme;

    #[test]
    fn themes_are_read_by_name() {
        for theme in Theme::ALL {
            assert_eq!(Theme::parse(theme.name()), Some(theme));
        }
        assert_eq!(Theme::parse("Dark"), None);
    }
}
