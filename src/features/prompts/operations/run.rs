//! A prompt that is tried: filled as it is typed, and sent to its model on the way of every call, with the person's own right
//! to call models.

use super::compile::filled;
use crate::{
    dialect::{
        sse::{Frame, Frames, parse_frame},
        usage::{Observer, StreamKind, Usage},
    },
    features::prompts::model::{Answered, Content, Filled, Piece, Ran},
    kernel::{CallId, Error, RequestId, Result, provider::Provider},
    policy::Operation,
    server::access::Access,
    web::models::{ModelCall, ModelCalls},
};
use axum::body::{Body, to_bytes};
use futures_util::{Stream, StreamExt, stream};
use http::{Response, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc};
use tokio::{sync::mpsc, time::Instant};

/// The longest answer that is shown, in bytes.
const LONGEST: usize = 1 << 20;

/// Fills a prompt that is typed and calls its model with it; what comes of it, piece by piece. Whoever stops listening ends
/// the call.
pub async fn run(
    access: &Access,
    models: Arc<dyn ModelCalls>,
    content: &Content,
    values: &str,
    is_strict: bool,
) -> Result<impl Stream<Item = Piece> + Send + use<>> {
    let mut filled = filled(access.read(Operation::PromptTry).await?, content, values, is_strict).await?;
    let call = if filled.refusal.is_empty() { model_call(access, content, &filled)? } else { None };
    if call.is_none() && filled.refusal.is_empty() {
        "Choose a virtual key: it says which provider is called.".clone_into(&mut filled.refusal);
    }
    let (send, mut receive) = mpsc::channel(16);
    if let Some(call) = call {
        tokio::spawn(async move {
            let listener = send.clone();
            tokio::select! {
                () = answer(models, call, send) => {}
                () = listener.closed() => {}
            }
        });
    }
    let rest = stream::poll_fn(move |context| receive.poll_recv(context));
    Ok(stream::once(async move { Piece::Filled(filled) }).chain(rest))
}

/// All that comes of a run, once it has come to its end.
pub async fn whole(pieces: impl Stream<Item = Piece>) -> Ran {
    let take = async |mut ran: Ran, piece| {
        ran.take(piece);
        ran
    };
    pieces.fold(Ran::default(), take).await
}

/// The call that a filled prompt makes, streamed; none where nothing says which provider is called.
fn model_call(access: &Access, content: &Content, filled: &Filled) -> Result<Option<ModelCall>> {
    let member = access.member().ok_or_else(Error::sign_in_needed)?;
    let mut request: Value = serde_json::from_str(&filled.request).map_err(|_| Error::internal())?;
    let names_one = request["model"].as_str().is_some_and(|model| model.starts_with('@'));
    if content.virtual_key.is_empty() && !names_one {
        return Ok(None);
    }
    let path = if request.get("messages").is_some() { "/v1/chat/completions" } else { "/v1/completions" };
    request["stream"] = json!(true);
    request["stream_options"] = json!({ "include_usage": true });
    let virtual_key = (!names_one).then(|| content.virtual_key.clone());
    Ok(Some(ModelCall { member, id: RequestId::new(), path, virtual_key, body: request.to_string() }))
}

/// Calls, and sends what comes of it.
async fn answer(models: Arc<dyn ModelCalls>, call: ModelCall, send: mpsc::Sender<Piece>) {
    let (begun, id, member) = (Instant::now(), CallId(call.id.0), call.member);
    let response = models.call(call).await;
    let mut answer = Answer::default();
    let status = response.status().as_u16();
    let provider = response.headers().get("x-portkey-provider").and_then(|name| Provider::parse(name.to_str().ok()?));
    let usage = match is_stream(&response) {
        true => answer.read_stream(response.into_body(), &send).await,
        false => {
            let body = to_bytes(response.into_body(), LONGEST).await.unwrap_or_default();
            let told = serde_json::from_slice::<Value>(&body).unwrap_or_default();
            answer.take(&told, &send).await;
            if status != 200 && answer.refusal.is_empty() {
                answer.refusal = format!("The answer is HTTP {status} without a reason.");
            }
            None
        }
    };
    let cost = match provider.zip(usage) {
        Some((provider, usage)) => models.cost(&member, provider, &answer.model, usage).await,
        None => None,
    };
    let end = Answered {
        status,
        refusal: answer.refusal,
        tokens: usage.map(|usage| (usage.input_tokens, usage.output_tokens)),
        cost,
        first_ms: answer.first.map(|at| milliseconds(begun, at)),
        took_ms: milliseconds(begun, Instant::now()),
        call: id,
    };
    let _ = send.send(Piece::End(end)).await;
}

fn milliseconds(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(u64::MAX)
}

fn is_stream(response: &Response<Body>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}

/// What is read of an answer.
#[derive(Default)]
struct Answer {
    /// Bytes of text so far.
    text: usize,
    /// When the first of it came.
    first: Option<Instant>,
    model: String,
    refusal: String,
}

impl Answer {
    /// Reads a stream to its end; gives the tokens that it tells of.
    async fn read_stream(&mut self, body: Body, send: &mpsc::Sender<Piece>) -> Option<Usage> {
        let (mut frames, mut observer) = (Frames::default(), Observer::new(StreamKind::OpenAi));
        let mut bytes = body.into_data_stream();
        while let Some(piece) = bytes.next().await {
            let Ok(piece) = piece else {
                "The answer broke off.".clone_into(&mut self.refusal);
                break;
            };
            observer.feed(&piece);
            let mut told: Vec<Value> = vec![];
            let _ = frames.feed(&piece, |frame| {
                if let Frame::Whole(frame) = frame
                    && let Some(event) = parse_frame(frame)
                {
                    told.extend(serde_json::from_str::<Value>(&event.data));
                }
                Ok::<_, Infallible>(())
            });
            for told in told {
                self.take(&told, send).await;
            }
        }
        observer.finish();
        observer.usage()
    }

    /// Takes in a whole answer, or an event of a stream.
    async fn take(&mut self, told: &Value, send: &mpsc::Sender<Piece>) {
        if let Some(message) = told["error"]["message"].as_str() {
            message.clone_into(&mut self.refusal);
        }
        if let Some(model) = told["model"].as_str() {
            model.clone_into(&mut self.model);
        }
        let choice = &told["choices"][0];
        let said = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        let mut text = [&said["content"], &said["refusal"], &choice["text"]]
            .into_iter()
            .filter_map(Value::as_str)
            .collect::<String>();
        for call in said["tool_calls"].as_array().into_iter().flatten() {
            if let Some(name) = call["function"]["name"].as_str() {
                text.push_str(&format!("\n{name} "));
            }
            text.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
        self.text += text.len();
        if text.is_empty() || self.text > LONGEST {
            return;
        }
        self.first.get_or_insert_with(Instant::now);
        let _ = send.send(Piece::Text(text)).await;
    }
}
