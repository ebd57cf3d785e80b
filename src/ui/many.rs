//! Several rows of a list at once: the boxes in the rows, the bar of what can be done with them, and what the page that asks
//! has in common for all lists.

use super::{
    components::{Button, Card, LinkButton, Look, Note, PageHeader, Pill, Tone, dom},
    pages::page_title,
    reactive,
    remote::fields,
};
use crate::{
    kernel::{many::Outcome, text::capital},
    site::routes::Path,
};
use leptos::{
    ev::{KeyboardEvent, MouseEvent},
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, HtmlInputElement},
};
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

/// Id of the form that the boxes belong to: a page has one list.
const FORM: &str = "many";

/// The box of a row, in a cell before the row's header. A row that nothing can be done with has the cell without it.
#[component]
pub fn PickCell(
    /// The row's id.
    #[prop(into)]
    id: String,
    /// What the row is, for the name of its box.
    name: String,
    /// Whether it has a box.
    #[prop(default = true)]
    has_box: bool,
) -> impl IntoView {
    let input = has_box.then(|| {
        view! {
            <label>
                <input type="checkbox" name="pick" value=id form=FORM aria-label=format!("Select {name}") />
            </label>
        }
    });
    view! { <td class="pick">{input}</td> }
}

/// A table whose rows have boxes, and the bar for those that are ticked: a GET form to the page that asks. Once hydrated the
/// bar is there only while something is ticked; Shift ticks all from the last one on, and Escape none.
#[component]
pub fn Picks(
    /// The address of the page that asks.
    action: Path,
    /// Buttons with `name="act"`, and what they need to know.
    acts: AnyView,
    /// The table, with [`Column::picks`](super::components::Column::picks) as its first column.
    children: Children,
) -> impl IntoView {
    let (node, count) = (NodeRef::<leptos::html::Div>::new(), RwSignal::new(0_usize));
    let last = StoredValue::new(0_usize);
    let navigate = use_navigate();
    let told = move |root: &Element| count.set(ticked(root));
    // What was ticked before the page came to life counts.
    Effect::new(move |_| {
        if let Some(root) = node.get() {
            told(&root);
        }
    });
    let clear = move || {
        let Some(root) = node.get_untracked() else { return };
        let boxes = boxes(&root);
        boxes.iter().for_each(|one| one.set_checked(false));
        told(&root);
        // The bar goes, and focus with it.
        if let Some(one) = boxes.get(last.get_value()) {
            let _ = one.focus();
        }
    };
    // Where rows are cards there is no header with a box for all of them.
    let all = move || {
        if let Some(root) = node.get_untracked() {
            boxes(&root).iter().for_each(|one| one.set_checked(true));
            told(&root);
        }
    };
    let press = move |event: MouseEvent| {
        let pressed = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        let Some((root, pressed)) = node.get_untracked().zip(pressed) else { return };
        let boxes = boxes(&root);
        if pressed.class_list().contains("pick-all") {
            boxes.iter().for_each(|one| one.set_checked(pressed.checked()));
        } else if let Some(at) = boxes.iter().position(|one| one.is_same_node(Some(&pressed))) {
            let from = if event.shift_key() { last.get_value() } else { at };
            let range = boxes.get(from.min(at)..=from.max(at)).unwrap_or_default();
            range.iter().for_each(|one| one.set_checked(pressed.checked()));
            last.set_value(at);
        }
        told(&root);
    };
    let escape = move |event: KeyboardEvent| {
        // In a row's menu it closes that.
        let is_in_menu =
            || node.get_untracked().is_some_and(|root| matches!(root.query_selector(":popover-open"), Ok(Some(_))));
        if event.key() == "Escape" && count.get_untracked() > 0 && !is_in_menu() {
            clear();
        }
    };
    let words = move || match count.get() {
        0 => String::new(),
        count => format!("{count} selected"),
    };
    let to = action.to_string();
    view! {
        <div class="picks" node_ref=node on:click=press on:keydown=escape>
            {children()}
            <form
                id=FORM
                method="get"
                action=action.to_string()
                class="many"
                class:nojs=move || count.get() == 0
                aria-label="What to do with the selected rows"
                on:submit=move |event| {
                    if let Some(fields) = fields(&event) {
                        event.prevent_default();
                        navigate(&format!("{to}?{fields}"), NavigateOptions::default());
                    }
                }
            >
                <span class="many-count jsonly" aria-hidden="true">{reactive(words)}</span>
                {acts}
                <span class="jsonly many-all">
                    <Button label="Select all" look=Look::Quiet id="many-all" on_press=Callback::new(move |()| all()) />
                </span>
                <span class="jsonly">
                    <Button label="Clear" look=Look::Quiet id="many-clear" on_press=Callback::new(move |()| clear()) />
                </span>
            </form>
            <div class="vh" role="status">{reactive(words)}</div>
        </div>
    }
}

fn boxes(root: &Element) -> Vec<HtmlInputElement> {
    dom::matching(root, "input[name=pick]")
}

/// How many rows are ticked. The box of the header says whether it is none, some or all.
fn ticked(root: &Element) -> usize {
    let boxes = boxes(root);
    let count = boxes.iter().filter(|one| one.checked()).count();
    for all in dom::matching::<HtmlInputElement>(root, "input.pick-all") {
        all.set_checked(count > 0 && count == boxes.len());
        all.set_indeterminate(count > 0 && count < boxes.len());
    }
    count
}

/// The ids of the rows that led to this page, with blanks between them; empty: none.
pub fn picked() -> String {
    use_query_map().with_untracked(|query| query.get_all("pick").unwrap_or_default()).join(" ")
}

/// What this page asks about, and more about that, by their names in its address.
pub fn asked(name: &str) -> String {
    use_query_map().with_untracked(|query| query.get(name).unwrap_or_default())
}

/// "1 key", "3 keys".
pub fn counted(count: usize, (one, many): (&str, &str)) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// In place of the page where no row is ticked, or nothing can be done with those that are.
#[component]
pub fn NothingPicked(
    /// "Nothing is selected".
    #[prop(into, default = "Nothing is selected".into())]
    title: String,
    /// What is left out, each with the reason.
    #[prop(optional)]
    skipped: Vec<(String, String)>,
    /// Words of the way back.
    back_label: &'static str,
    /// Where that leads.
    back: Path,
) -> impl IntoView {
    let sentence =
        if skipped.is_empty() { "Tick the boxes of the rows that you mean, then choose what to do." } else { "" };
    view! {
        <Title text=page_title(&title) />
        <PageHeader title sentence=move || sentence>
            <LinkButton label=back_label href=back />
        </PageHeader>
        <Skipped skipped />
    }
}

/// What is left out, each with the reason; nothing where that is nothing.
#[component]
pub fn Skipped(
    /// Names and reasons.
    skipped: Vec<(String, String)>,
) -> impl IntoView {
    let some = !skipped.is_empty();
    let items: Vec<_> =
        skipped.into_iter().map(|(name, reason)| view! { <li><strong>{name}</strong>": "{reason}</li> }).collect();
    some.then(|| {
        view! {
            <Note tone=Tone::Info>
                <div>"Skipped:"</div>
                <ul class="plain-list">{items}</ul>
            </Note>
        }
    })
}

/// What became of each, in place of the page that asked.
#[component]
pub fn Outcomes(
    /// What became of each.
    outcomes: Vec<Outcome>,
    /// "key", "keys".
    things: (&'static str, &'static str),
    /// "disabled".
    #[prop(into)]
    done: String,
    /// Words of the way back.
    back_label: &'static str,
    /// Where that leads.
    back: Path,
) -> impl IntoView {
    let all = outcomes.len();
    let count = outcomes.iter().filter(|outcome| outcome.refused.is_none()).count();
    let of = if count == all { String::new() } else { format!("{count} of ") };
    let title = format!("{of}{} {done}", counted(all, things));
    let rows: Vec<_> = outcomes
        .into_iter()
        .map(|Outcome { name, refused, .. }| {
            let name = if name.is_empty() { format!("Unknown {}", things.0) } else { name };
            let (tone, label) = match refused {
                None => (Tone::Ok, capital(&done)),
                Some(_) => (Tone::Bad, format!("Not {done}")),
            };
            view! {
                <li class="row">
                    <strong>{name}</strong>
                    <Pill tone label />
                    {refused.map(|reason| view! { <span class="muted">{reason}</span> })}
                </li>
            }
        })
        .collect();
    view! {
        <Title text=page_title(&title) />
        <PageHeader title>
            <LinkButton label=back_label href=back />
        </PageHeader>
        <Card>
            <div role="status">
                <ul class="stack">{rows}</ul>
            </div>
        </Card>
    }
}
