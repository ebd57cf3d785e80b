//! An answer in pieces reads as it does whole, and nothing that comes panics.

use super::{
    cases::{answers, event, requests, stream_of},
    *,
};

/// What must be the same of an answer, however it came: units, and the arguments that are whole texts.
fn heart(reading: &Reading) -> (Vec<(String, bool)>, Vec<String>) {
    let of = |unit: &checks::Unit| (unit.text.clone(), unit.calls_tools);
    let whole = reading.arguments.iter().filter(|text| text.starts_with('{') && *text != "{}");
    (reading.units.iter().map(of).collect(), whole.cloned().collect())
}

#[test]
fn an_answer_reads_the_same_whole_and_however_it_is_cut() {
    for (shape, body, expected) in answers() {
        let whole = answer(shape, &body);
        assert_eq!(units(&whole), expected, "{body}");
        let mut dice = Dice(0x5eed);
        for round in 0..30 {
            let mut at = || match round {
                0 => false,
                1 => true,
                _ => dice.below(round) == 0,
            };
            let events = stream_of(shape, &body, &mut at);
            for events in [events.clone(), events.replace('\n', "\r\n"), events.trim_end().to_owned()] {
                let streamed = Reading::stream(shape, events.as_bytes());
                assert_eq!(heart(&streamed), heart(&whole), "{events}");
                for word in ["hidden", "nowhere"] {
                    let found = finds(word, Side::Answer, shape, &whole);
                    assert_eq!(finds(word, Side::Answer, shape, &streamed), found, "{word} in {events}");
                }
            }
        }
    }
}

/// What a check that found a word tells of where.
fn told(shape: Shape, reading: &Reading) -> Value {
    let result = run(&without(&["secret"]), Side::Answer, shape, reading, &Alone::default()).result;
    assert!(!result.verdict);
    result.checks[0].data.clone()
}

#[test]
fn where_a_word_was_found_is_told_the_same_whole_and_streamed() {
    let call = json!({ "type": "function_call", "name": "f", "arguments": "{\"q\":\"secret\"}" });
    let message = |part: Value| json!({ "type": "message", "content": [part] });
    let said = message(json!({ "type": "output_text", "text": "a secret" }));
    let refused = message(json!({ "type": "refusal", "refusal": "no secret" }));
    let chat = |message: Value| (Shape::Chat, json!({ "choices": [{ "index": 0, "message": message }] }));
    let tools = json!([{ "function": { "name": "f", "arguments": "{\"q\":\"secret\"}" } }]);
    // No tool is called where a text, or a refusal, has the word.
    for ((shape, body), expected) in [
        ((Shape::Responses, json!({ "output": [said] })), json!([[0], false, null])),
        ((Shape::Responses, json!({ "output": [refused] })), json!([[], false, true])),
        ((Shape::Responses, json!({ "output": [call] })), json!([[], true, null])),
        ((Shape::Responses, json!({ "output": [said, call] })), json!([[0], true, null])),
        (chat(json!({ "content": "a secret" })), json!([[0], false, null])),
        (chat(json!({ "content": "a text", "refusal": "no secret" })), json!([[], false, true])),
        (chat(json!({ "content": "a text", "tool_calls": tools })), json!([[], true, null])),
    ] {
        let mut readings = vec![answer(shape, &body)];
        for cut in [false, true] {
            let mut events = stream_of(shape, &body, &mut || cut);
            // What was said in pieces is said once more as a whole.
            for (number, item) in body["output"].as_array().into_iter().flatten().enumerate() {
                for (part, one) in item["content"].as_array().into_iter().flatten().enumerate() {
                    let place = json!({ "type": "response.content_part.done", "output_index": number,
                        "content_index": part, "part": one });
                    events += &event(&place);
                }
                let done = json!({ "type": "response.output_item.done", "output_index": number, "item": item });
                events += &event(&done);
            }
            if shape == Shape::Responses {
                events += &event(&json!({ "type": "response.completed", "response": body }));
            }
            readings.push(Reading::stream(shape, events.as_bytes()));
        }
        for reading in readings {
            let told = told(shape, &reading);
            let where_to = json!([told["failed"], told["in_tool_calls"], told["in_other_texts"]]);
            assert_eq!(where_to, expected, "{}", reading.body());
        }
    }
}

#[test]
fn a_redacted_stream_holds_nothing_of_what_was_taken_out() {
    for (shape, body, _) in answers() {
        let body: Value = serde_json::from_str(&body.to_string().replace("hidden", "secret")).expect("JSON");
        let mut dice = Dice(0xabcd);
        for _ in 0..10 {
            let events = stream_of(shape, &body, &mut || dice.below(3) == 0);
            let streamed = Reading::stream(shape, events.as_bytes());
            let Some(redacted) = replaced(Side::Answer, shape, &streamed) else {
                assert!(!finds("secret", Side::Answer, shape, &streamed), "{events}");
                continue;
            };
            let again = Reading::stream(shape, redacted.as_bytes());
            let expected: Vec<_> = streamed.units.iter().map(|unit| unit.text.replace("secret", "X")).collect();
            assert_eq!(units(&again), expected, "{redacted}");
            assert!(!finds("secret", Side::Answer, shape, &again), "{redacted}");
        }
    }
}

#[test]
fn nothing_of_a_redacted_answer_is_left_in_its_probabilities() {
    let tokens = json!({ "content": [{ "token": "secret", "logprob": -0.1, "top_logprobs": [] }] });
    let whole = json!({ "choices": [{ "message": { "content": "a secret" }, "logprobs": tokens }] });
    let redacted = replaced(Side::Answer, Shape::Chat, &answer(Shape::Chat, &whole)).expect("a change");
    assert!(!redacted.contains("secret"), "{redacted}");
    let events = event(&json!({ "choices": [{ "index": 0, "delta": { "content": "secret" }, "logprobs": tokens }] }));
    let streamed = Reading::stream(Shape::Chat, events.as_bytes());
    let redacted = replaced(Side::Answer, Shape::Chat, &streamed).expect("a change");
    assert!(!redacted.contains("secret"), "{redacted}");
    // Where nothing is taken out, they stay.
    let harmless = whole.to_string().replace("a secret", "a text");
    assert_eq!(replaced(Side::Answer, Shape::Chat, &Reading::answer(Shape::Chat, harmless.as_bytes())), None);
}

#[test]
fn rare_pieces_of_streams_are_read_as_well() {
    let tool = json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [
        { "index": 0, "function": { "name": "f", "arguments": { "q": "secret" } } }] } }] });
    let legacy =
        json!({ "choices": [{ "index": 0, "delta": { "function_call": { "arguments": { "q": "secret" } } } }] });
    let both = json!({ "choices": [{ "index": 0, "delta": {}, "message": { "content": "secret" } }] });
    let cited = json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "",
        "citations": [{ "type": "page_location", "cited_text": "secret" }] } });
    let noted = json!({ "type": "response.output_text.annotation.added", "output_index": 0, "content_index": 0,
        "annotation": { "type": "url_citation", "title": "secret" } });
    let code = json!({ "type": "response.code_interpreter_call_code.done", "output_index": 0, "code": "secret" });
    let done = json!({ "type": "response.completed", "response": { "output": [
        { "type": "message", "content": [{ "type": "output_text", "text": "secret" }] }] } });
    for (shape, data) in [
        (Shape::Chat, tool),
        (Shape::Chat, legacy),
        (Shape::Chat, both),
        (Shape::Messages, cited),
        (Shape::Responses, noted),
        (Shape::Responses, code),
        (Shape::Responses, done),
    ] {
        let streamed = Reading::stream(shape, event(&data).as_bytes());
        assert!(finds("secret", Side::Answer, shape, &streamed), "{data}");
        let redacted = replaced(Side::Answer, shape, &streamed).unwrap_or_else(|| panic!("{data}"));
        assert!(!redacted.contains("secret"), "{redacted}");
    }
    // The first event counts, also behind a mark of byte order.
    let marked = "\u{feff}data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"secret\"}}]}\n\n";
    assert!(finds("secret", Side::Answer, Shape::Chat, &Reading::stream(Shape::Chat, marked.as_bytes())));
}

#[test]
fn mangled_bodies_and_streams_are_read_without_panic() {
    let mut dice = Dice(0x1234_5678);
    let shapes = [Shape::Chat, Shape::Completions, Shape::Messages, Shape::Responses];
    let redact = of_check("portkey.pii", &json!({ "redact": true, "categories": ["EMAIL_ADDRESS"] }));
    let prefix = of_check("default.addPrefix", &json!({ "prefix": "p" }));
    let mut read = 0;
    let (questions, told) = (requests(), answers());
    for round in 0..4_000 {
        let (side, mut shape, text) = if round % 2 == 0 {
            let (shape, body, _) = &questions[dice.below(questions.len())];
            (Side::Request, *shape, body.to_string())
        } else {
            let (shape, body, _) = &told[dice.below(told.len())];
            let text =
                if round % 4 == 1 { body.to_string() } else { stream_of(*shape, body, &mut || dice.below(4) == 0) };
            (Side::Answer, *shape, text)
        };
        let mut bytes = text.into_bytes();
        for _ in 0..dice.below(6) {
            let at = dice.below(bytes.len());
            match dice.below(5) {
                0 => bytes.truncate(at),
                1 => bytes[at] = b"\"{}[]:,\\\n\r0a\xc3\xff"[dice.below(14)],
                2 => {
                    bytes.insert(at, b"\"{}[]:,\\\n\r0a\xc3\xff"[dice.below(14)]);
                }
                3 => {
                    bytes.remove(at);
                }
                _ => {
                    let piece = bytes[at..(at + 20).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        if dice.below(4) == 0 {
            shape = shapes[dice.below(shapes.len())];
        }
        let reading = match (side, round % 4) {
            (Side::Request, _) => Reading::request(shape, &bytes),
            (_, 1) => Reading::answer(shape, &bytes),
            _ => Reading::stream(shape, &bytes),
        };
        read += usize::from(!reading.is_unreadable());
        let whole = run(&without(&["hidden"]), side, shape, &reading, &Alone::default()).result;
        assert!(!(reading.is_unreadable() && whole.verdict), "{}", String::from_utf8_lossy(&bytes));
        for guardrail in [&redact, &prefix] {
            if let Some(changed) = run(guardrail, side, shape, &reading, &Alone::default()).reading {
                assert!(!changed.is_unreadable(), "{} from {}", changed.body(), String::from_utf8_lossy(&bytes));
            }
        }
        if let Some(changed) = replaced(side, shape, &reading) {
            let again = reading_of(side, shape, round % 4 == 3, changed.as_bytes());
            assert!(!again.is_unreadable(), "{changed}");
        }
    }
    // Not all of them were spoilt.
    assert!(read > 500, "{read}");
}

fn reading_of(side: Side, shape: Shape, streamed: bool, bytes: &[u8]) -> Reading {
    match side {
        Side::Request => Reading::request(shape, bytes),
        Side::Answer if streamed => Reading::stream(shape, bytes),
        Side::Answer => Reading::answer(shape, bytes),
    }
}

#[test]
fn a_word_is_found_in_a_stream_exactly_where_it_is_in_the_whole_answer() {
    let letters = ["a", "b", "ab", "\"", "\\", "é", "😀", " ", "\n"];
    let mut dice = Dice(0xfeed);
    let mut found = 0;
    for _ in 0..2_000 {
        let mut text = || (0..dice.below(12)).map(|_| letters[dice.below(letters.len())]).collect::<String>();
        let (one, two, three) = (text(), text(), text());
        let arguments = json!({ "q": three }).to_string();
        let (shape, body) = match dice.below(4) {
            0 => (
                Shape::Chat,
                json!({ "choices": [{ "index": 0, "message": { "content": one, "refusal": two,
                "tool_calls": [{ "function": { "arguments": arguments } }] } }] }),
            ),
            1 => (Shape::Completions, json!({ "choices": [{ "index": 0, "text": one }, { "index": 1, "text": two }] })),
            2 => (
                Shape::Messages,
                json!({ "content": [{ "type": "text", "text": one }, { "type": "text", "text": two },
                { "type": "tool_use", "input": { "q": three } }] }),
            ),
            _ => (
                Shape::Responses,
                json!({ "output": [{ "type": "message", "content": [
                { "type": "output_text", "text": one }, { "type": "refusal", "refusal": two }] },
                { "type": "function_call", "arguments": arguments }] }),
            ),
        };
        let whole = answer(shape, &body);
        let events = stream_of(shape, &body, &mut || dice.below(3) == 0);
        let streamed = Reading::stream(shape, events.as_bytes());
        for word in ["abab", "a\"b", "é😀", "aaa"] {
            let there = finds(word, Side::Answer, shape, &whole);
            assert_eq!(finds(word, Side::Answer, shape, &streamed), there, "{word:?} of {body} in {events}");
            found += usize::from(there);
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn parts_of_a_streamed_list_are_put_together_by_place_and_kind() {
    let event = |content: Value| {
        format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "content": content } }] }))
    };
    let text = |text: &str| json!({ "type": "text", "text": text });
    let thinking = |text: &str| json!({ "type": "thinking", "thinking": [{ "type": "text", "text": text }] });
    let read = |events: &[Value]| {
        Reading::stream(Shape::Chat, events.iter().map(|one| event(one.clone())).collect::<String>().as_bytes())
    };
    // A thought between two halves of a word is no way past.
    let cut = read(&[json!([text("a sec")]), json!([thinking("hm")]), json!([text("ret")])]);
    assert!(finds("secret", Side::Answer, Shape::Chat, &cut));
    let thought = read(&[json!([thinking("a sec")]), json!([text("b")]), json!([thinking("ret")])]);
    assert!(finds("secret", Side::Answer, Shape::Chat, &thought));
    // Nor is the number of a part that stands at another place of its list.
    let part = |index: u32, text: &str| json!({ "type": "text", "index": index, "text": text });
    let numbered = read(&[json!([part(0, "x"), part(1, "a sec")]), json!([part(1, "ret")])]);
    assert!(finds("secret", Side::Answer, Shape::Chat, &numbered));
}

/// Whatever is let out by sentences, nothing that is denied as a whole is in it.
#[test]
fn the_beginnings_that_go_out_hold_nothing_that_is_denied() {
    let mut dice = Dice(0x9e37_79b9);
    let check = without(&["secret"]);
    let (mut out, mut denied) = (0, 0);
    for _ in 0..2_000 {
        let words = ["a sec", "ret", ".", " ", "!", "\\n", "sec. ret", "secret", "b", "”"];
        let pieces: Vec<&str> = (0..dice.below(8) + 1).map(|_| words[dice.below(words.len())]).collect();
        let event =
            |text: &&str| format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }));
        let mut seen = String::new();
        for piece in &pieces {
            seen.push_str(&event(piece));
            let reading = Reading::stream(Shape::Chat, seen.as_bytes());
            if !run(&check, Side::Answer, Shape::Chat, &reading, &Alone::default()).result.verdict {
                denied += 1;
                break;
            }
            if reading.ends_a_sentence() {
                out += 1;
                let text: String = reading.units.iter().map(|unit| unit.text.clone()).collect();
                assert!(!text.contains("secret") && !text.ends_with("sec"), "{text}");
            }
        }
    }
    assert!(out > 500 && denied > 200, "{out} {denied}");
}
