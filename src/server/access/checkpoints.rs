//! When checkpoints of the audit log's chains are made: after so many events or minutes, when there is something new, and
//! when the program stops. They are kept in the database, said in the program's log, and written to a file.

use crate::{
    kernel::{Code, Error, OrganisationId, Result, Timestamp, time::MINUTE},
    server::{
        access::App,
        audit::{
            self, Circumstances,
            chain::{self, GENESIS},
            checkpoints::{
                self, PublishedKey, Signed, Statement, file,
                file::Reach,
                written::{self, FIRST},
            },
            event::{Actor, Event, Outcome, Subject},
        },
        crypto::SigningKey,
        database::{StartResult, Tx},
    },
};
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

/// Events after which the next checkpoint is made, and the most between two.
pub const EVENTS: i64 = 1_000;
/// Milliseconds after which the next one is made, if there is something new.
pub const INTERVAL: i64 = 10 * MINUTE;
/// Most checkpoints in a round, of all chains and of one; the rest follow in the next.
const MOST: usize = 500;
const MOST_OF_ONE: usize = 20;
/// Checkpoints read at once for the file, and bytes written to it at once.
const PAGE: i64 = 500;
const WRITTEN_AT_ONCE: usize = 256 * 1024;
/// The action of the event that a new signing key leaves.
const ROTATED: &str = "audit.rotate_key";

/// Makes checkpoints, in rounds. On several replicas each makes those that no other has made, and writes all of them to a
/// file of its own.
#[derive(Debug)]
pub struct Checkpoints {
    path: PathBuf,
    /// The newest checkpoint of each chain, as the database had it when it was last looked at.
    known: HashMap<OrganisationId, (i64, Timestamp)>,
    /// How far the file goes. None: it was not read yet.
    filed: Option<Reach>,
    /// Chains of which the log was told that something is wrong; it is told once.
    accused: HashSet<OrganisationId>,
}

impl Checkpoints {
    /// Writes to the file at this path.
    pub fn new(path: PathBuf) -> Self {
        Self { path, known: HashMap::new(), filed: None, accused: HashSet::new() }
    }

    /// Refuses a path at which no file can be kept.
    pub fn check(&self) -> StartResult<()> {
        let failed = |why| format!("the file of checkpoints {} cannot be kept: {why}", self.path.display());
        Ok(file::open(&self.path).map(drop).map_err(failed)?)
    }

    /// Makes the checkpoints that are due, and brings the file up to date. `at_end`: the program stops, and everything new
    /// is due.
    ///
    /// # Errors
    /// When the database or the file cannot be read or written; the next round makes up for it.
    pub async fn round(&mut self, app: &App, at_end: bool) -> Result<()> {
        let keys = keys(app).await?;
        let current = keys.last().ok_or_else(Error::internal)?;
        let signing = app.keyring.signing_key(current.generation);
        let mut due = checkpoints::standings(&mut app.db.read_every_chain().await?).await?;
        let now = app.clock.now();
        due.retain(|(organisation, seq, _)| match self.known.get(organisation) {
            Some((known, at)) => seq > known && (at_end || seq - known >= EVENTS || at.plus(INTERVAL) <= now),
            None => true,
        });
        // Whatever was left out longest goes first.
        due.sort_by_key(|(organisation, ..)| (self.known.get(organisation).map(|(_, at)| *at), *organisation));
        let (mut made, mut first) = (vec![], Ok(()));
        for (organisation, seq, hash) in due {
            if made.len() >= MOST {
                break;
            }
            match self.next(app, (organisation, seq, hash.as_slice()), &keys, &signing, at_end).await {
                Ok(more) => made.extend(more),
                // What was made of other chains is kept all the same.
                Err(error) => first = first.and(Err(error)),
            }
        }
        self.keep(app, made).await?;
        self.file(app, keys).await?;
        first
    }

    /// The checkpoints of a chain that are due; it ends with this event. Each event since the last checkpoint is hashed
    /// anew: what does not hold together is not vouched for.
    async fn next(
        &mut self,
        app: &App,
        (organisation, end, end_hash): (OrganisationId, i64, &[u8]),
        keys: &[PublishedKey],
        signing: &SigningKey,
        at_end: bool,
    ) -> Result<Vec<Signed>> {
        let mut tx = app.db.read_in(organisation).await?;
        let newest = match checkpoints::newest(&mut tx, &app.keyring).await {
            Ok(newest) => newest,
            // What stands there was tampered with, as the log says. It keeps the other chains from nothing.
            Err(error) if error.code == Code::Internal => return Ok(vec![]),
            Err(error) => return Err(error),
        };
        let (mut seq, mut hash, mut previous, last) = match newest.as_ref().and_then(|n| n.checkpoint().map(|c| (n, c)))
        {
            Some((signed, checkpoint)) => (checkpoint.seq, checkpoint.hash.0, signed.hash(), Some(signed.at())),
            None => (0, GENESIS, FIRST, None),
        };
        if let Some(at) = last {
            self.known.insert(organisation, (seq, at));
        }
        // Another replica has changed the key a moment ago: nothing is signed with the old one any more.
        if newest.as_ref().is_some_and(|newest| !is_known(keys, newest)) {
            return Ok(vec![]);
        }
        let now = app.clock.now();
        let all = at_end || last.is_none_or(|at| at.plus(INTERVAL) <= now);
        let at = last.unwrap_or(now).max(now);
        let (mut made, mut vouched) = (vec![], seq);
        while seq < end && made.len() < MOST_OF_ONE {
            let wanted = EVENTS.min(end - seq);
            if wanted < EVENTS && !all {
                break;
            }
            let events = match audit::hashed(&mut tx, seq, wanted).await {
                // A row that cannot be read holds as little as one that says something else.
                Err(error) if error.code == Code::Internal => vec![],
                events => events?,
            };
            let holds = i64::try_from(events.len()).is_ok_and(|number| number == wanted)
                && events.iter().all(|event| {
                    let computed = chain::hash(organisation, seq + 1, &hash, event.body.as_bytes());
                    let fits = event.seq == seq + 1 && event.previous == hash && event.hash == computed;
                    (seq, hash) = (seq + 1, computed);
                    fits
                });
            if !holds || (seq == end && hash.as_slice() != end_hash) {
                if self.accused.insert(organisation) {
                    tracing::error!(
                        %organisation,
                        behind = vouched,
                        "the audit log does not hold together, and is not vouched for: run `latchkey audit verify`"
                    );
                }
                break;
            }
            let signed = written::checkpoint((organisation, seq, hash), at, previous, signing);
            (previous, vouched) = (signed.hash(), seq);
            made.push(signed);
        }
        Ok(made)
    }

    /// Keeps checkpoints in the database, but for those that another replica has made meanwhile.
    async fn keep(&mut self, app: &App, mut made: Vec<Signed>) -> Result<()> {
        // All replicas keep them in one order, so that none waits for another that waits for it.
        made.sort_by_key(place);
        let Some(first) = made.first() else { return Ok(()) };
        let mut tx = app.db.write_in(place(first).0).await?;
        let mut kept = vec![];
        let mut lost = None;
        for signed in &made {
            let Some(checkpoint) = signed.checkpoint() else { continue };
            // The next one of the chain would follow one that is not there.
            if lost == Some(checkpoint.organisation) {
                continue;
            }
            if tx.organisation() != checkpoint.organisation {
                tx = tx.elsewhere(checkpoint.organisation).await?;
            }
            if checkpoints::keep(&mut tx, signed, checkpoint).await? {
                kept.push(signed);
            } else {
                lost = Some(checkpoint.organisation);
            }
        }
        tx.commit().await?;
        for signed in kept {
            let (organisation, seq) = place(signed);
            tracing::info!(checkpoint = %signed.line(), "the audit log has a checkpoint");
            self.known.insert(organisation, (seq, signed.at()));
        }
        Ok(())
    }

    /// Writes to the file what it does not have yet.
    async fn file(&mut self, app: &App, mut keys: Vec<PublishedKey>) -> Result<()> {
        let filed = match self.filed.take() {
            Some(filed) => filed,
            None => {
                let path = self.path.clone();
                self.on_file(spawn_blocking(move || file::reach(&path)).await)?
            }
        };
        let mut reached = filed.clone();
        let mut lines = new_keys(&keys, &mut reached);
        let mut behind: Vec<OrganisationId> = vec![];
        for (organisation, (seq, _)) in &self.known {
            let written = filed.chains.get(organisation).copied().unwrap_or(0);
            if written < *seq {
                behind.push(*organisation);
            } else if written > *seq && self.accused.insert(*organisation) {
                tracing::error!(
                    %organisation,
                    file = %self.path.display(),
                    "the database lacks checkpoints that the file has: if no backup was restored, the audit log was \
                     tampered with; run `latchkey audit verify --checkpoints`"
                );
            }
        }
        behind.sort_unstable();
        for organisation in behind {
            let mut tx = app.db.read_in(organisation).await?;
            let mut seq = filed.chains.get(&organisation).copied().unwrap_or(0);
            while let Some((page, last)) = checkpoints::list(&mut tx, &app.keyring, seq, PAGE).await? {
                seq = last;
                // A key that another replica has made a moment ago is named before what it signed.
                if page.iter().any(|signed| !is_known(&keys, signed)) {
                    keys = checkpoints::public_keys(tx.system(), &app.keyring).await?;
                    lines.push_str(&new_keys(&keys, &mut reached));
                }
                page.iter().for_each(|signed| lines.push_str(&line(signed)));
                // Another replica may have made more than was known.
                if let Some(signed) = page.last() {
                    self.known.insert(organisation, (seq, signed.at()));
                }
                reached.chains.insert(organisation, seq);
                if lines.len() > WRITTEN_AT_ONCE {
                    self.append(&keys, std::mem::take(&mut lines)).await?;
                }
            }
        }
        if !lines.is_empty() {
            self.append(&keys, lines).await?;
        }
        self.filed = Some(reached);
        Ok(())
    }

    /// What fails is tried again in the next round, which reads anew how far the file goes.
    async fn append(&self, keys: &[PublishedKey], lines: String) -> Result<()> {
        // A file that is empty, or was moved away meanwhile, begins with all keys.
        let beginning: String = keys.iter().map(|key| line(&key.signed)).collect();
        let path = self.path.clone();
        self.on_file(spawn_blocking(move || file::append(&path, &beginning, &lines)).await)
    }

    fn on_file<T>(&self, done: std::result::Result<std::io::Result<T>, tokio::task::JoinError>) -> Result<T> {
        let why = match done {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(file = %self.path.display(), why, "the file of the audit log's checkpoints cannot be used");
        Err(Error::unavailable())
    }
}

fn line(signed: &Signed) -> String {
    format!("{}\n", signed.line())
}

/// The lines of those keys that a file does not have that goes so far; with them it goes further.
fn new_keys(keys: &[PublishedKey], reached: &mut Reach) -> String {
    let new = keys.iter().filter(|key| key.generation > reached.generation);
    let lines = new.map(|key| line(&key.signed)).collect();
    reached.generation = keys.last().map_or(0, |key| key.generation).max(reached.generation);
    lines
}

/// Whether it is signed with one of these keys.
fn is_known(keys: &[PublishedKey], signed: &Signed) -> bool {
    keys.iter().any(|known| known.key == signed.key())
}

fn place(signed: &Signed) -> (OrganisationId, i64) {
    signed
        .checkpoint()
        .map_or((OrganisationId::INSTALLATION, 0), |checkpoint| (checkpoint.organisation, checkpoint.seq))
}

/// The public keys, oldest first; the first one is published now, if none is.
async fn keys(app: &App) -> Result<Vec<PublishedKey>> {
    let keys = checkpoints::public_keys(&mut app.db.read().await?, &app.keyring).await?;
    if !keys.is_empty() {
        return Ok(keys);
    }
    let mut tx = app.db.write().await?;
    let keys = begin(&mut tx, app).await?;
    tx.commit().await?;
    Ok(keys)
}

async fn begin(tx: &mut Tx, app: &App) -> Result<Vec<PublishedKey>> {
    let keys = checkpoints::public_keys(tx, &app.keyring).await?;
    if !keys.is_empty() {
        return Ok(keys);
    }
    let key = app.keyring.signing_key(1);
    publish(tx, &written::new_key(1, &key, &key, app.clock.now())).await?;
    checkpoints::public_keys(tx, &app.keyring).await
}

/// True: nobody else has published a key of this generation.
async fn publish(tx: &mut Tx, signed: &Signed) -> Result<bool> {
    match &signed.statement {
        Statement::Key(new) => checkpoints::keep_key(tx, signed, new).await,
        Statement::Checkpoint(_) => Ok(false),
    }
}

/// Makes the next key that signs; the present one signs it, and what was signed before stays as it is. An event in the
/// installation's chain tells of it. Running replicas sign with it from their next round on.
///
/// # Errors
/// `conflict` if somebody else does the same at this moment.
pub async fn rotate_key(app: &App) -> Result<PublishedKey> {
    let mut tx = app.db.write_in(OrganisationId::INSTALLATION).await?;
    audit::lock(&mut tx).await?;
    let keys = begin(tx.system(), app).await?;
    let before = keys.last().ok_or_else(Error::internal)?;
    let generation = before.generation + 1;
    let (key, by) = (app.keyring.signing_key(generation), app.keyring.signing_key(before.generation));
    let now = app.clock.now();
    let signed = written::new_key(generation, &key, &by, now.max(before.since));
    if !publish(tx.system(), &signed).await? {
        return Err(Error::new(Code::Conflict, "Another key was made at this moment."));
    }
    let event = Event::of(Subject::new("audit_log", "", "signing key"))
        .change("generation", before.generation, generation)
        .change("public_key", before.key.to_string(), key.public().to_string());
    let circumstances = Circumstances {
        action: ROTATED,
        outcome: Outcome::Done,
        reason: None,
        count: 1,
        actor: &Actor { kind: "system", id: String::new(), name: "latchkey".into() },
        credential: &super::by_command(),
        request_id: &Uuid::now_v7().to_string(),
        address: "",
        user_agent: "",
        now,
    };
    audit::append(&mut tx, &event, &circumstances).await?;
    tx.commit().await?;
    Ok(PublishedKey { generation, key: key.public(), since: signed.at(), signed })
}
