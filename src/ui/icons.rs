//! Line icons on a 16 x 16 grid, 1.4 px strokes in the text's colour, one path each.
use leptos::prelude::*;

/// An icon by what it means, not by what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Home,
    Logs,
    Analytics,
    Audit,
    Billing,
    Configs,
    Prompts,
    Guardrails,
    ApiKeys,
    VirtualKeys,
    Team,
    Settings,
    Limit,
    Why,
    Plus,
    Search,
    ChevronDown,
    ChevronRight,
    ChevronsUpDown,
    ArrowUp,
    ArrowDown,
    Dots,
    Check,
    Copy,
    Clock,
    Alert,
    Info,
    Menu,
    Minus,
    Close,
}

impl Icon {
    /// The strokes, as the `d` of one SVG path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Home => "M5 6a3 3 0 1 1 6 0a3 3 0 0 1-1.4 2.5l.9 5.5h-5l.9-5.5A3 3 0 0 1 5 6z",
            Self::Logs => "M2 3.5h12M2 8h8M2 12.5h10",
            Self::Analytics => "M1.5 14.5h13M4 12V8M8 12V3.5M12 12V6",
            Self::Audit => "M3 1.5h6.5L13 5v9.5H3zM9.5 1.5V5H13M5.7 9.6l1.7 1.7l3-3.2",
            Self::Billing => {
                "M3 1.5v13l1.7-1.2L6.3 14.5L8 13.3l1.7 1.2l1.6-1.2l1.7 1.2v-13zM5.5 5h5M5.5 7.6h5M5.5 10.2h3"
            }
            Self::Configs => {
                "M2 4.5h5M11 4.5h3M7 4.5a2 2 0 1 0 4 0a2 2 0 1 0-4 0M2 11.5h3M9 11.5h5M5 11.5a2 2 0 1 0 4 0a2 2 0 1 0-4 0"
            }
            Self::Prompts => "M2 3h12v8H7.5L4.5 13.5V11H2zM5 6h6M5 8.3h4",
            Self::Guardrails => {
                "M8 1.5l5.5 2v4.2c0 3.3-2.2 5.7-5.5 6.8c-3.3-1.1-5.5-3.5-5.5-6.8V3.5zM5.7 7.9l1.7 1.7l3-3.2"
            }
            Self::ApiKeys => {
                "M1.5 11a3.25 3.25 0 1 0 6.5 0a3.25 3.25 0 1 0-6.5 0M7.2 8.8L14 2M11 5l2.2 2.2M8.9 7.1l1.5 1.5"
            }
            Self::VirtualKeys => {
                "M3 2h10a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V3a1 1 0 0 1 1-1zM5.5 8a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0M8 4.2v1.3M8 10.5v1.3M4.2 8h1.3M10.5 8h1.3"
            }
            Self::Team => {
                "M3.5 5a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0M1.5 13.5v-.8A3.2 3.2 0 0 1 4.7 9.5h2.6a3.2 3.2 0 0 1 3.2 3.2v.8M10.7 2.6a2.5 2.5 0 0 1 0 4.8M12.4 9.7a3.2 3.2 0 0 1 2.1 3v.8"
            }
            Self::Settings => "M2.5 6.7L8 2l5.5 4.7V13a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1zM6 14V9.5h4V14",
            Self::Limit => "M2.2 12.5a6.25 6.25 0 1 1 11.6 0M8 10l3-4.5M7 10.5a1 1 0 1 0 2 0a1 1 0 1 0-2 0",
            Self::Why => {
                "M1.75 8a6.25 6.25 0 1 0 12.5 0a6.25 6.25 0 1 0-12.5 0M6.2 6.3a1.9 1.9 0 1 1 2.7 1.8c-.6.3-.9.7-.9 1.3M8 11.6h.01"
            }
            Self::Plus => "M8 2.5v11M2.5 8h11",
            Self::Search => "M2 7a5 5 0 1 0 10 0a5 5 0 1 0-10 0M10.7 10.7L14 14",
            Self::ChevronDown => "M3.5 6L8 10.5L12.5 6",
            Self::ChevronRight => "M6 3.5L10.5 8L6 12.5",
            Self::ChevronsUpDown => "M4.8 6L8 2.8L11.2 6M4.8 10L8 13.2L11.2 10",
            Self::ArrowUp => "M8 13V3M4 7l4-4l4 4",
            Self::ArrowDown => "M8 3v10M4 9l4 4l4-4",
            Self::Dots => "M3 8h.01M8 8h.01M13 8h.01",
            Self::Check => "M3 8.5l3.3 3.3L13 4.5",
            Self::Copy => {
                "M6.5 5.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1zM3.5 10.5a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1"
            }
            Self::Clock => "M1.75 8a6.25 6.25 0 1 0 12.5 0a6.25 6.25 0 1 0-12.5 0M8 4.5V8l2.4 1.6",
            Self::Alert => {
                "M7.1 2.3L1.4 12.3A1.05 1.05 0 0 0 2.3 13.9h11.4a1.05 1.05 0 0 0 .9-1.6L8.9 2.3a1.05 1.05 0 0 0-1.8 0zM8 6v3.2M8 11.5h.01"
            }
            Self::Info => "M1.75 8a6.25 6.25 0 1 0 12.5 0a6.25 6.25 0 1 0-12.5 0M8 7.5v3.5M8 5h.01",
            Self::Menu => "M2 4h12M2 8h12M2 12h12",
            Self::Minus => "M3.5 8h9",
            Self::Close => "M3.5 3.5l9 9M12.5 3.5l-9 9",
        }
    }
}

/// Draws an [`Icon`]. It is decoration: the words beside it (or the control's name) carry the meaning.
#[component]
pub fn Glyph(
    /// What to draw.
    icon: Icon,
) -> impl IntoView {
    let class = if icon == Icon::Dots { "icon icon-dots" } else { "icon" };
    view! {
        <svg class=class viewBox="0 0 16 16" aria-hidden="true">
            <path d=icon.path()></path>
        </svg>
    }
}

/// The mark of the product: a small key, brass on ink.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
            <rect class="mark-ground" width="24" height="24" rx="6"></rect>
            <path class="mark-key" d="M4.7 12a3.3 3.3 0 1 0 6.6 0a3.3 3.3 0 1 0-6.6 0M11.3 12H20.2M16 12v3M19 12v2.6"></path>
        </svg>
    }
}
