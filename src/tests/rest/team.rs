//! Members and invitations, as programs look after them.

use super::{code, founded};
use crate::{
    kernel::time::DAY,
    tests::support::{PASSWORD, each_engine},
};
use serde_json::{Value, json};

#[tokio::test]
async fn members_and_invitations_are_looked_after() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let users = program.api("GET", "/v1/admin/users?email=ADA@north.test&pageSize=10", Value::Null).await.json();
        assert_eq!((users["total"].as_i64(), users["data"][0]["role"].as_str()), (Some(1), Some("owner")));
        for (query, total) in
            [("email=da@north.test", 0), ("q=da@north.test", 1), ("email=ada@north.test&role=admin", 0)]
        {
            let users = program.api("GET", &format!("/v1/admin/users?{query}"), Value::Null).await.json();
            assert_eq!(
                (users["total"].as_i64(), users["data"].as_array().map(Vec::len)),
                (Some(total), usize::try_from(total).ok()),
                "{query}"
            );
        }
        let odd = program.api("GET", "/v1/admin/users?email=nonsense", Value::Null).await;
        assert_eq!((odd.status, odd.json()["error"]["param"].as_str()), (422, Some("email")));
        let ada = users["data"][0]["id"].as_str().expect("an id").to_owned();
        let answer = program.api("PUT", &format!("/v1/admin/users/{ada}"), json!({ "role": "member" })).await;
        assert_eq!((answer.status, code(&answer).as_str()), (403, "permission_denied"));
        let before = house.snapshot().await;
        // No key makes an Owner, whatever it holds; that is for the policy to say.
        for (role, status, expected) in [("owner", 403, "permission_denied"), ("root", 422, "invalid")] {
            let answer =
                program.api("POST", "/v1/admin/users/invites", json!({ "email": "bo@x.test", "role": role })).await;
            assert_eq!((answer.status, code(&answer).as_str()), (status, expected), "{role}");
        }
        // The organisation is the only place there is, in which a person has one role.
        let own = house.slug.as_str();
        for (workspaces, status, expected) in [
            (json!([{ "id": "elsewhere", "role": "member" }]), 404, "not_found"),
            (json!([{ "id": own, "role": "admin" }]), 422, "invalid"),
            (json!([{ "id": own }, { "id": own }]), 422, "invalid"),
            (json!([{ "role": "member" }]), 422, "invalid"),
            (json!([own]), 422, "invalid"),
        ] {
            let body = json!({ "email": "bo@x.test", "role": "member", "workspaces": workspaces });
            let answer = program.api("POST", "/v1/admin/users/invites", body).await;
            assert_eq!((answer.status, code(&answer).as_str()), (status, expected), "{workspaces}: {}", answer.text);
        }
        assert_eq!(house.snapshot().await, before);
        let workspaces = json!([{ "id": own, "role": "member" }]);
        let body = json!({ "email": "bo@x.test", "role": "member", "workspaces": workspaces });
        let invited = program.api("POST", "/v1/admin/users/invites", body).await;
        assert_eq!(invited.status, 200, "{}", invited.text);
        assert!(invited.json()["invite_link"].as_str().is_some_and(|link| link.starts_with("http://latchkey.test/")));
        let path = format!("/v1/admin/users/invites/{}", invited.json()["id"].as_str().expect("an id"));
        assert_eq!(program.api("GET", &path, Value::Null).await.json()["status"], "pending");
        assert_eq!(program.api("GET", "/v1/admin/users/invites", Value::Null).await.json()["total"], 1);
        let again = program.api("POST", &format!("{path}/resend"), Value::Null).await;
        assert_eq!(again.status, 200, "a link that is handed over waits for nothing: {}", again.text);
        assert_ne!(again.json()["invite_link"], invited.json()["invite_link"]);
        // Whoever is invited already, or is a member, is no mistake of the body.
        for email in ["BO@x.test", "ada@north.test"] {
            let body = json!({ "email": email, "role": "member" });
            let again = program.api("POST", "/v1/admin/users/invites", body).await;
            assert_eq!((again.status, code(&again).as_str()), (409, "conflict"), "{email}");
        }
        assert_eq!(program.api("DELETE", &path, Value::Null).await.status, 200);
        assert_eq!(program.api("GET", &path, Value::Null).await.json()["status"], "cancelled");
    })
    .await;
}

/// What the master key alone does counts when the one whom it has invited joins, as it did when it invited them.
#[tokio::test]
async fn an_admin_whom_the_master_key_invites_joins() {
    each_engine(async |house| {
        let (house, master) = founded(house).await;
        let body = json!({ "email": "bo@x.test", "role": "admin" });
        let invited = master.api("POST", "/v1/admin/users/invites", body).await.json();
        let link = invited["invite_link"].as_str().expect("a link");
        let token = link.split_once("token=").expect("a token").1;
        let joined =
            house.nobody().form("invitation/join", &[("token", token), ("name", "Bo"), ("password", PASSWORD)]).await;
        assert!(joined.status < 400, "{} {}", joined.status, joined.text);
        let users = master.api("GET", "/v1/admin/users?email=bo@x.test", Value::Null).await.json();
        assert_eq!(users["data"][0]["role"], "admin");
    })
    .await;
}

#[tokio::test]
async fn invitations_are_listed_by_role_address_and_status() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let invite = async |email: &str, role: &str| {
            let body = json!({ "email": email, "role": role });
            let invited = program.api("POST", "/v1/admin/users/invites", body).await;
            assert_eq!(invited.status, 200, "{}", invited.text);
            invited.json()["id"].as_str().expect("an id").to_owned()
        };
        let revoked = invite("gone@x.test", "member").await;
        assert_eq!(program.api("DELETE", &format!("/v1/admin/users/invites/{revoked}"), Value::Null).await.status, 200);
        invite("late@x.test", "member").await;
        house.app.clock.advance(8 * DAY);
        invite("bo@x.test", "admin").await;
        for (query, expected) in [
            ("", vec!["bo@x.test", "late@x.test"]),
            ("status=pending", vec!["bo@x.test"]),
            ("status=expired", vec!["late@x.test"]),
            ("status=cancelled", vec!["gone@x.test"]),
            ("status=accepted", vec![]),
            ("role=member", vec!["late@x.test"]),
            ("email=BO@x.test", vec!["bo@x.test"]),
            ("email=bo@x.test&role=member", vec![]),
        ] {
            let list = program.api("GET", &format!("/v1/admin/users/invites?{query}"), Value::Null).await.json();
            let emails: Vec<_> =
                list["data"].as_array().expect("a list").iter().map(|invite| &invite["email"]).collect();
            assert_eq!(emails, expected, "{query}");
            assert_eq!(list["total"].as_u64(), Some(expected.len() as u64), "{query}");
        }
        let odd = program.api("GET", "/v1/admin/users/invites?status=open", Value::Null).await;
        assert_eq!((odd.status, odd.json()["error"]["param"].as_str()), (422, Some("status")));
    })
    .await;
}
