//! What the calls of prompts and partials take.

use super::ToolChoice;
use crate::web::api::{Flag, input};
use serde_json::Value;

input! {
    /// Which prompts or partials are listed.
    PromptsQuery {
        /// Part of a name, a slug or a text.
        search | "q": Option<String>,
        /// The folder's id or slug.
        collection_id: Option<String>,
        /// Only those at which this label stands.
        label: Option<String>,
        /// `name` or `changed`, with `-` before it for the other way round; else by name.
        #[schema(pattern = "^-?(name|changed)$")]
        sort: Option<String>,
        ..page
    }
}

input! {
    /// A prompt to be made.
    CreatePrompt {
        #[schema(min_length = 1, max_length = 100)]
        name: String,
        /// A slug of your own; left out, one is made of the name.
        #[schema(max_length = 100)]
        slug: Option<String>,
        /// The folder's id or slug.
        collection_id: Option<String>,
        /// The messages as JSON text, or the text of a completion.
        string: String,
        /// Members of the request, such as `temperature`.
        #[schema(value_type = Option<Object>)]
        parameters: Option<Value>,
        /// The slug of the virtual key that is called.
        virtual_key: Option<String>,
        #[schema(max_length = 200)]
        model: Option<String>,
        #[schema(value_type = Option<Vec<Object>>)]
        functions: Option<Value>,
        #[schema(value_type = Option<Vec<Object>>)]
        tools: Option<Value>,
        /// `auto`, `none`, `required`, or an object that names a tool.
        #[schema(inline, value_type = Option<ToolChoice>)]
        tool_choice: Option<Value>,
        /// What the version is about.
        #[schema(max_length = 200)]
        version_description: Option<String>,
        /// Whatever you note about it.
        #[schema(value_type = Option<Object>)]
        template_metadata: Option<Value>,
        /// 1: the string is rendered as a text and read as JSON afterwards.
        #[schema(value_type = Option<i64>, minimum = 0, maximum = 1)]
        is_raw_template: Option<Flag>,
        /// A call must give all variables and no others.
        #[schema(value_type = Option<bool>)]
        strict: Option<Flag>,
        /// Whether the version is published; left out: if the key may do so alone.
        #[schema(value_type = Option<bool>)]
        publish: Option<Flag>,
    }
}

input! {
    /// What shall be different. Where a part of the version is named, those not named are empty, unless `patch` is set.
    UpdatePrompt {
        #[schema(min_length = 1, max_length = 100)]
        name: Option<String>,
        /// The folder's id or slug; empty: none.
        collection_id: Option<String>,
        string: Option<String>,
        #[schema(value_type = Option<Object>)]
        parameters: Option<Value>,
        virtual_key: Option<String>,
        #[schema(max_length = 200)]
        model: Option<String>,
        #[schema(value_type = Option<Vec<Object>>)]
        functions: Option<Value>,
        #[schema(value_type = Option<Vec<Object>>)]
        tools: Option<Value>,
        /// `auto`, `none`, `required`, or an object that names a tool.
        #[schema(inline, value_type = Option<ToolChoice>)]
        tool_choice: Option<Value>,
        #[schema(max_length = 200)]
        version_description: Option<String>,
        #[schema(value_type = Option<Object>)]
        template_metadata: Option<Value>,
        #[schema(value_type = Option<i64>, minimum = 0, maximum = 1)]
        is_raw_template: Option<Flag>,
        /// What is not named stays as it is in the newest version.
        #[schema(value_type = Option<bool>)]
        patch: Option<Flag>,
        #[schema(value_type = Option<bool>)]
        strict: Option<Flag>,
        /// Whether the new version is published in the same step; otherwise it is not.
        #[schema(value_type = Option<bool>)]
        publish: Option<Flag>,
        /// The version of the whole that was read; the change is refused if there is a newer one.
        #[schema(minimum = 1)]
        revision: Option<i64>,
    }
}

input! {
    /// The version to be published.
    PublishVersion {
        /// Its number.
        #[schema(minimum = 1)]
        version: i64,
        /// The version that is published now, as far as you know; 0: none. The move is refused if it is another.
        #[schema(minimum = 0)]
        expected_version: Option<i64>,
    }
}
