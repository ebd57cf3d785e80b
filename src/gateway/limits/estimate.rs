//! What a call may use, before it leaves; and what it has used, where nobody says.

use crate::{
    dialect::{prices::cost, usage::Usage},
    features::limits::model::Measure,
    kernel::{price::Prices, provider::Provider},
};
use memchr::memmem;

/// How many bytes of text are taken for one token.
const BYTES_PER_TOKEN: u64 = 4;

/// What a call may use. Of what it asks for only the size is known, of the answer only what the request allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// Tokens of the request, by its size.
    pub input: u64,
    /// The most tokens of the answer, where the request says.
    pub most: Option<u64>,
    /// It uses neither tokens nor money, whatever comes of it.
    pub is_free: bool,
}

/// What is to be reserved for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    pub amount: i64,
    /// No more than this can be used: it must fit.
    pub is_most: bool,
}

impl Foreseen {
    /// For a request of so many bytes that lets the answer have so many tokens.
    pub fn new(bytes: usize, most: Option<u64>) -> Self {
        Self { input: tokens(bytes as u64), most: most.filter(|most| *most > 0), is_free: false }
    }

    /// For a call that uses neither tokens nor money.
    pub const fn nothing() -> Self {
        Self { input: 0, most: Some(0), is_free: true }
    }

    /// What a call of this model needs of a limit of this measure. None: nobody knows its price.
    pub fn need(self, measure: Measure, own: Option<&Prices>, provider: Provider, model: &str) -> Option<Need> {
        let usage = Usage { input_tokens: self.input, output_tokens: self.most.unwrap_or(0), ..Usage::default() };
        let usage = usage.bounded();
        let amount = match measure {
            Measure::Requests => return Some(Need { amount: 1, is_most: true }),
            Measure::Tokens | Measure::Cost if self.is_free => return Some(Need { amount: 0, is_most: true }),
            Measure::Tokens => i64::try_from(usage.input_tokens + usage.output_tokens).unwrap_or(i64::MAX),
            Measure::Cost => cost(own, provider, model, usage)?,
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
        let need = |measure| asked.need(measure, None, Provider::OpenAi, "gpt-4o-mini");
        assert_eq!(need(Measure::Requests), Some(Need { amount: 1, is_most: true }));
        assert_eq!(need(Measure::Tokens), Some(Need { amount: 1010, is_most: true }));
        assert!(need(Measure::Cost).is_some_and(|need| need.amount > 0 && need.is_most));
        assert_eq!(asked.need(Measure::Cost, None, Provider::OpenAi, "nobody-knows"), None);
        let open = Foreseen::new(40, None).need(Measure::Tokens, None, Provider::OpenAi, "m");
        assert_eq!(open, Some(Need { amount: 10, is_most: false }));
    }
}
