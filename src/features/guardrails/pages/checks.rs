//! The checks of a guardrail as blocks: added, moved, removed, each with the fields that the catalogue says. Without
//! JavaScript the same buttons post the form, which comes back with what was typed.

use crate::{
    features::guardrails::model::{Block, MOST_CHECKS},
    guardrails::catalogue::{self, CHECKS, Kind, Known, Parameter},
    ui::{
        components::{
            Card, Checkbox, Checkboxes, Choice, Field, FieldFault, FieldKind, Select, announce, focus_on, step,
        },
        form::AnyForm,
        icons::{Glyph, Icon},
        reactive,
    },
};
use leptos::prelude::*;
use std::collections::BTreeMap;

/// A check that is being typed: what its fields hold lives on when it is moved.
#[derive(Clone)]
struct Live {
    id: String,
    name: RwSignal<String>,
    is_enabled: RwSignal<bool>,
    values: BTreeMap<String, RwSignal<String>>,
    rest: RwSignal<String>,
}

impl Live {
    fn of(block: Block) -> Self {
        Self {
            id: block.id,
            name: RwSignal::new(block.name),
            is_enabled: RwSignal::new(block.is_enabled),
            values: block.values.into_iter().map(|(name, value)| (name, RwSignal::new(value))).collect(),
            rest: RwSignal::new(block.rest),
        }
    }

    /// A new one, with nothing typed yet.
    fn new(known: &Known) -> Self {
        let usual = |parameter: &Parameter| match parameter.kind {
            Kind::Flag(true) => "yes",
            Kind::Choice(choices) => choices.first().map_or("", |(value, _)| value),
            _ => "",
        };
        let value = |parameter: &Parameter| (parameter.name.to_owned(), usual(parameter).to_owned());
        Self::of(Block {
            id: known.id.to_owned(),
            is_enabled: true,
            values: known.parameters.iter().map(value).collect(),
            ..Block::default()
        })
    }

    fn block(&self) -> Block {
        Block {
            id: self.id.clone(),
            name: self.name.get_untracked(),
            is_enabled: self.is_enabled.get_untracked(),
            values: self.values.iter().map(|(name, value)| (name.clone(), value.get_untracked())).collect(),
            rest: self.rest.get_untracked(),
        }
    }
}

/// The checks as they are typed.
#[derive(Clone, Copy)]
pub(super) struct Checks {
    live: RwSignal<Vec<Live>>,
    /// What the signals of the blocks belong to.
    owner: StoredValue<Owner>,
    form: AnyForm,
    /// Checks were added, moved or removed: that no field's own value tells.
    touched: RwSignal<bool>,
}

impl Checks {
    pub fn new(blocks: Vec<Block>, form: impl Into<AnyForm>) -> Self {
        let owner = StoredValue::new(Owner::current().unwrap_or_default());
        Self {
            live: RwSignal::new(blocks.into_iter().map(Live::of).collect()),
            owner,
            form: form.into(),
            touched: RwSignal::new(false),
        }
    }

    /// What is typed.
    pub fn blocks(self) -> Vec<Block> {
        self.live.with_untracked(|live| live.iter().map(Live::block).collect())
    }

    /// Puts what is stored in their place.
    pub fn set(self, blocks: Vec<Block>) {
        self.change(|live| *live = blocks.into_iter().map(Live::of).collect());
        self.touched.set(false);
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
        announce(&format!("Check {}, now {} of {}", at + 1, other + 1, last + 1));
    }

    fn remove(self, at: usize) {
        self.change(|live| drop(live.remove(at)));
        let left = self.live.with_untracked(Vec::len);
        focus_on(if left == 0 { "add".to_owned() } else { format!("remove-{}", at.min(left - 1)) });
        announce(&format!("Check {} removed", at + 1));
    }

    fn add(self, id: &str) {
        let Some(known) = catalogue::find(id) else { return };
        let at = self.live.with_untracked(Vec::len);
        if at < MOST_CHECKS {
            self.change(|live| live.push(Live::new(known)));
            focus_on(format!("check-{at}"));
            announce(&format!("{} added", known.label));
        }
    }
}

/// The card of all checks.
#[component]
pub(super) fn ChecksCard(checks: Checks) -> impl IntoView {
    let add = RwSignal::new(CHECKS[0].id.to_owned());
    let choices: Vec<_> = CHECKS.iter().map(|known| Choice::new(known.id, known.label)).collect();
    let blocks = move || {
        let live = checks.live.get();
        let last = live.len().saturating_sub(1);
        let blocks: Vec<_> =
            live.into_iter().enumerate().map(|(at, live)| block(at, live, at == last, checks)).collect();
        if blocks.is_empty() {
            view! { <p class="muted">"None yet. A guardrail has at least one."</p> }.into_any()
        } else {
            view! { <ol class="checks">{blocks}</ol> }.into_any()
        }
    };
    view! {
        <Card title="Checks">
            <FieldFault name="checks" />
            <div data-unsaved=move || checks.touched.get().then_some("What you typed is not saved yet.")>{reactive(blocks)}</div>
            <div class="row checks-add" data-scratch="">
                <Select label="Another check" hide_label=true name="add" choices bind=add selected=CHECKS[0].id.to_owned() />
                <button
                    type="submit"
                    class="button"
                    name="step"
                    value="add"
                    on:click=move |event| {
                        event.prevent_default();
                        checks.add(&add.get_untracked());
                    }
                >
                    <Glyph icon=Icon::Plus />
                    <span class="button-label">"Add check"</span>
                </button>
            </div>
        </Card>
    }
}

fn block(at: usize, live: Live, is_last: bool, checks: Checks) -> AnyView {
    let known = catalogue::find(&live.id);
    let label = known.map_or(live.id.as_str(), |known| known.label);
    let about = known.map_or("", |known| known.about);
    let number = at + 1;
    let called = move |verb: &str| format!("{verb} check {number}");
    let name = |part: &str| format!("checks.{at}.{part}");
    let enabled = live.is_enabled;
    let fields: Vec<_> = known
        .map_or(&[][..], |known| known.parameters)
        .iter()
        .filter_map(|parameter| Some(field(at, parameter, *live.values.get(parameter.name)?)))
        .collect();
    let has_rest = known.is_none_or(|known| known.parameters.is_empty()) || !live.rest.with_untracked(String::is_empty);
    let rest = has_rest.then(|| {
        view! {
            <Field
                label="Parameters as JSON"
                name=name("parameters")
                kind=FieldKind::Textarea { rows: 4 }
                mono=true
                bind=live.rest
            />
        }
    });
    let only_requests = known.is_some_and(|known| known.only_requests).then(|| {
        view! { <span class="tag tag-plain">"requests alone"</span> }
    });
    view! {
        <li class="check-block" class:check-off=move || !enabled.get()>
            <input type="hidden" name=name("id") value=live.id.clone() />
            <div class="check-head">
                <div class="check-title" id=format!("check-{at}") tabindex="-1">
                    <span class="muted">{number}</span>
                    <strong>{label.to_owned()}</strong>
                    <span class="hint">{about}</span>
                    {only_requests}
                </div>
                <div class="check-steps">
                    {step("up", called("Move up"), at, Icon::ArrowUp, at == 0, move || checks.swap(at, at - 1, "up"))}
                    {step("down", called("Move down"), at, Icon::ArrowDown, is_last, move || checks.swap(at, at + 1, "down"))}
                    {step("remove", called("Remove"), at, Icon::Close, false, move || checks.remove(at))}
                </div>
            </div>
            <FieldFault name=name("id") />
            <div class="check-fields">{fields}</div>
            {rest}
            <details class="check-more">
                <summary>"Name, on or off"</summary>
                <div class="check-fields">
                    <Field
                        label="Called"
                        name=name("name")
                        bind=live.name
                        optional=true
                        autocomplete="off"
                        hint=Signal::stored("In the bench and the log.".to_owned())
                    />
                    <Checkbox
                        label="Switched on"
                        name=name("is_enabled")
                        value="yes"
                        checked=enabled.get_untracked()
                        on_change=Callback::new(move |on| enabled.set(on))
                    />
                </div>
            </details>
        </li>
    }
    .into_any()
}

fn choices(words: &[(&'static str, &'static str)]) -> Vec<Choice> {
    words.iter().map(|(value, label)| Choice::new(*value, *label)).collect()
}

/// The field of one parameter.
fn field(at: usize, parameter: &'static Parameter, bind: RwSignal<String>) -> AnyView {
    let Parameter { label, hint, kind, .. } = *parameter;
    let name = format!("checks.{at}.parameters.{}", parameter.name);
    let hinted = Signal::stored(hint.to_owned());
    let lines = |rows: u8, mono: bool| {
        let (name, kind) = (name.clone(), FieldKind::Textarea { rows });
        if hint.is_empty() {
            view! { <div class="wide"><Field label name kind mono bind /></div> }.into_any()
        } else {
            view! { <div class="wide"><Field label name kind mono bind hint=hinted /></div> }.into_any()
        }
    };
    match kind {
        Kind::Lines => lines(3, false),
        Kind::Json => lines(5, true),
        Kind::Line | Kind::Exact | Kind::Number => {
            let mono = kind == Kind::Exact;
            let field = if hint.is_empty() {
                view! { <Field label name mono bind autocomplete="off" /> }.into_any()
            } else {
                view! { <Field label name mono bind autocomplete="off" hint=hinted /> }.into_any()
            };
            view! { <div class:wide=kind != Kind::Number>{field}</div> }.into_any()
        }
        Kind::Flag(_) => {
            let checked = bind.with_untracked(|value| !value.is_empty());
            let set = Callback::new(move |on: bool| bind.set(if on { "yes".to_owned() } else { String::new() }));
            view! { <div class="wide"><Checkbox label name value="yes" checked on_change=set /></div> }.into_any()
        }
        Kind::Choice(words) => {
            let choices = choices(words);
            view! { <Select label name choices bind /> }.into_any()
        }
        Kind::Marks(words) => {
            let choices = choices(words);
            view! { <div class="wide"><Checkboxes legend=label name choices bind /></div> }.into_any()
        }
    }
}
