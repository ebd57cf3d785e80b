//! Home's page.

mod example;
mod home;
mod palette;

pub use home::HomePage;
pub use palette::Palette;

use crate::{
    policy::Operation,
    site::routes,
    ui::{frame::Section, icons::Icon},
};

/// Home's place in the navigation, above all groups.
pub const SECTION: Section = Section {
    label: "Home",
    icon: Icon::Home,
    needs: Operation::Home,
    href: routes::organisation,
    steps: &[],
    help: "getting-started",
};
