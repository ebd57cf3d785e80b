//! Line icons on a 16 x 16 grid, 1.4 px strokes in the text's colour, one path each.
use leptos::prelude::*;

/// An icon by what it means, not by what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Logs,
    Analytics,
    Prompts,
    Configs,
    Guardrails,
    ApiKeys,
    VirtualKeys,
    Team,
    Audit,
    Billing,
    Settings,
    Plus,
    Search,
    ChevronDown,
    ChevronLeft,
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
    Close,
    External,
    Sun,
    Moon,
    System,
    SignOut,
    Person,
    Lock,
}

impl Icon {
    /// The strokes, as the `d` of one SVG path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Logs => "M2 3.5h12M2 8h8M2 12.5h10",
            Self::Analytics => "M1.75 14h12.5M4 14V7.5M8 14V2.5M12 14V9.5",
            Self::Prompts => {
                "M3 2.5h10A1.5 1.5 0 0 1 14.5 4v6a1.5 1.5 0 0 1-1.5 1.5H7L3.5 14.5v-3H3A1.5 1.5 0 0 1 1.5 10V4A1.5 1.5 0 0 1 3 2.5z"
            }
            Self::Configs => {
                "M1.5 4.5h7M12.5 4.5h2M1.5 11.5h2M7.5 11.5h7M8.5 4.5a2 2 0 1 0 4 0a2 2 0 1 0-4 0M3.5 11.5a2 2 0 1 0 4 0a2 2 0 1 0-4 0"
            }
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
            Self::Audit => {
                "M9.5 1.5H4A1.5 1.5 0 0 0 2.5 3v10A1.5 1.5 0 0 0 4 14.5h8a1.5 1.5 0 0 0 1.5-1.5V5.5zM9.5 1.5v4h4M5.5 9.7l1.7 1.6l3.2-3.3"
            }
            Self::Billing => {
                "M3 2.5h10A1.5 1.5 0 0 1 14.5 4v8a1.5 1.5 0 0 1-1.5 1.5H3A1.5 1.5 0 0 1 1.5 12V4A1.5 1.5 0 0 1 3 2.5zM1.5 6.2h13M4.2 10.3h2.6"
            }
            Self::Settings => "M2.5 6.7L8 2l5.5 4.7V13a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1zM6 14V9.5h4V14",
            Self::Plus => "M8 2.5v11M2.5 8h11",
            Self::Search => "M2 7a5 5 0 1 0 10 0a5 5 0 1 0-10 0M10.7 10.7L14 14",
            Self::ChevronDown => "M3.5 6L8 10.5L12.5 6",
            Self::ChevronLeft => "M10 3.5L5.5 8L10 12.5",
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
            Self::Close => "M3.5 3.5l9 9M12.5 3.5l-9 9",
            Self::External => {
                "M9.5 2.5h4v4M13.5 2.5L7.5 8.5M11.5 9.5V13a.8.8 0 0 1-.8.8H3a.8.8 0 0 1-.8-.8V5.3a.8.8 0 0 1 .8-.8h3.5"
            }
            Self::Sun => {
                "M5 8a3 3 0 1 0 6 0a3 3 0 1 0-6 0M8 1.2v1.3M8 13.5v1.3M1.2 8h1.3M13.5 8h1.3M3.2 3.2l.9.9M11.9 11.9l.9.9M3.2 12.8l.9-.9M11.9 4.1l.9-.9"
            }
            Self::Moon => "M13.8 9.6A6 6 0 0 1 6.4 2.2a6 6 0 1 0 7.4 7.4z",
            Self::System => {
                "M2.5 2.5h11a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1zM5.5 14h5M8 11.5V14"
            }
            Self::SignOut => "M6 14H3.5a1 1 0 0 1-1-1V3a1 1 0 0 1 1-1H6M10.5 11.2L13.7 8l-3.2-3.2M13.5 8H6",
            Self::Person => {
                "M5.2 5a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0-5.6 0M2.5 14v-.5a4 4 0 0 1 4-4h3a4 4 0 0 1 4 4v.5"
            }
            Self::Lock => {
                "M3.5 7h9a1 1 0 0 1 1 1v5a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1zM5 7V5a3 3 0 0 1 6 0v2"
            }
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
