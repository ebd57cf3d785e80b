//! A question over the page, which rests meanwhile.
use crate::ui::reactive;
use leptos::prelude::*;

/// A modal dialog. The element with `autofocus` inside has focus first: the harmless button, where the dialog warns.
/// Escape closes it, and focus goes back to where it was.
#[component]
pub fn Dialog(
    /// Id, unique in the page.
    id: &'static str,
    /// Whether it is shown.
    open: RwSignal<bool>,
    /// Heading.
    #[prop(into)]
    title: Signal<String>,
    /// What is asked.
    #[prop(into)]
    words: Signal<String>,
    /// Fields and buttons, made anew each time that it is shown.
    children: ChildrenFn,
) -> impl IntoView {
    let node = NodeRef::<leptos::html::Dialog>::new();
    // It is about to be shown: what closed it before may be told only now.
    let coming = StoredValue::new(false);
    Effect::new(move |_| {
        let (Some(dialog), wanted) = (node.get(), open.get()) else { return };
        if !wanted && dialog.open() {
            dialog.close();
        }
        if wanted && !dialog.open() {
            coming.set_value(true);
            // Focus is given to what stands inside by then.
            request_animation_frame(move || {
                coming.set_value(false);
                if open.get_untracked() {
                    let _ = dialog.show_modal();
                }
            });
        }
    });
    let (heading, sentence) = (format!("{id}-title"), format!("{id}-words"));
    let (heading_id, sentence_id) = (heading.clone(), sentence.clone());
    view! {
        <dialog
            id=id
            class="dialog"
            role="alertdialog"
            node_ref=node
            aria-labelledby=heading_id
            aria-describedby=sentence_id
            on:cancel=move |_: leptos::ev::Event| open.set(false)
            on:close=move |_| {
                if !coming.get_value() {
                    open.set(false);
                }
            }
        >
            {reactive(move || {
                open.get()
                    .then(|| {
                        view! {
                            <h2 id=heading.clone()>{title.get()}</h2>
                            <p id=sentence.clone()>{words.get()}</p>
                            {children()}
                        }
                    })
            })}
        </dialog>
    }
}
