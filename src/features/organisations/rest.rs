//! The organisation's own management calls.

use super::operations;
use crate::{
    kernel::Result,
    policy::Operation,
    web::api::{Api, Call, Done, Flag, Nothing, input},
};
use serde::Serialize;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::OrganisationGet, "Read the organisation", get).serve(
        Operation::OrganisationRestrict,
        "Say whether calls may bring configs of their own",
        restrict,
    )
}

input! {
    /// What shall be different.
    UpdateOrganisationBody {
        /// True: calls may name saved configs and virtual keys, and bring no config, provider or host of their own.
        #[schema(value_type = bool)]
        saved_only: Flag,
    }
    unsupported: ["usage_limits", "rate_limits"]
}

/// The organisation of the key.
#[derive(Serialize, ToSchema)]
pub struct OrganisationBody {
    #[schema(example = "organisation")]
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    /// Calls may name saved configs and virtual keys, and bring nothing of their own.
    saved_only: bool,
    /// Whether requests and answers are kept, sealed, where an API key says nothing else.
    keep_texts: bool,
    /// In kept texts a short note stands for each image.
    leave_images_out: bool,
    /// After how many days kept texts are deleted.
    texts_days: i64,
    /// After how many days entries of the log are deleted; null: they stay for ever.
    logs_days: Option<i64>,
}

async fn get(call: Call, _: Nothing) -> Result<OrganisationBody> {
    let (id, own) = operations::get(&call.access).await?;
    Ok(OrganisationBody {
        object: "organisation",
        id: id.to_string(),
        slug: own.slug,
        name: own.name,
        saved_only: own.saved_only,
        keep_texts: own.keep_texts,
        leave_images_out: own.leave_images_out,
        texts_days: own.texts_days,
        logs_days: own.logs_days,
    })
}

async fn restrict(call: Call, change: UpdateOrganisationBody) -> Result<Done> {
    operations::restrict(&call.access, Some(change.saved_only.0), None).await.map(|()| Done {})
}
