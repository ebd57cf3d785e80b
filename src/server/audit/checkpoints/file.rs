//! The file of checkpoints: one statement a line, for whoever keeps it where the database cannot be changed from.

use super::written::{Signed, Statement};
use crate::kernel::OrganisationId;
use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// Longest line that is read, in bytes. What Latchkey writes has less than 1,000.
const LONGEST: u64 = 4_096;
/// How every line begins.
const BEGINNING: &[u8] = br#"{"body":"{\"v\":1,"#;

/// The lines of a file: the statement of each, or none if it is in another form than the one that is written.
///
/// # Errors
/// When the file cannot be read.
pub fn read(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Option<Signed>>>> {
    let mut reader = BufReader::new(File::open(path)?);
    Ok(std::iter::from_fn(move || next(&mut reader).transpose()))
}

fn next(reader: &mut impl BufRead) -> io::Result<Option<Option<Signed>>> {
    let mut line = vec![];
    if Read::by_ref(reader).take(LONGEST).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(Some(std::str::from_utf8(&line).ok().and_then(Signed::read)))
}

/// How far a file goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The number of the newest checkpoint of each chain.
    pub chains: HashMap<OrganisationId, i64>,
    /// The newest generation of keys.
    pub generation: i64,
}

/// How far the file goes; nowhere, if there is none. Lines of another form are passed over: whoever verifies the file is
/// told of them.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn reach(path: &Path) -> io::Result<Reach> {
    let mut reach = Reach::default();
    let lines = match read(path) {
        Ok(lines) => lines,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(reach),
        Err(error) => return Err(error),
    };
    for signed in lines {
        match signed?.map(|signed| signed.statement) {
            Some(Statement::Checkpoint(checkpoint)) => {
                let seq = reach.chains.entry(checkpoint.organisation).or_insert(0);
                *seq = checkpoint.seq.max(*seq);
            }
            Some(Statement::Key(key)) => reach.generation = key.generation.max(reach.generation),
            None => {}
        }
    }
    Ok(reach)
}

/// Opens the file for appending; makes it, for its owner alone, if it is missing.
///
/// # Errors
/// When it cannot be opened for reading and writing.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Appends lines to the file that stands at this path now, which others may have moved away and begun anew, and waits until
/// the disk has them. One that is still empty begins with `beginning`, whether or not the lines do.
///
/// # Errors
/// When the file cannot be opened or written, or another program is appending to it. Part of the lines may stand there then;
/// the next call mends the last of them.
pub fn append(path: &Path, beginning: &str, lines: &str) -> io::Result<()> {
    let mut file = open(path)?;
    // What another one has written half would look like what a power cut has left.
    file.try_lock()?;
    let end = mend(&mut file)?;
    let has_begun = end > 0 || lines.starts_with(beginning);
    let text = if has_begun { lines.to_owned() } else { [beginning, lines].concat() };
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Takes away what follows the last whole line, as a full disk or a power cut may have left it. Gives the file's length.
fn mend(file: &mut File) -> io::Result<u64> {
    let end = file.seek(SeekFrom::End(0))?;
    let start = end.saturating_sub(LONGEST);
    let mut tail = vec![];
    file.seek(SeekFrom::Start(start))?;
    Read::by_ref(file).take(LONGEST).read_to_end(&mut tail)?;
    if tail.is_empty() || tail.last() == Some(&b'\n') {
        return Ok(end);
    }
    let half = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let is_ours = tail[half..].iter().zip(BEGINNING).all(|(is, should)| is == should);
    if !is_ours || (half == 0 && start > 0) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it holds something other than checkpoints"));
    }
    let whole = start + half as u64;
    file.set_len(whole)?;
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kernel::Timestamp,
        server::audit::checkpoints::{tests::signing_key, written},
    };

    fn line(seq: i64) -> String {
        let at = (OrganisationId::INSTALLATION, seq, [1; 32]);
        format!("{}\n", written::checkpoint(at, Timestamp(seq), written::FIRST, &signing_key(1)).line())
    }

    #[test]
    fn lines_are_appended_whole_to_whatever_file_stands_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints.jsonl");
        assert!(reach(&path).unwrap() == Reach::default(), "there is none yet");
        append(&path, "key\n", &line(1)).unwrap();
        append(&path, "key\n", &line(2)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("key\n{}{}", line(1), line(2)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        // Half a line, as of a full disk.
        let half = &line(3)[..100];
        std::fs::write(&path, format!("{}{half}", line(1))).unwrap();
        append(&path, "key\n", &line(3)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}{}", line(1), line(3)));
        let reached = Reach { chains: HashMap::from([(OrganisationId::INSTALLATION, 3)]), generation: 0 };
        assert_eq!(reach(&path).unwrap(), reached);
        // Moved away by others.
        std::fs::rename(&path, folder.path().join("checkpoints.1")).unwrap();
        append(&path, "key\n", &line(4)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("key\n{}", line(4)));
        // A file of something else is left alone.
        for other in ["x".repeat(5_000), "0f".repeat(32), format!("{}0f", line(1))] {
            std::fs::write(&path, &other).unwrap();
            assert!(append(&path, "key\n", &line(5)).is_err());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
        }
    }
}
