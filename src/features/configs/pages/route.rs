//! The drawn tree of a config: where a request comes in, what is asked, who answers. What a tried request takes is lit.

use crate::{
    routing::{Case, Explanation, Fault, Item, Kind, Outline, Setting, Verdict},
    ui::{
        components::{Pill, Tone},
        icons::{Glyph, Icon},
    },
};
use leptos::prelude::*;

/// What is known beside the tree itself.
#[derive(Clone)]
struct Known {
    faults: Vec<Fault>,
    tried: Option<Explanation>,
}

/// The tree.
#[component]
pub(super) fn Route(outline: Outline, faults: Vec<Fault>, tried: Option<Explanation>) -> impl IntoView {
    let known = Known { faults, tried };
    let lit = known.tried.is_some();
    let root = item(outline.root, None, &known);
    view! {
        <ol class="route well">
            <li class:lit=lit>
                <div class="stop">
                    <Glyph icon=Icon::ArrowDown />
                    <span class="stop-words"><b>"A request comes in"</b></span>
                </div>
                <ol>{root}</ol>
            </li>
        </ol>
    }
}

/// One level or target, and below it those that it holds.
fn item(item: Item, when: Option<String>, known: &Known) -> AnyView {
    let Item { path, place, name, share, kind, settings, targets, .. } = item;
    let is_wrong = known.faults.iter().any(|fault| {
        is_within(&fault.path, &place) && !targets.iter().any(|target| is_within(&fault.path, &target.place))
    });
    let way = Way::of(&path, known);
    let (icon, words, small) = words(&kind, name.as_deref(), share);
    let mark = match way {
        Way::Here(status) if (200..300).contains(&status) => {
            view! { <Pill tone=Tone::Ok label="Answers" /> }.into_any()
        }
        Way::Here(status) => view! { <Pill tone=Tone::Bad label=format!("Answers {status}") /> }.into_any(),
        Way::Left => view! { <Pill tone=Tone::Warn label="Goes on" /> }.into_any(),
        Way::Along | Way::None => ().into_any(),
    };
    let wrong = is_wrong.then(|| view! { <Pill tone=Tone::Bad label="Fault" /> });
    let plain = targets.is_empty() && matches!(way, Way::Left);
    let rules: Vec<_> = settings.iter().filter(|setting| !says_model_alone(setting, &kind)).map(setting).collect();
    let rules = (!rules.is_empty()).then(|| {
        let rules: Vec<_> = rules.into_iter().map(|words| view! { <li>{words}</li> }).collect();
        view! { <ul class="stop-rules">{rules}</ul> }
    });
    let below = below(&kind, targets, known);
    view! {
        <li class:lit=way.is_lit() class:here=matches!(way, Way::Here(_)) class:wrong=is_wrong>
            {when.map(|when| view! { <span class="when">{when}</span> })}
            <div class="stop" class:stop-plain=plain>
                <Glyph icon />
                <span class="stop-words">
                    <b>{words}</b>
                    {(!small.is_empty()).then(|| view! { <span class="small">{small}</span> })}
                    {rules}
                </span>
                {wrong}
                {mark}
            </div>
            {below}
        </li>
    }
    .into_any()
}

/// A target's model stands beside its name already.
fn says_model_alone(setting: &Setting, kind: &Kind) -> bool {
    let names_model = matches!(kind, Kind::Target { model: Some(_), .. });
    matches!(setting, Setting::Overrides { names, .. } if names_model && names.iter().all(|name| name == "model"))
}

/// What a tried request makes of a place.
#[derive(Clone, Copy)]
enum Way {
    /// It does not come here.
    None,
    /// It passes on the way to who answers.
    Along,
    /// It was here and went on elsewhere.
    Left,
    /// This one answers, with a status.
    Here(u16),
}

impl Way {
    fn of(path: &str, known: &Known) -> Self {
        let Some(tried) = &known.tried else { return Self::None };
        let reached = tried.reached.as_ref().map(|reached| reached.path.as_str());
        if reached == Some(path) {
            return Self::Here(tried.status);
        }
        if reached.is_some_and(|reached| is_within(reached, path)) {
            return Self::Along;
        }
        let left = |verdict| matches!(verdict, Verdict::Onward | Verdict::Failed);
        if tried.steps.iter().any(|step| left(step.verdict) && is_within(&step.path, path)) {
            return Self::Left;
        }
        Self::None
    }

    fn is_lit(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// Whether a path is a place, or stands below it.
fn is_within(path: &str, place: &str) -> bool {
    match path.strip_prefix(place) {
        Some(rest) => place.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']),
        None => false,
    }
}

/// Those that a level holds, with the condition of each before it.
fn below(kind: &Kind, targets: Vec<Item>, known: &Known) -> Option<AnyView> {
    if targets.is_empty() {
        return None;
    }
    let items: Vec<_> = targets
        .into_iter()
        .enumerate()
        .map(|(number, target)| {
            let when = match kind {
                Kind::ByCondition { cases, otherwise } => when(cases, *otherwise, number),
                Kind::Target { .. } | Kind::Single | Kind::InTurn { .. } | Kind::SharedOut { .. } => None,
            };
            item(target, when, known)
        })
        .collect();
    Some(view! { <ol>{items}</ol> }.into_any())
}

fn when(cases: &[Case], otherwise: Option<usize>, number: usize) -> Option<String> {
    let mut words: Vec<_> =
        cases.iter().filter(|case| case.target == Some(number)).map(|case| case.words.clone()).collect();
    if otherwise == Some(number) {
        words.push("otherwise".to_owned());
    }
    Some(if words.is_empty() { "never".to_owned() } else { words.join(", or ") })
}

/// Icon, main words, and what stands below them.
fn words(kind: &Kind, name: Option<&str>, share: Option<f64>) -> (Icon, String, String) {
    let named = |words: &str| match name {
        Some(name) => format!("{name}: {words}"),
        None => crate::kernel::text::capital(words),
    };
    match kind {
        Kind::Target { virtual_key, model } => {
            let who = match virtual_key {
                Some(slug) => format!("@{slug}"),
                None => "the provider that the request names".to_owned(),
            };
            let who = name.map_or_else(|| who.clone(), |name| format!("{name}: {who}"));
            let share = share.map(|share| format!("{:.0} % of the calls", share * 100.0));
            let model = model.clone().map(|model| format!("as {model}"));
            (Icon::VirtualKeys, who, model.into_iter().chain(share).collect::<Vec<_>>().join(", "))
        }
        Kind::Single => (Icon::ArrowDown, named("always the first"), shared(share)),
        Kind::InTurn { on } => {
            let on = match on {
                None => "the next one after every failure".to_owned(),
                Some(statuses) => format!("the next one on {}", list(statuses)),
            };
            (Icon::ArrowDown, named("in turn"), and(on, share))
        }
        Kind::SharedOut { sticky } => {
            let how = match sticky {
                None => "by weight".to_owned(),
                Some(fields) if fields.is_empty() => "by weight, each caller to the same".to_owned(),
                Some(fields) => format!("by weight, the same for the same {}", fields.join(", ")),
            };
            (Icon::Configs, named("shared out"), and(how, share))
        }
        Kind::ByCondition { otherwise, .. } => {
            let words = if otherwise.is_some() { "first one that fits" } else { "first one that fits, else refused" };
            (Icon::Configs, named("by condition"), and(words.to_owned(), share))
        }
    }
}

fn shared(share: Option<f64>) -> String {
    share.map(|share| format!("{:.0} % of the calls", share * 100.0)).unwrap_or_default()
}

fn and(words: String, share: Option<f64>) -> String {
    match share {
        None => words,
        some => format!("{words}, {}", shared(some)),
    }
}

fn list(statuses: &[u16]) -> String {
    statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

/// What holds for a level and everything below it.
fn setting(setting: &Setting) -> String {
    match setting {
        Setting::Retry { attempts, on, heeds_retry_after, .. } => {
            let heeds = if *heeds_retry_after { ", waiting as long as the provider asks" } else { "" };
            format!("Tried again up to {attempts} times on {}{heeds}", list(on))
        }
        Setting::Cache { max_age, .. } => format!("Answers are cached for {}", seconds(*max_age)),
        Setting::Timeout { ms, .. } => format!("{} at most for each attempt", milliseconds(*ms)),
        Setting::Defaults { names, .. } => format!("Usual {}", names.join(", ")),
        Setting::Overrides { names, .. } => format!("Always sets {}", names.join(", ")),
        Setting::Drops { paths, .. } => format!("Leaves out {}", paths.join(", ")),
        Setting::Forwards { headers, .. } => format!("Forwards {}", headers.join(", ")),
        Setting::Breaker { breaker, .. } => {
            format!("Left out for {} after {} failures", milliseconds(breaker.cooldown), breaker.failures)
        }
        Setting::Guards { names, .. } if names.is_empty() => "No guardrails of its own".to_owned(),
        Setting::Guards { answers: false, names, .. } => format!("Requests pass {}", names.join(", ")),
        Setting::Guards { answers: true, names, .. } => format!("Answers pass {}", names.join(", ")),
    }
}

fn milliseconds(ms: u64) -> String {
    if ms.is_multiple_of(1_000) { seconds(ms / 1_000) } else { format!("{ms} ms") }
}

fn seconds(seconds: u64) -> String {
    let (number, unit) = match seconds {
        s if s > 0 && s.is_multiple_of(86_400) => (s / 86_400, "day"),
        s if s > 0 && s.is_multiple_of(3_600) => (s / 3_600, "hour"),
        s if s > 0 && s.is_multiple_of(60) => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_within_its_own_place_alone() {
        assert!(is_within("targets[1].weight", "targets[1]") && is_within("targets[1]", "targets[1]"));
        assert!(is_within("targets[1].weight", "") && is_within("", ""));
        assert!(!is_within("targets[10].weight", "targets[1]") && !is_within("retry", "targets[1]"));
    }

    #[test]
    fn times_are_told_in_fitting_units() {
        let told = [30_000, 60_000, 7_200_000, 1_500, 86_400_000].map(milliseconds);
        assert_eq!(told, ["30 seconds", "1 minute", "2 hours", "1500 ms", "1 day"]);
    }
}
