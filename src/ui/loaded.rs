//! Data that a page needs before it can be shown, and what is shown when there is none.

use super::{
    components::{Card, LinkButton, PageHeader, Skeleton},
    place::use_place,
    routes,
};
use crate::kernel::{Code, Error, Timestamp};
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use serde::{Serialize, de::DeserializeOwned};

/// The moment against which a page's relative times are told. It is part of the page's data, so that server and browser
/// render the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now(pub Timestamp);

/// The moment of the data on this page.
pub fn now() -> Timestamp {
    use_context::<Now>().map_or(Timestamp(0), |now| now.0)
}

/// Shows a page once its data is there; else why there is none: sign in, not allowed, not found, a fault.
#[component]
pub fn Loaded<T, V>(
    /// A blocking resource: the server waits for it before the first byte, so that statuses are right.
    resource: Resource<Result<T, Error>>,
    /// The page.
    view: V,
) -> impl IntoView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    V: Fn(T) -> AnyView + Clone + Send + Sync + 'static,
{
    view! {
        <Transition fallback=|| view! { <Skeleton rows=6 /> }>
            {move || {
                let view = view.clone();
                resource.get().map(move |result| match result {
                    Ok(data) => view(data),
                    Err(error) => view! { <Problem error /> }.into_any(),
                })
            }}
        </Transition>
    }
}

/// The page in place of one that cannot be shown.
#[component]
pub fn Problem(error: Error) -> impl IntoView {
    let location = use_location();
    set_status(&error);
    if error.code == Code::SignInNeeded {
        let here = format!("{}{}", location.pathname.get_untracked(), query(&location.search.get_untracked()));
        send_to(&routes::sign_in().with("next", &here));
        return view! { <PageHeader title="Sign in first" /> }.into_any();
    }
    let place = use_place();
    let slug = place.map(|place| place.slug).unwrap_or_default();
    let request_id = error.request_id.clone();
    let (title, action) = match error.code {
        Code::PermissionDenied => ("Not for your role", (!slug.is_empty()).then(|| ("What can each role do?", routes::roles(&slug)))),
        Code::NotFound => ("Nothing here", Some(("Your organisations", routes::organisations()))),
        _ => ("This page cannot be shown", None),
    };
    let helpers = error.missing.clone().map(|missing| format!("Permission {}: held by {}.", missing.permission, missing.held_by));
    view! {
        <PageHeader title sentence=move || error.message.clone() />
        <Card>
            <div class="stack">
                {helpers.map(|words| view! { <div>{words}</div> })}
                {request_id.map(|id| view! { <div class="muted">"Request " <span class="mono">{id}</span></div> })}
                <div class="row">
                    {action.map(|(label, href)| view! { <LinkButton label href=href /> })}
                </div>
            </div>
        </Card>
    }
    .into_any()
}

fn query(search: &str) -> String {
    if search.is_empty() { String::new() } else { format!("?{}", search.trim_start_matches('?')) }
}

/// Gives the page the status of an error that it shows itself.
#[cfg(feature = "ssr")]
pub fn set_status(error: &Error) {
    if let Some(options) = use_context::<leptos_axum::ResponseOptions>() {
        let status = axum::http::StatusCode::from_u16(error.code.status());
        options.set_status(status.unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR));
    }
}

/// In the browser a page has no status.
#[cfg(not(feature = "ssr"))]
pub fn set_status(_error: &Error) {}

#[cfg(feature = "ssr")]
fn send_to(path: &routes::Path) {
    crate::server::http::redirect(path);
}

#[cfg(not(feature = "ssr"))]
fn send_to(path: &routes::Path) {
    let navigate = leptos_router::hooks::use_navigate();
    navigate(path.as_str(), leptos_router::NavigateOptions { replace: true, ..Default::default() });
}
