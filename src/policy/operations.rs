//! The table of operations: everything that can be asked of Latchkey, once. Server functions, REST routes and gateway
//! routes are registered through it; what is not in it does not exist.

use super::{Permission as P, Requirement};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The stable name, also the action's name in the audit log.
    pub id: &'static str,
    pub requires: Requirement,
    /// Leaves exactly one audit event, whether it succeeds, is refused, or fails.
    pub audited: bool,
    /// Path of the server function below `/fn/`.
    pub server_fn: &'static [&'static str],
    /// REST and gateway routes, `METHOD /path`.
    pub routes: &'static [&'static str],
}

macro_rules! operations {
    ($($name:ident = $id:literal, $requires:expr, $audited:ident, fns: [$($f:literal),*], routes: [$($r:literal),*];)*) => {
        /// An operation, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation { $($name,)* }

        impl Operation {
            pub const ALL: &'static [Operation] = &[$(Operation::$name,)*];

            pub const fn spec(self) -> Spec {
                match self {
                    $(Operation::$name => Spec {
                        id: $id,
                        requires: $requires,
                        audited: operations!(@audited $audited),
                        server_fn: &[$($f),*],
                        routes: &[$($r),*],
                    },)*
                }
            }
        }
    };
    (@audited audited) => { true };
    (@audited read) => { false };
}

const ANYONE: Requirement = Requirement::Anyone;
const PERSON: Requirement = Requirement::Person;
const MEMBERSHIP: Requirement = Requirement::Membership;
const BELONGING: Requirement = Requirement::Belonging;

const fn holds(permission: P) -> Requirement {
    Requirement::Holds(permission)
}

operations! {
    // Accounts
    Front = "account.front", ANYONE, read, fns: ["account/front"], routes: [];
    Setup = "account.setup", ANYONE, audited, fns: ["account/setup"], routes: [];
    SignIn = "account.sign_in", ANYONE, audited, fns: ["account/sign_in"], routes: [];
    SignOut = "account.sign_out", PERSON, audited, fns: ["account/sign_out"], routes: [];
    AccountView = "account.view", PERSON, read, fns: ["account/view"], routes: [];
    AccountRename = "account.rename", PERSON, audited, fns: ["account/rename"], routes: [];
    PasswordChange = "account.change_password", PERSON, audited, fns: ["account/change_password"], routes: [];
    PasswordConfirm = "account.confirm_password", PERSON, audited, fns: ["account/confirm_password"], routes: [];
    SessionEnd = "account.end_session", PERSON, audited, fns: ["account/end_session"], routes: [];
    SessionsEndOthers = "account.end_other_sessions", PERSON, audited, fns: ["account/end_other_sessions"], routes: [];
    ResetAsk = "account.ask_reset", ANYONE, audited, fns: ["account/ask_reset"], routes: [];
    ResetView = "account.view_reset", ANYONE, read, fns: ["account/view_reset"], routes: [];
    ResetPassword = "account.reset_password", ANYONE, audited, fns: ["account/reset_password"], routes: [];
    ThemeChoose = "account.choose_theme", ANYONE, read, fns: ["account/choose_theme"], routes: [];
    // Organisations
    OrganisationsList = "organisation.list", PERSON, read, fns: ["organisation/list"], routes: [];
    OrganisationLast = "organisation.last", PERSON, read, fns: ["organisation/last"], routes: [];
    OrganisationSlugCheck = "organisation.check_slug", PERSON, read, fns: ["organisation/check_slug"], routes: [];
    OrganisationCreate = "organisation.create", PERSON, audited, fns: ["organisation/create"], routes: [];
    OrganisationView = "organisation.view", MEMBERSHIP, read, fns: ["organisation/view"], routes: [];
    OrganisationUpdate = "organisation.update", holds(P::OrganisationUpdate), audited, fns: ["organisation/update"], routes: [];
    OrganisationKeepTexts = "organisation.keep_texts", holds(P::OrganisationUpdate), audited, fns: ["organisation/keep_texts"], routes: [];
    OrganisationSlugChangeCheck = "organisation.check_slug_change", holds(P::OrganisationUpdate), read, fns: ["organisation/check_slug_change"], routes: [];
    OrganisationSettings = "organisation.settings", holds(P::OrganisationUpdate), read, fns: ["organisation/settings"], routes: [];
    // Home: as much of the rooms as the caller may see of them
    Home = "home.view", holds(P::LogsView), read, fns: ["home/view", "home/arrived"], routes: [];
    // What others have changed of a list, for whoever may see it
    ListNews = "list.news", holds(P::LogsView), read, fns: ["lists/news"], routes: [];
    HomeFind = "home.find", holds(P::LogsView), read, fns: ["home/find"], routes: [];
    // What calls may bring of their own is a matter of configs: keys that reach as far in these may read and set it.
    OrganisationGet = "organisation.get", holds(P::ConfigsView), read, fns: [], routes: ["GET /v1/admin/organisation"];
    OrganisationRestrict = "organisation.restrict", holds(P::ConfigsDelete), audited, fns: ["organisation/restrict"], routes: ["PUT /v1/admin/organisation"];
    // A matter of keys: those that reach as far in these may set it for all of them.
    OrganisationKeyPolicy = "organisation.key_policy", holds(P::ApiKeysDelete), audited, fns: ["organisation/key_policy"], routes: ["PUT /v1/admin/organisation/key-policy"];
    // Team
    TeamList = "team.list", holds(P::TeamView), read, fns: ["team/list"], routes: ["GET /v1/admin/users"];
    TeamGet = "team.get", holds(P::TeamView), read, fns: ["team/get", "team/picked"], routes: ["GET /v1/admin/users/{id}"];
    TeamChangeRole = "team.change_role", holds(P::TeamAssignRoles), audited, fns: ["team/change_role", "team/change_role_many"], routes: ["PUT /v1/admin/users/{id}"];
    TeamRemove = "team.remove", holds(P::TeamRemove), audited, fns: ["team/remove", "team/remove_many"], routes: ["DELETE /v1/admin/users/{id}"];
    TeamLeave = "team.leave", MEMBERSHIP, audited, fns: ["team/leave"], routes: [];
    TeamLeaveView = "team.view_leave", MEMBERSHIP, read, fns: ["team/view_leave"], routes: [];
    TeamResetLink = "team.make_reset_link", holds(P::TeamAssignRoles), audited, fns: ["team/make_reset_link"], routes: [];
    InvitationsList = "invitation.list", holds(P::TeamView), read, fns: ["team/invitations"], routes: ["GET /v1/admin/users/invites"];
    InvitationGet = "invitation.get", holds(P::TeamView), read, fns: ["team/invitation", "team/picked_invitations"], routes: ["GET /v1/admin/users/invites/{id}"];
    Invite = "invitation.create", holds(P::TeamInvite), audited, fns: ["team/invite"], routes: ["POST /v1/admin/users/invites"];
    InviteCheck = "invitation.check", holds(P::TeamInvite), read, fns: ["team/check_addresses"], routes: [];
    InvitationResend = "invitation.resend", holds(P::TeamInvite), audited, fns: ["team/resend_invitation"], routes: ["POST /v1/admin/users/invites/{id}/resend"];
    InvitationRevoke = "invitation.revoke", holds(P::TeamInvite), audited, fns: ["team/revoke_invitation", "team/revoke_invitations"], routes: ["DELETE /v1/admin/users/invites/{id}"];
    InvitationView = "invitation.view", ANYONE, read, fns: ["invitation/view"], routes: [];
    InvitationsMine = "invitation.list_mine", PERSON, read, fns: ["invitation/mine"], routes: [];
    InvitationAccept = "invitation.accept", PERSON, audited, fns: ["invitation/accept", "invitation/accept_mine"], routes: [];
    InvitationDecline = "invitation.decline", PERSON, audited, fns: ["invitation/decline"], routes: [];
    InvitationJoin = "invitation.join", ANYONE, audited, fns: ["invitation/join"], routes: [];
    // Access reviews: of people and keys alike, by whoever gives and takes roles
    AccessReviewsList = "access_review.list", holds(P::TeamAssignRoles), read, fns: ["reviews/list"], routes: [];
    AccessReviewGet = "access_review.get", holds(P::TeamAssignRoles), read, fns: ["reviews/get", "reviews/row"], routes: [];
    AccessReviewStart = "access_review.start", holds(P::TeamAssignRoles), audited, fns: ["reviews/start"], routes: [];
    AccessReviewDecide = "access_review.decide", holds(P::TeamAssignRoles), audited, fns: ["reviews/decide"], routes: [];
    AccessReviewFinish = "access_review.finish", holds(P::TeamAssignRoles), audited, fns: ["reviews/finish"], routes: [];
    AccessReviewExport = "access_review.export", holds(P::TeamAssignRoles), audited, fns: ["reviews/export"], routes: [];
    // Why: about oneself everybody may ask, and about others whoever may list them
    WhyExplain = "why.explain", BELONGING, read, fns: ["why/ask"], routes: ["POST /v1/why"];
    WhyWhoCan = "why.who_can", holds(P::TeamView), read, fns: [], routes: ["GET /v1/who-can"];
    // API keys
    ApiKeysList = "api_key.list", holds(P::ApiKeysList), read, fns: ["api_keys/list"], routes: ["GET /v1/api-keys"];
    ApiKeyGet = "api_key.get", holds(P::ApiKeysList), read, fns: ["api_keys/get", "api_keys/picked"], routes: ["GET /v1/api-keys/{id}"];
    ApiKeyPermissionUses = "api_key.permission_uses", holds(P::ApiKeysList), read, fns: [], routes: ["GET /v1/api-keys/{id}/permission-uses"];
    ApiKeyDraft = "api_key.draft", holds(P::ApiKeysCreate), read, fns: ["api_keys/draft"], routes: [];
    ApiKeyCreate = "api_key.create", holds(P::ApiKeysCreate), audited, fns: ["api_keys/create"], routes: ["POST /v1/api-keys", "POST /v1/api-keys/{type}/{sub_type}"];
    ApiKeyUpdate = "api_key.update", holds(P::ApiKeysUpdate), audited, fns: ["api_keys/update", "api_keys/set_permissions"], routes: ["PUT /v1/api-keys/{id}"];
    ApiKeyRotate = "api_key.rotate", holds(P::ApiKeysRotate), audited, fns: ["api_keys/rotate"], routes: ["POST /v1/api-keys/{id}/rotate", "POST /v2/api-keys/{id}/rotate"];
    ApiKeyEndOverlap = "api_key.end_overlap", holds(P::ApiKeysRotate), audited, fns: ["api_keys/end_overlap"], routes: ["POST /v1/api-keys/{id}/end-overlap"];
    ApiKeyDisable = "api_key.disable", holds(P::ApiKeysUpdate), audited, fns: ["api_keys/disable", "api_keys/disable_many"], routes: ["POST /v1/api-keys/{id}/disable"];
    ApiKeyEnable = "api_key.enable", holds(P::ApiKeysUpdate), audited, fns: ["api_keys/enable", "api_keys/enable_many"], routes: ["POST /v1/api-keys/{id}/enable"];
    ApiKeyDelete = "api_key.delete", holds(P::ApiKeysDelete), audited, fns: ["api_keys/delete", "api_keys/delete_many"], routes: ["DELETE /v1/api-keys/{id}"];
    // Limits. They belong to the keys; what one is on needs its own right besides.
    LimitsList = "limit.list", holds(P::ApiKeysList), read, fns: ["limits/list"], routes: ["GET /v1/limits"];
    LimitHistory = "limit.history", holds(P::ApiKeysList), read, fns: [], routes: ["GET /v1/limits/{id}/history"];
    LimitSet = "limit.set", holds(P::ApiKeysUpdate), audited, fns: ["limits/set"], routes: ["POST /v1/limits", "PUT /v1/limits/{id}"];
    LimitReset = "limit.reset", holds(P::ApiKeysUpdate), audited, fns: ["limits/reset"], routes: ["POST /v1/limits/{id}/reset"];
    LimitRaise = "limit.raise", holds(P::ApiKeysUpdate), audited, fns: ["limits/raise"], routes: ["POST /v1/limits/{id}/raise"];
    LimitDelete = "limit.delete", holds(P::ApiKeysUpdate), audited, fns: ["limits/delete"], routes: ["DELETE /v1/limits/{id}"];
    // Alerts tell of everybody's budgets.
    LimitWebhookSet = "limit.set_webhook", holds(P::ApiKeysDelete), audited, fns: ["limits/set_webhook"], routes: [];
    LimitWebhookDelete = "limit.delete_webhook", holds(P::ApiKeysDelete), audited, fns: ["limits/delete_webhook"], routes: [];
    // What a key is, may do and may still use: for itself.
    WhoAmI = "api_key.who_am_i", BELONGING, read, fns: [], routes: ["GET /v1/whoami"];
    // Virtual keys
    VirtualKeysList = "virtual_key.list", holds(P::VirtualKeysList), read, fns: ["virtual_keys/list"], routes: ["GET /v1/virtual-keys"];
    VirtualKeyGet = "virtual_key.get", holds(P::VirtualKeysList), read, fns: ["virtual_keys/get"], routes: ["GET /v1/virtual-keys/{slug}"];
    VirtualKeySlugCheck = "virtual_key.check_slug", holds(P::VirtualKeysList), read, fns: ["virtual_keys/check_slug"], routes: [];
    VirtualKeyCreate = "virtual_key.create", holds(P::VirtualKeysCreate), audited, fns: ["virtual_keys/create"], routes: ["POST /v1/virtual-keys"];
    VirtualKeyUpdate = "virtual_key.update", holds(P::VirtualKeysUpdate), audited, fns: ["virtual_keys/update"], routes: ["PUT /v1/virtual-keys/{slug}"];
    VirtualKeyDuplicate = "virtual_key.duplicate", holds(P::VirtualKeysDuplicate), audited, fns: ["virtual_keys/duplicate"], routes: ["POST /v1/virtual-keys/{slug}/duplicate"];
    VirtualKeyDelete = "virtual_key.delete", holds(P::VirtualKeysDelete), audited, fns: ["virtual_keys/delete"], routes: ["DELETE /v1/virtual-keys/{slug}"];
    VirtualKeyTest = "virtual_key.test", holds(P::VirtualKeysUpdate), audited, fns: ["virtual_keys/test"], routes: ["POST /v1/virtual-keys/{slug}/test"];
    // Configs
    ConfigsList = "config.list", holds(P::ConfigsList), read, fns: ["configs/list"], routes: ["GET /v1/configs"];
    ConfigGet = "config.get", holds(P::ConfigsView), read, fns: ["configs/get"], routes: ["GET /v1/configs/{slug}"];
    ConfigDraft = "config.draft", holds(P::ConfigsCreate), read, fns: ["configs/begin"], routes: [];
    ConfigCheck = "config.check", holds(P::ConfigsView), read, fns: ["configs/check"], routes: [];
    ConfigTry = "config.try", holds(P::ConfigsView), read, fns: ["configs/try"], routes: ["POST /v1/configs/{slug}/dry-run"];
    ConfigVersions = "config.versions", holds(P::ConfigsView), read, fns: ["configs/versions"], routes: ["GET /v1/configs/{slug}/versions"];
    ConfigVersion = "config.version", holds(P::ConfigsView), read, fns: [], routes: ["GET /v1/configs/{slug}/versions/{number}"];
    ConfigCreate = "config.create", holds(P::ConfigsCreate), audited, fns: ["configs/create"], routes: ["POST /v1/configs"];
    ConfigUpdate = "config.update", holds(P::ConfigsUpdate), audited, fns: ["configs/update"], routes: ["PUT /v1/configs/{slug}"];
    ConfigRestore = "config.restore", holds(P::ConfigsUpdate), audited, fns: ["configs/restore"], routes: ["POST /v1/configs/{slug}/versions/{number}/restore"];
    ConfigDelete = "config.delete", holds(P::ConfigsDelete), audited, fns: ["configs/delete"], routes: ["DELETE /v1/configs/{slug}"];

    // Prompts
    PromptsList = "prompt.list", holds(P::PromptsList), read, fns: ["prompts/list"], routes: ["GET /v1/prompts"];
    PromptGet = "prompt.get", holds(P::PromptsView), read, fns: ["prompts/get"], routes: ["GET /v1/prompts/{slug}"];
    PromptDraft = "prompt.draft", holds(P::PromptsCreate), read, fns: ["prompts/begin"], routes: [];
    PromptCheck = "prompt.check", holds(P::PromptsView), read, fns: ["prompts/check"], routes: [];
    PromptTry = "prompt.try", Requirement::Both(P::ModelsCall, P::PromptsView), read, fns: ["prompts/run", "prompts/answer", "prompts/compare"], routes: [];
    PromptFill = "prompt.fill", holds(P::PromptsView), read, fns: ["prompts/fill"], routes: [];
    PromptVersions = "prompt.versions", holds(P::PromptsView), read, fns: ["prompts/versions"], routes: ["GET /v1/prompts/{slug}/versions"];
    PromptVersion = "prompt.version", holds(P::PromptsView), read, fns: [], routes: ["GET /v1/prompts/{slug}/versions/{version}"];
    PromptMoves = "prompt.moves", holds(P::PromptsView), read, fns: [], routes: ["GET /v1/prompts/{slug}/moves"];
    PromptCreate = "prompt.create", holds(P::PromptsCreate), audited, fns: ["prompts/create", "prompts/import"], routes: ["POST /v1/prompts"];
    // What a prompt is tried with: one's own values, and those of everybody.
    PromptValues = "prompt.values", holds(P::PromptsView), read, fns: ["prompts/values"], routes: [];
    PromptKeepValues = "prompt.keep_values", holds(P::PromptsUpdate), audited, fns: ["prompts/keep_values"], routes: [];
    PromptDropValues = "prompt.drop_values", holds(P::PromptsUpdate), audited, fns: ["prompts/drop_values"], routes: [];
    PromptUpdate = "prompt.update", holds(P::PromptsUpdate), audited, fns: ["prompts/update"], routes: ["PUT /v1/prompts/{slug}"];
    PromptRestore = "prompt.restore", holds(P::PromptsUpdate), audited, fns: ["prompts/restore"], routes: ["POST /v1/prompts/{slug}/versions/{version}/restore"];
    PromptPublish = "prompt.publish", holds(P::PromptsPublish), audited, fns: ["prompts/publish"], routes: ["PUT /v1/prompts/{slug}/makeDefault"];
    PromptLabel = "prompt.label", holds(P::PromptsPublish), audited, fns: ["prompts/label"], routes: ["PUT /v1/prompts/{slug}/versions/{version}", "PUT /v1/prompts/{slug}/labels/{label}"];
    PromptRollOut = "prompt.roll_out", holds(P::PromptsPublish), audited, fns: ["prompts/roll_out"], routes: ["PUT /v1/prompts/{slug}/labels/{label}/roll-out"];
    PromptPropose = "prompt.propose", holds(P::PromptsUpdate), audited, fns: ["prompts/propose"], routes: ["POST /v1/prompts/{slug}/labels/{label}/proposal"];
    // A second person agrees in the console: keys are none.
    PromptAgree = "prompt.agree", holds(P::PromptsPublish), audited, fns: ["prompts/agree"], routes: [];
    PromptWithdraw = "prompt.withdraw", holds(P::PromptsUpdate), audited, fns: ["prompts/withdraw"], routes: ["DELETE /v1/prompts/{slug}/labels/{label}/proposal"];
    PromptDelete = "prompt.delete", holds(P::PromptsDelete), audited, fns: ["prompts/delete"], routes: ["DELETE /v1/prompts/{slug}"];
    PartialsList = "partial.list", holds(P::PromptsList), read, fns: ["partials/list"], routes: ["GET /v1/prompts/partials"];
    PartialGet = "partial.get", holds(P::PromptsView), read, fns: ["partials/get"], routes: ["GET /v1/prompts/partials/{slug}"];
    PartialVersions = "partial.versions", holds(P::PromptsView), read, fns: ["partials/versions"], routes: ["GET /v1/prompts/partials/{slug}/versions"];
    PartialCreate = "partial.create", holds(P::PromptsCreate), audited, fns: ["partials/create"], routes: ["POST /v1/prompts/partials"];
    PartialUpdate = "partial.update", holds(P::PromptsUpdate), audited, fns: ["partials/update"], routes: ["PUT /v1/prompts/partials/{slug}"];
    PartialRestore = "partial.restore", holds(P::PromptsUpdate), audited, fns: ["partials/restore"], routes: ["POST /v1/prompts/partials/{slug}/versions/{version}/restore"];
    PartialPublish = "partial.publish", holds(P::PromptsPublish), audited, fns: ["partials/publish"], routes: ["PUT /v1/prompts/partials/{slug}/makeDefault"];
    PartialDelete = "partial.delete", holds(P::PromptsDelete), audited, fns: ["partials/delete"], routes: ["DELETE /v1/prompts/partials/{slug}"];
    CollectionsList = "collection.list", holds(P::PromptsList), read, fns: [], routes: ["GET /v1/collections"];
    CollectionGet = "collection.get", holds(P::PromptsView), read, fns: [], routes: ["GET /v1/collections/{collection}"];
    CollectionCreate = "collection.create", holds(P::PromptsCreate), audited, fns: ["collections/create"], routes: ["POST /v1/collections"];
    CollectionUpdate = "collection.update", holds(P::PromptsUpdate), audited, fns: ["collections/update"], routes: ["PUT /v1/collections/{collection}"];
    CollectionDelete = "collection.delete", holds(P::PromptsDelete), audited, fns: ["collections/delete"], routes: ["DELETE /v1/collections/{collection}"];
    LabelsList = "label.list", holds(P::PromptsList), read, fns: ["labels/list"], routes: ["GET /v1/labels"];
    LabelGet = "label.get", holds(P::PromptsView), read, fns: [], routes: ["GET /v1/labels/{label}"];
    LabelCreate = "label.create", holds(P::PromptsPublish), audited, fns: ["labels/create"], routes: ["POST /v1/labels"];
    LabelUpdate = "label.update", holds(P::PromptsPublish), audited, fns: ["labels/update"], routes: ["PUT /v1/labels/{label}"];
    LabelDelete = "label.delete", holds(P::PromptsDelete), audited, fns: ["labels/delete"], routes: ["DELETE /v1/labels/{label}"];

    // Guardrails
    GuardrailsList = "guardrail.list", holds(P::GuardrailsList), read, fns: ["guardrails/list"], routes: ["GET /v1/guardrails"];
    GuardrailWebhookKey = "guardrail.webhook_key", holds(P::GuardrailsView), read, fns: [], routes: ["GET /v1/guardrails/webhook-key"];
    GuardrailGet = "guardrail.get", holds(P::GuardrailsView), read, fns: ["guardrails/get"], routes: ["GET /v1/guardrails/{id}"];
    GuardrailDraft = "guardrail.draft", holds(P::GuardrailsCreate), read, fns: ["guardrails/begin"], routes: [];
    GuardrailTry = "guardrail.try", holds(P::GuardrailsView), read, fns: ["guardrails/try"], routes: ["POST /v1/guardrails/try", "POST /v1/guardrails/{id}/try"];
    GuardrailVersions = "guardrail.versions", holds(P::GuardrailsView), read, fns: ["guardrails/versions"], routes: ["GET /v1/guardrails/{id}/versions"];
    GuardrailVersion = "guardrail.version", holds(P::GuardrailsView), read, fns: [], routes: ["GET /v1/guardrails/{id}/versions/{number}"];
    GuardrailCreate = "guardrail.create", holds(P::GuardrailsCreate), audited, fns: ["guardrails/create"], routes: ["POST /v1/guardrails"];
    GuardrailUpdate = "guardrail.update", holds(P::GuardrailsUpdate), audited, fns: ["guardrails/update"], routes: ["PUT /v1/guardrails/{id}"];
    GuardrailRestore = "guardrail.restore", holds(P::GuardrailsUpdate), audited, fns: ["guardrails/restore"], routes: ["POST /v1/guardrails/{id}/versions/{number}/restore"];
    GuardrailSamples = "guardrail.samples", holds(P::GuardrailsView), read, fns: ["guardrails/samples"], routes: ["GET /v1/guardrails/{id}/samples"];
    GuardrailKeepSample = "guardrail.keep_sample", holds(P::GuardrailsUpdate), audited, fns: ["guardrails/keep_sample"], routes: ["POST /v1/guardrails/{id}/samples"];
    GuardrailDropSample = "guardrail.drop_sample", holds(P::GuardrailsUpdate), audited, fns: ["guardrails/drop_sample"], routes: ["DELETE /v1/guardrails/{id}/samples/{sample}"];
    // What judges every call of the organisation is a matter of those who may delete guardrails.
    GuardrailEnforce = "guardrail.enforce", holds(P::GuardrailsDelete), audited, fns: ["guardrails/enforce"], routes: ["PUT /v1/guardrails/{id}/enforcement"];
    GuardrailDelete = "guardrail.delete", holds(P::GuardrailsDelete), audited, fns: ["guardrails/delete"], routes: ["DELETE /v1/guardrails/{id}"];
    // Logs
    LogsList = "log.list", holds(P::LogsView), read, fns: ["logs/list"], routes: ["GET /v1/logs"];
    LogsNewer = "log.newer", holds(P::LogsView), read, fns: ["logs/newer"], routes: [];
    LogsExportAbout = "log.about_export", holds(P::LogsView), read, fns: ["logs/about_export"], routes: [];
    // Every reading of the log as a file can be told of, whoever asks for it and by whichever way.
    LogsExport = "log.export", holds(P::LogsView), audited, fns: ["logs/export"], routes: ["GET /v1/logs/exports/{id}/file"];
    LogExportsList = "log_export.list", holds(P::LogsView), read, fns: [], routes: ["GET /v1/logs/exports"];
    LogExportFields = "log_export.fields", holds(P::LogsView), read, fns: [], routes: ["GET /v1/logs/exports/field-restrictions"];
    LogExportGet = "log_export.get", holds(P::LogsView), read, fns: [], routes: ["GET /v1/logs/exports/{id}"];
    LogExportCreate = "log_export.create", holds(P::LogsView), audited, fns: [], routes: ["POST /v1/logs/exports"];
    LogExportUpdate = "log_export.update", holds(P::LogsView), audited, fns: [], routes: ["PUT /v1/logs/exports/{id}"];
    LogExportStart = "log_export.start", holds(P::LogsView), audited, fns: [], routes: ["POST /v1/logs/exports/{id}/start"];
    LogExportCancel = "log_export.cancel", holds(P::LogsView), audited, fns: [], routes: ["POST /v1/logs/exports/{id}/cancel"];
    LogExportLink = "log_export.link", holds(P::LogsView), read, fns: [], routes: ["GET /v1/logs/exports/{id}/download"];
    LogsFilter = "log.filter", holds(P::LogsFilter), read, fns: ["logs/choices"], routes: [];
    // A saved filter that is everybody's is changed and deleted by its maker, or by whoever may change the log's settings.
    LogFilters = "log.filters", holds(P::LogsFilter), read, fns: ["logs/filters"], routes: ["GET /v1/logs/filters"];
    LogSaveFilter = "log.save_filter", holds(P::LogsFilter), audited, fns: ["logs/save_filter"], routes: [];
    LogDeleteFilter = "log.delete_filter", holds(P::LogsFilter), audited, fns: ["logs/delete_filter"], routes: [];
    AnalyticsGraph = "analytics.graph", Requirement::Both(P::LogsFilter, P::LogsGroup), read, fns: [], routes: ["GET /v1/analytics/graphs/{graph}", "GET /v1/analytics/graphs/{graph}/{detail}"];
    AnalyticsGroups = "analytics.groups", Requirement::Both(P::LogsFilter, P::LogsGroup), read, fns: [], routes: ["GET /v1/analytics/groups/{by}", "GET /v1/analytics/groups/metadata/{name}"];
    AnalyticsCache = "analytics.cache", Requirement::Both(P::LogsFilter, P::LogsGroup), read, fns: [], routes: ["GET /v1/analytics/summary/cache"];
    LogSettings = "log.settings", holds(P::OrganisationUpdate), read, fns: ["logs/settings"], routes: [];
    LogSettingsChange = "log.change_settings", holds(P::OrganisationUpdate), audited, fns: ["logs/change_settings"], routes: [];
    AnalyticsView = "analytics.view", Requirement::Both(P::LogsFilter, P::LogsGroup), read, fns: ["analytics/view"], routes: [];
    LogGet = "log.get", holds(P::LogsView), read, fns: ["logs/get"], routes: ["GET /v1/logs/{id}"];
    // What was said is read apart from the rest, so that every reading of it can be told of.
    LogTexts = "log.read_texts", holds(P::LogsView), audited, fns: ["logs/texts", "logs/replay"], routes: ["GET /v1/logs/{id}/texts"];
    LogTextsDelete = "log.delete_texts", holds(P::OrganisationUpdate), audited, fns: ["logs/delete_texts"], routes: [];
    // Feedback on calls is data, as the calls themselves are: it leaves no event. Programs that make calls give it.
    FeedbackGive = "feedback.give", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/feedback"];
    FeedbackChange = "feedback.change", holds(P::ModelsCall), read, fns: [], routes: ["PUT /v1/feedback/{id}"];
    // On the page of a call, whoever may see it gives and reads feedback.
    FeedbackGiveToCall = "feedback.give_to_call", holds(P::LogsView), read, fns: ["feedback/give"], routes: [];
    FeedbackList = "feedback.list", holds(P::LogsView), read, fns: ["feedback/list"], routes: [];
    // The program's own: it does what the organisation's settings say, and nobody asks it.
    LogsExpire = "log.expire", holds(P::OrganisationUpdate), audited, fns: [], routes: [];
    // Prices
    PricesList = "price.list", holds(P::LogsView), read, fns: ["prices/list"], routes: ["GET /v1/prices"];
    PriceGet = "price.get", holds(P::LogsView), read, fns: [], routes: ["GET /v1/prices/{id}"];
    PriceSet = "price.set", holds(P::OrganisationUpdate), audited, fns: ["prices/set"], routes: [];
    // What calls cost is what the budgets of keys go by: keys that reach as far in these may set it.
    PriceFind = "price.find", holds(P::LogsView), read, fns: [], routes: ["GET /v1/model-configs/pricing/{provider}/{model}"];
    PricePut = "price.put", holds(P::ApiKeysDelete), audited, fns: [], routes: ["PUT /v1/model-configs/pricing/{provider}/{model}"];
    PriceDelete = "price.delete", holds(P::OrganisationUpdate), audited, fns: ["prices/delete"], routes: [];
    // Billing. It has no routes: no API key can hold its permission.
    BillingView = "billing.view", holds(P::BillingManage), read, fns: ["billing/view"], routes: [];
    BillingSettings = "billing.settings", holds(P::BillingManage), read, fns: ["billing/settings"], routes: [];
    BillingChange = "billing.change_settings", holds(P::BillingManage), audited, fns: ["billing/change_settings"], routes: [];
    BillingStatement = "billing.statement", holds(P::BillingManage), read, fns: ["billing/statement", "billing/statement_file"], routes: [];
    // The program's own, when a month is over: nobody asks it.
    BillingClose = "billing.close", holds(P::BillingManage), audited, fns: [], routes: [];
    // Audit log. Of API keys the master key alone can read it.
    AuditList = "audit.list", holds(P::AuditView), read, fns: ["audit/list", "audit/arrived"], routes: ["GET /v1/audit-events"];
    AuditRecords = "audit.records", holds(P::AuditView), read, fns: [], routes: ["GET /v1/audit-logs"];
    AuditGet = "audit.get", holds(P::AuditView), read, fns: ["audit/get"], routes: ["GET /v1/audit-events/{seq}"];
    AuditVerification = "audit.verification", holds(P::AuditView), read, fns: [], routes: ["GET /v1/audit-events/verification"];
    // Signed by this installation for whoever verifies; they tell nothing of what was done.
    AuditCheckpoints = "audit.checkpoints", holds(P::AuditVerify), read, fns: ["audit/checkpoints"], routes: [];
    // Delivery takes the log out of Latchkey, as an export does.
    AuditDelivery = "audit.delivery", holds(P::AuditView), read, fns: ["audit/delivery"], routes: [];
    AuditDeliverySet = "audit.set_delivery", holds(P::AuditExport), audited, fns: ["audit/set_delivery"], routes: [];
    AuditDeliveryRotate = "audit.rotate_delivery_secret", holds(P::AuditExport), audited, fns: ["audit/rotate_delivery_secret"], routes: [];
    AuditDeliveryPause = "audit.pause_delivery", holds(P::AuditExport), audited, fns: ["audit/pause_delivery"], routes: [];
    AuditDeliveryResume = "audit.resume_delivery", holds(P::AuditExport), audited, fns: ["audit/resume_delivery"], routes: [];
    AuditDeliveryTest = "audit.test_delivery", holds(P::AuditExport), audited, fns: ["audit/test_delivery"], routes: [];
    AuditDeliveryDelete = "audit.delete_delivery", holds(P::AuditExport), audited, fns: ["audit/delete_delivery"], routes: [];
    AuditExpire = "audit.expire", holds(P::AuditExport), audited, fns: [], routes: [];
    AuditExport = "audit.export", holds(P::AuditExport), audited, fns: ["audit/export"], routes: [];
    // Gateway
    ChatCompletion = "model.chat_completion", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/chat/completions"];
    Messages = "model.messages", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/messages"];
    Completion = "model.completion", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/completions"];
    Embeddings = "model.embeddings", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/embeddings"];
    ResponseCreate = "model.response", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/responses"];
    ResponseGet = "model.response_get", holds(P::ModelsCall), read, fns: [], routes: ["GET /v1/responses/{id}"];
    ResponseDelete = "model.response_delete", holds(P::ModelsCall), read, fns: [], routes: ["DELETE /v1/responses/{id}"];
    ResponseCancel = "model.response_cancel", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/responses/{id}/cancel"];
    ResponseInputItems = "model.response_input_items", holds(P::ModelsCall), read, fns: [], routes: ["GET /v1/responses/{id}/input_items"];
    CountTokens = "model.count_tokens", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/messages/count_tokens"];
    Moderation = "model.moderation", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/moderations"];
    Image = "model.image", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/images/generations"];
    Speech = "model.speech", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/audio/speech"];
    Transcription = "model.transcription", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/audio/transcriptions"];
    Rerank = "model.rerank", holds(P::ModelsCall), read, fns: [], routes: ["POST /v1/rerank"];
    // A prompt is filled by whoever may see it, and run by whoever may call models besides: see the gateway.
    PromptRender = "prompt.render", holds(P::PromptsView), read, fns: [], routes: ["POST /v1/prompts/{slug}/render"];
    PromptRun = "prompt.run", Requirement::Both(P::ModelsCall, P::PromptsView), read, fns: [], routes: ["POST /v1/prompts/{slug}/completions"];
    ModelsList = "model.list", holds(P::ModelsCall), read, fns: [], routes: ["GET /v1/models"];
    ModelGet = "model.get", holds(P::ModelsCall), read, fns: [], routes: ["GET /v1/models/{id}"];
}

impl Operation {
    /// The operation of this id: `prompt.publish`.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.spec().id == id)
    }

    /// The operation behind a server function's path below `/fn/`.
    pub fn of_server_fn(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.spec().server_fn.contains(&path))
    }
}
