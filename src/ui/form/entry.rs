//! What a field takes from the form around it, by its name.

use super::{AnyForm, Limits, posted::opened_as};
use leptos::prelude::*;

/// The form around a field.
#[derive(Clone, Copy)]
pub(super) struct Around {
    pub(super) form: AnyForm,
    pub(super) limits: Limits,
    /// Its fields follow what is stored.
    pub(super) follows: bool,
}

/// What a field takes from the [`FormFor`](super::FormFor) around it, by its name.
pub(in crate::ui) struct Entry {
    /// What stands in the field at first.
    pub value: String,
    /// Kept the same as the field.
    pub bind: Option<RwSignal<String>>,
    /// What is wrong with it.
    pub error: Signal<Option<String>>,
    /// The most characters that it takes.
    pub limit: Option<usize>,
    /// For a field that follows what is stored.
    pub follows: Option<Follows>,
}

/// What a field that follows what is stored shows besides.
pub(in crate::ui) struct Follows {
    /// Name and value of the hidden field that says what was opened.
    pub opened: (String, Signal<String>),
    /// What somebody else stored meanwhile, where something else was typed here.
    pub theirs: Signal<Option<String>>,
}

/// The entry of a field that begins with `value`. An error that is given goes before the form's own.
pub(in crate::ui) fn entry(
    name: &str,
    value: Option<Signal<String>>,
    bind: Option<RwSignal<String>>,
    error: Option<Signal<Option<String>>>,
) -> Entry {
    let around = use_context::<Around>();
    let own = around.map(|around| around.form.field(name.to_owned()));
    let error = match (error, own) {
        (Some(given), Some(own)) => Signal::derive(move || given.get().or_else(|| own.get())),
        (one, other) => one.or(other).unwrap_or_else(|| Signal::stored(None)),
    };
    let limit = around.and_then(|around| around.limits.iter().find(|(field, _)| *field == name).map(|(_, most)| *most));
    let begun = value.map(|value| value.get_untracked()).unwrap_or_default();
    let typed = match (bind, around) {
        (Some(bind), _) => bind.get_untracked(),
        (None, Some(around)) => around.form.typed(name, begun.clone()),
        (None, None) => begun.clone(),
    };
    let Some((stored, around)) = value.zip(around.filter(|around| around.follows)) else {
        return Entry { value: typed, bind, error, limit, follows: None };
    };
    let bind = bind.unwrap_or_else(|| RwSignal::new(typed.clone()));
    let theirs = RwSignal::new(around.form.posted.with_value(|posted| posted.theirs(name, &begun)));
    follow(stored, bind, theirs);
    let theirs = Signal::derive(move || theirs.get().filter(|theirs| bind.with(|mine| mine != theirs)));
    let follows = Some(Follows { opened: (opened_as(name), stored), theirs });
    Entry { value: typed, bind: Some(bind), error, limit, follows }
}

/// Takes over what somebody else stored, unless something else was typed here: then both are told.
fn follow(stored: Signal<String>, mine: RwSignal<String>, theirs: RwSignal<Option<String>>) {
    Effect::new(move |opened: Option<String>| {
        let now = stored.get();
        if let Some(opened) = opened.filter(|opened| *opened != now) {
            let untouched = mine.with_untracked(|mine| *mine == opened);
            if untouched {
                mine.set(now.clone());
            }
            theirs.set((!untouched).then(|| now.clone()));
        }
        now
    });
}
