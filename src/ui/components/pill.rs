//! Small marks: states, tags, people, levels.
use crate::kernel::text::initials;
use leptos::prelude::*;

/// What a state means for the reader; the word says what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Ok,
    /// Wants a look.
    Warn,
    /// Wrong, refused, failed.
    Bad,
    /// Under way.
    Info,
    /// Neither.
    #[default]
    Neutral,
}

impl Tone {
    /// The class that colours a mark.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Ok => "tone-ok",
            Self::Warn => "tone-warn",
            Self::Bad => "tone-bad",
            Self::Info => "tone-info",
            Self::Neutral => "tone-neutral",
        }
    }
}

/// A state: dot and word.
#[component]
pub fn Pill(
    /// Colour.
    tone: Tone,
    /// The state in words.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    view! { <span class=format!("pill {}", tone.class())>{label}</span> }
}

/// A tag beside a name: "You", "Master". Brass marks what is special, plain what is merely so.
#[component]
pub fn Tag(
    /// The word.
    #[prop(into)]
    label: String,
    /// Without brass.
    #[prop(optional)]
    plain: bool,
) -> impl IntoView {
    view! { <span class="tag" class:tag-plain=plain>{label}</span> }
}

/// One of eight hues for a name, always the same one.
fn hue(name: &str) -> u32 {
    name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 8
}

/// A person's initials in a circle of their own hue. Decoration: the name stands beside it.
#[component]
pub fn Avatar(
    /// The person's name.
    #[prop(into)]
    name: String,
) -> impl IntoView {
    view! { <span class=format!("avatar hue-{}", hue(&name)) aria-hidden="true">{initials(&name)}</span> }
}

/// An organisation's initials in a square. Decoration: the name stands beside it.
#[component]
pub fn OrgMark(
    /// Its initials.
    #[prop(into)]
    initials: String,
    /// The current one is brass.
    #[prop(optional)]
    current: bool,
) -> impl IntoView {
    view! { <span class="org-mark" class:org-mark-current=current aria-hidden="true">{initials}</span> }
}

/// One to three small bars, filled with brass up to the level. Decoration: the level stands beside it in words.
#[component]
pub fn LevelSteps(
    /// Number of levels above none, 1 to 3.
    of: u8,
    /// The level held.
    #[prop(into)]
    at: Signal<u8>,
) -> impl IntoView {
    let bars: Vec<_> = (1..=of.clamp(1, 3))
        .map(|step| view! { <span class="step" class:step-on={move || at.get().ge(&step)}></span> })
        .collect();
    view! { <span class="steps" aria-hidden="true">{bars}</span> }
}
