//! Renderings of a prompt per second, beside the plain serialisation of what comes out of them.

use latchkey::prompts::{Output, Prompt, Source, Template, Variables};
use serde_json::{Value, json};
use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

const ROUND: Duration = Duration::from_millis(400);
const ROUNDS: usize = 5;

/// The best rates of several rounds that take turns: rendering a prompt of five blocks with eight variables and a partial,
/// and `serde_json` writing the messages that come out.
pub fn renders() -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let wrong = |why: String| -> Box<dyn std::error::Error> { why.into() };
    let messages = json!([
        { "role": "system", "content": "You are the assistant of {{company}}. Today is {{today}}.\n{{>tone}}\n\nAnswer in {{language}}." },
        { "role": "user", "content": "I am {{customer.name}}, my plan is {{customer.plan}}." },
        { "role": "assistant", "content": "Good day, {{customer.name}}. How can I help you?" },
        { "role": "user", "content": [
            { "type": "text", "text": "These are the pages that could help:\n{{#pages}}\n- {{title}}: {{text}}\n{{/pages}}\n{{^pages}}\nNone.\n{{/pages}}" },
            { "type": "image_url", "image_url": { "url": "{{picture}}", "detail": "low" } },
        ] },
        { "role": "user", "content": "{{question}}" },
    ])
    .to_string();
    let tone = "Be brief and kind.\n{{#formal}}\nSay “you” as to a stranger.\n{{/formal}}\n";
    let tone = Arc::new(Template::parse(tone).map_err(|fault| wrong(fault.message))?);
    let partials = |slug: &str, _: Option<u32>| (slug == "tone").then(|| tone.clone());
    let values = json!({
        "company": "Lock & Key", "today": "2027-02-21", "language": "English", "formal": true,
        "customer": { "name": "Aiko \"Ai\" Sato", "plan": "Team" },
        "pages": (1..=3).map(|number| json!({
            "title": format!("Page {number}"), "text": "Keys are cut by level.\nA level opens what is below it. ".repeat(4),
        })).collect::<Vec<_>>(),
        "picture": "https://example.com/picture.png", "question": "What opens with a level of \"read\"?",
    });
    let values = Variables::read(&values.to_string()).map_err(|refusal| wrong(refusal.message()))?;
    let prompt = Prompt::read(&Source { string: &messages, ..Source::default() })
        .map_err(|faults| wrong(faults.into_iter().map(|fault| fault.message).collect()))?;
    let render = || prompt.render(black_box(&values), &partials, false);
    let rendered = render().map_err(|refusal| wrong(refusal.message()))?;
    let Output::Messages(text) = &rendered.output else { return Err("no messages".into()) };
    if !rendered.warnings.is_empty() {
        return Err("the prompt lacks variables".into());
    }
    let tree: Value = serde_json::from_str(text)?;
    let mut best = (0.0f64, 0.0f64);
    for _ in 0..ROUNDS {
        best.0 = best.0.max(rate(|| drop(black_box(render()))));
        best.1 = best.1.max(rate(|| drop(black_box(serde_json::to_string(black_box(&tree))))));
    }
    Ok(best)
}

fn rate(mut once: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut made = 0u32;
    while begun.elapsed() < ROUND {
        (0..200).for_each(|_| once());
        made += 200;
    }
    f64::from(made) / begun.elapsed().as_secs_f64()
}

/// The best times, in milliseconds, of values of a mebibyte in 10,000 rows: reading them and rendering a prompt with all of
/// them, and `serde_json` reading the same.
pub fn large() -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let rows: Vec<Value> =
        (0..10_000).map(|row| json!({ "n": row, "text": "A \"row\" of the table.\n".repeat(4) })).collect();
    let values = json!({ "rows": rows }).to_string();
    let string = json!([{ "role": "user", "content": "{{#rows}}{{n}}: {{text}}{{/rows}}" }]).to_string();
    let prompt = Prompt::read(&Source { string: &string, ..Source::default() })
        .map_err(|faults| faults.into_iter().map(|fault| fault.message).collect::<String>())?;
    let mut best = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let read = Variables::read(black_box(&values)).map_err(|refusal| refusal.message())?;
        let rendered = prompt.render(&read, &|_, _| None, false).map_err(|refusal| refusal.message())?;
        black_box(rendered);
        best.0 = best.0.min(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        black_box(serde_json::from_str::<Value>(black_box(&values))?);
        best.1 = best.1.min(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(best)
}
