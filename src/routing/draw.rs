//! Makes the outline of a config that was read.

use super::condition::Condition;
use super::level::{Guard, Level, Mode, Part};
use super::outline::{Breaker, Case, Item, Kind, Outline, Setting};
use super::read::Lines;
use super::run::RETRIED;

/// What of a level above holds for its targets.
#[derive(Clone, Copy, Default)]
struct Above<'a> {
    virtual_key: Option<&'a str>,
    model: Option<&'a str>,
}

pub fn draw(lines: &Lines<'_>, level: &Level) -> Outline {
    Outline { root: item(lines, level, Above::default(), None) }
}

fn item(lines: &Lines<'_>, level: &Level, above: Above<'_>, share: Option<f64>) -> Item {
    let here = Above {
        virtual_key: level.virtual_key.as_ref().map(|named| named.slug.as_str()).or(above.virtual_key),
        model: level.model.as_deref().or(above.model),
    };
    let shared = level.strategy.as_ref().is_some_and(|strategy| matches!(strategy.mode, Mode::LoadBalance { .. }));
    let weight = |level: &Level| level.weight.as_ref().map_or(1.0, |weight| weight.value);
    let all: f64 = level.targets.iter().map(weight).sum();
    let share_of = |target: &Level| (shared && all > 0.0).then(|| weight(target) / all);
    Item {
        path: if level.path.is_empty() { "config".to_owned() } else { format!("config.{}", level.path) },
        place: level.path.clone(),
        line: lines.place(level.at).0,
        name: level.name.as_ref().map(|name| name.value.clone()),
        share,
        kind: kind(lines, level, here),
        settings: settings(lines, level),
        targets: level.targets.iter().map(|target| item(lines, target, here, share_of(target))).collect(),
    }
}

fn kind(lines: &Lines<'_>, level: &Level, here: Above<'_>) -> Kind {
    let Some(strategy) = &level.strategy else {
        return Kind::Target { virtual_key: here.virtual_key.map(str::to_owned), model: here.model.map(str::to_owned) };
    };
    match &strategy.mode {
        Mode::Single => Kind::Single,
        Mode::Fallback { on } => Kind::InTurn { on: on.clone() },
        Mode::LoadBalance { sticky } => Kind::SharedOut {
            sticky: sticky.as_ref().map(|sticky| sticky.fields.iter().map(|field| field.name()).collect()),
        },
        Mode::Conditional { cases, default } => {
            let target = |name: &str| {
                level.targets.iter().position(|target| target.name.as_ref().is_some_and(|own| own.value == name))
            };
            let case = |case: &super::level::ReadCase| Case {
                words: case.query.as_ref().map(Condition::words).unwrap_or_default(),
                line: lines.place(case.at).0,
                target: case.then.as_ref().and_then(|then| target(&then.value)),
            };
            Kind::ByCondition {
                cases: cases.iter().map(case).collect(),
                otherwise: default.as_ref().and_then(|name| target(&name.value)),
            }
        }
    }
}

fn settings(lines: &Lines<'_>, level: &Level) -> Vec<Setting> {
    let line = |at: usize| lines.place(at).0;
    let names = |params: &super::level::Params| params.iter().map(|(key, _)| key.to_string()).collect();
    let mut settings = vec![];
    if let Some(retry) = &level.retry {
        settings.push(Setting::Retry {
            attempts: retry.value.attempts,
            on: retry.value.on.clone().unwrap_or_else(|| RETRIED.to_vec()),
            heeds_retry_after: retry.value.heed,
            line: line(retry.at),
        });
    }
    if let Some(cache) = &level.cache {
        settings.push(Setting::Cache { max_age: cache.value.max_age, line: line(cache.at) });
    }
    if let Some(timeout) = &level.request_timeout {
        settings.push(Setting::Timeout { ms: timeout.value, line: line(timeout.at) });
    }
    if let Some(params) = &level.default_params {
        settings.push(Setting::Defaults { names: names(&params.value), line: line(params.at) });
    }
    if let Some(params) = &level.override_params {
        settings.push(Setting::Overrides { names: names(&params.value), line: line(params.at) });
    }
    if let Some(drops) = &level.drop_params {
        settings
            .push(Setting::Drops { paths: drops.value.iter().map(|path| words(path)).collect(), line: line(drops.at) });
    }
    if let Some(headers) = &level.forward_headers {
        settings.push(Setting::Forwards { headers: headers.value.clone(), line: line(headers.at) });
    }
    if let Some(breaker) = &level.breaker {
        let rule = &breaker.value;
        let drawn = Breaker {
            failures: rule.failures,
            percent: rule.percent,
            minimum: rule.minimum,
            cooldown: rule.cooldown,
            on: rule.on.clone(),
        };
        settings.push(Setting::Breaker { breaker: drawn, line: line(breaker.at) });
    }
    for (answers, rules) in [(false, &level.guards.requests), (true, &level.guards.answers)] {
        if let Some(at) = rules.at {
            let guards = rules.own.iter().flatten().chain(&rules.always);
            let names = guards.map(|guard| match guard {
                Guard::Named(named) => named.slug.clone(),
                Guard::Inline(id, _) => id.to_string(),
            });
            settings.push(Setting::Guards { answers, names: names.collect(), line: line(at) });
        }
    }
    settings.sort_by_key(Setting::line);
    settings
}

/// A path into a body as it is written.
fn words(path: &[Part]) -> String {
    let mut words = String::new();
    for part in path {
        match part {
            Part::Key(key) if words.is_empty() => words.push_str(key),
            Part::Key(key) => {
                words.push('.');
                words.push_str(key);
            }
            Part::Element(number) => words.push_str(&format!("[{number}]")),
            Part::All => words.push_str("[*]"),
        }
    }
    words
}
