//! Copying, and secrets that are shown once.
use super::{announce, dom};
use crate::ui::{
    icons::{Glyph, Icon},
    reactive,
};
use leptos::prelude::*;
use std::time::Duration;

/// Copies a text and says so in its words and to assistive technology. Without the clipboard it selects the text of the
/// element `target` and asks for Ctrl-C. It appears once the page is hydrated; its place is kept.
#[component]
pub fn CopyButton(
    /// What is copied.
    #[prop(into)]
    value: String,
    /// What it is, for the accessible name: "secret", "request id".
    #[prop(into)]
    what: String,
    /// Id of the element that shows the text.
    #[prop(into)]
    target: String,
    /// Icon alone, for rows.
    #[prop(optional)]
    icon_only: bool,
    /// Called once the text was copied or selected.
    #[prop(optional, into)]
    on_copied: Option<Callback<()>>,
) -> impl IntoView {
    let said = RwSignal::new("Copy");
    let press = move |_| {
        let (target, shown) = (target.clone(), move |copied: bool| {
            let _ = said.try_set(if copied { "Copied" } else { "Press Ctrl-C" });
            set_timeout(
                move || {
                    let _ = said.try_set("Copy");
                },
                Duration::from_secs(4),
            );
        });
        dom::copy(&value, move |copied| {
            shown(copied);
            if copied {
                announce("Copied");
            } else {
                if let Some(element) = dom::by_id(&target) {
                    dom::select_text(&element);
                }
                announce("Selected. Press Ctrl-C to copy.");
            }
            if let Some(on_copied) = on_copied {
                on_copied.run(());
            }
        });
    };
    view! {
        <button type="button" class="button copy needs-js" class:button-quiet=icon_only on:click=press>
            {reactive(move || view! { <Glyph icon=if said.get() == "Copied" { Icon::Check } else { Icon::Copy } /> })}
            <span class="copy-words" class:copy-short=move || icon_only && said.get() == "Copy">{reactive(move || said.get())}</span>
            <span class="vh">{format!(" {what}")}</span>
        </button>
    }
}

/// A secret in a box: monospaced, whole, selected by one click, with Copy. It is shown this once: until it is saved, the
/// page is not left without a question.
#[component]
pub fn SecretBox(
    /// Id, unique in the page.
    #[prop(into)]
    id: String,
    /// What it is: "secret of ci-deploy".
    #[prop(into)]
    what: String,
    /// The secret.
    #[prop(into)]
    value: String,
    /// Whether it is known to be saved: true once it was copied or selected, and whenever the page says so.
    #[prop(optional)]
    saved: Option<RwSignal<bool>>,
) -> impl IntoView {
    let saved = saved.unwrap_or_else(|| RwSignal::new(false));
    let on_copied = Callback::new(move |()| saved.set(true));
    let unsaved = format!("The {what} is not saved yet, and cannot be shown again.");
    view! {
        <div class="secret" data-unsaved=move || (!saved.get()).then(|| unsaved.clone())>
            <code id=id.clone() tabindex="0" role="group" aria-label=what.clone()>{value.clone()}</code>
            <CopyButton value what target=id on_copied />
        </div>
    }
}

/// An id with its copy button, in one line.
#[component]
pub fn CopyText(
    /// Id, unique in the page.
    #[prop(into)]
    id: String,
    /// What it is: "request id".
    #[prop(into)]
    what: String,
    /// The text.
    #[prop(into)]
    value: String,
) -> impl IntoView {
    view! {
        <span class="copy-text">
            <code id=id.clone()>{value.clone()}</code>
            <CopyButton value what target=id icon_only=true />
        </span>
    }
}

/// A piece of code with its copy button: a call to try.
#[component]
pub fn CodeBlock(
    /// Id, unique in the page.
    #[prop(into)]
    id: String,
    /// What it is: "example call".
    #[prop(into)]
    what: String,
    /// The code.
    #[prop(into)]
    code: String,
) -> impl IntoView {
    view! {
        <div class="code-block">
            <div class="code-top">
                <span>{what.clone()}</span>
                <CopyButton value=code.clone() what=what.clone() target=id.clone() />
            </div>
            <pre tabindex="0" role="group" aria-label=what>
                <code id=id>{code}</code>
            </pre>
        </div>
    }
}

/// Programs that do the same, each behind a tab made of a radio button, which needs no JavaScript. What is said of all of
/// them stands below.
#[component]
pub fn CodeTabs(
    /// Of each its name in the page, for which `code.css` has a rule, its name for people, and the code.
    programs: Vec<(&'static str, &'static str, String)>,
    /// What stands below.
    children: Children,
) -> impl IntoView {
    let tabs: Vec<_> = programs
        .iter()
        .enumerate()
        .map(|(index, (name, label, _))| {
            view! {
                <label class="code-tab">
                    <input type="radio" name="language" value=*name checked=index == 0 />
                    <span>{*label}</span>
                </label>
            }
        })
        .collect();
    let panes: Vec<_> = programs
        .into_iter()
        .map(|(name, label, code)| {
            let class = format!("code-pane code-pane-{name}");
            let what = format!("example in {label}");
            view! { <div class=class><CodeBlock id=format!("example-{name}") what code /></div> }
        })
        .collect();
    view! {
        <div class="code-tabs">
            <fieldset class="code-tablist">
                <legend class="vh">"Language of the example"</legend>
                {tabs}
            </fieldset>
            {panes}
            {children()}
        </div>
    }
}
