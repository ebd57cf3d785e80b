//! A config, compiled: an immutable tree in which every target has all that holds for it.

use super::condition::Condition;
use super::draw::draw;
use super::level::{At, Breaker, Cache, Field, Guard, Level, Mode, Named, Params, Part, Retry, Rules, Sticky};
use super::outline::Outline;
use super::params::Changes;
use super::read::{Lines, read};
use crate::guardrails::{Guardrail, Side};
use crate::kernel::Fault;
use std::sync::Arc;
use std::time::Duration;

/// A compiled config. It never changes, and is read only.
#[derive(Debug)]
pub struct Plan {
    /// The config itself is the first; targets come after what holds them.
    pub(super) nodes: Vec<Step>,
    pub(super) leaves: Vec<Leaf>,
    references: References,
    /// Members of a body that conditions look at.
    params: Vec<Box<str>>,
    weight: usize,
}

/// A place in the tree.
#[derive(Debug)]
pub(super) struct Step {
    /// `config`, `config.targets[1]` and so on.
    pub path: Box<str>,
    pub name: Option<Box<str>>,
    pub line: u32,
    pub kind: StepKind,
}

#[derive(Debug)]
pub(super) enum StepKind {
    /// A target; its number among the leaves.
    Leaf(usize),
    Single(usize),
    Fallback {
        on: Option<Box<[u16]>>,
        targets: Box<[usize]>,
    },
    LoadBalance {
        targets: Box<[(usize, f64)]>,
        sticky: Option<Sticky>,
    },
    Conditional {
        cases: Box<[PlannedCase]>,
        default: Option<(usize, u32)>,
    },
}

#[derive(Debug)]
pub(super) struct PlannedCase {
    pub condition: Condition,
    pub then: usize,
    pub line: u32,
}

/// A target with everything that holds for it.
#[derive(Debug)]
pub struct Leaf {
    pub(super) node: usize,
    /// The slug of its virtual key; `None` where the request names one.
    pub virtual_key: Option<Box<str>>,
    /// The model that takes the place of the request's.
    pub model: Option<Box<str>>,
    pub(super) retry: Option<At<Retry>>,
    pub(super) retry_line: Option<u32>,
    cache: Option<Cache>,
    timeout: Option<Duration>,
    changes: Changes,
    /// Headers of the caller that are handed on, in lower case.
    pub forward: Arc<[String]>,
    pub(super) breaker: Option<Breaker>,
    /// What looks at requests before they go there.
    pub guards_in: Arc<[Guarding]>,
    /// What looks at its answers.
    pub guards_out: Arc<[Guarding]>,
}

/// A guardrail that holds for a target.
#[derive(Debug, Clone)]
pub enum Guarding {
    /// The slug of a saved one.
    Named(Arc<str>),
    /// One of the config's own, and what it is called.
    Inline(Arc<str>, Arc<Guardrail>),
}

/// How long an answer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheRule {
    pub max_age: Duration,
}

impl Leaf {
    /// How many paths are looked for in the body.
    pub fn drops(&self) -> usize {
        self.changes.drops.len()
    }

    /// How long the provider has for one attempt, on a stream until its first piece.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    pub fn cache(&self) -> Option<CacheRule> {
        self.cache.map(|cache| CacheRule { max_age: Duration::from_secs(cache.max_age) })
    }

    /// The body that leaves, or `None` where it stays as it is. The virtual key's slug is taken from before a model that
    /// the config names.
    ///
    /// # Errors
    /// When the body is no JSON object.
    pub fn changed(&self, body: &[u8]) -> Result<Option<Vec<u8>>, crate::dialect::raw_json::JsonError> {
        if self.changes.is_empty() { Ok(None) } else { self.changes.apply(body).map(Some) }
    }
}

/// What a config names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    pub virtual_keys: Vec<Reference>,
    /// With what each is to look at.
    pub guardrails: Vec<(Side, Reference)>,
    pub prompts: Vec<Reference>,
}

/// One name, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub slug: String,
    /// As in [`Fault::path`].
    pub path: String,
    pub line: u32,
    pub column: u32,
}

impl Reference {
    /// The fault of a name that there is not; the same for one of another organisation.
    pub fn unknown_virtual_key(&self) -> Fault {
        self.fault("unknown_virtual_key", format!("There is no virtual key `{}`.", self.slug))
    }

    /// The same of a guardrail.
    pub fn unknown_guardrail(&self) -> Fault {
        self.fault(
            "unknown_guardrail",
            format!("There is no guardrail `{}`.", self.slug.chars().take(40).collect::<String>()),
        )
    }

    /// The fault of a guardrail that is to look at answers and has a check that only knows requests.
    pub fn only_requests(&self, check: &str) -> Fault {
        let message =
            format!("`{}` has the check `{check}`, which only checks requests and cannot judge answers.", self.slug);
        self.fault("only_requests", message)
    }

    fn fault(&self, code: &str, message: String) -> Fault {
        let Self { path, line, column, .. } = self.clone();
        Fault { path, line, column, code: code.to_owned(), message }
    }
}

/// Checks a config's text and makes a plan of it.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text, at most 100 faults.
pub fn compile(text: &str) -> Result<Plan, Vec<Fault>> {
    match read(text) {
        (Some(level), faults) if faults.is_empty() => Ok(Plan::of(text, &level)),
        (_, faults) => Err(faults),
    }
}

/// What a config's text does, as far as it can be read, and everything that is wrong with it. For pages.
pub fn look(text: &str) -> (Option<Outline>, Vec<Fault>) {
    let (level, faults) = read(text);
    (level.map(|level| draw(&Lines::new(text), &level)), faults)
}

impl Plan {
    fn of(text: &str, level: &Level) -> Self {
        let mut maker = Maker { lines: Lines::new(text), plan: Plan::empty() };
        maker.step(level, &Held::default());
        let mut plan = maker.plan;
        let mut patterns = 0;
        let mut params: Vec<Box<str>> = vec![];
        let mut note = |field: &Field| {
            if let Field::Param(name) = field
                && !params.contains(name)
            {
                params.push(name.clone());
            }
        };
        for step in &plan.nodes {
            match &step.kind {
                StepKind::Conditional { cases, .. } => {
                    cases.iter().for_each(|case| {
                        case.condition.fields(&mut note);
                        patterns += case.condition.patterns();
                    });
                }
                StepKind::LoadBalance { sticky: Some(sticky), .. } => sticky.fields.iter().for_each(&mut note),
                _ => {}
            }
        }
        plan.params = params;
        // What is kept of a text beside it, roughly and rather too much.
        plan.weight += 1024 + 4 * text.len() + 512 * plan.nodes.len() + (512 << 10) * patterns;
        plan
    }

    fn empty() -> Self {
        Self { nodes: vec![], leaves: vec![], references: References::default(), params: vec![], weight: 0 }
    }

    pub fn leaf(&self, number: usize) -> &Leaf {
        &self.leaves[number]
    }

    pub fn leaves(&self) -> usize {
        self.leaves.len()
    }

    /// The path of a target: `config`, `config.targets[1]` and so on.
    pub fn path(&self, leaf: usize) -> &str {
        &self.nodes[self.leaves[leaf].node].path
    }

    /// Everything that the config names.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Members of a request's body that decide where it goes.
    pub(super) fn params(&self) -> &[Box<str>] {
        &self.params
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        self.weight
    }
}

/// What a level hands down to its targets.
#[derive(Debug, Clone, Default)]
struct Held {
    virtual_key: Option<Box<str>>,
    model: Option<Box<str>>,
    retry: Option<At<Retry>>,
    cache: Option<Cache>,
    timeout: Option<Duration>,
    defaults: Params,
    overrides: Params,
    drops: Option<Arc<[Vec<Part>]>>,
    forward: Option<Arc<[String]>>,
    breaker: Option<Breaker>,
    guards_in: Guarded,
    guards_out: Guarded,
}

impl Held {
    /// The same with what a level says itself. The inner setting takes the place of the outer one; parameters are joined,
    /// and of two with one name the inner holds.
    fn with(&self, level: &Level) -> Self {
        let mut held = self.clone();
        if let Some(named) = &level.virtual_key {
            held.virtual_key = Some(named.slug.as_str().into());
        }
        if let Some(model) = &level.model {
            held.model = Some(model.as_str().into());
        }
        if let Some(retry) = &level.retry {
            held.retry = Some(retry.clone());
        }
        if let Some(cache) = &level.cache {
            held.cache = Some(cache.value);
        }
        if let Some(timeout) = &level.request_timeout {
            held.timeout = Some(Duration::from_millis(timeout.value));
        }
        if let Some(params) = &level.default_params {
            join(&mut held.defaults, &params.value);
        }
        if let Some(params) = &level.override_params {
            join(&mut held.overrides, &params.value);
            if let (Some(model), Some(own)) =
                (&level.model, held.overrides.iter_mut().find(|(key, _)| &**key == "model"))
            {
                own.1 = serde_json::Value::from(model.as_str()).to_string().into();
            }
        }
        if let Some(drops) = &level.drop_params {
            held.drops = Some(drops.value.clone().into());
        }
        if let Some(forward) = &level.forward_headers {
            held.forward = Some(forward.value.clone().into());
        }
        if let Some(breaker) = &level.breaker {
            held.breaker = Some(breaker.value.clone());
        }
        held.guards_in.take(&level.guards.requests);
        held.guards_out.take(&level.guards.answers);
        held
    }
}

/// The guardrails that hold on one side.
#[derive(Debug, Clone, Default)]
struct Guarded {
    own: Vec<Guarding>,
    always: Vec<Guarding>,
}

impl Guarded {
    fn take(&mut self, rules: &Rules) {
        let guarding = |guard: &Guard| match guard {
            Guard::Named(named) => Guarding::Named(named.slug.as_str().into()),
            Guard::Inline(id, guardrail) => Guarding::Inline(id.clone(), guardrail.clone()),
        };
        if let Some(own) = &rules.own {
            self.own = own.iter().map(guarding).collect();
        }
        self.always.extend(rules.always.iter().map(guarding));
    }

    fn all(self) -> Arc<[Guarding]> {
        self.own.into_iter().chain(self.always).collect()
    }
}

fn join(outer: &mut Params, inner: &Params) {
    for (key, value) in inner {
        match outer.iter_mut().find(|(known, _)| known == key) {
            Some(known) => known.1 = value.clone(),
            None => outer.push((key.clone(), value.clone())),
        }
    }
}

struct Maker<'t> {
    lines: Lines<'t>,
    plan: Plan,
}

impl Maker<'_> {
    fn line(&self, at: usize) -> u32 {
        self.lines.place(at).0
    }

    fn step(&mut self, level: &Level, outer: &Held) -> usize {
        let number = self.plan.nodes.len();
        let held = outer.with(level);
        if let Some(named) = &level.virtual_key {
            let (line, column) = self.lines.place(named.at);
            let reference = Reference { slug: named.slug.clone(), path: named.path.clone(), line, column };
            self.plan.references.virtual_keys.push(reference);
        }
        for (side, rules) in [(Side::Request, &level.guards.requests), (Side::Answer, &level.guards.answers)] {
            for guard in rules.own.iter().flatten().chain(&rules.always) {
                match guard {
                    Guard::Named(Named { slug, path, at }) => {
                        let (line, column) = self.lines.place(*at);
                        let reference = Reference { slug: slug.clone(), path: path.clone(), line, column };
                        self.plan.references.guardrails.push((side, reference));
                    }
                    // Its patterns are what weighs.
                    Guard::Inline(_, guardrail) => self.plan.weight += guardrail.checks() << 20,
                }
            }
        }
        let path = if level.path.is_empty() { "config".to_owned() } else { format!("config.{}", level.path) };
        self.plan.nodes.push(Step {
            path: path.into(),
            name: level.name.as_ref().map(|name| name.value.as_str().into()),
            line: self.line(level.at),
            // Is put in its place below.
            kind: StepKind::Single(number),
        });
        let Some(strategy) = &level.strategy else {
            let leaf = self.plan.leaves.len();
            self.plan.leaves.push(Leaf {
                node: number,
                virtual_key: held.virtual_key,
                model: held.model,
                retry_line: held.retry.as_ref().map(|retry| self.lines.place(retry.at).0),
                retry: held.retry,
                cache: held.cache,
                timeout: held.timeout,
                changes: Changes {
                    defaults: held.defaults,
                    overrides: held.overrides,
                    drops: held.drops.unwrap_or_default(),
                },
                forward: held.forward.unwrap_or_default(),
                breaker: held.breaker,
                guards_in: held.guards_in.all(),
                guards_out: held.guards_out.all(),
            });
            self.plan.nodes[number].kind = StepKind::Leaf(leaf);
            return number;
        };
        // Where a condition chooses, none is left out.
        let mut inner = held;
        if matches!(strategy.mode, Mode::Conditional { .. }) {
            inner.breaker = None;
        }
        let targets: Vec<usize> = level.targets.iter().map(|target| self.step(target, &inner)).collect();
        let named = |name: &str| {
            let at = level.targets.iter().position(|target| target.name.as_ref().is_some_and(|own| own.value == name));
            at.map(|at| targets[at])
        };
        self.plan.nodes[number].kind = match &strategy.mode {
            Mode::Single => StepKind::Single(targets[0]),
            Mode::Fallback { on } => StepKind::Fallback { on: on.clone().map(Into::into), targets: targets.into() },
            Mode::LoadBalance { sticky } => {
                let weight = |level: &Level| level.weight.as_ref().map_or(1.0, |weight| weight.value);
                let targets = targets.iter().copied().zip(level.targets.iter().map(weight)).collect();
                StepKind::LoadBalance { targets, sticky: sticky.clone() }
            }
            Mode::Conditional { cases, default } => StepKind::Conditional {
                cases: cases
                    .iter()
                    .filter_map(|case| {
                        let then = named(&case.then.as_ref()?.value)?;
                        Some(PlannedCase { condition: case.query.clone()?, then, line: self.line(case.at) })
                    })
                    .collect(),
                default: default.as_ref().and_then(|name| Some((named(&name.value)?, self.line(name.at)))),
            },
        };
        number
    }
}
