//! What a text compiles to: what it names, what is wrong with it, and whether it may be stored.

use crate::{
    features::{
        configs::model::{self, Checked},
        guardrails, versions, virtual_keys,
    },
    guardrails::Side,
    kernel::{Code, Error, FieldError, GuardrailId, Result, VirtualKeyId},
    policy::Operation,
    routing::{self, Fault, Plan, Reference},
    server::{
        access::{Access, Change},
        database::OrgTx,
    },
};
use std::collections::BTreeMap;

/// The field that holds a config's text, in forms and in JSON.
pub(super) const TEXT: &str = "config";

/// What is said of a text that is not saved.
pub async fn check(access: &Access, text: &str) -> Result<Checked> {
    let mut tx = access.read(Operation::ConfigCheck).await?;
    checked(&mut tx, &model::parse_text(text)).await
}

/// What there is to say of a text, the names in it included.
pub(super) async fn checked(tx: &mut OrgTx, text: &str) -> Result<Checked> {
    let (outline, mut faults) = routing::look(text);
    if let Ok(plan) = routing::compile(text) {
        faults.extend(uses(tx, &plan).await?.1);
    }
    Ok(Checked { outline, faults })
}

/// What a plan names.
#[derive(Default)]
pub(super) struct Uses {
    pub(super) virtual_keys: Vec<VirtualKeyId>,
    pub(super) guardrails: Vec<guardrails::Use>,
}

/// What a plan names, and a fault for each name that there is not, or that may not stand there.
async fn uses(tx: &mut OrgTx, plan: &Plan) -> Result<(Uses, Vec<Fault>)> {
    let references = plan.references();
    let (mut known, mut faults): (BTreeMap<&str, Option<VirtualKeyId>>, _) = (BTreeMap::new(), vec![]);
    for reference in &references.virtual_keys {
        let id = match known.get(reference.slug.as_str()) {
            Some(id) => *id,
            None => {
                let id = virtual_keys::id_of(tx, &reference.slug).await?;
                known.insert(&reference.slug, id);
                id
            }
        };
        if id.is_none() {
            faults.push(reference.unknown_virtual_key());
        }
    }
    let mut virtual_keys: Vec<_> = known.into_values().flatten().collect();
    virtual_keys.sort_unstable();
    let guardrails = guardrails_of(tx, &references.guardrails, &mut faults).await?;
    Ok((Uses { virtual_keys, guardrails }, faults))
}

/// The guardrails of these names, and where each is named.
async fn guardrails_of(
    tx: &mut OrgTx,
    references: &[(Side, Reference)],
    faults: &mut Vec<Fault>,
) -> Result<Vec<guardrails::Use>> {
    let mut known: BTreeMap<&str, Option<guardrails::Named>> = BTreeMap::new();
    let mut uses: BTreeMap<GuardrailId, guardrails::Use> = BTreeMap::new();
    for (side, reference) in references {
        let slug = reference.slug.as_str();
        if !known.contains_key(slug) {
            known.insert(slug, guardrails::named(tx, slug).await?);
        }
        let Some(Some(named)) = known.get(slug) else {
            faults.push(reference.unknown_guardrail());
            continue;
        };
        let on_answers = *side == Side::Answer;
        if let (true, Some(check)) = (on_answers, &named.only_requests) {
            faults.push(reference.only_requests(check));
        }
        let none = guardrails::Use { guardrail: named.id, on_requests: false, on_answers: false };
        let noted = uses.entry(named.id).or_insert(none);
        if on_answers { noted.on_answers = true } else { noted.on_requests = true }
    }
    Ok(uses.into_values().collect())
}

/// A refusal that names the place of every fault.
fn refusal(faults: &[Fault]) -> Error {
    let place = |fault: &Fault| format!("Line {}, column {}: {}", fault.line, fault.column, fault.message);
    let field = |path: &str| match path {
        "" => TEXT.to_owned(),
        path => format!("{TEXT}.{path}"),
    };
    let fields: Vec<_> =
        faults.iter().map(|fault| FieldError { field: field(&fault.path), message: place(fault) }).collect();
    let message = match faults {
        [] => "The config cannot be read.".to_owned(),
        [only] => place(only),
        many => format!("The config has {} faults.", many.len()),
    };
    Error { fields, ..Error::new(Code::Invalid, message) }
}

/// The same for a form, in which the whole text is one field.
pub fn in_form(mut error: Error) -> Error {
    for field in &mut error.fields {
        if field.field.strip_prefix(TEXT).is_some_and(|rest| rest.starts_with('.')) {
            TEXT.clone_into(&mut field.field);
        }
    }
    error
}

/// A text that compiles, with what it names.
pub(super) struct Sound {
    pub(super) text: String,
    pub(super) uses: Uses,
}

/// Reads a text that shall be saved. The names in it are looked up in the change, so that none goes meanwhile.
pub(super) async fn sound(
    change: &mut Change,
    text: String,
    plan: std::result::Result<Plan, Vec<Fault>>,
) -> Result<Sound> {
    let plan = plan.map_err(|faults| refusal(&faults))?;
    let (uses, faults) = uses(change.tx(), &plan).await?;
    if !faults.is_empty() {
        return Err(refusal(&faults));
    }
    // What is stored must be read again.
    let laid_out = versions::laid_out(&text);
    Ok(Sound { text: if laid_out.len() > routing::MAX_TEXT { text } else { laid_out }, uses })
}

/// Compiles for whoever may act, and for nobody else.
pub(super) async fn compiled(
    access: &Access,
    operation: Operation,
    text: &str,
) -> Result<std::result::Result<Plan, Vec<Fault>>> {
    drop(access.read(operation).await?);
    Ok(routing::compile(text))
}
