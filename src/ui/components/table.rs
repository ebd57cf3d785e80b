//! Tables: caption, headers, a scroll region of their own, cards where it is narrow.
use crate::ui::{
    apart,
    icons::{Glyph, Icon},
};
use leptos::prelude::*;

/// Which way a column is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// The header of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    label: String,
    class: &'static str,
    hidden: bool,
    sort: Option<(String, Option<Sort>)>,
}

impl Column {
    /// A column of text.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), class: "", hidden: false, sort: None }
    }

    /// A column of numbers, at the right. Its cells have `class="num"`.
    pub fn number(label: impl Into<String>) -> Self {
        Self { class: "num", ..Self::new(label) }
    }

    /// The column of row menus: its header is read, not seen. Its cells have `class="row-actions"`.
    pub fn actions() -> Self {
        Self { class: "row-actions", hidden: true, ..Self::new("Actions") }
    }

    /// The column of the rows' boxes, see [`Picks`](crate::ui::many::Picks): in its header is one for all of them, which
    /// has this name.
    pub fn picks(label: impl Into<String>) -> Self {
        Self { class: "pick", ..Self::new(label) }
    }

    /// A column whose header is read, not seen: drawings.
    pub fn unseen(label: impl Into<String>) -> Self {
        Self { hidden: true, ..Self::new(label) }
    }

    /// Makes the header a link that sorts: `href` is the address of the list sorted by it (or, if it is already, the
    /// other way round), `now` how it is sorted at present.
    pub fn sorted_by(mut self, href: impl Into<String>, now: Option<Sort>) -> Self {
        self.sort = Some((href.into(), now));
        self
    }

    fn view(self) -> AnyView {
        let Self { label, class, hidden, sort } = self;
        if class == "pick" {
            return view! {
                <th scope="col" class=class>
                    <label><input type="checkbox" class="pick-all needs-js" aria-label=label /></label>
                </th>
            }
            .into_any();
        }
        let Some((href, now)) = sort else {
            return view! { <th scope="col" class=class><span class:vh=hidden>{label}</span></th> }.into_any();
        };
        let (aria, icon) = match now {
            None => (None, Icon::ChevronsUpDown),
            Some(Sort::Ascending) => (Some("ascending"), Icon::ArrowUp),
            Some(Sort::Descending) => (Some("descending"), Icon::ArrowDown),
        };
        view! {
            <th scope="col" class=class aria-sort=aria>
                <a class="sort" href=href>{label}<Glyph icon /></a>
            </th>
        }
        .into_any()
    }
}

/// A table in a named region that scrolls by itself and can be focused. Its children are the rows:
/// `<tr><th scope="row">…</th><td data-label="Status">…</td></tr>`. Below 600 px of its own width each row is a card,
/// in which `data-label` stands before a cell's content. Classes of cells: `num`, `mono`, `state` (shown first),
/// `wide` (a line of its own), `fixed` (its select is 160 px wide), `bare` (no label), `pick` (top left), `row-actions`
/// (top right).
#[component]
pub fn Table(
    /// What the table holds; read, not seen, since the page's title says it.
    #[prop(into)]
    caption: String,
    /// Headers.
    columns: Vec<Column>,
    /// Rows of fixed 44 px with one line.
    #[prop(optional)]
    dense: bool,
    /// Being loaded anew.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Rows.
    children: Children,
) -> impl IntoView {
    let head: Vec<_> = columns.into_iter().map(Column::view).collect();
    let name = caption.clone();
    view! {
        <div class="table-frame">
            <div
                class="table-region"
                role="region"
                tabindex="0"
                aria-label=name
                aria-busy=move || busy.get().then_some("true")
            >
                <table class:dense=dense>
                    <caption class="vh">{caption}</caption>
                    <thead>{apart(move || view! { <tr>{head}</tr> })}</thead>
                    <tbody>{children()}</tbody>
                </table>
            </div>
        </div>
    }
}

/// Two lines in a cell: a name with its tag, and below it an id, an address or a sentence.
#[component]
pub fn TwoLines(
    /// First line.
    #[prop(into)]
    first: String,
    /// Second line.
    #[prop(into)]
    second: String,
    /// Where the first line leads.
    #[prop(optional, into)]
    href: MaybeProp<String>,
    /// Tag beside the first line.
    #[prop(optional, into)]
    tag: MaybeProp<String>,
    /// First line in the usual weight, where it does not name the row; it then leads nowhere and has no tag.
    #[prop(optional)]
    plain: bool,
    /// Second line monospaced.
    #[prop(optional)]
    mono: bool,
) -> impl IntoView {
    if plain {
        // A log has fifty rows of it: no element more than needed.
        return view! {
            <span class="two-lines two-plain">
                {first}
                <span class="cell-second" class:mono=mono>{second}</span>
            </span>
        }
        .into_any();
    }
    let name = match href.get_untracked() {
        Some(href) => view! { <a class="cell-name" href=href>{first}</a> }.into_any(),
        None => view! { <span class="cell-name">{first}</span> }.into_any(),
    };
    view! {
        <span class="two-lines">
            <span class="cell-first">{name}{tag.get_untracked().map(|tag| view! { <super::Tag label=tag /> })}</span>
            <span class="cell-second" class:mono=mono>{second}</span>
        </span>
    }
    .into_any()
}
