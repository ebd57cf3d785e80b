//! Lists on pages: what is searched, filtered, sorted and shown stands in the address, and is read and written here.

use super::components::{Chip, Chips, Choice, Column, EmptyState, Filters, LinkButton, Pager, Select, Sort};
use crate::{
    kernel::{Asked, Window, text::capital},
    site::routes::Path,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// What the address of this page asks of its list, which has these filters.
pub fn use_asked(filters: &'static [&'static str]) -> Memo<Asked> {
    let query = use_query_map();
    Memo::new(move |_| {
        query.with(|query| {
            let names = ["q", "sort", "page", "after", "before"].iter().chain(filters);
            names.fold(Asked::default(), |asked, name| asked.with(name, query.get(name).unwrap_or_default().trim()))
        })
    })
}

/// What was just done, if another page led here when it was.
pub fn use_done() -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| query.get("done").unwrap_or_default()))
}

/// The id of the row that was just made or changed, if another page led here when it was.
pub fn use_marked() -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| query.get("row").unwrap_or_default()))
}

/// A list as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its address, where nothing is asked for.
    pub path: Path,
    pub filters: &'static [&'static str],
    /// The order that it has where none is asked for, if that is one of a column.
    pub usual: &'static str,
    pub asked: Asked,
}

impl List {
    /// Whether anything is searched or filtered.
    pub fn is_narrowed(&self) -> bool {
        !self.asked.is_silent(&["q"]) || !self.asked.is_silent(self.filters)
    }

    /// How many of these filters narrow it.
    pub fn active(&self, filters: &[&str]) -> usize {
        filters.iter().filter(|name| !self.asked.get(name).is_empty()).count()
    }

    /// The address of its first page, sorted like this.
    fn sorted(&self, sort: &str) -> Path {
        let path = self.path.clone().with("q", self.asked.get("q"));
        self.filters.iter().fold(path, |path, name| path.with(name, self.asked.get(name))).with("sort", sort)
    }

    /// The address of its first page.
    fn first(&self) -> Path {
        self.sorted(self.asked.get("sort"))
    }

    /// A column by which it can be sorted: once more turns the order round.
    pub fn column(&self, label: &str, by: &'static str) -> Column {
        let sort = Some(self.asked.get("sort")).filter(|sort| !sort.is_empty()).unwrap_or(self.usual);
        let now = match sort.strip_prefix('-') {
            Some(sort) if sort == by => Some(Sort::Descending),
            None if sort == by => Some(Sort::Ascending),
            _ => None,
        };
        let next = match now {
            Some(Sort::Ascending) => format!("-{by}"),
            _ if by == self.usual => String::new(),
            _ => by.to_owned(),
        };
        Column::new(label).sorted_by(self.sorted(&next), now)
    }

    /// The address of its first page without what stands under a name.
    fn without(&self, name: &str) -> String {
        List { asked: self.asked.clone().with(name, ""), ..self.clone() }.first().to_string()
    }

    /// What narrows it, in words: a choice by its label, where the bar has told it, else what was typed.
    fn chips(&self, told: &[(&'static str, String)]) -> Vec<Chip> {
        let names = ["q"].iter().chain(self.filters);
        let active = names.filter(|name| !self.asked.get(name).is_empty());
        active
            .map(|&name| {
                let words = told.iter().find(|(known, _)| *known == name).map(|(_, words)| words.clone());
                let words = words.unwrap_or_else(|| match (name, self.asked.get(name)) {
                    ("q", sought) => format!("“{sought}”"),
                    (name, value) => format!("{}: {value}", capital(&name.replace('_', " "))),
                });
                Chip { name: name.to_owned(), words, href: self.without(name) }
            })
            .collect()
    }

    /// The choice of one filter, for [`FilterBar`].
    pub fn choice(&self, label: &'static str, name: &'static str, choices: Vec<Choice>) -> AnyView {
        if let Some(chosen) = choices.iter().find(|choice| choice.value() == self.asked.get(name)) {
            tell(name, format!("{label}: {}", chosen.label()));
        }
        view! { <Select compact=true hide_label=true label name choices selected=self.asked.get(name) /> }.into_any()
    }
}

/// What the fields of a bar say of themselves, for its chips.
#[derive(Clone, Copy)]
struct Told(StoredValue<Vec<(&'static str, String)>>);

/// Says what a field of this bar has chosen: "Status: Active".
pub fn tell(name: &'static str, words: String) {
    if let Some(Told(told)) = use_context::<Told>() {
        told.update_value(|told| told.push((name, words)));
    }
}

/// The bar of search and filters above a list, and below it what is active. It keeps the order.
#[component]
pub fn FilterBar(
    /// The list.
    list: List,
    /// The number of results in words, "12 keys".
    #[prop(into)]
    count: String,
    /// Where the form leads, if the list's address says already what is also a field.
    #[prop(optional, into)]
    action: Option<String>,
    /// Fields.
    children: Children,
) -> impl IntoView {
    let sort = list.asked.get("sort").to_owned();
    let told = StoredValue::new(Vec::new());
    provide_context(Told(told));
    let fields = children();
    let chips = told.with_value(|told| list.chips(told));
    let clear = list.path.clone().with("sort", &sort).to_string();
    view! {
        <Filters action=action.unwrap_or_else(|| list.path.into()) count>
            {fields}
            {(!sort.is_empty()).then(|| view! { <input type="hidden" name="sort" value=sort /> })}
        </Filters>
        <Chips chips clear />
    }
}

/// The way to the pages before and after this one; nothing where the list has one page.
#[component]
pub fn Pages(
    /// The list.
    list: List,
    /// What of it is shown.
    window: Window,
    /// How many rows there are over all pages.
    total: i64,
) -> impl IntoView {
    let (previous, next) = window.neighbours(total);
    let to = |page: i64| {
        let page = if page > 1 { page.to_string() } else { String::new() };
        list.first().with("page", &page).to_string()
    };
    let is_cut = previous.is_some() || next.is_some();
    is_cut.then(|| view! { <Pager previous=previous.map(to) next=next.map(to) words=window.words(total) /> })
}

/// The same for a list that is read from a place between two rows.
#[component]
pub fn Steps(
    /// The list.
    list: List,
    /// The place before which there is more.
    previous: Option<String>,
    /// The place after which there is more.
    next: Option<String>,
) -> impl IntoView {
    let previous = previous.map(|place| list.first().with("before", &place).to_string());
    let next = next.map(|place| list.first().with("after", &place).to_string());
    view! { <Pager previous next /> }
}

/// In place of the rows where nothing fits what is searched and filtered, with the way back to all.
#[component]
pub fn NothingFits(
    /// "No key fits".
    title: &'static str,
    /// What does not fit.
    sentence: &'static str,
    /// "Show all keys".
    label: &'static str,
    /// The address of all.
    href: Path,
) -> impl IntoView {
    view! {
        <EmptyState title sentence>
            <LinkButton label href />
        </EmptyState>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::routes;

    #[test]
    fn addresses_keep_what_is_asked_for_and_begin_at_the_first_page() {
        let asked = Asked::default().with("q", "a b").with("role", "admin").with("page", "3").with("odd", "x");
        let mut list = List { path: routes::team("north"), filters: &["role", "state"], usual: "role", asked };
        assert!(list.is_narrowed());
        assert_eq!(list.first().as_str(), "/o/north/team?q=a%20b&role=admin");
        assert_eq!(list.column("Role", "role"), column("Role", "&sort=-role", Some(Sort::Ascending)));
        assert_eq!(list.column("Name", "name"), column("Name", "&sort=name", None));
        list.asked = list.asked.with("sort", "-role");
        assert_eq!(list.column("Role", "role"), column("Role", "", Some(Sort::Descending)));
        list.asked = list.asked.with("sort", "name");
        assert_eq!(list.column("Name", "name"), column("Name", "&sort=-name", Some(Sort::Ascending)));
        let chips = list.chips(&[("role", "Role: Admin".into())]);
        let told: Vec<_> = chips.iter().map(|chip| (chip.words.as_str(), chip.href.as_str())).collect();
        assert_eq!(
            told,
            [("“a b”", "/o/north/team?role=admin&sort=name"), ("Role: Admin", "/o/north/team?q=a%20b&sort=name")]
        );
        assert!(!List { asked: Asked::default().with("sort", "name").with("page", "2"), ..list }.is_narrowed());
    }

    fn column(label: &str, rest: &str, now: Option<Sort>) -> Column {
        Column::new(label).sorted_by(format!("/o/north/team?q=a%20b&role=admin{rest}"), now)
    }
}
