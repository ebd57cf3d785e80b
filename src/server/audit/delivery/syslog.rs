//! Events as messages of syslog: RFC 5424, over TLS (RFC 5425) or TCP (RFC 6587) with counted octets, or over UDP (RFC 5426).

use super::{Trouble, fitting};
use crate::{
    kernel::OrganisationId,
    server::{
        audit::{
            Stored,
            event::{Outcome, Written},
        },
        database::{StartResult, hex},
        outgoing::{Tls, TlsError},
        settings::{SyslogServer, Transport},
    },
};
use std::{
    fmt::Write,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UdpSocket, lookup_host},
    time::timeout,
};

/// How long it may take to take what is sent at once, from the connection to its end.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest message that goes into one datagram. A larger one goes without the event's text.
const DATAGRAM: usize = 60_000;
/// The facility "log audit".
const FACILITY: u8 = 13;
/// The longest MSGID.
const NAME: usize = 32;
/// The most that a receiver may say before it closes the connection; nothing of it means anything.
const ANSWER: usize = 64 * 1024;

/// A server of syslog, and what messages to it call this machine.
#[derive(Clone, Debug)]
pub struct Syslog {
    server: SyslogServer,
    hostname: String,
    /// Where it is asked for.
    tls: Option<Tls>,
}

/// In place of what is not known.
const NIL: &str = "-";

impl Syslog {
    /// Messages call this machine by the host of the address under which people reach it. `roots`: the certificates that are
    /// trusted over TLS; none: those of public authorities.
    ///
    /// # Errors
    /// When these cannot be read.
    pub fn new(server: SyslogServer, public_url: &str, roots: Option<&Path>) -> StartResult<Self> {
        let tls = match server.transport {
            Transport::Tls => Some(Tls::trusting(roots)?),
            Transport::Tcp | Transport::Udp => None,
        };
        let url = url::Url::parse(public_url).ok();
        let host = url.as_ref().and_then(url::Url::host_str).filter(|host| host.len() <= 255);
        Ok(Self { hostname: host.unwrap_or(NIL).to_owned(), server, tls })
    }

    pub(super) async fn send(&self, organisation: OrganisationId, events: &[Stored]) -> Result<i64, Trouble> {
        let (messages, last) = fitting(events, |event| self.message(organisation, event));
        let sent = async {
            match self.server.transport {
                Transport::Tls | Transport::Tcp => self.send_counted(&messages).await,
                Transport::Udp => self.send_datagrams(&messages).await.map_err(TlsError::Unreachable),
            }
        };
        match timeout(PATIENCE, sent).await {
            Ok(Ok(())) => Ok(last),
            Ok(Err(TlsError::Refused)) => {
                let why = "The syslog server’s certificate is not trusted, or there is no TLS.";
                Err(Trouble::of(why))
            }
            Ok(Err(TlsError::Unreachable(error))) => {
                Err(Trouble::of(format!("The syslog server cannot be reached: {}.", error.kind())))
            }
            Err(_) => Err(Trouble::of("The syslog server did not take the events in time.")),
        }
    }

    async fn send_counted(&self, messages: &[String]) -> Result<(), TlsError> {
        let (host, port) = (self.server.host.as_str(), self.server.port);
        let sent = match &self.tls {
            Some(tls) => counted(tls.connect(host, port).await?, messages).await,
            None => counted(TcpStream::connect((host, port)).await.map_err(TlsError::Unreachable)?, messages).await,
        };
        sent.map_err(TlsError::Unreachable)
    }

    async fn send_datagrams(&self, messages: &[String]) -> io::Result<()> {
        let mut found = lookup_host((self.server.host.as_str(), self.server.port)).await?;
        let to = found.next().ok_or(io::ErrorKind::NotFound)?;
        let from = if to.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((from, 0)).await?;
        socket.connect(to).await?;
        for message in messages {
            socket.send(message.as_bytes()).await?;
        }
        Ok(())
    }

    /// The event as a message: its exact text, with what verifies it in front.
    fn message(&self, organisation: OrganisationId, event: &Stored) -> String {
        let written = Written::read(&event.body);
        // Informational, or a warning; what Latchkey has not written is an error.
        let (severity, at, action) = match &written {
            Some(written) if written.outcome == Outcome::Done => (6, written.at.as_str(), written.action.as_str()),
            Some(written) => (4, written.at.as_str(), written.action.as_str()),
            None => (3, NIL, NIL),
        };
        let name: String = action.chars().filter(char::is_ascii_graphic).take(NAME).collect();
        let (hostname, seq) = (&self.hostname, event.seq);
        let (hash, previous) = (hex(&event.hash), hex(&event.previous));
        let mut message = format!(
            "<{}>1 {at} {hostname} latchkey - {name} [event@32473 organisation=\"{organisation}\" seq=\"{seq}\" \
             hash=\"{hash}\" previous=\"{previous}\"",
            FACILITY * 8 + severity
        );
        let personal = personal(event);
        if self.server.transport == Transport::Udp && message.len() + personal.len() + event.body.len() + 2 > DATAGRAM {
            message.push_str(" left_out=\"body\"]");
        } else {
            message.push_str(&personal);
            message.push_str("] ");
            message.push_str(&event.body);
        }
        message
    }
}

/// The personal values of an event, as a parameter of its element; nothing where there are none.
fn personal(event: &Stored) -> String {
    if event.personal.is_empty() {
        return String::new();
    }
    let json = serde_json::to_string(&event.personal).unwrap_or_default();
    let mut text = String::with_capacity(json.len() + 16);
    text.push_str(" personal=\"");
    for c in json.chars() {
        if matches!(c, '"' | '\\' | ']') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

/// Sends over a connection of its own, which is closed in an orderly way: syslog has no answers, and that the server has read to
/// the end shows by its closing its side. What it was sent on a connection that breaks is sent again.
async fn counted(mut stream: impl AsyncRead + AsyncWrite + Unpin, messages: &[String]) -> io::Result<()> {
    let mut text = String::new();
    for message in messages {
        let _ = write!(text, "{} {message}", message.len());
    }
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await?;
    let (mut said, mut buffer) = (0, [0; 1024]);
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            more if said + more <= ANSWER => said += more,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::server::audit::personal::{Personal, Place};

    fn syslog(address: &str, public_url: &str) -> Syslog {
        Syslog::new(address.parse().expect("a server"), public_url, None).expect("no certificates are needed")
    }

    #[test]
    fn messages_name_the_host_that_people_know() {
        for (url, name) in
            [("https://keys.example.org:8443", "keys.example.org"), ("http://[::1]:3000", "[::1]"), ("?", "-")]
        {
            assert_eq!(syslog("udp://log:514", url).hostname, name);
        }
    }

    #[test]
    fn what_is_too_large_for_a_datagram_goes_without_its_text() {
        let value = |value: &str| Personal { place: Place::ADDRESS, salt: vec![7; 2], value: value.into() };
        let personal = vec![value(r#""a]\\""#)];
        let event = Stored { seq: 7, body: "x".repeat(DATAGRAM), previous: vec![0; 32], hash: vec![1; 32], personal };
        let message = |address: &str| syslog(address, "").message(OrganisationId::INSTALLATION, &event);
        let whole = message("tcp://log:514");
        let told =
            r#" personal="[{\"place\":\"/address\",\"salt\":\"0707\",\"value\":\"\\\"a\]\\\\\\\\\\\"\"}\]"] xxx"#;
        assert!(whole.ends_with("xxx") && whole.contains(told), "{}", &whole[..400]);
        let short = message("udp://log:514");
        assert!(
            short.len() < 500 && short.ends_with(" left_out=\"body\"]") && short.starts_with("<107>1 - "),
            "{short}"
        );
    }
}
