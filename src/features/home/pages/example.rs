//! The example of a call, in three languages: tabs made of radio buttons, which need no JavaScript.

use crate::{features::home::model::Example, ui::components::CodeBlock};
use leptos::prelude::*;

#[component]
pub fn ExampleCall(example: Example) -> impl IntoView {
    let programs = example.programs();
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
    let secret = match &example.key {
        Some(key) => format!("In place of {} goes the secret of {key}, which was shown once.", example.secret()),
        None => format!("In place of {} goes the secret of an API key.", example.secret()),
    };
    view! {
        <div class="code-tabs">
            <fieldset class="code-tablist">
                <legend class="vh">"Language of the example"</legend>
                {tabs}
            </fieldset>
            {panes}
            <div class="hint">{secret}</div>
        </div>
    }
}
