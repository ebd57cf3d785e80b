//! Live regions and toasts. [`Live`] stands once, around the whole application, so that its regions outlive pages.
use super::{
    Tone, dom,
    leaving::{AskBeforeLeaving, Guard},
};
use crate::ui::{
    connection::{Connection, ConnectionBar},
    icons::{Glyph, Icon},
};
use leptos::prelude::*;
use std::{sync::Arc, time::Duration};

const ANNOUNCER: &str = "announcer";

/// Says a short text politely to assistive technology. For effects and event handlers.
pub fn announce(text: &str) {
    let text = text.to_owned();
    if let Some(region) = dom::by_id(ANNOUNCER) {
        region.set_text_content(None);
        // A region that is emptied and filled in one step is not heard again.
        set_timeout(move || region.set_text_content(Some(&text)), Duration::from_millis(60));
    }
}

/// What a toast says.
#[derive(Clone)]
pub struct Toast {
    /// `Bad` is announced at once and stays until closed.
    pub tone: Tone,
    /// The sentence. Never a secret.
    pub message: String,
    /// A link that can also be reached elsewhere: words and address.
    pub link: Option<(String, String)>,
    /// Undoes what it tells of. It must not need anything of the page, which may be gone by then.
    pub undo: Option<Undo>,
}

/// See [`Toast::undo`].
pub type Undo = Arc<dyn Fn() + Send + Sync>;

impl Toast {
    /// Something was done: "ci-deploy is disabled".
    pub fn done(message: impl Into<String>) -> Self {
        Self { tone: Tone::Ok, message: message.into(), link: None, undo: None }
    }

    /// With a button that undoes it.
    pub fn undone_by(self, undo: impl Fn() + Send + Sync + 'static) -> Self {
        Self { undo: Some(Arc::new(undo)), ..self }
    }
}

/// The toasts of this page.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<(u32, Toast)>>,
    next: StoredValue<u32>,
    undone: RwSignal<u32>,
}

impl Toasts {
    fn new() -> Self {
        Self { shown: RwSignal::new(Vec::new()), next: StoredValue::new(0), undone: RwSignal::new(0) }
    }

    /// Shows a toast.
    pub fn show(self, toast: Toast) {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.shown.update(|shown| shown.push((id, toast)));
    }

    /// A number that grows whenever something was undone: for data that must be loaded anew then.
    pub fn undone(self) -> ReadSignal<u32> {
        self.undone.read_only()
    }

    /// Tells what became of an undoing: what is so again, or why it is not.
    pub fn undoing(self, again: String, result: Result<(), String>) {
        match result {
            Ok(()) => {
                self.undone.update(|undone| *undone += 1);
                self.show(Toast::done(again));
            }
            Err(why) => self.show(Toast { tone: Tone::Bad, ..Toast::done(format!("It was not undone. {why}")) }),
        }
    }

    fn close(self, id: u32) {
        self.shown.update(|shown| shown.retain(|(shown, _)| *shown != id));
    }
}

/// The toasts of the application. Outside of [`Live`] (in a test of one component) they are shown nowhere.
pub fn use_toasts() -> Toasts {
    use_context::<Toasts>().unwrap_or_else(Toasts::new)
}

/// How long a toast stays: 5 s, and 1 s for each 120 characters; 10 s at least where it can be undone.
fn stay(message: &str, undo: bool) -> Duration {
    let read = Duration::from_millis(5000 + 1000 * (message.chars().count() as u64).div_ceil(120));
    if undo { read.max(Duration::from_secs(10)) } else { read }
}

fn toast_id(id: u32) -> String {
    format!("toast-{id}")
}

#[component]
fn ToastView(id: u32, toast: Toast, toasts: Toasts) -> impl IntoView {
    let held = StoredValue::new(false);
    let lasting = toast.tone == Tone::Bad;
    let stay = stay(&toast.message, toast.undo.is_some());
    fn wait(toasts: Toasts, id: u32, held: StoredValue<bool>, stay: Duration) {
        set_timeout(
            move || match held.try_get_value() {
                Some(true) => wait(toasts, id, held, Duration::from_secs(2)),
                Some(false) => toasts.close(id),
                None => {}
            },
            stay,
        );
    }
    if !lasting {
        Effect::new(move |_| wait(toasts, id, held, stay));
    }
    let icon = match toast.tone {
        Tone::Ok => Icon::Check,
        Tone::Bad | Tone::Warn => Icon::Alert,
        Tone::Info | Tone::Neutral => Icon::Info,
    };
    view! {
        <div
            id=toast_id(id)
            class=format!("toast {}", toast.tone.class())
            tabindex="-1"
            on:mouseenter=move |_| held.set_value(true)
            on:mouseleave=move |_| held.set_value(false)
            on:focusin=move |_| held.set_value(true)
            on:focusout=move |_| held.set_value(false)
        >
            <Glyph icon />
            <span class="toast-words">{toast.message}</span>
            {toast.link.map(|(label, href)| view! { <a href=href>{label}</a> })}
            {toast
                .undo
                .map(|undo| {
                    let press = move |_| {
                        toasts.close(id);
                        undo();
                    };
                    view! { <button type="button" class="button button-small" on:click=press>"Undo"</button> }
                })}
            <button type="button" class="button button-quiet button-icon" on:click=move |_| toasts.close(id)>
                <Glyph icon=Icon::Close />
                <span class="vh">"Close message"</span>
            </button>
        </div>
    }
}

/// Wraps the application: provides [`Toasts`] and holds the live regions. F6 focuses the newest toast.
#[component]
pub fn Live(
    /// The application.
    children: Children,
) -> impl IntoView {
    let guard = Guard::begin();
    let toasts = Toasts::new();
    provide_context(toasts);
    let connection = Connection::provide();
    Effect::new(move |_| {
        let handle = window_event_listener(leptos::ev::keydown, move |event| {
            if event.key() == "F6"
                && let Some(newest) = toasts.shown.with_untracked(|shown| shown.last().map(|(id, _)| *id))
                && let Some(toast) = dom::by_id(&toast_id(newest))
            {
                event.prevent_default();
                let _ = toast.focus();
            }
        });
        on_cleanup(move || handle.remove());
    });
    let listed = move |bad: bool| {
        move || toasts.shown.get().into_iter().filter(|(_, toast)| (toast.tone == Tone::Bad) == bad).collect::<Vec<_>>()
    };
    view! {
        {children()}
        <AskBeforeLeaving guard />
        <div class="vh" id=ANNOUNCER role="status"></div>
        <div class="toasts" role="region" aria-label="Messages">
            <ConnectionBar connection />
            <div role="alert">
                <For each=listed(true) key=|(id, _)| *id let:item>
                    <ToastView id=item.0 toast=item.1 toasts />
                </For>
            </div>
            <div role="status">
                <For each=listed(false) key=|(id, _)| *id let:item>
                    <ToastView id=item.0 toast=item.1 toasts />
                </For>
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_message_stays_longer() {
        assert_eq!(stay("Saved", false), Duration::from_secs(6));
        assert_eq!(stay(&"x".repeat(121), false), Duration::from_secs(7));
        assert_eq!(stay("Saved", true), Duration::from_secs(10));
    }
}
