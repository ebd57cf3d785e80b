//! What both sides know of invitations.

use crate::{
    kernel::{InvitationId, Secret, Timestamp, Window, time::DAY},
    policy::Role,
};
use serde::{Deserialize, Serialize};

/// How long an invitation can be accepted.
pub const LIFE: i64 = 7 * DAY;
/// Invitations that may wait in one organisation.
pub const WAITING_LIMIT: i64 = 500;
/// Addresses in one go.
pub const BATCH_LIMIT: usize = 100;
/// Characters in the field of addresses.
pub const TEXT_LIMIT: usize = 30_000;
/// Invitations on one page of the list.
pub const PAGE: i64 = 25;

/// An invitation as those inside see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    pub id: InvitationId,
    pub email: String,
    pub role: Role,
    pub inviter: String,
    pub created_at: Timestamp,
    /// When its present link was made.
    pub sent_at: Timestamp,
    pub expires_at: Timestamp,
    pub state: State,
}

/// What can still be done with an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Pending,
    Expired,
    Accepted,
    Declined,
    Revoked,
}

impl State {
    pub const ALL: [State; 5] = [State::Pending, State::Expired, State::Accepted, State::Declined, State::Revoked];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Expired => "expired",
            State::Accepted => "accepted",
            State::Declined => "declined",
            State::Revoked => "revoked",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub const fn label(self) -> &'static str {
        match self {
            State::Pending => "Pending",
            State::Expired => "Expired",
            State::Accepted => "Accepted",
            State::Declined => "Declined",
            State::Revoked => "Revoked",
        }
    }

    /// It was neither answered nor revoked, so that it can be sent anew.
    pub const fn is_open(self) -> bool {
        matches!(self, State::Pending | State::Expired)
    }
}

/// A page of the invitations that are asked for, latest first. Programs filter them by `role`, `email` (a whole address in
/// its canonical form) and `status`, a state's name; the open ones, expired ones included, are listed where none is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitations {
    /// The place in the organisation's log as of which this was read.
    pub seen: i64,
    pub invitations: Vec<Invitation>,
    pub total: i64,
    /// How many members there are.
    pub members: i64,
    pub window: Window,
    pub has_mail: bool,
    pub now: Timestamp,
}

/// What became of one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// As it was typed.
    pub address: String,
    pub outcome: InviteOutcome,
}

/// See [`Answer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteOutcome {
    Invited {
        id: InvitationId,
        /// The link to hand over, if it could not be mailed. Shown once.
        link: Option<Secret>,
        /// Why it was not mailed and when it can be, where that is a limit on mails.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unsent: Option<String>,
    },
    AlreadyMember,
    AlreadyInvited,
    /// It stands in the same text before.
    Repeated,
    /// Why it cannot be invited.
    Invalid(String),
}

impl InviteOutcome {
    /// Why nobody was invited; none where somebody was.
    pub fn reason(&self) -> Option<String> {
        match self {
            InviteOutcome::Invited { .. } => None,
            InviteOutcome::AlreadyMember => Some("Is a member already.".into()),
            InviteOutcome::AlreadyInvited => Some("Is invited already. Resend that invitation instead.".into()),
            InviteOutcome::Repeated => Some("Is here twice. It counts once.".into()),
            InviteOutcome::Invalid(reason) => Some(reason.clone()),
        }
    }
}

/// What became of a batch; at least one was invited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub role: Role,
    pub answers: Vec<Answer>,
}

/// An invitation that was sent anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resent {
    pub email: String,
    /// The new link, if it was asked for or could not be mailed. Shown once.
    pub link: Option<Secret>,
}

/// What an invitation's page shows, to whoever opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// It can be answered.
    Open {
        id: InvitationId,
        organisation: String,
        inviter: String,
        role: Role,
        email: String,
        expires_at: Timestamp,
        now: Timestamp,
        /// The person it is for is the one who is signed in.
        signed_in: bool,
    },
    /// Somebody else is signed in; they learn no more than this.
    ForSomeoneElse { organisation: String, signed_in_as: String },
    /// It cannot be answered any more.
    Over { organisation: String, inviter: String, state: State },
}

/// The addresses in a text: separated by commas, semicolons, blanks or line breaks, also as `Name <a@b>` or
/// `"Name, with a comma" <a@b>`. They come as typed, repetitions too; whether one is an address is for others to say.
pub fn addresses(text: &str) -> Vec<String> {
    let mut found: Vec<String> = vec![];
    let mut words: Vec<String> = vec![String::new()];
    let mut quoted = false;
    let mut keep = |address: &str| {
        let address = address.trim();
        if !address.is_empty() {
            found.push(address.to_owned());
        }
    };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // A quoted name says nothing that is needed.
            '"' => quoted = !quoted,
            _ if quoted => {}
            '<' => {
                // What stands before is a name, apart from words that are addresses themselves.
                words.drain(..).filter(|word| word.contains('@')).for_each(|word| keep(&word));
                words.push(String::new());
                let inner: String = std::iter::from_fn(|| chars.next_if(|c| !matches!(c, '>' | '<' | '\n'))).collect();
                chars.next_if(|c| *c == '>');
                keep(&inner);
            }
            ',' | ';' | '\n' | '\r' => {
                words.drain(..).for_each(|word| keep(&word));
                words.push(String::new());
            }
            c if c.is_whitespace() => words.push(String::new()),
            c => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words.drain(..).for_each(|word| keep(&word));
    found
}

/// How many bytes of what is being typed hold whole addresses: all up to the last comma, semicolon, line break or `>`, or to
/// a blank behind an address. A blank behind anything else may be part of a name that an address follows.
pub fn whole(text: &str) -> usize {
    let (mut end, mut quoted, mut is_address) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            ',' | ';' | '\n' | '\r' | '>' => (end, is_address) = (at + 1, false),
            '@' => is_address = true,
            c if c.is_whitespace() && is_address => (end, is_address) = (at + c.len_utf8(), false),
            _ => {}
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::{addresses, whole};

    #[test]
    fn every_way_of_separating_addresses_is_read() {
        assert_eq!(
            addresses("a@x.org, b@x.org;c@x.org\nd@x.org e@x.org\r\n\tf@x.org,,;"),
            ["a@x.org", "b@x.org", "c@x.org", "d@x.org", "e@x.org", "f@x.org"]
        );
        assert!(addresses(" ,;\n ").is_empty());
    }

    #[test]
    fn names_around_addresses_are_dropped() {
        let text = "Ada Lind <ada@x.org>, \"Achterberg, Bo\" <bo@x.org>; <c@x.org> Dara Quinn <d@x.org>\ne@x.org Farid <f@x.org>";
        assert_eq!(addresses(text), ["ada@x.org", "bo@x.org", "c@x.org", "d@x.org", "e@x.org", "f@x.org"]);
    }

    #[test]
    fn what_is_no_address_and_what_is_repeated_is_kept_to_be_told_about() {
        assert_eq!(addresses("ada@x.org, ADA@x.org, ada@"), ["ada@x.org", "ADA@x.org", "ada@"]);
        assert_eq!(addresses("Ada <ada@x.org"), ["ada@x.org"]);
        assert_eq!(addresses("\"open quote a@x.org"), Vec::<String>::new());
    }

    #[test]
    fn an_address_is_whole_once_something_ends_it() {
        for (whole_part, rest) in [
            ("", "Ada"),
            ("", "Ada Lind "),
            ("", "Ada Lind <ada@x.org"),
            ("Ada Lind <ada@x.org>", ""),
            ("a@x.org,", "b@x.or"),
            ("a@x.org ", "Bo Roy"),
            ("nonsense;", " \u{fc}"),
            ("a@x.org\n", ""),
            ("", "\"Lind, Ada\" <ada@"),
            ("a@x.org\u{2003}", "b"),
        ] {
            assert_eq!(whole(&format!("{whole_part}{rest}")), whole_part.len(), "{whole_part:?} {rest:?}");
        }
    }
}
