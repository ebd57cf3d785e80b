//! Data that a page needs before it can be shown, and what is shown when there is none.

use super::{
    components::{Card, CopyText, DefinitionList, Fact, LinkButton, Look, PageHeader, SearchField, Skeleton},
    connection::Connection,
    frame::PlainFrame,
    gradual::apart,
    pages::page_title,
    place::{here, use_place},
    reactive,
    remote::{Data, read},
    side,
};
use crate::policy::Permission;
use crate::{
    kernel::{Code, Error, Missing, Timestamp, text::capital},
    site::routes,
};
use leptos::{prelude::*, server::codee::string::FromToStringCodec};
use leptos_meta::Title;
use serde::de::DeserializeOwned;
use std::{sync::Arc, time::Duration};

/// The moment against which a page's relative times are told. It is part of the page's data, so that server and browser
/// render the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now(pub Timestamp);

/// The moment of the data on this page.
pub fn now() -> Timestamp {
    use_context::<Now>().map_or(Timestamp(0), |now| now.0)
}

/// Given by a frame to everything inside it: a page there brings no frame of its own.
#[derive(Clone, Copy, Debug)]
pub struct Framed;

/// Given by a page to what it loads beside its own heading: what cannot be shown there is told below that.
#[derive(Clone, Copy, Debug)]
pub struct Headed;

/// Given by a frame to everything inside it: the heading of a page that is on its way.
#[derive(Clone, Copy, Debug)]
pub struct Expected(pub Signal<String>);

/// Shows why a page has no data.
pub struct Otherwise(Box<dyn Fn(Error) -> AnyView + Send + Sync>);

impl<F: Fn(Error) -> AnyView + Send + Sync + 'static> From<F> for Otherwise {
    fn from(show: F) -> Self {
        Self(Box::new(show))
    }
}

/// Shows a page once its data is there; else why there is none: sign in, not allowed, not found, a fault.
#[component]
pub fn Loaded<T, V>(
    /// From [`load`](super::load).
    data: Data<T>,
    /// The page.
    view: V,
    /// What stands in the place of [`Problem`].
    #[prop(optional, into)]
    otherwise: Option<Otherwise>,
) -> impl IntoView
where
    T: DeserializeOwned + 'static,
    V: Fn(T) -> AnyView + Send + Sync + 'static,
{
    let show = move |text: &str| match (read(text), &otherwise) {
        (Ok(data), _) => view(data),
        (Err(error), Some(otherwise)) => (otherwise.0)(error),
        (Err(error), None) => view! { <Problem error /> }.into_any(),
    };
    view! { <Shown text=data.text() show=Arc::new(show) /> }
}

#[component]
fn Shown(text: Resource<String, FromToStringCodec>, show: Arc<dyn Fn(&str) -> AnyView + Send + Sync>) -> impl IntoView {
    view! {
        <Transition fallback=|| view! { <Arriving /> }>
            {reactive(move || {
                let show = Arc::clone(&show);
                text.get().map(move |text| side::once(move || apart(move || show(&text)).into_any()))
            })}
        </Transition>
    }
}

/// In place of a page that is on its way: its heading at once, and rows of the size of what is to come.
#[component]
pub fn Arriving() -> impl IntoView {
    let expected = use_context::<Expected>().filter(|_| use_context::<Headed>().is_none());
    let heading = expected.map(|Expected(title)| {
        // The server makes this too, and never shows it: the document's title is the page's own there.
        let tab = cfg!(not(feature = "ssr")).then(|| view! { <Title text=page_title(&title.get_untracked()) /> });
        view! {
            {tab}
            <div class="page-header">
                <div class="page-words"><h1>{reactive(move || title.get())}</h1></div>
            </div>
        }
    });
    view! {
        <div aria-busy="true">
            {heading}
            <Skeleton rows=6 />
        </div>
    }
}

/// In place of a page, or of a part of one, that cannot be shown: what happened, why, and what to do. Outside of a frame
/// it brings a plain one.
#[component]
pub fn Problem(error: Error) -> impl IntoView {
    side::set_status(&error);
    let here = here();
    let title = title(error.code);
    let content = match error.code {
        Code::SignInNeeded => {
            side::send_to(&routes::sign_in().with("next", &here));
            view! { <LinkButton look=Look::Primary label="Sign in" href=routes::sign_in().with("next", &here) /> }
                .into_any()
        }
        Code::PasswordNeeded => {
            let confirm = routes::confirm_password().with("next", &here);
            view! { <LinkButton look=Look::Primary label="Confirm your password" href=confirm /> }.into_any()
        }
        Code::PermissionDenied => {
            let id = error.request_id.clone();
            view! { <NotAllowed missing=error.missing.as_deref().cloned() id /> }.into_any()
        }
        Code::NotFound => view! { <Elsewhere /> }.into_any(),
        Code::LinkSpent => view! { <LinkButton label="Go to sign-in" href=routes::sign_in() /> }.into_any(),
        _ => view! { <Fault error=error.clone() here /> }.into_any(),
    };
    let sentence = error.message;
    if use_context::<Headed>().is_some() {
        view! {
            <Card title>
                <div class="stack">
                    <div>{sentence}</div>
                    {content}
                </div>
            </Card>
        }
        .into_any()
    } else if use_context::<Framed>().is_some() {
        view! {
            <Title text=page_title(title) />
            <PageHeader title sentence=move || sentence.clone() />
            <Card>{content}</Card>
        }
        .into_any()
    } else {
        view! {
            <Title text=title />
            <PlainFrame wide=true title sentence=move || sentence.clone()>
                {content}
            </PlainFrame>
        }
        .into_any()
    }
}

fn title(code: Code) -> &'static str {
    match code {
        Code::SignInNeeded => "Sign in first",
        Code::PasswordNeeded => "Your password, once more",
        Code::PermissionDenied => "Not for your role",
        Code::NotFound => "Nothing here",
        Code::LinkSpent => "This link does not work any more",
        Code::TooManyRequests => "Too many at once",
        Code::Internal | Code::Unavailable | Code::Busy => "This page cannot be shown right now",
        _ => "This page cannot be shown",
    }
}

/// What is missing, who holds it, whom to ask.
#[component]
fn NotAllowed(missing: Option<Missing>, id: Option<String>) -> impl IntoView {
    let place = use_place();
    let id =
        id.or_else(side::request_id).map(|id| view! { <Fact term="Request id"><code class="muted">{id}</code></Fact> });
    let what = missing.as_ref().map(|missing| missing.permission.to_string()).unwrap_or_default();
    let slug = place.as_ref().map(|place| place.slug.clone());
    let facts = missing.map(|missing| {
        let words = Permission::parse(&missing.permission)
            .map(|permission| format!("{}: {} ", permission.feature().label(), permission.verb()));
        view! {
            <Fact term="Missing permission">{words} <code class="muted">{missing.permission.to_string()}</code></Fact>
            <Fact term="Held by">{capital(&missing.held_by)}</Fact>
        }
    });
    let (role, owners) = place.map(|place| (place.role.label(), place.owners)).unzip();
    let role = role.map(|role| view! { <Fact term="Your role here">{role}</Fact> });
    let owners = owners.filter(|owners| !owners.is_empty()).map(|owners| {
        let term = if owners.len() == 1 { "Owner who can help" } else { "Owners who can help" };
        view! { <Fact term=term>{owners.join(", ")}</Fact> }
    });
    view! {
        <DefinitionList>
            {facts}
            {role}
            {owners}
            {id}
        </DefinitionList>
        <div class="form-end">
            {slug
                .map(|slug| {
                    view! {
                        <LinkButton label="Why?" href=routes::why(&slug).with("what", &what) />
                        <LinkButton label="What can each role do?" href=routes::roles(&slug) />
                        <LinkButton look=Look::Quiet label="Back to Home" href=routes::organisation(&slug) />
                    }
                })}
        </div>
    }
}

/// The way to one's own organisations.
#[component]
fn Elsewhere() -> impl IntoView {
    view! {
        <div class="stack">
            <form class="row" method="get" action=routes::organisations().to_string() role="search">
                <SearchField label="Find an organisation" />
                <button type="submit" class="button">"Search"</button>
            </form>
            <div class="row">
                <LinkButton label="Your organisations" href=routes::organisations() />
            </div>
        </div>
    }
}

/// Something went wrong, or too fast: when to try again, and what to tell whoever runs Latchkey.
#[component]
fn Fault(error: Error, here: String) -> impl IntoView {
    let wait = error.retry_after.unwrap_or_default();
    let request_id = error.request_id.or_else(side::request_id);
    view! {
        <div class="stack">
            {(wait > 0).then(|| view! { <Countdown seconds=wait /> })}
            {request_id
                .map(|id| {
                    view! {
                        <DefinitionList>
                            <Fact term="Request">
                                <CopyText id="request-id" what="request id" value=id />
                            </Fact>
                        </DefinitionList>
                    }
                })}
            <div class="row">
                <a
                    class="button"
                    href=here
                    rel="external"
                    on:click=|event| if Connection::try_again() { event.prevent_default() }
                >
                    "Try again"
                </a>
            </div>
        </div>
    }
}

/// How long to wait. It counts down once the page is alive.
#[component]
pub fn Countdown(seconds: u32) -> impl IntoView {
    let left = RwSignal::new(seconds);
    Effect::new(move |_| {
        let tick = set_interval_with_handle(
            move || left.update(|left| *left = left.saturating_sub(1)),
            Duration::from_secs(1),
        );
        if let Ok(tick) = tick {
            on_cleanup(move || tick.clear());
        }
    });
    view! { <div role="timer">{reactive(move || waiting(left.get()))}</div> }
}

fn waiting(seconds: u32) -> String {
    match seconds {
        0 => "You can try again now.".into(),
        1 => "You can try again in 1 second.".into(),
        2..=119 => format!("You can try again in {seconds} seconds."),
        _ => format!("You can try again in {} minutes.", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_told_in_fitting_units() {
        assert_eq!(waiting(0), "You can try again now.");
        assert_eq!(waiting(1), "You can try again in 1 second.");
        assert_eq!(waiting(119), "You can try again in 119 seconds.");
        assert_eq!(waiting(121), "You can try again in 3 minutes.");
    }
}
