//! The events, what they are filtered by, and the log as a file.

use super::tone;
use crate::{
    features::{
        audit::{
            functions::{LoadEvents, LoadNewEvents},
            model::{FILTERS, Fitting, Page, Proof, Thing, Told},
        },
        logs::pages::range_fields,
        news::pages::{ChangesByOthers, Watch},
    },
    kernel::{Asked, Timestamp, text::grouped},
    policy::Operation,
    site::routes,
    ui::{
        Gradual, Loaded, available,
        components::{
            Button, Card, Choice, Column, EmptyState, FilterSheet, LinkButton, Look, Note, PageHeader, Pill,
            SearchField, Table, Time, TimeStyle, Tone,
        },
        here,
        listing::{FilterBar, List, NothingFits, Steps, tell, use_asked},
        load_after,
        pages::{page_title, use_slug},
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The filters that have a field of the sheet.
const FIELDS: [&str; 6] = ["outcome", "actor_kind", "address", "request_id", "credential_id", "credential"];
/// Those that are set by following a link.
const FOLLOWED: [&str; 3] = ["action", "actor", "target"];

#[component]
pub fn ListPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&FILTERS));
    // Only the newest page can be joined by what is new.
    let watch = Watch::asking(("1 new event.", "new events."), move |after| {
        let query = asked.get_untracked();
        let is_newest = query.is_silent(&["after", "before"]);
        is_newest.then(|| LoadNewEvents { slug: slug.get_untracked(), query, after })
    });
    let page = load_after(move || watch.reads(), move || LoadEvents { slug: slug.get(), query: asked.get() });
    view! {
        <ChangesByOthers watch />
        <Loaded
            data=page
            view=move |page: Page| {
                watch.has_read(page.seen);
                view! { <Events page slug=slug.get_untracked() asked=asked.get_untracked() /> }.into_any()
            }
        />
    }
}

#[component]
fn Events(page: Page, slug: String, asked: Asked) -> impl IntoView {
    let list = List { path: routes::audit(&slug), filters: &FILTERS, usual: "", asked };
    let Page { events, previous, next, looked_through, fitting, kinds, proof, kept_days, removed, now, .. } = page;
    let first = events.first().cloned();
    let looked = looked_through.map(|(first, last)| {
        let words = format!("Looked through the events from #{} to #{}.", grouped(first), grouped(last));
        view! { <Note tone=Tone::Info>{words}</Note> }
    });
    let body = if !events.is_empty() {
        let columns = vec![
            Column::new("Event"),
            Column::new("Outcome"),
            Column::new("Address, credential"),
            Column::new("Number, time"),
        ];
        let own = slug.clone();
        let rows = Gradual::of(events, move |told| row(told, &own, now));
        view! { <Table caption="Events, newest first" columns>{rows}</Table> }.into_any()
    } else if looked.is_none() && list.is_narrowed() {
        let sentence = "No event of this organisation fits the filter.";
        view! { <NothingFits title="No events match" sentence label="Show all events" href=list.path.clone() /> }
            .into_any()
    } else {
        view! { <EmptyState title="No events here" sentence="None of the events that were searched match." /> }
            .into_any()
    };
    let kept = match kept_days {
        None => {
            "Kept forever. Nothing here can be changed or removed but names and addresses of people, which can be erased; "
                .to_owned()
        }
        Some(days) => format!(
            "Kept for {} days. Nothing here can be changed, nor removed before that but names and addresses of people, which can be erased; ",
            grouped(days)
        ),
    };
    let place = |number: Option<i64>| number.map(|number| number.to_string());
    let (bar, delivery) = (list.clone(), slug.clone());
    view! {
        <Title text=page_title("Audit log") />
        <PageHeader
            title="Audit log"
            sentence=|| "Everything that was changed, tried or refused, in an order that cannot be rewritten unnoticed."
        >
            <LinkButton label="Delivery" href=routes::audit_delivery(&delivery) />
            <LinkButton label="Export" href="#export" />
        </PageHeader>
        <FilterBar list=list.clone() count=fitting.words()>
            {fields(&bar, kinds, first)}
        </FilterBar>
        {looked}
        {body}
        <Steps list=list.clone() previous=place(previous) next=place(next) />
        <Proven proof slug=slug.clone() now />
        {removed.map(|(number, at)| {
            let events = format!("Events before #{} were removed by retention on ", grouped(number + 1));
            view! { <p class="hint">{events}<Time at=at.0 now=now.0 />"."</p> }
        })}
        <p class="hint">
            {kept} <code>"latchkey audit verify"</code> " checks it, also on an export and without this server."
        </p>
        <Export list slug fitting />
    }
}

/// How far the log is vouched for, and what to verify it by elsewhere.
#[component]
fn Proven(proof: Proof, slug: String, now: Timestamp) -> impl IntoView {
    let words = match proof {
        Proof::None => view! { "No checkpoint was signed yet: the first one is made within a minute." }.into_any(),
        Proof::UpTo(number, at) => {
            let number = format!("Verified and signed up to event #{}, ", grouped(number));
            view! { {number}<Time at=at.0 now=now.0 />"." }.into_any()
        }
        Proof::Broken => {
            let words = "The newest checkpoint is none of this installation: somebody has changed it. Run latchkey audit verify.";
            view! { <Note tone=Tone::Bad>{words}</Note> }.into_any()
        }
    };
    view! {
        <form method="post" action="/fn/audit/checkpoints" class="row">
            <input type="hidden" name="page" value=here() />
            <input type="hidden" name="slug" value=slug />
            <span>{words}</span>
            <Button label="Download the checkpoints" look=Look::Quiet availability=available(Operation::AuditCheckpoints) />
        </form>
    }
}

/// The fields of the bar. What is set by following a link has none, and is kept.
fn fields(list: &List, kinds: Vec<(String, String)>, first: Option<Told>) -> AnyView {
    let asked = &list.asked;
    let ranges = [
        ("", "Any time"),
        ("1h", "Last hour"),
        ("24h", "Last 24 hours"),
        ("7d", "Last 7 days"),
        ("30d", "Last 30 days"),
    ];
    let among = |any: &str, all: &[(&str, &str)]| -> Vec<Choice> {
        std::iter::once(Choice::new("", any))
            .chain(all.iter().map(|(value, label)| Choice::new(*value, *label)))
            .collect()
    };
    let kinds: Vec<_> = std::iter::once(Choice::new("", "Any kind of event"))
        .chain(kinds.into_iter().map(|(name, label)| Choice::new(name, label)))
        .collect();
    let outcomes = among(
        "Any outcome",
        &[("done", "Done"), ("refused", "Refused"), ("failed", "Failed"), ("unknown", "Not known")],
    );
    let actors = [
        ("person", "People"),
        ("api_key", "API keys"),
        ("system", "Latchkey itself"),
        ("nobody", "Nobody known"),
        ("several", "Several callers, counted together"),
    ];
    let actors = among("By anybody", &actors);
    // What a link has narrowed by is called as the events that fit call it.
    let called = |thing: Option<&Thing>, name: &str| match thing {
        Some(thing) if !thing.name.is_empty() => thing.name.clone(),
        _ => asked.get(name).to_owned(),
    };
    for (name, words) in [
        ("actor", format!("By {}", called(first.as_ref().map(|told| &told.actor), "actor"))),
        ("target", format!("About {}", called(first.as_ref().map(|told| &told.subject), "target"))),
        ("action", format!("Action: {}", asked.get("action"))),
    ] {
        tell(name, words);
    }
    let kept: Vec<_> = FOLLOWED
        .iter()
        .filter(|name| !asked.get(name).is_empty())
        .map(|name| view! { <input type="hidden" name=*name value=asked.get(name).to_owned() /> }.into_any())
        .collect();
    let [address, request, id, credential] =
        ["address", "request_id", "credential_id", "credential"].map(|name| asked.get(name).to_owned());
    let (outcomes, actors) = (list.choice("Outcome", "outcome", outcomes), list.choice("Actor", "actor_kind", actors));
    view! {
        {kept}
        {range_fields(list, &ranges, asked.get("range").to_owned())}
        {list.choice("Kind of event", "kind", kinds)}
        <FilterSheet active=list.active(&FIELDS)>
            {outcomes}
            {actors}
            <SearchField label="Address" name="address" value=address />
            <SearchField label="Request id" name="request_id" value=request />
            <SearchField label="Id of a session or secret" name="credential_id" value=id />
            <SearchField label="Credential, as “session ID”" name="credential" value=credential />
        </FilterSheet>
    }
    .into_any()
}

fn row(told: Told, slug: &str, now: Timestamp) -> AnyView {
    let href = routes::audit_event(slug, told.seq).to_string();
    let number = format!("#{}", grouped(told.seq));
    if !told.is_readable() {
        return view! {
            <tr>
                <th scope="row">{told.sentence()}</th>
                <td data-label="Outcome" class="state"><Pill tone=Tone::Bad label="Not as written" /></td>
                <td data-label="Address, credential"></td>
                <td data-label="Number, time"><a class="row-link mono" href=href>{number}</a></td>
            </tr>
        }
        .into_any();
    }
    let (middle, times) = (told.middle(), told.times().map(|times| format!(", {times}")));
    let by = match (told.actor.id.as_str(), told.actor.kind.as_str()) {
        ("", kind) => routes::audit(slug).with("actor_kind", kind),
        (id, _) => routes::audit(slug).with("actor", id),
    };
    let (actor, subject) = (told.actor.actor(), told.subject.target());
    let about = (!told.subject.id.is_empty()).then(|| routes::audit_of(slug, &told.subject.kind, &told.subject.id));
    let subject = match about {
        Some(about) => view! { <a href=about.to_string()><bdi>{subject}</bdi></a> }.into_any(),
        None => view! { <bdi>{subject}</bdi> }.into_any(),
    };
    let action = match told.fields.as_slice() {
        [] => told.action.clone(),
        [first, second, third, _, ..] => {
            format!("{} · {first}, {second}, {third} and {} more", told.action, told.fields.len() - 3)
        }
        few => format!("{} · {}", told.action, few.join(", ")),
    };
    let (tone, word) = (tone(&told), told.outcome_word());
    let address = if told.address.is_empty() { "–".to_owned() } else { told.address };
    let action = match told.signed_in_by.as_str() {
        "" => action,
        by => format!("{action} · by {by}"),
    };
    // Its beginning is enough to tell it from others; the link leads to all of it.
    let used = told.credential_id.get(..8).map(|short| {
        let href = routes::audit(slug).with("credential_id", &told.credential_id).to_string();
        view! { <span class="cell-second"><a href=href>{short.to_owned()}</a></span> }
    });
    view! {
        <tr>
            <th scope="row" class="audit-event">
                <span class="two-lines">
                    <span><a href=by.to_string()><bdi>{actor}</bdi></a>{middle}{subject}{times}</span>
                    <span class="cell-second">{action}</span>
                </span>
            </th>
            <td data-label="Outcome" class="state"><Pill tone label=word /></td>
            <td data-label="Address, credential" class="mono">
                <span class="two-lines">{address}{used}</span>
            </td>
            <td data-label="Number, time">
                <span class="two-lines">
                    <a class="row-link mono" href=href>{number}</a>
                    <span class="cell-second"><Time at=told.at.0 now=now.0 style=TimeStyle::DaySecond /></span>
                </span>
            </td>
        </tr>
    }
    .into_any()
}

/// The log as a file: a plain form, whose answer the browser saves.
#[component]
fn Export(list: List, slug: String, fitting: Fitting) -> impl IntoView {
    let count = match fitting {
        Fitting::NotCounted => "The events that fit the filter".to_owned(),
        counted => counted.words(),
    };
    let whole = if list.is_narrowed() {
        "What fits the filter is not the whole log, so that it cannot be verified by itself."
    } else {
        "JSON Lines are the form that can be verified."
    };
    let filter: Vec<_> = FILTERS
        .iter()
        .filter(|name| !list.asked.get(name).is_empty())
        .map(|name| view! { <input type="hidden" name=format!("query[{name}]") value=list.asked.get(name).to_owned() /> })
        .collect();
    let may = || available(Operation::AuditExport);
    view! {
        <div id="export">
            <Card title="Export">
                <form method="post" action="/fn/audit/export" class="stack">
                    <input type="hidden" name="page" value=here() />
                    <input type="hidden" name="slug" value=slug />
                    {filter}
                    <p>{count}", oldest first. "{whole}" The export is itself an event of this log."</p>
                    <div class="form-end">
                        <Button label="Export as CSV" name="format" value="csv" id="export-csv" availability=may() />
                        <Button label="Export as JSON Lines" name="format" value="jsonl" id="export-jsonl" availability=may() />
                    </div>
                </form>
            </Card>
        </div>
    }
}
