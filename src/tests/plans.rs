//! How the engines carry statements out on filled tables: every one finds what it needs by an index. The statements are
//! those of the stores, and all that lists can put together, since nothing else puts statements together.

use super::statements::{registered, registered_on};
use super::support::{House, test_server};
use crate::{features::ROOMS, server::database::Db};
use sqlx::{Connection, Executor, PgConnection, Row};
use std::collections::HashMap;

/// Statements that read a whole table, by how they begin, with the reason. This list may only shrink.
const WHOLE: [(&str, &str); 5] = [
    ("SELECT id, revision FROM organisations", "compares every organisation"),
    ("SELECT id FROM organisations", "verifies every chain"),
    ("SELECT org_id FROM audit_events UNION", "verifies every chain, whatever the list of organisations says"),
    ("SELECT h.org_id, h.seq, h.hash FROM audit_heads", "records the end of every chain"),
    (
        "DELETE FROM password_resets WHERE user_id = $1 OR expires_at <= $2",
        "PostgreSQL cannot know that few links are over, and guesses a third",
    ),
];

/// How many optional filters of a list are looked at together: all pairs. More of them only leave less to be read.
const PAIRS: usize = 2;

/// What a FROM may name besides tables: parts of the same statement.
const DERIVED: [&str; 6] = ["page", "span", "taken", "any_call", "s", "CONSTANT"];

/// The statements of every store, and all that lists can put together with at most this many of their optional filters.
fn statements(most: usize, is_postgres: bool) -> Vec<String> {
    let composed = ROOMS.iter().flat_map(|room| room.lists).flat_map(|list| list.statements(most));
    let mut all: Vec<String> = composed.chain(registered_on(is_postgres).into_iter().map(str::to_owned)).collect();
    all.sort_unstable();
    all.dedup();
    assert!(all.len() > registered().len() + 400, "lists tell their statements: {}", all.len());
    all
}

fn is_allowed(text: &str) -> bool {
    WHOLE.iter().any(|(beginning, _)| text.starts_with(beginning))
}

/// SQLite plans without statistics, so its plans do not depend on what is in the tables.
#[tokio::test]
async fn statements_find_their_rows_by_an_index_on_sqlite() {
    let texts = statements(PAIRS, false);
    let house = House::on_sqlite().await;
    let Db::Sqlite { writer, .. } = &house.app.db else { panic!("SQLite") };
    let mut bad = vec![];
    for text in &texts {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")))
            .fetch_all(writer)
            .await
            .unwrap_or_else(|error| panic!("{text}\n{error}"));
        let steps: Vec<(i64, i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(3))).collect();
        let plan = steps.iter().map(|(.., step)| step.as_str()).collect::<Vec<_>>().join("\n    ");
        let named: HashMap<i64, &str> = steps.iter().map(|(id, _, step)| (*id, step.as_str())).collect();
        let mut loops: HashMap<i64, usize> = HashMap::new();
        for (_, parent, step) in &steps {
            let scans = step.strip_prefix("SCAN ");
            if scans.is_none() && !step.starts_with("SEARCH ") {
                continue;
            }
            let within = loops.entry(*parent).or_default();
            *within += 1;
            let derived = scans.is_some_and(|name| {
                let first = name.split(' ').next().unwrap_or_default();
                DERIVED.contains(&first) || name.starts_with('(') || name.ends_with(" VALUES CLAUSE")
            });
            // An inner loop runs for each row of the outer ones: the organisation alone is no way to find a row.
            let repeated = *within > 1 || named.get(parent).is_some_and(|parent| parent.starts_with("CORRELATED"));
            let everything = repeated && (step.ends_with("(org_id=?)") || step.contains("(org_id=?) LEFT-JOIN"));
            if scans.is_some() && !derived || everything || step.contains("AUTOMATIC") {
                bad.push((text.clone(), step.clone(), plan.clone()));
            }
        }
    }
    bad.retain(|(text, ..)| !is_allowed(text));
    let told: Vec<String> = bad.iter().map(|(text, step, plan)| format!("{text}\n  {step}\n    {plan}")).collect();
    assert!(bad.is_empty(), "{} plans read too much:\n{}", bad.len(), told.join("\n\n"));
}

/// SQLite takes the bounds of the numbers for the better way where it may, though a filter has an index of its own: it believes
/// that an organisation has ten events.
#[tokio::test]
async fn events_are_found_by_what_they_are_filtered_by_on_sqlite() {
    const INDEXED: [&str; 7] = [
        "AND (RTRIM(a.action, ",
        "AND (a.action = $",
        "AND (a.outcome = $",
        "AND (a.actor_id = $",
        "AND (a.target_id = $",
        "AND (a.request_id = $",
        "AND (a.credential_id = $",
    ];
    let house = House::on_sqlite().await;
    let Db::Sqlite { writer, .. } = &house.app.db else { panic!("SQLite") };
    let (mut filtered, mut by_address, mut bad) = (0, 0, vec![]);
    for text in statements(PAIRS, false) {
        let is_by_address = text.contains("(p.seq BETWEEN $");
        let is_filtered = text.contains("(a.seq BETWEEN $") && INDEXED.iter().any(|condition| text.contains(condition));
        if !is_by_address && !is_filtered {
            continue;
        }
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"))).fetch_all(writer).await;
        let plan: Vec<String> = rows.expect("a plan").iter().map(|row| row.get(3)).collect();
        let has = |part: &str| plan.iter().any(|step| step.contains(part));
        let is_well = if is_by_address {
            by_address += 1;
            has("SEARCH p USING COVERING INDEX audit_personal_by_address (org_id=? AND value=? AND seq>? AND seq<?)")
                && !plan.iter().any(|step| step.starts_with("SEARCH a ") && step.contains("seq>"))
        } else {
            filtered += 1;
            has(" INDEX audit_events_by_")
        };
        if !is_well {
            bad.push(format!("{text}\n    {}", plan.join("\n    ")));
        }
    }
    assert!(filtered > 50 && by_address > 50, "statements of the audit log: {filtered}, {by_address}");
    assert!(bad.is_empty(), "{} plans walk the numbers:\n{}", bad.len(), bad.join("\n\n"));
}

/// Calls of one key, virtual key or trace stand in the order of the list in an index of their own.
#[tokio::test]
async fn calls_are_found_by_what_they_are_of_on_sqlite() {
    const OF: [(&str, &str); 3] = [
        ("AND (c.key_id = $", "call_logs_by_key"),
        ("AND (c.virtual_key_id = $", "call_logs_by_virtual_key"),
        ("AND (c.trace_id = $", "call_logs_by_trace"),
    ];
    let house = House::on_sqlite().await;
    let Db::Sqlite { writer, .. } = &house.app.db else { panic!("SQLite") };
    let listed = statements(1, false).into_iter().filter(|text| text.contains("ORDER BY c.started_at"));
    let (mut seen, mut bad) = (vec![], vec![]);
    for text in listed {
        let Some((_, index)) = OF.iter().find(|(condition, _)| text.contains(condition)) else { continue };
        seen.push(*index);
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"))).fetch_all(writer).await;
        let plan: Vec<String> = rows.expect("a plan").iter().map(|row| row.get(3)).collect();
        // The page itself is taken in order; its few rows may then be sorted.
        let mut page = plan.iter().take_while(|step| *step != "SCAN page");
        let sorts = page.clone().any(|step| step.contains("TEMP B-TREE"));
        if sorts || !page.any(|step| step.contains(index)) {
            bad.push(format!("{text}\n    {}", plan.join("\n    ")));
        }
    }
    for (condition, index) in OF {
        assert!(seen.contains(&index), "no list has the condition {condition}");
    }
    assert!(bad.is_empty(), "{} plans walk the span:\n{}", bad.len(), bad.join("\n\n"));
}

/// Forty organisations with all that they may have. Calls are in each month that is prepared, and as many beyond all of them.
const FILL: &str = "
CREATE TABLE moments AS SELECT i, CASE WHEN i <= 12000 THEN i ELSE first + (i - 12000)::bigint * 215000 END AS t FROM generate_series(1, 60000) i, (SELECT (extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC')) * 1000)::bigint AS first) AS this_month;
INSERT INTO organisations SELECT md5('o' || i)::uuid, 'o' || i, 'O', 0, 0, 1, 1 FROM generate_series(1, 40) i;
INSERT INTO users SELECT md5('u' || i)::uuid, 'u' || i, 'u' || i, 'U', 'h', 0, NULL, NULL FROM generate_series(1, 60000) i;
INSERT INTO retired_slugs SELECT 'r' || i, md5('o' || i % 40 + 1)::uuid, i FROM generate_series(1, 20000) i;
INSERT INTO sessions SELECT sha256(('s' || i)::bytea), md5('s' || i)::uuid, md5('u' || i)::uuid, 0, 0, i, '{}' FROM generate_series(1, 30000) i;
INSERT INTO known_networks SELECT md5('u' || i)::uuid, sha256(('n' || i)::bytea), i FROM generate_series(1, 30000) i;
INSERT INTO password_resets SELECT sha256(('r' || i)::bytea), md5('u' || i)::uuid, true, 0, 0 FROM generate_series(1, 30000) i;
INSERT INTO memberships SELECT md5('o' || i % 40 + 1)::uuid, md5('u' || i)::uuid, 'member', 0, NULL FROM generate_series(1, 30000) i;
INSERT INTO invitations SELECT md5('o' || i % 40 + 1)::uuid, md5('i' || i)::uuid, 'e' || i, 'e' || i, 'member', sha256(('i' || i)::bytea), false, NULL, 'A', false, 0, i, i, i, NULL, NULL FROM generate_series(1, 30000) i;
INSERT INTO api_keys SELECT md5('o' || i % 40 + 1)::uuid, md5('k' || i)::uuid, 'standard', 'key ' || i, 'd', '[\"completions.call\"]', md5('u' || i)::uuid, 'A', i, i, 1, NULL, NULL, CASE WHEN i % 50 = 0 THEN 1 END, 'key ' || i, i FROM generate_series(1, 30000) i;
INSERT INTO api_key_secrets SELECT md5('o' || i % 40 + 1)::uuid, md5('x' || i)::uuid, md5('k' || i)::uuid, sha256(('x' || i)::bytea), 'lk_pAbc', 'abcd', 0, NULL, NULL FROM generate_series(1, 30000) i;
INSERT INTO key_permission_uses SELECT md5('o' || i % 40 + 1)::uuid, md5('k' || i)::uuid, 'completions.call', NULL, i FROM generate_series(1, 30000) i;
INSERT INTO access_reviews SELECT md5('o' || i % 40 + 1)::uuid, md5('a' || i)::uuid, 'A', i, 1, 1, 'A', i, '' FROM generate_series(1, 4000) i;
ALTER TABLE access_review_rows DISABLE TRIGGER access_review_rows_keep;
INSERT INTO access_review_rows SELECT md5('o' || i % 40 + 1)::uuid, md5('b' || i)::uuid, md5('a' || (i - 1) % 4000 + 1)::uuid, i, 'person', md5('u' || i)::uuid, 'N', '{}', NULL, '', NULL, NULL FROM generate_series(1, 20000) i;
ALTER TABLE access_review_rows ENABLE TRIGGER access_review_rows_keep;
INSERT INTO virtual_keys SELECT md5('o' || i % 40 + 1)::uuid, md5('v' || i)::uuid, 'v' || i, 'V', '', 'openai', 'https://x', '{}', NULL, NULL, NULL, 'A', i, i, 1, NULL FROM generate_series(1, 20000) i;
INSERT INTO configs SELECT md5('o' || i % 40 + 1)::uuid, md5('g' || i)::uuid, 'pc-' || i, 'C', i <= 40, 1, 1, 'A', i, 'A', i, CASE WHEN i > 40 AND i % 50 = 0 THEN 1 END FROM generate_series(1, 20000) i;
INSERT INTO config_versions SELECT md5('o' || i % 40 + 1)::uuid, md5('g' || i)::uuid, 1, md5('w' || i)::uuid, '{}', '', 'A', i FROM generate_series(1, 20000) i;
INSERT INTO config_uses SELECT md5('o' || i % 40 + 1)::uuid, md5('g' || i)::uuid, md5('v' || i)::uuid FROM generate_series(1, 20000) i;
INSERT INTO guardrails SELECT md5('o' || i % 40 + 1)::uuid, md5('r' || i)::uuid, 'gr-' || i, 'G', '', i % 5000 < 40, false, 1, 1, 'A', i, 'A', i, CASE WHEN i % 50 = 0 THEN 1 END FROM generate_series(1, 20000) i;
INSERT INTO guardrail_versions SELECT md5('o' || i % 40 + 1)::uuid, md5('r' || i)::uuid, 1, md5('y' || i)::uuid, '{}', '', 'A', i FROM generate_series(1, 20000) i;
INSERT INTO guardrail_samples SELECT md5('o' || i % 40 + 1)::uuid, md5('r' || i)::uuid, md5('z' || i)::uuid, 'request', 't', true, 'A', i FROM generate_series(1, 20000) i;
INSERT INTO config_guardrails SELECT md5('o' || i % 40 + 1)::uuid, md5('g' || i)::uuid, md5('r' || i)::uuid, true, false FROM generate_series(1, 20000) i;
INSERT INTO prompt_collections SELECT md5('o' || i % 40 + 1)::uuid, md5('l' || i)::uuid, 'col-' || i, 'L', 'A', i, 'A', i FROM generate_series(1, 10000) i;
INSERT INTO prompts SELECT md5('o' || i % 40 + 1)::uuid, md5('p' || i)::uuid, CASE WHEN i % 80 < 60 THEN 'prompt' ELSE 'partial' END, 'pp-' || i, 'P', CASE WHEN i <= 10000 THEN md5('l' || i)::uuid END, false, 1, 1, 'A', i, 'A', i, CASE WHEN i % 50 = 0 THEN 1 END FROM generate_series(1, 20000) i;
INSERT INTO prompt_versions SELECT md5('o' || i % 40 + 1)::uuid, md5('p' || i)::uuid, 1, md5('q' || i)::uuid, '{}', '', 'A', i FROM generate_series(1, 20000) i;
INSERT INTO prompt_uses SELECT md5('o' || i % 40 + 1)::uuid, md5('p' || i)::uuid, 1, 'pp-' || i % 5000 FROM generate_series(1, 20000) i;
INSERT INTO prompt_labels SELECT md5('o' || i % 40 + 1)::uuid, 'label-' || i, '', '', 'publishers', false, 1, 'A', i, 'A', i FROM generate_series(1, 10000) i;
INSERT INTO prompt_pointers SELECT md5('o' || i % 40 + 1)::uuid, md5('p' || i)::uuid, CASE WHEN i % 3 = 0 THEN 'production' ELSE 'label-' || i % 10000 END, 1, 'A', i, NULL, 0, '' FROM generate_series(1, 20000) i;
INSERT INTO prompt_moves SELECT md5('o' || i % 40 + 1)::uuid, md5('p' || i)::uuid, md5('m' || i)::uuid, 'production', NULL, 1, 'A', NULL, i, NULL, NULL FROM generate_series(1, 20000) i;
INSERT INTO prompt_values SELECT md5('o' || i % 40 + 1)::uuid, md5('p' || i)::uuid, md5('h' || i)::uuid, md5('u' || i)::uuid, 'a', '{}', 'A', i FROM generate_series(1, 20000) i;
INSERT INTO prompt_proposals SELECT md5('o' || i % 40 + 1)::uuid, md5('p' || i)::uuid, 'staging', md5('d' || i)::uuid, 1, NULL, '', NULL, 'A', i FROM generate_series(1, 10000) i;
UPDATE api_keys k SET config_id = c.id FROM configs c WHERE c.org_id = k.org_id AND c.created_at = k.created_at;
INSERT INTO call_logs SELECT md5('o' || i % 40 + 1)::uuid, md5('c' || i)::uuid, t, t, md5('k' || i)::uuid, md5('v' || i % 20000)::uuid, 'openai', 'gpt', 'chat_completions', false, 'ok', 200, NULL, 5, 5, 1, 1, 1, 1, 't' || i % 20000 FROM moments;
INSERT INTO call_attempts (org_id, call_id, number, path, virtual_key_id, provider, model, status, error_code, sent, began_us, took_us, next, found, started_at) SELECT md5('o' || i % 40 + 1)::uuid, md5('c' || i)::uuid, 1, 'config', md5('v' || i % 20000)::uuid, 'openai', 'gpt', 200, NULL, true, 5, 5, 'answered', NULL, t FROM moments;
INSERT INTO call_kinds SELECT md5('o' || i % 40 + 1)::uuid, md5('kind' || i)::uuid, md5('k' || i)::uuid, NULL, md5('v' || i % 20000)::uuid, 'openai', 'gpt', 'chat_completions', false, 'ok', 200, NULL, NULL, NULL, NULL, NULL, NULL, 'none', 'none', 'none', NULL FROM generate_series(1, 20000) i;
INSERT INTO call_rollups SELECT md5('o' || i % 40 + 1)::uuid, 3600000, i, md5('kind' || (i - 1) % 20000 + 1)::uuid, 1, 1, 1, 1, 1, 1, 0, 1, 5, 1, 5, i FROM generate_series(1, 60000) i;
INSERT INTO call_sketches SELECT md5('o' || i % 40 + 1)::uuid, 3600000, i, md5('kind' || (i - 1) % 20000 + 1)::uuid, '1:1', '1:1' FROM generate_series(1, 60000) i;
INSERT INTO limits SELECT md5('o' || i % 40 + 1)::uuid, md5('lim' || i)::uuid, 'api_key', md5('k' || i)::uuid, 'budget', 'tokens', 'month', 1, 'block', 1, '[]', 0, NULL, NULL, NULL, NULL, 0, 'A', i, CASE WHEN i % 50 = 0 THEN 1 END FROM generate_series(1, 20000) i;
INSERT INTO limit_usage SELECT md5('o' || i % 40 + 1)::uuid, md5('lim' || i)::uuid, i, md5('rep' || i % 3)::uuid, 1, 1, 1 FROM generate_series(1, 20000) i;
INSERT INTO limit_alerts SELECT md5('o' || i % 40 + 1)::uuid, md5('al' || i)::uuid, md5('lim' || i)::uuid, i, 'threshold', 1, 1, i, CASE WHEN i % 50 > 0 THEN i END, 0 FROM generate_series(1, 20000) i;
INSERT INTO limit_corrections SELECT md5('o' || i % 40 + 1)::uuid, md5('cor' || i)::uuid, md5('lim' || i)::uuid, 'reset', i, i, 'A', 1, 0, NULL, NULL FROM generate_series(1, 20000) i;
INSERT INTO limit_webhooks SELECT id, id, 'https://x', '', NULL, 'A', 0 FROM organisations;
INSERT INTO model_prices SELECT md5('o' || i % 40 + 1)::uuid, md5('j' || i)::uuid, 'openai', 'm' || i, 'm' || i, 1, 1, 1, 'A', i FROM generate_series(1, 20000) i;
INSERT INTO log_filters SELECT md5('o' || i % 40 + 1)::uuid, md5('t' || i)::uuid, md5('u' || i % 200)::uuid, 'f' || i, 'status=4xx', md5('u' || i % 200)::uuid, 'A', i FROM generate_series(1, 20000) i;
INSERT INTO log_exports SELECT md5('o' || i % 40 + 1)::uuid, md5('j' || i)::uuid, '', '{}', '{}', 0, NULL, '[]', 'draft', NULL, NULL, md5('k' || i)::uuid, i, i FROM generate_series(1, 20000) i;
INSERT INTO log_settings SELECT id, false, '{}', 1 FROM organisations;
INSERT INTO billing_settings SELECT id, '', '', 'USD', 1000000, '{}', 1 FROM organisations;
INSERT INTO billing_statements SELECT md5('o' || i % 40 + 1)::uuid, i, i, 1, 'USD', 1000000, '{}', i FROM generate_series(1, 20000) i;
INSERT INTO call_texts SELECT md5('o' || i % 40 + 1)::uuid, md5('c' || i)::uuid, 'a', 'b', 1, 1, false, false, 0, false, t FROM moments;
INSERT INTO call_feedback SELECT md5('o' || i % 40 + 1)::uuid, md5('fb' || i)::uuid, 't' || i % 20000, 1, 1000000, NULL, NULL, NULL, 'A', i, 'A', i, i % 50 = 0 FROM generate_series(1, 60000) i;
INSERT INTO submissions SELECT md5('o' || i % 40 + 1)::uuid, md5('f' || i)::uuid, i FROM generate_series(1, 30000) i;
INSERT INTO audit_events SELECT md5('o' || i % 40 + 1)::uuid, i, md5('e' || i)::uuid, i, 'a', 'done', 'k', 'i', 't', 'r', '{}', '', '', 'c' FROM generate_series(1, 30000) i;
INSERT INTO audit_personal SELECT md5('o' || i % 40 + 1)::uuid, i, p, CASE WHEN i % 3 > 0 THEN md5('u' || i % 2000)::uuid END, '', '\"203.0.113.' || i % 250 || '\"' FROM generate_series(1, 30000) i, generate_series(0, 3) p;
INSERT INTO audit_deliveries SELECT md5('o' || i % 40 + 1)::uuid, 'd' || i, i, i, 0, NULL, i, false, NULL, 0 FROM generate_series(1, 20000) i;
INSERT INTO audit_webhooks SELECT id, id, 'https://x', 'events', '', 0, NULL, NULL, 'A', 0, 1 FROM organisations;
INSERT INTO audit_checkpoints SELECT md5('o' || i % 40 + 1)::uuid, i, i, '', '{}', '', sha256(('c' || i)::bytea) FROM generate_series(1, 30000) i;
DROP TABLE moments;
INSERT INTO audit_pending SELECT md5('o' || i % 40 + 1)::uuid, md5('pend' || i)::uuid, i, '{}' FROM generate_series(1, 20000) i;
ALTER TABLE audit_anchors DISABLE TRIGGER audit_anchors_move;
INSERT INTO audit_anchors SELECT md5('o' || i % 40 + 1)::uuid, i, '', i, 0 FROM generate_series(1, 40) i;
ALTER TABLE audit_anchors ENABLE TRIGGER audit_anchors_move;
ANALYZE;";

/// How a statement says when the calls came that it is about.
const MOMENTS: [&str; 6] =
    ["started_at >= $", "started_at < $", "started_at = $", "started_at IN ($", "t.created_at < $", "t.created_at = $"];

/// The plan of a statement for values that are not known yet. `pruned`: without the months that the values rule out.
async fn plan(owner: &mut PgConnection, text: &str, pruned: bool) -> Vec<String> {
    let places = (1..).take_while(|place| text.contains(&format!("${place}"))).count();
    let values = if places == 0 { String::new() } else { format!("({})", vec!["NULL"; places].join(", ")) };
    // Only whoever owns the tables may erase.
    let role = if text.starts_with("DELETE FROM audit_personal") { "RESET ROLE; " } else { "" };
    let steps = format!(
        "{role}SET enable_partition_pruning = {pruned}; PREPARE it AS {text}; EXPLAIN EXECUTE it{values}; DEALLOCATE it; \
         SET ROLE latchkey_serving"
    );
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(steps))
        .fetch_all(owner)
        .await
        .unwrap_or_else(|error| panic!("{text}\n{error}"));
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn statements_find_their_rows_by_an_index_on_postgres() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await;
    let mut owner = PgConnection::connect(&house.owner_url().expect("an address")).await.expect("connects");
    owner.execute(FILL).await.expect("rows");
    let context = "SET plan_cache_mode = force_generic_plan; SET random_page_cost = 1.1; SET jit = off;
        SELECT set_config('latchkey.org', md5('o1'), false); SET ROLE latchkey_serving";
    owner.execute(context).await.expect("the serving role");
    // It takes every statement. To plan each of them would take minutes: one optional filter at a time is looked at, as
    // several together only leave less to be read.
    for texts in statements(PAIRS, true).chunks(50) {
        let steps: String = texts.iter().map(|text| format!("PREPARE it AS {text}; DEALLOCATE it; ")).collect();
        owner.execute(sqlx::AssertSqlSafe(steps)).await.unwrap_or_else(|error| panic!("{}\n{error}", texts.join("\n")));
    }
    let mut bad = vec![];
    let (mut bounded, mut unbounded) = (0, vec![]);
    for text in &statements(1, true) {
        // All months are looked at: no moment is known here, and without one none would be left of those that it could rule out.
        let plan = plan(&mut owner, text, false).await;
        if let Some(step) = plan.iter().find(|step| step.contains("Seq Scan on ")) {
            bad.push((text.clone(), step.clone(), plan.join("\n    ")));
        }
        // A statement that says between which moments reads no other months.
        if MOMENTS.iter().any(|moment| text.contains(moment)) {
            bounded += 1;
            let plan = self::plan(&mut owner, text, true).await;
            // What is deleted, and how it is found.
            let places = 1 + usize::from(text.starts_with("DELETE FROM call_"));
            let is_empty = plan.iter().any(|step| step.contains("One-Time Filter: false"));
            if !is_empty && plan.iter().filter(|step| step.contains("Subplans Removed")).count() < places {
                unbounded.push(format!("{text}\n    {}", plan.join("\n    ")));
            }
        }
    }
    assert!(bounded > 100, "statements say which months they are about: {bounded}");
    assert!(unbounded.is_empty(), "{} plans read every month:\n{}", unbounded.len(), unbounded.join("\n\n"));
    // The list of organisations is short here, as is what there is once for each, and the installation has one row.
    let short = |step: &str| {
        [
            " organisations",
            " installation",
            " audit_anchors",
            " audit_heads",
            " audit_keys",
            " audit_webhooks",
            " limit_webhooks",
            " log_settings",
            " billing_settings",
        ]
        .iter()
        .any(|t| step.contains(t))
    };
    bad.retain(|(text, step, _)| !is_allowed(text) && !short(step));
    let told: Vec<String> = bad.iter().map(|(text, step, plan)| format!("{text}\n  {step}\n    {plan}")).collect();
    assert!(bad.is_empty(), "{} plans read too much:\n{}", bad.len(), told.join("\n\n"));
}
