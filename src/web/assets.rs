//! The built site: script, WebAssembly, style sheet and the few files at fixed names, served from memory.
//!
//! The program hands them over once with [`install`]; they are embedded by the executable and not by the library, so
//! that a changed style sheet links the program anew without compiling the library again.

use std::{borrow::Cow, collections::HashMap, sync::OnceLock};

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use rust_embed::RustEmbed;
use serde::Deserialize;

static SITE: OnceLock<Site> = OnceLock::new();

const MANIFEST: &str = "manifest.json";
/// Below this folder every name holds the digest of its content.
const HASHED: &str = "pkg/";
const NOSNIFF: (HeaderName, HeaderValue) = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// What a page that is a file may do: show itself.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; \
                           frame-ancestors 'none'; form-action 'none'";

/// Where a page finds its parts, as absolute paths on this origin; `None` for each part of a site that was not built.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// The script, an ES module whose default export loads the WebAssembly beside it.
    pub js: Option<String>,
    /// The WebAssembly, to be preloaded.
    pub wasm: Option<String>,
    /// The style sheet.
    pub css: Option<String>,
}

/// Takes over the embedded files of `Files`; only the first call has an effect. Call it before [`routes`].
pub fn install<Files: RustEmbed>() {
    SITE.get_or_init(|| {
        Site::new(Files::iter().filter_map(|name| {
            let file = Files::get(&name)?;
            Some((name.into_owned(), file.data, file.metadata.sha256_hash()))
        }))
    });
}

/// The parts of the installed site.
pub fn manifest() -> &'static Manifest {
    &site().manifest
}

/// Serves the installed site: `/pkg/…` for ever, everything else revalidated; compressed as the client accepts.
pub fn routes() -> Router {
    site().routes()
}

fn site() -> &'static Site {
    SITE.get_or_init(Site::default)
}

#[derive(Default)]
struct Site {
    manifest: Manifest,
    assets: HashMap<String, Asset>,
}

struct Asset {
    /// Brotli, gzip and plain, the smallest first.
    forms: Vec<Form>,
    content_type: HeaderValue,
    cache_control: HeaderValue,
}

struct Form {
    encoding: Option<Encoding>,
    etag: HeaderValue,
    bytes: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// The name in `Accept-Encoding`, and the end of the file's name.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Brotli => ("br", ".br"),
            Self::Gzip => ("gzip", ".gz"),
        }
    }
}

impl Site {
    /// `files` are name, content and the content's SHA-256.
    fn new(files: impl Iterator<Item = (String, Cow<'static, [u8]>, [u8; 32])>) -> Self {
        let mut files: HashMap<_, _> = files.map(|(name, data, hash)| (name, (into_bytes(data), hash))).collect();
        let manifest =
            files.remove(MANIFEST).and_then(|(json, _)| serde_json::from_slice(&json).ok()).unwrap_or_default();
        let plain: Vec<String> = files
            .keys()
            .filter(|name| !Encoding::ALL.iter().any(|encoding| is_form_of_another(name, *encoding, &files)))
            .cloned()
            .collect();
        let assets = plain
            .into_iter()
            .map(|name| {
                let encodings = Encoding::ALL.map(Some).into_iter().chain([None]);
                let forms = encodings
                    .filter_map(|encoding| {
                        let end = encoding.map_or("", |encoding| encoding.names().1);
                        let (bytes, hash) = files.get(&format!("{name}{end}"))?;
                        Some(Form { encoding, etag: etag(hash), bytes: bytes.clone() })
                    })
                    .collect();
                let cache_control = HeaderValue::from_static(if name.starts_with(HASHED) {
                    "public, max-age=31536000, immutable"
                } else {
                    "no-cache"
                });
                let content_type = HeaderValue::from_static(content_type(&name));
                (name, Asset { forms, content_type, cache_control })
            })
            .collect();
        Self { manifest, assets }
    }

    fn routes(&'static self) -> Router {
        let hashed = get(move |Path(name): Path<String>, headers: HeaderMap| async move {
            self.answer(&format!("{HASHED}{name}"), &headers)
        });
        let fixed = self.assets.keys().filter(|name| !name.starts_with(HASHED));
        fixed.fold(Router::new().route("/pkg/{*name}", hashed), |router, name| {
            router.route(&address(name), get(async move |headers: HeaderMap| self.answer(name, &headers)))
        })
    }

    fn answer(&self, name: &str, request: &HeaderMap) -> Response {
        let Some(asset) = self.assets.get(name) else {
            let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")), NOSNIFF];
            return (StatusCode::NOT_FOUND, headers, "There is no such file.\n").into_response();
        };
        let form = asset.forms.iter().find(|form| accepts(request, form.encoding)).or(asset.forms.last());
        let Some(form) = form else { return StatusCode::NOT_FOUND.into_response() };

        let unchanged = request.get_all(header::IF_NONE_MATCH).iter().any(|sent| lists(sent, &form.etag));
        let mut response = if unchanged {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = form.bytes.clone().into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, asset.content_type.clone());
            if let Some(encoding) = form.encoding {
                let value = HeaderValue::from_static(encoding.names().0);
                response.headers_mut().insert(header::CONTENT_ENCODING, value);
            }
            response
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, asset.cache_control.clone());
        headers.insert(header::ETAG, form.etag.clone());
        if name.ends_with(".html") {
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
        }
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.extend([NOSNIFF]);
        response
    }
}

/// Where a file at a fixed name is served: a page without `.html`, as `/docs` and `/docs/gateway`.
fn address(name: &str) -> String {
    let page = name.strip_suffix(".html").unwrap_or(name);
    format!("/{}", page.strip_suffix("/index").unwrap_or(page))
}

fn into_bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    }
}

/// Whether `name` is another file compressed, and so has no address of its own.
fn is_form_of_another<T>(name: &str, encoding: Encoding, files: &HashMap<String, T>) -> bool {
    name.strip_suffix(encoding.names().1).is_some_and(|plain| files.contains_key(plain))
}

fn etag(hash: &[u8; 32]) -> HeaderValue {
    let digits: String = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_maybe_shared(format!("\"{digits}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether an `If-None-Match` names this form. The comparison is the weak one (RFC 9110, 13.1.2).
fn lists(sent: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(sent), Ok(etag)) = (sent.to_str(), etag.to_str()) else { return false };
    sent.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag)
}

/// Whether the client takes this encoding (RFC 9110, 12.5.3); everybody takes the plain form.
fn accepts(request: &HeaderMap, encoding: Option<Encoding>) -> bool {
    let Some(encoding) = encoding else { return true };
    let mut by_star = false;
    for list in request.get_all(header::ACCEPT_ENCODING) {
        for entry in list.to_str().unwrap_or_default().split(',') {
            let (coding, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            let wanted = weight.is_ok_and(|weight| weight > 0.0);
            match coding.trim() {
                coding if coding.eq_ignore_ascii_case(encoding.names().0) => return wanted,
                "*" => by_star = wanted,
                _ => {}
            }
        }
    }
    by_star
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::{Method, Request};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    const SCRIPT: &str = "/pkg/latchkey.0123.js";

    fn sample() -> Router {
        let files: [(&str, &'static [u8]); 7] = [
            (MANIFEST, br#"{"js":"/pkg/latchkey.0123.js","css":"/pkg/latchkey.4567.css","site":"89ab"}"#),
            ("pkg/latchkey.0123.js", b"export default 1"),
            ("pkg/latchkey.0123.js.br", b"<brotli>"),
            ("pkg/latchkey.0123.js.gz", b"<gzip>"),
            ("pkg/latchkey.0123.wasm", b"\0asm"),
            ("favicon.svg", b"<svg/>"),
            ("notes.gz", b"not the form of another file"),
        ];
        let files = files.into_iter().enumerate().map(|(number, (name, bytes))| {
            let mut hash = [0; 32];
            hash[0] = u8::try_from(number).unwrap();
            (name.to_owned(), Cow::Borrowed(bytes), hash)
        });
        Box::leak(Box::new(Site::new(files))).routes()
    }

    async fn ask(path: &str, headers: &[(HeaderName, &str)]) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        send(request.body(Body::empty()).unwrap()).await
    }

    async fn send(request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
        let (parts, body) = sample().oneshot(request).await.unwrap().into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
    }

    #[tokio::test]
    async fn a_hashed_file_is_kept_for_ever_and_has_its_type() {
        let (status, headers, body) = ask(SCRIPT, &[]).await;
        assert_eq!((status, &body[..]), (StatusCode::OK, &b"export default 1"[..]));
        assert_eq!(headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::VARY], "accept-encoding");
        assert!(!headers.contains_key(header::CONTENT_ENCODING));
        assert_eq!(ask("/pkg/latchkey.0123.wasm", &[]).await.1[header::CONTENT_TYPE], "application/wasm");
    }

    #[tokio::test]
    async fn a_file_at_a_fixed_name_is_revalidated() {
        let (status, headers, _) = ask("/favicon.svg", &[]).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
        let etag = headers[header::ETAG].to_str().unwrap();

        for sent in [etag.to_owned(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
            let (status, headers, body) = ask("/favicon.svg", &[(header::IF_NONE_MATCH, &sent)]).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{sent}");
            assert_eq!(headers[header::ETAG], etag);
        }
        let (status, ..) = ask("/favicon.svg", &[(header::IF_NONE_MATCH, "\"other\"")]).await;
        assert_eq!(status, StatusCode::OK);
    }

    #[tokio::test]
    async fn the_smallest_accepted_form_is_sent() {
        let cases: [(&str, Option<&str>, &[u8]); 8] = [
            ("gzip, deflate, br", Some("br"), b"<brotli>"),
            ("gzip", Some("gzip"), b"<gzip>"),
            ("br;q=0, GZIP;q=0.5", Some("gzip"), b"<gzip>"),
            ("br; q=0.000, gzip;q=0", None, b"export default 1"),
            ("*", Some("br"), b"<brotli>"),
            ("*, br;q=0", Some("gzip"), b"<gzip>"),
            ("br;q=nonsense", None, b"export default 1"),
            ("identity", None, b"export default 1"),
        ];
        let mut etags = Vec::new();
        for (accepted, encoding, expected) in cases {
            let (_, headers, body) = ask(SCRIPT, &[(header::ACCEPT_ENCODING, accepted)]).await;
            let sent = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap());
            assert_eq!((sent, &body[..]), (encoding, expected), "{accepted}");
            assert_eq!(headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
            etags.push(headers[header::ETAG].clone());
        }
        assert_ne!(etags[0], etags[1], "two forms are two representations");
    }

    #[tokio::test]
    async fn head_tells_the_length_and_sends_nothing() {
        let request = Request::builder().method(Method::HEAD).uri(SCRIPT).body(Body::empty()).unwrap();
        let (status, headers, body) = send(request).await;
        assert_eq!((status, body.len()), (StatusCode::OK, 0));
        assert_eq!(headers[header::CONTENT_LENGTH], "16");
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_found() {
        for path in ["/pkg/latchkey.9999.js", "/pkg/../manifest.json", "/manifest.json", "/pkg/latchkey.0123.js.br"] {
            let (status, headers, _) = ask(path, &[]).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
            assert!(!headers.contains_key(header::ETAG), "{path}");
        }
        assert_eq!(ask("/notes.gz", &[]).await.0, StatusCode::OK);
    }

    #[test]
    fn a_site_that_was_not_built_has_no_parts() {
        let site = Site::new([(MANIFEST.to_owned(), Cow::Borrowed(&b"{}\n"[..]), [0; 32])].into_iter());
        assert_eq!(site.manifest, Manifest::default());
        assert!(site.assets.is_empty());
    }
}
