//! What differs between two texts, line by line, and within lines word by word.

use super::{
    Whole,
    model::{Difference, Line, Row},
};
use similar::{ChangeTag, DiffOp, DiffTag, TextDiff};
use std::time::Duration;

/// Lines that are the same and shown around a change.
const AROUND: usize = 3;
/// What is found within this time is told; more exactness is not worth more.
const PATIENCE: Duration = Duration::from_millis(200);

/// What differs between two versions.
pub fn between(was: Whole, now: Whole) -> Difference {
    let rows = rows(&was.text, &now.text);
    Difference { was: was.version, now: now.version, rows }
}

/// The rows of two texts side by side. Lines that are the same are folded away from changes.
fn rows(was: &str, now: &str) -> Vec<Row> {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(was, now);
    let mut rows = vec![];
    let mut seen = 0;
    let lines = was.lines().count();
    for group in diff.grouped_ops(AROUND) {
        let begin = group.first().map_or(seen, |op| op.old_range().start);
        fold(&mut rows, begin - seen);
        for op in &group {
            seen = op.old_range().end;
            add(&mut rows, &diff, op);
        }
    }
    fold(&mut rows, lines.saturating_sub(seen));
    rows
}

fn fold(rows: &mut Vec<Row>, lines: usize) {
    if lines > 0 {
        rows.push(Row::Folded(number(lines)));
    }
}

fn add(rows: &mut Vec<Row>, diff: &TextDiff<'_, '_, str>, op: &DiffOp) {
    if op.tag() == DiffTag::Equal {
        for change in diff.iter_changes(op) {
            let (Some(old), Some(new)) = (change.old_index(), change.new_index()) else { continue };
            rows.push(Row::Same(number(old + 1), number(new + 1), without_end(change.value()).to_owned()));
        }
        return;
    }
    let (mut gone, mut come): (Vec<Line>, Vec<Line>) = (vec![], vec![]);
    for change in diff.iter_inline_changes(op) {
        let parts = change.iter_strings_lossy().map(|(is_changed, text)| (is_changed, without_end(&text).to_owned()));
        let parts: Vec<_> = parts.filter(|(_, text)| !text.is_empty()).collect();
        match (change.tag(), change.old_index(), change.new_index()) {
            (ChangeTag::Delete, Some(at), _) => gone.push((number(at + 1), parts)),
            (ChangeTag::Insert, _, Some(at)) => come.push((number(at + 1), parts)),
            _ => {}
        }
    }
    let (mut gone, mut come) = (gone.into_iter(), come.into_iter());
    loop {
        match (gone.next(), come.next()) {
            (None, None) => break,
            (was, now) => rows.push(Row::Changed(was, now)),
        }
    }
}

fn without_end(line: &str) -> &str {
    line.trim_end_matches(['\n', '\r'])
}

/// A text has far fewer lines than that.
fn number(lines: usize) -> u32 {
    u32::try_from(lines).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_stand_side_by_side_and_the_rest_is_folded() {
        let was: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let now = was.replace("line 10\n", "line ten\nanother\n");
        let told = rows(&was, &now);
        assert_eq!(told.first(), Some(&Row::Folded(6)));
        assert_eq!(told.last(), Some(&Row::Folded(7)));
        assert_eq!(told[1], Row::Same(7, 7, "line 7".into()));
        let Row::Changed(Some((10, gone)), Some((10, come))) = &told[4] else { panic!("{told:?}") };
        let text = |parts: &[(bool, String)]| parts.iter().map(|(_, text)| text.as_str()).collect::<String>();
        assert_eq!((text(gone), text(come)), ("line 10".into(), "line ten".into()));
        assert!(gone.iter().any(|(changed, _)| *changed) && gone.iter().any(|(changed, _)| !changed), "{gone:?}");
        assert!(matches!(&told[5], Row::Changed(None, Some((11, _)))), "{told:?}");
        assert_eq!(told[6], Row::Same(11, 12, "line 11".into()));
    }

    #[test]
    fn equal_texts_are_one_fold_and_large_ones_end_soon() {
        assert_eq!(rows("a\nb\n", "a\nb\n"), [Row::Folded(2)]);
        let text = |salt: usize| (0..30_000).map(|n| format!("{}\n", n * salt % 7)).collect::<String>();
        assert!(!rows(&text(3), &text(5)).is_empty());
    }
}
