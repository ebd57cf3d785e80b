//! The demonstration's prompts: one in three versions, of which one is published and one waits for a second person; a partial
//! that it uses; and one of which only the first version is there.

use crate::{
    features::prompts::{
        model::{Content, Detail, Draft, Kind, LabelDraft, PRODUCTION, Publish},
        operations::{
            self as prompts, collections,
            labels::{self, Expected, To},
            sets,
        },
    },
    kernel::{PromptId, Result},
    policy::Operation,
    server::access::Access,
};
use serde_json::{Value, json};

const HOUSE_STYLE: &str = "Be brief, warm and exact: at most three short paragraphs.\nNever promise a refund.";

fn messages(list: &Value) -> String {
    serde_json::to_string_pretty(list).unwrap_or_default()
}

fn reply(opening: &str) -> String {
    messages(&json!([
        {
            "role": "system",
            "content": format!("You answer customers of {{{{company}}}} for the support team, in {{{{language}}}}. {opening}\n{{{{> house-style}}}}"),
        },
        {
            "role": "user",
            "content": "Customer: {{customer.name}}\nOrder: {{order}}\n{{#late_days}}\nThe parcel is {{late_days}} days late.\n{{/late_days}}\n\n{{complaint}}",
        },
    ]))
}

fn chat(string: String, temperature: f64) -> Content {
    Content {
        string,
        form: "chat".into(),
        model: "gpt-4.1-mini".into(),
        virtual_key: "openai-main".into(),
        parameters: json!({ "temperature": temperature, "max_tokens": 400 }),
        ..Content::default()
    }
}

/// Makes them: as the first person, but for what the second one proposes. Gives the published prompt's id.
pub(super) async fn make(first: &Access, second: &Access) -> Result<PromptId> {
    let folder = collections::create(first, "Support").await?.id.to_string();
    let style = Draft {
        name: "House style".into(),
        slug: "house-style".into(),
        collection: folder.clone(),
        content: Content { string: HOUSE_STYLE.into(), ..Content::default() },
        publish: Publish::Yes,
        ..Draft::default()
    };
    prompts::create(first, Kind::Partial, Ok(style)).await?;
    let new = Draft {
        name: "Support reply".into(),
        slug: "support-reply".into(),
        collection: folder.clone(),
        content: chat(reply("Thank them for writing."), 0.7),
        message: "The first".into(),
        publish: Publish::Yes,
        ..Draft::default()
    };
    let saved = prompts::create(first, Kind::Prompt, Ok(new)).await?;
    let slug = saved.slug;
    for (opening, temperature, message) in [
        ("Begin with what was done for them.", 0.4, "Say first what was done"),
        ("Begin with their name, then with what was done for them.", 0.4, "Warmer opening"),
    ] {
        let edit = |stored: &Detail| {
            Ok(Draft {
                name: stored.name.clone(),
                collection: folder.clone(),
                content: chat(reply(opening), temperature),
                message: message.into(),
                ..Draft::default()
            })
        };
        prompts::update(first, Kind::Prompt, &slug, None, edit).await?;
    }
    let what = (Kind::Prompt, slug.as_str());
    labels::move_label(first, Operation::PromptPublish, what, PRODUCTION, To::Version("2"), Expected::Anywhere).await?;
    labels::move_label(first, Operation::PromptLabel, what, "staging", To::Version("3"), Expected::Anywhere).await?;
    let rule = |_: &_| LabelDraft { needs_second: true, ..LabelDraft::default() };
    labels::update(first, PRODUCTION, None, rule).await?;
    labels::propose(second, what, PRODUCTION, "3", "It did better in staging for a week").await?;
    for (name, values) in [
        ("Late parcel", json!({ "late_days": "6", "order": "HP-20418-7", "complaint": "It was a birthday present." })),
        (
            "Wrong colour",
            json!({ "order": "HP-20511-2", "complaint": "I ordered the blue one, and the red one came." }),
        ),
    ] {
        let mut values = values;
        values["company"] = "Harbour Parcels".into();
        values["language"] = "British English".into();
        values["customer"] = json!({ "name": "Mrs Oyelaran" });
        sets::keep(second, what.1, name, &values.to_string(), true).await?;
    }
    let summary = Draft {
        name: "Meeting summary".into(),
        slug: "meeting-summary".into(),
        content: chat(
            messages(&json!([
                { "role": "system", "content": "Sum up a meeting in five points, then list who does what until when." },
                { "role": "user", "content": "{{transcript}}" },
            ])),
            0.2,
        ),
        message: "The first".into(),
        ..Draft::default()
    };
    prompts::create(second, Kind::Prompt, Ok(summary)).await?;
    Ok(saved.id)
}
