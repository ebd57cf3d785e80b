//! What both sides know of Home.

use crate::{
    features::logs::model::{Health, LoggedCall, Totals},
    kernel::{KeyId, LimitId, Timestamp, provider::Provider, text},
};
use serde::{Deserialize, Serialize};

/// Everything that Home shows. What the role may not see is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    pub steps: Steps,
    pub example: Example,
    /// The last 24 hours.
    pub day: Totals,
    /// The newest calls.
    pub calls: Vec<LoggedCall>,
    /// The virtual keys of the last hour's calls, the worst first.
    pub providers: Vec<Health>,
    /// API keys that end soon.
    pub ending: Vec<Ending>,
    /// How many API keys that work have permissions that they have not used for a long time.
    pub unused: i64,
    /// Budgets that are used up, or so far that people are told; none for whom may not list limits.
    pub budgets: Vec<Budget>,
    /// What happened lately, newest first.
    pub lately: Option<Vec<Happened>>,
    pub now: Timestamp,
}

/// What of the first steps is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// A provider's credential is stored.
    pub provider: bool,
    /// The provider was seen to answer.
    pub tested: bool,
    /// There is an API key beside the master key. None: the role may not know.
    pub key: Option<bool>,
    /// A model call succeeded.
    pub call: bool,
    /// Somebody else is here, or invited. None: the role may not know.
    pub people: Option<bool>,
}

impl Steps {
    /// Each, in order, with whether it is done, as far as the role takes part in it.
    pub fn all(self) -> Vec<bool> {
        let taken = [Some(self.provider), Some(self.tested), self.key, Some(self.call), self.people];
        taken.into_iter().flatten().collect()
    }

    /// Nothing is left to do.
    pub fn are_done(self) -> bool {
        self.all().into_iter().all(|done| done)
    }
}

/// What an example of a call names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The address of this installation, without a trailing slash.
    pub public_url: String,
    /// The oldest virtual key.
    pub virtual_key: Option<(String, Provider)>,
    /// Name of the newest API key, for whoever may list them.
    pub key: Option<String>,
}

impl Example {
    /// What a call names as its model.
    pub fn model(&self) -> String {
        let (slug, model) = match &self.virtual_key {
            Some((slug, provider)) => (slug.as_str(), provider.example_models().first().copied().unwrap_or("model")),
            None => ("openai-main", "gpt-4o"),
        };
        format!("@{slug}/{model}")
    }

    /// What stands where the API key's secret goes.
    pub fn secret(&self) -> String {
        match self.key.as_deref().map(text::slug).as_deref() {
            None | Some("") => "SECRET-OF-YOUR-API-KEY".to_owned(),
            Some(key) => format!("SECRET-OF-{key}"),
        }
    }

    /// The call in each language: its name in the page, its name for people, the program.
    pub fn programs(&self) -> [(&'static str, &'static str, String); 3] {
        let (url, model, secret) = (&self.public_url, self.model(), self.secret());
        let curl = format!(
            "curl {url}/v1/chat/completions \\\n  -H 'Authorization: Bearer {secret}' \\\n  -H 'Content-Type: \
             application/json' \\\n  -d '{{\"model\": \"{model}\",\n       \"messages\": [{{\"role\": \"user\", \
             \"content\": \"Hello\"}}]}}'"
        );
        let python = format!(
            "from openai import OpenAI\n\nclient = OpenAI(base_url=\"{url}/v1\", api_key=\"{secret}\")\nanswer = \
             client.chat.completions.create(\n    model=\"{model}\",\n    messages=[{{\"role\": \"user\", \"content\": \
             \"Hello\"}}],\n)\nprint(answer.choices[0].message.content)"
        );
        let typescript = format!(
            "import OpenAI from \"openai\";\n\nconst client = new OpenAI({{\n  baseURL: \"{url}/v1\",\n  apiKey: \
             \"{secret}\",\n}});\nconst answer = await client.chat.completions.create({{\n  model: \"{model}\",\n  \
             messages: [{{ role: \"user\", content: \"Hello\" }}],\n}});\nconsole.log(answer.choices[0].message.content);"
        );
        [("curl", "curl", curl), ("python", "Python", python), ("typescript", "TypeScript", typescript)]
    }
}

/// An API key that ends soon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    pub id: KeyId,
    pub name: String,
    pub at: Timestamp,
}

/// A budget of which little or nothing is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub id: LimitId,
    /// What it is on.
    pub name: String,
    /// What was used of how much.
    pub words: String,
    pub used_up: bool,
    /// Whether calls are refused for it now.
    pub refuses: bool,
}

/// What the search of the whole organisation found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub name: String,
    /// What it is: "API key", "Virtual key @openai-main".
    pub what: String,
    /// The address of its page.
    pub href: String,
}

/// An act, from the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    pub at: Timestamp,
    pub actor: String,
    /// The operation's stable name.
    pub action: String,
    /// The thing, as it was named then.
    pub subject: String,
    /// It was refused or failed: in one word.
    pub trouble: Option<String>,
}

impl Happened {
    /// What was done, between the names of who did it and of the thing.
    pub fn verb(&self) -> String {
        let verb = match self.action.as_str() {
            "organisation.create" | "account.setup" => "made",
            "organisation.update" => "changed the settings of",
            "team.change_role" => "changed the role of",
            "team.remove" => "removed",
            "team.leave" => "left",
            "team.make_reset_link" => "made a password link for",
            "invitation.create" => "invited",
            "invitation.resend" => "sent the invitation again to",
            "invitation.revoke" => "took back the invitation of",
            "invitation.accept" | "invitation.join" => "accepted the invitation for",
            "invitation.decline" => "declined the invitation for",
            "api_key.create" => "created the API key",
            "api_key.update" => "changed the API key",
            "api_key.rotate" => "rotated the API key",
            "api_key.end_overlap" => "ended the old secret of",
            "api_key.disable" => "disabled the API key",
            "api_key.enable" => "enabled the API key",
            "access_review.start" => "began the",
            "access_review.decide" => "decided in the",
            "access_review.finish" => "finished the",
            "access_review.export" => "downloaded the",
            "api_key.delete" => "deleted the API key",
            "limit.set" => "set a",
            "limit.reset" => "began anew the",
            "limit.raise" => "changed the raise of the",
            "limit.delete" | "limit.delete_webhook" => "deleted the",
            "limit.set_webhook" => "set the",
            "price.put" => "set the price of",
            "virtual_key.create" => "added the virtual key",
            "virtual_key.update" => "changed the virtual key",
            "virtual_key.duplicate" => "duplicated the virtual key",
            "virtual_key.delete" => "deleted the virtual key",
            "config.create" => "created the config",
            "config.update" => "changed the config",
            "config.restore" => "restored a version of the config",
            "config.delete" => "deleted the config",
            "guardrail.create" => "created the guardrail",
            "guardrail.update" => "changed the guardrail",
            "guardrail.restore" => "restored a version of the guardrail",
            "guardrail.keep_sample" => "kept a sample for the guardrail",
            "guardrail.drop_sample" => "removed a sample of the guardrail",
            "guardrail.enforce" => "changed for which calls there is the guardrail",
            "guardrail.delete" => "deleted the guardrail",
            "prompt.create" => "created the prompt",
            "prompt.update" => "changed the prompt",
            "prompt.restore" => "restored a version of the prompt",
            "prompt.publish" => "published a version of the prompt",
            "prompt.label" => "moved a label of the prompt",
            "prompt.roll_out" => "changed the roll-out of the prompt",
            "prompt.propose" => "proposed a version of the prompt",
            "prompt.agree" => "agreed to a version of the prompt",
            "prompt.withdraw" => "took back what was proposed for the prompt",
            "prompt.keep_values" => "kept test values for the prompt",
            "prompt.drop_values" => "removed test values of the prompt",
            "prompt.delete" => "deleted the prompt",
            "partial.create" => "created the partial",
            "partial.update" => "changed the partial",
            "partial.restore" => "restored a version of the partial",
            "partial.publish" => "published a version of the partial",
            "partial.delete" => "deleted the partial",
            "collection.create" => "made the folder",
            "collection.update" => "renamed the folder",
            "collection.delete" => "deleted the folder",
            "label.create" => "made the label",
            "label.update" => "changed the label",
            "label.delete" => "deleted the label",
            "organisation.restrict" => "changed what calls may bring in",
            "organisation.key_policy" => "changed what is asked of all API keys of",
            "organisation.keep_texts" => "changed what is kept of calls in",
            "log.export" => "downloaded",
            "log_export.create" => "saved an export of the log:",
            "log_export.update" => "changed an export of the log:",
            "log_export.start" => "started an export of the log:",
            "log_export.cancel" => "stopped an export of the log:",
            "log.change_settings" => "changed the settings of the log of",
            "log.save_filter" => "saved the filter",
            "log.delete_filter" => "deleted the filter",
            "price.set" => "set the price of",
            "price.delete" => "deleted the price of",
            "billing.change_settings" => "changed the billing settings of",
            "billing.close" => "made the monthly statement",
            "log.read_texts" => "read what was said in",
            "log.delete_texts" => "deleted all kept texts of",
            "audit.expire" => "removed events for their age from",
            "log.expire" => "deleted what was too old in",
            "virtual_key.test" => "tested the virtual key",
            "audit.export" => "exported events of the",
            "audit.erase" => "erased the personal values of",
            "audit.set_delivery" => "set up the delivery of events to",
            "audit.rotate_delivery_secret" => "rotated the secret of the delivery to",
            "audit.pause_delivery" => "paused the delivery of events to",
            "audit.resume_delivery" => "resumed the delivery of events to",
            "audit.test_delivery" => "tested the delivery of events to",
            "audit.delete_delivery" => "deleted the delivery of events to",
            other => return format!("did “{other}” on"),
        };
        verb.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Operation;

    #[test]
    fn examples_name_what_is_there() {
        let example = Example {
            public_url: "https://keys.example.org".into(),
            virtual_key: Some(("claude".into(), Provider::Anthropic)),
            key: Some("Support desk".into()),
        };
        for (_, name, program) in example.programs() {
            for part in ["https://keys.example.org/v1", "@claude/claude-sonnet-4-5", "SECRET-OF-support-desk"] {
                assert!(program.contains(part), "{name}: {part}");
            }
        }
        let quoting = Example { key: Some("a'; rm -rf \"".into()), ..example };
        assert!(!quoting.secret().contains(['\'', '"', ';', ' ']), "{}", quoting.secret());
    }

    #[test]
    fn every_act_in_an_organisation_has_words() {
        for operation in Operation::ALL.iter().filter(|operation| operation.spec().audited) {
            let id = operation.spec().id;
            let happened = Happened {
                at: Timestamp(0),
                actor: "Ada".into(),
                action: id.into(),
                subject: String::new(),
                trouble: None,
            };
            assert!(id.starts_with("account.") || !happened.verb().contains(id), "{id}");
        }
    }

    #[test]
    fn steps_that_are_not_the_roles_are_left_out() {
        let steps = Steps { provider: true, tested: true, call: true, ..Steps::default() };
        assert!(steps.are_done());
        assert!(!Steps { key: Some(false), ..steps }.are_done());
    }
}
