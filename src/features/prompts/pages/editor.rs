//! One prompt or partial in its newest version.

use super::{
    Above, Head, Open,
    fields::{NameCard, PublishBox, SettingsCard, TextCard, Writing},
    places,
    programs::Programs,
    try_it::TryIt,
    use_item,
};
use crate::{
    features::{
        news::{model::Watched, pages::Watch},
        prompts::{
            functions::{LoadPartial, LoadPrompt, UpdatePartial, UpdatePrompt},
            model::{Content, Detail, Kind, LIMITS, PRODUCTION, PromptPage, Saved, UsedBy},
            paths,
        },
        versions::pages::MessageField,
    },
    ui::{
        available,
        components::{Button, Card, DefinitionList, Fact, Look, Note, Time, TimeStyle, Toast, Tone},
        form::{AnyForm, FormFor, Refusal, use_form, use_stored},
        pages::{Done, ItemPage, param},
        reactive,
    },
};
use leptos::prelude::*;

#[component]
pub fn PromptEditor() -> impl IntoView {
    let form = use_form::<UpdatePrompt>();
    form.says_of(|saved| Some(Toast::done(told(&saved))));
    let saved = Signal::derive(move || form.done().as_ref().map(told));
    let view = move |page: PromptPage| {
        let load = LoadPrompt { slug: param("slug"), of: page.prompt.slug.clone(), number: String::new() };
        let (stored, read) = use_stored(form, page, load, || 0);
        view! { <Inside stored read form saved /> }.into_any()
    };
    let saves = form.successes();
    view! { <ItemPage data=use_item(Kind::Prompt, move || saves.get()) view /> }
}

#[component]
pub fn PartialEditor() -> impl IntoView {
    let form = use_form::<UpdatePartial>();
    form.says_of(|saved| Some(Toast::done(told(&saved))));
    let saved = Signal::derive(move || form.done().as_ref().map(told));
    let view = move |page: PromptPage| {
        let load = LoadPartial { slug: param("slug"), of: page.prompt.slug.clone(), number: String::new() };
        let (stored, read) = use_stored(form, page, load, || 0);
        view! { <Inside stored read form saved /> }.into_any()
    };
    let saves = form.successes();
    view! { <ItemPage data=use_item(Kind::Partial, move || saves.get()) view /> }
}

fn told(saved: &Saved) -> String {
    if saved.is_new { format!("Saved as v{}", saved.number) } else { "Saved".to_owned() }
}

#[component]
fn Inside(
    /// What is stored.
    stored: ReadSignal<PromptPage>,
    /// The form that reads it.
    read: AnyForm,
    #[prop(into)] form: AnyForm,
    /// What became of the last save, if there was one.
    saved: Signal<Option<String>>,
) -> impl IntoView {
    let page = stored.get_untracked();
    let slug = param("slug");
    let prompt = page.prompt;
    let kind = prompt.kind;
    let head = Head {
        kind,
        slug: slug.clone(),
        of: prompt.slug.clone(),
        name: prompt.name.clone(),
        versions: prompt.current,
        labels: places(&prompt.labels),
    };
    let writing = Writing::of(kind, &prompt.content, form);
    let content = Signal::derive(move || stored.with(|page| page.prompt.content.clone()));
    let of = move |part: fn(&Detail) -> String| Signal::derive(move || stored.with(|page| part(&page.prompt)));
    let name = of(|prompt| prompt.name.clone());
    let folder = of(|prompt| prompt.collection.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default());
    let is_strict = of(|prompt| if prompt.is_strict { "yes".into() } else { "no".into() });
    let version = Signal::derive(move || stored.with(|page| page.prompt.version));
    let watch =
        Watch::of_one(if kind == Kind::Prompt { Watched::Prompts } else { Watched::Partials }, prompt.slug.clone());
    Effect::new(move |_| watch.has_read(stored.with(|page| page.seen)));
    let current = Memo::new(move |_| stored.with(|page| page.prompt.current));
    let began = form.typed("began", prompt.current.to_string());
    let (opened, hidden) = (began.clone(), prompt.slug.clone());
    let versions = paths::versions(kind, &slug, &prompt.slug).to_string();
    let others = move || {
        let words = match (current.get().to_string() != opened, watch.changes()) {
            (true, _) => "Somebody else saved another version meanwhile. Saving again puts yours in its place. ",
            (false, 0) => return None,
            (false, _) => "Somebody else has changed this meanwhile. When you save, you first see what they changed. ",
        };
        let versions = versions.clone();
        let view = view! {
            <Note tone=Tone::Warn>
                {words} <a href=versions target="_blank" rel="noopener">"See what they changed (a new tab)"</a>
            </Note>
        };
        Some(view)
    };
    let programs = (kind == Kind::Prompt).then(|| {
        let is_text = is_text(&prompt.content);
        let variables = page.checked.components.variables.clone();
        view! { <Programs url=page.public_url slug=prompt.slug.clone() variables is_text /> }
    });
    let choices = page.choices.clone();
    let (organisation, variables, kept) = (slug.clone(), page.checked.components.variables, page.sets);
    // Made inside the form: its fields ask the form around them.
    let settings = move || {
        (kind == Kind::Prompt).then(|| {
            view! {
                <SettingsCard choices content is_strict />
                <TryIt slug=organisation around=form variables kept />
            }
        })
    };
    let acts = kind.acts();
    let production = page.labels.into_iter().find(|label| label.name == PRODUCTION);
    view! {
        <Above head open=Open::Editor />
        <Done said=&[("made", "It is made. Programs run the published version.")] />
        {reactive(move || {
            saved.get().map(|words| view! { <div class="nojs"><Note tone=Tone::Ok>{words}"."</Note></div> })
        })}
        <Refusal form=read />
        <div class="stack">
            <FormFor form problem=format!("This {} is not saved", kind.name()) limits=LIMITS version>
                <input type="hidden" name="of" value=hidden />
                <input type="hidden" name="began" value=began />
                <div class="version-bar">
                    <span class="version">{reactive(move || format!("v{}", current.get()))}</span>
                    <MessageField />
                    <div class="save-bar">
                        {reactive(move || {
                            let label = format!("Save as v{}", current.get() + 1);
                            let availability = available(acts.update);
                            view! { <Button look=Look::Primary label id="save" busy=form.busy() availability /> }
                        })}
                    </div>
                </div>
                <PublishBox publish=acts.publish form production />
                {reactive(others)}
                <div class="bench">
                    <div class="stack">
                        <NameCard choices=page.choices name folder />
                        <TextCard kind writing content />
                    </div>
                    <div class="stack">
                        {settings()}
                        <Users used_by=page.used_by slug />
                        <About prompt export=page.export />
                    </div>
                </div>
            </FormFor>
            {programs}
        </div>
    }
}

/// Whether it is one text, and no list of messages.
fn is_text(content: &Content) -> bool {
    let begins_list = content.string.trim_start().starts_with('[');
    content.form == "text" || (content.form.is_empty() && !content.is_raw && !begins_list)
}

/// What names a partial.
#[component]
fn Users(used_by: Vec<UsedBy>, slug: String) -> impl IntoView {
    let items: Vec<_> = used_by
        .into_iter()
        .map(|user| {
            let page = paths::item(user.kind, &slug, &user.slug).to_string();
            let hint = (!user.is_live)
                .then(|| view! { <span class="hint">" in its newest version, which has no label"</span> });
            view! { <li><a href=page>{user.name}</a>{hint}</li> }
        })
        .collect();
    (!items.is_empty()).then(|| {
        view! {
            <Card title="Used by">
                <ul class="plain-list">{items}</ul>
            </Card>
        }
    })
}

#[component]
fn About(prompt: Detail, export: String) -> impl IntoView {
    let file = format!("{}.json", prompt.slug);
    let export = (!export.is_empty()).then(|| {
        view! { <Fact term="File"><a href=export download=file>"Download as a file"</a></Fact> }
    });
    view! {
        <Card title="About">
            <DefinitionList>
                <Fact term="Made by">{prompt.created_by}</Fact>
                <Fact term="Made"><Time at=prompt.created_at.0 style=TimeStyle::Date /></Fact>
                <Fact term="Changed">
                    <Time at=prompt.updated_at.0 now=prompt.now.0 />
                    {format!(" by {}", prompt.updated_by)}
                </Fact>
                {export}
            </DefinitionList>
        </Card>
    }
}
