//! Mail over SMTP if it is configured; without it, links are shown to be handed over.

use super::database::StartResult;
use crate::kernel::text;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::Mailbox};
use std::{fmt, time::Duration};

/// Longest name in a mail, in characters.
const NAME: usize = 60;

/// A name in the text of a mail to somebody who may not know whose it is: on one line, cut, and so written that no mail
/// program makes a link of what is in it. It never stands in a subject.
pub fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in text::cut(name.trim(), NAME).chars() {
        let joins = plain.ends_with(['.', ':', '/', '@', '\u{3002}', '\u{ff0e}', '\u{ff61}']);
        if joins && !c.is_whitespace() {
            plain.push(' ');
        }
        plain.push(if c.is_whitespace() || text::is_treacherous(c) { ' ' } else { c });
    }
    if name.trim().chars().nth(NAME).is_some() {
        plain.push('…');
    }
    plain
}

/// Sends mails, or says that it cannot.
#[derive(Clone)]
pub struct Mail(Option<(AsyncSmtpTransport<Tokio1Executor>, Mailbox)>);

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Mail(smtp)" } else { "Mail(none)" })
    }
}

impl Mail {
    /// An installation without mail.
    pub const fn none() -> Self {
        Self(None)
    }

    /// `smtps://user:password@host`, or `smtp://host:25` for a server near by.
    pub fn smtp(url: &str, from: &str) -> StartResult<Self> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(
                |_| "LATCHKEY_SMTP_URL is no mail server's address such as smtps://user:password@mail.example.org",
            )?
            .timeout(Some(Duration::from_secs(10)))
            .build();
        let from = from.parse().map_err(|_| "LATCHKEY_MAIL_FROM is no address such as Latchkey <keys@example.org>")?;
        Ok(Self(Some((transport, from))))
    }

    pub fn is_configured(&self) -> bool {
        self.0.is_some()
    }

    /// Sends a plain text. False: there is no mail, or the server did not take it (the log has why).
    pub async fn send(&self, to: &str, subject: &str, text: String) -> bool {
        let Some((transport, from)) = &self.0 else { return false };
        let Ok(to) = to.parse::<Mailbox>() else { return false };
        let message = Message::builder().from(from.clone()).to(to).subject(subject).body(text);
        let sent = match message {
            Ok(message) => transport.send(message).await.map(|_| ()).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = &sent {
            tracing::warn!(error, "a mail could not be sent");
        }
        sent.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_name_is_no_link() {
        assert_eq!(plain(" Ada Lind "), "Ada Lind");
        assert_eq!(plain("Dr. Ada O'Neil-Lind"), "Dr. Ada O'Neil-Lind");
        assert_eq!(plain("http://evil.example/pay"), "http: / / evil. example/ pay");
        assert_eq!(plain("pay@evil.example"), "pay@ evil. example");
        assert_eq!(plain("a\r\nSubject: b"), "a  Subject: b");
        assert_eq!(plain(&"x".repeat(61)), format!("{}…", "x".repeat(60)));
    }
}
