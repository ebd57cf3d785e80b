//! A list says that others have changed it, beside what it shows: nothing moves until its reader wants that.

use super::{
    functions::LoadNews,
    model::{News, Watched},
};
use crate::ui::{Sending, components::dom, pages::param, parse, reactive};
use leptos::{prelude::*, server_fn::ServerFn};
use serde::Serialize;
use std::time::Duration;

/// How often it is asked, while the page is in view.
const PAUSE: Duration = Duration::from_secs(8);
/// How often at most after the list was read: for an hour. A page that is left open does not keep its session alive for ever.
const MOST: u32 = 450;
/// Where what is said stands.
const PLACE: &str = "changes-by-others";

/// A list under watch.
#[derive(Clone, Copy)]
pub struct Watch {
    /// The place of the log as far as which everything is known; none before the list is there.
    seen: RwSignal<Option<i64>>,
    changes: RwSignal<u32>,
    /// How often it was asked since the list was read.
    asked: RwSignal<u32>,
    reads: RwSignal<u32>,
    /// What is said of one change, and behind the number of several.
    words: (&'static str, &'static str),
}

impl Watch {
    /// Watches a list of the organisation in this page's path.
    pub fn of(list: Watched) -> Self {
        Self::of_one(list, String::new())
    }

    /// Watches one thing of a list, by its slug.
    pub fn of_one(list: Watched, of: String) -> Self {
        let slug = param("slug");
        Self::asking(("1 change by others.", "changes by others."), move |after| {
            Some(LoadNews { slug: slug.clone(), list, of: of.clone(), after })
        })
    }

    /// Watches what another server function tells of; its arguments are none while there is nothing to ask. The words are
    /// those of one change, and those behind the number of several.
    pub fn asking<S>(
        words: (&'static str, &'static str),
        arguments: impl Fn(i64) -> Option<S> + Clone + 'static,
    ) -> Self
    where
        S: ServerFn<Output = News> + Serialize + 'static,
    {
        let watch = Self {
            seen: RwSignal::new(None),
            changes: RwSignal::new(0),
            asked: RwSignal::new(0),
            reads: RwSignal::new(0),
            words,
        };
        let sending = Sending::to::<S>();
        Effect::new(move |_| {
            let arguments = arguments.clone();
            let look = move || {
                if let Some(after) = watch.seen.get_untracked()
                    && watch.asked.get_untracked() < MOST
                    && !document().hidden()
                    && let Some(arguments) = arguments(after)
                {
                    watch.asked.update(|asked| *asked += 1);
                    sending.send_arguments(&arguments);
                }
            };
            if let Ok(tick) = set_interval_with_handle(look, PAUSE) {
                on_cleanup(move || tick.clear());
            }
        });
        Effect::new(move |_| {
            let Some(Ok(json)) = sending.answer().get() else { return };
            // An answer about the list as it was before it was read anew is none about this one.
            if let Ok(News { after, seen, changes }) = parse::<News>(&json)
                && watch.seen.get_untracked() == Some(after)
            {
                watch.seen.set(Some(seen));
                watch.changes.update(|all| *all = all.saturating_add(changes));
            }
        });
        watch
    }

    /// A number that grows whenever the list shall be read anew, for [`load_after`](crate::ui::load_after).
    pub fn reads(self) -> u32 {
        self.reads.get()
    }

    /// The list was read as of this place of the log.
    pub fn has_read(self, seen: i64) {
        self.seen.set(Some(seen));
        self.changes.set(0);
        self.asked.set(0);
    }

    /// How often others have changed it since it was read.
    pub fn changes(self) -> u32 {
        self.changes.get()
    }

    fn show(self) {
        // The button goes with what it was about.
        if let Some(place) = dom::by_id(PLACE) {
            dom::focus_in_place(&place);
        }
        self.reads.update(|reads| *reads += 1);
    }
}

/// What others have changed, and the button that shows it. It stands over the page.
#[component]
pub fn ChangesByOthers(watch: Watch) -> impl IntoView {
    let words = Memo::new(move |_| match watch.changes.get() {
        0 if watch.asked.get() >= MOST => Some("This list is an hour old.".to_owned()),
        0 => None,
        1 => Some(watch.words.0.to_owned()),
        n => Some(format!("{n} {}", watch.words.1)),
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
                                <button type="button" class="button button-small" on:click=move |_| watch.show()>
                                    "Show"
                                </button>
                            </div>
                        }
                    })
            })}
        </div>
    }
}
