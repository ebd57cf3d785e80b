//! One review: its rows, and what can be done with it as a whole.

use super::{decision, last, progress, rights, state, unused, whose};
use crate::{
    features::{
        audit::pages as audit,
        organisations::pages::use_slug,
        team::{
            pages::titled,
            reviews::{
                functions::{DecideReviewRow, ExportReview, FinishReview, LoadReview},
                model::{Decision, FILTERS, LIMITS, Page, Review, Row},
            },
        },
    },
    kernel::Timestamp,
    policy::Operation,
    site::routes,
    ui::{
        Gradual, Loaded, available,
        components::{
            Button, Card, Choice, Column, Field, FieldKind, MenuLink, Note, PageHeader, RowMenu, Table, Time, Toast,
            Tone,
        },
        form::{BareForm, DownloadForm, Form, FormFor, Refusal, use_download, use_form},
        listing::{FilterBar, List, NothingFits, Pages, use_asked},
        load_after,
        pages::{Done, use_param},
    },
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_meta::Title;

/// What can have been done here, or on the page of a row.
const DONE: &[(&str, &str)] = &[("decided", "The row is decided."), ("finished", "The review is finished.")];

#[component]
pub fn ReviewPage() -> impl IntoView {
    let (slug, id, asked) = (use_slug(), use_param("id"), use_asked(&FILTERS));
    let (decide, finish) = (use_form::<DecideReviewRow>(), use_form::<FinishReview>());
    let page = load_after(
        move || decide.answers().get() + finish.answers().get(),
        move || LoadReview { slug: slug.get(), id: id.get(), asked: asked.get() },
    );
    finish.says(|| Toast::done("The review is finished"));
    view! {
        <Title text=titled("Access review") />
        <Loaded
            data=page
            view=move |page: Page| {
                let slug = slug.get_untracked();
                let list = List {
                    path: routes::access_review(&slug, page.review.id),
                    filters: &FILTERS,
                    usual: "",
                    asked: asked.get_untracked(),
                };
                view! { <One page slug list decide finish /> }.into_any()
            }
        />
    }
}

#[component]
fn One(
    page: Page,
    slug: String,
    list: List,
    decide: Form<DecideReviewRow>,
    finish: Form<FinishReview>,
) -> impl IntoView {
    let Page { review, rows, total, window, now } = page;
    let (is_open, undecided) = (review.finished.is_none(), review.undecided());
    let history = audit::history("access_review", &review.id.to_string());
    let shown = review.clone();
    let words = format!("Begun by {} on {}. {}.", review.started_by, review.started_at.date_time(), progress(&review));
    let ended = review.finished.clone().map(|finished| {
        let why = (!finished.reason.is_empty()).then(|| {
            let rows = if undecided == 1 { "1 row was".to_owned() } else { format!("{undecided} rows were") };
            format!(" {rows} left: {}", finished.reason)
        });
        view! {
            <Note tone=Tone::Info>
                "Finished by "{finished.by}" "<Time at=finished.at.0 now=now.0 />". It does not change any more."{why}
            </Note>
        }
    });
    let title = format!("Review of {}", review.started_at.date());
    let id = review.id;
    let all = list.path.clone();
    let body = if rows.is_empty() {
        let sentence = "No row of this review matches these filters.";
        view! { <NothingFits title="No row fits" sentence label="Show all rows" href=all /> }.into_any()
    } else {
        let mut columns: Vec<_> = ["Who or what", "May do", "Last used", "Decision"].map(Column::new).into();
        columns.push(Column::actions());
        let (review, slug) = (review.clone(), slug.clone());
        let lines = Gradual::of(rows, move |row| line(row, &review, &slug, now, decide));
        view! { <Table caption="Rows of the review" columns>{lines}</Table> }.into_any()
    };
    let kinds = [("", "People and keys"), ("person", "People"), ("api_key", "API keys")];
    let decisions = [("", "Decided or not"), ("open", "Undecided"), ("confirmed", "Confirmed"), ("revoked", "Revoked")];
    let choices = |of: &[(&'static str, &'static str)]| {
        of.iter().map(|(value, label)| Choice::new(*value, *label)).collect::<Vec<_>>()
    };
    let count = format!("{total} {}", if total == 1 { "row" } else { "rows" });
    let (bar, pages) = (list.clone(), list.clone());
    view! {
        <PageHeader
            title
            sentence=move || {
                view! { <span class="row">{state(&shown)}<span>{words.clone()}</span></span> }
            }
        >
            {history}
        </PageHeader>
        <Done said=DONE />
        <Refusal form=decide />
        {ended}
        <FilterBar list=bar count>
            {list.choice("Kind", "kind", choices(&kinds))}
            {list.choice("Decision", "decision", choices(&decisions))}
        </FilterBar>
        {body}
        <Pages list=pages window total />
        <div class="stack">
            {is_open.then(|| view! { <Finish id=id.to_string() undecided form=finish /> })}
            <Export id=id.to_string() />
        </div>
    }
}

fn line(row: Row, review: &Review, slug: &str, now: Timestamp, form: Form<DecideReviewRow>) -> impl IntoView + use<> {
    let href = routes::access_review_row(slug, review.id, row.number);
    let pill = decision(&row);
    let (may, second) = (rights(&row.facts), unused(&row.facts).map(|unused| format!("Unused for 90 days: {unused}")));
    let (used, whose) = (last(&row.facts, now), whose(&row.facts));
    let said = row.decided.as_ref().map(|decided| {
        let comment = if decided.comment.is_empty() { String::new() } else { format!(": {}", decided.comment) };
        view! { <span class="cell-second">{format!("by {}{comment}", decided.by)}</span> }
    });
    let is_open = review.finished.is_none();
    let is_revoked = row.decided.as_ref().is_some_and(|decided| decided.decision == Decision::Revoked);
    let (id, number, name) = (review.id.to_string(), row.number, row.name);
    let confirm = (is_open && row.decided.is_none()).then(|| {
        let who = name.clone();
        view! {
            <BareForm form class="row">
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="number" value=number.to_string() />
                <input type="hidden" name="decision" value="confirm" />
                <button type="submit" class="button button-small">"Confirm"<span class="vh">{format!(" {who}")}</span></button>
            </BareForm>
        }
    });
    let (page, with_comment, revoke) = (href.to_string(), href.clone(), href.with("act", "revoke"));
    let menu = (is_open && !is_revoked).then(|| {
        let label = format!("Actions for {name}");
        let comment =
            confirm.is_some().then(|| view! { <MenuLink label="Confirm with a comment" href=with_comment /> });
        view! {
            <RowMenu id=format!("menu-{number}") label>
                {comment}
                <MenuLink label="Revoke" danger=true href=revoke />
            </RowMenu>
        }
    });
    view! {
        <tr>
            <th scope="row">
                <span class="two-lines">
                    <a class="cell-name" href=page>{name}</a>
                    <span class="cell-second">{whose}</span>
                </span>
            </th>
            <td data-label="May do">
                <span class="two-lines">
                    <span>{may}</span>
                    {second.map(|second| view! { <span class="cell-second">{second}</span> })}
                </span>
            </td>
            <td data-label="Last used">{used}</td>
            <td data-label="Decision" class="state">
                <div class="two-lines">
                    <div class="row">{pill}{confirm}</div>
                    {said}
                </div>
            </td>
            <td class="row-actions">{menu}</td>
        </tr>
    }
}

/// The end of a review that is not decided to its last row.
#[component]
fn Finish(id: String, undecided: i64, form: Form<FinishReview>) -> impl IntoView {
    let rows = if undecided == 1 { "1 row is".to_owned() } else { format!("{undecided} rows are") };
    view! {
        <Card title="Finish early">
            <FormFor form problem="The review is not finished" errors_id="finish-errors" limits=LIMITS>
                <input type="hidden" name="id" value=id />
                <p>{format!("With the last decision the review is finished by itself. {rows} undecided. A finished review never changes any more.")}</p>
                <Field label="Reason" name="reason" kind=FieldKind::Textarea { rows: 2 } />
                <div class="form-end">
                    <Button
                        label="Finish now"
                        id="finish"
                        busy=form.busy()
                        availability=available(Operation::AccessReviewFinish)
                    />
                </div>
            </FormFor>
        </Card>
    }
}

/// The review as a file.
#[component]
fn Export(id: String) -> impl IntoView {
    let form = use_download(ExportReview::PATH);
    view! {
        <Card title="Export">
            <DownloadForm form problem="The review was not written">
                <input type="hidden" name="id" value=id />
                <p>"The whole review as a CSV file. The export is an event of the audit log."</p>
                <div class="form-end">
                    <Button label="Export as CSV" id="export-csv" availability=available(Operation::AccessReviewExport) />
                </div>
            </DownloadForm>
        </Card>
    }
}
