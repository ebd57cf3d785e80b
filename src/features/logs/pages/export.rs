//! The log as a file: how many calls the filter means, and what of them the file shall hold.

use super::title;
use crate::{
    features::logs::{
        exports::model::{AboutExport, Field, Format, MOST, TICKED},
        functions::{ExportLogs, LoadExportAbout},
        model::FILTERS,
    },
    kernel::{
        Asked,
        text::{capital, grouped},
    },
    policy::Operation,
    site::routes,
    ui::{
        Headed, Loaded, available,
        components::{Button, Card, Checkbox, Choice, LinkButton, Look, PageHeader, RadioCards, Time},
        form::{DownloadForm, use_download},
        listing::use_asked,
        load,
        pages::use_slug,
    },
};
use leptos::{prelude::*, server_fn::ServerFn};

#[component]
pub fn ExportPage() -> impl IntoView {
    provide_context(Headed);
    let (slug, asked) = (use_slug(), use_asked(&FILTERS));
    let about = load(move || LoadExportAbout { slug: slug.get(), query: asked.get() });
    view! {
        {title("Export calls")}
        <PageHeader
            title="Export calls"
            sentence=|| "A file of the calls that the log's filter lets through, the newest first. What was said in them is not part of it."
        />
        <Loaded
            data=about
            view=move |about| view! { <Page about slug=slug.get_untracked() asked=asked.get_untracked() /> }.into_any()
        />
    }
}

/// How many there are, in words.
fn words(about: AboutExport) -> String {
    let AboutExport { entries, calls, .. } = about;
    let plural = |n: i64, one: &str, many: &str| format!("{} {}", grouped(n), if n == 1 { one } else { many });
    let stands =
        if calls == entries { String::new() } else { format!(", which stand for {}", plural(calls, "call", "calls")) };
    match entries {
        0 => "No calls match.".to_owned(),
        n if n > MOST => {
            let most = grouped(MOST);
            format!(
                "More than {most} entries fit: the file has the newest {most}, and says in its last line that it is cut."
            )
        }
        n => format!("{}{stands}.", plural(n, "entry", "entries")),
    }
}

#[component]
fn Page(about: AboutExport, slug: String, asked: Asked) -> impl IntoView {
    let form = use_download(ExportLogs::PATH);
    let back = FILTERS.iter().fold(routes::logs(&slug), |path, name| path.with(name, asked.get(name)));
    let said = FILTERS[3..].iter().filter(|name| !asked.get(name).is_empty());
    let said: Vec<_> = said.map(|name| format!("{}: {}", capital(&name.replace('_', " ")), asked.get(name))).collect();
    let filter = if said.is_empty() { "Every call of this span.".to_owned() } else { said.join(" · ") };
    let kept: Vec<_> = FILTERS
        .iter()
        .filter(|name| !asked.get(name).is_empty())
        .map(|name| view! { <input type="hidden" name=*name value=asked.get(name).to_owned() /> })
        .collect();
    let typed = form.typed_all();
    let boxes: Vec<_> = Field::ALL
        .iter()
        .map(|field| {
            let name = format!("{TICKED}{}", field.name());
            let checked = match &typed {
                Some(typed) => typed.iter().any(|(known, _)| *known == name),
                None => field.is_usual(),
            };
            view! { <Checkbox label=field.label() name value="yes" checked /> }
        })
        .collect();
    let formats = vec![
        Choice::new(Format::Csv.name(), "CSV").sentence("A table, for spreadsheets."),
        Choice::new(Format::JsonLines.name(), "JSON Lines").sentence("An object in each line, for programs."),
    ];
    view! {
        <Card title="What it is about">
            <p>{words(about)}</p>
            <p class="muted"><Time at=about.from.0 />" to "<Time at=about.to.0 /></p>
            <p class="muted">{filter}</p>
            <div class="row"><LinkButton label="Back to the calls" href=back /></div>
        </Card>
        <Card title="The file">
            <DownloadForm form problem="Nothing was exported">
                {kept}
                <RadioCards legend="Format" name="format" choices=formats selected=Format::Csv.name() />
                <fieldset id="fields" tabindex="-1" class="marks">
                    <legend>"Fields"</legend>
                    <div class="marks-boxes">{boxes}</div>
                </fieldset>
                <p class="muted">"The audit log tells of each export: who, which calls, and which fields."</p>
                <div class="form-end">
                    <Button look=Look::Primary label="Download" availability=available(Operation::LogsExport) />
                </div>
            </DownloadForm>
        </Card>
    }
}
