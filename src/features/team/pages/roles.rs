//! What each role can do, drawn from the policy itself.

use super::titled;
use crate::{
    features::team::model::key_of,
    policy::{Feature, Operation, Permission, Role, bitting},
    site::routes,
    ui::{
        bitting::{Bitting, KeySize},
        can,
        components::{Card, Column, LinkButton, PageHeader, Table, Tag},
        pages::use_slug,
        use_place,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn RolesPage() -> impl IntoView {
    let slug = use_slug();
    let own = use_place().map(|place| place.role);
    let keys: Vec<_> = Role::ALL.into_iter().map(|role| view! { <RoleCard role own=own == Some(role) /> }).collect();
    let columns =
        std::iter::once(Column::new("Feature")).chain(Role::ALL.map(|role| Column::new(role.label()))).collect();
    let rows: Vec<_> = Feature::ALL
        .into_iter()
        .map(|feature| {
            let cells: Vec<_> = Role::ALL
                .into_iter()
                .map(|role| {
                    let less = lacks(feature, role);
                    view! {
                        <td class="wide" data-label=role.label()>
                            <span class="two-lines two-plain">
                                <span>{words(feature, role)}</span>
                                {less.map(|less| view! { <span class="cell-second">{less}</span> })}
                            </span>
                        </td>
                    }
                })
                .collect();
            view! {
                <tr>
                    <th scope="row">
                        <span class="cell-first">
                            <span class="cell-name">{feature.label()}</span>
                            {differs(feature).then(|| view! { <Tag label="Differs" /> })}
                        </span>
                    </th>
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
            {(!can(Operation::OrganisationSettings))
                .then(|| {
                    view! { <LinkButton label="Leave the organisation" href=routes::leave(&slug.get_untracked()) /> }
                })}
        </PageHeader>
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
            </div>
        </Card>
    }
}

fn verbs(feature: Feature, fits: impl Fn(Permission) -> bool) -> Vec<&'static str> {
    let all = Permission::ALL.iter().copied();
    all.filter(|permission| permission.feature() == feature && fits(*permission)).map(Permission::verb).collect()
}

/// The verbs of a feature that a role may do: "list, view, create"; a dash for none.
fn words(feature: Feature, role: Role) -> String {
    let verbs = verbs(feature, |permission| role.holds(permission));
    if verbs.is_empty() { "–".to_owned() } else { verbs.join(", ") }
}

/// What a role may not do of a feature in which it may do something, as an Owner may: "not publish, delete".
fn lacks(feature: Feature, role: Role) -> Option<String> {
    let less = verbs(feature, |permission| Role::Owner.holds(permission) && !role.holds(permission));
    let some = !verbs(feature, |permission| role.holds(permission)).is_empty();
    (some && !less.is_empty()).then(|| format!("not {}", less.join(", ")))
}

/// Whether the roles differ in a feature.
fn differs(feature: Feature) -> bool {
    Role::ALL.into_iter().any(|role| words(feature, role) != words(feature, Role::Owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_policy_says() {
        assert_eq!(words(Feature::Configs, Role::Member), "list, view, create");
        assert_eq!(words(Feature::Billing, Role::Owner), "manage");
        assert_eq!(words(Feature::Billing, Role::Admin), "–");
        assert_eq!(lacks(Feature::Billing, Role::Admin), None, "a dash says it");
        assert_eq!(lacks(Feature::Configs, Role::Owner), None);
        assert!(lacks(Feature::Configs, Role::Member).is_some_and(|less| less.starts_with("not ")));
        assert!(differs(Feature::Billing));
        assert_eq!(words(Feature::Team, Role::Admin), "view, add users, assign roles, remove users");
    }
}
