//! Limits and budgets: what of calls may happen in which time. What both sides know.

pub use super::period::{MOST_DAYS, Period, Span};
use crate::kernel::{LimitId, Secret, Timestamp, money, text::grouped};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The most limits on one thing.
pub const MOST: usize = 20;
/// How many days a period may have.
pub const DAYS_RANGE: std::ops::RangeInclusive<i64> = 1..=MOST_DAYS;
/// The most addresses that are told of one.
pub const MOST_EMAILS: usize = 10;
/// The most of a measure: requests, tokens, or whole dollars.
pub const LARGEST: i64 = 1_000_000_000_000;
const DEAREST: i64 = 1_000_000_000;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$about])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name under which it is stored and sent.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

named! {
    /// What a limit is on.
    Scope {
        /// All calls of the organisation.
        Organisation = "organisation",
        /// A person's calls from the console, and those of the API keys that answer for them.
        Person = "person",
        ApiKey = "api_key",
        VirtualKey = "virtual_key",
    }
}

named! {
    /// How a limit answers, and what it is for.
    Kind {
        /// How fast: `429`, with the time to wait.
        Rate = "rate",
        /// How much: `412`.
        Budget = "budget",
    }
}

named! {
    /// What is counted.
    Measure {
        Requests = "requests",
        /// Input and output together.
        Tokens = "tokens",
        Cost = "cost",
    }
}

named! {
    /// What happens beyond a limit.
    Action {
        Block = "block",
        /// Calls go on; a header of their answers says so.
        Warn = "warn",
    }
}

named! {
    /// Why a limit that was set holds nothing up.
    DoubtCode {
        /// Another limit that holds for the same calls is lower.
        NeverReached = "never_reached",
        /// No call is made that it counts.
        HoldsForNothing = "holds_for_nothing",
    }
}

impl Scope {
    /// As a sentence begins.
    pub const fn words(self) -> &'static str {
        match self {
            Scope::Organisation => "The organisation",
            Scope::Person => "The person whom this key answers for",
            Scope::ApiKey => "This API key",
            Scope::VirtualKey => "The virtual key",
        }
    }
}

impl Measure {
    /// An amount in words: `3 requests`, `$2.50`.
    pub fn words(self, amount: i64) -> String {
        match self {
            Measure::Cost => money::dollars(amount),
            Measure::Requests if amount == 1 => "1 request".into(),
            Measure::Tokens if amount == 1 => "1 token".into(),
            Measure::Requests => format!("{} requests", grouped(amount)),
            Measure::Tokens => format!("{} tokens", grouped(amount)),
        }
    }

    /// Reads what was typed: a whole number, or dollars.
    pub fn read(self, text: &str) -> Option<i64> {
        let text = text.trim().trim_start_matches('$').replace([',', '_', ' '], "");
        match self {
            Measure::Cost => money::parse_dollars(&text).filter(|amount| *amount <= DEAREST * money::DOLLAR),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok().filter(|amount| *amount <= LARGEST)
            }
            _ => None,
        }
    }

    /// Writes what [`Measure::read`] reads.
    pub fn write(self, amount: i64) -> String {
        if self == Measure::Cost { money::decimal(amount) } else { amount.to_string() }
    }

    /// The least that a budget may be: one request, one token, one dollar.
    pub const fn least_budget(self) -> i64 {
        if matches!(self, Measure::Cost) { money::DOLLAR } else { 1 }
    }
}

/// Spans that a rate may have.
pub const RATES: [Span; 5] = [Span::Second, Span::Minute, Span::Hour, Span::Day, Span::Week];

/// What a limit is on, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct On {
    pub scope: Scope,
    pub id: Uuid,
}

/// What a limit shall be. It has been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub kind: Kind,
    pub measure: Measure,
    pub span: Span,
    /// Requests, tokens or micro-cents.
    pub amount: i64,
    pub action: Action,
    pub alert_at: Option<i64>,
    /// A moment at which a period begins.
    pub anchor: Option<Timestamp>,
}

impl Wanted {
    /// What two limits on one thing may not both be.
    pub fn same_as(&self, other: &Self) -> bool {
        (self.kind, self.measure, self.span) == (other.kind, other.measure, other.span)
    }
}

/// A higher amount for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    pub to: i64,
    /// The first moment at which it does not hold any more.
    pub until: Timestamp,
}

/// A limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    pub id: LimitId,
    pub on: On,
    pub is: Wanted,
    pub emails: Vec<String>,
    /// Calls that began earlier do not count.
    pub since: Timestamp,
    /// When what was used was last set to nothing.
    pub reset_at: Option<Timestamp>,
    pub raised: Option<Raised>,
}

impl Limit {
    /// The period in which a moment lies. One that was cut by a reset begins there.
    pub fn period(&self, at: Timestamp) -> Period {
        let is = &self.is;
        // Days are counted from when the limit was set, where nothing else is said.
        let anchor = is.anchor.or(matches!(is.span, Span::Days(_)).then_some(self.since));
        let Period { start, end } = is.span.period(anchor, at);
        let reset = self.reset_at.filter(|reset| *reset <= at).unwrap_or(start);
        Period { start: start.max(reset), end }
    }

    /// What it is at a moment.
    pub fn amount(&self, at: Timestamp) -> i64 {
        self.raised.filter(|raised| at < raised.until).map_or(self.is.amount, |raised| raised.to)
    }

    /// What it is at most, raised or not.
    pub fn largest(&self) -> i64 {
        self.is.amount.max(self.raised.map_or(0, |raised| raised.to))
    }

    pub fn blocks(&self) -> bool {
        self.is.action == Action::Block
    }
}

/// A budget of so many dollars in each month, as typed, beyond which calls are refused.
pub fn monthly_budget(typed: &str) -> Result<Wanted, String> {
    let amount = Measure::Cost.read(typed).filter(|amount| *amount >= Measure::Cost.least_budget());
    Ok(Wanted {
        kind: Kind::Budget,
        measure: Measure::Cost,
        span: Span::Month,
        amount: amount.ok_or_else(|| "Write dollars, such as 250 or 12.50, at least 1.".to_owned())?,
        action: Action::Block,
        alert_at: None,
        anchor: None,
    })
}

impl fmt::Display for Wanted {
    /// `100 requests in a minute`, `$50.00 in a month`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.measure.words(self.amount);
        match self.span {
            Span::Whole => write!(f, "{amount} in all"),
            span => write!(f, "{amount} in {}", span.words()),
        }
    }
}

/// A limit with what was used of it in the period that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub limit: Limit,
    pub used: i64,
    pub period: Period,
    /// What it is now.
    pub amount: i64,
}

impl Standing {
    /// Whether nothing is left, whether calls are refused for it or not.
    pub fn is_used_up(&self) -> bool {
        self.used >= self.amount
    }

    /// Whether calls are refused until it resets.
    pub fn is_exhausted(&self) -> bool {
        self.limit.is.kind == Kind::Budget && self.limit.blocks() && self.is_used_up()
    }
}

/// What is odd about a limit. It is stored all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    pub limit: LimitId,
    pub code: DoubtCode,
    /// A sentence for people.
    pub message: String,
}

/// What is to be different about the limits on one thing; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    pub rates: Option<Vec<Wanted>>,
    pub budgets: Option<Vec<Wanted>>,
    pub emails: Option<Vec<String>>,
    /// Sets what was used of its budgets to nothing.
    pub reset: bool,
}

impl Edit {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether there is a budget afterwards that refuses calls, where there `was` one or none before.
    pub fn leaves_budget(&self, was: bool) -> bool {
        self.budgets.as_ref().map_or(was, |budgets| budgets.iter().any(|budget| budget.action == Action::Block))
    }
}

/// What an address of the page may say: what the limits are on, and which one is changed.
pub const ASKED: [&str; 2] = ["on", "id"];
/// Longest amount, in characters: more than any that is taken.
pub const AMOUNT_LIMIT: usize = 20;
/// The most characters of each field of the form.
pub const FIELDS: &[(&str, usize)] =
    &[("amount", AMOUNT_LIMIT), ("alert_at", AMOUNT_LIMIT), ("days", 3), ("raised_to", AMOUNT_LIMIT), ("url", 2_000)];

impl On {
    /// As an address and a form say it: `api_key:0193…`.
    pub fn text(self) -> String {
        format!("{}:{}", self.scope.name(), self.id)
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (scope, id) = text.split_once(':')?;
        Some(Self { scope: Scope::parse(scope)?, id: id.parse().ok()? })
    }
}

/// A limit with the name of what it is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub standing: Standing,
    pub name: String,
    /// Of a virtual key: its reference, by which its page is found.
    pub slug: Option<String>,
}

/// Something that a limit can be on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub on: On,
    pub name: String,
    pub slug: Option<String>,
}

/// A limit that is being changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changing {
    pub limit: Named,
    /// What was used in periods that are over, the newest first: when each began.
    pub past: Vec<(Timestamp, i64)>,
    /// How what was used, or the limit, was corrected: the newest first.
    pub corrections: Vec<Correction>,
}

named! {
    /// What was corrected.
    CorrectionKind {
        /// What was used was set to nothing.
        Reset = "reset",
        /// The limit was raised until a moment.
        Raise = "raise",
        /// A raise was taken back before its end.
        EndOfRaise = "end_of_raise",
    }
}

/// A correction of a limit. It is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    pub kind: CorrectionKind,
    /// When the period began that was under way.
    pub period: Timestamp,
    pub at: Timestamp,
    /// Who made it, as they were named then.
    pub by: String,
    /// Requests, tokens or micro-cents: of a reset what was used, else what the limit was.
    pub before: i64,
    pub after: i64,
    /// Of a raise: the first moment at which it does not hold any more.
    pub until: Option<Timestamp>,
    /// What it was for, if anybody said.
    pub reason: Option<String>,
}

/// The webhook for alerts. It never holds the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    pub id: Uuid,
    pub url: String,
    /// Why the last attempt failed, if it did.
    pub error: Option<String>,
    /// Who set it, as they were named then.
    pub changed_by: String,
    pub changed_at: Timestamp,
}

/// A webhook that was just set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub id: Uuid,
    /// It signs each message; this once.
    pub secret: Secret,
}

/// All that the page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub limits: Vec<Named>,
    /// What the limits are on, if it is one thing.
    pub of: Option<Subject>,
    /// What a new one can be on.
    pub subjects: Vec<Subject>,
    pub changing: Option<Changing>,
    pub draft: Draft,
    /// What is odd about them, a sentence each.
    pub doubts: Vec<String>,
    /// Names of API keys that are blocked since the policy for keys demands a budget and they have none, in one text.
    pub blocked: String,
    /// Where alerts are sent besides mail; none, too, for whom may not set it.
    pub hook: Option<Hook>,
    /// Whether that may be set.
    pub may_hook: bool,
    pub now: Timestamp,
}

/// What is typed of a limit. All as text, so that every mistake is told at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// Empty: a new one.
    pub id: String,
    pub on: String,
    pub kind: String,
    pub measure: String,
    /// `days` with the number beside it, or the name of a span.
    pub span: String,
    pub days: String,
    pub amount: String,
    pub action: String,
    pub alert_at: String,
    /// How it stood when somebody began to change it.
    pub was: String,
}

impl Default for Draft {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            id: String::new(),
            on: String::new(),
            kind: text("budget"),
            measure: text("cost"),
            span: text("month"),
            days: String::new(),
            amount: String::new(),
            action: text("block"),
            alert_at: String::new(),
            was: String::new(),
        }
    }
}

impl Draft {
    /// A limit as it is stored.
    pub fn of(limit: &Limit) -> Self {
        let is = &limit.is;
        let (span, days) = match is.span {
            Span::Days(days) => ("days".to_owned(), days.to_string()),
            span => (span.name(), String::new()),
        };
        Self {
            id: limit.id.to_string(),
            on: limit.on.text(),
            kind: is.kind.name().to_owned(),
            measure: is.measure.name().to_owned(),
            span,
            days,
            amount: is.measure.write(is.amount),
            action: is.action.name().to_owned(),
            alert_at: is.alert_at.map(|at| is.measure.write(at)).unwrap_or_default(),
            was: stands(limit),
        }
    }
}

/// A limit in one text, by which a form tells what it began with.
pub fn stands(limit: &Limit) -> String {
    let is = &limit.is;
    let alert = is.alert_at.unwrap_or_default();
    format!("{} {} {} {} {} {alert}", is.kind.name(), is.measure.name(), is.span.name(), is.amount, is.action.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_and_read() {
        assert_eq!(Measure::Requests.words(1), "1 request");
        assert_eq!(Measure::Tokens.words(1_234_567), "1,234,567 tokens");
        assert_eq!(Measure::Cost.words(250_000_000), "$2.50");
        assert_eq!(Measure::Tokens.read("1,234,567"), Some(1_234_567));
        assert_eq!(Measure::Cost.read("$2.5"), Some(250_000_000));
        for (measure, bad) in [
            (Measure::Requests, "-1"),
            (Measure::Requests, "1.5"),
            (Measure::Requests, ""),
            (Measure::Tokens, "1e3"),
            (Measure::Tokens, "1000000000001"),
            (Measure::Cost, "1000000001"),
            (Measure::Cost, "x"),
        ] {
            assert_eq!(measure.read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_reset_begins_a_period_and_a_raise_ends() {
        let limit = Limit {
            id: LimitId(Uuid::nil()),
            on: On { scope: Scope::ApiKey, id: Uuid::nil() },
            is: Wanted {
                kind: Kind::Budget,
                measure: Measure::Tokens,
                span: Span::Whole,
                amount: 10,
                action: Action::Block,
                alert_at: None,
                anchor: None,
            },
            emails: vec![],
            since: Timestamp(50),
            reset_at: Some(Timestamp(100)),
            raised: Some(Raised { to: 20, until: Timestamp(200) }),
        };
        assert_eq!(limit.period(Timestamp(99)).start, Timestamp(0));
        assert_eq!(limit.period(Timestamp(100)).start, Timestamp(100));
        assert_eq!((limit.amount(Timestamp(199)), limit.amount(Timestamp(200))), (20, 10));
        assert_eq!(limit.is.to_string(), "10 tokens in all");
    }
}
