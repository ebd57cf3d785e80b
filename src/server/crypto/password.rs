//! Passwords: Argon2id off the request's threads, a bounded number at a time.

use crate::kernel::Error;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use std::sync::Arc;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;
use zxcvbn::feedback::Warning;

/// Memory in KiB, passes, lanes: OWASP's first choice for Argon2id.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Fewest and most characters of a password.
pub const SHORTEST: usize = 8;
pub const LONGEST: usize = 128;

/// Hashes and checks passwords. Cloning shares the bound on how many run at once.
#[derive(Clone, Debug)]
pub struct Passwords {
    running: Arc<Semaphore>,
    /// Checked when there is no such account, so that its absence takes the same time.
    decoy: Arc<str>,
}

impl Passwords {
    pub fn new() -> Result<Self, Error> {
        let decoy = hash("no account has this password")?;
        Ok(Self { running: Arc::new(Semaphore::new(4)), decoy: decoy.into() })
    }

    /// The PHC string of a new password.
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<String, Error> {
        self.run(move || hash(&password)).await?
    }

    /// Whether the password fits the stored hash. With no hash (no account) it takes as long and is false.
    pub async fn verify(&self, password: Zeroizing<String>, stored: Option<String>) -> Result<bool, Error> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let fits = self.run(move || verify(&password, &stored)).await?;
        Ok(known && fits)
    }

    /// Runs when there is a place for it. It keeps the place to its end, also when nobody waits for it any more.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let permit = self.running.clone().acquire_owned().await.map_err(|_| Error::unavailable())?;
        let work = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::internal())
    }

    /// Whether a stored hash is weaker than what is made today.
    pub fn is_outdated(stored: &str) -> bool {
        let current = format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}$");
        !stored.starts_with(&current)
    }
}

fn hasher() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|_| Error::internal())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, Error> {
    let hash = hasher()?.hash_password(password.as_bytes()).map_err(|error| {
        tracing::error!(%error, "a password could not be hashed");
        Error::internal()
    })?;
    Ok(hash.to_string())
}

fn verify(password: &str, stored: &str) -> bool {
    // The stored string names its own parameters, so that older hashes are still checked.
    PasswordHash::new(stored)
        .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
}

/// Checks a new password: its length, and that it is neither common nor the name of something near (the person's
/// address, the organisation, the product). `Err` is a sentence for people.
pub fn check_new_password(password: &str, near: &[&str]) -> Result<(), String> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(format!("The password needs at least {SHORTEST} characters."));
    }
    if length > LONGEST {
        return Err(format!("The password can have at most {LONGEST} characters."));
    }
    let plain = password.to_lowercase();
    if near.iter().chain(&["latchkey"]).any(|name| !name.is_empty() && plain == name.to_lowercase()) {
        return Err("The password is a name that is easy to guess here. Choose another.".into());
    }
    // The estimate is quadratic in length, and what is common is short.
    let beginning = crate::kernel::text::cut(password, 64);
    let common = matches!(
        zxcvbn::zxcvbn(beginning, &[]).feedback().and_then(|feedback| feedback.warning()),
        Some(
            Warning::ThisIsATop10Password
                | Warning::ThisIsATop100Password
                | Warning::ThisIsACommonPassword
                | Warning::ThisIsSimilarToACommonlyUsedPassword
        )
    );
    if common && length <= 64 {
        return Err("The password is in a list of common passwords. Choose another.".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_are_salted_and_compared_whole() {
        let passwords = Passwords::new().unwrap();
        let long = "x".repeat(72);
        let one = passwords.hash(Zeroizing::new(format!("{long}a"))).await.unwrap();
        let two = passwords.hash(Zeroizing::new(format!("{long}a"))).await.unwrap();
        assert_ne!(one, two);
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert!(!Passwords::is_outdated(&one));
        assert!(Passwords::is_outdated("$argon2id$v=19$m=4096,t=2,p=1$x$y"));
        assert!(passwords.verify(Zeroizing::new(format!("{long}a")), Some(one.clone())).await.unwrap());
        assert!(!passwords.verify(Zeroizing::new(format!("{long}b")), Some(one)).await.unwrap());
        assert!(!passwords.verify(Zeroizing::new("no account has this password".into()), None).await.unwrap());
    }

    #[test]
    fn who_goes_away_does_not_free_a_place() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let passwords = Passwords::new().unwrap();
            let (go, wait) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || wait.recv());
            let mut hashing = Box::pin(passwords.hash(Zeroizing::new("a long password".into())));
            assert!(futures_util::poll!(&mut hashing).is_pending());
            drop(hashing);
            assert_eq!(passwords.running.available_permits(), 3);
            go.send(()).unwrap();
            busy.await.unwrap().unwrap();
            assert!(passwords.running.acquire_many(4).await.is_ok());
        });
    }

    #[test]
    fn common_and_near_passwords_are_refused() {
        for bad in ["short", "password", "Password1", "12345678", "qwertyuiop", "LatchKey", "northwind"] {
            assert!(check_new_password(bad, &["Northwind"]).is_err(), "{bad}");
        }
        for good in ["correct horse battery staple", "пароль-для-проверки", "Tr0ub4dor&3-and-more"] {
            assert_eq!(check_new_password(good, &["Northwind"]), Ok(()), "{good}");
        }
        assert!(check_new_password(&"ж".repeat(128), &[]).is_ok());
        assert!(check_new_password(&"ж".repeat(129), &[]).is_err());
    }
}
