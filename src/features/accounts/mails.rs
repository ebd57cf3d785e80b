//! The words of mails about accounts.

use crate::server::mail::plain;

/// A mail in plain text.
pub struct Words {
    pub subject: &'static str,
    pub text: String,
}

/// Brings a reset link.
pub fn reset(name: &str, link: &str) -> Words {
    let name = plain(name);
    Words {
        subject: "Reset your Latchkey password",
        text: format!(
            "Hello {name},\n\n\
             you, or somebody else, asked for a new password for your Latchkey account. To choose one, open\n\n\
             {link}\n\n\
             The link works once, for 60 minutes. If you did not ask for it, do nothing: your password stays as it is.\n"
        ),
    }
}

/// Tells that a password was changed.
pub fn password_changed(name: &str, forgot: &str) -> Words {
    let name = plain(name);
    Words {
        subject: "Your Latchkey password was changed",
        text: format!(
            "Hello {name},\n\n\
             the password of your Latchkey account was changed a moment ago, and all other sessions were ended.\n\n\
             If that was you, there is nothing to do. If it was not, choose a new password now and tell an Owner of your organisation:\n\n\
             {forgot}\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stands_on_a_line_of_its_own() {
        let link = "https://keys.example.org/reset?token=abc";
        let words = reset("Ada", link);
        assert!(words.text.starts_with("Hello Ada,\n"));
        assert!(words.text.lines().any(|line| line == link), "{}", words.text);
        assert!(words.text.lines().all(|line| line == line.trim()), "{}", words.text);
    }

    #[test]
    fn the_news_of_a_change_holds_no_secret_link() {
        let words = password_changed("Ada", "https://keys.example.org/forgot");
        assert!(words.text.contains("\nhttps://keys.example.org/forgot\n"));
        assert!(!words.text.contains("token"));
    }
}
