//! `latchkey demo`: believable people, keys and calls, made through the real operations.

use super::{Extras, open};
use crate::{
    features::{
        accounts::operations::{NewInstallation, SetUp, set_up, sign_in, sign_out},
        api_keys::{
            model::Expiry,
            operations::{self as keys, New},
        },
        billing::{close, operations as billing},
        configs::{
            model::{Detail, Draft as Config},
            operations as configs,
        },
        guardrails::operations as guardrails,
        limits::{
            console as limits,
            model::{Draft as Limit, Limit as Stored, Measure, On, Scope, Span},
        },
        team::invitations::{
            joining::{NewPerson, join_new},
            model::InviteOutcome as Invited,
            operations::invite,
        },
        virtual_keys::{model::Draft, operations as virtual_keys},
    },
    gateway::{facts::Record, record::Sink, storage::call_log},
    kernel::{Asked, Error, Fields, KeyId, OrganisationId, Result, Secret, SecretId, provider::Provider},
    policy::{KeyFeature, Level, PermissionSet, Role},
    server::{
        access::{Access, App, Origin, sessions},
        database::StartResult,
        settings::DataSettings,
    },
};
use serde_json::json;
use std::{io::Write, process::ExitCode};
use uuid::Uuid;

mod calls;
pub(crate) mod events;
mod prompts;
mod reviews;

use calls::{Calls, With};

/// The password of everybody in the demonstration. It is printed, and fit for nothing else.
pub(crate) const PASSWORD: &str = "open sesame, a demonstration";

const PEOPLE: [(&str, &str, Role); 6] = [
    ("Bo Achterberg", "bo@northwind.test", Role::Owner),
    ("Chidi Okafor", "chidi@northwind.test", Role::Admin),
    ("Dara Quinn", "dara@northwind.test", Role::Admin),
    ("Eun-ji Park", "eunji@northwind.test", Role::Member),
    ("Farid Nasser", "farid@northwind.test", Role::Member),
    ("Greta Holm", "greta@northwind.test", Role::Member),
];

/// Name, provider, slug.
const VIRTUAL_KEYS: [(&str, Provider, &str); 3] = [
    ("OpenAI, main", Provider::OpenAi, "openai-main"),
    ("Anthropic", Provider::Anthropic, "anthropic"),
    ("Mistral, Europe", Provider::Mistral, "mistral-eu"),
];

/// Name, the levels that differ from the defaults, days to live (0: no end).
type Wanted = (&'static str, &'static [(KeyFeature, Level)], i64);

const KEYS: [Wanted; 5] = [
    ("production gateway", &[], 90),
    ("ci-deploy", &[(KeyFeature::Prompts, Level::Write), (KeyFeature::Configs, Level::Write)], 7),
    ("metrics exporter", &[(KeyFeature::Metrics, Level::Enabled), (KeyFeature::Completions, Level::Disabled)], 0),
    ("guardrail editor", &[(KeyFeature::Guardrails, Level::Delete)], 180),
    ("old notebook", &[(KeyFeature::Prompts, Level::Delete), (KeyFeature::VirtualKeys, Level::Read)], 365),
];

/// Name and text.
const CONFIGS: [(&str, &str); 2] = [
    (
        "Resilient chat",
        r#"{
  "strategy": {
    "mode": "conditional",
    "conditions": [
      {"query": {"metadata.plan": {"$eq": "paid"}}, "then": "paid"}
    ],
    "default": "everyone"
  },
  "targets": [
    {
      "name": "paid",
      "strategy": {"mode": "fallback", "on_status_codes": [429, 500, 502, 503]},
      "targets": [
        {"virtual_key": "anthropic", "override_params": {"model": "claude-sonnet-4-20250514"}},
        {"virtual_key": "openai-main", "override_params": {"model": "gpt-4.1"}}
      ]
    },
    {
      "name": "everyone",
      "strategy": {"mode": "loadbalance"},
      "targets": [
        {"virtual_key": "openai-main", "weight": 0.7},
        {"virtual_key": "mistral-eu", "weight": 0.3, "override_params": {"model": "mistral-large-latest"}}
      ]
    }
  ],
  "retry": {"attempts": 1, "on_status_codes": [429, 503]},
  "request_timeout": 30000
}"#,
    ),
    (
        "One provider",
        "{\n  \"virtual_key\": \"openai-main\",\n  \"cache\": {\"mode\": \"simple\", \"max_age\": 3600}\n}",
    ),
];

/// Records that are written at a time.
const GROUP: usize = 2_000;

/// Fills an empty installation: with two days of calls, or with so many over thirty days; and with so many events of the audit
/// log besides.
pub(super) async fn run(settings: DataSettings, calls: Option<u64>, events: Option<u64>) -> StartResult<ExitCode> {
    let (app, _lock) =
        open(&settings, Extras { public_url: "http://127.0.0.1:3000".into(), ..Extras::default() }).await?;
    let filled = fill(&app, calls, events).await;
    app.db.close().await;
    let slug = filled.map_err(|error| error.message)?;
    writeln!(
        std::io::stdout(),
        "The organisation {slug} is filled. Sign in as ada@northwind.test (Owner), chidi@northwind.test (Admin) or \
         eunji@northwind.test (Member) with the password “{PASSWORD}”."
    )?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn fill(app: &App, calls: Option<u64>, events: Option<u64>) -> Result<String> {
    let system = Access::system(app.clone());
    let first = NewInstallation {
        email: "ada@northwind.test".into(),
        name: "Ada Lind".into(),
        organisation: "Northwind Research".into(),
        password: Secret::new(PASSWORD),
    };
    let SetUp { founded, organisation, .. } = set_up(&system, None, first).await?;
    let origin = || Origin::new(Uuid::now_v7().to_string(), None, "latchkey demo".into());
    let begin =
        async |email: &str| sign_in(&Access::nobody(app.clone(), origin()), email, &Secret::new(PASSWORD)).await;
    let enter = async |email: &str| {
        let session = begin(email).await?;
        let who = sessions::find(app, session.as_ref().map_or("", Secret::expose)).await?;
        Access::person(app.clone(), origin(), who.ok_or_else(Error::sign_in_needed)?).enter(&founded.slug).await
    };
    let ada = enter("ada@northwind.test").await?;
    for (name, email, role) in PEOPLE {
        let batch = invite(&ada, email, role).await?;
        let token = batch.answers.into_iter().find_map(|answer| match answer.outcome {
            Invited::Invited { link: Some(link), .. } => {
                link.expose().split_once("token=").map(|(_, token)| Secret::new(token))
            }
            _ => None,
        });
        let token = token.ok_or_else(|| Error::conflict(format!("{email} could not be invited.")))?;
        join_new(&system, &token, NewPerson { name: name.into(), password: Secret::new(PASSWORD) }).await?;
    }
    invite(&ada, "harriet@northwind.test", Role::Member).await?;
    let mut targets = vec![];
    for (name, provider, slug) in VIRTUAL_KEYS {
        let input = Draft {
            name: name.into(),
            description: String::new(),
            provider: provider.name().into(),
            base_url: String::new(),
            api_version: String::new(),
            credential: Secret::new("demonstration-only"),
        };
        targets.push((virtual_keys::create(&ada, slug, input, Default::default()).await?.0.id, provider));
    }
    make_guardrails(&ada).await?;
    let resilient = make_configs(&ada).await?;
    let chidi = enter("chidi@northwind.test").await?;
    let reply = prompts::make(&ada, &chidi).await?;
    sign_out(&chidi).await?;
    let mut made = vec![];
    for (name, levels, days) in KEYS {
        let level = |feature: KeyFeature| {
            levels.iter().find(|(f, _)| *f == feature).map_or(feature.default_level(), |(_, level)| *level)
        };
        let permissions = Some(PermissionSet::of_levels(level));
        let expiry = if days == 0 { Expiry::Never } else { Expiry::Days(days) };
        let new = New {
            name: name.into(),
            description: String::new(),
            permissions,
            scopes: vec![],
            expiry,
            config: (name == "production gateway").then(|| resilient.clone()).map(Some),
            config_override: true,
            keep_texts: None,
            limits: Default::default(),
            narrow: keys::Narrow::default(),
            submission: None,
        };
        let secret = keys::create(&ada, || Ok(new)).await?.secret;
        let key = keys::verify(app, secret.expose(), None, app.clock.now()).await?;
        made.push((key.key, SecretId(key.secret)));
    }
    reviews::make(&ada).await?;
    made.truncate(2);
    // Calls of the last seventy days, in their months.
    app.db.prepare_months(3).await?;
    let log = call_log(app);
    let mut with = With { organisation, keys: made, targets, prompt: reply, limits: vec![] };
    let now = app.clock.now();
    // Limits stand before the calls that use them, which are the same each time they are made.
    let watched = with.keys[with.keys.len() - 1].0;
    let first_day = Span::Month.period(None, now).start;
    let mut spent = Spent::default();
    for record in Calls::new(with.clone(), now, calls).filter(|record| record.call.started_at >= first_day) {
        let cost = record.outcome.and_then(|end| end.cost).unwrap_or(0);
        spent.in_all += cost;
        spent.by_watched += if record.call.key == watched { cost } else { 0 };
    }
    with.limits = limit(&ada, organisation, with.targets[0].0.0, watched, spent).await?;
    // Some of a month that is over, for its statement; not beside many calls, which are counted.
    let earlier: Vec<Record> = match calls {
        Some(_) => vec![],
        None => Calls::earlier(with.clone(), now).collect(),
    };
    let mut records = Calls::new(with, now, calls);
    let mut written = 0;
    loop {
        let group: Vec<Record> = records.by_ref().take(GROUP).collect();
        if group.is_empty() {
            break;
        }
        log.write(&group).await.map_err(|_| Error::unavailable())?;
        written += group.len();
        if written.is_multiple_of(500 * GROUP) {
            // Whoever asked for so many waits for minutes.
            let _ = writeln!(std::io::stderr(), "{written} calls");
        }
    }
    if !earlier.is_empty() {
        log.write(&earlier).await.map_err(|_| Error::unavailable())?;
    }
    bill(app, &ada, organisation).await?;
    if let Some(wanted) = events {
        let mut people = vec![];
        for (_, email, role) in PEOPLE {
            if role != Role::Member {
                people.extend(begin(email).await?);
            }
        }
        events::write(app, &founded.slug, &people, wanted).await?;
        for session in &people {
            if let Some(who) = sessions::find(app, session.expose()).await? {
                sign_out(&Access::person(app.clone(), origin(), who)).await?;
            }
        }
    }
    sign_out(&ada).await?;
    Ok(founded.slug)
}

/// Says who statements are for, and has those made that are due.
async fn bill(app: &App, access: &Access, organisation: OrganisationId) -> Result<()> {
    let typed = [
        ("contact_name", "Ada Lind, accounts"),
        ("contact_email", "accounts@northwind.test"),
        ("currency", "EUR"),
        ("rate", "0.92"),
        ("markup.mistral-ai", "5"),
    ];
    let typed = typed.into_iter().fold(Asked::default(), |typed, (name, value)| typed.with(name, value));
    billing::set(access, &typed, 0).await?;
    close::due(app, organisation).await
}

/// What the calls of this month cost, in micro-cents.
#[derive(Clone, Copy, Default)]
struct Spent {
    in_all: i64,
    /// Those of the API key that has a budget.
    by_watched: i64,
}

/// A budget of the organisation, of which much is left, a rate of one virtual key, and a budget of an API key of which so much
/// is used that people are told.
async fn limit(
    access: &Access,
    organisation: OrganisationId,
    virtual_key: Uuid,
    watched: KeyId,
    spent: Spent,
) -> Result<Vec<Stored>> {
    let on = |scope, id| On { scope, id }.text();
    let dollar = Measure::Cost.least_budget();
    let budget = |on, amount: i64| Limit {
        on,
        amount: Measure::Cost.write(amount),
        alert_at: Measure::Cost.write(amount / 5 * 4),
        ..Limit::default()
    };
    // To whole dollars and tens of cents, as people write them.
    let whole = (spent.in_all * 2 / dollar * dollar).max(500 * dollar);
    let dime = dollar / 10;
    let nearly = ((spent.by_watched / 21 * 25 + dime - 1) / dime * dime).max(dollar);
    let limits = [budget(on(Scope::Organisation, organisation.0), whole), budget(on(Scope::ApiKey, watched.0), nearly)];
    let rate = Limit {
        on: on(Scope::VirtualKey, virtual_key),
        kind: "rate".into(),
        measure: "requests".into(),
        span: "minute".into(),
        amount: "600".into(),
        ..Limit::default()
    };
    for limit in limits.iter().chain([&rate]) {
        limits::set(access, limit).await?;
    }
    Ok(limits::list(access).await?.into_iter().map(|named| named.standing.limit).collect())
}

/// Makes the guardrails: one in two versions with samples, and one that only watches every request.
async fn make_guardrails(access: &Access) -> Result<()> {
    let draft = |name: &str, description: &str, message: &str, definition: serde_json::Value| guardrails::Draft {
        name: name.into(),
        description: description.into(),
        message: message.into(),
        definition,
        refused: Fields::default(),
    };
    let personal = |checks: serde_json::Value| {
        let definition = json!({ "checks": checks, "actions": { "deny": true, "sequential": true } });
        draft(
            "No personal data",
            "Customers’ data stays with us",
            "Look for secrets and our code names, too",
            definition,
        )
    };
    let pii = json!({
        "id": "portkey.pii",
        "parameters": { "categories": ["EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN"], "redact": "replace" },
    });
    let slug = guardrails::create(access, personal(json!([pii]))).await?.slug;
    let names =
        json!({ "operator": "none", "words": ["Project Halyard", "Lighthouse", "Kestrel"], "ignoreCase": true });
    let all = json!([
        pii,
        { "id": "latchkey.secrets", "parameters": { "redact": "replace" } },
        { "id": "default.contains", "name": "Code names", "parameters": names },
        { "id": "default.characterCount", "parameters": { "minCharacters": 1, "maxCharacters": 8000 } },
    ]);
    guardrails::update(access, &slug, None, |_| personal(all)).await?;
    for (text, passes) in [
        ("My order HP-20418-7 never came. Please write to t.oyelaran@example.org.", true),
        ("What became of Project Halyard?", false),
    ] {
        guardrails::keep_sample(access, &slug, false, text, passes).await?;
    }
    let injections = json!({
        "checks": [{ "id": "default.regexMatch", "parameters": { "rule": "(?i)ignore (all|any|the) previous instructions", "not": true } }],
        "actions": { "deny": false, "observe": true },
    });
    let watched = draft("Injections, watched", "How often somebody tries", "", injections);
    let slug = guardrails::create(access, watched).await?.slug;
    guardrails::enforce(access, &slug, Some(true), None).await?;
    Ok(())
}

/// Makes the configs, and a second version of the first. Gives the first one's slug.
async fn make_configs(access: &Access) -> Result<String> {
    let mut first = None;
    for (name, text) in CONFIGS {
        let draft = Config { name: name.into(), config: text.into(), ..Config::default() };
        let slug = configs::create(access, draft).await?.slug;
        first.get_or_insert(slug);
    }
    let slug = first.ok_or_else(Error::internal)?;
    let edit = |stored: &Detail| Config {
        name: stored.name.clone(),
        config: stored.text.replace("\"attempts\": 1", "\"attempts\": 2"),
        message: "Try twice before going on".into(),
        ..Config::default()
    };
    configs::update(access, &slug, None, edit).await?;
    Ok(slug)
}
