//! Lists in pages: numbered from 0, 50 items unless said otherwise, 100 at most.

use crate::kernel::{Error, Fields, Result};
use serde::Serialize;
use std::{borrow::Cow, future::Future};
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

/// A part of a list: `limit` items from `offset` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub offset: i64,
    pub limit: i64,
}

impl Window {
    /// The window that the two parameters mean.
    pub fn of(page_size: Option<i64>, current_page: Option<i64>) -> Result<Self> {
        let (limit, page) = (page_size.unwrap_or(USUAL_SIZE), current_page.unwrap_or(0));
        let mut fields = Fields::default();
        if !(1..=LARGEST_SIZE).contains(&limit) {
            fields.refuse("page_size", format!("A page has 1 to {LARGEST_SIZE} items."));
        }
        if !(0..=LAST_PAGE).contains(&page) {
            fields.refuse("current_page", format!("Pages are numbered from 0 to {LAST_PAGE}."));
        }
        fields.finish()?;
        Ok(Self { offset: page * limit, limit })
    }

    /// Puts the window together from pages of another length, numbered from 1. `fetch` gives a page and how many items
    /// there are over all pages.
    pub async fn gather<T, F>(self, length: i64, mut fetch: impl FnMut(i64) -> F) -> Result<List<T>>
    where
        F: Future<Output = Result<(Vec<T>, i64)>>,
    {
        let (mut data, mut total) = (Vec::new(), 0);
        let end = self.offset + self.limit;
        for page in self.offset / length..=(end - 1) / length {
            let (items, all) = fetch(page + 1).await?;
            total = all;
            let within = items.into_iter().zip(page * length..).filter(|(_, at)| (self.offset..end).contains(at));
            data.extend(within.map(|(item, _)| item));
            if (page + 1) * length >= total {
                break;
            }
        }
        Ok(List { object: "list", total, data })
    }

    /// Cuts the window out of a whole list.
    pub fn cut<T>(self, all: Vec<T>) -> Result<List<T>> {
        let number = |n: i64| usize::try_from(n).map_err(|_| Error::internal());
        let total = i64::try_from(all.len()).map_err(|_| Error::internal())?;
        let data = all.into_iter().skip(number(self.offset)?).take(number(self.limit)?).collect();
        Ok(List { object: "list", total, data })
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
    use std::future::ready;

    async fn gathered(window: Window, all: i64, length: i64) -> (Vec<i64>, Vec<i64>) {
        let mut asked = vec![];
        let list = window
            .gather(length, |page| {
                asked.push(page);
                let items = ((page - 1) * length..all.min(page * length)).collect();
                ready(Ok((items, all)))
            })
            .await
            .expect("a list");
        assert_eq!(list.total, all);
        (list.data, asked)
    }

    #[tokio::test]
    async fn windows_are_put_together_from_pages() {
        let window = |size, page| Window::of(Some(size), Some(page)).expect("a window");
        assert_eq!(gathered(window(100, 0), 60, 25).await, ((0..60).collect(), vec![1, 2, 3]));
        assert_eq!(gathered(window(10, 2), 60, 25).await, ((20..30).collect(), vec![1, 2]));
        assert_eq!(gathered(window(25, 1), 60, 25).await, ((25..50).collect(), vec![2]));
        assert_eq!(gathered(window(50, 1), 60, 25).await, ((50..60).collect(), vec![3]));
        assert_eq!(gathered(window(7, 0), 0, 25).await, (vec![], vec![1]));
        assert_eq!(gathered(window(1, 70), 60, 25).await, (vec![], vec![3]));
    }

    #[test]
    fn pages_are_bounded() {
        assert_eq!(Window::of(None, None), Ok(Window { offset: 0, limit: 50 }));
        assert!(Window::of(Some(100), Some(LAST_PAGE)).is_ok());
        for (size, page) in [(0, 0), (101, 0), (-1, 0), (1, -1), (1, LAST_PAGE + 1), (i64::MAX, i64::MAX)] {
            assert!(Window::of(Some(size), Some(page)).is_err());
        }
        assert_eq!(
            Window { offset: 2, limit: 2 }.cut(vec![1, 2, 3]).map(|list| (list.total, list.data)),
            Ok((3, vec![3]))
        );
    }
}
