//! The limits that hold for one thing, on the page of that thing.

use super::list::{state, used};
use crate::{
    features::limits::model::{On, Scope, Standing},
    kernel::Timestamp,
    policy::Operation,
    site::routes,
    ui::{
        can,
        components::{Card, Time},
    },
};
use leptos::prelude::*;
use uuid::Uuid;

/// What a list says beside a thing of which a budget is used up.
pub const USED_UP: &str = "Budget used up";

/// Each limit with what was used of it, and where it comes from.
#[component]
pub fn Holding(
    limits: Vec<Standing>,
    /// What the thing is.
    scope: Scope,
    /// Its id.
    id: Uuid,
    /// Of an API key: the name of the person it answers for.
    #[prop(optional)]
    person: String,
    now: Timestamp,
    /// The organisation's.
    slug: String,
) -> impl IntoView {
    let on = On { scope, id };
    let href = routes::limits(&slug).with("on", &on.text()).to_string();
    let set = move || can(Operation::LimitSet).then(|| view! { <a href=href.clone()>"Set a limit"</a> });
    let items: Vec<_> = limits
        .into_iter()
        .map(|standing| {
            let from = match standing.limit.on.scope {
                of if of == scope => String::new(),
                Scope::Organisation => "Inherited from the organisation. ".to_owned(),
                _ => format!("Inherited from {person}. "),
            };
            let end = match standing.period.end {
                Some(end) => view! { "Resets "<Time at=end.0 now=now.0 ahead=true />"." }.into_any(),
                None => "Never resets by itself.".into_any(),
            };
            view! {
                <li>
                    <div class="row"><strong>{standing.limit.is.to_string()}</strong>{state(&standing)}</div>
                    <div>{used(&standing)}</div>
                    <div class="hint">{from}{end}</div>
                </li>
            }
        })
        .collect();
    let all = match items.is_empty() {
        true => view! { <div class="hint">"None: its calls are not limited."</div> }.into_any(),
        false => view! { <ul class="plain-list stack">{items}</ul> }.into_any(),
    };
    view! { <Card title="Limits" actions=set>{all}</Card> }
}
