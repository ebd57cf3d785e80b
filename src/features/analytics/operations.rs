//! What can be asked of analytics.

use super::model::{FeedbackGiven, GROUPS, Group, Page, Slot, group_of};
use crate::{
    features::{
        feedback::{self, model::Tally},
        logs::{
            self, Spreads,
            figures::{Dimension, Figures},
            query::{self, Filter, Span},
        },
    },
    kernel::{Asked, Result, Timestamp, time::DAY},
    policy::Operation,
    server::{access::Access, database::OrgTx},
};
use std::collections::HashMap;

/// A bar that holds every moment there is.
const ONE_BAR: i64 = 100_000 * DAY;

/// All that the page shows.
pub async fn view(access: &Access, asked: &Asked) -> Result<Page> {
    let mut tx = access.read(Operation::AnalyticsView).await?;
    let mut filter = query::filter(asked, access.now())?;
    filter.own = logs::own_only(&mut tx, access.principal()).await?;
    let settings = logs::settings_of(&mut tx).await?;
    let group = group_of(asked, "group", Dimension::Model);
    let share = group_of(asked, "share", Dimension::Key);
    let (span, width) = (filter.span, filter.span.width());
    // The span before is as long, and its bars stand as far back as whole bars fit into it.
    let buckets = span.buckets(width);
    let bars: Vec<i64> = buckets.clone().collect();
    // Of an hour that is not over yet, as much is compared as has passed.
    let ends = span.until(access.now()).to;
    let length = span.to.0 - span.from.0;
    let back = (length + width / 2) / width;
    let earlier = Filter { span: Span { from: span.from.plus(-length), to: ends.plus(-length) }, ..filter.clone() };
    let grouped = logs::figures_of(&mut tx, &filter, width, Some(&group), Spreads::Together).await?;
    let before = logs::figures_of(&mut tx, &earlier, width, None, Spreads::Whole).await?;
    let (groups, more_groups) = groups(&group, grouped.by_group(), &[], &bars);
    let (shares, more_shares) = shares(&mut tx, &filter, &earlier, &share).await?;
    let of_before: HashMap<i64, i64> =
        before.by_bucket().into_iter().map(|(bucket, figures)| (bucket, figures.calls)).collect();
    let mut of_bars: HashMap<i64, Figures> = grouped.by_bucket().into_iter().collect();
    let slots = buckets
        .map(|bucket| Slot {
            start: Timestamp(bucket * width),
            figures: of_bars.remove(&bucket).unwrap_or_default(),
            before: of_before.get(&(bucket - back)).copied().unwrap_or(0),
        })
        .collect();
    let totals = grouped.totals();
    let feedback = given(&mut tx, &filter, width, &bars).await?;
    let under_way = logs::under_way(&mut tx, &filter, ONE_BAR).await?.into_values().sum();
    let last_call = if totals.entries == 0 { logs::last_call(&mut tx, &filter).await? } else { None };
    Ok(Page {
        from: span.from,
        to: ends,
        width,
        totals,
        before: before.totals(),
        slots,
        group,
        groups,
        more_groups,
        share,
        shares,
        more_shares,
        feedback,
        under_way,
        metadata: settings.grouped.into_iter().map(|(name, _)| name).collect(),
        last_call,
        own_only: filter.own.is_some(),
        now: access.now(),
    })
}

/// The feedback of the page's span.
async fn given(tx: &mut OrgTx, filter: &Filter, width: i64, buckets: &[i64]) -> Result<FeedbackGiven> {
    let read = feedback::figures(tx, filter, width).await?;
    let bar = |bucket: &i64| {
        let mut bar = [0; 3];
        for ((_, value), tally) in read.cells.range((*bucket, i64::MIN)..=(*bucket, i64::MAX)) {
            bar[match value.signum() {
                1 => 0,
                0 => 1,
                _ => 2,
            }] += tally.given;
        }
        bar
    };
    Ok(FeedbackGiven {
        all: read.all(),
        by_value: read.by_value().into_iter().map(|(value, tally)| (value, tally.given)).collect(),
        bars: buckets.iter().map(bar).collect(),
    })
}

/// The table at the foot, in one bar.
async fn shares(tx: &mut OrgTx, filter: &Filter, earlier: &Filter, share: &Dimension) -> Result<(Vec<Group>, i64)> {
    let now = logs::figures_of(tx, filter, ONE_BAR, Some(share), Spreads::Whole).await?.by_group();
    let before = logs::figures_of(tx, earlier, ONE_BAR, Some(share), Spreads::Unread).await?.by_group();
    Ok(groups(share, now, &before, &[]))
}

/// The groups with the most calls, and how many there are beside them.
fn groups(
    by: &Dimension,
    groups: Vec<logs::GroupRead>,
    before: &[logs::GroupRead],
    buckets: &[i64],
) -> (Vec<Group>, i64) {
    let before: HashMap<&logs::GroupOf, &Figures> = before.iter().map(|(of, figures, _)| (of, figures)).collect();
    let more = i64::try_from(groups.len().saturating_sub(GROUPS)).unwrap_or(i64::MAX);
    let told = groups.into_iter().take(GROUPS).map(|(of, figures, bars)| {
        let (value, label) = logs::group_words(by, &of);
        let bar = |bucket, of: fn(&Figures) -> i64| bars.get(bucket).map_or(0, of);
        Group {
            value,
            label,
            figures,
            before: before.get(&of).map(|figures| (*figures).clone()),
            calls: buckets.iter().map(|bucket| bar(bucket, |figures| figures.calls)).collect(),
            costs: buckets.iter().map(|bucket| bar(bucket, |figures| figures.cost.unwrap_or(0))).collect(),
        }
    });
    (told.collect(), more)
}

/// Figures over time, and by group if they are grouped.
pub struct Bars {
    /// Every bar of the span, oldest first.
    pub bars: Vec<(Timestamp, Figures)>,
    pub totals: Figures,
    /// Those with the most calls first.
    pub groups: Vec<GroupBars>,
}

/// One group over time.
pub struct GroupBars {
    /// The id of what it is by, if that has one, and its name or word; neither where calls have none.
    pub id: Option<String>,
    pub label: Option<String>,
    pub figures: Figures,
    /// In each bar: calls, and those that were not answered well.
    pub calls: Vec<i64>,
    pub failed: Vec<i64>,
    /// All figures in each bar.
    bars: Vec<Figures>,
}

impl Bars {
    /// Leaves the calls of one group.
    pub fn keep_group(&mut self, is: impl Fn(&str) -> bool) {
        self.groups.retain(|group| group.label.as_deref().is_some_and(&is));
        let none = self.bars.iter().map(|_| Figures::default()).collect();
        let of = self.groups.first().map_or(none, |group| group.bars.clone());
        self.totals = self.groups.first().map(|group| group.figures.clone()).unwrap_or_default();
        self.bars.iter_mut().zip(of).for_each(|((_, figures), of)| *figures = of);
    }
}

/// Reads what a program asks for, over time or in one bar. The operation is the one that its call is registered with.
pub async fn bars(
    access: &Access,
    operation: Operation,
    asked: &Asked,
    by: Option<Dimension>,
    over_time: bool,
) -> Result<Bars> {
    let mut tx = access.read(operation).await?;
    let mut filter = query::filter(asked, access.now())?;
    filter.own = logs::own_only(&mut tx, access.principal()).await?;
    let width = if over_time { filter.span.width() } else { ONE_BAR };
    let cells = logs::figures_of(&mut tx, &filter, width, by.as_ref(), Spreads::InBars).await?;
    let buckets: Vec<i64> = filter.span.buckets(width).collect();
    let mut of_bars: HashMap<i64, Figures> = cells.by_bucket().into_iter().collect();
    let told = buckets.iter().map(|bucket| (Timestamp(bucket * width), of_bars.remove(bucket).unwrap_or_default()));
    let bars = told.collect();
    let groups = cells.by_group().into_iter().map(|((id, label), figures, in_bars)| {
        let bars: Vec<Figures> =
            buckets.iter().map(|bucket| in_bars.get(bucket).cloned().unwrap_or_default()).collect();
        GroupBars {
            id: id.map(|id| id.to_string()),
            label: label.filter(|label| !label.is_empty()),
            figures,
            calls: bars.iter().map(|bar| bar.calls).collect(),
            failed: bars.iter().map(Figures::failed).collect(),
            bars,
        }
    });
    let groups = if by.is_some() { groups.collect() } else { vec![] };
    Ok(Bars { bars, totals: cells.totals(), groups })
}

/// Feedback over time, by value and by model.
pub struct FeedbackBars {
    /// Every bar of the span, oldest first.
    pub bars: Vec<(Timestamp, Tally)>,
    pub all: Tally,
    /// The lowest value first; those without any entry are left out.
    pub by_value: Vec<(i64, Tally)>,
    /// Those with the most entries first; read only where they are asked for.
    pub models: Vec<(String, Tally)>,
}

/// Reads the feedback that a program asks for.
pub async fn feedback_bars(access: &Access, asked: &Asked, by_model: bool) -> Result<FeedbackBars> {
    let mut tx = access.read(Operation::AnalyticsGraph).await?;
    let mut filter = query::filter(asked, access.now())?;
    filter.own = logs::own_only(&mut tx, access.principal()).await?;
    let width = filter.span.width();
    let read = feedback::figures(&mut tx, &filter, width).await?;
    let models = if by_model { feedback::models(&mut tx, &filter).await? } else { vec![] };
    let of_bars = read.by_bar();
    let buckets = filter.span.buckets(width);
    let bars = buckets.map(|bar| (Timestamp(bar * width), of_bars.get(&bar).copied().unwrap_or_default())).collect();
    Ok(FeedbackBars { bars, all: read.all(), by_value: read.by_value().into_iter().collect(), models })
}
