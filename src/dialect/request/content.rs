//! What a message holds: texts, images and files.

use super::super::{
    error::ApiError,
    view::{Text, View},
};

/// A piece of a message.
#[derive(Debug)]
pub enum ContentPart<'a> {
    Text { text: Text<'a>, cache_control: Option<View<'a>> },
    Image { source: ContentSource<'a>, cache_control: Option<View<'a>> },
    File { name: Option<Text<'a>>, source: ContentSource<'a>, cache_control: Option<View<'a>> },
}

impl<'a> ContentPart<'a> {
    /// Where it says that the provider may keep everything up to here.
    pub fn mark(&mut self) -> &mut Option<View<'a>> {
        match self {
            ContentPart::Text { cache_control, .. }
            | ContentPart::Image { cache_control, .. }
            | ContentPart::File { cache_control, .. } => cache_control,
        }
    }
}

/// Takes a part's mark away.
pub(super) fn take_mark<'a>(part: &mut ContentPart<'a>) -> Option<View<'a>> {
    part.mark().take()
}

/// Reads a `cache_control`.
pub(super) fn mark<'a>(value: Option<View<'a>>, path: impl Fn() -> String) -> Result<Option<View<'a>>, ApiError> {
    match value {
        Some(value) if !value.is_object() => {
            Err(ApiError::invalid(&format!("{}.cache_control", path()), "`cache_control` must be an object."))
        }
        value => Ok(value),
    }
}

/// Where a piece's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentSource<'a> {
    /// `base64` is what stands in the body, which may hold escapes.
    Inline {
        mime: Box<str>,
        base64: &'a str,
    },
    Url(Text<'a>),
}

/// Content: a text, or an array of parts. Empty texts say nothing, and some providers refuse them, so they are left out.
pub(super) fn parts<'a>(content: View<'a>, path: &str, provider: &str) -> Result<Vec<ContentPart<'a>>, ApiError> {
    if content.is_null() {
        return Ok(Vec::new());
    }
    if let Some(text) = content.as_text() {
        return Ok(if text.is_empty() { Vec::new() } else { vec![ContentPart::Text { text, cache_control: None }] });
    }
    if !content.is_array() {
        return Err(ApiError::invalid(&format!("{path}.content"), "`content` must be a string or an array of parts."));
    }
    let mut parts = Vec::new();
    for (at, item) in content.elements().enumerate() {
        parts.extend(part(item, || format!("{path}.content[{at}]"), provider)?);
    }
    Ok(parts)
}

fn part<'a>(item: View<'a>, path: impl Fn() -> String, provider: &str) -> Result<Option<ContentPart<'a>>, ApiError> {
    let [kind, cache_control, text, refusal, image, file] =
        item.pick(["type", "cache_control", "text", "refusal", "image_url", "file"]);
    // Some clients put it beside the address.
    let inner = || image.or(file)?.get("cache_control");
    let cache_control = mark(cache_control.or_else(inner), &path)?;
    let must_be_text = |name: &str| ApiError::invalid(&format!("{}.{name}", path()), "It must be a string.");
    let needed = |value: Option<View<'a>>, name: &str| value.and_then(View::as_text).ok_or_else(|| must_be_text(name));
    Ok(match &*kind.and_then(View::as_str).unwrap_or_default() {
        "text" => Some(needed(text, "text")?),
        "refusal" => Some(needed(refusal, "refusal")?),
        "image_url" => {
            let url = image.and_then(|image| image.get("url").or(Some(image)));
            let url = needed(url, "image_url.url")?;
            return Ok(Some(ContentPart::Image {
                source: source(url, || format!("{}.image_url.url", path()))?,
                cache_control,
            }));
        }
        "file" => {
            let [data, name] = file.unwrap_or(View::NULL).pick(["file_data", "filename"]);
            let Some(data) = data.and_then(View::as_text) else {
                return Err(ApiError::unsupported(&format!("{}.file.file_id", path()), provider));
            };
            let source = source(data, || format!("{}.file.file_data", path()))?;
            return Ok(Some(ContentPart::File { name: name.and_then(View::as_text), source, cache_control }));
        }
        "" => return Err(ApiError::invalid(&format!("{}.type", path()), "`type` is missing.")),
        _ => return Err(ApiError::unsupported(&format!("{}.type", path()), provider)),
    }
    .filter(|text| !text.is_empty())
    .map(|text| ContentPart::Text { text, cache_control }))
}

/// Reads a `data:` URL or an https address.
pub(super) fn source<'a>(url: Text<'a>, path: impl Fn() -> String) -> Result<ContentSource<'a>, ApiError> {
    let wrong = || ApiError::invalid(&path(), "It must be an https address or a base64 data URL.");
    let written = url.written();
    let comma = written.find(',').unwrap_or(written.len());
    // Only what stands before the bytes is looked at.
    let before = Text::read_written(&written[..comma]).ok_or_else(wrong)?;
    if before.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) {
        return Ok(ContentSource::Url(url));
    }
    let header = before.split_at_checked(5).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("data:"));
    let (_, header) = header.ok_or_else(wrong)?;
    let base64 = written.get(comma + 1..).unwrap_or_default();
    let mut settings = header.split(';');
    let mime = settings.next().filter(|mime| mime.contains('/')).ok_or_else(wrong)?;
    if settings.next_back().is_none_or(|last| !last.eq_ignore_ascii_case("base64")) || base64.is_empty() {
        return Err(wrong());
    }
    Ok(ContentSource::Inline { mime: mime.into(), base64 })
}
