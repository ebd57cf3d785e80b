//! The figures of all calls, side by side.

use super::{
    links,
    words::{change, counted, is_worse, length_change, percent, points, share, short},
};
use crate::{
    features::{
        analytics::model::Page,
        logs::{figures::Figures, model::duration},
    },
    kernel::{Asked, money::dollars, text::grouped},
    ui::components::Tile,
};

/// The eight figures.
pub fn tiles(page: &Page, slug: &str, asked: &Asked) -> Vec<Tile> {
    let (now, before) = (&page.totals, &page.before);
    let spark =
        |value: fn(&Figures) -> Option<f64>| page.slots.iter().map(|slot| value(&slot.figures)).collect::<Vec<_>>();
    let here = links::here(slug, asked);
    let chart = |id: &str| format!("{here}#{id}");
    let among = |dimension: &str| format!("{}#share", links::here(slug, &asked.clone().with("share", dimension)));
    let log = |more: &[(&'static str, &str)]| links::log(slug, asked, more).to_string();
    let of_all =
        |now_of: i64, before_of: i64| (share(now.share(now_of)), points(now.share(now_of), before.share(before_of)));
    let (errors, more_errors) = of_all(now.failed(), before.failed());
    let (hits, more_hits) = of_all(now.hits, before.hits);
    let (rescued, rescued_before) = (now.retried + now.fell_back, before.retried + before.fell_back);
    vec![
        Tile {
            name: "Requests",
            href: log(&[]),
            figure: grouped(now.calls),
            change: change(now.calls, before.calls, grouped),
            spark: spark(|slot| Some(slot.calls as f64)),
            ..Tile::default()
        },
        Tile {
            name: "Cost",
            href: chart("cost"),
            figure: now.cost.map_or_else(|| "unknown".into(), dollars),
            change: cost_change(now, before),
            more: unpriced(now),
            // Of calls without a price it is not known.
            spark: spark(|slot| if slot.calls == 0 { Some(0.0) } else { slot.cost.map(|cost| cost as f64) }),
            ..Tile::default()
        },
        Tile {
            name: "Tokens",
            href: log(&[]),
            figure: short(now.tokens()),
            change: change(now.tokens(), before.tokens(), short),
            more: tokens(now),
            spark: spark(|slot| Some(slot.tokens() as f64)),
            ..Tile::default()
        },
        latency(now, before, chart("latency")),
        Tile {
            name: "Errors",
            href: among("outcome"),
            figure: errors,
            change: more_errors,
            is_worse: is_worse(now, before),
            more: counted(now.failed(), "call", "calls"),
            spark: spark(|slot| slot.share(slot.failed())),
            ..Tile::default()
        },
        Tile {
            name: "Cache hits",
            href: log(&[("cache", "hit")]),
            figure: hits,
            change: more_hits,
            more: saved(now),
            spark: spark(|slot| slot.share(slot.hits)),
            ..Tile::default()
        },
        Tile {
            name: "Retries",
            href: among("rescued"),
            figure: grouped(rescued),
            change: change(rescued, rescued_before, grouped),
            more: format!("{} answered after a retry, {} by a fallback", grouped(now.retried), grouped(now.fell_back)),
            spark: spark(|slot| Some((slot.retried + slot.fell_back) as f64)),
            ..Tile::default()
        },
        Tile {
            name: "Guardrail refusals",
            href: log(&[("verdict", "denied")]),
            figure: grouped(now.denied),
            change: change(now.denied, before.denied, grouped),
            more: now
                .share(now.denied)
                .filter(|share| *share > 0.0)
                .map(|share| format!("{} of all", percent(share)))
                .unwrap_or_default(),
            spark: spark(|slot| Some(slot.denied as f64)),
            ..Tile::default()
        },
    ]
}

/// "6.1 M read, 40 k of them cached, 1.2 M written, 300 k of them reasoning".
fn tokens(now: &Figures) -> String {
    let part = |of: i64, what: &str| if of > 0 { format!(", {} of them {what}", short(of)) } else { String::new() };
    let (cached, reasoning) = (part(now.cached_input_tokens, "cached"), part(now.reasoning_tokens, "reasoning"));
    format!("{} read{cached}, {} written{reasoning}", short(now.input_tokens), short(now.output_tokens))
}

/// How many answers were kept from earlier calls, and what they would have cost anew.
fn saved(now: &Figures) -> String {
    let calls = counted(now.hits, "call", "calls");
    if now.saved > 0 { format!("{calls}, {} saved", dollars(now.saved)) } else { calls }
}

fn latency(now: &Figures, before: &Figures, href: String) -> Tile {
    let known = |length: i64| if now.latency.count > 0 { duration(length) } else { "–".into() };
    let change = match (now.latency.count, before.latency.count) {
        (0, _) => "not known".to_owned(),
        (_, 0) => "none before".to_owned(),
        _ => format!(
            "{}, {}",
            length_change("p50", now.latency.p50, before.latency.p50),
            length_change("p99", now.latency.p99, before.latency.p99)
        ),
    };
    let first = &now.first_byte;
    Tile {
        name: "Latency",
        href,
        figures: vec![
            ("p50", known(now.latency.p50)),
            ("p90", known(now.latency.p90)),
            ("p99", known(now.latency.p99)),
        ],
        change,
        more: if first.count > 0 {
            format!("first byte p50 {}, p99 {}", duration(first.p50), duration(first.p99))
        } else {
            String::new()
        },
        ..Tile::default()
    }
}

/// "3 calls without a price".
pub fn unpriced(figures: &Figures) -> String {
    match figures.unpriced {
        0 => String::new(),
        some => format!("{} without a price", counted(some, "call", "calls")),
    }
}

/// How the cost has changed, as far as it is known.
fn cost_change(now: &Figures, before: &Figures) -> String {
    match (now.cost, before.cost) {
        (Some(now), Some(before)) => change(now, before, dollars),
        (None, Some(before)) => format!("was {}", dollars(before)),
        (_, None) if before.calls == 0 => "none before".into(),
        (Some(_), None) => "unknown before".into(),
        (None, None) => "unknown before, too".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_that_is_not_known_is_never_zero() {
        let of = |cost, calls| Figures { cost, calls, unpriced: calls, ..Figures::default() };
        assert_eq!(cost_change(&of(None, 3), &of(None, 3)), "unknown before, too");
        assert_eq!(cost_change(&of(Some(5), 3), &of(None, 3)), "unknown before");
        assert_eq!(cost_change(&of(None, 3), &of(Some(100_000_000), 3)), "was $1.00");
        assert_eq!(cost_change(&of(Some(200_000_000), 3), &of(Some(100_000_000), 3)), "100.0 % more, was $1.00");
        assert_eq!(cost_change(&of(Some(5), 3), &of(None, 0)), "none before");
        assert_eq!((unpriced(&of(None, 1)), unpriced(&of(None, 0))), ("1 call without a price".into(), String::new()));
    }
}
