//! What the charts draw.

use super::{tiles::unpriced, words::counted};
use crate::{
    features::{
        analytics::model::{Group, Page, Slot},
        logs::{figures::Spread, model::duration},
    },
    kernel::{money::dollars, text::grouped},
    ui::components::{Drawing, Plotted, SERIES, Series, bar_text, before_text, range_text},
};

/// Heights in pixels.
const TALL: u32 = 160;
const LOW: u32 = 130;

/// Requests in each bar, by group, with the range before.
pub fn requests(page: &Page) -> Plotted {
    let series = series(
        page,
        |group| (&group.calls, grouped(group.figures.calls)),
        |slot| slot.figures.calls,
        |rest| grouped(page.totals.calls - rest),
    );
    let before = (page.before.calls > 0)
        .then(|| (before_text(page.to.0 - page.from.0), page.slots.iter().map(|slot| slot.before).collect()));
    let most = page.slots.iter().max_by_key(|slot| slot.figures.calls);
    let most =
        most.map(|slot| format!("Most, {}, in {}. ", grouped(slot.figures.calls), bar_text(slot.start.0, page.width)));
    let summary = format!(
        "{} from {}. {}{}",
        counted(page.totals.calls, "request", "requests"),
        range_text(page.from.0, page.to.0, page.now.0),
        most.unwrap_or_default(),
        told(&series)
    );
    Plotted {
        id: "requests",
        title: format!("Requests by {}", page.group.label()),
        aside: counted(page.totals.calls, "request", "requests"),
        summary,
        drawing: Drawing::Bars,
        high: TALL,
        starts: starts(page),
        width: page.width,
        series,
        before,
        write: grouped,
    }
}

/// What calls cost in each bar, by group; none where no cost is known.
pub fn cost(page: &Page) -> Option<Plotted> {
    let total = page.totals.cost?;
    let series = series(
        page,
        |group| (&group.costs, group.figures.cost.map_or_else(|| "unknown".into(), dollars)),
        |slot| slot.figures.cost.unwrap_or(0),
        |told| dollars(total - told),
    );
    let unpriced = unpriced(&page.totals);
    let aside = if unpriced.is_empty() { dollars(total) } else { format!("{}, {unpriced}", dollars(total)) };
    Some(Plotted {
        id: "cost",
        title: format!("Cost by {}", page.group.label()),
        summary: format!("{aside} from {}. {}", range_text(page.from.0, page.to.0, page.now.0), told(&series)),
        aside,
        drawing: Drawing::Bars,
        high: LOW,
        starts: starts(page),
        width: page.width,
        series,
        before: None,
        write: dollars,
    })
}

/// Feedback in each bar: good, neither, bad; none where nobody gave any.
pub fn feedback(page: &Page) -> Option<Plotted> {
    let given = &page.feedback;
    let mean = given.all.mean()?;
    let of = |label: &str, place: usize| Series {
        label: label.into(),
        total: grouped(given.bars.iter().map(|bar| bar[place]).sum()),
        values: given.bars.iter().map(|bar| Some(bar[place])).collect(),
        is_rest: false,
    };
    let series = vec![of("above zero", 0), of("zero", 1), of("below zero", 2)];
    let aside = format!("{}, {} on average, weighted", counted(given.all.given, "entry", "entries"), mean_text(mean));
    Some(Plotted {
        id: "feedback",
        title: "Feedback".into(),
        summary: format!("{aside} from {}. {}", range_text(page.from.0, page.to.0, page.now.0), told(&series)),
        aside,
        drawing: Drawing::Bars,
        high: LOW,
        starts: starts(page),
        width: page.width,
        series,
        before: None,
        write: grouped,
    })
}

/// `+0.83`, `0.00`, `−2.50`.
fn mean_text(mean: f64) -> String {
    let text = format!("{:.2}", mean.abs());
    match mean {
        _ if text == "0.00" => text,
        more if more > 0.0 => format!("+{text}"),
        _ => format!("−{text}"),
    }
}

/// How long calls took in each bar; none where that is not known.
pub fn latency(page: &Page) -> Option<Plotted> {
    let total = page.totals.latency;
    if total.count == 0 {
        return None;
    }
    let line = |label: &str, of: fn(&Spread) -> i64| Series {
        label: label.into(),
        total: duration(of(&total)),
        values: page
            .slots
            .iter()
            .map(|slot| (slot.figures.latency.count > 0).then(|| of(&slot.figures.latency)))
            .collect(),
        is_rest: false,
    };
    let series =
        vec![line("p50", |spread| spread.p50), line("p90", |spread| spread.p90), line("p99", |spread| spread.p99)];
    Some(Plotted {
        id: "latency",
        title: "Latency".into(),
        aside: "until the last byte".into(),
        summary: format!("Of {}: {}", counted(total.count, "call", "calls"), told(&series)),
        drawing: Drawing::Lines,
        high: LOW,
        starts: starts(page),
        width: page.width,
        series,
        before: None,
        write: duration,
    })
}

fn starts(page: &Page) -> Vec<i64> {
    page.slots.iter().map(|slot| slot.start.0).collect()
}

/// The largest groups, and all others as one: what is in a bar and in none of them.
fn series(
    page: &Page,
    of: fn(&Group) -> (&Vec<i64>, String),
    all: fn(&Slot) -> i64,
    total: impl FnOnce(i64) -> String,
) -> Vec<Series> {
    let shown = &page.groups[..page.groups.len().min(SERIES)];
    let mut series: Vec<Series> = shown
        .iter()
        .map(|group| {
            let (values, total) = of(group);
            Series {
                label: group.label.clone(),
                total,
                values: values.iter().copied().map(Some).collect(),
                is_rest: false,
            }
        })
        .collect();
    let rest: Vec<i64> = page
        .slots
        .iter()
        .enumerate()
        .map(|(index, slot)| all(slot) - shown.iter().filter_map(|group| of(group).0.get(index)).sum::<i64>())
        .collect();
    if rest.iter().any(|value| *value > 0) {
        let others = (page.groups.len() - shown.len()) as i64 + page.more_groups;
        let label = if others > 0 { counted(others, "other", "others") } else { "others".into() };
        let told = shown.iter().flat_map(|group| of(group).0).sum();
        let values = rest.into_iter().map(|value| Some(value.max(0))).collect();
        series.push(Series { label, total: total(told), values, is_rest: true });
    }
    series
}

/// Each series with its total: "gpt-4.1 7,714; 2 others 3,856".
fn told(series: &[Series]) -> String {
    let each: Vec<_> = series.iter().map(|series| format!("{} {}", series.label, series.total)).collect();
    each.join("; ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        features::{
            analytics::model::FeedbackGiven,
            feedback::model::Tally,
            logs::figures::{Dimension, Figures},
        },
        kernel::Timestamp,
    };

    /// Seven groups with one call more each than the one before, in two bars.
    pub(in super::super) fn page() -> Page {
        let figures = |calls: i64, cost: Option<i64>| Figures { calls, ok: calls, cost, ..Figures::default() };
        let groups: Vec<_> = (0..7)
            .map(|index| Group {
                value: Some(format!("m{index}")),
                label: format!("m{index}"),
                figures: figures(20 - index, Some(100_000_000)),
                before: None,
                calls: vec![10, 10 - index],
                costs: vec![100_000_000, 0],
            })
            .collect();
        let slot =
            |start: i64, calls: i64, cost| Slot { start: Timestamp(start), figures: figures(calls, cost), before: 1 };
        Page {
            from: Timestamp(1_803_168_000_000),
            to: Timestamp(1_803_340_800_000),
            width: 86_400_000,
            totals: figures(119, Some(700_000_000)),
            before: figures(2, None),
            slots: vec![slot(1_803_168_000_000, 70, Some(700_000_000)), slot(1_803_254_400_000, 49, None)],
            group: Dimension::Model,
            groups,
            more_groups: 1,
            share: Dimension::Key,
            shares: vec![],
            more_shares: 0,
            feedback: FeedbackGiven {
                all: Tally { given: 3, weighted: 2_500_000 },
                by_value: vec![(-1, 1), (2, 2)],
                bars: vec![[2, 0, 0], [0, 0, 1]],
            },
            under_way: 0,
            metadata: vec![],
            last_call: None,
            own_only: false,
            now: Timestamp(1_803_340_800_000),
        }
    }

    #[test]
    fn feedback_is_drawn_where_there_is_any() {
        let plotted = feedback(&page()).expect("some");
        assert_eq!(plotted.aside, "3 entries, +0.83 on average, weighted");
        let told: Vec<_> = plotted.series.iter().map(|series| (series.total.as_str(), series.values.clone())).collect();
        assert_eq!(told, [("2", vec![Some(2), Some(0)]), ("0", vec![Some(0), Some(0)]), ("1", vec![Some(0), Some(1)])]);
        assert!(feedback(&Page { feedback: FeedbackGiven::default(), ..page() }).is_none());
        assert_eq!([mean_text(-0.001), mean_text(-2.5)], ["0.00", "−2.50"]);
    }

    #[test]
    fn five_groups_are_drawn_and_the_others_together() {
        let plotted = requests(&page());
        assert_eq!(plotted.title, "Requests by model");
        assert_eq!(plotted.series.len(), 6);
        let rest = &plotted.series[5];
        assert_eq!((rest.label.as_str(), rest.total.as_str(), rest.is_rest), ("3 others", "29", true));
        assert_eq!(rest.values, [Some(20), Some(9)]);
        assert_eq!(plotted.before, Some(("the two days before".into(), vec![1, 1])));
        assert!(plotted.summary.starts_with("119 requests from 21 to 22 February. Most, 70, in Sun 21 Feb. m0 20; "));
    }

    #[test]
    fn costs_are_drawn_where_any_is_known() {
        let plotted = cost(&page()).expect("a cost");
        assert_eq!((plotted.series[5].label.as_str(), plotted.series[5].total.as_str()), ("3 others", "$2.00"));
        assert_eq!(plotted.series[5].values, [Some(200_000_000), Some(0)]);
        let unknown = Page { totals: Figures { cost: None, ..page().totals }, ..page() };
        assert!(cost(&unknown).is_none());
    }

    #[test]
    fn lengths_are_known_where_there_were_calls() {
        let mut page = page();
        assert!(latency(&page).is_none());
        let spread = Spread { count: 9, mean: 2, p50: 1_000_000, p90: 2_000_000, p99: 3_000_000 };
        page.totals.latency = spread;
        page.slots[0].figures.latency = spread;
        let lines = latency(&page).expect("lines");
        assert_eq!(lines.series[2].values, [Some(3_000_000), None]);
        assert_eq!(lines.summary, "Of 9 calls: p50 1.0 s; p90 2.0 s; p99 3.0 s");
    }
}
