//! What those inside can do with invitations.

mod many;

pub use many::{picked, revoke_many};

use super::{
    model::{
        Answer, BATCH_LIMIT, Batch, Invitation, Invitations, InviteOutcome, LIFE, Resent, State, TEXT_LIMIT,
        WAITING_LIMIT, addresses,
    },
    store::{self, By, Inviter, New},
};
use crate::{
    features::{accounts::email::Email, api_keys, organisations, team},
    kernel::{Asked, Code, Error, FieldError, InvitationId, Result, Secret, Timestamp, Window, text, time::MINUTE},
    policy::{Operation, Principal, Role, Target},
    server::{
        access::{Access, App, Change},
        audit::{
            self,
            event::{Event, Subject},
        },
        crypto::{Digest, link_token},
        database::listing::Page,
        mail::plain,
    },
    site::routes,
};
use futures_util::{StreamExt, stream};
use zeroize::Zeroizing;

/// The purpose under which tokens of invitations are digested.
pub(super) const PURPOSE: &str = "invitation";
/// Between a link and the next mail for one invitation: nobody's inbox is flooded.
const RESEND_PAUSE: i64 = MINUTE;
/// Mails on their way at once.
const MAILS_AT_ONCE: usize = 8;

/// A page of the invitations that fit.
pub async fn list(access: &Access, asked: &Asked, window: Window) -> Result<Invitations> {
    let mut tx = access.read(Operation::InvitationsList).await?;
    let seen = audit::seen(&mut tx).await?;
    let now = access.now();
    let Page { rows: invitations, total, window } = store::page(&mut tx, asked, window, now).await?;
    let (members, _) = team::store::counts(&mut tx).await?;
    let has_mail = access.app().mail.is_configured();
    Ok(Invitations { seen, invitations, total, members, window, has_mail, now })
}

/// One invitation, whatever became of it.
pub async fn get(access: &Access, id: InvitationId) -> Result<Invitation> {
    let mut tx = access.read(Operation::InvitationGet).await?;
    let stored = store::get(&mut tx, id, access.now()).await?.ok_or_else(Error::not_found)?;
    Ok(stored.invitation)
}

/// What is mailed, or shown if it cannot be.
struct Letter {
    id: InvitationId,
    digest: Digest,
    to: String,
    canonical: String,
    link: Secret,
    organisation: String,
    inviter: String,
    role: Role,
}

/// Invites every address in a text, each with a result of its own. If none can be invited, the error names the reasons.
pub async fn invite(access: &Access, text: &str, role: Role) -> Result<Batch> {
    let subject = Subject::unnamed("invitation", "");
    let (batch, letters) = access
        .act(Operation::Invite, subject, |mut change| async move {
            change.check(Target::Rank { organisation: change.organisation(), now: None, next: Some(role) })?;
            api_keys::operations::free_to_invite(&mut change).await?;
            let typed = read_addresses(text)?;
            let app = change.access().app().clone();
            let (inviter, organisation) = (inviter(&change)?, organisation_name(&mut change).await?);
            let limited = change.organisation().to_string();
            let mut waiting = store::count(change.tx()).await?;
            let mut answers: Vec<Answer> = vec![];
            let mut letters = vec![];
            for address in typed {
                let outcome = match Email::parse(&address) {
                    _ if is_among(&answers, &address) => InviteOutcome::Repeated,
                    Err(reason) => InviteOutcome::Invalid(reason),
                    Ok(email) => match obstacle(&mut change, &email).await? {
                        Some(outcome) => outcome,
                        None if waiting >= WAITING_LIMIT => InviteOutcome::Invalid(format!(
                            "{WAITING_LIMIT} invitations wait already. Revoke some first."
                        )),
                        None => {
                            app.limits.invitations.take(&limited, change.now())?;
                            let (id, link, digest) = make(&mut change, &app, &email, role, &inviter).await?;
                            waiting += 1;
                            let letter = Letter {
                                id,
                                digest,
                                to: email.shown,
                                canonical: email.canonical,
                                link,
                                organisation: organisation.clone(),
                                inviter: inviter.name.clone(),
                                role,
                            };
                            letters.push((answers.len(), letter));
                            InviteOutcome::Invited { id, link: None, unsent: None }
                        }
                    },
                };
                answers.push(Answer { address, outcome });
            }
            if letters.is_empty() {
                return Err(nobody_invited(&answers));
            }
            change.finish((Batch { role, answers }, letters)).await
        })
        .await?;
    Ok(post(access, batch, letters).await)
}

/// What of these addresses would not be invited now, and why: each as typed, with the reason. It says no more than the lists
/// of members and invitations, which whoever may invite may see.
pub async fn check(access: &Access, text: &str) -> Result<Vec<(String, Option<String>)>> {
    let mut tx = access.read(Operation::InviteCheck).await?;
    let mut told = vec![];
    for address in read_addresses(text)? {
        let outcome = match Email::parse(&address) {
            Err(reason) => Some(InviteOutcome::Invalid(reason)),
            Ok(email) if team::store::is_member(&mut tx, &email.canonical).await? => Some(InviteOutcome::AlreadyMember),
            Ok(email) => {
                let open = store::open_for(&mut tx, &email.canonical, access.now()).await?;
                open.filter(|open| open.invitation.state == State::Pending).map(|_| InviteOutcome::AlreadyInvited)
            }
        };
        told.push((address, outcome.and_then(|outcome| outcome.reason())));
    }
    Ok(told)
}

/// Whether an address was read before.
fn is_among(answers: &[Answer], address: &str) -> bool {
    answers.iter().any(|answer| answer.address.to_lowercase() == address.to_lowercase())
}

/// The addresses as typed: some, and not too many.
fn read_addresses(text: &str) -> Result<Vec<String>> {
    if text.chars().count() > TEXT_LIMIT {
        return Err(Error::field("addresses", format!("This field takes at most {TEXT_LIMIT} characters.")));
    }
    let typed = addresses(text);
    match typed.len() {
        0 => Err(Error::field("addresses", "Type at least one e-mail address.")),
        n if n > BATCH_LIMIT => {
            Err(Error::field("addresses", format!("These are {n} addresses. Invite at most {BATCH_LIMIT} at once.")))
        }
        _ => Ok(typed),
    }
}

fn nobody_invited(answers: &[Answer]) -> Error {
    let fields: Vec<FieldError> = answers
        .iter()
        .filter_map(|answer| {
            let message = format!("{}: {}", text::cut(&answer.address, 100), answer.outcome.reason()?);
            Some(FieldError { field: "addresses".into(), message })
        })
        .collect();
    let message = match fields.as_slice() {
        [only] => only.message.clone(),
        _ => "None of these addresses can be invited.".to_owned(),
    };
    let is_there = |answer: &Answer| {
        matches!(answer.outcome, InviteOutcome::AlreadyMember | InviteOutcome::AlreadyInvited | InviteOutcome::Repeated)
    };
    let code = if answers.iter().all(is_there) { Code::Conflict } else { Code::Invalid };
    Error { fields, ..Error::new(code, message) }
}

/// Why this address is not invited now; an invitation that has expired makes room.
async fn obstacle(change: &mut Change, email: &Email) -> Result<Option<InviteOutcome>> {
    if team::store::is_member(change.tx(), &email.canonical).await? {
        return Ok(Some(InviteOutcome::AlreadyMember));
    }
    let now = change.now();
    let Some(open) = store::open_for(change.tx(), &email.canonical, now).await? else {
        // To revoke and invite anew is no way around the pause.
        let revoked = store::last_revoked(change.tx(), &email.canonical).await?;
        let left = revoked.and_then(|sent_at| pause_left(change.access(), sent_at));
        return Ok(left.map(|s| InviteOutcome::Invalid(format!("Was invited a moment ago. Wait {s} seconds."))));
    };
    if open.invitation.state == State::Pending {
        return Ok(Some(InviteOutcome::AlreadyInvited));
    }
    let Invitation { id, email, role, .. } = open.invitation;
    if let Err(error) = change.check(Target::Rank { organisation: change.organisation(), now: Some(role), next: None })
    {
        return Ok(Some(InviteOutcome::Invalid(format!("Was invited as {role}, and that expired. {}", error.message))));
    }
    store::revoke(change.tx(), id, now).await?;
    let event = Event::of(Subject::new("invitation", id, email));
    change.record(&event.change("state", State::Expired.label(), State::Revoked.label())).await?;
    Ok(None)
}

async fn make(
    change: &mut Change,
    app: &App,
    email: &Email,
    role: Role,
    inviter: &Inviter,
) -> Result<(InvitationId, Secret, Digest)> {
    let (id, now) = (InvitationId::new(), change.now());
    let (link, digest) = new_link(app)?;
    let expires_at = now.plus(LIFE);
    let new = New { id, email: &email.shown, canonical: &email.canonical, role, digest: &digest, inviter, expires_at };
    store::insert(change.tx(), &new, now).await?;
    let event = Event::of(Subject::new("invitation", id, &email.shown))
        .with("role", role.name())
        .with("expires_at", expires_at.rfc3339());
    change.record(&event).await?;
    Ok((id, link, digest))
}

/// A new link and the digest under which its token is stored.
fn new_link(app: &App) -> Result<(Secret, Digest)> {
    let token: Zeroizing<String> = link_token()?;
    let link = Secret::new(format!("{}{}", app.public_url, routes::invitation(&token)));
    Ok((link, app.keyring.digest(PURPOSE, &token)))
}

/// Sends anew: a new link and a new term; links sent before stop working. With `show` the link is given back instead of
/// being mailed.
pub async fn resend(access: &Access, id: InvitationId, show: bool) -> Result<Resent> {
    let letter = access
        .act(Operation::InvitationResend, Subject::unnamed("invitation", id), |mut change| async move {
            let now = change.now();
            let stored = store::get(change.tx(), id, now).await?.ok_or_else(Error::not_found)?;
            let invitation = stored.invitation;
            let rank = Target::Rank { organisation: change.organisation(), now: None, next: Some(invitation.role) };
            change.check(rank)?;
            api_keys::operations::free_to_invite(&mut change).await?;
            if !invitation.state.is_open() {
                return Err(over(invitation.state));
            }
            let app = change.access().app().clone();
            // A link that is only shown reaches no inbox: the organisation's limit is enough for it.
            if !show && let Some(seconds) = pause_left(change.access(), invitation.sent_at) {
                return Err(Error::wait(seconds, format!("Its link was made a moment ago. Wait {seconds} seconds.")));
            }
            app.limits.invitations.take(&change.organisation().to_string(), now)?;
            if !show {
                may_mail(change.access(), &stored.canonical).map_err(|error| Error {
                    message: format!("{} Until then you can make a new link and hand it over.", error.message),
                    ..error
                })?;
            }
            let inviter = inviter(&change)?;
            let (link, digest) = new_link(&app)?;
            let expires_at = now.plus(LIFE);
            if !store::renew(change.tx(), id, &digest, &inviter, now, expires_at).await? {
                return Err(over(State::Revoked));
            }
            let organisation = organisation_name(&mut change).await?;
            let event = Event::of(Subject::new("invitation", id, &invitation.email))
                .change("expires_at", invitation.expires_at.rfc3339(), expires_at.rfc3339())
                .with("link", "renewed");
            let Invitation { email: to, role, .. } = invitation;
            let canonical = stored.canonical;
            let letter = Letter { id, digest, to, canonical, link, organisation, inviter: inviter.name, role };
            change.commit(event, letter).await
        })
        .await?;
    let mailed = !show && send(access, &letter).await;
    Ok(Resent { email: letter.to, link: (!mailed).then_some(letter.link) })
}

/// The seconds until another mail may follow a link that was made then; none where nothing is to be waited for, since it
/// is over or there is no mail.
fn pause_left(access: &Access, sent_at: Timestamp) -> Option<u32> {
    let rest = sent_at.plus(RESEND_PAUSE).0 - access.now().0;
    (rest > 0 && access.app().mail.is_configured()).then(|| u32::try_from(rest / 1_000 + 1).unwrap_or(1))
}

/// Makes an open invitation worthless.
pub async fn revoke(access: &Access, id: InvitationId) -> Result<()> {
    access
        .act(Operation::InvitationRevoke, Subject::unnamed("invitation", id), |mut change| async move {
            let now = change.now();
            let stored = store::get(change.tx(), id, now).await?.ok_or_else(Error::not_found)?;
            let Invitation { email, role, state, .. } = stored.invitation;
            change.check(Target::Rank { organisation: change.organisation(), now: Some(role), next: None })?;
            if !state.is_open() || !store::revoke(change.tx(), id, now).await? {
                return Err(over(state));
            }
            let event =
                Event::of(Subject::new("invitation", id, email)).change("state", state.label(), State::Revoked.label());
            change.commit(event, ()).await
        })
        .await
}

/// The error for those inside when an invitation is not open any more.
fn over(state: State) -> Error {
    Error::conflict(match state {
        State::Accepted => "This invitation was accepted already.",
        State::Declined => "This invitation was declined. Invite the address anew.",
        State::Revoked | State::Pending | State::Expired => "This invitation was revoked. Invite the address anew.",
    })
}

/// Who invites, as the invitation names them.
fn inviter(change: &Change) -> Result<Inviter> {
    let by = match *change.principal() {
        Principal::Member { user, .. } => By::Person(user),
        Principal::ApiKey { key, .. } => By::Key(key),
        Principal::Nobody | Principal::Person { .. } => return Err(Error::sign_in_needed()),
    };
    Ok(Inviter { by, name: change.access().actor_name().to_owned() })
}

async fn organisation_name(change: &mut Change) -> Result<String> {
    let id = change.organisation();
    let organisation = organisations::by_id(change.tx().system(), id).await?.ok_or_else(Error::not_found)?;
    Ok(organisation.name)
}

/// Mails the letters, and puts the links of those that could not be mailed into their answers.
async fn post(access: &Access, mut batch: Batch, letters: Vec<(usize, Letter)>) -> Batch {
    let posted: Vec<(usize, Secret, Option<String>)> = stream::iter(letters)
        .map(async |(at, letter)| match may_mail(access, &letter.canonical) {
            Ok(()) => (!send(access, &letter).await).then_some((at, letter.link, None)),
            Err(error) => Some((at, letter.link, Some(error.message))),
        })
        .buffer_unordered(MAILS_AT_ONCE)
        .filter_map(async |unsent| unsent)
        .collect()
        .await;
    for (at, secret, reason) in posted {
        if let Some(Answer { outcome: InviteOutcome::Invited { link, unsent, .. }, .. }) = batch.answers.get_mut(at) {
            (*link, *unsent) = (Some(secret), reason);
        }
    }
    batch
}

/// Whether one more invitation may be mailed: by whoever asks, over all their organisations, and to this canonical address,
/// from all organisations. A key sends for its organisation.
fn may_mail(access: &Access, to: &str) -> Result<()> {
    if !access.app().mail.is_configured() {
        return Ok(());
    }
    let sender = match *access.principal() {
        Principal::Member { user, .. } => user.to_string(),
        Principal::ApiKey { organisation, .. } => organisation.to_string(),
        Principal::Nobody | Principal::Person { .. } => return Err(Error::sign_in_needed()),
    };
    access.app().limits.take_invitation_mail(&sender, to, access.now())
}

/// False: it could not be mailed.
async fn send(access: &Access, letter: &Letter) -> bool {
    let Letter { id, digest, to, link, organisation, inviter, role, .. } = letter;
    let (inviter, organisation) = (plain(inviter), plain(organisation));
    // Whoever makes an organisation chooses its name, and theirs: strangers could write any subject.
    let subject = "Invitation to an organisation on Latchkey";
    let text = format!(
        "“{inviter}” invites you to join “{organisation}” on Latchkey as {role}.\n\n\
         Open this link to accept. It works once, for 7 days, and for this address alone:\n\n{}\n\n\
         If you do not know what this is about, do nothing.\n",
        link.expose()
    );
    let mailed = access.app().mail.send(to, subject, text).await;
    if mailed {
        note_mailed(access, *id, digest).await;
    }
    mailed
}

/// Notes that an invitation's link was mailed and will be shown to nobody. Until then, and if it fails, the link proves no
/// address.
async fn note_mailed(access: &Access, id: InvitationId, digest: &Digest) {
    let Some(organisation) = access.principal().organisation() else { return };
    let noted: Result<()> = async {
        let mut note = access.app().note_in(organisation).await?;
        store::note_mailed(note.tx(), id, digest).await?;
        note.commit().await
    }
    .await;
    if let Err(error) = noted {
        tracing::warn!(%error, "it could not be noted that an invitation was mailed");
    }
}
