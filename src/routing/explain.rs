//! The dry run: leads a supposed call through a plan by the machine that leads real ones.

use super::condition::Operand;
use super::plan::{Plan, StepKind};
use super::run::{Came, Next, Request, Run, Told};
use super::supposed::{Answer, Explanation, Reached, Step, Supposed, Verdict};
use crate::dialect::raw_json;

const USUAL_PATH: &str = "/v1/chat/completions";
/// The most attempts that are told: a hundred targets, each asked six times.
const MAX_ATTEMPTS: usize = 1_000;

/// What would become of a supposed call. A body that is no JSON object counts as an empty one.
pub fn explain(plan: &Plan, supposed: &Supposed) -> Explanation {
    let body = body(supposed);
    let params = Request::params_of(plan, body.as_bytes()).unwrap_or_default();
    let metadata = |name: &str| supposed.metadata.get(name).map(|text| Operand::Text(text.as_str().into()));
    let header = |name: &str| supposed.headers.get(name).cloned();
    let request = Request {
        path: Some(supposed.path.as_str()).filter(|path| !path.is_empty()).unwrap_or(USUAL_PATH),
        metadata: &metadata,
        header: &header,
        params,
        caller: [0; 16],
        config: "",
    };
    let mut run = Run::new(plan, &request, supposed.chance).telling();
    let mut steps = vec![];
    let mut next = run.first(|_| false);
    tell(plan, run.told(), &mut steps);
    let (mut reached, mut status) = (None, 400);
    for _ in 0..MAX_ATTEMPTS {
        let leaf = match next {
            Next::Try(leaf) | Next::Again(leaf, _) => leaf,
            Next::Done => break,
            Next::Nowhere => {
                (reached, status) = (None, 400);
                break;
            }
        };
        let target = reach(plan, leaf, supposed, &body);
        let Some(slug) = target.virtual_key.clone() else {
            let words = "The request names no virtual key".to_owned();
            steps.push(Step { verdict: Verdict::Failed, words, line: target.line, path: target.path.clone() });
            status = 400;
            reached = None;
            next = run.came(Came { status, again_after: None }, |_| false);
            tell(plan, run.told(), &mut steps);
            continue;
        };
        let answer = [target.path.as_str(), slug.as_str()].iter().find_map(|name| supposed.answers.get(*name));
        let answer = answer.copied().unwrap_or(Answer::Well);
        let words;
        (status, words) = match answer {
            Answer::Well => (200, format!("@{slug} answers{}", as_model(target.model.as_deref()))),
            Answer::Status(status) => (status, format!("@{slug} answers {status}")),
            Answer::TooLate => (408, format!("@{slug} does not answer in time")),
            Answer::Unreachable => (503, format!("@{slug} cannot be reached")),
        };
        let verdict = if (200..300).contains(&status) { Verdict::Yes } else { Verdict::Onward };
        steps.push(Step { verdict, words, line: target.line, path: target.path.clone() });
        reached = Some(target);
        next = run.came(Came { status, again_after: None }, |_| false);
        tell(plan, run.told(), &mut steps);
    }
    if !(200..300).contains(&status)
        && let Some(last) = steps.last_mut()
    {
        last.verdict = Verdict::Failed;
    }
    Explanation { reached, status, retries: run.retries(), steps }
}

fn as_model(model: Option<&str>) -> String {
    model.map(|model| format!(", as {model}")).unwrap_or_default()
}

/// The supposed body, with the supposed model.
fn body(supposed: &Supposed) -> String {
    let mut body = match supposed.body.as_deref().map(serde_json::from_str) {
        Some(Ok(serde_json::Value::Object(body))) => body,
        _ => serde_json::Map::new(),
    };
    if let Some(model) = &supposed.model {
        body.insert("model".to_owned(), model.as_str().into());
    }
    serde_json::Value::Object(body).to_string()
}

/// The target with what the request itself says.
fn reach(plan: &Plan, leaf: usize, supposed: &Supposed, body: &str) -> Reached {
    let target = plan.leaf(leaf);
    let changed = target.changed(body.as_bytes()).ok().flatten().unwrap_or_else(|| body.as_bytes().to_vec());
    let mut model = None;
    let _ = raw_json::members(&changed, |member| {
        if raw_json::text(&changed[member.key]).as_deref() == Some("model") {
            model = raw_json::text(&changed[member.value]).map(|text| text.into_owned());
        }
        Ok::<_, raw_json::JsonError>(())
    });
    let own = model.as_deref().and_then(|model| model.strip_prefix('@')?.split_once('/'));
    let own = own.map(|(slug, model)| (slug.to_owned(), model.to_owned()));
    let (slug, model) = match own {
        Some((slug, model)) => (Some(slug), Some(model)),
        None => (None, model),
    };
    let named = ["x-portkey-virtual-key", "x-portkey-provider"].iter().find_map(|name| supposed.headers.get(*name));
    let named = named.map(|named| named.trim_start_matches('@').to_owned());
    let step = &plan.nodes[target.node];
    Reached {
        path: step.path.to_string(),
        virtual_key: target.virtual_key.as_deref().map(str::to_owned).or(named).or(slug),
        model,
        line: step.line,
    }
}

/// Puts what was decided into words.
fn tell(plan: &Plan, told: Vec<Told>, steps: &mut Vec<Step>) {
    let about = |node: usize| {
        let step = &plan.nodes[node];
        let words = step.name.as_deref().map_or_else(|| short(&step.path), |name| format!("`{name}`"));
        (words, step.line, step.path.to_string())
    };
    for told in told {
        let (verdict, words, line, path) = match told {
            Told::Drawn { node, target, share, sticky } => {
                let (name, line, path) = about(target);
                let percent = (share * 1000.0).round() / 10.0;
                let how = if sticky { ", always the same for the same values" } else { "" };
                let _ = node;
                (Verdict::Yes, format!("Shared out: {percent} % of the calls go to {name}{how}"), line, path)
            }
            Told::Holds { node, case } | Told::DoesNot { node, case } => {
                let holds = matches!(told, Told::Holds { .. });
                let (words, line) = case_words(plan, node, case);
                let words = if holds { words } else { format!("Not: {words}") };
                (if holds { Verdict::Yes } else { Verdict::No }, words, line, about(node).2)
            }
            Told::Otherwise { node } => {
                let (line, name) = match &plan.nodes[node].kind {
                    StepKind::Conditional { default: Some((target, line)), .. } => (*line, about(*target).0),
                    _ => (about(node).1, String::new()),
                };
                (Verdict::Yes, format!("No condition holds: {name}, the default"), line, about(node).2)
            }
            Told::NoneHolds { node } => {
                let (_, line, path) = about(node);
                (Verdict::Failed, "No condition holds, and there is no default: nobody is asked".to_owned(), line, path)
            }
            Told::LeftOut { target } => {
                let (name, line, path) = about(target);
                (Verdict::No, format!("{name} is left out for a while, because it kept failing"), line, path)
            }
            Told::AllOut { node } => {
                let (_, line, path) = about(node);
                (Verdict::No, "All targets kept failing, so all are tried".to_owned(), line, path)
            }
            Told::Retried { leaf, status, wait, number } => {
                let (line, path) = retry_place(plan, leaf);
                let seconds = wait.as_secs_f64();
                (Verdict::Onward, format!("After {status}: retry {number}, {seconds} s later"), line, path)
            }
            Told::GivenUp { leaf, status } => {
                let (line, path) = retry_place(plan, leaf);
                (Verdict::Onward, format!("After {status}: no retry is left"), line, path)
            }
            Told::TooLong { leaf, wait } => {
                let (line, path) = retry_place(plan, leaf);
                let seconds = wait.as_secs_f64();
                (Verdict::Onward, format!("A wait of {seconds} s more would be over 60 s in all"), line, path)
            }
            Told::LeadsOn { node, status } => {
                let (_, line, path) = about(node);
                (Verdict::Onward, format!("{status} leads on to the next target"), line, path)
            }
            Told::Stays { node, status } => {
                // Success needs no words.
                if (200..300).contains(&status) {
                    continue;
                }
                let (_, line, path) = about(node);
                (Verdict::Failed, format!("{status} does not lead on"), line, path)
            }
            Told::NoneLeft { node } => {
                let (_, line, path) = about(node);
                (Verdict::Failed, "No target is left".to_owned(), line, path)
            }
        };
        steps.push(Step { verdict, words, line, path });
    }
}

fn case_words(plan: &Plan, node: usize, case: usize) -> (String, u32) {
    match &plan.nodes[node].kind {
        StepKind::Conditional { cases, .. } => (cases[case].condition.words(), cases[case].line),
        _ => (String::new(), plan.nodes[node].line),
    }
}

fn retry_place(plan: &Plan, leaf: usize) -> (u32, String) {
    let target = plan.leaf(leaf);
    let step = &plan.nodes[target.node];
    (target.retry_line.unwrap_or(step.line), step.path.to_string())
}

/// `targets[1]` of `config.targets[1]`.
fn short(path: &str) -> String {
    path.strip_prefix("config.").unwrap_or(path).to_owned()
}
