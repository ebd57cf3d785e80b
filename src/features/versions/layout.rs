//! How a JSON text is laid out where a program sent it in one line: an entry for each line, short ones beside one
//! another. What stands in it stays, to the letter.

/// The widest line that short lists and objects are put into, in bytes.
const WIDEST: usize = 80;

/// A JSON value as it stands in a text.
enum Node<'a> {
    Plain(&'a str),
    List(Vec<Node<'a>>),
    Object(Vec<(&'a str, Node<'a>)>),
}

/// A text in one line, laid out; any other as it is, and one that is no JSON too.
pub fn laid_out(text: &str) -> String {
    let text = text.trim();
    if text.contains('\n') {
        return text.to_owned();
    }
    let mut reader = Reader { text, at: 0 };
    match reader.node(0) {
        Some(node) if reader.rest().is_empty() => {
            let mut out = String::with_capacity(text.len() * 2);
            node.write(&mut out, 0);
            out
        }
        _ => text.to_owned(),
    }
}

impl Node<'_> {
    fn is_flat(&self) -> bool {
        match self {
            Node::Plain(_) => true,
            Node::List(items) => items.iter().all(|item| matches!(item, Node::Plain(_))),
            Node::Object(fields) => fields.iter().all(|(_, value)| matches!(value, Node::Plain(_))),
        }
    }

    fn in_one_line(&self) -> String {
        match self {
            Node::Plain(text) => (*text).to_owned(),
            Node::List(items) => format!("[{}]", items.iter().map(Node::in_one_line).collect::<Vec<_>>().join(", ")),
            Node::Object(fields) => {
                let fields: Vec<_> =
                    fields.iter().map(|(name, value)| format!("{name}: {}", value.in_one_line())).collect();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }

    fn write(&self, out: &mut String, depth: usize) {
        // The whole is never one line.
        if self.is_flat() && depth > 0 {
            let line = self.in_one_line();
            if line.len() + depth * 2 <= WIDEST {
                out.push_str(&line);
                return;
            }
        }
        let entries: Vec<(Option<&str>, &Node)> = match self {
            Node::Plain(text) => return out.push_str(text),
            Node::List(items) => items.iter().map(|item| (None, item)).collect(),
            Node::Object(fields) => fields.iter().map(|(name, value)| (Some(*name), value)).collect(),
        };
        let (open, close) = if matches!(self, Node::List(_)) { ('[', ']') } else { ('{', '}') };
        out.push(open);
        let break_line = |out: &mut String, depth: usize| {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        };
        let last = entries.len().saturating_sub(1);
        for (number, (name, value)) in entries.iter().enumerate() {
            break_line(out, depth + 1);
            if let Some(name) = name {
                out.push_str(name);
                out.push_str(": ");
            }
            value.write(out, depth + 1);
            if number < last {
                out.push(',');
            }
        }
        if !entries.is_empty() {
            break_line(out, depth);
        }
        out.push(close);
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// Deeper texts are left as they are.
const DEEPEST: usize = 64;

impl<'a> Reader<'a> {
    fn rest(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    fn take(&mut self, sign: char) -> Option<()> {
        self.rest().strip_prefix(sign)?;
        self.at += sign.len_utf8();
        Some(())
    }

    fn node(&mut self, depth: usize) -> Option<Node<'a>> {
        if depth > DEEPEST {
            return None;
        }
        let rest = self.rest();
        match rest.chars().next()? {
            '{' => {
                self.take('{')?;
                let mut fields = vec![];
                if self.take('}').is_some() {
                    return Some(Node::Object(fields));
                }
                loop {
                    let name = self.string()?;
                    self.take(':')?;
                    fields.push((name, self.node(depth + 1)?));
                    if self.take('}').is_some() {
                        return Some(Node::Object(fields));
                    }
                    self.take(',')?;
                }
            }
            '[' => {
                self.take('[')?;
                let mut items = vec![];
                if self.take(']').is_some() {
                    return Some(Node::List(items));
                }
                loop {
                    items.push(self.node(depth + 1)?);
                    if self.take(']').is_some() {
                        return Some(Node::List(items));
                    }
                    self.take(',')?;
                }
            }
            '"' => self.string().map(Node::Plain),
            _ => {
                let end = rest.find(|c: char| matches!(c, ',' | ']' | '}') || c.is_whitespace()).unwrap_or(rest.len());
                self.at += end;
                (end > 0).then(|| Node::Plain(&rest[..end]))
            }
        }
    }

    /// A text with its quotation marks.
    fn string(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let mut is_escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => {
                    self.at += at + 1;
                    return rest.starts_with('"').then(|| &rest[..=at]);
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_becomes_several_and_keeps_every_letter() {
        let sent = r#"{"strategy":{"mode":"fallback","on_status_codes":[429,500]},"targets":[{"virtual_key":"a"},{"weight":1.0e1,"x":{"y":[]}}],"u":"é \" , }"}"#;
        let told = laid_out(sent);
        let expected = r#"{
  "strategy": {
    "mode": "fallback",
    "on_status_codes": [429, 500]
  },
  "targets": [
    {"virtual_key": "a"},
    {
      "weight": 1.0e1,
      "x": {
        "y": []
      }
    }
  ],
  "u": "é \" , }"
}"#;
        assert_eq!(told, expected);
        let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(same(&told), same(sent));
    }

    #[test]
    fn what_has_lines_or_is_no_json_stays() {
        for text in ["{\n\"a\":1}", "{\"a\":", "{\"a\" 1}", "", "{}x", "[1,]"] {
            assert_eq!(laid_out(text), text);
        }
        assert_eq!(laid_out(" {} "), "{}");
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(laid_out(&deep), deep);
    }
}
