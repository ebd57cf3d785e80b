//! Sessions begun by an old password at the moment at which it is changed.

use crate::{
    kernel::time::MINUTE,
    tests::support::{Answer, Client, House, PASSWORD, World, each_engine, test_server},
};
use futures_util::future::join_all;

const BO: &str = "bo@north.test";
const NEW: &str = "another long test password";
/// Sign-ins at the same moment, and how often that is tried.
const AT_ONCE: u32 = 12;
const ROUNDS: u32 = 6;

fn sign_in<'a>(houses: &'a [House], round: u32, password: &'a str) -> Vec<impl Future<Output = Answer> + use<'a>> {
    let from = move |n: u32| {
        let address = format!("10.{round}.{n}.1");
        houses[n as usize % houses.len()].nobody().at(&address)
    };
    (0..AT_ONCE)
        .map(|n| async move { from(n).form("account/sign_in", &[("email", BO), ("password", password)]).await })
        .collect()
}

/// How many of these answers left a session that lives.
async fn living(house: &House, answers: &[Answer]) -> usize {
    let mut living = 0;
    for answer in answers.iter().filter(|answer| answer.headers.contains_key("set-cookie")) {
        let mut client = house.nobody();
        client.keep_cookie(answer);
        living += usize::from(client.form("account/view", &[]).await.status == 200);
    }
    living
}

async fn changes_race(world: &World, houses: &[House]) {
    let (mut present, mut other) = (PASSWORD, NEW);
    let mut begun = 0;
    for round in 0..ROUNDS {
        let mut bo = world.house.nobody();
        bo.keep_cookie(&bo.form("account/sign_in", &[("email", BO), ("password", present)]).await);
        let fields = [("current_password", present), ("new_password", other)];
        let change = bo.form("account/change_password", &fields);
        let (changed, answers) = tokio::join!(change, join_all(sign_in(houses, round, present)));
        assert_eq!(changed.status, 200, "{}", changed.text);
        begun += answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(living(&world.house, &answers).await, 0, "round {round}");
        assert_eq!(living(&world.house, &[changed]).await, 1, "whoever changed it goes on");
        std::mem::swap(&mut present, &mut other);
        world.house.app.clock.advance(16 * MINUTE);
    }
    assert!(begun > 0, "some came first, so they did meet");
}

#[tokio::test]
async fn no_session_of_the_old_password_outlives_a_change() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let houses = [world.house.another(|parts| parts.passwords = world.house.app.passwords.clone()).await];
        changes_race(&world, &houses).await;
    })
    .await;
}

#[tokio::test]
async fn nor_on_another_replica() {
    let Some(server) = test_server() else { return };
    let world = World::new(House::on_postgres(&server).await).await;
    let houses = [world.house.another(|_| {}).await, world.house.another(|_| {}).await];
    changes_race(&world, &houses).await;
}

#[tokio::test]
async fn nor_a_reset() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let houses = [world.house.another(|_| {}).await];
        let id = world.id_of(BO).await;
        let (mut present, mut other) = (PASSWORD, NEW);
        for round in 0..ROUNDS / 2 {
            let ada = world.house.person("ada@north.test").await;
            let fields = [("slug", world.house.slug.as_str()), ("id", id.as_str())];
            let made = ada.form("team/make_reset_link", &fields).await.json();
            let token = made["link"].as_str().and_then(|link| link.split_once("token=")).expect("a token").1.to_owned();
            let nobody = world.house.nobody();
            let fields = [("token", token.as_str()), ("new_password", other)];
            let reset = nobody.form("account/reset_password", &fields);
            let (reset, answers) = tokio::join!(reset, join_all(sign_in(&houses, round, present)));
            assert_eq!(reset.status, 200, "{}", reset.text);
            assert_eq!(living(&world.house, &answers).await, 0, "round {round}");
            std::mem::swap(&mut present, &mut other);
            world.house.app.clock.advance(16 * MINUTE);
        }
    })
    .await;
}

/// Whoever proves the password again gets a new session: not by the old password, and not from a session that has ended.
#[tokio::test]
async fn nor_one_that_was_confirmed() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (mut present, mut other) = (PASSWORD, NEW);
        for round in 0..ROUNDS {
            let signed_in = async |n: u32| -> Client {
                let mut bo = world.house.nobody().at(&format!("10.{round}.{n}.2"));
                bo.keep_cookie(&bo.form("account/sign_in", &[("email", BO), ("password", present)]).await);
                bo
            };
            let changing = signed_in(100).await;
            let mut confirming = vec![];
            for n in 0..8 {
                confirming.push(signed_in(n).await);
            }
            let confirmed = confirming
                .iter()
                .map(async |bo| bo.form("account/confirm_password", &[("current_password", present)]).await);
            let fields = [("current_password", present), ("new_password", other)];
            let change = changing.form("account/change_password", &fields);
            let (changed, answers) = tokio::join!(change, join_all(confirmed));
            assert_eq!(changed.status, 200, "{}", changed.text);
            assert_eq!(living(&world.house, &answers).await, 0, "round {round}");
            std::mem::swap(&mut present, &mut other);
            world.house.app.clock.advance(16 * MINUTE);
        }
    })
    .await;
}
