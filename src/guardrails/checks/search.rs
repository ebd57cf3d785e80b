//! What the checks have in common that look through texts.

use super::{Found, Scene, Unit};
use crate::kernel::json::{self, Node, Value};

/// The units that have something to judge. Those without text are passed over where others have some; one that only calls
/// tools has nothing for most checks.
pub(super) fn with_text<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = (usize, &'s Unit)> {
    scene.units.iter().enumerate().filter(|(_, unit)| !unit.text.is_empty())
}

/// Judges unit by unit: all must hold. `Err` where there is nothing to judge.
pub(super) fn each(scene: &Scene<'_>, holds: impl Fn(&str) -> bool) -> Result<Vec<usize>, Found> {
    let mut any = false;
    let mut failed = vec![];
    for (number, unit) in with_text(scene) {
        any = true;
        if !holds(&unit.text) {
            failed.push(number);
        }
    }
    // An answer whose choices only call tools.
    if !any && !scene.units.iter().any(|unit| unit.calls_tools) {
        return Err(Found::no_text());
    }
    Ok(failed)
}

/// The same for checks that judge an empty text as well: where there is no unit at all, one without text is judged.
pub(super) fn each_even_empty(scene: &Scene<'_>, holds: impl Fn(&str) -> bool) -> Vec<usize> {
    let any = with_text(scene).next().is_some();
    if scene.units.is_empty() {
        return if holds("") { vec![] } else { vec![0] };
    }
    let judged =
        scene.units.iter().enumerate().filter(|(_, unit)| !(unit.text.is_empty() && (any || unit.calls_tools)));
    judged.filter(|(_, unit)| !holds(&unit.text)).map(|(number, _)| number).collect()
}

/// Whether something stands in the arguments of a tool call: in their text as it is, or in any string, number or key in
/// it, however that is written.
pub(super) fn in_arguments(scene: &Scene<'_>, is_there: impl Fn(&str) -> bool) -> bool {
    scene.arguments.iter().any(|arguments| {
        is_there(arguments) || json::read(arguments).is_ok_and(|(root, _)| within(&root, arguments, &is_there))
    })
}

fn within(node: &Node, text: &str, is_there: &impl Fn(&str) -> bool) -> bool {
    match &node.value {
        Value::Text(inner) => {
            is_there(inner)
                // Arguments inside arguments.
                || inner.trim_start().starts_with(['{', '['])
                    && json::read(inner).is_ok_and(|(root, _)| within(&root, inner, is_there))
        }
        Value::Number(_) => is_there(&text[node.at.clone()]),
        Value::List(elements) => elements.iter().any(|element| within(element, text, is_there)),
        Value::Object(members) => {
            members.iter().any(|member| is_there(&member.key) || within(&member.value, text, is_there))
        }
        Value::Null | Value::Bool(_) => false,
    }
}
