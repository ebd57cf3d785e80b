//! Labels: what each is for, who moves it, and whether a second person must agree.

use super::{ListTabs, Lists, tags, title};
use crate::{
    features::prompts::{
        functions::{CreateLabel, DeleteLabel, LoadLabels, UpdateLabel},
        model::{DESCRIPTION_LIMIT, LABEL_LIMIT, Label, Movers},
    },
    kernel::Error,
    policy::Operation,
    site::routes,
    ui::{
        Data, Loaded, Problem, available,
        components::{
            Availability, Button, Card, Choice, Column, Field, LinkButton, Look, MenuLink, PageHeader, RowMenu, Select,
            Table, Toast,
        },
        form::{AnyForm, FormFor, Limits, use_form, use_stored},
        icons::Icon,
        load,
        pages::{Done, FormPage, ItemPage, param, use_slug},
        refusal,
    },
};
use leptos::prelude::*;

const LIMITS: Limits = &[("name", LABEL_LIMIT), ("description", DESCRIPTION_LIMIT)];

fn use_labels() -> Data<Vec<Label>> {
    let slug = use_slug();
    load(move || LoadLabels { slug: slug.get() })
}

/// What is shown of the label in this page's path.
fn of_path(labels: &[Label], show: impl FnOnce(&Label) -> AnyView) -> AnyView {
    let of = param("of");
    match labels.iter().find(|label| label.name == of) {
        Some(label) => show(label),
        None => view! { <Problem error=Error::not_found() /> }.into_any(),
    }
}

const fn who(movers: Movers) -> &'static str {
    match movers {
        Movers::Publishers => "Owners and Admins",
        Movers::Owners => "Owners alone",
    }
}

const fn agreement(needs_second: bool) -> &'static str {
    if needs_second { "A second person" } else { "Nobody else" }
}

const fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

#[component]
pub fn LabelsPage() -> impl IntoView {
    let view = |labels: Vec<Label>| view! { <Inside labels slug=param("slug") /> }.into_any();
    view! { <Loaded data=use_labels() view /> }
}

#[component]
fn Inside(labels: Vec<Label>, slug: String) -> impl IntoView {
    let columns = vec![
        Column::new("Label"),
        Column::new("For"),
        Column::new("Moved by"),
        Column::new("Who must agree"),
        Column::actions(),
    ];
    let rows: Vec<_> = labels.into_iter().map(|label| row(label, &slug)).collect();
    let new = routes::new_prompt_label(&slug);
    view! {
        {title("Labels")}
        <PageHeader
            title="Labels"
            sentence=|| "A label stands at one version of a prompt, and is moved to another. Programs run the version at the label that they name."
        >
            <LinkButton
                look=Look::Primary
                icon=Icon::Plus
                label="New label"
                href=new
                availability=available(Operation::LabelCreate)
            />
        </PageHeader>
        <ListTabs slug open=Lists::Labels />
        <Done said=&[
            ("made", "The label is made."),
            ("saved", "The label is saved."),
            ("deleted", "The label is deleted."),
        ] />
        <Table caption="Labels" columns>
            {rows}
        </Table>
    }
}

fn row(label: Label, slug: &str) -> AnyView {
    let name = label.name;
    let (prompts, edit, delete) = (
        routes::prompts(slug).with("label", &name),
        routes::edit_prompt_label(slug, &name),
        routes::delete_prompt_label(slug, &name),
    );
    let deletable = if label.is_built_in {
        Availability::Unavailable { reason: "Every organisation has this label.".to_owned() }
    } else {
        available(Operation::LabelDelete)
    };
    view! {
        <tr>
            <th scope="row">{tags([name.as_str()])}</th>
            <td data-label="For" class="wide">{label.description}</td>
            <td data-label="Moved by">{who(label.movers)}</td>
            <td data-label="Who must agree">{agreement(label.needs_second)}</td>
            <td class="row-actions">
                <RowMenu id=format!("menu-{name}") label=format!("Actions for {name}")>
                    <MenuLink label="Show prompts" href=prompts />
                    <MenuLink label="Change" href=edit availability=available(Operation::LabelUpdate) />
                    <MenuLink label="Delete" href=delete danger=true availability=deletable />
                </RowMenu>
            </td>
        </tr>
    }
    .into_any()
}

#[component]
pub fn NewLabelPage() -> impl IntoView {
    if let Some(error) = refusal(Operation::LabelCreate) {
        return view! { <Problem error /> }.into_any();
    }
    let form = use_form::<CreateLabel>();
    view! {
        <FormPage
            form
            title="New label"
            sentence=|| "For example canary, for the version that a few calls try first."
            problem="This label is not made yet"
            limits=LIMITS
            button="Create label"
            back=routes::prompt_labels(&param("slug"))
            done=Toast::done("The label is made")
        >
            <Field
                label="Name"
                name="name"
                mono=true
                autocomplete="off"
                hint=Signal::stored("Calls write it behind the prompt's name: support-reply@canary.".to_owned())
            />
            <Rules
                description=Signal::stored(String::new())
                movers=Signal::stored(Movers::default().name().to_owned())
                needs_second=Signal::stored(yes_or_no(false).to_owned())
            />
        </FormPage>
    }
    .into_any()
}

/// What a label is for and how it moves; as it is stored.
#[component]
fn Rules(description: Signal<String>, movers: Signal<String>, needs_second: Signal<String>) -> impl IntoView {
    let movers_choices = [Movers::Publishers, Movers::Owners].map(|movers| Choice::new(movers.name(), who(movers)));
    let second_choices = [false, true].map(|needs| Choice::new(yes_or_no(needs), agreement(needs)));
    view! {
        <Field label="What it is for" name="description" optional=true autocomplete="off" value=description />
        <div class="fields">
            <Select
                label="Moved by"
                name="movers"
                choices=movers_choices.into()
                selected=movers
                hint=Signal::stored("A key that may publish counts as an Admin.".to_owned())
            />
            <Select label="Who must agree" name="needs_second" choices=second_choices.into() selected=needs_second />
        </div>
    }
}

#[component]
pub fn EditLabelPage() -> impl IntoView {
    let form = use_form::<UpdateLabel>();
    form.says(|| Toast::done("The label is saved"));
    let form = form.into();
    let view = move |labels: Vec<Label>| {
        let opened = labels.clone();
        of_path(&labels, |label| view! { <Edit opened name=label.name.clone() form /> }.into_any())
    };
    view! { <ItemPage data=use_labels() needs=Operation::LabelUpdate view /> }
}

#[component]
fn Edit(
    /// All labels, as the page was opened.
    opened: Vec<Label>,
    name: String,
    form: AnyForm,
) -> impl IntoView {
    let slug = param("slug");
    let (stored, _) = use_stored(form, opened, LoadLabels { slug: slug.clone() }, || 0);
    let label = {
        let name = name.clone();
        Memo::new(move |_| stored.with(|labels| labels.iter().find(|label| label.name == name).cloned()))
    };
    let of = move |part: fn(&Label) -> String| {
        Signal::derive(move || label.with(|label| label.as_ref().map(part).unwrap_or_default()))
    };
    let colour = of(|label| label.colour.clone());
    let version = Signal::derive(move || label.with(|label| label.as_ref().map_or(0, |label| label.version)));
    let heading = format!("Change {name}");
    view! {
        {title(&heading)}
        <PageHeader title=heading sentence=|| "It holds for the next move: where the label stands, it stays." />
        <Card>
            <FormFor form problem="This label is not saved" limits=LIMITS version>
                <input type="hidden" name="of" value=name />
                <input type="hidden" name="color_code" value=move || colour.get() />
                <Rules
                    description=of(|label| label.description.clone())
                    movers=of(|label| label.movers.name().to_owned())
                    needs_second=of(|label| yes_or_no(label.needs_second).to_owned())
                />
                <div class="form-end">
                    <LinkButton label="Cancel" href=routes::prompt_labels(&slug) />
                    <Button look=Look::Primary label="Save" busy=form.busy() />
                </div>
            </FormFor>
        </Card>
    }
}

#[component]
pub fn DeleteLabelPage() -> impl IntoView {
    let form = use_form::<DeleteLabel>();
    let view = move |labels: Vec<Label>| {
        of_path(&labels, |label| {
            let title = format!("Delete {}", label.name);
            view! {
                <FormPage
                    form
                    title=title.clone()
                    sentence=|| "Calls that name it are refused."
                    problem="It is not deleted"
                    hidden=vec![("of", label.name.clone())]
                    button=title
                    look=Look::Danger
                    back=routes::prompt_labels(&param("slug"))
                    done=Toast::done(format!("{} is deleted", label.name))
                >
                    <div>"It must stand at no version: take it away where it does."</div>
                </FormPage>
            }
            .into_any()
        })
    };
    view! { <ItemPage data=use_labels() needs=Operation::LabelDelete view /> }
}
