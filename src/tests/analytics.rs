//! Analytics on both databases: the figures are those of the log, to the call, whatever is asked.

use super::support::{Client, House, each_engine};
use crate::{
    dialect::usage::Usage,
    features::logs::model::{CallOutcome, Metadata, Next},
    gateway::{
        facts::{CallEnd, CallFacts, EndedBy, Endpoint, Record, Tried, TriedEnd},
        record::Sink,
        storage::call_log,
    },
    guardrails::HookResults,
    kernel::{
        CallId, KeyId, OrganisationId, SecretId, Timestamp, VirtualKeyId,
        provider::Provider,
        time::{DAY, HOUR},
    },
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

const MODELS: [&str; 3] = ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5"];
const TEAMS: [&str; 2] = ["support", "sales"];

/// A call as it is made up, in small numbers.
#[derive(Clone, Debug)]
struct Made {
    key: u128,
    virtual_key: u128,
    model: usize,
    /// Milliseconds before now.
    age: i64,
    /// 0 ok, 1 refused, 2 failed, 3 left, 4 under way.
    end: u8,
    latency_ms: u64,
    tokens: Option<(u64, u64)>,
    priced: bool,
    team: Option<usize>,
    /// 0 none, 1 kept, 2 asked again, 3 led on.
    tried: u8,
    count: u64,
    /// Told of while it was under way, and its end twice.
    twice: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let what = (1..4_u128, 1..3_u128, 0..MODELS.len(), 0..9 * DAY, 0..5_u8, 1..60_000_u64);
    let with = (prop::option::of((0..5_000_u64, 0..900_u64)), any::<bool>(), prop::option::of(0..TEAMS.len()), 0..4_u8);
    (what, with, 1..4_u64, any::<bool>()).prop_map(|(what, with, count, twice)| {
        let (key, virtual_key, model, age, end, latency_ms) = what;
        let (tokens, priced, team, tried) = with;
        Made { key, virtual_key, model, age, end, latency_ms, tokens, priced, team, tried, count, twice }
    })
}

impl Made {
    fn cost(&self) -> Option<i64> {
        let (input, output) = self.tokens?;
        self.priced.then(|| i64::try_from(input * 250 + output * 1_000).unwrap_or(0))
    }

    /// What a kept answer spared.
    fn saved(&self) -> Option<i64> {
        (self.tried == 1).then_some(self.cost()).flatten()
    }

    fn outcome(&self) -> CallOutcome {
        match self.end {
            0 => CallOutcome::Ok,
            1 => CallOutcome::Refused,
            2 => CallOutcome::Failed,
            3 => CallOutcome::Left,
            _ => CallOutcome::Started,
        }
    }

    fn status(&self) -> u16 {
        [200, 403, 502, 499, 0][usize::from(self.end)]
    }

    fn calls(&self) -> i64 {
        if self.end == 1 { i64::try_from(self.count).unwrap_or(1) } else { 1 }
    }

    fn records(&self, organisation: OrganisationId, now: i64) -> Vec<Record> {
        let team = self.team.map(|team| format!("{{\"team\":\"{}\"}}", TEAMS[team]));
        let call = Arc::new(CallFacts {
            id: CallId(Uuid::now_v7()),
            organisation,
            key: KeyId::numbered(self.key),
            secret: SecretId::numbered(0),
            person: None,
            virtual_key: Some(VirtualKeyId::numbered(self.virtual_key)),
            provider: Some(Provider::OpenAi),
            endpoint: Endpoint::ChatCompletions,
            model: MODELS[self.model].into(),
            streamed: false,
            trace: "trace".into(),
            metadata: team.map(|team| Metadata::parse(team.as_bytes()).expect("metadata")),
            config: None,
            prompt: None,
            keeps: None,
            prices: None,
            started_at: Timestamp(now - self.age),
        });
        let under_way = Record { call: call.clone(), outcome: None, texts: None };
        if self.outcome() == CallOutcome::Started {
            return vec![under_way];
        }
        let attempt = |path: &str, then: Next| Tried {
            path: path.into(),
            virtual_key: call.virtual_key,
            provider: call.provider,
            model: call.model.clone(),
            began_us: 1,
            found: HookResults::default(),
            end: Some(TriedEnd {
                status: Some(200),
                error: None,
                sent: true,
                took_us: 5,
                then,
                first_byte_us: None,
                usage: None,
                cost: None,
            }),
        };
        let tried = match self.tried {
            0 => vec![],
            1 => vec![attempt("config", Next::Kept)],
            2 => vec![attempt("config", Next::Retried), attempt("config", Next::Answered)],
            _ => vec![attempt("config.targets[0]", Next::LedOn), attempt("config.targets[1]", Next::Answered)],
        };
        let end = CallEnd {
            status: self.status(),
            upstream_status: None,
            upstream_id: None,
            error: (self.end != 0).then(|| "some_code".into()),
            sent: self.end != 1,
            ended_by: if self.end == 3 { EndedBy::Caller } else { EndedBy::Answer },
            latency_us: self.latency_ms * 1_000,
            first_byte_us: Some(self.latency_ms * 500),
            usage: self.tokens.map(|(input_tokens, output_tokens)| Usage {
                input_tokens,
                output_tokens,
                cached_input_tokens: input_tokens / 2,
                reasoning_tokens: output_tokens / 3,
            }),
            cost: self.cost(),
            saved: self.saved(),
            count: u64::try_from(self.calls()).unwrap_or(1),
            went: None,
            tried,
            spent: vec![],
        };
        let ended = Record { call, outcome: Some(end), texts: None };
        if self.twice { vec![under_way, ended.clone(), ended] } else { vec![ended] }
    }
}

/// What is asked, in small numbers.
#[derive(Clone, Debug)]
struct Sought {
    from: i64,
    length: i64,
    key: Option<u128>,
    virtual_key: Option<u128>,
    model: Option<usize>,
    part: bool,
    status: Option<&'static str>,
    rescued: Option<&'static str>,
    hits: bool,
    team: Option<usize>,
    least_tokens: Option<u64>,
    says: Option<&'static str>,
    group: &'static str,
}

fn sought() -> impl Strategy<Value = Sought> {
    let span = (0..9 * DAY, prop_oneof![1..HOUR, HOUR..DAY, DAY..9 * DAY]);
    let of = (
        prop::option::weighted(0.3, 1..4_u128),
        prop::option::weighted(0.3, 1..3_u128),
        prop::option::weighted(0.4, 0..MODELS.len()),
        any::<bool>(),
    );
    let status = prop::option::weighted(0.4, prop::sample::select(vec!["ok", "refused", "4xx", "502", "failed"]));
    let rescued = prop::option::weighted(0.2, prop::sample::select(vec!["none", "retry", "fallback"]));
    let rest = (
        prop::bool::weighted(0.2),
        prop::option::weighted(0.2, 0..TEAMS.len()),
        prop::option::weighted(0.2, 1..3_000_u64),
        prop::option::weighted(0.2, prop::sample::select(vec!["UPPO", "sal", "Trac", "100%"])),
    );
    let group = prop::sample::select(vec![
        "model",
        "key",
        "virtual_key",
        "status",
        "rescued",
        "cache",
        "metadata.team",
        "provider",
        "error",
    ]);
    (span, of, status, rescued, rest, group).prop_map(|((from, length), of, status, rescued, rest, group)| Sought {
        from,
        length,
        key: of.0,
        virtual_key: of.1,
        model: of.2,
        part: of.3,
        status,
        rescued,
        hits: rest.0,
        team: rest.1,
        least_tokens: rest.2,
        says: rest.3,
        group,
    })
}

impl Sought {
    fn fields(&self, now: i64) -> Vec<(String, String)> {
        let moment = |age: i64| Timestamp(now - age).rfc3339();
        let mut fields = vec![
            ("range", "custom".to_owned()),
            ("from", moment(self.from)),
            ("to", moment(self.from - self.length)),
            ("group", self.group.to_owned()),
        ];
        fields.extend(self.key.map(|key| ("key", KeyId::numbered(key).to_string())));
        fields.extend(self.virtual_key.map(|key| ("virtual_key", VirtualKeyId::numbered(key).to_string())));
        let name = if self.part { "model" } else { "model_is" };
        fields.extend(self.model.map(|model| (name, MODELS[model].to_owned())));
        fields.extend(self.status.map(|status| ("status", status.to_owned())));
        fields.extend(self.rescued.map(|rescued| ("rescued", rescued.to_owned())));
        fields.extend(self.hits.then(|| ("cache", "hit".to_owned())));
        fields.extend(self.team.map(|team| ("metadata", format!("team={}", TEAMS[team]))));
        fields.extend(self.least_tokens.map(|least| ("min_tokens", least.to_string())));
        fields.extend(self.says.map(|text| ("search", text.to_owned())));
        fields.into_iter().map(|(name, value)| (format!("query[{name}]"), value)).collect()
    }

    /// Whether a call is meant, as a reader of the documentation would tell.
    fn means(&self, call: &Made) -> bool {
        call.age <= self.from && call.age > self.from - self.length && self.fits(call)
    }

    /// Whether a call is one of those that the span before is compared by.
    fn compares(&self, call: &Made) -> bool {
        call.age <= self.from + self.length && call.age > self.from && self.fits(call)
    }

    fn fits(&self, call: &Made) -> bool {
        let model = |wanted: usize| {
            if self.part { MODELS[call.model].contains(MODELS[wanted]) } else { call.model == wanted }
        };
        let status = |wanted: &str| match wanted {
            "4xx" => call.end != 4 && (400..500).contains(&call.status()),
            "502" => call.end != 4 && call.status() == 502,
            word => call.outcome().name() == word,
        };
        let rescued = match (call.outcome(), call.tried) {
            (CallOutcome::Ok, 2) => "retry",
            (CallOutcome::Ok, 3) => "fallback",
            _ => "none",
        };
        self.key.is_none_or(|key| key == call.key)
            && self.virtual_key.is_none_or(|key| key == call.virtual_key)
            && self.model.is_none_or(model)
            && self.status.is_none_or(status)
            && self.rescued.is_none_or(|wanted| call.end != 4 && wanted == rescued)
            && (!self.hits || call.end != 4 && call.tried == 1)
            && self.says.is_none_or(|text| {
                let text = text.to_lowercase();
                "trace".contains(&text) || call.team.is_some_and(|team| TEAMS[team].contains(&text))
            })
            && self.team.is_none_or(|team| call.team == Some(team))
            && self.least_tokens.is_none_or(|least| call.end != 4 && call.tokens.is_some_and(|(i, o)| i + o >= least))
    }
}

async fn answer(client: &Client, house: &House, path: &str, fields: &[(String, String)]) -> Value {
    let mut all = vec![("slug", house.slug.as_str())];
    all.extend(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let answer = client.form(path, &all).await;
    assert_eq!(answer.status, 200, "{path} {fields:?}: {}", answer.text);
    answer.json()
}

#[tokio::test]
async fn figures_are_those_of_the_log() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let now = house.app.clock.now().0;
        // The same each time, on each engine.
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let mut runner = TestRunner::new_with_rng(Config::default(), random);
        let mut calls: Vec<Made> = vec![];
        let log = call_log(&house.app);
        let groups = prop::collection::vec(prop::collection::vec(made(), 1..90), 4);
        let groups = groups.new_tree(&mut runner).expect("calls").current();
        for (number, group) in groups.into_iter().enumerate() {
            if number == 2 {
                // From here on calls are counted by this, too.
                let fields = [("slug", house.slug.as_str()), ("version", "0"), ("grouped", "team")];
                assert!(ada.form("logs/change_settings", &fields).await.status < 400);
            }
            let records: Vec<Record> = group.iter().flat_map(|call| call.records(house.organisation, now)).collect();
            // What is told twice comes in different groups, as after a crash.
            for part in records.chunks(7) {
                let mut once: Vec<Record> = vec![];
                for record in part {
                    if once.iter().all(|known| known.call.id != record.call.id) {
                        once.push(record.clone());
                    } else {
                        assert!(log.write(&once).await.is_ok());
                        once = vec![record.clone()];
                    }
                }
                assert!(log.write(&once).await.is_ok());
            }
            calls.extend(group);
        }
        // Some as an earlier version of the program left them.
        house.as_owner("DELETE FROM call_rollups").await.expect("forgotten");
        house.as_owner("DELETE FROM call_sketches").await.expect("forgotten");
        house.as_owner("UPDATE call_logs SET kind_id = NULL").await.expect("forgotten");
        for round in 0..2 {
            for _ in 0..40 {
                let mut sought = sought().new_tree(&mut runner).expect("a question").current();
                if round == 0 {
                    // What attempts tell is known once a call is counted.
                    (sought.rescued, sought.hits) = (None, false);
                }
                check(&house, &ada, &calls, &sought, now, round > 0).await;
            }
            if round == 0 {
                crate::features::logs::operations::count_earlier(&house.app).await.expect("counted");
            }
        }
    })
    .await;
}

/// That lengths are told as those of these calls are spread, of which each took so many times its milliseconds.
fn are_spread(told: &Value, calls: &[&Made], times: u64, sought: &Sought) {
    assert_eq!(told["count"], calls.len(), "{sought:?}");
    let mut lengths: Vec<u64> = calls.iter().map(|call| call.latency_ms * times).collect();
    lengths.sort_unstable();
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
        let rank = (share * lengths.len().saturating_sub(1) as f64) as usize;
        let exact = lengths.get(rank).map_or(0.0, |length| *length as f64);
        let told = told[name].as_f64().expect("a length");
        assert!((told - exact).abs() <= exact * 0.0101 + 1.0, "{name}: {told} for {exact}: {sought:?}");
    }
}

async fn check(house: &House, ada: &Client, calls: &[Made], sought: &Sought, now: i64, is_counted: bool) {
    let fields = sought.fields(now);
    let meant: Vec<&Made> = calls.iter().filter(|call| sought.means(call)).collect();
    let ended: Vec<&Made> = meant.iter().copied().filter(|call| call.end != 4).collect();
    let of = |count: &dyn Fn(&Made) -> i64| ended.iter().map(|call| count(call)).sum::<i64>();
    let page = answer(ada, house, "analytics/view", &fields).await;
    let totals = &page["totals"];
    let known = ended.iter().filter_map(|call| call.cost()).reduce(|sum, cost| sum + cost);
    for (name, expected) in [
        ("entries", of(&|_| 1)),
        ("calls", of(&Made::calls)),
        ("ok", of(&|call| i64::from(call.end == 0))),
        ("hits", of(&|call| if is_counted && call.tried == 1 { call.calls() } else { 0 })),
        ("retried", of(&|call| i64::from(is_counted && call.end == 0 && call.tried == 2))),
        ("input_tokens", of(&|call| call.tokens.map_or(0, |(input, _)| input as i64))),
        ("cached_input_tokens", of(&|call| call.tokens.map_or(0, |(input, _)| (input / 2) as i64))),
        ("output_tokens", of(&|call| call.tokens.map_or(0, |(_, output)| output as i64))),
        ("reasoning_tokens", of(&|call| call.tokens.map_or(0, |(_, output)| (output / 3) as i64))),
        ("saved", of(&|call| call.saved().unwrap_or(0))),
        ("unpriced", of(&|call| i64::from(call.tokens.is_some() && call.cost().is_none()))),
    ] {
        assert_eq!(totals[name], expected, "{name} of {sought:?}: {page}");
    }
    assert_eq!(totals["cost"].as_i64(), known, "{sought:?}");
    assert_eq!(totals["latency"]["count"], of(&|_| 1), "{sought:?}");
    are_spread(&totals["latency"], &ended, 1_000, sought);
    are_spread(&totals["first_byte"], &ended, 500, sought);
    // Of a span that is not over, as much is compared as has passed by then.
    if sought.length <= sought.from {
        let before: Vec<&Made> = calls.iter().filter(|call| sought.compares(call) && call.end != 4).collect();
        are_spread(&page["before"]["latency"], &before, 1_000, sought);
    }
    let width = page["width"].as_i64().expect("a width");
    for slot in page["slots"].as_array().expect("a list") {
        let start = slot["start"].as_i64().expect("a moment");
        let there: Vec<&Made> =
            ended.iter().copied().filter(|call| (start..start + width).contains(&(now - call.age))).collect();
        are_spread(&slot["figures"]["latency"], &there, 1_000, sought);
    }
    for group in page["shares"].as_array().expect("a list") {
        let is = |call: &&&Made| group["value"] == KeyId::numbered(call.key).to_string();
        let theirs: Vec<&Made> = ended.iter().filter(is).copied().collect();
        assert!(!theirs.is_empty(), "{group}");
        are_spread(&group["figures"]["latency"], &theirs, 1_000, sought);
    }
    // Bars and groups are the same calls, parted.
    let sum = |list: &Value, of: &dyn Fn(&Value) -> i64| list.as_array().expect("a list").iter().map(of).sum::<i64>();
    let all = totals["calls"].as_i64().expect("a number");
    assert_eq!(sum(&page["slots"], &|slot| slot["figures"]["calls"].as_i64().unwrap_or(0)), all, "{sought:?}");
    assert_eq!(sum(&page["groups"], &|group| group["figures"]["calls"].as_i64().unwrap_or(0)), all, "{sought:?}");
    assert_eq!(sum(&page["shares"], &|group| group["figures"]["calls"].as_i64().unwrap_or(0)), all, "{sought:?}");
    let in_bars = sum(&page["groups"], &|group| sum(&group["calls"], &|bar| bar.as_i64().unwrap_or(0)));
    assert_eq!(in_bars, all, "{sought:?}: {page}");
    // The log says the same, with those that are under way.
    let list = answer(ada, house, "logs/list", &fields).await;
    assert_eq!(list["totals"]["entries"], meant.len(), "{sought:?}");
    let shown = list["calls"].as_array().map_or(0, Vec::len);
    assert_eq!(shown, meant.len().min(50), "{sought:?}");
    let under_way = meant.len() - ended.len();
    assert_eq!(page["under_way"], under_way, "{sought:?}");
}

/// A group is written in parts of several sizes; what comes again, as after a crash, counts once.
#[tokio::test]
async fn a_large_group_is_written_once() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let now = house.app.clock.now().0;
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[9; 32]);
        let mut runner = TestRunner::new_with_rng(Config::default(), random);
        let calls = prop::collection::vec(made(), 85).new_tree(&mut runner).expect("calls").current();
        let last = |call: &Made| call.records(house.organisation, now).pop().expect("a record");
        let records: Vec<Record> = calls.iter().map(last).collect();
        let log = call_log(&house.app);
        for part in [&records[..75], &records[..], &records[40..41]] {
            assert!(log.write(part).await.is_ok());
        }
        let all = Sought {
            from: 9 * DAY,
            length: 9 * DAY,
            key: None,
            virtual_key: None,
            model: None,
            part: false,
            status: None,
            rescued: None,
            hits: false,
            team: None,
            least_tokens: None,
            says: None,
            group: "model",
        };
        check(&house, &ada, &calls, &all, now, true).await;
    })
    .await;
}

#[tokio::test]
async fn kinds_are_bounded() {
    each_engine(async |house| {
        use crate::features::logs::{counting::Kind, keep_kinds};
        let (house, _) = house.with_ada().await;
        let kind = |model: &str| {
            let kind = Kind {
                key: None,
                person: None,
                virtual_key: None,
                provider: None,
                model: model.to_owned(),
                endpoint: "embeddings".into(),
                streamed: false,
                outcome: CallOutcome::Refused,
                status: Some(403),
                error: None,
                config: None,
                config_version: None,
                prompt: None,
                prompt_version: None,
                prompt_label: None,
                cache: Default::default(),
                rescued: Default::default(),
                verdict: Default::default(),
                metadata: None,
            };
            (kind.id(), kind)
        };
        for (models, left) in [(&["a", "b"][..], 2), (&["a", "c", "d", "e"], 2), (&["a", "b", "f"], 2)] {
            let mut kinds: std::collections::BTreeMap<_, _> = models.iter().map(|model| kind(model)).collect();
            let mut note = house.app.note_in(house.organisation).await.expect("a transaction");
            keep_kinds(note.tx(), &mut kinds, 3).await.expect("they are kept");
            note.commit().await.expect("an end");
            // One of three finds room, and none after that; what is known stays so.
            assert_eq!(kinds.len(), left, "{models:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_member_sees_their_own_calls_where_the_organisation_says_so() {
    each_engine(async |house| {
        let world = super::support::World::new(house).await;
        let (house, now) = (&world.house, world.house.app.clock.now().0);
        let (theirs, secret) = world.key("of the member", &[("metrics", "enabled")]).await;
        house
            .as_owner_composed("UPDATE api_keys SET responsible = (SELECT user_id FROM memberships WHERE role = 'member' AND org_id = api_keys.org_id LIMIT 1) WHERE name = 'of the member'")
            .await
            .expect("another person answers for it");
        let call = |key: KeyId| {
            let made = Made {
                key: 1, virtual_key: 1, model: 0, age: HOUR, end: 0, latency_ms: 5, tokens: Some((10, 5)),
                priced: true, team: None, tried: 0, count: 1, twice: false,
            };
            let mut record = made.records(house.organisation, now).remove(0);
            record.call = Arc::new(CallFacts { key, ..(*record.call).clone() });
            record
        };
        let own: KeyId = theirs.parse().expect("an id");
        let (mine, other) = (call(own), call(KeyId::numbered(77)));
        let hidden = other.call.id.to_string();
        assert!(call_log(&house.app).write(&[mine, other]).await.is_ok());
        let before = seen(house, &world.member, &secret).await;
        assert!(before.iter().all(|calls| *calls >= 2), "{before:?}");
        let fields = [("slug", house.slug.as_str()), ("version", "0"), ("own_only", "true")];
        for (who, status) in [(&world.member, 403), (&world.owner, 200)] {
            let answer = who.form("logs/change_settings", &fields).await;
            assert!(answer.status == status || status == 200 && answer.status < 400, "{}", answer.text);
        }
        house.app.changes.announce(crate::server::watch::ChangeNews::Of(house.organisation));
        assert_eq!(seen(house, &world.member, &secret).await, [1, 1, 1, 1], "the log, analytics, Home and REST");
        let everybody = answer(&world.owner, house, "logs/list", &[]).await;
        assert!(everybody["totals"]["entries"].as_i64() >= Some(2), "an Owner sees all: {everybody}");
        for (path, name) in [("logs/get", "id"), ("logs/texts", "id")] {
            let answer = world.member.form(path, &[("slug", house.slug.as_str()), (name, &hidden)]).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        }
        let program = house.program(&secret);
        for path in [format!("/v1/logs/{hidden}"), format!("/v1/logs/{hidden}/texts")] {
            assert_eq!(program.api("GET", &path, Value::Null).await.status, 404, "{path}");
        }
        let choices = answer(&world.member, house, "logs/choices", &[]).await;
        assert_eq!(choices["keys"].as_array().map(Vec::len), Some(1), "{choices}");
    })
    .await;
}

/// Calls that somebody sees in the log, in analytics and on Home, and their key by REST.
async fn seen(house: &House, who: &Client, secret: &str) -> [i64; 4] {
    let log = answer(who, house, "logs/list", &[]).await["totals"]["calls"].as_i64().unwrap_or(-1);
    let analytics = answer(who, house, "analytics/view", &[]).await["totals"]["calls"].as_i64().unwrap_or(-1);
    let home = answer(who, house, "home/view", &[]).await["day"]["calls"].as_i64().unwrap_or(-1);
    let list = house.program(secret).api("GET", "/v1/logs", Value::Null).await;
    assert_eq!(list.status, 200, "{}", list.text);
    [log, analytics, home, list.json()["total"].as_i64().unwrap_or(-1)]
}
