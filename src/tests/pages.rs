//! Pages as the server renders them.

use super::support::each_engine;
use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::json;

/// The browser hydrates from data that stand beside the HTML. Loaded twice, they would be of another moment than it is.
#[tokio::test]
async fn a_page_loads_each_of_its_data_once() {
    each_engine(async |house| {
        let house = house.founded().await;
        let owner = house.person("ada@north.test").await;
        let inside = |page: &str| format!("/o/{}/{page}", house.slug);
        // Inside an organisation the frame's data come first.
        for (path, loads) in [
            (format!("/o/{}", house.slug), 2),
            (inside("logs"), 3),
            (inside("analytics"), 3),
            (inside("audit"), 2),
            (inside("audit/1"), 2),
            (inside("audit/delivery"), 2),
            (inside("logs/export"), 2),
            (inside("logs/settings"), 2),
            (inside("logs/prices"), 2),
            (inside("billing"), 2),
            (inside("billing/settings"), 2),
            (inside("logs/filters"), 2),
            (inside("api-keys"), 2),
            (inside("api-keys/new"), 2),
            (inside("configs"), 2),
            (inside("configs/new"), 2),
            (inside("guardrails"), 2),
            (inside("guardrails/new"), 2),
            (inside("virtual-keys"), 2),
            (inside("limits"), 2),
            (inside("team"), 2),
            (inside("team/invitations"), 2),
            (inside("team/reviews"), 2),
            (inside("why"), 2),
            (inside("settings"), 2),
            (inside("leave"), 2),
            ("/organisations".to_owned(), 3),
            ("/organisations/new".to_owned(), 2),
            ("/account".to_owned(), 2),
        ] {
            let page = owner.page(&path).await;
            assert_eq!(page.status, 200, "{path}");
            assert_eq!(page.text.matches("__RESOLVED_RESOURCES[").count(), loads, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_program_at_an_odd_address_is_told_in_json() {
    each_engine(async |house| {
        let program = house.nobody();
        for (method, path, status) in [
            ("POST", "/chat/completions", 404),
            ("POST", "//v1/chat/completions", 404),
            ("GET", "//v1/models", 404),
            ("GET", "/models", 404),
            ("POST", "/v1", 404),
            ("POST", "/v1/", 404),
            ("DELETE", "/nowhere", 404),
            ("POST", "/sign-in", 405),
        ] {
            let answer = program.api(method, path, json!({ "model": "m" })).await;
            let body = answer.json();
            assert_eq!(answer.status, status, "{method} {path}");
            assert_eq!(answer.headers["content-type"], "application/json", "{method} {path}");
            assert!(answer.headers.contains_key("x-portkey-trace-id"), "else clients send it again");
            assert_eq!(answer.headers["x-request-id"], body["request_id"].as_str().expect("an id"));
            let sentence = body["error"]["message"].as_str().expect("a sentence");
            assert!(status != 404 || sentence.contains("/v1/chat/completions"), "{sentence}");
        }
        // A person gets a page.
        let page = house.nobody().page("/chat/completions").await;
        assert!(page.status == 404 && page.text.contains("Nothing here"));
    })
    .await;
}

/// As after a plain start on 0.0.0.0, from another machine: browsers tell no more than the origin over plain http.
#[tokio::test]
async fn who_comes_by_another_address_reads_on_the_page_what_to_set() {
    each_engine(async |house| {
        let house = house.founded().await;
        let request = |page: &str| {
            Request::post("/fn/account/sign_in")
                .header(header::ACCEPT, "text/html")
                .header(header::HOST, "192.168.1.10:3000")
                .header(header::ORIGIN, "http://192.168.1.10:3000")
                .header(header::REFERER, format!("{page}/sign-in"))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from("email=ada%40north.test&password=secret"))
                .expect("a request")
        };
        let answer = house.nobody().send(request("http://192.168.1.10:3000")).await;
        assert_eq!(
            (answer.status, &answer.headers["content-type"]),
            (403, &"text/html; charset=utf-8".parse().unwrap())
        );
        assert!(answer.text.contains("LATCHKEY_PUBLIC_URL") && answer.text.contains("http://latchkey.test"));
        assert!(answer.text.contains("name=\"password\"") && !answer.text.contains("secret\""), "the form is there");
        let elsewhere = house.nobody().send(request("http://evil.example")).await;
        assert_eq!((elsewhere.status, elsewhere.code().as_str()), (403, "foreign_origin"));
    })
    .await;
}

/// A browser may send no Referer, or no more of it than the origin. Whatever a form gives is shown on its page all the same.
#[tokio::test]
async fn forms_find_their_page_without_a_referer() {
    each_engine(async |house| {
        let house = house.founded().await;
        let owner = house.person("ada@north.test").await;
        let inside = |page: &str| format!("/o/{}/{page}", house.slug);
        let pages = [
            inside("audit"),
            inside("audit/delivery"),
            inside("api-keys/new"),
            inside("configs/new"),
            inside("virtual-keys/new"),
            inside("logs/prices"),
            inside("billing/settings"),
            inside("team/invite"),
            inside("settings"),
            inside("logs/export"),
            inside("leave"),
            "/organisations/new".to_owned(),
            "/account".to_owned(),
        ];
        for page in pages {
            let text = owner.page(&page).await.text;
            let forms: Vec<_> = text.split("<form ").skip(1).filter(|form| form.contains("action=\"/fn/")).collect();
            assert!(!forms.is_empty(), "{page}");
            for form in forms {
                let form = form.split("</form>").next().unwrap_or_default();
                assert!(form.contains(&format!("name=\"page\" value=\"{page}\"")), "{page}: {form}");
            }
        }
        let post = |fields: &str, referer: Option<&str>| {
            let mut request = Request::post("/fn/organisation/create")
                .header(header::ACCEPT, "text/html")
                .header("sec-fetch-site", "same-origin")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            if let Some(referer) = referer {
                request = request.header(header::REFERER, referer);
            }
            request.body(Body::from(fields.to_owned())).expect("a request")
        };
        // Where nothing could be shown, nothing is done.
        for referer in [None, Some("http://latchkey.test/")] {
            let refused = owner.send(post("name=South&new_slug=south", referer)).await;
            assert_eq!((refused.status, refused.code().as_str()), (400, "malformed"));
        }
        assert_eq!(owner.page("/o/south").await.status, 404);
        let made = owner.send(post("name=East&new_slug=east&page=%2Forganisations%2Fnew", None)).await;
        assert_eq!(made.status, 200, "{}", made.text);
        assert!(made.text.contains("lk_m"), "its master key is shown");
    })
    .await;
}
