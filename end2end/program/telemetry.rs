//! Monitoring is off until it is set, and then on a port of its own.

use super::{Result, house::House};
use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

/// A port that nobody listens on.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The whole answer to a request for the metrics.
fn metrics(port: u16) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The ports on which a process listens.
fn listening(pid: u32) -> Result<Vec<u16>> {
    let mut own = vec![];
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // A file may be closed meanwhile.
        let Ok(link) = fs::read_link(entry?.path()) else { continue };
        let link = link.to_string_lossy();
        own.extend(link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).map(str::to_owned));
    }
    let mut ports = vec![];
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, socket, ..] = fields[..] else { continue };
            if state == "0A" && own.iter().any(|own| own == socket) {
                let (_, port) = local.split_once(':').ok_or("no port")?;
                ports.push(u16::from_str_radix(port, 16)?);
            }
        }
    }
    ports.sort_unstable();
    Ok(ports)
}

#[test]
fn metrics_have_a_port_of_their_own_where_they_are_wanted_and_none_elsewhere() -> Result<()> {
    let house = House::empty("", &[])?;
    assert_eq!(listening(house.pid())?, [house.port]);
    assert!(!metrics(house.port)?.contains("latchkey_build_info"));
    drop(house);

    let port = free_port()?;
    let setting = port.to_string();
    let house = House::empty("", &[("LATCHKEY_METRICS_LISTEN", setting.as_str())])?;
    let mut both = [house.port, port];
    both.sort_unstable();
    assert_eq!(listening(house.pid())?, both);
    let page = metrics(port)?;
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("\nlatchkey_build_info{version="), "{page}");
    assert!(page.contains("\nprocess_resident_memory_bytes "), "{page}");
    // There are no spans where there is no collector.
    assert!(!page.contains("latchkey_otlp"), "{page}");
    assert!(!metrics(house.port)?.contains("latchkey_build_info"));
    Ok(())
}
