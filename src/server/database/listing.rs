//! Lists: searched, filtered, sorted and read in parts. A room declares what its list can be asked for, and the statements
//! are put together here alone, of declared parts, so that a test can look at every one of them. Values are always bound.

use super::{OrgTx, Row, TenantSql, Value, containing, readable};
use crate::kernel::{Error, Result, Window};

/// What a list is made of. All texts are parts of statements; `?` is the place of a value, and `$1` the organisation.
pub struct Parts {
    /// What is shown of a row.
    pub columns: &'static str,
    /// The tables that are searched, filtered and sorted by.
    pub from: &'static str,
    /// What only `columns` need besides, beginning with a blank. Its values are given to [`Question::showing`].
    pub joined: &'static str,
    /// The column that tells the rows of an organisation apart.
    pub id: &'static str,
    /// The rows that there are; binds the organisation.
    pub within: &'static str,
    /// What is searched, whatever its letter case.
    pub searched: &'static [&'static str],
    pub filters: &'static [Filter],
    pub order: Order,
    /// What else is asked of the rows that a question is about: `{these}` is their condition.
    pub summaries: &'static [&'static str],
}

/// A filter: one of several conditions.
pub struct Filter {
    conditions: &'static [&'static str],
    is_needed: bool,
}

impl Filter {
    /// At most one of these holds.
    pub const fn optional(conditions: &'static [&'static str]) -> Self {
        Self { conditions, is_needed: false }
    }

    /// Exactly one of these holds.
    pub const fn one_of(conditions: &'static [&'static str]) -> Self {
        Self { conditions, is_needed: true }
    }
}

/// The order of the rows. The engines disagree on where nulls stand: expressions have none.
pub enum Order {
    /// The usual order, and others by name.
    Named { usual: &'static str, sorts: &'static [Sort] },
    /// The largest first, by columns that no two rows have alike. Such a list is read from a place between two rows.
    Latest(&'static str, &'static str),
    /// The largest first, by a number that no two rows have alike. A place says the direction alone: a filter that is needed
    /// says between which numbers. As a second bound on the number it would have SQLite walk the numbers, where another filter
    /// has an index of its own.
    Numbered(&'static str),
    /// The rows are never shown, only summed up.
    Unseen,
}

/// An order that can be asked for.
pub struct Sort {
    pub name: &'static str,
    /// Expressions that are all turned round where the order is.
    pub by: &'static [&'static str],
    /// What decides between rows that are alike in these, whatever the direction; may be empty.
    pub then: &'static str,
}

/// A list, as its room declares it.
pub struct Listing(Parts);

impl Listing {
    /// Fails to compile unless it binds the organisation.
    pub const fn new(parts: Parts) -> Self {
        TenantSql::new(parts.within);
        Self(parts)
    }

    /// A question that is about every row.
    pub fn ask(&'static self) -> Question {
        Question {
            parts: &self.0,
            shown: vec![],
            searched: vec![],
            filters: self.0.filters.iter().map(|_| None).collect(),
            sort: String::new(),
            place: Place::First,
            is_declared: true,
        }
    }

    /// Every statement that can come of a question that chooses at most this many of the optional filters.
    #[cfg(test)]
    pub fn statements(&self, most: usize) -> Vec<String> {
        // Sums have as many filters as there are columns: each is looked at by itself.
        let most = if matches!(self.0.order, Order::Unseen) { most.min(1) } else { most };
        let mut chosen: Vec<Vec<Option<&'static str>>> = vec![vec![]];
        let needed = self.0.filters.iter().filter(|filter| filter.is_needed).count();
        for Filter { conditions, is_needed } in self.0.filters {
            let choices = (!is_needed).then_some(None).into_iter().chain(conditions.iter().copied().map(Some));
            let choices: Vec<_> = choices.collect();
            let with = |before: &Vec<_>| choices.iter().map(|one| [before, &[*one][..]].concat()).collect::<Vec<_>>();
            chosen = chosen.iter().flat_map(with).collect();
            // As they grow: all there are would be too many to be held.
            chosen.retain(|chosen| chosen.iter().flatten().count() <= needed.saturating_add(most));
        }
        let (sorts, places) = match &self.0.order {
            Order::Named { sorts, .. } => {
                let both = sorts.iter().flat_map(|sort| [sort.name.to_owned(), format!("-{}", sort.name)]);
                (std::iter::once(String::new()).chain(both).collect(), vec![Place::First])
            }
            Order::Latest(..) | Order::Numbered(_) => {
                (vec![String::new()], vec![Place::First, Place::After(vec![]), Place::Before(vec![])])
            }
            Order::Unseen => (vec![], vec![]),
        };
        let mut all = vec![];
        for is_searched in [false, true].into_iter().take(1 + usize::from(!self.0.searched.is_empty())) {
            for conditions in &chosen {
                for place in &places {
                    let these = self.0.these(is_searched, conditions.iter().copied(), place);
                    all.extend(sorts.iter().map(|sort| self.0.page(&these, &self.0.order(sort, place))));
                }
                let these = self.0.these(is_searched, conditions.iter().copied(), &Place::First);
                if !matches!(self.0.order, Order::Unseen) {
                    all.push(self.0.total(&these));
                }
                all.extend(self.0.summaries.iter().map(|summary| summary.replace("{these}", &these)));
            }
        }
        all.into_iter().map(|text| Composed::new(&text, vec![]).text).collect()
    }
}

impl Parts {
    /// The condition of the rows that a question is about.
    fn these(&self, is_searched: bool, filters: impl Iterator<Item = Option<&'static str>>, place: &Place) -> String {
        let mut these = self.within.to_owned();
        let mut and = |condition: &str| {
            these.push_str(" AND (");
            these.push_str(condition);
            these.push(')');
        };
        if is_searched {
            let like = |column| format!("LOWER({column}) LIKE ? ESCAPE '!' OR {column} LIKE ? ESCAPE '!'");
            and(&self.searched.iter().map(like).collect::<Vec<_>>().join(" OR "));
        }
        filters.flatten().for_each(&mut and);
        if let (Order::Latest(first, second), Some(than)) = (&self.order, place.than()) {
            and(&format!("({first}, {second}) {than} (?, ?)"));
        }
        these
    }

    /// The usual order where a name is not known.
    fn order(&self, sort: &str, place: &Place) -> String {
        let (name, direction) = sort.strip_prefix('-').map_or((sort, "ASC"), |name| (name, "DESC"));
        let onwards = if matches!(place, Place::Before(_)) { "ASC" } else { "DESC" };
        match &self.order {
            Order::Latest(first, second) => format!("{first} {onwards}, {second} {onwards}"),
            Order::Numbered(number) => format!("{number} {onwards}"),
            Order::Unseen => String::new(),
            Order::Named { usual, sorts } => match sorts.iter().find(|sort| sort.name == name) {
                None => (*usual).to_owned(),
                Some(Sort { by, then, .. }) => {
                    let by = by.iter().map(|by| format!("{by} {direction}"));
                    by.chain((!then.is_empty()).then(|| (*then).to_owned())).collect::<Vec<_>>().join(", ")
                }
            },
        }
    }

    /// The rows of a page are found by an index alone; only then is the rest of them read. SQLite keeps the order of a
    /// CROSS JOIN.
    fn page(&self, these: &str, order: &str) -> String {
        let Self { columns, from, joined, id, within, .. } = self;
        // Of a table that is parted by what it is sorted by, this tells in which part the row is.
        let (place, placed) = match &self.order {
            Order::Latest(first, _) if first != id => {
                (format!(", {first} AS place"), format!(" AND {first} = page.place"))
            }
            _ => (String::new(), String::new()),
        };
        format!(
            "SELECT {columns} FROM (SELECT {id} AS id{place} FROM {from} WHERE {these} ORDER BY {order} LIMIT ? OFFSET ?) AS page \
             CROSS JOIN {from}{joined} WHERE {within} AND {id} = page.id{placed} ORDER BY {order}"
        )
    }

    fn total(&self, these: &str) -> String {
        format!("SELECT COUNT(*) FROM {} WHERE {these}", self.from)
    }
}

/// Where a part of a list begins that has the latest first. A place is that of a row, by the list's two columns; of a list that
/// is numbered it has no values.
#[derive(Clone, Debug, Default)]
pub enum Place {
    #[default]
    First,
    /// With what is older than this.
    After(Vec<Value>),
    /// It ends there, with what is newer than this.
    Before(Vec<Value>),
}

impl Place {
    fn than(&self) -> Option<&'static str> {
        match self {
            Place::First => None,
            Place::After(_) => Some("<"),
            Place::Before(_) => Some(">"),
        }
    }
}

/// What is asked of a list.
pub struct Question {
    parts: &'static Parts,
    shown: Vec<Value>,
    searched: Vec<Value>,
    /// What was chosen of each filter, in the order in which the list declares them.
    filters: Vec<Option<(&'static str, Vec<Value>)>>,
    sort: String,
    place: Place,
    is_declared: bool,
}

/// A page of a list.
pub struct Page<R> {
    pub rows: Vec<R>,
    /// How many there are over all pages.
    pub total: i64,
    /// What was read.
    pub window: Window,
}

impl<R> Page<R> {
    /// What the rows say, as far as they can be read.
    pub fn read<T>(self, read: impl FnMut(R) -> Result<T>) -> Page<T> {
        Page { rows: readable(self.rows, read), total: self.total, window: self.window }
    }
}

/// A part of a list that has the latest first.
pub struct Slice<R> {
    pub rows: Vec<R>,
    /// There are newer rows than these.
    pub newer: bool,
    /// There are older rows than these.
    pub older: bool,
}

impl Question {
    /// Gives the values of what is joined.
    pub fn showing(mut self, values: Vec<Value>) -> Self {
        self.shown = values;
        self
    }

    /// Rows that hold this text in one of the searched columns; an empty one is in all of them. SQLite knows the lower
    /// case of ASCII letters alone: others are found as they are typed.
    pub fn search(mut self, text: &str) -> Self {
        if !text.is_empty() {
            let both = [containing(&text.to_lowercase()), containing(text)].map(Value::from);
            self.searched = self.parts.searched.iter().flat_map(|_| both.clone()).collect();
        }
        self
    }

    /// Rows that meet a condition, which the list declares, with its values.
    pub fn only(mut self, condition: &'static str, values: Vec<Value>) -> Self {
        let filter = self.parts.filters.iter().position(|filter| filter.conditions.contains(&condition));
        match filter.and_then(|filter| self.filters.get_mut(filter)) {
            Some(chosen @ None) if condition.matches('?').count() == values.len() => {
                *chosen = Some((condition, values))
            }
            _ => self.is_declared = false,
        }
        self
    }

    /// The order by its name. The usual one stands in for a name that is not known.
    pub fn sort(mut self, name: &str) -> Self {
        name.clone_into(&mut self.sort);
        self
    }

    /// Where to begin in a list that has the latest first.
    pub fn from(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// How many rows it is about.
    ///
    /// # Errors
    /// Internal, as for every answer, when it was asked for what the list does not declare.
    pub async fn total(&self, tx: &mut OrgTx) -> Result<i64> {
        let (these, values) = self.these(&Place::First)?;
        let rows = tx.all_composed(Composed::new(&self.parts.total(&these), values)).await?;
        Ok(rows.first().map_or(0, |(total,): &(i64,)| *total))
    }

    /// One page, and how many rows there are over all.
    pub async fn page<R: Row>(&self, tx: &mut OrgTx, window: Window) -> Result<Page<R>> {
        let total = self.total(tx).await?;
        let window = window.within(total);
        let rows = self.rows(tx, window).await?;
        Ok(Page { rows, total, window })
    }

    /// A part of a list that has the latest first, and whether there is more on both sides.
    pub async fn slice<R: Row>(&self, tx: &mut OrgTx, window: Window) -> Result<Slice<R>> {
        let mut rows: Vec<R> = self.rows(tx, Window { limit: window.limit + 1, ..window }).await?;
        let limit = usize::try_from(window.limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let (newer, older) = match self.place {
            Place::First => (window.offset > 0, more),
            Place::After(_) => (true, more),
            Place::Before(_) => (more, true),
        };
        if matches!(self.place, Place::Before(_)) {
            rows.reverse();
        }
        Ok(Slice { rows, newer, older })
    }

    /// One of the list's summaries. `before` and `after` are the values that it has before and after the condition.
    pub async fn summary<R: Row>(
        &self,
        tx: &mut OrgTx,
        summary: &'static str,
        before: Vec<Value>,
        after: Vec<Value>,
    ) -> Result<Vec<R>> {
        let (these, values) = self.these(&Place::First)?;
        if !self.parts.summaries.contains(&summary) {
            return Err(undeclared());
        }
        tx.all_composed(Composed::new(&summary.replace("{these}", &these), [before, values, after].concat())).await
    }

    async fn rows<R: Row>(&self, tx: &mut OrgTx, window: Window) -> Result<Vec<R>> {
        let (these, mut values) = self.these(&self.place)?;
        values.extend([window.limit, window.offset].map(Value::from));
        values.extend(self.shown.iter().cloned());
        let text = self.parts.page(&these, &self.parts.order(&self.sort, &self.place));
        tx.list_composed(Composed::new(&text, values)).await
    }

    /// The condition with its values, if the list declares all that was asked for.
    fn these(&self, place: &Place) -> Result<(String, Vec<Value>)> {
        let is_missing = |(filter, chosen): (&Filter, &Option<_>)| filter.is_needed && chosen.is_none();
        if !self.is_declared || self.parts.filters.iter().zip(&self.filters).any(is_missing) {
            return Err(undeclared());
        }
        let conditions = self.filters.iter().map(|chosen| chosen.as_ref().map(|(condition, _)| *condition));
        let these = self.parts.these(!self.searched.is_empty(), conditions, place);
        let mut values = self.searched.clone();
        values.extend(self.filters.iter().flatten().flat_map(|(_, values)| values.iter().cloned()));
        if let Place::After(row) | Place::Before(row) = place {
            values.extend(row.iter().cloned());
        }
        Ok((these, values))
    }
}

fn undeclared() -> Error {
    tracing::error!("a list was asked for what it does not declare");
    Error::internal()
}

/// A statement that was put together here, with its values. There is no other maker.
pub struct Composed {
    text: String,
    values: Vec<Value>,
}

impl Composed {
    /// Numbers the places of the values. The organisation has the first.
    fn new(text: &str, values: Vec<Value>) -> Self {
        let mut parts = text.split('?');
        let mut numbered = parts.next().unwrap_or_default().to_owned();
        for (part, place) in parts.zip(2..) {
            numbered.push_str(&format!("${place}{part}"));
        }
        Self { text: numbered, values }
    }

    pub(super) fn into_parts(self) -> (String, Vec<Value>) {
        (self.text, self.values)
    }
}
