//! One event: who did what, what it changed, and how it is chained.

use super::tone;
use crate::{
    features::audit::{
        functions::LoadEvent,
        model::{Changed, Detail, ERASED},
    },
    kernel::text::grouped,
    site::routes,
    ui::{
        Loaded,
        components::{
            Card, CodeBlock, Column, CopyText, DefinitionList, Fact, LinkButton, Note, PageHeader, Pill, Table, Time,
            TimeStyle, Tone,
        },
        icons::Icon,
        load,
        pages::{page_title, use_param, use_slug},
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn EventPage() -> impl IntoView {
    let (slug, number) = (use_slug(), use_param("number"));
    let event = load(move || LoadEvent { slug: slug.get(), number: number.get() });
    view! { <Loaded data=event view=move |event| view! { <Event event slug=slug.get_untracked() /> }.into_any() /> }
}

#[component]
fn Event(event: Detail, slug: String) -> impl IntoView {
    let seq = event.told.seq;
    let title = format!("Event #{}", grouped(seq));
    let sentence = event.told.sentence();
    let step = |label: &'static str, icon: Icon, number: i64| {
        view! { <LinkButton label icon=icon href=routes::audit_event(&slug, number) /> }
    };
    let newer = event.newer.then(|| step("Newer", Icon::ArrowUp, seq + 1));
    let older = event.older.then(|| step("Older", Icon::ArrowDown, seq - 1));
    let subject = &event.told.subject;
    let history = (!subject.id.is_empty()).then(|| {
        view! { <LinkButton label="History of this" href=routes::audit_of(&slug, &subject.kind, &subject.id) /> }
    });
    let unreadable = (!event.fits).then(|| {
        view! {
            <Note tone=Tone::Bad>
                <strong>"This event is not as it was written."</strong>
                " Somebody has changed the database past Latchkey. Run "
                <code>"latchkey audit verify"</code>
                ": it names the first event that is not whole."
            </Note>
        }
    });
    let (body, changes) = (event.body.clone(), event.changes.clone());
    let (hash, previous) = (event.hash.clone(), event.previous.clone());
    let all = routes::audit(&slug);
    view! {
        <Title text=page_title(&title) />
        <PageHeader title sentence=move || sentence.clone()>
            {newer}
            {older}
            {history}
            <LinkButton label="All events" href=all />
        </PageHeader>
        {unreadable}
        <div class="columns">
            <div class="stack">
                <Changes changes />
                <Card title="Event">
                    <Facts event slug />
                </Card>
            </div>
            <aside class="stack" aria-label="Proof">
                <Card title="Proof">
                    <DefinitionList>
                        <Fact term="Number">{grouped(seq)}</Fact>
                        <Fact term="Hash"><CopyText id="hash" what="hash" value=hash /></Fact>
                        <Fact term="Hash of the event before"><CopyText id="previous" what="hash of the event before" value=previous /></Fact>
                    </DefinitionList>
                    <CodeBlock id="body" what="Event as it is hashed" code=body />
                </Card>
            </aside>
        </div>
    }
}

/// The changed fields alone, before and after side by side.
#[component]
fn Changes(changes: Vec<Changed>) -> impl IntoView {
    if changes.is_empty() {
        return view! { <Card title="What changed"><p class="muted">"This event names no changed fields."</p></Card> }
            .into_any();
    }
    let columns = vec![Column::new("Field"), Column::new("Was"), Column::new("Now")];
    let rows: Vec<_> = changes
        .into_iter()
        .map(|Changed { field, was, now }| {
            let nothing = || view! { <span class="muted">"nothing"</span> }.into_any();
            let was = was.map_or_else(nothing, |was| view! { <del class="audit-value">{was}</del> }.into_any());
            let now = now.map_or_else(nothing, |now| view! { <ins class="audit-value">{now}</ins> }.into_any());
            view! {
                <tr>
                    <th scope="row">{field}</th>
                    <td data-label="Was" class="wide">{was}</td>
                    <td data-label="Now" class="wide">{now}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <Card title="What changed" flush=true>
            <Table caption="What changed" columns>{rows}</Table>
        </Card>
    }
    .into_any()
}

/// A name, as a link where there is still a page of it.
fn named(words: String, page: Option<String>) -> AnyView {
    match page {
        Some(href) => view! { <a href=href><bdi>{words}</bdi></a> }.into_any(),
        None => view! { <bdi>{words}</bdi> }.into_any(),
    }
}

#[component]
fn Facts(event: Detail, slug: String) -> impl IntoView {
    let Detail { told, reason, credential, user_agent, request_id, actor_page, subject_page, key_page, .. } = event;
    if !told.is_readable() {
        return view! { <p class="muted">"Nothing of it can be read."</p> }.into_any();
    }
    let (tone, word) = (tone(&told), told.outcome_word());
    let filtered = |name: &'static str, value: &str| routes::audit(&slug).with(name, value).to_string();
    let reason =
        reason.map(|(words, code)| view! { <Fact term="Why">{words}" "<span class="mono">{code}</span></Fact> });
    let times = told.times().map(|times| {
        view! { <Fact term="Stands for">{times}", counted together: the outcome is that of the latest"</Fact> }
    });
    let kind = told.subject.kind.replace('_', " ");
    let action = filtered("action", &told.action);
    // Of a session its id says all; of an API key it is that of the secret.
    let is_told = credential.split_once(' ').is_some_and(|(_, id)| id == told.credential_id);
    let used = match (credential.split_once(' '), credential.as_str()) {
        (_, "") => view! { "None" }.into_any(),
        (_, "command") => view! { "A command or task of the program" }.into_any(),
        (Some(("key", id)), _) if told.actor.id == id && !told.actor.name.is_empty() => {
            named(format!("API key {}", told.actor.name), key_page)
        }
        (Some(("key", id)), _) => named(format!("API key {id}"), key_page),
        // By the id an index finds what else was done with it.
        _ if is_told => named(credential.clone(), Some(filtered("credential_id", &told.credential_id))),
        _ => named(credential.clone(), Some(filtered("credential", &credential))),
    };
    let id = (!told.credential_id.is_empty() && !is_told).then(|| {
        let href = filtered("credential_id", &told.credential_id);
        view! { <Fact term="Secret’s id"><a class="mono" href=href>{told.credential_id.clone()}</a></Fact> }
    });
    let by =
        (!told.signed_in_by.is_empty()).then(|| view! { <Fact term="Signed in by">{told.signed_in_by.clone()}</Fact> });
    let address = (!told.address.is_empty()).then(|| {
        let page = (told.address != ERASED).then(|| filtered("address", &told.address));
        view! { <Fact term="Address"><span class="mono">{named(told.address.clone(), page)}</span></Fact> }
    });
    let agent = (!user_agent.is_empty()).then(|| view! { <Fact term="Program"><bdi>{user_agent}</bdi></Fact> });
    let request = (!request_id.is_empty()).then(
        || view! { <Fact term="Request id"><CopyText id="request-id" what="request id" value=request_id /></Fact> },
    );
    view! {
        <DefinitionList>
            <Fact term="Outcome"><Pill tone label=word /></Fact>
            {reason}
            {times}
            <Fact term="Action"><a class="mono" href=action>{told.action.clone()}</a></Fact>
            <Fact term="When"><Time at=told.at.0 style=TimeStyle::Millisecond /></Fact>
            <Fact term="By">{named(told.actor.actor(), actor_page)}</Fact>
            <Fact term="About">{named(told.subject.target(), subject_page)}" "<span class="muted">{kind}</span></Fact>
            {by}
            <Fact term="Credential">{used}</Fact>
            {id}
            {address}
            {agent}
            {request}
        </DefinitionList>
    }
    .into_any()
}
