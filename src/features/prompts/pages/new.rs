//! A new prompt or partial: from nothing, or from one that is there.

use super::{
    fields::{NameCard, PublishBox, SettingsCard, TextCard, Writing, first_messages},
    title,
    try_it::TryIt,
};
use crate::{
    features::{
        logs::{
            functions::ReplayCall,
            texts::{Replay, Turn},
        },
        prompts::{
            functions::{CreatePartial, CreatePrompt, LoadNewPrompt},
            model::{Block, Content, Kind, LIMITS, NewPrompt, ROLES},
            paths,
        },
        versions::pages::MessageField,
    },
    kernel::text,
    site::routes,
    ui::{
        Loaded, Problem,
        components::{Button, Card, LinkButton, Look, Note, PageHeader, Tone},
        form::{AnyForm, Form, FormFor, use_form},
        load,
        pages::{param, use_slug},
        reactive, refusal,
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn NewPage(kind: Kind) -> impl IntoView {
    if let Some(error) = refusal(kind.acts().create) {
        return view! { <Problem error /> }.into_any();
    }
    let (slug, query) = (use_slug(), use_query_map());
    let part = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    let form: AnyForm = match kind {
        Kind::Prompt => use_form::<CreatePrompt>().into(),
        Kind::Partial => use_form::<CreatePartial>().into(),
    };
    let partial = if kind == Kind::Partial { "yes" } else { "" };
    let new = load(move || LoadNewPrompt { slug: slug.get(), partial: partial.to_owned(), from: part("from") });
    let is_text = Memo::new(move |_| part("form") == "text");
    let call = Memo::new(move |_| part("call"));
    let replay = use_form::<ReplayCall>();
    let view = move |new: NewPrompt| {
        let slug = param("slug");
        let inside = move || {
            let (new, slug, is_text) = (new.clone(), slug.clone(), is_text.get());
            if kind == Kind::Partial || call.with(String::is_empty) {
                return view! { <Inside kind new slug is_text form /> }.into_any();
            }
            match replay.done() {
                Some(replay) => {
                    let is_cut = replay.is_cut;
                    let new = NewPrompt { content: of_call(replay), ..new };
                    view! { <Inside kind new slug is_text=false form of_call=Some(is_cut) /> }.into_any()
                }
                // The browser has posted it, and it comes back with what was typed.
                None if form.typed_all().is_some() => {
                    view! { <Inside kind new slug is_text=false form of_call=Some(false) /> }.into_any()
                }
                None => view! { <OfCall id=call.get() slug form=replay /> }.into_any(),
            }
        };
        view! { {reactive(inside)} }.into_any()
    };
    view! {
        {title(&format!("New {}", kind.name()))}
        <Loaded data=new view />
    }
    .into_any()
}

/// Asks whether the request of a call is to be read, which is told of in the audit log.
#[component]
fn OfCall(id: String, slug: String, form: Form<ReplayCall>) -> impl IntoView {
    let back = id.parse().map_or_else(|_| routes::logs(&slug), |id| routes::log(&slug, id));
    view! {
        <PageHeader
            title="New prompt"
            sentence=|| "It begins with the messages and the model of a call. Nothing is sent or saved before you say so."
        />
        <Card>
            <FormFor form problem="The call is not read">
                <input type="hidden" name="id" value=id />
                <p class="hint">"The audit log tells who has read the request, and when."</p>
                <div class="row">
                    <Button look=Look::Primary label="Fill in the messages of the call" id="replay" busy=form.busy() />
                    <LinkButton label="Back to the call" href=back />
                </div>
            </FormFor>
        </Card>
    }
}

/// A prompt that asks what a call has asked. What no message can say, such as a call of a tool, is left out.
fn of_call(replay: Replay) -> Content {
    let Replay { model, virtual_key, turns, .. } = replay;
    let mut blocks: Vec<Block> = vec![];
    for Turn { who, words } in turns {
        let role = match who.as_str() {
            "input" | "prompt" | "query" => "user",
            who => who,
        };
        if !ROLES.iter().any(|(known, _)| *known == role) {
            continue;
        }
        match blocks.last_mut() {
            // The parts of a message.
            Some(last) if last.role == role => last.text = format!("{}\n{words}", last.text),
            _ => blocks.push(Block { role: role.to_owned(), text: words }),
        }
    }
    let string = serde_json::to_string(&blocks).unwrap_or_default();
    Content { string, form: "chat".to_owned(), model, virtual_key, ..Content::default() }
}

#[component]
fn Inside(
    kind: Kind,
    new: NewPrompt,
    slug: String,
    is_text: bool,
    form: AnyForm,
    /// It begins with a call; and whether only the beginning of what that has asked is kept.
    #[prop(optional_no_strip)]
    of_call: Option<bool>,
) -> impl IntoView {
    let NewPrompt { copy_of, content, choices } = new;
    let is_new = copy_of.is_none() && kind == Kind::Prompt && of_call.is_none();
    let content = match is_new {
        true if is_text => Content { form: "text".to_owned(), ..content },
        true => Content { string: first_messages(), form: "chat".to_owned(), ..content },
        false => content,
    };
    let sentence = match &copy_of {
        Some(name) => format!("It begins with the text of {name}."),
        None if of_call.is_some() => {
            "It begins with the messages of a call. A name in double braces is read as a variable.".to_owned()
        }
        None if kind == Kind::Prompt => "A name in double braces, such as {{question}}, is a variable.".to_owned(),
        None => "Prompts put it in with {{>name}}, once it is published.".to_owned(),
    };
    let name = copy_of.as_ref().map(|name| format!("{} copy", text::cut(name, 95))).unwrap_or_default();
    let writing = Writing::of(kind, &content, form);
    let content = Signal::stored(content);
    let (organisation, offered) = (slug.clone(), choices.clone());
    // Made inside the form: its fields ask the form around them.
    let settings = move || {
        (kind == Kind::Prompt).then(|| {
            view! {
                <SettingsCard choices=offered content is_strict=Signal::stored("no".to_owned()) />
                <TryIt slug=organisation around=form variables=vec![] />
            }
        })
    };
    view! {
        <PageHeader title=format!("New {}", kind.name()) sentence=move || sentence.clone() />
        {(of_call == Some(true))
            .then(|| view! { <Note tone=Tone::Warn>"Only the beginning of what the call has asked is kept."</Note> })}
        {is_new.then(|| view! { <Ways slug=slug.clone() is_text /> })}
        <FormFor form problem=format!("This {} is not made yet", kind.name()) limits=LIMITS>
            <div class="version-bar">
                <MessageField />
                <div class="save-bar">
                    <LinkButton label="Cancel" href=paths::list(kind, &slug) />
                    <Button look=Look::Primary label=format!("Create {}", kind.name()) id="save" busy=form.busy() />
                </div>
            </div>
            <PublishBox publish=kind.acts().publish form />
            <div class="bench">
                <div class="stack">
                    <NameCard choices name=Signal::stored(name) folder=Signal::stored(String::new()) />
                    <TextCard kind writing content />
                </div>
                <div class="stack">{settings()}</div>
            </div>
        </FormFor>
    }
}

/// Messages or one text, as links.
#[component]
fn Ways(slug: String, is_text: bool) -> impl IntoView {
    let new = paths::new(Kind::Prompt, &slug);
    let ways = [
        (false, new.clone(), "Messages", "For chat models: a role and a text each."),
        (true, new.with("form", "text"), "One text", "For completion models."),
    ];
    let items = ways.map(|(own, href, label, sentence)| {
        view! {
            <li>
                <a class="start" href=href.to_string() aria-current=(own == is_text).then_some("true")>
                    <strong>{label}</strong>
                    <span class="hint">{sentence}</span>
                </a>
            </li>
        }
    });
    view! { <ul class="starts" aria-label="Ways to begin">{items.into_iter().collect::<Vec<_>>()}</ul> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_asks_what_a_call_has_asked() {
        let turn = |(who, words): (&str, &str)| Turn { who: who.into(), words: words.into() };
        let turns = [
            ("system", "Be brief."),
            ("user", "Hello"),
            ("user", "and here"),
            ("tool call now", "{}"),
            ("assistant", "Hi"),
            ("input", "More"),
        ];
        let replay = Replay {
            model: "gpt-4o".into(),
            virtual_key: "main".into(),
            turns: turns.into_iter().map(turn).collect(),
            is_cut: false,
        };
        let content = of_call(replay);
        let blocks = content.blocks().expect("messages");
        let told: Vec<_> = blocks.iter().map(|block| (block.role.as_str(), block.text.as_str())).collect();
        let expected = [("system", "Be brief."), ("user", "Hello\nand here"), ("assistant", "Hi"), ("user", "More")];
        assert_eq!(told, expected);
        assert_eq!((content.model.as_str(), content.virtual_key.as_str()), ("gpt-4o", "main"));
    }
}
