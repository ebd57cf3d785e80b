//! Virtual keys on both databases: what is stored, what is never told, and what a test of the connection says.

use super::support::{Answer, Client, House, World, each_engine};
use crate::{features::virtual_keys, gateway::tests::support::Upstream, kernel::OrganisationId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const CREDENTIAL: &str = "sk-first-secret";

async fn act(client: &Client, house: &House, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("slug", house.slug.as_str())];
    all.extend_from_slice(fields);
    client.form(&format!("virtual_keys/{path}"), &all).await
}

async fn make(client: &Client, house: &House, slug: &str, provider: &str, base_url: &str) -> Answer {
    let fields = [
        ("name", slug),
        ("key_slug", slug),
        ("provider", provider),
        ("base_url", base_url),
        ("credential", CREDENTIAL),
    ];
    act(client, house, "create", &fields).await
}

async fn get(client: &Client, house: &House, key: &str) -> Value {
    let answer = act(client, house, "get", &[("key", key)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Saves with some fields different from what is stored.
async fn save(client: &Client, house: &House, key: &str, different: &[(&str, &str)]) -> Answer {
    let stored = get(client, house, key).await;
    let version = stored["version"].to_string();
    let mut fields: BTreeMap<&str, &str> = BTreeMap::from([("key", key), ("version", &version)]);
    for name in ["name", "description", "provider", "base_url"] {
        fields.insert(name, stored[name].as_str().expect("a text"));
    }
    fields.extend(different.iter().copied());
    act(client, house, "update", &fields.into_iter().collect::<Vec<_>>()).await
}

/// The sealed credential as stored, and what it opens to.
async fn stored_credential(house: &House, organisation: OrganisationId, slug: &str) -> Option<(Vec<u8>, String)> {
    let mut tx = house.app.read_proven(organisation).await.expect("a transaction");
    let target = virtual_keys::target(&mut tx, slug).await.expect("a look-up").expect("a virtual key");
    let sealed = target.credential?;
    let plain = crate::features::virtual_keys::operations::unseal(&house.app.keyring, organisation, target.id, &sealed);
    Some((sealed, plain.expect("it opens in its place").as_str().to_owned()))
}

/// A port at which nobody listens.
async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A server that answers everybody in a way of its own. Gives its port.
async fn plain_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = [0; 1024];
            let _ = stream.read(&mut heard).await;
            let _ = stream.write_all(b"220 mail.example ready\r\n").await;
            // Open until the other side has read it and goes.
            let _ = stream.read(&mut heard).await;
        }
    });
    port
}

/// The fields that an error names.
fn fields(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 422, "{}", answer.text);
    let error = answer.json();
    error["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .map(|f| f["field"].as_str().expect("a name").to_owned())
        .collect()
}

#[tokio::test]
async fn a_clash_of_references_is_told_while_typing_as_the_submit_tells_it() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        assert_eq!(make(&world.owner, house, "main", "openai", "").await.status, 200);
        let look = async |slug: &str| act(&world.owner, house, "check_slug", &[("key_slug", slug)]).await.json();
        for slug in ["main", "new", "M"] {
            let refused = make(&world.owner, house, slug, "openai", "").await.json();
            assert_eq!(look(slug).await, refused["fields"][0]["message"], "{slug}");
        }
        // Another organisation's is free here.
        assert_eq!(look("of-south").await, Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_credential_is_sealed_to_its_place_and_told_to_nobody() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, owner) = (&world.house, &world.owner);
        assert!(make(owner, house, "main", "openai", "").await.status < 400);
        let (sealed, plain) = stored_credential(house, house.organisation, "main").await.expect("a credential");
        assert_eq!(plain, CREDENTIAL);
        assert!(!sealed.windows(5).any(|part| part == b"first"), "it is sealed");
        for (client, path, fields) in [
            (owner, "list", vec![]),
            (owner, "get", vec![("key", "main")]),
            (&world.member, "get", vec![("key", "main")]),
        ] {
            let answer = act(client, house, path, &fields).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert!(!answer.text.contains("secret"), "{}", answer.text);
        }
        let page = owner.page(&format!("/o/{}/virtual-keys/main", house.slug)).await;
        assert_eq!(page.status, 200);
        assert!(!page.text.contains("first-secret") && page.text.contains("by Ada."), "{}", page.text);
        // A copy is sealed anew: the same plain text, other bytes, and they do not open in each other's place.
        let copied = act(owner, house, "duplicate", &[("key", "main"), ("name", "Copy"), ("key_slug", "copy")]).await;
        assert!(copied.status < 400, "{}", copied.text);
        let (copy, plain) = stored_credential(house, house.organisation, "copy").await.expect("a credential");
        assert_eq!(plain, CREDENTIAL);
        assert_ne!(copy, sealed);
        let mut tx = house.app.read_proven(house.organisation).await.expect("a transaction");
        let id = virtual_keys::target(&mut tx, "main").await.expect("a look-up").expect("a virtual key").id;
        let misplaced =
            crate::features::virtual_keys::operations::unseal(&house.app.keyring, house.organisation, id, &copy);
        assert!(misplaced.is_err(), "a copied ciphertext does not open");
    })
    .await;
}

#[tokio::test]
async fn the_list_is_searched_sorted_and_read_in_pages() {
    each_engine(async |house| {
        let house = house.founded().await;
        let owner = house.person("ada@north.test").await;
        for (slug, provider) in [("beta", "openai"), ("alpha", "openai"), ("gamma", "anthropic")] {
            assert!(make(&owner, &house, slug, provider, "").await.status < 400);
        }
        house.add_call(uuid::Uuid::now_v7()).await;
        let used = "UPDATE call_logs SET virtual_key_id = (SELECT id FROM virtual_keys WHERE slug = 'beta')";
        house.as_owner(used).await.expect("a call by beta");
        let slugs = |list: &Value| -> Vec<String> {
            list.as_array().expect("keys").iter().map(|key| key["slug"].as_str().expect("a slug").to_owned()).collect()
        };
        let program = house.program(&house.master_key);
        for (query, expected) in [
            ("", vec!["alpha", "beta", "gamma"]),
            ("sort=-name", vec!["gamma", "beta", "alpha"]),
            ("sort=provider", vec!["gamma", "alpha", "beta"]),
            ("sort=-provider", vec!["alpha", "beta", "gamma"]),
            ("sort=-used", vec!["beta", "alpha", "gamma"]),
            ("sort=used", vec!["alpha", "gamma", "beta"]),
            ("q=ET", vec!["beta"]),
            ("q=%25", vec![]),
        ] {
            let fields: Vec<_> = query.split_once('=').into_iter().collect();
            let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name, value.replace("%25", "%"))).collect();
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let console = act(&owner, &house, "list", &fields).await.json();
            assert_eq!(
                (slugs(&console["keys"]), &console["total"]),
                (expected.iter().map(|s| (*s).to_owned()).collect(), &json!(expected.len())),
                "{query}"
            );
            let listed = program.api("GET", &format!("/v1/virtual-keys?{query}"), Value::Null).await.json();
            assert_eq!(
                (slugs(&listed["data"]), &listed["total"]),
                (slugs(&console["keys"]), &console["total"]),
                "{query}"
            );
        }
        let second = program.api("GET", "/v1/virtual-keys?page_size=2&current_page=1", Value::Null).await.json();
        assert_eq!((slugs(&second["data"]), &second["total"]), (vec!["gamma".to_owned()], &json!(3)));
        assert_eq!(program.api("GET", "/v1/virtual-keys?sort=slug", Value::Null).await.status, 422);
        let page = async |query: &str| owner.page(&format!("/o/{}/virtual-keys{query}", house.slug)).await;
        let seen = page("?q=alp").await;
        assert!(seen.text.contains("1 virtual key<") && !seen.text.contains("@beta"), "{}", seen.text);
        assert!(page("?q=nothing").await.text.contains("Show all virtual keys"));
        assert!(page("?page=9").await.text.contains("@gamma"), "a page that is not there is the last");
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_told_field_by_field() {
    each_engine(async |house| {
        let house = house.founded().await;
        let owner = house.person("ada@north.test").await;
        assert!(make(&owner, &house, "main", "openai", "").await.status < 400);
        let before = house.snapshot().await;
        assert_eq!(fields(&make(&owner, &house, "main", "openai", "").await), ["key_slug"], "the reference is taken");
        let nothing = act(&owner, &house, "create", &[("provider", "aws"), ("api_version", "a b")]).await;
        assert_eq!(fields(&nothing), ["name", "provider", "api_version"]);
        for (provider, base_url) in [
            ("azure-openai", ""),
            ("openai", "http://api.openai.com/v1?x"),
            ("openai", "ftp://api.openai.com"),
            ("openai", "https://user:pass@api.openai.com"),
            ("openai", "https://10.0.0.1/v1"),
            ("openai", "https://[::ffff:127.0.0.1]/v1"),
            ("openai", "http://169.254.169.254/"),
            ("openai-compatible", "http://8.8.8.8/v1"),
            ("ollama", "https://0x7f.1/v1x/../.."),
        ] {
            assert_eq!(fields(&make(&owner, &house, "other", provider, base_url).await), ["base_url"], "{base_url}");
        }
        let missing =
            act(&owner, &house, "create", &[("name", "x1"), ("provider", "openai"), ("credential", "••••••••")]).await;
        assert_eq!(fields(&missing), ["credential"], "a mask is no credential");
        assert_eq!(house.snapshot().await, before, "nothing was half done");
        // A local server that the operator lists needs neither https nor a credential; the reference comes of the name.
        for slug in ["my-llama", "my-llama-2"] {
            let local = act(&owner, &house, "create", &[("name", "My Llama"), ("provider", "ollama")]).await;
            assert!(local.status < 400, "{}", local.text);
            assert_eq!(get(&owner, &house, slug).await["base_url"], "http://127.0.0.1:11434/v1");
            assert!(stored_credential(&house, house.organisation, slug).await.is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn a_credential_never_follows_to_another_address() {
    each_engine(async |house| {
        let house = house.founded().await;
        let owner = house.person("ada@north.test").await;
        assert!(make(&owner, &house, "main", "openai", "https://one.example/v1/").await.status < 400);
        assert!(make(&owner, &house, "open", "openai-compatible", "http://127.0.0.1:9999/v1").await.status < 400);
        let credential =
            async |slug: &str| stored_credential(&house, house.organisation, slug).await.map(|(_, plain)| plain);
        // Kept: nothing typed, or a mask.
        for kept in ["", "••••••••", "****"] {
            let saved = save(&owner, &house, "main", &[("name", "Renamed"), ("credential", kept)]).await;
            assert_eq!(
                (saved.status, saved.json()["credential_removed"].as_bool()),
                (200, Some(false)),
                "{}",
                saved.text
            );
            assert_eq!(credential("main").await.as_deref(), Some(CREDENTIAL));
        }
        // Another address or provider: typed again, or refused.
        for change in
            [("base_url", "https://two.example/v1"), ("base_url", "https://one.example/v2"), ("provider", "groq")]
        {
            assert_eq!(fields(&save(&owner, &house, "main", &[change]).await), ["credential"], "{change:?}");
            assert_eq!(credential("main").await.as_deref(), Some(CREDENTIAL));
        }
        let moved =
            save(&owner, &house, "main", &[("base_url", "https://two.example/v1"), ("credential", "sk-second")]).await;
        assert_eq!(moved.status, 200, "{}", moved.text);
        assert_eq!(credential("main").await.as_deref(), Some("sk-second"));
        // A server that may do without one loses it.
        let moved = save(&owner, &house, "open", &[("base_url", "http://127.0.0.1:8888/v1")]).await;
        assert_eq!((moved.status, moved.json()["credential_removed"].as_bool()), (200, Some(true)), "{}", moved.text);
        assert_eq!(credential("open").await, None);
        // Two people at once: the second is told.
        let stale = save(&owner, &house, "main", &[("version", "1")]).await;
        assert_eq!((stale.status, stale.code().as_str()), (409, "stale_version"));
    })
    .await;
}

#[tokio::test]
async fn deleting_wipes_the_credential_and_frees_the_reference() {
    each_engine(async |house| {
        let house = house.founded().await;
        let owner = house.person("ada@north.test").await;
        assert!(make(&owner, &house, "main", "openai", "").await.status < 400);
        // A sealed credential is far longer than any other bytes of the row.
        let sealed = |rows: Vec<String>| {
            let rows = rows.into_iter().filter(|row| row.starts_with("virtual_keys:"));
            rows.filter(|row| row.split(|c: char| !c.is_ascii_hexdigit()).any(|run| run.len() > 64)).count()
        };
        assert_eq!(sealed(house.snapshot().await), 1);
        assert!(act(&owner, &house, "delete", &[("key", "main")]).await.status < 400);
        assert_eq!(sealed(house.snapshot().await), 0, "wiped");
        assert_eq!(act(&owner, &house, "get", &[("key", "main")]).await.status, 404);
        assert_eq!(act(&owner, &house, "delete", &[("key", "main")]).await.status, 404);
        assert!(make(&owner, &house, "main", "groq", "").await.status < 400, "the reference is free again");
    })
    .await;
}

#[tokio::test]
async fn a_test_says_in_words_what_was_found() {
    each_engine(async |house| {
        let house = house.founded().await;
        let owner = house.person("ada@north.test").await;
        let list = json!({ "object": "list", "data": [{ "id": "a" }, { "id": "b" }] });
        let mut provider = Upstream::json(200, "", &list).await;
        let cases = [
            (provider.port, json!({ "result": "works", "models": 2, "first": ["a", "b"], "credential": "taken" })),
            (
                Upstream::json(401, "", &json!({ "error": { "message": "key sk-first-secret is wrong" } })).await.port,
                json!({ "result": "credential_refused" }),
            ),
            (Upstream::json(404, "", &json!({})).await.port, json!({ "result": "nothing_there" })),
            (Upstream::json(500, "", &json!({})).await.port, json!({ "result": "provider_fault" })),
            (Upstream::json(200, "", &json!({ "hello": 1 })).await.port, json!({ "result": "odd_answer" })),
            (Upstream::saying("SSH-2.0-server\r\n").await.port, json!({ "result": "odd_answer" })),
            (closed_port().await, json!({ "result": "unreachable" })),
        ];
        for (index, (port, finding)) in cases.iter().enumerate() {
            let slug = format!("key-{index}");
            let made = make(&owner, &house, &slug, "openai", &format!("http://127.0.0.1:{port}/v1")).await;
            assert!(made.status < 400, "{}", made.text);
            let tested = act(&owner, &house, "test", &[("key", &slug)]).await;
            assert_eq!((tested.status, tested.json()), (200, finding.clone()), "{}", tested.text);
            assert!(!tested.text.contains("sk-"), "nothing of the provider's own words");
        }
        let request = provider.request().await;
        assert_eq!(request.header("authorization"), Some("Bearer sk-first-secret"));
        // A name that leads nowhere, and one whose server speaks no TLS.
        for (base_url, result) in [
            ("https://no-such-host.invalid/v1".to_owned(), "name_not_found"),
            (format!("https://127.0.0.1:{}/v1", plain_server().await), "tls"),
        ] {
            let slug = result.replace('_', "-");
            assert!(make(&owner, &house, &slug, "openai", &base_url).await.status < 400, "{base_url}");
            let tested = act(&owner, &house, "test", &[("key", &slug)]).await;
            assert_eq!(tested.json()["result"], result, "{}", tested.text);
        }
        // Without JavaScript the answer is the page itself, with the sentence in it.
        let page = format!("/o/{}/virtual-keys/key-0", house.slug);
        let told = owner.plain_form(&page, "virtual_keys/test", &[("slug", &house.slug), ("key", "key-0")]).await;
        assert_eq!(told.status, 200);
        assert!(told.text.contains("It works.") && told.text.contains("2 models: a, b."), "{}", told.text);
    })
    .await;
}
