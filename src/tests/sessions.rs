//! Sessions and ways into an account: what the cookie is, how long it lives, how often one may guess, and what a link of a
//! forgotten password opens.

use super::support::{Answer, Client, PASSWORD, World, each_engine, each_engine_with_mail, text};
use crate::{
    kernel::{
        OrganisationId,
        time::{DAY, HOUR, MINUTE},
    },
    server::access::installation,
};
use serde_json::Value;
use std::collections::BTreeSet;

const ADA: &str = "ada@north.test";
const NEW: &str = "another long test password";

async fn sign_in(client: &Client, email: &str, password: &str) -> Answer {
    client.form("account/sign_in", &[("email", email), ("password", password)]).await
}

fn refused(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

/// A refusal as far as it may differ from caller to caller.
fn told(answer: &Answer) -> (u16, BTreeSet<(String, String)>, Value) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "x-request-id");
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    let mut body = answer.json();
    if let Some(error) = body.as_object_mut() {
        error.remove("request_id");
    }
    (answer.status, headers, body)
}

#[tokio::test]
async fn the_cookie_is_for_this_host_alone() {
    each_engine(async |house| {
        let house = house.founded().await;
        let public = house.another(|parts| parts.public_url = "https://keys.example.org".into()).await;
        let answer = sign_in(&public.nobody(), ADA, PASSWORD).await;
        let set: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|v| v.to_str().expect("text")).collect();
        let [set] = set.as_slice() else { panic!("one cookie: {set:?}") };
        let mut parts = set.split("; ");
        let (name, token) = parts.next().and_then(|pair| pair.split_once('=')).expect("a pair");
        assert_eq!(name, "__Host-latchkey");
        assert_eq!(parts.collect::<BTreeSet<_>>(), BTreeSet::from(["HttpOnly", "SameSite=Lax", "Secure", "Path=/"]));
        assert_eq!(token.len(), 22, "128 random bits in base 64: {token}");
        assert!(!house.snapshot().await.concat().contains(token), "only a digest of it is stored");
    })
    .await;
}

#[tokio::test]
async fn a_session_begins_with_a_token_of_its_own() {
    each_engine(async |house| {
        let house = house.founded().await;
        // Whoever planted this cookie would know the session.
        let planted = "latchkey=AAAAAAAAAAAAAAAAAAAAAA";
        let mut ada = house.nobody().with_cookie(planted);
        let answer = sign_in(&ada, ADA, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        ada.keep_cookie(&answer);
        assert_ne!(ada.cookie(), planted);
        assert_eq!(house.nobody().with_cookie(planted).form("account/view", &[]).await.status, 401);
        for (path, fields) in [
            ("account/confirm_password", vec![("current_password", PASSWORD)]),
            ("account/sign_in", vec![("email", ADA), ("password", PASSWORD)]),
            ("account/change_password", vec![("current_password", PASSWORD), ("new_password", NEW)]),
        ] {
            let before = ada.clone();
            let answer = ada.form(path, &fields).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            ada.keep_cookie(&answer);
            assert_ne!(ada.cookie(), before.cookie(), "{path}");
            assert_eq!(ada.form("account/view", &[]).await.status, 200, "{path}");
            assert_eq!(before.form("account/view", &[]).await.status, 401, "{path}: the earlier token is dead");
        }
    })
    .await;
}

#[tokio::test]
async fn a_captured_cookie_is_worth_nothing_after_signing_out() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let replica = house.another(|_| {}).await;
        let inside = format!("/o/{}/api-keys", house.slug);
        let captured = [ada.clone(), replica.nobody().with_cookie(ada.cookie())];
        for client in &captured {
            assert_eq!(client.page(&inside).await.status, 200);
        }
        assert_eq!(ada.form("account/sign_out", &[]).await.status, 200);
        for client in &captured {
            assert_eq!(refused(&client.form("account/view", &[]).await), (401, "sign_in_needed".to_owned()));
            let list = client.form("api_keys/list", &[("slug", &house.slug)]).await;
            assert_eq!(refused(&list), (401, "sign_in_needed".to_owned()));
            for page in [inside.as_str(), "/account"] {
                let led = client.page(page).await;
                let to = led.headers.get("location").and_then(|v| v.to_str().ok()).unwrap_or_default();
                assert!((300..400).contains(&led.status) && to.starts_with("/sign-in?next="), "{page}: {led:?}");
                assert!(!led.text.contains("Master key"));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let from = async |address: &str| {
            let mut ada = world.house.nobody().at(address);
            ada.keep_cookie(&sign_in(&ada, ADA, PASSWORD).await);
            ada
        };
        let (here, there) = (from("203.0.113.7").await, from("198.51.100.9").await);
        let sessions = async || here.form("account/view", &[]).await.json()["sessions"].clone();
        let listed = sessions().await;
        let listed = listed.as_array().expect("sessions");
        assert_eq!(listed.len(), 3, "with that of the world");
        let of = |place: &str| listed.iter().find(|session| session["place"] == place).expect("a session");
        assert_eq!(
            (&of("203.0.113.7")["is_current"], &of("198.51.100.9")["is_current"]),
            (&true.into(), &false.into())
        );
        let id = text(of("198.51.100.9"), "id");

        let strangers = world.admin.form("account/end_session", &[("id", &id)]).await;
        assert_eq!(refused(&strangers), (404, "not_found".to_owned()));
        assert_eq!(there.form("account/view", &[]).await.status, 200);
        assert_eq!(here.form("account/end_session", &[("id", &id)]).await.status, 200);
        assert_eq!(refused(&there.form("account/view", &[]).await), (401, "sign_in_needed".to_owned()));
        let ended = here.form("account/end_other_sessions", &[]).await;
        assert_eq!((ended.status, ended.json()), (200, 1.into()));
        assert_eq!(world.owner.form("account/view", &[]).await.status, 401);
        assert_eq!(sessions().await.as_array().map(Vec::len), Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_unused_or_old() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let works = async || ada.form("account/view", &[]).await.status == 200;
        // Use makes the idle time begin anew, again and again, up to seven days.
        for _ in 0..23 {
            house.app.clock.advance(7 * HOUR);
            assert!(works().await);
        }
        house.app.clock.advance(7 * HOUR - MINUTE);
        assert!(works().await, "a minute before seven days");
        house.app.clock.advance(MINUTE);
        assert!(!works().await, "after {} days", 23 * 7 * HOUR / DAY + 1);

        let ada = house.person(ADA).await;
        let works = async || ada.form("account/view", &[]).await.status == 200;
        house.app.clock.advance(8 * HOUR - MINUTE);
        assert!(works().await, "a minute before eight hours");
        house.app.clock.advance(8 * HOUR);
        assert!(!works().await, "unused for eight hours");
    })
    .await;
}

#[tokio::test]
async fn a_credential_counts_only_in_its_own_place() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let cookie = ada.cookie();
        let token = cookie.split_once('=').expect("a pair").1;
        let key = house.master_key.as_str();
        let nobody = || house.nobody();

        // Two sessions in one request, whichever of them is true.
        for second in ["latchkey=AAAAAAAAAAAAAAAAAAAAAA", "latchke%79=AAAAAAAAAAAAAAAAAAAAAA", cookie] {
            for client in [
                nobody().with_header("cookie", cookie).with_header("cookie", second),
                nobody().with_header("cookie", &format!("{second}; theme=dark; {cookie}")),
            ] {
                assert_eq!(refused(&client.form("account/view", &[]).await), (400, "malformed".to_owned()), "{second}");
                assert_eq!(client.page("/account").await.status, 400, "{second}");
            }
        }

        // Cookies of similar names are not ours, be they another installation's.
        for other in ["__Host-latchkey=AAAAAAAAAAAAAAAAAAAAAA", "my-latchkey=1; latchkey2=2"] {
            let client = nobody().with_header("cookie", &format!("{other}; {cookie}"));
            assert_eq!(client.form("account/view", &[]).await.status, 200, "{other}");
        }

        // A key where a session belongs.
        for client in [
            nobody().with_cookie(&format!("latchkey={key}")),
            nobody().with_header("authorization", &format!("Bearer {key}")),
            nobody().with_key(key),
        ] {
            assert_eq!(refused(&client.form("account/view", &[]).await), (401, "sign_in_needed".to_owned()));
            assert!((300..400).contains(&client.page("/account").await.status));
        }
        // A session where a key belongs, and anywhere but in its cookie.
        let bearer = nobody().with_header("authorization", &format!("Bearer {token}"));
        for client in [&bearer, &nobody().with_key(token), &ada] {
            for path in ["/v1/api-keys", "/v1/models"] {
                assert_eq!(client.api("GET", path, Value::Null).await.status, 401, "{path}");
            }
        }
        assert_eq!(refused(&bearer.form("account/view", &[]).await), (401, "sign_in_needed".to_owned()));
        assert_eq!(nobody().form(&format!("account/view?latchkey={token}"), &[]).await.status, 401);
        assert_eq!(nobody().form("account/view", &[("latchkey", token)]).await.status, 401);
        assert_eq!(ada.form("account/view", &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn guesses_are_limited_and_lock_nobody_out() {
    each_engine(async |house| {
        let house = house.founded().await;
        let guesser = house.nobody().at("203.0.113.7");
        for _ in 0..10 {
            let answer = sign_in(&guesser, ADA, "not her password").await;
            assert_eq!(refused(&answer), (401, "wrong_credentials".to_owned()));
        }
        let limited = sign_in(&guesser, ADA, PASSWORD).await;
        assert_eq!(refused(&limited), (429, "too_many_requests".to_owned()), "the right password as well");
        let wait: i64 = limited.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
        assert!((1..=600).contains(&wait), "{wait}");
        let elsewhere = sign_in(&house.nobody().at("198.51.100.9"), ADA, PASSWORD).await;
        assert_eq!(elsewhere.status, 200, "Ada herself comes in: {}", elsewhere.text);
        house.app.clock.advance(wait * 1_000);
        assert_eq!(sign_in(&guesser, ADA, PASSWORD).await.status, 200);

        // One password over many accounts.
        let sprayer = house.nobody().at("203.0.113.8");
        for n in 0..50 {
            assert_eq!(sign_in(&sprayer, &format!("p{n}@north.test"), "Summer 2026!").await.status, 401, "{n}");
        }
        assert_eq!(sign_in(&sprayer, "p50@north.test", "Summer 2026!").await.status, 429);
        assert_eq!(sign_in(&sprayer, ADA, PASSWORD).await.status, 429);
        assert_eq!(sign_in(&house.nobody().at("203.0.113.9"), ADA, PASSWORD).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn forwarded_addresses_are_believed_from_configured_proxies_alone() {
    each_engine(async |house| {
        let house = house.founded().await;
        let behind = house.another(|parts| parts.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a range")]).await;
        let (client, proxy) = ("203.0.113.7", "10.0.0.1");
        for (house, peer, forwarded, address) in [
            (&house, client, "198.51.100.1", client),
            (&house, proxy, "198.51.100.1", proxy),
            (&behind, client, "198.51.100.1", client),
            (&behind, proxy, "198.51.100.1", "198.51.100.1"),
            // What stands before the nearest hop that is no proxy was sent by the client.
            (&behind, proxy, "192.0.2.66, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
            (&behind, proxy, "no address", proxy),
            (&behind, proxy, "6.6.6.6, 203.0.113.7:54321", client),
            (&behind, proxy, "6.6.6.6, [2001:db8::7]:443", "2001:db8::7"),
            (&behind, proxy, "6.6.6.6, unknown", proxy),
            (&behind, "::ffff:10.0.0.1", "6.6.6.6, ::ffff:203.0.113.7", client),
        ] {
            let nobody = house.nobody().at(peer).with_header("x-forwarded-for", forwarded);
            let nobody = nobody.with_header("x-real-ip", "192.0.2.1").with_header("forwarded", "for=192.0.2.2");
            assert_eq!(sign_in(&nobody, ADA, "not her password").await.status, 401);
            let event = house.chain(OrganisationId::INSTALLATION).await.1.expect("an event");
            assert_eq!(event["address"], address, "{peer} forwards {forwarded}");
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_learns_whose_address_is_known() {
    each_engine_with_mail(async |house, _| {
        let house = house.founded().await;
        let ask = async |path: &str, email: &str| {
            let answer = house.nobody().form(path, &[("email", email), ("password", "not her password")]).await;
            told(&answer)
        };
        for path in ["account/sign_in", "account/ask_reset"] {
            assert_eq!(ask(path, ADA).await, ask(path, "nobody@north.test").await, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn only_the_newest_reset_link_works_once_and_for_an_hour() {
    each_engine_with_mail(async |house, mailbox| {
        let house = house.founded().await;
        let nobody = house.nobody();
        let ask = async || {
            assert_eq!(nobody.form("account/ask_reset", &[("email", ADA)]).await.status, 200);
            mailbox.token(ADA).await
        };
        let set = async |token: &str, password: &str| {
            nobody.form("account/reset_password", &[("token", token), ("new_password", password)]).await
        };
        let view = async |token: &str| nobody.form("account/view_reset", &[("token", token)]).await.status;
        let spent = (410, "link_spent".to_owned());

        let (older, newer) = (ask().await, ask().await);
        assert!(older.len() >= 22 && older != newer);
        assert!(!house.snapshot().await.concat().contains(&newer), "only a digest of it is stored");
        assert_eq!(refused(&set(&older, NEW).await), spent, "a newer one was asked for");
        let ada = house.person(ADA).await;
        assert_eq!(set(&newer, NEW).await.status, 200);
        assert_eq!(ada.form("account/view", &[]).await.status, 401, "every session has ended");
        assert_eq!(refused(&set(&newer, PASSWORD).await), spent, "it was used");
        assert_eq!(sign_in(&nobody, ADA, PASSWORD).await.status, 401);

        let late = ask().await;
        house.app.clock.advance(HOUR - MINUTE);
        assert_eq!(view(&late).await, 200);
        house.app.clock.advance(MINUTE);
        assert_eq!((view(&late).await, refused(&set(&late, PASSWORD).await)), (410, spent.clone()), "its time is over");

        let crossed = ask().await;
        let mut ada = house.nobody();
        ada.keep_cookie(&sign_in(&ada, ADA, NEW).await);
        let fields = [("current_password", NEW), ("new_password", PASSWORD)];
        assert_eq!(ada.form("account/change_password", &fields).await.status, 200);
        assert_eq!(refused(&set(&crossed, NEW).await), spent, "the password was changed meanwhile");
        assert_eq!(sign_in(&nobody, ADA, PASSWORD).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn links_begin_with_the_public_address_whatever_a_request_says() {
    each_engine_with_mail(async |house, mailbox| {
        let (house, ada) = house.with_ada().await;
        let forged = |client: Client| {
            let client = client.with_header("host", "evil.example").with_header("x-forwarded-host", "evil.example");
            client.with_header("forwarded", "host=evil.example;proto=https").with_header("x-forwarded-proto", "https")
        };
        let asked = forged(house.nobody()).form("account/ask_reset", &[("email", ADA)]).await;
        assert_eq!(asked.status, 200, "{}", asked.text);
        let link = mailbox.link(ADA).await;
        assert!(link.starts_with("http://latchkey.test/reset?token="), "{link}");
        let fields = [("slug", house.slug.as_str()), ("addresses", "bo@north.test"), ("role", "member")];
        let invited = forged(ada).form("team/invite", &fields).await;
        assert_eq!(invited.status, 200, "{}", invited.text);
        assert!(!invited.text.contains("evil"), "{}", invited.text);
        let link = mailbox.link("bo@north.test").await;
        assert!(link.starts_with("http://latchkey.test/invitation?token="), "{link}");
    })
    .await;
}

#[tokio::test]
async fn of_two_first_owners_one_comes_in() {
    each_engine(async |house| {
        let nobody = house.nobody();
        assert_eq!(sign_in(&nobody, "admin@localhost", "admin").await.status, 401);
        let secret = installation::setup_secret(&house.app).await.expect("a secret").expect("nobody is there yet");
        let set_up = async |secret: &str, email: &str, organisation: &str| {
            let fields = [
                ("secret", secret),
                ("email", email),
                ("name", "First"),
                ("organisation", organisation),
                ("password", PASSWORD),
            ];
            nobody.form("account/setup", &fields).await
        };
        assert_eq!(refused(&set_up("guessed", ADA, "North").await), (422, "invalid".to_owned()));
        assert_eq!(nobody.page("/setup").await.status, 200);
        let (one, two) = tokio::join!(set_up(&secret, ADA, "North"), set_up(&secret, "eve@south.test", "South"));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", one.text, two.text);
        let rows = house.snapshot().await;
        for table in ["users: ", "organisations: ", "memberships: ", "api_keys: "] {
            assert_eq!(rows.iter().filter(|row| row.starts_with(table)).count(), 1, "{table}{rows:#?}");
        }
        for secret in [secret.as_str(), "guessed"] {
            assert_eq!(refused(&set_up(secret, "eve@south.test", "South").await), (404, "not_found".to_owned()));
        }
        assert_eq!(nobody.page("/setup").await.status, 302, "it leads on to the sign-in");
        assert!(installation::setup_secret(&house.app).await.expect("asks").is_none());
    })
    .await;
}
