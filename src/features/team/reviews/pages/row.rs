//! One row: what there is to know, and the decision with its comment.

use super::{decision, last, rights, unused, whose};
use crate::{
    features::{
        organisations::pages::use_slug,
        team::{
            pages::{member::KeysQuestion, titled},
            reviews::{
                functions::{DecideReviewRow, LoadReviewRow},
                model::{self, Decision, Facts, LIMITS, Row},
            },
        },
    },
    kernel::Timestamp,
    policy::Operation,
    site::routes,
    ui::{
        available,
        components::{
            Button, Card, DefinitionList, Fact, Field, LinkButton, Look, Note, PageHeader, Time, Toast, Tone,
        },
        form::{Form, FormFor, use_form},
        load,
        pages::{ConfirmName, ItemPage, param, use_param},
        reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn RowPage() -> impl IntoView {
    let (slug, id, number) = (use_slug(), use_param("id"), use_param("number"));
    let data = load(move || LoadReviewRow { slug: slug.get(), id: id.get(), number: number.get() });
    let form = use_form::<DecideReviewRow>();
    view! {
        <Title text=titled("Decide") />
        <ItemPage data view=move |page: model::RowPage| view! { <Decide page form /> }.into_any() />
    }
}

#[component]
fn Decide(page: model::RowPage, form: Form<DecideReviewRow>) -> impl IntoView {
    let (slug, query) = (param("slug"), use_query_map());
    let revokes = Memo::new(move |_| query.with(|query| query.get("act").is_some()));
    let (row, now) = (page.row.clone(), page.now);
    let back = routes::access_review(&slug, page.review.id).to_string();
    let is_revoked = row.decided.as_ref().is_some_and(|decided| decided.decision == Decision::Revoked);
    let body = if page.review.finished.is_some() || is_revoked {
        view! { <LinkButton label="Back to the review" href=back /> }.into_any()
    } else {
        let slug = slug.clone();
        reactive(move || {
            let (page, back) = (page.clone(), back.clone());
            match revokes.get() {
                true => view! { <Revoke page back form /> }.into_any(),
                false => view! { <Confirm page slug=slug.clone() back form /> }.into_any(),
            }
        })
        .into_any()
    };
    view! {
        <PageHeader title=row.name.clone() />
        <div class="stack">
            <Before row slug now />
            {body}
        </div>
    }
}

/// Leaving all as it is, or the way to taking it away.
#[component]
fn Confirm(page: model::RowPage, slug: String, back: String, form: Form<DecideReviewRow>) -> impl IntoView {
    let model::RowPage { review, row, .. } = &page;
    let revoke = routes::access_review_row(&slug, review.id, row.number).with("act", "revoke");
    let (name, is_decided) = (row.name.clone(), row.decided.is_some());
    form.says(move || Toast::done(format!("{name} is confirmed")));
    view! {
        <Card>
            <FormFor form problem="Nothing was decided" limits=LIMITS>
                <Hidden page=page.clone() decision="confirm" />
                {(!is_decided).then(|| view! { <Comment /> })}
                <div class="form-end">
                    <LinkButton label="Cancel" href=back />
                    <LinkButton
                        label="Revoke"
                        look=Look::TowardsDanger
                        href=revoke
                        availability=available(Operation::AccessReviewDecide)
                    />
                    {(!is_decided)
                        .then(|| {
                            view! {
                                <Button
                                    look=Look::Primary
                                    label="Confirm"
                                    busy=form.busy()
                                    availability=available(Operation::AccessReviewDecide)
                                />
                            }
                        })}
                </div>
            </FormFor>
        </Card>
    }
}

/// What the row was when the review began, with the way to what it is now.
#[component]
fn Before(row: Row, slug: String, now: Timestamp) -> impl IntoView {
    let page = match &row.facts {
        Facts::Person { email, .. } => Some(routes::team(&slug).with("q", email)),
        Facts::ApiKey { .. } => row.subject.parse().ok().map(|id| routes::api_key(&slug, id)),
    };
    let unused = unused(&row.facts).map(|unused| view! { <Fact term="Unused for 90 days">{unused}</Fact> });
    let decided = row.decided.clone().map(|decided| {
        let comment = (!decided.comment.is_empty()).then(|| view! { <Fact term="Comment">{decided.comment}</Fact> });
        view! {
            <Fact term="Decided">{decided.by}" "<Time at=decided.at.0 now=now.0 /></Fact>
            {comment}
        }
    });
    let (whose, may, used, decision) = (whose(&row.facts), rights(&row.facts), last(&row.facts, now), decision(&row));
    let page = page.map(|page| view! { <Fact term="Now"><a href=page.to_string()>"As it is now"</a></Fact> });
    view! {
        <Card title="When the review began">
            <DefinitionList>
                <Fact term="Who or what">{whose}</Fact>
                <Fact term="May do">{may}</Fact>
                <Fact term="Last used">{used}</Fact>
                {unused}
                <Fact term="Decision">{decision}</Fact>
                {decided}
                {page}
            </DefinitionList>
        </Card>
    }
}

#[component]
fn Hidden(page: model::RowPage, decision: &'static str) -> impl IntoView {
    view! {
        <input type="hidden" name="id" value=page.review.id.to_string() />
        <input type="hidden" name="number" value=page.row.number.to_string() />
        <input type="hidden" name="decision" value=decision />
        <input type="hidden" name="asked" value="true" />
    }
}

#[component]
fn Comment() -> impl IntoView {
    view! { <Field label="Comment" name="comment" autocomplete="off" optional=true /> }
}

/// Removing a person or disabling a key, by the rules of that.
#[component]
fn Revoke(page: model::RowPage, back: String, form: Form<DecideReviewRow>) -> impl IntoView {
    let model::RowPage { is_over, keys, in_use, ref key_name, .. } = page;
    let name = page.row.name.clone();
    let (label, what) = match &page.row.facts {
        Facts::Person { .. } => {
            ("Remove the person", "They lose access to this organisation at once, in every browser.")
        }
        Facts::ApiKey { .. } => {
            ("Disable the key", "It opens nothing until it is enabled again. Its secret stays the same.")
        }
    };
    let (label, what) = match is_over {
        true => ("Revoke", "It is gone already, or opens nothing. The review notes that it is revoked."),
        false => (label, what),
    };
    let key_name = key_name.clone();
    form.says(move || Toast::done(format!("{name} is revoked")));
    view! {
        <Card>
            <FormFor form problem="Nothing was revoked" limits=LIMITS>
                <Hidden page=page.clone() decision="revoke" />
                <Note tone=Tone::Warn>{what}</Note>
                {(keys > 0).then(|| view! { <KeysQuestion count=keys own=false /> })}
                {in_use
                    .then(|| {
                        view! {
                            <ConfirmName label=format!("It was used within a day. Type its name, {key_name}, to confirm") />
                        }
                    })}
                <Comment />
                <div class="form-end">
                    <LinkButton label="Cancel" href=back />
                    <Button
                        look=Look::Danger
                        label
                        busy=form.busy()
                        availability=available(Operation::AccessReviewDecide)
                    />
                </div>
            </FormFor>
        </Card>
    }
}
