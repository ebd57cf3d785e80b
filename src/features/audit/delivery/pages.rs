//! The page of the delivery of events.

use super::{
    functions::{
        DeleteAuditDelivery, LoadAuditDelivery, PauseAuditDelivery, ResumeAuditDelivery, RotateAuditDeliverySecret,
        SetAuditDelivery, TestAuditDelivery,
    },
    model::{BEGINNINGS, FORMATS, LIMITS, Page, Standing, Webhook},
};
use crate::{
    kernel::{Secret, Timestamp, text::grouped},
    policy::Operation,
    site::routes,
    ui::{
        Headed, Loaded, available,
        components::{
            Button, Card, Choice, DefinitionList, Fact, Field, LinkButton, Look, Note, PageHeader, Pill, RadioCards,
            SecretBox, Time, Toast, Tone,
        },
        form::{AnyForm, BareForm, Form, FormFor, Refusal, use_form},
        load_after,
        pages::{Done, page_title, use_slug},
        reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The forms of the page.
#[derive(Clone, Copy)]
struct Forms {
    set: Form<SetAuditDelivery>,
    rotate: Form<RotateAuditDeliverySecret>,
    pause: Form<PauseAuditDelivery>,
    resume: Form<ResumeAuditDelivery>,
    delete: Form<DeleteAuditDelivery>,
    test: Form<TestAuditDelivery>,
}

#[component]
pub fn DeliveryPage() -> impl IntoView {
    provide_context(Headed);
    let slug = use_slug();
    let forms = Forms {
        set: use_form(),
        rotate: use_form(),
        pause: use_form(),
        resume: use_form(),
        delete: use_form(),
        test: use_form(),
    };
    let Forms { set, rotate, pause, resume, delete, test } = forms;
    let changing: [AnyForm; 5] = [set.into(), rotate.into(), pause.into(), resume.into(), delete.into()];
    let changes = changing.map(AnyForm::successes);
    let data = load_after(move || changes.iter().map(Memo::get).sum(), move || LoadAuditDelivery { slug: slug.get() });
    set.says(|| Toast::done("The delivery is saved"));
    pause.says(|| Toast::done("The delivery is paused"));
    resume.says(|| Toast::done("Delivery has been resumed"));
    delete.says(|| Toast::done("The delivery is deleted"));
    let (made, rotated, deleted, tested) = (set.outcome(), rotate.outcome(), delete.outcome(), test.outcome());
    // The newest is the one that counts.
    let secret = move || {
        let newest = [made.get(), rotated.get(), deleted.get()].into_iter().flatten().max_by_key(|made| made.at);
        newest.and_then(|made| made.secret).map(|secret| view! { <NewSecret secret /> })
    };
    let said = move || {
        tested.get().map(|tested| match tested.problem {
            None => view! { <Note tone=Tone::Ok>"The receiver has taken the test."</Note> }.into_any(),
            Some(problem) => view! { <Note tone=Tone::Bad>{problem}</Note> }.into_any(),
        })
    };
    view! {
        <Title text=page_title("Delivery of the audit log") />
        <PageHeader
            title="Delivery of the audit log"
            sentence=|| "Sends every event to a receiver of your own as it happens: in order, at least once. What cannot be delivered is kept and sent as soon as possible."
        >
            {move || view! { <LinkButton label="Audit log" href=routes::audit(&slug.get()) /> }}
        </PageHeader>
        <Done said=&[
            ("saved", "The delivery is saved."),
            ("paused", "The delivery is paused."),
            ("resumed", "Delivery has been resumed."),
            ("deleted", "The delivery is deleted."),
        ] />
        <div class="stack">
            {reactive(secret)}
            {reactive(said)}
            <Refusal form=rotate />
            <Refusal form=pause />
            <Refusal form=resume />
            <Refusal form=delete />
            <Refusal form=test />
            <Loaded data view=move |page| view! { <Inside page forms /> }.into_any() />
        </div>
    }
}

/// The signing secret, this once.
#[component]
fn NewSecret(secret: Secret) -> impl IntoView {
    view! {
        <Card title="Signing secret">
            <div class="stack">
                <p>
                    "Save it now, where the receiver checks signatures. You will not see it again. Each message is signed with it as Standard Webhooks says, in the header "
                    <code>"webhook-signature"</code>"."
                </p>
                <SecretBox id="secret" what="signing secret" value=secret.expose().to_owned() />
            </div>
        </Card>
    }
}

#[component]
fn Inside(page: Page, forms: Forms) -> impl IntoView {
    let Page { webhook, others, now } = page;
    let others = (!others.is_empty()).then(|| view! { <Others others now /> });
    let own = match webhook {
        Some(webhook) => view! {
            <State webhook=webhook.clone() forms now />
            <Change webhook form=forms.set />
        }
        .into_any(),
        None => view! { <SetUp form=forms.set /> }.into_any(),
    };
    view! {
        {own}
        {others}
    }
}

/// How a delivery stands, in colour; the word beside it says the same.
fn pill(standing: &Standing) -> AnyView {
    let label = standing.word();
    let tone = match label {
        "Not delivered" => Tone::Bad,
        "Paused" => Tone::Neutral,
        "Delivering" => Tone::Info,
        _ => Tone::Ok,
    };
    view! { <Pill tone label /> }.into_any()
}

/// The facts of a delivery.
fn facts(standing: Standing, now: Timestamp) -> AnyView {
    let delivered = match (standing.delivered, standing.delivered_at) {
        (number, Some(at)) => view! { {format!("Event #{}, ", grouped(number))}<Time at=at.0 now=now.0 /> }.into_any(),
        _ => "Nothing yet".into_any(),
    };
    let waiting = match standing.waiting {
        0 => "No event".to_owned(),
        1 => "1 event".to_owned(),
        many => format!("{} events", grouped(many)),
    };
    let error = standing.error.map(|error| view! { <Fact term="Last error">{error}</Fact> });
    let next = standing.next_at.map(|at| view! { <Fact term="Next attempt"><Time at=at.0 now=now.0 /></Fact> });
    view! {
        <Fact term="Delivered up to">{delivered}</Fact>
        <Fact term="Waiting">{waiting}</Fact>
        {error}
        {next}
    }
    .into_any()
}

#[component]
fn State(webhook: Webhook, forms: Forms, now: Timestamp) -> impl IntoView {
    let Webhook { secret_set_at, old_until, changed_by, changed_at, standing, .. } = webhook;
    let Forms { rotate, pause, resume, delete, test, .. } = forms;
    let state = pill(&standing);
    let old = old_until.map(|until| view! { ". The one before signs as well until "<Time at=until.0 now=now.0 /> });
    let other = if standing.is_paused {
        view! {
            <BareForm form=resume>
                <Button label="Resume" busy=resume.busy() availability=available(Operation::AuditDeliveryResume) />
            </BareForm>
        }
        .into_any()
    } else {
        view! {
            <BareForm form=pause>
                <Button label="Pause" busy=pause.busy() availability=available(Operation::AuditDeliveryPause) />
            </BareForm>
        }
        .into_any()
    };
    view! {
        <Card title="Webhook of this organisation">
            <div class="stack">
                <DefinitionList>
                    <Fact term="State">{state}</Fact>
                    {facts(standing, now)}
                    <Fact term="Signing secret">"Set "<Time at=secret_set_at.0 now=now.0 />{old}</Fact>
                    <Fact term="Changed">{changed_by}", "<Time at=changed_at.0 now=now.0 /></Fact>
                </DefinitionList>
                <div class="row">
                    <BareForm form=test>
                        <Button label="Send a test" busy=test.busy() availability=available(Operation::AuditDeliveryTest) />
                    </BareForm>
                    {other}
                    <BareForm form=rotate>
                        <Button
                            label="Rotate the secret"
                            busy=rotate.busy()
                            availability=available(Operation::AuditDeliveryRotate)
                        />
                    </BareForm>
                    <BareForm form=delete>
                        <Button
                            label="Delete"
                            look=Look::Danger
                            busy=delete.busy()
                            availability=available(Operation::AuditDeliveryDelete)
                        />
                    </BareForm>
                </div>
            </div>
        </Card>
    }
}

fn choices(all: [(&'static str, &'static str, &'static str); 2]) -> Vec<Choice> {
    all.into_iter().map(|(name, label, sentence)| Choice::new(name, label).sentence(sentence)).collect()
}

/// Where events go and in what form.
fn fields(url: String, format: &str) -> AnyView {
    let hint = "It must be public and begin with https://. Redirects are not followed.".to_owned();
    let format = format.to_owned();
    view! {
        <Field
            label="URL"
            name="url"
            value=url
            mono=true
            placeholder="https://siem.example.org/hooks/latchkey"
            autocomplete="off"
            hint=Signal::stored(hint)
        />
        <RadioCards legend="Form of the events" name="format" choices=choices(FORMATS) selected=format />
    }
    .into_any()
}

fn save(form: Form<SetAuditDelivery>, label: &'static str) -> AnyView {
    let availability = available(Operation::AuditDeliverySet);
    view! { <div class="row"><Button look=Look::Primary label busy=form.busy() availability /></div> }.into_any()
}

#[component]
fn Change(webhook: Webhook, form: Form<SetAuditDelivery>) -> impl IntoView {
    view! {
        <Card title="Change the webhook">
            <FormFor form problem="The delivery is not saved" limits=LIMITS version=Signal::stored(webhook.version)>
                {fields(webhook.url, &webhook.format)}
                {save(form, "Save")}
            </FormFor>
        </Card>
    }
}

#[component]
fn SetUp(form: Form<SetAuditDelivery>) -> impl IntoView {
    view! {
        <Card title="Set up a webhook">
            <FormFor form problem="The delivery is not set up" limits=LIMITS>
                {fields(String::new(), FORMATS[0].0)}
                <RadioCards legend="It begins" name="begin" choices=choices(BEGINNINGS) selected=BEGINNINGS[0].0 />
                <p class="hint">"A secret that signs each message is made, and shown once."</p>
                {save(form, "Set up")}
            </FormFor>
        </Card>
    }
}

/// What whoever runs the installation has set besides.
#[component]
fn Others(others: Vec<Standing>, now: Timestamp) -> impl IntoView {
    let all: Vec<_> = others
        .into_iter()
        .map(|standing| {
            view! {
                <h3>{standing.label()}" "{pill(&standing)}</h3>
                <DefinitionList>{facts(standing, now)}</DefinitionList>
            }
        })
        .collect();
    view! {
        <Card title="Delivered by this installation">
            <div class="stack">
                <p class="hint">"Whoever runs Latchkey has the events of every organisation delivered to these as well."</p>
                {all}
            </div>
        </Card>
    }
}
