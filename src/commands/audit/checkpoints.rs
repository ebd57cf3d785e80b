//! The file of checkpoints, as it is held against chains.

use crate::{
    kernel::OrganisationId,
    server::{
        audit::checkpoints::{Evidence, Mark, file},
        database::StartResult,
    },
};
use std::{collections::BTreeMap, io::Write, path::Path};

/// What a file of checkpoints says.
pub(super) struct Outside {
    /// Of each chain, as far as it is to be believed.
    pub marks: BTreeMap<OrganisationId, Vec<Mark>>,
    /// Whether all of the file is to be believed.
    pub whole: bool,
}

/// Reads a file of checkpoints, and says what is to be thought of it. Behind a line that is not to be believed nothing is.
///
/// # Errors
/// When the file cannot be read, when a line is no checkpoint, and when there is none.
pub(super) fn read(path: &Path, mut evidence: Evidence, out: &mut impl Write) -> StartResult<Outside> {
    let failed = |error| format!("{} cannot be read: {error}", path.display());
    let (mut lines, mut broken) = (0, None);
    for line in file::read(path).map_err(failed)? {
        lines += 1;
        let signed = line
            .map_err(failed)?
            .ok_or_else(|| format!("line {lines} of {} is no checkpoint as Latchkey writes it", path.display()))?;
        if broken.is_none()
            && let Err(why) = evidence.take(&signed)
        {
            broken = Some((lines, why, signed.key()));
        }
    }
    if lines == 0 {
        return Err(format!("{} holds no checkpoint", path.display()).into());
    }
    match broken {
        Some((line, why, key)) => writeln!(out, "checkpoints: BROKEN at line {line}: {why} (key {key})")?,
        None => writeln!(out, "checkpoints: {} verified", evidence.len())?,
    }
    Ok(Outside { marks: evidence.into_marks(), whole: broken.is_none() })
}
