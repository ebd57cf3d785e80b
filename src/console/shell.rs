//! The document around every page.

use super::Console;
use crate::web::{FormOutcome, RequestContext, assets::manifest};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

/// How long, in milliseconds, what only serves pages without JavaScript waits hidden for a program that does not come.
const LATE: u32 = 8_000;

/// `<!DOCTYPE html>` and on. Without the built site it is a page of plain HTML. The answer to a form that the browser
/// posted itself is never hydrated: what it shows once is in its HTML and nowhere else.
pub fn shell() -> impl IntoView {
    let nonce = use_nonce();
    let request = use_context::<RequestContext>();
    let theme = request.as_ref().and_then(|request| request.theme);
    let request_id = request.map(|request| request.origin().request_id.clone());
    let hydrates = use_context::<FormOutcome>().is_none();
    let site = manifest();
    if let (Some(options), Some(nonce)) = (use_context::<leptos_axum::ResponseOptions>(), &nonce) {
        let policy = format!(
            "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
             img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; object-src 'none'; \
             base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
        );
        if let Ok(value) = axum::http::HeaderValue::from_str(&policy) {
            options.insert_header(axum::http::header::CONTENT_SECURITY_POLICY, value);
        }
    }
    let script = match (&site.js, &site.wasm) {
        (Some(js), Some(wasm)) if hydrates => Some((
            format!(
                "const plain = () => document.documentElement.dataset.plain = \"\"; setTimeout(plain, {LATE}); \
                 import(\"{js}\").then(m => m.default({{module_or_path: \"{wasm}\"}}).then(() => m.hydrate())).catch(plain)"
            ),
            js.clone(),
            wasm.clone(),
        )),
        _ => None,
    };
    let is_plain = script.is_none().then_some("");
    view! {
        <!DOCTYPE html>
        <html lang="en-GB" data-theme=theme data-plain=is_plain>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="request-id" content=request_id />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                {site.css.as_ref().map(|css| view! { <link rel="stylesheet" href=css.clone() /> })}
                {script
                    .map(|(script, js, wasm)| {
                        view! {
                            <link rel="modulepreload" href=js nonce=nonce.clone() />
                            <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
                            <script type="module" nonce=nonce.clone() inner_html=script></script>
                        }
                    })}
                <MetaTags />
            </head>
            <body>
                <Console />
            </body>
        </html>
    }
}
