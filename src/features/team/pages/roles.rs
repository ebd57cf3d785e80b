//! What each role can do, drawn from the policy itself.

use super::titled;
use crate::{
    features::team::model::key_of,
    policy::{Feature, Permission, Role, bitting, summary},
    site::routes,
    ui::{
        bitting::{Bitting, KeySize},
        components::{Card, Column, LinkButton, Note, PageHeader, Table, Tag, Tone},
        pages::use_slug,
        use_place,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn RolesPage() -> impl IntoView {
    let slug = use_slug();
    let place = use_place();
    let own = place.as_ref().map(|place| place.role);
    let joined = use_query_map().with_untracked(|query| query.get("joined").is_some());
    let welcome = place.filter(|_| joined).map(|place| {
        let start = routes::organisation(&place.slug);
        view! {
            <Note tone=Tone::Ok action=move || view! { <LinkButton label="Start" href=start.clone() /> }>
                <strong>{format!("You belong to {} now, as {}.", place.name, place.role.label())}</strong>
                " "
                {place.role.sentence()}
            </Note>
        }
    });
    let keys: Vec<_> = Role::ALL.into_iter().map(|role| view! { <RoleCard role own=own == Some(role) /> }).collect();
    let columns =
        std::iter::once(Column::new("Feature")).chain(Role::ALL.map(|role| Column::new(role.label()))).collect();
    let rows: Vec<_> = Feature::ALL
        .into_iter()
        .map(|feature| {
            let cells: Vec<_> = Role::ALL
                .into_iter()
                .map(|role| view! { <td class="wide" data-label=role.label()>{words(feature, role)}</td> })
                .collect();
            view! {
                <tr>
                    <th scope="row"><span class="cell-name">{feature.label()}</span></th>
                    {cells}
                </tr>
            }
        })
        .collect();
    view! {
        <Title text=titled("Roles") />
        <PageHeader
            title="Roles"
            sentence=|| "What each role can do here. The server decides by this same table."
        >
            <LinkButton label="Leave the organisation" href=routes::leave(&slug.get_untracked()) />
        </PageHeader>
        {welcome}
        <div class="fields role-cards">{keys}</div>
        <Table caption="What each role can do" columns dense=true>{rows}</Table>
    }
}

/// A role as a key: its teeth are what it may do of all that keys can do.
#[component]
fn RoleCard(role: Role, own: bool) -> impl IntoView {
    let set = key_of(role);
    let tag = move || own.then(|| view! { <Tag label="You" /> });
    view! {
        <Card title=role.plural() actions=tag>
            <div class="stack">
                <Bitting teeth=bitting(set) size=KeySize::Large />
                <div>{role.sentence()}</div>
                <div class="hint">{summary(set)}</div>
            </div>
        </Card>
    }
}

/// The verbs of a feature that a role may do: "list, view, create"; a dash for none.
fn words(feature: Feature, role: Role) -> String {
    let verbs: Vec<_> = Permission::ALL
        .iter()
        .copied()
        .filter(|permission| permission.feature() == feature && role.holds(*permission))
        .map(Permission::verb)
        .collect();
    if verbs.is_empty() { "–".to_owned() } else { verbs.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_policy_says() {
        assert_eq!(words(Feature::Configs, Role::Member), "list, view, create");
        assert_eq!(words(Feature::Billing, Role::Owner), "manage");
        assert_eq!(words(Feature::Billing, Role::Admin), "–");
        assert_eq!(words(Feature::Team, Role::Admin), "view, add users, assign roles, remove users");
    }
}
