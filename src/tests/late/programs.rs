//! The interface for programs: a key that ended while a call was on its way.

use super::{End, Late, done, listen};
use crate::{
    kernel::time::DAY,
    tests::support::{Client, World, each_engine},
};
use serde_json::json;

const STRONG: [(&str, &str); 4] =
    [("completions", "enabled"), ("api_keys", "delete"), ("users", "delete"), ("virtual_keys", "delete")];

const ENDS: [End; 5] = [
    ("api_keys/rotate", &[("overlap", "now")], 401, "api_key_revoked"),
    ("api_keys/disable", &[("confirm", "strong")], 401, "api_key_disabled"),
    ("api_keys/delete", &[("confirm", "strong")], 401, "api_key_revoked"),
    (
        "api_keys/update",
        &[("version", "1"), ("name", "strong"), ("api_keys", "read"), ("users", "read"), ("virtual_keys", "read")],
        403,
        "permission_denied",
    ),
    (
        "api_keys/update",
        &[("version", "1"), ("name", "strong"), ("narrowing", "yes"), ("only_ips", "10.0.0.0/8")],
        403,
        "address_not_allowed",
    ),
];

#[tokio::test]
async fn a_secret_that_ended_meanwhile_does_nothing() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let port = listen(house).await;
        let bo = world.id_of("bo@north.test").await;
        let (other, _) = world.key("other", &[]).await;
        let end = house.app.clock.now().plus(30 * DAY).rfc3339();
        let calls = [
            ("POST /v1/api-keys".to_owned(), json!({ "name": "late", "expires_at": end })),
            (format!("POST /v1/api-keys/{other}/rotate"), json!({ "key_transition_period_ms": 0 })),
            (format!("DELETE /v1/api-keys/{other}"), json!({ "id": other })),
            (format!("PUT /v1/admin/users/{bo}"), json!({ "role": "member" })),
            ("POST /v1/admin/users/invites".to_owned(), json!({ "email": "late@north.test", "role": "member" })),
            (
                "POST /v1/virtual-keys".to_owned(),
                json!({ "name": "Late", "provider": "openai", "key": "sk-late", "slug": "late" }),
            ),
        ];
        for (path, more, status, code) in ENDS {
            let (id, secret) = world.key("strong", &STRONG).await;
            let mut begun = vec![];
            for (route, body) in &calls {
                begun.push((route, Late::program(port, &secret, route, body).await));
            }
            let fields = [&[("slug", house.slug.as_str()), ("id", id.as_str())], more].concat();
            done(&world.owner, path, &fields).await;
            let before = house.snapshot().await;
            for (route, late) in begun {
                let told = late.finish().await;
                assert_eq!((told.status, told.code()), (status, code), "{route} after {path}: {told:?}");
            }
            assert_eq!(house.snapshot().await, before, "{path}");
        }
        // A key that lives gets further with the same bodies, so the refusals above were not of another kind.
        let (_, secret) = world.key("strong", &STRONG).await;
        for (route, body) in &calls {
            let told = Late::program(port, &secret, route, body).await.finish().await;
            assert!(told.status < 300, "{route}: {told:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_that_expired_or_shrank_with_its_person_meanwhile_does_nothing() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let port = listen(house).await;
        let slug = ("slug", house.slug.as_str());
        let di = world.join("di@north.test", "admin").await;
        let made = di.form("api_keys/create", &[slug, ("name", "di's"), ("api_keys", "write"), ("expiry", "90")]).await;
        let secret = crate::tests::support::text(&made.json(), "secret");
        let begin = async || Late::program(port, &secret, "POST /v1/api-keys", &json!({ "name": "late" })).await;
        let demote = async |owner: &Client| {
            let id = world.id_of("di@north.test").await;
            let fields = [slug, ("id", id.as_str()), ("role", "member"), ("asked", "true"), ("keys", "revoke")];
            done(owner, "team/change_role", &fields).await;
        };
        let late = begin().await;
        demote(&world.owner).await;
        let told = late.finish().await;
        assert_eq!((told.status, told.code()), (401, "api_key_revoked"), "{told:?}");

        let (_, secret) = world.key("short", &[("api_keys", "write")]).await;
        let late = Late::program(port, &secret, "POST /v1/api-keys", &json!({ "name": "late" })).await;
        house.app.clock.advance(91 * DAY);
        let told = late.finish().await;
        assert_eq!((told.status, told.code()), (401, "api_key_expired"), "{told:?}");
    })
    .await;
}
