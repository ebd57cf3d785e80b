//! The permission matrix: every server function × every person. The privileged call goes first, so that a refusal cannot
//! be true by accident; a refusal is seen to have changed nothing, and every act that is audited to have left one event.

use super::support::{Calls, PASSWORD, World, difference, each_engine, text};
use crate::{
    kernel::OrganisationId,
    policy::{Operation, Permission, Requirement, Role},
};
use std::{collections::BTreeSet, time::Duration};

/// Server functions that no permission guards: those of accounts stand in a matrix of their own below, those of links and
/// memberships in the tests of sessions, accounts and the team. This list may only shrink.
const OPEN: [&str; 27] = [
    "account/ask_reset",
    "account/change_password",
    "account/choose_theme",
    "account/confirm_password",
    "account/end_other_sessions",
    "account/end_session",
    "account/front",
    "account/rename",
    "account/reset_password",
    "account/setup",
    "account/sign_in",
    "account/sign_out",
    "account/view",
    "account/view_reset",
    "invitation/accept",
    "invitation/accept_mine",
    "invitation/decline",
    "invitation/join",
    "invitation/mine",
    "invitation/view",
    "organisation/check_slug",
    "organisation/create",
    "organisation/last",
    "organisation/list",
    // Leaving has no privileged caller to go first: each role's own leaving is tested with the team.
    "team/leave",
    "team/view_leave",
    "organisation/view",
];

/// Server functions on the caller's own account.
const ACCOUNT: [&str; 9] = [
    "account/front",
    "account/view",
    "account/choose_theme",
    "account/rename",
    "account/end_session",
    "account/end_other_sessions",
    "account/confirm_password",
    "account/sign_out",
    // Last: it ends the password of everybody in tests.
    "account/change_password",
];

/// Where the thing itself asks for more than the role's permission: a password link opens the whole account, so only who
/// owns every organisation of that person can make one. A saved filter that is everybody's is deleted by its maker, or by an
/// Owner or Admin.
const STRICTER: [(&str, Role); 2] = [("team/make_reset_link", Role::Admin), ("logs/delete_filter", Role::Member)];

fn permissions(operation: Operation) -> Vec<Permission> {
    let permissions: Vec<_> = operation.spec().requires.permissions().collect();
    assert!(
        !permissions.is_empty() || operation.spec().requires == Requirement::Belonging,
        "{} asks for none: it belongs into the list of open functions",
        operation.spec().id
    );
    permissions
}

#[test]
fn every_server_function_is_in_the_table_of_operations() {
    let served: BTreeSet<String> =
        server_fn::axum::server_fn_paths().map(|(path, _)| path.trim_start_matches("/fn/").to_owned()).collect();
    let table: BTreeSet<String> =
        Operation::ALL.iter().flat_map(|o| o.spec().server_fn).map(|path| (*path).to_owned()).collect();
    assert_eq!(served, table, "left: what the program serves; right: the table of operations");
    for path in OPEN {
        let operation = Operation::of_server_fn(path).unwrap_or_else(|| panic!("there is no {path}"));
        let requires = operation.spec().requires;
        assert!(requires.permissions().next().is_none(), "{path} asks for {requires:?}: it belongs into the matrix");
    }
}

#[test]
fn no_server_function_answers_get() {
    let gets: Vec<_> = server_fn::axum::server_fn_paths().filter(|(_, method)| method != "POST").collect();
    assert!(gets.is_empty(), "{gets:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_function_keeps_the_matrix() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let calls = Calls::new().await;
        for operation in Operation::ALL {
            for path in operation.spec().server_fn.iter().filter(|path| !OPEN.contains(*path)) {
                row(&world, &calls, *operation, path).await;
            }
        }
        // By now there is an event of each operation, done and refused.
        let chains = [world.house.organisation, world.south_id, OrganisationId::INSTALLATION];
        super::audit_room::expect_schema(&world.house, &chains).await;
    })
    .await;
}

/// One server function, by everybody.
async fn row(world: &World, calls: &Calls, operation: Operation, path: &str) {
    let permissions = permissions(operation);
    let audited = operation.spec().audited;
    let people = [
        ("Owner", &world.owner, Some(Role::Owner)),
        ("Admin", &world.admin, Some(Role::Admin)),
        ("Member", &world.member, Some(Role::Member)),
        ("stranger", &world.stranger, None),
        ("nobody", &world.house.nobody(), None),
        ("a key without a cookie", &world.house.program(&world.house.master_key), None),
    ];
    for (who, client, role) in people {
        let ready = calls.ready(world, operation).await;
        let fields = ready.fields(&world.house.slug);
        let allowed = role.is_some_and(|role| {
            permissions.iter().all(|permission| role.holds(*permission)) && !STRICTER.contains(&(path, role))
        });
        let expected = match role {
            Some(_) if allowed => 200,
            Some(_) => 403,
            None if who == "stranger" => 404,
            None => 401,
        };
        let organisation = if role.is_some() { world.house.organisation } else { OrganisationId::INSTALLATION };
        // What the call before this one has left in the log is written a moment later.
        assert!(world.house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
        let (before, events) = (world.house.snapshot().await, world.house.chain(organisation).await.0);
        let answer = client.form(path, &fields).await;
        assert_eq!(answer.status, expected, "{path} by {who}: {}", answer.text);
        let (after, last) = world.house.chain(organisation).await;
        assert_eq!(after - events, i64::from(audited), "events of {path} by {who}");
        if audited {
            let last = last.expect("an event");
            assert_eq!(last["action"], operation.spec().id, "{path} by {who}");
            assert_eq!(last["outcome"], if expected == 200 { "done" } else { "refused" }, "{path} by {who}: {last}");
        }
        if expected == 200 {
            continue;
        }
        let after = world.house.snapshot().await;
        let changed = difference(&before, &after);
        assert!(changed.is_empty(), "{path} by {who} changed something: {changed:#?}");
        let missing = role.and_then(|role| permissions.iter().find(|permission| !role.holds(**permission)));
        if let Some(missing) = missing {
            let error = answer.json();
            assert_eq!(text(&error["missing"], "permission"), missing.name(), "{path}");
        }
        // The same thing by its Owner works: the refusal was no accident.
        let privileged = world.owner.form(path, &fields).await;
        assert_eq!(privileged.status, 200, "{path} by the Owner after {who}: {}", privileged.text);
    }
}

/// What a call on one's own account needs; `other` is the id of another session of the person.
fn account_fields<'a>(path: &str, other: &'a str) -> Vec<(&'static str, &'a str)> {
    match path {
        "account/choose_theme" => vec![("theme", "dark")],
        "account/rename" => vec![("name", "Ada Lovelace")],
        "account/end_session" => vec![("id", other)],
        "account/confirm_password" => vec![("current_password", PASSWORD)],
        "account/change_password" => {
            vec![("current_password", PASSWORD), ("new_password", "another long test password")]
        }
        _ => vec![],
    }
}

#[tokio::test]
async fn an_account_is_its_own_persons() {
    each_engine(async |house| {
        let house = house.founded().await;
        for path in ACCOUNT {
            let operation = Operation::of_server_fn(path).unwrap_or_else(|| panic!("there is no {path}"));
            let audited = operation.spec().audited;
            let (_other, ada) = (house.person("ada@north.test").await, house.person("ada@north.test").await);
            let profile = ada.form("account/view", &[]).await.json();
            let sessions = profile["sessions"].as_array().expect("sessions");
            let other = sessions.iter().find(|session| session["is_current"] == false).expect("another session");
            let other = text(other, "id");
            let fields = account_fields(path, &other);
            let open = operation.spec().requires == Requirement::Anyone;
            for nobody in [house.nobody(), house.program(&house.master_key)] {
                let (before, events) = (house.snapshot().await, house.chain(OrganisationId::INSTALLATION).await.0);
                let answer = nobody.form(path, &fields).await;
                let expected = if open { (200, String::new()) } else { (401, "sign_in_needed".to_owned()) };
                assert_eq!((answer.status, if open { String::new() } else { answer.code() }), expected, "{path}");
                let (after, last) = house.chain(OrganisationId::INSTALLATION).await;
                assert_eq!(after - events, i64::from(audited), "events of {path} by nobody");
                if audited {
                    assert_eq!(last.expect("an event")["outcome"], "refused", "{path}");
                }
                let after = house.snapshot().await;
                assert_eq!(difference(&before, &after), Vec::<&String>::new(), "{path} by nobody");
            }
            let events = house.chain(OrganisationId::INSTALLATION).await.0;
            let answer = ada.form(path, &fields).await;
            assert_eq!(answer.status, 200, "{path} by Ada: {}", answer.text);
            let (after, last) = house.chain(OrganisationId::INSTALLATION).await;
            assert_eq!(after - events, i64::from(audited), "events of {path} by Ada");
            if audited {
                let last = last.expect("an event");
                assert_eq!(
                    (&last["action"], &last["outcome"], &last["actor"]["kind"]),
                    (&operation.spec().id.into(), &"done".into(), &"person".into()),
                    "{last}"
                );
            }
        }
        super::audit_room::expect_schema(&house, &[OrganisationId::INSTALLATION]).await;
    })
    .await;
}
