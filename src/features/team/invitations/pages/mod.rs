//! The screens of invitations.

mod addresses;
mod invite;
mod list;
mod many;
mod open;
mod resend;
mod waiting;

pub use invite::InvitePage;
pub use list::InvitationsPage;
pub use many::ManyInvitationsPage;
pub use open::InvitationPage;
pub use resend::{ResendPage, RevokePage};
pub use waiting::WaitingInvitations;
