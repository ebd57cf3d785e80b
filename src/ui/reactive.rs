use leptos::prelude::*;

/// A part of a view that is rendered anew when a signal in it changes. A closure that stands in a view by itself brings
/// all the machinery of rendering for its own type; this brings it once for all of them.
pub fn reactive<V: IntoAny + 'static>(part: impl Fn() -> V + Send + 'static) -> AnyView {
    let part: Box<dyn Fn() -> AnyView + Send> = Box::new(move || part().into_any());
    part.into_any()
}
