use super::parameters::Parameters;
use super::*;
#[derive(Debug)]
pub struct Schema;
#[derive(Debug)]
pub struct Keys;
impl Schema {
    pub(super) fn read(_read: &mut Parameters<'_>) -> Option<Self> {
        None
    }
    pub(super) fn judge(&self, _: &Scene<'_>) -> Found {
        Found::no_text()
    }
}
impl Keys {
    pub(super) fn read(_read: &mut Parameters<'_>) -> Option<Self> {
        None
    }
    pub(super) fn judge(&self, _: &Scene<'_>) -> Found {
        Found::no_text()
    }
}
