//! What an ended call counts for: its kind, its figures, and the sketches that lengths of time are kept in.

use super::{figures::Spread, model::CallOutcome};
use crate::kernel::{ConfigId, KeyId, PromptId, Timestamp, UserId, VirtualKeyId};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt::Write};
use uuid::Uuid;

/// What calls are counted by. Two calls that are alike in all of it are of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Kind {
    pub key: Option<KeyId>,
    pub person: Option<UserId>,
    pub virtual_key: Option<VirtualKeyId>,
    pub provider: Option<&'static str>,
    pub model: String,
    pub endpoint: String,
    pub streamed: bool,
    pub outcome: CallOutcome,
    pub status: Option<i64>,
    pub error: Option<String>,
    pub config: Option<ConfigId>,
    pub config_version: Option<i64>,
    pub prompt: Option<PromptId>,
    pub prompt_version: Option<i64>,
    pub prompt_label: Option<String>,
    pub cache: Cache,
    pub rescued: Rescued,
    pub verdict: Verdict,
    /// What was said of it, under the names that are grouped by; none where nothing was.
    pub metadata: Option<BTreeMap<String, String>>,
}

impl Kind {
    /// The digest of all that it is: the same in every process.
    pub fn id(&self) -> Uuid {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let digest = Sha256::digest(&text);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { #[default] $($(#[$of])* $variant),+ }

        impl $name {
            /// The stored name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub fn parse(name: &str) -> Option<Self> {
                match name { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// Whether the answer was kept from an earlier call.
    Cache { None = "none", Hit = "hit" }
}

words! {
    /// Which attempt answered a call.
    Rescued {
        None = "none",
        /// A later one at the same target.
        Retry = "retry",
        /// One at another target.
        Fallback = "fallback",
    }
}

words! {
    /// What guardrails have found.
    Verdict {
        /// None judged.
        None = "none",
        Passed = "passed",
        /// One did not pass, and the call went on.
        Failed = "failed",
        /// One refused the call.
        Denied = "denied",
    }
}

/// An ended call, as it is counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    pub kind: Uuid,
    pub started_at: Timestamp,
    /// Calls that its entry stands for.
    pub calls: i64,
    /// Tokens read, those of them from the provider's cache, and written.
    pub tokens: Option<(i64, i64, i64)>,
    /// Of those written, reasoning tokens.
    pub reasoning_tokens: i64,
    /// Micro-cents.
    pub cost: Option<i64>,
    /// Micro-cents that a kept answer spared.
    pub saved: i64,
    pub latency_us: Option<i64>,
    pub first_byte_us: Option<i64>,
}

/// The longest time that counts, in microseconds: more than a day. So sums fit where they are stored.
const LONGEST: i64 = 100_000_000_000;
const MOST_CALLS: i64 = 1_000_000_000_000;
/// The most micro-cents and tokens that one call counts for.
const MOST_COST: i64 = 1_000_000_000_000;
const MOST_TOKENS: i64 = 1_000_000_000;

/// The figures of calls of one kind within one hour or day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    pub entries: i64,
    pub calls: i64,
    pub input_tokens: i64,
    pub cached_input_tokens: i64,
    pub output_tokens: i64,
    pub reasoning_tokens: i64,
    pub cost: Option<i64>,
    pub saved: i64,
    pub unpriced: i64,
    pub latency: Lengths,
    pub first_byte: Lengths,
    pub last_at: i64,
}

impl Sums {
    pub fn add(&mut self, call: &Counted) {
        self.entries += 1;
        self.calls += call.calls.clamp(0, MOST_CALLS);
        if let Some((input, cached, output)) = call.tokens {
            self.input_tokens += input.clamp(0, MOST_TOKENS);
            self.cached_input_tokens += cached.clamp(0, MOST_TOKENS);
            self.output_tokens += output.clamp(0, MOST_TOKENS);
            self.reasoning_tokens += call.reasoning_tokens.clamp(0, MOST_TOKENS);
            self.unpriced += i64::from(call.cost.is_none());
        }
        if let Some(cost) = call.cost {
            *self.cost.get_or_insert(0) += cost.clamp(0, MOST_COST);
        }
        self.saved += call.saved.clamp(0, MOST_COST);
        call.latency_us.into_iter().for_each(|length| self.latency.add(length));
        call.first_byte_us.into_iter().for_each(|length| self.first_byte.add(length));
        self.last_at = self.last_at.max(call.started_at.0);
    }
}

/// Lengths of time: how many, their sum, and how they are spread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lengths {
    pub count: i64,
    pub sum: i64,
    pub sketch: Sketch,
}

impl Lengths {
    fn add(&mut self, length: i64) {
        let length = length.clamp(0, LONGEST);
        self.count += 1;
        self.sum += length;
        self.sketch.add(length, 1);
    }
}

/// How numbers are spread, true within one in a hundred: a DDSketch (Masson, Rim, Lee: "DDSketch: a fast and
/// fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019).
///
/// Its written form is a list of `bin:count`, parted by blanks; written forms that are put together one behind the other
/// are those of all their numbers. So a database merges sketches as it joins texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// The lowest bin in which there is something; the highest is the last of `counts`.
    first: usize,
    counts: Vec<i64>,
}

/// The relative error of a quantile.
const ERROR: f64 = 0.01;
const GAMMA: f64 = (1.0 + ERROR) / (1.0 - ERROR);
/// Bins beyond this hold no length that there is: that of 2^63 is below it.
const MOST_BINS: usize = 2_200;

impl Sketch {
    /// Adds a number so many times. What is below 1 counts as 1.
    pub fn add(&mut self, number: i64, times: i64) {
        self.put(((number.max(1) as f64).ln() / GAMMA.ln()).ceil() as usize, times);
    }

    fn put(&mut self, bin: usize, times: i64) {
        if bin >= MOST_BINS || times <= 0 {
            return;
        }
        if self.counts.is_empty() {
            self.first = bin;
        } else if bin < self.first {
            self.counts.splice(0..0, std::iter::repeat_n(0, self.first - bin));
            self.first = bin;
        }
        let place = bin - self.first;
        if place >= self.counts.len() {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] = self.counts[place].saturating_add(times);
    }

    /// The bins in which there is something, the lowest first.
    fn bins(&self) -> impl Iterator<Item = (usize, i64)> {
        (self.first..).zip(self.counts.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// Adds another.
    pub fn join(&mut self, other: &Self) {
        other.bins().for_each(|(bin, count)| self.put(bin, count));
    }

    /// Adds what was written, one or several. What cannot be read is passed over.
    pub fn read(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            // A page reads megabytes of these: pairs that are written as they should be are read in one go.
            let (bin, after_bin) = short(rest);
            let (count, after) = short(after_bin.get(1..).unwrap_or_default());
            let is_pair = after_bin.first() == Some(&b':')
                && after_bin.len() < rest.len()
                && after.len() + 1 < after_bin.len()
                && after.first().is_none_or(|byte| *byte == b' ');
            if is_pair {
                self.put(usize::try_from(bin).unwrap_or(MOST_BINS), count);
                rest = after.get(1..).unwrap_or_default();
                continue;
            }
            let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
            if let Some((bin, count)) = pair(&rest[..end]) {
                self.put(bin, count);
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
    }

    /// Adds numbers as they are, parted by blanks.
    pub fn read_numbers(&mut self, text: &str) {
        text.split_ascii_whitespace().filter_map(|number| number.parse().ok()).for_each(|number: i64| {
            self.add(number.clamp(0, LONGEST), 1);
        });
    }

    /// Its written form.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.counts.len() * 7);
        for (bin, count) in self.bins() {
            let blank = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{blank}{bin}:{count}");
        }
        text
    }

    /// The number that so large a share of all is not above, 0 to 1; 0 where there is none.
    pub fn quantile(&self, share: f64) -> i64 {
        let all: i64 = self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let rank = (share * (all - 1).max(0) as f64) as i64;
        let mut below = 0_i64;
        for (bin, count) in self.bins() {
            below = below.saturating_add(count);
            if below > rank {
                let bin = i32::try_from(bin).unwrap_or(i32::MAX);
                return (2.0 * GAMMA.powi(bin) / (GAMMA + 1.0)).round() as i64;
            }
        }
        0
    }

    /// Together with how many there are and their sum.
    pub fn spread(&self, count: i64, sum: f64) -> Spread {
        if count <= 0 {
            return Spread::default();
        }
        let mean = (sum / count as f64) as i64;
        Spread { count, mean, p50: self.quantile(0.5), p90: self.quantile(0.9), p99: self.quantile(0.99) }
    }
}

/// The number that a text begins with, of as many digits as surely fit, and what is behind them.
fn short(text: &[u8]) -> (i64, &[u8]) {
    let (mut number, mut place) = (0, 0);
    while let Some(digit) = text.get(place).filter(|byte| byte.is_ascii_digit() && place < 18) {
        number = number * 10 + i64::from(digit - b'0');
        place += 1;
    }
    (number, &text[place..])
}

/// A bin with its count, as they are written.
fn pair(text: &[u8]) -> Option<(usize, i64)> {
    let colon = memchr::memchr(b':', text)?;
    let (bin, count) = (digits(&text[..colon])?, digits(&text[colon + 1..])?);
    Some((usize::try_from(bin).ok()?, count))
}

/// A number of digits alone.
fn digits(text: &[u8]) -> Option<i64> {
    let digit = |sum: i64, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    };
    if text.is_empty() { None } else { text.iter().try_fold(0_i64, digit) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quantiles_are_true_within_one_in_a_hundred(mut numbers in prop::collection::vec(1_i64..LONGEST, 1..300)) {
            let mut sketch = Sketch::default();
            numbers.iter().for_each(|number| sketch.add(*number, 1));
            numbers.sort_unstable();
            for share in [0.0, 0.5, 0.9, 0.99, 1.0] {
                let exact = numbers[(share * (numbers.len() - 1) as f64) as usize] as f64;
                let told = sketch.quantile(share) as f64;
                prop_assert!((told - exact).abs() <= exact * ERROR * 1.001 + 1.0, "{share}: {told} for {exact}");
            }
        }

        #[test]
        fn what_is_written_apart_is_read_together(numbers in prop::collection::vec(0_i64..LONGEST, 0..50), cut in 0_usize..50) {
            let (one, two) = numbers.split_at(cut.min(numbers.len()));
            let of = |numbers: &[i64]| {
                let mut sketch = Sketch::default();
                numbers.iter().for_each(|number| sketch.add(*number, 1));
                sketch
            };
            let mut read = Sketch::default();
            read.read(&format!("{} {}", of(one).text(), of(two).text()));
            prop_assert_eq!(&read, &of(&numbers));
            let mut raw = Sketch::default();
            raw.read_numbers(&numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" "));
            prop_assert_eq!(raw, read);
        }
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let mut sketch = Sketch::default();
        sketch.read("7:2  x:1 9: :3 9 -4:1 5:-1 5:0 99999999:1 5:99999999999999999999 12:1");
        assert_eq!(sketch.text(), "7:2 12:1");
        sketch.read("3:1");
        assert_eq!(sketch.text(), "3:1 7:2 12:1");
        // As many digits as there are, and blanks wherever they stand.
        sketch.read(" 0000000000000000000000004:2  5:0000000000000000000000003 6:1 ");
        assert_eq!(sketch.text(), "3:1 4:2 5:3 6:1 7:2 12:1");
        for bad in [
            "",
            " ",
            ":",
            "1",
            "1:",
            ":1",
            "1:1x",
            "x1:1",
            "1::1",
            "1:1:1",
            "1: 1",
            "1 :1",
            "8:-1",
            "8:99999999999999999999",
        ] {
            let mut sketch = Sketch::default();
            sketch.read(bad);
            assert_eq!(sketch, Sketch::default(), "{bad}");
            sketch.read(&format!("{bad} 7:2"));
            assert_eq!(sketch.text(), "7:2", "{bad}");
        }
    }

    #[test]
    fn nothing_has_no_spread() {
        assert_eq!(Sketch::default().spread(0, 0.0), Spread::default());
        assert_eq!(Sketch::default().quantile(0.5), 0);
    }
}
