//! The search in the frame: one field for pages, for things of the organisation by their names, and for the person's other
//! organisations. It needs JavaScript; what it leads to is all in the navigation and the lists.

use crate::{
    features::{
        home::{functions::Find, model::Found},
        organisations::{functions::LoadList, model::Belonging},
    },
    site::routes,
    ui::{
        Sending,
        components::dom,
        frame::FrameData,
        icons::{Glyph, Icon},
        parse, reactive,
    },
};
use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    prelude::*,
};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use std::time::Duration;

/// How long a pause in typing is, after which it is searched.
const PAUSE: Duration = Duration::from_millis(150);

/// A place to go to.
#[derive(Clone, PartialEq)]
struct Hit {
    name: String,
    what: String,
    href: String,
}

#[component]
pub fn Palette(data: Signal<FrameData>, slug: Signal<String>) -> impl IntoView {
    let open = RwSignal::new(false);
    let typed = RwSignal::new(String::new());
    let at = RwSignal::new(0_usize);
    let dialog = NodeRef::<leptos::html::Dialog>::new();
    let sending = Sending::to::<Find>();
    // What the last answer is about. An answer to what was typed before is none to what is typed now.
    let sought = RwSignal::new(String::new());
    let things = Memo::new(move |_| match sending.answer().get() {
        Some(Ok(json)) if typed.with(|typed| sought.with(|sought| typed == sought)) => {
            parse::<Vec<Found>>(&json).unwrap_or_default()
        }
        _ => vec![],
    });
    // Asked for when the search opens, and found without asking again.
    let listing = Sending::to::<LoadList>();
    Effect::new(move |_| {
        if open.get() {
            listing.send_arguments(&LoadList { q: String::new() });
        }
    });
    let places = Memo::new(move |_| match listing.answer().get() {
        Some(Ok(json)) => parse::<Belonging>(&json).map(|list| others(list, &slug.get())).unwrap_or_default(),
        _ => vec![],
    });
    let hits = Memo::new(move |_| {
        let wanted = typed.with(|typed| dom::fold(typed.trim()));
        let pages = data.with(|data| pages(data, &wanted));
        if wanted.is_empty() {
            return pages;
        }
        let things = things.get().into_iter().map(|Found { name, what, href }| Hit { name, what, href });
        let places = places.with(|places| {
            places.iter().filter(|(folded, _)| folded.contains(&wanted)).map(|(_, hit)| hit.clone()).collect::<Vec<_>>()
        });
        things.chain(pages).chain(places).collect()
    });
    Effect::new(move |_| {
        hits.track();
        at.set(0);
    });
    let search = debounced(move |text: String| {
        sought.set(text.clone());
        sending.send_arguments(&Find { slug: slug.get_untracked(), q: text });
    });
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        match (open.get(), dialog.open()) {
            (true, false) => drop(dialog.show_modal()),
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let shortcut = window_event_listener(leptos::ev::keydown, move |event: KeyboardEvent| {
        if (event.ctrl_key() || event.meta_key()) && !event.alt_key() && event.key().eq_ignore_ascii_case("k") {
            event.prevent_default();
            open.update(|open| *open = !*open);
        }
    });
    on_cleanup(move || shortcut.remove());
    let go = go(open);
    let go_on = go.clone();
    let chosen = move || hits.with(|hits| hits.get(at.get_untracked()).map(|hit| hit.href.clone()));
    let keys = move |event: KeyboardEvent| {
        let count = hits.with(Vec::len);
        let step = match event.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => count.saturating_sub(1),
            "Enter" if event.ctrl_key() || event.meta_key() => {
                event.prevent_default();
                if let Some(href) = chosen() {
                    let _ = window().open_with_url_and_target(&href, "_blank");
                }
                return;
            }
            _ => return,
        };
        event.prevent_default();
        if count > 0 {
            at.update(|at| *at = (*at + step) % count);
            if let Some(option) = dom::by_id(&option_id(at.get_untracked())) {
                option.scroll_into_view_with_bool(false);
            }
        }
    };
    let enter = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(href) = chosen() {
            go_on(href);
        }
    };
    view! {
        <button type="button" class="palette-open with-scripts" aria-haspopup="dialog" on:click=move |_| open.set(true)>
            <Glyph icon=Icon::Search />
            <span class="palette-words">"Search or jump to"</span>
            <kbd>"Ctrl K"</kbd>
        </button>
        <dialog class="palette" aria-label="Search or jump to" node_ref=dialog on:close=move |_| open.set(false)>
            {reactive(move || {
                let (search, go) = (search.clone(), go.clone());
                open.get()
                    .then(|| {
                        typed.set(String::new());
                        view! {
                            <form method="dialog" class="palette-field" on:submit=enter.clone()>
                                <Glyph icon=Icon::Search />
                                <input
                                    type="text"
                                    role="combobox"
                                    class="input"
                                    aria-label="Search or jump to"
                                    aria-expanded="true"
                                    aria-controls="palette-hits"
                                    aria-autocomplete="list"
                                    aria-activedescendant=move || hits.with(|hits| (!hits.is_empty()).then(|| option_id(at.get())))
                                    placeholder="A page, a key, a person, an organisation"
                                    autocomplete="off"
                                    spellcheck="false"
                                    autofocus
                                    on:keydown=keys
                                    on:input=move |event| {
                                        let value = event_target_value(&event);
                                        search(value.clone());
                                        typed.set(value);
                                    }
                                />
                                <button type="button" class="button button-quiet button-small" on:click=move |_| open.set(false)>"Close"</button>
                            </form>
                            <div class="vh" role="status">
                                {reactive(move || match hits.with(Vec::len) {
                                    0 => "Nothing found".to_owned(),
                                    n => format!("{n} found"),
                                })}
                            </div>
                            <ul id="palette-hits" class="palette-hits" role="listbox" aria-label="Found">
                                {reactive(move || options(hits.get(), at, go.clone()))}
                            </ul>
                        }
                    })
            })}
        </dialog>
    }
}

/// The organisations that the person can go to from here, each behind its name and slug as they are searched.
fn others(list: Belonging, slug: &str) -> Vec<(String, Hit)> {
    let others = list.memberships.into_iter().filter(|there| there.slug != slug);
    let hits = others.map(|there| {
        let folded = dom::fold(&format!("{} {}", there.name, there.slug));
        let what = format!("Organisation, {}", there.role.label());
        (folded, Hit { name: there.name, what, href: routes::organisation(&there.slug).into() })
    });
    hits.collect()
}

/// The pages whose names have what is wanted; without anything wanted, all.
fn pages(data: &FrameData, wanted: &str) -> Vec<Hit> {
    let page = |name: &str, href: &str| Hit { name: name.to_owned(), what: "Page".into(), href: href.to_owned() };
    let nav = data.nav.iter().flat_map(|group| &group.items).map(|item| page(&item.label, &item.href));
    let own = [page("Your account", &data.account_href), page("Your organisations", &data.organisations_href)];
    nav.chain(own).filter(|hit| dom::fold(&hit.name).contains(wanted)).collect()
}

fn option_id(index: usize) -> String {
    format!("palette-hit-{index}")
}

fn options(hits: Vec<Hit>, at: RwSignal<usize>, go: impl Fn(String) + Clone + Send + Sync + 'static) -> AnyView {
    if hits.is_empty() {
        return view! { <li class="palette-none" role="presentation">"Nothing has this in its name."</li> }.into_any();
    }
    let options: Vec<_> = hits
        .into_iter()
        .enumerate()
        .map(|(index, Hit { name, what, href })| {
            let go = go.clone();
            view! {
                <li
                    id=option_id(index)
                    class="palette-hit"
                    role="option"
                    aria-selected=move || if at.get() == index { "true" } else { "false" }
                    on:mousemove=move |_| at.set(index)
                    on:click=move |_| go(href.clone())
                >
                    <span>{name}</span>
                    <span class="cell-second">{what}</span>
                </li>
            }
        })
        .collect();
    options.into_any()
}

/// Goes to an address of this site, and closes the search.
fn go(open: RwSignal<bool>) -> impl Fn(String) + Clone + Send + Sync + 'static {
    let navigate = use_navigate();
    move |href: String| {
        open.set(false);
        navigate(&href, NavigateOptions::default());
    }
}

/// Calls `search` with what is typed, once nothing more was typed for a moment.
fn debounced(
    search: impl Fn(String) + Clone + Send + Sync + 'static,
) -> impl Fn(String) + Clone + Send + Sync + 'static {
    let newest = StoredValue::new(0_u32);
    move |typed: String| {
        newest.update_value(|newest| *newest += 1);
        let (mine, search) = (newest.get_value(), search.clone());
        set_timeout(
            move || {
                if newest.try_get_value() == Some(mine) && !typed.trim().is_empty() {
                    search(typed.clone());
                }
            },
            PAUSE,
        );
    }
}
