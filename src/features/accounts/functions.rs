//! The accounts' server functions.

use super::model::{Founded, Front, Profile, ResetLink, Theme};
use crate::kernel::{Error, Secret};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::operations,
    crate::{site::routes, web},
};

/// What the signed-out pages need to know.
#[server(prefix = "/fn", endpoint = "account/front")]
pub async fn load_front() -> Result<Front, Error> {
    operations::front(&web::access()?).await
}

#[server(prefix = "/fn", endpoint = "account/setup")]
pub async fn set_up(
    #[server(default)] secret: Secret,
    #[server(default)] email: String,
    #[server(default)] name: String,
    #[server(default)] organisation: String,
    #[server(default)] password: Secret,
) -> Result<Founded, Error> {
    let access = web::nobody()?;
    let new = operations::NewInstallation { email, name, organisation, password };
    let done = operations::set_up(&access, Some(&secret), new).await?;
    web::keep_session(done.session.as_ref()).await?;
    Ok(done.founded)
}

/// Signs in and goes where the person wanted to go.
#[server(prefix = "/fn", endpoint = "account/sign_in")]
pub async fn sign_in(
    #[server(default)] email: String,
    #[server(default)] password: Secret,
    #[server(default)] next: String,
) -> Result<(), Error> {
    let session = operations::sign_in(&web::nobody()?, &email, &password).await?;
    web::keep_session(session.as_ref()).await?;
    web::redirect(&routes::Path::returning(&next).unwrap_or_else(routes::home));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "account/sign_out")]
pub async fn sign_out() -> Result<(), Error> {
    operations::sign_out(&web::access()?).await?;
    web::forget_session().await?;
    web::redirect(&routes::sign_in());
    Ok(())
}

/// The person's own page.
#[server(prefix = "/fn", endpoint = "account/view")]
pub async fn load_profile() -> Result<Profile, Error> {
    let request = web::request()?;
    let theme = request.theme.and_then(Theme::parse).unwrap_or_default();
    operations::profile(&web::access()?, theme).await
}

#[server(prefix = "/fn", endpoint = "account/rename")]
pub async fn rename_account(#[server(default)] name: String) -> Result<(), Error> {
    operations::rename(&web::access()?, &name).await
}

/// Changes the password. This browser goes on with a new session, all others are signed out.
#[server(prefix = "/fn", endpoint = "account/change_password")]
pub async fn change_password(
    #[server(default)] current_password: Secret,
    #[server(default)] new_password: Secret,
) -> Result<(), Error> {
    let session = operations::change_password(&web::access()?, &current_password, &new_password).await?;
    web::keep_session(session.as_ref()).await?;
    web::redirect(&routes::account().with("done", "password"));
    Ok(())
}

/// Proves the password again; the session's token is a new one from then on.
#[server(prefix = "/fn", endpoint = "account/confirm_password")]
pub async fn confirm_password(
    #[server(default)] current_password: Secret,
    #[server(default)] next: String,
) -> Result<(), Error> {
    let session = operations::confirm_password(&web::access()?, &current_password).await?;
    web::keep_session(session.as_ref()).await?;
    web::redirect(&routes::Path::returning(&next).unwrap_or_else(|| routes::confirm_password().with("done", "1")));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "account/end_session")]
pub async fn end_session(#[server(default)] id: String) -> Result<(), Error> {
    operations::end_session(&web::access()?, &id).await
}

/// Gives the number of sessions that ended.
#[server(prefix = "/fn", endpoint = "account/end_other_sessions")]
pub async fn end_other_sessions() -> Result<u64, Error> {
    operations::end_other_sessions(&web::access()?).await
}

#[server(prefix = "/fn", endpoint = "account/ask_reset")]
pub async fn ask_reset(#[server(default)] email: String) -> Result<(), Error> {
    operations::ask_reset(&web::nobody()?, &email).await
}

/// What a reset link is for.
#[server(prefix = "/fn", endpoint = "account/view_reset")]
pub async fn load_reset(#[server(default)] token: Secret) -> Result<ResetLink, Error> {
    operations::view_reset(&web::nobody()?, &token).await
}

#[server(prefix = "/fn", endpoint = "account/reset_password")]
pub async fn reset_password(
    #[server(default)] token: Secret,
    #[server(default)] new_password: Secret,
) -> Result<(), Error> {
    operations::reset_password(&web::nobody()?, &token, &new_password).await?;
    web::redirect(&routes::sign_in().with("done", "reset"));
    Ok(())
}

/// Keeps a theme in this browser.
#[server(prefix = "/fn", endpoint = "account/choose_theme")]
pub async fn choose_theme(#[server(default)] theme: String) -> Result<Theme, Error> {
    let theme = operations::choose_theme(&web::access()?, &theme)?;
    web::keep_theme(theme.name());
    Ok(theme)
}
