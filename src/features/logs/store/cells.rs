//! Figures as they are read, and put together.

use crate::{
    features::logs::{counting::Sketch, figures::Figures},
    kernel::Timestamp,
    server::database::row,
};
use std::collections::BTreeMap;
use uuid::Uuid;

row! {
    /// Sums of a group in a bar.
    pub struct Row {
        bucket: i64,
        id: Option<Uuid>,
        label: Option<String>,
        entries: Option<f64>,
        calls: Option<f64>,
        ok: Option<f64>,
        hits: Option<f64>,
        retried: Option<f64>,
        fell_back: Option<f64>,
        denied: Option<f64>,
        input_tokens: Option<f64>,
        cached_input_tokens: Option<f64>,
        output_tokens: Option<f64>,
        reasoning_tokens: Option<f64>,
        cost: Option<f64>,
        saved: Option<f64>,
        unpriced: Option<f64>,
        timed: Option<f64>,
        latency_us: Option<f64>,
        latency: Option<String>,
        first_bytes: Option<f64>,
        first_byte_us: Option<f64>,
        first_byte: Option<String>,
        last_at: Option<i64>,
    }
}

row! {
    /// The sketches of a group in a bar, one behind the other.
    pub struct SketchRow {
        bucket: i64,
        id: Option<Uuid>,
        label: Option<String>,
        latency: Option<String>,
        first_byte: Option<String>,
    }
}

/// What a group is: the id that it has, and the name or word of it.
pub type GroupOf = (Option<Uuid>, Option<String>);

/// A group with its figures, over all and by bar.
pub type GroupRead = (GroupOf, Figures, BTreeMap<i64, Figures>);

/// Sums that can be added to one another.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    figures: Figures,
    latency: Sketch,
    latency_us: f64,
    first_byte: Sketch,
    first_byte_us: f64,
}

impl Cell {
    fn read(row: &Row, is_raw: bool) -> Self {
        // At most the greatest number.
        let whole = |sum: Option<f64>| sum.unwrap_or(0.0) as i64;
        let mut cell = Self {
            figures: Figures {
                entries: whole(row.entries),
                calls: whole(row.calls),
                ok: whole(row.ok),
                hits: whole(row.hits),
                retried: whole(row.retried),
                fell_back: whole(row.fell_back),
                denied: whole(row.denied),
                input_tokens: whole(row.input_tokens),
                cached_input_tokens: whole(row.cached_input_tokens),
                output_tokens: whole(row.output_tokens),
                reasoning_tokens: whole(row.reasoning_tokens),
                cost: row.cost.map(|cost| cost as i64),
                saved: whole(row.saved),
                unpriced: whole(row.unpriced),
                last_at: row.last_at.map(Timestamp),
                ..Figures::default()
            },
            latency_us: row.latency_us.unwrap_or(0.0),
            first_byte_us: row.first_byte_us.unwrap_or(0.0),
            ..Self::default()
        };
        cell.figures.latency.count = whole(row.timed);
        cell.figures.first_byte.count = whole(row.first_bytes);
        for (sketch, text) in [(&mut cell.latency, &row.latency), (&mut cell.first_byte, &row.first_byte)] {
            let text = text.as_deref().unwrap_or_default();
            if is_raw { sketch.read_numbers(text) } else { sketch.read(text) }
        }
        cell
    }

    fn add(&mut self, other: &Self) {
        let (to, of) = (&mut self.figures, &other.figures);
        for (to, of) in [
            (&mut to.entries, of.entries),
            (&mut to.calls, of.calls),
            (&mut to.ok, of.ok),
            (&mut to.hits, of.hits),
            (&mut to.retried, of.retried),
            (&mut to.fell_back, of.fell_back),
            (&mut to.denied, of.denied),
            (&mut to.input_tokens, of.input_tokens),
            (&mut to.cached_input_tokens, of.cached_input_tokens),
            (&mut to.output_tokens, of.output_tokens),
            (&mut to.reasoning_tokens, of.reasoning_tokens),
            (&mut to.saved, of.saved),
            (&mut to.unpriced, of.unpriced),
            (&mut to.latency.count, of.latency.count),
            (&mut to.first_byte.count, of.first_byte.count),
        ] {
            *to = to.saturating_add(of);
        }
        to.cost = match (to.cost, of.cost) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
        to.last_at = to.last_at.max(of.last_at);
        self.latency.join(&other.latency);
        self.latency_us += other.latency_us;
        self.first_byte.join(&other.first_byte);
        self.first_byte_us += other.first_byte_us;
    }

    /// What it tells.
    fn tell(&self) -> Figures {
        let mut figures = self.figures.clone();
        figures.latency = self.latency.spread(figures.latency.count, self.latency_us);
        figures.first_byte = self.first_byte.spread(figures.first_byte.count, self.first_byte_us);
        figures
    }
}

/// The figures that were read, by bar and group.
#[derive(Debug, Default)]
pub struct Cells {
    cells: BTreeMap<(i64, GroupOf), Cell>,
    /// How long calls took, of each group as a whole, where the cells do not tell.
    whole: BTreeMap<GroupOf, Sketch>,
    /// The same of all groups together in each bar.
    bars: BTreeMap<i64, Sketch>,
    /// And how long they took until the first byte, of all groups together as a whole.
    first_byte: Sketch,
}

impl Cells {
    /// Adds sums; those of the log itself come with lengths as they are.
    pub fn add(&mut self, rows: &[Row], is_raw: bool) {
        for row in rows {
            let group = (row.id, row.label.clone());
            self.cells.entry((row.bucket, group)).or_default().add(&Cell::read(row, is_raw));
        }
    }

    /// Adds how lengths are spread in each bar.
    pub fn spread_in_bars(&mut self, rows: Vec<SketchRow>) {
        for row in rows {
            let cell = self.cells.entry((row.bucket, (row.id, row.label))).or_default();
            cell.latency.read(row.latency.as_deref().unwrap_or_default());
            cell.first_byte.read(row.first_byte.as_deref().unwrap_or_default());
        }
    }

    /// Adds how long calls took in each group as a whole.
    pub fn spread(&mut self, rows: Vec<SketchRow>) {
        for row in rows {
            let latency = self.whole.entry((row.id, row.label)).or_default();
            latency.read(row.latency.as_deref().unwrap_or_default());
        }
    }

    /// Adds how long calls of all groups together took in each bar.
    pub fn spread_of_bars(&mut self, rows: &[SketchRow]) {
        for row in rows {
            let latency = self.bars.entry(row.bucket).or_default();
            latency.read(row.latency.as_deref().unwrap_or_default());
        }
    }

    /// Adds how long calls of all groups together took until the first byte, as a whole.
    pub fn spread_first_bytes(&mut self, rows: &[SketchRow]) {
        rows.iter().for_each(|row| self.first_byte.read(row.first_byte.as_deref().unwrap_or_default()));
    }

    fn sum<'a>(cells: impl Iterator<Item = &'a Cell>, latencies: impl Iterator<Item = &'a Sketch>) -> Cell {
        let mut sum = Cell::default();
        cells.for_each(|cell| sum.add(cell));
        latencies.for_each(|latency| sum.latency.join(latency));
        sum
    }

    /// The figures of all.
    pub fn totals(&self) -> Figures {
        let mut sum = Self::sum(self.cells.values(), self.whole.values().chain(self.bars.values()));
        sum.first_byte.join(&self.first_byte);
        sum.tell()
    }

    /// The figures of each bar that has any, in order. How lengths are spread is told if it was read for bars.
    pub fn by_bucket(&self) -> Vec<(i64, Figures)> {
        let mut of: BTreeMap<i64, Vec<&Cell>> = BTreeMap::new();
        for ((bucket, _), cell) in &self.cells {
            of.entry(*bucket).or_default().push(cell);
        }
        let told = |(bucket, cells): (i64, Vec<&Cell>)| {
            (bucket, Self::sum(cells.into_iter(), self.bars.get(&bucket).into_iter()).tell())
        };
        of.into_iter().map(told).collect()
    }

    /// The figures of each group, over all and by bar, as far as they were read; those with the most calls first.
    pub fn by_group(&self) -> Vec<GroupRead> {
        let mut of: BTreeMap<&GroupOf, Vec<(i64, &Cell)>> = BTreeMap::new();
        for ((bucket, group), cell) in &self.cells {
            of.entry(group).or_default().push((*bucket, cell));
        }
        let told = |(group, cells): (&GroupOf, Vec<(i64, &Cell)>)| {
            let figures = Self::sum(cells.iter().map(|(_, cell)| *cell), self.whole.get(group).into_iter()).tell();
            let bars = cells.iter().map(|(bucket, cell)| (*bucket, cell.tell()));
            (group.clone(), figures, bars.collect())
        };
        let mut groups: Vec<_> = of.into_iter().map(told).collect();
        groups.sort_by(|one, two| two.1.calls.cmp(&one.1.calls).then_with(|| one.0.cmp(&two.0)));
        groups
    }
}
