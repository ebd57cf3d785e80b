//! The messages of a prompt as blocks: added, moved, removed. Without JavaScript the same buttons post the form, which comes
//! back with what was typed.

use crate::{
    features::prompts::model::{Block, ROLES},
    ui::{
        components::{Card, Choice, Field, FieldFault, FieldKind, Select, announce, focus_on, step},
        form::AnyForm,
        icons::{Glyph, Icon},
        reactive,
    },
};
use leptos::prelude::*;

/// A message that is being typed: what its fields hold lives on when it is moved.
#[derive(Clone, Copy)]
struct Live {
    role: RwSignal<String>,
    text: RwSignal<String>,
}

impl Live {
    fn of(block: Block) -> Self {
        Self { role: RwSignal::new(block.role), text: RwSignal::new(block.text) }
    }
}

/// The messages as they are typed.
#[derive(Clone, Copy)]
pub(super) struct Messages {
    live: RwSignal<Vec<Live>>,
    /// What the signals of the blocks belong to.
    owner: StoredValue<Owner>,
    form: AnyForm,
    /// Messages were added, moved or removed: that no field's own value tells.
    touched: RwSignal<bool>,
}

impl Messages {
    pub fn new(blocks: Vec<Block>, form: AnyForm) -> Self {
        let owner = StoredValue::new(Owner::current().unwrap_or_default());
        Self {
            live: RwSignal::new(blocks.into_iter().map(Live::of).collect()),
            owner,
            form,
            touched: RwSignal::new(false),
        }
    }

    fn change(self, with: impl FnOnce(&mut Vec<Live>)) {
        self.form.forget();
        self.touched.set(true);
        self.owner.get_value().with(|| self.live.update(with));
    }

    fn swap(self, at: usize, other: usize, focus: &'static str) {
        if other >= self.live.with_untracked(Vec::len) {
            return;
        }
        self.change(|live| live.swap(at, other));
        // At an end the button that was pressed can go no further.
        let last = self.live.with_untracked(Vec::len) - 1;
        let focus = if other == 0 {
            "down"
        } else if other == last {
            "up"
        } else {
            focus
        };
        focus_on(format!("{focus}-{other}"));
        announce(&format!("Message {}, now {} of {}", at + 1, other + 1, last + 1));
    }

    fn remove(self, at: usize) {
        self.change(|live| {
            live.remove(at);
        });
        let left = self.live.with_untracked(Vec::len);
        focus_on(if left == 0 { "add".to_owned() } else { format!("remove-{}", at.min(left - 1)) });
        announce(&format!("Message {} removed", at + 1));
    }

    fn add(self) {
        let at = self.live.with_untracked(Vec::len);
        self.change(|live| live.push(Live::of(Block { role: "user".to_owned(), text: String::new() })));
        focus_on(format!("message-{at}"));
        announce("Message added");
    }
}

/// The card of all messages.
#[component]
pub(super) fn MessagesCard(messages: Messages) -> impl IntoView {
    let blocks = move || {
        let live = messages.live.get();
        let last = live.len().saturating_sub(1);
        let blocks: Vec<_> =
            live.into_iter().enumerate().map(|(at, live)| block(at, live, at == last, messages)).collect();
        if blocks.is_empty() {
            view! { <p class="muted">"None yet. A prompt has at least one."</p> }.into_any()
        } else {
            view! { <ol class="checks">{blocks}</ol> }.into_any()
        }
    };
    view! {
        <Card title="Messages">
            <input type="hidden" name="written" value="blocks" />
            <FieldFault name="string" />
            <div data-unsaved=move || messages.touched.get().then_some("What you typed is not saved yet.")>
                {reactive(blocks)}
            </div>
            <div class="row checks-add">
                <button
                    type="submit"
                    class="button"
                    id="add"
                    name="step"
                    value="add"
                    on:click=move |event| {
                        event.prevent_default();
                        messages.add();
                    }
                >
                    <Glyph icon=Icon::Plus />
                    <span class="button-label">"Add message"</span>
                </button>
            </div>
        </Card>
    }
}

fn block(at: usize, live: Live, is_last: bool, messages: Messages) -> AnyView {
    let number = at + 1;
    let called = move |verb: &str| format!("{verb} message {number}");
    let name = |part: &str| format!("blocks.{at}.{part}");
    let choices = ROLES.iter().map(|(role, label)| Choice::new(*role, *label)).collect();
    view! {
        <li class="check-block">
            <div class="check-head">
                <div class="check-title" id=format!("message-{at}") tabindex="-1">
                    <span class="muted">{number}</span>
                    <Select
                        label=format!("Role of message {number}")
                        hide_label=true
                        compact=true
                        name=name("role")
                        choices
                        bind=live.role
                    />
                </div>
                <div class="check-steps">
                    {step("up", called("Move up"), at, Icon::ArrowUp, at == 0, move || messages.swap(at, at - 1, "up"))}
                    {step(
                        "down",
                        called("Move down"),
                        at,
                        Icon::ArrowDown,
                        is_last,
                        move || messages.swap(at, at + 1, "down"),
                    )}
                    {step("remove", called("Remove"), at, Icon::Close, false, move || messages.remove(at))}
                </div>
            </div>
            <Field
                label=format!("Text of message {number}")
                hide_label=true
                name=name("text")
                kind=FieldKind::Textarea { rows: 5 }
                mono=true
                bind=live.text
            />
        </li>
    }
    .into_any()
}
