//! Notes in the page, empty states, placeholders.
use super::Tone;
use crate::{
    policy::Tooth,
    ui::{
        bitting::{KeySize, Teeth, key_shape},
        icons::{Glyph, Icon},
    },
};
use leptos::prelude::*;

/// One line and one action. `Tone::Neutral` is the brass note; bad notes are announced at once.
#[component]
pub fn Note(
    /// Colour and icon.
    #[prop(optional)]
    tone: Tone,
    /// The line.
    children: Children,
    /// The action: a [`LinkButton`](super::LinkButton) or a form.
    #[prop(optional, into)]
    action: ViewFn,
) -> impl IntoView {
    let icon = match tone {
        Tone::Ok => Icon::Check,
        Tone::Warn => Icon::Clock,
        Tone::Bad => Icon::Alert,
        Tone::Info | Tone::Neutral => Icon::Info,
    };
    view! {
        <div class=format!("note {}", tone.class()) role=(tone == Tone::Bad).then_some("alert")>
            <Glyph icon />
            <div class="note-words">{children()}</div>
            <div class="note-action">{action.run()}</div>
        </div>
    }
}

/// What a place is for while nothing is in it: a title, a sentence, one example, the action.
#[component]
pub fn EmptyState(
    /// Title, an `h2`.
    #[prop(into)]
    title: String,
    /// What this is for.
    #[prop(into)]
    sentence: String,
    /// One example, such as a call to copy.
    #[prop(optional, into)]
    example: ViewFn,
    /// The action (its children).
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <KeyRing />
            <h2>{title}</h2>
            <div class="empty-sentence">{sentence}</div>
            {example.run()}
            {children.map(|children| view! { <div class="empty-actions">{children()}</div> })}
        </div>
    }
}

/// Three keys on a ring: the drawing of empty places.
#[component]
pub fn KeyRing() -> impl IntoView {
    let level = |at| Tooth::Level { of: 3, at };
    let mut teeth: [Teeth; 3] = [[Tooth::None; 8]; 3];
    teeth[0][1] = level(3);
    teeth[1][1..5].copy_from_slice(&[level(3), level(1), level(2), level(1)]);
    teeth[2] = [level(3); 8];
    let keys: Vec<_> = [(0, 56), (1, 0), (2, -56)]
        .into_iter()
        .map(|(index, turn)| {
            let shape = key_shape(&teeth[index], KeySize::List);
            // The ring's centre is the origin; each key hangs by its hole.
            let place = format!("rotate({turn}) translate(0 25) rotate(90) translate(-9.7 -11.75)");
            view! { <path transform=place fill-rule="evenodd" d=shape.outline></path> }
        })
        .collect();
    view! {
        <svg class="key-ring" viewBox="-104 -30 208 146" width="208" height="146" aria-hidden="true">
            <circle r="26"></circle>
            {keys}
        </svg>
    }
}

/// Rows of the size of what is to come; hidden from assistive technology and shown only after 150 ms.
#[component]
pub fn Skeleton(
    /// Number of rows.
    rows: usize,
) -> impl IntoView {
    let rows: Vec<_> =
        (0..rows).map(|_| view! { <div class="skeleton-row"><span></span><span></span><span></span></div> }).collect();
    view! { <div class="skeleton" aria-hidden="true">{rows}</div> }
}
