//! Saved filters: the line of links above the log and analytics, and the page of all with the form that saves one.

use super::title;
use crate::{
    features::logs::{
        filters::{ASKED, Draft, LIMITS, Listed, Page, Saved, address},
        functions::{DeleteLogFilter, LoadLogFilters, SaveLogFilter},
        model::FILTERS,
    },
    kernel::Asked,
    policy::Operation,
    site::routes::{self, Path},
    ui::{
        Headed, Loaded, available,
        components::{
            Button, Card, Checkbox, Column, EmptyState, Field, LinkButton, Look, PageHeader, Pill, Table, Time, Toast,
            Tone, TwoLines,
        },
        form::{BareForm, Form, FormFor, Refusal, use_form},
        icons::Icon,
        listing::use_asked,
        load_after,
        pages::{Done, param, use_slug},
    },
};
use leptos::prelude::*;

/// The filters that are saved, as links to `page`, and the way to save the one that is asked for; nothing where there is
/// neither.
pub fn saved_line(page: &Path, slug: &str, asked: &Asked, saved: &[Saved]) -> Option<AnyView> {
    let is_filtered = !asked.is_silent(&FILTERS);
    if saved.is_empty() && !is_filtered {
        return None;
    }
    let here = address(page.clone(), asked);
    let links: Vec<_> = saved
        .iter()
        .map(|one| {
            let href = address(page.clone(), &one.asked);
            let current = (href == here).then_some("true");
            view! { <a href=href.to_string() aria-current=current>{one.name.clone()}</a> }
        })
        .collect();
    let all = (!saved.is_empty()).then(|| {
        let href = routes::log_filters(slug).to_string();
        view! { <a href=href>"All"<span class="vh">" saved filters"</span></a> }
    });
    let save = is_filtered.then(|| {
        let href = address(routes::log_filters(slug), asked).to_string();
        view! { <a href=href>"Save this filter"</a> }
    });
    Some(view! { <nav class="row" aria-label="Saved filters">{links}{all}{save}</nav> }.into_any())
}

#[component]
pub fn FiltersPage() -> impl IntoView {
    provide_context(Headed);
    let (slug, asked) = (use_slug(), use_asked(&ASKED));
    let (save, remove) = (use_form::<SaveLogFilter>(), use_form::<DeleteLogFilter>());
    let (kept, gone) = (save.successes(), remove.successes());
    let data =
        load_after(move || kept.get() + gone.get(), move || LoadLogFilters { slug: slug.get(), query: asked.get() });
    save.says(|| Toast::done("The filter is saved"));
    remove.says(|| Toast::done("The filter is deleted"));
    view! {
        {title("Saved filters")}
        <PageHeader
            title="Saved filters"
            sentence=|| "Filters of the log under a name: your own, which nobody else sees, and everybody’s. Each leads to the log and to analytics."
        />
        <Done said=&[("saved", "The filter is saved."), ("deleted", "The filter is deleted.")] />
        <Loaded data view=move |page| view! { <Inside page slug=param("slug") save remove /> }.into_any() />
    }
}

#[component]
fn Inside(page: Page, slug: String, save: Form<SaveLogFilter>, remove: Form<DeleteLogFilter>) -> impl IntoView {
    let Page { draft, filters, now } = page;
    let form = draft.map(|draft| view! { <SaveOne draft form=save /> });
    let list = if filters.is_empty() {
        let sentence = "Filter the log, and choose “Save this filter” above the calls.";
        let href = routes::logs(&slug);
        view! {
            <EmptyState title="No filter is saved yet" sentence>
                <LinkButton label="Logs" href />
            </EmptyState>
        }
        .into_any()
    } else {
        let columns = vec![
            Column::new("Filter"),
            Column::new("Whose"),
            Column::new("Links"),
            Column::new("Changed"),
            Column::actions(),
        ];
        let rows: Vec<_> = filters.into_iter().map(|one| row(one, &slug, now.0, remove)).collect();
        view! { <Table caption="Saved filters, by name" columns>{rows}</Table> }.into_any()
    };
    view! {
        <div class="stack">
            {form}
            <Refusal form=remove />
            {list}
        </div>
    }
}

fn row(listed: Listed, slug: &str, now: i64, remove: Form<DeleteLogFilter>) -> impl IntoView + use<> {
    let Listed { saved: Saved { id, name, is_shared, asked }, words, changed_by, changed_at, may_change } = listed;
    let log = address(routes::logs(slug), &asked).to_string();
    let analytics = address(routes::analytics(slug), &asked).to_string();
    let change = may_change.then(|| {
        let href = routes::log_filters(slug).with("id", &id.to_string()).to_string();
        let label = format!(" {name}");
        view! { ", "<a href=href>"change"<span class="vh">{label}</span></a> }
    });
    let (tone, whose) = if is_shared { (Tone::Info, "Everybody’s") } else { (Tone::Neutral, "Yours") };
    let (label, in_analytics) = (format!("Delete {name}"), format!(" of {name}"));
    let delete = may_change.then(|| {
        view! {
            <BareForm form=remove>
                <input type="hidden" name="id" value=id.to_string() />
                <Button
                    label=label
                    look=Look::Quiet
                    icon=Icon::Close
                    icon_only=true
                    id=format!("delete-{id}")
                    busy=remove.busy()
                    availability=available(Operation::LogDeleteFilter)
                />
            </BareForm>
        }
    });
    view! {
        <tr>
            <th scope="row"><TwoLines first=name second=words.join(" · ") href=log /></th>
            <td data-label="Whose"><Pill tone label=whose /></td>
            <td data-label="Also"><a href=analytics>"analytics"<span class="vh">{in_analytics}</span></a>{change}</td>
            <td data-label="Changed"><span class="hint">{changed_by}", "<Time at=changed_at.0 now /></span></td>
            <td class="row-actions">{delete}</td>
        </tr>
    }
}

/// The form that saves a filter, or changes one.
#[component]
fn SaveOne(draft: Draft, form: Form<SaveLogFilter>) -> impl IntoView {
    let Draft { id, name, query, words } = draft;
    let title = if id.is_some() { format!("Change {name}") } else { "Save this filter".to_owned() };
    let words: Vec<_> = words.into_iter().map(|word| view! { <li>{word}</li> }).collect();
    let of = id.map(|id| view! { <input type="hidden" name="id" value=id.to_string() /> });
    let shared = id.is_none().then(|| {
        let hint = "You, Owners and Admins can change and delete it. It stays when you leave.";
        view! { <Checkbox label="For everyone in the organisation" name="shared" hint /> }
    });
    let hint = match id {
        Some(_) => "This does not change who sees it.",
        None => "Replaces a filter of the same name, among yours or among the shared ones.",
    };
    view! {
        <Card title=title>
            <FormFor form problem="The filter is not saved" limits=LIMITS>
                <ul>{words}</ul>
                <input type="hidden" name="filter" value=query />
                {of}
                <Field label="Name" name="name" value=name autocomplete="off" hint=Signal::stored(hint.to_owned()) />
                {shared}
                <div class="row">
                    <Button
                        look=Look::Primary
                        label="Save"
                        busy=form.busy()
                        availability=available(Operation::LogSaveFilter)
                    />
                </div>
            </FormFor>
        </Card>
    }
}
