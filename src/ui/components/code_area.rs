//! JSON as one types it: a plain text area over its coloured, numbered copy. The text area is the whole truth, for the form
//! and for assistive technology; the copy is decoration, and shows once the page is alive.
use super::{Availability, dom};
use crate::ui::{
    form::{Entry, entry},
    icons::{Glyph, Icon},
    reactive,
};
use leptos::{
    ev::KeyboardEvent,
    prelude::*,
    wasm_bindgen::{JsCast, JsValue},
    web_sys::{
        HtmlTextAreaElement,
        js_sys::{Function, Reflect},
    },
};

/// Something wrong at a place of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// A sentence for people.
    pub message: String,
}

/// A field for JSON. Tab indents; Esc, then Tab leaves.
#[component]
pub fn CodeArea(
    /// Label, and accessible name.
    #[prop(into)]
    label: String,
    /// Name in the form, and id.
    #[prop(into)]
    name: String,
    /// First value; in a form that names a version, what is stored.
    #[prop(into)]
    value: Signal<String>,
    /// Kept the same as the field.
    bind: RwSignal<String>,
    /// What is wrong with the text, in the order of places.
    #[prop(into)]
    problems: Signal<Vec<Problem>>,
    /// Whether it may be changed, else why not.
    #[prop(optional)]
    availability: Availability,
) -> impl IntoView {
    let Entry { value, error, follows, .. } = entry(&name, Some(value), Some(bind), None);
    let (hint_id, error_id, theirs_id) = (format!("{name}-hint"), format!("{name}-problems"), format!("{name}-theirs"));
    let theirs = follows.as_ref().map(|follows| follows.theirs);
    let described = format!("{error_id} {hint_id}");
    let node = NodeRef::<leptos::html::Textarea>::new();
    super::bind::text_area(node, Some(bind));
    let readonly = availability.reason().is_some();
    let invalid = move || (error.with(Option::is_some) || !problems.with(Vec::is_empty)).then_some("true");
    // Set by Esc: the next Tab leaves.
    let leaves = StoredValue::new(false);
    let on_key = move |event: KeyboardEvent| match event.key().as_str() {
        "Escape" => leaves.set_value(true),
        "Tab" if !event.shift_key() && !leaves.get_value() && !readonly => {
            event.prevent_default();
            insert("  ");
        }
        "Tab" | "Shift" => {}
        _ => leaves.set_value(false),
    };
    let copy = move || {
        let bad = problems.with(|all| all.iter().map(|problem| problem.line).collect::<Vec<_>>());
        bind.with(|text| coloured(text, &bad, None))
    };
    let place = name.clone();
    view! {
        <div class="field" class:field-invalid=move || error.with(Option::is_some)>
            <div class="field-top"><label for=name.clone()>{label}</label></div>
            <div class="code">
                <div class="code-both">
                    <div class="code-copy" aria-hidden="true" inner_html=copy></div>
                    <textarea
                        node_ref=node
                        id=name.clone()
                        name=name.clone()
                        class="code-text"
                        readonly=readonly
                        spellcheck="false"
                        autocapitalize="none"
                        autocomplete="off"
                        aria-invalid=invalid
                        aria-describedby=described
                        on:input=move |event| bind.set(event_target_value(&event))
                        on:keydown=on_key
                        on:blur=move |_| leaves.set_value(false)
                        inner_html=super::field::escape_text(&value)
                    ></textarea>
                </div>
                <div id=error_id class="code-problems" role="status">
                    {reactive(move || {
                        let items = problems.get().into_iter().map(|problem| item(problem, place.clone(), bind));
                        view! { <Problems items=items.collect() /> }
                    })}
                </div>
                <div class="code-foot" id=hint_id>
                    <span>{reactive(move || counted(problems.with(Vec::len)))}</span>
                    <span class="needs-js code-keys">"Tab indents, Esc then Tab leaves"</span>
                </div>
            </div>
            {follows
                .map(|follows| {
                    let (opened, stored) = follows.opened;
                    let theirs = theirs.unwrap_or_default();
                    view! {
                        <input type="hidden" name=opened value=move || stored.get() />
                        <div class="hint" id=theirs_id>
                            {reactive(move || {
                                theirs
                                    .get()
                                    .map(|theirs| {
                                        view! {
                                            <details>
                                                <summary>"Stored meanwhile: another text"</summary>
                                                <pre class="code-theirs" tabindex="0">{theirs}</pre>
                                            </details>
                                        }
                                    })
                            })}
                        </div>
                    }
                })}
        </div>
    }
}

#[component]
fn Problems(items: Vec<AnyView>) -> impl IntoView {
    (!items.is_empty()).then(|| view! { <ul class="problems">{items}</ul> })
}

fn item(problem: Problem, field: String, text: RwSignal<String>) -> AnyView {
    let Problem { line, column, message } = problem;
    view! {
        <li>
            <Glyph icon=Icon::Alert />
            <PlaceLink field text line column />
            <span>{message}</span>
        </li>
    }
    .into_any()
}

/// Leads to a place in the text: `29:51`.
#[component]
pub fn PlaceLink(
    /// Id of the [`CodeArea`] or [`CodeView`].
    field: String,
    /// Its text.
    text: RwSignal<String>,
    /// It is a [`CodeView`]: each line is a place of its own.
    #[prop(optional)]
    read_only: bool,
    /// From 1.
    line: u32,
    /// From 1; 0: the line as a whole.
    column: u32,
) -> impl IntoView {
    let href = if read_only { format!("#{}", line_id(&field, line)) } else { format!("#{field}") };
    let (shown, spoken) = match column {
        0 => (format!("line {line}"), String::new()),
        column => (format!("{line}:{column}"), format!("Line {line}, column {column}")),
    };
    let has_words = spoken.is_empty();
    view! {
        <a
            class="mono"
            href=href
            rel="external"
            on:click=move |event| {
                if let Some(area) = dom::by_id(&field).and_then(|field| field.dyn_into::<HtmlTextAreaElement>().ok()) {
                    event.prevent_default();
                    let (from, to) = text.with_untracked(|text| place(text, line, column));
                    let _ = area.focus();
                    let _ = area.set_selection_range(from, to);
                }
            }
        >
            <span aria-hidden=(!has_words).then_some("true")>{shown}</span>
            {(!has_words).then(|| view! { <span class="vh">{spoken}</span> })}
        </a>
    }
}

fn counted(problems: usize) -> String {
    match problems {
        0 => "No faults".to_owned(),
        1 => "1 fault".to_owned(),
        many => format!("{many} faults"),
    }
}

/// Types a text where the cursor is, so that it can be undone like any other.
fn insert(text: &str) {
    let document = document();
    if let Ok(command) = Reflect::get(&document, &"execCommand".into())
        && let Some(command) = command.dyn_ref::<Function>()
    {
        let _ = command.call3(&document, &"insertText".into(), &JsValue::FALSE, &text.into());
    }
}

/// Where a place begins and ends, as browsers count: in UTF-16. A column of 0 is the whole line.
fn place(text: &str, line: u32, column: u32) -> (u32, u32) {
    let mut at = 0;
    for (number, content) in (1..).zip(text.split('\n')) {
        let units = |part: &str| u32::try_from(part.encode_utf16().count()).unwrap_or(u32::MAX);
        if number == line {
            if column == 0 {
                return (at, at + units(content));
            }
            let before: String = content.chars().take(usize::try_from(column).unwrap_or(1) - 1).collect();
            let from = at + units(&before);
            return (from, from + 1);
        }
        at += units(content) + 1;
    }
    (at, at)
}

/// The text for reading only, numbered and coloured.
#[component]
pub fn CodeView(
    /// Accessible name.
    #[prop(into)]
    label: String,
    /// Id, from which those of its lines are made.
    #[prop(into)]
    id: String,
    /// The text.
    #[prop(into)]
    code: String,
) -> impl IntoView {
    let shown = coloured(&code, &[], Some(&id));
    view! {
        <div class="code">
            <pre id=id class="code-copy code-alone" tabindex="0" role="group" aria-label=label inner_html=shown></pre>
        </div>
    }
}

/// The id of a line of a [`CodeView`].
fn line_id(view: &str, line: u32) -> String {
    format!("{view}-{line}")
}

/// The text as HTML: a block for each line, and in it the kinds of things by their classes. With the id of a [`CodeView`]
/// each line has one too. It is safe, as every character that means something in HTML is escaped.
fn coloured(text: &str, bad: &[u32], view: Option<&str>) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for (number, line) in (1..).zip(text.split('\n')) {
        out.push_str(if bad.contains(&number) { r#"<span class="ln ln-bad""# } else { r#"<span class="ln""# });
        if let Some(view) = view {
            out.push_str(" id=\"");
            escape(&mut out, &line_id(view, number));
            out.push('"');
        }
        out.push('>');
        colour(&mut out, line);
        out.push_str("\n</span>");
    }
    out
}

fn colour(out: &mut String, line: &str) {
    let mut rest = line;
    let mut names_virtual_key = false;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            '"' => {
                let length = string_length(rest);
                let is_name = rest[length..].trim_start().starts_with(':');
                if is_name {
                    names_virtual_key = matches!(&rest[..length], "\"virtual_key\"" | "\"provider\"");
                    ("k", length)
                } else if names_virtual_key || rest.starts_with("\"@") {
                    names_virtual_key = false;
                    ("r", length)
                } else {
                    ("s", length)
                }
            }
            c if c.is_ascii_alphanumeric() || c == '-' => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')));
                ("n", end.unwrap_or(rest.len()))
            }
            '{' | '}' | '[' | ']' | ',' | ':' => ("p", 1),
            c => ("", c.len_utf8()),
        };
        let (part, after) = rest.split_at(length.max(1));
        if kind.is_empty() {
            escape(out, part);
        } else {
            out.push_str("<span class=\"");
            out.push_str(kind);
            out.push_str("\">");
            escape(out, part);
            out.push_str("</span>");
        }
        rest = after;
    }
}

/// The bytes of a text in quotation marks at the beginning of `rest`; all of it if it does not end.
fn string_length(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_coloured_and_nothing_leaves_its_place() {
        let told = coloured("{\"virtual_key\": \"main\", \"a\\\"b\": \"</span>&\"}\n\"open", &[2], None);
        assert!(told.contains(r#"<span class="k">&quot;virtual_key&quot;</span>"#), "{told}");
        assert!(told.contains(r#"<span class="r">&quot;main&quot;</span>"#), "{told}");
        assert!(told.contains(r#"<span class="k">&quot;a\&quot;b&quot;</span>"#), "{told}");
        assert!(told.contains(r#"<span class="s">&quot;&lt;/span&gt;&amp;&quot;</span>"#), "{told}");
        assert!(told.contains(r#"<span class="ln ln-bad"><span class="s">&quot;open</span>"#), "{told}");
        assert!(
            coloured("é: -1.5e+3", &[], None).contains(r#"é<span class="p">:</span> <span class="n">-1.5e+3</span>"#)
        );
    }

    #[test]
    fn each_line_of_a_view_has_an_id() {
        assert!(coloured("{\n}", &[], Some("config")).contains(r#"<span class="ln" id="config-2"><span class="p">}"#));
    }

    #[test]
    fn places_are_counted_as_browsers_do() {
        assert_eq!(place("a\nb😀c\nd", 2, 3), (5, 6));
        assert_eq!(place("a\nb😀c\nd", 2, 0), (2, 6));
        assert_eq!(place("a", 9, 1), (2, 2));
    }
}
