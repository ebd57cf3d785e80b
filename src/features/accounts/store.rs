//! The accounts' SQL.

use super::model::Email;
use crate::{
    kernel::{Result, Timestamp, UserId},
    server::database::{Tx, statements, values},
};
use uuid::Uuid;

statements! {
    INSERT: SystemSql = "INSERT INTO users (id, email, email_canonical, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (email_canonical) DO NOTHING";
    BY_EMAIL: SystemSql = "SELECT id, email, name, password_hash, disabled_at FROM users WHERE email_canonical = $1";
    BY_ID: SystemSql = "SELECT id, email, name, password_hash, disabled_at FROM users WHERE id = $1";
    SET_PASSWORD: SystemSql = "UPDATE users SET password_hash = $2 WHERE id = $1";
    RENAME: SystemSql = "UPDATE users SET name = $2 WHERE id = $1";
    ANY: SystemSql = "SELECT COUNT(*) FROM users";
}

/// An account as stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Account {
    pub id: Uuid,
    pub email: String,
    pub name: String,
    pub password_hash: String,
    pub disabled_at: Option<i64>,
}

/// Makes an account. False: the address has one already.
pub async fn insert(tx: &mut Tx, id: UserId, email: &Email, name: &str, hash: &str, now: Timestamp) -> Result<bool> {
    let row = values![id, &email.shown, &email.canonical, name, hash, now];
    Ok(tx.execute(INSERT, row).await? == 1)
}

pub async fn by_email(tx: &mut Tx, canonical: &str) -> Result<Option<Account>> {
    tx.optional(BY_EMAIL, values![canonical]).await
}

pub async fn by_id(tx: &mut Tx, id: UserId) -> Result<Option<Account>> {
    tx.optional(BY_ID, values![id]).await
}

pub async fn set_password(tx: &mut Tx, id: UserId, hash: &str) -> Result<()> {
    tx.execute(SET_PASSWORD, values![id, hash]).await.map(|_| ())
}

pub async fn rename(tx: &mut Tx, id: UserId, name: &str) -> Result<()> {
    tx.execute(RENAME, values![id, name]).await.map(|_| ())
}

/// How many accounts there are.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    let (count,): (i64,) = tx.one(ANY, vec![]).await?;
    Ok(count)
}
