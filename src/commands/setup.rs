//! `latchkey setup`: the first Owner and organisation without a browser.

use super::{Extras, open};
use crate::{
    features::accounts::operations::{NewInstallation, SetUp, set_up},
    kernel::Secret,
    server::{access::Access, database::StartResult, settings::DataSettings},
};
use clap::Args;
use std::{
    io::{Read, Write},
    process::ExitCode,
};
use zeroize::Zeroizing;

/// Longest password input that is read, in bytes.
const INPUT_LIMIT: u64 = 4_096;

#[derive(Args)]
pub(super) struct SetupArguments {
    #[command(flatten)]
    data: DataSettings,
    /// E-mail of the first Owner
    #[arg(long)]
    email: String,
    /// Name of the first Owner
    #[arg(long)]
    name: String,
    /// Name of the organisation
    #[arg(long)]
    organisation: String,
    /// Read the password from standard input (its first line)
    #[arg(long, required = true)]
    password_stdin: bool,
}

pub(super) async fn run(arguments: SetupArguments) -> StartResult<ExitCode> {
    let mut input = Zeroizing::new(String::new());
    std::io::stdin()
        .take(INPUT_LIMIT)
        .read_to_string(&mut input)
        .map_err(|error| format!("the password cannot be read: {error}"))?;
    let password = Secret::new(input.lines().next().unwrap_or_default());
    let (app, _lock) = open(&arguments.data, Extras::default()).await?;
    let new = NewInstallation {
        email: arguments.email,
        name: arguments.name,
        organisation: arguments.organisation,
        password,
    };
    let done = set_up(&Access::system(app.clone()), None, new).await;
    app.db.close().await;
    let SetUp { founded, user, organisation, .. } = done.map_err(|error| {
        let fields: Vec<String> = error.fields.iter().map(|f| format!("{}: {}", f.field, f.message)).collect();
        if fields.is_empty() { error.message } else { fields.join(" ") }
    })?;
    let answer = serde_json::json!({
        "user_id": user,
        "organisation_id": organisation,
        "slug": founded.slug,
        "master_key": founded.master_key,
    });
    writeln!(std::io::stdout(), "{answer}")?;
    Ok(ExitCode::SUCCESS)
}
