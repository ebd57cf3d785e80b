//! Something done with several keys: which they are, which are left out, is it meant, and what became of each.

use super::last_use;
use crate::{
    features::api_keys::{
        functions::{DeleteKeys, DisableKeys, EnableKeys, LoadPickedKeys},
        model::{Key, Picked},
    },
    kernel::Timestamp,
    policy::{Operation, Target, decide},
    site::routes,
    ui::{
        available, can,
        components::{Button, Field, FieldKind, Look},
        form::{AnyForm, use_form},
        load,
        many::{NothingPicked, Outcomes, Skipped, asked, counted, picked},
        pages::{FormPage, ItemPage, param, use_slug},
        reactive, use_place,
    },
};
use leptos::prelude::*;

/// What can be done with several keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Disable,
    Enable,
    Delete,
}

impl Act {
    const ALL: [Act; 3] = [Act::Disable, Act::Enable, Act::Delete];

    /// As the address says it.
    const fn name(self) -> &'static str {
        match self {
            Act::Disable => "disable",
            Act::Enable => "enable",
            Act::Delete => "delete",
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Act::Disable => "Disable",
            Act::Enable => "Enable",
            Act::Delete => "Delete",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Act::Disable => "disabled",
            Act::Enable => "enabled",
            Act::Delete => "deleted",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Act::Disable => "Programs that use them are refused at once. Their secrets stay the same.",
            Act::Enable => "Their secrets work again at once.",
            Act::Delete => "All their secrets stop working for good. This cannot be undone; their logs stay.",
        }
    }

    const fn operation(self) -> Operation {
        match self {
            Act::Disable => Operation::ApiKeyDisable,
            Act::Enable => Operation::ApiKeyEnable,
            Act::Delete => Operation::ApiKeyDelete,
        }
    }

    /// Why a key is left out.
    fn skips(self, key: &Key) -> Option<String> {
        let settled = match (self, key.deleted_at, key.disabled_at) {
            (_, Some(_), _) => Some("it is deleted already."),
            (Act::Disable, None, Some(_)) => Some("it is disabled already."),
            (Act::Enable, None, None) => Some("it is not disabled."),
            _ => None,
        };
        settled.map(str::to_owned).or_else(|| {
            let place = use_place()?;
            let (organisation, now) = (place.organisation, key.permissions);
            let target = Target::Key { organisation, now, next: now, itself: false };
            let denial = decide(&place.principal(), self.operation().spec().requires, target).err()?;
            Some(denial.sentence())
        })
    }
}

const THINGS: (&str, &str) = ("key", "keys");
const BACK: &str = "Back to API keys";

/// Whether there is anything that the person can do with several keys.
pub fn can_pick() -> bool {
    Act::ALL.into_iter().any(|act| can(act.operation()))
}

/// The buttons of what the person can do with several keys.
pub fn acts() -> AnyView {
    let buttons: Vec<_> = Act::ALL
        .into_iter()
        .filter(|act| can(act.operation()))
        .map(|act| {
            let look = if act == Act::Delete { Look::TowardsDanger } else { Look::Secondary };
            view! { <Button label=act.verb() look name="act" value=act.name() /> }
        })
        .collect();
    buttons.into_any()
}

#[component]
pub fn ManyKeysPage() -> impl IntoView {
    let (name, ids) = (asked("act"), picked());
    let count = ids.split_whitespace().count();
    let back = routes::api_keys(&param("slug"));
    let Some(act) = Act::ALL.into_iter().find(|act| act.name() == name).filter(|_| count > 0) else {
        return view! { <NothingPicked back_label=BACK back /> }.into_any();
    };
    let (form, outcome): (AnyForm, _) = match act {
        Act::Disable => {
            let form = use_form::<DisableKeys>();
            (form.into(), form.outcome())
        }
        Act::Enable => {
            let form = use_form::<EnableKeys>();
            (form.into(), form.outcome())
        }
        Act::Delete => {
            let form = use_form::<DeleteKeys>();
            (form.into(), form.outcome())
        }
    };
    let slug = use_slug();
    let data = load(move || LoadPickedKeys { slug: slug.get(), ids: ids.clone() });
    reactive(move || match outcome.get() {
        Some(outcomes) => {
            view! { <Outcomes outcomes things=THINGS done=act.done() back_label=BACK back=back.clone() /> }.into_any()
        }
        None => view! { <ItemPage data view=move |picked| ask(act, count, picked, form) /> }.into_any(),
    })
}

/// Asks whether it is meant, of those of `count` keys that it can be done with.
fn ask(act: Act, count: usize, picked: Picked, form: AnyForm) -> AnyView {
    let Picked { keys, now } = picked;
    let back = routes::api_keys(&param("slug"));
    let (missing, mut skipped, mut meant) = (count.saturating_sub(keys.len()), vec![], vec![]);
    for key in keys {
        match act.skips(&key) {
            Some(reason) => skipped.push((key.name, reason)),
            None => meant.push(key),
        }
    }
    if missing > 0 {
        skipped.push((counted(missing, THINGS), "not found.".to_owned()));
    }
    if meant.is_empty() {
        let title = format!("No key can be {}", act.done());
        return view! { <NothingPicked title skipped back_label=BACK back /> }.into_any();
    }
    let words = format!("{} {}", act.verb(), counted(meant.len(), THINGS));
    let ids: Vec<_> = meant.iter().map(|key| key.id.to_string()).collect();
    let confirm = (act != Act::Enable).then(|| confirm(&meant, now)).flatten();
    let rows: Vec<_> = meant
        .into_iter()
        .map(|key| {
            let used = last_use(key.secret.used_at, now);
            view! { <li><strong>{key.name}</strong>" "<code>{key.secret.text()}</code>" "{used}</li> }
        })
        .collect();
    view! {
        <FormPage
            form
            title=format!("{words}?")
            tab=format!("{} API keys", act.verb())
            sentence=move || act.sentence()
            problem=format!("No key is {}", act.done())
            hidden=vec![("ids", ids.join(" "))]
            button=words
            look=if act == Act::Enable { Look::Primary } else { Look::Danger }
            availability=available(act.operation())
            back
        >
            <ul class="plain-list">{rows}</ul>
            <Skipped skipped />
            {confirm}
        </FormPage>
    }
    .into_any()
}

/// The field for the names of the keys that were used within a day: each of them ends only by its name.
fn confirm(keys: &[Key], now: Timestamp) -> Option<AnyView> {
    let names: Vec<_> = keys.iter().filter(|key| key.is_in_use(now)).map(|key| key.name.as_str()).collect();
    let (label, kind) = match names.as_slice() {
        [] => return None,
        [one] => (format!("{one} was used within a day. Type its name to confirm"), FieldKind::Text),
        many => {
            let rows = u8::try_from(many.len()).unwrap_or(u8::MAX).clamp(2, 10);
            let label =
                format!("{} were used within a day. Type their names to confirm, one on each line", many.join(", "));
            (label, FieldKind::Textarea { rows })
        }
    };
    let hint = "A key whose name is not typed is left as it is.";
    Some(view! { <Field label name="confirm" kind hint autocomplete="off" /> }.into_any())
}
