//! What both sides know of prompts, partials, labels and folders.

use crate::{
    features::versions::model::{History, MESSAGE_LIMIT},
    kernel::{CallId, CollectionId, Fault, PromptId, Timestamp, Window, text},
    policy::Operation,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub mod sets;

/// Longest name, in characters.
pub const NAME_LIMIT: usize = 100;
/// Longest slug that a caller chooses, in bytes.
pub const SLUG_LIMIT: usize = 100;
/// Longest description of a label, in characters.
pub const DESCRIPTION_LIMIT: usize = 300;
/// Longest name of a model, in characters.
pub const MODEL_LIMIT: usize = 200;
/// Longest name of the metadata by which calls stay with a version, in characters.
pub const STICKY_LIMIT: usize = 64;
/// Longest name of a label, in bytes.
pub const LABEL_LIMIT: usize = 36;
/// Longest JSON text of parameters, tools and the rest of a version together, in bytes.
pub const SETTINGS_LIMIT: usize = 256 << 10;
/// Longest text of a file that holds a prompt, in bytes.
pub const FILE_LIMIT: usize = 256 << 10;
/// Longest file that a page offers, in bytes; what is longer is had by the interface for programs.
pub const EXPORT_LIMIT: usize = 64 << 10;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] = &[("name", NAME_LIMIT), ("message", MESSAGE_LIMIT), ("model", MODEL_LIMIT)];
/// Prompts on one page of the list.
pub const PAGE: i64 = 50;
/// Longest text that the list is searched for.
pub const QUERY_LIMIT: usize = 100;
/// Prompts, and partials, that one organisation can have.
pub const MOST: i64 = 2_000;
/// Folders of one organisation.
pub const MOST_COLLECTIONS: i64 = 500;
/// Labels of one organisation, the three that each has included.
pub const MOST_LABELS: usize = 50;
/// Names that are shown of what uses a partial.
pub const MOST_USERS: i64 = 200;
/// Moves that are shown of a prompt's labels.
pub const MOST_MOVES: i64 = 100;

/// The label of what is published: programs that name no other run the version at which it stands.
pub const PRODUCTION: &str = "production";
/// The labels that every organisation has, with a sentence on each.
pub const BUILT_IN: [(&str, &str); 3] = [
    (PRODUCTION, "What programs run that name no label."),
    ("staging", "What is tried before it goes to production."),
    ("development", "What is worked on."),
];

/// The roles that the editor offers for a message, with the words for them.
pub const ROLES: [(&str, &str); 5] = [
    ("system", "System"),
    ("developer", "Developer"),
    ("user", "User"),
    ("assistant", "Assistant"),
    ("tool", "Tool"),
];

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

/// Where a label stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    pub label: String,
    pub number: i64,
    pub moved_by: String,
    pub moved_at: Timestamp,
    /// Another version that some of the calls run.
    pub trial: Option<Trial>,
}

/// A version that some of the calls run instead of that at which their label stands. A move of the label ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    pub number: i64,
    /// How many calls in a hundred, 1 to 99.
    pub percent: i64,
    /// The name of the metadata by whose value a caller's calls stay with one of the two; empty: each call for itself.
    pub sticky_by: String,
}

impl Trial {
    /// For people: `v3 for 20 % of calls, by user`.
    pub fn words(&self) -> String {
        let by = if self.sticky_by.is_empty() { String::new() } else { format!(", by {}", self.sticky_by) };
        format!("v{} for {} % of calls{by}", self.number, self.percent)
    }
}

/// A prompt or partial as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub id: PromptId,
    /// Programs name it by this.
    pub slug: String,
    pub name: String,
    /// The folder's id and name; none: it stands in no folder.
    pub collection: Option<(CollectionId, String)>,
    /// The number of its newest version.
    pub current: i64,
    /// The labels and where they stand, production first.
    pub labels: Vec<(String, i64)>,
    /// The label for which a version waits for a second person, and its number.
    pub proposed: Option<(String, i64)>,
    pub model: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

impl Listed {
    /// The number of the published version.
    pub fn published(&self) -> Option<i64> {
        self.labels.iter().find(|(label, _)| label == PRODUCTION).map(|(_, number)| *number)
    }
}

/// A page of the list. It is sorted by `name` (also where nothing is said) or `changed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// The place of the organisation's log as far as which this was read.
    pub seen: i64,
    pub prompts: Vec<Listed>,
    /// How many fit what is searched for.
    pub total: i64,
    pub window: Window,
    /// All folders, by name.
    pub collections: Vec<Collection>,
    /// The names of all labels.
    pub labels: Vec<String>,
    /// This installation's address.
    pub public_url: String,
    pub now: Timestamp,
}

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    pub id: CollectionId,
    pub slug: String,
    pub name: String,
    /// How many prompts and partials stand in it.
    pub prompts: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a version holds. A partial has its text alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// The JSON text of the list of messages, or the text of a completion or a partial.
    pub string: String,
    /// `chat` or `text`; empty: what begins like a list of messages is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub form: String,
    /// The string is rendered as a text and read as JSON afterwards.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_raw: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// The slug of the virtual key that is called, unless the call names one or a config does.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub virtual_key: String,
    /// An object: `temperature`, `max_tokens` and so on.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub functions: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub tools: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub tool_choice: Value,
    /// What its makers note about it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
}

impl Content {
    /// Its messages, if each is a role and a text and nothing else.
    pub fn blocks(&self) -> Option<Vec<Block>> {
        if self.is_raw || self.form == "text" {
            return None;
        }
        let blocks: Vec<Block> = serde_json::from_str(&self.string).ok()?;
        let is_known = |block: &Block| ROLES.iter().any(|(role, _)| *role == block.role);
        blocks.iter().all(is_known).then_some(blocks)
    }
}

/// A message that is a role and a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    pub role: String,
    #[serde(rename = "content")]
    pub text: String,
}

/// A prompt or partial that names a partial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedBy {
    pub kind: Kind,
    pub slug: String,
    pub name: String,
    /// Whether a version does that a label stands at: publishing the partial changes what programs run.
    pub is_live: bool,
}

/// The names in a prompt and in the partials that it reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Components {
    pub variables: Vec<String>,
    pub sections: Vec<String>,
    pub partials: Vec<String>,
}

/// A proposal: a move that waits for a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub label: String,
    pub number: i64,
    /// Where the label stood when it was proposed; none: nowhere.
    pub from: Option<i64>,
    pub message: String,
    pub proposed_by: String,
    pub proposed_at: Timestamp,
    /// Whether the reader may agree: they may move the label, are a person, and are not who proposed it.
    pub may_agree: bool,
}

/// A move of a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub label: String,
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub moved_by: String,
    /// Who had proposed it, where a second person agreed.
    pub proposed_by: Option<String>,
    pub moved_at: Timestamp,
    /// The label stayed: this version was given to this many of a hundred calls; to 0, to none any more.
    pub trial: Option<(i64, i64)>,
}

/// One prompt or partial with one of its versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    pub kind: Kind,
    pub id: PromptId,
    pub slug: String,
    pub name: String,
    pub collection: Option<(CollectionId, String)>,
    /// Whether a call must give all variables and no others.
    pub is_strict: bool,
    /// Counts its changes; a save names the one that it began with.
    pub version: i64,
    /// The number of its newest version.
    pub current: i64,
    /// The version that is shown: its number, its id, what it is about, what it holds.
    pub number: i64,
    pub version_id: String,
    pub message: String,
    pub content: Content,
    pub labels: Vec<Pointer>,
    pub proposals: Vec<Proposal>,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_by: String,
    pub updated_at: Timestamp,
    /// The moment of reading.
    pub now: Timestamp,
}

impl Detail {
    /// Where a label stands.
    pub fn at(&self, label: &str) -> Option<i64> {
        self.labels.iter().find(|pointer| pointer.label == label).map(|pointer| pointer.number)
    }

    /// The number of the published version.
    pub fn published(&self) -> Option<i64> {
        self.at(PRODUCTION)
    }
}

/// What the page of one prompt needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromptPage {
    pub prompt: Detail,
    pub checked: Checked,
    pub used_by: Vec<UsedBy>,
    pub labels: Vec<Label>,
    pub choices: Choices,
    /// The address of a file that holds it; empty where that would be too long.
    pub export: String,
    /// The values that it can be tried with.
    pub sets: Vec<sets::ValueSet>,
    /// The place of the organisation's log as far as which this was read.
    pub seen: i64,
    /// This installation's address.
    pub public_url: String,
}

/// What the page of a new one needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewPrompt {
    /// The name of that of which this is a copy.
    pub copy_of: Option<String>,
    pub content: Content,
    pub choices: Choices,
}

/// What can be chosen in the editor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    pub collections: Vec<Collection>,
    /// Slugs of virtual keys.
    pub virtual_keys: Vec<String>,
    /// Slugs of published partials.
    pub partials: Vec<String>,
}

/// What is said of a text that may become a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    pub components: Components,
    pub faults: Vec<Fault>,
}

/// What is typed of a prompt or partial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub name: String,
    /// Only for a new one; empty: made of the name.
    pub slug: String,
    /// The folder's id or slug; empty: none.
    pub collection: String,
    pub content: Content,
    /// What the version is about; may be empty.
    pub message: String,
    pub is_strict: bool,
    /// Whether the new version is published in the same step.
    pub publish: Publish,
}

/// Whether a version is published in the step that makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Publish {
    #[default]
    No,
    /// It is, or nothing is saved.
    Yes,
    /// Where whoever saves it may publish alone.
    IfAllowed,
}

/// What is typed into the editor, by the names of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Typed(pub BTreeMap<String, String>);

impl Typed {
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a button of the form asks for something else than to save it.
    pub fn is_step(&self) -> bool {
        !self.get("step").is_empty()
    }

    /// The messages, where they are typed as blocks.
    pub fn blocks(&self) -> Option<Vec<Block>> {
        let block = |at: usize| {
            let role = self.0.get(&format!("blocks.{at}.role"))?.clone();
            // Browsers post a line break as two characters.
            Some(Block { role, text: self.get(&format!("blocks.{at}.text")).replace("\r\n", "\n") })
        };
        (self.get("written") == "blocks").then(|| (0..).map_while(block).collect())
    }

    /// The same after the step that a button asked for.
    pub fn stepped(&self) -> Option<Vec<Block>> {
        let mut blocks = self.blocks()?;
        let (word, at) = self.get("step").split_once('.').unwrap_or((self.get("step"), ""));
        let at = at.parse().ok().filter(|at| *at < blocks.len());
        match (word, at) {
            ("add", _) => blocks.push(Block { role: "user".to_owned(), text: String::new() }),
            ("remove", Some(at)) => drop(blocks.remove(at)),
            ("up", Some(at)) if at > 0 => blocks.swap(at, at - 1),
            ("down", Some(at)) if at + 1 < blocks.len() => blocks.swap(at, at + 1),
            _ => {}
        }
        Some(blocks)
    }
}

/// What a version that is not saved comes to with values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// The JSON of the request that would leave, laid out; empty where there is none.
    pub request: String,
    /// Why there is none.
    pub refusal: String,
    /// What is missing or not known, a sentence each.
    pub warnings: Vec<String>,
}

/// How a call that a person tries a prompt with has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The HTTP status; 200 where there is an answer.
    pub status: u16,
    /// Why there is no answer, or not all of it; may be empty.
    pub refusal: String,
    /// What the model read and wrote, as far as the provider says.
    pub tokens: Option<(u64, u64)>,
    /// By the price that is known of the model, in micro-cents.
    pub cost: Option<i64>,
    /// Milliseconds to the first piece of the answer, and to its end.
    pub first_ms: Option<u64>,
    pub took_ms: u64,
    /// By which the log knows it.
    pub call: CallId,
}

/// A part of what a prompt that is tried comes to, as it arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// What is sent, or why nothing is; the first.
    Filled(Filled),
    /// More of the answer.
    Text(String),
    /// The last.
    End(Answered),
}

/// What a prompt that is tried has come to so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    pub filled: Filled,
    pub text: String,
    /// None: it is still under way, or nothing was sent.
    pub end: Option<Answered>,
}

impl Ran {
    /// Takes the next piece in.
    pub fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Filled(filled) => self.filled = filled,
            Piece::Text(text) => self.text.push_str(&text),
            Piece::End(end) => self.end = Some(end),
        }
    }
}

/// What became of a save.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    pub id: PromptId,
    pub slug: String,
    /// The number of the newest version.
    pub number: i64,
    /// Its id.
    pub version_id: String,
    /// It was made by this save: what it holds was another.
    pub is_new: bool,
}

/// A prompt's versions, where its labels stand and how they came there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    pub kind: Kind,
    pub slug: String,
    pub name: String,
    pub pointers: Vec<Pointer>,
    pub proposals: Vec<Proposal>,
    pub labels: Vec<Label>,
    pub moves: Vec<Move>,
    pub used_by: Vec<UsedBy>,
    pub history: History,
}

/// Who may move a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Movers {
    /// Whoever may publish.
    #[default]
    Publishers,
    /// Owners alone: no key either.
    Owners,
}

impl Movers {
    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Movers::Publishers => "publishers",
            Movers::Owners => "owners",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Movers::Publishers, Movers::Owners].into_iter().find(|movers| movers.name() == name)
    }
}

/// A label: a name that stands at one version of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub name: String,
    pub description: String,
    /// `#rrggbb`, or empty.
    pub colour: String,
    pub movers: Movers,
    /// Whether somebody else must agree to a move.
    pub needs_second: bool,
    /// Every organisation has it, and it cannot be deleted.
    pub is_built_in: bool,
    /// Counts its changes; 0: as every organisation has it.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What is typed of a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelDraft {
    pub name: String,
    pub description: String,
    pub colour: String,
    /// `publishers` or `owners`; empty: publishers.
    pub movers: String,
    pub needs_second: bool,
}

pub fn parse_name(text: &str) -> Result<String, String> {
    text::line("The name", text, NAME_LIMIT)
}

/// Words that stand where a slug does in the addresses of pages and calls.
const RESERVED: [&str; 5] = ["partials", "new", "labels", "folders", "import"];

/// A slug that a caller chooses.
pub fn parse_slug(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let text = text.trim();
    let is_dots = text.chars().all(|c| c == '.');
    if is_dots || text.len() > SLUG_LIMIT || !text.chars().all(fits) {
        return Err(format!("A slug has 1 to {SLUG_LIMIT} letters (a to z), digits, hyphens, underscores and dots."));
    }
    if RESERVED.contains(&text) {
        return Err(format!("“{text}” is the name of a page. Choose another slug."));
    }
    Ok(text.to_owned())
}

/// The name of a label: what can stand behind `@` and is neither a number nor a word that means a version already.
pub fn parse_label(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let text = text.trim();
    let is_dots = text.chars().all(|c| c == '.');
    if is_dots || text.len() > LABEL_LIMIT || !text.chars().all(fits) {
        return Err(format!(
            "A label has 1 to {LABEL_LIMIT} lower-case letters (a to z), digits, hyphens, underscores and dots."
        ));
    }
    if matches!(text, "latest" | "default") || text.chars().all(|c| c.is_ascii_digit()) {
        return Err("A label is no number, and neither “latest” nor “default”: these mean a version already.".to_owned());
    }
    Ok(text.to_owned())
}

/// A colour as `#rrggbb`, or none.
pub fn parse_colour(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_lowercase();
    let is_one = text.strip_prefix('#').is_some_and(|rest| rest.len() == 6 && rest.chars().all(|c| c.is_ascii_hexdigit()));
    if text.is_empty() || is_one { Ok(text) } else { Err("A colour is written as #rrggbb.".to_owned()) }
}

/// What a name of a prompt in an address means: `slug`, `slug@7`, `slug@latest`, `slug@staging`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// The published version.
    Published,
    Latest,
    Number(i64),
    Label(&'a str),
}

/// Takes an address apart: the slug or id, and which version is meant.
pub fn address(text: &str) -> (&str, Which<'_>) {
    match text.rsplit_once('@') {
        None => (text, Which::Published),
        Some((name, "latest")) => (name, Which::Latest),
        Some((name, "" | "default" | PRODUCTION)) => (name, Which::Published),
        Some((name, word)) => match word.parse() {
            Ok(number) if word.bytes().all(|byte| byte.is_ascii_digit()) => (name, Which::Number(number)),
            _ => (name, Which::Label(word)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_means_one_version() {
        assert_eq!(address("pp-a-1"), ("pp-a-1", Which::Published));
        assert_eq!(address("pp-a-1@production"), ("pp-a-1", Which::Published));
        assert_eq!(address("pp-a-1@latest"), ("pp-a-1", Which::Latest));
        assert_eq!(address("pp-a-1@7"), ("pp-a-1", Which::Number(7)));
        assert_eq!(address("pp-a-1@canary"), ("pp-a-1", Which::Label("canary")));
        assert_eq!(address("pp-a-1@7a"), ("pp-a-1", Which::Label("7a")));
        // No number fits it, so that it means no version at all.
        assert_eq!(address("a@99999999999999999999"), ("a", Which::Label("99999999999999999999")));
    }

    #[test]
    fn labels_are_told_from_versions() {
        for good in ["canary", "eu-west.1", "7a", "v2"] {
            assert_eq!(parse_label(good).as_deref(), Ok(good));
        }
        for bad in ["", "..", "latest", "default", "12", "a b", "a@b", "Ä", "Canary", &"a".repeat(37)] {
            assert!(parse_label(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn blocks_are_moved_by_the_buttons_of_the_form() {
        let typed = |step: &str| {
            let fields = [("written", "blocks"), ("step", step), ("blocks.0.role", "system"), ("blocks.0.text", "a\r\nb"), ("blocks.1.role", "user")];
            Typed(fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        };
        let after = |step: &str| {
            let blocks = typed(step).stepped().unwrap_or_default();
            blocks.into_iter().map(|block| format!("{} {}", block.role, block.text)).collect::<Vec<_>>()
        };
        let (system, user) = ("system a\nb", "user ");
        assert_eq!(after("fill"), [system, user]);
        assert_eq!(after("add"), [system, user, user]);
        assert_eq!(after("up.1"), [user, system]);
        assert_eq!(after("down.0"), [user, system]);
        assert_eq!(after("remove.0"), [user]);
        for beyond in ["up.0", "down.1", "remove.2", "remove.x"] {
            assert_eq!(after(beyond), [system, user], "{beyond}");
        }
    }

    #[test]
    fn what_is_more_than_a_role_and_a_text_is_no_block() {
        let content = |string: &str| Content { string: string.to_owned(), ..Content::default() };
        let plain = content(r#"[{"role": "user", "content": "a"}]"#);
        assert_eq!(plain.blocks().map(|blocks| blocks.len()), Some(1));
        assert_eq!(Content { is_raw: true, ..plain }.blocks(), None);
        for other in ["Say it.", r#"[{"role": "user", "content": [{"type": "text", "text": "a"}]}]"#, r#"[{"role": "user", "name": "n", "content": "a"}]"#] {
            assert_eq!(content(other).blocks(), None, "{other}");
        }
    }

    #[test]
    fn a_slug_leaves_the_addresses_of_others_free() {
        for bad in ["", "..", "partials", "new", "a@1", "a/b", "a b"] {
            assert!(parse_slug(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_slug(" tone "), Ok("tone".to_owned()));
    }
}
