//! Where a session lives, in words: its browser and its address.

use std::net::IpAddr;

/// `Firefox on Linux`, from what the browser says of itself. It may say anything: this is a help to memory, not a proof.
pub fn browser_words(user_agent: &str) -> String {
    // Browsers name those they are compatible with, too: the most particular name counts.
    const BROWSERS: [(&str, &str); 10] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Vivaldi/", "Vivaldi"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("HeadlessChrome/", "Chrome without a window"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, words)| *words)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("Unknown browser on {system}"),
        (None, None) => match user_agent.split(['/', ' ']).next() {
            Some(program) if !program.is_empty() && program.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => {
                program.to_owned()
            }
            _ => "Unknown browser".to_owned(),
        },
    }
}

/// An address, and what kind of network it is in where that can be told.
pub fn place_words(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Err(_) => "Unknown address".into(),
        Ok(ip) if ip.is_loopback() => format!("{ip}, the server itself"),
        Ok(ip) if is_private(ip) => format!("{ip}, a private network"),
        Ok(ip) => ip.to_string(),
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_by_their_most_particular_name() {
        for (agent, words) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/128.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.5.0", "curl"),
            ("", "Unknown browser"),
            ("<script>", "Unknown browser"),
        ] {
            assert_eq!(browser_words(agent), words, "{agent}");
        }
    }

    #[test]
    fn addresses_say_what_they_are() {
        assert_eq!(place_words("127.0.0.1"), "127.0.0.1, the server itself");
        assert_eq!(place_words("10.1.2.3"), "10.1.2.3, a private network");
        assert_eq!(place_words("fd00::1"), "fd00::1, a private network");
        assert_eq!(place_words("203.0.113.7"), "203.0.113.7");
        assert_eq!(place_words(""), "Unknown address");
    }
}
