//! Keys and passwords: `latchkey.secrets`, which is ours. Known kinds are told by their form; `random` also finds whatever
//! looks drawn at random, commits of git included.

mod forms;

use super::parameters::Parameters;
use super::patterns::{self, Finder, Place, Redact, Redacting};
use super::{Found, HashKey, Mark, Rewriting, Scene};
use forms::{BEGINNINGS, Form};

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem;

const PRIVATE_KEY: &str = "PRIVATE_KEY";
const CONNECTION_URL: &str = "CONNECTION_URL";
const AWS_SECRET: &str = "AWS_SECRET";
const RANDOM: &str = "RANDOM_TOKEN";

/// Looks for secrets.
#[derive(Debug)]
pub struct Secrets {
    beginnings: AhoCorasick,
    random: bool,
    redact: Option<Redact>,
}

pub(super) fn compile(read: &mut Parameters<'_>) -> Option<Secrets> {
    let redact = Redact::read(read);
    let random = read.flag_or("random", false);
    let beginnings = BEGINNINGS.iter().map(|form| form.begins);
    // The longest beginning tells most: `sk-ant-` before `sk-`.
    let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(beginnings);
    Some(Secrets { beginnings: built.ok()?, random, redact })
}

impl Secrets {
    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        patterns::judge(self, scene)
    }

    pub(super) fn rewriting<'a>(&'a self, key: &'a HashKey) -> Option<Box<dyn Rewriting + Send + 'a>> {
        let by = self.redact?;
        Some(Box::new(Redacting::new(self, by, key)))
    }

    pub(super) fn marks(&self, text: &str) -> Vec<Mark> {
        patterns::marks(self, text)
    }
}

impl Finder for Secrets {
    fn find(&self, text: &str, found: &mut Vec<Place>) {
        private_keys(text, found);
        // No place is looked at for a second beginning in the same long token.
        let mut seen = 0;
        for begin in self.beginnings.find_iter(text) {
            let form = &BEGINNINGS[begin.pattern().as_usize()];
            if begin.start() < seen || !stands_alone(text.as_bytes(), begin.start(), form) {
                continue;
            }
            match form.end(text, begin.start(), begin.end()) {
                Ok(end) => {
                    seen = end;
                    found.push(Place { at: begin.start()..end, category: form.category });
                }
                Err(looked_at) => seen = looked_at,
            }
        }
        passwords(text, found);
        aws_secrets(text, found);
        if self.random {
            random(text, found);
        }
    }

    fn same(&self, _: &'static str, value: &str) -> String {
        value.to_owned()
    }

    fn masked(&self, category: &'static str, value: &str) -> String {
        let begin = match category {
            PRIVATE_KEY | CONNECTION_URL => return "****".to_owned(),
            RANDOM | AWS_SECRET => "",
            _ => BEGINNINGS
                .iter()
                .map(|form: &Form| form.begins)
                .filter(|b| value.starts_with(b))
                .max_by_key(|b| b.len())
                .unwrap_or(""),
        };
        let end = value.char_indices().rev().nth(3).map_or("", |(at, _)| &value[at..]);
        format!("{begin}****{end}")
    }
}

/// Whether nothing before this is a part of it: `task-` is no `sk-`. A line feed as programs write it is.
fn stands_alone(bytes: &[u8], start: usize, form: &Form) -> bool {
    match bytes[..start] {
        [.., b'\\', b'n' | b't' | b'r'] => true,
        [.., b'-'] => !form.has_parts(),
        [.., last] => !last.is_ascii_alphanumeric() && last != b'_',
        [] => true,
    }
}

/// Private keys between their lines. One that is cut off ends where its letters do.
fn private_keys(text: &str, found: &mut Vec<Place>) {
    const BEGIN: &str = "-----BEGIN ";
    const LEAST: usize = 32;
    let mut begins = memmem::find_iter(text.as_bytes(), BEGIN).peekable();
    while let Some(start) = begins.next() {
        let Some(name) = name_of(&text[start + BEGIN.len()..]) else { continue };
        let head = start + BEGIN.len() + name.len() + 5;
        // What follows up to the next key, so that each part is looked at once.
        // It may share its dashes with this one's.
        let until = begins.peek().copied().unwrap_or(text.len()).max(head);
        let part = &text[head..until];
        let end = match memmem::find(part.as_bytes(), b"-----END ") {
            Some(end) => {
                let rest = &part[end + 9..];
                head + end + 9 + name_of(rest).map_or(0, |name| name.len() + 5)
            }
            None => {
                let body = |c: char| c.is_ascii_alphanumeric() || "+/= \t\r\n\\:,-.".contains(c);
                head + part.find(|c| !body(c)).unwrap_or(part.len())
            }
        };
        let letters = text[head..end].bytes().filter(u8::is_ascii_alphanumeric).take(LEAST).count();
        if letters == LEAST {
            found.push(Place { at: start..end, category: PRIVATE_KEY });
        }
    }
}

/// The name in the line of a private key, such as `RSA PRIVATE KEY`.
fn name_of(text: &str) -> Option<&str> {
    const LONGEST: usize = 60;
    let end = text.bytes().take(LONGEST).position(|byte| byte == b'-')?;
    let name = &text[..end];
    let fits = name.ends_with("PRIVATE KEY") || name.ends_with("PRIVATE KEY BLOCK");
    (fits && text[end..].starts_with("-----")).then_some(name)
}

/// Passwords in addresses, as in `postgres://app:password@db/app`. The rest of the address stays.
fn passwords(text: &str, found: &mut Vec<Place>) {
    const LONGEST: usize = 512;
    let bytes = text.as_bytes();
    for at in memmem::find_iter(bytes, b"://") {
        if !at.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_alphanumeric()) {
            continue;
        }
        let start = at + 3;
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'<>`\\".contains(byte);
        let rest = &bytes[start..(start + LONGEST).min(bytes.len())];
        let user = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
        let Some(host) = user.iter().rposition(|byte| *byte == b'@') else { continue };
        let Some(colon) = user[..host].iter().position(|byte| *byte == b':') else { continue };
        let password = start + colon + 1..start + host;
        if !text[password.clone()].is_empty() && !stands_for_one(&text[password.clone()]) {
            found.push(Place { at: password, category: CONNECTION_URL });
        }
    }
}

/// `${PASSWORD}`, `<password>`, `****`: what only stands for a password.
fn stands_for_one(text: &str) -> bool {
    let closed = [("${", "}"), ("{", "}"), ("[", "]"), ("%(", ")s")];
    let name = text.strip_prefix('$');
    closed.iter().any(|(begin, end)| text.starts_with(begin) && text.ends_with(end))
        || name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
        || text.bytes().all(|byte| byte == b'*')
        || text.bytes().all(|byte| byte == b'x')
}

/// Secret keys of AWS, which are told by what stands before them.
fn aws_secrets(text: &str, found: &mut Vec<Place>) {
    const LONG: usize = 40;
    const WORDS: [&str; 3] = ["secret_access_key", "SecretAccessKey", "secretAccessKey"];
    let bytes = text.as_bytes();
    let upper = memmem::find_iter(bytes, "SECRET_ACCESS_KEY").map(|at| at + 17);
    let others = WORDS.iter().flat_map(|word| memmem::find_iter(bytes, word).map(|at| at + word.len()));
    for word in upper.chain(others) {
        let between = bytes[word..].iter().take(10).position(|byte| !b" \t\\\"'=:".contains(byte));
        let Some(start) = between.map(|between| word + between) else { continue };
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
        let long = bytes[start..].iter().take(LONG + 1).take_while(|byte| part(byte)).count();
        if long == LONG {
            found.push(Place { at: start..start + LONG, category: AWS_SECRET });
        }
    }
}

/// Tokens that look drawn at random.
fn random(text: &str, found: &mut Vec<Place>) {
    let bytes = text.as_bytes();
    let part = |byte: u8| byte.is_ascii_alphanumeric() || b"+/_-=".contains(&byte);
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && part(bytes[at]) {
            at += 1;
        }
        if at - start >= 20 {
            // What is assigned stands behind the sign: `token=…`.
            let mut from = start;
            for part in text[start..at].split('=') {
                if is_random(part.as_bytes()) {
                    found.push(Place { at: from..from + part.len(), category: RANDOM });
                }
                from += part.len() + 1;
            }
        }
        at += 1;
    }
}

/// Letters and digits that change kind too often for words; or long hexadecimal digits that are no UUID.
fn is_random(token: &[u8]) -> bool {
    /// Longer ones are data, such as pictures.
    const LONGEST: usize = 512;
    if !(20..=LONGEST).contains(&token.len()) {
        return false;
    }
    let kind = |byte: &u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let mut seen = [0_usize; 4];
    let mut counts = [0_u32; 128];
    for byte in token {
        seen[kind(byte)] += 1;
        counts[usize::from(byte & 127)] += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 512")]
    let long = token.len() as f64;
    let entropy: f64 = counts.iter().filter(|n| **n > 0).map(|n| f64::from(*n) / long).map(|p| -p * p.log2()).sum();
    let hex = seen[3] == 0 && token.iter().all(u8::is_ascii_hexdigit) && (seen[0] == 0 || seen[1] == 0);
    if hex {
        return token.len() >= 32 && seen[2] >= 4 && seen[2] < token.len() && entropy >= 3.0;
    }
    let changes = token.windows(2).filter(|two| kind(&two[0]) != kind(&two[1])).count();
    seen[0] >= 2 && seen[1] >= 2 && seen[2] >= 2 && entropy >= 3.5 && changes * 5 >= token.len() * 2
}

#[cfg(test)]
mod tests;
