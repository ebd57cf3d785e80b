//! The example of a call, in three languages.

use crate::{features::home::model::Example, ui::components::CodeTabs};
use leptos::prelude::*;

#[component]
pub fn ExampleCall(example: Example) -> impl IntoView {
    let secret = match &example.key {
        Some(key) => format!("In place of {} goes the secret of {key}, which was shown once.", example.secret()),
        None => format!("In place of {} goes the secret of an API key.", example.secret()),
    };
    view! {
        <CodeTabs programs=example.programs().into()>
            <div class="hint">{secret}</div>
        </CodeTabs>
    }
}
