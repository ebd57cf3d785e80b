//! A mail server on loopback that keeps what it is given.

use crate::server::mail::Mail;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

/// The server, and the mails that it took and nobody has read.
#[derive(Clone)]
pub struct Mailbox {
    port: u16,
    mails: Arc<Mutex<Vec<(String, String)>>>,
    refuses: Arc<AtomicBool>,
}

impl Mailbox {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mailbox = Self { port, mails: Arc::default(), refuses: Arc::default() };
        let server = mailbox.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        mailbox
    }

    /// The way to it.
    pub fn mail(&self) -> Mail {
        let url = format!("smtp://127.0.0.1:{}", self.port);
        Mail::smtp(&url, "Latchkey <keys@latchkey.test>").expect("a mail server's address")
    }

    /// Takes mails no more, or again.
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// The token of the link in the oldest unread mail to this address that has one. Waits for it.
    pub async fn token(&self, address: &str) -> String {
        let link = self.link(address).await;
        link.split_once("token=").expect("a token").1.to_owned()
    }

    /// That link itself.
    pub async fn link(&self, address: &str) -> String {
        self.link_to(address, "token=").await
    }

    /// That of the oldest which has a link with this in its address.
    pub async fn link_to(&self, address: &str, part: &str) -> String {
        let found = async {
            loop {
                if let Some(link) = self.take(address, part) {
                    return link;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(10), found).await.unwrap_or_else(|_| panic!("no link was mailed to {address}"))
    }

    /// The unread mails to an address, as they came.
    pub fn unread_of(&self, address: &str) -> Vec<String> {
        let mails = self.mails.lock().expect("the mails");
        mails.iter().filter(|(to, _)| to == address).map(|(_, text)| text.clone()).collect()
    }

    /// How many mails nobody has read.
    pub fn unread(&self) -> usize {
        self.mails.lock().expect("the mails").len()
    }

    fn take(&self, address: &str, part: &str) -> Option<String> {
        let mut mails = self.mails.lock().expect("the mails");
        let at = mails.iter().position(|(to, text)| to == address && text.contains(part))?;
        let (_, text) = mails.remove(at);
        text.lines().find(|line| line.contains("token=")).map(|link| link.trim().to_owned())
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut to = String::new();
        write.write_all(b"220 latchkey.test\r\n").await.ok()?;
        while let Some(line) = lines.next_line().await.ok()? {
            let answer = match line.get(..4).unwrap_or_default() {
                "RCPT" => {
                    to = line.trim_start_matches("RCPT TO:<").split('>').next().unwrap_or_default().to_owned();
                    if self.refuses.load(Ordering::SeqCst) { "550 not here" } else { "250 ok" }
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.ok()?;
                    let mut text = String::new();
                    while let Some(line) = lines.next_line().await.ok()?.filter(|line| line != ".") {
                        text.push_str(&line);
                        text.push('\n');
                    }
                    // A long line, such as a link, comes as quoted-printable (RFC 2045, 6.7).
                    if text.contains("quoted-printable") {
                        text = text.replace("=\n", "").replace("=3D", "=");
                    }
                    self.mails.lock().expect("the mails").push((to.clone(), text));
                    "250 taken"
                }
                "QUIT" => "221 bye",
                _ => "250 latchkey.test",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
        Some(())
    }
}
