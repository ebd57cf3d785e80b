//! Settings: by flag, environment or file (`--config`); one struct, checked at start.

use super::database::{Address, StartResult};
use clap::Args;
use ipnet::IpNet;
use std::{net::SocketAddr, path::PathBuf};

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
    #[arg(long, env = "LATCHKEY_ALLOW_UPSTREAM", value_delimiter = ',', value_parser = parse_range)]
    pub allow_upstream: Vec<IpNet>,
    /// Proxies whose X-Forwarded-For is believed (CIDR, comma-separated)
    #[arg(long, env = "LATCHKEY_TRUSTED_PROXIES", value_delimiter = ',', value_parser = parse_range)]
    pub trusted_proxies: Vec<IpNet>,
    /// Mail server for invitations and resets, such as smtps://user:password@mail.example.org; without it links are shown
    #[arg(long, env = "LATCHKEY_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// Sender of mails
    #[arg(long, env = "LATCHKEY_MAIL_FROM", default_value = "Latchkey <latchkey@localhost>")]
    pub mail_from: String,
    /// Log lines as JSON
    #[arg(long, env = "LATCHKEY_LOG_JSON", value_parser = clap::builder::BoolishValueParser::new())]
    pub log_json: bool,
}

fn parse_range(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| "it is no address or range such as 127.0.0.0/8".to_owned())
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
    /// The configured public address without a trailing slash, or one made of the listening address.
    pub fn public_url(&self) -> StartResult<String> {
        let Some(text) = &self.public_url else {
            return Ok(format!("http://{}", self.listen));
        };
        let url = url::Url::parse(text.trim()).map_err(|e| format!("LATCHKEY_PUBLIC_URL is no address: {e}"))?;
        if !matches!(url.scheme(), "http" | "https")
            || url.host().is_none()
            || url.path() != "/"
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
        Ok(url.as_str().trim_end_matches('/').to_owned())
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

    fn public_url(text: &str) -> Result<String, String> {
        let arguments = ["latchkey", "--public-url", text];
        let settings = Program::from_arg_matches(&Program::command().get_matches_from(arguments)).expect("settings");
        settings.settings.public_url().map_err(|error| error.to_string())
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
