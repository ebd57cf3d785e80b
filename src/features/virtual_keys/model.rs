//! What both sides know of virtual keys.

use crate::{
    features::{
        limits::model::{Doubt, Standing},
        organisations,
    },
    kernel::{
        Secret, Timestamp, VirtualKeyId, Window,
        provider::{BASE_URL_LIMIT, Provider},
        text,
    },
};
use serde::{Deserialize, Serialize};

/// Longest name, in characters.
const NAME_LIMIT: usize = 100;
/// Longest description, in characters.
const DESCRIPTION_LIMIT: usize = 500;
/// Longest credential, in characters.
pub const CREDENTIAL_LIMIT: usize = 4_096;
/// Longest `api-version`, in characters.
const API_VERSION_LIMIT: usize = 40;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] = &[
    ("name", NAME_LIMIT),
    // With the @ that callers write.
    ("key_slug", organisations::model::SLUG_LIMIT + 1),
    ("description", DESCRIPTION_LIMIT),
    ("base_url", BASE_URL_LIMIT),
    ("api_version", API_VERSION_LIMIT),
    ("credential", CREDENTIAL_LIMIT),
];
/// Virtual keys on one page of the list.
pub const PAGE: i64 = 25;
/// Longest text that the list is searched for.
pub const QUERY_LIMIT: usize = 100;
/// Virtual keys that one organisation can have.
pub const MOST: i64 = 1_000;

/// What only some providers need besides a base URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Azure's `api-version`; empty: the gateway's own choice.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
}

/// A virtual key as a list shows it. The credential never leaves the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub id: VirtualKeyId,
    /// Callers name it as `@slug`.
    pub slug: String,
    pub name: String,
    pub provider: Provider,
    pub base_url: String,
    /// None: it has no credential.
    pub credential_set_at: Option<Timestamp>,
    /// The start of its last call.
    pub used_at: Option<Timestamp>,
    /// A budget of it is used up, so that calls by it are refused.
    pub used_up: bool,
}

/// A page of the list. It is sorted by `name` (also where nothing is said), `provider` or `used`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualKeys {
    /// The place in the organisation's log as of which this was read.
    pub seen: i64,
    pub keys: Vec<Listed>,
    /// How many fit what is searched for.
    pub total: i64,
    pub window: Window,
    pub now: Timestamp,
}

/// One virtual key, without its credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    pub id: VirtualKeyId,
    pub slug: String,
    pub name: String,
    pub description: String,
    pub provider: Provider,
    pub base_url: String,
    pub settings: Settings,
    pub credential_set_at: Option<Timestamp>,
    /// Who set it, as they were named then.
    pub credential_set_by: Option<String>,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Counts its changes; a save names the one that it began with.
    pub version: i64,
    pub used_at: Option<Timestamp>,
    /// The configs that name it.
    pub configs: Vec<NamedBy>,
    /// What may be used of it; of one that is read for its page.
    pub limits: Vec<Standing>,
    /// The moment of reading.
    pub now: Timestamp,
}

/// A config that names a virtual key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedBy {
    pub slug: String,
    pub name: String,
}

impl Detail {
    /// What callers write, `@slug`.
    pub fn reference(&self) -> String {
        format!("@{}", self.slug)
    }

    /// It carried a call within the last day.
    pub fn is_in_use(&self) -> bool {
        self.used_at.is_some_and(|at| at >= self.now.plus(-crate::kernel::time::DAY))
    }
}

/// What is typed of a virtual key. All as text, so that every mistake is told at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub name: String,
    pub description: String,
    pub provider: String,
    /// Empty: the provider's own.
    pub base_url: String,
    pub api_version: String,
    /// Empty, or a mask: none is typed.
    pub credential: Secret,
}

impl Draft {
    /// A virtual key as it is stored.
    pub fn of(key: &Detail) -> Self {
        Self {
            name: key.name.clone(),
            description: key.description.clone(),
            provider: key.provider.name().to_owned(),
            base_url: key.base_url.clone(),
            api_version: key.settings.api_version.clone(),
            credential: Secret::default(),
        }
    }
}

/// What became of a save.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The stored credential was for another provider or address and is gone.
    pub credential_removed: bool,
    /// What is odd about limits that were set with it.
    pub doubts: Vec<Doubt>,
}

/// Models that a test of the connection names.
const NAMED: usize = 3;
/// The most characters of a name that it shows.
const NAME_SHOWN: usize = 60;

/// What is known of the credential when the provider's models were listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The provider lists its models for good credentials alone.
    Taken,
    /// It was sent; such servers may list their models for anybody.
    Unknown,
    /// None is stored, and none is needed.
    None,
}

/// What a test of the connection found. Of the provider's own words it holds names of a few models at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Finding {
    /// The provider listed its models.
    Works {
        models: usize,
        /// The first of them, fit to be shown.
        first: Vec<String>,
        credential: Proof,
    },
    /// The provider needs a credential and none is stored.
    CredentialMissing,
    CredentialRefused,
    NameNotFound,
    Unreachable,
    Tls,
    AddressBlocked,
    PlainHttp,
    TimedOut,
    /// An answer came, but no list of models is at this address.
    NothingThere,
    /// The provider limits calls, or the account has no money left.
    Limited,
    /// The provider reports a fault of its own.
    ProviderFault,
    OddAnswer,
}

impl Finding {
    /// What a list of these models is, of a key of this provider.
    pub fn listed<'a>(
        provider: Provider,
        has_credential: bool,
        models: usize,
        names: impl Iterator<Item = &'a str>,
    ) -> Self {
        let first = names
            .filter(|name| !name.contains(text::is_treacherous) && !text::hides(name))
            .take(NAMED)
            .map(|name| match text::cut(name, NAME_SHOWN) {
                whole if whole == name => whole.to_owned(),
                part => format!("{part}…"),
            })
            .collect();
        let credential = match (provider.needs_credential(), has_credential) {
            (true, _) => Proof::Taken,
            (false, true) => Proof::Unknown,
            (false, false) => Proof::None,
        };
        Finding::Works { models, first, credential }
    }

    pub const fn works(&self) -> bool {
        matches!(self, Finding::Works { .. })
    }

    /// The stable name, for the audit log.
    pub const fn name(&self) -> &'static str {
        match self {
            Finding::Works { .. } => "works",
            Finding::CredentialMissing => "credential_missing",
            Finding::CredentialRefused => "credential_refused",
            Finding::NameNotFound => "name_not_found",
            Finding::Unreachable => "unreachable",
            Finding::Tls => "tls",
            Finding::AddressBlocked => "address_blocked",
            Finding::PlainHttp => "plain_http",
            Finding::TimedOut => "timed_out",
            Finding::NothingThere => "nothing_there",
            Finding::Limited => "limited",
            Finding::ProviderFault => "provider_fault",
            Finding::OddAnswer => "odd_answer",
        }
    }

    /// What it means and what to do, for people.
    pub fn sentence(&self) -> String {
        let text = match self {
            Finding::Works { models, first, credential } => return works(*models, first, *credential),
            Finding::CredentialMissing => "No credential is stored. Type one and save, then test again.",
            Finding::CredentialRefused => "The provider refused the credential. Type a new one and save.",
            Finding::NameNotFound => "The host of the base URL could not be found. Check its spelling.",
            Finding::Unreachable => {
                "Nothing answers at the base URL. Check its host and port, and whether the server runs."
            }
            Finding::Tls => {
                "No secure connection could be made. The server's certificate is not trusted, expired, or for another host."
            }
            Finding::AddressBlocked => {
                "The base URL leads to an address that is not public. Whoever runs Latchkey can allow it: start it with LATCHKEY_ALLOW_UPSTREAM set to the address or its range."
            }
            Finding::PlainHttp => {
                "Plain http works only for addresses that the operator allows with LATCHKEY_ALLOW_UPSTREAM. Use https."
            }
            Finding::TimedOut => "The provider did not answer in time. Try again in a moment.",
            Finding::NothingThere => {
                "A server answered, but there is no list of models at this address. Check the path of the base URL."
            }
            Finding::Limited => {
                "The provider answered that its limit is reached or the account has no credit. The address is right."
            }
            Finding::ProviderFault => "The provider reports a fault of its own. Try again in a moment.",
            Finding::OddAnswer => {
                "A server answered, but not in the way of this provider. Check provider and base URL."
            }
        };
        text.to_owned()
    }
}

/// What a list of models shows, in words.
fn works(models: usize, first: &[String], credential: Proof) -> String {
    let count = match models {
        0 => "no models".to_owned(),
        1 => "1 model".to_owned(),
        many => format!("{} models", text::grouped(many as i64)),
    };
    let names = match first.len() {
        0 => String::new(),
        all if all == models => format!(": {}", first.join(", ")),
        _ => format!(", among them {}", first.join(", ")),
    };
    match credential {
        Proof::Taken => format!("It works. The provider took the credential and lists {count}{names}."),
        Proof::Unknown => {
            format!("It answers and lists {count}{names}. The first call shows whether it takes the credential.")
        }
        Proof::None => format!("It answers and lists {count}{names}."),
    }
}

/// A reference: 2 to 40 lower-case letters, digits and single hyphens. `new` is an address of the console.
pub fn parse_slug(text: &str) -> Result<String, String> {
    let slug = organisations::model::parse_slug(text.trim().trim_start_matches('@'))
        .map_err(|_| "The reference takes 2 to 40 lower-case letters, digits and single hyphens.".to_owned())?;
    if slug == "new" { Err("“new” cannot be a reference. Choose another.".into()) } else { Ok(slug) }
}

pub fn parse_name(text: &str) -> Result<String, String> {
    text::line("The name", text, NAME_LIMIT)
}

pub fn parse_description(text: &str) -> Result<String, String> {
    text::optional_line("The description", text, DESCRIPTION_LIMIT)
}

pub fn parse_provider(text: &str) -> Result<Provider, String> {
    Provider::parse(text).ok_or_else(|| "Choose a provider from the list.".into())
}

/// Azure's `api-version`, such as `2024-10-21` or `2025-03-01-preview`; empty for the default.
pub fn parse_api_version(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() <= API_VERSION_LIMIT && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) {
        Ok(text.to_owned())
    } else {
        Err("The API version is a date such as 2024-10-21, or a date and -preview.".into())
    }
}

/// A credential that was typed: nothing, or a mask that was sent back, is none.
pub fn parse_credential(typed: &Secret) -> Result<Option<Secret>, String> {
    let text = typed.expose().trim();
    if text.chars().all(|c| matches!(c, '•' | '●' | '*')) {
        return Ok(None);
    }
    if text.chars().count() > CREDENTIAL_LIMIT {
        return Err(format!("A credential can have at most {CREDENTIAL_LIMIT} characters."));
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("A credential has no blanks, line breaks or letters with accents. Copy it again.".into());
    }
    Ok(Some(Secret::new(text)))
}
