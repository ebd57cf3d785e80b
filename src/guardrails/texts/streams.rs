//! The texts of streamed answers: each is put together from the pieces that the events bring, wherever they are cut.

use super::answers::{output_item, response};
use super::places::{arguments, asides};
use super::{Channel, Found, Of, Reading, Shape, Spot, elements, get, text, tokens};
use crate::dialect::sse::{Frame, Frames, parse_frame};
use crate::kernel::json::{self, Node, Value};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::ops::Range;

/// What a piece belongs to: the choice or block, the part of it, and what kind of text it is.
type Key = (u64, u64, String);

/// Pieces of texts, by what they belong to, in the order in which each began.
#[derive(Default)]
struct Pieces {
    channels: Vec<Channel>,
    by_key: HashMap<Key, usize>,
    /// The units by the number of their choice.
    units: HashMap<u64, usize>,
    calls_tools: Vec<bool>,
    values: Vec<String>,
    /// Where tokens are told once more.
    telling: Vec<Range<usize>>,
}

impl Pieces {
    fn unit(&mut self, choice: u64) -> usize {
        *self.units.entry(choice).or_insert_with(|| {
            self.calls_tools.push(false);
            self.calls_tools.len() - 1
        })
    }

    fn add(&mut self, of: Of, key: Key, node: &Node, offset: usize) {
        let Value::Text(text) = &node.value else { return };
        let spot = Spot { at: node.at.start + offset..node.at.end + offset, text: text.clone() };
        match self.by_key.get(&key) {
            Some(known) => self.channels[*known].spots.push(spot),
            None => {
                self.by_key.insert(key, self.channels.len());
                self.channels.push(Channel { of, spots: vec![spot] });
            }
        }
    }

    /// Takes arguments: a piece of their text, or, as some servers send them, all of them as a value.
    fn arguments(&mut self, key: Key, node: &Node, offset: usize, data: &str) {
        match &node.value {
            Value::Text(_) => self.add(Of::Arguments, key, node, offset),
            _ => self.whole(key.0, offset, data, |_, found| arguments(node, found)),
        }
    }

    /// Takes what an event tells at once. Its units become those of `choice`.
    fn whole(&mut self, choice: u64, offset: usize, text: &str, find: impl FnOnce(usize, &mut Found<'_>)) {
        let unit = self.unit(choice);
        let mut found = Found::new(text);
        let inner = found.unit();
        find(inner, &mut found);
        self.calls_tools[unit] |= found.units.iter().any(|calls| *calls);
        self.values.extend(found.values);
        for mut channel in found.channels {
            for spot in &mut channel.spots {
                spot.at = spot.at.start + offset..spot.at.end + offset;
            }
            // It is told in pieces as well, and is judged as an aside where it is told once more.
            if matches!(channel.of, Of::Unit(_)) {
                channel.of = Of::Aside;
            }
            self.channels.push(channel);
        }
    }
}

/// Reads the events of a whole stream.
pub(super) fn read(shape: Shape, body: &[u8]) -> Reading {
    let mut body_text = String::with_capacity(body.len());
    let mut pieces = Pieces::default();
    let mut readable = str::from_utf8(body).is_ok();
    let mut frames = Frames::bounded(usize::MAX);
    let mut take = |frame: &[u8]| {
        let Some(event) = parse_frame(frame) else { return };
        if !event.name.is_empty() {
            let _ = writeln!(body_text, "event: {}", event.name);
        }
        body_text.push_str("data: ");
        let offset = body_text.len();
        // Between the values of a JSON text a line feed is as good as a blank, and inside of one there is none.
        body_text.extend(event.data.chars().map(|one| if one == '\n' { ' ' } else { one }));
        let data = body_text[offset..].to_owned();
        body_text.push_str("\n\n");
        if data.trim() == "[DONE]" || data.trim().is_empty() {
            return;
        }
        match json::read(&data) {
            Ok((root, twice)) if twice.is_empty() => {
                tokens(&root, offset, &mut pieces.telling);
                match shape {
                    Shape::Chat => chat(&root, offset, &mut pieces, &data),
                    Shape::Completions => completions(&root, offset, &mut pieces),
                    Shape::Messages => messages(&root, offset, &mut pieces, &data),
                    Shape::Responses => responses(&root, offset, &mut pieces, &data),
                    Shape::Transcriptions => transcription(&root, offset, &mut pieces),
                    _ => pieces.whole(0, offset, &data, |_, found| asides(&root, "", found)),
                }
            }
            _ => readable = false,
        }
    };
    let _ = frames.feed(body, |frame| {
        let (Frame::Whole(bytes) | Frame::Piece(bytes)) = frame;
        take(bytes);
        Ok::<_, Infallible>(())
    });
    // Several servers forget the last blank line.
    let rest = frames.rest().to_vec();
    take(&rest);
    if !readable {
        return Reading::unreadable(body_text);
    }
    let Pieces { channels, calls_tools, values, telling, .. } = pieces;
    let found = Found { text: "", channels, units: calls_tools, values, unseen: false };
    Reading { telling, ..found.reading(body_text) }
}

fn index(node: &Node, name: &str) -> u64 {
    match get(node, name).map(|node| &node.value) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of choices are small")]
        Some(Value::Number(number)) => *number as u64,
        _ => 0,
    }
}

fn chat(root: &Node, offset: usize, pieces: &mut Pieces, data: &str) {
    for choice in get(root, "choices").map(elements).unwrap_or_default() {
        let number = index(choice, "index");
        let unit = pieces.unit(number);
        // Some servers send a whole message in the place of a last piece, or beside it.
        let inner = ["delta", "message"].into_iter().filter_map(|name| match get(choice, name) {
            Some(Node { value: Value::Object(members), .. }) => Some(members),
            _ => None,
        });
        for member in inner.flatten() {
            match (member.key.as_str(), &member.value.value) {
                ("role" | "id" | "name", _) => {}
                ("content", Value::Text(_)) => {
                    pieces.add(Of::Unit(unit), (number, 0, "content".into()), &member.value, offset);
                }
                ("tool_calls", _) => {
                    for call in elements(&member.value) {
                        pieces.calls_tools[unit] = true;
                        let at = index(call, "index");
                        for (kind, name) in [("function", "arguments"), ("custom", "input")] {
                            if let Some(value) = get(call, kind).and_then(|inner| get(inner, name)) {
                                pieces.arguments((number, at, "tool".into()), value, offset, data);
                            }
                        }
                    }
                }
                ("content", _) => {
                    for (position, one) in elements(&member.value).iter().enumerate() {
                        part_of(one, (number, unit, position), offset, pieces, data);
                    }
                }
                ("function_call", _) => {
                    pieces.calls_tools[unit] = true;
                    if let Some(value) = get(&member.value, "arguments") {
                        pieces.arguments((number, 0, "function".into()), value, offset, data);
                    }
                }
                (name, Value::Text(_)) => {
                    pieces.add(Of::Aside, (number, 0, format!("aside {name}")), &member.value, offset);
                }
                (name, _) => {
                    let mut found = Found::new(data);
                    asides(&member.value, name, &mut found);
                    for (at, channel) in found.channels.into_iter().enumerate() {
                        for spot in channel.spots {
                            let node = Node { at: spot.at, value: Value::Text(spot.text) };
                            pieces.add(Of::Aside, (number, at as u64, format!("part {name}")), &node, offset);
                        }
                    }
                }
            }
        }
    }
}

/// A piece of one part of a content that is a list. The pieces of a part belong together: those of one place and kind.
fn part_of(node: &Node, (choice, unit, position): (u64, usize, usize), offset: usize, pieces: &mut Pieces, data: &str) {
    let place = if get(node, "index").is_some() { index(node, "index") } else { position as u64 };
    let kind = text(node, "type").unwrap_or_default();
    let mut found = Found::new(data);
    let own = found.unit();
    super::places::part(node, own, &mut found);
    pieces.calls_tools[unit] |= found.units.iter().any(|calls| *calls);
    pieces.values.extend(found.values);
    for (nth, channel) in found.channels.into_iter().enumerate() {
        let of = if let Of::Unit(_) = channel.of { Of::Unit(unit) } else { channel.of };
        for spot in channel.spots {
            let node = Node { at: spot.at, value: Value::Text(spot.text) };
            pieces.add(of, (choice, place, format!("part {kind} {nth}")), &node, offset);
        }
    }
}

fn completions(root: &Node, offset: usize, pieces: &mut Pieces) {
    for choice in get(root, "choices").map(elements).unwrap_or_default() {
        let number = index(choice, "index");
        let unit = pieces.unit(number);
        if let Some(text) = get(choice, "text") {
            pieces.add(Of::Unit(unit), (number, 0, "text".into()), text, offset);
        }
    }
}

/// The words as they come, and all of them once more.
fn transcription(root: &Node, offset: usize, pieces: &mut Pieces) {
    let unit = pieces.unit(0);
    if let Some(delta) = get(root, "delta") {
        pieces.add(Of::Unit(unit), (0, 0, "delta".into()), delta, offset);
    }
    if let Some(text) = get(root, "text") {
        pieces.add(Of::Aside, (0, 0, "text".into()), text, offset);
    }
}

fn messages(root: &Node, offset: usize, pieces: &mut Pieces, data: &str) {
    let unit = pieces.unit(0);
    let block = index(root, "index");
    match text(root, "type") {
        Some("message_start") => {
            if let Some(inner) = get(root, "message").and_then(|message| get(message, "content")) {
                pieces.whole(0, offset, data, |unit, found| super::places::content(inner, unit, found));
            }
        }
        Some("content_block_start") => {
            let Some(inner) = get(root, "content_block") else { return };
            let kind = text(inner, "type").unwrap_or_default();
            if kind.ends_with("tool_use") {
                pieces.calls_tools[unit] = true;
            }
            match get(inner, "text") {
                Some(begun) if kind == "text" => {
                    pieces.add(Of::Unit(unit), (0, block, "text".into()), begun, offset);
                    if let Value::Object(members) = &inner.value {
                        for member in members.iter().filter(|member| !["type", "text"].contains(&&*member.key)) {
                            pieces.whole(0, offset, data, |_, found| asides(&member.value, &member.key, found));
                        }
                    }
                }
                _ => pieces.whole(0, offset, data, |unit, found| super::places::part(inner, unit, found)),
            }
        }
        Some("content_block_delta") => {
            let Some(Node { value: Value::Object(members), .. }) = get(root, "delta") else { return };
            for member in members {
                let (of, key) = match member.key.as_str() {
                    "type" | "signature" => continue,
                    "text" => (Of::Unit(unit), "text".to_owned()),
                    "partial_json" => (Of::Arguments, "input".to_owned()),
                    name => (Of::Aside, format!("aside {name}")),
                };
                match &member.value.value {
                    Value::Text(_) => pieces.add(of, (0, block, key), &member.value, offset),
                    _ => pieces.whole(0, offset, data, |_, found| asides(&member.value, &member.key, found)),
                }
            }
        }
        _ => {}
    }
}

fn responses(root: &Node, offset: usize, pieces: &mut Pieces, data: &str) {
    let unit = pieces.unit(0);
    let kind = text(root, "type").unwrap_or_default();
    let item = index(root, "output_index");
    let part = index(root, "content_index");
    if let Some(inner) = get(root, "response") {
        return pieces.whole(0, offset, data, |_, found| response(inner, found));
    }
    if let Some(inner) = get(root, "item") {
        return pieces.whole(0, offset, data, |unit, found| output_item(inner, unit, found));
    }
    if let Some(inner) = get(root, "part") {
        return pieces.whole(0, offset, data, |unit, found| super::places::part(inner, unit, found));
    }
    if let Some(delta) = get(root, "delta") {
        let (of, key) = if kind == "response.output_text.delta" {
            (Of::Unit(unit), "text".to_owned())
        } else if kind.contains("arguments") || kind.contains("tool_call_input") {
            pieces.calls_tools[unit] = true;
            (Of::Arguments, "arguments".to_owned())
        } else if kind.contains("audio.delta") {
            return;
        } else {
            (Of::Aside, format!("aside {kind}"))
        };
        return match &delta.value {
            Value::Text(_) => pieces.add(of, (item, part, key), delta, offset),
            _ => pieces.whole(0, offset, data, |_, found| asides(delta, "delta", found)),
        };
    }
    // Whatever else an event tells, such as a text at its end, a note, or code.
    let Value::Object(members) = &root.value else { return };
    for member in members {
        match (member.key.as_str(), &member.value.value) {
            ("type" | "item_id" | "partial_image_b64" | "obfuscation", _) => {}
            ("arguments", _) => {
                pieces.arguments((item, part, format!("{kind} arguments")), &member.value, offset, data);
            }
            (name, _) => pieces.whole(0, offset, data, |_, found| asides(&member.value, name, found)),
        }
    }
}
