//! The page behind the link of an invitation. Looking at it changes nothing; only its buttons answer.

use crate::{
    features::{
        accounts::functions::SignOut,
        team::invitations::{
            functions::{AcceptInvitation, AcceptMyInvitation, DeclineInvitation, JoinByInvitation, ViewInvitation},
            model::{Shown, State},
        },
    },
    kernel::{InvitationId, Secret, Timestamp},
    policy::Role,
    site::routes,
    ui::{
        Loaded,
        components::{Availability, Button, Field, FieldKind, LinkButton, Look, date_text, relative_text},
        form::{Form, FormFor, use_form},
        frame::PlainFrame,
        load,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// The page's forms, and what its address names.
#[derive(Clone, Copy)]
struct Forms {
    accept: Form<AcceptInvitation>,
    accept_mine: Form<AcceptMyInvitation>,
    decline: Form<DeclineInvitation>,
    join: Form<JoinByInvitation>,
    sign_out: Form<SignOut>,
    token: StoredValue<String>,
}

#[component]
pub fn InvitationPage() -> impl IntoView {
    let query = use_query_map();
    let named = Memo::new(move |_| {
        query.with(|query| (query.get("token").unwrap_or_default(), query.get("id").unwrap_or_default()))
    });
    let shown = load(move || {
        let (token, id) = named.get();
        ViewInvitation { token: Secret::new(token), id }
    });
    let forms = Forms {
        accept: use_form(),
        accept_mine: use_form(),
        decline: use_form(),
        join: use_form(),
        sign_out: use_form(),
        token: StoredValue::new(named.get_untracked().0),
    };
    view! {
        <Title text="Invitation" />
        <Loaded data=shown view=move |shown| page(shown, forms) />
    }
}

fn page(shown: Shown, forms: Forms) -> AnyView {
    match shown {
        Shown::Open { id, organisation, inviter, role, email, expires_at, now, signed_in } => {
            let offer = Offer { id, organisation, inviter, role, email, expires_at, now };
            if signed_in {
                view! { <Answer offer forms /> }.into_any()
            } else {
                view! { <Join offer forms /> }.into_any()
            }
        }
        Shown::ForSomeoneElse { organisation, signed_in_as } => view! {
            <PlainFrame
                title=format!("An invitation to {organisation}")
                sentence=move || format!("It was sent to another address than that of this account, {signed_in_as}.")
                below=|| "If it is yours under another address, sign out and open the link again. If not, ask whoever sent it for one to this address."
            >
                <div class="stack">
                    <FormFor form=forms.sign_out problem="You are still signed in">
                        <Button look=Look::Primary label="Sign out" busy=forms.sign_out.busy() />
                    </FormFor>
                    <LinkButton label="Back" href=routes::home() />
                </div>
            </PlainFrame>
        }
        .into_any(),
        Shown::Over { organisation, inviter, state } => {
            let what = match state {
                State::Accepted => "It was accepted already. If that was you, sign in.",
                State::Declined => "It was declined.",
                State::Revoked => "It was revoked.",
                State::Expired | State::Pending => "It has expired.",
            };
            let ask = format!("{inviter}, or any Owner or Admin there, can send a new one.");
            view! {
                <PlainFrame title=format!("The invitation to {organisation} is over") sentence=move || what below=move || ask.clone()>
                    <LinkButton label="To Latchkey" href=routes::home() />
                </PlainFrame>
            }
            .into_any()
        }
    }
}

/// What an invitation offers.
#[derive(Clone)]
struct Offer {
    id: InvitationId,
    organisation: String,
    inviter: String,
    role: Role,
    email: String,
    expires_at: Timestamp,
    now: Timestamp,
}

impl Offer {
    fn title(&self) -> String {
        format!("Join {}", self.organisation)
    }

    fn sentence(&self) -> String {
        format!("{} invites you as {}. {}", self.inviter, self.role.label(), self.role.sentence())
    }

    fn term(&self) -> String {
        let left = relative_text(self.expires_at.0, self.now.0);
        format!("For {}. It expires {left}, on {}.", self.email, date_text(self.expires_at.0))
    }
}

/// For the person whom it is for, signed in.
#[component]
fn Answer(offer: Offer, forms: Forms) -> impl IntoView {
    let (title, sentence, term) = (offer.title(), offer.sentence(), offer.term());
    let token = forms.token.get_value();
    let decline_by = if token.is_empty() { ("id", offer.id.to_string()) } else { ("token", token.clone()) };
    let accept = if token.is_empty() {
        view! {
            <FormFor form=forms.accept_mine problem="You did not join">
                <input type="hidden" name="id" value=offer.id.to_string() />
                <Button look=Look::Primary label="Accept" busy=forms.accept_mine.busy() />
            </FormFor>
        }
        .into_any()
    } else {
        view! {
            <FormFor form=forms.accept problem="You did not join">
                <input type="hidden" name="token" value=token />
                <Button look=Look::Primary label="Accept" busy=forms.accept.busy() />
            </FormFor>
        }
        .into_any()
    };
    view! {
        <PlainFrame title sentence=move || sentence.clone() below=move || term.clone()>
            <div class="stack">
                {accept}
                <FormFor form=forms.decline problem="It was not declined" errors_id="decline-errors">
                    <input type="hidden" name=decline_by.0 value=decline_by.1 />
                    <Button label="Decline" busy=forms.decline.busy() />
                </FormFor>
            </div>
        </PlainFrame>
    }
}

/// For whoever is signed out: a new account, or signing in with the one that they have.
#[component]
fn Join(offer: Offer, forms: Forms) -> impl IntoView {
    let (title, sentence, term) = (offer.title(), offer.sentence(), offer.term());
    let token = forms.token.get_value();
    let form = forms.join;
    let sign_in = routes::sign_in().with("next", routes::invitation(&token).as_str());
    view! {
        <PlainFrame title sentence=move || sentence.clone() below=move || term.clone()>
            <div class="stack">
                <FormFor form problem="You did not join">
                    <input type="hidden" name="token" value=token />
                    <Field
                        label="E-mail"
                        name="email"
                        kind=FieldKind::Email
                        value=offer.email.clone()
                        autocomplete="username"
                        availability=Availability::when(false, "The invitation is for this address.")
                    />
                    <Field
                        label="Your name"
                        name="name"
                        autocomplete="name"
                    />
                    <Field
                        label="Password"
                        name="password"
                        kind=FieldKind::Password
                        hint=Signal::stored("At least 8 characters. A sentence is a good choice.".to_owned())
                        autocomplete="new-password"
                    />
                    <Button look=Look::Primary label="Create account and join" busy=form.busy() />
                </FormFor>
                <div>"You have an account already? " <a href=sign_in.to_string()>"Sign in to accept"</a></div>
            </div>
        </PlainFrame>
    }
}
