//! Home: what waits, the first steps, the last day, and what happened lately.

use super::example::ExampleCall;
use crate::{
    features::{
        home::{
            functions::{LoadArrived, LoadHome},
            model::{Budget, Ending, Happened, Home, Steps},
        },
        logs::model::{CallOutcome, Health, LoggedCall, Totals, duration},
    },
    kernel::{Timestamp, money::dollars, text::grouped},
    policy::Operation,
    site::routes,
    ui::{
        Loaded, Sending, apart, can,
        components::{Card, CodeBlock, LinkButton, Look, Note, PageHeader, Pill, Time, Tone, announce},
        icons::{Glyph, Icon},
        load_after,
        pages::{page_title, use_slug},
        parse, use_place,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use std::time::Duration;

/// How often a page that waits for the first call looks whether it has come.
const LOOK: Duration = Duration::from_secs(3);

#[component]
pub fn HomePage() -> impl IntoView {
    let slug = use_slug();
    let arrivals = RwSignal::new(0);
    let home = load_after(move || arrivals.get(), move || LoadHome { slug: slug.get() });
    view! {
        <Title text=page_title("Home") />
        <Loaded data=home view=move |home| view! { <Page home slug=slug.get_untracked() arrivals /> }.into_any() />
    }
}

#[component]
fn Page(home: Home, slug: String, arrivals: RwSignal<u32>) -> impl IntoView {
    let Home { steps, example, day, calls, providers, ending, unused, budgets, lately, now } = home;
    let place = use_place();
    let joined = use_query_map().with_untracked(|query| query.get("joined").is_some());
    let welcome = place.clone().filter(|_| joined).map(|place| {
        let roles = routes::roles(&place.slug);
        view! {
            <Note tone=Tone::Ok action=move || view! { <LinkButton label="What each role may do" href=roles.clone() /> }>
                <strong>{format!("You belong to {} now, as {}.", place.name, place.role.label())}</strong>
                " "
                {place.role.sentence()}
            </Note>
        }
    });
    let name = place.map(|place| place.name).unwrap_or_default();
    let (done, all) = (steps.all().into_iter().filter(|done| *done).count(), steps.all().len());
    let sentence =
        move || if steps.are_done() { String::new() } else { format!("{done} of {all} first steps are done.") };
    if !steps.call {
        let over = calls.iter().find(|call| call.outcome != CallOutcome::Started);
        wait_for_a_call(slug.clone(), arrivals, over.map(|call| call.id.to_string()));
    }
    let failing: Vec<_> = providers.iter().filter(|health| health.fails()).cloned().collect();
    let attention = (!ending.is_empty() || !failing.is_empty() || !budgets.is_empty() || unused > 0).then(|| {
        let slug = slug.clone();
        apart(move || view! { <Attention failing budgets ending unused slug now /> })
    });
    let base = format!("{}/v1", example.public_url);
    let first = (!steps.are_done()).then(|| {
        let example = example.clone();
        let slug = slug.clone();
        let example = move || view! { <ExampleCall example=example.clone() /> }.into_any();
        let last = calls.iter().find(|call| call.outcome != CallOutcome::Started).cloned();
        apart(move || view! { <FirstSteps steps slug last example=ViewFn::from(example) /> })
    });
    let how = steps.call.then(|| {
        apart(move || {
            view! {
                <Card>
                    <details>
                        <summary>"How a program calls a model"</summary>
                        <ExampleCall example />
                    </details>
                </Card>
            }
        })
    });
    // No figures are told of calls before the first that succeeded. One that was refused is shown.
    let (of_day, of_calls, of_providers) = (slug.clone(), slug.clone(), slug.clone());
    let told = steps.call.then(|| apart(move || view! { <Day day slug=of_day /> }));
    let newest = (steps.call || !calls.is_empty()).then(|| apart(move || view! { <Calls calls slug=of_calls now /> }));
    let providers = (!providers.is_empty()).then(|| apart(move || view! { <Providers providers slug=of_providers /> }));
    let lately = lately.map(|lately| apart(move || view! { <Lately lately slug now /> }));
    view! {
        <PageHeader title=name sentence />
        <div class="stack">
            {welcome}
            {attention}
            {told}
            <div class="home-columns">
                <div class="stack">
                    {first}
                    {newest}
                    {how}
                </div>
                <div class="stack">
                    {providers}
                    {lately}
                    <Card title="Already calling models?">
                        <div class="stack">
                            <div class="muted">"Programs that use an OpenAI, Anthropic or Portkey client need another base address and a key of Latchkey, nothing else."</div>
                            <CodeBlock id="base-address" what="base address" code=base />
                        </div>
                    </Card>
                </div>
            </div>
        </div>
    }
}

/// The last day in figures.
#[component]
fn Day(day: Totals, slug: String) -> impl IntoView {
    let figures = [
        ("Calls", grouped(day.calls)),
        ("Not successful", grouped(day.failed)),
        ("Cost", day.cost.map_or_else(|| "–".into(), dollars)),
        ("Median latency", day.p50_us.map_or_else(|| "–".into(), duration)),
    ];
    let figures: Vec<_> = figures
        .into_iter()
        .map(|(name, figure)| view! { <div class="tile"><dt>{name}</dt><dd>{figure}</dd></div> })
        .collect();
    let logs = routes::logs(&slug).to_string();
    view! {
        <Card title="Last 24 hours" flush=true actions=move || view! { <a href=logs.clone()>"Logs"</a> }>
            <dl class="tiles">{figures}</dl>
        </Card>
    }
}

/// How the providers of the last hour's calls do.
#[component]
fn Providers(providers: Vec<Health>, slug: String) -> impl IntoView {
    let items: Vec<_> = providers
        .into_iter()
        .map(|health| {
            let href = routes::virtual_key(&slug, &health.slug).to_string();
            let (tone, label) = match (health.fails(), health.failed) {
                (true, _) => (Tone::Bad, "Failing"),
                (false, 0) => (Tone::Ok, "Well"),
                (false, _) => (Tone::Warn, "Some failures"),
            };
            let figures = match health.failed {
                0 => counted(health.calls),
                failed => format!("{}, {} failed", counted(health.calls), grouped(failed)),
            };
            view! {
                <li class="home-row">
                    <span class="two-lines home-words">
                        <a class="cell-name" href=href>{health.name}</a>
                        <span class="cell-second">{figures}</span>
                    </span>
                    <Pill tone label />
                </li>
            }
        })
        .collect();
    view! {
        <Card title="Providers" flush=true actions=|| view! { <span class="muted">"last hour"</span> }>
            <ul class="home-list">{items}</ul>
        </Card>
    }
}

/// "1 call", "1,204 calls".
fn counted(calls: i64) -> String {
    format!("{} {}", grouped(calls), if calls == 1 { "call" } else { "calls" })
}

/// Asks now and then whether a call has come, while the page is in view, and then loads the page anew.
fn wait_for_a_call(slug: String, arrivals: RwSignal<u32>, newest: Option<String>) {
    let sending = Sending::to::<LoadArrived>();
    Effect::new(move |_| {
        let slug = slug.clone();
        let look = move || {
            if !document().hidden() {
                sending.send_arguments(&LoadArrived { slug: slug.clone() });
            }
        };
        if let Ok(tick) = set_interval_with_handle(look, LOOK) {
            on_cleanup(move || tick.clear());
        }
    });
    Effect::new(move |_| {
        let Some(Ok(json)) = sending.answer().get() else { return };
        if let Ok(Some(call)) = parse::<Option<LoggedCall>>(&json)
            && call.outcome != CallOutcome::Started
            && Some(call.id.to_string()) != newest
        {
            announce(&format!("A call has arrived: {}.", call.words()));
            arrivals.update(|times| *times += 1);
        }
    });
}

/// What somebody should do something about, the worst first, each with the one act that ends it.
#[component]
fn Attention(
    failing: Vec<Health>,
    budgets: Vec<Budget>,
    ending: Vec<Ending>,
    unused: i64,
    slug: String,
    now: Timestamp,
) -> impl IntoView {
    let failing = failing.into_iter().map(|health| {
        let logs = routes::logs(&slug).with("virtual_key", &health.slug).with("range", "1h").with("status", "failed");
        let second = format!(
            "{} of its {} in the last hour failed at the provider.",
            grouped(health.failed),
            counted(health.calls)
        );
        let (page, trouble) = (routes::virtual_key(&slug, &health.slug).to_string(), health.trouble());
        view! {
            <li class="home-row">
                <span class="home-mark home-mark-bad"><Glyph icon=Icon::Alert /></span>
                <span class="two-lines home-words">
                    <span class="cell-name"><a href=page>{health.name}</a>" "{trouble}</span>
                    <span class="cell-second">{second}</span>
                </span>
                <LinkButton label="See the calls" href=logs />
            </li>
        }
        .into_any()
    });
    let budgets = budgets.into_iter().map(|budget| {
        let limit = format!("{}#limit", routes::limits(&slug).with("id", &budget.id.to_string()));
        let (first, then) = match (budget.used_up, budget.refuses) {
            (true, true) => (": budget used up", " Its calls are refused."),
            (true, false) => (": budget used up", " It only warns."),
            _ => (": budget nearly used up", ""),
        };
        view! {
            <li class="home-row">
                <span class="home-mark" class=("home-mark-bad", budget.refuses)><Glyph icon=Icon::Limit /></span>
                <span class="two-lines home-words">
                    <span class="cell-name"><a href=limit>{budget.name}</a>{first}</span>
                    <span class="cell-second">{budget.words}{then}</span>
                </span>
            </li>
        }
        .into_any()
    });
    let ending = ending.into_iter().map(|key| {
        let (page, rotate) = (routes::api_key(&slug, key.id), routes::rotate_api_key(&slug, key.id));
        let label = format!("Rotate {}", key.name);
        view! {
            <li class="home-row">
                <span class="home-mark"><Glyph icon=Icon::Clock /></span>
                <span class="two-lines home-words">
                    <span class="cell-name"><a href=page.to_string()>{key.name}</a>" expires "<Time at=key.at.0 now=now.0 ahead=true /></span>
                    <span class="cell-second">"Rotate it: both secrets work while programs change to the new one."</span>
                </span>
                <LinkButton label href=rotate />
            </li>
        }
        .into_any()
    });
    let unused = (unused > 0).then(|| {
        let keys = routes::api_keys(&slug).with("status", "active").with("rights", "unused");
        let first = match unused {
            1 => "1 key has permissions that it does not use".to_owned(),
            many => format!("{} keys have permissions that they do not use", grouped(many)),
        };
        view! {
            <li class="home-row">
                <span class="home-mark"><Glyph icon=Icon::ApiKeys /></span>
                <span class="two-lines home-words">
                    <span class="cell-name">{first}</span>
                    <span class="cell-second">"Not for 90 days. What a key does not hold, nobody can misuse."</span>
                </span>
                <LinkButton label="See the keys" href=keys />
            </li>
        }
        .into_any()
    });
    let items: Vec<_> = failing.chain(budgets).chain(ending).chain(unused).collect();
    view! {
        <Card title="Needs attention" flush=true>
            <ul class="home-list">{items}</ul>
        </Card>
    }
}

#[component]
fn FirstSteps(
    steps: Steps,
    slug: String,
    /// The last call, if it is over.
    last: Option<LoggedCall>,
    example: ViewFn,
) -> impl IntoView {
    let link = |label: &'static str, href: routes::Path, allowed: Operation, next: bool| {
        let look = if next { Look::Primary } else { Look::Secondary };
        can(allowed).then(|| view! { <LinkButton label href look /> })
    };
    // The first that is not done is the one to do next.
    let states = [Some(steps.provider), Some(steps.tested), steps.key, Some(steps.call), steps.people];
    let next = states.iter().position(|done| *done == Some(false));
    let is_next = |index: usize| next == Some(index);
    let keys = routes::virtual_keys(&slug);
    let refused = last.and_then(|call| {
        let became = match call.outcome {
            CallOutcome::Refused => "was refused",
            CallOutcome::Failed => "failed",
            _ => return None,
        };
        let words = format!("The last call {became}: {}.", call.words());
        let href = routes::log(&slug, call.id);
        Some(view! {
            <Note tone=Tone::Warn action=move || view! { <LinkButton label="See the call" href=href.clone() /> }>
                {words}
            </Note>
        })
    });
    let items = [
        (
            "Store a provider’s key",
            "Latchkey keeps it sealed; programs name it and never see it.",
            link("New virtual key", routes::new_virtual_key(&slug), Operation::VirtualKeyCreate, is_next(0)).into_any(),
        ),
        (
            "See that the provider answers",
            "“Test connection” on the virtual key’s page says whether the provider takes the key.",
            link("Virtual keys", keys, Operation::VirtualKeyTest, is_next(1)).into_any(),
        ),
        (
            "Create an API key for your first program",
            "It opens what that program needs and no more.",
            link("New API key", routes::new_api_key(&slug), Operation::ApiKeyCreate, is_next(2)).into_any(),
        ),
        (
            "Make the first call",
            "Run this example, or let a program of yours call.",
            view! {
                <div class="stack">
                    {refused}
                    {example.run()}
                    <div class="muted with-scripts">"This page shows the call as soon as it arrives."</div>
                    <div class="nojs">
                        <a class="button" href=routes::organisation(&slug).to_string()>"Look again"</a>
                    </div>
                </div>
            }
            .into_any(),
        ),
        (
            "Invite your team",
            "Owners run the organisation, Admins manage keys, Members use them.",
            link("Invite people", routes::invite(&slug), Operation::Invite, is_next(4)).into_any(),
        ),
    ];
    let items: Vec<_> = items
        .into_iter()
        .zip(states)
        .filter_map(|((title, sentence, action), done)| Some((title, sentence, action, done?)))
        .enumerate()
        .map(|(index, (title, sentence, action, done))| {
            let mark = if done {
                view! { <Glyph icon=Icon::Check /> }.into_any()
            } else {
                view! { <span aria-hidden="true">{index + 1}</span> }.into_any()
            };
            view! {
                <li class="first-step" class:first-step-done=done>
                    <span class="first-step-mark">{mark}</span>
                    <div class="first-step-body">
                        <div>
                            <h3>{title}<span class="vh">{if done { ": done" } else { ": to do" }}</span></h3>
                            <div class="muted">{sentence}</div>
                        </div>
                        {(!done).then_some(action)}
                    </div>
                </li>
            }
        })
        .collect();
    view! {
        <Card title="First steps">
            <ol class="first-steps">{items}</ol>
        </Card>
    }
}

#[component]
fn Calls(calls: Vec<LoggedCall>, slug: String, now: Timestamp) -> impl IntoView {
    let none = calls.is_empty().then(|| view! { <div class="home-none">"No calls in the last 24 hours."</div> });
    let items: Vec<_> = calls
        .into_iter()
        .map(|call| {
            let href = routes::log(&slug, call.id).to_string();
            let tone = match call.outcome {
                CallOutcome::Ok => Tone::Ok,
                CallOutcome::Started => Tone::Info,
                CallOutcome::Left | CallOutcome::Lost => Tone::Warn,
                CallOutcome::Refused | CallOutcome::Failed => Tone::Bad,
            };
            let words = call.words();
            let key = call.caller();
            let model = call.model.clone().unwrap_or_else(|| "no model".into());
            view! {
                <li class="home-row">
                    <Pill tone label=words />
                    <span class="home-words"><a href=href>{model}</a>" by "{key}</span>
                    <Time at=call.started_at.0 now=now.0 />
                </li>
            }
        })
        .collect();
    view! {
        <Card title="Newest calls" flush=true>
            <ul class="home-list">{items}</ul>
            {none}
        </Card>
    }
}

#[component]
fn Lately(lately: Vec<Happened>, slug: String, now: Timestamp) -> impl IntoView {
    let items: Vec<_> = lately
        .into_iter()
        .map(|happened| {
            let verb = happened.verb();
            let trouble = happened.trouble.map(|word| view! { <Pill tone=Tone::Warn label=word /> });
            view! {
                <li class="home-row">
                    <span class="home-words">
                        <strong>{happened.actor}</strong>
                        {format!(" {verb} ")}
                        <strong>{happened.subject}</strong>
                    </span>
                    {trouble}
                    <Time at=happened.at.0 now=now.0 />
                </li>
            }
        })
        .collect();
    let log = routes::audit(&slug).to_string();
    view! {
        <Card title="Lately" flush=true actions=move || view! { <a href=log.clone()>"Audit log"</a> }>
            <ul class="home-list">{items}</ul>
        </Card>
    }
}
