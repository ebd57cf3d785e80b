// A real model server: chat completions and models in OpenAI's shape and messages in Anthropic's,
// whole and streamed, with tool calls, usage and errors, and a count of what reached it.
//
//   import { startUpstream } from "./upstream.mjs"
//   node support/upstream.mjs [--port 11500] [--key SECRET]      the same by itself, for curl and benchmarks
//
// What it says follows from the request alone, so that a test knows it in advance:
//   the last message "…"            answers `You said: …`, a word per chunk when streamed
//   the last message "call NAME J"  calls the tool NAME with the JSON arguments J
//   model "status-429"              fails with that status (with `retry-after: 1` for 429 and 503)
//   model "slow-250"                waits that many milliseconds before the answer, or between two chunks
//   model "cut"                     streams one chunk and closes the connection
// One word is one token. GET /_stats gives the counts (and is itself counted as a connection, not as a call).
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const MODELS = ["brass-large", "brass-small"];

/** How each of the two dialects reads a request and writes an answer. */
const openai = {
  credential: (headers) => headers.authorization?.replace(/^Bearer /, ""),
  error: (status, message) => ({ error: { message, type: kind(status), param: null, code: kind(status) } }),
  whole: (call) => ({
    ...openaiHead(call, "chat.completion"),
    choices: [
      {
        index: 0,
        message: call.tool
          ? { role: "assistant", content: null, tool_calls: [openaiTool(call)] }
          : { role: "assistant", content: call.words.join("") },
        finish_reason: call.tool ? "tool_calls" : "stop",
      },
    ],
    usage: openaiUsage(call),
  }),
  *events(call) {
    const chunk = (delta, finish_reason = null) => ({
      data: { ...openaiHead(call, "chat.completion.chunk"), choices: [{ index: 0, delta, finish_reason }] },
    });
    yield chunk({ role: "assistant", content: call.tool ? null : "" });
    if (call.tool) yield chunk({ tool_calls: [{ index: 0, ...openaiTool(call) }] });
    for (const content of call.words) yield chunk({ content });
    yield chunk({}, call.tool ? "tool_calls" : "stop");
    if (call.body.stream_options?.include_usage) {
      yield { data: { ...openaiHead(call, "chat.completion.chunk"), choices: [], usage: openaiUsage(call) } };
    }
    yield { data: "[DONE]" };
  },
};

const openaiHead = (call, object) => ({
  id: `chatcmpl-${call.number}`,
  object,
  created: 1_750_000_000,
  model: call.body.model,
});
const openaiTool = (call) => ({
  id: `call_${call.number}`,
  type: "function",
  function: { name: call.tool.name, arguments: JSON.stringify(call.tool.input) },
});
const openaiUsage = (call) => ({
  prompt_tokens: call.tokensIn,
  completion_tokens: call.tokensOut,
  total_tokens: call.tokensIn + call.tokensOut,
});

const anthropic = {
  credential: (headers) => headers["x-api-key"],
  error: (status, message) => ({ type: "error", error: { type: kind(status), message } }),
  whole: (call) => ({
    ...anthropicHead(call),
    content: [call.tool ? anthropicTool(call) : { type: "text", text: call.words.join("") }],
    stop_reason: call.tool ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: call.tokensIn, output_tokens: call.tokensOut },
  }),
  *events(call) {
    const event = (name, fields = {}) => ({ event: name, data: { type: name, ...fields } });
    const usage = { input_tokens: call.tokensIn, output_tokens: 1 };
    yield event("message_start", { message: { ...anthropicHead(call), content: [], stop_reason: null, usage } });
    const block = call.tool ? { ...anthropicTool(call), input: {} } : { type: "text", text: "" };
    yield event("content_block_start", { index: 0, content_block: block });
    yield event("ping");
    const deltas = call.tool
      ? [{ type: "input_json_delta", partial_json: JSON.stringify(call.tool.input) }]
      : call.words.map((text) => ({ type: "text_delta", text }));
    for (const delta of deltas) yield event("content_block_delta", { index: 0, delta });
    yield event("content_block_stop", { index: 0 });
    const stop_reason = call.tool ? "tool_use" : "end_turn";
    yield event("message_delta", { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: call.tokensOut } });
    yield event("message_stop");
  },
};

const anthropicHead = (call) => ({
  id: `msg_${call.number}`,
  type: "message",
  role: "assistant",
  model: call.body.model,
});
const anthropicTool = (call) => ({
  type: "tool_use",
  id: `toolu_${call.number}`,
  name: call.tool.name,
  input: call.tool.input,
});

const KINDS = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "not_found_error",
  429: "rate_limit_error",
  529: "overloaded_error",
};
const kind = (status) => KINDS[status] ?? "api_error";

const DIALECTS = { "/v1/chat/completions": openai, "/v1/messages": anthropic };

/** All words of a message, whether it is one text or several parts. */
const textOf = (content) =>
  typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join(" ");
const wordsOf = (text) => text.split(/\s+/).filter(Boolean);

/** A request as read, with the answer that it will get. */
function understand(body, number) {
  const said = textOf(body.messages.at(-1)?.content);
  const asked = /^call (\S+)\s*(.*)$/s.exec(said);
  const tool = asked && { name: asked[1], input: asked[2] ? JSON.parse(asked[2]) : {} };
  const words = tool ? [] : `You said: ${said}`.split(/(?<=\s)(?=\S)/);
  const tokensIn = body.messages.concat({ content: body.system }).flatMap((one) => wordsOf(textOf(one.content))).length;
  return { body, number, tool, words, tokensIn, tokensOut: tool ? 1 : words.length };
}

const readAll = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
};
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Starts the server on a free port of the loopback, or on `port`. With `key`, every call must carry it as its
 * credential, as a provider demands it.
 */
export async function startUpstream({ port = 0, key } = {}) {
  const counts = { connections: 0, calls: 0, finished: 0, abandoned: 0 };
  /** Every call: path, headers, body; the newest last. Only kept while it is small, so that load tests do not grow it. */
  const calls = [];

  async function answer(request, response) {
    const send = (status, json, headers = {}) => {
      const bytes = Buffer.from(JSON.stringify(json));
      response.writeHead(status, { "content-type": "application/json", "content-length": bytes.length, ...headers });
      response.end(bytes);
    };
    const path = new URL(request.url, "http://upstream").pathname;
    if (path === "/_stats") return send(200, counts);

    counts.calls += 1;
    const number = counts.calls;
    response.on("close", () => (response.writableFinished ? (counts.finished += 1) : (counts.abandoned += 1)));
    const text = await readAll(request);
    if (calls.length < 1000) calls.push({ path, method: request.method, headers: request.headers, body: text });
    const dialect = DIALECTS[path] ?? openai;
    const fail = (status, message, headers) => send(status, dialect.error(status, message), headers);

    if (key !== undefined && dialect.credential(request.headers) !== key) return fail(401, "Incorrect API key provided.");
    if (path === "/v1/models" && request.method === "GET") {
      const data = MODELS.map((id) => ({ id, object: "model", created: 1_750_000_000, owned_by: "upstream" }));
      return send(200, { object: "list", data });
    }
    if (!(path in DIALECTS) || request.method !== "POST") return fail(404, `Unknown request: ${request.method} ${path}`);

    let call;
    try {
      call = understand(JSON.parse(text), number);
    } catch (error) {
      return fail(400, `The body cannot be read: ${error.message}`);
    }
    const model = String(call.body.model);
    const status = Number(/^status-(\d{3})$/.exec(model)?.[1] ?? 200);
    if (status !== 200) {
      return fail(status, `The model failed with ${status}.`, [429, 503].includes(status) ? { "retry-after": "1" } : {});
    }
    const delay = Number(/^slow-(\d+)$/.exec(model)?.[1] ?? 0);
    if (!call.body.stream) {
      if (delay > 0) await pause(delay);
      return send(200, dialect.whole(call));
    }
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    for (const { event, data } of dialect.events(call)) {
      if (response.destroyed) return undefined;
      const line = typeof data === "string" ? data : JSON.stringify(data);
      response.write(`${event ? `event: ${event}\n` : ""}data: ${line}\n\n`);
      if (model === "cut") return setTimeout(() => response.destroy(), 20);
      if (delay > 0) await pause(delay);
    }
    return response.end();
  }

  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.on("connection", () => (counts.connections += 1));
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return {
    /** `http://127.0.0.1:PORT/v1`, as a provider's base URL is written. */
    baseUrl: `http://127.0.0.1:${server.address().port}/v1`,
    counts,
    calls,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({ options: { port: { type: "string", default: "0" }, key: { type: "string" } } });
  const upstream = await startUpstream({ port: Number(values.port), key: values.key });
  console.log(upstream.baseUrl);
}
