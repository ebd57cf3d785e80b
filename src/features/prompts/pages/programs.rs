//! Programs that run a prompt by its slug.

use crate::ui::components::{Card, CodeTabs};
use leptos::prelude::*;
use serde_json::{Map, Value};

/// The card of all of them.
#[component]
pub(super) fn Programs(
    /// The address of this installation, without a trailing slash.
    url: String,
    slug: String,
    variables: Vec<String>,
    /// It is one text for a completion model.
    is_text: bool,
) -> impl IntoView {
    let hint = format!("They run the published version; {slug}@staging is the one at that label.");
    view! {
        <Card title="Run it from a program">
            <CodeTabs programs=programs(&url, &slug, &values(&variables), is_text)>
                <div class="hint">
                    "LATCHKEY_API_KEY holds the secret of an API key with Completions and Prompts: Read. "{hint}
                </div>
            </CodeTabs>
        </Card>
    }
}

/// Values to be replaced, as JSON: a name with dots is a value in an object.
fn values(variables: &[String]) -> String {
    let mut all = Map::new();
    for name in variables {
        let mut place = &mut all;
        let mut steps = name.split('.').peekable();
        while let Some(step) = steps.next() {
            let is_last = steps.peek().is_none();
            let inner = place.entry(step).or_insert_with(|| if is_last { "…".into() } else { Map::new().into() });
            let Value::Object(inner) = inner else { break };
            place = inner;
        }
    }
    Value::Object(all).to_string()
}

/// The call for the command line.
pub(super) fn curl(url: &str, slug: &str, values: &str) -> String {
    let values = values.replace('\'', r"'\''");
    format!(
        r#"curl {url}/v1/prompts/{slug}/completions \
  -H "Authorization: Bearer $LATCHKEY_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{{"variables": {values}}}'"#
    )
}

/// The call in each language: its name in the page, its name for people, the program.
fn programs(url: &str, slug: &str, values: &str, is_text: bool) -> Vec<(&'static str, &'static str, String)> {
    let (kind, module, said) = match is_text {
        true => ("Completion", "openai.types", "text"),
        false => ("ChatCompletion", "openai.types.chat", "message.content"),
    };
    let openai_python = format!(
        r#"import os
from openai import OpenAI
from {module} import {kind}

client = OpenAI(base_url="{url}/v1", api_key=os.environ["LATCHKEY_API_KEY"])
answer = client.post(
    "/prompts/{slug}/completions",
    body={{"variables": {values}}},
    cast_to={kind},
)
print(answer.choices[0].{said})"#
    );
    let openai_typescript = format!(
        r#"import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: "{url}/v1",
  apiKey: process.env.LATCHKEY_API_KEY,
}});
const answer = (await client.post("/prompts/{slug}/completions", {{
  body: {{ variables: {values} }},
}})) as OpenAI.{kind};
console.log(answer.choices[0].{said});"#
    );
    let portkey_python = format!(
        r#"import os
from portkey_ai import Portkey

client = Portkey(base_url="{url}/v1", api_key=os.environ["LATCHKEY_API_KEY"])
answer = client.prompts.completions.create(
    prompt_id="{slug}",
    variables={values},
)
print(answer.choices[0].{said})"#
    );
    let portkey_typescript = format!(
        r#"import {{ Portkey }} from "portkey-ai";

const client = new Portkey({{
  baseURL: "{url}/v1",
  apiKey: process.env.LATCHKEY_API_KEY,
}});
const answer = await client.prompts.completions.create({{
  promptID: "{slug}",
  variables: {values},
}});
console.log(answer.choices[0].{said});"#
    );
    vec![
        ("curl", "curl", curl(url, slug, values)),
        ("python", "OpenAI, Python", openai_python),
        ("typescript", "OpenAI, TypeScript", openai_typescript),
        ("portkey-python", "Portkey, Python", portkey_python),
        ("portkey-typescript", "Portkey, TypeScript", portkey_typescript),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_name_the_prompt_and_its_variables() {
        let values = values(&["order".to_owned(), "customer.name".to_owned(), "it's".to_owned()]);
        assert_eq!(values, r#"{"customer":{"name":"…"},"it's":"…","order":"…"}"#);
        for (_, label, program) in programs("https://keys.example.org", "support-reply", &values, false) {
            for part in
                ["https://keys.example.org/v1", "support-reply", r#""customer":{"name":"…"}"#, "LATCHKEY_API_KEY"]
            {
                assert!(program.contains(part), "{label}: {part}");
            }
            let quotes = program.matches('\'').count();
            assert!(
                label != "curl" || quotes == 5 && program.contains(r"it'\''s"),
                "a quote ends no argument: {program}"
            );
        }
    }
}
