//! The parts that pages are made of.
//!
//! Everything works as plain links and forms first; hydration only adds comfort. A page looks like this:
//!
//! ```ignore
//! view! {
//!     <PageHeader title="API keys" sentence=|| "Each key opens exactly what it was cut for.">
//!         <LinkButton look=Look::Primary icon=Icon::Plus label="New key" href=routes::new_api_key(&slug) />
//!     </PageHeader>
//!     <Note tone=Tone::Warn action=move || view! { <LinkButton label="Rotate" href=rotate.clone() /> }>
//!         <strong>"ci-deploy"</strong>" expires in 12 days."
//!     </Note>
//!     <Filters action=urls::keys(&slug) count="12 keys">
//!         <SearchField label="Name, or paste a key" value=filter.q />
//!         <Select compact=true hide_label=true label="Status" name="status" choices=statuses selected=filter.status />
//!     </Filters>
//!     <Table caption="API keys" columns=vec![Column::new("Key"), Column::new("Permissions"), Column::actions()]>
//!         {keys.into_iter().map(|key| view! {
//!             <tr>
//!                 <th scope="row"><TwoLines first=key.name second=key.visible mono=true href=key.href /></th>
//!                 <td class="wide bare"><span class="cut"><Bitting teeth=key.teeth />{key.words}</span></td>
//!                 <td class="row-actions">
//!                     <RowMenu id=format!("menu-{}", key.id) label=format!("Actions for {}", key.name)>
//!                         <MenuLink label="Edit" href=key.edit />
//!                     </RowMenu>
//!                 </td>
//!             </tr>
//!         }).collect::<Vec<_>>()}
//!     </Table>
//!     <Pager previous next />
//! }
//! ```
//!
//! Forms: `<FormFor form><Field …/><Select …/><div class="form-end"><Button look=Look::Primary label="Save"
//! busy=form.busy() /></div></FormFor>` with `form` from `use_form`, inside a [`Card`].
//!
//! Rules that the parts keep, so that pages need not think of them:
//! - Each control takes its accessible name as `label` (a required prop). `hide_label` and `icon_only` hide it from view only.
//! - What may not be used takes an [`Availability`]: it stays visible and focusable, and the reason stands beside it, tied to it.
//! - Ids come from props. In rows pass an `id` that holds the row's id.
//! - Props that take `Signal` accept plain values as well.
//! - `bind` ties a signal to a control; what was typed before hydration wins.
//!
//! Layout classes: `stack` (fields below one another), `row` (side by side, wrapping), `columns` (main and 320 px aside),
//! `form-end` (buttons of a form), `cut` (key picture and words), `muted`, `mono`, `vh` (for assistive technology only),
//! `needs-js` (appears once hydrated; its place is kept), `nojs` (goes once hydrated; with `keep` its place is kept).
//! [`Live`] stands once around the application, `Frame` or `PlainFrame` (in `ui::frame`) around each page.
mod bind;
mod button;
mod chart;
mod choice;
mod code_area;
mod copy;
mod detail;
mod dialog;
pub(crate) mod dom;
mod field;
mod filters;
mod form;
mod leaving;
mod live;
mod menu;
mod note;
mod page;
mod picture;
mod pill;
mod plot;
mod plotted;
mod scale;
mod span;
mod spark;
mod steps;
mod table;
mod tiles;
mod time;

pub use button::{Button, LinkButton, Look};
pub use chart::{Bar, Chart};
pub use choice::{Checkbox, Checkboxes, Choice, RadioCards, Segments, Select};
pub use code_area::{CodeArea, CodeView, PlaceLink, Problem};
pub use copy::{CodeBlock, CodeTabs, CopyButton, CopyText, SecretBox};
pub use detail::{Change, DefinitionList, DiffRows, Fact};
pub use dialog::Dialog;
pub use field::{Field, FieldKind};
pub use filters::{Chip, Chips, FilterSheet, Filters, SearchField};
pub use form::{FieldError, FieldFault, FormErrors};
pub use live::{Live, Toast, Toasts, Undo, announce, use_toasts};
pub(crate) use menu::open_on_down;
pub use menu::{MenuButton, MenuLink, Panel, PanelState, RowMenu};
pub use note::{EmptyState, KeyRing, Note, Skeleton};
pub(crate) use page::Heading;
pub use page::{Card, PageHeader, Pager, Tab, Tabs};
pub use pill::{Avatar, LevelSteps, OrgMark, Pill, Tag, Tone};
pub use plot::Plot;
pub use plotted::{Drawing, Plotted, SERIES, Series};
pub use span::{bar_text, before_text, range_text};
pub use spark::Spark;
pub use steps::{focus_on, step};
pub use table::{Column, Sort, Table, TwoLines};
pub use tiles::{Share, Tile, Tiles};
pub use time::{Time, TimeStyle, Zone, date_text, relative_text, utc_text};

/// Whether a control may be used. One that may not always says why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// It may.
    #[default]
    Available,
    /// It may not.
    Unavailable {
        /// A sentence that says why, and who can help: "Only Owners can publish. Ask Ada or Lin."
        reason: String,
    },
}

impl Availability {
    /// Available if `allowed`, else unavailable for this reason.
    pub fn when(allowed: bool, reason: impl Into<String>) -> Self {
        if allowed { Self::Available } else { Self::Unavailable { reason: reason.into() } }
    }

    /// Why not, if it may not be used.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Available => None,
            Self::Unavailable { reason } => Some(reason),
        }
    }
}

/// An id made of words: lower-case letters, digits and hyphens.
pub(crate) fn slug(words: &str) -> String {
    let mut id = String::with_capacity(words.len());
    for c in words.chars() {
        if c.is_alphanumeric() {
            id.extend(c.to_lowercase());
        } else if !id.ends_with('-') {
            id.push('-');
        }
    }
    id
}
