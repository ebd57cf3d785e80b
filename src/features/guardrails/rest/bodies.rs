//! What the guardrails' calls take.

use crate::web::api::{Flag, input};
use serde_json::Value;

input! {
    /// Which guardrails are listed.
    GuardrailsQuery {
        /// Part of a name, slug or description.
        q | "search": Option<String>,
        /// `name`, `changed` or `used`, with `-` before it for the other way round; else by name.
        #[schema(pattern = "^-?(name|changed|used)$")]
        sort: Option<String>,
        ..page
    }
}

input! {
    /// A guardrail to be made.
    CreateGuardrail {
        #[schema(min_length = 1, max_length = 100)]
        name: String,
        /// What it is for.
        #[schema(max_length = 500)]
        description: Option<String>,
        /// Each with its `id`, such as `default.contains`, its `parameters`, a `name` and `is_enabled` if one likes.
        #[schema(value_type = Vec<Object>)]
        checks: Value,
        /// What happens when a check fails: `deny`, `async`, `sequential`, `observe`, `on_error`, `stream`, `on_success` and
        /// `on_fail` with feedback. Left out: the call goes on, with status 246.
        #[schema(value_type = Option<Object>)]
        actions: Option<Value>,
        /// What the version is about.
        #[schema(max_length = 200)]
        message: Option<String>,
    }
}

input! {
    /// What shall be different.
    UpdateGuardrail {
        #[schema(min_length = 1, max_length = 100)]
        name: Option<String>,
        #[schema(max_length = 500)]
        description: Option<String>,
        /// All checks; those that are there are replaced.
        #[schema(value_type = Option<Vec<Object>>)]
        checks: Option<Value>,
        /// All actions; those that are there are replaced.
        #[schema(value_type = Option<Object>)]
        actions: Option<Value>,
        /// What the version is about.
        #[schema(max_length = 200)]
        message: Option<String>,
        /// The version of the whole that was read; the change is refused if there is a newer one.
        #[schema(minimum = 1)]
        version: Option<i64>,
    }
}

input! {
    /// Which calls of the organisation it judges, whatever a config says. What is left out stays.
    EnforceGuardrail {
        /// Every request.
        #[schema(value_type = Option<bool>)]
        requests: Option<Flag>,
        /// Every answer.
        #[schema(value_type = Option<bool>)]
        answers: Option<Flag>,
    }
}

input! {
    /// A text to be judged. Nothing of it is stored.
    TryGuardrail {
        #[schema(max_length = 20000)]
        text: String,
        /// `request` or `answer`; left out: `request`.
        #[schema(pattern = "^(request|answer)$")]
        side: Option<String>,
        /// Checks that are not saved, in place of the guardrail's own.
        #[schema(value_type = Option<Vec<Object>>)]
        checks: Option<Value>,
        /// Actions that are not saved, in place of the guardrail's own.
        #[schema(value_type = Option<Object>)]
        actions: Option<Value>,
    }
}

input! {
    /// A text that the guardrail is tried with on each save.
    KeepSample {
        #[schema(min_length = 1, max_length = 20000)]
        text: String,
        /// `request` or `answer`; left out: `request`.
        #[schema(pattern = "^(request|answer)$")]
        side: Option<String>,
        /// Whether it should pass.
        #[schema(value_type = bool)]
        passes: Flag,
    }
}
