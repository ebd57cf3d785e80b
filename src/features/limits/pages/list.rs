//! The limits of the organisation, each with what was used of it.

use super::{
    form::{Around, SetOne},
    hook::AlertHook,
};
use crate::{
    features::limits::{
        functions::{DeleteLimit, DeleteLimitWebhook, LoadLimits, RaiseLimit, ResetLimit, SetLimit, SetLimitWebhook},
        model::{ASKED, Action, Doubt, Kind, Named, Page, Scope, Standing, Subject},
    },
    policy::Operation,
    site::routes::{self, Path},
    ui::{
        Gradual, Headed, Loaded, available,
        components::{Button, Column, EmptyState, Look, Note, PageHeader, Pill, Table, Time, Toast, Tone, TwoLines},
        form::{BareForm, Form, Refusal, use_form},
        icons::Icon,
        listing::use_asked,
        load_after,
        pages::{Done, page_title, param, use_slug},
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The forms of the page.
#[derive(Clone, Copy)]
pub struct Forms {
    pub set: Form<SetLimit>,
    pub reset: Form<ResetLimit>,
    pub raise: Form<RaiseLimit>,
    pub delete: Form<DeleteLimit>,
    pub hook: Form<SetLimitWebhook>,
    pub unhook: Form<DeleteLimitWebhook>,
}

#[component]
pub fn LimitsPage() -> impl IntoView {
    provide_context(Headed);
    let (slug, asked) = (use_slug(), use_asked(&ASKED));
    let forms = Forms {
        set: use_form(),
        reset: use_form(),
        raise: use_form(),
        delete: use_form(),
        hook: use_form(),
        unhook: use_form(),
    };
    let changes = [
        forms.set.successes(),
        forms.reset.successes(),
        forms.raise.successes(),
        forms.delete.successes(),
        forms.hook.successes(),
        forms.unhook.successes(),
    ];
    let data = load_after(
        move || changes.iter().map(|made| made.get()).sum::<u32>(),
        move || LoadLimits { slug: slug.get(), query: asked.get() },
    );
    forms.set.says_of(|doubts| Some(told("The limit is set", &doubts)));
    forms.reset.says(|| Toast::done("What was used is reset to zero"));
    forms.raise.says_of(|doubts| Some(told("The raise is saved", &doubts)));
    forms.delete.says(|| Toast::done("The limit is deleted"));
    forms.hook.says(|| Toast::done("The webhook is set"));
    forms.unhook.says(|| Toast::done("The webhook is deleted"));
    view! {
        <Title text=page_title("Limits") />
        <PageHeader
            title="Limits"
            sentence=|| "How fast and how much the organisation, its people, API keys and virtual keys may call. Every limit that holds for a call must leave room for it."
        />
        <Done said=&[
            ("saved", "The limit is set."),
            ("doubted", "The limit is set, but has no effect: see below."),
            ("reset", "What was used is reset to zero."),
            ("raised", "The raise is saved."),
            ("deleted", "The limit is deleted."),
            ("unhooked", "The webhook is deleted."),
        ] />
        <Loaded data view=move |page| view! { <Inside page slug=param("slug") forms /> }.into_any() />
    }
}

/// What was done, and what is odd about it.
fn told(done: &str, doubts: &[Doubt]) -> Toast {
    match doubts {
        [] => Toast::done(done),
        [doubt, ..] => Toast { tone: Tone::Warn, ..Toast::done(format!("{done}, but: {}", doubt.message)) },
    }
}

/// The page about one thing, or about one limit.
pub fn about(slug: &str, name: &'static str, value: &str) -> Path {
    routes::limits(slug).with(name, value)
}

#[component]
fn Inside(page: Page, slug: String, forms: Forms) -> impl IntoView {
    let Page { limits, of, subjects, changing, draft, doubts, blocked, hook, may_hook, now } = page;
    let whole = of.as_ref().map(|of| {
        let sentence = format!("Those on {} alone. ", of.name);
        view! { <p class="hint">{sentence}<a href=routes::limits(&slug).to_string()>"Show all limits"</a></p> }
    });
    let doubts = (!doubts.is_empty()).then(|| {
        let doubts: Vec<_> = doubts.into_iter().map(|doubt| view! { <li>{doubt}</li> }).collect();
        view! { <Note tone=Tone::Warn><span>"Some limits have no effect."</span><ul>{doubts}</ul></Note> }
    });
    let blocked = (!blocked.is_empty()).then(|| {
        let words = format!(
            "The policy for API keys requires a budget of its own that refuses calls for each key. These have none, and are blocked: {blocked}.",
        );
        view! { <Note tone=Tone::Bad>{words}</Note> }
    });
    let list = if limits.is_empty() {
        view! {
            <EmptyState
                title="No limits yet"
                sentence="Every call goes through, however many there are and whatever they cost. A budget for the organisation is a good first one."
            />
        }
        .into_any()
    } else {
        let columns = vec![
            Column::new("On"),
            Column::new("Limit"),
            Column::new("Used"),
            Column::new("Resets"),
            Column::new("State"),
            Column::actions(),
        ];
        let slug = slug.clone();
        let rows = Gradual::of(limits, move |limit| row(limit, &slug, now.0, forms.delete));
        view! { <Table caption="Limits" columns>{rows}</Table> }.into_any()
    };
    // It is about the organisation, and not about the one limit that is looked at.
    let hook = (may_hook && changing.is_none())
        .then(|| view! { <AlertHook hook now=now.0 set=forms.hook delete=forms.unhook /> });
    let around = changing.map(|changing| view! { <Around changing now=now.0 forms /> });
    view! {
        <div class="stack">
            {whole}
            {doubts}
            {blocked}
            <Refusal form=forms.delete />
            {list}
            <SetOne draft subjects of form=forms.set />
            {around}
            {hook}
        </div>
    }
}

/// Where the thing itself is shown.
fn href(slug: &str, limit: &Named) -> String {
    let id = limit.standing.limit.on.id;
    match (limit.standing.limit.on.scope, &limit.slug) {
        (Scope::ApiKey, _) => routes::api_key(slug, crate::kernel::KeyId(id)).to_string(),
        (Scope::VirtualKey, Some(key)) => routes::virtual_key(slug, key).to_string(),
        (Scope::Person, _) | (Scope::VirtualKey, None) => routes::team(slug).to_string(),
        (Scope::Organisation, _) => routes::limits(slug).with("on", &limit.standing.limit.on.text()).to_string(),
    }
}

/// What a limit is on, in a word.
pub const fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Organisation => "All calls",
        Scope::Person => "Person",
        Scope::ApiKey => "API key",
        Scope::VirtualKey => "Virtual key",
    }
}

/// How much of a limit is used, drawn and in words.
pub fn used(standing: &Standing) -> impl IntoView + use<> {
    let measure = standing.limit.is.measure;
    let (used, amount) = (standing.used, standing.amount);
    let words = format!("{} of {}", measure.words(used), measure.words(amount));
    // A drawing of shares: it need not be exact.
    let (value, most) = if amount == 0 { (1, 1) } else { (used.min(amount), amount) };
    view! {
        <span class="used">
            <meter min="0" max=most.to_string() value=value.to_string() aria-hidden="true"></meter>
            <span>{words}</span>
        </span>
    }
}

/// Whether anything is left of it, in a word.
pub fn state(standing: &Standing) -> impl IntoView + use<> {
    let raised = standing.limit.raised.filter(|_| standing.amount != standing.limit.is.amount);
    let pill = if standing.used >= standing.amount {
        match (standing.limit.is.action, standing.limit.is.kind) {
            (Action::Warn, _) => view! { <Pill tone=Tone::Warn label="Exceeded" /> }.into_any(),
            (Action::Block, Kind::Rate) => view! { <Pill tone=Tone::Warn label="Reached" /> }.into_any(),
            (Action::Block, Kind::Budget) => view! { <Pill tone=Tone::Bad label="Used up" /> }.into_any(),
        }
    } else if standing.used.saturating_mul(5) >= standing.amount.saturating_mul(4) {
        view! { <Pill tone=Tone::Warn label="Nearly used up" /> }.into_any()
    } else {
        view! { <Pill tone=Tone::Ok label="Within limit" /> }.into_any()
    };
    let warns = (standing.limit.is.action == Action::Warn).then_some("Only warns");
    let raised = raised.map(|raised| format!("Raised until {}", raised.until.date()));
    view! {
        {pill}
        {warns.map(|text| view! { <span class="hint">{text}</span> })}
        {raised.map(|text| view! { <span class="hint">{text}</span> })}
    }
}

fn row(limit: Named, slug: &str, now: i64, delete: Form<DeleteLimit>) -> impl IntoView + use<> {
    let href = href(slug, &limit);
    let Named { standing, name, .. } = limit;
    let id = standing.limit.id;
    let is = standing.limit.is.to_string();
    let change = format!("{}#limit", about(slug, "id", &id.to_string()));
    let label = format!("Delete the limit on {name} of {is}");
    let end = match standing.period.end {
        Some(end) => view! { <Time at=end.0 now ahead=true /> }.into_any(),
        None => view! { <span class="hint">"Never by itself"</span> }.into_any(),
    };
    let kind = if standing.limit.is.kind == Kind::Rate { "Rate" } else { "Budget" };
    view! {
        <tr>
            <th scope="row"><TwoLines first=name.clone() second=scope_word(standing.limit.on.scope) href /></th>
            <td data-label="Limit"><TwoLines first=is.clone() second=kind /></td>
            <td data-label="Used">{used(&standing)}</td>
            <td data-label="Resets">{end}</td>
            <td data-label="State">{state(&standing)}</td>
            <td class="row-actions">
                <a href=change>"Change"<span class="vh">{format!(" the limit on {name} of {is}")}</span></a>
                <BareForm form=delete>
                    <input type="hidden" name="id" value=id.to_string() />
                    <Button
                        label
                        look=Look::Quiet
                        icon=Icon::Close
                        icon_only=true
                        id=format!("delete-{id}")
                        busy=delete.busy()
                        availability=available(Operation::LimitDelete)
                    />
                </BareForm>
            </td>
        </tr>
    }
}

/// What a thing is called in the list of things.
pub fn subject_label(subject: &Subject) -> String {
    match subject.on.scope {
        Scope::Organisation => "The organisation: all calls together".to_owned(),
        scope => format!("{}: {}", scope_word(scope), subject.name),
    }
}
