//! The actions with the kinds of their subjects and the fields that they name. Whoever adds a field decides whether it says
//! something of a person (`of`): then events hold a commitment in the place of its values, and these can be erased.

use super::{
    Action, Field,
    Kind::{Flag, Number, Object, Text, Texts},
    Whose::{Actors, Others, Subjects},
    action, changed, gone, made, perhaps,
};

/// The session that begins.
const SESSION: &[Field] = &[made("session", Text)];
const NAME: &[Field] = &[changed("name", Text)];
const NAMED: &[Field] = &[made("name", Text)];
const UNNAMED: &[Field] = &[gone("name", Text)];
const RESULT: &[Field] = &[made("result", Text)];
const REVIEWED: &[Field] = &[made("access_review", Text)];
/// The limits of a key, a virtual key or the organisation.
const LIMITS: &[Field] = &[
    perhaps("rate_limits", Texts),
    perhaps("usage_limits", Texts),
    perhaps("alert_emails", Texts).of(Others),
    changed(r"^used \(.+\)$", Text),
];
const KEY: &[Field] = &[
    perhaps("^permissions\\.[a-z_]+$", Text),
    perhaps("name", Text),
    perhaps("description", Text),
    perhaps("expires_at", Text),
    perhaps("responsible", Text),
    perhaps("config", Text),
    changed("config_override", Flag),
    changed("keep_texts", Text),
    changed("only_models", Text),
    changed("only_virtual_keys", Text),
    changed("only_configs", Text),
    changed("only_prompts", Text),
    changed("only_ips", Text),
    changed("not_before", Text),
];
/// What becomes of the keys of somebody who goes or may do less.
const KEYS_SETTLED: &[Field] =
    &[made("keys", Text).of(Others), made("keys_settled", Texts), made("keys_narrowed", Texts)];
const JOINED: &[Field] = &[made("member", Text), made("role", Text), made("address", Text)];
const VIRTUAL_KEY: &[Field] = &[
    made("slug", Text),
    made("provider", Text),
    made("base_url", Text),
    made("credential", Text),
    changed("copy_of", Text),
    made("limits", Texts),
];
/// Of what has versions: its first, another one, and its end.
const FIRST_VERSION: &[Field] = &[made("name", Text), made("version", Number), made("text_sha256", Text)];
const NEXT_VERSION: &[Field] =
    &[changed("name", Text), changed("version", Number), changed("text_sha256", Text), made("message", Text)];
const NO_VERSION: &[Field] = &[gone("slug", Text), gone("version", Number), gone("text_sha256", Text)];
const DEFAULT: &[Field] = &[changed("default", Flag), made("default_before", Text)];
const DESCRIPTION: &[Field] = &[changed("description", Text)];
/// Where a prompt or partial is published.
const PUBLISHED: &[Field] = &[perhaps("production", Number)];
const PROMPT: &[Field] = &[perhaps("collection", Text), changed("strict", Flag)];
/// The move of a label, by the label's name.
const MOVED: &[Field] =
    &[perhaps("^[a-z0-9_.-]{1,36}$", Number), made("proposed_by", Text).of(Others), made("changes", Text)];
const PRICES: &[Field] = &[perhaps("input", Text), perhaps("cached_input", Text), perhaps("output", Text)];
const SPAN: &[Field] = &[made("from", Text), made("to", Text)];

/// Every action, in the order of the table of operations; behind them those of the program that are no operations.
pub(super) const ACTIONS: &[Action] = &[
    action(
        "account.setup",
        &["installation"],
        &[&[made("owner", Text).of(Actors), made("organisation", Text), made("master_key", Text)], SESSION],
    ),
    action("account.sign_in", &["account"], &[SESSION]),
    action("account.sign_out", &["account"], &[]),
    action("account.rename", &["account"], &[&[changed("name", Text).of(Subjects)]]),
    action(
        "account.change_password",
        &["account"],
        &[&[changed("password", Text), made("sessions_ended", Number)], SESSION],
    ),
    action("account.confirm_password", &["account"], &[SESSION]),
    action("account.end_session", &["session"], &[]),
    action("account.end_other_sessions", &["account"], &[&[made("sessions_ended", Number)]]),
    action("account.ask_reset", &["account"], &[]),
    action(
        "account.reset_password",
        &["account"],
        &[&[
            changed("password", Text),
            made("sessions_ended", Number),
            made("link_made_by", Text),
            made("address", Text),
        ]],
    ),
    action("organisation.create", &["organisation"], &[NAMED, &[made("slug", Text), made("master_key", Text)]]),
    action("organisation.update", &["organisation"], &[NAME, &[changed("slug", Text)]]),
    action(
        "organisation.keep_texts",
        &["organisation"],
        &[&[
            changed("keep_texts", Flag),
            changed("leave_images_out", Flag),
            changed("texts_days", Number),
            perhaps("logs_days", Number),
        ]],
    ),
    action("organisation.restrict", &["organisation"], &[&[changed("saved_only", Flag)], LIMITS]),
    action(
        "organisation.key_policy",
        &["organisation"],
        &[&[
            changed("longest_days_of_keys", Text),
            changed("keys_must_expire", Flag),
            changed("keys_must_have_budget", Flag),
            changed("addresses_of_keys", Text),
            changed("blocked_keys", Number),
        ]],
    ),
    action("team.change_role", &["member"], &[&[changed("role", Text)], KEYS_SETTLED]),
    action("team.remove", &["member"], &[&[gone("role", Text)], KEYS_SETTLED, REVIEWED]),
    action("team.leave", &["member"], &[&[gone("role", Text)], KEYS_SETTLED]),
    action("team.make_reset_link", &["member"], &[&[made("reset_link", Text)]]),
    action(
        "invitation.create",
        &["invitation"],
        &[&[
            made("role", Text),
            made("expires_at", Text),
            // Of one that has expired, in whose place another comes.
            changed("state", Text),
        ]],
    ),
    action("invitation.resend", &["invitation"], &[&[changed("expires_at", Text), made("link", Text)]]),
    action("invitation.revoke", &["invitation"], &[&[changed("state", Text)]]),
    action("invitation.accept", &["invitation"], &[JOINED]),
    action("invitation.decline", &["invitation"], &[&[changed("state", Text)]]),
    action("invitation.join", &["invitation"], &[JOINED, &[made("account", Text)], SESSION]),
    action("access_review.start", &["access_review"], &[&[made("people", Number), made("api_keys", Number)]]),
    action(
        "access_review.decide",
        &["access_review"],
        &[&[
            made("row", Number),
            made("person", Text).of(Others),
            made("api_key", Text),
            perhaps("decision", Text),
            changed("comment", Text),
        ]],
    ),
    action("access_review.finish", &["access_review"], &[&[changed("undecided", Number), changed("reason", Text)]]),
    action("access_review.export", &["access_review"], &[&[made("rows", Number)]]),
    action("api_key.create", &["api_key"], &[KEY, LIMITS]),
    action("api_key.update", &["api_key"], &[KEY, LIMITS]),
    action(
        "api_key.rotate",
        &["api_key"],
        &[&[changed("secret", Text), made("old_secret_until", Text), changed("expires_at", Text)]],
    ),
    action("api_key.end_overlap", &["api_key"], &[&[changed("old_secret_until", Text)]]),
    action("api_key.disable", &["api_key"], &[&[changed("disabled", Flag)], REVIEWED]),
    action("api_key.enable", &["api_key"], &[&[changed("disabled", Flag)]]),
    action("api_key.delete", &["api_key"], &[&[changed("deleted", Flag)]]),
    action("limit.set", &["limit"], &[&[perhaps("on", Text), perhaps("limit", Text)]]),
    action("limit.reset", &["limit"], &[&[changed("used", Text), made("reason", Text)]]),
    action("limit.raise", &["limit"], &[&[perhaps("raised", Text), made("reason", Text)]]),
    action("limit.delete", &["limit"], &[&[gone("limit", Text)]]),
    action("limit.set_webhook", &["limit_webhook"], &[&[made("url", Text), made("secret", Text)]]),
    action("limit.delete_webhook", &["limit_webhook"], &[&[gone("url", Text)]]),
    action("virtual_key.create", &["virtual_key"], &[VIRTUAL_KEY, LIMITS]),
    action(
        "virtual_key.update",
        &["virtual_key"],
        &[
            NAME,
            DESCRIPTION,
            &[
                changed("provider", Text),
                changed("base_url", Text),
                changed("api_version", Text),
                changed("credential", Text),
            ],
            LIMITS,
        ],
    ),
    action("virtual_key.duplicate", &["virtual_key"], &[VIRTUAL_KEY, LIMITS]),
    action("virtual_key.delete", &["virtual_key"], &[&[gone("slug", Text), changed("credential", Text)]]),
    action("virtual_key.test", &["virtual_key"], &[RESULT]),
    action("config.create", &["config"], &[FIRST_VERSION, DEFAULT]),
    action("config.update", &["config"], &[NEXT_VERSION, DEFAULT]),
    action("config.restore", &["config"], &[NEXT_VERSION, DEFAULT]),
    action("config.delete", &["config"], &[NO_VERSION]),
    action("prompt.create", &["prompt"], &[FIRST_VERSION, PUBLISHED]),
    action("prompt.keep_values", &["prompt"], &[&[made("values", Text), made("shared", Flag), made("replaced", Flag)]]),
    action("prompt.drop_values", &["prompt"], &[&[gone("values", Text), made("shared", Flag)]]),
    action("prompt.update", &["prompt"], &[NEXT_VERSION, PROMPT, PUBLISHED]),
    action("prompt.restore", &["prompt"], &[NEXT_VERSION, PROMPT, PUBLISHED]),
    action("prompt.publish", &["prompt"], &[MOVED]),
    action("prompt.label", &["prompt"], &[MOVED]),
    action("prompt.roll_out", &["prompt"], &[&[made("label", Text), perhaps("roll_out", Text)]]),
    action(
        "prompt.propose",
        &["prompt", "partial"],
        &[&[made("label", Text), made("version", Number), made("message", Text)]],
    ),
    action("prompt.agree", &["prompt", "partial"], &[MOVED]),
    action(
        "prompt.withdraw",
        &["prompt", "partial"],
        &[&[gone("label", Text), gone("version", Number), made("proposed_by", Text).of(Others)]],
    ),
    action("prompt.delete", &["prompt"], &[NO_VERSION]),
    action("partial.create", &["partial"], &[FIRST_VERSION, PUBLISHED]),
    action("partial.update", &["partial"], &[NEXT_VERSION, PROMPT, PUBLISHED]),
    action("partial.restore", &["partial"], &[NEXT_VERSION, PROMPT, PUBLISHED]),
    action("partial.publish", &["partial"], &[MOVED]),
    action("partial.delete", &["partial"], &[NO_VERSION]),
    action("collection.create", &["collection"], &[NAMED]),
    action("collection.update", &["collection"], &[NAME]),
    action("collection.delete", &["collection"], &[UNNAMED]),
    action("label.create", &["label"], &[&[made("movers", Text), made("needs_second", Flag)]]),
    action(
        "label.update",
        &["label"],
        &[DESCRIPTION, &[changed("colour", Text), changed("movers", Text), changed("needs_second", Flag)]],
    ),
    action("label.delete", &["label"], &[UNNAMED]),
    action("guardrail.create", &["guardrail"], &[FIRST_VERSION]),
    action("guardrail.update", &["guardrail"], &[NEXT_VERSION, DESCRIPTION]),
    action("guardrail.restore", &["guardrail"], &[NEXT_VERSION, DESCRIPTION]),
    action(
        "guardrail.keep_sample",
        &["guardrail"],
        &[&[made("sample", Text), made("side", Text), made("passes", Flag)]],
    ),
    action("guardrail.drop_sample", &["guardrail"], &[&[made("sample", Text)]]),
    action("guardrail.enforce", &["guardrail"], &[&[changed("requests", Flag), changed("answers", Flag)]]),
    action("guardrail.delete", &["guardrail"], &[NO_VERSION]),
    action(
        "log.export",
        &["log", "log_export"],
        &[&[made("format", Text), made("fields", Texts), made("filter", Object).of(Others)], SPAN],
    ),
    action(
        "log_export.create",
        &["log_export"],
        &[&[made("filters", Object).of(Others), made("fields", Texts), made("replaces", Text)]],
    ),
    action(
        "log_export.update",
        &["log_export"],
        &[DESCRIPTION, &[changed("filters", Object).of(Others), changed("fields", Texts)]],
    ),
    action("log_export.start", &["log_export"], &[SPAN]),
    action("log_export.cancel", &["log_export"], &[&[changed("status", Text)]]),
    action(
        "log.save_filter",
        &["log_filter"],
        &[&[perhaps("name", Text), perhaps("filter", Text).of(Others), made("shared", Flag)]],
    ),
    action("log.delete_filter", &["log_filter"], &[&[gone("filter", Text).of(Others), made("shared", Flag)]]),
    action(
        "log.change_settings",
        &["organisation"],
        &[&[changed("own_calls_only", Flag), changed("grouped_metadata", Text)]],
    ),
    action("log.read_texts", &["call"], &[]),
    action("log.delete_texts", &["organisation"], &[&[changed("texts", Number)]]),
    action(
        "log.expire",
        &["log"],
        &[&[
            changed("texts", Number),
            changed("entries", Number),
            changed("feedback", Number),
            made("texts_before", Text),
            made("entries_before", Text),
        ]],
    ),
    action("price.set", &["price"], &[PRICES]),
    action("price.put", &["price"], &[PRICES]),
    action("price.delete", &["price"], &[PRICES]),
    action(
        "billing.change_settings",
        &["organisation"],
        &[&[
            changed("billing_contact", Text).of(Others),
            changed("billing_email", Text).of(Others),
            changed("billing_currency", Text),
            changed("billing_rate", Text),
            changed("markups", Object),
        ]],
    ),
    action(
        "billing.close",
        &["statement"],
        &[&[made("lines", Number), made("corrections", Number), made("total", Text)]],
    ),
    action(
        "audit.set_delivery",
        &["audit_delivery"],
        &[&[
            perhaps("url", Text),
            perhaps("format", Text),
            made("begins_with", Number),
            made("secret", Text),
            changed("query", Text),
        ]],
    ),
    action(
        "audit.rotate_delivery_secret",
        &["audit_delivery"],
        &[&[changed("secret", Text), made("old_secret_until", Text)]],
    ),
    action("audit.pause_delivery", &["audit_delivery"], &[&[changed("paused", Flag)]]),
    action("audit.resume_delivery", &["audit_delivery"], &[&[changed("paused", Flag)]]),
    action("audit.test_delivery", &["audit_delivery"], &[RESULT]),
    action("audit.delete_delivery", &["audit_delivery"], &[&[gone("url", Text)]]),
    action(
        "audit.export",
        &["audit_log"],
        &[&[made("format", Text), made("as_far_as", Number), made("filter", Object).of(Others)]],
    ),
    action(
        "audit.expire",
        &["audit_log"],
        &[&[made("events", Number), made("up_to", Number), made("hash", Text), made("before", Text)]],
    ),
    action(
        "audit.heads",
        &["audit_log", "organisation"],
        &[&[made("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", Text)]],
    ),
    action("audit.erase", &["account"], &[&[made("values", Number), made("events_in_clear", Number)]]),
    action("audit.rotate_key", &["audit_log"], &[&[changed("generation", Number), changed("public_key", Text)]]),
];
