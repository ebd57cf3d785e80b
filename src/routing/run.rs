//! One call on its way through a plan: a machine that says what to do next and is told what became of it.

use super::condition::Operand;
use super::level::{Field, Retry, Sticky};
use super::plan::{Plan, StepKind};
use crate::dialect::raw_json::{self, JsonError};
use sha2::{Digest, Sha256};
use std::fmt;
use std::time::Duration;

/// The statuses after which the same target is asked again, where a config lists none.
pub(super) const RETRIED: [u16; 5] = [429, 500, 502, 503, 504];
/// A longer value of the body, in bytes of its JSON, is like no other: conditions are judged between other calls.
const LONGEST_OPERAND: usize = 16 << 10;
/// All waits of one call together.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The status of an answer that a guardrail denied. Only a list that names it leads on from there: the next target must not
/// be a way round.
const DENIED: u16 = 446;

/// What of a request decides where it goes.
pub struct Request<'r> {
    /// The path of the call, such as `/v1/chat/completions`.
    pub path: &'r str,
    /// What the caller says of the call, by name.
    pub metadata: &'r (dyn Fn(&str) -> Option<Operand> + Sync),
    /// A header's value, by its name in lower case.
    pub header: &'r (dyn Fn(&str) -> Option<String> + Sync),
    /// What [`Request::params_of`] has found.
    pub params: Vec<(Box<str>, Operand)>,
    /// Whose calls stay together: the API key.
    pub caller: [u8; 16],
    /// What tells this config from others, the same in every version.
    pub config: &'r str,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("path", &self.path).field("params", &self.params).finish_non_exhaustive()
    }
}

impl Request<'_> {
    /// The members of a body that a plan looks at. Where it looks at none, the body is not read.
    ///
    /// # Errors
    /// When the body is no JSON object.
    pub fn params_of(plan: &Plan, body: &[u8]) -> Result<Vec<(Box<str>, Operand)>, JsonError> {
        let mut found = vec![];
        if plan.params().is_empty() {
            return Ok(found);
        }
        raw_json::members(body, |member| {
            let name = raw_json::text(&body[member.key]);
            if let Some(name) = name.filter(|name| plan.params().iter().any(|wanted| **wanted == *name)) {
                let value = &body[member.value];
                let value = match value.len() {
                    0..=LONGEST_OPERAND => serde_json::from_slice(value).unwrap_or(Operand::Other),
                    _ => Operand::Other,
                };
                // Of several of one name the last holds, as most servers read it.
                found.retain(|(known, _): &(Box<str>, _)| **known != *name);
                found.push((name.into(), value));
            }
            Ok::<_, JsonError>(())
        })?;
        Ok(found)
    }

    fn find(&self, field: &Field) -> Option<Operand> {
        let text = |text: String| Operand::Text(text.into());
        match field {
            Field::Metadata(name) => (self.metadata)(name),
            Field::Param(name) => self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
            Field::Header(name) => (self.header)(name).map(text),
            Field::Path => Some(Operand::Text(self.path.into())),
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask this target.
    Try(usize),
    /// Wait so long, and ask the same target again.
    Again(usize, Duration),
    /// Nothing: what came last is the answer.
    Done,
    /// No condition holds, and there is no default. Nobody is asked.
    Nowhere,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Came {
    /// The provider's own status; what stands for it where the provider gave none.
    pub status: u16,
    /// How long the provider says to wait.
    pub again_after: Option<Duration>,
}

impl Came {
    fn is_good(self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Where no condition holds, the request is refused as a provider would refuse it. A provider's own such status always
/// comes from an attempt, and has no wait of exactly this length.
const NOWHERE: Came = Came { status: 400, again_after: Some(Duration::MAX) };

/// What a run has decided, for whoever wants to tell it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Told {
    /// The share of the calls (0 to 1) that a target gets, and whether by its fields.
    Drawn {
        node: usize,
        target: usize,
        share: f64,
        sticky: bool,
    },
    Holds {
        node: usize,
        case: usize,
    },
    DoesNot {
        node: usize,
        case: usize,
    },
    Otherwise {
        node: usize,
    },
    NoneHolds {
        node: usize,
    },
    LeftOut {
        target: usize,
    },
    /// All are out, so none is.
    AllOut {
        node: usize,
    },
    Retried {
        leaf: usize,
        status: u16,
        wait: Duration,
        number: u8,
    },
    /// No attempt is left.
    GivenUp {
        leaf: usize,
        status: u16,
    },
    /// The next wait would be too long.
    TooLong {
        leaf: usize,
        wait: Duration,
    },
    LeadsOn {
        node: usize,
        status: u16,
    },
    /// The status is not one that leads on.
    Stays {
        node: usize,
        status: u16,
    },
    NoneLeft {
        node: usize,
    },
}

/// One call on its way.
#[derive(Debug)]
pub struct Run<'r> {
    plan: &'r Plan,
    request: &'r Request<'r>,
    /// Fallbacks that were entered, the innermost last: the targets that are still to be tried.
    open: Vec<Waiting>,
    chance: u64,
    leaf: usize,
    tries: u8,
    waited: Duration,
    exhausted: bool,
    told: Option<Vec<Told>>,
}

#[derive(Debug)]
struct Waiting {
    node: usize,
    /// Backwards.
    rest: Vec<usize>,
}

impl<'r> Run<'r> {
    /// A call that is about to go through a plan. `chance` is drawn evenly among all numbers.
    pub fn new(plan: &'r Plan, request: &'r Request<'r>, chance: u64) -> Self {
        let open = vec![];
        Self { plan, request, open, chance, leaf: 0, tries: 0, waited: Duration::ZERO, exhausted: false, told: None }
    }

    /// The same, which remembers what it decides.
    pub fn telling(self) -> Self {
        Self { told: Some(vec![]), ..self }
    }

    /// What was decided since the last time.
    pub fn told(&mut self) -> Vec<Told> {
        self.told.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Where the call goes first. `is_out` says which targets are left out at this moment.
    pub fn first(&mut self, is_out: impl Fn(usize) -> bool) -> Next {
        match self.enter(0, &is_out) {
            Some(leaf) => self.at(leaf),
            None => self.onward(NOWHERE, &is_out),
        }
    }

    /// What to do after an attempt.
    pub fn came(&mut self, came: Came, is_out: impl Fn(usize) -> bool) -> Next {
        match self.again(came) {
            Some(wait) => Next::Again(self.leaf, wait),
            None => self.onward(came, &is_out),
        }
    }

    /// The next target of the strategies that were entered, if one is to be asked after this.
    fn onward(&mut self, mut came: Came, is_out: &impl Fn(usize) -> bool) -> Next {
        while let Some(waiting) = self.open.last_mut() {
            let node = waiting.node;
            let StepKind::Fallback { on, .. } = &self.plan.nodes[node].kind else { unreachable!("only these wait") };
            let leads_on = match on {
                None => !came.is_good() && came.status != DENIED,
                Some(codes) => codes.binary_search(&came.status).is_ok(),
            };
            let next = if leads_on { waiting.rest.pop() } else { None };
            match next {
                Some(target) => {
                    self.tell(Told::LeadsOn { node, status: came.status });
                    match self.enter(target, is_out) {
                        Some(leaf) => return self.at(leaf),
                        None => came = NOWHERE,
                    }
                }
                None => {
                    let status = came.status;
                    self.tell(if leads_on { Told::NoneLeft { node } } else { Told::Stays { node, status } });
                    self.open.pop();
                }
            }
        }
        if came == NOWHERE { Next::Nowhere } else { Next::Done }
    }

    /// How often the last target was asked again; −1 when that was of no help.
    pub fn retries(&self) -> i32 {
        if self.exhausted { -1 } else { i32::from(self.tries) }
    }

    fn tell(&mut self, told: Told) {
        if let Some(all) = &mut self.told {
            all.push(told);
        }
    }

    fn at(&mut self, leaf: usize) -> Next {
        (self.leaf, self.tries, self.exhausted) = (leaf, 0, false);
        Next::Try(leaf)
    }

    /// How long to wait before the same target is asked again, if it is.
    fn again(&mut self, came: Came) -> Option<Duration> {
        let leaf = self.leaf;
        let retry = &self.plan.leaves[leaf].retry.as_ref()?.value;
        if !retry.asks_again(came.status) || retry.attempts == 0 {
            return None;
        }
        if self.tries >= retry.attempts {
            self.exhausted = true;
            self.tell(Told::GivenUp { leaf, status: came.status });
            return None;
        }
        let own = Duration::from_secs(1 << self.tries);
        let wait = came.again_after.filter(|_| retry.heed && came.status == 429).unwrap_or(own);
        if self.waited + wait > LONGEST_WAIT {
            self.exhausted = true;
            self.tell(Told::TooLong { leaf, wait });
            return None;
        }
        self.waited += wait;
        self.tries += 1;
        self.tell(Told::Retried { leaf, status: came.status, wait, number: self.tries });
        Some(wait)
    }

    /// Goes down from a node to a target.
    fn enter(&mut self, mut node: usize, is_out: &impl Fn(usize) -> bool) -> Option<usize> {
        let plan = self.plan;
        loop {
            node = match &plan.nodes[node].kind {
                StepKind::Leaf(leaf) => return Some(*leaf),
                StepKind::Single(target) => *target,
                StepKind::Fallback { targets, .. } => {
                    let out = self.out(node, targets.iter().copied(), is_out);
                    let mut rest: Vec<usize> =
                        targets.iter().copied().filter(|target| !out.contains(target)).rev().collect();
                    let first = rest.pop()?;
                    self.open.push(Waiting { node, rest });
                    first
                }
                StepKind::LoadBalance { targets, sticky } => {
                    let some = targets.iter().filter(|(_, weight)| *weight > 0.0).map(|(target, _)| *target);
                    let out = self.out(node, some, is_out);
                    let left =
                        targets.iter().copied().filter(|(target, weight)| *weight > 0.0 && !out.contains(target));
                    self.draw(node, &left.collect::<Vec<_>>(), sticky.as_ref())
                }
                StepKind::Conditional { cases, default } => {
                    let find = |field: &Field| self.request.find(field);
                    let found = cases.iter().position(|case| case.condition.holds(&find));
                    for case in 0..found.unwrap_or(cases.len()) {
                        self.tell(Told::DoesNot { node, case });
                    }
                    match (found, default) {
                        (Some(case), _) => {
                            self.tell(Told::Holds { node, case });
                            cases[case].then
                        }
                        (None, Some((target, _))) => {
                            self.tell(Told::Otherwise { node });
                            *target
                        }
                        (None, None) => {
                            self.tell(Told::NoneHolds { node });
                            return None;
                        }
                    }
                }
            };
        }
    }

    /// Those of these targets that are left out; none if all are.
    fn out(
        &mut self,
        node: usize,
        targets: impl Iterator<Item = usize>,
        is_out: &impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let (out, left): (Vec<usize>, Vec<usize>) = targets.partition(|target| self.plan.is_out(*target, is_out));
        if left.is_empty() {
            self.tell(Told::AllOut { node });
            return vec![];
        }
        for target in &out {
            self.tell(Told::LeftOut { target: *target });
        }
        out
    }

    fn draw(&mut self, node: usize, targets: &[(usize, f64)], sticky: Option<&Sticky>) -> usize {
        let all: f64 = targets.iter().map(|(_, weight)| weight).sum();
        let chosen = match sticky {
            Some(sticky) => {
                let seed = self.fields(sticky);
                // Each target draws a number from the request's fields; the smallest, by its weight, wins. So a target that
                // comes or goes moves only the calls that are its own.
                let score = |target: usize, weight: f64| {
                    let mut hash = Sha256::new();
                    hash.update(seed);
                    hash.update(self.plan.nodes[target].path.as_bytes());
                    let digest = hash.finalize();
                    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
                    -unit(number).ln() / weight
                };
                targets
                    .iter()
                    .map(|(target, weight)| (*target, *weight, score(*target, *weight)))
                    .min_by(|a, b| a.2.total_cmp(&b.2))
            }
            None => {
                let mut rest = self.next_chance() * all;
                let within = |(_, weight): &&(usize, f64)| {
                    rest -= weight;
                    rest < 0.0
                };
                targets.iter().find(within).or(targets.last()).map(|(target, weight)| (*target, *weight, 0.0))
            }
        };
        // A plan has a weight above 0 in every such strategy.
        let (target, weight, _) = chosen.unwrap_or((node, 1.0, 0.0));
        self.tell(Told::Drawn { node, target, share: weight / all, sticky: sticky.is_some() });
        target
    }

    /// What calls that stay together have in common.
    fn fields(&self, sticky: &Sticky) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(&self.request.caller);
        part(self.request.config.as_bytes());
        for field in &sticky.fields {
            part(field.name().as_bytes());
            match self.request.find(field) {
                Some(value) => part(format!("{value:?}").as_bytes()),
                None => part(b""),
            }
        }
        hash.finalize().into()
    }

    /// A number from 0 to below 1 (SplitMix64).
    fn next_chance(&mut self) -> f64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.chance;
        number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((number ^ number >> 31) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A number above 0 and below 1.
fn unit(number: u64) -> f64 {
    ((number >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

impl Retry {
    fn asks_again(&self, status: u16) -> bool {
        self.on.as_deref().unwrap_or(&RETRIED).binary_search(&status).is_ok()
    }
}

impl Plan {
    /// Whether all targets below a node are left out.
    fn is_out(&self, node: usize, is_out: &impl Fn(usize) -> bool) -> bool {
        match &self.nodes[node].kind {
            StepKind::Leaf(leaf) => is_out(*leaf),
            StepKind::Single(target) => self.is_out(*target, is_out),
            StepKind::Fallback { targets, .. } => targets.iter().all(|target| self.is_out(*target, is_out)),
            StepKind::LoadBalance { targets, .. } => {
                targets.iter().filter(|(_, weight)| *weight > 0.0).all(|(target, _)| self.is_out(*target, is_out))
            }
            // The condition chooses, whatever its target does.
            StepKind::Conditional { .. } => false,
        }
    }
}
