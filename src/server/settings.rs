//! Settings: by flag, environment or file (`--config`); one struct, checked at start.

use super::database::{Address, StartResult};
use clap::Args;
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

/// Where the data is and how to open it. Shared by all commands. It holds secrets, so nothing can print it.
#[derive(Args, Clone)]
pub struct DataSettings {
    /// Folder of the database and the key file; made if it is missing
    #[arg(long, env = "LATCHKEY_DATA", default_value = "./data")]
    pub data: PathBuf,
    /// `postgres://…`; without it SQLite in the data folder
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// The installation's key as 64 hexadecimal digits; without it a file in the data folder, made at first start
    #[arg(long = "key", env = "LATCHKEY_KEY", hide_env_values = true)]
    pub key: Option<String>,
}

/// What `latchkey serve` needs besides.
#[derive(Args, Clone)]
pub struct ServeSettings {
    #[command(flatten)]
    pub data: DataSettings,
    /// Address and port to listen on
    #[arg(long, env = "LATCHKEY_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// The address under which people reach Latchkey, such as https://keys.example.org
    #[arg(long, env = "LATCHKEY_PUBLIC_URL", hide_env_values = true)]
    pub public_url: Option<String>,
    /// Address ranges beyond the public ones that providers may have (CIDR, comma-separated), for a local model server
    #[arg(long, env = "LATCHKEY_ALLOW_UPSTREAM")]
    pub allow_upstream: Vec<Ranges>,
    /// Proxies whose X-Forwarded-For is believed (CIDR, comma-separated)
    #[arg(long, env = "LATCHKEY_TRUSTED_PROXIES")]
    pub trusted_proxies: Vec<Ranges>,
    /// Mail server for invitations and resets, such as smtps://user:password@mail.example.org; without it links are shown
    #[arg(long, env = "LATCHKEY_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// Sender of mails
    #[arg(long, env = "LATCHKEY_MAIL_FROM", default_value = "Latchkey <latchkey@localhost>")]
    pub mail_from: String,
    /// A file of models' prices, in place of the built-in table
    #[arg(long, env = "LATCHKEY_PRICES")]
    pub prices: Option<PathBuf>,
    /// Log lines as JSON
    #[arg(long, env = "LATCHKEY_LOG_JSON", value_parser = clap::builder::BoolishValueParser::new())]
    pub log_json: bool,
}

/// Address ranges as a setting lists them, with commas between them. An entry may be empty, as behind a last comma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges(Vec<IpNet>);

impl FromStr for Ranges {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).enumerate().filter(|(_, entry)| !entry.is_empty());
        let range = |(at, entry): (usize, &str)| {
            // What does not look like an address may be a secret in the wrong place.
            let harmless =
                entry.len() < 50 && entry.bytes().all(|byte| byte.is_ascii_hexdigit() || b".:/".contains(&byte));
            let named = if harmless { format!("`{entry}`") } else { format!("its entry {}", at + 1) };
            range(entry).map_err(|why| format!("{named} {why}"))
        };
        entries.map(range).collect::<Result<_, _>>().map(Self)
    }
}

fn range(entry: &str) -> Result<IpNet, String> {
    let (address, prefix) = entry.split_once('/').map_or((entry, None), |(address, prefix)| (address, Some(prefix)));
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err("is no address or range such as 127.0.0.1 or 10.0.0.0/8".into());
    };
    let Some(prefix) = prefix else { return Ok(address.into()) };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let net = prefix.parse().ok().and_then(|prefix| IpNet::new(address, prefix).ok());
    net.ok_or_else(|| format!("has no number from 0 to {most} behind its slash"))
}

impl DataSettings {
    /// The database's address: `DATABASE_URL`, else the file in the data folder.
    ///
    /// # Errors
    /// When `DATABASE_URL` cannot be used.
    pub fn database(&self) -> StartResult<Address> {
        match &self.database_url {
            Some(text) => Address::parse(text),
            None => Ok(Address::Sqlite(self.data.join("latchkey.db"))),
        }
    }

    /// Where the installation's key is kept, unless `LATCHKEY_KEY` gives it.
    pub fn key_file(&self) -> PathBuf {
        self.data.join("latchkey.key")
    }

    /// Makes the data folder, for its owner alone.
    pub fn prepare(&self) -> StartResult<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&self.data)
            .map_err(|e| format!("the data folder {} cannot be made: {e}", self.data.display()))?;
        Ok(())
    }
}

impl ServeSettings {
    /// Address ranges beyond the public ones that providers may have.
    pub fn allow_upstream(&self) -> Vec<IpNet> {
        all(&self.allow_upstream)
    }

    /// Proxies that are believed.
    pub fn trusted_proxies(&self) -> Vec<IpNet> {
        all(&self.trusted_proxies)
    }

    /// The configured public address without a trailing slash, or one made of the listening address. An address that
    /// stands for all of this machine's leads nowhere, so that this machine's own name takes its place.
    pub fn public_url(&self) -> StartResult<String> {
        let Some(text) = self.public_url.as_deref().filter(|text| !text.trim().is_empty()) else {
            return Ok(match self.listen.ip().is_unspecified() {
                true => format!("http://localhost:{}", self.listen.port()),
                false => format!("http://{}", self.listen),
            });
        };
        let url = url::Url::parse(text.trim()).map_err(|e| format!("LATCHKEY_PUBLIC_URL is no address: {e}"))?;
        if !matches!(url.scheme(), "http" | "https")
            || url.host().is_none()
            || url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(
                "LATCHKEY_PUBLIC_URL must be https://host or http://host, with nothing after it, and no user before it"
                    .into(),
            );
        }
        if url.path() != "/" {
            return Err(
                "LATCHKEY_PUBLIC_URL must have no path: Latchkey's pages, cookies and calls stand at the root of \
                        their host. Give it a host of its own, such as https://latchkey.example.org"
                    .into(),
            );
        }
        if is_unspecified(&url) {
            return Err("LATCHKEY_PUBLIC_URL must be an address that a browser can reach, such as \
                        http://192.168.1.10:3000; 0.0.0.0 and [::] only say where to listen"
                .into());
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    /// What the operator has to set before people on other machines can sign in, if anything.
    pub fn missing(&self) -> Option<String> {
        let set = self.public_url.as_deref().is_some_and(|text| !text.trim().is_empty());
        (!set && self.listen.ip().is_unspecified()).then(|| {
            format!(
                "LATCHKEY_PUBLIC_URL is not set. Until it is, people can sign in at http://localhost:{0} only, and links \
                 in invitations lead there. Set it to the address under which people reach Latchkey, such as \
                 http://192.168.1.10:{0} or https://keys.example.org.",
                self.listen.port()
            )
        })
    }
}

fn all(lists: &[Ranges]) -> Vec<IpNet> {
    lists.iter().flat_map(|list| &list.0).copied().collect()
}

fn is_unspecified(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_unspecified(),
        Some(url::Host::Ipv6(address)) => address.is_unspecified(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, FromArgMatches};

    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        settings: ServeSettings,
    }

    fn settings(arguments: &[&str]) -> Result<ServeSettings, String> {
        let matches = Program::command().try_get_matches_from([&["latchkey"], arguments].concat());
        let program = matches.and_then(|matches| Program::from_arg_matches(&matches));
        program.map(|program| program.settings).map_err(|error| error.to_string())
    }

    fn public_url(text: &str) -> Result<String, String> {
        settings(&["--public-url", text])?.public_url().map_err(|error| error.to_string())
    }

    #[test]
    fn no_link_names_an_address_that_stands_for_all() {
        for (listen, link, missing) in [
            ("127.0.0.1:3000", "http://127.0.0.1:3000", false),
            ("192.168.1.10:80", "http://192.168.1.10:80", false),
            ("0.0.0.0:3000", "http://localhost:3000", true),
            ("[::]:80", "http://localhost:80", true),
        ] {
            for public in ["", "  "] {
                let settings = settings(&["--listen", listen, "--public-url", public]).expect("settings");
                assert_eq!(settings.public_url().expect("an address"), link);
                assert_eq!(settings.missing().is_some_and(|text| text.contains("LATCHKEY_PUBLIC_URL")), missing);
            }
            let settings =
                settings(&["--listen", listen, "--public-url", "http://192.168.1.10:3000"]).expect("settings");
            assert_eq!(
                (settings.public_url().expect("an address").as_str(), settings.missing()),
                ("http://192.168.1.10:3000", None)
            );
        }
        assert!(public_url("http://0.0.0.0:3000").is_err() && public_url("http://[::]").is_err());
        let path = public_url("https://example.org/latchkey").expect_err("a path");
        assert!(path.contains("no path") && path.contains("https://latchkey.example.org"), "{path}");
    }

    #[test]
    fn lists_may_end_with_a_comma_and_a_bad_entry_is_named() {
        let read = |text: &str| {
            let settings = settings(&["--trusted-proxies", text])?;
            Ok(settings.trusted_proxies().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        let good = |text: &str| read(text).map_err(|error: String| error);
        assert_eq!(good("10.0.0.0/8,").as_deref(), Ok("10.0.0.0/8"));
        assert_eq!(good(" 10.0.0.0/8 ,, ::1 ").as_deref(), Ok("10.0.0.0/8 ::1/128"));
        assert_eq!(good("").as_deref(), Ok(""));
        for (text, named) in [
            ("10.0.0.0/8,10.0.0.0/99", "`10.0.0.0/99` has no number from 0 to 32 behind its slash"),
            ("::1/129", "`::1/129` has no number from 0 to 128"),
            ("10.0.0.0/8,10.0.0", "`10.0.0` is no address or range"),
            ("10.0.0.0/8,,proxy.internal", "its entry 3 is no address or range"),
        ] {
            let refused = good(text).expect_err(text);
            assert!(refused.contains(named), "{refused}");
        }
        let two = settings(&["--trusted-proxies", "10.0.0.1", "--trusted-proxies", "10.0.0.2"]).expect("settings");
        assert_eq!(two.trusted_proxies().len(), 2);
    }

    #[test]
    fn the_public_address_is_a_host_and_nothing_else() {
        assert_eq!(public_url(" https://keys.example.org/ ").as_deref(), Ok("https://keys.example.org"));
        for text in [
            "https://user:SECRET@keys.example.org",
            "https://user@keys.example.org",
            "https://keys.example.org/#SECRET",
            "https://keys.example.org/?a=SECRET",
            "https://keys.example.org/SECRET",
            "ftp://SECRET.example.org",
            "SECRET",
        ] {
            let refused = public_url(text).expect_err(text);
            assert!(refused.starts_with("LATCHKEY_PUBLIC_URL ") && !refused.contains("SECRET"), "{refused}");
        }
    }
}
