//! The field that takes many addresses. Without JavaScript it is one of several lines; with it each address becomes a chip as
//! soon as it is whole, and those that would not be invited are marked before anything is sent.

use crate::{
    features::team::{
        invitations::{
            functions::CheckAddresses,
            model::{BATCH_LIMIT, addresses, whole},
        },
        pages::counted,
    },
    ui::{
        Sending,
        components::{Field, FieldKind, announce, dom},
        icons::{Glyph, Icon},
        pages::param,
        parse, reactive,
    },
};
use leptos::{ev::KeyboardEvent, prelude::*};
use std::time::Duration;

/// How long typing rests before the server is asked.
const REST: Duration = Duration::from_millis(300);
/// Name and id of the field.
const FIELD: &str = "addresses";

/// The addresses that are whole, and what stands in the field behind them.
#[derive(Clone, Copy)]
struct Addresses {
    /// Each with a number of its own.
    chips: RwSignal<Vec<(u32, String)>>,
    text: RwSignal<String>,
    next: StoredValue<u32>,
    /// What the server says of addresses, each as it was asked: why it would not be invited, if it would not.
    told: RwSignal<Vec<(String, Option<String>)>>,
}

impl Addresses {
    /// Makes chips of what is whole.
    fn settle(self) {
        let typed = self.text.get();
        let (done, rest) = typed.split_at(whole(&typed));
        if done.is_empty() {
            return;
        }
        let found = addresses(done);
        self.chips.update(|chips| {
            for address in found {
                chips.push((self.next.get_value(), address));
                self.next.update_value(|next| *next += 1);
            }
        });
        self.text.set(rest.trim_start().to_owned());
    }

    fn remove(self, id: u32) {
        let gone = self.chips.with_untracked(|chips| chips.iter().find(|chip| chip.0 == id).map(|chip| chip.1.clone()));
        self.chips.update(|chips| chips.retain(|chip| chip.0 != id));
        if let Some(address) = gone {
            announce(&format!("{address} is removed"));
        }
        if let Some(field) = dom::by_id(FIELD) {
            let _ = field.focus();
        }
    }

    /// What nobody has said anything about yet, one a line.
    fn unknown(self) -> String {
        let mut all = self.chips.with(|chips| chips.iter().map(|chip| chip.1.clone()).collect::<Vec<_>>());
        all.extend(self.text.with(|text| addresses(text)));
        self.told.with(|told| {
            all.retain(|address| looks_like_one(address) && !told.iter().any(|(known, _)| is_same(known, address)));
        });
        all.truncate(BATCH_LIMIT);
        all.join("\n")
    }

    /// Why an address would not be invited; `before` are those that stand before it.
    fn trouble(self, address: &str, before: &[(u32, String)]) -> Option<String> {
        if before.iter().any(|(_, other)| is_same(other, address)) {
            return Some("Is here twice. It counts once.".into());
        }
        if !looks_like_one(address) {
            return Some("This is no e-mail address.".into());
        }
        self.told.with(|told| told.iter().find(|(known, _)| is_same(known, address)).and_then(|(_, why)| why.clone()))
    }

    fn trouble_of(self, id: u32) -> Option<String> {
        self.chips.with(|chips| {
            let at = chips.iter().position(|chip| chip.0 == id)?;
            self.trouble(&chips[at].1, &chips[..at])
        })
    }

    /// How many there are, and what is wrong with those that still stand in the field.
    fn hint(self) -> String {
        let chips = self.chips.get();
        let typed = self.text.with(|text| addresses(text));
        let count = chips.len() + typed.len();
        if count == 0 {
            return "Separate them by commas, spaces or new lines. Pasting Ada <ada@example.org> works too.".into();
        }
        let troubles =
            typed.iter().filter_map(|address| Some(format!(" {address}: {}", self.trouble(address, &chips)?)));
        let count = counted(i64::try_from(count).unwrap_or(i64::MAX), "address", "addresses");
        format!("{count}.{}", troubles.collect::<String>())
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Something before an `@` and something behind it; the server looks closer.
fn looks_like_one(address: &str) -> bool {
    address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

#[component]
pub fn AddressField(
    /// What stands in it at first.
    typed: String,
) -> impl IntoView {
    let all = Addresses {
        chips: RwSignal::new(vec![]),
        text: RwSignal::new(typed),
        next: StoredValue::new(0),
        told: RwSignal::new(vec![]),
    };
    Effect::new(move |_| all.settle());
    ask(all);
    let lines = move || all.chips.with(|chips| chips.iter().map(|chip| chip.1.as_str()).collect::<Vec<_>>().join("\n"));
    view! {
        <div class="stack">
            <Field
                label="E-mail addresses"
                name=FIELD
                kind=FieldKind::Textarea { rows: 5 }
                bind=all.text
                hint=Signal::derive(move || all.hint())
            />
            // Whoever leaves the page is asked about its text, as about any field's.
            <textarea hidden name="chips" prop:value=lines></textarea>
            {reactive(move || {
                (!all.chips.with(Vec::is_empty))
                    .then(|| {
                        view! {
                            <ul class="chips address-chips" aria-label="Addresses to invite">
                                <For each=move || all.chips.get() key=|chip| chip.0 let:chip>
                                    <AddressChip id=chip.0 address=chip.1 all />
                                </For>
                            </ul>
                        }
                    })
            })}
        </div>
    }
}

#[component]
fn AddressChip(id: u32, address: String, all: Addresses) -> impl IntoView {
    let trouble = Memo::new(move |_| all.trouble_of(id));
    let remove_by_key = move |event: KeyboardEvent| {
        if matches!(event.key().as_str(), "Delete" | "Backspace") {
            event.prevent_default();
            all.remove(id);
        }
    };
    view! {
        <li class="chip" class:chip-bad=move || trouble.with(Option::is_some)>
            <span class="chip-words">
                {address.clone()}
                {reactive(move || trouble.get().map(|why| view! { <span class="chip-why">{format!(" {why}")}</span> }))}
            </span>
            <button type="button" class="chip-remove" on:click=move |_| all.remove(id) on:keydown=remove_by_key>
                <Glyph icon=Icon::Close />
                <span class="vh">{format!("Remove {address}")}</span>
            </button>
        </li>
    }
}

/// Asks the server about addresses that it has said nothing of, once typing rests.
fn ask(all: Addresses) {
    let sending = Sending::to::<CheckAddresses>();
    let slug = param("slug");
    let newest = StoredValue::new(0_u32);
    Effect::new(move |_| {
        let addresses = all.unknown();
        newest.update_value(|newest| *newest += 1);
        if addresses.is_empty() {
            return;
        }
        let (mine, slug) = (newest.get_value(), slug.clone());
        set_timeout(
            move || {
                if newest.try_get_value() == Some(mine) {
                    sending.send_arguments(&CheckAddresses { slug, addresses });
                }
            },
            REST,
        );
    });
    Effect::new(move |_| {
        let Some(Ok(json)) = sending.answer().get() else { return };
        if let Ok(answers) = parse::<Vec<(String, Option<String>)>>(&json) {
            all.told.update(|told| told.extend(answers));
        }
    });
}
