//! What is asked before a role changes, and the link by which a member sets a new password.

use super::{OnlyOwner, counted, may, titled, use_person};
use crate::{
    features::team::{
        functions::{ChangeRole, MakeResetLink},
        model::{Keys, Profile, ResetLink, cuts_keys},
    },
    policy::{Operation, Role},
    site::routes,
    ui::{
        components::{Card, Choice, LinkButton, Note, PageHeader, RadioCards, SecretBox, Toast, Tone},
        form::{Form, use_form},
        pages::{FormPage, ItemPage, param},
        reactive, use_place,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn ChangeRolePage() -> impl IntoView {
    let form = use_form::<ChangeRole>();
    let wanted = use_query_map().with_untracked(|query| query.get("role").and_then(|role| Role::parse(&role)));
    view! {
        <ItemPage data=use_person() view=move |profile| view! { <Question profile wanted form /> }.into_any() />
    }
}

/// What a change of role means, in words.
fn consequences(name: &str, own: bool, was: Role, next: Role) -> String {
    match (own, next) {
        (true, next) if next < was => {
            format!("You give up being {} yourself. Only somebody above you can give it back.", with_article(was))
        }
        (_, Role::Owner) => format!(
            "{name} will be able to do everything here: billing, every key, and removing Owners, you included. \
             An Owner can only be demoted by an Owner."
        ),
        (_, next) => format!("{name} will be {}. {}", with_article(next), next.sentence()),
    }
}

pub fn with_article(role: Role) -> String {
    format!("{} {}", if role == Role::Member { "a" } else { "an" }, role.label())
}

#[component]
fn Question(profile: Profile, wanted: Option<Role>, form: Form<ChangeRole>) -> impl IntoView {
    let Profile { person, keys, only_owner, .. } = profile;
    let own = use_place().is_some_and(|place| place.user == person.id);
    let back = routes::team(&param("slug"));
    let Some(next) = wanted.filter(|next| *next != person.role) else {
        let words = format!("{} is {}. Choose another role in the list.", person.name, with_article(person.role));
        return view! {
            <PageHeader title="Change a role" sentence=move || words.clone() />
            <LinkButton label="Back to the team" href=back />
        }
        .into_any();
    };
    let who = if own { "yourself".to_owned() } else { person.name.clone() };
    let title = format!("Make {who} {}", with_article(next));
    let done = Toast::done(format!("{} is now {}", person.name, next.label()));
    let words = consequences(&person.name, own, person.role, next);
    let asks_keys = keys > 0 && next < person.role && cuts_keys(next);
    let availability = if only_owner {
        crate::ui::components::Availability::when(false, "The only Owner. Make someone else an Owner first.")
    } else {
        may(Operation::TeamChangeRole, Some(person.role), Some(next))
    };
    view! {
        <FormPage
            form
            title=title.clone()
            tab="Change a role"
            sentence=move || words.clone()
            problem="The role was not changed"
            hidden=vec![("id", person.id.to_string()), ("role", next.name().into()), ("asked", "true".into())]
            button=title
            availability
            done
            back
        >
            {only_owner.then(|| view! { <OnlyOwner /> })}
            {asks_keys.then(|| view! { <KeysQuestion count=keys own /> })}
        </FormPage>
    }
    .into_any()
}

/// What becomes of a person's keys.
#[component]
pub fn KeysQuestion(
    /// How many there are.
    count: i64,
    /// The person decides about their own keys.
    own: bool,
) -> impl IntoView {
    let keys = counted(count, "key", "keys");
    let (take, takes) = if own {
        ("An Owner takes them over".to_owned(), "They keep working as they do now.")
    } else {
        ("Take them over".to_owned(), "They keep working as they do now, and you become responsible for them.")
    };
    let choices = vec![
        Choice::new(Keys::TakeOver.name(), take).sentence(takes).default_mark(true),
        Choice::new(Keys::Revoke.name(), "Revoke them").sentence("They stop at once. Programs that use them fail."),
    ];
    let selected = Keys::TakeOver.name();
    view! { <RadioCards legend=format!("What becomes of the {keys}?") name="keys" choices selected /> }
}

#[component]
pub fn PasswordLinkPage() -> impl IntoView {
    let profile = use_person();
    let form = use_form::<MakeResetLink>();
    let outcome = form.outcome();
    view! {
        <Title text=titled("Password link") />
        {reactive(move || match outcome.get() {
            Some(link) => view! { <Made link slug=param("slug") /> }.into_any(),
            None => {
                view! { <ItemPage data=profile view=move |profile| view! { <Make profile form /> }.into_any() /> }.into_any()
            }
        })}
    }
}

#[component]
fn Make(profile: Profile, form: Form<MakeResetLink>) -> impl IntoView {
    let Profile { person, has_mail, .. } = profile;
    let name = person.name;
    let back = routes::team(&param("slug"));
    let title = format!("Password link for {name}");
    let sentence = move || format!("With it {name} sets a new password. It works once, for 60 minutes.");
    if has_mail {
        return view! {
            <PageHeader title sentence />
            <Note action=move || view! { <LinkButton label="Back to the team" href=back.clone() /> }>
                "This installation sends mail. They can ask for a link on the sign-in page."
            </Note>
        }
        .into_any();
    }
    view! {
        <FormPage
            form
            title
            tab="Password link"
            sentence
            problem="No link was made"
            hidden=vec![("id", person.id.to_string())]
            button="Make the link"
            back
        >
            <div>
                "Whoever has the link can open the whole account of " <strong>{person.email}</strong>
                ". Hand it over in person, or where only they can read it. Links made before stop working."
            </div>
        </FormPage>
    }
    .into_any()
}

#[component]
fn Made(link: ResetLink, slug: String) -> impl IntoView {
    view! {
        <PageHeader
            title=format!("Password link for {}", link.name)
            sentence=|| "Copy it now: it is shown this once. It works once, for 60 minutes."
        />
        <Card>
            <div class="stack">
                <SecretBox id="reset-link" what=format!("password link for {}", link.name) value=link.link.expose().to_owned() />
                <div class="row">
                    <LinkButton label="Back to the team" href=routes::team(&slug) />
                </div>
            </div>
        </Card>
        <Note tone=Tone::Info>"It is noted in the audit log that you made this link."</Note>
    }
}
