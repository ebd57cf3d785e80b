//! JSON written piece by piece into one buffer, so that a translated body exists once and not as a tree beside it.

use serde::Serialize;

use super::view::{Text, View};

/// A JSON text in the making. Commas come by themselves.
pub struct Writer(Vec<u8>);

impl Writer {
    /// A text that will be about so many bytes long.
    pub fn sized(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// The text.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes back everything behind so many bytes.
    pub fn truncate(&mut self, bytes: usize) {
        self.0.truncate(bytes);
    }

    pub fn begin_object(&mut self) {
        self.separate();
        self.0.push(b'{');
    }

    pub fn end_object(&mut self) {
        self.0.push(b'}');
    }

    pub fn begin_array(&mut self) {
        self.separate();
        self.0.push(b'[');
    }

    pub fn end_array(&mut self) {
        self.0.push(b']');
    }

    /// The name of a member, which needs no escapes. Its value comes next.
    pub fn key(&mut self, name: &'static str) -> &mut Self {
        self.separate();
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        self
    }

    /// The name of a member, whatever it is. Its value comes next.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.value(name);
        self.0.push(b':');
        self
    }

    /// A value of the program's own.
    pub fn value(&mut self, value: impl Serialize) {
        self.separate();
        // Into memory, of plain texts and numbers: it cannot fail.
        let _ = serde_json::to_writer(&mut self.0, &value);
    }

    /// A value as it stands elsewhere.
    pub fn view(&mut self, view: View<'_>) {
        self.json(view.text());
    }

    /// The text of a value, which is known to be one.
    pub fn json(&mut self, text: &str) {
        self.separate();
        self.0.extend_from_slice(text.as_bytes());
    }

    /// A string as it stands elsewhere.
    pub fn text(&mut self, text: Text<'_>) {
        self.written(text.written());
    }

    /// A string of which this is written between the quotes.
    pub fn written(&mut self, inside: &str) {
        self.begin_text();
        self.more(inside);
        self.end_text();
    }

    /// A string that is put together: its quote, then [`Writer::more`].
    pub fn begin_text(&mut self) {
        self.separate();
        self.0.push(b'"');
    }

    /// More of a string, as it is written between the quotes.
    pub fn more(&mut self, inside: &str) {
        self.0.extend_from_slice(inside.as_bytes());
    }

    pub fn end_text(&mut self) {
        self.0.push(b'"');
    }

    fn separate(&mut self) {
        if !matches!(self.0.last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_stand_between_values_only() {
        let mut out = Writer::sized(0);
        out.begin_object();
        out.key("a").begin_array();
        out.value(1);
        out.value("x{[:");
        out.begin_object();
        out.end_object();
        out.begin_text();
        out.more("y\\n");
        out.more("z");
        out.end_text();
        out.end_array();
        out.key("b").json("{\"c\":2}");
        out.key("d").value(None::<u8>);
        out.name("\"e").value(3);
        out.end_object();
        let text = String::from_utf8(out.finish()).unwrap();
        assert_eq!(text, r#"{"a":[1,"x{[:",{},"y\nz"],"b":{"c":2},"d":null,"\"e":3}"#);
    }
}
