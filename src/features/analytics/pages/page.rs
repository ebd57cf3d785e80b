//! The page of analytics.

use leptos::prelude::*;

#[component]
pub fn AnalyticsPage() -> impl IntoView {
    view! { <h1>"Analytics"</h1> }
}
