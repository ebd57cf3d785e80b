//! What both sides know of feedback.

use crate::kernel::{FeedbackId, Fields, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::RangeInclusive;

/// What a value may be.
pub const VALUES: RangeInclusive<i64> = -10..=10;
/// The most entries that one request gives.
pub const MOST: usize = 100;
/// The most entries of one trace.
pub const MOST_OF_TRACE: i64 = 100;
/// The most characters of a trace id.
pub const TRACE_LIMIT: usize = 128;
/// The most bytes of metadata as JSON.
pub const METADATA_LIMIT: usize = 4096;
/// The most characters of a note that a person writes.
pub const NOTE_LIMIT: usize = 500;
/// A weight of 1 as it is stored.
pub const WHOLE: i64 = 1_000_000;

/// What is given, before it is looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    pub trace_id: String,
    pub value: i64,
    /// 0 to 1; none: 1.
    pub weight: Option<f64>,
    /// An object, or null.
    pub metadata: Option<Value>,
}

/// Value, weight and metadata that are within their bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub value: i64,
    /// In millionths; none where nothing was said of it.
    pub weight: Option<i64>,
    /// JSON; none where nothing was said of it.
    pub metadata: Option<String>,
}

impl Draft {
    /// Looks at everything but the trace. `before` stands before the names of the fields.
    pub fn said(&self, fields: &mut Fields, before: &str) -> Said {
        let field = |name: &str| format!("{before}{name}");
        if !VALUES.contains(&self.value) {
            fields.refuse(
                &field("value"),
                format!("A value is a whole number from {} to {}.", VALUES.start(), VALUES.end()),
            );
        }
        if self.weight.is_some_and(|weight| !(0.0..=1.0).contains(&weight)) {
            fields.refuse(&field("weight"), "A weight is a number from 0 to 1.");
        }
        let metadata = match &self.metadata {
            None | Some(Value::Null) => None,
            Some(object @ Value::Object(_)) => Some(object.to_string()),
            Some(_) => {
                fields.refuse(&field("metadata"), "Metadata is a JSON object.");
                None
            }
        };
        if metadata.as_ref().is_some_and(|text| text.len() > METADATA_LIMIT) {
            fields.refuse(&field("metadata"), format!("Metadata has at most {METADATA_LIMIT} bytes of JSON."));
        }
        let weight = self.weight.map(|weight| (weight * WHOLE as f64).round() as i64);
        Said { value: self.value, weight, metadata }
    }

    /// Looks at the trace.
    pub fn trace(&self, fields: &mut Fields, before: &str) {
        let trace = &self.trace_id;
        if !(1..=TRACE_LIMIT).contains(&trace.len()) || !trace.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = format!("A trace id has 1 to {TRACE_LIMIT} letters, digits and signs, and no blanks.");
            fields.refuse(&format!("{before}trace_id"), message);
        }
    }
}

/// One entry of feedback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub id: FeedbackId,
    /// -10 to 10.
    pub value: i64,
    /// 0 to 1, in millionths.
    pub weight: i64,
    /// The JSON of an object; empty: none.
    pub metadata: String,
    /// Who gave it, as they were named then.
    pub by: String,
    /// A key gave it, and no person.
    pub is_by_key: bool,
    pub at: Timestamp,
    /// Who changed it last and when, if anybody did.
    pub changed: Option<(String, Timestamp)>,
}

/// The feedback on the trace of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnCall {
    /// Oldest first.
    pub given: Vec<Given>,
    /// The trace has calls that whoever reads may not see: neither is its feedback shown to them, nor theirs taken.
    pub is_withheld: bool,
    /// The moment of reading.
    pub now: Timestamp,
}

/// How many entries there are, and the sum of value times weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub given: i64,
    /// In millionths.
    pub weighted: i64,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.given = self.given.saturating_add(other.given);
        self.weighted = self.weighted.saturating_add(other.weighted);
    }

    /// Value times weight, on average; none where there is no entry.
    pub fn mean(self) -> Option<f64> {
        (self.given > 0).then(|| self.weighted as f64 / WHOLE as f64 / self.given as f64)
    }
}

/// A weight as people write it: `1`, `0.25`.
pub fn weight_text(millionths: i64) -> String {
    let (whole, part) = (millionths / WHOLE, (millionths % WHOLE).abs());
    let text = format!("{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A value with its sign: `+1`, `0`, `−3`.
pub fn value_text(value: i64) -> String {
    match value {
        0 => "0".into(),
        more @ 1.. => format!("+{more}"),
        less => format!("−{}", less.unsigned_abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn weights_and_values_have_words() {
        for (weight, words) in [(WHOLE, "1"), (0, "0"), (250_000, "0.25"), (1, "0.000001"), (100_000, "0.1")] {
            assert_eq!(weight_text(weight), words);
        }
        assert_eq!([value_text(1), value_text(0), value_text(-10)], ["+1", "0", "−10"]);
        let tally = Tally { given: 4, weighted: -3 * WHOLE };
        assert_eq!((tally.mean(), Tally::default().mean()), (Some(-0.75), None));
    }

    #[test]
    fn everything_has_its_bounds_and_all_faults_are_told() {
        let faults = |draft: &Draft| {
            let mut fields = Fields::default();
            draft.trace(&mut fields, "3.");
            draft.said(&mut fields, "3.");
            let error = fields.finish().err();
            error.map(|error| error.fields.into_iter().map(|field| field.field).collect::<Vec<_>>()).unwrap_or_default()
        };
        let good = Draft { trace_id: "t".into(), value: -10, weight: Some(0.5), metadata: Some(json!({ "a": [1] })) };
        assert_eq!(faults(&good), Vec::<String>::new());
        assert_eq!(
            faults(&Draft { value: 10, weight: None, metadata: Some(Value::Null), ..good.clone() }),
            Vec::<String>::new()
        );
        let long = |letters: usize| json!({ "a": "x".repeat(letters) });
        assert_eq!(faults(&Draft { metadata: Some(long(METADATA_LIMIT - 8)), ..good.clone() }), Vec::<String>::new());
        for (draft, field) in [
            (Draft { value: 11, ..good.clone() }, "3.value"),
            (Draft { value: -11, ..good.clone() }, "3.value"),
            (Draft { weight: Some(1.01), ..good.clone() }, "3.weight"),
            (Draft { weight: Some(-0.01), ..good.clone() }, "3.weight"),
            (Draft { weight: Some(f64::NAN), ..good.clone() }, "3.weight"),
            (Draft { metadata: Some(json!("x")), ..good.clone() }, "3.metadata"),
            (Draft { metadata: Some(long(METADATA_LIMIT - 7)), ..good.clone() }, "3.metadata"),
            (Draft { trace_id: String::new(), ..good.clone() }, "3.trace_id"),
            (Draft { trace_id: "a b".into(), ..good.clone() }, "3.trace_id"),
            (Draft { trace_id: "x".repeat(TRACE_LIMIT + 1), ..good.clone() }, "3.trace_id"),
        ] {
            assert_eq!(faults(&draft), [field], "{draft:?}");
        }
        let all = Draft { trace_id: String::new(), value: 99, weight: Some(2.0), metadata: Some(json!(1)) };
        assert_eq!(faults(&all), ["3.trace_id", "3.value", "3.weight", "3.metadata"]);
    }
}
