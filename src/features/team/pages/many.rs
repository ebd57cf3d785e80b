//! Something done with several members: who they are, who is left out, is it meant, and what became of each.

use super::{
    counted as count_of, may,
    member::{KeysQuestion, with_article},
    role_choices,
};
use crate::{
    features::team::{
        functions::{ChangeRoles, LoadPickedPeople, RemovePeople},
        model::{Profile, cuts_keys},
    },
    policy::{Operation, Role},
    site::routes,
    ui::{
        available, can,
        components::{Button, Choice, Look, Select},
        form::{AnyForm, use_form},
        load,
        many::{NothingPicked, Outcomes, Skipped, asked, counted, picked},
        pages::{FormPage, ItemPage, param, use_slug},
        reactive, use_place,
    },
};
use leptos::prelude::*;

/// What can be done with several members.
#[derive(Clone, Copy)]
enum Act {
    Change(Role),
    Remove,
}

/// How the address says them.
const CHANGE: &str = "role";
const REMOVE: &str = "remove";

impl Act {
    /// What this page's address says.
    fn asked() -> Option<Self> {
        match asked("act").as_str() {
            CHANGE => Role::parse(&asked("role")).map(Act::Change),
            REMOVE => Some(Act::Remove),
            _ => None,
        }
    }

    const fn operation(self) -> Operation {
        match self {
            Act::Change(_) => Operation::TeamChangeRole,
            Act::Remove => Operation::TeamRemove,
        }
    }

    /// What they are then.
    fn done(self) -> String {
        match self {
            Act::Change(role) => format!("made {}", role.label()),
            Act::Remove => "removed".to_owned(),
        }
    }

    /// What is asked, of so many.
    fn words(self, count: usize) -> String {
        let people = counted(count, THINGS);
        match self {
            Act::Change(role) if count == 1 => format!("Make {people} {}", with_article(role)),
            Act::Change(role) => format!("Make {people} {}", role.plural()),
            Act::Remove => format!("Remove {people}"),
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Act::Change(Role::Owner) => {
                "They will be able to do everything here: billing, every key, and removing Owners, you included. An Owner can only be demoted by an Owner."
            }
            Act::Change(role) => role.sentence(),
            Act::Remove => "They lose access at once, in every browser.",
        }
    }

    /// Why somebody is left out.
    fn skips(self, profile: &Profile, own: bool) -> Option<String> {
        let person = &profile.person;
        let settled = match self {
            Act::Change(role) if role == person.role => Some("has this role already."),
            Act::Change(_) if own => Some("this is you. Change your own role by itself."),
            Act::Remove if own => Some("nobody removes themselves. Leave the organisation instead."),
            _ if profile.only_owner => Some("the only Owner. Make someone else an Owner first."),
            _ => None,
        };
        let next = match self {
            Act::Change(role) => Some(role),
            Act::Remove => None,
        };
        settled
            .map(str::to_owned)
            .or_else(|| may(self.operation(), Some(person.role), next).reason().map(str::to_owned))
    }

    /// Whether it has to be decided what becomes of somebody's keys.
    fn asks_for_keys(self, profile: &Profile) -> bool {
        match self {
            Act::Change(next) => next < profile.person.role && cuts_keys(next),
            Act::Remove => true,
        }
    }
}

const THINGS: (&str, &str) = ("person", "people");
const BACK: &str = "Back to the team";

/// Whether there is anything that the person can do with several members.
pub fn can_pick() -> bool {
    can(Operation::TeamChangeRole) || can(Operation::TeamRemove)
}

/// The buttons of what the person can do with several members.
pub fn acts() -> AnyView {
    let change = can(Operation::TeamChangeRole).then(|| {
        let choices = role_choices(Operation::TeamChangeRole, None).into_iter().filter(Choice::is_available).collect();
        let selected = Role::Member.name();
        view! {
            <Select compact=true hide_label=true label="New role" name="role" id="many-role" choices selected />
            <Button label="Change role" name="act" value=CHANGE />
        }
    });
    let remove = can(Operation::TeamRemove)
        .then(|| view! { <Button label="Remove" look=Look::TowardsDanger name="act" value=REMOVE /> });
    view! {
        {change}
        {remove}
    }
    .into_any()
}

#[component]
pub fn ManyPeoplePage() -> impl IntoView {
    let ids = picked();
    let count = ids.split_whitespace().count();
    let back = routes::team(&param("slug"));
    let Some(act) = Act::asked().filter(|_| count > 0) else {
        return view! { <NothingPicked back_label=BACK back /> }.into_any();
    };
    let (form, outcome): (AnyForm, _) = match act {
        Act::Change(_) => {
            let form = use_form::<ChangeRoles>();
            (form.into(), form.outcome())
        }
        Act::Remove => {
            let form = use_form::<RemovePeople>();
            (form.into(), form.outcome())
        }
    };
    let slug = use_slug();
    let data = load(move || LoadPickedPeople { slug: slug.get(), ids: ids.clone() });
    reactive(move || match outcome.get() {
        Some(outcomes) => {
            view! { <Outcomes outcomes things=THINGS done=act.done() back_label=BACK back=back.clone() /> }.into_any()
        }
        None => view! { <ItemPage data view=move |people| ask(act, count, people, form) /> }.into_any(),
    })
}

/// Asks whether it is meant, of those of `count` people with whom it can be done.
fn ask(act: Act, count: usize, people: Vec<Profile>, form: AnyForm) -> AnyView {
    let back = routes::team(&param("slug"));
    let own = use_place().map(|place| place.user);
    let (missing, mut skipped, mut meant) = (count.saturating_sub(people.len()), vec![], vec![]);
    for profile in people {
        match act.skips(&profile, own == Some(profile.person.id)) {
            Some(reason) => skipped.push((profile.person.name, reason)),
            None => meant.push(profile),
        }
    }
    if missing > 0 {
        skipped.push((counted(missing, THINGS), "not found.".to_owned()));
    }
    if meant.is_empty() {
        let title = format!("Nobody can be {}", act.done());
        return view! { <NothingPicked title skipped back_label=BACK back /> }.into_any();
    }
    let ids: Vec<_> = meant.iter().map(|profile| profile.person.id.to_string()).collect();
    let mut hidden = vec![("ids", ids.join(" "))];
    if let Act::Change(role) = act {
        hidden.push(("role", role.name().to_owned()));
    }
    let keys: i64 = meant.iter().filter(|profile| act.asks_for_keys(profile)).map(|profile| profile.keys).sum();
    let words = act.words(meant.len());
    let rows: Vec<_> = meant
        .into_iter()
        .map(|Profile { person, keys, .. }| {
            let keys = (keys > 0).then(|| format!(", responsible for {}", count_of(keys, "key", "keys")));
            view! { <li><strong>{person.name}</strong>" "{person.email}", "{person.role.label()}{keys}</li> }
        })
        .collect();
    let consequences = matches!(act, Act::Remove).then(|| {
        view! {
            <ul class="points">
                <li>"Their accounts and their other organisations stay."</li>
                <li>"Prompts, configs, virtual keys and logs stay, with their names as they were."</li>
                <li>"Invitations that they made cannot be accepted any more."</li>
            </ul>
        }
    });
    view! {
        <FormPage
            form
            title=format!("{words}?")
            tab=if matches!(act, Act::Remove) { "Remove people" } else { "Change roles" }
            sentence=move || act.sentence()
            problem=format!("Nobody was {}", act.done())
            hidden
            button=words
            look=if matches!(act, Act::Remove) { Look::Danger } else { Look::Primary }
            availability=available(act.operation())
            back
        >
            <ul class="plain-list">{rows}</ul>
            <Skipped skipped />
            {consequences}
            {(keys > 0).then(|| view! { <KeysQuestion count=keys own=false /> })}
        </FormPage>
    }
    .into_any()
}
