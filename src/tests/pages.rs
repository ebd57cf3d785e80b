//! Pages as the server renders them.

use super::support::each_engine;

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
            (inside("api-keys"), 2),
            (inside("api-keys/new"), 2),
            (inside("virtual-keys"), 2),
            (inside("team"), 2),
            (inside("team/invitations"), 2),
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
