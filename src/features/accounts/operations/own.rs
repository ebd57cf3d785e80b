//! What a person does with their own account.

use super::{
    super::{
        devices,
        email::Email,
        mails,
        model::{NAME_LIMIT, Profile, SessionLine, Theme},
        networks,
        store::{self, Account},
    },
    before, presented,
};
use crate::{
    features::organisations,
    kernel::{Code, Error, FieldError, Result, Secret, SessionId, UserId, text},
    policy::{Operation, Target},
    server::{
        access::{Access, App, sessions},
        audit::event::{Event, Subject},
        crypto::check_new_password,
        limits::MailKind,
    },
    site::routes,
};
use zeroize::Zeroizing;

/// The account of whoever asks, as events name it.
fn own(access: &Access) -> Subject {
    let id = access.user().map(|user| user.to_string()).unwrap_or_default();
    Subject::new("account", id, access.actor_name())
}

/// The account page.
pub async fn profile(access: &Access, theme: Theme) -> Result<Profile> {
    let mut tx = access.read_account(Operation::AccountView).await?;
    let (user, now) = (access.user()?, access.now());
    let account = store::by_id(&mut tx, user).await?.ok_or_else(Error::sign_in_needed)?;
    let sessions = sessions::list(&mut tx, user, now)
        .await?
        .into_iter()
        .map(|listed| SessionLine {
            id: listed.id,
            browser: devices::browser_words(&listed.browser),
            place: devices::place_words(&listed.address),
            created_at: listed.created_at,
            seen_at: listed.seen_at,
            is_current: access.session() == Some(listed.id),
        })
        .collect();
    Ok(Profile { name: account.name, email: account.email, sessions, theme, now })
}

/// Changes the person's name.
pub async fn rename(access: &Access, name: &str) -> Result<()> {
    let subject = own(access);
    access
        .on_account()
        .act(Operation::AccountRename, subject.clone(), |mut change| async move {
            let user = change.access().user()?;
            let name = text::line("Your name", name, NAME_LIMIT).map_err(|sentence| Error::field("name", sentence))?;
            let tx = change.tx().system();
            let was = store::by_id(tx, user).await?.ok_or_else(Error::sign_in_needed)?.name;
            store::rename(tx, user, &name).await?;
            change.commit(Event::of(subject).change("name", was, name), ()).await
        })
        .await
}

/// Changes the password and ends every session of the person; whoever asked goes on with a new one. Gives the value of its
/// cookie.
pub async fn change_password(access: &Access, current: &Secret, new: &Secret) -> Result<Option<Secret>> {
    let operation = Operation::PasswordChange;
    let subject = own(access);
    let app = access.app();
    let (account, hash) = before(access, operation, &subject, async {
        access.check(operation, Target::Account)?;
        let account = prove(access, operation, current).await?.ok_or_else(not_present)?;
        if current == new {
            return Err(Error::field("new_password", "This is your current password. Choose another."));
        }
        app.limits.changes.take(&account.id.to_string(), access.now())?;
        let hash = new_hash(access, &account, new).await?;
        Ok((account, hash))
    })
    .await?;
    let (name, email) = (account.name.clone(), account.email.clone());
    let session = access
        .on_account()
        .act(operation, subject.clone(), |mut change| async move {
            let (user, now) = (UserId(account.id), change.now());
            let tx = change.tx().system();
            let ended = sessions::end_others(tx, user, None).await?;
            if !store::replace_password(tx, user, &account.password_hash, &hash).await? {
                return Err(Error::conflict("The password was just changed elsewhere. Nothing was changed here."));
            }
            store::forget_resets(tx, user, now).await?;
            change.act_confirmed();
            let session = change.begin_session(user).await?;
            change
                .commit(Event::of(subject).change("password", "set", "changed").with("sessions_ended", ended), session)
                .await
        })
        .await?;
    tell_of_change(app, name, email);
    Ok(session)
}

/// Proves the password again, for what asks for it. Whoever asked goes on with a new session. Gives the value of its
/// cookie.
pub async fn confirm_password(access: &Access, password: &Secret) -> Result<Option<Secret>> {
    let operation = Operation::PasswordConfirm;
    let subject = own(access);
    let account = before(access, operation, &subject, async {
        access.check(operation, Target::Account)?;
        prove(access, operation, password).await?.ok_or_else(not_present)
    })
    .await?;
    access
        .on_account()
        .act(operation, subject.clone(), |mut change| async move {
            let user = UserId(account.id);
            if !store::has_password(change.tx().system(), user, &account.password_hash).await? {
                return Err(not_present());
            }
            change.act_confirmed();
            let session = change.begin_session(user).await?;
            change.commit(Event::of(subject), session).await
        })
        .await
}

/// Ends one session of the person.
pub async fn end_session(access: &Access, id: &str) -> Result<()> {
    let subject = Subject::new("session", id, access.actor_name());
    access
        .on_account()
        .act(Operation::SessionEnd, subject.clone(), |mut change| async move {
            let user = change.access().user()?;
            let gone = || Error::new(Code::NotFound, "This session has ended already.");
            let id: SessionId = id.parse().map_err(|_| gone())?;
            if !sessions::end(change.tx().system(), user, id).await? {
                return Err(gone());
            }
            change.commit(Event::of(subject), ()).await
        })
        .await
}

/// Ends all sessions of the person but the one that asks. Gives their number.
pub async fn end_other_sessions(access: &Access) -> Result<u64> {
    let subject = own(access);
    access
        .on_account()
        .act(Operation::SessionsEndOthers, subject.clone(), |mut change| async move {
            let user = change.access().user()?;
            let kept = change.access().session().ok_or_else(Error::sign_in_needed)?;
            let ended = sessions::end_others(change.tx().system(), user, Some(kept)).await?;
            change.commit(Event::of(subject).with("sessions_ended", ended), ended).await
        })
        .await
}

/// Reads a choice of theme; the browser keeps it.
pub fn choose_theme(access: &Access, name: &str) -> Result<Theme> {
    access.check(Operation::ThemeChoose, Target::Account)?;
    Theme::parse(name).ok_or_else(|| Error::field("theme", "The theme is light, dark or system."))
}

/// The account of whoever asks for this operation, if this is its password. Wrong ones count like failed sign-ins.
async fn prove(access: &Access, operation: Operation, password: &Secret) -> Result<Option<Account>> {
    let (app, now) = (access.app(), access.now());
    let account = {
        let mut tx = access.read_account(operation).await?;
        store::by_id(&mut tx, access.user()?).await?.ok_or_else(Error::sign_in_needed)?
    };
    let from = access.origin().address;
    let canonical = Email::parse(&account.email).map_or_else(|_| account.email.clone(), |email| email.canonical);
    let taken = app.limits.take_try(&canonical, from, now, networks::is_known(access, &canonical)).await?;
    let fits = app.passwords.verify(from, presented(password), Some(account.password_hash.clone())).await;
    if !matches!(fits, Ok(false)) {
        taken.give_back();
    }
    Ok(fits?.then_some(account))
}

fn not_present() -> Error {
    let message = "This is not your current password.".to_owned();
    let field = FieldError { field: "current_password".into(), message: message.clone() };
    Error { fields: vec![field], ..Error::new(Code::WrongCredentials, message) }
}

/// The hash of a new password, if it may be one: long enough, not common, and no name from around this person.
pub(super) async fn new_hash(access: &Access, account: &Account, new: &Secret) -> Result<String> {
    let app = access.app();
    let organisations = organisations::operations::names_of(app, UserId(account.id)).await?;
    let local = account.email.rsplit_once('@').map_or(account.email.as_str(), |(local, _)| local);
    let near: Vec<&str> = organisations.iter().map(String::as_str).chain([local]).collect();
    check_new_password(new.expose(), &near).map_err(|sentence| Error::field("new_password", sentence))?;
    app.passwords.hash(access.origin().address, Zeroizing::new(new.expose().to_owned())).await
}

/// Tells the person by mail, if there is mail. Nobody waits for it.
pub(super) fn tell_of_change(app: &App, name: String, email: String) {
    let canonical = Email::parse(&email).map(|email| email.canonical).unwrap_or_default();
    if !app.mail.is_configured() || app.limits.take_mail(MailKind::Notice, &canonical, app.clock.now()).is_err() {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
        let words = mails::password_changed(&name, &format!("{}{}", app.public_url, routes::forgot()));
        app.mail.send(&email, words.subject, words.text).await;
    });
}
