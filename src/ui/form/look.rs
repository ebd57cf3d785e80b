//! What is made of a text while it is typed.

use super::use_form;
use crate::kernel::Error;
use leptos::{prelude::*, server_fn::ServerFn};
use serde::Serialize;
use std::time::Duration;

/// How long typing rests before something is made of it.
const REST: Duration = Duration::from_millis(300);

/// Calls `then` with a text whenever it has changed and typing rests.
pub fn when_rested(text: RwSignal<String>, then: impl Fn(String) + Send + Sync + 'static) {
    let then = Callback::new(then);
    Effect::new(move |before: Option<String>| {
        let now = text.get();
        if before.is_some_and(|before| before != now) {
            let rested = now.clone();
            set_timeout(
                move || {
                    // Somebody types on, or has left the page.
                    if text.try_get_untracked().as_ref() == Some(&rested) {
                        then.try_run(rested);
                    }
                },
                REST,
            );
        }
        now
    });
}

/// What the server function that `ask` names says of a text while it is typed: what is wrong with it, if something is.
/// Where `ask` gives nothing, nothing is wrong.
pub fn use_look<L>(
    text: RwSignal<String>,
    ask: impl Fn(&str) -> Option<L> + Send + Sync + 'static,
) -> Signal<Option<String>>
where
    L: ServerFn<Error = Error, Output = Option<String>> + Serialize + 'static,
{
    let look = use_form::<L>();
    let asked = RwSignal::new(None);
    when_rested(text, move |typed| {
        look.forget();
        let arguments = ask(&typed);
        asked.set(Some(typed));
        if let Some(arguments) = arguments {
            look.send(&arguments);
        }
    });
    Signal::derive(move || {
        let is_asked = asked.with(|asked| asked.as_ref().is_some_and(|asked| text.with(|text| text == asked)));
        if is_asked { look.done().flatten() } else { None }
    })
}
