//! The addresses of prompts and of partials.

use super::model::Kind;
use crate::site::routes::{self, Path};

pub fn list(kind: Kind, slug: &str) -> Path {
    match kind {
        Kind::Prompt => routes::prompts(slug),
        Kind::Partial => routes::partials(slug),
    }
}

pub fn new(kind: Kind, slug: &str) -> Path {
    match kind {
        Kind::Prompt => routes::new_prompt(slug),
        Kind::Partial => routes::new_partial(slug),
    }
}

pub fn item(kind: Kind, slug: &str, of: &str) -> Path {
    match kind {
        Kind::Prompt => routes::prompt(slug, of),
        Kind::Partial => routes::partial(slug, of),
    }
}

pub fn versions(kind: Kind, slug: &str, of: &str) -> Path {
    match kind {
        Kind::Prompt => routes::prompt_versions(slug, of),
        Kind::Partial => routes::partial_versions(slug, of),
    }
}

pub fn delete(kind: Kind, slug: &str, of: &str) -> Path {
    match kind {
        Kind::Prompt => routes::delete_prompt(slug, of),
        Kind::Partial => routes::delete_partial(slug, of),
    }
}
