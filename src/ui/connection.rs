//! What a page knows of its way to the server: whether it waits for an answer, and whether it has lost it. One bar tells of
//! both, and what could not be loaded is loaded when the way is open again.

use super::{
    icons::{Glyph, Icon},
    reactive,
    session::Session,
    side,
};
use leptos::prelude::*;
use std::{cell::Cell, time::Duration};

/// How long an answer takes before that is told.
const SLOW: Duration = Duration::from_secs(3);
/// How long after a look that found nothing the next one is taken.
const AGAIN: Duration = Duration::from_secs(5);

thread_local! {
    /// For what asks the server outside of any component. A browser has one thread, and one page.
    static OF_THIS_PAGE: Cell<Option<Connection>> = const { Cell::new(None) };
}

/// The way of this page to the server.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// How many answers are waited for before something can be shown.
    waited_for: RwSignal<u32>,
    is_slow: RwSignal<bool>,
    is_offline: RwSignal<bool>,
    /// Something could not be loaded.
    is_lost: RwSignal<bool>,
    tries: RwSignal<u32>,
}

impl Connection {
    /// Gives every page a connection. Called once, around the application.
    pub fn provide() -> Self {
        let connection = Self {
            waited_for: RwSignal::new(0),
            is_slow: RwSignal::new(false),
            is_offline: RwSignal::new(false),
            is_lost: RwSignal::new(false),
            tries: RwSignal::new(0),
        };
        provide_context(connection);
        Effect::new(move |_| connection.listen());
        let waits = Memo::new(move |_| connection.waited_for.get() > 0);
        Effect::new(move |_| {
            connection.is_slow.set(false);
            if waits.get() {
                after(SLOW, move || connection.is_slow.set(true));
            }
        });
        Effect::new(move |_| connection.look_again());
        connection
    }

    /// A number that grows when it is worth trying anew what could not be loaded.
    pub fn tries(self) -> ReadSignal<u32> {
        self.tries.read_only()
    }

    /// Tries anew at once. False: everything was loaded.
    pub fn try_again() -> bool {
        let lost = OF_THIS_PAGE.get().filter(|connection| connection.is_lost.get_untracked());
        lost.map(Self::go_on).is_some()
    }

    /// Takes note that nobody answered.
    pub fn note_lost() {
        if let Some(connection) = OF_THIS_PAGE.get() {
            connection.is_lost.set(true);
        }
    }

    fn go_on(self) {
        self.is_lost.set(false);
        self.tries.update(|tries| *tries += 1);
    }

    fn listen(self) {
        OF_THIS_PAGE.set(Some(self));
        self.is_offline.set(!side::is_online());
        let away = window_event_listener_untyped("offline", move |_| self.is_offline.set(true));
        let back = window_event_listener_untyped("online", move |_| {
            self.is_offline.set(false);
            Self::try_again();
        });
        on_cleanup(move || {
            away.remove();
            back.remove();
        });
    }

    /// While something is missing: looks whether the server can be reached, and goes on once it can.
    fn look_again(self) {
        if !self.is_lost.get() || self.is_offline.get() {
            return;
        }
        let look = move || {
            leptos::task::spawn_local(async move {
                if side::is_reachable().await {
                    Self::try_again();
                }
            });
        };
        if let Ok(looks) = set_interval_with_handle(look, AGAIN) {
            on_cleanup(move || looks.clear());
        }
    }

    fn words(self) -> Option<&'static str> {
        if self.is_offline.get() {
            Some("You are offline. What you typed stays here, and the page goes on when the connection is back.")
        } else if self.is_lost.get() {
            Some("Latchkey cannot be reached. The page goes on as soon as it can.")
        } else {
            // Whoever is asked to sign in again is who is waited for.
            let waits_for_person = Session::of_this_page().is_some_and(|session| session.over().get());
            let is_slow = self.is_slow.get() && !waits_for_person;
            is_slow.then_some("Still loading. The answer takes longer than usual.")
        }
    }
}

/// Calls `then` after this time, unless what the effect looks at changes before.
fn after(time: Duration, then: impl FnOnce() + 'static) {
    if let Ok(timer) = set_timeout_with_handle(then, time) {
        on_cleanup(move || timer.clear());
    }
}

/// While it lives, an answer is waited for.
pub struct Waiting(Option<Connection>);

impl Waiting {
    pub fn begin() -> Self {
        let connection = OF_THIS_PAGE.get();
        if let Some(connection) = connection {
            connection.waited_for.update(|answers| *answers += 1);
        }
        Self(connection)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            connection.waited_for.update(|answers| *answers = answers.saturating_sub(1));
        }
    }
}

/// Says that the connection is lost or slow, for as long as it is. Its element is always there, so that a reader hears it.
#[component]
pub fn ConnectionBar(connection: Connection) -> impl IntoView {
    let bar = move || {
        connection.words().map(|words| {
            view! {
                <div class="toast tone-warn">
                    <Glyph icon=Icon::Alert />
                    <span class="toast-words">{words}</span>
                </div>
            }
        })
    };
    view! { <div role="status">{reactive(bar)}</div> }
}
