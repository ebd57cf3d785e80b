//! What a list says of changes by others: theirs and not one's own, those of this list alone, and to nobody who may not see it.

use super::support::{World, done, each_engine};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_knows_what_others_have_changed_since_it_was_read() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = world.house.slug.as_str();
        let (key, _) = world.key("watched", &[]).await;
        let list = world.admin.form("api_keys/list", &[("slug", slug)]).await.json();
        let seen = list["seen"].to_string();
        let news = async |of: &str, after: &str| {
            world.admin.form("lists/news", &[("slug", slug), ("list", of), ("after", after)]).await
        };
        let changes = async |of: &str, after: &str| news(of, after).await.json()["changes"].clone();
        assert_eq!(changes("api_keys", &seen).await, json!(0), "nothing was changed since");

        done(&world.admin, "api_keys/disable", &[("slug", slug), ("id", &key)]).await;
        assert_eq!(changes("api_keys", &seen).await, json!(0), "one's own change is no news");
        // What is refused changes nothing.
        assert_eq!(world.member.form("api_keys/enable", &[("slug", slug), ("id", &key)]).await.status, 403);
        assert_eq!(changes("api_keys", &seen).await, json!(0));
        done(&world.owner, "api_keys/enable", &[("slug", slug), ("id", &key)]).await;
        done(&world.owner, "api_keys/delete", &[("slug", slug), ("id", &key)]).await;
        let two = news("api_keys", &seen).await.json();
        assert_eq!(two["changes"], json!(2));
        assert_eq!(changes("virtual_keys", &seen).await, json!(0), "another list is as it was");
        assert_eq!(changes("api_keys", &two["seen"].to_string()).await, json!(0), "each change is told once");

        let fields = [("slug", slug), ("list", "api_keys"), ("after", seen.as_str())];
        let refused = world.member.form("lists/news", &fields).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "permission_denied"));
    })
    .await;
}
