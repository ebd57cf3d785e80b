//! The list of reviews, and where one begins.

use super::{progress, state, tabs};
use crate::{
    features::{
        organisations::pages::use_slug,
        team::{
            pages::titled,
            reviews::{
                functions::{LoadReviews, StartReview},
                model::{Review, Reviews},
            },
        },
    },
    kernel::Timestamp,
    policy::Operation,
    site::routes,
    ui::{
        Loaded, available,
        components::{Button, Column, EmptyState, LinkButton, Look, PageHeader, Table, Tabs, Time, TwoLines},
        form::{BareForm, Form, Refusal, use_form},
        listing::{List, Pages, use_asked},
        load,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn ReviewsPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&[]));
    let reviews = load(move || LoadReviews { slug: slug.get(), asked: asked.get() });
    let start = use_form::<StartReview>();
    view! {
        <Title text=titled("Access reviews") />
        <Loaded
            data=reviews
            view=move |reviews: Reviews| {
                let slug = slug.get_untracked();
                let list =
                    List { path: routes::access_reviews(&slug), filters: &[], usual: "", asked: asked.get_untracked() };
                view! { <All reviews slug list start /> }.into_any()
            }
        />
    }
}

#[component]
fn All(reviews: Reviews, slug: String, list: List, start: Form<StartReview>) -> impl IntoView {
    let Reviews { reviews, total, window, open, now } = reviews;
    let action = match open {
        Some(id) => {
            let href = routes::access_review(&slug, id);
            view! { <LinkButton look=Look::Primary label="Continue the open review" href /> }.into_any()
        }
        None => view! {
            <BareForm form=start>
                <Button
                    look=Look::Primary
                    label="Start a review"
                    id="start-review"
                    busy=start.busy()
                    availability=available(Operation::AccessReviewStart)
                />
            </BareForm>
        }
        .into_any(),
    };
    let rows: Vec<_> = reviews.iter().map(|review| row(review, &slug, now)).collect();
    let body = if rows.is_empty() {
        view! {
            <EmptyState
                title="No access review yet"
                sentence="A review lists everybody and every API key that works, as they are when it begins. Each is confirmed or revoked; when it is finished it stays as evidence."
            />
        }
        .into_any()
    } else {
        let columns = ["Review", "Rows", "State", "Finished"].map(Column::new).into_iter().collect();
        view! { <Table caption="Access reviews" columns>{rows}</Table> }.into_any()
    };
    view! {
        <PageHeader title="Access reviews" sentence=|| "Who still needs what they may do: looked at one by one, and kept.">
            {action}
        </PageHeader>
        <Refusal form=start />
        <Tabs tabs=tabs(&slug) />
        {body}
        <Pages list window total />
    }
}

fn row(review: &Review, slug: &str, now: Timestamp) -> impl IntoView + use<> {
    let href = routes::access_review(slug, review.id).to_string();
    let name = format!("Review of {}", review.started_at.date());
    let held = format!("{} people, {} API keys", review.people, review.keys);
    let finished = match &review.finished {
        Some(finished) => view! { <Time at=finished.at.0 now=now.0 />" by "{finished.by.clone()} }.into_any(),
        None => "–".into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <span class="two-lines">
                    <a class="cell-name" href=href>{name}</a>
                    <span class="cell-second">{format!("begun by {}", review.started_by)}</span>
                </span>
            </th>
            <td data-label="Rows"><TwoLines first=held second=progress(review) /></td>
            <td class="state">{state(review)}</td>
            <td data-label="Finished">{finished}</td>
        </tr>
    }
}
