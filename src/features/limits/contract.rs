//! Limits in the words of existing clients: `rate_limits` and `usage_limits`.

pub use super::warnings::{Changed, LimitWarning, warnings};

use super::{
    model::{Action, DAYS_RANGE, Edit, Kind, MOST, MOST_EMAILS, Measure, Span, Standing, Wanted},
    operations::counts,
};
use crate::{
    features::accounts::email::Email,
    kernel::{Fields, Result, Timestamp, money::DOLLAR, text},
    web::api::{FieldType, Origin},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Of whole dollars and their parts, as they come and go: more precise than any price.
const LARGEST_NUMBER: f64 = 1e12;

/// Limits as they were sent, read by [`Told::edit`].
#[derive(Clone, Debug)]
pub struct Told(Value);

impl FieldType for Told {
    fn read(value: Value, _: Origin) -> std::result::Result<Self, &'static str> {
        match value {
            Value::Array(_) | Value::Object(_) => Ok(Self(value)),
            _ => Err("must be an object or a list of them"),
        }
    }
}

/// What a call says of limits.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Null takes all of them away.
    pub rates: Option<Option<Told>>,
    pub budgets: Option<Option<Told>>,
    pub emails: Option<Option<Vec<String>>>,
    pub reset: Option<bool>,
}

impl Sent {
    /// What is to be different.
    ///
    /// # Errors
    /// `invalid`, naming each field that is at fault: `rate_limits[1].value`.
    pub fn edit(self) -> Result<Edit> {
        let mut fields = Fields::default();
        let rates = self.rates.map(|told| match told {
            None => vec![],
            Some(Told(Value::Array(items))) => many(&mut fields, &items, "rate_limits", rate),
            Some(Told(_)) => {
                fields.refuse("rate_limits", "`rate_limits` must be a list.");
                vec![]
            }
        });
        let budgets = self.budgets.map(|told| match told {
            None => vec![],
            Some(Told(Value::Array(items))) if items.is_empty() => {
                fields.refuse("usage_limits", "`usage_limits` is an object, or a list of several. Send null for none.");
                vec![]
            }
            Some(Told(Value::Array(items))) => many(&mut fields, &items, "usage_limits", budget),
            Some(Told(one)) => budget(&mut fields, &one, "usage_limits").into_iter().collect(),
        });
        let emails = self.emails.map(Option::unwrap_or_default);
        if let Some(emails) = &emails {
            if emails.len() > MOST_EMAILS {
                fields.refuse("alert_emails", format!("At most {MOST_EMAILS} addresses are told."));
            }
            for (number, email) in emails.iter().enumerate() {
                if let Err(message) = Email::parse(email) {
                    fields.refuse(&format!("alert_emails[{number}]"), message);
                }
            }
        }
        fields.finish()?;
        Ok(Edit { rates, budgets, emails, reset: self.reset.unwrap_or(false) })
    }
}

/// A rate as a call of its own says it.
///
/// # Errors
/// `invalid`, naming each field that is at fault: `rate_limit.value`.
pub fn one_rate(told: &Told) -> Result<Wanted> {
    one(told, "rate_limit", rate)
}

/// The same of a budget.
pub fn one_budget(told: &Told) -> Result<Wanted> {
    one(told, "usage_limit", budget)
}

fn one(Told(value): &Told, path: &str, read: Read) -> Result<Wanted> {
    let mut fields = Fields::default();
    let wanted = read(&mut fields, value, path);
    fields.build(|| wanted)
}

type Read = fn(&mut Fields, &Value, &str) -> Option<Wanted>;

fn many(fields: &mut Fields, items: &[Value], name: &str, read: Read) -> Vec<Wanted> {
    if items.len() > MOST {
        fields.refuse(name, format!("`{name}` has at most {MOST} items."));
        return vec![];
    }
    let read = items.iter().enumerate().filter_map(|(number, item)| read(fields, item, &format!("{name}[{number}]")));
    read.collect()
}

/// The members of an object, each taken once.
struct Members<'a> {
    path: &'a str,
    left: Map<String, Value>,
}

impl<'a> Members<'a> {
    fn of(fields: &mut Fields, value: &Value, path: &'a str) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self { path, left: map.clone() }),
            _ => {
                fields.refuse(path, "It must be an object.");
                None
            }
        }
    }

    fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// A member that is there and not null.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// One of some names.
    fn word<T>(&mut self, fields: &mut Fields, name: &str, of: &[(&str, T)]) -> Option<Option<T>>
    where
        T: Copy,
    {
        let Some(value) = self.take(name) else { return Some(None) };
        let found = value.as_str().and_then(|word| of.iter().find(|(known, _)| *known == word));
        if found.is_none() {
            let names: Vec<&str> = of.iter().map(|(name, _)| *name).collect();
            fields.refuse(&self.at(name), format!("`{name}` is one of: {}.", names.join(", ")));
        }
        found.map(|(_, found)| Some(*found))
    }

    fn finish(self, fields: &mut Fields) {
        // What answers tell beside it.
        const TOLD: [&str; 5] = ["used", "remaining", "status", "resets_at", "last_reset_at"];
        for name in self.left.keys().filter(|name| !TOLD.contains(&name.as_str())) {
            let cut = text::cut(name, 60);
            fields.refuse(&format!("{}.{cut}", self.path), format!("There is no field `{cut}` here."));
        }
    }
}

const ACTIONS: [(&str, Action); 2] = [("block", Action::Block), ("warn", Action::Warn)];
const UNITS: [(&str, Span); 5] =
    [("rps", Span::Second), ("rpm", Span::Minute), ("rph", Span::Hour), ("rpd", Span::Day), ("rpw", Span::Week)];
const MEASURES: [(&str, Measure); 3] =
    [("cost", Measure::Cost), ("tokens", Measure::Tokens), ("requests", Measure::Requests)];
const RESETS: [(&str, Span); 3] = [("monthly", Span::Month), ("weekly", Span::Week), ("daily", Span::Day)];

/// `{type, unit, value, action}`.
fn rate(fields: &mut Fields, value: &Value, path: &str) -> Option<Wanted> {
    let mut members = Members::of(fields, value, path)?;
    let kinds: Vec<(&str, Measure)> =
        MEASURES.into_iter().filter(|(_, measure)| counts(Kind::Rate, *measure)).collect();
    let measure = needed(fields, &mut members, "type", &kinds);
    let span = needed(fields, &mut members, "unit", &UNITS);
    let action = members.word(fields, "action", &ACTIONS);
    let amount = match members.take("value").map(|value| value.as_i64().filter(|value| *value >= 0)) {
        Some(Some(amount)) if amount <= super::model::LARGEST => Some(amount),
        _ => {
            fields.refuse(&members.at("value"), "`value` must be a whole number from 0 on.");
            None
        }
    };
    members.finish(fields);
    Some(Wanted {
        kind: Kind::Rate,
        measure: measure?,
        span: span?,
        amount: amount?,
        action: action?.unwrap_or(Action::Block),
        alert_at: None,
        anchor: None,
    })
}

fn needed<T: Copy>(fields: &mut Fields, members: &mut Members<'_>, name: &str, of: &[(&str, T)]) -> Option<T> {
    let found = members.word(fields, name, of)?;
    if found.is_none() {
        fields.refuse(&members.at(name), format!("`{name}` is missing."));
    }
    found
}

/// `{type, credit_limit, alert_threshold, periodic_reset, periodic_reset_days, next_usage_reset_at, action}`.
fn budget(fields: &mut Fields, value: &Value, path: &str) -> Option<Wanted> {
    let mut members = Members::of(fields, value, path)?;
    let measure = needed(fields, &mut members, "type", &MEASURES);
    let action = members.word(fields, "action", &ACTIONS);
    let counted = measure.unwrap_or(Measure::Cost);
    let least = counted.least_budget();
    let amount = match members.take("credit_limit").map(|value| number(&value, counted)) {
        Some(Some(amount)) if amount >= least => Some(amount),
        None => {
            fields.refuse(&members.at("credit_limit"), "`credit_limit` is missing.");
            None
        }
        Some(_) => {
            fields.refuse(&members.at("credit_limit"), amount_sentence("credit_limit", counted));
            None
        }
    };
    let alert_at = match members.take("alert_threshold").map(|value| number(&value, counted)) {
        None => Some(None),
        Some(Some(at)) if at >= least && amount.is_none_or(|amount| at <= amount) => Some(Some(at)),
        Some(Some(at)) if at >= least => {
            fields
                .refuse(&members.at("alert_threshold"), "`alert_threshold` is above the limit: nobody would be told.");
            None
        }
        Some(_) => {
            fields.refuse(&members.at("alert_threshold"), amount_sentence("alert_threshold", counted));
            None
        }
    };
    let calendar = members.word(fields, "periodic_reset", &RESETS);
    let days = match members.take("periodic_reset_days") {
        None => Some(None),
        Some(value) => match value.as_i64().filter(|days| DAYS_RANGE.contains(days)) {
            Some(days) => Some(Some(Span::Days(days))),
            None => {
                let message = format!("`periodic_reset_days` must be a whole number from 1 to {}.", DAYS_RANGE.end());
                fields.refuse(&members.at("periodic_reset_days"), message);
                None
            }
        },
    };
    if matches!((calendar, days), (Some(Some(_)), Some(Some(_)))) {
        let message = "`periodic_reset` and `periodic_reset_days` exclude one another.";
        fields.refuse(&members.at("periodic_reset_days"), message);
        return None;
    }
    let anchor = match members.take("next_usage_reset_at") {
        None => Some(None),
        Some(value) => match value.as_str().and_then(Timestamp::parse) {
            Some(at) => Some(Some(at)),
            None => {
                let message = "`next_usage_reset_at` must be a moment such as 2027-02-21T00:00:00Z.";
                fields.refuse(&members.at("next_usage_reset_at"), message);
                None
            }
        },
    };
    members.finish(fields);
    let span = calendar?.or(days?).unwrap_or(Span::Whole);
    let anchor = anchor?;
    if span == Span::Whole && anchor.is_some() {
        let message = "`next_usage_reset_at` needs `periodic_reset` or `periodic_reset_days`: else it never resets.";
        fields.refuse(&format!("{path}.next_usage_reset_at"), message);
        return None;
    }
    Some(Wanted {
        kind: Kind::Budget,
        measure: measure?,
        span,
        amount: amount?,
        action: action?.unwrap_or(Action::Block),
        alert_at: alert_at?,
        anchor,
    })
}

fn amount_sentence(name: &str, measure: Measure) -> String {
    match measure {
        Measure::Cost => format!("`{name}` must be a number of US dollars, at least 1, with at most eight decimals."),
        Measure::Tokens | Measure::Requests => format!("`{name}` must be a whole number, at least 1."),
    }
}

/// An amount: a whole number, or dollars.
fn number(value: &Value, measure: Measure) -> Option<i64> {
    match measure {
        Measure::Requests | Measure::Tokens => {
            // `10.0` is a whole number too.
            let whole = value.as_i64().or_else(|| {
                value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < LARGEST_NUMBER).map(|n| n as i64)
            });
            whole.filter(|amount| *amount <= super::model::LARGEST)
        }
        Measure::Cost => measure.read(&value.as_number()?.to_string()),
    }
}

/// A rate, as it stands.
#[derive(Serialize, ToSchema)]
pub struct ShownRate {
    #[serde(rename = "type")]
    #[schema(example = "requests")]
    kind: &'static str,
    /// `rps`, `rpm`, `rph`, `rpd` or `rpw`.
    #[schema(example = "rpm")]
    unit: &'static str,
    value: i64,
    /// `block`, or `warn`: calls go on, and a header of their answers says so.
    action: &'static str,
    /// In the window that is under way.
    used: i64,
}

/// A budget, as it stands.
#[derive(Clone, Serialize, ToSchema)]
pub struct ShownBudget {
    #[serde(rename = "type")]
    #[schema(example = "cost")]
    kind: &'static str,
    /// US dollars, tokens or requests.
    credit_limit: f64,
    alert_threshold: Option<f64>,
    /// `monthly`, `weekly`, `daily`; null: see `periodic_reset_days`.
    periodic_reset: Option<&'static str>,
    periodic_reset_days: Option<i64>,
    /// When it resets; null: never by itself.
    next_usage_reset_at: Option<String>,
    action: &'static str,
    /// In the period that is under way, in the same unit.
    used: f64,
    remaining: f64,
    /// A higher limit that holds for a while, and until when.
    raised_to: Option<f64>,
    raised_until: Option<String>,
}

/// The budgets of a thing: the one that it has, a list of several, or null.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum ShownBudgets {
    One(ShownBudget),
    Several(Vec<ShownBudget>),
}

/// The limits of a thing, for an answer.
pub struct Shown {
    pub rates: Vec<ShownRate>,
    pub budgets: Option<ShownBudgets>,
    /// Calls are refused until a budget resets.
    pub is_exhausted: bool,
    pub emails: Vec<String>,
    pub last_reset_at: Option<String>,
    pub next_reset_at: Option<String>,
}

/// An amount as it is told: money as a number of dollars.
#[expect(clippy::cast_precision_loss, reason = "amounts are far below 2^53 of the smallest part that is told")]
pub(super) fn dollars(measure: Measure, amount: i64) -> f64 {
    match measure {
        Measure::Cost => amount as f64 / DOLLAR as f64,
        Measure::Tokens | Measure::Requests => amount as f64,
    }
}

pub fn shown(limits: &[Standing]) -> Shown {
    let of = |kind: Kind| limits.iter().filter(move |one| one.limit.is.kind == kind);
    let unit = |span: Span| UNITS.iter().find(|(_, known)| *known == span).map_or("", |(name, _)| name);
    let rates = of(Kind::Rate).map(|one| ShownRate {
        kind: one.limit.is.measure.name(),
        unit: unit(one.limit.is.span),
        value: one.limit.is.amount,
        action: one.limit.is.action.name(),
        used: one.used,
    });
    let mut budgets: Vec<ShownBudget> = of(Kind::Budget).map(budget_of).collect();
    let budgets_shown = match budgets.len() {
        0 => None,
        1 => budgets.pop().map(ShownBudgets::One),
        _ => Some(ShownBudgets::Several(budgets)),
    };
    let first = of(Kind::Budget).next();
    Shown {
        rates: rates.collect(),
        budgets: budgets_shown,
        is_exhausted: limits.iter().any(Standing::is_exhausted),
        emails: first.map(|one| one.limit.emails.clone()).unwrap_or_default(),
        last_reset_at: of(Kind::Budget).filter_map(|one| one.limit.reset_at).max().map(Timestamp::rfc3339),
        next_reset_at: of(Kind::Budget).filter_map(|one| one.period.end).min().map(Timestamp::rfc3339),
    }
}

fn budget_of(one: &Standing) -> ShownBudget {
    let is = &one.limit.is;
    let amount = |amount: i64| dollars(is.measure, amount);
    let reset = RESETS.iter().find(|(_, span)| *span == is.span).map(|(name, _)| *name);
    let days = if let Span::Days(days) = is.span { Some(days) } else { None };
    let raised = one.limit.raised.filter(|_| one.amount != is.amount);
    ShownBudget {
        kind: is.measure.name(),
        credit_limit: amount(is.amount),
        alert_threshold: is.alert_at.map(amount),
        periodic_reset: reset,
        periodic_reset_days: days,
        next_usage_reset_at: one.period.end.map(Timestamp::rfc3339),
        action: is.action.name(),
        used: amount(one.used),
        remaining: amount(one.amount.saturating_sub(one.used).max(0)),
        raised_to: raised.map(|raised| amount(raised.to)),
        raised_until: raised.map(|raised| raised.until.rfc3339()),
    }
}

/// What a limit may be, for the document: what is sent is read by its own rules.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the document tells")]
pub struct RateBody {
    /// `requests` or `tokens`.
    #[serde(rename = "type")]
    #[schema(pattern = "^(requests|tokens)$")]
    kind: String,
    #[schema(pattern = "^rp[smhdw]$")]
    unit: String,
    #[schema(minimum = 0)]
    value: i64,
    /// `block` where nothing is said, or `warn`.
    #[schema(pattern = "^(block|warn)$")]
    action: Option<String>,
}

/// A budget.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the document tells")]
pub struct BudgetBody {
    #[serde(rename = "type")]
    #[schema(pattern = "^(cost|tokens|requests)$")]
    kind: String,
    /// US dollars, tokens or requests.
    #[schema(minimum = 1)]
    credit_limit: f64,
    /// From here on people are told, once in each period.
    alert_threshold: Option<f64>,
    /// Weeks begin on Monday, months on the first, at 00:00 UTC.
    #[schema(pattern = "^(monthly|weekly|daily)$")]
    periodic_reset: Option<String>,
    #[schema(minimum = 1, maximum = 365)]
    periodic_reset_days: Option<i64>,
    /// A moment at which a period begins, from which the others are counted.
    #[schema(format = DateTime)]
    next_usage_reset_at: Option<String>,
    #[schema(pattern = "^(block|warn)$")]
    action: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(rates: Value, budgets: Value) -> Result<Edit> {
        let told = |value: Value| (!value.is_null()).then_some(Some(Told(value)));
        Sent { rates: told(rates), budgets: told(budgets), ..Sent::default() }.edit()
    }

    fn faults(rates: Value, budgets: Value) -> Vec<String> {
        let error = read(rates, budgets).expect_err("refused");
        error.fields.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn every_fault_is_named_where_it_stands() {
        let rate = |value: Value| json!([{"type": "requests", "unit": "rpm", "value": 5}, value]);
        for (sent, field) in [
            (json!({"type": "requests", "unit": "rpd", "value": -1}), "rate_limits[1].value"),
            (json!({"type": "requests", "unit": "rpd", "value": 1.5}), "rate_limits[1].value"),
            (json!({"type": "requests", "unit": "rpd"}), "rate_limits[1].value"),
            (json!({"type": "requests", "unit": "rpy", "value": 1}), "rate_limits[1].unit"),
            (json!({"type": "cost", "unit": "rpd", "value": 1}), "rate_limits[1].type"),
            (json!({"unit": "rpd", "value": 1}), "rate_limits[1].type"),
            (json!({"type": "tokens", "unit": "rpd", "value": 1, "burst": 2}), "rate_limits[1].burst"),
            (json!({"type": "tokens", "unit": "rpd", "value": 1, "action": "ask"}), "rate_limits[1].action"),
            (json!(5), "rate_limits[1]"),
        ] {
            assert_eq!(faults(rate(sent.clone()), Value::Null), [field], "{sent}");
        }
        for (sent, field) in [
            (
                json!({"type": "tokens", "credit_limit": 100, "periodic_reset": "weekly", "periodic_reset_days": 7}),
                "usage_limits.periodic_reset_days",
            ),
            (
                json!({"type": "tokens", "credit_limit": 10, "periodic_reset_days": 366}),
                "usage_limits.periodic_reset_days",
            ),
            (
                json!({"type": "tokens", "credit_limit": 10, "periodic_reset_days": 0}),
                "usage_limits.periodic_reset_days",
            ),
            (json!({"type": "tokens", "credit_limit": 10, "periodic_reset": "yearly"}), "usage_limits.periodic_reset"),
            (json!({"type": "tokens", "credit_limit": 0}), "usage_limits.credit_limit"),
            (json!({"type": "cost", "credit_limit": 0.5}), "usage_limits.credit_limit"),
            (json!({"type": "cost", "credit_limit": "10"}), "usage_limits.credit_limit"),
            (json!({"type": "cost"}), "usage_limits.credit_limit"),
            (json!({"type": "cost", "credit_limit": 10, "alert_threshold": 11}), "usage_limits.alert_threshold"),
            (json!({"type": "words", "credit_limit": 10}), "usage_limits.type"),
            (
                json!({"type": "cost", "credit_limit": 10, "next_usage_reset_at": "2027-01-01T00:00:00Z"}),
                "usage_limits.next_usage_reset_at",
            ),
            (
                json!({"type": "cost", "credit_limit": 10, "next_usage_reset_at": "soon", "periodic_reset": "weekly"}),
                "usage_limits.next_usage_reset_at",
            ),
        ] {
            assert_eq!(faults(Value::Null, sent.clone()), [field], "{sent}");
        }
        assert_eq!(faults(json!({"type": "requests"}), Value::Null), ["rate_limits"]);
    }

    #[test]
    fn what_is_sent_is_read() {
        let edit = read(
            json!([{"type": "tokens", "unit": "rps", "value": 0, "action": "warn"}]),
            json!({"type": "cost", "credit_limit": 2.5, "alert_threshold": 2, "periodic_reset": "monthly", "periodic_reset_days": null, "used": 1}),
        );
        let edit = edit.expect("limits");
        let rates = edit.rates.expect("rates");
        assert_eq!((rates[0].amount, rates[0].span, rates[0].action), (0, Span::Second, Action::Warn));
        let budgets = edit.budgets.expect("budgets");
        assert_eq!((budgets[0].amount, budgets[0].alert_at), (250_000_000, Some(200_000_000)));
        assert_eq!(budgets[0].span, Span::Month);
        let none = Sent { rates: Some(None), budgets: Some(None), ..Sent::default() }.edit().expect("none");
        assert_eq!((none.rates, none.budgets), (Some(vec![]), Some(vec![])));
    }
}
