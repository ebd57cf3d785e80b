//! What programs are told of a group, by the names of the contract and of its clients.

use super::{
    operations::GroupBars,
    rest::{cents, milliseconds, per_call, percent},
};
use crate::{
    features::logs::figures::Figures,
    kernel::{Error, Result, Timestamp, text},
};
use serde_json::{Value, json};

/// One thing that can be told of a group.
#[derive(Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    of: fn(&Figures) -> Value,
}

const fn column(name: &'static str, of: fn(&Figures) -> Value) -> Column {
    Column { name, of }
}

/// How many of [`COLUMNS`], the first, are told unless others are asked for.
const USUAL: usize = 10;
/// Costs are in cents, lengths of time in milliseconds, rates in percent. Several are there under two names.
const COLUMNS: [Column; 18] = [
    column("requests", |figures| json!(figures.calls)),
    column("cost", |figures| json!(cents(figures.cost))),
    column("tokens", |figures| json!(figures.tokens())),
    column("avg_tokens", |figures| json!(per_call(figures.tokens() as f64, figures.calls))),
    column("avg_latency", |figures| json!(milliseconds(figures.latency.mean))),
    column("p50", |figures| json!(milliseconds(figures.latency.p50))),
    column("p90", |figures| json!(milliseconds(figures.latency.p90))),
    column("p99", |figures| json!(milliseconds(figures.latency.p99))),
    column("success_rate", |figures| json!(percent(figures.ok, figures.calls))),
    column("last_seen", |figures| json!(figures.last_at.map(Timestamp::rfc3339))),
    column("total_tokens", |figures| json!(figures.tokens())),
    column("avg_input_tokens", |figures| json!(per_call(figures.input_tokens as f64, figures.calls))),
    column("avg_output_tokens", |figures| json!(per_call(figures.output_tokens as f64, figures.calls))),
    column("p50_latency", |figures| json!(milliseconds(figures.latency.p50))),
    column("p90_latency", |figures| json!(milliseconds(figures.latency.p90))),
    column("p99_latency", |figures| json!(milliseconds(figures.latency.p99))),
    column("error_count", |figures| json!(figures.failed())),
    column("cache_hit_rate", |figures| json!(percent(figures.hits, figures.calls))),
];

impl Column {
    /// What it tells of a group with these figures.
    pub fn told(self, figures: &Figures) -> Value {
        (self.of)(figures)
    }

    /// What groups are ordered by; none where it is not known.
    fn number(self, figures: &Figures) -> Option<f64> {
        match self.name {
            "last_seen" => figures.last_at.map(|at| at.0 as f64),
            _ => self.told(figures).as_f64(),
        }
    }

    fn named(field: &str, name: &str) -> Result<Self> {
        COLUMNS.into_iter().find(|column| column.name == name).ok_or_else(|| {
            let names = COLUMNS.map(|column| column.name).join(", ");
            Error::field(field, format!("There is no column `{}`. There are: {names}.", text::cut(name, 100)))
        })
    }
}

/// The columns that are asked for, parted by commas; the usual ones where nothing is said.
///
/// # Errors
/// `invalid`, by `columns`, for one that there is not.
pub fn chosen(names: Option<&str>) -> Result<Vec<Column>> {
    let names = names.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    let chosen = names.map(|name| Column::named("columns", name)).collect::<Result<Vec<_>>>()?;
    Ok(if chosen.is_empty() { COLUMNS[..USUAL].to_vec() } else { chosen })
}

/// How groups are ordered.
pub struct Order {
    by: Column,
    ascends: bool,
}

impl Order {
    /// That by which column, and which way, `asc` or `desc`. Where nothing is said it is by requests, the most first.
    ///
    /// # Errors
    /// `invalid`, by `order_by` or `order_by_type`.
    pub fn of(by: Option<&str>, way: Option<&str>) -> Result<Self> {
        let by = by.map(str::trim).filter(|by| !by.is_empty()).unwrap_or("requests");
        let ascends = match way.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "desc" => false,
            "asc" => true,
            _ => return Err(Error::field("order_by_type", "Write `asc` or `desc`.")),
        };
        Ok(Self { by: Column::named("order_by", by)?, ascends })
    }

    /// Puts groups in this order. What is alike stays as it was, and what is not known comes last either way.
    pub fn put(&self, groups: &mut [GroupBars]) {
        groups.sort_by(|one, two| match (self.by.number(&one.figures), self.by.number(&two.figures)) {
            (Some(one), Some(two)) if self.ascends => one.total_cmp(&two),
            (Some(one), Some(two)) => two.total_cmp(&one),
            (one, two) => one.is_none().cmp(&two.is_none()),
        });
    }
}
