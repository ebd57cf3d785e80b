//! When audit events are delivered: looked for each second, in order for each chain and destination, and by one program at a
//! time, whichever of the replicas comes first.

use crate::{
    kernel::{
        OrganisationId, Result, Timestamp,
        time::{MINUTE, SECOND},
    },
    server::{
        access::App,
        audit::{
            self, checkpoints,
            delivery::{
                self, Address, EVENTS, FILE, Format, ORGANISATION, Receiver, SYSLOG, StoredWebhook, Syslog, Trouble,
                WEBHOOK, Webhook,
            },
        },
        crypto::{Sealed, WebhookSecret},
        database::StartResult,
        outgoing::Outgoing,
        settings::{AuditSettings, Collector, Transport},
    },
};
use futures_util::{
    StreamExt,
    future::join_all,
    stream::{self, FuturesUnordered},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How often it is looked whether there is something to deliver.
const LOOK: Duration = Duration::from_secs(1);
/// The same while the database does not answer.
const TROUBLED: Duration = Duration::from_secs(15);
/// How long others leave a delivery to the program that has taken it: longer than anything that is sent at once can take, and
/// as much more as clocks of replicas may differ. After a crash it is that long until another program goes on.
pub const CLAIM: i64 = MINUTE;
/// How much of that must be left when something is sent, in milliseconds: longer than a receiver has to take it.
const LEFT: i64 = 30 * SECOND;
/// How long one chain is delivered from in one round before others have their turn.
const TURN: Duration = Duration::from_secs(5);
/// Organisations' webhooks that are called at the same time.
const PLACES: usize = 16;
/// Chains that an installation's destination begins with in one round.
const BEGUN: usize = 500;

/// The programs' part in delivery. Between rounds it holds no event.
#[derive(Debug)]
pub struct Deliveries {
    receivers: Vec<(&'static str, Receiver)>,
    /// Which program this is, among the replicas.
    program: Uuid,
    /// What it has taken at the moment.
    held: Mutex<HashSet<(OrganisationId, &'static str)>>,
    /// The installation's receivers that do not take events: attempts that have failed in a row, and when the next is.
    away: Mutex<HashMap<&'static str, (i64, Timestamp)>>,
}

impl Default for Deliveries {
    fn default() -> Self {
        Self::new(vec![])
    }
}

/// What came of one message.
enum Sent {
    /// Taken; perhaps there is more.
    Some,
    /// Nothing is left, or another program has it.
    Nothing,
    /// Not taken.
    Failed(Trouble),
}

impl Deliveries {
    /// With the installation's receivers, as the settings name them. Whoever sets them runs Latchkey: they may be anywhere.
    ///
    /// # Errors
    /// A sentence that says which setting cannot be used.
    pub fn of(settings: &AuditSettings, public_url: &str) -> StartResult<Self> {
        let mut receivers = vec![];
        if let Some(path) = settings.file.clone().filter(|path| !path.as_os_str().is_empty()) {
            let failed = |why| format!("the file {} (LATCHKEY_AUDIT_FILE) cannot be kept: {why}", path.display());
            delivery::check_file(&path).map_err(failed)?;
            receivers.push((FILE, Receiver::File(path)));
        }
        let roots = settings.syslog_ca.as_deref().filter(|path| !path.as_os_str().is_empty());
        match (settings.syslog.clone(), roots) {
            (Some(server), roots) if roots.is_none() || server.transport == Transport::Tls => {
                let failed = |why| format!("the certificates of LATCHKEY_AUDIT_SYSLOG_CA cannot be used: {why}");
                receivers.push((SYSLOG, Receiver::Syslog(Syslog::new(server, public_url, roots).map_err(failed)?)));
            }
            (_, Some(_)) => {
                return Err(
                    "LATCHKEY_AUDIT_SYSLOG_CA is set, and LATCHKEY_AUDIT_SYSLOG is no syslog+tls://host:port".into()
                );
            }
            (_, None) => {}
        }
        let text = |setting: &Option<String>| setting.clone().filter(|text| !text.trim().is_empty());
        match (text(&settings.webhook), text(&settings.webhook_secret)) {
            (None, None) => {}
            (None, Some(_)) => {
                return Err("LATCHKEY_AUDIT_WEBHOOK_SECRET is set, and LATCHKEY_AUDIT_WEBHOOK is not".into());
            }
            (Some(_), None) => {
                return Err(
                    "LATCHKEY_AUDIT_WEBHOOK is set, and LATCHKEY_AUDIT_WEBHOOK_SECRET, which signs, is not".into()
                );
            }
            (Some(url), Some(secret)) => {
                let everywhere = Collector::addresses();
                let address = Address::parse(&url, &everywhere)
                    .map_err(|why| format!("LATCHKEY_AUDIT_WEBHOOK cannot be used. {why}"))?;
                let secret = WebhookSecret::parse(secret.trim())
                    .ok_or("LATCHKEY_AUDIT_WEBHOOK_SECRET must be whsec_ and 24 to 64 bytes in base64")?;
                let format = Format::parse(settings.webhook_format.trim())
                    .ok_or("LATCHKEY_AUDIT_WEBHOOK_FORMAT must be events or ocsf")?;
                let outgoing = Outgoing::new(everywhere);
                receivers.push((
                    WEBHOOK,
                    Receiver::Webhook(Box::new(Webhook { address, secrets: vec![secret], format, outgoing })),
                ));
            }
        }
        Ok(Self::new(receivers))
    }

    /// With the installation's receivers, by the names of their destinations.
    pub fn new(receivers: Vec<(&'static str, Receiver)>) -> Self {
        Self { receivers, program: Uuid::now_v7(), held: Mutex::default(), away: Mutex::default() }
    }

    /// The names of the installation's destinations that are set.
    pub fn destinations(&self) -> Vec<&'static str> {
        self.receivers.iter().map(|(name, _)| *name).collect()
    }

    /// Delivers until it is dropped.
    pub async fn run(&self, app: &App) {
        let own = self.receivers.iter().map(|(name, receiver)| async {
            loop {
                sleep(noted(name, self.to_receiver(app, name, receiver).await)).await;
            }
        });
        tokio::join!(join_all(own), self.run_organisations(app));
    }

    /// The organisations' own webhooks: whoever is slow keeps a place, and no other one from its turn.
    async fn run_organisations(&self, app: &App) {
        let (mut under_way, mut busy) = (FuturesUnordered::new(), HashSet::new());
        let mut rest = LOOK;
        loop {
            match self.due(app, ORGANISATION, false).await {
                Ok(due) => {
                    for organisation in due {
                        if busy.len() < PLACES && busy.insert(organisation) {
                            let turn = self.turn(app, ORGANISATION, organisation, None);
                            under_way.push(async move { (organisation, turn.await) });
                        }
                    }
                }
                Err(error) => rest = noted(ORGANISATION, Err(error)),
            }
            let mut pause = std::pin::pin!(sleep(rest));
            rest = LOOK;
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    Some((organisation, done)) = under_way.next() => {
                        busy.remove(&organisation);
                        rest = noted(ORGANISATION, done.map(drop)).max(rest);
                    }
                }
            }
        }
    }

    /// Delivers once what is there, to every destination.
    ///
    /// # Errors
    /// When the database cannot be read or written; the next round makes up for it. That a receiver does not take events is
    /// noted and is no error.
    pub async fn round(&self, app: &App) -> Result<()> {
        for (name, receiver) in &self.receivers {
            self.to_receiver(app, name, receiver).await?;
        }
        let due = self.due(app, ORGANISATION, false).await?;
        let turns = stream::iter(due).map(|organisation| self.turn(app, ORGANISATION, organisation, None));
        let done: Vec<Result<Option<Trouble>>> = turns.buffer_unordered(PLACES).collect().await;
        done.into_iter().try_for_each(|one| one.map(drop))
    }

    /// Lets go what this program has taken, for whoever comes next: after it has stopped delivering.
    pub async fn release(&self, app: &App) {
        let held = std::mem::take(&mut *lock(&self.held));
        for (organisation, destination) in held {
            let done = async {
                let mut tx = app.db.write_in(organisation).await?;
                delivery::release(&mut tx, destination, self.program).await?;
                tx.commit().await
            };
            if let Err(error) = done.await {
                tracing::warn!(%error, destination, "a delivery of audit events could not be let go");
            }
        }
    }

    /// The chains of which there is something to deliver at this moment, and that this program may deliver from. Whichever
    /// failed last comes last, and before it whichever was delivered from last: those that are always busy take turns with
    /// all others. With `begins`, chains that are new to the destination are begun with.
    async fn due(&self, app: &App, destination: &'static str, begins: bool) -> Result<Vec<OrganisationId>> {
        let mut tx = app.db.read_every_chain().await?;
        let mut cursors = delivery::cursors(&mut tx, destination).await?;
        if cursors.is_empty() && !begins {
            app.deliveries.to(destination).wait(0);
            return Ok(vec![]);
        }
        let ends = checkpoints::standings(&mut tx).await?;
        drop(tx);
        let ends: HashMap<OrganisationId, i64> = ends.into_iter().map(|(chain, seq, _)| (chain, seq)).collect();
        if begins {
            let known: HashSet<OrganisationId> = cursors.iter().map(|cursor| cursor.organisation).collect();
            let new: Vec<OrganisationId> = ends.keys().filter(|id| !known.contains(id)).take(BEGUN).copied().collect();
            for organisation in &new {
                let mut tx = app.db.write_in(*organisation).await?;
                // What was removed for its age is in no chain any more.
                let removed = audit::anchors::removed(&mut tx).await?;
                delivery::begin(&mut tx, destination, removed).await?;
                tx.commit().await?;
            }
            if !new.is_empty() {
                cursors = delivery::cursors(&mut app.db.read_every_chain().await?, destination).await?;
            }
        }
        let waits = |cursor: &delivery::Cursor| {
            let end = ends.get(&cursor.organisation).copied().unwrap_or_default();
            u64::try_from(end.saturating_sub(cursor.seq)).unwrap_or_default()
        };
        let waiting = cursors.iter().filter(|cursor| !cursor.is_paused).map(waits);
        app.deliveries.to(destination).wait(waiting.fold(0, u64::saturating_add));
        let now = app.clock.now();
        cursors.retain(|cursor| waits(cursor) > 0 && cursor.is_free(self.program, now));
        cursors.sort_by_key(delivery::Cursor::turn);
        Ok(cursors.into_iter().map(|cursor| cursor.organisation).collect())
    }

    /// Delivers once to one of the installation's receivers.
    async fn to_receiver(&self, app: &App, destination: &'static str, receiver: &Receiver) -> Result<()> {
        let now = app.clock.now();
        if lock(&self.away).get(destination).is_some_and(|(_, next)| *next > now) {
            return Ok(());
        }
        for organisation in self.due(app, destination, true).await? {
            let Some(trouble) = self.turn(app, destination, organisation, Some(receiver)).await? else {
                lock(&self.away).remove(destination);
                continue;
            };
            // Whatever comes next would most likely not be taken either.
            let mut away = lock(&self.away);
            let (failures, next) = away.entry(destination).or_default();
            *next = now.plus(trouble.pause(*failures));
            *failures += 1;
            break;
        }
        Ok(())
    }

    /// Delivers from one chain, until nothing is left or its turn is over. Gives why a receiver has not taken events.
    async fn turn(
        &self,
        app: &App,
        destination: &'static str,
        organisation: OrganisationId,
        receiver: Option<&Receiver>,
    ) -> Result<Option<Trouble>> {
        let end = Instant::now() + TURN;
        loop {
            match self.send(app, destination, organisation, receiver).await? {
                Sent::Some if Instant::now() < end => {}
                Sent::Some | Sent::Nothing => return Ok(None),
                Sent::Failed(trouble) => return Ok(Some(trouble)),
            }
        }
    }

    /// Delivers one message: takes the delivery, reads and sends, and notes what was taken.
    async fn send(
        &self,
        app: &App,
        destination: &'static str,
        organisation: OrganisationId,
        receiver: Option<&Receiver>,
    ) -> Result<Sent> {
        let now = app.clock.now();
        let until = now.plus(CLAIM);
        let mut tx = app.db.write_in(organisation).await?;
        let claimed = delivery::claim(&mut tx, destination, self.program, until, now).await?;
        let Some((before, failures)) = claimed else { return Ok(Sent::Nothing) };
        tx.commit().await?;
        lock(&self.held).insert((organisation, destination));
        let mut tx = app.db.read_in(organisation).await?;
        let events = audit::page(&mut tx, before, EVENTS).await?;
        let own = match receiver {
            Some(_) => None,
            None => delivery::webhook(&mut tx).await?,
        };
        // No transaction waits for the receiver.
        drop(tx);
        // What took too long until here is left for the next turn: meanwhile another program may take the delivery.
        let now = app.clock.now();
        let is_nothing = events.is_empty() || until.0 - now.0 < LEFT;
        let sent = match (is_nothing, receiver, own) {
            (true, ..) | (_, None, None) => None,
            (_, Some(receiver), _) => Some(receiver.send(organisation, &events, now).await),
            (_, None, Some(stored)) => Some(match webhook_of(app, organisation, &stored) {
                Ok(webhook) => Receiver::Webhook(Box::new(webhook)).send(organisation, &events, now).await,
                Err(trouble) => Err(trouble),
            }),
        };
        let mut tx = app.db.write_in(organisation).await?;
        let now = app.clock.now();
        let done = match sent {
            None => {
                delivery::release(&mut tx, destination, self.program).await?;
                Sent::Nothing
            }
            Some(Ok(last)) => {
                let noted = delivery::delivered(&mut tx, destination, self.program, (before, last), now).await?;
                if noted && failures > 0 {
                    tracing::info!(destination, %organisation, "audit events are delivered again");
                }
                let taken = events.iter().filter(|event| event.seq <= last).count();
                app.deliveries.to(destination).events.add(u64::try_from(taken).unwrap_or_default());
                if noted { Sent::Some } else { Sent::Nothing }
            }
            Some(Err(trouble)) => {
                app.deliveries.to(destination).failures.add(1);
                let next = now.plus(trouble.pause(failures));
                delivery::failed(&mut tx, destination, self.program, before, trouble.kept(), next).await?;
                // It is told once, and not with every attempt.
                if failures == 0 {
                    let why = trouble.kept();
                    tracing::warn!(destination, %organisation, why, "audit events are not delivered; they wait in the log");
                }
                Sent::Failed(trouble)
            }
        };
        tx.commit().await?;
        lock(&self.held).remove(&(organisation, destination));
        Ok(done)
    }
}

/// Tells the program's log of a round that failed; the next one makes up for it. Gives how long to wait for that.
fn noted(destination: &'static str, done: Result<()>) -> Duration {
    let Err(error) = done else { return LOOK };
    tracing::warn!(%error, destination, "audit events could not be read for their delivery, or it could not be noted");
    TROUBLED
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the secrets of an organisation's webhook are sealed to.
fn place(organisation: OrganisationId, id: Uuid) -> [String; 3] {
    [organisation.to_string(), id.to_string(), "audit webhook secret".to_owned()]
}

/// Seals a secret of an organisation's webhook: it opens in its own organisation and record alone.
///
/// # Errors
/// When there are no random numbers.
pub fn seal(app: &App, organisation: OrganisationId, id: Uuid, plain: &str) -> Result<Sealed> {
    app.keyring.seal(&place(organisation, id).each_ref().map(String::as_str), plain)
}

/// An organisation's webhook as it is called, at this moment.
///
/// # Errors
/// When its address may not be called any more, or its secret does not open.
pub fn webhook_of(
    app: &App,
    organisation: OrganisationId,
    stored: &StoredWebhook,
) -> std::result::Result<Webhook, Trouble> {
    let trouble = |sentence: &'static str| Trouble { sentence: sentence.into(), after: None };
    let address = Address::parse(&stored.url, app.outgoing.allowed())
        .map_err(|_| trouble("The receiver’s address is not public, and events may not go there."))?;
    let place = place(organisation, stored.id);
    let open = |sealed: &[u8]| {
        let plain = app.keyring.open_sealed(&place.each_ref().map(String::as_str), sealed).ok()?;
        WebhookSecret::parse(&plain)
    };
    let sealed = trouble("The signing secret cannot be opened. Rotate it.");
    let mut secrets = vec![open(&stored.secret).ok_or(sealed)?];
    if stored.old_until.is_some_and(|until| Timestamp(until) > app.clock.now()) {
        secrets.extend(stored.old_secret.as_deref().and_then(open));
    }
    let format = Format::parse(&stored.format).unwrap_or(Format::Events);
    Ok(Webhook { address, secrets, format, outgoing: app.outgoing.clone() })
}
