//! The answer with its steps, what a key holds, and who can do it.

use crate::{
    features::why::model::{Answer, Party, Sets, WhoCan},
    policy::{KeyFeature, Permission, PermissionSet, Shown, Step, Verdict, bitting, summary},
    site::routes,
    ui::{
        bitting::{Bitting, KeySize},
        components::{Card, Column, DefinitionList, Fact, Table, Tag},
        icons::{Glyph, Icon},
    },
};
use leptos::prelude::*;

/// The answer in a sentence, and below it the steps of the decision.
#[component]
pub fn Answered(answer: Answer) -> impl IntoView {
    let Answer { who, allowed, supposed, sentence, missing, steps, besides, sets, .. } = answer;
    let steps: Vec<_> = steps.into_iter().map(step).collect();
    let icon = if allowed { Icon::Check } else { Icon::Close };
    let helped = missing.map(|missing| {
        view! {
            <Fact term="Missing permission"><code>{missing.name()}</code></Fact>
            <Fact term="Held by">{missing.held_by()}</Fact>
        }
    });
    let besides: Vec<_> = besides.into_iter().map(|words| view! { <div class="hint">{words}</div> }).collect();
    let trial = supposed.then(|| view! { <div class="hint">"What if: nothing is changed."</div> });
    let Party { name, about, .. } = who;
    let about = (sets.is_some() && !about.is_empty()).then(move || view! { <Fact term="This key">{about}</Fact> });
    let facts =
        (about.is_some() || helped.is_some()).then(move || view! { <DefinitionList>{about}{helped}</DefinitionList> });
    let held = sets.filter(|_| !supposed).map(|sets| view! { <Held name sets /> }.into_any());
    view! {
        <section class="card">
            <h2 class="answered" class:chain-bad=!allowed>
                <Glyph icon />
                {sentence}
            </h2>
            {trial}
            <ol class="chain">{steps}</ol>
            {facts}
            {besides}
        </section>
        {held}
    }
}

fn step(step: Step) -> AnyView {
    let (tone, icon, word) = match step.verdict {
        Verdict::Passed => ("tone-ok", Icon::Check, "Passed: "),
        Verdict::Failed => ("tone-bad", Icon::Close, "Failed: "),
        Verdict::NotAsked => ("muted", Icon::Minus, "Not checked: "),
    };
    let decides = (step.verdict == Verdict::Failed).then(|| view! { <Tag label="decides" plain=true /> });
    view! {
        <li class=tone>
            <Glyph icon />
            <span class="chain-words">
                <span class="vh">{word}</span>
                <strong>{step.title}</strong>
                " "
                {step.words}
            </span>
            {decides}
        </li>
    }
    .into_any()
}

/// All that a key may do: its own set, what is cut away of it, and what is left.
#[component]
fn Held(name: String, sets: Sets) -> impl IntoView {
    let Sets { own, effective } = sets;
    let rows: Vec<_> = KeyFeature::ALL
        .into_iter()
        .filter(|feature| !feature.all().intersection(own).is_empty())
        .map(|feature| {
            let level = match feature.shown(own) {
                Shown::Level(level) => level.label(),
                Shown::Custom => "Custom",
            };
            let of = feature.all();
            view! {
                <tr>
                    <th scope="row">{feature.label()}</th>
                    <td data-label="Own set">{level}</td>
                    <td data-label="Cut away">{verbs(own.without(effective).intersection(of))}</td>
                    <td class="wide" data-label="May do now">{verbs(effective.intersection(of))}</td>
                </tr>
            }
        })
        .collect();
    let columns = ["Feature", "Own set", "Cut away", "May do now"].map(Column::new).to_vec();
    view! {
        <Card title=format!("All that {name} may do")>
            <Bitting teeth=bitting(effective) size=KeySize::Large />
            <div>{summary(effective)}</div>
        </Card>
        <Table caption=format!("All that {name} may do, by feature") columns dense=true>{rows}</Table>
    }
}

/// "list, view"; "nothing".
fn verbs(set: PermissionSet) -> String {
    let verbs: Vec<_> = set.iter().map(Permission::verb).collect();
    if verbs.is_empty() { "nothing".to_owned() } else { verbs.join(", ") }
}

/// The people and keys that can do it, each with the way to the reasons.
#[component]
pub fn Able(who_can: WhoCan, slug: String) -> impl IntoView {
    let WhoCan { what, people, keys, is_whole } = who_can;
    let row = |party: &Party| {
        let href = routes::why(&slug).with("who", &party.value()).with("what", &what).to_string();
        view! {
            <tr>
                <th scope="row"><a class="cell-name" href=href>{party.name.clone()}</a></th>
                <td data-label="As">{party.about.clone()}</td>
            </tr>
        }
    };
    let none = keys.is_none().then(|| {
        let words = format!("Keys are left out: they are told to {}.", Permission::ApiKeysList.held_by());
        view! { <div class="hint">{words}</div> }
    });
    let some =
        (!is_whole).then(|| view! { <div class="hint">"Only the first 1,000 people and keys were checked."</div> });
    let rows: Vec<_> = people.iter().chain(keys.iter().flatten()).map(row).collect();
    let nobody = rows.is_empty().then(|| view! { <div class="hint">"Nobody can."</div> });
    let columns = ["Who", "As"].map(Column::new).to_vec();
    view! {
        <section class="shares" aria-label="Who can do this">
            <h2>"Who can do this"</h2>
            <Table caption="Who can do this" columns dense=true>{rows}</Table>
            {nobody}
            {none}
            {some}
        </section>
    }
}
