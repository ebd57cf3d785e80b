//! What people may know of each check: its name, its parameters, and how each of them is typed. One table, from which the
//! form of every check is drawn.

/// A check as the editor offers it.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The id under which it is stored.
    pub id: &'static str,
    /// Other spellings that are read.
    pub also: &'static [&'static str],
    pub label: &'static str,
    /// What it looks for, without a full stop.
    pub about: &'static str,
    /// It says nothing about answers.
    pub only_requests: bool,
    pub parameters: &'static [Parameter],
}

/// One parameter of a check.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub label: &'static str,
    /// Empty: nothing needs to be said.
    pub hint: &'static str,
    pub kind: Kind,
}

/// How a parameter is typed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A line of text; what is empty is left out.
    Line,
    /// The same where blanks at its ends count, in letters of one width.
    Exact,
    /// A list of texts, one in each line.
    Lines,
    /// A number; what is empty is left out.
    Number,
    /// Yes or no, with what it is where it is left out.
    Flag(bool),
    /// One of several, with the words for each. The first is what it is where it is left out.
    Choice(&'static [(&'static str, &'static str)]),
    /// Any of several, with the words for each.
    Marks(&'static [(&'static str, &'static str)]),
    /// JSON, in several lines.
    Json,
}

const fn parameter(name: &'static str, label: &'static str, kind: Kind, hint: &'static str) -> Parameter {
    Parameter { name, label, hint, kind }
}

const NOT: Parameter = parameter("not", "Turn it round: fail where it would pass", Kind::Flag(false), "");
const OF_LIST: Kind = Kind::Choice(&[("any", "any of these"), ("all", "all of these"), ("none", "none of these")]);
const OF_KEYS: Kind = Kind::Choice(&[("all", "all of these"), ("any", "any of these"), ("none", "none of these")]);
const REDACT: Parameter = parameter(
    "redact",
    "What is found",
    Kind::Choice(&[
        ("", "fails the check"),
        ("replace", "is replaced by its kind"),
        ("mask", "is masked but for its end"),
        ("hash", "is replaced by a digest"),
    ]),
    "",
);

const fn known(id: &'static str, label: &'static str, about: &'static str, parameters: &'static [Parameter]) -> Known {
    Known { id, also: &[], label, about, only_requests: false, parameters }
}

const fn of_requests(known: Known) -> Known {
    Known { only_requests: true, ..known }
}

const fn also(known: Known, also: &'static [&'static str]) -> Known {
    Known { also, ..known }
}

/// Every check, in the order in which they are offered.
pub const CHECKS: &[Known] = &[
    known(
        "portkey.pii",
        "Personal data",
        "finds patterns, and checks their digits",
        &[
            parameter(
                "categories",
                "Kinds",
                Kind::Marks(&[
                    ("EMAIL_ADDRESS", "E-mail address"),
                    ("PHONE_NUMBER", "Telephone number"),
                    ("CREDIT_CARD", "Bank card"),
                    ("IBAN", "IBAN"),
                    ("SSN", "US social security number"),
                    ("IP_ADDRESS", "IP address"),
                ]),
                "",
            ),
            REDACT,
        ],
    ),
    known(
        "latchkey.secrets",
        "Secrets",
        "API keys, private keys, passwords in links",
        &[parameter("random", "Anything that looks random, too", Kind::Flag(false), ""), REDACT],
    ),
    known(
        "default.contains",
        "Words",
        "a list of words or phrases",
        &[
            parameter("operator", "The text contains", OF_LIST, ""),
            parameter("words", "Words", Kind::Lines, "One in each line."),
            parameter("wholeWords", "Whole words alone", Kind::Flag(false), ""),
            parameter("ignoreCase", "Upper and lower case are alike", Kind::Flag(false), ""),
        ],
    ),
    known(
        "default.regexMatch",
        "Regular expression",
        "must be found, or must not",
        &[
            parameter(
                "rule",
                "Pattern",
                Kind::Exact,
                "Without look-around and back-references. (?i) takes upper and lower case alike.",
            ),
            NOT,
        ],
    ),
    known(
        "default.characterCount",
        "Length in characters",
        "as UTF-16 counts them",
        &[
            parameter("minCharacters", "At least", Kind::Number, ""),
            parameter("maxCharacters", "At most", Kind::Number, ""),
            NOT,
        ],
    ),
    known(
        "default.wordCount",
        "Length in words",
        "parted by blanks",
        &[parameter("minWords", "At least", Kind::Number, ""), parameter("maxWords", "At most", Kind::Number, ""), NOT],
    ),
    known(
        "default.sentenceCount",
        "Length in sentences",
        "full stops, exclamation and question marks",
        &[
            parameter("minSentences", "At least", Kind::Number, ""),
            parameter("maxSentences", "At most", Kind::Number, ""),
            NOT,
        ],
    ),
    known(
        "default.endsWith",
        "Ending",
        "with or without a full stop behind it",
        &[parameter("suffix", "The text ends with", Kind::Exact, ""), NOT],
    ),
    also(
        known("default.alllowercase", "Lower case", "no upper-case letters from A to Z", &[NOT]),
        &["default.isAllLowerCase"],
    ),
    also(
        known("default.alluppercase", "Upper case", "no lower-case letters from a to z", &[NOT]),
        &["default.isAllUpperCase"],
    ),
    known("default.notNull", "Not empty", "there is a text, or a tool is called", &[NOT]),
    known(
        "default.jsonSchema",
        "JSON of a schema",
        "the text holds JSON that fits",
        &[parameter("schema", "JSON schema", Kind::Json, "Draft 2020-12. Nothing is fetched."), NOT],
    ),
    known(
        "default.jsonKeys",
        "JSON with keys",
        "the text holds JSON with these keys",
        &[parameter("operator", "It has", OF_LIST, ""), parameter("keys", "Keys", Kind::Lines, "One in each line.")],
    ),
    known("default.validUrls", "Valid links", "by their form; nobody is asked", &[NOT]),
    known(
        "default.containsCode",
        "Code",
        "a block of code in a language",
        &[
            parameter(
                "format",
                "Language",
                Kind::Choice(&[
                    ("SQL", "SQL"),
                    ("Python", "Python"),
                    ("TypeScript", "TypeScript"),
                    ("JavaScript", "JavaScript"),
                    ("Java", "Java"),
                    ("C#", "C#"),
                    ("C++", "C++"),
                    ("C", "C"),
                    ("Ruby", "Ruby"),
                    ("PHP", "PHP"),
                    ("Swift", "Swift"),
                    ("Kotlin", "Kotlin"),
                    ("Go", "Go"),
                    ("Rust", "Rust"),
                    ("Scala", "Scala"),
                    ("R", "R"),
                    ("Perl", "Perl"),
                    ("Shell", "Shell"),
                    ("HTML", "HTML"),
                    ("CSS", "CSS"),
                    ("XML", "XML"),
                    ("JSON", "JSON"),
                    ("YAML", "YAML"),
                    ("Markdown", "Markdown"),
                    ("Dockerfile", "Dockerfile"),
                ]),
                "",
            ),
            NOT,
        ],
    ),
    known(
        "default.regexReplace",
        "Replace",
        "every match of a pattern is rewritten",
        &[
            parameter("rule", "Pattern", Kind::Exact, "As /pattern/i with flags, or the pattern alone."),
            parameter("redactText", "Put in its place", Kind::Exact, "Empty: [REDACTED]."),
            parameter("failOnDetection", "What is found fails the check, too", Kind::Flag(false), ""),
        ],
    ),
    of_requests(known(
        "default.addPrefix",
        "Add a prefix",
        "a text before the messages of a request",
        &[
            parameter("prefix", "Prefix", Kind::Exact, ""),
            parameter(
                "applyToRole",
                "Before the message of",
                Kind::Choice(&[
                    ("user", "the user"),
                    ("system", "the system"),
                    ("developer", "the developer"),
                    ("assistant", "the assistant"),
                ]),
                "",
            ),
            parameter("addToExisting", "Put into the message that is there", Kind::Flag(true), ""),
            parameter("onlyIfEmpty", "Only where there is none", Kind::Flag(false), ""),
        ],
    )),
    of_requests(also(
        known(
            "default.modelWhitelist",
            "Models",
            "only these are called",
            &[parameter("models", "Models", Kind::Lines, "One in each line, without @virtual-key/."), NOT],
        ),
        &["default.modelwhitelist"],
    )),
    of_requests(also(
        known(
            "default.modelRules",
            "Models by metadata",
            "who may call which models",
            &[
                parameter(
                    "rules",
                    "Rules",
                    Kind::Json,
                    r#"Such as {"defaults": ["gpt-4o-mini"], "metadata": {"plan": {"paid": ["gpt-4o"]}}}."#,
                ),
                NOT,
            ],
        ),
        &["default.modelrules"],
    )),
    of_requests(known(
        "default.allowedRequestTypes",
        "Kinds of calls",
        "chatComplete, embed and others",
        &[
            parameter(
                "allowedTypes",
                "Allowed",
                Kind::Lines,
                "One in each line: chatComplete, complete, embed, createModelResponse, messages and others. Empty: all.",
            ),
            parameter("blockedTypes", "Not allowed", Kind::Lines, "One in each line."),
        ],
    )),
    of_requests(known(
        "default.requiredMetadataKeys",
        "Metadata keys",
        "the caller says them of the call",
        &[
            parameter("operator", "The call has", OF_KEYS, ""),
            parameter("metadataKeys", "Keys", Kind::Lines, "One in each line."),
        ],
    )),
    of_requests(also(
        known(
            "default.requiredMetadataKeyPairs",
            "Metadata values",
            "the caller says these of the call",
            &[
                parameter("operator", "The call has", OF_KEYS, ""),
                parameter("metadataPairs", "Keys and values", Kind::Json, r#"Such as {"team": "support"}."#),
            ],
        ),
        &["default.requiredMetadataKeyValuePairs"],
    )),
    of_requests(known(
        "default.requestParametersCheck",
        "Parameters of requests",
        "which may be set, and to what",
        &[parameter(
            "params",
            "Rules",
            Kind::Json,
            r#"Such as {"temperature": {"max": 1}}, with min, max, allowed, blocked, required or forbidden for each."#,
        )],
    )),
    known(
        "default.webhook",
        "Webhook",
        "a server of yours decides",
        &[
            parameter("webhookURL", "Address", Kind::Line, "A public https address."),
            parameter(
                "headers",
                "Headers",
                Kind::Json,
                r#"Such as {"x-team": "support"}. Everybody who can read this guardrail reads them."#,
            ),
            parameter("timeout", "Time limit in ms", Kind::Number, "Empty: 3000."),
            parameter("failOnError", "An error of it fails the check", Kind::Flag(false), ""),
        ],
    ),
    of_requests(known(
        "default.jwt",
        "Signed token",
        "the caller's own JWT in a header",
        &[
            parameter("jwksUri", "Address of the keys", Kind::Line, "Where the issuer publishes its key set (JWKS)."),
            parameter("headerKey", "Header", Kind::Line, "Empty: Authorization."),
            parameter("algorithms", "Algorithms", Kind::Lines, "One in each line. Empty: RS256."),
            parameter("maxTokenAge", "Oldest token", Kind::Line, "Such as 1h. Empty: 1d."),
            parameter("clockTolerance", "Tolerance in s", Kind::Number, "Empty: 5."),
            parameter("cacheMaxAge", "Keys are kept for s", Kind::Number, "Empty: 86400."),
        ],
    )),
];

/// The check of this id, in any of its spellings.
pub fn find(id: &str) -> Option<&'static Known> {
    let is = |known: &str| match known.strip_prefix("default.") {
        // As existing clients spell them.
        Some(name) => id.strip_prefix("default.").is_some_and(|id| id.eq_ignore_ascii_case(name)),
        None => id == known,
    };
    CHECKS.iter().find(|known| is(known.id) || known.also.iter().any(|also| is(also)))
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use crate::guardrails::checks::Check;
    use serde_json::{Map, Value, json};

    /// Something that each parameter takes.
    fn example(parameter: &Parameter) -> Value {
        match (parameter.name, parameter.kind) {
            ("rules", _) => json!({ "defaults": ["a"], "metadata": { "plan": { "paid": ["b"] } } }),
            ("metadataPairs", _) => json!({ "team": "support" }),
            ("params", _) => json!({ "temperature": { "max": 1 } }),
            ("schema", _) => json!({ "type": "object" }),
            ("headers", _) => json!({ "x-team": "support" }),
            ("webhookURL" | "jwksUri", _) => json!("https://checks.example.com/x"),
            ("maxTokenAge", _) => json!("1h"),
            ("algorithms", _) => json!(["RS256"]),
            ("allowedTypes", _) => json!(["chatComplete"]),
            ("blockedTypes", _) => json!(["embed"]),
            (_, Kind::Line | Kind::Exact) => json!("a"),
            (_, Kind::Lines) => json!(["a"]),
            (_, Kind::Number) => json!(60),
            (_, Kind::Flag(usual)) => json!(!usual),
            (_, Kind::Choice(choices)) => json!(choices.last().map_or("", |(value, _)| value)),
            (_, Kind::Marks(marks)) => json!(marks.iter().map(|(value, _)| *value).collect::<Vec<_>>()),
            (_, Kind::Json) => panic!("no example of {}", parameter.name),
        }
    }

    #[test]
    fn what_is_offered_is_what_there_is() {
        for known in CHECKS {
            let parameters: Map<String, Value> =
                known.parameters.iter().map(|parameter| (parameter.name.to_owned(), example(parameter))).collect();
            for id in known.also.iter().chain([&known.id]) {
                let read = Check::compile(id, &Value::Object(parameters.clone()), "checks[0]", &|_| Ok(()));
                let check = read.unwrap_or_else(|faults| panic!("{id}: {faults:?}"));
                assert_eq!(check.only_requests(), known.only_requests, "{id}");
                assert!(
                    find(&id.to_uppercase().replace("DEFAULT.", "default.")).is_some() || !id.starts_with("default.")
                );
            }
            for parameter in known.parameters {
                let Kind::Choice(choices) = parameter.kind else { continue };
                for (value, _) in choices.iter().filter(|(value, _)| !value.is_empty()) {
                    let mut parameters = parameters.clone();
                    parameters.insert(parameter.name.to_owned(), json!(value));
                    let read = Check::compile(known.id, &Value::Object(parameters), "checks[0]", &|_| Ok(()));
                    assert!(read.is_ok(), "{} {} {value}: {:?}", known.id, parameter.name, read.err());
                }
            }
        }
        assert!(find("acme.magic").is_none() && find("default.modelwhitelist").is_some());
    }
}
