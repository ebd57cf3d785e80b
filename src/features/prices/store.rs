//! The prices' SQL.

use super::model::Listed;
use crate::{
    kernel::{
        Error, PriceId, Result, Timestamp,
        price::{Price, Prices, spelling},
        provider::Provider,
    },
    server::database::{OrgTx, row, statements, values},
};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "SELECT p.id, p.provider, p.model, p.input, p.cached_input, p.output, p.changed_by, p.changed_at FROM model_prices p WHERE p.org_id = $1"
    };
}

statements! {
    // An organisation has that many at most.
    ALL: TenantSql = concat!(columns!(), " ORDER BY p.provider, p.spelling LIMIT 500");
    BY_ID: TenantSql = concat!(columns!(), " AND p.id = $2");
    BY_MODEL: TenantSql = concat!(columns!(), " AND p.provider = $2 AND p.spelling = $3");
    COUNT: TenantSql = "SELECT COUNT(*) FROM model_prices WHERE org_id = $1";
    INSERT: TenantSql = "INSERT INTO model_prices (org_id, id, provider, model, spelling, input, cached_input, output, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    UPDATE: TenantSql = "UPDATE model_prices SET model = $3, input = $4, cached_input = $5, output = $6, changed_by = $7, changed_at = $8 WHERE org_id = $1 AND id = $2";
    DELETE: TenantSql = "DELETE FROM model_prices WHERE org_id = $1 AND id = $2";
}

row! {
    struct PriceRow {
        id: Uuid,
        provider: String,
        model: String,
        input: i64,
        cached_input: i64,
        output: i64,
        changed_by: String,
        changed_at: i64,
    }
}

impl PriceRow {
    fn listed(self) -> Result<Listed> {
        let Some(provider) = Provider::parse(&self.provider) else {
            tracing::error!(stored = self.provider, "a stored provider is not known");
            return Err(Error::internal());
        };
        Ok(Listed {
            id: PriceId(self.id),
            provider,
            model: self.model,
            price: Price { input: self.input, cached_input: self.cached_input, output: self.output },
            changed_by: self.changed_by,
            changed_at: Timestamp(self.changed_at),
        })
    }
}

/// All of the organisation, by provider and model. One that cannot be read is left out.
pub async fn all(tx: &mut OrgTx) -> Result<Vec<Listed>> {
    let rows: Vec<PriceRow> = tx.list(ALL, vec![]).await?;
    Ok(rows.into_iter().filter_map(|row| row.listed().ok()).collect())
}

/// The same, as calls are priced by them.
pub async fn of_calls(tx: &mut OrgTx) -> Result<Prices> {
    let mut prices = Prices::default();
    for Listed { provider, model, price, .. } in all(tx).await? {
        prices.insert(provider, &model, price);
    }
    Ok(prices)
}

pub async fn by_id(tx: &mut OrgTx, id: PriceId) -> Result<Option<Listed>> {
    let row: Option<PriceRow> = tx.optional(BY_ID, values![id]).await?;
    row.map(PriceRow::listed).transpose()
}

/// The price of this model, in whatever spelling.
pub async fn by_model(tx: &mut OrgTx, provider: Provider, model: &str) -> Result<Option<Listed>> {
    let row: Option<PriceRow> = tx.optional(BY_MODEL, values![provider.name(), spelling(model)]).await?;
    row.map(PriceRow::listed).transpose()
}

pub async fn count(tx: &mut OrgTx) -> Result<i64> {
    let (count,): (i64,) = tx.one(COUNT, vec![]).await?;
    Ok(count)
}

pub async fn insert(tx: &mut OrgTx, new: &Listed) -> Result<()> {
    let Price { input, cached_input, output } = new.price;
    let (provider, model, by) = (new.provider.name(), new.model.as_str(), new.changed_by.as_str());
    let row = values![new.id, provider, model, spelling(model), input, cached_input, output, by, new.changed_at];
    tx.execute(INSERT, row).await.map(|_| ())
}

pub async fn update(tx: &mut OrgTx, now: &Listed) -> Result<()> {
    let Price { input, cached_input, output } = now.price;
    let row = values![now.id, now.model.as_str(), input, cached_input, output, now.changed_by.as_str(), now.changed_at];
    tx.execute(UPDATE, row).await.map(|_| ())
}

pub async fn delete(tx: &mut OrgTx, id: PriceId) -> Result<()> {
    tx.execute(DELETE, values![id]).await.map(|_| ())
}
