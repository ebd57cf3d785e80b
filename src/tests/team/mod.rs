//! The team: who may bring, change and remove whom.

mod invitations;
mod mails;
mod members;

use super::support::{Client, House, PASSWORD, each_engine};
use crate::server::clock::Clock;
use serde_json::Value;

impl House {
    fn clock(&self) -> &Clock {
        &self.app.clock
    }

    /// Invites one address and gives the token of the link.
    async fn invite(&self, by: &Client, address: &str, role: &str) -> String {
        let answer = by.form("team/invite", &[("slug", &self.slug), ("addresses", address), ("role", role)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        token(&answer.json()["answers"][0]["outcome"]["invited"]["link"])
    }

    /// Invites one address by mail to this organisation and gives the invitation's id.
    async fn invite_by_mail(&self, by: &Client, slug: &str, address: &str) -> String {
        let answer = by.form("team/invite", &[("slug", slug), ("addresses", address), ("role", "admin")]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let invited = answer.json()["answers"][0]["outcome"]["invited"].clone();
        assert_eq!(invited["link"], Value::Null, "a link that was mailed is shown to nobody");
        invited["id"].as_str().expect("an id").to_owned()
    }

    /// Invites and lets join.
    async fn with_person(&self, by: &Client, name: &str, role: &str) -> Client {
        let address = address(name);
        let token = self.invite(by, &address, role).await;
        join(self, &token, name).await
    }

    async fn people(&self, by: &Client) -> Value {
        let answer = by.form("team/list", &[("slug", &self.slug)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    async fn id_of(&self, by: &Client, name: &str) -> String {
        let list = self.people(by).await;
        let people = list["people"].as_array().expect("people");
        let person = people.iter().find(|p| p["name"] == name).unwrap_or_else(|| panic!("{name} in {list}"));
        person["id"].as_str().expect("an id").to_owned()
    }

    async fn role_of(&self, by: &Client, name: &str) -> String {
        let list = self.people(by).await;
        let people = list["people"].as_array().expect("people");
        people
            .iter()
            .find(|p| p["name"] == name)
            .map(|p| p["role"].as_str().expect("a role").to_owned())
            .unwrap_or_default()
    }

    async fn set_role(&self, by: &Client, name: &str, role: &str, seen_by: &Client) -> (u16, String) {
        let id = self.id_of(seen_by, name).await;
        let fields = [("slug", self.slug.as_str()), ("id", &id), ("role", role), ("asked", "true")];
        let answer = by.form("team/change_role", &fields).await;
        let code = if answer.status < 400 { String::new() } else { answer.code() };
        (answer.status, code)
    }
}

fn address(name: &str) -> String {
    format!("{}@north.test", name.to_lowercase())
}

fn token(link: &Value) -> String {
    let link = link.as_str().expect("a link");
    link.strip_prefix("http://latchkey.test/invitation?token=").expect("this installation's address").to_owned()
}

async fn join(house: &House, token: &str, name: &str) -> Client {
    let mut client = house.nobody();
    let answer = client.form("invitation/join", &[("token", token), ("name", name), ("password", PASSWORD)]).await;
    assert!(answer.status < 400, "{name} joins: {} {}", answer.status, answer.text);
    client.keep_cookie(&answer);
    client
}

async fn accept(client: &Client, token: &str) -> (u16, String) {
    let answer = client.form("invitation/accept", &[("token", token)]).await;
    (answer.status, if answer.status < 400 { String::new() } else { answer.code() })
}

/// Founds another organisation, whose Owner is this person, and gives its slug.
async fn found(person: &Client, name: &str) -> String {
    let made = person.form("organisation/create", &[("name", name)]).await;
    assert_eq!(made.status, 200, "{}", made.text);
    made.json()["slug"].as_str().expect("a slug").to_owned()
}

#[tokio::test]
async fn every_page_is_served() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let cy = house.with_person(&ada, "Cy", "member").await;
        house.invite(&ada, "late@north.test", "member").await;
        let (slug, cy_id) = (house.slug.as_str(), house.id_of(&ada, "Cy").await);
        let list = ada.form("team/invitations", &[("slug", slug)]).await.json();
        let id = list["invitations"][0]["id"].as_str().expect("an id");
        for (path, words) in [
            ("team".to_owned(), "What can each role do?"),
            ("team/invite".to_owned(), "E-mail addresses"),
            ("team/invitations".to_owned(), "late@north.test"),
            (format!("team/invitations/{id}/resend"), "Links that were sent or copied before stop working."),
            (format!("team/invitations/{id}/revoke"), "Its link stops working at once."),
            (format!("team/{cy_id}/role?role=owner"), "Make Cy an Owner"),
            (format!("team/{cy_id}/remove"), "Remove Cy"),
            (format!("team/{cy_id}/password-link"), "Password link for Cy"),
            ("roles".to_owned(), "list, view, create"),
            ("leave".to_owned(), "Leave North"),
        ] {
            let page = ada.page(&format!("/o/{slug}/{path}")).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.text.contains(words), "{path} says {words}: {}", page.text);
            let forbidden = path.starts_with("team");
            let member = cy.page(&format!("/o/{slug}/{path}")).await;
            assert_eq!(member.status, if forbidden { 403 } else { 200 }, "{path} for a Member");
        }
        let shown = ada
            .plain_form(
                &format!("/o/{slug}/team/invite"),
                "team/invite",
                &[("slug", slug), ("addresses", "n@x.org, bad"), ("role", "member")],
            )
            .await;
        assert_eq!(shown.status, 200);
        assert!(shown.text.contains("/invitation?token=") && shown.text.contains("bad"), "{}", shown.text);
    })
    .await;
}
