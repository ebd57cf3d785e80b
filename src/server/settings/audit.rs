//! Settings of where the audit log's events are delivered.

use clap::Args;
use std::{net::Ipv6Addr, path::PathBuf, str::FromStr};

/// The installation's destinations of audit events. It holds secrets, so nothing can print it.
#[derive(Args, Clone, Default)]
pub struct AuditSettings {
    /// A file to which every event of the audit log is appended, a line each; without it none
    #[arg(long = "audit-file", env = "LATCHKEY_AUDIT_FILE")]
    pub file: Option<PathBuf>,
    /// Syslog server that gets every event of the audit log, as syslog+tls://host:port, tcp://host:port or udp://host:port;
    /// without it none
    #[arg(long = "audit-syslog", env = "LATCHKEY_AUDIT_SYSLOG")]
    pub syslog: Option<SyslogServer>,
    /// PEM file of the certificates that the syslog server's must be signed by, over TLS; without it public authorities
    #[arg(long = "audit-syslog-ca", env = "LATCHKEY_AUDIT_SYSLOG_CA")]
    pub syslog_ca: Option<PathBuf>,
    /// URL that gets every event of the audit log by signed webhooks; without it none
    #[arg(long = "audit-webhook", env = "LATCHKEY_AUDIT_WEBHOOK", hide_env_values = true)]
    pub webhook: Option<String>,
    /// The secret that signs them: whsec_ and 24 to 64 bytes in base64
    #[arg(long = "audit-webhook-secret", env = "LATCHKEY_AUDIT_WEBHOOK_SECRET", hide_env_values = true)]
    pub webhook_secret: Option<String>,
    /// The form of events in them: events or ocsf
    #[arg(long = "audit-webhook-format", env = "LATCHKEY_AUDIT_WEBHOOK_FORMAT", default_value = "events")]
    pub webhook_format: String,
    /// Days that events of the audit log are kept, from 90; without it for ever
    #[arg(long = "audit-days", env = "LATCHKEY_AUDIT_DAYS")]
    pub days: Option<AuditDays>,
}

/// How many days events of the audit log are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditDays(pub i64);

impl AuditDays {
    /// The fewest that can be set. The database holds to it as well.
    pub const LEAST: i64 = 90;
    const MOST: i64 = 36_500;
}

impl FromStr for AuditDays {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let days = text.trim().parse().ok().filter(|days| (Self::LEAST..=Self::MOST).contains(days));
        days.map(Self).ok_or_else(|| format!("it is no number of days from {} to {}", Self::LEAST, Self::MOST))
    }
}

/// How messages of syslog are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS over TCP.
    Tls,
    Tcp,
    Udp,
}

/// A server of syslog: `syslog+tls://host:port`, `tcp://host:port` or `udp://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogServer {
    pub transport: Transport,
    /// A name, or an address without brackets.
    pub host: String,
    pub port: u16,
}

impl FromStr for SyslogServer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "it is not written as syslog+tls://host:port, tcp://host:port or udp://host:port";
        let (transport, rest) = match text.trim().split_once("://") {
            Some(("syslog+tls", rest)) => (Transport::Tls, rest),
            Some(("tcp", rest)) => (Transport::Tcp, rest),
            Some(("udp", rest)) => (Transport::Udp, rest),
            _ => return Err(WRONG),
        };
        let (host, port) = rest.strip_suffix('/').unwrap_or(rest).rsplit_once(':').ok_or(WRONG)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().map_err(|_| WRONG)?.to_string(),
            None if host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) => host.to_owned(),
            None => return Err(WRONG),
        };
        let port = port.parse().ok().filter(|port| *port != 0 && !host.is_empty()).ok_or(WRONG)?;
        Ok(Self { transport, host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read() {
        assert_eq!(" 365 ".parse(), Ok(AuditDays(365)));
        assert_eq!("90".parse(), Ok(AuditDays(90)));
        for bad in ["", "0", "89", "36501", "-90", "ever", "90.5"] {
            assert!(bad.parse::<AuditDays>().is_err(), "{bad}");
        }
    }

    #[test]
    fn syslog_servers_are_read() {
        for (text, transport, host, port) in [
            ("tcp://log.internal:6514", Transport::Tcp, "log.internal", 6514),
            ("syslog+tls://log.internal:6514", Transport::Tls, "log.internal", 6514),
            (" udp://127.0.0.1:514/ ", Transport::Udp, "127.0.0.1", 514),
            ("udp://[::1]:514", Transport::Udp, "::1", 514),
        ] {
            assert_eq!(text.parse(), Ok(SyslogServer { transport, host: host.into(), port }), "{text}");
        }
        for bad in [
            "",
            "log:514",
            "tls://log:6514",
            "tcp://log",
            "tcp://log:0",
            "tcp://:514",
            "tcp://u@log:514",
            "udp://::1:514",
            "tcp://log:514/x",
            "tcp://log:65536",
        ] {
            assert!(bad.parse::<SyslogServer>().is_err(), "{bad}");
        }
    }
}
