//! Prompts: templates that are parsed first and rendered afterwards, text by text, so that no value can change what a
//! prompt is made of.
//!
//! A [`Template`] is one text with tags of the Mustache language (<https://mustache.github.io>; the tests hold it to the
//! public specification, <https://github.com/mustache/spec>, less HTML escaping and functions). A [`Prompt`] is a stored
//! version: messages or one text, checked and compiled once, rendered often. [`Prompt::render`] fills it with
//! [`Variables`], which are never rendered again. Everything that a template or its values could blow up is bounded:
//! depth, output and work. No input or output, no clock.

mod data;
mod outcome;
mod prompt;
mod render;
mod shape;
mod template;

pub use data::Variables;
pub use outcome::{Code, Output, Refusal, Rendered, Warning};
pub use prompt::{Kind, Prompt, Source, plain};
pub use render::Partials;
pub use template::{Names, Template, partial_name};

/// The most bytes of a prompt's or a partial's text.
pub const MAX_TEXT: usize = 1 << 20;
/// The most tags of one text.
pub const MAX_TAGS: usize = 10_000;
/// The most bytes of a name in a tag, and of the slug of a partial.
pub const MAX_NAME: usize = 200;
/// Sections within one another in one text.
pub const MAX_SECTIONS: usize = 64;
/// Sections and partials within one another while a prompt is rendered.
pub const MAX_DEPTH: usize = 200;
/// The most bytes that a prompt is rendered to.
pub const MAX_OUTPUT: usize = 8 << 20;
/// The most steps of one rendering: a tag or text visited, a round of a section, a place where a name is looked for,
/// every 256 bytes that are written; a partial is eight.
pub const MAX_STEPS: usize = 1_000_000;
/// The most names of one kind that warnings and refusals tell.
pub const MAX_TOLD: usize = 1_000;
/// The most partials that are followed when names are gathered.
pub const MAX_PARTIALS: usize = 1_000;
/// The variables and sections after which no more partials are followed.
pub const MAX_NAMES: usize = 100_000;

#[cfg(test)]
mod tests;
