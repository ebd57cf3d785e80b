//! Monthly statements: what they hold, and how their lines come about.

use super::{
    amount::{self, Currency},
    month::Month,
};
use crate::kernel::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Lines of models that a month has. The calls of further models, those that cost least, are one line for each provider.
pub const MOST_LINES: usize = 500;
/// API keys, and virtual keys, that are named; the others together are one line.
pub const MOST_NAMED: usize = 200;

/// The calls of one model at one provider within a month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The provider's stored name; none: calls that were led to none.
    pub provider: Option<String>,
    /// None: all models of the provider that have no line of their own.
    pub model: Option<String>,
    pub calls: i64,
    pub input_tokens: i64,
    /// The part of `input_tokens` that came from the provider's cache.
    pub cached_input_tokens: i64,
    pub output_tokens: i64,
    /// Calls that used tokens at a price that is not known: in no cost.
    pub unpriced: i64,
    /// Micro-cents.
    pub cost: i64,
    /// What the cost is raised by, in hundredths of a percent.
    pub markup: i64,
    /// What that adds, in micro-cents.
    pub added: i64,
}

/// What a line is of: provider and model.
pub type Of = (Option<String>, Option<String>);

impl Line {
    pub fn of(&self) -> Of {
        (self.provider.clone(), self.model.clone())
    }

    /// Micro-cents.
    pub const fn total(&self) -> i64 {
        self.cost.saturating_add(self.added)
    }

    const fn numbers(&self) -> [i64; 6] {
        [self.calls, self.input_tokens, self.cached_input_tokens, self.output_tokens, self.unpriced, self.cost]
    }

    fn with_numbers(self, [calls, input_tokens, cached_input_tokens, output_tokens, unpriced, cost]: [i64; 6]) -> Self {
        Self { calls, input_tokens, cached_input_tokens, output_tokens, unpriced, cost, ..self }
    }

    /// Adds another line's numbers.
    fn add(&mut self, other: &Self) {
        let (mut sum, more) = (self.numbers(), other.numbers());
        sum.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.saturating_add(more));
        let added = self.added.saturating_add(other.added);
        *self = Self { added, ..std::mem::take(self).with_numbers(sum) };
    }

    /// With another line's numbers.
    #[must_use]
    pub fn joined(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }

    fn raised(self, markups: &[Markup]) -> Self {
        let of = markups.iter().find(|markup| Some(&markup.provider) == self.provider.as_ref());
        let markup = of.map_or(0, |markup| markup.percent);
        Self { markup, added: amount::added(self.cost, markup), ..self }
    }
}

/// A line about calls of an earlier month, which came behind its statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    pub month: Month,
    pub line: Line,
}

/// What the calls of one API key, or virtual key, cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its id; none: calls without one, or all that are not named.
    pub id: Option<String>,
    /// As it was named then.
    pub name: String,
    pub calls: i64,
    /// Micro-cents, before mark-ups.
    pub cost: i64,
}

/// A mark-up of one provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Markup {
    /// The provider's stored name.
    pub provider: String,
    /// In hundredths of a percent.
    pub percent: i64,
}

/// Who there is, and what they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    pub owners: i64,
    pub admins: i64,
    pub members: i64,
    /// Invitations that can be accepted.
    pub invitations: i64,
    /// API keys that work.
    pub api_keys: i64,
    pub virtual_keys: i64,
}

/// A statement. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub number: i64,
    pub month: Month,
    /// As the organisation was named then.
    pub organisation: String,
    pub contact_name: String,
    pub contact_email: String,
    /// Those that cost most first.
    pub lines: Vec<Line>,
    pub corrections: Vec<Correction>,
    /// Those that cost most first. Together they are what `lines` are, before mark-ups.
    pub api_keys: Vec<Part>,
    pub virtual_keys: Vec<Part>,
    pub markups: Vec<Markup>,
    pub currency: Currency,
    /// When it was made.
    pub seats: Seats,
    pub made_at: Timestamp,
}

impl Statement {
    /// All lines, corrections last.
    pub fn all(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().chain(self.corrections.iter().map(|correction| &correction.line))
    }

    /// Micro-cents.
    pub fn total(&self) -> i64 {
        self.all().fold(0, |sum, line| sum.saturating_add(line.total()))
    }

    /// `No. 3, November 2026`.
    pub fn name(&self) -> String {
        format!("No. {}, {}", self.number, self.month.words())
    }

    /// Its lines about a month, each provider's and model's together.
    fn about(&self, month: Month) -> impl Iterator<Item = &Line> {
        let own = self.lines.iter().filter(move |_| self.month == month);
        own.chain(self.corrections.iter().filter(move |of| of.month == month).map(|correction| &correction.line))
    }
}

/// The lines of a month by what was counted of it.
pub fn lines(counted: Vec<Line>, markups: &[Markup]) -> Vec<Line> {
    let counted = sorted(counted);
    let named: BTreeSet<Of> = counted.iter().take(MOST_LINES).map(Line::of).collect();
    let lines = together(counted, |of| named.contains(of));
    sorted(lines).into_iter().map(|line| line.raised(markups)).collect()
}

/// What was counted of a month beyond what statements have billed of it. What is counted only grows: where less is there now,
/// since the log has deleted calls for their age, nothing is taken back.
pub fn corrections(month: Month, counted: Vec<Line>, statements: &[Statement]) -> Vec<Correction> {
    let mut billed: Vec<Line> = vec![];
    for line in statements.iter().flat_map(|statement| statement.about(month)) {
        match billed.iter_mut().find(|known| known.of() == line.of()) {
            Some(known) => known.add(line),
            None => billed.push(line.clone()),
        }
    }
    let own: BTreeSet<Of> = billed.iter().map(Line::of).collect();
    // Models that had no line of their own get none now, and so do more than there can be.
    let room = MOST_LINES.saturating_sub(own.len());
    let has_rest = |provider: &Option<String>| own.contains(&(provider.clone(), None));
    let new = sorted(counted.clone()).into_iter().map(|line| line.of());
    let new: BTreeSet<Of> = new.filter(|of| !own.contains(of) && !has_rest(&of.0)).take(room).collect();
    let markups = statements.iter().find(|statement| statement.month == month).map(|of| of.markups.as_slice());
    let differences = together(counted, |of| own.contains(of) || new.contains(of)).into_iter().filter_map(|now| {
        let was = billed.iter().find(|line| line.of() == now.of()).cloned().unwrap_or_default();
        let mut more = now.numbers();
        more.iter_mut().zip(was.numbers()).for_each(|(more, was)| *more = more.saturating_sub(was).max(0));
        if more == [0; 6] {
            return None;
        }
        let line = now.with_numbers(more);
        // What the mark-up adds is rounded once for all that was ever billed of it.
        let whole =
            Line { cost: was.cost.saturating_add(line.cost), ..line.clone() }.raised(markups.unwrap_or_default());
        let line = Line { markup: whole.markup, added: whole.added.saturating_sub(was.added), ..line };
        Some(line)
    });
    sorted(differences.collect()).into_iter().map(|line| Correction { month, line }).collect()
}

/// The lines that are named, and of each provider all others together.
fn together(lines: Vec<Line>, is_named: impl Fn(&Of) -> bool) -> Vec<Line> {
    let mut rest: Vec<Line> = vec![];
    let mut named: Vec<Line> = vec![];
    for line in lines {
        if is_named(&line.of()) {
            named.push(line);
            continue;
        }
        let line = Line { model: None, ..line };
        match rest.iter_mut().find(|known| known.provider == line.provider) {
            Some(known) => known.add(&line),
            None => rest.push(line),
        }
    }
    named.extend(rest);
    named
}

/// Those that cost most first.
fn sorted(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by(|one, two| (two.cost, two.calls).cmp(&(one.cost, one.calls)).then_with(|| one.of().cmp(&two.of())));
    lines
}

/// The parts that cost most first, and those beyond [`MOST_NAMED`] as one.
pub fn parts(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_by(|one, two| (two.cost, two.calls).cmp(&(one.cost, one.calls)).then_with(|| one.id.cmp(&two.id)));
    let rest = parts.split_off(parts.len().min(MOST_NAMED));
    if !rest.is_empty() {
        let sum = |of: fn(&Part) -> i64| rest.iter().map(of).fold(0, i64::saturating_add);
        let name = format!("{} others", rest.len());
        parts.push(Part { id: None, name, calls: sum(|part| part.calls), cost: sum(|part| part.cost) });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(model: &str, calls: i64, cost: i64) -> Line {
        Line { provider: Some("openai".into()), model: Some(model.into()), calls, cost, ..Line::default() }
    }

    fn month() -> Month {
        Month::parse("2026-11").expect("a month")
    }

    fn statement(
        number: i64,
        month: Month,
        lines: Vec<Line>,
        corrections: Vec<Correction>,
        markups: Vec<Markup>,
    ) -> Statement {
        Statement {
            number,
            month,
            organisation: String::new(),
            contact_name: String::new(),
            contact_email: String::new(),
            lines,
            corrections,
            api_keys: vec![],
            virtual_keys: vec![],
            markups,
            currency: Currency::default(),
            seats: Seats::default(),
            made_at: Timestamp(0),
        }
    }

    fn markups(percent: i64) -> Vec<Markup> {
        vec![Markup { provider: "openai".into(), percent }]
    }

    #[test]
    fn what_came_later_is_billed_once() {
        let markups = markups(33_33);
        let first = lines(vec![line("a", 1, 10), line("b", 2, 20)], &markups);
        assert_eq!((first[0].model.as_deref(), first[0].added, first[1].added), (Some("b"), 7, 3));
        let mut statements = vec![statement(1, month(), first, vec![], markups)];
        let now = vec![line("a", 2, 13), line("b", 2, 20), line("c", 1, 5)];
        let found = corrections(month(), now.clone(), &statements);
        let told: Vec<_> = found.iter().map(|of| (of.line.model.as_deref(), of.line.calls, of.line.cost)).collect();
        assert_eq!(told, [(Some("c"), 1, 5), (Some("a"), 1, 3)]);
        // All that was ever billed of a line is raised by what its whole cost is.
        assert_eq!(found[1].line.added + 3, amount::added(13, 33_33));
        statements.push(statement(2, month().next(), vec![], found, vec![]));
        assert_eq!(corrections(month(), now, &statements), []);
        assert_eq!(corrections(month(), vec![line("a", 1, 4)], &statements), [], "nothing is taken back");
        assert_eq!(corrections(month().next(), vec![], &statements), []);
    }

    #[test]
    fn models_beyond_the_bound_stay_one_line() {
        let many = |more: i64| -> Vec<Line> {
            let count = i64::try_from(MOST_LINES).expect("a number") + 7;
            (0..count).map(|number| line(&format!("m{number}"), 1, 1_000 - number + more)).collect()
        };
        let first = lines(many(0), &[]);
        assert_eq!(first.len(), MOST_LINES + 1);
        let rest = first.iter().find(|line| line.model.is_none()).expect("the rest");
        assert_eq!((rest.calls, rest.cost), (7, (500..507).map(|number| 1_000 - number).sum()));
        assert_eq!(first.iter().map(|line| line.cost).sum::<i64>(), many(0).iter().map(|line| line.cost).sum::<i64>());
        let statements = [statement(1, month(), first, vec![], vec![])];
        let found = corrections(month(), many(1), &statements);
        assert_eq!(found.len(), MOST_LINES + 1, "each has cost one more");
        let rest = found.iter().find(|of| of.line.model.is_none()).expect("the rest");
        assert_eq!((rest.line.calls, rest.line.cost), (0, 7));
        let unseen = corrections(month(), vec![line("unseen", 1, 9_000)], &statements);
        assert_eq!(unseen.len(), 1, "into the line of all others");
        assert_eq!(unseen[0].line.model, None);
    }

    #[test]
    fn parts_lose_nothing() {
        let part = |number: i64| Part { id: Some(number.to_string()), name: "k".into(), calls: 1, cost: number };
        let most = i64::try_from(MOST_NAMED).expect("a number");
        let shown = parts((0..most + 3).map(part).collect());
        let rest = shown.last().expect("the rest");
        assert_eq!((shown.len(), rest.name.as_str(), rest.calls, rest.cost), (MOST_NAMED + 1, "3 others", 3, 3));
        assert_eq!(parts(vec![part(1)]).len(), 1);
    }
}
