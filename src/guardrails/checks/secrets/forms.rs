//! How the keys of known makers look.

/// What follows the beginning of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Letters and digits; at least so many.
    Letters(usize),
    /// Letters, digits, `_` and `-`; at least so many, with a digit among them.
    Token(usize),
    /// Capitals and digits; exactly so many.
    Capitals(usize),
    /// Letters and digits; exactly so many.
    Exactly(usize),
    /// Two more parts behind full stops, as in a JWT.
    Parts,
    /// A path of three parts.
    Path,
}

/// The form of a key.
#[derive(Debug)]
pub(super) struct Form {
    pub begins: &'static str,
    pub category: &'static str,
    rest: Rest,
}

const fn form(begins: &'static str, category: &'static str, rest: Rest) -> Form {
    Form { begins, category, rest }
}

const OPENAI: &str = "OPENAI_KEY";
const AWS: &str = "AWS_KEY";
const GITHUB: &str = "GITHUB_TOKEN";
const SLACK: &str = "SLACK_TOKEN";
const STRIPE: &str = "STRIPE_KEY";
const OTHER: &str = "PROVIDER_KEY";

pub(super) const BEGINNINGS: [Form; 48] = [
    form("lk_m", "LATCHKEY_KEY", Rest::Exactly(34)),
    form("lk_p", "LATCHKEY_KEY", Rest::Exactly(34)),
    form("sk-", OPENAI, Rest::Token(20)),
    form("sk-proj-", OPENAI, Rest::Token(20)),
    form("sk-svcacct-", OPENAI, Rest::Token(20)),
    form("sk-admin-", OPENAI, Rest::Token(20)),
    form("sk-ant-", "ANTHROPIC_KEY", Rest::Token(20)),
    form("AKIA", AWS, Rest::Capitals(16)),
    form("ASIA", AWS, Rest::Capitals(16)),
    form("ABIA", AWS, Rest::Capitals(16)),
    form("ACCA", AWS, Rest::Capitals(16)),
    form("AIza", "GOOGLE_KEY", Rest::Token(35)),
    form("ya29.", "GOOGLE_KEY", Rest::Token(20)),
    form("GOCSPX-", "GOOGLE_KEY", Rest::Token(20)),
    form("ghp_", GITHUB, Rest::Letters(36)),
    form("gho_", GITHUB, Rest::Letters(36)),
    form("ghu_", GITHUB, Rest::Letters(36)),
    form("ghs_", GITHUB, Rest::Letters(36)),
    form("ghr_", GITHUB, Rest::Letters(36)),
    form("github_pat_", GITHUB, Rest::Token(22)),
    form("glpat-", "GITLAB_TOKEN", Rest::Token(20)),
    form("xoxa-", SLACK, Rest::Token(10)),
    form("xoxb-", SLACK, Rest::Token(10)),
    form("xoxe-", SLACK, Rest::Token(10)),
    form("xoxe.", SLACK, Rest::Token(10)),
    form("xoxo-", SLACK, Rest::Token(10)),
    form("xoxp-", SLACK, Rest::Token(10)),
    form("xoxr-", SLACK, Rest::Token(10)),
    form("xoxs-", SLACK, Rest::Token(10)),
    form("xapp-", SLACK, Rest::Token(10)),
    form("hooks.slack.com/services/", SLACK, Rest::Path),
    form("sk_live_", STRIPE, Rest::Letters(16)),
    form("sk_test_", STRIPE, Rest::Letters(16)),
    form("rk_live_", STRIPE, Rest::Letters(16)),
    form("rk_test_", STRIPE, Rest::Letters(16)),
    form("whsec_", STRIPE, Rest::Letters(24)),
    form("hf_", "HUGGING_FACE_TOKEN", Rest::Letters(30)),
    form("eyJ", "JWT", Rest::Parts),
    form("gsk_", OTHER, Rest::Letters(40)),
    form("xai-", OTHER, Rest::Token(40)),
    form("pplx-", OTHER, Rest::Token(32)),
    form("r8_", OTHER, Rest::Letters(30)),
    form("nvapi-", OTHER, Rest::Token(40)),
    form("npm_", OTHER, Rest::Letters(36)),
    form("pypi-", OTHER, Rest::Token(40)),
    form("dop_v1_", OTHER, Rest::Letters(60)),
    form("dapi", OTHER, Rest::Exactly(32)),
    form("SG.", OTHER, Rest::Parts),
];

impl Form {
    pub(super) fn has_parts(&self) -> bool {
        self.rest == Rest::Parts
    }

    /// Where a key that begins at `start`, and has its beginning up to `from`, ends.
    ///
    /// # Errors
    /// Where there is none, up to where no other need be looked for.
    pub(super) fn end(&self, text: &str, start: usize, from: usize) -> Result<usize, usize> {
        /// A long token in which one beginning has led to nothing is not looked at from the next.
        const LONG: usize = 64;
        self.found(text, start, from).ok_or_else(|| match self.rest {
            Rest::Token(_) => {
                let part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte == b'-';
                let long = text.as_bytes()[from..].iter().take_while(part).count();
                if long >= LONG { from + long } else { start }
            }
            _ => start,
        })
    }

    fn found(&self, text: &str, start: usize, from: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        let letter = |byte: &u8| byte.is_ascii_alphanumeric();
        let token = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'-';
        let run = |from: usize, part: &dyn Fn(&u8) -> bool| bytes[from..].iter().take_while(|byte| part(byte)).count();
        match self.rest {
            Rest::Letters(least) => Some(run(from, &letter)).filter(|long| *long >= least).map(|long| from + long),
            Rest::Exactly(long) => (run(from, &letter) == long).then_some(from + long),
            Rest::Capitals(long) => {
                let capitals = run(from, &|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
                let ends = bytes.get(from + long).is_none_or(|byte| !letter(byte));
                (capitals == long && ends).then_some(from + long)
            }
            Rest::Token(least) => {
                let long = run(from, &token);
                let digit = bytes[from..from + long].iter().any(u8::is_ascii_digit);
                (long >= least && digit).then_some(from + long)
            }
            Rest::Parts => {
                let first = from + run(from, &token);
                let second = first + 1 + run((first + 1).min(bytes.len()), &token);
                let dots = bytes.get(first) == Some(&b'.');
                if !dots || first - start < 16 || second - first < 16 {
                    return None;
                }
                // The last part of a JWT is empty where nobody has signed it.
                match bytes.get(second) {
                    Some(b'.') => Some(second + 1 + run(second + 1, &token)),
                    _ => (self.category != "JWT").then_some(second),
                }
            }
            Rest::Path => {
                let path = run(from, &|byte| byte.is_ascii_alphanumeric() || *byte == b'/');
                let parts = bytes[from..from + path].iter().filter(|byte| **byte == b'/').count();
                (path >= 20 && parts >= 2).then_some(from + path)
            }
        }
    }
}
