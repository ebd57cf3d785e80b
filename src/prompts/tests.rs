//! The specification's cases, cases of ours, hostile ones, and properties that hold for all.
//!
//! `tests/mustache.json` holds the cases of the public specification of Mustache (<https://github.com/mustache/spec>,
//! under the MIT licence, which stands in the file): its required modules, without the escaping for HTML.

use super::data::Data;
use super::*;
use crate::kernel::json::read;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};

/// Partials by slug, versions behind `@`.
#[derive(Default)]
struct Shelf(HashMap<String, Arc<Template>>);

impl Shelf {
    fn of(partials: &Value) -> Self {
        let Value::Object(partials) = partials else { return Self::default() };
        let compiled = |text: &Value| Arc::new(Template::parse(text.as_str().expect("a text")).expect("a partial"));
        Self(partials.iter().map(|(slug, text)| (slug.clone(), compiled(text))).collect())
    }

    fn get(&self, slug: &str, version: Option<u32>) -> Option<Arc<Template>> {
        let written = version.map_or(slug.to_owned(), |version| format!("{slug}@{version}"));
        self.0.get(&written).cloned()
    }
}

fn nothing(_: &str, _: Option<u32>) -> Option<Arc<Template>> {
    None
}

/// Variables of any kind, also those that only the specification has.
fn variables(text: &str) -> Variables {
    Variables(Data::of(&read(text).expect("JSON").0, text))
}

fn text_prompt(text: &str) -> Prompt {
    Prompt::read(&Source { string: text, kind: Some(Kind::Text), ..Source::default() }).expect("a prompt")
}

fn chat(messages: &Value) -> Prompt {
    Prompt::read(&Source { string: &messages.to_string(), ..Source::default() }).expect("a prompt")
}

fn text_of(rendered: Rendered) -> String {
    match rendered.output {
        Output::Text(text) => text,
        Output::Messages(messages) => panic!("messages: {messages}"),
    }
}

fn messages_of(rendered: &Rendered) -> Value {
    match &rendered.output {
        Output::Messages(messages) => serde_json::from_str(messages).expect("JSON"),
        Output::Text(text) => panic!("a text: {text}"),
    }
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|one| one.as_str().expect("a text").to_owned()).collect()
}

#[test]
fn the_specification_holds() {
    let table: Value = serde_json::from_str(include_str!("tests/mustache.json")).expect("JSON");
    let cases = table["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 136);
    let mut wrong = vec![];
    for case in cases {
        let shelf = Shelf::of(&case["partials"]);
        let prompt = text_prompt(case["template"].as_str().expect("a template"));
        let values = variables(&case["data"].to_string());
        let text = text_of(prompt.render(&values, &|slug, version| shelf.get(slug, version), false).expect("text"));
        if text != case["expected"] {
            wrong.push(format!("{}: {text:?} instead of {}", case["name"], case["expected"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cases_of_ours_hold() {
    let table: Value = serde_json::from_str(include_str!("tests/cases.json")).expect("JSON");
    let mut wrong = vec![];
    for case in table.as_array().expect("cases") {
        if let Err(why) = play(case) {
            wrong.push(format!("{}: {why}", case["name"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn same<T: PartialEq + std::fmt::Debug>(seen: T, wanted: T) -> Result<(), String> {
    if seen == wanted { Ok(()) } else { Err(format!("{seen:?} instead of {wanted:?}")) }
}

fn play(case: &Value) -> Result<(), String> {
    let string = match (&case["string"], &case["raw"], &case["messages"]) {
        (Value::String(string), ..) | (_, Value::String(string), _) => string.clone(),
        (_, _, messages @ Value::Array(_)) => messages.to_string(),
        _ => json!([{ "role": "user", "content": case["template"] }]).to_string(),
    };
    let shelf = Shelf::of(&case["partials"]);
    let partials = |slug: &str, version| shelf.get(slug, version);
    let source = Source { string: &string, is_raw: case["raw"].is_string(), ..Source::default() };
    let prompt = match Prompt::read(&source) {
        Ok(_) if case["fault"].is_array() => return Err("accepted".into()),
        Ok(prompt) => prompt,
        Err(faults) => {
            let seen = faults.first().map(|fault| json!([fault.code, fault.path, fault.line, fault.column]));
            return same(seen, Some(case["fault"].clone()));
        }
    };
    if let Value::Object(wanted) = &case["names"] {
        let names = prompt.variables(&partials);
        same(names.variables, strings(&wanted["variables"]))?;
        same(names.sections, strings(&wanted["sections"]))?;
        return same(names.partials, strings(&wanted["partials"]));
    }
    let text = case["variables_text"].as_str().map_or_else(|| case["variables"].to_string(), str::to_owned);
    let values = Variables::read(&text).map_err(|refusal| refusal.message())?;
    let rendered = match prompt.render(&values, &partials, case["strict"] == true) {
        Ok(rendered) => rendered,
        Err(Refusal::Unfilled { missing, unknown, missing_partials }) => {
            same(missing, strings(&case["missing"]))?;
            same(unknown, strings(&case["unknown"]))?;
            return same(missing_partials, strings(&case["missing_partials"]));
        }
        Err(refusal) => return same(refusal.code(), case["refused"].as_str().unwrap_or("rendered")),
    };
    let messages = messages_of(&rendered);
    match (&case["text"], &case["rendered"]) {
        (text @ Value::String(_), _) => same(&messages[0]["content"], text)?,
        (_, wanted @ Value::Array(_)) => same(&messages, wanted)?,
        _ => return Err(format!("rendered: {messages}")),
    }
    if let Value::Array(wanted) = &case["warnings"] {
        let seen: Vec<Value> = rendered.warnings.iter().map(|warning| json!([warning.code, warning.name])).collect();
        same(&seen, wanted)?;
    }
    Ok(())
}

#[test]
fn texts_for_completion_are_told_from_messages() {
    for (text, kind) in [
        ("[{\"role\":\"user\",\"content\":\"x\"}]", Kind::Chat),
        (" [ { \"role\":\"user\",\"content\":\"x\"}]", Kind::Chat),
        ("[{{x}}] and [1]", Kind::Text),
        ("[INST] {{x}} [/INST]", Kind::Text),
        ("", Kind::Text),
    ] {
        let prompt = Prompt::read(&Source { string: text, ..Source::default() }).expect(text);
        assert_eq!(prompt.kind(), kind, "{text}");
    }
    let prompt = text_prompt("Say \"{{x}}\".\n");
    let rendered = prompt.render(&variables(r#"{"x":"<\"\n>"}"#), &nothing, true).expect("rendered");
    assert_eq!(text_of(rendered), "Say \"<\"\n>\".\n");
}

#[test]
fn a_request_has_what_was_stored_and_what_the_caller_prefers() {
    let parameters = json!({ "temperature": 0.5, "max_tokens": 9, "stream": true, "messages": [] });
    let tools = json!([{ "type": "function", "function": { "name": "{{f}}" } }]);
    let source = Source {
        string: r#"[{"role":"user","content":"{{q}}"}]"#,
        model: Some("m-1"),
        parameters: Some(&parameters),
        functions: Some(&json!([])),
        tools: Some(&tools),
        tool_choice: Some(&json!("auto")),
        ..Source::default()
    };
    let prompt = Prompt::read(&source).expect("a prompt");
    let rendered = prompt.render(&variables(r#"{"q":"?"}"#), &nothing, true).expect("rendered");
    let theirs = json!({ "temperature": 1, "user": "u", "messages": [], "variables": {}, "prompt": "no" });
    let request = prompt.request(&rendered.output, theirs.as_object().expect("an object"));
    let wanted = json!({
        "model": "m-1", "temperature": 1, "max_tokens": 9, "user": "u", "tools": tools, "tool_choice": "auto",
        "messages": [{ "role": "user", "content": "?" }],
    });
    assert_eq!(serde_json::from_str::<Value>(&request).expect("JSON"), wanted);
    let text = text_prompt("a\"{{q}}");
    let rendered = text.render(&variables(r#"{"q":"b"}"#), &nothing, true).expect("rendered");
    assert_eq!(text.request(&rendered.output, &serde_json::Map::new()), r#"{"prompt":"a\"b"}"#);
    let bad = json!(5);
    let source = Source {
        string: "x",
        parameters: Some(&bad),
        functions: Some(&bad),
        tools: Some(&bad),
        tool_choice: Some(&bad),
        ..Source::default()
    };
    let faults = Prompt::read(&source).expect_err("faults");
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["parameters", "functions", "tools", "tool_choice"]);
}

#[test]
fn every_fault_of_a_prompt_is_told_at_once() {
    let string = r#"[{"role":"boss","content":"{{"},{"role":"user","content":[{"type":"text","text":"{{/x}}"},5]},7]"#;
    let faults = Prompt::read(&Source { string, ..Source::default() }).expect_err("faults");
    let told: Vec<_> = faults.iter().map(|fault| (fault.path.as_str(), fault.code.as_str())).collect();
    let wanted = [
        ("[0].role", "unknown_role"),
        ("[1].content[1].type", "bad_part"),
        ("[2]", "not_messages"),
        ("[0].content", "unclosed_tag"),
        ("[1].content[0].text", "unexpected_end"),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn versions_are_compared_as_lines() {
    let string = r#"[{"role":"system","content":"a\nb"},{"role":"user","name":"n","content":[{"type":"text","text":"c"},{"type":"file","file":{"file_id":"f"}}]},{"type":"placeholder","name":"h"}]"#;
    let wanted = "[system]\na\nb\n\n[user]\nname: \"n\"\nc\npart: {\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}\n\n\
                  type: \"placeholder\"\nname: \"h\"\n\n";
    assert_eq!(plain(string), wanted);
    assert_eq!(plain("Once {{x}}"), "Once {{x}}");
}

#[test]
fn variables_are_one_object_with_each_name_once() {
    let code = |text: &str| Variables::read(text).expect_err("a refusal").code();
    for text in ["[]", "5", "", "{\"a\":}", "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"b\":2}}"] {
        assert_eq!(code(text), "bad_variables", "{text}");
    }
    let nested = |levels: usize| format!("{{\"v\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(Variables::read(&nested(63)).is_ok());
    assert_eq!(code(&nested(64)), "bad_variables");
    assert_eq!(code(&nested(100_000)), "bad_variables");
    let mut deep = json!(1);
    for _ in 0..63 {
        deep = json!([deep]);
    }
    let map = |value: &Value| Variables::of(json!({ "v": value }).as_object().expect("an object")).is_ok();
    assert!(map(&deep));
    assert!(!map(&json!([[deep]])));
}

/// Renders `{{>p0}}` with these partials.
fn from_partials(partials: &Value, values: &str) -> Result<Rendered, Refusal> {
    let shelf = Shelf::of(partials);
    text_prompt("{{>p0}}").render(&variables(values), &|slug, version| shelf.get(slug, version), false)
}

#[test]
fn what_never_ends_is_refused() {
    for partials in [
        json!({ "p0": "{{>p0}}" }),
        json!({ "p0": "{{a}}{{>p1}}", "p1": "{{>p0}}" }),
        json!({ "p0": "x\n  {{>p0}}\n" }),
        json!({ "p0": "{{#a}}{{>p0}}{{>p0}}{{/a}}" }),
    ] {
        assert_eq!(from_partials(&partials, r#"{"a":1}"#), Err(Refusal::TooDeep), "{partials}");
    }
    let shelf = Shelf::of(&json!({ "p": "{{>>w}}" }));
    let rendered =
        text_prompt("{{>>w}}").render(&variables(r#"{"w":"p"}"#), &|slug, version| shelf.get(slug, version), false);
    assert_eq!(rendered, Err(Refusal::TooDeep));
}

#[test]
fn what_multiplies_is_refused() {
    let tenfold: serde_json::Map<String, Value> =
        (0..10).map(|n| (format!("p{n}"), format!("{{{{>p{}}}}}", n + 1).repeat(10).into())).collect();
    // Insertions of nothing, too: the last partial is not there.
    assert_eq!(from_partials(&tenfold.clone().into(), "{}"), Err(Refusal::TooMuchWork));
    let mut filled = tenfold;
    filled.insert("p10".into(), "x".repeat(1000).into());
    assert_eq!(from_partials(&filled.into(), "{}"), Err(Refusal::TooLong));
    let list = json!({ "l": vec![0; 900], "v": "y".repeat(500_000) }).to_string();
    let render = |text: &str| text_prompt(text).render(&variables(&list), &nothing, false).map(|_| ());
    assert_eq!(render("{{#l}}{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/l}}{{/l}}"), Err(Refusal::TooMuchWork));
    assert_eq!(render("{{#l}}{{v}}{{/l}}"), Err(Refusal::TooLong));
    assert_eq!(render("{{#l}}{{l}}{{l}}{{l}}{{l}}{{l}}{{l}}{{/l}}"), Err(Refusal::TooLong));
    // Names that are looked for through many contexts are work, and those that nobody has are told a bounded number of times.
    let deep = format!("{}{}{}", "{{#l}}".repeat(3), "{{none}}".repeat(50), "{{/l}}".repeat(3));
    assert_eq!(render(&deep), Err(Refusal::TooMuchWork));
    let many: String = (0..5_000).map(|n| format!("{{{{n{n}}}}}")).collect();
    let rendered = text_prompt(&many).render(&Variables::default(), &nothing, false).expect("rendered");
    assert_eq!(rendered.warnings.len(), MAX_TOLD);
}

#[test]
fn an_indent_cannot_multiply_without_bound() {
    let wide = format!("{}{{{{>p1}}}}\n", " ".repeat(300_000));
    let partials = json!({ "p0": wide, "p1": format!("{}{{{{>p0}}}}\n", " ".repeat(300_000)) });
    assert_eq!(from_partials(&partials, "{}"), Err(Refusal::TooLong));
    let lines = "x\n".repeat(100_000);
    let partials = json!({ "p0": format!("{}{{{{>p1}}}}\n", " ".repeat(1_000)), "p1": lines });
    assert_eq!(from_partials(&partials, "{}"), Err(Refusal::TooLong));
}

#[test]
fn a_messages_text_is_bounded_once_escaped() {
    let prompt = chat(&json!([{ "role": "user", "content": "{{v}}" }]));
    let render =
        |length: usize| prompt.render(&variables(&json!({ "v": "\u{1}".repeat(length) }).to_string()), &nothing, false);
    let long = render(MAX_OUTPUT / 7).expect("rendered");
    assert_eq!(messages_of(&long)[0]["content"].as_str().map(str::len), Some(MAX_OUTPUT / 7));
    assert_eq!(render(MAX_OUTPUT / 5), Err(Refusal::TooLong));
    let placed = chat(&json!([{ "type": "placeholder", "name": "v" }]));
    let big = json!({ "v": [{ "role": "user", "content": "\u{1}".repeat(MAX_OUTPUT / 5) }] }).to_string();
    assert_eq!(placed.render(&variables(&big), &nothing, false), Err(Refusal::TooLong));
}

#[test]
fn large_is_fine_within_the_bounds() {
    let values = json!({ "v": "é".repeat(1_000_000), "l": (0..50_000).collect::<Vec<_>>() }).to_string();
    let rendered = text_prompt("<{{v}}>{{#l}}{{.}},{{/l}}").render(&variables(&values), &nothing, true);
    assert_eq!(text_of(rendered.expect("rendered")).len(), 2_000_002 + 238_890 + 50_000);
}

#[test]
fn templates_are_bounded_when_they_are_saved() {
    let code = |text: &str| Template::parse(text).expect_err("a fault").code;
    assert_eq!(code(&"x".repeat(MAX_TEXT + 1)), "too_long");
    assert_eq!(code(&"{{a}}".repeat(MAX_TAGS + 1)), "too_many_tags");
    assert_eq!(code(&"{{!}}x".repeat(MAX_TAGS + 1)), "too_many_tags");
    assert_eq!(code(&format!("{{{{{}}}}}", "a".repeat(MAX_NAME + 1))), "bad_name");
    let nested = |levels: usize| format!("{}{}", "{{#a}}".repeat(levels), "{{/a}}".repeat(levels));
    assert!(Template::parse(&nested(MAX_SECTIONS)).is_ok());
    let fault = Template::parse(&nested(MAX_SECTIONS + 1)).expect_err("a fault");
    assert_eq!((fault.code.as_str(), fault.column), ("too_deep", 6 * 64 + 1));
    let size = Template::parse(&"{{a}}".repeat(MAX_TAGS)).expect("a template").size();
    assert!((500_000..5_000_000).contains(&size), "{size}");
    let deep = format!("[{{\"role\":\"user\",\"content\":{}{}}}]", "[".repeat(9_000), "]".repeat(9_000));
    let faults = Prompt::read(&Source { string: &deep, ..Source::default() }).expect_err("faults");
    assert_eq!(faults[0].code, "too_deep");
    let wrong: Vec<Value> = (0..20_000).map(|_| json!({ "role": "boss", "content": "{{" })).collect();
    let faults = Prompt::read(&Source { string: &Value::from(wrong).to_string(), ..Source::default() });
    assert_eq!(faults.expect_err("faults").len(), 100);
}

#[test]
fn a_compiled_prompt_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Prompt>();
    shared::<Template>();
}

/// Pieces of templates, of which some belong together.
fn scrap() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec![
            "{{a}}", "{{ b.c }}", "{{{a}}}", "{{&l}}", "{{.}}", "{{#a}}", "{{/a}}", "{{#l}}", "{{/l}}", "{{^b.c}}", "{{/b.c}}",
            "{{>p}}", "{{>q@2}}", "{{>>a}}", "{{! x }}", "{{=<% %>=}}", "<%a%>", "<%={{ }}=%>", "\n", "\r\n", " ", "  \t",
            "{{", "}}", "{", "}", "\"", "\\", "x", "é", "{{#.}}", "{{/.}}", "{{zz}}",
        ]).prop_map(str::to_owned),
        1 => ".{0,4}",
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop::collection::vec(scrap(), 0..14).prop_map(|scraps| scraps.concat())
}

/// A text that can be parsed.
fn template() -> impl Strategy<Value = String> {
    let simple =
        || any_text().prop_map(|text| if Template::parse(&text).is_ok() { text } else { "{{a}}|{{b.c}}".into() });
    (simple(), simple(), any::<bool>()).prop_map(|(before, inner, list)| {
        let name = if list { "l" } else { "b" };
        let text = format!("{before}{{{{#{name}}}}}{inner}{{{{/{name}}}}}");
        if Template::parse(&text).is_ok() { text } else { before }
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,6}".prop_map(Value::from),
        prop::sample::select(vec!["\"", "\\", "\"}]", "{{a}}", "{{#l}}", "p", "q@2", ",", "null},{", "\n", "]"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                prop::sample::select(vec!["a", "b", "c", "l", "\"", ","]).prop_map(str::to_owned),
                inner,
                0..4
            )
            .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_variables() -> impl Strategy<Value = Variables> {
    (any_value(), any_value(), any_value()).prop_map(|(a, b, l)| {
        let text = json!({ "a": a, "b": b, "l": l }).to_string();
        Variables::read(&text).expect("variables")
    })
}

/// A value with every text taken out but roles and types: what must not depend on variables.
fn skeleton(value: &Value, key: &str) -> Value {
    match value {
        Value::String(text) if matches!(key, "role" | "type") => text.clone().into(),
        Value::String(_) => "".into(),
        Value::Array(list) => list.iter().map(|one| skeleton(one, "")).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), skeleton(value, key))).collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_output_is_bounded(text in any_text(), p in any_text(), q in any_text(), values in any_variables()) {
        let Ok(template) = Template::parse(&text) else { return Ok(()) };
        let shelf: HashMap<&str, Arc<Template>> =
            [("p", &p), ("q", &q)].into_iter().filter_map(|(slug, text)| Some((slug, Arc::new(Template::parse(text).ok()?)))).collect();
        prop_assert!(template.size() >= text.len());
        let partials = |slug: &str, _| shelf.get(slug).cloned();
        for is_raw in [false, true] {
            let prompt = Prompt::read(&Source { string: &text, kind: Some(Kind::Text), is_raw, ..Source::default() });
            let prompt = prompt.expect("it was parsed before");
            match prompt.render(&values, &partials, false) {
                Ok(Rendered { output: Output::Text(text) | Output::Messages(text), .. }) => prop_assert!(text.len() <= MAX_OUTPUT),
                Err(refusal) => prop_assert_ne!(refusal.code(), "unfilled_variables"),
            }
            let names = prompt.variables(&partials);
            prop_assert!(names.partials.len() <= 4);
        }
    }

    #[test]
    fn messages_keep_their_structure(
        texts in prop::collection::vec(template(), 4), partial in template(), values in any_variables(),
    ) {
        let told = json!([
            { "role": "system", "content": texts[0] },
            { "role": "user", "name": texts[1], "content": [
                { "type": "text", "text": texts[2] },
                { "type": "image_url", "image_url": { "url": texts[3], "detail": null } },
            ] },
            { "role": "assistant", "content": null, "tool_calls": [{ "id": texts[3], "type": "function" }] },
        ]);
        let prompt = chat(&told);
        let partial = Arc::new(Template::parse(&partial).expect("a template"));
        let found = |slug: &str, _| (slug == "p").then(|| partial.clone());
        if let Ok(rendered) = prompt.render(&values, &found, false) {
            prop_assert_eq!(skeleton(&messages_of(&rendered), ""), skeleton(&told, ""));
        }
    }

    #[test]
    fn raw_messages_keep_their_structure(before in "[^{}\"\\\\\\p{Cc}]{0,5}", value in any_value()) {
        let string = format!(r#"[{{"role":"user","content":"{before}{{{{a}}}}"}},{{"role":"system","content":"{{{{&a}}}}"}}]"#);
        let prompt = Prompt::read(&Source { string: &string, is_raw: true, ..Source::default() }).expect("a prompt");
        let values = Variables::read(&json!({ "a": value }).to_string()).expect("variables");
        let wanted = json!([{ "role": "user", "content": "" }, { "role": "system", "content": "" }]);
        match prompt.render(&values, &nothing, false) {
            Ok(rendered) => prop_assert_eq!(skeleton(&messages_of(&rendered), ""), wanted),
            Err(refusal) => {
                prop_assert_eq!(refusal.code(), "prompt_not_messages");
                prop_assert!(value.is_array() || value.is_object(), "{}", value);
            }
        }
    }

    #[test]
    fn a_text_without_tags_is_itself(text in "[^{]{0,40}|([ a-z}\r\n]|\\{[ a-z}\"\r\n]){0,40}") {
        let rendered = text_prompt(&text).render(&Variables::default(), &nothing, true).expect("rendered");
        prop_assert_eq!(text_of(rendered), text);
    }

    #[test]
    fn a_value_arrives_as_it_is(text in any::<String>()) {
        let values = Variables::read(&json!({ "v": text }).to_string()).expect("variables");
        let plain = text_prompt("{{v}}").render(&values, &nothing, true).expect("rendered");
        prop_assert_eq!(text_of(plain), text.clone());
        let prompt = chat(&json!([{ "role": "user", "content": "{{v}}" }]));
        let rendered = prompt.render(&values, &nothing, true).expect("rendered");
        prop_assert_eq!(messages_of(&rendered), json!([{ "role": "user", "content": text }]));
    }
}
