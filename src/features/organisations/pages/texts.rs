//! What is kept of calls, and for how long; and the page that asks before all of it is deleted.

use crate::{
    features::{
        logs::functions::DeleteTexts,
        organisations::{
            functions::{KeepTexts, LoadSettings},
            model::{KeepingForm, Settings},
        },
    },
    kernel::text::grouped,
    policy::Operation,
    site::routes,
    ui::{
        available,
        components::{Button, Card, Choice, Field, FieldKind, LinkButton, Look, Note, RadioCards, Toast, Tone},
        form::{Form, FormFor, use_form},
        load,
        pages::{FormPage, ItemPage, use_slug},
    },
};
use leptos::prelude::*;

/// How many calls, in words.
fn calls(number: i64) -> String {
    match number {
        0 => "no call".to_owned(),
        1 => "1 call".to_owned(),
        number => format!("{} calls", grouped(number)),
    }
}

/// The section of the settings.
#[component]
pub(super) fn TextsOfCalls(settings: Settings, keep: Form<KeepTexts>) -> impl IntoView {
    let keeping = settings.keeping;
    let word = |flag: bool| if flag { "yes" } else { "no" };
    let choices = vec![
        Choice::new("no", "Not kept").sentence("The log tells of each call, and nothing of what was said."),
        Choice::new("yes", "Kept, sealed")
            .sentence("Requests and answers are kept up to 64 KiB each. Everybody who sees the log can read them; the audit log tells who did. An API key can say otherwise, and a call can ask not to be kept."),
    ];
    let images = vec![
        Choice::new("no", "Left out").sentence("A short note stands for each image."),
        Choice::new("yes", "Kept").sentence("As far as there is room: an image often fills all of it."),
    ];
    keep.says(|| Toast::done("Saved. What is older than these days is deleted within ten minutes."));
    let days = |days: Option<i64>| days.map(|days| days.to_string()).unwrap_or_default();
    let delete = (settings.texts > 0).then(|| {
        let words = format!("Texts of {} are kept now.", calls(settings.texts));
        view! {
            <div class="row">
                <span>{words}</span>
                <LinkButton label="Delete all kept texts" href=routes::delete_texts(&settings.slug) />
            </div>
        }
    });
    view! {
        <Card title="Texts of calls">
            <div class="stack">
                <FormFor form=keep problem="This is not saved" errors_id="keep-errors">
                    <input type="hidden" name="was" value=KeepingForm::read_of(&keeping) />
                    <RadioCards legend="Requests and answers" name="keep" choices selected=word(keeping.keep) />
                    <RadioCards legend="Images in them" name="images" choices=images selected=word(!keeping.leave_images_out) />
                    <div class="fields">
                        <Field
                            label="Days for texts"
                            name="texts_days"
                            kind=FieldKind::Number
                            value=Signal::stored(days(Some(keeping.texts_days)))
                            hint=Signal::stored("Texts that are older are deleted. 1 to 3650.".to_owned())
                            autocomplete="off"
                        />
                        <Field
                            label="Days for entries of the log"
                            name="logs_days"
                            kind=FieldKind::Number
                            value=Signal::stored(days(keeping.logs_days))
                            hint=Signal::stored("Entries that are older are deleted, with their texts. Empty: they stay for ever.".to_owned())
                            optional=true
                            autocomplete="off"
                        />
                    </div>
                    <div class="hint">
                        "Keeping no more texts deletes none that are there: they go when their days are over. Fewer days delete what is older within ten minutes."
                    </div>
                    <div class="row">
                        <Button
                            label="Save what is kept"
                            id="save-keeping"
                            busy=keep.busy()
                            availability=available(Operation::OrganisationKeepTexts)
                        />
                    </div>
                </FormFor>
                {delete}
            </div>
        </Card>
    }
}

/// Asks whether all kept texts are to be deleted.
#[component]
pub fn DeleteTextsPage() -> impl IntoView {
    let slug = use_slug();
    let form = use_form::<DeleteTexts>();
    let settings = load(move || LoadSettings { slug: slug.get() });
    let ask = move |settings: Settings| {
        let kept = calls(settings.texts);
        view! {
            <FormPage
                form
                title="Delete all kept texts"
                sentence=|| "What was said in calls is deleted and cannot be brought back. The entries of the log stay, and what is kept of new calls stays as it is set."
                problem="Nothing is deleted"
                button="Delete all kept texts"
                look=Look::Danger
                done=Toast::done("All kept texts are deleted")
                back=routes::settings(&settings.slug)
            >
                <Note tone=Tone::Warn>{format!("Texts of {kept} are kept now.")}</Note>
            </FormPage>
        }
        .into_any()
    };
    view! { <ItemPage data=settings needs=Operation::LogTextsDelete view=ask /> }
}
