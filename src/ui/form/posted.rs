//! What the browser posted by itself, against what is stored now.

use crate::kernel::Error;
use std::sync::Arc;

/// What the server knows of a form that the browser posted by itself.
#[derive(Clone, Default)]
pub(in crate::ui) struct Posted {
    /// JSON of the value, or the error.
    pub result: Option<Result<Arc<str>, Error>>,
    /// What was typed, less what is secret.
    pub values: Vec<(String, String)>,
}

impl Posted {
    /// What was typed into a field of a form that is not saved. After a success, what is stored counts.
    pub(super) fn typed(&self, name: &str) -> Option<String> {
        if matches!(self.result, Some(Ok(_))) {
            return None;
        }
        let value = self.values.iter().find(|(n, _)| n == name).map(|(_, value)| value);
        // Browsers post a line break as two characters.
        value.map(|value| value.replace("\r\n", "\n"))
    }

    /// What was stored when the field was opened, if its form said so.
    fn opened(&self, name: &str) -> Option<String> {
        self.typed(&opened_as(name))
    }

    pub(super) fn is_untouched(&self, name: &str) -> bool {
        self.opened(name).is_some_and(|opened| self.typed(name) == Some(opened))
    }

    /// What is stored now, if it was changed both here and by somebody else since the field was opened.
    pub(super) fn theirs(&self, name: &str, now: &str) -> Option<String> {
        let (opened, mine) = (self.opened(name)?, self.typed(name)?);
        (opened != mine && opened != now && mine != now).then(|| now.to_owned())
    }
}

/// The name under which a form says what was stored when a field was opened.
pub(super) fn opened_as(name: &str) -> String {
    format!("opened.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field as it was opened, as it was posted, and as it is stored now.
    fn merged(opened: &str, mine: &str, now: &str) -> (Option<String>, Option<String>) {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let posted = Posted {
            result: Some(Err(Error::stale())),
            values: vec![field("opened.note", opened), field("note", mine)],
        };
        (posted.typed("note").filter(|_| !posted.is_untouched("note")), posted.theirs("note", now))
    }

    #[test]
    fn what_was_not_touched_follows_and_what_clashes_is_told() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(merged("a", "a", "b"), (None, None), "only they changed it");
        assert_eq!(merged("a", "b", "a"), (some("b"), None), "only I changed it");
        assert_eq!(merged("a", "b", "b"), (some("b"), None), "both changed it to the same");
        assert_eq!(merged("a", "b", "c"), (some("b"), some("c")), "both changed it");
        assert_eq!(merged("a\r\nb", "a\r\nb", "c"), (None, None), "line breaks are no change");
    }

    #[test]
    fn after_a_success_what_is_stored_counts_and_after_a_look_what_is_typed() {
        let values = vec![("note".to_owned(), "typed".to_owned())];
        let typed = |result| Posted { result, values: values.clone() }.typed("note");
        assert_eq!(typed(Some(Ok(Arc::from("null")))), None);
        assert_eq!(typed(None).as_deref(), Some("typed"), "it was only looked at");
    }
}
