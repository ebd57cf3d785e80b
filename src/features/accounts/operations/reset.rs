//! Forgotten passwords: a link that works once, for an hour, and only while it is the newest. One that somebody made for
//! somebody else works as long as they may make it.

use super::{
    super::{
        email::Email,
        mails,
        model::ResetLink,
        networks,
        store::{self, Maker},
    },
    before,
    own::{new_hash, tell_of_change},
};
use crate::{
    features::team,
    kernel::{Code, Error, Result, Secret, UserId, time::HOUR},
    policy::{Operation, Role, Target},
    server::{
        access::{Access, Change, sessions},
        audit::event::{Event, SignedInBy, Subject},
        crypto::{Digest, link_token},
        database::Tx,
        limits::{MailKind, address_subject},
    },
    site::routes,
};
use zeroize::Zeroizing;

/// The purpose under which tokens of reset links are digested.
const PURPOSE: &str = "reset";
/// How long a reset link works.
const LIFETIME: i64 = HOUR;

/// Makes the token of a reset link for this person. Earlier links of theirs die. Who may ask is for the caller to decide.
/// With a maker the link is shown to that one, who hands it over and could use it as well; without, it goes by mail and by
/// nothing else: whoever uses it reads the mail of the account's address.
pub async fn reset_token(change: &mut Change, user: UserId, maker: Option<Maker>) -> Result<Zeroizing<String>> {
    let token = link_token()?;
    let digest = change.access().app().keyring.digest(PURPOSE, &token);
    let now = change.now();
    let tx = change.tx().system();
    store::forget_resets(tx, user, now).await?;
    store::insert_reset(tx, user, &digest, maker, now, now.plus(LIFETIME)).await?;
    Ok(token)
}

/// Whether somebody may set a person's password at this moment. It opens the whole account, so they must be an Owner
/// wherever that person belongs, the organisation included in which they ask.
pub async fn may_reset(tx: &mut Tx, maker: Maker, user: UserId) -> Result<bool> {
    let theirs = team::places(tx, user).await?;
    let own = team::places(tx, maker.person).await?;
    let here = theirs.iter().any(|(place, _)| *place == maker.organisation);
    Ok(here && theirs.iter().all(|(place, _)| own.contains(&(*place, Role::Owner))))
}

/// Mails a reset link if the address has an account. Answers the same, as fast, if it has none.
pub async fn ask_reset(access: &Access, email: &str) -> Result<()> {
    let operation = Operation::ResetAsk;
    let (app, now) = (access.app(), access.now());
    let subject = Subject::new("account", "", email.trim());
    let email = before(access, operation, &subject, async {
        access.check(operation, Target::Account)?;
        if !app.mail.is_configured() {
            let words = "Latchkey cannot send mail here. Ask an Owner or Admin of your organisation for a reset link.";
            return Err(Error::conflict(words));
        }
        let email = Email::parse(email).map_err(|sentence| Error::field("email", sentence))?;
        let address = address_subject(access.origin().address);
        app.limits.resets.take(&format!("{} {address}", email.canonical), now)?;
        app.limits.links.take(&address, now)?;
        Ok(email)
    })
    .await?;
    // Asked for from many addresses: the newest mail's link still works, and nobody's inbox is flooded. Not told, since
    // it would tell of an account.
    let may_mail = app.limits.resets.take(&email.canonical, now).is_ok();
    let subject = Subject::new("account", "", email.canonical.clone());
    let mail = access
        .on_account()
        .act(operation, subject.clone(), |mut change| async move {
            let account = store::by_email(change.tx().system(), &email.canonical).await?;
            let account = account.filter(|account| may_mail && account.disabled_at.is_none());
            // Counted where one is sent: whoever asks for an address without an account uses nothing up.
            let limits = &change.access().app().limits;
            let account = account.filter(|_| limits.take_mail(MailKind::Reset, &email.canonical, now).is_ok());
            let mail = match account {
                Some(account) => Some((reset_token(&mut change, UserId(account.id), None).await?, account)),
                None => None,
            };
            change.commit(Event::of(subject), mail).await
        })
        .await?;
    if let Some((token, account)) = mail {
        let app = app.clone();
        // Whoever asked does not wait for the mail server: the wait would tell of an account.
        tokio::spawn(async move {
            let link = Zeroizing::new(format!("{}{}", app.public_url, routes::reset(&token)));
            let words = mails::reset(&account.name, &link);
            app.mail.send(&account.email, words.subject, words.text).await;
        });
    }
    Ok(())
}

/// Whose password a link resets. Looking uses nothing up.
pub async fn view_reset(access: &Access, token: &Secret) -> Result<ResetLink> {
    access.check(Operation::ResetView, Target::Account)?;
    let account = find(access, token).await?.1;
    Ok(ResetLink { email: account.email })
}

/// Sets a new password by a link, uses the link up and ends all sessions of the person.
pub async fn reset_password(access: &Access, token: &Secret, new: &Secret) -> Result<()> {
    let operation = Operation::ResetPassword;
    let app = access.app();
    let (digest, account, hash, taken) = before(access, operation, &Subject::unnamed("account", ""), async {
        access.check(operation, Target::Account)?;
        let (digest, account) = find(access, token).await?;
        let taken = app.limits.take_link(&format!("reset {}", account.id), access.origin().address, access.now())?;
        let hash = new_hash(access, &account, new).await?;
        Ok((digest, account, hash, taken))
    })
    .await?;
    let (name, email) = (account.name.clone(), account.email.clone());
    let subject = Subject::new("account", account.id, &account.email);
    access
        .on_account()
        .act(operation, subject.clone(), |mut change| async move {
            let (user, now) = (UserId(account.id), change.now());
            change.act_as(user, &account.name, SignedInBy::ResetLink);
            networks::note(&mut change, user).await?;
            let tx = change.tx().system();
            let maker = store::use_reset(tx, &digest, now).await?.ok_or_else(spent)?;
            let ended = sessions::end_others(tx, user, None).await?;
            store::set_password(tx, user, &hash).await?;
            store::forget_resets(tx, user, now).await?;
            let mut event = Event::of(subject).change("password", "set", "changed").with("sessions_ended", ended);
            match maker {
                // Last: by a session that has just ended the person could still have joined or founded an organisation.
                Some(maker) if !may_reset(tx, maker, user).await? => return Err(spent()),
                Some(maker) => event = event.with("link_made_by", maker.person.to_string()),
                None if store::prove_address(tx, user, now).await? => event = event.with("address", "proven"),
                None => {}
            }
            change.commit(event, ()).await
        })
        .await?;
    taken.give_back();
    tell_of_change(app, name, email);
    Ok(())
}

/// The account behind a living link, made by somebody who may still make it. Wrong ones count against the address that tries
/// them.
async fn find(access: &Access, token: &Secret) -> Result<(Digest, store::Account)> {
    let (app, now) = (access.app(), access.now());
    let address = address_subject(access.origin().address);
    app.limits.links.check(&address, now)?;
    let digest = app.keyring.digest(PURPOSE, token.expose());
    let mut tx = app.db.read().await?;
    let Some((account, maker)) = store::by_reset(&mut tx, &digest, now).await? else {
        drop(tx);
        app.limits.links.count(&address, now);
        return Err(spent());
    };
    match maker {
        Some(maker) if !may_reset(&mut tx, maker, UserId(account.id)).await? => Err(spent()),
        _ => Ok((digest, account)),
    }
}

/// The one answer to a link that was used, replaced, is too old, or never was.
fn spent() -> Error {
    let message = "It was used already, replaced by a newer one, or more than 60 minutes old, or whoever made it may not make such links any more. Ask for a new one.";
    Error::new(Code::LinkSpent, message)
}
