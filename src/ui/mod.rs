//! The console's furniture: frame, components, icons, and the picture of a key.
pub mod bitting;
pub mod components;
pub mod frame;
pub mod icons;
