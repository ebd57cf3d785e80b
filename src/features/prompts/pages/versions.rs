//! The versions of a prompt or partial: what differs between two of them, and which of them the labels name.

use super::{Above, Head, Open, is_closed, places, rollout, tags};
use crate::{
    features::{
        prompts::{
            functions::{
                Agree, LoadPartialVersions, LoadVersions, MoveLabel, Propose, PublishPartial, PublishPrompt,
                RestorePartial, RestorePrompt, RollOut, Withdraw,
            },
            model::{Kind, Label, Move, Movers, PRODUCTION, Pointer, Proposal, Trial, UsedBy, Versions},
            paths,
        },
        versions::pages::{HistoryPage, restoring},
    },
    kernel::{Asked, Timestamp},
    policy::Operation,
    ui::{
        Loaded, available, can,
        components::{Button, Card, Choice, Field, Look, Note, Select, Time, Toast, Tone},
        form::{AnyForm, BareForm, Refusal, use_form},
        listing::use_asked,
        load_after,
        pages::{Done, param, use_param, use_slug},
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// What the forms of this page do.
#[derive(Clone, Copy)]
struct Forms {
    restore: AnyForm,
    publish: AnyForm,
    label: AnyForm,
    roll_out: AnyForm,
    propose: AnyForm,
    agree: AnyForm,
    withdraw: AnyForm,
}

impl Forms {
    fn of(kind: Kind) -> Self {
        let (restore, publish) = match kind {
            Kind::Prompt => (use_form::<RestorePrompt>().into(), use_form::<PublishPrompt>().into()),
            Kind::Partial => (use_form::<RestorePartial>().into(), use_form::<PublishPartial>().into()),
        };
        let forms = Self {
            restore,
            publish,
            label: use_form::<MoveLabel>().into(),
            roll_out: use_form::<RollOut>().into(),
            propose: use_form::<Propose>().into(),
            agree: use_form::<Agree>().into(),
            withdraw: use_form::<Withdraw>().into(),
        };
        let said = [
            "The old text is the newest version again",
            "The version is published",
            "The label is moved",
            "The share of calls is set",
            "The version is proposed",
            "The label is moved",
            "The proposal is withdrawn",
        ];
        for (form, words) in forms.all().into_iter().zip(said) {
            form.says(move || Toast::done(words));
        }
        forms
    }

    fn all(self) -> [AnyForm; 7] {
        [self.restore, self.publish, self.label, self.roll_out, self.propose, self.agree, self.withdraw]
    }
}

#[component]
pub fn VersionsPage(kind: Kind) -> impl IntoView {
    let (slug, of, asked, query) = (use_slug(), use_param("of"), use_asked(&[]), use_query_map());
    let forms = Forms::of(kind);
    let successes = forms.all().map(AnyForm::successes);
    let changes = move || successes.iter().map(|count| count.get()).sum::<u32>();
    let part = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    let data = match kind {
        Kind::Prompt => load_after(changes, move || LoadVersions {
            slug: slug.get(),
            of: of.get(),
            was: part("was"),
            now: part("now"),
            asked: asked.get(),
        }),
        Kind::Partial => load_after(changes, move || LoadPartialVersions {
            slug: slug.get(),
            of: of.get(),
            was: part("was"),
            now: part("now"),
            asked: asked.get(),
        }),
    };
    let view =
        move |versions| view! { <Inside versions slug=param("slug") asked=asked.get_untracked() forms /> }.into_any();
    view! { <Loaded data view /> }
}

const SAID: &[(&str, &str)] = &[
    ("restored", "The old text is the newest version again."),
    ("published", "The version is published."),
    ("moved", "The label is moved."),
    ("rolled", "The share of calls is set."),
    ("proposed", "The version is proposed. Somebody else who may publish can agree."),
    ("agreed", "The label is moved."),
    ("withdrawn", "The proposal is withdrawn."),
];

/// What the forms say of the page that they stand on.
#[derive(Clone)]
struct Place {
    kind: Kind,
    of: String,
}

impl Place {
    /// The hidden fields that name the prompt or partial.
    fn fields(&self) -> impl IntoView + use<> {
        let partial =
            (self.kind == Kind::Partial).then(|| view! { <input type="hidden" name="partial" value="yes" /> });
        view! {
            <input type="hidden" name="of" value=self.of.clone() />
            {partial}
        }
    }
}

#[component]
fn Inside(versions: Versions, slug: String, asked: Asked, forms: Forms) -> impl IntoView {
    let Versions { kind, slug: of, name, pointers, proposals, labels, moves, used_by, history } = versions;
    let head =
        Head { kind, slug: slug.clone(), of: of.clone(), name, versions: history.current, labels: places(&pointers) };
    let path = paths::versions(kind, &slug, &of);
    let place = Place { kind, of };
    let now = history.now;
    let numbers: Vec<i64> = history.versions.iter().map(|version| version.number).collect();
    let published = at(&pointers, PRODUCTION);
    let needs_second = labels.iter().any(|label| label.name == PRODUCTION && label.needs_second);
    let fields = {
        let place = place.clone();
        Box::new(move || place.fields().into_any())
    };
    let restore = restoring(forms.restore, fields, kind.acts().restore);
    let beside: Box<dyn Fn(i64) -> AnyView> = {
        let (place, pointers) = (place.clone(), pointers.clone());
        Box::new(move |number: i64| {
            let here = pointers.iter().filter(|pointer| pointer.number == number).map(|pointer| pointer.label.as_str());
            let publish = (published != Some(number) && !needs_second).then(|| {
                let fields = place.fields();
                view! {
                    <BareForm form=forms.publish>
                        {fields}
                        <input type="hidden" name="number" value=number.to_string() />
                        <input type="hidden" name="was" value=published.unwrap_or_default().to_string() />
                        <Button
                            label=format!("Publish v{number}")
                            id=format!("publish-{number}")
                            busy=forms.publish.busy()
                            availability=available(kind.acts().publish)
                        />
                    </BareForm>
                }
            });
            view! { {tags(here)}{publish} }.into_any()
        })
    };
    let refusals = forms.all().map(|form| view! { <Refusal form /> });
    let is_proposed = |label: &Label| proposals.iter().any(|proposal| proposal.label == label.name);
    let rows: Vec<_> = labels
        .iter()
        .filter(|label| kind == Kind::Prompt || label.name == PRODUCTION)
        .map(|label| {
            let stands = at(&pointers, &label.name);
            let waits = is_proposed(label);
            let trial = pointers.iter().find(|pointer| pointer.label == label.name);
            let trial = trial.and_then(|pointer| pointer.trial.clone());
            let (label, numbers, place) = (label.clone(), numbers.clone(), place.clone());
            view! { <LabelRow label stands trial waits numbers place forms /> }
        })
        .collect();
    let proposed: Vec<_> = proposals
        .iter()
        .map(|proposal| view! { <Proposed proposal=proposal.clone() now place=place.clone() forms /> })
        .collect();
    view! {
        <Above head open=Open::Versions />
        <Done said=SAID />
        <div class="stack">
            {refusals.into_iter().collect::<Vec<_>>()}
            {proposed}
            <Users used_by />
            <HistoryPage history path asked restore beside />
            <Card title="Labels">
                <ul class="label-moves">{rows}</ul>
            </Card>
            <Moves moves now />
        </div>
    }
}

/// Where a label stands.
fn at(pointers: &[Pointer], label: &str) -> Option<i64> {
    pointers.iter().find(|pointer| pointer.label == label).map(|pointer| pointer.number)
}

fn stands_at(number: Option<i64>) -> String {
    number.map_or_else(|| "nowhere".to_owned(), |number| format!("v{number}"))
}

fn place_of(number: Option<i64>) -> String {
    number.map_or_else(|| "nowhere".to_owned(), |number| format!("at v{number}"))
}

/// What publishing a partial changes.
#[component]
fn Users(used_by: Vec<UsedBy>) -> impl IntoView {
    let live: Vec<_> = used_by.into_iter().filter(|user| user.is_live).map(|user| user.name).collect();
    (!live.is_empty())
        .then(|| view! { <Note tone=Tone::Info>{format!("Publishing changes: {}.", live.join(", "))}</Note> })
}

/// A label, where it stands, and the form that moves it or proposes to.
#[component]
fn LabelRow(
    label: Label,
    stands: Option<i64>,
    trial: Option<Trial>,
    waits: bool,
    numbers: Vec<i64>,
    place: Place,
    forms: Forms,
) -> impl IntoView {
    let moves = match place.kind {
        Kind::Prompt => Operation::PromptLabel,
        Kind::Partial => Operation::PartialPublish,
    };
    let proposes = label.needs_second || is_closed(&label) || !can(moves);
    let versions = numbers.iter().filter(|number| Some(**number) != stands);
    let mut choices: Vec<_> = versions.map(|number| Choice::new(number.to_string(), format!("v{number}"))).collect();
    if !proposes && stands.is_some() && place.kind == Kind::Prompt {
        choices.push(Choice::new("0", "nowhere"));
    }
    let first = choices.first().map(|choice| choice.value().to_owned()).unwrap_or_default();
    let (form, verb, operation) = match (proposes, place.kind) {
        (true, _) => (forms.propose, "Propose", Operation::PromptPropose),
        (false, Kind::Prompt) => (forms.label, "Move", moves),
        (false, Kind::Partial) => (forms.publish, "Move", moves),
    };
    let name = label.name;
    let way = (!choices.is_empty() && !waits).then(|| {
        let (fields, name) = (place.fields(), name.clone());
        let was = (!proposes).then(|| {
            view! { <input type="hidden" name="was" value=stands.unwrap_or_default().to_string() /> }
        });
        view! {
            <BareForm form class="row">
                {fields}
                <input type="hidden" name="label" value=name.clone() />
                {was}
                <Select
                    label=format!("Version for {name}")
                    hide_label=true
                    compact=true
                    name="number"
                    id=format!("to-{name}")
                    choices
                    selected=first
                />
                {proposes
                    .then(|| {
                        view! {
                            <Field
                                label=format!("Why {name} should move")
                                hide_label=true
                                name="message"
                                id=format!("why-{name}")
                                placeholder="Why"
                                autocomplete="off"
                            />
                        }
                    })}
                <Button
                    label=format!("{verb} {name}")
                    id=format!("move-{name}")
                    busy=form.busy()
                    availability=available(operation)
                />
            </BareForm>
        }
    });
    let rolls = stands.filter(|_| !proposes && place.kind == Kind::Prompt).map(|stands| {
        let (label, fields) = (name.clone(), place.fields().into_any());
        view! { <rollout::RollOut label stands trial numbers fields form=forms.roll_out /> }
    });
    let rule = match (label.movers, label.needs_second) {
        (Movers::Publishers, false) => "",
        (Movers::Publishers, true) => "A second person must agree.",
        (Movers::Owners, false) => "Owners alone move it.",
        (Movers::Owners, true) => "Owners alone move it, and a second person must agree.",
    };
    view! {
        <li>
            <div class="row">{tags([name.as_str()])} <span>{format!("stands {}", place_of(stands))}</span></div>
            {(!rule.is_empty()).then(|| view! { <div class="hint">{rule}</div> })}
            {way}
            {rolls}
        </li>
    }
}

/// A version that waits for a second person.
#[component]
fn Proposed(proposal: Proposal, now: Timestamp, place: Place, forms: Forms) -> impl IntoView {
    let Proposal { label, number, from, message, proposed_by, proposed_at, may_agree } = proposal;
    let title = format!("{proposed_by} proposes v{number} for {label}");
    let waits = if may_agree { "" } else { " Somebody else who may move this label can agree." };
    let stands = format!(". It stands {}.{waits}", place_of(from));
    let refuse = if may_agree { "Refuse" } else { "Withdraw" };
    let action = move || {
        let (fields, name) = (place.fields(), label.clone());
        let withdraw = view! {
            <BareForm form=forms.withdraw>
                {fields}
                <input type="hidden" name="label" value=name.clone() />
                <Button
                    label=refuse
                    id=format!("withdraw-{name}")
                    busy=forms.withdraw.busy()
                    availability=available(Operation::PromptWithdraw)
                />
            </BareForm>
        };
        let agree = may_agree.then(|| {
            let (fields, name) = (place.fields(), label.clone());
            view! {
                <BareForm form=forms.agree>
                    {fields}
                    <input type="hidden" name="label" value=name.clone() />
                    <input type="hidden" name="number" value=number.to_string() />
                    <Button look=Look::Primary label="Agree" id=format!("agree-{name}") busy=forms.agree.busy() />
                </BareForm>
            }
        });
        view! { <div class="row">{withdraw}{agree}</div> }
    };
    view! {
        <Note tone=Tone::Warn action>
            <strong>{title}</strong>
            {(!message.is_empty()).then(|| view! { <div>{format!("“{message}”")}</div> })}
            <div class="hint">"Proposed "<Time at=proposed_at.0 now=now.0 />{stands}</div>
        </Note>
    }
}

/// How the labels came where they stand, the newest move first.
#[component]
fn Moves(moves: Vec<Move>, now: Timestamp) -> impl IntoView {
    let items: Vec<_> = moves
        .into_iter()
        .map(|moved| {
            let Move { label, from, to, moved_by, proposed_by, moved_at, trial } = moved;
            let words = match trial {
                None => format!("{label}: {} to {}", stands_at(from), stands_at(to)),
                Some((number, 0)) => format!("{label}: v{number} no longer gets any calls"),
                Some((number, percent)) => format!("{label}: v{number} for {percent} % of calls"),
            };
            let proposed = proposed_by.map(|name| format!(", proposed by {name}")).unwrap_or_default();
            view! {
                <li>
                    {words}
                    <div class="hint">{format!("{moved_by}{proposed}, ")}<Time at=moved_at.0 now=now.0 /></div>
                </li>
            }
        })
        .collect();
    (!items.is_empty()).then(|| {
        view! {
            <Card title="Moves">
                <ul class="plain-list">{items}</ul>
            </Card>
        }
    })
}
