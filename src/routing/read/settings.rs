//! Reads what a level sets for its calls: retries, cache, breaker, parameters, statuses.

use super::{Piece, Reader, values::MAX_MEMBERS};
use crate::kernel::json::{Node, Value, below};
use crate::routing::level::{At, Breaker, Cache, Params, Part, Retry};
use std::sync::Arc;

impl Reader<'_> {
    pub(super) fn retry(&mut self, part: &Piece<'_>) -> Option<At<Retry>> {
        const SPELLINGS: [&str; 2] = ["use_retry_after_header", "use_retry_after_headers"];
        let members = self.members(part, &["attempts", "on_status_codes", SPELLINGS[0], SPELLINGS[1]])?;
        let on = members.get("on_status_codes").and_then(|part| self.codes(part));
        let heeds: Vec<bool> =
            SPELLINGS.iter().filter_map(|name| members.get(name)).filter_map(|part| self.flag(part)).collect();
        if let ([one, other], Some(part)) = (heeds.as_slice(), members.get(SPELLINGS[1]))
            && one != other
        {
            self.wrong(part, "Both spellings are given, with different values.");
        }
        let Some(attempts) = members.get("attempts") else {
            self.fault(
                part.node.at.start,
                below(&part.path, "attempts"),
                "missing_key",
                "`attempts` is missing: how many times to try again, 0 to 5.",
            );
            return None;
        };
        let attempts = self.whole(attempts, 0, 5, "This must be a whole number from 0 to 5.")?;
        let attempts = u8::try_from(attempts.value).unwrap_or(u8::MAX);
        Some(At { at: part.node.at.start, value: Retry { attempts, on, heed: heeds.contains(&true) } })
    }

    pub(super) fn cache(&mut self, part: &Piece<'_>) -> Option<At<Cache>> {
        /// Seven days.
        const USUAL: u64 = 604_800;
        let members = self.members(part, &["mode", "max_age"])?;
        let max_age = members.get("max_age").map(|part| {
            self.whole(part, 60, 7_776_000, "This must be a whole number of seconds from 60 to 7,776,000 (90 days).")
        });
        let Some(mode) = members.get("mode") else {
            self.fault(part.node.at.start, below(&part.path, "mode"), "missing_key", "A cache needs a `mode`: simple.");
            return None;
        };
        match &mode.node.value {
            Value::Text(text) if text == "simple" => {
                let max_age = max_age.flatten().map_or(USUAL, |age| age.value);
                Some(At { at: part.node.at.start, value: Cache { max_age } })
            }
            Value::Text(text) if text == "semantic" => {
                self.wrong(
                    mode,
                    "Answers cannot be kept for similar questions. `simple` keeps them for the same question.",
                );
                None
            }
            _ => {
                self.wrong(mode, "The mode must be `simple`.");
                None
            }
        }
    }

    pub(super) fn breaker(&mut self, part: &Piece<'_>) -> Option<At<Breaker>> {
        const KEYS: [&str; 5] = [
            "failure_threshold",
            "failure_threshold_percentage",
            "minimum_requests",
            "cooldown_interval",
            "failure_status_codes",
        ];
        let members = self.members(part, &KEYS)?;
        let percent = members
            .get("failure_threshold_percentage")
            .and_then(|part| self.whole(part, 1, 100, "This must be a whole number from 1 to 100."));
        let most = u64::from(u32::MAX);
        let minimum = members
            .get("minimum_requests")
            .and_then(|part| self.whole(part, 1, most, "This must be a whole number, 1 or more."));
        let on = members.get("failure_status_codes").and_then(|part| self.codes(part));
        let mut needed = |name: &'static str, least: u64, sentence: &'static str| match members.get(name) {
            Some(part) => self.whole(part, least, most, sentence),
            None => {
                self.fault(part.node.at.start, below(&part.path, name), "missing_key", format!("`{name}` is missing."));
                None
            }
        };
        let failures = needed("failure_threshold", 1, "This must be a whole number, 1 or more.");
        let cooldown =
            needed("cooldown_interval", 30_000, "This must be a whole number of milliseconds, 30,000 or more.");
        let value = Breaker {
            failures: failures?.value,
            percent: percent.map(|percent| percent.value),
            minimum: minimum.map_or(5, |minimum| minimum.value),
            cooldown: cooldown?.value,
            on,
        };
        Some(At { at: part.node.at.start, value })
    }

    pub(super) fn params(&mut self, part: &Piece<'_>) -> Option<At<Params>> {
        let Value::Object(members) = &part.node.value else {
            self.wrong(part, "This must be an object.");
            return None;
        };
        if members.len() > MAX_MEMBERS {
            self.wrong(part, "There may be at most 100 parameters here.");
            return None;
        }
        let value = |node: &Node| Arc::from(&self.text[node.at.clone()]);
        let params = members.iter().map(|member| (Arc::from(member.key.as_str()), value(&member.value))).collect();
        Some(At { at: part.node.at.start, value: params })
    }

    pub(super) fn drops(&mut self, part: &Piece<'_>) -> Option<At<Vec<Vec<Part>>>> {
        let mut paths = vec![];
        for (path, node) in self.few(part, "This must be a list of paths such as `messages[*].name`.") {
            let read = match &node.value {
                Value::Text(text) => body_path(text),
                _ => None,
            };
            match read {
                Some(read) => paths.push(read),
                None => self.wrong(
                    &Piece { path, node },
                    "This must be a path such as `user`, `metadata.team` or `messages[*].name`.",
                ),
            }
        }
        Some(At { at: part.node.at.start, value: paths })
    }

    pub(super) fn codes(&mut self, part: &Piece<'_>) -> Option<Vec<u16>> {
        if !matches!(part.node.value, Value::List(_)) {
            self.wrong(part, "This must be a list of status codes.");
            return None;
        }
        let mut codes = vec![];
        for (path, node) in self.list(part, "") {
            let part = Piece { path, node };
            let code = self.whole(&part, 100, 599, "A status code is a whole number from 100 to 599.");
            // A provider's success is an answer; 246 is a guardrail's word about one.
            if code.as_ref().is_some_and(|code| (200..300).contains(&code.value) && code.value != 246) {
                self.wrong(&part, "A success never leads to another target. Leave it out.");
            }
            codes.extend(code.and_then(|code| u16::try_from(code.value).ok()));
        }
        codes.sort_unstable();
        codes.dedup();
        Some(codes)
    }
}

/// A path into a body: `a.b[0].c[*]`.
fn body_path(text: &str) -> Option<Vec<Part>> {
    let mut parts = vec![];
    for (number, piece) in text.split('.').enumerate() {
        let (key, mut rest) = piece.split_at(piece.find('[').unwrap_or(piece.len()));
        match key {
            "" if rest.is_empty() || number == 0 => return None,
            "" => {}
            key => parts.push(Part::Key(key.into())),
        }
        while let Some(inner) = rest.strip_prefix('[') {
            let (inside, after) = inner.split_once(']')?;
            parts.push(if inside == "*" { Part::All } else { Part::Element(inside.parse().ok()?) });
            rest = after;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    (parts.len() <= 16).then_some(parts)
}
