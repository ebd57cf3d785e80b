//! How questions are answered: from what is stored at this moment, by the one decision.

use super::{
    model::{Answer, LOOKED_AT, OFFERED, Party, PartyKind, Sets, WhoCan, WhyPage},
    question::{Act, Named, Question, Supposed},
};
use crate::{
    features::{
        api_keys::{self, model::Key},
        team,
    },
    kernel::{Asked, Code, Error, OrganisationId, Result, Timestamp, UserId},
    policy::{
        AnswersFor, Denial, Facts, MASTERS, Operation, Part, PermissionSet, Principal, Role, Standing, Step, Target,
        Verdict, Who, asks_for_proof, decide, explain as explain_decision,
    },
    server::{access::Access, database::OrgTx},
};

/// Answers each question in its order. One that may not be asked, or names what is not there, refuses all of them; the
/// error's fields are named by its number, from 0.
pub async fn explain(access: &Access, questions: &[Question]) -> Result<Vec<Answer>> {
    let mut tx = access.read(Operation::WhyExplain).await?;
    let mut asking = Asking::begin(access, &mut tx).await?;
    let mut answers = Vec::with_capacity(questions.len());
    for (number, question) in questions.iter().enumerate() {
        answers.push(asking.answer(question).await.map_err(|error| numbered(number, error))?);
    }
    Ok(answers)
}

/// An error of one of several questions.
pub fn numbered(number: usize, mut error: Error) -> Error {
    for field in &mut error.fields {
        field.field = format!("questions.{number}.{}", field.field);
    }
    error
}

/// Who can do something: all members, and all keys if the asker may list them.
pub async fn who_can(access: &Access, act: Act, on: Option<Named>, to: Option<Role>) -> Result<WhoCan> {
    let mut tx = access.read(Operation::WhyWhoCan).await?;
    let mut asking = Asking::begin(access, &mut tx).await?;
    let people = team::active_people(asking.tx).await?;
    let keys = asking.keys().await?;
    asking.who_can((act, on, to), &people, keys.as_ref()).await
}

/// All that the page shows.
pub async fn page(access: &Access, asked: &Asked) -> Result<WhyPage> {
    let mut tx = access.read(Operation::WhyExplain).await?;
    let mut asking = Asking::begin(access, &mut tx).await?;
    let people = match asking.may(Operation::TeamList) {
        Ok(()) => team::active_people(asking.tx).await?,
        Err(_) => vec![],
    };
    let keys = asking.keys().await?;
    let (mut answer, mut supposed, mut who_can) = (None, None, None);
    let question = Question::of_page(asked, false)?;
    let act = question.as_ref().map(|question| question.act);
    if let Some(question) = question {
        let plain = Question { supposed: Supposed::default(), ..question.clone() };
        answer = Some(asking.answer(&plain).await?);
        if !question.supposed.is_nothing() {
            supposed = Some(asking.answer(&question).await?);
        }
        if asking.may(Operation::WhyWhoCan).is_ok() {
            let what = (question.act, question.on, question.to);
            who_can = Some(asking.who_can(what, &people, keys.as_ref()).await?);
        }
    }
    let keys = keys.map(|(keys, _)| keys).unwrap_or_default();
    Ok(WhyPage {
        people: people.into_iter().take(OFFERED).map(|(id, name, role)| person_party(id, name, role)).collect(),
        keys: keys.iter().take(OFFERED).map(key_party).collect(),
        on: act.and_then(Act::done_to),
        gives_role: act.is_some_and(Act::gives_role),
        feature: act.and_then(Act::key_feature),
        answer,
        supposed,
        who_can,
    })
}

/// A person or key that a question is about.
#[derive(Clone)]
struct Subject {
    named: Named,
    party: Party,
    facts: Facts,
}

/// Somebody asks, as what they are in this transaction.
struct Asking<'a> {
    tx: &'a mut OrgTx,
    now: Timestamp,
    asker: Subject,
    /// Others that were asked about before: a batch names few again and again.
    known: Vec<Subject>,
}

impl<'a> Asking<'a> {
    async fn begin(access: &Access, tx: &'a mut OrgTx) -> Result<Self> {
        let now = access.now();
        let own = match *access.principal() {
            Principal::Member { user, .. } => Named::User(user),
            Principal::ApiKey { key, .. } => Named::Key(key),
            Principal::Nobody | Principal::Person { .. } => return Err(Error::sign_in_needed()),
        };
        let asker = subject(tx, own, now).await?.ok_or_else(Error::not_found)?;
        Ok(Self { tx, now, asker, known: vec![] })
    }

    /// Whether the asker may do this here.
    fn may(&self, operation: Operation) -> std::result::Result<(), Denial> {
        let facts = &self.asker.facts;
        decide(&facts.principal(), operation.spec().requires, Target::In(facts.organisation))
    }

    /// Oneself; or another whom the asker may see in the list of the team or of keys.
    async fn find(&mut self, named: Named) -> Result<Subject> {
        if named == self.asker.named {
            return Ok(self.asker.clone());
        }
        if let Some(known) = self.known.iter().find(|known| known.named == named) {
            return Ok(known.clone());
        }
        self.may(match named {
            Named::User(_) => Operation::TeamGet,
            Named::Key(_) => Operation::ApiKeyGet,
        })?;
        let found = subject(self.tx, named, self.now).await?.ok_or_else(Error::not_found)?;
        self.known.push(found.clone());
        Ok(found)
    }

    /// The keys that are live, and whether those are all; none where the asker may not list them.
    async fn keys(&mut self) -> Result<Option<(Vec<Key>, bool)>> {
        match self.may(Operation::ApiKeysList) {
            Ok(()) => api_keys::live(self.tx, LOOKED_AT, self.now).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn answer(&mut self, question: &Question) -> Result<Answer> {
        let who = match question.who {
            Some(named) => self.find(named).await?,
            None => self.asker.clone(),
        };
        let Question { act, on, to, .. } = *question;
        let facts = suppose(who.facts, &question.supposed)?;
        let target = by(self.target((act, on, to)).await?, on, who.named);
        let explained = explain_decision(&facts, act.requires(), target);
        let is_own = who.named == self.asker.named;
        // For whom a key answers is told in the list of keys, and to whoever may see that.
        let hides = matches!(who.named, Named::Key(_)) && self.may(Operation::ApiKeysList).is_err();
        let mut party = who.party;
        if hides {
            party.about.clear();
        }
        let name = match (is_own, who.named) {
            (true, Named::User(_)) => "You",
            (true, Named::Key(_)) => "This key",
            (false, _) => party.name.as_str(),
        };
        let supposed = !question.supposed.is_nothing();
        let steps = explained.steps.into_iter();
        Ok(Answer {
            sentence: sentence(name, act, explained.allowed, supposed),
            what: act.id().to_owned(),
            allowed: explained.allowed,
            supposed,
            code: explained.denial.map(|denial| code(&facts, denial).as_str().to_owned()),
            missing: explained.denial.and_then(Denial::missing),
            steps: steps.map(|step| if hides { hidden(step) } else { step }).collect(),
            besides: besides(act, &facts, target),
            sets: match facts.who {
                Who::Person { .. } => None,
                Who::Key { own, .. } => Some(Sets { own, effective: facts.principal().permissions() }),
            },
            who: party,
        })
    }

    /// What an act is done to, as the decision needs to know it.
    async fn target(&mut self, (act, on, to): (Act, Option<Named>, Option<Role>)) -> Result<Target> {
        let organisation = self.asker.facts.organisation;
        if to.is_some() && !act.gives_role() {
            return Err(Error::field("to_role", "No role is given by this."));
        }
        match on {
            None => Ok(match to {
                None => Target::In(organisation),
                Some(role) => Target::Rank { organisation, now: None, next: Some(role) },
            }),
            Some(on @ Named::User(_)) if act.is_on_people() => {
                let Who::Person { role, .. } = self.find(on).await?.facts.who else { return Err(Error::not_found()) };
                let next = if act.removes() { None } else { to.or(Some(role)) };
                Ok(Target::Rank { organisation, now: Some(role), next })
            }
            Some(on @ Named::Key(_)) if act.is_on_keys() => {
                let Who::Key { own, .. } = self.find(on).await?.facts.who else { return Err(Error::not_found()) };
                Ok(Target::Key { organisation, now: own, next: own, itself: false })
            }
            Some(Named::User(_)) => Err(Error::field("on_user", "It makes no difference to whom this is done.")),
            Some(Named::Key(_)) => Err(Error::field("on_api_key", "It makes no difference to which key this is done.")),
        }
    }

    async fn who_can(
        &mut self,
        what: (Act, Option<Named>, Option<Role>),
        people: &[(UserId, String, Role)],
        keys: Option<&(Vec<Key>, bool)>,
    ) -> Result<WhoCan> {
        let (act, on, _) = what;
        let organisation = self.asker.facts.organisation;
        let target = self.target(what).await?;
        let can = |named: Named, facts: &Facts| explain_decision(facts, act.requires(), by(target, on, named)).allowed;
        let able =
            people.iter().filter(|(id, _, role)| can(Named::User(*id), &person_facts(organisation, *id, *role, false)));
        let able_keys = |keys: &[Key]| -> Vec<Party> {
            let able = keys.iter().filter(|key| can(Named::Key(key.id), &key_facts(organisation, key, self.now)));
            able.map(key_party).collect()
        };
        Ok(WhoCan {
            what: act.id().to_owned(),
            people: able.map(|(id, name, role)| person_party(*id, name.clone(), *role)).collect(),
            keys: keys.map(|(keys, _)| able_keys(keys)),
            is_whole: people.len() < LOOKED_AT && keys.is_none_or(|(_, is_whole)| *is_whole),
        })
    }
}

/// The same, done by this one: a key that is changed by itself is.
fn by(target: Target, on: Option<Named>, who: Named) -> Target {
    match target {
        Target::Key { organisation, now, next, .. } => Target::Key { organisation, now, next, itself: on == Some(who) },
        other => other,
    }
}

async fn subject(tx: &mut OrgTx, named: Named, now: Timestamp) -> Result<Option<Subject>> {
    let organisation = tx.organisation();
    Ok(match named {
        Named::User(id) => team::person(tx, id).await?.map(|person| Subject {
            named,
            facts: person_facts(organisation, id, person.role, person.disabled),
            party: person_party(id, person.name, person.role),
        }),
        Named::Key(id) => api_keys::key(tx, id, now).await?.map(|key| Subject {
            named,
            facts: key_facts(organisation, &key, now),
            party: key_party(&key),
        }),
    })
}

fn person_facts(organisation: OrganisationId, user: UserId, role: Role, disabled: bool) -> Facts {
    Facts { organisation, standing: Standing::of_person(disabled), who: Who::Person { user, role } }
}

fn key_facts(organisation: OrganisationId, key: &Key, now: Timestamp) -> Facts {
    let own = Standing::of_key(key.deleted_at.is_some(), key.disabled_at.is_some(), key.expires_at, now);
    let standing = match own {
        Standing::Active if key.narrowed.not_before.is_some_and(|from| now < from) => Standing::Early,
        Standing::Active if key.blocked.is_some() => Standing::Blocked,
        other => other,
    };
    let answers_for = key.responsible.as_ref().map_or(AnswersFor::Owners, |person| AnswersFor::Person(person.role));
    let narrowed = &key.narrowed;
    let lists = [&narrowed.models, &narrowed.virtual_keys, &narrowed.configs, &narrowed.prompts];
    let own = match key.master && lists.iter().all(|list| list.is_empty()) {
        true => key.permissions.of_master(),
        false => key.permissions,
    };
    Facts { organisation, standing, who: Who::Key { key: key.id, own, answers_for } }
}

fn person_party(id: UserId, name: String, role: Role) -> Party {
    Party { kind: PartyKind::User, id: id.to_string(), name, about: role.label().to_owned() }
}

fn key_party(key: &Key) -> Party {
    let about = match &key.responsible {
        None => "answers for the Owners".to_owned(),
        Some(person) => match person.role {
            Some(role) => format!("answers for {}, {role}", person.name),
            None => format!("answers for {}, who is not active here", person.name),
        },
    };
    Party { kind: PartyKind::ApiKey, id: key.id.to_string(), name: key.name.clone(), about }
}

/// The same person or key, were that so.
fn suppose(facts: Facts, supposed: &Supposed) -> Result<Facts> {
    let who = match facts.who {
        Who::Person { user, role } => {
            if supposed.permissions.is_some() || !supposed.levels.is_empty() || supposed.person.is_some() {
                return Err(Error::field("suppose", "Of a person another role can be supposed, and nothing else."));
            }
            Who::Person { user, role: supposed.role.unwrap_or(role) }
        }
        Who::Key { key, own, answers_for } => {
            if supposed.role.is_some() {
                let message = "A key has no role. Suppose other permissions or levels, or another role of its person.";
                return Err(Error::field("suppose", message));
            }
            let mut set = supposed.permissions.unwrap_or(own);
            let possible = PermissionSet::every_key_permission().union(own);
            let closed = supposed.permissions.unwrap_or_default().without(possible);
            if let Some(permission) = closed.iter().next() {
                let message = format!("No API key can hold {permission}: it is for people alone.");
                return Err(Error::field("suppose", message));
            }
            for (feature, level) in &supposed.levels {
                let level = feature.permissions(*level).ok_or_else(|| {
                    let message = format!("{} has no level {}.", feature.label(), level.name());
                    Error::field("suppose", message)
                })?;
                set = set.without(feature.all()).union(level);
            }
            // With less than everything the master key has no more than others.
            if !PermissionSet::every_key_permission().is_subset_of(set) {
                set = set.without(MASTERS.into_iter().collect());
            }
            let answers_for = supposed.person.map_or(answers_for, |role| AnswersFor::Person(Some(role)));
            Who::Key { key, own: set, answers_for }
        }
    };
    Ok(Facts { who, ..facts })
}

fn sentence(name: &str, act: Act, allowed: bool, supposed: bool) -> String {
    let act = act.words();
    match (allowed, supposed) {
        (true, false) => format!("Yes. {name} can {act}."),
        (false, false) => format!("No. {name} cannot {act}."),
        (true, true) => format!("Then yes. {name} could {act}."),
        (false, true) => format!("Then no. {name} could not {act}."),
    }
}

/// The step of the person that a key answers for, without who that is.
fn hidden(step: Step) -> Step {
    if step.part != Part::Person || step.verdict == Verdict::NotAsked {
        return step;
    }
    let title = match step.verdict {
        Verdict::Failed => "The person it answers for does not hold it",
        Verdict::Passed | Verdict::NotAsked => "The person it answers for holds it",
    };
    let words =
        "A key can never do more than the person it answers for. Only those who may list API keys see who that is.";
    Step { title: title.into(), words: words.into(), ..step }
}

/// The code of the error that they are told. A key that opens nothing is told why at the door.
fn code(facts: &Facts, denial: Denial) -> Code {
    match (facts.standing, facts.who) {
        (Standing::Revoked, Who::Key { .. }) => Code::ApiKeyRevoked,
        (Standing::Disabled, Who::Key { .. }) => Code::ApiKeyDisabled,
        (Standing::Expired, Who::Key { .. }) => Code::ApiKeyExpired,
        (Standing::Early, Who::Key { .. }) => Code::ApiKeyNotYetValid,
        (Standing::Blocked, Who::Key { .. }) => Code::KeyBreaksPolicy,
        _ => denial.code(),
    }
}

/// What an act asks for besides.
fn besides(act: Act, facts: &Facts, target: Target) -> Vec<String> {
    let Act::Doing(operation) = act else { return vec![] };
    let asks = matches!(facts.principal(), Principal::Member { .. }) && asks_for_proof(operation, target);
    if asks {
        vec!["It asks for the password, if that was last typed more than 15 minutes ago.".to_owned()]
    } else {
        vec![]
    }
}
