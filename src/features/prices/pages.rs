//! The page of prices: the organisation's own, the models that have none, and the form that sets one. It stands among the
//! log's pages.

use crate::{
    features::prices::{
        functions::{DeletePrice, LoadPrices, SetPrice},
        model::{ASKED, DAYS, Draft, LIMITS, Listed, Page, Unpriced},
    },
    kernel::{money::decimal, provider::Provider, text::grouped},
    policy::Operation,
    site::routes::{self, Path},
    ui::{
        Headed, Loaded, available,
        components::{
            Button, Card, Choice, Column, EmptyState, Field, Look, PageHeader, Select, Table, Time, Toast, TwoLines,
        },
        form::{BareForm, Form, FormFor, Refusal, use_form},
        icons::Icon,
        listing::use_asked,
        load_after,
        pages::{Done, page_title, param, use_slug},
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn PricesPage() -> impl IntoView {
    provide_context(Headed);
    let (slug, asked) = (use_slug(), use_asked(&ASKED));
    let (set, remove) = (use_form::<SetPrice>(), use_form::<DeletePrice>());
    let (made, gone) = (set.successes(), remove.successes());
    let data = load_after(move || made.get() + gone.get(), move || LoadPrices { slug: slug.get(), query: asked.get() });
    set.says(|| Toast::done("The price is set"));
    remove.says(|| Toast::done("The price is deleted"));
    view! {
        <Title text=page_title("Prices") />
        <PageHeader
            title="Prices"
            sentence=|| "What your organisation pays for a model, in dollars per million tokens. It holds before the list price, for calls that begin after it was set: earlier calls keep their cost."
        />
        <Done said=&[("saved", "The price is set."), ("deleted", "The price is deleted.")] />
        <Loaded data view=move |page| view! { <Inside page slug=param("slug") set remove /> }.into_any() />
    }
}

/// The form, about this model.
fn form_of(slug: &str, provider: Provider, model: &str) -> String {
    let path: Path = routes::prices(slug).with("provider", provider.name()).with("model", model);
    format!("{path}#price")
}

#[component]
fn Inside(page: Page, slug: String, set: Form<SetPrice>, remove: Form<DeletePrice>) -> impl IntoView {
    let Page { prices, unpriced, draft, is_change, now } = page;
    let missing = (!unpriced.is_empty()).then(|| missing(unpriced, &slug));
    let own = if prices.is_empty() {
        view! {
            <EmptyState
                title="No prices of your own"
                sentence="Calls cost what the list price says, where there is one. Deployments, and models on your own machines, have none."
            />
        }
        .into_any()
    } else {
        let columns = vec![
            Column::new("Model"),
            Column::number("Input"),
            Column::number("From the cache"),
            Column::number("Output"),
            Column::new("Set"),
            Column::actions(),
        ];
        let rows: Vec<_> = prices.into_iter().map(|price| row(price, &slug, now.0, remove)).collect();
        view! { <Table caption="Prices of your own, in dollars per million tokens" columns>{rows}</Table> }.into_any()
    };
    view! {
        <div class="stack">
            {missing}
            <Refusal form=remove />
            {own}
            <SetOne draft is_change form=set />
        </div>
    }
}

/// The models without a price, each with the way to give it one.
fn missing(unpriced: Vec<Unpriced>, slug: &str) -> AnyView {
    let rows: Vec<_> = unpriced
        .into_iter()
        .map(|Unpriced { provider, model, calls }| {
            let href = form_of(slug, provider, &model);
            view! {
                <tr>
                    <th scope="row"><TwoLines first=model.clone() second=provider.label() /></th>
                    <td data-label="Calls" class="num">{grouped(calls)}</td>
                    <td data-label="Price"><a href=href>"Set a price"<span class="vh">{format!(" for {model}")}</span></a></td>
                </tr>
            }
        })
        .collect();
    let columns = vec![Column::new("Model"), Column::number("Calls"), Column::new("Price")];
    let title = format!("Models without a price in the last {DAYS} days");
    view! {
        <section class="stack">
            <h2>{title}</h2>
            <Table caption="Models without a price" columns>{rows}</Table>
        </section>
    }
    .into_any()
}

fn row(listed: Listed, slug: &str, now: i64, remove: Form<DeletePrice>) -> impl IntoView + use<> {
    let Listed { id, provider, model, price, changed_by, changed_at } = listed;
    let href = form_of(slug, provider, &model);
    let label = format!("Delete the price of {model}");
    view! {
        <tr>
            <th scope="row"><TwoLines first=model second=provider.label() href /></th>
            <td data-label="Input" class="num">{decimal(price.input)}</td>
            <td data-label="From the cache" class="num">{decimal(price.cached_input)}</td>
            <td data-label="Output" class="num">{decimal(price.output)}</td>
            <td data-label="Set"><span class="hint">{changed_by}", "<Time at=changed_at.0 now /></span></td>
            <td class="row-actions">
                <BareForm form=remove>
                    <input type="hidden" name="id" value=id.to_string() />
                    <Button
                        label
                        look=Look::Quiet
                        icon=Icon::Close
                        icon_only=true
                        id=format!("delete-{id}")
                        busy=remove.busy()
                        availability=available(Operation::PriceDelete)
                    />
                </BareForm>
            </td>
        </tr>
    }
}

/// The form that sets a price.
#[component]
fn SetOne(draft: Draft, is_change: bool, form: Form<SetPrice>) -> impl IntoView {
    let Draft { provider, model, input, cached_input, output, was } = draft;
    let was = was.map(|was| view! { <input type="hidden" name="was" value=was /> });
    let title = if is_change { format!("Change the price of {model}") } else { "Set a price".to_owned() };
    let choices = Provider::ALL.into_iter().map(|provider| Choice::new(provider.name(), provider.label())).collect();
    let cached_hint = "Of input that came from the provider’s cache. Left empty: the same as input.".to_owned();
    let model_hint = "As calls name it, without a virtual key: gpt-4o, or the name of a deployment. Editions of it with a date have the same price.".to_owned();
    view! {
        <div id="price">
            <Card title=title>
                <FormFor form problem="The price is not set" limits=LIMITS>
                    {was}
                    <Select label="Provider" name="provider" choices selected=provider />
                    <Field label="Model" name="model" value=model mono=true autocomplete="off" hint=Signal::stored(model_hint) />
                    <Field label="Input" name="input" value=input placeholder="2.50" autocomplete="off" />
                    <Field
                        label="Input from the cache"
                        name="cached_input"
                        value=cached_input
                        placeholder="1.25"
                        autocomplete="off"
                        optional=true
                        hint=Signal::stored(cached_hint)
                    />
                    <Field label="Output" name="output" value=output placeholder="10.00" autocomplete="off" />
                    <div class="row">
                        <Button
                            look=Look::Primary
                            label="Set the price"
                            busy=form.busy()
                            availability=available(Operation::PriceSet)
                        />
                    </div>
                </FormFor>
            </Card>
        </div>
    }
}
