//! The model providers that a virtual key can stand for. Pure data, for the server and the browser.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest base URL, in bytes.
pub const BASE_URL_LIMIT: usize = 2_048;

/// A model provider, or a way of speaking to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    OpenAi,
    Anthropic,
    Google,
    AzureOpenAi,
    Mistral,
    Groq,
    OpenRouter,
    Ollama,
    /// Any server that speaks OpenAI's chat completions under a base URL of its own.
    OpenAiCompatible,
}

/// The wire language of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's own; bodies are passed through.
    OpenAi,
    /// OpenAI's bodies under Azure's deployment paths.
    Azure,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's generateContent.
    Google,
}

impl Provider {
    /// Every provider, in the order in which a list shows them.
    pub const ALL: [Self; 9] = [
        Self::OpenAi,
        Self::Anthropic,
        Self::Google,
        Self::AzureOpenAi,
        Self::Mistral,
        Self::Groq,
        Self::OpenRouter,
        Self::Ollama,
        Self::OpenAiCompatible,
    ];

    /// The stored and sent name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Google => "google",
            Self::AzureOpenAi => "azure-openai",
            Self::Mistral => "mistral-ai",
            Self::Groq => "groq",
            Self::OpenRouter => "openrouter",
            Self::Ollama => "ollama",
            Self::OpenAiCompatible => "openai-compatible",
        }
    }

    /// The name for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI",
            Self::Anthropic => "Anthropic",
            Self::Google => "Google Gemini",
            Self::AzureOpenAi => "Azure OpenAI",
            Self::Mistral => "Mistral AI",
            Self::Groq => "Groq",
            Self::OpenRouter => "OpenRouter",
            Self::Ollama => "Ollama",
            Self::OpenAiCompatible => "OpenAI-compatible",
        }
    }

    /// Reads a name or a usual alias, whatever its letter case and outer blanks.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        Some(match name.as_str() {
            "openai" | "open-ai" => Self::OpenAi,
            "anthropic" | "claude" => Self::Anthropic,
            "google" | "gemini" | "google-gemini" | "google-ai" | "google-ai-studio" => Self::Google,
            "azure-openai" | "azure-open-ai" | "azure" | "azureopenai" => Self::AzureOpenAi,
            "mistral-ai" | "mistral" | "mistralai" => Self::Mistral,
            "groq" => Self::Groq,
            "openrouter" | "open-router" => Self::OpenRouter,
            "ollama" => Self::Ollama,
            "openai-compatible" | "openai-compat" | "custom" => Self::OpenAiCompatible,
            _ => return None,
        })
    }

    /// The base URL when the virtual key names none: no trailing slash, API version included.
    pub const fn default_base_url(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some("https://api.anthropic.com/v1"),
            Self::Google => Some("https://generativelanguage.googleapis.com/v1beta"),
            Self::Mistral => Some("https://api.mistral.ai/v1"),
            Self::Groq => Some("https://api.groq.com/openai/v1"),
            Self::OpenRouter => Some("https://openrouter.ai/api/v1"),
            Self::Ollama => Some("http://127.0.0.1:11434/v1"),
            Self::AzureOpenAi | Self::OpenAiCompatible => None,
        }
    }

    /// A base URL of the shape this provider wants, for a form's hint.
    pub const fn example_base_url(self) -> &'static str {
        match self.default_base_url() {
            Some(url) => url,
            None => match self {
                Self::AzureOpenAi => "https://my-resource.openai.azure.com",
                _ => "https://models.example.com/v1",
            },
        }
    }

    /// Whether a virtual key must hold a credential. A compatible server on one's own network often has none.
    pub const fn needs_credential(self) -> bool {
        !matches!(self, Self::Ollama | Self::OpenAiCompatible)
    }

    /// Names of models that people use there, for placeholders and hints.
    pub const fn example_models(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi => &["gpt-4o", "gpt-4o-mini", "gpt-4.1"],
            Self::Anthropic => &["claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1"],
            Self::Google => &["gemini-2.5-flash", "gemini-2.5-pro"],
            Self::AzureOpenAi => &["my-gpt-4o-deployment"],
            Self::Mistral => &["mistral-large-latest", "mistral-small-latest"],
            Self::Groq => &["llama-3.3-70b-versatile", "llama-3.1-8b-instant"],
            Self::OpenRouter => &["openai/gpt-4o", "anthropic/claude-sonnet-4.5"],
            Self::Ollama => &["llama3.2", "qwen2.5"],
            Self::OpenAiCompatible => &["my-model"],
        }
    }

    /// The wire language spoken there.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Anthropic => Dialect::Anthropic,
            Self::Google => Dialect::Google,
            Self::AzureOpenAi => Dialect::Azure,
            Self::OpenAi | Self::Mistral | Self::Groq | Self::OpenRouter | Self::Ollama | Self::OpenAiCompatible => {
                Dialect::OpenAi
            }
        }
    }

    /// Whether a streamed call must ask for usage with `stream_options.include_usage` to get it. Mistral always
    /// sends it and refuses the unknown field.
    pub const fn stream_usage_on_request(self) -> bool {
        !matches!(self, Self::Mistral | Self::Anthropic | Self::Google)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownProvider;

impl fmt::Display for UnknownProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown provider")
    }
}

impl std::error::Error for UnknownProvider {}

impl FromStr for Provider {
    type Err = UnknownProvider;
    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        Self::parse(text).ok_or(UnknownProvider)
    }
}

impl Serialize for Provider {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(UnknownProvider))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_in_text_and_json() {
        for provider in Provider::ALL {
            assert_eq!(Provider::parse(provider.name()), Some(provider));
            assert_eq!(provider.name().to_uppercase().parse(), Ok(provider));
            let json = serde_json::to_string(&provider).unwrap();
            assert_eq!(json, format!("\"{}\"", provider.name()));
            assert_eq!(serde_json::from_str::<Provider>(&json).unwrap(), provider);
        }
        assert!(serde_json::from_str::<Provider>("\"aws\"").is_err());
    }

    #[test]
    fn aliases_are_understood() {
        for (alias, provider) in [
            (" Gemini ", Provider::Google),
            ("azure", Provider::AzureOpenAi),
            ("AZURE_OPENAI", Provider::AzureOpenAi),
            ("mistral", Provider::Mistral),
            ("open-router", Provider::OpenRouter),
        ] {
            assert_eq!(Provider::parse(alias), Some(provider), "{alias}");
        }
        assert_eq!(Provider::parse(""), None);
        assert_eq!(Provider::parse("openai2"), None);
    }

    #[test]
    fn base_urls_end_without_a_slash_and_names_are_unique() {
        let mut names: Vec<_> = Provider::ALL.iter().map(|provider| provider.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Provider::ALL.len());
        for provider in Provider::ALL {
            assert!(!provider.example_base_url().ends_with('/'));
            assert!(!provider.example_models().is_empty());
        }
        assert!(!Provider::Ollama.needs_credential());
    }
}
