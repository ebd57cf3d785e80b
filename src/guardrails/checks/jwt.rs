//! `default.jwt`: whether a header holds a token (RFC 7519) that one of the keys of a set (RFC 7517) has signed, and that
//! is in time. Without `algorithms` only RS256 counts; none and those with a shared secret never do.

use super::parameters::Parameters;
use super::webhook::address;
use super::{Found, MayCall};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest token, in bytes; the most keys of a set.
const LONGEST: usize = 16 << 10;
const MOST_KEYS: usize = 100;

/// Which tokens count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwt {
    /// In small letters.
    pub header_key: String,
    pub jwks_uri: String,
    /// Seconds.
    pub cache_max_age: u64,
    tolerance: i64,
    /// Seconds.
    oldest: i64,
    algorithms: Vec<String>,
}

const ALGORITHMS: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

pub(super) fn compile(read: &mut Parameters<'_>, may_call: MayCall<'_>) -> Option<Jwt> {
    let cache_max_age = read.whole("cacheMaxAge", 86_400, 7 * 86_400);
    let tolerance = i64::try_from(read.whole("clockTolerance", 5, 3_600)).unwrap_or(5);
    let oldest = match read.get("maxTokenAge") {
        None => Some(86_400),
        Some(Value::String(text)) => duration(text),
        Some(value) => value.as_i64().filter(|seconds| *seconds > 0),
    };
    if oldest.is_none() {
        read.wrong("maxTokenAge", "This must be a time such as `30m`, `12h` or `1d`.");
    }
    let algorithms = match read.get("algorithms") {
        None => vec!["RS256".to_owned()],
        Some(Value::Array(names)) if !names.is_empty() && names.len() <= ALGORITHMS.len() => {
            names.iter().map(|name| name.as_str().unwrap_or_default().to_owned()).collect()
        }
        Some(_) => vec![String::new()],
    };
    if algorithms.iter().any(|name| !ALGORITHMS.contains(&name.as_str())) {
        let message = format!(
            "The known algorithms are {}. “none” and shared secrets are never accepted.",
            ALGORITHMS.join(", ")
        );
        read.wrong("algorithms", message);
    }
    let header_key = match read.get("headerKey") {
        None => "authorization".to_owned(),
        Some(Value::String(name)) => name.to_ascii_lowercase(),
        Some(_) => String::new(),
    };
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if header_key.is_empty() || header_key.len() > 100 || !header_key.bytes().all(token) {
        read.wrong("headerKey", "This must be the name of a header.");
    }
    let jwks_uri = address("jwksUri", read, may_call)?;
    Some(Jwt { header_key, jwks_uri, cache_max_age, tolerance, oldest: oldest?, algorithms })
}

/// `90s`, `30m`, `12h`, `1d`, `2w`, in seconds.
fn duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..end].parse().ok().filter(|number| (1..=10_000_000).contains(number))?;
    let unit = match text[end..].trim() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return None,
    };
    Some(number * unit)
}

/// The public keys of a set that can be used.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<(Option<String>, Option<String>, Key)>,
}

#[derive(Debug)]
enum Key {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Curve { name: String, point: Vec<u8> },
}

impl KeySet {
    /// Reads a set. Keys of other kinds, and those that are not for signing, are passed over.
    ///
    /// # Errors
    /// A sentence, where it is no set.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(body).map_err(|_| "There is no key set at this address.".to_owned())?;
        let one = |value: &Value| {
            let text = |name: &str| value.get(name).and_then(Value::as_str);
            let bytes = |name: &str| decode(text(name)?);
            if text("use").is_some_and(|purpose| purpose != "sig") {
                return None;
            }
            let key = match (text("kty")?, text("crv")) {
                ("RSA", _) => Key::Rsa { n: bytes("n")?, e: bytes("e")? },
                ("EC", Some(curve @ ("P-256" | "P-384"))) => {
                    let point = [vec![4], bytes("x")?, bytes("y")?].concat();
                    Key::Curve { name: curve.to_owned(), point }
                }
                ("OKP", Some("Ed25519")) => Key::Curve { name: "Ed25519".into(), point: bytes("x")? },
                _ => return None,
            };
            Some((text("kid").map(str::to_owned), text("alg").map(str::to_owned), key))
        };
        Ok(Self { keys: set.keys.iter().take(MOST_KEYS).filter_map(one).collect() })
    }
}

/// The token names a key that is not in the set: it may be newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedsFreshKeys;

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
}

impl Jwt {
    /// Judges a header's value, with or without the word `Bearer`. `now_s` is in seconds since 1970.
    ///
    /// # Errors
    /// [`NeedsFreshKeys`] where no key of the set has the name that the token gives.
    pub fn verify(&self, header: Option<&str>, keys: &KeySet, now_s: i64) -> Result<Found, NeedsFreshKeys> {
        let refused = |why: &str| Ok(Found::verdict(false, json!({ "explanation": why })));
        let Some(header) = header.map(str::trim).filter(|header| !header.is_empty()) else {
            return refused("The request has no token.");
        };
        let token = match header.split_once(' ') {
            Some((word, token)) if word.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => header,
        };
        let parts: Vec<&str> = token.split('.').collect();
        let (true, [head, claims, signed]) = (token.len() <= LONGEST, &parts[..]) else {
            return refused("The token is not valid.");
        };
        let parsed = (decode(head), decode(claims), decode(signed));
        let (Some(head_text), Some(claims_text), Some(signature)) = parsed else {
            return refused("The token is not valid.");
        };
        let (Ok(head), Ok(claims_read)) =
            (serde_json::from_slice::<Head>(&head_text), serde_json::from_slice::<Claims>(&claims_text))
        else {
            return refused("The token is not valid.");
        };
        if !self.algorithms.contains(&head.alg) {
            return refused("The token is signed in a way that is not accepted here.");
        }
        if head.crit.is_some() {
            return refused("The token needs something that is not supported here.");
        }
        let fits = |kid: &Option<String>, alg: &Option<String>| {
            (head.kid.is_none() || *kid == head.kid) && alg.as_ref().is_none_or(|alg| *alg == head.alg)
        };
        let mut candidates = keys.keys.iter().filter(|(kid, alg, _)| fits(kid, alg)).peekable();
        if candidates.peek().is_none() {
            return Err(NeedsFreshKeys);
        }
        let message = &token.as_bytes()[..parts[0].len() + 1 + parts[1].len()];
        if !candidates.any(|(.., key)| key.has_signed(&head.alg, message, &signature)) {
            return refused("The signature is not valid.");
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact")]
        let (now, tolerance, oldest) = (now_s as f64, self.tolerance as f64, self.oldest as f64);
        if claims_read.exp.is_some_and(|end| now >= end + tolerance) {
            return refused("The token has expired.");
        }
        if claims_read.nbf.is_some_and(|begin| now < begin - tolerance) {
            return refused("The token is not valid yet.");
        }
        match claims_read.iat {
            None => return refused("The token does not say when it was issued, so its age is not known."),
            Some(issued) if issued > now + tolerance => return refused("The token was issued in the future."),
            Some(issued) if now - issued > oldest + tolerance => return refused("The token is too old."),
            Some(_) => {}
        }
        Ok(Found::verdict(true, json!({ "algorithm": head.alg })))
    }
}

impl Key {
    fn has_signed(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (Key::Rsa { n, e }, _) => {
                let parameters = match algorithm {
                    "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
                    "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
                    "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
                    "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
                    _ => return false,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            (Key::Curve { name, point }, _) => {
                let way: &'static dyn VerificationAlgorithm = match (name.as_str(), algorithm) {
                    ("P-256", "ES256") => &signature::ECDSA_P256_SHA256_FIXED,
                    ("P-384", "ES384") => &signature::ECDSA_P384_SHA384_FIXED,
                    ("Ed25519", "EdDSA") => &signature::ED25519,
                    _ => return false,
                };
                UnparsedPublicKey::new(way, point).verify(message, signature).is_ok()
            }
        }
    }
}

/// Base64 for addresses, without padding (RFC 4648, section 5).
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}
