//! Arguments and rows that both engines understand.

use crate::{
    kernel::{Error, Id},
    policy::Role,
};
use sqlx::{
    Arguments, Decode, FromRow, Postgres, Sqlite, Type,
    error::BoxDynError,
    postgres::{PgArguments, PgRow, PgTypeInfo, PgValueRef},
    sqlite::{SqliteArguments, SqliteRow, SqliteTypeInfo, SqliteValueRef},
};
use uuid::Uuid;

/// An argument of a statement. Each kind carries its own null, since PostgreSQL's nulls are typed.
#[derive(Clone, Debug)]
pub enum Value {
    Uuid(Option<Uuid>),
    Text(Option<String>),
    Int(Option<i64>),
    Bool(Option<bool>),
    Bytes(Option<Vec<u8>>),
    Json(Option<serde_json::Value>),
}

impl Value {
    /// The id that it is, if it is one.
    pub(super) fn uuid(&self) -> Option<Uuid> {
        match self {
            Value::Uuid(id) => *id,
            _ => None,
        }
    }
}

/// A row type that can be read from either engine: made with [`row!`].
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// Makes a structure readable as a row, each field from the column of its name.
///
/// As `sqlx`'s own derivation does; that one brings the drivers into the build a second time, for the compiler's side.
macro_rules! row {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$meta])*
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type),*
        }

        row! { @from ::sqlx::sqlite::SqliteRow, $name { $($field),* } }
        row! { @from ::sqlx::postgres::PgRow, $name { $($field),* } }
    };
    (@from $row:ty, $name:ident { $($field:ident),* }) => {
        impl<'r> ::sqlx::FromRow<'r, $row> for $name {
            fn from_row(row: &'r $row) -> ::sqlx::Result<Self> {
                Ok(Self { $($field: ::sqlx::Row::try_get(row, stringify!($field))?),* })
            }
        }
    };
}
pub(crate) use row;

macro_rules! from {
    ($($from:ty => |$v:ident| $to:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($v: $from) -> Self { $to }
        }
    )*};
}

from! {
    Uuid => |v| Value::Uuid(Some(v));
    Option<Uuid> => |v| Value::Uuid(v);
    String => |v| Value::Text(Some(storable(v)));
    &str => |v| Value::Text(Some(storable(v.to_owned())));
    &String => |v| Value::Text(Some(storable(v.clone())));
    Option<String> => |v| Value::Text(v.map(storable));
    Option<&str> => |v| Value::Text(v.map(|v| storable(v.to_owned())));
    i64 => |v| Value::Int(Some(v));
    Option<i64> => |v| Value::Int(v);
    crate::kernel::Timestamp => |v| Value::Int(Some(v.0));
    Option<crate::kernel::Timestamp> => |v| Value::Int(v.map(|t| t.0));
    bool => |v| Value::Bool(Some(v));
    Option<bool> => |v| Value::Bool(v);
    Vec<u8> => |v| Value::Bytes(Some(v));
    &[u8] => |v| Value::Bytes(Some(v.to_vec()));
    Option<Vec<u8>> => |v| Value::Bytes(v);
    [u8; 32] => |v| Value::Bytes(Some(v.to_vec()));
    serde_json::Value => |v| Value::Json(Some(v));
    Option<serde_json::Value> => |v| Value::Json(v);
    Role => |v| Value::Text(Some(v.name().to_owned()));
}

impl<I: Id> From<I> for Value {
    fn from(id: I) -> Self {
        Self::Uuid(Some(id.into()))
    }
}

impl<I: Id> From<Option<I>> for Value {
    fn from(id: Option<I>) -> Self {
        Self::Uuid(id.map(Into::into))
    }
}

/// Whatever bytes stand in a column of bytes, text or UUID: for those who verify what somebody else may have written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw(pub Vec<u8>);

impl Type<Sqlite> for Raw {
    fn type_info() -> SqliteTypeInfo {
        <Vec<u8> as Type<Sqlite>>::type_info()
    }

    fn compatible(_: &SqliteTypeInfo) -> bool {
        true
    }
}

impl<'r> Decode<'r, Sqlite> for Raw {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        <Vec<u8> as Decode<Sqlite>>::decode(value).map(Self)
    }
}

impl Type<Postgres> for Raw {
    fn type_info() -> PgTypeInfo {
        <Vec<u8> as Type<Postgres>>::type_info()
    }

    fn compatible(_: &PgTypeInfo) -> bool {
        true
    }
}

impl<'r> Decode<'r, Postgres> for Raw {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        // In the binary format, which prepared statements use, these types are their own bytes.
        value.as_bytes().map(|bytes| Self(bytes.to_vec()))
    }
}

/// PostgreSQL's text holds every character but NUL. Whoever asks for something by a text with one finds nothing, on
/// either engine, since none is stored.
pub fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// `values![id, name, now]`: the arguments of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::server::database::Value::from($value)),*] };
}
pub(crate) use values;

/// A pattern of `LIKE … ESCAPE '!'` that finds this text anywhere, as it is written.
pub fn containing(text: &str) -> String {
    format!("%{}%", text.replace('!', "!!").replace('%', "!%").replace('_', "!_"))
}

/// What the rows of a list say. One that cannot be read is left out, with an error in the program's log, so that it does
/// not take the others with it.
pub fn readable<R, T>(rows: impl IntoIterator<Item = R>, mut read: impl FnMut(R) -> Result<T, Error>) -> Vec<T> {
    let read = |row| {
        read(row).inspect_err(|error| tracing::error!(%error, "a row cannot be read and is left out of its list")).ok()
    };
    rows.into_iter().filter_map(read).collect()
}

/// Reads a stored role; one that is not known is a fault, never a lesser or greater role.
pub fn read_role(stored: &str) -> Result<Role, Error> {
    Role::parse(stored).ok_or_else(|| {
        tracing::error!(stored, "a stored role is not known");
        Error::internal()
    })
}

macro_rules! arguments {
    ($name:ident, $arguments:ty) => {
        pub(super) fn $name(values: Vec<Value>) -> Result<$arguments, sqlx::Error> {
            let mut arguments = <$arguments>::default();
            for value in values {
                match value {
                    Value::Uuid(v) => arguments.add(v),
                    Value::Text(v) => arguments.add(v),
                    Value::Int(v) => arguments.add(v),
                    Value::Bool(v) => arguments.add(v),
                    Value::Bytes(v) => arguments.add(v),
                    Value::Json(v) => arguments.add(v.map(sqlx::types::Json)),
                }
                .map_err(sqlx::Error::Encode)?;
            }
            Ok(arguments)
        }
    };
}

arguments!(sqlite_arguments, SqliteArguments);
arguments!(postgres_arguments, PgArguments);

#[cfg(test)]
mod tests {
    use super::containing;

    #[test]
    fn what_is_searched_for_is_taken_literally() {
        assert_eq!(containing("100%_!"), "%100!%!_!!%");
    }
}
