//! The access reviews' screens.

mod list;
mod review;
mod row;

pub use list::ReviewsPage;
pub use review::ReviewPage;
pub use row::RowPage;

use super::model::{Decision, Facts, Review, Row};
use crate::{
    kernel::Timestamp,
    policy::{PermissionSet, summary},
    site::routes,
    ui::components::{Pill, Tab, Time, Tone},
};
use leptos::prelude::*;

/// The tabs of the team's room, as they stand here.
fn tabs(slug: &str) -> Vec<Tab> {
    let tab =
        |label: &str, href: routes::Path, current| Tab { label: label.into(), href: href.into(), count: None, current };
    vec![
        tab("Members", routes::team(slug), false),
        tab("Invitations", routes::invitations(slug), false),
        tab("Access reviews", routes::access_reviews(slug), true),
    ]
}

/// The state of a review, as word and mark.
fn state(review: &Review) -> impl IntoView + use<> {
    let (tone, label) = match (&review.finished, review.undecided()) {
        (None, _) => (Tone::Info, "Open"),
        (Some(_), 0) => (Tone::Ok, "Finished"),
        (Some(_), _) => (Tone::Warn, "Finished early"),
    };
    view! { <Pill tone label /> }
}

/// "12 of 15 decided, 2 revoked".
fn progress(review: &Review) -> String {
    let all = review.people + review.keys;
    format!("{} of {all} decided, {} revoked", all - review.undecided(), review.revoked)
}

/// What became of a row.
fn decision(row: &Row) -> impl IntoView + use<> {
    let (tone, label) = match row.decided.as_ref().map(|decided| decided.decision) {
        None => (Tone::Neutral, "Undecided"),
        Some(decision @ Decision::Confirmed) => (Tone::Ok, decision.label()),
        Some(decision @ Decision::Revoked) => (Tone::Bad, decision.label()),
    };
    view! { <Pill tone label /> }
}

/// What a person or key could do, in a line.
fn rights(facts: &Facts) -> String {
    match facts {
        Facts::Person { role, disabled, .. } => match disabled {
            true => format!("{}, account disabled", role.label()),
            false => role.label().to_owned(),
        },
        Facts::ApiKey { permissions, .. } => summary(*permissions),
    }
}

/// Whose a row is: an address, or whom a key acts for.
fn whose(facts: &Facts) -> String {
    match facts {
        Facts::Person { email, .. } => email.clone(),
        Facts::ApiKey { responsible, .. } => {
            format!("API key, acts for {}", responsible.as_deref().unwrap_or("the Owners"))
        }
    }
}

/// What of a key's permissions it had not used.
fn unused(facts: &Facts) -> Option<String> {
    let Facts::ApiKey { unused, .. } = facts else { return None };
    Some(match unused {
        None => "not known yet".to_owned(),
        Some(set) if *set == PermissionSet::EMPTY => "nothing".to_owned(),
        Some(set) => set.names().join(", "),
    })
}

/// When somebody was last here, or a key was last used.
fn last(facts: &Facts, now: Timestamp) -> AnyView {
    match facts {
        Facts::Person { active_at: Some(at), .. } | Facts::ApiKey { used_at: Some(at), .. } => {
            view! { <Time at=at.0 now=now.0 /> }.into_any()
        }
        Facts::Person { .. } | Facts::ApiKey { .. } => "never".into_any(),
    }
}
