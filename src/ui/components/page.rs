//! The parts of a page around its content.
use super::{announce, dom};
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use std::cell::RefCell;

thread_local! {
    /// Path and title of the page that was last shown. There is one page per browser tab, and the server never touches
    /// it: it is read in effects only.
    static SHOWN: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// The page's one `h1`. Where another page, or another thing in its place, has come inside the app it takes focus and is
/// announced once. A page that merely has another title now leaves focus where it is.
#[component]
pub(crate) fn Heading(
    /// The words.
    title: String,
) -> impl IntoView {
    let heading = NodeRef::<leptos::html::H1>::new();
    let pathname = use_location().pathname;
    let spoken = title.clone();
    Effect::new(move |_| {
        let Some(heading) = heading.get() else { return };
        let (path, title) = (pathname.get_untracked(), spoken.clone());
        let before = SHOWN.replace(Some((path.clone(), title.clone())));
        let is_new = before
            .is_some_and(|(was_path, was_title)| was_path != path || (was_title != title && dom::nothing_has_focus()));
        if is_new {
            dom::focus_in_place(&heading);
            announce(&spoken);
        }
    });
    view! { <h1 node_ref=heading tabindex="-1">{title}</h1> }
}

/// Title, one sentence, and the main action at the right (its children).
#[component]
pub fn PageHeader(
    /// The page's one `h1`.
    #[prop(into)]
    title: String,
    /// What this page is for, in plain words. May hold a link.
    #[prop(optional, into)]
    sentence: ViewFn,
    /// Main action and its neighbours.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="page-header">
            <div class="page-words">
                <Heading title />
                <div class="page-sentence">{sentence.run()}</div>
            </div>
            {children.map(|children| view! { <div class="page-actions">{children()}</div> })}
        </div>
    }
}

/// A card: the white ground of tables, forms and facts. With a title it gets an `h2`.
#[component]
pub fn Card(
    /// Heading of the card.
    #[prop(optional, into)]
    title: Option<String>,
    /// At the right of the heading.
    #[prop(optional, into)]
    actions: ViewFn,
    /// Without inner space, for tables and lists.
    #[prop(optional)]
    flush: bool,
    /// The content.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="card" class:card-flush=flush>
            {title
                .map(|title| {
                    view! {
                        <div class="card-top">
                            <h2>{title}</h2>
                            {actions.run()}
                        </div>
                    }
                })}
            {children()}
        </section>
    }
}

/// One tab: a link, since which tab is open is part of the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// Words.
    pub label: String,
    /// Address.
    pub href: String,
    /// A number beside the words.
    pub count: Option<u64>,
    /// Whether it is the open one.
    pub current: bool,
}

/// Tabs of a page, as links.
#[component]
pub fn Tabs(
    /// The tabs.
    tabs: Vec<Tab>,
) -> impl IntoView {
    let items: Vec<_> = tabs
        .into_iter()
        .map(|tab| {
            view! {
                <li>
                    <a href=tab.href aria-current=tab.current.then_some("page")>
                        {tab.label}
                        {tab.count.map(|count| view! { <span class="tab-count">{format!(" {count}")}</span> })}
                    </a>
                </li>
            }
        })
        .collect();
    view! { <ul class="tabs">{items}</ul> }
}

/// Previous and Next below a list that pages by cursor.
#[component]
pub fn Pager(
    /// Address of the page before, if there is one.
    #[prop(optional, into)]
    previous: MaybeProp<String>,
    /// Address of the page after, if there is one.
    #[prop(optional, into)]
    next: MaybeProp<String>,
    /// What is shown, "1 to 50 of 312" or "more than 10 000".
    #[prop(optional, into)]
    words: String,
) -> impl IntoView {
    fn step(href: Option<String>, rel: &'static str, label: &'static str) -> AnyView {
        match href {
            Some(href) => view! { <a class="button" href=href rel=rel>{label}</a> }.into_any(),
            None => view! { <a class="button" role="link" aria-disabled="true" tabindex="0">{label}</a> }.into_any(),
        }
    }
    view! {
        <div class="pager" role="group" aria-label="Pages">
            <span class="pager-words">{words}</span>
            {step(previous.get_untracked(), "prev", "Previous")}
            {step(next.get_untracked(), "next", "Next")}
        </div>
    }
}
