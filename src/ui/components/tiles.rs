//! Figures side by side on one card, and shares within rows.
use super::{Spark, scale::percent};
use leptos::prelude::*;

/// One figure: its name is a link to what it is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tile {
    pub name: &'static str,
    pub href: String,
    /// In words: "96,412", "unknown".
    pub figure: String,
    /// In place of one figure: several, each with its name.
    pub figures: Vec<(&'static str, String)>,
    /// How it has changed.
    pub change: String,
    /// It has become worse: the change is red.
    pub is_worse: bool,
    /// What there is to say beside that.
    pub more: String,
    /// How it came about, oldest first.
    pub spark: Vec<Option<f64>>,
}

/// Tiles on one card: four beside one another, two where it is narrow.
#[component]
pub fn Tiles(
    /// Their name for assistive technology.
    label: &'static str,
    tiles: Vec<Tile>,
) -> impl IntoView {
    let tiles: Vec<_> = tiles.into_iter().map(tile).collect();
    view! { <ul class="board" aria-label=label>{tiles}</ul> }
}

fn tile(tile: Tile) -> AnyView {
    let Tile { name, href, figure, figures, change, is_worse, more, spark } = tile;
    let several: Vec<_> = figures
        .into_iter()
        .map(|(name, figure)| view! { <div><dt>{name}</dt><dd>{figure}</dd></div> }.into_any())
        .collect();
    let figure = if several.is_empty() {
        view! {
            <div class="board-figure">{figure}</div>
            <Spark values=spark bad=is_worse />
        }
        .into_any()
    } else {
        view! { <dl class="board-figures">{several}</dl> }.into_any()
    };
    view! {
        <li class="board-tile">
            <a class="board-name" href=href>{name}</a>
            {figure}
            <div class="board-change">
                <span class:board-worse=is_worse>{change}</span>
                {(!more.is_empty()).then(|| view! { <span class="board-more">{more}</span> })}
            </div>
        </li>
    }
    .into_any()
}

/// A part of a whole as a small bar. Decoration: the number stands beside it.
#[component]
pub fn Share(
    /// 0 to 1.
    of: f64,
) -> impl IntoView {
    let wide = percent(of.clamp(0.0, 1.0));
    view! {
        <svg class="share" width="56" height="6" aria-hidden="true">
            <rect class="share-all" width="100%" height="6" rx="3"></rect>
            <rect class="share-part" width=wide height="6" rx="3"></rect>
        </svg>
    }
}
