//! The fields of a key, for a new one and for one that is there: what it is called, when it ends, and what it may do.

use super::narrow::Narrowing;
use crate::{
    features::{
        api_keys::model::{Expiry, Key, KeyConfig, KeyForm, Person, level_value},
        logs::texts::choice_name,
    },
    kernel::{Timestamp, time::DAY},
    policy::{KeyFeature, Level, PermissionSet, Preset, Tooth, bitting, summary, summary_sentence},
    ui::{
        Gradual, apart,
        bitting::{Bitting, KeySize},
        components::{
            Availability, Change, Choice, Column, Field, FieldKind, LevelSteps, Segments, Select, Table, Time, TwoLines,
        },
        reactive, use_place,
    },
};
use leptos::prelude::*;
use std::time::Duration;

/// What a person changes, as signals. A new key has nothing stored.
#[derive(Clone, Copy)]
pub(super) struct Editor {
    pub stored: RwSignal<Option<Key>>,
    pub name: RwSignal<String>,
    pub description: RwSignal<String>,
    pub expiry: RwSignal<String>,
    pub responsible: RwSignal<String>,
    pub config: RwSignal<String>,
    pub config_override: RwSignal<String>,
    pub keep_texts: RwSignal<String>,
    pub narrow: Narrowing,
    levels: [RwSignal<String>; 8],
    preset: RwSignal<String>,
    /// What the person may give.
    ceiling: PermissionSet,
    pub set: Memo<PermissionSet>,
}

/// The fields as a stored key has them.
pub(super) fn form_of(key: &Key) -> KeyForm {
    KeyForm {
        name: key.name.clone(),
        description: key.description.clone(),
        expiry: if key.expires_at.is_some() { "keep".into() } else { "none".into() },
        responsible: key.responsible.as_ref().map_or_else(|| "owners".to_owned(), |person| person.id.to_string()),
        config: key.config.as_ref().map_or_else(|| "none".to_owned(), |config| config.slug.clone()),
        config_override: if key.config_override { "yes".into() } else { "no".into() },
        keep_texts: choice_name(key.keep_texts).into(),
        narrowing: "yes".into(),
        version: key.version.to_string(),
        levels: KeyFeature::ALL.map(|f| (f, level_value(f, key.permissions).to_owned())).into(),
        ..super::narrow::typed(&key.narrowed)
    }
}

/// Sets every feature's level by a function of what is there.
pub(super) fn map_levels(form: &mut KeyForm, level: impl Fn(KeyFeature, &str) -> String) {
    form.levels = KeyFeature::ALL.map(|feature| (feature, level(feature, form.level(feature)))).into();
}

/// The highest level of a feature up to `wanted` that stays below the ceiling.
fn capped(feature: KeyFeature, wanted: Level, ceiling: PermissionSet) -> Level {
    feature
        .levels()
        .into_iter()
        .filter(|level| *level <= wanted && may_give(feature, *level, ceiling))
        .max()
        .unwrap_or(Level::Disabled)
}

fn may_give(feature: KeyFeature, level: Level, ceiling: PermissionSet) -> bool {
    feature.permissions(level).is_some_and(|set| set.is_subset_of(ceiling))
}

/// A preset as far as the person may give it.
pub(super) fn preset_level(preset: Preset, feature: KeyFeature, ceiling: PermissionSet) -> Level {
    capped(feature, preset.level(feature), ceiling)
}

/// What the person of this page may give.
pub(super) fn ceiling() -> PermissionSet {
    use_place().map(|place| place.principal().permissions()).unwrap_or_default()
}

/// The preset of this name.
pub(super) fn preset_named(name: &str) -> Option<Preset> {
    Preset::ALL.into_iter().find(|preset| preset.name() == name)
}

impl Editor {
    pub fn new(start: &KeyForm, stored: Option<Key>) -> Self {
        let stored = RwSignal::new(stored);
        let levels = KeyFeature::ALL.map(|feature| RwSignal::new(start.level(feature).to_owned()));
        let set = Memo::new(move |_| {
            let before = stored.with(|key| key.as_ref().map(|key| key.permissions).unwrap_or_default());
            KeyFeature::ALL.into_iter().zip(levels).fold(PermissionSet::EMPTY, |set, (feature, level)| {
                let own = level.with(|level| match Level::parse(level) {
                    Some(level) => feature.permissions(level).unwrap_or_default(),
                    None => before.intersection(feature.all()),
                });
                set.union(own)
            })
        });
        let ceiling = ceiling();
        let fitting = move |set| {
            let fits = |preset: &Preset| PermissionSet::of_levels(|f| preset_level(*preset, f, ceiling)) == set;
            Preset::ALL.into_iter().find(fits).map_or("custom", Preset::name).to_owned()
        };
        let preset = RwSignal::new(fitting(set.get_untracked()));
        Effect::new(move |_| preset.set(fitting(set.get())));
        let text = |value: &str| RwSignal::new(value.to_owned());
        Self {
            stored,
            name: text(&start.name),
            description: text(&start.description),
            expiry: text(&start.expiry),
            responsible: text(&start.responsible),
            config: text(&start.config),
            config_override: text(&start.config_override),
            keep_texts: text(&start.keep_texts),
            narrow: Narrowing::new(start),
            levels,
            preset,
            ceiling,
            set,
        }
    }

    /// The set against which changes are told: what is stored, or the default of a new key.
    fn before(self) -> PermissionSet {
        self.stored.with(|key| key.as_ref().map_or_else(PermissionSet::key_default, |key| key.permissions))
    }

    /// One field as it is stored.
    pub fn as_stored(self, of: fn(&KeyForm) -> &String) -> Signal<String> {
        let stored = self.stored;
        Signal::derive(move || stored.with(|key| key.as_ref().map(|key| of(&form_of(key)).clone()).unwrap_or_default()))
    }

    /// What differs from the stored key, field by field.
    pub fn changes(self, people: &[Person], configs: &[KeyConfig]) -> Vec<Change> {
        self.stored.with(|stored| {
            let Some(key) = stored else { return vec![] };
            let mut changes = vec![];
            let mut note = |what: &str, was: String, now: String| {
                if was != now {
                    let some = |text: String| (!text.is_empty()).then_some(text);
                    changes.push(Change { what: what.into(), was: some(was), now: some(now) });
                }
            };
            note("Name", key.name.clone(), self.name.get().trim().to_owned());
            note("Description", key.description.clone(), self.description.get().trim().replace("\r\n", "\n"));
            let was = key.expires_at.map_or_else(|| "never".into(), |at| at.date());
            let now = match self.expiry.get().as_str() {
                "keep" => was.clone(),
                "none" => "never".into(),
                "date" => "on a chosen day".into(),
                days => format!("in {days} days"),
            };
            note("Expires", was, now);
            let named = |id: &str| match id {
                "owners" => "the Owners".to_owned(),
                id => people
                    .iter()
                    .find(|person| person.id.to_string() == id)
                    .map(|person| person.name.clone())
                    .or_else(|| key.responsible.as_ref().map(|person| person.name.clone()))
                    .unwrap_or_default(),
            };
            let before = form_of(key).responsible;
            note("Acts for", named(&before), named(&self.responsible.get()));
            let chosen = |slug: &str| match slug {
                "none" => "none".to_owned(),
                slug => configs
                    .iter()
                    .find(|config| config.slug == slug)
                    .map_or_else(|| slug.to_owned(), |config| config.name.clone()),
            };
            let before = form_of(key);
            note("Config", chosen(&before.config), chosen(&self.config.get()));
            note("Other configs", before.config_override.clone(), self.config_override.get());
            note("Texts of its calls", before.keep_texts.clone(), self.keep_texts.get());
            for (what, was, now) in self.narrow.changes(&before) {
                note(what, was, now);
            }
            for (feature, level) in KeyFeature::ALL.into_iter().zip(self.levels) {
                let was = level_words(level_value(feature, key.permissions));
                note(feature.label(), was, level.with(|level| level_words(level)));
            }
            changes
        })
    }
}

/// The words of a select's value.
fn level_words(value: &str) -> String {
    Level::parse(value).map_or("Custom", Level::label).to_owned()
}

/// Name, end, description.
#[component]
pub(super) fn Basics(
    editor: Editor,
    start: KeyForm,
    now: Timestamp,
    people: Vec<Person>,
    configs: Vec<KeyConfig>,
) -> impl IntoView {
    let field = move |of: fn(&KeyForm) -> &String| editor.as_stored(of);
    let stored = editor.stored.get_untracked();
    let kept = stored.as_ref().and_then(|key| key.expires_at);
    let mut ends = vec![];
    if let Some(at) = kept {
        ends.push(Choice::new("keep", format!("Stays {}", at.date())));
    }
    ends.extend(Expiry::DAYS.map(|days| {
        let is_default = stored.is_none() && Expiry::DEFAULT == Expiry::Days(days);
        Choice::new(days.to_string(), format!("In {days} days")).default_mark(is_default)
    }));
    ends.push(Choice::new("date", "On a day…"));
    ends.push(Choice::new("none", "Never"));
    let end = move || {
        let choice = editor.expiry.get();
        match (choice.as_str(), choice.parse::<i64>()) {
            ("keep", _) => kept.map(|at| at.0),
            (_, Ok(days)) => Some(now.0.saturating_add(days.saturating_mul(DAY))),
            _ => None,
        }
    };
    let beside = move || match end() {
        Some(at) => view! { "Until "<Time at /> }.into_any(),
        None if editor.expiry.get() == "none" => {
            "It works until somebody ends it. A key that is forgotten stays open: prefer an end.".into_any()
        }
        None => ().into_any(),
    };
    let responsible = stored.map(|key| {
        let mut who = vec![Choice::new("owners", "The Owners")];
        who.extend(
            people
                .iter()
                .map(|person| Choice::new(person.id.to_string(), format!("{} ({})", person.name, person.role))),
        );
        if let Some(gone) = key.responsible.filter(|gone| people.iter().all(|person| person.id != gone.id)) {
            who.push(Choice::new(gone.id.to_string(), format!("{} (not active)", gone.name)));
        }
        view! {
            <Select
                label="Acts for"
                name="responsible"
                choices=who
                selected=field(|form| &form.responsible)
                bind=editor.responsible
                hint=Signal::stored("What this person may not do, the key may not do either.".to_owned())
            />
        }
    });
    view! {
        <div class="stack">
            <div class="fields">
                <Field
                    label="Name"
                    name="name"
                    value=field(|form| &form.name)
                    bind=editor.name
                    autocomplete="off"
                    hint=Signal::stored("What program or person uses it.".to_owned())
                />
                <div class="field">
                    <Select
                        label="Expires"
                        name="expiry"
                        choices=ends
                        selected=field(|form| &form.expiry) bind=editor.expiry
                    />
                    <div class="hint" aria-live="polite">{beside}</div>
                </div>
                <div class="only-date">
                    <Field
                        label="Last day"
                        name="expiry_date"
                        kind=FieldKind::Date
                        value=start.expiry_date
                        hint=Signal::stored("With “On a day”: until the end of that day, UTC.".to_owned())
                    />
                </div>
                {responsible}
                <ConfigFields editor configs />
            </div>
            <Field
                label="Description"
                name="description"
                kind=FieldKind::Textarea { rows: 2 }
                value=field(|form| &form.description)
                bind=editor.description
                optional=true
            />
        </div>
    }
}

/// The config of its calls, whether a call may name another, and whether what they say is kept.
#[component]
fn ConfigFields(editor: Editor, configs: Vec<KeyConfig>) -> impl IntoView {
    let field = move |of: fn(&KeyForm) -> &String| editor.as_stored(of);
    let mut choices = vec![Choice::new("none", "None")];
    choices.extend(configs.into_iter().map(|config| Choice::new(config.slug, config.name)));
    let keeps =
        vec![Choice::new("inherit", "As the organisation does"), Choice::new("yes", "Yes"), Choice::new("no", "No")];
    let may = vec![Choice::new("yes", "A call may name another config"), Choice::new("no", "Only this config")];
    view! {
        <Select
            label="Config"
            name="config"
            choices
            selected=field(|form| &form.config)
            bind=editor.config
            hint=Signal::stored("Used for calls that name no config of their own.".to_owned())
        />
        <Select
            label="Other configs"
            name="config_override"
            choices=may
            selected=field(|form| &form.config_override)
            bind=editor.config_override
        />
        <Select
            label="Keep texts of its calls"
            name="keep_texts"
            choices=keeps
            selected=field(|form| &form.keep_texts)
            bind=editor.keep_texts
        />
    }
}

/// The presets: radio buttons once the page is alive, links before.
pub(super) fn presets(editor: Editor, here: &crate::site::routes::Path) -> impl IntoView + use<> {
    let mut choices: Vec<_> = Preset::ALL.map(|preset| Choice::new(preset.name(), preset.label())).to_vec();
    choices.push(Choice::new("custom", "Custom"));
    let links: Vec<_> = Preset::ALL
        .map(|preset| {
            let href = here.clone().with("preset", preset.name()).to_string();
            view! { <a href=href>{preset.label()}</a>" " }
        })
        .into_iter()
        .collect();
    let choose = move |name: String| {
        if let Some(preset) = preset_named(&name) {
            for (feature, level) in KeyFeature::ALL.into_iter().zip(editor.levels) {
                level.set(preset_level(preset, feature, editor.ceiling).name().to_owned());
            }
        }
    };
    view! {
        <div class="presets">
            <span class="nojs">"Start from: "{links}</span>
            <div class="needs-js">
                {apart(move || view! { <Segments legend="Preset" name="preset" choices bind=editor.preset on_change=Callback::new(choose) /> })}
            </div>
        </div>
    }
}

/// One row for each feature: what it is, how far the key goes, and what that changes.
#[component]
pub(super) fn Permissions(editor: Editor) -> impl IntoView {
    let rows = Gradual::of(KeyFeature::ALL.into_iter().zip(editor.levels), move |(feature, level)| {
        row(editor, feature, level)
    });
    view! {
        <Table
            caption="Permissions"
            columns=vec![Column::new("Feature"), Column::unseen("Steps"), Column::new("Level"), Column::new("Change")]
        >
            {rows}
        </Table>
        <div class="table-foot">"Each level includes those before it. Billing and the organisation itself are closed to keys."</div>
    }
}

fn row(editor: Editor, feature: KeyFeature, level: RwSignal<String>) -> impl IntoView {
    let steps = u8::try_from(feature.steps().len()).unwrap_or(1);
    let index = KeyFeature::ALL.iter().position(|f| *f == feature).unwrap_or(0);
    let at = Signal::derive(move || match bitting(editor.set.get())[index] {
        Tooth::Level { at, .. } => at,
        Tooth::None | Tooth::Custom => 0,
    });
    let before = Memo::new(move |_| level_value(feature, editor.before()));
    let changed = Signal::derive(move || level.with(|level| level != before.get()));
    let stored = level_value(
        feature,
        editor.stored.with_untracked(|key| key.as_ref().map(|key| key.permissions)).unwrap_or_default(),
    );
    let mut choices: Vec<_> = feature
        .levels()
        .into_iter()
        .map(|level| {
            let given = may_give(feature, level, editor.ceiling);
            Choice::new(level.name(), level.label())
                .default_mark(level == feature.default_level())
                .availability(Availability::when(given, "more than you may do"))
        })
        .collect();
    if stored == "custom" {
        choices.push(Choice::new("custom", "Custom (stays)"));
    }
    view! {
        <tr>
            <th scope="row"><TwoLines first=feature.label() second=feature.sentence() /></th>
            <td class="bare"><LevelSteps of=steps at /></td>
            <td class="bare fixed">
                <Select
                    label=format!("Level of {}", feature.label())
                    hide_label=true
                    compact=true
                    name=feature.name()
                    choices
                    selected=Signal::derive(move || before.get().to_owned())
                    bind=level
                    changed
                />
            </td>
            <td class="bare was muted">
                {reactive(move || changed.get().then(|| format!("was {}", level_words(before.get()))))}
            </td>
        </tr>
    }
}

/// The key as it is cut, and what it will be able to do in plain words. The words are spoken once changes pause.
#[component]
pub(super) fn Picture(editor: Editor, visible: String) -> impl IntoView {
    let set = editor.set;
    let spoken = RwSignal::new(String::new());
    Effect::new(move |last: Option<PermissionSet>| {
        let now = set.get();
        if last.is_some_and(|last| last != now) {
            set_timeout(
                move || {
                    if set.try_get_untracked() == Some(now) {
                        let (risky, plain) = summary_sentence(now);
                        spoken.set(format!("{risky} {plain}"));
                    }
                },
                Duration::from_millis(800),
            );
        }
        now
    });
    view! {
        <div class="stack">
            <div class="key-well">
                <Bitting teeth=Signal::derive(move || bitting(set.get())) size=KeySize::Large label=Signal::derive(move || summary(set.get())) />
                <code>{visible}</code>
            </div>
            <div>
                {reactive(move || {
                    let (risky, plain) = summary_sentence(set.get());
                    let strong = (!risky.is_empty()).then(|| view! { <strong>{risky}</strong>" " });
                    view! { {strong}{plain} }
                })}
            </div>
            <div class="vh" role="status">{reactive(move || spoken.get())}</div>
        </div>
    }
}
