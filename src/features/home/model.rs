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
        match &self.virtual_key {
            Some((slug, provider)) => model_of(slug, *provider, |_| true),
            None => "@openai-main/gpt-4o".to_owned(),
        }
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
        let curl = curl(url, &secret, &model);
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

/// What a call names to reach a model of this virtual key: one that fits, if a usual one does.
pub fn model_of(slug: &str, provider: Provider, fits: impl Fn(&str) -> bool) -> String {
    let models = provider.example_models();
    let model = models.iter().find(|model| fits(model)).or(models.first()).copied().unwrap_or("model");
    format!("@{slug}/{model}")
}

/// A chat call with curl.
pub fn curl(public_url: &str, secret: &str, model: &str) -> String {
    format!(
        "curl {public_url}/v1/chat/completions \\\n  -H 'Authorization: Bearer {secret}' \\\n  -H 'Content-Type: \
         application/json' \\\n  -d '{{\"model\": \"{model}\",\n       \"messages\": [{{\"role\": \"user\", \
         \"content\": \"Hello\"}}]}}'"
    )
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
    /// What was done, or tried, between the names of who did it and of the thing.
    pub fn verb(&self) -> String {
        // What was done, the same verb after "to", and what follows either.
        let (done, to_do, rest) = match self.action.as_str() {
            "organisation.create" | "account.setup" => ("made", "make", ""),
            "organisation.update" => ("changed", "change", "the settings of"),
            "team.change_role" => ("changed", "change", "the role of"),
            "team.remove" => ("removed", "remove", ""),
            "team.leave" => ("left", "leave", ""),
            "team.make_reset_link" => ("made", "make", "a password link for"),
            "invitation.create" => ("invited", "invite", ""),
            "invitation.resend" => ("sent", "send", "the invitation again to"),
            "invitation.revoke" => ("took", "take", "back the invitation of"),
            "invitation.accept" | "invitation.join" => ("accepted", "accept", "the invitation for"),
            "invitation.decline" => ("declined", "decline", "the invitation for"),
            "api_key.create" => ("created", "create", "the API key"),
            "api_key.update" => ("changed", "change", "the API key"),
            "api_key.rotate" => ("rotated", "rotate", "the API key"),
            "api_key.end_overlap" => ("ended", "end", "the old secret of"),
            "api_key.disable" => ("disabled", "disable", "the API key"),
            "api_key.enable" => ("enabled", "enable", "the API key"),
            "access_review.start" => ("began", "begin", "the"),
            "access_review.decide" => ("decided", "decide", "in the"),
            "access_review.finish" => ("finished", "finish", "the"),
            "access_review.export" => ("downloaded", "download", "the"),
            "api_key.delete" => ("deleted", "delete", "the API key"),
            "limit.set" => ("set", "set", "a"),
            "limit.reset" => ("reset", "reset", "the"),
            "limit.raise" => ("changed", "change", "the raise of the"),
            "limit.delete" | "limit.delete_webhook" => ("deleted", "delete", "the"),
            "limit.set_webhook" => ("set", "set", "the"),
            "price.put" => ("set", "set", "the price of"),
            "virtual_key.create" => ("added", "add", "the virtual key"),
            "virtual_key.update" => ("changed", "change", "the virtual key"),
            "virtual_key.duplicate" => ("duplicated", "duplicate", "the virtual key"),
            "virtual_key.delete" => ("deleted", "delete", "the virtual key"),
            "config.create" => ("created", "create", "the config"),
            "config.update" => ("changed", "change", "the config"),
            "config.restore" => ("restored", "restore", "a version of the config"),
            "config.delete" => ("deleted", "delete", "the config"),
            "guardrail.create" => ("created", "create", "the guardrail"),
            "guardrail.update" => ("changed", "change", "the guardrail"),
            "guardrail.restore" => ("restored", "restore", "a version of the guardrail"),
            "guardrail.keep_sample" => ("kept", "keep", "a sample for the guardrail"),
            "guardrail.drop_sample" => ("removed", "remove", "a sample of the guardrail"),
            "guardrail.enforce" => ("changed", "change", "for which calls there is the guardrail"),
            "guardrail.delete" => ("deleted", "delete", "the guardrail"),
            "prompt.create" => ("created", "create", "the prompt"),
            "prompt.update" => ("changed", "change", "the prompt"),
            "prompt.restore" => ("restored", "restore", "a version of the prompt"),
            "prompt.publish" => ("published", "publish", "a version of the prompt"),
            "prompt.label" => ("moved", "move", "a label of the prompt"),
            "prompt.roll_out" => ("changed", "change", "the roll-out of the prompt"),
            "prompt.propose" => ("proposed", "propose", "a version of the prompt"),
            "prompt.agree" => ("agreed", "agree", "to a version of the prompt"),
            "prompt.withdraw" => ("took", "take", "back what was proposed for the prompt"),
            "prompt.keep_values" => ("kept", "keep", "test values for the prompt"),
            "prompt.drop_values" => ("removed", "remove", "test values of the prompt"),
            "prompt.delete" => ("deleted", "delete", "the prompt"),
            "partial.create" => ("created", "create", "the partial"),
            "partial.update" => ("changed", "change", "the partial"),
            "partial.restore" => ("restored", "restore", "a version of the partial"),
            "partial.publish" => ("published", "publish", "a version of the partial"),
            "partial.delete" => ("deleted", "delete", "the partial"),
            "collection.create" => ("made", "make", "the folder"),
            "collection.update" => ("renamed", "rename", "the folder"),
            "collection.delete" => ("deleted", "delete", "the folder"),
            "label.create" => ("made", "make", "the label"),
            "label.update" => ("changed", "change", "the label"),
            "label.delete" => ("deleted", "delete", "the label"),
            "organisation.restrict" => ("changed", "change", "what calls may bring in"),
            "organisation.key_policy" => ("changed", "change", "what is asked of all API keys of"),
            "organisation.keep_texts" => ("changed", "change", "what is kept of calls in"),
            "log.export" => ("downloaded", "download", ""),
            "log_export.create" => ("saved", "save", "an export of the log:"),
            "log_export.update" => ("changed", "change", "an export of the log:"),
            "log_export.start" => ("started", "start", "an export of the log:"),
            "log_export.cancel" => ("stopped", "stop", "an export of the log:"),
            "log.change_settings" => ("changed", "change", "the settings of the log of"),
            "log.save_filter" => ("saved", "save", "the filter"),
            "log.delete_filter" => ("deleted", "delete", "the filter"),
            "price.set" => ("set", "set", "the price of"),
            "price.delete" => ("deleted", "delete", "the price of"),
            "billing.change_settings" => ("changed", "change", "the billing settings of"),
            "billing.close" => ("made", "make", "the monthly statement"),
            "log.read_texts" => ("read", "read", "what was said in"),
            "log.delete_texts" => ("deleted", "delete", "all kept texts of"),
            "audit.expire" => ("removed", "remove", "events for their age from"),
            "log.expire" => ("deleted", "delete", "what was too old in"),
            "virtual_key.test" => ("tested", "test", "the virtual key"),
            "audit.export" => ("exported", "export", "events of the"),
            "audit.erase" => ("erased", "erase", "the personal values of"),
            "audit.set_delivery" => ("set", "set", "up the delivery of events to"),
            "audit.rotate_delivery_secret" => ("rotated", "rotate", "the secret of the delivery to"),
            "audit.pause_delivery" => ("paused", "pause", "the delivery of events to"),
            "audit.resume_delivery" => ("resumed", "resume", "the delivery of events to"),
            "audit.test_delivery" => ("tested", "test", "the delivery of events to"),
            "audit.delete_delivery" => ("deleted", "delete", "the delivery of events to"),
            other => {
                let tried = if self.trouble.is_some() { "tried to do" } else { "did" };
                return format!("{tried} “{other}” on");
            }
        };
        // What was refused or failed is not told as if it had been done.
        let verb = if self.trouble.is_some() { format!("tried to {to_do}") } else { done.to_owned() };
        if rest.is_empty() { verb } else { format!("{verb} {rest}") }
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
    fn a_model_is_one_that_the_key_may_call() {
        assert_eq!(model_of("main", Provider::OpenAi, |_| true), "@main/gpt-4o");
        assert_eq!(model_of("main", Provider::OpenAi, |model| model.ends_with("mini")), "@main/gpt-4o-mini");
        assert_eq!(model_of("main", Provider::OpenAi, |_| false), "@main/gpt-4o");
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
            let refused = Happened { trouble: Some("refused".into()), ..happened };
            assert!(refused.verb().starts_with("tried to "), "{id}");
        }
    }

    #[test]
    fn what_was_refused_is_told_as_tried() {
        let happened = |action: &str, trouble: Option<&str>| Happened {
            at: Timestamp(0),
            actor: "Ina".into(),
            action: action.into(),
            subject: "main".into(),
            trouble: trouble.map(str::to_owned),
        };
        assert_eq!(happened("virtual_key.create", None).verb(), "added the virtual key");
        assert_eq!(happened("virtual_key.create", Some("refused")).verb(), "tried to add the virtual key");
        assert_eq!(happened("team.leave", Some("failed")).verb(), "tried to leave");
        assert_eq!(happened("of.later", Some("failed")).verb(), "tried to do “of.later” on");
    }

    #[test]
    fn steps_that_are_not_the_roles_are_left_out() {
        let steps = Steps { provider: true, tested: true, call: true, ..Steps::default() };
        assert!(steps.are_done());
        assert!(!Steps { key: Some(false), ..steps }.are_done());
    }
}
