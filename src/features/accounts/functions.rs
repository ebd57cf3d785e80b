//! The accounts' server functions.

use super::model::{Founded, Front};
use crate::kernel::{Error, Secret};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::operations,
    crate::{server::http, ui::routes},
};

/// What the signed-out pages need to know.
#[server(prefix = "/fn", endpoint = "account/front")]
pub async fn load_front() -> Result<Front, Error> {
    operations::front(http::nobody()?.app()).await
}

#[server(prefix = "/fn", endpoint = "account/setup")]
pub async fn set_up(
    #[server(default)] secret: Secret,
    #[server(default)] email: String,
    #[server(default)] name: String,
    #[server(default)] organisation: String,
    #[server(default)] password: Secret,
) -> Result<Founded, Error> {
    let access = http::nobody()?;
    let new = operations::NewInstallation { email, name, organisation, password };
    let (done, user, _) = operations::set_up(&access, Some(&secret), new).await?;
    http::sign_in_session(user, access.now()).await?;
    Ok(done)
}

/// Signs in and goes where the person wanted to go.
#[server(prefix = "/fn", endpoint = "account/sign_in")]
pub async fn sign_in(
    #[server(default)] email: String,
    #[server(default)] password: Secret,
    #[server(default)] next: String,
) -> Result<(), Error> {
    let access = http::nobody()?;
    let (user, _) = operations::sign_in(&access, &email, &password).await?;
    http::sign_in_session(user, access.now()).await?;
    http::redirect(&routes::Path::returning(&next).unwrap_or_else(routes::home));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "account/sign_out")]
pub async fn sign_out() -> Result<(), Error> {
    operations::sign_out(&http::access()?).await?;
    http::sign_out_session().await?;
    http::redirect(&routes::sign_in());
    Ok(())
}
