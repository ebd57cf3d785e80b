//! The access reviews' server functions.

use super::model::{Page, Reviews, RowPage};
use crate::kernel::{AccessReviewId, Asked, Error};
use leptos::{
    prelude::*,
    server_fn::codec::{StreamingText, TextStream},
};

#[cfg(feature = "ssr")]
use {
    super::{
        model::{PAGE, ROWS_PAGE},
        operations::{self, Typed},
    },
    crate::{site::routes, web},
};

/// A page of the reviews.
#[server(prefix = "/fn", endpoint = "reviews/list")]
pub async fn load_reviews(slug: String, #[server(default)] asked: Asked) -> Result<Reviews, Error> {
    operations::list(&web::member(&slug).await?, asked.window(PAGE)).await
}

/// A review with a page of its rows.
#[server(prefix = "/fn", endpoint = "reviews/get")]
pub async fn load_review(slug: String, id: String, #[server(default)] asked: Asked) -> Result<Page, Error> {
    operations::get(&web::member(&slug).await?, review_id(&id)?, &asked, asked.window(ROWS_PAGE)).await
}

/// One row of a review.
#[server(prefix = "/fn", endpoint = "reviews/row")]
pub async fn load_review_row(slug: String, id: String, number: String) -> Result<RowPage, Error> {
    operations::row(&web::member(&slug).await?, review_id(&id)?, row_number(&number)?).await
}

#[server(prefix = "/fn", endpoint = "reviews/start")]
pub async fn start_review(slug: String) -> Result<AccessReviewId, Error> {
    let id = operations::start(&web::member(&slug).await?).await?;
    web::redirect(&routes::access_review(&slug, id));
    Ok(id)
}

/// Decides one row (`decision`: `confirm`, `revoke`). Whoever was `asked` on a page of its own is led back from there.
#[server(prefix = "/fn", endpoint = "reviews/decide")]
pub async fn decide_review_row(
    slug: String,
    id: String,
    number: String,
    #[server(default)] decision: String,
    #[server(default)] comment: String,
    #[server(default)] keys: String,
    #[server(default)] confirm: String,
    #[server(default)] asked: bool,
) -> Result<(), Error> {
    let access = web::member(&slug).await?;
    let id = review_id(&id)?;
    operations::decide(&access, id, row_number(&number)?, Typed { decision, comment, keys, confirm }).await?;
    if asked {
        web::redirect(&routes::access_review(&slug, id).with("decision", "open").with("done", "decided"));
    }
    Ok(())
}

/// Finishes a review of which not every row is decided.
#[server(prefix = "/fn", endpoint = "reviews/finish")]
pub async fn finish_review(slug: String, id: String, #[server(default)] reason: String) -> Result<(), Error> {
    let (access, id) = (web::member(&slug).await?, review_id(&id)?);
    operations::finish(&access, id, &reason).await?;
    web::redirect(&routes::access_review(&slug, id).with("done", "finished"));
    Ok(())
}

/// A review as a CSV file, for a plain form: the browser saves the answer.
#[server(prefix = "/fn", endpoint = "reviews/export", output = StreamingText)]
pub async fn export_review(slug: String, id: String) -> Result<TextStream<Error>, Error> {
    let access = web::member(&slug).await?;
    let (review, file) = operations::export(&access, review_id(&id)?).await?;
    web::saved_as(&format!("access-review-{slug}-{}.csv", review.started_at.iso_date()));
    Ok(TextStream::new(futures_util::stream::once(async { Ok(file) })))
}

#[cfg(feature = "ssr")]
fn review_id(text: &str) -> Result<AccessReviewId, Error> {
    text.parse().map_err(|_| Error::not_found())
}

#[cfg(feature = "ssr")]
fn row_number(text: &str) -> Result<i64, Error> {
    text.parse().map_err(|_| Error::not_found())
}
