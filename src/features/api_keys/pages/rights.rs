//! What a key holds and does not use.

use crate::{
    features::api_keys::{
        functions::SetKeyPermissions,
        model::{Key, Reset, Rights, SPANS, UNUSED_DAYS},
    },
    kernel::{Timestamp, time::DAY},
    policy::{Operation, Permission, PermissionSet},
    site::routes,
    ui::{
        available,
        components::{Button, Card, Toast, use_toasts},
        form::{Form, FormFor},
        reactive, undo,
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// What can have been done here, for whoever has no JavaScript.
pub(super) const DONE: &[(&str, &str)] =
    &[("narrowed", "The key holds no more than it used. Its history tells what it held before.")];

/// The permissions that a key does not use, and the button that takes them away.
#[component]
pub(super) fn Unused(
    form: Form<SetKeyPermissions>,
    slug: String,
    key: Memo<Key>,
    rights: Memo<Rights>,
    now: Timestamp,
) -> impl IntoView {
    let (toasts, query) = (use_toasts(), use_query_map());
    let days = Memo::new(move |_| {
        let asked = query.with(|query| query.get("unused")).and_then(|days| days.parse().ok());
        asked.filter(|days| SPANS.contains(days)).unwrap_or(UNUSED_DAYS)
    });
    let here = key.with_untracked(|key| routes::api_key(&slug, key.id));
    form.says_of(move |Reset { id, name, was, version }| {
        let back = SetKeyPermissions {
            slug: slug.clone(),
            id,
            permissions: was.names().join(" "),
            used_within: String::new(),
            version: version.to_string(),
        };
        let again = format!("{name} may do again what it could before");
        let done = Toast::done(format!("{name} holds no more than it used"));
        Some(done.undone_by(move || undo(toasts, &back, again.clone(), false)))
    });
    let spans = move || {
        let link = |span: i64| {
            let href = here.clone().with("unused", &span.to_string()).to_string();
            let current = (span == days.get()).then_some("page");
            view! { <a href=href aria-current=current>{format!("{span} days")}</a>" " }
        };
        view! { <nav aria-label="Unused for" class="row">{Vec::from(SPANS.map(link))}</nav> }
    };
    let shown = move || {
        let (days, held) = (days.get(), key.with(|key| key.permissions));
        rights.with(|rights| match rights.unused(held, days, now) {
            None => too_young(rights, days).into_any(),
            Some(unused) if unused.is_empty() => {
                view! { <p>{format!("Each of its permissions was used or granted within the last {days} days.")}</p> }
                    .into_any()
            }
            Some(unused) => {
                let lines: Vec<_> = unused.iter().map(|permission| line(permission, rights)).collect();
                view! {
                    <ul class="plain-list">{lines}</ul>
                    <Narrow form key=key.get() kept=held.without(unused) days />
                }
                .into_any()
            }
        })
    };
    view! {
        <Card title="Unused permissions">
            <div class="stack">
                {reactive(spans)}
                {reactive(shown)}
            </div>
        </Card>
    }
}

fn too_young(rights: &Rights, days: i64) -> impl IntoView + use<> {
    let (since, known) = (rights.since.date(), rights.since.plus(days.saturating_mul(DAY)).date());
    let sentence =
        format!("Its uses are counted since {since}. What it did not use for {days} days is known on {known}.");
    view! { <p>{sentence}</p> }
}

fn line(permission: Permission, rights: &Rights) -> impl IntoView + use<> {
    let used = match rights.used_day(permission) {
        Some(day) => format!("last used on {}", day.date()),
        None => format!("no use since {}", rights.since.date()),
    };
    view! {
        <li>
            <code>{permission.name()}</code>
            " "
            <span class="muted">{used}</span>
        </li>
    }
}

#[component]
fn Narrow(form: Form<SetKeyPermissions>, key: Key, kept: PermissionSet, days: i64) -> impl IntoView {
    let hint = match kept.is_empty() {
        true => "It would have no permissions left.",
        false => "What it used stays. A use of this minute may not be counted yet.",
    };
    view! {
        <FormFor form problem="The permissions are not changed" errors_id="narrow-errors">
            <input type="hidden" name="id" value=key.id.to_string() />
            <input type="hidden" name="permissions" value=kept.names().join(" ") />
            <input type="hidden" name="used_within" value=days.to_string() />
            <input type="hidden" name="version" value=key.version.to_string() />
            <div class="row">
                <Button
                    label="Narrow to what is used"
                    id="narrow"
                    busy=form.busy()
                    availability=available(Operation::ApiKeyUpdate)
                />
                <span class="hint">{hint}</span>
            </div>
        </FormFor>
    }
}
