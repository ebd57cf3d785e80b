use super::parameters::Parameters;
use super::*;
#[derive(Debug)]
pub struct Personal;
pub(super) fn compile(_read: &mut Parameters<'_>) -> Option<Personal> {
    None
}
impl Personal {
    pub(super) fn judge(&self, _: &Scene<'_>) -> Found {
        Found::no_text()
    }
    pub(super) fn rewriting(&self) -> Option<Box<dyn Rewriting + Send + '_>> {
        None
    }
    pub(super) fn marks(&self, _: &str) -> Vec<Mark> {
        vec![]
    }
}
