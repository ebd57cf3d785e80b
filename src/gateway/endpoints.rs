//! Every kind of call that clients make, in one table: its address, the operation that names its permission, what it takes,
//! and whose words it is in. Who has it among the providers, what of it can stream and what is counted stands beside
//! each [`Interface`].

use super::request::Asks;
use crate::{
    dialect::{self, FormKind, Interface, Stored},
    guardrails::Shape,
    policy::Operation,
    web::refusal::Refusal,
};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Uri};
use serde::{Deserialize, Serialize};

/// The kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    ChatCompletions,
    Messages,
    Completions,
    Embeddings,
    Responses,
    ResponseGet,
    ResponseDelete,
    ResponseCancel,
    ResponseInputItems,
    CountTokens,
    Moderations,
    Images,
    Speech,
    Transcriptions,
    Rerank,
}

/// What a call brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A JSON object that names a model.
    Json,
    /// The same, which may leave the model to the provider.
    JsonWithoutModel,
    /// `multipart/form-data` that names a model.
    Form,
    /// Nothing but its address, in which the id of a response stands.
    Id,
}

/// In whose words a call is, and is answered.
#[derive(Debug, Clone, Copy)]
pub enum Speaks {
    /// OpenAI's chat completions, translated for providers of another language.
    Chat,
    /// Anthropic's messages, for Anthropic alone.
    Messages,
    /// Anthropic's count of tokens.
    CountTokens,
    /// An interface that is handed on as it is.
    Passed(&'static Interface),
    /// What is asked of an answer that the provider keeps.
    Stored(Stored),
    /// The list of models, which is no call of one.
    Models,
    /// One of that list. Its name is all that is left of the address, slashes too.
    Model,
    /// A prompt that is filled, and answered as it is.
    Render,
    /// A prompt that is filled and goes on as a call of another kind.
    Run,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// `None` where no model is called, and nothing is logged; and where a prompt says which kind of call is made.
    pub endpoint: Option<Endpoint>,
    /// The stored name.
    pub name: &'static str,
    pub operation: Operation,
    pub method: &'static str,
    pub path: &'static str,
    pub takes: Takes,
    pub speaks: Speaks,
}

use Endpoint as E;
use Operation as O;
use Speaks::{Chat, CountTokens, Messages, Models, Passed};
use Takes::{Form, Id, Json, JsonWithoutModel};

/// The kinds in the order of [`Endpoint`], and what else there is.
#[rustfmt::skip]
pub static TABLE: [Row; 19] = [
    row(Some(E::ChatCompletions), "chat_completions", O::ChatCompletion, "POST", "/v1/chat/completions", Json, Chat),
    row(Some(E::Messages), "messages", O::Messages, "POST", "/v1/messages", Json, Messages),
    row(Some(E::Completions), "completions", O::Completion, "POST", "/v1/completions", Json, Passed(&dialect::COMPLETIONS)),
    row(Some(E::Embeddings), "embeddings", O::Embeddings, "POST", "/v1/embeddings", Json, Passed(&dialect::EMBEDDINGS)),
    row(Some(E::Responses), "responses", O::ResponseCreate, "POST", "/v1/responses", JsonWithoutModel, Passed(&dialect::RESPONSES)),
    row(Some(E::ResponseGet), "response_get", O::ResponseGet, "GET", "/v1/responses/{id}", Id, Speaks::Stored(Stored::Get)),
    row(Some(E::ResponseDelete), "response_delete", O::ResponseDelete, "DELETE", "/v1/responses/{id}", Id, Speaks::Stored(Stored::Delete)),
    row(Some(E::ResponseCancel), "response_cancel", O::ResponseCancel, "POST", "/v1/responses/{id}/cancel", Id, Speaks::Stored(Stored::Cancel)),
    row(Some(E::ResponseInputItems), "response_input_items", O::ResponseInputItems, "GET", "/v1/responses/{id}/input_items", Id, Speaks::Stored(Stored::InputItems)),
    row(Some(E::CountTokens), "count_tokens", O::CountTokens, "POST", "/v1/messages/count_tokens", Json, CountTokens),
    row(Some(E::Moderations), "moderations", O::Moderation, "POST", "/v1/moderations", JsonWithoutModel, Passed(&dialect::MODERATIONS)),
    row(Some(E::Images), "images", O::Image, "POST", "/v1/images/generations", JsonWithoutModel, Passed(&dialect::IMAGES)),
    row(Some(E::Speech), "speech", O::Speech, "POST", "/v1/audio/speech", Json, Passed(&dialect::SPEECH)),
    row(Some(E::Transcriptions), "transcriptions", O::Transcription, "POST", "/v1/audio/transcriptions", Form, Passed(&dialect::TRANSCRIPTIONS)),
    row(Some(E::Rerank), "rerank", O::Rerank, "POST", "/v1/rerank", Json, Passed(&dialect::RERANK)),
    row(None, "prompt_render", O::PromptRender, "POST", "/v1/prompts/{slug}/render", JsonWithoutModel, Speaks::Render),
    row(None, "prompt_run", O::PromptRun, "POST", "/v1/prompts/{slug}/completions", JsonWithoutModel, Speaks::Run),
    row(None, "models", O::ModelsList, "GET", "/v1/models", Id, Models),
    row(None, "model", O::ModelGet, "GET", "/v1/models/{id}", Id, Speaks::Model),
];

const fn row(
    endpoint: Option<Endpoint>,
    name: &'static str,
    operation: Operation,
    method: &'static str,
    path: &'static str,
    takes: Takes,
    speaks: Speaks,
) -> Row {
    Row { endpoint, name, operation, method, path, takes, speaks }
}

impl Endpoint {
    /// Its row of the table.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The stored name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The kind of a request whose address says all, for a server that does not ask the router.
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        if *method != Method::POST || !path.starts_with("/v1/") {
            return None;
        }
        TABLE.iter().find(|row| row.path == path && row.method == "POST")?.endpoint
    }

    /// What its bodies look like, for whoever looks for texts in them.
    pub fn shape(self) -> Shape {
        match self {
            Endpoint::ChatCompletions => Shape::Chat,
            Endpoint::Messages | Endpoint::CountTokens => Shape::Messages,
            Endpoint::Completions => Shape::Completions,
            Endpoint::Embeddings => Shape::Embeddings,
            Endpoint::Responses
            | Endpoint::ResponseGet
            | Endpoint::ResponseDelete
            | Endpoint::ResponseCancel
            | Endpoint::ResponseInputItems => Shape::Responses,
            Endpoint::Moderations => Shape::Moderations,
            Endpoint::Images => Shape::Images,
            Endpoint::Speech => Shape::Speech,
            Endpoint::Transcriptions => Shape::Transcriptions,
            Endpoint::Rerank => Shape::Rerank,
        }
    }

    /// Whether its answers hold what was said, so that they are judged. A count, or word of what was deleted, is none.
    pub fn answers_in_words(self) -> bool {
        self.shape().answers_in_words() && !matches!(self, Endpoint::CountTokens | Endpoint::ResponseDelete)
    }

    /// Whether its answers may be kept for the same question: those that are JSON or events.
    pub fn is_kept(self) -> bool {
        !matches!(self, Endpoint::Speech)
    }

    /// Whether its callers read errors as Anthropic tells them.
    pub fn is_anthropics(self) -> bool {
        matches!(self, Endpoint::Messages | Endpoint::CountTokens)
    }

    /// What a request of this kind brings, as far as its head tells.
    ///
    /// # Errors
    /// When it should be a form and is none.
    pub(super) fn asks(self, parts: &Parts) -> Result<Asks, Refusal> {
        Ok(match self.row().takes {
            Takes::Json => Asks::Json { needs_model: true },
            Takes::JsonWithoutModel => Asks::Json { needs_model: false },
            Takes::Form => {
                let mut kinds = parts.headers.get_all(CONTENT_TYPE).iter();
                let kind = kinds.next().filter(|_| kinds.next().is_none()).and_then(FormKind::read);
                Asks::Form(kind.ok_or_else(Refusal::no_form)?)
            }
            Takes::Id => {
                let query = parts.uri.query().unwrap_or_default();
                let streamed = query.split('&').any(|pair| pair == "stream=true");
                Asks::Stored { id: id_of(&parts.uri).into(), query: query.into(), streamed }
            }
        })
    }
}

/// The id in `/v1/responses/{id}` and below.
fn id_of(uri: &Uri) -> &str {
    uri.path().split('/').nth(3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_operations_tell_of_the_same_addresses() {
        for (number, row) in TABLE.iter().enumerate() {
            assert_eq!(row.operation.spec().routes, [format!("{} {}", row.method, row.path)]);
            assert!(row.endpoint.is_none_or(|endpoint| endpoint as usize == number), "{}", row.name);
            if let Some(endpoint) = row.endpoint {
                assert_eq!(serde_json::to_value(endpoint).expect("a name"), row.name);
            }
        }
    }
}
