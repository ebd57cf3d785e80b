//! Making a key, and the page of one key.

use super::{
    form::{Basics, Editor, Permissions, Picture, ceiling, form_of, map_levels, preset_level, preset_named, presets},
    minted::NewSecret,
    narrow::NarrowFurther,
    page_title,
    rights::{DONE, Unused},
    status_pill, use_key, used,
};
use crate::{
    features::{
        api_keys::{
            functions::{CreateKey, EnableKey, EndKeyOverlap, LoadDraft, LoadKey, SetKeyPermissions, UpdateKey},
            model::{Draft, Expiry, Key, KeyConfig, KeyForm, KeyPage, LIMITS, Person},
        },
        audit::pages as audit,
        limits::{model::Scope, pages::Holding},
    },
    kernel::Timestamp,
    policy::{KeyFeature, Level, Operation, PermissionSet, bitting, summary},
    site::routes,
    ui::{
        Loaded, apart, available,
        bitting::Bitting,
        components::{
            Button, Card, CopyText, DefinitionList, DiffRows, Fact, Field, LinkButton, Look, Note, PageHeader, Tag,
            Time, Toast, Tone, use_toasts, utc_text,
        },
        form::{AnyForm, Form, FormFor, Refusal, use_form, use_stored},
        load,
        pages::{Done, ItemPage, param, use_slug},
        reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn NewKeyPage() -> impl IntoView {
    let slug = use_slug();
    let draft = load(move || LoadDraft { slug: slug.get() });
    let form = use_form::<CreateKey>();
    let outcome = form.outcome();
    view! {
        <Title text=page_title("New API key") />
        {reactive(move || match outcome.get() {
            Some(minted) => view! { <NewSecret slug=slug.get_untracked() minted /> }.into_any(),
            None => {
                view! {
                    <Loaded
                        data=draft
                        view=move |draft| view! { <NewKey slug=slug.get_untracked() draft form /> }.into_any()
                    />
                }
                    .into_any()
            }
        })}
    }
}

/// What the address prefills: a preset, a level for each feature, name, description, end.
fn prefilled() -> KeyForm {
    use_query_map().with_untracked(|query| {
        let part = |name: &str| query.get(name).unwrap_or_default();
        let expiry = part("expiry");
        let known =
            ["date", "none"].contains(&expiry.as_str()) || Expiry::DAYS.iter().any(|days| days.to_string() == expiry);
        let mut form = KeyForm {
            name: part("name"),
            description: part("description"),
            expiry: if known { expiry } else { "90".into() },
            expiry_date: part("expiry_date"),
            ..KeyForm::default()
        };
        let preset = preset_named(&part("preset"));
        let ceiling = ceiling();
        map_levels(&mut form, |feature, _| {
            let named = Level::parse(&part(feature.name())).filter(|level| feature.levels().contains(level));
            let level = named.unwrap_or_else(|| match preset {
                Some(preset) => preset_level(preset, feature, ceiling),
                None => feature.default_level(),
            });
            level.name().to_owned()
        });
        form
    })
}

/// The fields as they were typed before the browser posted them, else as given.
fn typed(form: AnyForm, start: KeyForm) -> KeyForm {
    let mut now = KeyForm {
        name: form.typed("name", start.name),
        description: form.typed("description", start.description),
        expiry: form.typed("expiry", start.expiry),
        expiry_date: form.typed("expiry_date", start.expiry_date),
        responsible: form.typed("responsible", start.responsible),
        config: form.typed("config", start.config),
        config_override: form.typed("config_override", start.config_override),
        usage_limits: form.typed("usage_limits", start.usage_limits),
        keep_texts: form.typed("keep_texts", start.keep_texts),
        only_models: form.typed("only_models", start.only_models),
        only_virtual_keys: form.typed("only_virtual_keys", start.only_virtual_keys),
        only_configs: form.typed("only_configs", start.only_configs),
        only_prompts: form.typed("only_prompts", start.only_prompts),
        only_ips: form.typed("only_ips", start.only_ips),
        not_before: form.typed("not_before", start.not_before),
        version: start.version.clone(),
        submission: start.submission.clone(),
        ..start
    };
    map_levels(&mut now, |feature, level| form.typed(feature.name(), level));
    now
}

#[component]
fn NewKey(slug: String, draft: Draft, form: Form<CreateKey>) -> impl IntoView {
    let config = draft.default_config.unwrap_or_else(|| "none".to_owned());
    let start = KeyForm { config, config_override: "yes".into(), keep_texts: "inherit".into(), ..prefilled() };
    let start = typed(form.into(), start);
    let editor = Editor::new(&start, None);
    let budget = start.usage_limits.clone();
    let here = routes::new_api_key(&slug);
    let back = routes::api_keys(&slug).to_string();
    let of = StoredValue::new(slug.clone());
    view! {
        <PageHeader
            title="New API key"
            sentence=|| "Start from a preset and change what you need. You can never give more than you hold yourself."
        />
        {reactive(move || {
            let made = form.error().get().and_then(|error| error.made?.parse().ok());
            made.map(|id| {
                let way = routes::rotate_api_key(&of.get_value(), id).to_string();
                view! { <LinkButton href=way label="Rotate the key that was made" /> }
            })
        })}
        <FormFor form problem="The key was not created" limits=LIMITS>
            <input type="hidden" name="submission" value=draft.submission.to_string() />
            <div class="columns">
                <div class="stack">
                    <Card>
                        <div class="stack">
                            <Basics editor start now=draft.now people=vec![] configs=draft.configs />
                            <Field
                                label="Monthly budget in dollars"
                                name="usage_limits"
                                value=budget
                                autocomplete="off"
                                optional=true
                                hint=Signal::stored("When it is used up, calls are refused until the next month. Other limits are set under Limits.".to_owned())
                            />
                        </div>
                    </Card>
                    <Card flush=true title="Permissions" actions=move || presets(editor, &here)>
                        <Permissions editor />
                    </Card>
                    {apart(move || view! { <NarrowFurther editor /> })}
                </div>
                <aside>
                    <Card>
                        <div class="stack">
                            {apart(move || view! { <Picture editor visible=format!("lk_p{}", "·".repeat(28)) /> })}
                            <div class="hint">"The secret is shown once, right after this."</div>
                        </div>
                        <div class="form-end">
                            <Button
                                look=Look::Primary
                                label="Create key"
                                busy=form.busy()
                                availability=available(Operation::ApiKeyCreate)
                            />
                            <LinkButton label="Cancel" href=back />
                        </div>
                    </Card>
                </aside>
            </div>
        </FormFor>
    }
}

#[component]
pub fn KeyDetailPage() -> impl IntoView {
    view! {
        <Title text=page_title("API key") />
        <ItemPage data=use_key() view=move |page| view! { <Detail slug=param("slug") page /> }.into_any() />
    }
}

#[component]
fn Detail(slug: String, page: KeyPage) -> impl IntoView {
    let KeyPage { key, people, configs, now, .. } = page.clone();
    let (enable, end, update) = (use_form::<EnableKey>(), use_form::<EndKeyOverlap>(), use_form::<UpdateKey>());
    let load = LoadKey { slug: slug.clone(), id: key.id.to_string() };
    let narrow = use_form::<SetKeyPermissions>();
    let (enabled, ended, narrowed) = (enable.successes(), end.successes(), narrow.successes());
    let undone = use_toasts().undone();
    let changes = move || enabled.get() + ended.get() + narrowed.get() + undone.get();
    let (stored, read) = use_stored(update, page, load, changes);
    let rights = Memo::new(move |_| stored.with(|page| page.rights.clone()));
    let limits = Memo::new(move |_| stored.with(|page| page.limits.clone()));
    let stored = Memo::new(move |_| stored.with(|page| page.key.clone()));
    let above = {
        let slug = slug.clone();
        reactive(move || stored.with(|key| above(&slug, key, now, enable, end)))
    };
    let (id, of) = (key.id.0, slug.clone());
    let below = if key.deleted_at.is_some() {
        view! {
            <Card title="What it was">
                <span class="cut"><Bitting teeth=bitting(key.permissions) />{summary(key.permissions)}</span>
                <Facts key now />
            </Card>
        }
        .into_any()
    } else {
        view! {
            <div class="stack">
                <EditKey form=update slug=slug.clone() opened=key stored people configs now />
                {reactive(move || {
                    let person = stored.with(|key| key.responsible.as_ref().map(|one| one.name.clone()).unwrap_or_default());
                    view! { <Holding limits=limits.get() scope=Scope::ApiKey id person now slug=of.clone() /> }
                })}
                <Unused form=narrow slug key=stored rights now />
            </div>
        }
        .into_any()
    };
    view! {
        {above}
        <Done said=DONE />
        <Refusal form=read />
        {below}
    }
}

/// Title, actions and notes: what the key is now.
fn above(
    slug: &str,
    key: &Key,
    now: Timestamp,
    enable: Form<EnableKey>,
    end: Form<EndKeyOverlap>,
) -> impl IntoView + use<> {
    let deleted = key.deleted_at.is_some();
    let (rotate, disable, delete) = (
        routes::rotate_api_key(slug, key.id).to_string(),
        routes::disable_api_key(slug, key.id).to_string(),
        routes::delete_api_key(slug, key.id).to_string(),
    );
    let disabled = key.disabled_at.is_some();
    let actions = (!deleted).then(move || {
        view! {
            <LinkButton label="Rotate" href=rotate availability=available(Operation::ApiKeyRotate) />
            {(!disabled)
                .then(|| {
                    view! { <LinkButton label="Disable" href=disable availability=available(Operation::ApiKeyDisable) /> }
                })}
            <LinkButton
                label="Delete"
                look=Look::TowardsDanger
                href=delete
                availability=available(Operation::ApiKeyDelete)
            />
        }
    });
    let state = key.clone();
    let master = key.master;
    let visible = key.secret.text();
    let history = audit::history("api_key", &key.id.to_string());
    view! {
        <PageHeader
            title=key.name.clone()
            sentence=move || {
                view! {
                    <span class="row">
                        <code>{visible.clone()}</code>
                        {status_pill(&state, now)}
                        {master.then(|| view! { <Tag label="Master" /> })}
                    </span>
                }
            }
        >
            {history}
            {actions}
        </PageHeader>
        {notes(key, enable, end)}
    }
}

/// What one should know before anything else: two secrets, disabled, cut by a role, the master key.
fn notes(key: &Key, enable: Form<EnableKey>, end: Form<EndKeyOverlap>) -> impl IntoView + use<> {
    let id = key.id.to_string();
    let id_too = id.clone();
    let rotating = key.old.clone().filter(|_| key.deleted_at.is_none()).map(|old| {
        view! {
            <Note
                tone=Tone::Info
                action=move || {
                    let id = id.clone();
                    view! {
                        <FormFor form=end problem="The old secret was not ended" errors_id="end-errors" class="row">
                            <input type="hidden" name="id" value=id />
                            <Button
                                label="End now"
                                busy=end.busy()
                                availability=available(Operation::ApiKeyEndOverlap)
                            />
                        </FormFor>
                    }
                }
            >
                "Old secret "<code>{old.visible.text()}</code>" works until "<Time at=old.until.0 />
                {format!(" ({}).", utc_text(old.until.0))}
            </Note>
        }
    });
    let disabled = key.disabled_at.filter(|_| key.deleted_at.is_none()).map(|at| {
        view! {
            <Note
                tone=Tone::Info
                action=move || {
                    let id = id_too.clone();
                    view! {
                        <FormFor form=enable problem="The key was not enabled" errors_id="enable-errors" class="row">
                            <input type="hidden" name="id" value=id />
                            <Button
                                label="Enable"
                                busy=enable.busy()
                                availability=available(Operation::ApiKeyEnable)
                            />
                        </FormFor>
                    }
                }
            >
                "This key is disabled since "<Time at=at.0 />". It opens nothing."
            </Note>
        }
    });
    let cut = key.cut_sentence().map(|cut| view! { <Note tone=Tone::Warn>{cut}</Note> });
    let (blocked, narrowed) = (key.blocked.clone(), key.narrowed.words.clone());
    let blocked = blocked.filter(|_| key.deleted_at.is_none()).map(|why| {
        view! { <Note tone=Tone::Bad>"Blocked by policy. "{why}</Note> }
    });
    let narrowed = (!narrowed.is_empty()).then(|| view! { <Note>{format!("Narrowed further: {narrowed}.")}</Note> });
    let master = key.master.then(|| {
        view! { <Note>"This is the master key. Programs are better served by narrower keys of their own."</Note> }
    });
    view! {
        {rotating}
        {disabled}
        {blocked}
        {cut}
        {narrowed}
        {master}
    }
}

#[component]
fn EditKey(
    form: Form<UpdateKey>,
    slug: String,
    opened: Key,
    stored: Memo<Key>,
    people: Vec<Person>,
    configs: Vec<KeyConfig>,
    now: Timestamp,
) -> impl IntoView {
    let start = typed(form.into(), with_preset(form_of(&opened)));
    let editor = Editor::new(&start, Some(opened.clone()));
    Effect::new(move |_| editor.stored.set(Some(stored.get())));
    let here = routes::api_key(&slug, opened.id);
    let back = routes::api_keys(&slug).to_string();
    let changes = {
        let (people, configs) = (people.clone(), configs.clone());
        Signal::derive(move || editor.changes(&people, &configs))
    };
    let saved = format!("{} is saved", opened.name);
    form.says(move || Toast::done(saved.clone()));
    let count = Memo::new(move |_| changes.with(Vec::len));
    let (id, visible) = (opened.id, opened.secret.text());
    let version = Signal::derive(move || stored.with(|key| key.version));
    let save = move || match count.get() {
        0 => "Save changes".to_owned(),
        1 => "Save 1 change".to_owned(),
        many => format!("Save {many} changes"),
    };
    view! {
        <FormFor form problem="The key was not saved" limits=LIMITS version>
            <input type="hidden" name="id" value=id.to_string() />
            <div class="columns">
                <div class="stack">
                    <Card>
                        <Basics editor start now people configs />
                    </Card>
                    <Card flush=true title="Permissions" actions=move || presets(editor, &here)>
                        <Permissions editor />
                    </Card>
                    <NarrowFurther editor />
                </div>
                <aside>
                    <div class="stack">
                        <Card>
                            <div class="stack">
                                <Picture editor visible />
                                <h2>"What changes"</h2>
                                <DiffRows changes />
                            </div>
                            <div class="form-end">
                                {reactive(move || {
                                    view! {
                                        <Button
                                            look=Look::Primary
                                            label=save()
                                            id="save"
                                            busy=form.busy()
                                            availability=available(Operation::ApiKeyUpdate)
                                        />
                                    }
                                })}
                                <LinkButton label="Cancel" href=back />
                            </div>
                        </Card>
                        <Card title="Use">
                            {reactive(move || view! { <Facts key=stored.get() now /> })}
                        </Card>
                    </div>
                </aside>
            </div>
        </FormFor>
    }
}

/// Without JavaScript a preset is a link to this page.
fn with_preset(mut form: KeyForm) -> KeyForm {
    let preset = use_query_map().with_untracked(|query| preset_named(&query.get("preset").unwrap_or_default()));
    if let Some(preset) = preset {
        let ceiling = ceiling();
        map_levels(&mut form, |feature: KeyFeature, _| preset_level(preset, feature, ceiling).name().to_owned());
    }
    form
}

/// Who made it, whom it answers for, and its use.
#[component]
fn Facts(key: Key, now: Timestamp) -> impl IntoView {
    let id = key.id.to_string();
    let calls = routes::logs(&use_slug().get_untracked()).with("range", "7d").with("key", &id);
    let answers = match &key.responsible {
        None => "the Owners".to_owned(),
        Some(person) => person.name.clone(),
    };
    let old = key.old.clone().map(|old| {
        view! { <Fact term="Old secret used">{used(old.visible.used_at, now)}</Fact> }
    });
    let two = old.is_some();
    let effective = (key.effective != key.permissions && key.effective != PermissionSet::EMPTY)
        .then(|| view! { <Fact term="Works now">{summary(key.effective)}</Fact> });
    view! {
        <DefinitionList>
            <Fact term="Last used">{used(key.used_at, now)}</Fact>
            {two.then(|| view! { <Fact term="New secret used">{used(key.secret.used_at, now)}</Fact> })}
            {old}
            <Fact term="Calls"><a href=calls.to_string()>"Logs of the last 7 days"</a></Fact>
            {effective}
            <Fact term="Acts for">{answers}</Fact>
            <Fact term="Made by">{key.created_by.clone()}</Fact>
            <Fact term="Made"><Time at=key.created_at.0 /></Fact>
            <Fact term="Changed"><Time at=key.updated_at.0 now=now.0 /></Fact>
            <Fact term="Id"><CopyText id="key-id" what="id of the key" value=id /></Fact>
        </DefinitionList>
    }
}
