//! The tables, as checked-in texts that a reviewer reads as a diff, and a second, naive decision to hold the real one
//! against.

use super::*;
use crate::kernel::{KeyId, OrganisationId, UserId};
use proptest::prelude::*;
use std::fmt::Write;
use uuid::Uuid;

/// Compares with a file of this folder; `LATCHKEY_UPDATE_TABLES=1` writes it anew for review.
fn assert_table(name: &str, actual: &str) {
    let path = format!("{}/src/policy/tables/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("LATCHKEY_UPDATE_TABLES").is_some() {
        std::fs::write(&path, actual).expect("the table can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{path} differs: review it, then run with LATCHKEY_UPDATE_TABLES=1");
}

#[test]
fn roles_equal_the_table() {
    let mut text = String::from("permission              Owner  Admin  Member\n");
    for permission in Permission::ALL {
        let cell = |role: Role| if role.holds(*permission) { "yes" } else { "-" };
        let _ = writeln!(
            text,
            "{:<24}{:<7}{:<7}{}",
            permission.name(),
            cell(Role::Owner),
            cell(Role::Admin),
            cell(Role::Member)
        );
    }
    assert_table("roles.txt", &text);
}

#[test]
fn key_levels_equal_the_table() {
    let mut text = String::from("feature       level      default  adds\n");
    for feature in KeyFeature::ALL {
        for level in feature.levels() {
            let default = if feature.default_level() == level { "default" } else { "" };
            let adds = feature
                .steps()
                .iter()
                .find(|(step, _)| *step == level)
                .map(|(_, p)| p.iter().map(|p| p.name()).collect::<Vec<_>>().join(" "))
                .unwrap_or_default();
            let line = format!("{:<14}{:<11}{:<9}{adds}", feature.name(), level.name(), default);
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    assert_table("key_levels.txt", &text);
}

#[test]
fn operations_equal_the_table() {
    let mut text = String::from("operation                   requires               audited\n");
    for operation in Operation::ALL {
        let spec = operation.spec();
        let requires = match spec.requires {
            Requirement::Anyone => "(anyone)".to_owned(),
            Requirement::Person => "(signed in)".to_owned(),
            Requirement::Membership => "(any role)".to_owned(),
            Requirement::Belonging => "(any role or key)".to_owned(),
            Requirement::Holds(permission) => permission.name().to_owned(),
            Requirement::Both(first, second) => format!("{first} {second} "),
        };
        let audited = if spec.audited { "audited" } else { "-" };
        let line = format!(
            "{:<28}{requires:<23}{audited:<9}{}",
            spec.id,
            spec.server_fn
                .iter()
                .map(|f| format!("fn:{f}"))
                .chain(spec.routes.iter().map(|r| (*r).to_owned()))
                .collect::<Vec<_>>()
                .join("; ")
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    assert_table("operations.txt", &text);
}

/// Permissions that guard no operation yet: what they are for comes later. This list may only shrink.
const IDLE: [&str; 1] = ["virtual_keys.copy"];

#[test]
fn every_permission_guards_something() {
    let guards = |permission: &&Permission| {
        Operation::ALL
            .iter()
            .any(|operation| operation.spec().requires.permissions().any(|asked| asked == **permission))
    };
    let idle: Vec<&str> = Permission::ALL.iter().filter(|p| !guards(p)).map(|p| p.name()).collect();
    assert_eq!(idle, IDLE, "left: what guards nothing; right: the list of it, out of which goes what guards something");
}

#[test]
fn what_keys_cannot_use_by_itself_is_listed() {
    let asks = |permission: &Permission| {
        let routed = Operation::ALL.iter().filter(|operation| !operation.spec().routes.is_empty());
        routed.flat_map(|operation| operation.spec().requires.permissions()).any(|asked| asked == *permission)
    };
    let unasked: Vec<_> = PermissionSet::every_key_permission().iter().filter(|permission| !asks(permission)).collect();
    assert_eq!(unasked, key_feature::UNASKED);
    let list = PermissionSet::EMPTY.with(Permission::VirtualKeysList);
    assert_eq!(list.with_unasked(), list.with(Permission::VirtualKeysCopy));
    let prompts = PermissionSet::EMPTY.with(Permission::PromptsView);
    assert_eq!(prompts.with_unasked(), prompts);
}

#[test]
fn names_are_unique_and_read_back() {
    for permission in Permission::ALL {
        assert_eq!(Permission::parse(permission.name()), Some(*permission));
    }
    let mut ids: Vec<_> = Operation::ALL.iter().map(|o| o.spec().id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), Operation::ALL.len());
}

#[test]
fn a_new_key_can_call_models_and_read_prompts_and_no_more() {
    let set = PermissionSet::key_default();
    let expected: PermissionSet =
        [Permission::ModelsCall, Permission::PromptsList, Permission::PromptsView].into_iter().collect();
    assert_eq!(set, expected);
    assert_eq!(summary(set), "Completions, Prompts: Read");
}

#[test]
fn keys_can_never_hold_billing_audit_or_the_organisation() {
    let all = PermissionSet::every_key_permission();
    for closed in [
        Permission::BillingManage,
        Permission::OrganisationUpdate,
        Permission::AuditView,
        Permission::AuditExport,
        Permission::AuditVerify,
    ] {
        assert!(!all.contains(closed), "{closed}");
    }
}

#[test]
fn a_set_that_no_level_expresses_is_custom() {
    let odd = PermissionSet::EMPTY.with(Permission::ConfigsDelete);
    assert_eq!(KeyFeature::Configs.shown(odd), Shown::Custom);
    assert_eq!(bitting(odd)[3], Tooth::Custom);
    assert_eq!(summary(odd), "Configs: custom");
}

#[test]
fn sentences_name_the_risk_first() {
    let set = PermissionSet::of_levels(|f| if f == KeyFeature::Users { Level::Write } else { f.default_level() });
    let (risky, plain) = summary_sentence(set);
    assert_eq!(risky, "Can invite people and change their roles.");
    assert_eq!(plain, "Can call models. Can read prompts.");
    assert_eq!(
        summary_sentence(PermissionSet::key_default()).1,
        "Can call models. Can read prompts. Cannot change anything."
    );
    assert_eq!(summary_sentence(PermissionSet::EMPTY).1, "Can do nothing.");
}

fn org(n: u128) -> OrganisationId {
    OrganisationId(Uuid::from_u128(n))
}

/// The same rules written the slow way: list what would be needed, then check each item.
fn naive(principal: &Principal, requirement: Requirement, target: Target) -> bool {
    let permissions: Vec<&str> = match principal {
        Principal::Member { role, .. } => {
            let table = include_str!("tables/roles.txt");
            let column = match role {
                Role::Owner => 1,
                Role::Admin => 2,
                Role::Member => 3,
            };
            table
                .lines()
                .skip(1)
                .map(|line| line.split_whitespace().collect::<Vec<_>>())
                .filter(|cells| cells[column] == "yes")
                .map(|cells| cells[0])
                .collect()
        }
        Principal::ApiKey { permissions, .. } => permissions.names(),
        _ => vec![],
    };
    let person = matches!(principal, Principal::Person { .. } | Principal::Member { .. });
    let inside = principal.organisation();
    match requirement {
        Requirement::Anyone => return true,
        Requirement::Person => return person,
        Requirement::Membership => {
            if !matches!(principal, Principal::Member { .. }) {
                return false;
            }
        }
        Requirement::Belonging => {
            if inside.is_none() {
                return false;
            }
        }
        Requirement::Both(first, second) => {
            if ![first, second].iter().all(|permission| permissions.contains(&permission.name())) {
                return false;
            }
        }
        Requirement::Holds(permission) => {
            if !permissions.contains(&permission.name()) {
                return false;
            }
        }
    }
    let rank = |role: Role| match role {
        Role::Member => 0,
        Role::Admin => 1,
        Role::Owner => 2,
    };
    let own_rank = match principal {
        Principal::Member { role, .. } => rank(*role),
        _ => 1,
    };
    match target {
        Target::Account => true,
        Target::In(o) => inside == Some(o),
        Target::Rank { organisation, now, next } => {
            inside == Some(organisation)
                && [now, next].into_iter().flatten().all(|r| rank(r) <= own_rank)
                && (!matches!(principal, Principal::ApiKey { .. })
                    || next != Some(Role::Admin)
                    || now == Some(Role::Admin)
                    || permissions.contains(&"audit.view")
                        && KeyFeature::ALL
                            .iter()
                            .all(|feature| feature.all().names().iter().all(|name| permissions.contains(name))))
        }
        Target::Key { organisation, now, next, itself } => {
            inside == Some(organisation)
                && !itself
                && now.names().iter().chain(next.names().iter()).all(|name| permissions.contains(name))
        }
    }
}

fn any_set() -> impl Strategy<Value = PermissionSet> {
    proptest::collection::vec(proptest::sample::select(Permission::ALL), 0..40).prop_map(|p| p.into_iter().collect())
}

fn any_role() -> impl Strategy<Value = Role> {
    proptest::sample::select(Role::ALL.to_vec())
}

fn any_principal() -> impl Strategy<Value = Principal> {
    prop_oneof![
        Just(Principal::Nobody),
        Just(Principal::Person { user: UserId(Uuid::from_u128(7)) }),
        (any_role(), 1u128..3).prop_map(|(role, o)| Principal::Member {
            user: UserId(Uuid::from_u128(7)),
            organisation: org(o),
            role
        }),
        (any_set(), 1u128..3).prop_map(|(permissions, o)| Principal::ApiKey {
            key: KeyId(Uuid::from_u128(8)),
            organisation: org(o),
            permissions
        }),
    ]
}

fn any_target() -> impl Strategy<Value = Target> {
    prop_oneof![
        Just(Target::Account),
        (1u128..3).prop_map(|o| Target::In(org(o))),
        (1u128..3, proptest::option::of(any_role()), proptest::option::of(any_role()))
            .prop_map(|(o, now, next)| Target::Rank { organisation: org(o), now, next }),
        (1u128..3, any_set(), any_set(), any::<bool>()).prop_map(|(o, now, next, itself)| Target::Key {
            organisation: org(o),
            now,
            next,
            itself
        }),
    ]
}

fn any_requirement() -> impl Strategy<Value = Requirement> {
    prop_oneof![
        Just(Requirement::Anyone),
        Just(Requirement::Person),
        Just(Requirement::Membership),
        Just(Requirement::Belonging),
        proptest::sample::select(Permission::ALL).prop_map(Requirement::Holds),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_decision_equals_the_naive_one(p in any_principal(), r in any_requirement(), t in any_target()) {
        prop_assert_eq!(decide(&p, r, t).is_ok(), naive(&p, r, t), "{:?} {:?} {:?}", p, r, t);
    }

    #[test]
    fn nobody_gets_across_the_wall(p in any_principal(), permission in proptest::sample::select(Permission::ALL)) {
        let elsewhere = org(99);
        prop_assert!(decide(&p, Requirement::Holds(permission), Target::In(elsewhere)).is_err());
    }

    #[test]
    fn a_key_never_makes_or_touches_an_owner(set in any_set(), o in 1u128..3, role in proptest::option::of(any_role())) {
        let key = Principal::ApiKey { key: KeyId(Uuid::from_u128(8)), organisation: org(o), permissions: set };
        let making = Target::Rank { organisation: org(o), now: role, next: Some(Role::Owner) };
        let touching = Target::Rank { organisation: org(o), now: Some(Role::Owner), next: role };
        for permission in [Permission::TeamAssignRoles, Permission::TeamInvite, Permission::TeamRemove] {
            prop_assert!(decide(&key, Requirement::Holds(permission), making).is_err());
            prop_assert!(decide(&key, Requirement::Holds(permission), touching).is_err());
        }
    }

    #[test]
    fn sets_survive_being_stored(set in any_set()) {
        let stored = serde_json::to_string(&set).unwrap();
        prop_assert_eq!(serde_json::from_str::<PermissionSet>(&stored).unwrap(), set);
    }

    #[test]
    fn levels_are_ordered_and_shown_as_themselves(feature in proptest::sample::select(KeyFeature::ALL.to_vec())) {
        let mut before = PermissionSet::EMPTY;
        for level in feature.levels() {
            let set = feature.permissions(level).unwrap();
            prop_assert!(before.is_subset_of(set));
            prop_assert_eq!(feature.shown(set), Shown::Level(level));
            before = set;
        }
    }
}
