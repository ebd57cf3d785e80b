//! What a key may do, as programs say it: by names of permissions, those of existing clients among them, or by levels.

use crate::{
    features::api_keys::model::KeyForm,
    kernel::text::cut,
    policy::{KeyFeature, Permission, PermissionSet},
};
use std::collections::{BTreeMap, BTreeSet};

/// Scopes of existing clients, each with the least that does here what it does there: one permission in most cases; none where
/// every key may do it. Those that are spelt as our permissions need no row. Where there is one kind of a thing and existing
/// clients tell several apart, each of their scopes is about that kind.
const SCOPES: [(&str, &[Permission]); 58] = {
    use Permission as P;
    [
        ("completions.write", &[P::ModelsCall]),
        ("logs.list", &[P::LogsView]),
        ("logs.read", &[P::LogsView]),
        ("logs.export", &[P::LogsView, P::LogsFilter]),
        ("analytics.view", &[P::LogsFilter, P::LogsGroup]),
        ("prompts.read", &[P::PromptsView]),
        ("prompts.render", &[P::PromptsView]),
        ("configs.read", &[P::ConfigsView]),
        ("guardrails.read", &[P::GuardrailsView]),
        ("guardrails.invoke", &[P::GuardrailsView]),
        ("organisation_guardrails.list", &[P::GuardrailsList]),
        ("organisation_guardrails.read", &[P::GuardrailsView]),
        ("virtual_keys.read", &[P::VirtualKeysList]),
        ("providers.list", &[P::VirtualKeysList]),
        ("providers.read", &[P::VirtualKeysList]),
        ("providers.create", &[P::VirtualKeysCreate]),
        ("providers.update", &[P::VirtualKeysUpdate]),
        ("providers.delete", &[P::VirtualKeysDelete]),
        ("organisation_integrations.list", &[P::VirtualKeysList]),
        ("organisation_integrations.read", &[P::VirtualKeysList]),
        ("organisation_integrations.create", &[P::VirtualKeysCreate]),
        ("organisation_integrations.update", &[P::VirtualKeysUpdate]),
        ("organisation_integrations.delete", &[P::VirtualKeysDelete]),
        ("workspace_integrations.list", &[P::VirtualKeysList]),
        ("workspace_integrations.read", &[P::VirtualKeysList]),
        ("workspace_integrations.create", &[P::VirtualKeysCreate]),
        ("workspace_integrations.update", &[P::VirtualKeysUpdate]),
        ("workspace_integrations.delete", &[P::VirtualKeysDelete]),
        ("organisation_users.list", &[P::TeamView]),
        ("organisation_users.read", &[P::TeamView]),
        ("organisation_users.create", &[P::TeamInvite]),
        ("organisation_users.update", &[P::TeamAssignRoles]),
        ("organisation_users.delete", &[P::TeamRemove]),
        ("workspace_users.list", &[P::TeamView]),
        ("workspace_users.read", &[P::TeamView]),
        ("workspace_users.create", &[P::TeamInvite]),
        ("workspace_users.update", &[P::TeamAssignRoles]),
        ("workspace_users.delete", &[P::TeamRemove]),
        ("organisation_service_api_keys.list", &[P::ApiKeysList]),
        ("organisation_service_api_keys.read", &[P::ApiKeysList]),
        ("organisation_service_api_keys.create", &[P::ApiKeysCreate]),
        ("organisation_service_api_keys.update", &[P::ApiKeysUpdate]),
        ("organisation_service_api_keys.rotate", &[P::ApiKeysRotate]),
        ("organisation_service_api_keys.delete", &[P::ApiKeysDelete]),
        ("workspace_service_api_keys.list", &[P::ApiKeysList]),
        ("workspace_service_api_keys.read", &[P::ApiKeysList]),
        ("workspace_service_api_keys.create", &[P::ApiKeysCreate]),
        ("workspace_service_api_keys.update", &[P::ApiKeysUpdate]),
        ("workspace_service_api_keys.rotate", &[P::ApiKeysRotate]),
        ("workspace_service_api_keys.delete", &[P::ApiKeysDelete]),
        ("workspace_user_api_keys.list", &[P::ApiKeysList]),
        ("workspace_user_api_keys.read", &[P::ApiKeysList]),
        ("workspace_user_api_keys.create", &[P::ApiKeysCreate]),
        ("workspace_user_api_keys.update", &[P::ApiKeysUpdate]),
        ("workspace_user_api_keys.rotate", &[P::ApiKeysRotate]),
        ("workspace_user_api_keys.delete", &[P::ApiKeysDelete]),
        ("workspaces.list", &[]),
        ("workspaces.read", &[]),
    ]
};

/// What the other scopes of existing clients are about: nothing of it is here, no key can have it, or only with much that was
/// not asked for.
const NOT_HERE: [&str; 17] = [
    "agent_servers",
    "agents",
    "audit_logs",
    "deployments",
    "logs",
    "mcp",
    "mcp_servers",
    "organisation_agent_integrations",
    "organisation_exclusions",
    "organisation_guardrails",
    "organisation_mcp_integrations",
    "organisation_settings",
    "plugins",
    "policies",
    "secret_references",
    "workspace_agent_integrations",
    "workspace_mcp_integrations",
];

/// The permissions that were asked for, by name or by levels on top of a stored set; none: nothing was said.
pub(super) fn chosen(
    scopes: Option<Vec<String>>,
    levels: Option<BTreeMap<String, String>>,
    stored: Option<PermissionSet>,
) -> std::result::Result<Option<PermissionSet>, String> {
    match (scopes, levels) {
        (Some(_), Some(_)) => Err("Send scopes or permissions, not both.".into()),
        (Some(names), None) => {
            let all = names.iter().try_fold(PermissionSet::EMPTY, |set, name| scope(name).map(|more| set.union(more)));
            all.map(Some)
        }
        (None, Some(levels)) => of_levels(levels, stored).map(Some),
        (None, None) => Ok(None),
    }
}

fn scope(name: &str) -> std::result::Result<PermissionSet, String> {
    // A page of the contract writes hyphens.
    let folded = name.replace('-', "_");
    let alias = || SCOPES.iter().find(|(alias, _)| *alias == folded).map(|(_, all)| all.iter().copied().collect());
    let permission = Permission::parse(&folded).map(|permission| PermissionSet::EMPTY.with(permission));
    permission.or_else(alias).ok_or_else(|| {
        let about = folded.split_once('.').map_or("", |(about, _)| about);
        match about == "workspaces" || NOT_HERE.contains(&about) {
            true => format!("The scope “{}” opens nothing that a key can be given here. Leave it out.", cut(name, 100)),
            false => format!("There is no permission named “{}”.", cut(name, 100)),
        }
    })
}

/// Each name once, in the order in which they came.
pub(super) fn distinct(names: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.iter().filter(|name| seen.insert(name.as_str())).cloned().collect()
}

/// The names of what a set holds: those that were given for it, as long as it holds all that they mean, else ours.
pub(super) fn as_given(permissions: PermissionSet, given: &[String]) -> Vec<String> {
    let meant = |name: &String| scope(name).ok().filter(|meant| meant.is_subset_of(permissions));
    let given: Vec<(&String, PermissionSet)> = given.iter().filter_map(|name| Some((name, meant(name)?))).collect();
    let mut names: Vec<String> = vec![];
    for permission in permissions.iter() {
        let mut named = given.iter().filter(|(_, meant)| meant.contains(permission)).peekable();
        if named.peek().is_none() {
            names.push(permission.name().to_owned());
        }
        for (name, _) in named {
            if !names.contains(name) {
                names.push((*name).clone());
            }
        }
    }
    names.extend(given.iter().filter(|(_, meant)| meant.is_empty()).map(|(name, _)| (*name).clone()));
    names
}

fn of_levels(
    levels: BTreeMap<String, String>,
    stored: Option<PermissionSet>,
) -> std::result::Result<PermissionSet, String> {
    let mut form = KeyForm::default();
    for (name, level) in levels {
        let feature = KeyFeature::ALL.into_iter().find(|feature| feature.name() == name);
        let unknown = || format!("There is no feature named “{}”.", cut(&name, 100));
        form.levels.insert(feature.ok_or_else(unknown)?, level);
    }
    form.permissions(stored).map_err(|(_, sentence)| sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> std::result::Result<Option<PermissionSet>, String> {
        chosen(Some(names.iter().map(|name| (*name).to_owned()).collect()), None, None)
    }

    #[test]
    fn scopes_of_existing_clients_mean_permissions_and_unknown_ones_are_named() {
        let of = |permissions: &[Permission]| Ok(Some(permissions.iter().copied().collect::<PermissionSet>()));
        assert_eq!(
            named(&["completions.write", "prompts.render", "models.call"]),
            of(&[Permission::ModelsCall, Permission::PromptsView])
        );
        assert_eq!(named(&["logs.export"]), of(&[Permission::LogsView, Permission::LogsFilter]));
        assert_eq!(named(&["workspace-service-api-keys.rotate"]), of(&[Permission::ApiKeysRotate]));
        assert_eq!(named(&["workspaces.list"]), of(&[]));
        assert_eq!(named(&[]), of(&[]));
        for unknown in ["audit_logs.list", "logs.write", "workspaces.create", "no.such", "logs", ""] {
            assert!(named(&["completions.write", unknown]).unwrap_err().contains(unknown), "{unknown}");
        }
        assert!(SCOPES.iter().all(|(alias, _)| Permission::parse(alias).is_none()), "an alias hides a permission");
        let all: PermissionSet = SCOPES.iter().flat_map(|(_, all)| all.iter().copied()).collect();
        assert!(all.is_subset_of(PermissionSet::every_key_permission()));
    }

    /// The contract's own list of scopes.
    #[test]
    fn every_scope_of_the_contract_is_taken_or_told_to_open_nothing() {
        const CRUDL: &[&str] = &["create", "read", "update", "delete", "list"];
        let resources: [(&[&str], &[&str]); 5] = [
            (&["organisation_users", "workspace_users", "configs", "prompts", "guardrails", "virtual_keys"], CRUDL),
            (&["providers", "organisation_integrations", "workspace_integrations"], CRUDL),
            (&["organisation_service_api_keys", "workspace_service_api_keys", "workspace_user_api_keys"], CRUDL),
            (&["organisation_service_api_keys", "workspace_service_api_keys", "workspace_user_api_keys"], &["rotate"]),
            (&["workspaces", "organisation_guardrails"], &["read", "list"]),
        ];
        let single = [
            "analytics.view",
            "completions.write",
            "guardrails.invoke",
            "logs.export",
            "logs.list",
            "logs.view",
            "prompts.publish",
            "prompts.render",
            "virtual_keys.copy",
            "virtual_keys.duplicate",
        ];
        let of = |(about, verbs): &(&[&str], &[&str])| -> Vec<String> {
            about.iter().flat_map(|about| verbs.iter().map(move |verb| format!("{about}.{verb}"))).collect()
        };
        let taken = resources.iter().flat_map(of).chain(single.map(str::to_owned));
        for name in taken {
            let set = named(&[&name]).unwrap_or_else(|error| panic!("{error}")).expect("a set");
            assert_eq!(set.is_empty(), name.starts_with("workspaces."), "{name}");
            let given = std::slice::from_ref(&name);
            assert_eq!(as_given(set, given), given, "it is read as it was given");
        }
        let refused: [(&[&str], &[&str]); 3] = [
            (&["organisation_exclusions", "organisation_settings"], &["read", "update", "list"]),
            (
                &[
                    "plugins",
                    "deployments",
                    "secret_references",
                    "policies",
                    "mcp_servers",
                    "agent_servers",
                    "organisation_mcp_integrations",
                    "organisation_agent_integrations",
                    "workspace_mcp_integrations",
                    "workspace_agent_integrations",
                ],
                CRUDL,
            ),
            (&["workspaces", "organisation_guardrails"], &["create", "update", "delete"]),
        ];
        let single = ["mcp.invoke", "agents.invoke", "audit_logs.list", "logs.write"].map(str::to_owned);
        for name in refused.iter().flat_map(of).chain(single) {
            let refused = named(&[&name]).expect_err(&name);
            assert!(refused.contains(&name) && refused.contains("opens nothing"), "{refused}");
        }
    }

    #[test]
    fn names_stand_for_a_set_as_long_as_it_holds_all_that_they_mean() {
        let given = ["logs.export", "workspaces.read", "logs.view", "completions.write"].map(str::to_owned);
        let set = chosen(Some(given.to_vec()), None, None).ok().flatten().expect("a set");
        assert_eq!(as_given(set, &given), ["logs.export", "logs.view", "completions.write", "workspaces.read"]);
        let less = set.without(PermissionSet::EMPTY.with(Permission::LogsFilter));
        assert_eq!(as_given(less, &given), ["logs.view", "completions.write", "workspaces.read"]);
        let more = set.with(Permission::LogsGroup);
        let named = as_given(more, &given);
        assert_eq!(named, ["logs.export", "logs.view", "logs.group", "completions.write", "workspaces.read"]);
        assert_eq!(chosen(Some(named), None, None), Ok(Some(more)), "they mean the same when they are sent back");
    }

    #[test]
    fn levels_stand_on_what_is_stored() {
        let levels = |pairs: &[(&str, &str)], stored| {
            let map = pairs.iter().map(|(n, l)| ((*n).to_owned(), (*l).to_owned())).collect();
            chosen(None, Some(map), stored)
        };
        let made = levels(&[("metrics", "enabled")], None).ok().flatten().expect("a set");
        assert!(made.contains(Permission::LogsView) && made.contains(Permission::ModelsCall));
        let changed = levels(&[("completions", "disabled")], Some(made)).ok().flatten().expect("a set");
        assert!(changed.contains(Permission::LogsView) && !changed.contains(Permission::ModelsCall));
        assert!(levels(&[("billing", "write")], None).is_err());
        assert!(levels(&[("metrics", "write")], None).is_err());
    }
}
