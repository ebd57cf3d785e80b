//! The calls that explain.

use super::{
    model::{Answer, MOST, Party, PartyKind, WhoCan},
    operations::{self, numbered},
    question::{Named, Question, Supposed, act},
};
use crate::{
    kernel::{Error, Result, text},
    policy::{KeyFeature, Level, Operation, Permission, PermissionSet, Role, Step},
    web::api::{Api, Call, List, input},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::WhyExplain, "Explain decisions: why somebody may do something, or may not", explain).serve(
        Operation::WhyWhoCan,
        "List who can do something",
        who_can,
    )
}

input! {
    /// Questions, 1 to 100.
    WhyQuestions {
        /// Each names whom it is about (left out: the key that asks), and one permission or operation.
        #[schema(value_type = Vec<WhyQuestion>)]
        questions: Value,
    }
}

/// One question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyQuestion {
    /// The id of the member that it is about.
    user: Option<String>,
    /// The id of the API key that it is about.
    api_key: Option<String>,
    /// Such as `prompts.publish`.
    permission: Option<String>,
    /// Such as `prompt.publish`, as the audit log names it.
    operation: Option<String>,
    /// The id of the member to whom it is done, where it is done to people.
    on_user: Option<String>,
    /// The id of the API key to which it is done, where it is done to keys.
    on_api_key: Option<String>,
    /// `owner`, `admin` or `member`: the role that is given.
    to_role: Option<String>,
    /// What would be different.
    suppose: Option<WhySupposed>,
}

/// What is supposed, in place of how it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhySupposed {
    /// The member's role.
    role: Option<String>,
    /// All permissions of the key's own set, by their names.
    permissions: Option<Vec<String>>,
    /// The key's levels by feature, such as `{"prompts": "write"}`. Other features stay.
    levels: Option<BTreeMap<String, String>>,
    /// The role of the person that the key answers for.
    responsible_role: Option<String>,
}

input! {
    /// What is asked about, by one of the first two.
    WhoCanQuery {
        /// Such as `prompts.publish`.
        #[schema(pattern = "^[a-z_]+\\.[a-z_]+$")]
        permission: Option<String>,
        /// Such as `prompt.publish`, as the audit log names it.
        #[schema(pattern = "^[a-z_]+\\.[a-z_]+$")]
        operation: Option<String>,
        /// The id of the member to whom it is done, where it is done to people.
        #[schema(format = Uuid)]
        on_user: Option<String>,
        /// The id of the API key to which it is done, where it is done to keys.
        #[schema(format = Uuid)]
        on_api_key: Option<String>,
        /// The role that is given.
        #[schema(pattern = "^(owner|admin|member)$")]
        to_role: Option<String>,
    }
}

/// A decision with its reasons.
#[derive(Serialize, ToSchema)]
pub struct Explanation {
    #[schema(example = "explanation")]
    object: &'static str,
    /// Whom it is about: `user` or `api_key`.
    kind: &'static str,
    id: String,
    name: String,
    /// The permission or operation.
    what: String,
    allowed: bool,
    /// Whether something was supposed.
    supposed: bool,
    /// The answer in words.
    sentence: String,
    /// The code of the error that they would be told.
    code: Option<String>,
    /// The permission that is missing.
    permission: Option<&'static str>,
    /// The roles that hold it, in words.
    held_by: Option<String>,
    /// In the order in which they are asked. Where it is denied, one has failed, and it decides.
    steps: Vec<ExplanationStep>,
    /// What it asks for besides.
    besides: Vec<String>,
    /// All that the key's own set holds; null for people.
    own_permissions: Option<Vec<&'static str>>,
    /// What of it works, cut by what the person may do that it answers for; null for people.
    effective_permissions: Option<Vec<&'static str>>,
}

/// One step of a decision.
#[derive(Serialize, ToSchema)]
pub struct ExplanationStep {
    /// What it looks at: `standing`, `organisation`, `people`, `role`, `own_set`, `person`, `ceiling` or `open`.
    part: &'static str,
    /// `passed`, `failed` or `not_asked`.
    verdict: &'static str,
    permission: Option<&'static str>,
    title: String,
    words: String,
}

/// Who can do something.
#[derive(Serialize, ToSchema)]
pub struct Able {
    #[schema(example = "who_can")]
    object: &'static str,
    /// The permission or operation.
    what: String,
    users: Vec<AbleParty>,
    /// Null: the key that asks may not list API keys.
    api_keys: Option<Vec<AbleParty>>,
    /// False: there are more members or keys than were looked through, which is the first 1,000 of each.
    is_whole: bool,
}

/// Somebody who can.
#[derive(Serialize, ToSchema)]
pub struct AbleParty {
    id: String,
    name: String,
    /// A member's role, or for whom a key answers.
    about: String,
}

async fn explain(call: Call, asked: WhyQuestions) -> Result<List<Explanation>> {
    let questions = read(asked.questions)?;
    let answers = operations::explain(&call.access, &questions).await?;
    let total = i64::try_from(answers.len()).unwrap_or(i64::MAX);
    Ok(List::new(total, answers).map(shown))
}

async fn who_can(call: Call, asked: WhoCanQuery) -> Result<Able> {
    let act = act(asked.permission.as_deref(), asked.operation.as_deref())?;
    let on = Named::of(asked.on_user.as_deref(), asked.on_api_key.as_deref(), ("on_user", "on_api_key"))?;
    let to = role("to_role", asked.to_role.as_deref())?;
    let WhoCan { what, people, keys, is_whole } = operations::who_can(&call.access, act, on, to).await?;
    Ok(Able {
        object: "who_can",
        what,
        users: people.into_iter().map(able).collect(),
        api_keys: keys.map(|keys| keys.into_iter().map(able).collect()),
        is_whole,
    })
}

fn read(sent: Value) -> Result<Vec<Question>> {
    let Value::Array(items) = sent else { return Err(Error::field("questions", "`questions` must be an array.")) };
    if !(1..=MOST).contains(&items.len()) {
        return Err(Error::field("questions", format!("Send 1 to {MOST} questions.")));
    }
    let read = items.into_iter().enumerate().map(|(number, item)| {
        let asked = serde_json::from_value(item).map_err(|_| {
            let message = "A question is an object of user or api_key, permission or operation, on_user or on_api_key, \
                           to_role, and suppose with role, permissions, levels and responsible_role.";
            Error::field(format!("questions.{number}"), message)
        })?;
        question(&asked).map_err(|error| numbered(number, error))
    });
    read.collect()
}

fn question(asked: &WhyQuestion) -> Result<Question> {
    Ok(Question {
        who: Named::of(asked.user.as_deref(), asked.api_key.as_deref(), ("user", "api_key"))?,
        act: act(asked.permission.as_deref(), asked.operation.as_deref())?,
        on: Named::of(asked.on_user.as_deref(), asked.on_api_key.as_deref(), ("on_user", "on_api_key"))?,
        to: role("to_role", asked.to_role.as_deref())?,
        supposed: asked.suppose.as_ref().map_or_else(|| Ok(Supposed::default()), supposed)?,
    })
}

fn supposed(asked: &WhySupposed) -> Result<Supposed> {
    let refused = |message: String| Error::field("suppose", message);
    let permissions = asked.permissions.as_ref().map(PermissionSet::from_names).transpose();
    let levels = asked.levels.iter().flatten().map(|(feature, level)| {
        let found = KeyFeature::ALL.into_iter().find(|known| known.name() == feature).zip(Level::parse(level));
        let unknown =
            || refused(format!("There is no feature and level {}: {}.", text::cut(feature, 40), text::cut(level, 40)));
        found.ok_or_else(unknown)
    });
    Ok(Supposed {
        role: role("suppose", asked.role.as_deref())?,
        permissions: permissions.map_err(|unknown| refused(text::cut(&unknown.to_string(), 200).to_owned()))?,
        levels: levels.collect::<Result<_>>()?,
        person: role("suppose", asked.responsible_role.as_deref())?,
    })
}

fn role(field: &str, name: Option<&str>) -> Result<Option<Role>> {
    let read = |name| Role::parse(name).ok_or_else(|| Error::field(field, "A role is owner, admin or member."));
    name.map(read).transpose()
}

fn shown(answer: Answer) -> Explanation {
    Explanation {
        object: "explanation",
        kind: match answer.who.kind {
            PartyKind::User => "user",
            PartyKind::ApiKey => "api_key",
        },
        id: answer.who.id,
        name: answer.who.name,
        what: answer.what,
        allowed: answer.allowed,
        supposed: answer.supposed,
        sentence: answer.sentence,
        code: answer.code,
        permission: answer.missing.map(Permission::name),
        held_by: answer.missing.map(Permission::held_by),
        steps: answer.steps.into_iter().map(step).collect(),
        besides: answer.besides,
        own_permissions: answer.sets.map(|sets| sets.own.names()),
        effective_permissions: answer.sets.map(|sets| sets.effective.names()),
    }
}

fn step(step: Step) -> ExplanationStep {
    ExplanationStep {
        part: step.part.name(),
        verdict: step.verdict.name(),
        permission: step.permission.map(Permission::name),
        title: step.title,
        words: step.words,
    }
}

fn able(party: Party) -> AbleParty {
    AbleParty { id: party.id, name: party.name, about: party.about }
}
