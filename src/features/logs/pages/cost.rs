//! How the cost of a call was calculated, in a table.

use crate::{
    features::logs::reckoning::{Reckoned, Reckoning},
    kernel::{money::dollars, text::grouped},
    ui::components::Card,
};
use leptos::prelude::*;

/// Tokens by kind, their price, and what that comes to, for each attempt that used some.
#[component]
pub fn Cost(reckoning: Reckoning, total: Option<i64>) -> impl IntoView {
    let Reckoning { parts } = reckoning;
    if parts.is_empty() {
        return ().into_any();
    }
    let changed = parts.iter().any(Reckoned::has_changed).then(|| {
        view! { <p>"The prices have changed since: today the same tokens come to something else."</p> }.into_any()
    });
    let sum = total.map_or_else(|| "unknown: the model has no known price".into(), dollars);
    let rows: Vec<_> = parts.iter().flat_map(rows).collect();
    view! {
        <Card title="How the cost was calculated">
            <div class="stack">
            <p class="hint">
                "Calculated with today’s prices; the log keeps the cost at the prices of the time of the call."
            </p>
            {changed}
            <div class="table-region" role="region" tabindex="0" aria-label="How the cost was calculated, as a table">
                <table class="dense">
                    <caption class="vh">"Tokens by kind, with price and amount"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Tokens"</th>
                            <th scope="col" class="num">"Number"</th>
                            <th scope="col" class="num">"Price per million"</th>
                            <th scope="col" class="num">"Amount"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <p>"Cost in the log: "<strong>{sum}</strong></p>
            </div>
        </Card>
    }
    .into_any()
}

fn rows(part: &Reckoned) -> Vec<AnyView> {
    let provider = part.provider.map(|provider| format!(", {}", provider.label())).unwrap_or_default();
    let attempt = part.attempt.map(|number| format!("Attempt {number}: ")).unwrap_or_default();
    let table = part.prices.map(|(_, table)| format!(", by {}", table.label())).unwrap_or_default();
    let name = format!("{attempt}{}{provider}{table}", part.model);
    let unknown = || "unknown price".to_owned();
    let kinds = part.kinds().into_iter().filter(|(_, tokens, ..)| *tokens > 0).map(|(kind, tokens, price, amount)| {
        view! {
            <tr>
                <td>{kind}</td>
                <td class="num">{grouped(tokens)}</td>
                <td class="num">{price.map_or_else(unknown, dollars)}</td>
                <td class="num">{amount.map_or_else(|| "–".into(), dollars)}</td>
            </tr>
        }
        .into_any()
    });
    let then = part.then.filter(|_| part.has_changed()).map(|then| format!(" (then {})", dollars(then)));
    let amount = part.amount.map_or_else(unknown, dollars);
    let head = view! {
        <tr>
            <th scope="row" colspan="3">{name}</th>
            <td class="num">{amount}{then}</td>
        </tr>
    };
    std::iter::once(head.into_any()).chain(kinds).collect()
}
