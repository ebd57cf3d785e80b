//! What a page that stays open learns from the answers to what it asks: that its session is over, or that its person may
//! do less than the page thinks.

use leptos::{prelude::*, wasm_bindgen::JsValue, web_sys::js_sys::Function};
use std::cell::{Cell, RefCell};

thread_local! {
    /// For what asks the server outside of any component. A browser has one thread, and one page.
    static OF_THIS_PAGE: Cell<Option<Session>> = const { Cell::new(None) };
    /// Whoever waits until the person has signed in again: called with whether they did.
    static WAITING: RefCell<Vec<Function>> = const { RefCell::new(Vec::new()) };
}

/// The session of the person who looks at this page.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    over: RwSignal<bool>,
    email: RwSignal<String>,
    refusals: RwSignal<u32>,
}

impl Session {
    /// Gives every page a session. Called once, around the application.
    pub fn provide() -> Self {
        let session =
            Self { over: RwSignal::new(false), email: RwSignal::new(String::new()), refusals: RwSignal::new(0) };
        provide_context(session);
        Effect::new(move |_| OF_THIS_PAGE.set(Some(session)));
        session
    }

    /// The session of this page, if somebody is signed in on it.
    pub fn of_this_page() -> Option<Self> {
        OF_THIS_PAGE.get().filter(|session| session.email.with_untracked(|email| !email.is_empty()))
    }

    /// Says whose it is, by the address that they sign in with.
    pub fn belongs_to(self, email: &str) {
        self.email.set(email.to_owned());
    }

    /// Whose it is.
    pub fn email(self) -> ReadSignal<String> {
        self.email.read_only()
    }

    /// True from the first answer that wants a sign-in until that is done or given up.
    pub fn over(self) -> RwSignal<bool> {
        self.over
    }

    /// A number that grows with each act that was refused for want of a permission: for what shows only what is allowed.
    pub fn refusals(self) -> ReadSignal<u32> {
        self.refusals.read_only()
    }

    /// Takes note that something was refused for want of a permission.
    pub fn note_refusal() {
        if let Some(session) = OF_THIS_PAGE.get() {
            session.refusals.update(|refusals| *refusals += 1);
        }
    }

    /// Calls `resolve` with whether the person has signed in again, once that is known.
    pub fn wait(self, resolve: Function) {
        WAITING.with_borrow_mut(|waiting| waiting.push(resolve));
        self.over.set(true);
    }

    /// The person has signed in again, or will not.
    pub fn settle(self, signed_in: bool) {
        self.over.set(false);
        for resolve in WAITING.take() {
            let _ = resolve.call1(&JsValue::NULL, &signed_in.into());
        }
    }
}

/// The session of this page.
pub fn use_session() -> Option<Session> {
    use_context()
}
