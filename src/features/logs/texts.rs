//! What both sides know of the texts of calls: whether they are kept, how much of them, and how they are shown.

use crate::kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// The most bytes that are kept of a request, and of an answer.
pub const LIMIT: usize = 64 << 10;
/// How many days texts and entries may be kept.
pub const DAYS: std::ops::RangeInclusive<i64> = 1..=3650;

/// How the texts of a call are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeps {
    pub without_images: bool,
}

impl Keeps {
    /// What holds for a call: the key's own word, or else the organisation's.
    pub fn of(organisation: bool, key: Option<bool>, without_images: bool) -> Option<Self> {
        key.unwrap_or(organisation).then_some(Self { without_images })
    }
}

/// The name of a key's own word: `inherit`, `yes` or `no`.
pub const fn choice_name(choice: Option<bool>) -> &'static str {
    match choice {
        None => "inherit",
        Some(true) => "yes",
        Some(false) => "no",
    }
}

/// Reads what [`choice_name`] writes; none: it is no such name.
pub fn parse_choice(name: &str) -> Option<Option<bool>> {
    [None, Some(true), Some(false)].into_iter().find(|choice| choice_name(*choice) == name)
}

/// What an organisation says of texts and of the log's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeping {
    pub keep: bool,
    pub leave_images_out: bool,
    /// After how many days texts are deleted.
    pub texts_days: i64,
    /// After how many days entries are deleted; none: never.
    pub logs_days: Option<i64>,
}

impl Keeping {
    /// Whether everything is within its bounds; else the field that is not, with a sentence.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let (least, most) = (DAYS.start(), DAYS.end());
        let within = |days: i64| DAYS.contains(&days);
        if !within(self.texts_days) {
            return Err(("texts_days", format!("Texts are kept for {least} to {most} days.")));
        }
        match self.logs_days {
            Some(days) if !within(days) => {
                Err(("logs_days", format!("Entries are kept for {least} to {most} days, or for ever.")))
            }
            Some(days) if days < self.texts_days => Err((
                "texts_days",
                format!(
                    "A text goes with its entry: with entries for {days} days, keep texts for {days} days at most."
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// How much of a text is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Bytes of the whole text.
    pub whole: i64,
    /// Only its beginning is kept.
    pub is_cut: bool,
}

impl Size {
    /// What is said of a text that was cut.
    pub fn words(self) -> Option<String> {
        let limit = i64::try_from(LIMIT).unwrap_or_default();
        self.is_cut.then(|| format!("cut after {} of {}", bytes(limit), bytes(self.whole)))
    }
}

/// A number of bytes in words: `812 bytes`, `64 KiB`, `1.2 MB`.
pub fn bytes(number: i64) -> String {
    match number.max(0) {
        1 => "1 byte".into(),
        n if n < 1024 => format!("{n} bytes"),
        n if n < 1_000_000 => format!("{} KiB", n / 1024),
        n => format!("{}.{} MB", n / 1_000_000, n % 1_000_000 / 100_000),
    }
}

/// What there is of a call's texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Texts {
    /// Nothing: with whether the organisation keeps texts now, and since when that is set so.
    None {
        keeps: bool,
        since: Option<Timestamp>,
    },
    /// Too much waited to be written.
    Dropped,
    Kept(KeptTexts),
}

/// What is known of kept texts without reading them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTexts {
    /// None: there was none, or none that could be kept.
    pub request: Option<Size>,
    pub answer: Option<Size>,
    /// Images that a short note stands for.
    pub left_out: i64,
    /// When they are deleted.
    pub until: Timestamp,
}

/// The texts of a call as they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownTexts {
    pub kept: KeptTexts,
    pub request: Option<Shown>,
    pub answer: Option<Shown>,
}

/// What was said in a call, to be said again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    pub model: String,
    /// The slug of the virtual key, if that is still there; else empty.
    pub virtual_key: String,
    /// What the request says, in order.
    pub turns: Vec<Turn>,
    /// The request was longer than what is kept of it.
    pub is_cut: bool,
}

/// One side of a call as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// What is said in it, in order; empty where nothing could be made out.
    pub turns: Vec<Turn>,
    /// The text as it is kept.
    pub raw: String,
}

/// Something that somebody said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who: `system`, `user`, `assistant`, `tool call get_weather` and so on.
    pub who: String,
    pub words: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_words() {
        for (number, words) in
            [(0, "0 bytes"), (1, "1 byte"), (1023, "1023 bytes"), (65_536, "64 KiB"), (1_234_567, "1.2 MB")]
        {
            assert_eq!(bytes(number), words);
        }
        let cut = Size { whole: 1_234_567, is_cut: true };
        assert_eq!(cut.words().as_deref(), Some("cut after 64 KiB of 1.2 MB"));
        assert_eq!(Size { is_cut: false, ..cut }.words(), None);
    }

    #[test]
    fn a_key_says_more_than_its_organisation() {
        for (organisation, key, kept) in
            [(false, None, false), (true, None, true), (false, Some(true), true), (true, Some(false), false)]
        {
            assert_eq!(Keeps::of(organisation, key, true).is_some(), kept, "{organisation} {key:?}");
        }
        for choice in [None, Some(true), Some(false)] {
            assert_eq!(parse_choice(choice_name(choice)), Some(choice));
        }
        assert_eq!(parse_choice("maybe"), None);
    }

    #[test]
    fn texts_stay_no_longer_than_their_entries() {
        let keeping = |texts_days, logs_days| Keeping { keep: true, leave_images_out: true, texts_days, logs_days };
        for (texts, logs, fault) in [
            (30, None, None),
            (30, Some(30), None),
            (1, Some(3650), None),
            (31, Some(30), Some("texts_days")),
            (0, None, Some("texts_days")),
            (3651, None, Some("texts_days")),
            (1, Some(0), Some("logs_days")),
            (1, Some(3651), Some("logs_days")),
        ] {
            assert_eq!(keeping(texts, logs).check().err().map(|(field, _)| field), fault, "{texts} {logs:?}");
        }
    }
}
