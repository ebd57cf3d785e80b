//! Whether there is what a refusal was about: in a flood, whoever is really meant is named before what was made up.

use super::app::App;
use crate::{
    features::{
        accounts::{self, email::Email},
        api_keys,
        audit::event::Subject,
        team, virtual_keys,
    },
    kernel::{OrganisationId, Result, UserId},
};

/// One look-up, whether it is there or not. One that fails finds nothing; its cause is in the log.
pub(super) async fn is_known(app: &App, organisation: OrganisationId, subject: &Subject) -> bool {
    look_up(app, organisation, subject).await.unwrap_or_default()
}

async fn look_up(app: &App, organisation: OrganisationId, subject: &Subject) -> Result<bool> {
    let Subject { kind, id, name } = subject;
    match *kind {
        "account" => {
            let mut tx = app.db.read().await?;
            Ok(match (id.parse().map(UserId), Email::parse(name)) {
                (Ok(id), _) => accounts::by_id(&mut tx, id).await?.is_some(),
                (Err(_), Ok(email)) => accounts::by_email(&mut tx, &email.canonical).await?.is_some(),
                (Err(_), Err(_)) => false,
            })
        }
        "api_key" => match id.parse() {
            Ok(id) => api_keys::exists(&mut app.db.read_in(organisation).await?, id).await,
            Err(_) => Ok(false),
        },
        "member" => match id.parse() {
            Ok(id) => Ok(team::role_of(&mut app.db.read_in(organisation).await?, id).await?.is_some()),
            Err(_) => Ok(false),
        },
        "virtual_key" if !id.is_empty() => {
            virtual_keys::slug_is_taken(&mut app.db.read_in(organisation).await?, id).await
        }
        "invitation" => match id.parse() {
            Ok(id) => team::invitations::exists(&mut app.db.read_in(organisation).await?, id).await,
            Err(_) => Ok(false),
        },
        _ => Ok(false),
    }
}
