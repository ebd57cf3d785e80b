//! Passwords: Argon2id off the request's threads, in a fixed number of places.

use super::places::{Place, Places};
use crate::{kernel::Error, server::networks::Networks};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use std::net::IpAddr;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;
use zxcvbn::feedback::Warning;

/// Memory in KiB, passes, lanes: OWASP's first choice for Argon2id.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The most that a stored hash may ask for. One that asks for more was not made here, and is not checked.
const MOST_MEMORY: u32 = 65_536;
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 16;

/// Checked when there is no such account, so that its absence takes the same time. No password has this hash.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bGF0Y2hrZXkgZGVjb3khIQ$dfUzUN2v+mJ5Z2nlEhu4Xxzv3CUg2/XGu/zwmX4tKnU";

/// Fewest and most characters of a password.
pub const SHORTEST: usize = 8;
pub const LONGEST: usize = 128;

/// Hashes and checks passwords. Cloning shares the places for it.
#[derive(Clone, Debug, Default)]
pub struct Passwords {
    places: Places,
}

impl Passwords {
    /// The PHC string of a new password. `from` is the address that asks: networks take turns.
    ///
    /// # Errors
    /// `unavailable` if too many ask at once.
    pub async fn hash(&self, from: Option<IpAddr>, password: Zeroizing<String>) -> Result<String, Error> {
        self.run(from, move |place| hash(&password, place)).await?
    }

    /// Whether the password fits the stored hash. With no hash (no account) it takes as long and is false.
    ///
    /// # Errors
    /// As [`Self::hash`]; the password was not looked at then.
    pub async fn verify(
        &self,
        from: Option<IpAddr>,
        password: Zeroizing<String>,
        stored: Option<String>,
    ) -> Result<bool, Error> {
        self.run(from, move |place| verify(&password, stored.as_deref().unwrap_or(DECOY), place)).await
    }

    /// Runs when there is a place for it. It keeps the place to its end, also when nobody waits for it any more.
    async fn run<T: Send + 'static>(
        &self,
        from: Option<IpAddr>,
        work: impl FnOnce(&mut Place) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let mut place = self.places.enter(&Networks::of(from).widest).await?;
        tokio::task::spawn_blocking(move || work(&mut place)).await.map_err(|_| Error::internal())
    }

    /// Whether a stored hash is weaker than what is made today.
    pub fn is_outdated(stored: &str) -> bool {
        let current = format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}$");
        !stored.starts_with(&current)
    }
}

fn hash(password: &str, place: &mut Place) -> Result<String, Error> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| Error::internal())?;
    made(password, &salt, place).ok_or_else(|| {
        tracing::error!("a password could not be hashed");
        Error::internal()
    })
}

fn made(password: &str, salt: &[u8], place: &mut Place) -> Option<String> {
    let params = Params::new(MEMORY, PASSES, LANES, None).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    let filled = place.with(argon2.params().block_count(), |memory| {
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory)
    });
    filled.ok()?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(&output).ok()?),
    };
    Some(hash.to_string())
}

/// A stored string that cannot be read fits no password.
fn verify(password: &str, stored: &str, place: &mut Place) -> bool {
    compared(password, stored, place).unwrap_or(false)
}

/// The stored string names its own parameters, so that older hashes are still checked.
fn compared(password: &str, stored: &str, place: &mut Place) -> Option<bool> {
    let stored = PasswordHash::new(stored).ok()?;
    let algorithm = Algorithm::new(stored.algorithm.as_str()).ok()?;
    let version = stored.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let params = Params::try_from(&stored).ok()?;
    let (salt, expected) = (stored.salt?, stored.hash?);
    if params.m_cost() > MOST_MEMORY || params.t_cost() > MOST_PASSES || params.p_cost() > MOST_LANES {
        tracing::error!("a stored password asks for more than any that is made here; it is not checked");
        return None;
    }
    let argon2 = Argon2::new(algorithm, version, params);
    let mut output = Zeroizing::new(vec![0; expected.len()]);
    let filled = place.with(argon2.params().block_count(), |memory| {
        argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut output, memory)
    });
    filled.ok()?;
    Some(output.ct_eq(expected.as_bytes()).into())
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
    use super::{super::places::PLACES, *};

    fn secret(text: impl Into<String>) -> Zeroizing<String> {
        Zeroizing::new(text.into())
    }

    #[tokio::test]
    async fn passwords_are_salted_and_compared_whole() {
        let passwords = Passwords::default();
        let long = "x".repeat(72);
        let one = passwords.hash(None, secret(format!("{long}a"))).await.unwrap();
        let two = passwords.hash(None, secret(format!("{long}a"))).await.unwrap();
        assert_ne!(one, two);
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert!(!Passwords::is_outdated(&one));
        assert!(Passwords::is_outdated("$argon2id$v=19$m=4096,t=2,p=1$x$y"));
        assert!(passwords.verify(None, secret(format!("{long}a")), Some(one.clone())).await.unwrap());
        assert!(!passwords.verify(None, secret(format!("{long}b")), Some(one)).await.unwrap());
        assert!(!passwords.verify(None, secret("x"), None).await.unwrap());
        assert!(!Passwords::is_outdated(DECOY) && PasswordHash::new(DECOY).is_ok(), "it takes as long as a real one");
    }

    #[tokio::test]
    async fn hashes_of_other_times_are_checked_and_absurd_ones_are_not() {
        use argon2::PasswordHasher;
        let passwords = Passwords::default();
        for (memory, passes, lanes, checked) in [
            (4_096, 1, 1, true),
            (32_768, 3, 4, true),
            (MOST_MEMORY, 1, 1, true),
            (MOST_MEMORY + 1, 1, 1, false),
            (64, MOST_PASSES + 1, 1, false),
        ] {
            let params = Params::new(memory, passes, lanes, Some(24)).unwrap();
            let other = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let stored = PasswordHasher::hash_password(&other, b"an old password").unwrap().to_string();
            assert!(Passwords::is_outdated(&stored));
            let verify = async |text: &str| passwords.verify(None, secret(text), Some(stored.clone())).await.unwrap();
            assert_eq!(verify("an old password").await, checked, "{stored}");
            assert!(!verify("another password").await);
        }
        for broken in ["", "x", "$argon2id$v=19$m=4096,t=2,p=1$x$y", "$scrypt$ln=1$YWJjZGVmZ2g$YWJjZGVmZ2hpamtsbW5v"] {
            assert!(!passwords.verify(None, secret("x"), Some(broken.into())).await.unwrap(), "{broken}");
        }
    }

    #[test]
    fn who_goes_away_does_not_free_a_place() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let passwords = Passwords::default();
            let (go, wait) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || wait.recv());
            let mut hashing = Box::pin(passwords.hash(None, secret("a long password")));
            assert!(futures_util::poll!(&mut hashing).is_pending());
            drop(hashing);
            assert_eq!(passwords.places.free(), PLACES - 1);
            go.send(()).unwrap();
            busy.await.unwrap().unwrap();
            // The one thread has done what stood before.
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            assert_eq!(passwords.places.free(), PLACES);
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
