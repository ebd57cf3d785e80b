//! What a call may use, before it leaves; and what it has used, where nobody says.

use crate::{
    dialect::{prices::cost, usage::Usage},
    features::limits::model::Measure,
    kernel::{price::Prices, provider::Provider},
};
use memchr::memmem;

/// How many bytes of text are taken for one token.
const BYTES_PER_TOKEN: u64 = 4;

/// What is taken for the tokens of an answer that is made in the background where the request does not bound it. Nobody tells
/// later, and fetching it costs nothing.
const IN_BACKGROUND: u64 = 4_096;

/// What a call may use. Of what it asks for only the size is known, of the answer only what the request allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// Tokens of the request, by its size.
    pub input: u64,
    /// The most tokens of the answer, where the request says.
    pub most: Option<u64>,
    /// It uses neither tokens nor money, whatever comes of it.
    pub is_free: bool,
    /// It goes on after it was accepted, and nobody tells what it uses then.
    pub is_background: bool,
}

/// What is to be reserved for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    pub amount: i64,
    /// No more than this can be used: it must fit.
    pub is_most: bool,
}

impl Need {
    /// What is used at most.
    pub const fn most(amount: i64) -> Self {
        Self { amount, is_most: true }
    }

    /// What is used at least, and nobody knows more.
    pub const fn least(amount: i64) -> Self {
        Self { amount, is_most: false }
    }

    /// What is reserved, where calls have used so much lately.
    pub fn reserve(self, mean: i64) -> i64 {
        if self.is_most { self.amount } else { self.amount.max(mean) }
    }
}

/// By what a call is priced.
#[derive(Clone, Copy, Debug)]
pub struct Priced<'a> {
    /// The organisation's own prices.
    pub own: Option<&'a Prices>,
    pub provider: Provider,
    pub model: &'a str,
    /// Models that may answer in its place. None: nobody knows which.
    pub others: Option<&'a [Box<str>]>,
}

impl Priced<'_> {
    /// What so much costs at most, in micro-cents. None: the price of a model is not known.
    pub fn dearest(&self, usage: Usage) -> Option<i64> {
        let cost = |model: &str| cost(self.own, self.provider, model, usage);
        self.others?.iter().try_fold(cost(self.model)?, |dearest, other| Some(dearest.max(cost(other)?)))
    }
}

impl Foreseen {
    /// For a request of so many bytes that lets the answer have so many tokens.
    pub fn new(bytes: usize, most: Option<u64>) -> Self {
        Self { input: tokens(bytes as u64), most: most.filter(|most| *most > 0), is_free: false, is_background: false }
    }

    /// The same of a call that goes on in the background, if it does.
    pub fn in_background(self, is_background: bool) -> Self {
        Self { is_background, ..self }
    }

    /// For a call that uses neither tokens nor money.
    pub const fn nothing() -> Self {
        Self { input: 0, most: Some(0), is_free: true, is_background: false }
    }

    /// What a call needs of a limit of this measure. None: nobody knows its price.
    pub fn need(self, measure: Measure, priced: &Priced<'_>) -> Option<Need> {
        let unbounded = if self.is_background { IN_BACKGROUND } else { 0 };
        let output_tokens = self.most.unwrap_or(unbounded);
        let usage = Usage { input_tokens: self.input, output_tokens, ..Usage::default() };
        let usage = usage.bounded();
        let amount = match measure {
            Measure::Requests => return Some(Need::most(1)),
            Measure::Tokens | Measure::Cost if self.is_free => return Some(Need::most(0)),
            Measure::Tokens => i64::try_from(usage.input_tokens + usage.output_tokens).unwrap_or(i64::MAX),
            Measure::Cost => priced.dearest(usage)?,
        };
        Some(Need { amount, is_most: self.most.is_some() })
    }
}

/// The tokens of so many bytes of text.
pub fn tokens(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// Members whose texts a model has written.
const WRITTEN: [&[u8]; 9] = [
    b"\"content\":",
    b"\"text\":",
    b"\"delta\":",
    b"\"arguments\":",
    b"\"partial_json\":",
    b"\"thinking\":",
    b"\"reasoning_content\":",
    b"\"reasoning\":",
    b"\"refusal\":",
];

/// How many bytes of what a provider sends are text of its model: those of the strings that hold it. Of what is no JSON,
/// none.
pub fn text_bytes(piece: &[u8]) -> u64 {
    WRITTEN
        .iter()
        .map(|name| memmem::find_iter(piece, name).map(|at| string_at(&piece[at + name.len()..])).sum::<u64>())
        .sum()
}

/// The length of the string that begins here, after blanks; nothing else counts.
fn string_at(bytes: &[u8]) -> u64 {
    let text = bytes.trim_ascii_start();
    let Some(text) = text.strip_prefix(b"\"") else { return 0 };
    let mut escaped = false;
    let end = text.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(text.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_measured_in_every_shape() {
        for (piece, bytes) in [
            (&br#"data: {"choices":[{"delta":{"content":"alpha"}}]}"#[..], 5),
            (br#"{"choices":[{"message":{"content": "a\"b"}}]}"#, 4),
            (br#"{"type":"response.output_text.delta","delta":"xyz"}"#, 3),
            (br#"{"content":null,"text":""}"#, 0),
            (br#"{"content":[{"type":"text","text":"four"}]}"#, 4),
            (br#"{"content":"never ends"#, 10),
            (b"plain", 0),
        ] {
            assert_eq!(text_bytes(piece), bytes, "{}", String::from_utf8_lossy(piece));
        }
        assert_eq!((tokens(0), tokens(1), tokens(4), tokens(5)), (0, 1, 1, 2));
    }

    #[test]
    fn the_dearest_case_is_reserved() {
        let asked = Foreseen::new(40, Some(1000));
        let of = |model| Priced { own: None, provider: Provider::OpenAi, model, others: Some(&[]) };
        let need = |measure| asked.need(measure, &of("gpt-4o-mini"));
        assert_eq!(need(Measure::Requests), Some(Need::most(1)));
        assert_eq!(need(Measure::Tokens), Some(Need::most(1010)));
        assert!(need(Measure::Cost).is_some_and(|need| need.amount > 0 && need.is_most));
        assert_eq!(asked.need(Measure::Cost, &of("nobody-knows")), None);
        let open = Foreseen::new(40, None);
        let need = open.need(Measure::Tokens, &of("m"));
        assert_eq!(need, Some(Need::least(10)));
        assert_eq!(need.map(|need| (need.reserve(3), need.reserve(30))), Some((10, 30)));
        // What goes on in the background takes its request and a long answer, or more where calls take more.
        let need = open.in_background(true).need(Measure::Tokens, &of("m")).expect("a need");
        assert_eq!((need.is_most, need.reserve(30), need.reserve(9_000)), (false, 4_106, 9_000));
        let need = asked.in_background(true).need(Measure::Tokens, &of("m")).expect("a need");
        assert_eq!((need.is_most, need.reserve(30)), (true, 1010));
    }

    #[test]
    fn of_several_models_the_dearest_is_reserved() {
        let usage = Usage { input_tokens: 1_000, output_tokens: 1_000, ..Usage::default() };
        let cost = |model: &str, others: Option<&[&str]>| {
            let others: Option<Vec<Box<str>>> =
                others.map(|others| others.iter().map(|other| (*other).into()).collect());
            let (own, provider) = (None, Provider::OpenRouter);
            Priced { own, provider, model, others: others.as_deref() }.dearest(usage)
        };
        let (cheap, dear) = ("openai/gpt-4o-mini", "openai/gpt-4o");
        assert!(cost(cheap, Some(&[])) < cost(dear, Some(&[])));
        assert_eq!(cost(cheap, Some(&[dear, cheap])), cost(dear, Some(&[])));
        assert_eq!(cost(cheap, Some(&["nobody/knows"])), None);
        assert_eq!(cost(cheap, None), None, "which ones may answer cannot be read");
    }
}
