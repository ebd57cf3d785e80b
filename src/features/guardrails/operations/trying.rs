//! What a guardrail says of a text that nobody has sent. Nothing is stored.

use super::definition::{definition, sound};
use crate::{
    features::guardrails::{
        bench, form,
        model::{Actions, TEXT_LIMIT, Tried, Typed},
        store,
    },
    guardrails,
    kernel::{Error, Fields, Result, text},
    policy::Operation,
    server::access::Access,
};
use serde_json::{Value, json};

/// What the guardrail that a form holds says of the text that stands beside it. Nothing is stored.
pub async fn try_typed(access: &Access, of: &str, typed: &Typed) -> Result<Tried> {
    let mut tx = access.read(Operation::GuardrailTry).await?;
    let stored = match of {
        "" => Value::Null,
        of => definition(&store::find(&mut tx, of, access.now()).await?.ok_or_else(Error::not_found)?.text),
    };
    drop(tx);
    Ok(tried(access, typed, &stored).await)
}

pub(super) async fn tried(access: &Access, typed: &Typed, stored: &Value) -> Tried {
    let mut refused = Fields::default();
    let (blocks, actions): (_, Actions) = (form::blocks_typed(typed, ""), form::actions_typed(typed));
    let definition = form::definition_of(&blocks, &actions, stored, &mut refused);
    let sound = sound(access, &definition);
    let text = parse_text(typed.get("text"));
    let told = [refused.finish().err(), sound.as_ref().err().cloned()].into_iter().flatten();
    let mut faults: Vec<String> = told
        .flat_map(|error| error.fields)
        .map(|field| format!("{}: {}", place(&field.field), field.message))
        .collect();
    faults.extend(text.as_ref().err().cloned());
    match (sound, text) {
        (Ok(sound), Ok(text)) if faults.is_empty() => {
            let is_answer = typed.get("side") == "answer";
            let judged = bench::judge(access, &sound.guardrail, ("", None), is_answer, &text).await;
            bench::told(judged, &definition, &text)
        }
        _ => Tried { faults, ..Tried::default() },
    }
}

/// Where a fault is, for people: `Check 1`.
fn place(field: &str) -> String {
    let number = field.strip_prefix("checks[").and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
    number.map_or_else(|| "The guardrail".to_owned(), |number| format!("Check {}", number + 1))
}

/// What is judged for a program: a guardrail that is stored, with the checks and actions that are given in place of its own.
pub async fn try_text(
    access: &Access,
    of: Option<&str>,
    (checks, actions): (Option<Value>, Option<Value>),
    is_answer: bool,
    text: &str,
) -> Result<guardrails::Tried> {
    let mut tx = access.read(Operation::GuardrailTry).await?;
    let stored = match of {
        Some(of) => Some(store::find(&mut tx, of, access.now()).await?.ok_or_else(Error::not_found)?),
        None => None,
    };
    drop(tx);
    let about = stored.as_ref().map_or(("", None), |stored| (stored.slug.as_str(), Some(stored.current)));
    let own = stored.as_ref().map_or(Value::Null, |stored| definition(&stored.text));
    let checks = checks.unwrap_or_else(|| own["checks"].clone());
    let actions = actions.unwrap_or_else(|| own["actions"].clone());
    let sound = sound(access, &json!({ "checks": checks, "actions": actions }))?;
    let text = parse_text(text).map_err(|sentence| Error::field("text", sentence))?;
    Ok(bench::judge(access, &sound.guardrail, about, is_answer, &text).await)
}

/// Lines as files have them; browsers post a line break as two characters.
pub(super) fn parse_text(text: &str) -> std::result::Result<String, String> {
    let text = text.replace("\r\n", "\n");
    match text.chars().count() {
        long if long > TEXT_LIMIT => {
            Err(format!("A text has at most {} characters.", text::grouped(TEXT_LIMIT as i64)))
        }
        _ => Ok(text),
    }
}
