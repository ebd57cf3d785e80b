//! The settings' place in the console.

use crate::{
    policy::Operation,
    site::routes,
    ui::{frame::Section, icons::Icon},
};

/// The settings' place in the navigation.
pub const SECTION: Section = Section {
    label: "Settings",
    icon: Icon::Settings,
    needs: Operation::OrganisationSettings,
    href: routes::settings,
    steps: &[],
    help: "roles-and-keys",
};
