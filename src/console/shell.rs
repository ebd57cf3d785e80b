//! The document around every page.

use super::Console;
use crate::features::later::Part;
use crate::web::{FormOutcome, RequestContext, assets::manifest};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

/// How long, in milliseconds, what only serves pages without JavaScript waits hidden for a program that does not come.
const LATE: u32 = 8_000;
/// How long, in milliseconds, the program waits for a page that is not painted.
const UNPAINTED: u32 = 1_000;

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
    let part = Part::default();
    provide_context(part.clone());
    let program = site.js.as_ref().zip(site.wasm.as_ref()).filter(|_| hydrates);
    let has_program = program.is_some();
    let script = program.map(|(js, wasm)| {
        let (js, wasm) = (js.clone(), wasm.clone());
        // It stands behind the page, which tells what part it needs.
        view! { <script type="module" nonce=nonce inner_html=move || start(&js, &wasm, part.name())></script> }
    });
    let is_plain = (!has_program).then_some("");
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
                <MetaTags />
            </head>
            <body>
                <Console />
                {script}
            </body>
        </html>
    }
}

/// What a page does not hear until all of it is alive: until then it is the server's, and its links and forms lead where they do
/// without a program. One that went elsewhere with half of it alive would bring the wrong half to life.
const EVENTS: &str = r#""click", "submit", "input", "change", "keydown""#;

/// The script that starts the program. It is asked for once the page has been painted: until then it would take the line from
/// what is read first. A page in the background is not painted, and waits a moment instead.
fn start(js: &str, wasm: &str, part: &str) -> String {
    format!(
        "const plain = () => document.documentElement.dataset.plain = \"\"; setTimeout(plain, {LATE}); \
         const lives = () => \"live\" in document.documentElement.dataset; \
         for (const kind of [{EVENTS}]) addEventListener(kind, event => lives() || event.stopImmediatePropagation(), true); \
         addEventListener(\"popstate\", event => lives() || (event.stopImmediatePropagation(), location.reload()), true); \
         const turn = () => new Promise(next => setTimeout(next)); \
         new Promise(start => {{ requestAnimationFrame(() => setTimeout(start)); setTimeout(start, {UNPAINTED}) }}) \
         .then(async () => {{ const wasm = fetch(\"{wasm}\"), m = await import(\"{js}\"); m.ahead(\"{part}\"); \
         await m.default({{module_or_path: wasm}}); \
         if (await m.load(\"{part}\")) {{ await turn(); m.hydrate() }} else plain() }}).catch(plain)"
    )
}
