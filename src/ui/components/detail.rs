//! Facts about one thing, and what changes about it.
use leptos::prelude::*;

/// One changed field. `None` means that it was not there, or will not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The field.
    pub what: String,
    /// Its value before.
    pub was: Option<String>,
    /// Its value after.
    pub now: Option<String>,
}

/// What changes, row by row, in words: was, now, added, removed.
#[component]
pub fn DiffRows(
    /// The changes; none shows "Nothing changed".
    #[prop(into)]
    changes: Signal<Vec<Change>>,
) -> impl IntoView {
    let row = |change: Change| {
        let values = match (change.was, change.now) {
            (Some(was), Some(now)) => view! {
                <span class="diff-word">"was "</span><del>{was}</del>
                <span class="diff-word">" now "</span><ins>{now}</ins>
            }
            .into_any(),
            (None, Some(now)) => view! { <span class="diff-word">"added "</span><ins>{now}</ins> }.into_any(),
            (Some(was), None) => view! { <span class="diff-word">"removed "</span><del>{was}</del> }.into_any(),
            (None, None) => ().into_any(),
        };
        view! {
            <div class="diff-row">
                <dt>{change.what}</dt>
                <dd>{values}</dd>
            </div>
        }
    };
    move || {
        let changes = changes.get();
        if changes.is_empty() {
            view! { <div class="hint">"Nothing changed"</div> }.into_any()
        } else {
            view! { <dl class="diff">{changes.into_iter().map(row).collect::<Vec<_>>()}</dl> }.into_any()
        }
    }
}

/// Facts as term and value: `<DefinitionList><Fact term="Made by">"Ada Lind"</Fact></DefinitionList>`.
#[component]
pub fn DefinitionList(
    /// [`Fact`]s.
    children: Children,
) -> impl IntoView {
    view! { <dl class="facts">{children()}</dl> }
}

/// One fact of a [`DefinitionList`].
#[component]
pub fn Fact(
    /// The term.
    #[prop(into)]
    term: String,
    /// The value.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="fact">
            <dt>{term}</dt>
            <dd>{children()}</dd>
        </div>
    }
}
