//! Refusals of keys that are narrowed beside their permissions, or break a rule of their organisation.

use super::Refusal;
use http::StatusCode;
use std::borrow::Cow;

/// The most of a name that a refusal repeats, in characters.
const NAMED: usize = 100;

impl Refusal {
    /// The key's time has not come.
    pub fn key_not_yet_valid(message: String) -> Self {
        Self::unauthorised("api_key_not_yet_valid", "").with(|details| details.message = Cow::Owned(message))
    }

    /// The key breaks a rule that its organisation has for keys.
    pub fn key_breaks_policy(message: String) -> Self {
        Self::narrowed("key_breaks_policy", None, message)
    }

    /// The key does not work from the caller's address.
    pub fn address_not_allowed(message: String) -> Self {
        Self::narrowed("address_not_allowed", None, message)
    }

    pub fn model_not_allowed(model: &str) -> Self {
        let message = match model {
            "" => "The request names no model, and this API key may call only certain ones. Name a model.".to_owned(),
            model => format!("This API key may not call the model {}: it is narrowed to others.", shown(model)),
        };
        Self::narrowed("model_not_allowed", Some("model"), message)
    }

    /// Models that the body names beside the one that is asked for.
    pub fn other_models_not_allowed() -> Self {
        let message = "The request names models in `models` that this API key may not call: it is narrowed to others.";
        Self::narrowed("model_not_allowed", Some("models"), message.to_owned())
    }

    pub fn virtual_key_not_allowed(slug: &str) -> Self {
        let message = format!("This API key may not use the virtual key {}: it is narrowed to others.", shown(slug));
        Self::narrowed("virtual_key_not_allowed", None, message)
    }

    /// None: one that the request brought along.
    pub fn config_not_allowed(slug: Option<&str>) -> Self {
        let message = match slug {
            Some(slug) => format!("This API key may not name the config {}: it is narrowed to others.", shown(slug)),
            None => "This API key may name only certain saved configs, and bring none of its own.".to_owned(),
        };
        Self::narrowed("config_not_allowed", Some("x-portkey-config"), message)
    }

    pub fn prompt_not_allowed(address: &str) -> Self {
        let message = format!("This API key may not use the prompt {}: it is narrowed to others.", shown(address));
        Self::narrowed("prompt_not_allowed", None, message)
    }

    /// What the key is narrowed to was changed while the call was being prepared.
    pub fn key_changed() -> Self {
        Self::unavailable(
            "api_key_changed",
            "What this API key may use was changed while this call was being prepared. Send it again.",
        )
    }

    fn narrowed(code: &'static str, param: Option<&'static str>, message: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, "permission_error", "").with(|details| {
            details.message = Cow::Owned(message);
            details.param = param.map(Cow::Borrowed);
        })
    }
}

/// A name as a refusal repeats it.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(NAMED).filter(|c| !c.is_control()).collect()
}
