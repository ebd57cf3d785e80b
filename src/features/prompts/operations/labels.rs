//! What can be done with labels: where they stand, who may move them, and moves that need a second person.

use super::{subject, users};
use crate::{
    features::{
        api_keys,
        prompts::{
            model::{
                self, Detail, Kind, Label, LabelDraft, MOST_LABELS, Move, Movers, PRODUCTION, Proposal, Publish, Trial,
            },
            store::{
                self,
                labels::{self, Facts, NewMove},
            },
        },
        versions::{self, model::parse_message},
    },
    kernel::{Code, Error, Fields, PromptId, Result, UserId, text},
    policy::{Operation, Principal, Role, Target},
    server::{
        access::{Access, Change},
        audit::event::{Event, Subject},
        database::OrgTx,
    },
};
use serde_json::Value;

/// Who somebody is, as far as labels ask.
fn person(principal: &Principal) -> Option<(UserId, Role)> {
    match principal {
        Principal::Member { user, role, .. } => Some((*user, *role)),
        Principal::Nobody | Principal::Person { .. } | Principal::ApiKey { .. } => None,
    }
}

/// Whether somebody is another than who proposed: what a key has done that answers for all Owners each of them may have done.
fn is_second((user, role): (UserId, Role), proposer: Option<UserId>) -> bool {
    proposer.map_or(role != Role::Owner, |proposer| proposer != user)
}

/// Whether somebody who may publish may move this label.
fn may_move(principal: &Principal, label: &Label) -> Result<()> {
    let is_owner = matches!(person(principal), Some((_, Role::Owner)));
    if label.movers == Movers::Owners && !is_owner {
        let sentence = format!("Only Owners move the label “{}”.", label.name);
        return Err(Error::new(Code::PermissionDenied, sentence));
    }
    Ok(())
}

/// Whether they may do so alone.
fn may_move_alone(principal: &Principal, label: &Label) -> Result<()> {
    may_move(principal, label)?;
    if label.needs_second {
        let sentence = format!(
            "The label “{}” moves when a second person agrees. Propose the version; somebody else then publishes it.",
            label.name
        );
        return Err(Error::conflict(sentence));
    }
    Ok(())
}

/// A label of this name that can stand at something of this kind.
async fn label(tx: &mut OrgTx, kind: Kind, name: &str) -> Result<Label> {
    if kind == Kind::Partial && name != PRODUCTION {
        return Err(Error::field("label", "Partials have no labels: they are published, or named with a version."));
    }
    labels::find(tx, name).await?.ok_or_else(|| Error::field("label", "There is no label of this name."))
}

/// The proposals of a prompt, with what the reader may do about each.
pub async fn proposals(tx: &mut OrgTx, access: &Access, prompt: PromptId) -> Result<Vec<Proposal>> {
    let publishes = access.check(Operation::PromptAgree, Target::In(tx.organisation())).is_ok();
    let mut told = vec![];
    for (proposer, proposal) in labels::proposals(tx, prompt).await? {
        let label = labels::find(tx, &proposal.label).await?;
        let who = person(access.principal());
        let may_agree = publishes
            && who.is_some_and(|who| is_second(who, proposer))
            && label.is_some_and(|label| may_move(access.principal(), &label).is_ok());
        told.push(Proposal { may_agree, ..proposal });
    }
    Ok(told)
}

/// Publishes a version in the change that makes it, if that is wished: whoever makes it must be allowed both.
pub async fn published(
    change: &mut Change,
    kind: Kind,
    prompt: PromptId,
    (from, number): (Option<i64>, i64),
    wish: Publish,
    event: Event,
) -> Result<Event> {
    if wish == Publish::No {
        return Ok(event);
    }
    let production = label(change.tx(), kind, PRODUCTION).await?;
    let allowed = change.access().check(kind.acts().publish, Target::In(change.organisation()));
    match allowed.and_then(|()| may_move_alone(change.principal(), &production)) {
        Err(_) if wish == Publish::IfAllowed => return Ok(event),
        allowed => allowed?,
    }
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    let new = NewMove { label: PRODUCTION, from, to: Some(number), by: &by, proposed_by: None };
    labels::move_to(change.tx(), prompt, &new, now).await?;
    Ok(event.change(PRODUCTION, number_or_null(from), number))
}

fn number_or_null(number: Option<i64>) -> Value {
    number.map_or(Value::Null, Value::from)
}

/// Where a label shall stand.
#[derive(Clone, Copy)]
pub enum To<'a> {
    /// At a version, by its number or id.
    Version(&'a str),
    /// Nowhere.
    Nowhere,
}

/// Where the label was when the caller looked: unknown, or there; a label that stood nowhere is `At(None)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Anywhere,
    At(Option<i64>),
}

impl Expected {
    fn holds(self, found: Option<i64>) -> Result<()> {
        if self == Expected::Anywhere || self == Expected::At(found) { Ok(()) } else { Err(Error::stale()) }
    }
}

/// Moves a label to a version, or takes it away. Where it stood must be as expected.
pub async fn move_label(
    access: &Access,
    operation: Operation,
    (kind, of): (Kind, &str),
    name: &str,
    to: To<'_>,
    expected: Expected,
) -> Result<Detail> {
    access
        .act(operation, Subject::unnamed(kind.name(), of), |mut change| async move {
            let now = change.now();
            let was = store::find(change.tx(), kind, of, now).await?.ok_or_else(Error::not_found)?;
            let label = label(change.tx(), kind, name).await?;
            may_move_alone(change.principal(), &label)?;
            let number = match to {
                To::Version(version) => Some(existing(change.tx(), &was, version).await?),
                To::Nowhere => None,
            };
            let from = was.at(name);
            expected.holds(from)?;
            let event = moved(&mut change, &was, (name, from, number), None).await?;
            let made = store::find(change.tx(), kind, of, now).await?.ok_or_else(Error::internal)?;
            change.commit(event, made).await
        })
        .await
}

/// Lets some of the calls that name a label run another version (`percent`: 1 to 99), or ends that (0). Whoever may move the
/// label alone may; where it stands must be as expected.
pub async fn roll_out(
    access: &Access,
    of: &str,
    name: &str,
    (version, percent, sticky_by): (&str, i64, &str),
    expected: Expected,
) -> Result<Detail> {
    access
        .act(Operation::PromptRollOut, Subject::unnamed(Kind::Prompt.name(), of), |mut change| async move {
            let now = change.now();
            let was = store::find(change.tx(), Kind::Prompt, of, now).await?.ok_or_else(Error::not_found)?;
            let label = label(change.tx(), Kind::Prompt, name).await?;
            may_move_alone(change.principal(), &label)?;
            let mut fields = Fields::default();
            let in_bounds = (0..100).contains(&percent).then_some(percent);
            let percent = fields.take("percent", in_bounds.ok_or_else(|| "This is a number from 0 to 99.".to_owned()));
            let sticky_by = text::optional_line("The name of the metadata", sticky_by, model::STICKY_LIMIT);
            let sticky_by = fields.take("sticky_by", sticky_by);
            let (percent, sticky_by) = fields.build(|| Some((percent?, sticky_by?)))?;
            let Some(pointer) = was.labels.iter().find(|pointer| pointer.label == name) else {
                let sentence = format!("The label “{name}” stands nowhere. Move it to a version first.");
                return Err(Error::conflict(sentence));
            };
            expected.holds(Some(pointer.number))?;
            let trial = match percent {
                0 => None,
                percent => Some(Trial { number: existing(change.tx(), &was, version).await?, percent, sticky_by }),
            };
            if trial.as_ref().is_some_and(|trial| trial.number == pointer.number) {
                return Err(Error::field("version", format!("All calls of “{name}” run this version.")));
            }
            if trial != pointer.trial {
                let by = change.access().actor_name().to_owned();
                labels::try_version(change.tx(), was.id, pointer, trial.as_ref(), (&by, now)).await?;
                store::touch(change.tx(), was.id).await?;
            }
            let words = |trial: Option<&Trial>| trial.map_or(Value::Null, |trial| trial.words().into());
            let event = Event::of(subject(Kind::Prompt, &was.slug, &was.name)).with("label", name).change(
                "roll_out",
                words(pointer.trial.as_ref()),
                words(trial.as_ref()),
            );
            let made = store::find(change.tx(), Kind::Prompt, of, now).await?.ok_or_else(Error::internal)?;
            change.commit(event, made).await
        })
        .await
}

/// The number of a version that there is.
async fn existing(tx: &mut OrgTx, prompt: &Detail, version: &str) -> Result<i64> {
    let number = super::history::number_of(tx, prompt.id, version).await?.unwrap_or_default();
    let is_there = store::VERSIONS.one(tx, prompt.id, number).await?.is_some();
    if is_there { Ok(number) } else { Err(Error::field("version", "There is no such version.")) }
}

/// Stores a move, and gives its event; a partial's tells which prompts it changes.
async fn moved(
    change: &mut Change,
    was: &Detail,
    (name, from, to): (&str, Option<i64>, Option<i64>),
    proposed_by: Option<(&str, Option<UserId>)>,
) -> Result<Event> {
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    if from != to {
        let new = NewMove { label: name, from, to, by: &by, proposed_by: proposed_by.map(|(name, _)| name) };
        labels::move_to(change.tx(), was.id, &new, now).await?;
        store::touch(change.tx(), was.id).await?;
    }
    let mut event =
        Event::of(subject(was.kind, &was.slug, &was.name)).change(name, number_or_null(from), number_or_null(to));
    if let Some((name, proposer)) = proposed_by {
        event = event.with_name("proposed_by", name, proposer);
    }
    let users = users(change.tx(), was.kind, &was.slug).await?;
    let live: Vec<&str> = users.iter().filter(|user| user.is_live).map(|user| user.slug.as_str()).collect();
    Ok(if live.is_empty() { event } else { event.with("changes", versions::names(live)) })
}

/// Proposes a version for a label: somebody else who may move it agrees, or does not.
pub async fn propose(
    access: &Access,
    (kind, of): (Kind, &str),
    name: &str,
    version: &str,
    message: &str,
) -> Result<()> {
    access
        .act(Operation::PromptPropose, Subject::unnamed(kind.name(), of), |mut change| async move {
            let now = change.now();
            let was = store::find(change.tx(), kind, of, now).await?.ok_or_else(Error::not_found)?;
            let label = label(change.tx(), kind, name).await?;
            let mut fields = Fields::default();
            let message = fields.take("message", parse_message(message));
            let message = fields.build(|| message)?;
            let number = existing(change.tx(), &was, version).await?;
            let from = was.at(&label.name);
            if from == Some(number) {
                return Err(Error::conflict(format!("The label “{}” stands at version {number} already.", label.name)));
            }
            let proposer = answerable(&mut change).await?;
            let proposal = Proposal {
                label: label.name.clone(),
                number,
                from,
                message,
                proposed_by: change.access().actor_name().to_owned(),
                proposed_at: now,
                may_agree: false,
            };
            if !labels::propose(change.tx(), was.id, proposer, &proposal).await? {
                let sentence =
                    format!("Another version is proposed for “{}” already. Withdraw that first.", label.name);
                return Err(Error::conflict(sentence));
            }
            let event = Event::of(subject(kind, &was.slug, &was.name))
                .with("label", label.name.as_str())
                .with("version", number)
                .with("message", proposal.message.as_str());
            change.commit(event, ()).await
        })
        .await
}

/// The person who acts, or for whom the key does that acts; none: the key answers for all Owners.
async fn answerable(change: &mut Change) -> Result<Option<UserId>> {
    match *change.principal() {
        Principal::Member { user, .. } | Principal::Person { user } => Ok(Some(user)),
        Principal::ApiKey { key, .. } => Ok(api_keys::responsible_of(change.tx(), key).await?.flatten()),
        Principal::Nobody => Ok(None),
    }
}

/// The proposal for a label, with who made it.
async fn proposal(tx: &mut OrgTx, prompt: PromptId, name: &str) -> Result<(Option<UserId>, Proposal)> {
    let all = labels::proposals(tx, prompt).await?;
    all.into_iter().find(|(_, proposal)| proposal.label == name).ok_or_else(Error::not_found)
}

/// Agrees to a proposal as a second person, which moves the label. `version` is the one that was read. Where the label was
/// moved meanwhile, the proposal is void.
pub async fn agree(access: &Access, (kind, of): (Kind, &str), name: &str, version: i64) -> Result<()> {
    access
        .act(Operation::PromptAgree, Subject::unnamed(kind.name(), of), |mut change| async move {
            let now = change.now();
            let was = store::find(change.tx(), kind, of, now).await?.ok_or_else(Error::not_found)?;
            let (proposer, proposal) = proposal(change.tx(), was.id, name).await?;
            let label = label(change.tx(), kind, name).await?;
            may_move(change.principal(), &label)?;
            let Some(who) = person(change.principal()) else {
                let sentence = "A second person agrees: sign in to do so, a key is none.";
                return Err(Error::new(Code::PermissionDenied, sentence));
            };
            if !is_second(who, proposer) {
                let sentence = match proposer {
                    Some(_) => "Whoever proposes a version cannot agree to it. Ask somebody else.",
                    None => "A key that answers for all Owners has proposed it, so that none of them is a second person. Ask an Admin.",
                };
                return Err(Error::new(Code::PermissionDenied, sentence));
            }
            if proposal.number != version || proposal.from != was.at(name) {
                return Err(Error::stale());
            }
            let by = Some((proposal.proposed_by.as_str(), proposer));
            let event = moved(&mut change, &was, (name, proposal.from, Some(proposal.number)), by).await?;
            change.commit(event, ()).await
        })
        .await
}

/// Takes a proposal back, or refuses it: whoever may propose another may.
pub async fn withdraw(access: &Access, (kind, of): (Kind, &str), name: &str) -> Result<()> {
    access
        .act(Operation::PromptWithdraw, Subject::unnamed(kind.name(), of), |mut change| async move {
            let now = change.now();
            let was = store::find(change.tx(), kind, of, now).await?.ok_or_else(Error::not_found)?;
            let (proposer, proposal) = proposal(change.tx(), was.id, name).await?;
            labels::withdraw(change.tx(), was.id, name).await?;
            let event = Event::of(subject(kind, &was.slug, &was.name))
                .change("label", proposal.label.as_str(), Value::Null)
                .change("version", proposal.number, Value::Null)
                .with_name("proposed_by", proposal.proposed_by.as_str(), proposer);
            change.commit(event, ()).await
        })
        .await
}

/// The last moves of a prompt's labels.
pub async fn moves(access: &Access, of: &str) -> Result<Vec<Move>> {
    let mut tx = access.read(Operation::PromptMoves).await?;
    let prompt = store::find(&mut tx, Kind::Prompt, of, access.now()).await?.ok_or_else(Error::not_found)?;
    labels::moves(&mut tx, prompt.id).await
}

/// Every label of the organisation.
pub async fn list(access: &Access) -> Result<Vec<Label>> {
    labels::all(&mut access.read(Operation::LabelsList).await?).await
}

pub async fn get(access: &Access, name: &str) -> Result<Label> {
    let mut tx = access.read(Operation::LabelGet).await?;
    labels::find(&mut tx, name).await?.ok_or_else(Error::not_found)
}

/// What a draft says of a label, but for its name.
struct Rules {
    description: String,
    colour: String,
    movers: Movers,
}

fn rules(fields: &mut Fields, draft: &LabelDraft) -> Option<Rules> {
    let description = text::optional_line("The description", &draft.description, model::DESCRIPTION_LIMIT);
    let description = fields.take("description", description);
    let colour = fields.take("color_code", model::parse_colour(&draft.colour));
    let movers = match draft.movers.as_str() {
        "" => Ok(Movers::Publishers),
        name => Movers::parse(name).ok_or_else(|| "This is `publishers` or `owners`.".to_owned()),
    };
    let movers = fields.take("movers", movers);
    Some(Rules { description: description?, colour: colour?, movers: movers? })
}

/// Makes a label.
pub async fn create(access: &Access, draft: LabelDraft) -> Result<Label> {
    access
        .act(Operation::LabelCreate, Subject::unnamed("label", draft.name.clone()), |mut change| async move {
            let mut fields = Fields::default();
            let name = fields.take("name", model::parse_label(&draft.name));
            let rules = rules(&mut fields, &draft);
            let (name, rules) = fields.build(|| Some((name?, rules?)))?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let facts = Facts {
                description: &rules.description,
                colour: &rules.colour,
                movers: rules.movers,
                needs_second: draft.needs_second,
                by: &by,
            };
            let all = labels::all(change.tx()).await?;
            if all.iter().any(|label| label.name == name) {
                return Err(Error { code: Code::Conflict, ..Error::field("name", "There is a label of this name.") });
            }
            if all.len() >= MOST_LABELS {
                return Err(Error::conflict(format!("An organisation can have at most {MOST_LABELS} labels.")));
            }
            may_rule(change.principal(), None, rules.movers)?;
            if !labels::insert(change.tx(), &name, &facts, now).await? {
                return Err(Error::unavailable());
            }
            let made = labels::find(change.tx(), &name).await?.ok_or_else(Error::internal)?;
            let event = Event::of(Subject::new("label", &name, &name))
                .with("movers", made.movers.name())
                .with("needs_second", made.needs_second);
            change.commit(event, made).await
        })
        .await
}

/// Rules that only Owners may move a label are made and changed by Owners alone, or they would be none.
fn may_rule(principal: &Principal, was: Option<&Label>, next: Movers) -> Result<()> {
    let is_owner = matches!(person(principal), Some((_, Role::Owner)));
    let is_theirs = next == Movers::Owners || was.is_some_and(|label| label.movers == Movers::Owners);
    if is_theirs && !is_owner {
        let sentence = "Only Owners say of a label that only Owners move it, or take that back.";
        return Err(Error::new(Code::PermissionDenied, sentence));
    }
    Ok(())
}

/// Changes what a label is for and who moves it. That it needs a second person is given up by a second person alone: by an
/// Owner, who could remove any other bar as well.
pub async fn update(
    access: &Access,
    name: &str,
    version: Option<i64>,
    edit: impl FnOnce(&Label) -> LabelDraft,
) -> Result<Label> {
    access
        .act(Operation::LabelUpdate, Subject::unnamed("label", name), |mut change| async move {
            let was = labels::find(change.tx(), name).await?.ok_or_else(Error::not_found)?;
            let draft = edit(&was);
            let mut fields = Fields::default();
            let rules = rules(&mut fields, &draft);
            let rules = fields.build(|| rules)?;
            may_rule(change.principal(), Some(&was), rules.movers)?;
            let is_owner = matches!(person(change.principal()), Some((_, Role::Owner)));
            if was.needs_second && !draft.needs_second && !is_owner {
                let sentence = "Only Owners take from a label that a second person must agree.";
                return Err(Error::new(Code::PermissionDenied, sentence));
            }
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let facts = Facts {
                description: &rules.description,
                colour: &rules.colour,
                movers: rules.movers,
                needs_second: draft.needs_second,
                by: &by,
            };
            let expected = version.unwrap_or(was.version);
            let is_saved = match was.version {
                0 => expected == 0 && labels::insert(change.tx(), name, &facts, now).await?,
                _ => labels::update(change.tx(), name, expected, &facts, now).await?,
            };
            if !is_saved {
                return Err(Error::stale());
            }
            let made = labels::find(change.tx(), name).await?.ok_or_else(Error::internal)?;
            let event = Event::of(Subject::new("label", name, name))
                .change("description", was.description.as_str(), made.description.as_str())
                .change("colour", was.colour.as_str(), made.colour.as_str())
                .change("movers", was.movers.name(), made.movers.name())
                .change("needs_second", was.needs_second, made.needs_second);
            change.commit(event, made).await
        })
        .await
}

/// Deletes a label that stands nowhere and that not every organisation has.
pub async fn delete(access: &Access, name: &str) -> Result<()> {
    access
        .act(Operation::LabelDelete, Subject::unnamed("label", name), |mut change| async move {
            let was = labels::find(change.tx(), name).await?.ok_or_else(Error::not_found)?;
            if was.is_built_in {
                return Err(Error::conflict("Every organisation has this label. It cannot be deleted."));
            }
            may_rule(change.principal(), Some(&was), Movers::Publishers)?;
            let standing = labels::standing(change.tx(), name).await?;
            if !standing.is_empty() {
                let names = versions::names(standing.iter().map(|(_, name)| name.as_str()).collect());
                return Err(Error::conflict(format!("It stands at versions of: {names}. Take it away there first.")));
            }
            labels::delete(change.tx(), name).await?;
            let event = Event::of(Subject::new("label", name, name)).change("name", name, Value::Null);
            change.commit(event, ()).await
        })
        .await
}
