//! The console: a session that ended while a form was on its way.

use super::{Late, done, listen};
use crate::tests::support::{Client, House, PASSWORD, World, each_engine, test_server};

const ADA: &str = "ada@north.test";

/// Everything that a form can do, as far as it differs in how it finds its transaction. The person is Ada, an Owner.
fn acts<'a>(slug: &'a str, bo: &'a str, key: &'a str) -> Vec<(&'static str, Vec<(&'static str, &'a str)>)> {
    let own = ("slug", slug);
    vec![
        ("api_keys/create", vec![own, ("name", "late"), ("expiry", "90")]),
        ("api_keys/rotate", vec![own, ("id", key), ("overlap", "now")]),
        ("api_keys/list", vec![own]),
        ("api_keys/get", vec![own, ("id", key)]),
        ("team/list", vec![own]),
        ("team/change_role", vec![own, ("id", bo), ("role", "owner"), ("asked", "true")]),
        ("team/remove", vec![own, ("id", bo)]),
        ("team/make_reset_link", vec![own, ("id", bo)]),
        ("team/invite", vec![own, ("addresses", "late@north.test"), ("role", "admin")]),
        ("organisation/create", vec![("name", "Late")]),
        ("organisation/list", vec![]),
        ("organisation/view", vec![own]),
        ("organisation/update", vec![own, ("name", "Late"), ("new_slug", slug), ("version", "1")]),
        ("account/rename", vec![("name", "Late")]),
        ("account/view", vec![]),
        ("account/confirm_password", vec![("current_password", PASSWORD)]),
        ("account/change_password", vec![("current_password", PASSWORD), ("new_password", "a password that is late")]),
        ("account/end_other_sessions", vec![]),
        ("logs/list", vec![own]),
        ("invitation/mine", vec![]),
        ("virtual_keys/list", vec![own]),
        (
            "virtual_keys/create",
            vec![own, ("name", "Late"), ("provider", "openai"), ("credential", "sk-late"), ("base_url", "")],
        ),
    ]
}

#[tokio::test]
async fn a_session_that_ended_meanwhile_does_nothing_and_sees_nothing() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let port = listen(house).await;
        let bo = world.id_of("bo@north.test").await;
        let (key, _) = world.key("ci", &[]).await;
        let acts = acts(&house.slug, &bo, &key);
        // All at once, each in a session of its own.
        let mut begun = vec![];
        for (path, fields) in &acts {
            let ada = house.person(ADA).await;
            begun.push((*path, Late::form(port, ada.cookie(), path, fields).await, ada));
        }
        for (path, _, ada) in &begun {
            let ended = ada.form("account/sign_out", &[]).await;
            assert!(ended.status < 400, "{path}: {}", ended.text);
        }
        let before = house.snapshot().await;
        for (path, late, _) in begun {
            let told = late.finish().await;
            assert_eq!((told.status, told.code()), (401, "sign_in_needed"), "{path}: {told:?}");
            assert!(!told.text.contains("lk_") && !told.text.contains("north.test\""), "{path}: {told:?}");
            assert!(!told.text.to_lowercase().contains("set-cookie"), "{path}: {told:?}");
        }
        assert_eq!(house.snapshot().await, before);
        // The same forms do something for a session that lives, so the refusals were not of another kind.
        for (path, fields) in acts.iter().filter(|(path, _)| !path.starts_with("account/") && *path != "team/remove") {
            let ada = house.person(ADA).await;
            let told = Late::form(port, ada.cookie(), path, fields).await.finish().await;
            assert!(told.status < 400, "{path}: {told:?}");
        }
    })
    .await;
}

/// What ends a session, or what it may do, and how a form answers that was on its way.
#[tokio::test]
async fn whatever_ends_a_right_ends_it_for_forms_on_their_way() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let port = listen(house).await;
        let slug = ("slug", house.slug.as_str());
        let create = [slug, ("name", "late"), ("expiry", "90")];
        let refused = async |late: Late, status: u16, code: &str, why: &str| {
            let before = house.snapshot().await;
            let told = late.finish().await;
            assert_eq!((told.status, told.code()), (status, code), "{why}: {told:?}");
            assert_eq!(house.snapshot().await, before, "{why}");
        };
        let begin = async |client: &Client| Late::form(port, client.cookie(), "api_keys/create", &create).await;

        let di = world.join("di@north.test", "admin").await;
        let id = world.id_of("di@north.test").await;
        let late = begin(&di).await;
        done(&world.owner, "team/change_role", &[slug, ("id", &id), ("role", "member"), ("asked", "true")]).await;
        refused(late, 403, "permission_denied", "a demotion").await;

        let late = Late::form(port, di.cookie(), "logs/list", &[slug]).await;
        done(&world.owner, "team/remove", &[slug, ("id", &id)]).await;
        refused(late, 404, "not_found", "a removal").await;

        let late = begin(&world.admin).await;
        let other = house.person("bo@north.test").await;
        done(&other, "account/end_other_sessions", &[]).await;
        refused(late, 401, "sign_in_needed", "ended from another session").await;

        let late = begin(&other).await;
        let elsewhere = house.person("bo@north.test").await;
        let fields = [("current_password", PASSWORD), ("new_password", "a password of another day")];
        done(&elsewhere, "account/change_password", &fields).await;
        refused(late, 401, "sign_in_needed", "another password").await;

        let eve = house.person("eve@south.test").await;
        let (_, token) = world.invitation("eve@south.test", "owner").await;
        let late = Late::form(port, eve.cookie(), "invitation/accept", &[("token", &token)]).await;
        done(&eve, "account/sign_out", &[]).await;
        refused(late, 401, "sign_in_needed", "an invitation").await;

        let late = Late::form(port, world.owner.cookie(), "organisation/create", &[("name", "Late")]).await;
        house
            .as_owner("UPDATE users SET disabled_at = 1 WHERE email_canonical = 'ada@north.test'")
            .await
            .expect("disabled");
        refused(late, 401, "sign_in_needed", "a disabled account").await;
        house.as_owner("UPDATE users SET disabled_at = NULL").await.expect("enabled");

        let late = begin(&world.owner).await;
        house.app.clock.advance(9 * crate::kernel::time::HOUR);
        refused(late, 401, "sign_in_needed", "an unused session").await;
    })
    .await;
}

/// A browser without JavaScript is answered with the page that the form stands on.
#[tokio::test]
async fn a_page_in_the_answer_shows_nothing_to_a_session_that_ended() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let port = listen(&house).await;
        let page = format!("/o/{}/api-keys", house.slug);
        let fields = [("name", ""), ("page", page.as_str())];
        let begin =
            async |client: &Client| Late::form_for("text/html", port, client.cookie(), "account/rename", &fields).await;
        let told = begin(&ada).await.finish().await;
        assert!(told.text.contains("Master key"), "the page of a session that lives: {told:?}");
        let late = begin(&ada).await;
        done(&ada, "account/sign_out", &[]).await;
        let told = late.finish().await;
        assert!(!told.text.contains("Master key") && !told.text.contains(ADA), "{told:?}");
        assert!(told.status == 401 || told.text.contains("location: /sign-in"), "{told:?}");
    })
    .await;
}

/// The replica that ends the session is another one than that which the form goes to.
#[tokio::test]
async fn a_session_that_ended_elsewhere_is_dead_here() {
    let Some(server) = test_server() else { return };
    let (house, ada) = House::on_postgres(&server).await.with_ada().await;
    let replica = house.another(|_| {}).await;
    let port = listen(&replica).await;
    let fields = [("slug", house.slug.as_str()), ("name", "late"), ("expiry", "90")];
    let late = Late::form(port, ada.cookie(), "api_keys/create", &fields).await;
    done(&ada, "account/sign_out", &[]).await;
    let before = house.snapshot().await;
    let told = late.finish().await;
    assert_eq!((told.status, told.code()), (401, "sign_in_needed"), "{told:?}");
    assert_eq!(house.snapshot().await, before);
}
