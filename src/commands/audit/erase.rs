//! `latchkey audit erase`.

use crate::{
    kernel::{OrganisationId, UserId},
    server::{
        access::{
            App,
            erasure::{self, Erased, Standing},
        },
        database::StartResult,
    },
};
use std::io::Write;

/// Erases what is personal of somebody from every chain, and says what could not be erased. `yes`: also of an active account.
///
/// # Errors
/// When they are still a member somewhere, when their account is active and nobody has said `yes`, when nothing is known of
/// them, and when the database cannot be read or written.
pub(crate) async fn erase(app: &App, person: UserId, yes: bool, out: &mut impl Write) -> StartResult<()> {
    let standing = erasure::standing(app, person).await?;
    let Standing { has_account, is_active, memberships, .. } = standing;
    if memberships > 0 {
        let organisations = if memberships == 1 { "organisation" } else { "organisations" };
        return Err(format!("this person is a member of {memberships} {organisations}: remove them there first").into());
    }
    if is_active && !yes {
        let why = "the account of this person is active, and accounts cannot be deleted: what they do from now on stands in \
                   the log again. Add --yes to erase what is there now";
        return Err(why.into());
    }
    let erased = erasure::erase(app, person, &standing).await?;
    if erased.is_empty() && !has_account {
        return Err("nothing is known of a person with this id".into());
    }
    let (mut values, mut in_clear) = (0, 0);
    for Erased { organisation, values: here, in_clear: kept } in erased {
        let name = match organisation {
            OrganisationId::INSTALLATION => "installation".to_owned(),
            organisation => organisation.to_string(),
        };
        writeln!(out, "{name}: {here} personal values erased")?;
        values += here;
        in_clear += kept;
    }
    writeln!(
        out,
        "{values} personal values erased. The hashes stay as they are: `latchkey audit verify` says how many are erased."
    )?;
    if in_clear > 0 {
        writeln!(
            out,
            "Not erased: {in_clear} events by or about this person are of version 1 or 2 of the format. What is personal in \
             them is hashed with the rest, and cannot be taken out."
        )?;
    }
    writeln!(out, "{ELSEWHERE}")?;
    if has_account {
        writeln!(out, "Not erased: the account itself, with its name and e-mail address.")?;
    }
    Ok(())
}

/// What no command reaches.
const ELSEWHERE: &str = "Not erased: names that stand in values of others without an id or an e-mail address, and copies outside \
the database: backups, exports, and events that were delivered.";
