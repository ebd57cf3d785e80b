use super::parameters::Parameters;
use super::*;
#[derive(Debug)]
pub struct Webhook {
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub timeout_ms: u64,
    pub fail_on_error: bool,
}
pub struct WebhookAnswer {
    pub verdict: bool,
    pub data: Value,
    pub transformed: Option<Value>,
}
pub(super) fn compile(_read: &mut Parameters<'_>, _: MayCall<'_>) -> Option<Webhook> {
    None
}
pub fn webhook_answer(_: u16, _: &[u8]) -> Result<WebhookAnswer, String> {
    Err(String::new())
}
