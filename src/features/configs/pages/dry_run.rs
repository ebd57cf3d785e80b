//! Trying which way a request would take. Without JavaScript it is asked of what is stored, and stands in the address; once
//! the page is alive it is asked of what is typed.

use super::fields::Typing;
use crate::{
    features::configs::{functions::TryConfig, model::TryForm},
    policy::Operation,
    routing::{Explanation, Item, Kind, Outline, Verdict},
    site::routes::Path,
    ui::{
        can,
        components::{Button, Card, Choice, Field, PlaceLink, Select},
        form::{Refusal, use_form},
        icons::{Glyph, Icon},
        reactive,
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use std::collections::BTreeMap;

/// Before the path of a target, in the address.
const AT: &str = "at.";
/// Targets of which one can suppose something.
const MOST: usize = 20;
/// What a target can be supposed to answer, with the words for it.
const ANSWERS: [(&str, &str); 7] = [
    ("", "working"),
    ("429", "answering 429"),
    ("500", "answering 500"),
    ("503", "answering 503"),
    ("401", "answering 401"),
    ("timeout", "timing out"),
    ("unreachable", "unreachable"),
];
/// Paths that are called, with the words for them.
const PATHS: [(&str, &str); 5] = [
    ("", "Chat completions"),
    ("/v1/messages", "Messages"),
    ("/v1/responses", "Responses"),
    ("/v1/embeddings", "Embeddings"),
    ("/v1/completions", "Completions"),
];

/// What the address asks to try.
pub(super) fn asked() -> TryForm {
    use_query_map().with(|query| {
        let part = |name: &str| query.get(name).unwrap_or_default();
        let at = query.latest_values().filter_map(|(name, value)| {
            let path = name.strip_prefix(AT).filter(|path| !path.contains(char::is_whitespace))?;
            (!value.is_empty()).then(|| format!("{path}={value}"))
        });
        // As a link may have it; a form has a field for each target.
        let suppose = part("suppose");
        let all: Vec<_> = suppose.split_whitespace().map(str::to_owned).chain(at).collect();
        TryForm {
            dry: part("dry"),
            model: part("model"),
            metadata: part("metadata"),
            path: part("path"),
            suppose: all.join(" "),
        }
    })
}

/// The form, and what came of it.
#[component]
pub(super) fn TryIt(
    typing: Typing,
    slug: String,
    /// The page's own address.
    page: Path,
    /// What the address asks for.
    asked: TryForm,
    /// Why that was not tried.
    not_tried: Option<String>,
) -> impl IntoView {
    let form = use_form::<TryConfig>();
    let model = RwSignal::new(asked.model.clone());
    let metadata = RwSignal::new(asked.metadata.clone());
    let path = RwSignal::new(asked.path.clone());
    let supposed = asked.suppose.split(' ').filter_map(|part| part.rsplit_once('='));
    let answers: BTreeMap<String, String> = supposed.map(|(at, word)| (at.to_owned(), word.to_owned())).collect();
    let answers = RwSignal::new(answers);
    let sent = StoredValue::new(String::new());
    Effect::new(move |_| {
        if let Some(found) = form.done()
            // What was found of another text than the one that stands there now says nothing.
            && typing.text.with_untracked(|text| sent.with_value(|sent| sent == text))
        {
            typing.tried.set(Some(found));
        }
    });
    let ask = move || {
        let suppose = answers.with_untracked(|answers| {
            let all = answers.iter().filter(|(_, word)| !word.is_empty());
            all.map(|(at, word)| format!("{at}={word}")).collect::<Vec<_>>().join(" ")
        });
        let dry_run = TryForm {
            dry: "yes".into(),
            model: model.get_untracked(),
            metadata: metadata.get_untracked(),
            path: path.get_untracked(),
            suppose,
        };
        let config = typing.text.get_untracked();
        sent.set_value(config.clone());
        form.send(&TryConfig { slug: slug.clone(), config, dry_run });
    };
    let leaves =
        Memo::new(move |_| typing.checked.with(|checked| checked.outline.as_ref().map(leaves).unwrap_or_default()));
    let suppose = move || {
        let selects = leaves.get().into_iter().map(|(at, words)| suppose(at, &words, answers));
        view! { <Selects items=selects.collect() /> }
    };
    let paths = PATHS.into_iter().map(|(path, words)| Choice::new(path, words)).collect();
    view! {
        <Card title="Try it">
            <form
                class="stack"
                method="get"
                action=page.to_string()
                on:submit=move |event| {
                    event.prevent_default();
                    ask();
                }
            >
                <input type="hidden" name="dry" value="yes" />
                <p class="hint">"No provider is called, and nothing is counted."</p>
                <div class="fields">
                    <Field label="Model asked for" name="model" mono=true bind=model optional=true autocomplete="off" />
                    <Select label="Call" name="path" choices=paths bind=path selected=asked.path />
                </div>
                <Field
                    label="Metadata"
                    name="metadata"
                    mono=true
                    bind=metadata
                    optional=true
                    placeholder=r#"{"plan": "paid"}"#
                    autocomplete="off"
                />
                {reactive(suppose)}
                <div class="row"><Button label="Show the route" busy=form.busy() /></div>
                <Refusal form />
                {not_tried.map(|sentence| view! { <p class="error">{sentence}</p> })}
            </form>
            <div role="status">
                {reactive(move || typing.tried.get().map(|found| view! { <Found found typing /> }))}
            </div>
        </Card>
    }
}

#[component]
fn Selects(items: Vec<AnyView>) -> impl IntoView {
    (!items.is_empty()).then(|| view! { <div class="fields">{items}</div> })
}

/// What one target is supposed to answer.
fn suppose(at: String, words: &str, answers: RwSignal<BTreeMap<String, String>>) -> AnyView {
    let now = answers.with_untracked(|answers| answers.get(&at).cloned()).unwrap_or_default();
    let choices = ANSWERS.into_iter().map(|(word, words)| Choice::new(word, words)).collect();
    let (name, id) = (format!("{AT}{at}"), format!("suppose-{at}"));
    let set = Callback::new(move |word: String| {
        answers.update(|answers| drop(answers.insert(at.clone(), word)));
    });
    view! { <Select label=format!("Pretend {words} is") name id choices selected=now on_change=set /> }.into_any()
}

/// The targets that are asked themselves: the path of each, and the words for it, which no two have alike.
fn leaves(outline: &Outline) -> Vec<(String, String)> {
    fn add(item: &Item, within: Option<&str>, all: &mut Vec<(String, String)>) {
        let name = item.name.as_deref().or(within);
        if let Kind::Target { virtual_key, .. } = &item.kind {
            let slug =
                virtual_key.as_ref().map_or_else(|| "the request’s provider".to_owned(), |slug| format!("@{slug}"));
            let words = name.map_or_else(|| slug.clone(), |name| format!("{slug} ({name})"));
            all.push((item.path.clone(), words));
        }
        item.targets.iter().for_each(|target| add(target, name, all));
    }
    let mut all = vec![];
    add(&outline.root, None, &mut all);
    all.truncate(MOST);
    let words: Vec<_> = all.iter().map(|(_, words)| words.clone()).collect();
    for (path, own) in &mut all {
        if words.iter().filter(|words| *words == own).count() > 1 {
            *own = format!("{own}, {}", path.trim_start_matches("config."));
        }
    }
    all
}

/// Where the request would go, and why, step by step.
#[component]
fn Found(found: Explanation, typing: Typing) -> impl IntoView {
    let Explanation { reached, status, steps, .. } = found;
    let read_only = !can(Operation::ConfigUpdate);
    let well = (200..300).contains(&status);
    let end = match reached {
        Some(reached) => {
            let who =
                reached.virtual_key.map_or_else(|| "the request’s own provider".to_owned(), |slug| format!("@{slug}"));
            let model = reached.model.map(|model| format!(" as {model}")).unwrap_or_default();
            if well { format!("Goes to {who}{model}") } else { format!("Ends at {who}{model}, with {status}") }
        }
        None => format!("No provider is called: the call is refused with {status}"),
    };
    let steps: Vec<_> = steps
        .into_iter()
        .map(|step| {
            let (icon, class, word) = match step.verdict {
                Verdict::Yes => (Icon::Check, "tone-ok", "Holds: "),
                Verdict::No => (Icon::Minus, "tone-neutral", "Passed over: "),
                Verdict::Onward => (Icon::ArrowDown, "tone-warn", "Goes on: "),
                Verdict::Failed => (Icon::Close, "tone-bad", "Ends: "),
            };
            view! {
                <li class=class>
                    <Glyph icon />
                    <span class="chain-words"><span class="vh">{word}</span>{step.words}</span>
                    <PlaceLink field="config".to_owned() text=typing.text read_only line=step.line column=0 />
                </li>
            }
        })
        .collect();
    view! {
        <div class="chain-end" class:chain-bad=!well>
            <Glyph icon=if well { Icon::Check } else { Icon::Alert } />
            <strong>{end}</strong>
        </div>
        <ol class="chain">{steps}</ol>
    }
}
