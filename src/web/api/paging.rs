//! Lists in pages: numbered from 0, 50 items unless said otherwise, 100 at most.

use crate::kernel::{Asked, Error, Fields, Result, Window};
use serde::Serialize;
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr,
        schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type},
    },
};

const USUAL_SIZE: i64 = 50;
const LARGEST_SIZE: i64 = 100;
const LAST_PAGE: i64 = 1_000_000;

/// The span of time as the console's lists ask for it: a range by name, or `custom` with its ends.
///
/// # Errors
/// At `range`, when both are said, or a name that is none.
pub fn range_of(range: Option<String>, from: Option<&str>, to: Option<&str>) -> Result<String> {
    match (range, from, to) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            Err(Error::field("range", "Send range, or from and to, not both."))
        }
        (Some(range), None, None) if range != "custom" => Ok(range),
        (Some(_), None, None) => Err(Error::field("range", "This is one of 1h, 24h, 7d, 30d.")),
        (None, None, None) => Ok(String::new()),
        (None, ..) => Ok("custom".into()),
    }
}

/// The part of a list that the two parameters mean.
pub fn window(page_size: Option<i64>, current_page: Option<i64>) -> Result<Window> {
    let (limit, page) = (page_size.unwrap_or(USUAL_SIZE), current_page.unwrap_or(0));
    let mut fields = Fields::default();
    if !(1..=LARGEST_SIZE).contains(&limit) {
        fields.refuse("page_size", format!("A page has 1 to {LARGEST_SIZE} items."));
    }
    if !(0..=LAST_PAGE).contains(&page) {
        fields.refuse("current_page", format!("Pages are numbered from 0 to {LAST_PAGE}."));
    }
    fields.finish()?;
    Ok(Window { offset: page * limit, limit, or_last: false })
}

/// What a list is asked for by the parameters that were sent.
pub fn asked<const N: usize>(parameters: [(&str, Option<String>); N]) -> Asked {
    let sent = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
    sent.fold(Asked::default(), |asked, (name, value)| asked.with(name, value))
}

/// Refuses a parameter that is none of these names. An order may have `-` before its name.
pub fn one_of(fields: &mut Fields, asked: &Asked, parameter: &str, names: &[&str]) {
    let (value, mut known) = (asked.get(parameter), names.join(", "));
    let mut name = value;
    if parameter == "sort" {
        name = value.strip_prefix('-').unwrap_or(value);
        known.push_str(", with or without a - before it");
    }
    if !value.is_empty() && !names.contains(&name) {
        fields.refuse(parameter, format!("This must be one of {known}."));
    }
}

/// A page of a list.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct List<T> {
    object: &'static str,
    /// How many there are over all pages.
    pub total: i64,
    pub data: Vec<T>,
}

impl<T> List<T> {
    pub fn new(total: i64, data: Vec<T>) -> Self {
        Self { object: "list", total, data }
    }

    pub fn map<U>(self, with: impl FnMut(T) -> U) -> List<U> {
        List { object: self.object, total: self.total, data: self.data.into_iter().map(with).collect() }
    }
}

impl<T: ToSchema> PartialSchema for List<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from(Type::Object))
            .property("object", ObjectBuilder::new().schema_type(SchemaType::from(Type::String)))
            .property("total", ObjectBuilder::new().schema_type(SchemaType::from(Type::Integer)))
            .property("data", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .required("object")
            .required("total")
            .required("data")
            .into()
    }
}

impl<T: ToSchema> ToSchema for List<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}List", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_bounded() {
        assert_eq!(window(None, None), Ok(Window { offset: 0, limit: 50, or_last: false }));
        assert_eq!(window(Some(10), Some(2)).map(|window| window.offset), Ok(20));
        assert!(window(Some(100), Some(LAST_PAGE)).is_ok());
        for (size, page) in [(0, 0), (101, 0), (-1, 0), (1, -1), (1, LAST_PAGE + 1), (i64::MAX, i64::MAX)] {
            assert!(window(Some(size), Some(page)).is_err());
        }
    }

    #[test]
    fn parameters_are_of_the_names_that_are_known() {
        let refused = |value: &str| {
            let mut fields = Fields::default();
            one_of(&mut fields, &asked([("sort", Some(value.to_owned())), ("q", None)]), "sort", &["name"]);
            fields.finish().is_err()
        };
        assert!(!refused("") && !refused("name") && !refused("-name"));
        assert!(refused("-") && refused("--name") && refused("names"));
    }
}
