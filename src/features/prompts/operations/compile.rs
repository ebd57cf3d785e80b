//! What a version compiles to: which names are in it, what is wrong with it, and whether it may be stored.

use crate::{
    features::prompts::{
        model::{self, Checked, Components, Content, Filled, Kind},
        store,
    },
    kernel::{Code, Error, Fault, FieldError, Result},
    policy::Operation,
    prompts::{self, Prompt, Source, Template},
    server::{access::Access, database::OrgTx},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The field that holds the text, in forms and in JSON.
const TEXT: &str = "string";

/// What is said of a version that is not saved.
pub async fn check(access: &Access, kind: Kind, content: &Content) -> Result<Checked> {
    let mut tx = access.read(Operation::PromptCheck).await?;
    checked(&mut tx, content, kind).await
}

/// What a version that is not saved comes to with these values, a JSON object. Nobody is called.
pub async fn fill(access: &Access, content: &Content, values: &str, is_strict: bool) -> Result<Filled> {
    filled(access.read(Operation::PromptFill).await?, content, values, is_strict).await
}

pub(super) async fn filled(mut tx: OrgTx, content: &Content, values: &str, is_strict: bool) -> Result<Filled> {
    let refused = |sentence: String| Filled { refusal: sentence, ..Filled::default() };
    let prompt = match Prompt::read(&source(content)) {
        Ok(prompt) => prompt,
        Err(faults) => return Ok(refused(refusal(Kind::Prompt, &faults).message)),
    };
    let known = reached(&mut tx, prompt.names()).await?;
    drop(tx);
    let find = |slug: &str, number: Option<u32>| known.get(&(slug.to_owned(), number)).cloned().flatten();
    let values = if values.trim().is_empty() { "{}" } else { values };
    let rendered = prompts::Variables::read(values).and_then(|values| prompt.render(&values, &find, is_strict));
    Ok(match rendered {
        Err(refusal) => refused(refusal.message()),
        Ok(rendered) => {
            let request = prompt.request(&rendered.output, &serde_json::Map::new());
            let request: serde_json::Value = serde_json::from_str(&request).map_err(|_| Error::internal())?;
            Filled {
                request: serde_json::to_string_pretty(&request).unwrap_or_default(),
                warnings: rendered.warnings.iter().map(prompts::Warning::sentence).collect(),
                refusal: String::new(),
            }
        }
    })
}

pub(super) async fn checked(tx: &mut OrgTx, content: &Content, kind: Kind) -> Result<Checked> {
    let faults = compile(content, kind).err().unwrap_or_default();
    Ok(Checked { components: components(tx, content, kind).await?, faults })
}

/// A version that compiles.
enum Compiled {
    Prompt(Box<Prompt>),
    Partial(Template),
}

impl Compiled {
    fn names(&self) -> &prompts::Names {
        match self {
            Compiled::Prompt(prompt) => prompt.names(),
            Compiled::Partial(template) => template.names(),
        }
    }

    /// The slugs of the partials that it names, each once.
    fn partials(&self) -> Vec<String> {
        let slugs: BTreeSet<&str> =
            self.names().partials.iter().map(|written| prompts::partial_name(written).0).collect();
        slugs.into_iter().map(str::to_owned).collect()
    }
}

fn compile(content: &Content, kind: Kind) -> std::result::Result<Compiled, Vec<Fault>> {
    match kind {
        Kind::Prompt => Prompt::read(&source(content)).map(|prompt| Compiled::Prompt(Box::new(prompt))),
        Kind::Partial => Template::parse(&content.string).map(Compiled::Partial).map_err(|fault| vec![fault]),
    }
}

/// A version's content in the words of the templates.
pub fn source(content: &Content) -> Source<'_> {
    Source {
        string: &content.string,
        kind: match content.form.as_str() {
            "chat" => Some(prompts::Kind::Chat),
            "text" => Some(prompts::Kind::Text),
            _ => None,
        },
        is_raw: content.is_raw,
        model: Some(&content.model),
        parameters: Some(&content.parameters),
        functions: Some(&content.functions),
        tools: Some(&content.tools),
        tool_choice: Some(&content.tool_choice),
    }
}

/// The names in a version and in the partials within its reach; none where it does not compile.
pub(super) async fn components(tx: &mut OrgTx, content: &Content, kind: Kind) -> Result<Components> {
    let Ok(compiled) = compile(content, kind) else { return Ok(Components::default()) };
    let known = reached(tx, compiled.names()).await?;
    let find = |slug: &str, number: Option<u32>| known.get(&(slug.to_owned(), number)).cloned().flatten();
    let names = match &compiled {
        Compiled::Prompt(prompt) => prompt.variables(&find),
        Compiled::Partial(template) => template.names().clone(),
    };
    Ok(Components { variables: names.variables, sections: names.sections, partials: names.partials })
}

/// Partials by what names them: a slug, and a number where one is named.
pub type Reached = BTreeMap<(String, Option<u32>), Option<Arc<Template>>>;

/// The partials within reach of these names, compiled; at most as many as the templates follow. Where a variable names one,
/// any that is published is within reach.
pub async fn reached(tx: &mut OrgTx, names: &prompts::Names) -> Result<Reached> {
    let mut known = Reached::new();
    let mut waiting: Vec<String> = names.partials.clone();
    let (mut is_any, mut has_all) = (false, names.by_variable);
    if has_all {
        waiting.extend(store::published_partials(tx).await?);
    }
    while let Some(written) = waiting.pop() {
        let (slug, number) = prompts::partial_name(&written);
        let key = (slug.to_owned(), number);
        if known.contains_key(&key) || known.len() >= prompts::MAX_PARTIALS {
            continue;
        }
        let text = store::partial(tx, slug, number.map(i64::from)).await?;
        let template = text.and_then(|(_, text)| Template::parse(&text).ok()).map(Arc::new);
        for names in template.iter().map(|template| template.names()) {
            waiting.extend(names.partials.clone());
            is_any |= names.by_variable;
        }
        if std::mem::take(&mut is_any) && !has_all {
            has_all = true;
            waiting.extend(store::published_partials(tx).await?);
        }
        known.insert(key, template);
    }
    Ok(known)
}

/// A refusal that names the place of every fault.
fn refusal(kind: Kind, faults: &[Fault]) -> Error {
    let place = |fault: &Fault| match fault.path.as_str() {
        "" => format!("In line {}, column {}: {}", fault.line, fault.column, fault.message),
        path => format!("{path}, line {}, column {}: {}", fault.line, fault.column, fault.message),
    };
    let field =
        |path: &str| if path.is_empty() || path.starts_with('[') { format!("{TEXT}{path}") } else { path.to_owned() };
    let fields = faults.iter().map(|fault| FieldError { field: field(&fault.path), message: place(fault) }).collect();
    let message = match faults {
        [] => format!("This cannot be read as {}.", kind.one()),
        [only] => place(only),
        many => format!("There are {} faults in it.", many.len()),
    };
    Error { fields, ..Error::new(Code::Invalid, message) }
}

/// The same for a form, in which the whole text is one field.
pub fn in_form(mut error: Error) -> Error {
    for field in &mut error.fields {
        if field.field.strip_prefix(TEXT).is_some_and(|rest| rest.starts_with('[')) {
            TEXT.clone_into(&mut field.field);
        }
    }
    error
}

/// A version that may be stored.
pub(super) struct Sound {
    pub(super) body: String,
    pub(super) partials: Vec<String>,
}

/// Compiles for whoever may act, and for nobody else: it may take a while, so the organisation's chain is not held meanwhile.
pub(super) async fn compiled(
    access: &Access,
    operation: Operation,
    kind: Kind,
    content: &Content,
) -> Result<Result<Sound>> {
    drop(access.read(operation).await?);
    Ok(sound(kind, content))
}

pub(super) fn sound(kind: Kind, content: &Content) -> Result<Sound> {
    let compiled = compile(content, kind).map_err(|faults| refusal(kind, &faults))?;
    let body = serde_json::to_string(content).map_err(|_| Error::internal())?;
    let settings = Content { string: String::new(), ..content.clone() };
    if serde_json::to_string(&settings).map_or(usize::MAX, |text| text.len()) > model::SETTINGS_LIMIT {
        let most = model::SETTINGS_LIMIT >> 10;
        return Err(Error::field(
            "parameters",
            format!("Parameters, tools and notes have at most {most} KiB together."),
        ));
    }
    if !content.metadata.is_null() && !content.metadata.is_object() {
        return Err(Error::field("template_metadata", "Notes are an object of JSON."));
    }
    if content.model.chars().count() > model::MODEL_LIMIT {
        return Err(Error::field("model", format!("A model has at most {} characters.", model::MODEL_LIMIT)));
    }
    Ok(Sound { body, partials: compiled.partials() })
}
