//! What was said in a call: whether it is kept, and the reading of it, which somebody asks for.

use crate::{
    features::logs::{
        functions::ReadTexts,
        texts::{KeptTexts, Shown, ShownTexts, Size, Texts, Turn},
    },
    kernel::{CallId, text::grouped},
    policy::Operation,
    site::routes,
    ui::{
        can,
        components::{Button, Card, CodeBlock, DefinitionList, Fact, LinkButton, Time, TimeStyle},
        form::{FormFor, use_form},
        reactive,
    },
};
use leptos::prelude::*;

/// The card of a call's texts.
#[component]
pub fn CallTexts(texts: Texts, id: CallId, slug: String) -> impl IntoView {
    let form = use_form::<ReadTexts>();
    let inside = match texts {
        Texts::None { keeps, since } => {
            let since = since.map(|at| view! { " since "<Time at=at.0 style=TimeStyle::Exact /> });
            let words = if keeps {
                view! { "Texts of this call are not kept. The organisation keeps those of new calls"{since}"." }
                    .into_any()
            } else {
                view! { "Texts are not kept"{since}". An Owner or Admin can change that in the settings." }.into_any()
            };
            view! { <p>{words}</p> }.into_any()
        }
        Texts::Dropped => {
            view! { <p>"Not kept: too much was to be kept at once when this call was made."</p> }.into_any()
        }
        Texts::Kept(kept) => {
            let shown = move || form.done().map(|texts| view! { <Said texts /> });
            // What was asked is read there, and that is told of, only when somebody presses a button.
            let replay = (kept.request.is_some() && can(Operation::PromptCreate)).then(|| {
                let href = routes::new_prompt(&slug).with("call", &id.to_string());
                view! { <LinkButton label="Open in the playground" href /> }
            });
            view! {
                <div class="stack">
                    <Facts kept />
                    <FormFor form problem="The texts are not shown" errors_id="texts-errors">
                        <input type="hidden" name="id" value=id.to_string() />
                        <div class="row">
                            <Button label="Show the request and the answer" id="show-texts" busy=form.busy() />
                            {replay}
                        </div>
                        <p class="hint">"The audit log tells who has read them, and when."</p>
                    </FormFor>
                    <div role="status">{reactive(shown)}</div>
                </div>
            }
            .into_any()
        }
    };
    view! { <Card title="Texts">{inside}</Card> }
}

#[component]
fn Facts(kept: KeptTexts) -> impl IntoView {
    let side = |size: Option<Size>| match size {
        None => "not kept".to_owned(),
        Some(size) => {
            let whole = crate::features::logs::texts::bytes(size.whole);
            size.words().unwrap_or(whole)
        }
    };
    let left_out = (kept.left_out > 0).then(|| {
        let images = if kept.left_out == 1 { "image" } else { "images" };
        let words = format!("{} {images}; a note stands for each", grouped(kept.left_out));
        view! { <Fact term="Left out">{words}</Fact> }
    });
    view! {
        <DefinitionList>
            <Fact term="Kept until"><Time at=kept.until.0 style=TimeStyle::Exact /></Fact>
            <Fact term="Request">{side(kept.request)}</Fact>
            <Fact term="Answer">{side(kept.answer)}</Fact>
            {left_out}
        </DefinitionList>
    }
}

/// The texts themselves.
#[component]
fn Said(texts: ShownTexts) -> impl IntoView {
    let ShownTexts { kept, request, answer } = texts;
    view! {
        <div class="stack">
            {side("Request", "request-text", request, kept.request)}
            {side("Answer", "answer-text", answer, kept.answer)}
        </div>
    }
}

fn side(title: &'static str, id: &'static str, shown: Option<Shown>, size: Option<Size>) -> AnyView {
    let Some(Shown { turns, raw }) = shown else {
        return view! { <h3 class="bench-label">{title}</h3><p>"Not kept."</p> }.into_any();
    };
    let cut = size.and_then(Size::words).map(|words| view! { <p class="hint">{format!("It is {words}.")}</p> });
    let turns: Vec<_> = turns.into_iter().map(turn).collect();
    view! {
        <h3 class="bench-label">{title}</h3>
        {cut}
        {turns}
        <details class="check-more">
            <summary>{format!("{title} as it is kept")}</summary>
            <CodeBlock id=id.to_owned() what=format!("{} as it is kept", title.to_lowercase()) code=raw />
        </details>
    }
    .into_any()
}

fn turn(turn: Turn) -> AnyView {
    let Turn { who, words } = turn;
    view! {
        <div class="said">
            <div class="said-who">{who}</div>
            <div class="sample-text">{words}</div>
        </div>
    }
    .into_any()
}
