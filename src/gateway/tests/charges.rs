//! What calls count under limits of which no usage came, or of another model than the one that was asked for.

use super::support::*;
use crate::{
    dialect::{prices::cost, usage::Usage},
    features::limits::model::{Action, Kind, Limit, Measure, On, Scope, Span, Wanted},
    gateway::{facts::CallEnd, limits::LimitSet},
    kernel::{LimitId, money::DOLLAR, provider::Provider},
};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use uuid::Uuid;

const REQUESTS: LimitId = LimitId::numbered(1);
const TOKENS: LimitId = LimitId::numbered(2);
const COST: LimitId = LimitId::numbered(3);

/// A budget that never begins anew.
pub fn budget(id: LimitId, measure: Measure, amount: i64) -> Limit {
    let (kind, span, action) = (Kind::Budget, Span::Whole, Action::Block);
    Limit {
        id,
        on: On { scope: Scope::ApiKey, id: Uuid::nil() },
        is: Wanted { kind, measure, span, amount, action, alert_at: None, anchor: None },
        emails: vec![],
        since: now(),
        reset_at: None,
        raised: None,
    }
}

/// A house whose good key has budgets of requests, tokens and money.
async fn house() -> House {
    let house = House::new().await;
    let of = |id, measure, amount| budget(id, measure, amount);
    let limits = vec![
        of(REQUESTS, Measure::Requests, 1_000),
        of(TOKENS, Measure::Tokens, 1_000_000),
        of(COST, Measure::Cost, DOLLAR),
    ];
    house.key("lk_good", |key| key.limits = LimitSet::from(limits));
    house
}

/// How the calls ended, in the order in which they were recorded.
async fn ends(house: &House) -> Vec<CallEnd> {
    house.records().await.into_iter().filter_map(|record| record.outcome).collect()
}

/// What a call counts: requests, tokens and money.
fn counted(end: &CallEnd) -> [i64; 3] {
    [REQUESTS, TOKENS, COST].map(|limit| {
        let of_it = end.spent.iter().filter(|spent| spent.limit == limit);
        of_it.map(|spent| spent.amount).sum()
    })
}

/// What the text of a request counts: a token for four bytes.
fn request_tokens(body: &Value) -> i64 {
    i64::try_from(body.to_string().len().div_ceil(4)).expect("a number")
}

fn price(provider: Provider, model: &str, input_tokens: i64, output_tokens: i64) -> i64 {
    let tokens = |tokens: i64| u64::try_from(tokens).expect("tokens");
    let usage = Usage { input_tokens: tokens(input_tokens), output_tokens: tokens(output_tokens), ..Usage::default() };
    cost(None, provider, model, usage).expect("a price")
}

async fn silent() -> Upstream {
    Upstream::scripted(|stream| async move {
        let _held = stream;
        sleep(10 * SOON).await;
    })
    .await
}

#[tokio::test]
async fn what_the_provider_may_bill_counts_and_what_never_left_does_not() {
    let input = request_tokens(&hello());
    let billed = [1, input, price(Provider::OpenAi, "gpt-4o", input, 0)];
    let broken = Upstream::scripted(|stream: TcpStream| async move { drop(stream) }).await;
    let cut = Upstream::scripted(|mut stream: TcpStream| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"choices\":";
        let _ = stream.write_all(head).await;
    })
    .await;
    let refusing = Upstream::json(429, "", &json!({ "error": { "message": "later" } })).await;
    let failing = Upstream::json(500, "", &json!({ "error": { "message": "oh" } })).await;
    let answering = Upstream::json(200, "", &completion()).await;
    for (what, upstream, expected) in [
        ("silent", silent().await, billed),
        ("broken before a byte came", broken, billed),
        ("broken in the answer", cut, billed),
        ("refused", refusing, [1, 0, 0]),
        ("failed", failing, [1, 0, 0]),
        ("answered", answering, [1, 11, price(Provider::OpenAi, "gpt-4o", 9, 2)]),
    ] {
        let house = house().await;
        house.target("main", Provider::OpenAi, upstream.port);
        house.chat(&hello()).await;
        let ends = ends(&house).await;
        assert_eq!(ends.iter().map(counted).collect::<Vec<_>>(), [expected], "{what}: {ends:?}");
        // The log guesses nothing.
        assert_eq!(ends[0].usage.is_some(), what == "answered", "{what}");
        assert_eq!(ends[0].cost.is_some(), what == "answered", "{what}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let house = house().await;
    house.target("main", Provider::OpenAi, port);
    assert_eq!(house.chat(&hello()).await.refusal(), (502, "upstream_unreachable".into()));
    assert_eq!(counted(&ends(&house).await[0]), [0, 0, 0]);
}

#[tokio::test]
async fn a_time_limit_and_a_caller_who_leaves_count_the_request() {
    let input = request_tokens(&hello());
    let upstream = silent().await;
    let house = house().await;
    house.target("main", Provider::OpenAi, upstream.port);
    let mut headers = CALLER.to_vec();
    headers.push(("x-portkey-request-timeout", "50"));
    let told = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
    assert_eq!(told.refusal(), (408, "request_timeout".into()));
    // Of one that a config leads each attempt counts, and the call is one request.
    let config =
        json!({ "virtual_key": "main", "request_timeout": 50, "retry": { "attempts": 1, "on_status_codes": [408] } });
    let config = config.to_string();
    let mut headers = CALLER.to_vec();
    headers.push(("x-portkey-config", &config));
    let told = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
    assert_eq!(told.refusal(), (408, "request_timeout".into()));
    let body = hello();
    assert!(timeout(Duration::from_millis(150), house.chat(&body)).await.is_err(), "the caller leaves");
    let counts: Vec<_> = ends(&house).await.iter().map(counted).collect();
    let price = price(Provider::OpenAi, "gpt-4o", input, 0);
    assert_eq!(counts, [[1, input, price], [1, 2 * input, 2 * price], [1, input, price]]);
    assert_eq!(upstream.seen(), 4);
}

#[tokio::test]
async fn a_caller_who_leaves_while_nothing_is_connected_counts_no_tokens() {
    let house = house().await;
    // It takes no connection: those before it fill the queue, and no more than one is taken.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let listener = socket.listen(1).expect("it listens");
    let port = listener.local_addr().expect("an address").port();
    let mut waiting = vec![];
    while let Ok(connected) = timeout(Duration::from_millis(200), TcpStream::connect(("127.0.0.1", port))).await {
        waiting.push(connected.expect("a connection"));
        assert!(waiting.len() < 100, "the queue has no end");
    }
    house.target("main", Provider::OpenAi, port);
    let body = hello();
    assert!(timeout(Duration::from_millis(150), house.chat(&body)).await.is_err(), "the caller leaves");
    assert_eq!(counted(&ends(&house).await[0])[1..], [0, 0]);
}

const RESPONSES: &str = "/v1/responses";

async fn respond(house: &House, slug: &str, body: &Value) {
    let headers =
        [("x-portkey-api-key", "lk_good"), ("x-portkey-virtual-key", slug), ("content-type", "application/json")];
    let told = house.send(Method::POST, RESPONSES, &headers, body.to_string()).await;
    assert_eq!(told.status, 200, "{told:?}");
}

#[tokio::test]
async fn a_response_in_the_background_counts_once_when_it_is_accepted() {
    let response = |status: &str, usage: Value| {
        json!({ "id": "resp_1", "object": "response", "status": status, "error": null, "output": [],
            "usage": usage })
    };
    let used = |output: u64| json!({ "input_tokens": 9, "output_tokens": output, "total_tokens": 9 + output });
    let accepted = Upstream::json(200, "", &response("queued", Value::Null)).await;
    let whole = Upstream::json(200, "", &response("completed", used(791))).await;
    let house = house().await;
    house.target("accepts", Provider::OpenAi, accepted.port);
    house.target("answers", Provider::OpenAi, whole.port);
    let said = |more: Value| {
        let mut body = json!({ "model": "gpt-4o", "input": "Hello" });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("fields").clone());
        body
    };
    let bounded = said(json!({ "background": true, "max_output_tokens": 500 }));
    let open = said(json!({ "background": true }));
    respond(&house, "accepts", &bounded).await;
    respond(&house, "answers", &said(json!({}))).await;
    respond(&house, "accepts", &open).await;
    // What is free makes it no cheaper.
    let headers = [("x-portkey-api-key", "lk_good"), ("x-portkey-virtual-key", "answers")];
    let fetched = house.send(Method::GET, "/v1/responses/resp_1", &headers, "").await;
    assert_eq!(fetched.status, 200, "{fetched:?}");
    respond(&house, "accepts", &open).await;
    // One that tells at once what it used is no guess.
    respond(&house, "answers", &bounded).await;
    let ends = ends(&house).await;
    let tokens: Vec<i64> = ends.iter().map(|end| counted(end)[1]).collect();
    // Where the request does not bound it, it counts as a long answer.
    let unbounded = request_tokens(&open) + 4_096;
    assert_eq!(tokens, [request_tokens(&bounded) + 500, 800, unbounded, 0, unbounded, 800], "{ends:?}");
    let most = price(Provider::OpenAi, "gpt-4o", request_tokens(&bounded), 500);
    assert_eq!(counted(&ends[0]), [1, request_tokens(&bounded) + 500, most]);
    assert_eq!((ends[0].usage, ends[0].cost), (None, None), "the log guesses nothing");
}

#[tokio::test]
async fn of_several_models_the_dearest_is_reserved_and_the_one_that_answered_settled() {
    let (cheap, dear) = ("openai/gpt-4o-mini", "openai/gpt-4o");
    let mut answer = completion();
    answer["model"] = json!("openai/gpt-4o-2024-08-06");
    let whole = Upstream::json(200, "", &answer).await;
    let piece = format!(
        "data: {}\n\n",
        json!({ "id": "1", "object": "chat.completion.chunk", "created": 1, "model": dear,
        "choices": [{ "index": 0, "delta": { "content": "Hi" }, "finish_reason": null }] })
    );
    let events = format!("{STREAM}{}{}0\r\n\r\n", chunk(&piece), chunk(&ending()));
    let streaming = Upstream::saying(events).await;
    let cut = Upstream::saying(format!("{STREAM}{}", chunk(": nothing\n\n"))).await;
    let house = house().await;
    for (slug, port) in [("main", whole.port), ("streams", streaming.port), ("cut", cut.port)] {
        house.target(slug, Provider::OpenRouter, port);
    }
    let ask = async |slug: &str, more: Value| {
        let mut body = json!({ "model": cheap, "messages": [{ "role": "user", "content": "Hello" }] });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("fields").clone());
        let headers =
            [("x-portkey-api-key", "lk_good"), ("x-portkey-virtual-key", slug), ("content-type", "application/json")];
        house.send(Method::POST, CHAT, &headers, body.to_string()).await
    };
    // A dollar is enough for so many tokens of the one, and not of the other.
    let most = 150_000;
    assert_eq!(ask("main", json!({ "max_tokens": most })).await.status, 200);
    let refused = ask("main", json!({ "max_tokens": most, "models": [dear] })).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["reason"]), (412, &json!("budget_exhausted")));
    for models in [json!(["nobody/knows"]), json!("openai/gpt-4o")] {
        let unknown = ask("main", json!({ "models": models })).await;
        assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]["reason"]), (412, &json!("price_unknown")));
    }
    assert_eq!(ask("main", json!({ "models": [dear] })).await.status, 200);
    assert_eq!(ask("streams", json!({ "models": [dear], "stream": true })).await.status, 200);
    let body_of_cut = json!({ "models": [dear], "stream": true });
    ask("cut", body_of_cut).await;
    let ends = ends(&house).await;
    let costs: Vec<(i64, Option<i64>)> =
        ends.iter().filter(|end| end.sent).map(|end| (counted(end)[2], end.cost)).collect();
    let (of_cheap, of_dear) = (price(Provider::OpenRouter, cheap, 9, 2), price(Provider::OpenRouter, dear, 9, 2));
    assert_eq!(
        costs[..3],
        [(of_cheap, Some(of_cheap)), (of_dear, Some(of_dear)), (of_dear, Some(of_dear))],
        "{ends:?}"
    );
    // Where no answer says who gave it, the dearest counts.
    let input = counted(ends.last().expect("the last"))[1];
    assert_eq!(costs[3], (price(Provider::OpenRouter, dear, input, 0), None));
}
