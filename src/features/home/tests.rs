//! What Home tells, on both databases.

use super::model::Home;
use crate::tests::support::each_engine;

#[tokio::test]
async fn what_was_refused_is_told_and_a_slip_in_a_form_is_not() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let slug = ("slug", house.slug.as_str());
        let lately = async || {
            let home: Home = serde_json::from_str(&ada.form("home/view", &[slug]).await.text).unwrap();
            home.lately.expect("an Owner sees events")
        };
        let slip = ada.form("virtual_keys/create", &[slug, ("name", ""), ("provider", "openai")]).await;
        assert_eq!((slip.status, slip.code().as_str()), (422, "invalid"));
        assert_eq!(ada.form("virtual_keys/delete", &[slug, ("key", "nowhere")]).await.status, 404);
        let told = lately().await;
        assert_eq!(told[0].action, "virtual_key.delete");
        assert_eq!(told[0].verb(), "tried to delete the virtual key");
        assert!(told.iter().all(|act| act.action != "virtual_key.create"), "{told:?}");
    })
    .await;
}
