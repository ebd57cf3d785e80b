//! What a call of each operation needs, once: the matrix of people sends it as a form, that of programs over its routes.

use super::{World, done, text as text_of};
use crate::{
    gateway::tests::support::{Upstream, completion},
    policy::Operation,
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

/// Makes calls ready.
pub struct Calls {
    provider: Upstream,
    /// How many there were: what each needs has a number of its own.
    made: AtomicUsize,
}

/// A call that is ready.
pub struct Ready {
    /// What it is about, as a path names it, behind the name of the form's field for it.
    pub thing: Option<(&'static str, String)>,
    /// The form's fields beside those of organisation and thing.
    form: Vec<(&'static str, String)>,
    /// The body by REST; `Null` sends none.
    pub body: Value,
    /// A form that is sent in place of it, with its content type.
    pub sent: Option<(&'static str, String)>,
    /// The virtual key that a header names.
    pub through: Option<&'static str>,
}

impl Ready {
    /// About no thing in particular.
    fn bare() -> Self {
        Self { thing: None, form: vec![], body: Value::Null, sent: None, through: None }
    }

    fn about(field: &'static str, thing: String) -> Self {
        Self { thing: Some((field, thing)), ..Self::bare() }
    }

    fn with(mut self, field: &'static str, value: impl Into<String>) -> Self {
        self.form.push((field, value.into()));
        self
    }

    fn body(self, body: Value) -> Self {
        Self { body, ..self }
    }

    /// What a field says; empty: nothing.
    pub fn value(&self, field: &str) -> &str {
        let mut fields = self.thing.iter().chain(&self.form);
        fields.find(|(name, _)| *name == field).map_or("", |(_, value)| value.as_str())
    }

    /// Every field of the form, in this organisation.
    pub fn fields<'a>(&'a self, slug: &'a str) -> Vec<(&'static str, &'a str)> {
        let own = self.thing.iter().chain(&self.form).map(|(field, value)| (*field, value.as_str()));
        // What takes several things is called with this one.
        let several = self.thing.iter().filter(|(field, _)| *field == "id").map(|(_, id)| ("ids", id.as_str()));
        [("slug", slug)].into_iter().chain(own).chain(several).collect()
    }
}

impl Calls {
    pub async fn new() -> Self {
        // An answer to every question, that for the list of models too.
        let mut answer = completion();
        answer["data"] = json!([{ "id": "gpt-4o", "object": "model" }]);
        Self { provider: Upstream::json(200, "", &answer).await, made: AtomicUsize::new(0) }
    }

    /// Finishes the access review that is open in North.
    async fn finish_reviews(&self, world: &World) {
        let slug = world.house.slug.as_str();
        let reviews = world.owner.form("reviews/list", &[("slug", slug)]).await.json();
        if let Some(open) = reviews["open"].as_str() {
            done(&world.owner, "reviews/finish", &[("slug", slug), ("id", open), ("reason", "Another begins.")]).await;
        }
    }

    /// A new access review of North: its id.
    async fn review(&self, world: &World) -> String {
        self.finish_reviews(world).await;
        let made = world.owner.form("reviews/start", &[("slug", &world.house.slug)]).await;
        assert_eq!(made.status, 200, "{}", made.text);
        made.json().as_str().expect("an id").to_owned()
    }

    /// A number that no call had yet.
    pub fn number(&self) -> usize {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    /// What a call of this operation in North needs, made anew.
    pub async fn ready(&self, world: &World, operation: Operation) -> Ready {
        let n = self.number();
        let email = format!("p{n}@north.test");
        let person = async |role: &str| {
            world.join(&email, role).await;
            Ready::about("id", world.id_of(&email).await)
        };
        // It holds nothing, so that every key may look after it.
        let key = async || {
            let levels = [("completions", "disabled"), ("prompts", "disabled")];
            Ready::about("id", world.key(&format!("key {n}"), &levels).await.0)
        };
        let limit = async || {
            let on = format!("api_key:{}", key().await.value("id"));
            let fields = [
                ("slug", world.house.slug.as_str()),
                ("on", &on),
                ("kind", "budget"),
                ("measure", "tokens"),
                ("span", "month"),
                ("amount", "1000"),
            ];
            done(&world.owner, "limits/set", &fields).await;
            let there =
                world.owner.form("limits/list", &[("slug", &world.house.slug), ("query[on]", &on)]).await.json();
            text_of(&there["limits"][0]["standing"]["limit"], "id")
        };
        let after = async |path: &str, ready: Ready| {
            done(&world.owner, path, &ready.fields(&world.house.slug)).await;
            Ready { form: vec![], ..ready }
        };
        let slug = format!("vk-{n}");
        let virtual_key = async || {
            self.virtual_key(world, &slug, "openai").await;
            Ready::about("key", slug.clone())
        };
        let text = |attempts: u32| format!("{{\"retry\": {{\"attempts\": {attempts}}}}}");
        let config = async || {
            let (name, text) = (format!("config {n}"), json!({ "virtual_key": slug, "retry": { "attempts": 1 } }));
            self.virtual_key(world, &slug, "openai").await;
            let of = world.config(&name, &text.to_string()).await;
            let text = json!({ "virtual_key": slug, "retry": { "attempts": 2 } }).to_string();
            let fields = [
                ("slug", world.house.slug.as_str()),
                ("of", &of),
                ("version", "1"),
                ("name", &name),
                ("config", &text),
            ];
            done(&world.owner, "configs/update", &fields).await;
            Ready::about("of", of)
        };
        let upstream = |ready: Ready, name: String| {
            let ready = ready.with("name", name).with("provider", "openai");
            ready.with("base_url", self.base_url()).with("credential", "sk-matrix")
        };
        // The first of two versions looks for another word.
        let guardrail = async || {
            let name = format!("guardrail {n}");
            let of = world.guardrail(&name, "first").await;
            let fields = [
                ("slug", world.house.slug.as_str()),
                ("of", &of),
                ("version", "1"),
                ("name", &name),
                ("checks.0.id", "default.regexMatch"),
                ("checks.0.is_enabled", "yes"),
                ("checks.0.parameters.rule", "second"),
                // It may be set for every call, and other calls are made.
                ("actions.deny", "observe"),
            ];
            done(&world.owner, "guardrails/update", &fields).await;
            Ready::about("of", of)
        };
        let export = async |is_started: bool| {
            let program = world.house.program(&world.house.master_key);
            // One key has few of them: those before the last ones become another's.
            const GIVE: &str = "UPDATE log_exports SET created_by = org_id WHERE id NOT IN (SELECT e.id FROM log_exports e ORDER BY e.created_at DESC, e.id DESC LIMIT 10)";
            world.house.as_owner(GIVE).await.expect("they have another maker");
            let made = program.api("POST", "/v1/logs/exports", json!({})).await;
            assert_eq!(made.status, 200, "{}", made.text);
            let id = super::text(&made.json(), "id");
            if is_started {
                let started = program.api("POST", &format!("/v1/logs/exports/{id}/start"), Value::Null).await;
                assert_eq!(started.status, 200, "{}", started.text);
            }
            id
        };
        let checks = json!([{ "id": "default.regexMatch", "parameters": { "rule": "third" } }]);
        let typed = |ready: Ready| {
            let ready = ready.with("checks.0.id", "default.regexMatch").with("checks.0.is_enabled", "yes");
            ready.with("checks.0.parameters.rule", "third").with("actions.deny", "deny")
        };
        let made = async |path: &str, fields: &[(&str, &str)]| {
            let all: Vec<_> = [("slug", world.house.slug.as_str())].into_iter().chain(fields.iter().copied()).collect();
            let answer = world.owner.form(path, &all).await;
            assert!(answer.status < 400, "{path}: {}", answer.text);
        };
        // The first of two versions, neither of them published.
        let two = async |kind: &str| {
            let name = format!("prompt {n}");
            let of = world.prompt(&world.owner, kind, &[("name", &name), ("string", "First {{name}}")]).await;
            let second =
                [("of", of.as_str()), ("version", "1"), ("name", &name), ("string", "Second {{name}}{{> sign}}")];
            made(&format!("{kind}/update"), &second).await;
            Ready::about("of", of)
        };
        let prompt = async || two("prompts").await;
        let partial = async || two("partials").await;
        let published = async || {
            self.virtual_key(world, &slug, "openai").await;
            let name = format!("published {n}");
            let fields = [
                ("name", name.as_str()),
                ("string", r#"[{"role": "user", "content": "Dear {{name}}"}]"#),
                ("model", "gpt-4o"),
                ("virtual_key", &slug),
                ("publish", "yes"),
            ];
            Ready::about("of", world.prompt(&world.owner, "prompts", &fields).await)
        };
        let collection = async || {
            let name = format!("folder {n}");
            made("collections/create", &[("name", &name)]).await;
            let found = world.owner.form("prompts/list", &[("slug", &world.house.slug)]).await.json();
            let all = found["collections"].as_array().expect("folders");
            let folder = all.iter().find(|folder| folder["name"] == name.as_str()).expect("the folder");
            Ready::about("of", folder["slug"].as_str().expect("a slug").to_owned())
        };
        let label = async || {
            let name = format!("label-{n}");
            made("labels/create", &[("name", &name)]).await;
            Ready::about("of", name)
        };
        let delivery = async |there: bool| {
            let slug = ("slug", world.house.slug.as_str());
            let found = world.owner.form("audit/delivery", &[slug]).await.json();
            if !found["webhook"].is_null() {
                done(&world.owner, "audit/delete_delivery", &[slug]).await;
            }
            if there {
                let url = self.base_url();
                let fields = [slug, ("url", url.as_str()), ("format", "events")];
                done(&world.owner, "audit/set_delivery", &fields).await;
            }
            Ready::bare()
        };
        let alert_hook = async |there: bool| {
            let slug = ("slug", world.house.slug.as_str());
            if !world.owner.form("limits/list", &[slug]).await.json()["hook"].is_null() {
                done(&world.owner, "limits/delete_webhook", &[slug]).await;
            }
            if there {
                done(&world.owner, "limits/set_webhook", &[slug, ("url", self.base_url().as_str())]).await;
            }
            Ready::bare()
        };
        match operation {
            Operation::OrganisationSettings
            | Operation::TeamList
            | Operation::InvitationsList
            | Operation::ApiKeysList
            | Operation::ApiKeyDraft
            | Operation::VirtualKeysList
            | Operation::Home
            | Operation::ConfigsList
            | Operation::ConfigDraft
            | Operation::GuardrailsList
            | Operation::GuardrailWebhookKey
            | Operation::GuardrailDraft
            | Operation::PromptsList
            | Operation::PromptDraft
            | Operation::PartialsList
            | Operation::CollectionsList
            | Operation::LabelsList
            | Operation::OrganisationGet
            | Operation::LogsList
            | Operation::LogsNewer
            | Operation::LogsExportAbout
            | Operation::LogExportsList
            | Operation::LogExportFields
            | Operation::LogsFilter
            | Operation::LogFilters
            | Operation::PricesList
            | Operation::BillingView
            | Operation::BillingSettings
            | Operation::AnalyticsView
            | Operation::AnalyticsCache
            | Operation::AnalyticsGraph
            | Operation::AnalyticsGroups
            | Operation::ModelsList
            | Operation::ModelGet => Ready::bare(),
            Operation::OrganisationUpdate => {
                let settings = world.owner.form("organisation/settings", &[("slug", &world.house.slug)]).await.json();
                let ready = Ready::bare().with("version", settings["version"].to_string());
                ready.with("name", format!("North {n}")).with("new_slug", &world.house.slug)
            }
            Operation::OrganisationRestrict => {
                let on = if n.is_multiple_of(2) { "yes" } else { "no" };
                Ready::bare().with("saved_only", on).body(json!({ "saved_only": on == "yes" }))
            }
            Operation::TeamGet | Operation::TeamRemove | Operation::TeamResetLink => person("member").await,
            Operation::TeamChangeRole => {
                let ready = person("admin").await.with("role", "member").with("asked", "true");
                ready.body(json!({ "role": "member" }))
            }
            Operation::Invite => {
                let ready = Ready::bare().with("addresses", &email).with("role", "member");
                ready.body(json!({ "email": email, "role": "member" }))
            }
            Operation::InviteCheck => Ready::bare().with("addresses", &email),
            Operation::InvitationGet | Operation::InvitationResend | Operation::InvitationRevoke => {
                Ready::about("id", world.invitation(&email, "member").await.0)
            }
            Operation::ApiKeyCreate => {
                let name = format!("key {n}");
                let ready = Ready::bare().with("name", &name).with("submission", Uuid::new_v4().to_string());
                ready.body(json!({ "name": name, "scopes": [] }))
            }
            Operation::AccessReviewsList => Ready::bare(),
            // One review is open at a time, and the last decision on a row is taken once.
            Operation::AccessReviewStart => {
                self.finish_reviews(world).await;
                Ready::bare()
            }
            Operation::AccessReviewGet
            | Operation::AccessReviewDecide
            | Operation::AccessReviewFinish
            | Operation::AccessReviewExport => {
                let review = self.review(world).await;
                let ready = Ready::about("id", review).with("number", "1").with("decision", "confirm");
                ready.with("reason", "It is only tried.")
            }
            Operation::ApiKeyGet
            | Operation::ApiKeyPermissionUses
            | Operation::ApiKeyDisable
            | Operation::ApiKeyDelete => key().await,
            Operation::ApiKeyUpdate => {
                let ready = key().await.with("name", format!("renamed {n}")).with("version", "1");
                ready.body(json!({ "description": "changed" }))
            }
            Operation::ApiKeyRotate => key().await.with("overlap", "1h"),
            Operation::ApiKeyEndOverlap => after("api_keys/rotate", key().await.with("overlap", "1h")).await,
            Operation::ApiKeyEnable => after("api_keys/disable", key().await).await,
            Operation::OrganisationSlugChangeCheck => Ready::bare().with("new_slug", format!("north-{n}")),
            Operation::VirtualKeySlugCheck => Ready::bare().with("key_slug", slug),
            Operation::VirtualKeyGet | Operation::VirtualKeyDelete | Operation::VirtualKeyTest => virtual_key().await,
            Operation::VirtualKeyCreate => {
                let (name, ready) = (format!("vk {n}"), Ready::bare().with("key_slug", &slug));
                let body = json!({ "name": name, "provider": "openai", "key": "sk-matrix" });
                upstream(ready, name).body(body)
            }
            Operation::VirtualKeyUpdate => {
                let ready = upstream(virtual_key().await, format!("renamed {n}")).with("version", "1");
                ready.body(json!({ "note": "changed" }))
            }
            Operation::VirtualKeyDuplicate => {
                let name = format!("copy {n}");
                let ready = virtual_key().await.with("name", &name).with("key_slug", format!("copy-{n}"));
                ready.body(json!({ "name": name }))
            }
            Operation::ConfigGet | Operation::ConfigDelete => config().await,
            Operation::ConfigVersions | Operation::ConfigVersion | Operation::ConfigRestore => {
                // Of the first of two versions.
                config().await.with("number", "1")
            }
            Operation::AuditList
            | Operation::AuditCheckpoints
            | Operation::AuditRecords
            | Operation::AuditVerification => Ready::bare(),
            Operation::AuditGet => Ready::bare().with("number", "1"),
            Operation::AuditExport => Ready::bare().with("format", "csv"),
            Operation::AuditDelivery => Ready::bare(),
            // An organisation has one at most.
            Operation::AuditDeliverySet => delivery(false).await.with("url", self.base_url()).with("format", "events"),
            Operation::AuditDeliveryRotate
            | Operation::AuditDeliveryPause
            | Operation::AuditDeliveryTest
            | Operation::AuditDeliveryDelete => delivery(true).await,
            Operation::AuditDeliveryResume => after("audit/pause_delivery", delivery(true).await).await,
            Operation::ListNews => Ready::bare().with("list", "virtual_keys").with("after", "0"),
            Operation::WhyExplain => {
                let questions = json!({ "questions": [{ "permission": "prompts.publish" }] });
                Ready::bare().with("what", "prompts.publish").body(questions)
            }
            Operation::WhyWhoCan => Ready::bare().with("permission", "prompts.publish"),
            Operation::HomeFind => Ready::bare().with("q", "o"),
            Operation::ConfigCheck => Ready::bare().with("config", text(2)),
            Operation::ConfigTry => config().await.with("config", text(2)).body(json!({ "model": "gpt-4o" })),
            Operation::ConfigCreate => {
                let body = json!({ "name": format!("config {n}"), "config": { "retry": { "attempts": 2 } } });
                Ready::bare().with("name", format!("config {n}")).with("config", text(2)).body(body)
            }
            Operation::ConfigUpdate => {
                let ready = config().await.with("name", "renamed").with("version", "2").with("config", text(3));
                ready.body(json!({ "config": { "retry": { "attempts": 3 } } }))
            }
            Operation::GuardrailGet | Operation::GuardrailDelete => guardrail().await,
            Operation::GuardrailSamples => {
                let ready = guardrail().await;
                let naming = json!({ "input_guardrails": [ready.value("of")] }).to_string();
                world.config(&format!("config of guardrail {n}"), &naming).await;
                ready
            }
            Operation::GuardrailVersions | Operation::GuardrailVersion | Operation::GuardrailRestore => {
                guardrail().await.with("number", "1")
            }
            Operation::GuardrailCreate => {
                let name = format!("guardrail {n}");
                typed(Ready::bare().with("name", &name)).body(json!({ "name": name, "checks": checks }))
            }
            Operation::GuardrailUpdate => {
                let ready = typed(guardrail().await.with("name", "renamed").with("version", "2"));
                ready.body(json!({ "checks": checks }))
            }
            Operation::GuardrailTry => {
                typed(guardrail().await.with("text", "a third")).body(json!({ "text": "a third", "checks": checks }))
            }
            Operation::GuardrailEnforce => guardrail().await.with("requests", "yes").body(json!({ "requests": true })),
            Operation::GuardrailKeepSample => {
                let ready = guardrail().await.with("text", "a second").with("passes", "yes");
                ready.body(json!({ "text": "a second", "passes": true }))
            }
            Operation::GuardrailDropSample => {
                let ready = guardrail().await;
                let slug = world.house.slug.as_str();
                let of = ready.value("of").to_owned();
                let fields = [("slug", slug), ("of", &of), ("text", "a second"), ("passes", "yes")];
                done(&world.owner, "guardrails/keep_sample", &fields).await;
                let there = world.owner.form("guardrails/samples", &[("slug", slug), ("of", &of)]).await.json();
                ready.with("sample", there["samples"][0]["id"].as_str().expect("an id"))
            }
            Operation::PromptGet | Operation::PromptDelete | Operation::PromptMoves | Operation::PromptValues => {
                prompt().await
            }
            Operation::PromptKeepValues => prompt().await.with("set_name", "A").with("values", r#"{"name": "A"}"#),
            Operation::PromptDropValues => {
                let ready = prompt().await.with("set_name", "A").with("values", r#"{"name": "A"}"#);
                let mut kept = ready.fields(&world.house.slug);
                kept.push(("set_shared", "yes"));
                done(&world.owner, "prompts/keep_values", &kept).await;
                let fields = [("slug", world.house.slug.as_str()), ("of", ready.value("of"))];
                let there = world.owner.form("prompts/values", &fields).await.json();
                let id = there["sets"][0]["id"].as_str().expect("an id").to_owned();
                Ready::about("of", ready.value("of").to_owned()).with("values", id)
            }
            Operation::PromptVersions | Operation::PromptVersion | Operation::PromptRestore => {
                prompt().await.with("number", "1")
            }
            Operation::PromptCheck => Ready::bare().with("string", "Dear {{name}}"),
            Operation::PromptTry => {
                self.virtual_key(world, &slug, "openai").await;
                let ready = prompt().await.with("set_name", "A").with("values", r#"{"name": "A"}"#);
                // Kept for everybody: each asks for the comparison over them.
                let mut kept = ready.fields(&world.house.slug);
                kept.push(("set_shared", "yes"));
                done(&world.owner, "prompts/keep_values", &kept).await;
                let ready = ready.with("string", "Dear {{name}}").with("was", "1").with("now", "2");
                ready.with("model", "gpt-4o").with("virtual_key", slug)
            }
            Operation::PromptFill => Ready::bare().with("string", "Dear {{name}}").with("values", r#"{"name": "A"}"#),
            Operation::PromptCreate | Operation::PartialCreate => {
                let name = format!("prompt {n}");
                let body = json!({ "name": name, "string": "Dear {{name}}", "publish": false });
                let file = json!({ "name": name, "string": "Dear {{name}}" }).to_string();
                Ready::bare().with("name", name).with("string", "Dear {{name}}").with("file", file).body(body)
            }
            Operation::PromptUpdate => {
                let ready =
                    prompt().await.with("name", "renamed").with("version", "2").with("string", "Third {{name}}");
                ready.body(json!({ "string": "Third {{name}}" }))
            }
            Operation::PromptPublish => {
                prompt().await.with("number", "1").with("was", "0").body(json!({ "version": 1 }))
            }
            Operation::PromptLabel => {
                let ready = prompt().await.with("label", "staging").with("number", "1").with("was", "0");
                ready.body(json!({ "label_id": "staging", "version": 1 }))
            }
            Operation::PromptRollOut => {
                let ready = prompt().await.with("label", "staging");
                let mut fields = ready.fields(&world.house.slug);
                fields.extend([("number", "2"), ("was", "0")]);
                done(&world.owner, "prompts/label", &fields).await;
                let ready = ready.with("number", "1").with("was", "2").with("percent", "10");
                ready.body(json!({ "version": 1, "percent": 10, "sticky_by": "user" }))
            }
            Operation::PromptPropose => {
                let ready = prompt().await.with("label", "staging").with("number", "1");
                ready.body(json!({ "version": 1 }))
            }
            Operation::PromptAgree | Operation::PromptWithdraw => {
                let ready = prompt().await.with("label", "staging").with("number", "1");
                let by = world.join(&email, "admin").await;
                done(&by, "prompts/propose", &ready.fields(&world.house.slug)).await;
                ready
            }
            Operation::PartialGet | Operation::PartialDelete => partial().await,
            Operation::PartialVersions | Operation::PartialRestore => partial().await.with("number", "1"),
            Operation::PartialUpdate => {
                let ready = partial().await.with("name", "renamed").with("version", "2").with("string", "third");
                ready.body(json!({ "string": "third" }))
            }
            Operation::PartialPublish => {
                partial().await.with("number", "1").with("was", "0").body(json!({ "version": 1 }))
            }
            Operation::CollectionCreate => {
                let name = format!("folder {n}");
                Ready::bare().with("name", &name).body(json!({ "name": name }))
            }
            Operation::CollectionGet | Operation::CollectionDelete => collection().await,
            Operation::CollectionUpdate => {
                let name = format!("renamed {n}");
                collection().await.with("name", &name).body(json!({ "name": name }))
            }
            Operation::LabelCreate => {
                let name = format!("label-{n}");
                Ready::bare().with("name", &name).body(json!({ "name": name }))
            }
            Operation::LabelGet | Operation::LabelDelete => label().await,
            Operation::LabelUpdate => {
                let ready = label().await.with("version", "1").with("description", "changed");
                ready.body(json!({ "description": "changed" }))
            }
            Operation::PromptRender => published().await.body(json!({ "variables": { "name": "A" } })),
            Operation::PromptRun => published().await.body(json!({ "variables": { "name": "A" } })),
            Operation::LogGet | Operation::FeedbackList => Ready::about("id", world.log.clone()),
            Operation::FeedbackGive => Ready::bare().body(json!({ "trace_id": format!("trace-{n}"), "value": 1 })),
            Operation::FeedbackChange => {
                let program = world.house.program(&world.house.master_key);
                let given = json!({ "trace_id": format!("trace-{n}"), "value": 1 });
                let given = program.api("POST", "/v1/feedback", given).await.json();
                let id = given["feedback_ids"][0].as_str().expect("an id").to_owned();
                Ready::about("id", id).body(json!({ "value": -1 }))
            }
            Operation::FeedbackGiveToCall => Ready::about("id", world.log.clone()).with("value", "1"),
            // One of its own: all texts may have been deleted meanwhile.
            Operation::LogTexts => {
                let id = Uuid::now_v7();
                world.house.add_call(id).await;
                Ready::about("id", id.to_string())
            }
            // The console's form names fields, and a program an export of its own.
            Operation::LogsExport => {
                Ready::about("id", export(true).await).with("format", "csv").with("field.id", "yes")
            }
            Operation::LogExportCreate => Ready::bare().body(json!({ "filters": {}, "requested_data": ["id"] })),
            Operation::LogExportGet | Operation::LogExportStart | Operation::LogExportCancel => {
                Ready::about("id", export(false).await)
            }
            Operation::LogExportUpdate => {
                Ready::about("id", export(false).await).body(json!({ "description": format!("export {n}") }))
            }
            Operation::LogExportLink => Ready::about("id", export(true).await),
            Operation::LogTextsDelete | Operation::LogSettings => Ready::bare(),
            Operation::LogSettingsChange => {
                let settings = world.owner.form("logs/settings", &[("slug", &world.house.slug)]).await.json();
                let ready = Ready::bare().with("version", settings["version"].to_string());
                ready.with("own_only", "false").with("grouped", format!("team-{n}"))
            }
            Operation::BillingChange => {
                let settings = world.owner.form("billing/settings", &[("slug", &world.house.slug)]).await.json();
                let ready = Ready::bare().with("version", settings["version"].to_string());
                let ready = ready.with("contact_name", format!("Contact {n}")).with("contact_email", &email);
                ready.with("currency", "EUR").with("rate", "0.92").with("markup.openai", "12.5")
            }
            Operation::BillingStatement => Ready::about("month", world.house.closed_month().await),
            Operation::LogSaveFilter => {
                Ready::bare().with("name", format!("filter {n}")).with("filter", "status=failed")
            }
            Operation::LogDeleteFilter => {
                let name = format!("filter {n}");
                made("logs/save_filter", &[("name", &name), ("filter", "status=failed"), ("shared", "true")]).await;
                let there = world.owner.form("logs/filters", &[("slug", &world.house.slug)]).await.json();
                let all = there["filters"].as_array().expect("filters");
                let one = all.iter().find(|one| one["saved"]["name"] == *name).expect("the filter");
                Ready::about("id", text_of(&one["saved"], "id"))
            }
            Operation::LimitsList | Operation::WhoAmI => Ready::bare(),
            Operation::LimitSet => {
                // By a form, and by one of its routes, it changes this one; by the other it makes one for another key.
                let budget = json!({ "type": "tokens", "credit_limit": 1000 + n, "periodic_reset": "monthly" });
                let body = json!({ "scope": "api_key", "subject_id": key().await.value("id"), "usage_limit": budget });
                let ready = Ready::about("id", limit().await).body(body);
                ready
                    .with("kind", "budget")
                    .with("measure", "tokens")
                    .with("span", "month")
                    .with("amount", (1000 + n).to_string())
            }
            // An organisation has one at most.
            Operation::LimitWebhookSet => alert_hook(false).await.with("url", self.base_url()),
            Operation::LimitWebhookDelete => alert_hook(true).await,
            Operation::LimitReset | Operation::LimitDelete | Operation::LimitHistory => {
                Ready::about("id", limit().await)
            }
            Operation::LimitRaise => {
                let ready =
                    Ready::about("id", limit().await).with("raised_to", "2000").with("raised_until", "2999-12-31");
                ready.body(json!({ "raised_to": "2000", "raised_until": "2999-12-31T00:00:00Z" }))
            }
            Operation::PriceFind => Ready::bare(),
            Operation::PricePut => {
                let each = json!({ "request_token": { "price": 0.001 }, "response_token": { "price": 0.002 } });
                Ready::bare().body(json!({ "pay_as_you_go": each }))
            }
            Operation::PriceSet => Ready::bare()
                .with("provider", "ollama")
                .with("model", format!("model-{n}"))
                .with("input", "1")
                .with("output", "2.50"),
            Operation::PriceGet | Operation::PriceDelete => {
                let model = format!("model-{n}");
                made("prices/set", &[("provider", "ollama"), ("model", &model), ("input", "1"), ("output", "2")]).await;
                let there = world.owner.form("prices/list", &[("slug", &world.house.slug)]).await.json();
                let all = there["prices"].as_array().expect("prices");
                Ready::about("id", text_of(all.iter().find(|one| one["model"] == *model).expect("the price"), "id"))
            }
            Operation::OrganisationKeyPolicy => {
                // Nothing is asked, since the keys of this house differ.
                Ready::bare().with("must_expire", "no").body(json!({ "must_expire": false }))
            }
            Operation::OrganisationKeepTexts => {
                Ready::bare().with("keep", "no").with("texts_days", (n % 100 + 1).to_string())
            }
            Operation::ChatCompletion => Ready::bare()
                .body(json!({ "model": "@main/gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] })),
            Operation::Messages => {
                Ready::bare().body(json!({ "model": "@native/claude-sonnet-4-5", "max_tokens": 9, "messages": [] }))
            }
            Operation::Completion => Ready::bare().body(json!({ "model": "@main/gpt-4o", "prompt": "Once" })),
            Operation::Embeddings => {
                Ready::bare().body(json!({ "model": "@main/text-embedding-3-small", "input": "a" }))
            }
            Operation::ResponseCreate => Ready::bare().body(json!({ "model": "@main/gpt-4o", "input": "Hello" })),
            Operation::ResponseGet
            | Operation::ResponseDelete
            | Operation::ResponseCancel
            | Operation::ResponseInputItems => Ready { through: Some("main"), ..Ready::bare() },
            Operation::CountTokens => {
                Ready::bare().body(json!({ "model": "@native/claude-sonnet-4-5", "messages": [] }))
            }
            Operation::Moderation => {
                Ready::bare().body(json!({ "model": "@main/omni-moderation-latest", "input": "a" }))
            }
            Operation::Image => Ready::bare().body(json!({ "model": "@main/gpt-image-1", "prompt": "A cat" })),
            Operation::Speech => {
                Ready::bare().body(json!({ "model": "@main/gpt-4o-mini-tts", "input": "Hello", "voice": "alloy" }))
            }
            Operation::Transcription => {
                let part = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n@main/whisper-1\r\n--x--\r\n";
                Ready { sent: Some(("multipart/form-data; boundary=x", part.to_owned())), ..Ready::bare() }
            }
            Operation::Rerank => {
                Ready::bare().body(json!({ "model": "@own/bge-reranker", "query": "a", "documents": ["a", "b"] }))
            }
            other => panic!("nobody said what a call of {} needs: say it here", other.spec().id),
        }
    }

    /// Makes a virtual key of North that leads to the provider.
    pub async fn virtual_key(&self, world: &World, slug: &str, provider: &str) {
        let (base, house) = (self.base_url(), world.house.slug.as_str());
        let fields = [
            ("slug", house),
            ("name", slug),
            ("key_slug", slug),
            ("provider", provider),
            ("base_url", &base),
            ("credential", "sk-matrix"),
        ];
        done(&world.owner, "virtual_keys/create", &fields).await;
    }

    fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.provider.port)
    }
}
