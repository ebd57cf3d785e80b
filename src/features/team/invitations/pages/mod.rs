//! The screens of invitations.
