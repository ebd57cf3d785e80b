//! An organisation with people, and a neighbour: what tests of permissions need.

use super::{Client, House, PASSWORD, done};
use crate::{
    features::api_keys::operations::hand_over,
    gateway::tests::support::Upstream,
    kernel::{OrganisationId, text::capital},
    policy::Operation,
    server::{
        access::Access,
        audit::event::{Event, Subject},
    },
};
use serde_json::{Value, json};

/// North with Ada (Owner), Bo (Admin) and Cy (Member); South, whose only Owner is Eve.
pub struct World {
    pub house: House,
    pub owner: Client,
    pub admin: Client,
    pub member: Client,
    /// Owner of South, nobody in North.
    pub stranger: Client,
    pub south: String,
    pub south_id: OrganisationId,
    /// South's master key.
    pub south_key: String,
    /// The id of a call in North's log.
    pub log: String,
}

impl World {
    pub async fn new(house: House) -> Self {
        let house = house.founded().await;
        let owner = house.person("ada@north.test").await;
        let admin = join(&house, &owner, "bo@north.test", "Bo", "admin").await;
        let member = join(&house, &owner, "cy@north.test", "Cy", "member").await;
        let stranger = join(&house, &owner, "eve@south.test", "Eve", "member").await;
        let made = stranger.form("organisation/create", &[("name", "South")]).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let left = stranger.form("team/leave", &[("slug", &house.slug)]).await;
        assert_eq!(left.status, 200, "{}", left.text);
        let south = text(&made.json(), "slug");
        let south_key = text(&made.json(), "master_key");
        let keys = house.program(&south_key).api("GET", "/v1/api-keys", Value::Null).await.json();
        let south_id = text(&keys["data"][0], "organisation_id").parse().expect("an id");
        let log = uuid::Uuid::now_v7();
        house.add_call(log).await;
        Self { house, owner, admin, member, stranger, south, south_id, south_key, log: log.to_string() }
    }

    /// A new member of North with this role.
    pub async fn join(&self, email: &str, role: &str) -> Client {
        join(&self.house, &self.owner, email, "New", role).await
    }

    /// The id of a person of North.
    pub async fn id_of(&self, email: &str) -> String {
        let list = self.owner.form("team/list", &[("slug", &self.house.slug), ("q", email)]).await;
        find(&list.json(), email).unwrap_or_else(|| panic!("{email} is in {}", list.text))
    }

    /// A fresh API key of North: its id and secret.
    pub async fn key(&self, name: &str, levels: &[(&str, &str)]) -> (String, String) {
        let mut fields = vec![("slug", self.house.slug.as_str()), ("name", name), ("expiry", "90")];
        fields.extend_from_slice(levels);
        let made = self.owner.form("api_keys/create", &fields).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let made = made.json();
        (text(&made, "id"), text(&made, "secret"))
    }

    /// Makes a config of North and gives its slug. Its name is no other's.
    pub async fn config(&self, name: &str, text: &str) -> String {
        let slug = self.house.slug.as_str();
        let made = self.owner.form("configs/create", &[("slug", slug), ("name", name), ("config", text)]).await;
        assert!(made.status < 400, "{}", made.text);
        let found = self.owner.form("configs/list", &[("slug", slug), ("q", name)]).await.json();
        let config = found["configs"].as_array().expect("configs").iter().find(|config| config["name"] == name);
        config.expect("the config")["slug"].as_str().expect("a slug").to_owned()
    }

    /// Makes a guardrail of North with one pattern and gives its slug. Its name is no other's.
    pub async fn guardrail(&self, name: &str, rule: &str) -> String {
        let slug = self.house.slug.as_str();
        let fields = [
            ("slug", slug),
            ("name", name),
            ("checks.0.id", "default.regexMatch"),
            ("checks.0.is_enabled", "yes"),
            ("checks.0.parameters.rule", rule),
            ("actions.deny", "deny"),
        ];
        let made = self.owner.form("guardrails/create", &fields).await;
        assert!(made.status < 400, "{}", made.text);
        let found = self.owner.form("guardrails/list", &[("slug", slug), ("q", name)]).await.json();
        let all = found["guardrails"].as_array().expect("guardrails");
        let guardrail = all.iter().find(|guardrail| guardrail["name"] == name).expect("the guardrail");
        guardrail["slug"].as_str().expect("a slug").to_owned()
    }

    /// A prompt or partial (`kind`: prompts, partials) that somebody makes with these fields, its name among them; its slug.
    pub async fn prompt(&self, maker: &Client, kind: &str, fields: &[(&str, &str)]) -> String {
        let slug = self.house.slug.as_str();
        let all: Vec<_> = [("slug", slug)].into_iter().chain(fields.iter().copied()).collect();
        let made = maker.form(&format!("{kind}/create"), &all).await;
        assert!(made.status < 400, "{}", made.text);
        let (_, name) = fields.iter().find(|(field, _)| *field == "name").expect("a name");
        let found = self.owner.form(&format!("{kind}/list"), &[("slug", slug), ("q", name)]).await.json();
        let all = found["prompts"].as_array().expect("prompts");
        text(all.iter().find(|prompt| prompt["name"] == *name).expect("the prompt"), "slug")
    }

    /// An invitation to North that waits: its id and the token of its link.
    pub async fn invitation(&self, email: &str, role: &str) -> (String, String) {
        invite(&self.house, &self.owner, email, role).await
    }
}

/// Makes a virtual key in an organisation, both by their slugs, that leads to this provider. Its name is its slug with a
/// capital.
pub async fn provide(owner: &Client, organisation: &str, slug: &str, provider: &str, upstream: &Upstream) {
    let (name, base) = (capital(slug), format!("http://127.0.0.1:{}/v1", upstream.port));
    let fields = [
        ("slug", organisation),
        ("name", &name),
        ("key_slug", slug),
        ("provider", provider),
        ("base_url", &base),
        ("credential", "sk-of-the-provider"),
    ];
    done(owner, "virtual_keys/create", &fields).await;
}

/// Lets the keys of one person answer for another, both by their ids.
pub async fn answer_for(house: &House, from: &str, to: &str) {
    let subject = Subject::unnamed("installation", "");
    let (from, to) = (from.parse().expect("an id"), to.parse().expect("an id"));
    Access::system(house.app.clone())
        .by_proof(house.organisation)
        .act(Operation::Setup, subject.clone(), |mut change| async move {
            hand_over(&mut change, from, Some(to)).await?;
            change.commit(Event::of(subject), ()).await
        })
        .await
        .expect("handed over");
}

/// A field of an answer, as text.
pub fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}

/// The id that stands beside an address, wherever in the answer.
fn find(value: &Value, email: &str) -> Option<String> {
    match value {
        Value::Object(fields) if fields.get("email") == Some(&json!(email)) => {
            fields.get("id")?.as_str().map(str::to_owned)
        }
        Value::Object(fields) => fields.values().find_map(|value| find(value, email)),
        Value::Array(items) => items.iter().find_map(|value| find(value, email)),
        _ => None,
    }
}

async fn invite(house: &House, owner: &Client, email: &str, role: &str) -> (String, String) {
    let sent = owner.form("team/invite", &[("slug", &house.slug), ("addresses", email), ("role", role)]).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    let invited = sent.json()["answers"][0]["outcome"]["invited"].clone();
    let link = text(&invited, "link");
    let token = link.split_once("token=").expect("a token in the link").1.to_owned();
    (text(&invited, "id"), token)
}

async fn join(house: &House, owner: &Client, email: &str, name: &str, role: &str) -> Client {
    let (_, token) = invite(house, owner, email, role).await;
    let mut person = house.nobody();
    let joined = person.form("invitation/join", &[("token", &token), ("name", name), ("password", PASSWORD)]).await;
    assert_eq!(joined.status, 200, "{}", joined.text);
    person.keep_cookie(&joined);
    person
}
