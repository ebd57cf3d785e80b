//! Settings from a file: lines of `NAME=value`, with the names that the environment has.

use super::Program;
use crate::server::database::StartResult;
use clap::{Command, CommandFactory};
use std::{collections::BTreeSet, ffi::OsString, path::Path, path::PathBuf};

/// Takes what the file says for every setting that the environment leaves open. Call it before anything reads the
/// environment, and before there are threads.
pub fn load() -> StartResult<()> {
    let Some(path) =
        named(std::env::args_os().skip(1)).or_else(|| std::env::var_os("LATCHKEY_CONFIG").map(PathBuf::from))
    else {
        return Ok(());
    };
    check(&path)?;
    dotenvy::from_path(&path).map_err(|error| unreadable(&path, &error))?;
    Ok(())
}

/// The file that the arguments name.
fn named(mut arguments: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--config") => return arguments.next().map(PathBuf::from),
            Some("--") => return None,
            Some(text) => {
                if let Some(path) = text.strip_prefix("--config=") {
                    return Some(path.into());
                }
            }
            None => {}
        }
    }
    None
}

/// A name that is no setting is a mistake that would otherwise go unseen.
fn check(path: &Path) -> StartResult<()> {
    let known = names(&Program::command());
    for line in dotenvy::from_path_iter(path).map_err(|error| unreadable(path, &error))? {
        let (name, _) = line.map_err(|error| unreadable(path, &error))?;
        if !known.contains(&name) {
            return Err(format!("{}: {name} is no setting; `latchkey serve --help` lists them", path.display()).into());
        }
    }
    Ok(())
}

/// What is wrong with the file. A line is not repeated: it may hold a secret.
fn unreadable(path: &Path, error: &dotenvy::Error) -> String {
    match error {
        dotenvy::Error::Io(error) => format!("the settings file {} cannot be read: {error}", path.display()),
        dotenvy::Error::LineParse(_, at) => {
            format!("{}: a line is not of the form NAME=value (at its character {})", path.display(), at + 1)
        }
        _ => format!("{}: its lines cannot be read", path.display()),
    }
}

/// The names of all settings, of every command.
fn names(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned));
    let inner = command.get_subcommands().flat_map(names);
    own.chain(inner).chain(["LATCHKEY_LOG".to_owned()]).filter(|name| name != "LATCHKEY_CONFIG").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latchkey.env");
        std::fs::write(&path, text).unwrap();
        check(&path).map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
    }

    #[test]
    fn only_settings_stand_in_a_file() {
        assert_eq!(
            checked("# where\nLATCHKEY_LISTEN=127.0.0.1:80\nDATABASE_URL=\"postgres://a\"\nLATCHKEY_LOG=warn\n"),
            Ok(())
        );
        assert_eq!(
            checked("LATCHKEY_LISTENS=1\n"),
            Err("FILE: LATCHKEY_LISTENS is no setting; `latchkey serve --help` lists them".to_owned())
        );
        let secret = checked("LATCHKEY_KEY 0123456789abcdef\n").unwrap_err();
        assert!(secret.starts_with("FILE: a line is not of the form") && !secret.contains("0123"), "{secret}");
        assert!(checked("LATCHKEY_CONFIG=other\n").is_err());
    }

    #[test]
    fn the_file_is_named_by_an_argument() {
        let named = |arguments: &[&str]| named(arguments.iter().map(OsString::from));
        assert_eq!(named(&["serve", "--config", "a"]), Some("a".into()));
        assert_eq!(named(&["--config=b", "serve"]), Some("b".into()));
        assert_eq!(named(&["serve"]), None);
    }
}
