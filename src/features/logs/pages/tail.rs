//! The log's live tail: it says how many calls came since the list was read, beside what it shows. Nothing moves until its
//! reader wants that, or has said that it shall, and is not in the middle of reading.

use crate::{
    features::logs::{
        functions::LoadNewer,
        model::{CallOutcome, LoggedCall, Newer},
    },
    kernel::Asked,
    ui::{
        Sending,
        components::{Checkbox, dom},
        parse, reactive,
    },
};
use leptos::{
    ev,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{
        Node,
        js_sys::{Function, Reflect},
    },
};
use std::time::Duration;

/// How often it is asked, while the page is in view.
const PAUSE: Duration = Duration::from_secs(4);
/// How often at most after the list was read: for an hour. A page that is left open does not keep its session alive for ever.
const MOST: u32 = 900;
/// Where what is said stands.
const PLACE: &str = "newer-calls";
/// Where the list stands.
pub const LIST: &str = "calls";

/// A list of calls under watch.
#[derive(Clone, Copy)]
pub struct Tail {
    /// The newest call that is shown: its moment, and its id, which is empty where none is shown. None: this is not the
    /// list's first page, which alone has news.
    shown: RwSignal<Option<(i64, String)>>,
    /// A call that is shown is under way.
    is_open: RwSignal<bool>,
    newer: RwSignal<(usize, bool)>,
    /// Whether new calls are shown by themselves.
    is_live: RwSignal<bool>,
    /// How often it was asked since the list was read.
    asked: RwSignal<u32>,
    reads: RwSignal<u32>,
}

impl Tail {
    /// Watches what the address asks of the log.
    pub fn of(slug: Memo<String>, asked: Memo<Asked>) -> Self {
        let tail = Self {
            shown: RwSignal::new(None),
            is_open: RwSignal::new(false),
            newer: RwSignal::new((0, false)),
            is_live: RwSignal::new(false),
            asked: RwSignal::new(0),
            reads: RwSignal::new(0),
        };
        let sending = Sending::to::<LoadNewer>();
        Effect::new(move |_| {
            let look = move || {
                if let Some((at, id)) = tail.shown.get_untracked()
                    && tail.asked.get_untracked() < MOST
                    && !document().hidden()
                {
                    tail.asked.update(|asked| *asked += 1);
                    let (slug, query) = (slug.get_untracked(), asked.get_untracked());
                    sending.send_arguments(&LoadNewer { slug, query, at, id });
                }
            };
            if let Ok(tick) = set_interval_with_handle(look, PAUSE) {
                on_cleanup(move || tick.clear());
            }
        });
        Effect::new(move |_| {
            let Some(Ok(json)) = sending.answer().get() else { return };
            // An answer about the list as it was before it was read anew is none about this one.
            let Ok(Newer { id, count, more }) = parse::<Newer>(&json) else { return };
            if tail.shown.with_untracked(|shown| shown.as_ref().is_none_or(|(_, shown)| *shown != id)) {
                return;
            }
            let has_changed = count > 0 || tail.is_open.get_untracked();
            if has_changed && tail.is_live.get_untracked() && is_unread() {
                tail.read();
            } else {
                tail.newer.set((count, more));
            }
        });
        tail
    }

    /// A number that grows whenever the list shall be read anew, for [`load_after`](crate::ui::load_after).
    pub fn reads(self) -> u32 {
        self.reads.get()
    }

    /// The list was read, and shows these calls.
    pub fn has_read(self, calls: &[LoggedCall], is_first: bool) {
        let newest = calls.first().map(|call| (call.started_at.0, call.id.to_string())).unwrap_or_default();
        self.shown.set(is_first.then_some(newest));
        self.is_open.set(calls.iter().any(|call| call.outcome == CallOutcome::Started));
        self.newer.set((0, false));
        // What reads itself must come to an end, too.
        if !self.is_live.get_untracked() {
            self.asked.set(0);
        }
    }

    fn read(self) {
        self.reads.update(|reads| *reads += 1);
    }

    fn show(self, event: &ev::MouseEvent) {
        event.prevent_default();
        self.asked.set(0);
        // The link goes with what it was about.
        if let Some(place) = dom::by_id(PLACE) {
            dom::focus_in_place(&place);
        }
        self.read();
    }
}

/// Whether nobody is in the middle of reading: the page stands at its top, and nothing in the list has focus or is selected.
fn is_unread() -> bool {
    let Some(list) = dom::by_id(LIST) else { return true };
    let has = |node: Option<&Node>| node.is_some_and(|node| list.contains(Some(node)));
    let focused = document().active_element();
    let selection = Reflect::get(&document(), &"getSelection".into())
        .ok()
        .and_then(|get| get.dyn_into::<Function>().ok()?.call0(&document()).ok());
    let is_selected = selection.is_some_and(|selection| {
        let of = |name: &str| Reflect::get(&selection, &name.into()).ok();
        let is_empty = of("isCollapsed").is_none_or(|is| is.as_bool() != Some(false));
        !is_empty && has(of("anchorNode").and_then(|node| node.dyn_into::<Node>().ok()).as_ref())
    });
    let top = window().scroll_y().unwrap_or_default();
    top < 8.0 && !has(focused.as_ref().map(AsRef::as_ref)) && !is_selected
}

/// What has come, with the link that shows it. It stands over the page.
#[component]
pub fn NewCalls(tail: Tail, first: Signal<String>) -> impl IntoView {
    let words = Memo::new(move |_| match tail.newer.get() {
        (0, _) if tail.asked.get() >= MOST => Some("This page has stopped looking for new calls.".to_owned()),
        (0, _) => None,
        (1, _) => Some("1 new call.".to_owned()),
        (n, false) => Some(format!("{n} new calls.")),
        (n, true) => Some(format!("More than {n} new calls.")),
    });
    view! {
        <div id=PLACE class="news" role="status" tabindex="-1">
            {reactive(move || {
                words
                    .get()
                    .map(|words| {
                        view! {
                            <div class="news-words">
                                {words}
                                <a
                                    class="button button-small"
                                    href=first.get_untracked()
                                    on:click=move |event| tail.show(&event)
                                >
                                    "Show"
                                </a>
                            </div>
                        }
                    })
            })}
        </div>
    }
}

/// Whether new calls are shown by themselves; without JavaScript, the link that reads the list anew.
#[component]
pub fn LiveSwitch(tail: Tail, first: Signal<String>) -> impl IntoView {
    view! {
        <div class="nojs">
            {reactive(move || view! { <a class="button" rel="external" href=first.get()>"Refresh"</a> })}
        </div>
        <div class="logs-live with-scripts needs-js">
            <Checkbox
                label="Live"
                name="live"
                on_change=Callback::new(move |on| {
                    tail.asked.set(0);
                    tail.is_live.set(on);
                })
            />
        </div>
    }
}
