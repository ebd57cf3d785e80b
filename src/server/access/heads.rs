//! When the ends of the organisations' chains are recorded in the installation's: as each is founded, now and then, and when
//! the program stops.

use super::installation;
use crate::{
    kernel::{Error, OrganisationId, Result, Timestamp, time::MINUTE},
    server::{
        access::App,
        audit::{
            self,
            heads::{self, Occasion, Progress},
        },
        database::{Db, OrgTx},
    },
};
use uuid::Uuid;

/// The least time between two rounds, of whichever replica. Less than the time between two rounds of one, so that a round
/// is not left out for coming a moment early.
const LEAST: i64 = 9 * MINUTE;
/// Most ends recorded in a round; those that it leaves out are the first of the next.
const MOST: usize = 500;

/// Opens the transaction that founds an organisation. The installation's chain is taken before anything else, since whoever
/// acts on an account takes it before the account.
pub(super) async fn begin_founding(db: &Db, organisation: OrganisationId) -> Result<OrgTx> {
    let mut tx = db.write_in(OrganisationId::INSTALLATION).await?;
    audit::lock(&mut tx).await?;
    tx.elsewhere(organisation).await
}

/// Records in the installation's chain that the organisation is there, in the transaction that founds it.
pub(super) async fn record_founding(mut tx: OrgTx, request_id: &str, now: Timestamp) -> Result<OrgTx> {
    let organisation = tx.organisation();
    let head = audit::head(&mut tx).await?.ok_or_else(Error::internal)?;
    let mut tx = tx.elsewhere(OrganisationId::INSTALLATION).await?;
    if !heads::has_begun(&mut tx).await? {
        record_first(&mut tx, request_id, now, Some(organisation)).await?;
    }
    let head = [(organisation, head.seq, head.hash)];
    heads::record(&mut tx, Occasion::Founding(organisation), &head, request_id, now).await?;
    Ok(tx)
}

/// Records the organisations that were there before ends were recorded; not the one that is just being founded.
async fn record_first(tx: &mut OrgTx, request_id: &str, now: Timestamp, founded: Option<OrganisationId>) -> Result<()> {
    tx.system().see_every_chain().await?;
    let mut there = audit::ends(tx.system()).await?;
    there.retain(|(organisation, ..)| Some(*organisation) != founded);
    heads::record(tx, Occasion::First, &there, request_id, now).await?;
    installation::note_heads_recorded(tx.system(), now).await
}

/// Records ends in rounds.
#[derive(Debug, Default)]
pub struct Recorder(Progress);

impl Recorder {
    /// Records what is new, unless another replica did a short while ago. `at_end`: the program stops, and there may be no
    /// next round.
    pub async fn round(&mut self, app: &App, at_end: bool) -> Result<()> {
        let there = audit::ends(&mut app.db.read_every_chain().await?).await?;
        self.0.catch_up(&mut app.db.read_in(OrganisationId::INSTALLATION).await?).await?;
        let now = app.clock.now();
        if there.is_empty() || (!self.0.is_empty() && self.0.news(there.clone()).is_empty()) {
            return Ok(());
        }
        let mut tx = app.db.write_in(OrganisationId::INSTALLATION).await?;
        audit::lock(&mut tx).await?;
        self.0.catch_up(&mut tx).await?;
        let id = Uuid::now_v7().to_string();
        if self.0.is_empty() {
            record_first(&mut tx, &id, now, None).await?;
        } else {
            if !at_end && self.0.round_at().is_some_and(|at| at.plus(LEAST) > now) {
                return Ok(());
            }
            let mut news = self.0.news(there);
            news.truncate(MOST);
            heads::record(&mut tx, Occasion::Round, &news, &id, now).await?;
        }
        tx.commit().await
    }
}
