//! Buttons and links that look like buttons.
use super::Availability;
use crate::ui::icons::{Glyph, Icon};
use leptos::prelude::*;

/// Weight of a button. A page has at most one primary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// The one main action.
    Primary,
    /// Everything else.
    #[default]
    Secondary,
    /// Without a border, for toolbars and rows.
    Quiet,
    /// What cannot be undone.
    Danger,
    /// Leads to the page that asks before it.
    TowardsDanger,
}

impl Look {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button-primary",
            Self::Secondary => "button",
            Self::Quiet => "button button-quiet",
            Self::Danger => "button button-danger",
            Self::TowardsDanger => "button button-towards-danger",
        }
    }
}

/// A control with, if it is unavailable, the reason below it in words.
fn explained(control: AnyView, availability: Availability, id: String) -> AnyView {
    match availability {
        Availability::Available => control,
        Availability::Unavailable { reason } => {
            view! { <span class="explained">{control}<span class="reason" id=id>{reason}</span></span> }.into_any()
        }
    }
}

fn content(icon: Option<Icon>, label: String, icon_only: bool) -> impl IntoView {
    view! {
        {icon.map(|icon| view! { <Glyph icon /> })}
        <span class=if icon_only { "vh" } else { "button-label" }>{label}</span>
    }
}

/// A button; it submits its form unless `on_press` is given. While `busy` it keeps its width and name, and a second
/// press does nothing. In rows pass an `id`, since the tied reason is named after it (else after the label).
#[component]
pub fn Button(
    /// The visible words, and the accessible name.
    #[prop(into)]
    label: String,
    /// Weight.
    #[prop(optional)]
    look: Look,
    /// Icon before the words.
    #[prop(optional, into)]
    icon: Option<Icon>,
    /// Show the icon alone; `label` stays the name.
    #[prop(optional)]
    icon_only: bool,
    /// Id of the button.
    #[prop(optional, into)]
    id: Option<String>,
    /// Whether it may be used, else why not.
    #[prop(optional)]
    availability: Availability,
    /// True while its work runs, such as `action.pending()`.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Field sent with the form when this button was pressed.
    #[prop(optional, into)]
    name: Option<String>,
    /// Value of that field.
    #[prop(optional, into)]
    value: Option<String>,
    /// Where the browser posts the form in place of the form's own address, without JavaScript.
    #[prop(optional, into)]
    formaction: Option<String>,
    /// Makes it a button of the page, not of its form. Only for what needs JavaScript anyway.
    #[prop(optional, into)]
    on_press: Option<Callback<()>>,
) -> impl IntoView {
    let reason_id = format!("{}-reason", id.clone().unwrap_or_else(|| super::slug(&label)));
    let blocked = availability.reason().is_some();
    let class = look.class();
    let kind = if blocked || on_press.is_some() { "button" } else { "submit" };
    let button = view! {
        <button
            type=kind
            id=id
            class=class
            class:button-icon=icon_only
            class:needs-js=on_press.is_some()
            name=name
            value=value
            formaction=formaction
            aria-disabled=move || (blocked || busy.get()).then_some("true")
            aria-busy=move || busy.get().then_some("true")
            aria-describedby=blocked.then(|| reason_id.clone())
            on:click=move |event| {
                if blocked || busy.get_untracked() {
                    event.prevent_default();
                } else if let Some(on_press) = on_press {
                    on_press.run(());
                }
            }
        >
            {content(icon, label, icon_only)}
        </button>
    };
    explained(button.into_any(), availability, reason_id)
}

/// A link that looks like a button. If it is unavailable it stays focusable, leads nowhere and says why.
#[component]
pub fn LinkButton(
    /// The visible words, and the accessible name.
    #[prop(into)]
    label: String,
    /// Where it leads.
    #[prop(into)]
    href: String,
    /// Weight.
    #[prop(optional)]
    look: Look,
    /// Icon before the words.
    #[prop(optional, into)]
    icon: Option<Icon>,
    /// Show the icon alone; `label` stays the name.
    #[prop(optional)]
    icon_only: bool,
    /// Id, which also names the tied reason.
    #[prop(optional, into)]
    id: Option<String>,
    /// Whether it may be used, else why not.
    #[prop(optional)]
    availability: Availability,
) -> impl IntoView {
    let reason_id = format!("{}-reason", id.clone().unwrap_or_else(|| super::slug(&label)));
    let class = look.class();
    let link = if availability.reason().is_some() {
        let described = reason_id.clone();
        view! {
            <a id=id class=class role="link" tabindex="0" aria-disabled="true" aria-describedby=described>
                {content(icon, label, icon_only)}
            </a>
        }
        .into_any()
    } else {
        view! { <a id=id class=class class:button-icon=icon_only href=href>{content(icon, label, icon_only)}</a> }
            .into_any()
    };
    explained(link, availability, reason_id)
}
