//! The person's own page: name, theme, password, sessions.

use crate::{
    features::accounts::{
        functions::{ChangePassword, ChooseTheme, EndOtherSessions, EndSession, LoadProfile, RenameAccount},
        model::{LIMITS, Profile, SessionLine, Theme},
    },
    kernel::Timestamp,
    ui::{
        Loaded,
        components::{
            Button, Card, Choice, Column, DefinitionList, Fact, Field, FieldKind, Note, PageHeader, Segments, Table,
            Tag, Time, Tone,
        },
        form::{BareForm, Form, FormFor, Refusal, use_form},
        load_after,
        pages::page_title,
        reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// The forms of the page. They outlive its data, which is loaded anew after each change.
#[derive(Clone, Copy)]
struct Forms {
    rename: Form<RenameAccount>,
    theme: Form<ChooseTheme>,
    password: Form<ChangePassword>,
    end: Form<EndSession>,
    end_others: Form<EndOtherSessions>,
    typed: Typed,
}

/// The passwords as they are typed.
#[derive(Clone, Copy)]
struct Typed {
    present: RwSignal<String>,
    new: RwSignal<String>,
}

#[component]
pub fn AccountPage() -> impl IntoView {
    let typed = Typed { present: RwSignal::default(), new: RwSignal::default() };
    let forms = Forms {
        rename: use_form(),
        theme: use_form(),
        password: use_form(),
        end: use_form(),
        end_others: use_form(),
        typed,
    };
    let (renamed, ended, others, password) =
        (forms.rename.successes(), forms.end.successes(), forms.end_others.successes(), forms.password.successes());
    Effect::new(move |_| {
        if password.get() > 0 {
            typed.present.set(String::new());
            typed.new.set(String::new());
        }
    });
    let profile = load_after(move || renamed.get() + ended.get() + others.get() + password.get(), || LoadProfile {});
    view! {
        <Title text=page_title("Your account") />
        <div class="own-page">
            <Loaded data=profile view=move |profile| view! { <Sections profile forms /> }.into_any() />
        </div>
    }
}

#[component]
fn Sections(profile: Profile, forms: Forms) -> impl IntoView {
    let query = use_query_map();
    let password_changed = move || query.with(|query| query.get("done").is_some_and(|done| done == "password"));
    view! {
        <PageHeader title="Your account" sentence=|| "It is the same in every organisation to which you belong." />
        {reactive(move || {
            password_changed()
                .then(|| {
                    view! { <Note tone=Tone::Ok>"Your password is changed. You were signed out everywhere else."</Note> }
                })
        })}
        <div class="stack">
            <Person form=forms.rename name=profile.name email=profile.email.clone() />
            <Appearance form=forms.theme theme=profile.theme />
            <Password form=forms.password typed=forms.typed email=profile.email />
            <Sessions end=forms.end end_others=forms.end_others sessions=profile.sessions now=profile.now />
        </div>
    }
}

#[component]
fn Person(form: Form<RenameAccount>, name: String, email: String) -> impl IntoView {
    view! {
        <Card title="You">
            <FormFor form problem="The name is not changed" errors_id="name-errors" limits=LIMITS>
                {saved(move || form.done().is_some(), "Your name is changed.")}
                <Field
                    label="Name"
                    name="name"
                    value=name
                    hint=Signal::stored("Others see it beside everything you do.".to_owned())
                    autocomplete="name"
                />
                <DefinitionList>
                    <Fact term="E-mail">{email}</Fact>
                </DefinitionList>
                <div class="row"><Button label="Save name" busy=form.busy() /></div>
            </FormFor>
        </Card>
    }
}

/// Says that a form worked, in a region that is there before.
fn saved(done: impl Fn() -> bool + Send + Sync + 'static, words: &'static str) -> impl IntoView {
    view! {
        <div role="status">{reactive(move || done().then(|| view! { <Note tone=Tone::Ok>{words}</Note> }))}</div>
    }
}

#[component]
fn Appearance(form: Form<ChooseTheme>, theme: Theme) -> impl IntoView {
    let choices = Theme::ALL.into_iter().map(|theme| Choice::new(theme.name(), theme.label())).collect();
    let choose = move |name: String| {
        apply(&name);
        form.send(&ChooseTheme { theme: name });
    };
    view! {
        <Card title="Appearance">
            <FormFor form problem="The theme is not changed" errors_id="theme-errors">
                <Segments
                    legend="Theme"
                    name="theme"
                    choices
                    selected=theme.name()
                    on_change=Callback::new(choose)
                />
                <div class="hint">"Kept in this browser."</div>
                <div class="row nojs"><Button label="Use this theme" busy=form.busy() /></div>
            </FormFor>
        </Card>
    }
}

/// Shows a theme at once; the cookie shows it from the next page on.
fn apply(name: &str) {
    let Some(root) = document().document_element() else { return };
    let _ = if name == Theme::System.name() {
        root.remove_attribute("data-theme")
    } else {
        root.set_attribute("data-theme", name)
    };
}

#[component]
fn Password(form: Form<ChangePassword>, typed: Typed, email: String) -> impl IntoView {
    view! {
        <Card title="Password">
            <FormFor form problem="The password is not changed" errors_id="password-errors">
                // Password managers file the new password under it.
                <input type="hidden" autocomplete="username" value=email />
                <Field
                    label="Current password"
                    name="current_password"
                    kind=FieldKind::Password
                    bind=typed.present
                    autocomplete="current-password"
                />
                <Field
                    label="New password"
                    name="new_password"
                    kind=FieldKind::Password
                    bind=typed.new
                    hint=Signal::stored(super::PASSWORD_RULE.to_owned())
                    autocomplete="new-password"
                />
                <div class="hint">"You stay signed in here, and are signed out everywhere else."</div>
                <div class="row"><Button label="Change password" busy=form.busy() /></div>
            </FormFor>
        </Card>
    }
}

#[component]
fn Sessions(
    end: Form<EndSession>,
    end_others: Form<EndOtherSessions>,
    sessions: Vec<SessionLine>,
    now: Timestamp,
) -> impl IntoView {
    let others = sessions.iter().filter(|session| !session.is_current).count();
    let end_all = (others > 0).then(|| {
        let label = if others == 1 { "End the other session".to_owned() } else { format!("End all {others} others") };
        view! {
            <FormFor form=end_others problem="The sessions are not ended" errors_id="others-errors" class="row">
                <Button label busy=end_others.busy() />
            </FormFor>
        }
    });
    let said = move || {
        end_others.done().map(|count| match count {
            1 => "1 session is ended.".to_owned(),
            count => format!("{count} sessions are ended."),
        })
    };
    view! {
        <Card flush=true title="Sessions">
            <div class="own-sessions">
                <div class="hint">"Where you are signed in. End any session that you do not recognise, then change your password."</div>
                <div role="status">
                    {reactive(move || {
                        said()
                            .or_else(|| end.done().map(|()| "The session is ended.".to_owned()))
                            .map(|words| view! { <Note tone=Tone::Ok>{words}</Note> })
                    })}
                </div>
                <Refusal form=end />
                {end_all}
            </div>
            <Table caption="Sessions" columns=vec![Column::new("Browser"), Column::new("Last seen"), Column::new("Signed in"), Column::actions()]>
                // A second press on "End" meets the session that it was meant for, or none.
                <For each=move || sessions.clone() key=|session| session.id let:session>
                    {row(end, session, now)}
                </For>
            </Table>
        </Card>
    }
}

fn row(form: Form<EndSession>, session: SessionLine, now: Timestamp) -> impl IntoView {
    let SessionLine { id, browser, place, created_at, seen_at, is_current } = session;
    let button_id = format!("end-{id}");
    let name = format!("End the session of {browser}");
    view! {
        <tr>
            <th scope="row">
                <span class="two-lines">
                    <span class="cell-first">
                        <span class="cell-name">{browser}</span>
                        {is_current.then(|| view! { <Tag label="This one" /> })}
                    </span>
                    <span class="cell-second">{place}</span>
                </span>
            </th>
            <td data-label="Last seen"><Time at=seen_at.0 now=now.0 /></td>
            <td data-label="Signed in"><Time at=created_at.0 now=now.0 /></td>
            <td class="row-actions">
                {(!is_current)
                    .then(|| {
                        view! {
                            <BareForm form>
                                <input type="hidden" name="id" value=id.to_string() />
                                <button type="submit" class="button button-small" id=button_id aria-label=name>"End"</button>
                            </BareForm>
                        }
                    })}
            </td>
        </tr>
    }
}
