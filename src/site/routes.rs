//! The one maker of URLs. Nothing else writes an address of this site, so that what is made here can be followed blindly.

use crate::kernel::{AccessReviewId, CallId, InvitationId, KeyId, UserId};
use std::fmt;

/// Bytes of the longest return address: that of a page about as many rows as can be picked, by their ids.
const LONGEST: usize = 3_000;

/// A path on this site, with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds a parameter. An empty value adds nothing.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if !value.is_empty() {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            self.0.push_str(name);
            self.0.push('=');
            encode(&mut self.0, value);
        }
        self
    }

    /// A return address that came with a request: only a path on this site, whatever tricks it is written with.
    pub fn returning(next: &str) -> Option<Self> {
        let plain = next.starts_with('/')
            && next.len() <= LONGEST
            && next.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>'))
            && !next.starts_with("//")
            && !next.starts_with("/fn/")
            && !next.to_ascii_lowercase().starts_with("/%2f")
            && !next.to_ascii_lowercase().starts_with("/%5c");
        plain.then(|| Self(next.to_owned()))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Path> for String {
    fn from(path: Path) -> String {
        path.0
    }
}

fn encode(out: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(byte as char);
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
}

fn fixed(path: &str) -> Path {
    Path(path.to_owned())
}

/// A page inside an organisation.
fn inside(slug: &str, rest: &str) -> Path {
    let mut path = String::from("/o/");
    encode(&mut path, slug);
    path.push_str(rest);
    Path(path)
}

/// A page of the documentation, by its name.
pub fn documentation(name: &str) -> Path {
    Path(format!("/docs/{name}"))
}

pub fn home() -> Path {
    fixed("/")
}
pub fn setup() -> Path {
    fixed("/setup")
}
pub fn sign_in() -> Path {
    fixed("/sign-in")
}
pub fn forgot() -> Path {
    fixed("/forgot")
}
pub fn reset(token: &str) -> Path {
    fixed("/reset").with("token", token)
}
pub fn invitation(token: &str) -> Path {
    fixed("/invitation").with("token", token)
}
/// The page of an invitation that waits for the signed-in person.
pub fn waiting_invitation(id: InvitationId) -> Path {
    fixed("/invitation").with("id", &id.to_string())
}
pub fn account() -> Path {
    fixed("/account")
}
pub fn confirm_password() -> Path {
    fixed("/account/confirm")
}
pub fn organisations() -> Path {
    fixed("/organisations")
}
pub fn new_organisation() -> Path {
    fixed("/organisations/new")
}
pub fn organisation(slug: &str) -> Path {
    inside(slug, "")
}
pub fn logs(slug: &str) -> Path {
    inside(slug, "/logs")
}
pub fn log_settings(slug: &str) -> Path {
    inside(slug, "/logs/settings")
}
/// The limits and budgets of the organisation and of what belongs to it.
pub fn limits(slug: &str) -> Path {
    inside(slug, "/limits")
}

/// The prices that the organisation has set for models.
pub fn prices(slug: &str) -> Path {
    inside(slug, "/logs/prices")
}
/// The filters of the log that are saved, and the form that saves one.
pub fn log_filters(slug: &str) -> Path {
    inside(slug, "/logs/filters")
}
pub fn log_export(slug: &str) -> Path {
    inside(slug, "/logs/export")
}
pub fn log(slug: &str, id: CallId) -> Path {
    inside(slug, &format!("/logs/{id}"))
}
/// The audit log.
pub fn audit(slug: &str) -> Path {
    inside(slug, "/audit")
}
/// One event of the audit log, by its number.
pub fn audit_event(slug: &str, number: i64) -> Path {
    inside(slug, &format!("/audit/{number}"))
}
/// The delivery of the audit log's events.
pub fn audit_delivery(slug: &str) -> Path {
    inside(slug, "/audit/delivery")
}
/// All events about one thing.
pub fn audit_of(slug: &str, kind: &str, id: &str) -> Path {
    audit(slug).with("target", &format!("{kind}/{id}"))
}
/// The spend of a month, and the monthly statements.
pub fn billing(slug: &str) -> Path {
    inside(slug, "/billing")
}
/// Who bills are for, and how amounts are shown and raised.
pub fn billing_settings(slug: &str) -> Path {
    inside(slug, "/billing/settings")
}
/// The statement of a month, such as `2026-11`.
pub fn statement(slug: &str, month: &str) -> Path {
    inside(slug, &format!("/billing/statements/{month}"))
}
pub fn analytics(slug: &str) -> Path {
    inside(slug, "/analytics")
}
pub fn api_keys(slug: &str) -> Path {
    inside(slug, "/api-keys")
}
pub fn new_api_key(slug: &str) -> Path {
    inside(slug, "/api-keys/new")
}
pub fn api_key(slug: &str, id: KeyId) -> Path {
    inside(slug, &format!("/api-keys/{id}"))
}
pub fn rotate_api_key(slug: &str, id: KeyId) -> Path {
    inside(slug, &format!("/api-keys/{id}/rotate"))
}
pub fn disable_api_key(slug: &str, id: KeyId) -> Path {
    inside(slug, &format!("/api-keys/{id}/disable"))
}
pub fn delete_api_key(slug: &str, id: KeyId) -> Path {
    inside(slug, &format!("/api-keys/{id}/delete"))
}
/// What is asked before something is done with several keys.
pub fn many_api_keys(slug: &str) -> Path {
    inside(slug, "/api-keys/many")
}
pub fn virtual_keys(slug: &str) -> Path {
    inside(slug, "/virtual-keys")
}
pub fn new_virtual_key(slug: &str) -> Path {
    inside(slug, "/virtual-keys/new")
}
/// The page of one virtual key, by its own slug.
pub fn virtual_key(slug: &str, key: &str) -> Path {
    inside(slug, &format!("/virtual-keys/{key}"))
}
pub fn duplicate_virtual_key(slug: &str, key: &str) -> Path {
    inside(slug, &format!("/virtual-keys/{key}/duplicate"))
}
pub fn delete_virtual_key(slug: &str, key: &str) -> Path {
    inside(slug, &format!("/virtual-keys/{key}/delete"))
}
pub fn configs(slug: &str) -> Path {
    inside(slug, "/configs")
}
pub fn new_config(slug: &str) -> Path {
    inside(slug, "/configs/new")
}
/// The page of one config, by its own slug.
pub fn config(slug: &str, config: &str) -> Path {
    inside(slug, &format!("/configs/{config}"))
}
pub fn config_versions(slug: &str, config: &str) -> Path {
    inside(slug, &format!("/configs/{config}/versions"))
}
/// What uses a config, and what it uses.
pub fn config_uses(slug: &str, config: &str) -> Path {
    inside(slug, &format!("/configs/{config}/used-by"))
}
pub fn delete_config(slug: &str, config: &str) -> Path {
    inside(slug, &format!("/configs/{config}/delete"))
}
pub fn guardrails(slug: &str) -> Path {
    inside(slug, "/guardrails")
}
pub fn new_guardrail(slug: &str) -> Path {
    inside(slug, "/guardrails/new")
}
/// The page of one guardrail, by its own slug.
pub fn guardrail(slug: &str, guardrail: &str) -> Path {
    inside(slug, &format!("/guardrails/{guardrail}"))
}
pub fn guardrail_versions(slug: &str, guardrail: &str) -> Path {
    inside(slug, &format!("/guardrails/{guardrail}/versions"))
}
pub fn guardrail_samples(slug: &str, guardrail: &str) -> Path {
    inside(slug, &format!("/guardrails/{guardrail}/samples"))
}
/// What uses a guardrail, and whether it judges every call.
pub fn guardrail_uses(slug: &str, guardrail: &str) -> Path {
    inside(slug, &format!("/guardrails/{guardrail}/used-by"))
}
pub fn delete_guardrail(slug: &str, guardrail: &str) -> Path {
    inside(slug, &format!("/guardrails/{guardrail}/delete"))
}
pub fn prompts(slug: &str) -> Path {
    inside(slug, "/prompts")
}
pub fn new_prompt(slug: &str) -> Path {
    inside(slug, "/prompts/new")
}
/// The page of one prompt, by its own slug.
pub fn prompt(slug: &str, prompt: &str) -> Path {
    inside(slug, &format!("/prompts/{prompt}"))
}
pub fn prompt_versions(slug: &str, prompt: &str) -> Path {
    inside(slug, &format!("/prompts/{prompt}/versions"))
}
/// The values that a prompt is tried with.
pub fn prompt_values(slug: &str, prompt: &str) -> Path {
    inside(slug, &format!("/prompts/{prompt}/values"))
}
/// Two versions of a prompt beside each other.
pub fn compare_prompts(slug: &str, prompt: &str) -> Path {
    inside(slug, &format!("/prompts/{prompt}/compare"))
}
/// A prompt from a file.
pub fn import_prompt(slug: &str) -> Path {
    inside(slug, "/prompts/import")
}
pub fn delete_prompt(slug: &str, prompt: &str) -> Path {
    inside(slug, &format!("/prompts/{prompt}/delete"))
}
pub fn partials(slug: &str) -> Path {
    inside(slug, "/prompts/partials")
}
pub fn new_partial(slug: &str) -> Path {
    inside(slug, "/prompts/partials/new")
}
/// The page of one partial, by its own slug.
pub fn partial(slug: &str, partial: &str) -> Path {
    inside(slug, &format!("/prompts/partials/{partial}"))
}
pub fn partial_versions(slug: &str, partial: &str) -> Path {
    inside(slug, &format!("/prompts/partials/{partial}/versions"))
}
pub fn delete_partial(slug: &str, partial: &str) -> Path {
    inside(slug, &format!("/prompts/partials/{partial}/delete"))
}
pub fn prompt_labels(slug: &str) -> Path {
    inside(slug, "/prompts/labels")
}
pub fn new_prompt_label(slug: &str) -> Path {
    inside(slug, "/prompts/labels/new")
}
pub fn edit_prompt_label(slug: &str, label: &str) -> Path {
    inside(slug, &format!("/prompts/labels/{label}/edit"))
}
pub fn delete_prompt_label(slug: &str, label: &str) -> Path {
    inside(slug, &format!("/prompts/labels/{label}/delete"))
}
pub fn prompt_folders(slug: &str) -> Path {
    inside(slug, "/prompts/folders")
}
pub fn new_prompt_folder(slug: &str) -> Path {
    inside(slug, "/prompts/folders/new")
}
/// Where a folder gets another name, by its own slug.
pub fn rename_prompt_folder(slug: &str, folder: &str) -> Path {
    inside(slug, &format!("/prompts/folders/{folder}/rename"))
}
pub fn delete_prompt_folder(slug: &str, folder: &str) -> Path {
    inside(slug, &format!("/prompts/folders/{folder}/delete"))
}
pub fn team(slug: &str) -> Path {
    inside(slug, "/team")
}
pub fn invitations(slug: &str) -> Path {
    inside(slug, "/team/invitations")
}
/// What is asked before several invitations are revoked.
pub fn many_invitations(slug: &str) -> Path {
    inside(slug, "/team/invitations/many")
}
pub fn invite(slug: &str) -> Path {
    inside(slug, "/team/invite")
}
pub fn member(slug: &str, id: UserId) -> Path {
    inside(slug, &format!("/team/{id}"))
}
/// What is asked before something is done with several members.
pub fn many_members(slug: &str) -> Path {
    inside(slug, "/team/many")
}
pub fn remove_member(slug: &str, id: UserId) -> Path {
    inside(slug, &format!("/team/{id}/remove"))
}
pub fn change_role(slug: &str, id: UserId) -> Path {
    inside(slug, &format!("/team/{id}/role"))
}
/// Where a link for a new password is made for a member.
pub fn password_link(slug: &str, id: UserId) -> Path {
    inside(slug, &format!("/team/{id}/password-link"))
}
pub fn resend_invitation(slug: &str, id: InvitationId) -> Path {
    inside(slug, &format!("/team/invitations/{id}/resend"))
}
pub fn revoke_invitation(slug: &str, id: InvitationId) -> Path {
    inside(slug, &format!("/team/invitations/{id}/revoke"))
}
/// The reviews of who has access.
pub fn access_reviews(slug: &str) -> Path {
    inside(slug, "/team/reviews")
}
pub fn access_review(slug: &str, id: AccessReviewId) -> Path {
    inside(slug, &format!("/team/reviews/{id}"))
}
/// Where one row of a review is decided.
pub fn access_review_row(slug: &str, id: AccessReviewId, number: i64) -> Path {
    inside(slug, &format!("/team/reviews/{id}/{number}"))
}
pub fn leave(slug: &str) -> Path {
    inside(slug, "/leave")
}
pub fn roles(slug: &str) -> Path {
    inside(slug, "/roles")
}
/// Why somebody may do a thing, or may not.
pub fn why(slug: &str) -> Path {
    inside(slug, "/why")
}
pub fn settings(slug: &str) -> Path {
    inside(slug, "/settings")
}
/// What is asked before all kept texts of calls are deleted.
pub fn delete_texts(slug: &str) -> Path {
    inside(slug, "/settings/delete-texts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_place() {
        assert_eq!(reset("a&b=c#d/../e").as_str(), "/reset?token=a%26b%3Dc%23d%2F..%2Fe");
        assert_eq!(logs("a/../b").as_str(), "/o/a%2F..%2Fb/logs");
        assert_eq!(api_keys("x").with("q", "").with("status", "a b").as_str(), "/o/x/api-keys?status=a%20b");
    }

    #[test]
    fn only_own_paths_are_returned_to() {
        for good in ["/", "/o/x/logs?status=200", "/account"] {
            assert!(Path::returning(good).is_some(), "{good}");
        }
        let many = (0..50).fold(many_api_keys("analytical-engines").with("act", "disable"), |path, number| {
            path.with("pick", &KeyId::numbered(number).to_string())
        });
        assert!(Path::returning(many.as_str()).is_some(), "a form stands on a page about fifty keys");
        let bad = [
            "",
            "x",
            "//evil.example",
            "/\\evil",
            "https:evil",
            "/\tx",
            "/%2f%2fevil",
            "/%5Cevil",
            "/a\r\nb",
            "/fn/x",
            "javascript:1",
        ];
        for bad in bad {
            assert!(Path::returning(bad).is_none(), "{bad}");
        }
    }
}
