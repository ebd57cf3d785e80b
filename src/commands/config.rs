//! Settings from a file: lines of `NAME=value`, with the names that the environment has.

use super::Program;
use crate::server::database::StartResult;
use clap::{Command, CommandFactory};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// What a file says, by name.
pub type Values = BTreeMap<String, String>;

/// Takes what the file says for every setting that the environment leaves open. Call it before anything reads the
/// environment, and before there are threads. Gives what the file says.
pub fn load() -> StartResult<Values> {
    let of_environment = || std::env::var_os("LATCHKEY_CONFIG").filter(|path| !is_blank(path)).map(PathBuf::from);
    let Some(path) = named(std::env::args_os().skip(1)).or_else(of_environment) else { return Ok(Values::new()) };
    let values = check(&path)?;
    dotenvy::from_path(&path).map_err(|error| unreadable(&path, &error))?;
    Ok(values)
}

/// The command, for which a setting that is set but empty in the environment is not set: what the file says of it counts,
/// if it says anything. That is how services and containers pass on what nobody has set.
pub fn settled(command: Command, file: &Values, environment: &dyn Fn(&str) -> Option<OsString>) -> Command {
    command
        .mut_args(|argument| {
            let Some(name) = argument.get_env().and_then(OsStr::to_str).map(str::to_owned) else { return argument };
            if !environment(&name).is_some_and(|value| is_blank(&value)) {
                return argument;
            }
            let argument = argument.env(None::<&'static str>);
            match file.get(&name).filter(|value| !value.trim().is_empty()) {
                // For the life of the program, as the environment's own.
                Some(value) => {
                    let hidden = argument.get_action().takes_values();
                    argument.default_value(&*value.clone().leak()).hide_default_value(hidden)
                }
                None => argument,
            }
        })
        .mut_subcommands(|command| settled(command, file, environment))
}

/// The name in the environment of an argument that is written so.
pub fn name_of(flag: &str) -> Option<String> {
    fn within(command: &Command, flag: &str) -> Option<String> {
        let own = command.get_arguments().find(|argument| argument.to_string() == flag);
        let name = own.and_then(|argument| argument.get_env()?.to_str().map(str::to_owned));
        name.or_else(|| command.get_subcommands().find_map(|command| within(command, flag)))
    }
    let mut command = Program::command();
    command.build();
    within(&command, flag)
}

fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
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
fn check(path: &Path) -> StartResult<Values> {
    let known = names(&Program::command());
    let mut values = Values::new();
    for line in dotenvy::from_path_iter(path).map_err(|error| unreadable(path, &error))? {
        let (name, value) = line.map_err(|error| unreadable(path, &error))?;
        if !known.contains(&name) {
            return Err(format!("{}: {name} is no setting; `latchkey serve --help` lists them", path.display()).into());
        }
        values.entry(name).or_insert(value);
    }
    Ok(values)
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
    use clap::FromArgMatches;

    fn checked(text: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latchkey.env");
        std::fs::write(&path, text).unwrap();
        check(&path).map(drop).map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
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
    fn a_setting_that_is_empty_is_not_set() {
        let set =
            [("LATCHKEY_LISTEN", ""), ("LATCHKEY_PUBLIC_URL", " "), ("LATCHKEY_LOG_JSON", ""), ("DATABASE_URL", "")];
        let environment =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        let read = |file: &Values| {
            let command = settled(Program::command(), file, &environment);
            let matches = command.try_get_matches_from(["latchkey", "serve"]).expect("settings");
            let program = Program::from_arg_matches(&matches).expect("settings");
            let super::super::Command::Serve(settings) = program.command else { panic!("another command") };
            (
                settings.listen.to_string(),
                settings.public_url.clone(),
                settings.data.database_url.clone(),
                settings.log_json,
            )
        };
        assert_eq!(read(&Values::new()), ("127.0.0.1:3000".into(), None, None, false));
        let file =
            [("LATCHKEY_LISTEN", "127.0.0.1:80"), ("LATCHKEY_PUBLIC_URL", "http://a"), ("LATCHKEY_LOG_JSON", "true")];
        let file = file.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(read(&file), ("127.0.0.1:80".into(), Some("http://a".into()), None, true));
    }

    #[test]
    fn a_setting_is_named_as_it_stands_in_a_file() {
        let name = name_of("--trusted-proxies <TRUSTED_PROXIES>");
        assert_eq!(name.as_deref(), Some("LATCHKEY_TRUSTED_PROXIES"));
    }

    #[test]
    fn the_file_is_named_by_an_argument() {
        let named = |arguments: &[&str]| named(arguments.iter().map(OsString::from));
        assert_eq!(named(&["serve", "--config", "a"]), Some("a".into()));
        assert_eq!(named(&["--config=b", "serve"]), Some("b".into()));
        assert_eq!(named(&["serve"]), None);
    }
}
