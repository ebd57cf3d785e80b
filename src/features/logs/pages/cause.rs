//! Why a call did not end well, and what can be done about it.

use crate::{
    features::logs::model::{CallOutcome, Detail},
    policy::Operation,
    site::routes::{self, Path},
};

/// Why a call went wrong, in a sentence, what helps, and where it is done.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    pub why: String,
    pub help: String,
    pub step: Option<Step>,
}

/// A page on which the cause can be dealt with.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    pub label: String,
    pub href: Path,
    /// What is done there. Who may not do it is told who can.
    pub needs: Operation,
}

/// The cause of a call that did not end well; none of one that did, or is under way.
pub fn cause(detail: &Detail, slug: &str) -> Option<Cause> {
    let call = &detail.call;
    let step = |label: &str, href: Path, needs| Some(Step { label: label.to_owned(), href, needs });
    let virtual_key = call.virtual_key.as_deref().filter(|_| detail.virtual_key_lives);
    let on_virtual_key = |label: &str| {
        virtual_key.and_then(|name| step(label, routes::virtual_key(slug, name), Operation::VirtualKeyUpdate))
    };
    let on_key =
        |label: &str| detail.key_id.and_then(|id| step(label, routes::api_key(slug, id), Operation::ApiKeyUpdate));
    let at = call.virtual_key.as_ref().map_or_else(|| "the virtual key".to_owned(), |name| format!("@{name}"));
    let code = match (call.outcome, call.error_code.as_deref()) {
        (CallOutcome::Ok | CallOutcome::Started, _) => return None,
        (CallOutcome::Left, _) => "left",
        (CallOutcome::Lost, _) => "lost",
        (_, code) => code.unwrap_or_default(),
    };
    let (why, help, step) = match code {
        "left" => (
            "The caller closed the connection before the end.".into(),
            "If this happens often, its own time limit may be shorter than the answer takes.",
            None,
        ),
        "lost" => (
            "Latchkey was stopped while this call was under way.".into(),
            "Nobody can tell how it ended at the provider.",
            None,
        ),
        "permission_denied" => (
            "The API key may not make model calls.".into(),
            "It may when its feature Completions is enabled and the person for whom it acts may make calls.",
            on_key("Change the key"),
        ),
        "virtual_key_not_found" => return Some(unknown_key(detail, slug)),
        "virtual_key_missing" => (
            "The call named no virtual key.".into(),
            "Write the model as @virtual-key/model, or name it in the header x-portkey-virtual-key.",
            step("See the virtual keys", routes::virtual_keys(slug), Operation::VirtualKeysList),
        ),
        "virtual_key_conflict" => {
            ("The call named two different virtual keys.".into(), "Name one, before the model or in a header.", None)
        }
        "model_not_allowed" | "virtual_key_not_allowed" | "config_not_allowed" | "prompt_not_allowed" => (
            "The API key is narrowed, and not to what this call named.".into(),
            "Its page says what it may use.",
            on_key("Open the key"),
        ),
        "address_not_allowed" => (
            "The API key does not work from where this call came from.".into(),
            "Its page, or the organisation's settings, say from where it works.",
            on_key("Open the key"),
        ),
        "key_breaks_policy" => (
            "The API key breaks a rule that this organisation has for keys.".into(),
            "Its page says which, and what to do.",
            on_key("Open the key"),
        ),
        "api_key_not_yet_valid" => {
            ("The API key did not work yet.".into(), "Its page says from when on it works.", on_key("Open the key"))
        }
        "virtual_key_changed" => {
            (format!("Somebody changed {at} while this call was being prepared."), "Send the call again.", None)
        }
        "api_key_disabled" => ("The API key was disabled.".into(), "It can be enabled again.", on_key("Open the key")),
        "api_key_expired" => ("The API key’s time was over.".into(), "Give it a later end.", on_key("Open the key")),
        "api_key_revoked" => (
            "The API key, or the secret that was sent, was revoked.".into(),
            "Use the key’s newer secret, or another key.",
            on_key("Open the key"),
        ),
        "upstream_credential_refused" => (
            format!("The provider refused the credential of {at}."),
            "Store a credential that it accepts.",
            on_virtual_key("Replace the credential"),
        ),
        "upstream_quota_exhausted" => (
            "The provider’s quota for this credential is used up.".into(),
            "Raise it with the provider, or use the credential of another account.",
            on_virtual_key("Replace the credential"),
        ),
        "upstream_rate_limited" => (
            "The provider takes no more calls with this credential for the moment.".into(),
            "Send fewer at a time, or wait and try again.",
            None,
        ),
        "upstream_overloaded" => {
            ("The provider had more calls than it could answer.".into(), "Wait and try again.", None)
        }
        "upstream_not_found" => (
            "The provider knows no such model, or nothing at this address.".into(),
            "Compare the model’s name with the provider’s list, and the base URL with its manual.",
            on_virtual_key("Check the base URL"),
        ),
        "upstream_rejected_request" => (
            "The provider refused the request as it was written.".into(),
            "What it said about it was sent to the caller.",
            None,
        ),
        "upstream_address_blocked" => (
            format!("The base URL of {at} leads to an address that Latchkey does not connect to."),
            "Give it an address of the provider, or have this network allowed in Latchkey’s settings.",
            on_virtual_key("Change the base URL"),
        ),
        "upstream_not_resolved"
        | "upstream_unreachable"
        | "upstream_tls_failed"
        | "upstream_redirected"
        | "upstream_connect_timeout" => (
            match code {
                "upstream_not_resolved" => "There is no server by the name in the base URL.",
                "upstream_tls_failed" => "No safe connection to the provider could be made.",
                "upstream_redirected" => "The provider pointed to another address, which is not followed.",
                _ => "The provider’s server could not be reached.",
            }
            .into(),
            "Check the base URL, and test the connection.",
            on_virtual_key("Check the base URL"),
        ),
        "upstream_timeout" | "upstream_idle_timeout" => {
            ("The provider took too long to answer.".into(), "Try again, or ask for a shorter answer.", None)
        }
        "upstream_stream_broken" => ("The provider’s answer was cut off.".into(), "Send the call again.", None),
        "upstream_broken_answer" | "upstream_invalid_answer" | "upstream_answer_too_large" => (
            "The provider’s answer could not be read, or was too large.".into(),
            "Check that the virtual key names the right provider and base URL.",
            on_virtual_key("Check the virtual key"),
        ),
        "request_timeout" => (
            "The call took longer than its caller allowed.".into(),
            "Allow more time in the header x-portkey-request-timeout, or send the body faster.",
            None,
        ),
        "request_too_large" | "too_many_values" => {
            ("The request was larger than this server accepts.".into(), "Send less at once.", None)
        }
        "server_busy" | "log_unavailable" | "verification_unavailable" => (
            "Latchkey could not take this call at that moment.".into(),
            "Send it again. If this happens often, whoever runs the server should look at its log.",
            None,
        ),
        _ if call.outcome == CallOutcome::Refused => (
            "Latchkey could not take the request as it was written.".into(),
            "What is wrong with it was sent to the caller.",
            None,
        ),
        _ => (
            "The provider answered with an error.".into(),
            "What it said was sent to the caller. Try again, or look at the provider’s own state.",
            None,
        ),
    };
    Some(Cause { why, help: help.to_owned(), step })
}

/// The call named a virtual key that was not there.
fn unknown_key(detail: &Detail, slug: &str) -> Cause {
    let Some(unknown) = &detail.unknown_key else {
        return Cause {
            why: "There was no virtual key by the name that the call gave.".into(),
            help: "Compare it with the list.".into(),
            step: Some(Step {
                label: "See the virtual keys".into(),
                href: routes::virtual_keys(slug),
                needs: Operation::VirtualKeysList,
            }),
        };
    };
    let name = &unknown.slug;
    if unknown.exists {
        return Cause {
            why: format!("There was no virtual key @{name} at the time."),
            help: "There is one now, so the same call can go through.".into(),
            step: Some(Step {
                label: format!("Open @{name}"),
                href: routes::virtual_key(slug, name),
                needs: Operation::VirtualKeyGet,
            }),
        };
    }
    Cause {
        why: format!("There is no virtual key @{name}."),
        help: "Make it, or correct the name in the program that called.".into(),
        step: Some(Step {
            label: "Make it".into(),
            href: routes::new_virtual_key(slug).with("reference", name),
            needs: Operation::VirtualKeyCreate,
        }),
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::{super::tests::detail, *};
    use crate::features::logs::model::UnknownKey;

    #[test]
    fn an_unknown_virtual_key_is_named_and_can_be_made() {
        let mut call = detail(CallOutcome::Refused, Some("virtual_key_not_found"));
        assert_eq!(call.unknown_slug(), Some("x"));
        call.unknown_key = Some(UnknownKey { slug: "x".into(), exists: false });
        let told = cause(&call, "north").expect("a cause");
        assert_eq!(told.why, "There is no virtual key @x.");
        let step = told.step.expect("a step");
        assert_eq!((step.label.as_str(), step.href.as_str()), ("Make it", "/o/north/virtual-keys/new?reference=x"));
        call.unknown_key = Some(UnknownKey { slug: "x".into(), exists: true });
        assert_eq!(cause(&call, "north").and_then(|told| told.step).expect("a step").label, "Open @x");
        for (model, slug) in [("gpt-4o", None), ("@/gpt-4o", None), ("@A b/gpt-4o", None), ("@main/", Some("main"))] {
            call.call.model = Some(model.into());
            assert_eq!(call.unknown_slug(), slug, "{model}");
        }
    }

    #[test]
    fn what_ended_well_or_not_yet_has_no_cause_and_all_else_has() {
        for outcome in CallOutcome::ALL {
            let well = matches!(outcome, CallOutcome::Ok | CallOutcome::Started);
            assert_eq!(cause(&detail(outcome, Some("never heard of")), "north").is_none(), well, "{outcome:?}");
        }
    }
}
