//! The folders' calls.

use crate::{
    features::prompts::{model::Collection, operations::collections},
    kernel::{Error, Result},
    policy::Operation,
    web::api::{Api, Call, Done, List, Nothing, input},
};
use serde::Serialize;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::CollectionsList, "List folders of prompts", list)
        .serve(Operation::CollectionGet, "Read a folder", get)
        .serve(Operation::CollectionCreate, "Make a folder", create)
        .serve(Operation::CollectionUpdate, "Give a folder another name", update)
        .serve(Operation::CollectionDelete, "Delete an empty folder", delete)
}

input! {
    /// A folder to be made.
    CreateCollection {
        #[schema(min_length = 1, max_length = 100)]
        name: String,
        /// Left out: folders do not stand within one another.
        parent_collection_id: Option<String>,
    }
}

input! {
    /// What shall be different.
    UpdateCollection {
        #[schema(min_length = 1, max_length = 100)]
        name: Option<String>,
    }
}

input! {
    /// Which part of the folders is listed; they all fit one page.
    CollectionsQuery {
        search: Option<String>,
        #[schema(minimum = 1)]
        page_size | "pageSize": Option<i64>,
        #[schema(minimum = 0)]
        current_page | "currentPage": Option<i64>,
    }
}

/// A folder.
#[derive(Serialize, ToSchema)]
pub struct CollectionView {
    #[schema(example = "collection")]
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    organisation_id: String,
    workspace_id: String,
    parent_collection_id: Option<String>,
    is_default: bool,
    #[schema(example = "active")]
    status: &'static str,
    collection_details: CollectionDetails,
    created_at: String,
    last_updated_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct CollectionDetails {
    child_collections_count: i64,
    prompts_count: i64,
}

fn view(call: &Call, collection: Collection) -> CollectionView {
    CollectionView {
        object: "collection",
        id: collection.id.to_string(),
        slug: collection.slug,
        name: collection.name,
        organisation_id: call.organisation_id(),
        workspace_id: call.organisation_id(),
        parent_collection_id: None,
        is_default: false,
        status: "active",
        collection_details: CollectionDetails { child_collections_count: 0, prompts_count: collection.prompts },
        created_at: collection.created_at.rfc3339(),
        last_updated_at: collection.updated_at.rfc3339(),
    }
}

async fn list(call: Call, query: CollectionsQuery) -> Result<List<CollectionView>> {
    let window = crate::web::api::window(query.page_size, query.current_page)?;
    let sought = query.search.unwrap_or_default().to_lowercase();
    let mut all = collections::list(&call.access).await?;
    all.retain(|collection| collection.name.to_lowercase().contains(&sought));
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let number = |number: i64| usize::try_from(number).unwrap_or(0);
    let page = all.into_iter().skip(number(window.offset)).take(number(window.limit)).collect();
    Ok(List::new(total, page).map(|collection| view(&call, collection)))
}

async fn get(call: Call, _: Nothing) -> Result<CollectionView> {
    let collection = collections::get(&call.access, call.part("collection")).await?;
    Ok(view(&call, collection))
}

async fn create(call: Call, new: CreateCollection) -> Result<CollectionView> {
    if new.parent_collection_id.is_some_and(|parent| !parent.is_empty()) {
        return Err(Error::field("parent_collection_id", "Folders do not stand within one another here."));
    }
    let collection = collections::create(&call.access, &new.name).await?;
    Ok(view(&call, collection))
}

async fn update(call: Call, change: UpdateCollection) -> Result<Done> {
    collections::update(&call.access, call.part("collection"), change.name.as_deref()).await.map(|()| Done {})
}

async fn delete(call: Call, _: Nothing) -> Result<Done> {
    collections::delete(&call.access, call.part("collection")).await.map(|()| Done {})
}
