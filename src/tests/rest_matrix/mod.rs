//! The permission matrix of programs: every route of the OpenAPI document × API keys. The privileged call goes first, so
//! that a refusal cannot be true by accident; a refusal is seen to have changed nothing, and every act that is audited to
//! have left one event.

mod document;

use super::support::{Answer, Calls, Client, World, answer_for, difference, each_engine, text};
use crate::{
    kernel::{OrganisationId, time::SECOND},
    policy::{KeyFeature, Level, MASTERS, Operation, PermissionSet, Requirement, Role},
};
use axum::body::Body;
use http::Request;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// A call of a route.
struct Call {
    method: String,
    path: String,
    body: Value,
    /// What it is about, as the path names it.
    thing: Option<String>,
    /// A form in place of the body, with its content type.
    sent: Option<(&'static str, String)>,
    /// The virtual key that a header names.
    through: Option<&'static str>,
}

impl Call {
    async fn by(&self, client: &Client) -> Answer {
        if self.sent.is_none() && self.through.is_none() {
            return client.api(&self.method, &self.path, self.body.clone()).await;
        }
        let (kind, body) = self.sent.clone().unwrap_or_default();
        let mut request = Request::builder().method(&*self.method).uri(&self.path);
        for (name, value) in [("content-type", kind), ("x-portkey-virtual-key", self.through.unwrap_or_default())] {
            request = request.header(name, value);
        }
        client.send(request.body(Body::from(body)).expect("a request")).await
    }

    /// The same about something that was never there.
    fn elsewhere(&self, thing: &str) -> Self {
        let invented = if thing.len() == 36 { "00000000-0000-0000-0000-000000000007" } else { "never-made" };
        Self {
            method: self.method.clone(),
            path: self.path.replace(thing, invented),
            body: self.body.clone(),
            thing: None,
            sent: self.sent.clone(),
            through: self.through,
        }
    }
}

/// A key that lives, and what it may do.
struct Holder {
    name: String,
    client: Client,
    holds: PermissionSet,
}

/// The name of a full key that answers for a Member.
const OF_MEMBER: &str = "of a Member";

/// North with its keys, and what makes calls ready.
struct Matrix {
    world: World,
    master: Client,
    south: Client,
    /// Keys with one feature at one level, by feature.
    steps: Vec<(KeyFeature, Holder)>,
    /// Keys with everything but one feature, by that feature.
    all_but: Vec<(KeyFeature, Holder)>,
    /// A key with everything whose person is a Member.
    of_member: Holder,
    /// A key with everything that can be given to one.
    full: Holder,
    /// What is no living key, with the code of its refusal.
    strangers: Vec<(&'static str, Client, &'static str)>,
    calls: Calls,
}

/// Levels for every feature, as the interface takes them.
fn levels(level: impl Fn(KeyFeature) -> Level) -> Value {
    let levels = KeyFeature::ALL.map(|feature| (feature.name().to_owned(), Value::from(level(feature).name())));
    Value::Object(Map::from_iter(levels))
}

fn highest(feature: KeyFeature) -> Level {
    *feature.levels().last().expect("a level")
}

impl Matrix {
    async fn new(world: World) -> Self {
        let master = world.house.program(&world.house.master_key);
        let south = world.house.program(&world.south_key);
        let key = async |name: String, levels: Value| {
            let answer = master.api("POST", "/v1/api-keys", json!({ "name": name, "permissions": levels })).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            (text(&answer.json(), "id"), text(&answer.json(), "key"))
        };
        let (mut steps, mut all_but) = (vec![], vec![]);
        for feature in KeyFeature::ALL {
            for level in feature.levels() {
                let name = format!("{} {}", feature.name(), level.name());
                let only = |other| if other == feature { level } else { Level::Disabled };
                let client = world.house.program(&key(name.clone(), levels(only)).await.1);
                let holds = feature.permissions(level).expect("a level of the feature");
                steps.push((feature, Holder { name, client, holds }));
            }
            let name = format!("all but {}", feature.name());
            let others = |other| if other == feature { Level::Disabled } else { highest(other) };
            let client = world.house.program(&key(name.clone(), levels(others)).await.1);
            let holds = PermissionSet::every_key_permission().without(feature.all());
            all_but.push((feature, Holder { name, client, holds }));
        }
        let full = Holder {
            name: "full".into(),
            client: world.house.program(&key("full".into(), levels(highest)).await.1),
            holds: PermissionSet::every_key_permission(),
        };
        let strangers = Self::strangers(&world, &master, key).await;
        let of_member = Self::of_member(&world).await;
        let calls = Calls::new().await;
        calls.virtual_key(&world, "main", "openai").await;
        calls.virtual_key(&world, "native", "anthropic").await;
        calls.virtual_key(&world, "own", "openai-compatible").await;
        Self { world, master, south, steps, all_but, of_member, full, strangers, calls }
    }

    /// Whoever has no living key: each with a full one that died, or with none.
    async fn strangers(
        world: &World,
        master: &Client,
        key: impl AsyncFn(String, Value) -> (String, String),
    ) -> Vec<(&'static str, Client, &'static str)> {
        let house = &world.house;
        let done = async |method: &str, path: String, body: Value| {
            let answer = master.api(method, &path, body).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        };
        let (id, revoked) = key("revoked".into(), levels(highest)).await;
        done("DELETE", format!("/v1/api-keys/{id}"), Value::Null).await;
        let (id, disabled) = key("disabled".into(), levels(highest)).await;
        done("POST", format!("/v1/api-keys/{id}/disable"), Value::Null).await;
        let (id, rotated) = key("rotated".into(), levels(highest)).await;
        done("POST", format!("/v1/api-keys/{id}/rotate"), json!({ "key_transition_period_ms": 0 })).await;
        let (id, expired) = key("expired".into(), levels(highest)).await;
        let end = house.app.clock.now().plus(10 * SECOND);
        done("PUT", format!("/v1/api-keys/{id}"), json!({ "expires_at": end.rfc3339() })).await;
        house.app.clock.advance(11 * SECOND);
        vec![
            ("nobody", house.nobody(), "invalid_api_key"),
            ("an Owner's session", world.owner.clone(), "invalid_api_key"),
            ("a malformed key", house.program("lk_nonsense"), "invalid_api_key"),
            ("a revoked key", house.program(&revoked), "api_key_revoked"),
            ("a disabled key", house.program(&disabled), "api_key_disabled"),
            ("a rotated secret", house.program(&rotated), "api_key_revoked"),
            ("an expired key", house.program(&expired), "api_key_expired"),
        ]
    }

    async fn of_member(world: &World) -> Holder {
        let all = KeyFeature::ALL.map(|feature| (feature.name(), highest(feature).name()));
        let fields: Vec<_> = [("slug", world.house.slug.as_str()), ("name", OF_MEMBER), ("expiry", "none")]
            .into_iter()
            .chain(all)
            .collect();
        let made = world.admin.form("api_keys/create", &fields).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let (bo, cy) = (world.id_of("bo@north.test").await, world.id_of("cy@north.test").await);
        answer_for(&world.house, &bo, &cy).await;
        Holder {
            name: OF_MEMBER.into(),
            client: world.house.program(&text(&made.json(), "secret")),
            holds: PermissionSet::every_key_permission().intersection(Role::Member.permissions()),
        }
    }

    /// What a call of this route needs, made anew.
    async fn call(&self, operation: Operation, route: &str) -> Call {
        let ready = self.calls.ready(&self.world, operation).await;
        let route = route.replace("{sample}", ready.value("sample"));
        let route = match ready.value("label") {
            "" => route,
            label => route.replace("{label}", label),
        };
        // What stands behind the question mark.
        let route = match ready.value("permission") {
            "" => route,
            permission => format!("{route}?permission={permission}"),
        };
        let route = match operation {
            Operation::AuditRecords => format!("{route}?start_time=2020-01-01T00:00:00Z&end_time=2100-01-01T00:00:00Z"),
            _ => route,
        };
        let is_about = ["{id}", "{slug}", "{label}", "{collection}"].iter().any(|part| route.contains(part));
        let thing = ready.thing.map(|(_, thing)| thing).filter(|_| is_about);
        let (method, path) = route.split_once(' ').expect("a method and a path");
        let path = path.replace("{type}/{sub_type}", "organisation/service").replace("{number}", "1");
        let path = path.replace("{graph}/{detail}", "errors/rate").replace("{graph}", "requests");
        let path = path.replace("{by}", "model").replace("metadata/{name}", "metadata/team");
        let path = path
            .replace("{version}", "1")
            .replace("{seq}", "1")
            .replace("{model}", "gpt-4o")
            .replace("{provider}", "openai")
            .replace("{label}", "{id}")
            .replace("{collection}", "{id}");
        let path = thing.iter().fold(path, |path, thing| path.replace("{id}", thing).replace("{slug}", thing));
        let path = match operation {
            Operation::ModelGet => path.replace("{id}", "@main/gpt-4o"),
            _ => path,
        };
        // A response is the provider's: whoever has its virtual key may ask for any.
        let path = if ready.through.is_some() { path.replace("{id}", "resp_1") } else { path };
        Call { method: method.to_owned(), path, body: ready.body, thing, sent: ready.sent, through: ready.through }
    }

    /// The same about what this key may call it with: an entry of feedback is there only for the key that gave it.
    async fn own_call(&self, operation: Operation, route: &str, client: &Client) -> Call {
        let call = self.call(operation, route).await;
        if operation != Operation::FeedbackChange {
            return call;
        }
        let of_master = call.thing.clone().expect("an entry");
        let given = client.api("POST", "/v1/feedback", json!({ "trace_id": "matrix", "value": 1 })).await;
        let own = given.json()["feedback_ids"][0].as_str().expect("an id").to_owned();
        Call { path: call.path.replace(&of_master, &own), thing: Some(own), ..call }
    }

    /// The database, once the log of calls is at rest. That a refused model call is logged is the log's own matter.
    async fn snapshot(&self) -> Vec<String> {
        assert!(self.world.house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
        let mut rows = self.world.house.snapshot().await;
        // With what they are counted by.
        rows.retain(|row| {
            !["call_logs:", "call_kinds:", "call_rollups:", "call_sketches:"].iter().any(|table| row.starts_with(table))
        });
        rows
    }

    async fn allowed(&self, operation: Operation, call: &Call, client: &Client, who: &str) {
        let what = format!("{} {} by {who}", call.method, call.path);
        let before = self.world.house.chain(self.world.house.organisation).await.0;
        let answer = call.by(client).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text);
        self.left(self.world.house.organisation, before, operation, "done", &what).await;
    }

    /// A call that is refused, and seen to have changed nothing but the chain of whoever called: all rows are as `before`.
    async fn refused(
        &self,
        call: &Call,
        before: &[String],
        client: &Client,
        who: &str,
        expected: (u16, &str),
    ) -> Answer {
        let answer = call.by(client).await;
        let what = format!("{} {} by {who}", call.method, call.path);
        let code = answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        assert_eq!((answer.status, code.as_str()), expected, "{what}: {}", answer.text);
        let after = self.snapshot().await;
        let changed = difference(before, &after);
        assert!(changed.is_empty(), "{what} changed something: {changed:#?}");
        answer
    }

    /// What an act by a key left in a chain since then: one event if it is audited, else none.
    async fn left(&self, place: OrganisationId, before: i64, operation: Operation, outcome: &str, what: &str) {
        let (after, last) = self.world.house.chain(place).await;
        assert_eq!(after - before, i64::from(operation.spec().audited), "events of {what}");
        if operation.spec().audited {
            let last = last.expect("an event");
            let told = (last["action"].as_str(), last["outcome"].as_str(), last["actor"]["kind"].as_str());
            assert_eq!(told, (Some(operation.spec().id), Some(outcome), Some("api_key")), "{what}: {last}");
        }
    }

    /// One route, by every key.
    async fn row(&self, operation: Operation, route: &str) {
        let asked: Vec<_> = operation.spec().requires.permissions().collect();
        let Some(&permission) = asked.first() else { return self.open_row(operation, route).await };
        let feature = KeyFeature::of(permission);
        assert!(
            feature.is_some() || MASTERS.contains(&permission),
            "{route} needs {permission}, which no key can hold"
        );
        let first = self.call(operation, route).await;
        self.allowed(operation, &first, &self.master, "the master key").await;

        let call = self.call(operation, route).await;
        let north = self.world.house.organisation;
        let rows = self.snapshot().await;
        for (who, client, code) in &self.strangers {
            let before = self.world.house.chain(north).await.0;
            self.refused(&call, &rows, client, who, (401, code)).await;
            let what = format!("{route} by {who}");
            if *code == "invalid_api_key" {
                assert_eq!(self.world.house.chain(north).await.0, before, "{what}");
            } else {
                // The key is known, though it opens nothing any more.
                self.left(north, before, operation, "refused", &what).await;
            }
        }
        let holders = || {
            // What the master key alone can hold is tried with every other.
            let is_own = move |of: KeyFeature| feature.is_none_or(|feature| of == feature);
            let own =
                self.steps.iter().chain(&self.all_but).filter(move |(of, _)| is_own(*of)).map(|(_, holder)| holder);
            own.chain([&self.of_member]).chain(feature.is_none().then_some(&self.full))
        };
        let (may, may_not): (Vec<_>, Vec<_>) =
            holders().partition(|holder| asked.iter().all(|asked| holder.holds.contains(*asked)));
        assert!(may.is_empty() == feature.is_none() && may_not.len() >= 2, "{route} tells keys apart");
        for holder in may_not {
            let before = self.world.house.chain(north).await.0;
            let answer = self.refused(&call, &rows, &holder.client, &holder.name, (403, "permission_denied")).await;
            let missing = asked.iter().find(|asked| !holder.holds.contains(**asked)).expect("one that it lacks");
            assert_eq!(answer.json()["error"]["permission"], missing.name(), "{route} by {}", holder.name);
            self.left(north, before, operation, "refused", &format!("{route} by {}", holder.name)).await;
        }
        if let Some(thing) = &call.thing {
            self.is_unknown_elsewhere(operation, &call, thing, &rows).await;
        }
        // All of that was about a thing with which the same call works.
        self.allowed(operation, &call, &self.master, "the master key, after all others").await;

        for holder in may {
            let call = self.own_call(operation, route, &holder.client).await;
            self.made_by(operation, holder).await;
            self.allowed(operation, &call, &holder.client, &holder.name).await;
        }
    }

    /// A key changes no exports but those that it has made.
    async fn made_by(&self, operation: Operation, holder: &Holder) {
        if matches!(operation, Operation::LogExportUpdate | Operation::LogExportStart | Operation::LogExportCancel) {
            let key = format!("SELECT k.id FROM api_keys k WHERE k.name = '{}'", holder.name);
            let sql = format!("UPDATE log_exports SET created_by = ({key})");
            self.world.house.as_owner_composed(&sql).await.expect("they have another maker");
        }
    }

    /// One route that is open to every key: whoever has a living one may call it, and nobody else.
    async fn open_row(&self, operation: Operation, route: &str) {
        assert_eq!(
            operation.spec().requires,
            Requirement::Belonging,
            "{route} is served to keys and asks for no permission"
        );
        let call = self.call(operation, route).await;
        self.allowed(operation, &call, &self.master, "the master key").await;
        let rows = self.snapshot().await;
        for (who, client, code) in &self.strangers {
            self.refused(&call, &rows, client, who, (401, code)).await;
        }
        let all = self.steps.iter().chain(&self.all_but).map(|(_, holder)| holder).chain([&self.of_member]);
        for holder in all {
            self.allowed(operation, &call, &holder.client, &holder.name).await;
        }
    }

    /// To the strongest key of another organisation it is the same as what was never there.
    async fn is_unknown_elsewhere(&self, operation: Operation, call: &Call, thing: &str, rows: &[String]) {
        let mut answers = vec![];
        for call in [call, &call.elsewhere(thing)] {
            let before = self.world.house.chain(self.world.south_id).await.0;
            let mut body = self.refused(call, rows, &self.south, "South's master key", (404, "not_found")).await.json();
            let what = format!("{} {} from South", call.method, call.path);
            self.left(self.world.south_id, before, operation, "refused", &what).await;
            body.as_object_mut().expect("an object").remove("request_id");
            answers.push(body);
        }
        assert_eq!(answers[0], answers[1], "{}", call.path);
    }
}

/// Every route that the document tells of, with its operation.
async fn routes(world: &World) -> Vec<(Operation, String)> {
    let document = world.house.nobody().api("GET", "/v1/openapi.json", Value::Null).await.json();
    let mut routes = vec![];
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            let route = format!("{} {path}", method.to_uppercase());
            let operation = Operation::ALL.iter().find(|operation| operation.spec().routes.contains(&route.as_str()));
            routes.push((*operation.unwrap_or_else(|| panic!("{route} is no operation's")), route));
        }
    }
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_keeps_the_matrix() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let routes = routes(&world).await;
        assert_eq!(routes.len(), Operation::ALL.iter().map(|operation| operation.spec().routes.len()).sum::<usize>());
        let matrix = Matrix::new(world).await;
        for (operation, route) in routes {
            matrix.row(operation, &route).await;
        }
        let world = &matrix.world;
        let chains = [world.house.organisation, world.south_id, OrganisationId::INSTALLATION];
        super::audit_room::expect_schema(&world.house, &chains).await;
    })
    .await;
}
