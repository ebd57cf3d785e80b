//! The partials' calls.

use super::{
    ListedPrompt, SavedPrompt, VariableComponents, as_sent, at,
    bodies::{PromptsQuery, PublishVersion},
    folder_of, is_set, page_of, publish_as, saved, wish,
};
use crate::{
    features::{
        prompts::{
            model::{Content, Detail, Draft, Kind, Publish},
            operations, store,
        },
        versions::{Whole, rest::VersionsQuery},
    },
    kernel::{Error, Result},
    policy::Operation,
    web::api::{Api, Call, Done, Flag, List, Nothing, input, window},
};
use serde::Serialize;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::PartialsList, "List partials", list)
        .serve(Operation::PartialGet, "Read a partial in the version that the address names", get)
        .serve(
            Operation::PartialCreate,
            "Make a partial; its first version is published where the key may do so",
            create,
        )
        .serve(Operation::PartialUpdate, "Change a partial; another text makes a version that is not published", update)
        .serve(Operation::PartialDelete, "Delete a partial that nothing names", delete)
        .serve(Operation::PartialVersions, "List a partial's versions, the newest first", versions)
        .serve(Operation::PartialRestore, "Make a new version with the text of an old one", restore)
        .serve(Operation::PartialPublish, "Publish a version, in every prompt that names the partial", publish)
}

input! {
    /// A partial to be made.
    CreatePartial {
        #[schema(min_length = 1, max_length = 100)]
        name: String,
        /// By which prompts name it; left out, one is made of the name.
        #[schema(max_length = 100)]
        slug: Option<String>,
        string: String,
        /// The folder's id or slug.
        collection_id: Option<String>,
        #[schema(max_length = 200)]
        version_description: Option<String>,
        /// Whether the version is published; left out: if the key may do so alone.
        #[schema(value_type = Option<bool>)]
        publish: Option<Flag>,
    }
}

input! {
    /// What shall be different.
    UpdatePartial {
        #[schema(min_length = 1, max_length = 100)]
        name: Option<String>,
        string: Option<String>,
        /// The folder's id or slug; empty: none.
        collection_id: Option<String>,
        /// The contract's word for the version's description.
        description: Option<String>,
        #[schema(max_length = 200)]
        version_description: Option<String>,
        /// `active`, which every partial is.
        #[schema(pattern = "^active$")]
        status: Option<String>,
        /// Whether the new version is published in the same step; otherwise it is not.
        #[schema(value_type = Option<bool>)]
        publish: Option<Flag>,
        /// The version of the whole that was read; the change is refused if there is a newer one.
        #[schema(minimum = 1)]
        revision: Option<i64>,
    }
}

/// A partial in one version.
#[derive(Serialize, ToSchema)]
pub struct PartialView {
    #[schema(example = "partial")]
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    collection_id: Option<String>,
    organisation_id: String,
    workspace_id: String,
    string: String,
    /// The number of the version that is shown.
    version: i64,
    prompt_partial_version_id: String,
    version_description: String,
    variable_components: VariableComponents,
    current_version: i64,
    published_version: Option<i64>,
    /// Counts the changes of the whole.
    revision: i64,
    #[schema(example = "active")]
    status: &'static str,
    created_at: String,
    last_updated_at: String,
}

/// A version of a partial.
#[derive(Serialize, ToSchema)]
pub struct PartialVersionView {
    #[schema(example = "partial")]
    object: &'static str,
    prompt_partial_id: String,
    prompt_partial_version_id: String,
    slug: String,
    version: i64,
    string: String,
    description: String,
    /// `active` where it is published, else `archived`.
    prompt_version_status: &'static str,
    labels: Vec<String>,
    created_by: String,
    created_at: String,
}

async fn list(call: Call, query: PromptsQuery) -> Result<List<ListedPrompt>> {
    page_of(&call, Kind::Partial, query).await
}

async fn get(call: Call, _: Nothing) -> Result<PartialView> {
    let (partial, checked) = operations::get(&call.access, Kind::Partial, call.part("slug")).await?;
    Ok(PartialView {
        object: "partial",
        id: partial.id.to_string(),
        collection_id: partial.collection.as_ref().map(|(id, _)| id.to_string()),
        organisation_id: call.organisation_id(),
        workspace_id: call.organisation_id(),
        version: partial.number,
        current_version: partial.current,
        published_version: partial.published(),
        revision: partial.version,
        variable_components: checked.components.into(),
        status: "active",
        created_at: partial.created_at.rfc3339(),
        last_updated_at: partial.updated_at.rfc3339(),
        string: partial.content.string,
        slug: partial.slug,
        name: partial.name,
        prompt_partial_version_id: partial.version_id,
        version_description: partial.message,
    })
}

async fn create(call: Call, new: CreatePartial) -> Result<SavedPrompt> {
    let draft = Draft {
        name: new.name,
        slug: new.slug.unwrap_or_default(),
        collection: new.collection_id.unwrap_or_default(),
        content: Content { string: new.string, ..Content::default() },
        message: new.version_description.unwrap_or_default(),
        is_strict: false,
        publish: wish(new.publish),
    };
    operations::create(&call.access, Kind::Partial, Ok(draft))
        .await
        .map_err(as_sent)
        .map(|made| saved(Kind::Partial, made))
}

async fn update(call: Call, change: UpdatePartial) -> Result<SavedPrompt> {
    if change.status.is_some_and(|status| status != "active") {
        return Err(Error::field("status", "A partial is active as long as it is there. Delete it to end it."));
    }
    let revision = change.revision;
    let edit = |stored: &Detail| {
        Ok(Draft {
            name: change.name.unwrap_or_else(|| stored.name.clone()),
            slug: String::new(),
            collection: change.collection_id.unwrap_or_else(|| folder_of(stored)),
            content: Content {
                string: change.string.unwrap_or_else(|| stored.content.string.clone()),
                ..Content::default()
            },
            message: change.version_description.or(change.description).unwrap_or_default(),
            is_strict: false,
            publish: if is_set(change.publish) { Publish::Yes } else { Publish::No },
        })
    };
    let made = operations::update(&call.access, Kind::Partial, call.part("slug"), revision, edit).await;
    made.map_err(as_sent).map(|made| saved(Kind::Partial, made))
}

async fn delete(call: Call, _: Nothing) -> Result<Done> {
    operations::delete(&call.access, Kind::Partial, call.part("slug")).await.map(|()| Done {})
}

async fn versions(call: Call, query: VersionsQuery) -> Result<List<PartialVersionView>> {
    let window = window(query.page_size, query.current_page)?;
    let (partial, versions) =
        operations::whole_versions(&call.access, Kind::Partial, call.part("slug"), window).await?;
    let view = |whole: Whole| {
        let number = whole.version.number;
        Ok(PartialVersionView {
            object: "partial",
            prompt_partial_id: partial.id.to_string(),
            prompt_partial_version_id: whole.id,
            slug: partial.slug.clone(),
            version: number,
            string: store::content(&whole.text)?.string,
            description: whole.version.message,
            prompt_version_status: if partial.published() == Some(number) { "active" } else { "archived" },
            labels: at(&partial.labels, number),
            created_by: whole.version.created_by,
            created_at: whole.version.created_at.rfc3339(),
        })
    };
    Ok(List::new(partial.current, versions.into_iter().map(view).collect::<Result<_>>()?))
}

async fn restore(call: Call, _: Nothing) -> Result<SavedPrompt> {
    let (of, version) = (call.part("slug"), call.part("version"));
    operations::restore(&call.access, Kind::Partial, of, version).await.map(|made| saved(Kind::Partial, made))
}

async fn publish(call: Call, asked: PublishVersion) -> Result<Done> {
    publish_as(&call, Kind::Partial, asked).await
}
