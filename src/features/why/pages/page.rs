//! The question, in the address, and below it the answer.

use super::answer::{Able, Answered};
use crate::{
    features::why::{
        functions::AskWhy,
        model::{self, ASKED, Party, PartyKind},
    },
    kernel::Asked,
    policy::{Feature, Permission, Role},
    site::routes,
    ui::{
        Loaded,
        components::{Choice, EmptyState, Filters, Note, PageHeader, Select, Tone},
        icons::{Glyph, Icon},
        listing::use_asked,
        load,
        pages::{page_title, use_slug},
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn WhyPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&ASKED));
    let page = load(move || AskWhy { slug: slug.get(), asked: asked.get() });
    let show = move |page: model::WhyPage| whole(page, slug.get_untracked(), &asked.get_untracked());
    view! {
        <Title text=page_title("Explain access") />
        <Loaded data=page view=show />
    }
}

fn whole(page: model::WhyPage, slug: String, asked: &Asked) -> AnyView {
    let fields = fields(&page, asked);
    let is_alone = page.people.is_empty() && page.keys.is_empty();
    let alone = is_alone.then(|| {
        let who = Permission::TeamView.held_by();
        let words = format!("You can ask about yourself. {who} can ask about others.");
        view! { <Note tone=Tone::Info>{words}</Note> }.into_any()
    });
    let count = match page.supposed.as_ref().or(page.answer.as_ref()) {
        None => "",
        Some(answer) if answer.allowed => "The answer is yes",
        Some(_) => "The answer is no",
    };
    let model::WhyPage { answer, supposed, who_can, .. } = page;
    let trial = supposed.map(|answer| view! { <Answered answer /> }.into_any());
    let body = match answer {
        Some(answer) => view! { <Answered answer /> }.into_any(),
        None => {
            let sentence = "Choose an act above. The answer shows each step of the decision, and which one decided.";
            view! { <EmptyState title="Nothing asked yet" sentence /> }.into_any()
        }
    };
    let able = who_can.map(|who_can| view! { <Able who_can slug=slug.clone() /> }.into_any());
    view! {
        <PageHeader
            title="Explain access"
            sentence=|| "Why a person or a key can, or cannot, do a thing; who can; and what would change it."
        />
        <Filters action=routes::why(&slug) count=count.to_owned()>
            {fields}
        </Filters>
        {alone}
        {trial}
        {body}
        {able}
    }
    .into_any()
}

/// The fields of the question, and of what is supposed where something is asked.
fn fields(page: &model::WhyPage, asked: &Asked) -> Vec<AnyView> {
    let mut whom = vec![Choice::new("", "Can I")];
    whom.extend(page.people.iter().map(|person| named(person, &format!("Can {}, {}", person.name, person.about))));
    whom.extend(page.keys.iter().map(|key| named(key, &format!("Can the key {}", key.name))));
    let who = asked.get("who");
    // Who is asked about by a link stands in no list if they are disabled, or deleted, or too many are.
    if let Some(answer) =
        page.answer.as_ref().filter(|_| !who.is_empty() && whom.iter().all(|choice| choice.value() != who))
    {
        whom.push(Choice::new(who, format!("Can {}", answer.who.name)));
    }
    let mut fields = vec![choice("Who", "who", whom, asked), acts(asked.get("what"))];
    if let Some(kind) = page.on {
        let (none, parties) = match kind {
            PartyKind::User => ("to anybody", &page.people),
            PartyKind::ApiKey => ("to any key", &page.keys),
        };
        let mut on = vec![Choice::new("", none)];
        on.extend(parties.iter().map(|party| named(party, &format!("to {}", party.name))));
        let chosen = asked.get("on");
        if chosen.starts_with(kind.name()) && on.iter().all(|choice| choice.value() != chosen) {
            on.push(Choice::new(chosen, "to whom the address names"));
        }
        fields.push(choice("Done to", "on", on, asked));
    }
    if page.gives_role {
        fields.push(choice("Role that is given", "to", roles("any role", "as "), asked));
    }
    let Some(answer) = &page.answer else { return fields };
    match answer.who.kind {
        PartyKind::User => {
            fields.push(choice("If their role were", "role", roles("role as it is", "if they were "), asked))
        }
        PartyKind::ApiKey => {
            if let Some(feature) = page.feature {
                let label = feature.label();
                let mut levels = vec![Choice::new("", format!("{label} as it is"))];
                let known = feature.levels().into_iter();
                levels
                    .extend(known.map(|level| Choice::new(level.name(), format!("if {label} were {}", level.label()))));
                fields.push(choice("If its level were", "level", levels, asked));
            }
            let people = roles("its person as they are", "if its person were ");
            fields.push(choice("If the role of its person were", "person", people, asked));
        }
    }
    fields
}

/// The acts by feature, and what else the address names.
fn acts(what: &str) -> AnyView {
    let option = |value: &str, words: String| {
        let chosen = value == what;
        view! { <option value=value.to_owned() selected=chosen>{words}</option> }
    };
    let groups: Vec<_> = Feature::ALL
        .into_iter()
        .map(|feature| {
            let own = Permission::ALL.iter().filter(|permission| permission.feature() == feature);
            let options: Vec<_> = own.map(|permission| option(permission.name(), permission.act())).collect();
            view! { <optgroup label=feature.label()>{options}</optgroup> }
        })
        .collect();
    let other = (!what.is_empty() && Permission::parse(what).is_none()).then(|| option(what, what.to_owned()));
    let none = option("", "choose an act".to_owned());
    view! {
        <div class="field field-compact">
            <div class="field-top vh"><label for="what">"Act"</label></div>
            <div class="select-box">
                <select id="what" name="what" class="input select">
                    {none}
                    {other}
                    {groups}
                </select>
                <Glyph icon=Icon::ChevronDown />
            </div>
        </div>
    }
    .into_any()
}

fn named(party: &Party, label: &str) -> Choice {
    Choice::new(party.value(), label)
}

fn roles(none: &str, before: &str) -> Vec<Choice> {
    let roles = Role::ALL.map(|role| Choice::new(role.name(), format!("{before}{}", role.label())));
    [Choice::new("", none)].into_iter().chain(roles).collect()
}

fn choice(label: &'static str, name: &'static str, choices: Vec<Choice>, asked: &Asked) -> AnyView {
    view! { <Select compact=true hide_label=true label name choices selected=asked.get(name).to_owned() /> }.into_any()
}
