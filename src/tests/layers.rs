//! The layers point one way. What a folder may know stands here; this list may only shrink.

use super::statements::sources;
use std::collections::BTreeSet;

/// Every part of the program with the parts that its files may name, from the ground up. Each names only parts above it in
/// this list, so nothing can go round in a circle.
const LAYERS: [(&str, &[&str]); 17] = [
    // The ground: values, policy, addresses of pages. Pure, for server and browser.
    ("kernel", &[]),
    ("policy", &["kernel"]),
    ("site", &["kernel", "policy"]),
    // What the rooms stand on.
    ("platform", &["kernel", "policy"]),
    ("audit", &["kernel", "platform"]),
    ("access", &["kernel", "policy", "platform", "audit"]),
    ("dialect", &["kernel", "platform"]),
    ("guardrails", &["kernel", "dialect"]),
    ("routing", &["kernel", "dialect", "guardrails"]),
    ("prompts", &["kernel"]),
    ("web", &["kernel", "policy", "site", "platform", "audit", "access", "dialect"]),
    ("ui", &["kernel", "policy", "site", "web"]),
    // The rooms.
    (
        "features",
        &[
            "kernel",
            "policy",
            "site",
            "platform",
            "audit",
            "access",
            "dialect",
            "guardrails",
            "routing",
            "prompts",
            "web",
            "ui",
        ],
    ),
    // What is made of them.
    (
        "gateway",
        &["kernel", "policy", "platform", "access", "dialect", "guardrails", "routing", "prompts", "web", "features"],
    ),
    ("console", &["kernel", "web", "ui", "features"]),
    ("http", &["kernel", "policy", "site", "audit", "access", "web", "features", "gateway", "console"]),
    ("commands", &["kernel", "policy", "platform", "audit", "access", "dialect", "web", "features", "gateway", "http"]),
];

/// The part that a module belongs to, by the names of its path.
fn part<'a>(path: &[&'a str]) -> &'a str {
    match path {
        ["server", inner @ ("access" | "audit"), ..] => inner,
        ["server", ..] => "platform",
        [first, ..] => first,
        [] => "",
    }
}

/// The paths that a file names in this program, as far as two names: `crate::a::{b, c::d}` is `a::b` and `a::c`.
fn named(text: &str) -> BTreeSet<Vec<&str>> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        // A macro's own `$crate` is named where the macro is written.
        expand(&text[at + "crate::".len()..], &[], &mut found);
    }
    found
}

/// Reads one use tree from its beginning; gives what follows it.
fn expand<'a>(text: &'a str, before: &[&'a str], found: &mut BTreeSet<Vec<&'a str>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = expand(rest, before, found).trim_start();
            match rest.strip_prefix(',') {
                Some(more) => rest = more.trim_start(),
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
            if let Some(end) = rest.strip_prefix('}') {
                return end;
            }
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let path = [before, &[name]].concat();
    match rest.strip_prefix("::") {
        Some(more) => expand(more, &path, found),
        None => {
            found.insert(path.into_iter().take(2).collect());
            let rest = rest.trim_start();
            rest.strip_prefix("as ").map_or(rest, |alias| {
                let alias = alias.trim_start();
                &alias[alias.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(alias.len())..]
            })
        }
    }
}

/// What of a file is the program, without comments and tests.
fn program(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn layers_point_one_way() {
    let known: Vec<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    for (number, (name, may)) in LAYERS.iter().enumerate() {
        for other in *may {
            assert!(known[..number].contains(other), "{name} may know {other}, which stands above it");
        }
    }
    let mut used: BTreeSet<(&str, String)> = BTreeSet::new();
    let mut wrong = vec![];
    for (place, text) in sources() {
        let names: Vec<&str> = place.trim_end_matches(".rs").split('/').collect();
        let is_test = names.iter().any(|name| *name == "tests" || name.ends_with("_tests") || *name == "testing");
        if is_test || names.len() == 1 {
            continue;
        }
        let own = part(&names);
        let Some((own, may)) = LAYERS.iter().find(|(name, _)| *name == own) else {
            panic!("{place} is in a folder that is in no layer");
        };
        for path in named(&program(&text)) {
            let other = part(&path);
            if other == *own || !known.contains(&other) {
                continue;
            }
            if may.contains(&other) {
                used.insert((own, other.to_owned()));
            } else {
                wrong.push(format!("{place} names {}: {own} may not know {other}", path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (name, may) in LAYERS {
        for other in may {
            assert!(used.contains(&(name, (*other).to_owned())), "{name} does not use {other} any more: take it out");
        }
    }
}

#[test]
fn names_are_read_as_the_compiler_reads_them() {
    let read = |text| named(text).into_iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(read("use crate::{a::{self, b as c}, d::e::{f, g}, h};"), ["a::b", "a::self", "d::e", "h"]);
    assert_eq!(read("let x = crate::kernel::time::DAY + crate::policy::X;"), ["kernel::time", "policy::X"]);
}
