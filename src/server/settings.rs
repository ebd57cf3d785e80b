//! Settings: by flag, environment or file (`--config`); one struct, checked at start.

mod audit;

pub use audit::{AuditDays, AuditSettings, SyslogServer, Transport};

use super::{
    database::{Address, StartResult},
    outgoing::{AllowList, BaseUrl},
};
use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
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
    /// The file to which checkpoints of the audit log are appended; without it `checkpoints.jsonl` in the data folder
    #[arg(long, env = "LATCHKEY_AUDIT_CHECKPOINTS")]
    pub audit_checkpoints: Option<PathBuf>,
    #[command(flatten)]
    pub audit: AuditSettings,
    /// Port on this machine, or address and port, on which /metrics is served for Prometheus; without it nowhere
    #[arg(long, env = "LATCHKEY_METRICS_LISTEN")]
    pub metrics_listen: Option<MetricsListen>,
    /// OpenTelemetry collector that gets a span of each call by OTLP over HTTP, such as http://127.0.0.1:4318; without it none
    #[arg(long, env = "LATCHKEY_OTLP_ENDPOINT", hide_env_values = true)]
    pub otlp_endpoint: Option<OtlpEndpoint>,
    /// Headers for the collector, such as Authorization=Bearer%20SECRET (comma-separated, values percent-encoded)
    #[arg(long, env = "LATCHKEY_OTLP_HEADERS", hide_env_values = true)]
    pub otlp_headers: Option<OtlpHeaders>,
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

/// Where figures for monitoring are served: an IP address and a port, or a port alone, which is this machine's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsListen(pub SocketAddr);

impl FromStr for MetricsListen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let port = || {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|_| digits).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        };
        let address = text.parse().ok().or_else(port);
        address.map(Self).ok_or("it is no address and port such as 127.0.0.1:9464, and no port")
    }
}

/// The base address of a collector.
#[derive(Clone, PartialEq, Eq)]
pub struct OtlpEndpoint(BaseUrl);

impl FromStr for OtlpEndpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let base = BaseUrl::parse(text.trim(), &Collector::addresses()).map_err(|error| error.to_string())?;
        if base.as_str().ends_with(TRACES) {
            return Err(format!("it must be the address before {TRACES}, which is put behind it"));
        }
        Ok(Self(base))
    }
}

impl OtlpEndpoint {
    /// The collector there, with these headers.
    ///
    /// # Errors
    /// When nothing can stand behind the address, as when it is too long.
    pub fn with(&self, headers: HeaderMap) -> StartResult<Collector> {
        Ok(Collector { address: self.0.join(TRACES)?, headers })
    }
}

/// Headers for a collector, as OpenTelemetry's own programs take them: `name=value`, with commas between them and values
/// percent-encoded. An entry may be empty, as behind a last comma. Nothing can print them.
#[derive(Clone, PartialEq, Eq)]
pub struct OtlpHeaders(HeaderMap);

/// Headers that belong to the request as such.
const OWN_HEADERS: [&str; 8] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "user-agent",
];

impl FromStr for OtlpHeaders {
    type Err = String;

    /// No part of an entry is repeated: any may be a secret in the wrong place.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        let entries = text.split(',').map(str::trim).enumerate().filter(|(_, entry)| !entry.is_empty());
        for (at, entry) in entries {
            let (name, value) =
                header(entry).map_err(|why| format!("its entry {} {why}; it is written as name=value", at + 1))?;
            if OWN_HEADERS.contains(&name.as_str()) {
                return Err(format!("its entry {} is a header that Latchkey sets itself", at + 1));
            }
            if headers.insert(name, value).is_some() {
                return Err(format!("its entry {} names a header for the second time", at + 1));
            }
        }
        Ok(Self(headers))
    }
}

fn header(entry: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let (name, value) = entry.split_once('=').ok_or("has no equals sign")?;
    let name = name.trim().parse().map_err(|_| "does not begin with the name of a header")?;
    let value = percent_decode_str(value.trim()).decode_utf8().map_err(|_| "has a value that is no text")?;
    let mut value: HeaderValue = value.parse().map_err(|_| "has a value that no header can hold")?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// Where spans of calls are sent, with what headers. It holds secrets, so nothing can print it.
#[derive(Clone)]
pub struct Collector {
    pub address: Uri,
    pub headers: HeaderMap,
}

/// Behind a collector's base address, by OTLP over HTTP.
const TRACES: &str = "/v1/traces";

impl Collector {
    /// Whoever sets a collector runs Latchkey: it may be anywhere, this machine included.
    pub fn addresses() -> AllowList {
        let all =
            [IpNet::new_assert(Ipv4Addr::UNSPECIFIED.into(), 0), IpNet::new_assert(Ipv6Addr::UNSPECIFIED.into(), 0)];
        AllowList::from(all.to_vec())
    }
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

    /// Where checkpoints of the audit log are written.
    pub fn audit_checkpoints(&self) -> PathBuf {
        let given = self.audit_checkpoints.clone().filter(|file| !file.as_os_str().is_empty());
        given.unwrap_or_else(|| self.data.data.join("checkpoints.jsonl"))
    }

    /// Proxies that are believed.
    pub fn trusted_proxies(&self) -> Vec<IpNet> {
        all(&self.trusted_proxies)
    }

    /// The collector that gets a span of each call, if one is set.
    ///
    /// # Errors
    /// When there are headers for one, and none is set.
    pub fn collector(&self) -> StartResult<Option<Collector>> {
        match (&self.otlp_endpoint, &self.otlp_headers) {
            (None, Some(_)) => Err("LATCHKEY_OTLP_HEADERS is set, and LATCHKEY_OTLP_ENDPOINT is not".into()),
            (None, None) => Ok(None),
            (Some(endpoint), headers) => {
                Ok(Some(endpoint.with(headers.as_ref().map(|headers| headers.0.clone()).unwrap_or_default())?))
            }
        }
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
    fn metrics_are_served_where_they_are_meant_to_be() {
        let read = |text: &str| settings(&["--metrics-listen", text]).map(|settings| settings.metrics_listen);
        for (text, expected) in [
            ("9464", "127.0.0.1:9464"),
            (" 127.0.0.1:9464 ", "127.0.0.1:9464"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:9464", "[::1]:9464"),
        ] {
            let expected = MetricsListen(expected.parse().expect("an address"));
            assert_eq!(read(text), Ok(Some(expected)), "{text}");
        }
        for text in ["localhost:9464", "+9464", "65536", "127.0.0.1", ":9464", "http://127.0.0.1:9464"] {
            let refused = read(text).expect_err(text);
            assert!(refused.contains("no address and port such as 127.0.0.1:9464"), "{refused}");
        }
        assert_eq!(settings(&[]).map(|settings| settings.metrics_listen), Ok(None));
    }

    #[test]
    fn a_collector_is_anywhere_and_its_headers_are_not_repeated() {
        let read = |arguments: &[&str]| settings(arguments)?.collector().map_err(|error| error.to_string());
        for (text, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://[::1]:4318/", "http://[::1]:4318/v1/traces"),
            ("http://otel.internal:4318", "http://otel.internal:4318/v1/traces"),
            ("https://api.example.com/otlp", "https://api.example.com/otlp/v1/traces"),
        ] {
            let collector = read(&["--otlp-endpoint", text]).expect(text).expect("a collector");
            assert_eq!((collector.address.to_string().as_str(), collector.headers.len()), (expected, 0));
        }
        for text in [
            "127.0.0.1:4318",
            "grpc://127.0.0.1:4317",
            "http://user:SECRET@127.0.0.1:4318",
            "http://127.0.0.1:4318?key=SECRET",
            "http://127.0.0.1:4318/v1/traces",
        ] {
            let refused = settings(&["--otlp-endpoint", text]).err().expect(text);
            assert!(!refused.split("for '--otlp").last().is_some_and(|why| why.contains("SECRET")), "{refused}");
        }
        let with = |headers| read(&["--otlp-endpoint", "http://127.0.0.1:4318", "--otlp-headers", headers]);
        let headers =
            with(" Authorization = Bearer%20a%2Cb ,x-team=core,").expect("headers").expect("a collector").headers;
        assert_eq!(
            (headers["authorization"].as_bytes(), headers["x-team"].as_bytes()),
            (&b"Bearer a,b"[..], &b"core"[..])
        );
        assert!(!format!("{headers:?}").contains("Bearer"), "{headers:?}");
        for (text, why) in [
            ("x-a=1,SECRET", "its entry 2 has no equals sign"),
            ("x a=SECRET", "its entry 1 does not begin with the name"),
            ("x-a=SECRET%0A", "its entry 1 has a value that no header can hold"),
            ("x-a=SECRET%FF", "its entry 1 has a value that is no text"),
            ("x-a=1,X-A=SECRET", "its entry 2 names a header for the second time"),
            ("content-type=SECRET", "its entry 1 is a header that Latchkey sets itself"),
        ] {
            let refused = text.parse::<OtlpHeaders>().err().expect(text);
            assert!(refused.starts_with(why) && !refused.contains("SECRET"), "{refused}");
        }
        let alone = read(&["--otlp-headers", "x-a=SECRET"]).err().expect("no collector");
        assert!(alone.contains("LATCHKEY_OTLP_ENDPOINT is not") && !alone.contains("SECRET"), "{alone}");
        assert!(read(&[]).expect("settings").is_none());
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
