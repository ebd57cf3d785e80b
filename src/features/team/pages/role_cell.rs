//! The role of a member, changed in the row: at once with JavaScript, by a button without it.

use super::{may, role_choices};
use crate::{
    features::team::functions::ChangeRole,
    kernel::UserId,
    policy::{Operation, Role},
    ui::{
        components::{Choice, Pill, Select, Toast, Tone, use_toasts},
        form::{BareForm, Form, use_form},
        undo,
    },
};
use leptos::prelude::*;

/// The one form that all rows of the list share, and the row that used it last.
#[derive(Clone, Copy)]
pub struct RoleForm {
    form: Form<ChangeRole>,
    used_by: RwSignal<Option<UserId>>,
}

impl RoleForm {
    /// The form of a page.
    pub fn new() -> Self {
        let form = use_form::<ChangeRole>();
        let used_by = RwSignal::new(form.typed("id", "").parse().ok());
        Self { form, used_by }
    }

    /// Whether this person's role was changed last.
    pub fn has_changed(self, id: UserId) -> bool {
        matches!(self.form.done(), Some(Some(changed)) if changed.id == id)
    }
}

/// The select of a row. What was chosen shows at once; a refusal puts it back and says why, in the row.
#[component]
pub fn RoleCell(
    id: UserId,
    #[prop(into)] name: String,
    #[prop(into)] slug: String,
    /// The role that is stored.
    role: RwSignal<Role>,
    /// How many active Owners the organisation has.
    owners: RwSignal<i64>,
    #[prop(into)] only_owner: Signal<bool>,
    form: RoleForm,
) -> impl IntoView {
    let RoleForm { form, used_by } = form;
    let chosen = RwSignal::new(role.get_untracked().name().to_owned());
    let mine = move || used_by.get() == Some(id);
    let (failed, sending) = (form.error(), form.busy());
    let error = Signal::derive(move || if mine() { failed.get().map(|error| error.message) } else { None });
    let busy = Signal::derive(move || mine() && sending.get());
    let toasts = use_toasts();
    let answered = StoredValue::new(form.answers().get_untracked());
    {
        let slug = slug.clone();
        Effect::new(move |_| {
            let version = form.answers().get();
            if version == answered.get_value() || used_by.get_untracked() != Some(id) {
                return;
            }
            answered.set_value(version);
            match untrack(|| form.result()) {
                Some(Ok(Some(changed))) => {
                    role.set(changed.now);
                    owners.update(|owners| {
                        *owners += i64::from(changed.now == Role::Owner) - i64::from(changed.was == Role::Owner)
                    });
                    let back = ChangeRole {
                        slug: slug.clone(),
                        id: id.to_string(),
                        role: changed.was.name().to_owned(),
                        keys: String::new(),
                        asked: false,
                    };
                    let again = format!("{} is {} again", changed.name, changed.was.label());
                    let done = Toast::done(format!("{} is now {}", changed.name, changed.now.label()));
                    toasts.show(if changed.was == changed.now {
                        done
                    } else {
                        done.undone_by(move || undo(toasts, &back, again.clone(), true))
                    });
                }
                Some(Err(_)) => chosen.set(role.get_untracked().name().to_owned()),
                Some(Ok(None)) | None => {}
            }
        });
    }
    let label = format!("Role of {name}");
    // Made anew only when the only Owner comes or goes: a select that was just used keeps its focus.
    move || {
        let now = role.get_untracked();
        let choices = role_choices(Operation::TeamChangeRole, Some(now));
        // The note above the table says why.
        let choices: Vec<_> = choices.into_iter().filter(Choice::is_available).collect();
        if only_owner.get() || may(Operation::TeamChangeRole, Some(now), Some(now)).reason().is_some() {
            return view! { <Pill tone=Tone::Neutral label=now.label() /> }.into_any();
        }
        let (slug, label) = (slug.clone(), label.clone());
        let change = Callback::new(move |next: String| {
            used_by.set(Some(id));
            form.send(&ChangeRole {
                slug: slug.clone(),
                id: id.to_string(),
                role: next,
                keys: String::new(),
                asked: false,
            });
        });
        view! {
            <BareForm form class="row">
                <input type="hidden" name="id" value=id.to_string() />
                <Select
                    compact=true
                    hide_label=true
                    label=label.clone()
                    name="role"
                    id=format!("role-{id}")
                    choices
                    selected=now.name()
                    bind=chosen
                    on_change=change
                    busy
                    error
                />
                <button type="submit" class="button button-small nojs keep">
                    "Save" <span class="vh">{format!(" ({label})")}</span>
                </button>
            </BareForm>
        }
        .into_any()
    }
}
