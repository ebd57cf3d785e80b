//! What a key may do, as programs say it: by names of permissions, those of existing clients among them, or by levels.

use crate::{
    features::api_keys::model::KeyForm,
    kernel::text::cut,
    policy::{KeyFeature, Permission, PermissionSet},
};
use std::collections::{BTreeMap, BTreeSet};

/// Names of existing clients that mean exactly one permission here. Those that are spelt as ours need no row.
const SCOPES: [(&str, Permission); 36] = {
    use Permission as P;
    [
        ("completions.write", P::ModelsCall),
        ("logs.list", P::LogsView),
        ("logs.read", P::LogsView),
        ("analytics.view", P::LogsGroup),
        ("prompts.read", P::PromptsView),
        ("prompts.render", P::PromptsView),
        ("configs.read", P::ConfigsView),
        ("guardrails.read", P::GuardrailsView),
        ("virtual_keys.read", P::VirtualKeysList),
        ("providers.list", P::VirtualKeysList),
        ("providers.read", P::VirtualKeysList),
        ("providers.create", P::VirtualKeysCreate),
        ("providers.update", P::VirtualKeysUpdate),
        ("providers.delete", P::VirtualKeysDelete),
        ("organisation_users.list", P::TeamView),
        ("organisation_users.read", P::TeamView),
        ("organisation_users.create", P::TeamInvite),
        ("organisation_users.update", P::TeamAssignRoles),
        ("organisation_users.delete", P::TeamRemove),
        ("workspace_users.list", P::TeamView),
        ("workspace_users.read", P::TeamView),
        ("workspace_users.create", P::TeamInvite),
        ("workspace_users.update", P::TeamAssignRoles),
        ("workspace_users.delete", P::TeamRemove),
        ("organisation_service_api_keys.list", P::ApiKeysList),
        ("organisation_service_api_keys.read", P::ApiKeysList),
        ("organisation_service_api_keys.create", P::ApiKeysCreate),
        ("organisation_service_api_keys.update", P::ApiKeysUpdate),
        ("organisation_service_api_keys.rotate", P::ApiKeysRotate),
        ("organisation_service_api_keys.delete", P::ApiKeysDelete),
        ("workspace_service_api_keys.list", P::ApiKeysList),
        ("workspace_service_api_keys.read", P::ApiKeysList),
        ("workspace_service_api_keys.create", P::ApiKeysCreate),
        ("workspace_service_api_keys.update", P::ApiKeysUpdate),
        ("workspace_service_api_keys.rotate", P::ApiKeysRotate),
        ("workspace_service_api_keys.delete", P::ApiKeysDelete),
    ]
};

/// The permissions that were asked for, by name or by levels on top of a stored set; none: nothing was said.
pub(super) fn chosen(
    scopes: Option<Vec<String>>,
    levels: Option<BTreeMap<String, String>>,
    stored: Option<PermissionSet>,
) -> std::result::Result<Option<PermissionSet>, String> {
    match (scopes, levels) {
        (Some(_), Some(_)) => Err("Send scopes or permissions, not both.".into()),
        (Some(names), None) => names.iter().map(|name| scope(name)).collect::<std::result::Result<_, _>>().map(Some),
        (None, Some(levels)) => of_levels(levels, stored).map(Some),
        (None, None) => Ok(None),
    }
}

fn scope(name: &str) -> std::result::Result<Permission, String> {
    let alias = || SCOPES.iter().find(|(alias, _)| *alias == name).map(|(_, permission)| *permission);
    Permission::parse(name)
        .or_else(alias)
        .ok_or_else(|| format!("There is no permission named “{}”.", cut(name, 100)))
}

/// Each name once, in the order in which they came.
pub(super) fn distinct(names: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.iter().filter(|name| seen.insert(name.as_str())).cloned().collect()
}

/// The names of what a set holds: those that were given for it, else ours.
pub(super) fn as_given(permissions: PermissionSet, given: &[String]) -> Vec<String> {
    let named = |permission: Permission| {
        let names: Vec<_> = given.iter().filter(|name| scope(name) == Ok(permission)).cloned().collect();
        if names.is_empty() { vec![permission.name().to_owned()] } else { names }
    };
    permissions.iter().flat_map(named).collect()
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

    #[test]
    fn scopes_of_existing_clients_mean_one_permission_and_unknown_ones_are_named() {
        let names = |names: &[&str]| chosen(Some(names.iter().map(|n| (*n).to_owned()).collect()), None, None);
        let two: PermissionSet = [Permission::ModelsCall, Permission::PromptsView].into_iter().collect();
        assert_eq!(names(&["completions.write", "prompts.render", "models.call"]), Ok(Some(two)));
        assert_eq!(names(&[]), Ok(Some(PermissionSet::EMPTY)));
        assert!(names(&["completions.write", "audit_logs.list"]).unwrap_err().contains("audit_logs.list"));
        assert!(SCOPES.iter().all(|(alias, _)| Permission::parse(alias).is_none()), "an alias hides a permission");
        assert!(SCOPES.iter().all(|(_, permission)| PermissionSet::every_key_permission().contains(*permission)));
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
