//! The record against a sink that can be stopped, and journals that outlive their process.

use super::super::facts::Endpoint;
use super::*;
use crate::features::logs::model as logs;
use crate::kernel::provider::Provider;
use crate::kernel::{CallId, KeyId, OrganisationId, SecretId, Timestamp, VirtualKeyId};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tempfile::TempDir;

#[derive(Default)]
struct Memory {
    records: Mutex<Vec<Record>>,
    groups: AtomicUsize,
    away: AtomicBool,
    /// Never takes a group with this call in it.
    refused: Mutex<Option<CallId>>,
}

impl Memory {
    fn all(&self) -> Vec<Record> {
        self.records.lock().expect("the records").clone()
    }
}

#[async_trait]
impl Sink for Memory {
    async fn write(&self, records: &[Record]) -> Result<(), SinkError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(SinkError::Unavailable);
        }
        let refused = *self.refused.lock().expect("the id");
        if records.iter().any(|record| Some(record.call.id) == refused) {
            return Err(SinkError::Rejected);
        }
        self.groups.fetch_add(1, Ordering::SeqCst);
        self.records.lock().expect("the records").extend_from_slice(records);
        Ok(())
    }
}

fn call() -> CallFacts {
    CallFacts {
        id: CallId::new(),
        organisation: OrganisationId::numbered(1),
        key: KeyId::numbered(2),
        secret: SecretId::numbered(4),
        person: None,
        virtual_key: Some(VirtualKeyId::numbered(3)),
        provider: Some(Provider::OpenAi),
        endpoint: Endpoint::ChatCompletions,
        model: "gpt-4o".into(),
        streamed: false,
        trace: "trace".into(),
        metadata: None,
        config: None,
        prompt: None,
        keeps: None,
        prices: None,
        started_at: Timestamp(1_700_000_000_000),
    }
}

fn quick() -> Bounds {
    Bounds {
        places: 8,
        patience: Duration::from_millis(50),
        group: 100,
        delay: Duration::from_millis(5),
        shown_after: Duration::from_secs(60),
        texts: 1 << 20,
    }
}

fn start(bounds: Bounds) -> (TempDir, Arc<Memory>, Recorder) {
    let folder = TempDir::new().expect("a folder");
    let sink = Arc::new(Memory::default());
    let recorder = Recorder::start(folder.path(), sink.clone(), bounds).expect("a recorder");
    (folder, sink, recorder)
}

async fn begin(recorder: &Recorder) -> Open {
    let mut open = recorder.begin(call(), Instant::now()).await.expect("a place");
    open.leaves().expect("a line");
    open
}

const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_finished_call_reaches_the_sink_with_what_was_noted() {
    let (_folder, sink, recorder) = start(quick());
    let mut open = begin(&recorder).await;
    let id = open.id();
    open.answered(200, Some("req_1"));
    open.first_byte();
    open.used(Usage { input_tokens: 3, output_tokens: 4, cached_input_tokens: 1, reasoning_tokens: 0 });
    open.finish(200, None);
    drop(begin(&recorder).await);
    assert!(recorder.drain(SOON).await);
    let all = sink.all();
    assert_eq!(all.len(), 2);
    let outcome = all[0].outcome.as_ref().expect("an outcome");
    assert_eq!((all[0].call.id, outcome.status, outcome.upstream_status), (id, 200, Some(200)));
    assert_eq!(outcome.usage.map(|usage| usage.output_tokens), Some(4));
    assert!(outcome.cost.is_some_and(|cost| cost > 0));
    assert!(outcome.first_byte_us.is_some_and(|first| first <= outcome.latency_us));
    let left = all[1].outcome.as_ref().expect("an outcome");
    assert_eq!((left.status, left.error.as_deref()), (CLIENT_LEFT, Some("client_left")));
}

#[tokio::test]
async fn records_are_written_in_groups() {
    let (_folder, sink, recorder) =
        start(Bounds { places: 1000, group: 100, delay: Duration::from_millis(50), ..quick() });
    for _ in 0..450 {
        begin(&recorder).await.finish(200, None);
    }
    assert!(recorder.drain(SOON).await);
    assert_eq!(sink.all().len(), 450);
    assert_eq!(sink.groups.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn when_the_log_stands_still_calls_are_refused_and_none_is_lost() {
    let (_folder, sink, recorder) = start(quick());
    sink.away.store(true, Ordering::SeqCst);
    for _ in 0..8 {
        begin(&recorder).await.finish(200, None);
    }
    let began = Instant::now();
    assert!(matches!(recorder.begin(call(), began).await, Err(Full)));
    assert!(began.elapsed() >= Duration::from_millis(50), "it waits for a place first");
    sink.away.store(false, Ordering::SeqCst);
    assert!(recorder.drain(SOON).await);
    assert_eq!(sink.all().len(), 8);
    begin(&recorder).await.finish(200, None);
    assert!(recorder.drain(SOON).await);
    assert_eq!(sink.all().len(), 9);
}

#[tokio::test]
async fn one_bad_record_does_not_hold_up_the_others() {
    let (_folder, sink, recorder) = start(quick());
    let opens = [begin(&recorder).await, begin(&recorder).await, begin(&recorder).await];
    *sink.refused.lock().expect("the id") = Some(opens[1].id());
    opens.into_iter().for_each(|open| open.finish(200, None));
    assert!(recorder.drain(SOON).await);
    assert_eq!(sink.all().len(), 2);
}

#[tokio::test]
async fn a_long_call_is_shown_before_it_ends() {
    let (_folder, sink, recorder) = start(Bounds { shown_after: Duration::from_millis(20), ..quick() });
    let open = begin(&recorder).await;
    let id = open.id();
    timeout(SOON, async {
        while sink.all().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it is shown");
    open.finish(200, None);
    assert!(recorder.drain(SOON).await);
    let all = sink.all();
    assert_eq!(
        all.iter().map(|record| (record.call.id, record.outcome.is_some())).collect::<Vec<_>>(),
        [(id, false), (id, true)]
    );
}

#[tokio::test]
async fn the_journal_goes_once_all_is_written_and_the_recorder_is_gone() {
    let (folder, _sink, recorder) = start(quick());
    begin(&recorder).await.finish(200, None);
    let files = || std::fs::read_dir(folder.path()).expect("the folder").count();
    assert_eq!(files(), 1);
    assert!(recorder.drain(SOON).await);
    drop(recorder);
    timeout(SOON, async {
        while files() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the file is gone");
}

/// A journal as a killed process leaves it: written, no longer locked, not removed.
fn leave_behind(folder: &Path, tail: &str) -> [CallFacts; 3] {
    let calls = [call(), call(), call()];
    let elsewhere = TempDir::new().expect("a folder");
    let journal = Journal::create(elsewhere.path()).expect("a journal");
    let segment = journal.begun(&calls[0], &[], &[]).expect("a line");
    journal.begun(&calls[1], &[], &[]).expect("a line");
    journal.begun(&calls[2], &[], &[]).expect("a line");
    let outcome = CallEnd { status: 200, error: None, ended_by: EndedBy::Answer, ..CallEnd::interrupted() };
    segment.ended(calls[1].id, &outcome).expect("a line");
    let file = std::fs::read_dir(elsewhere.path()).expect("the folder").next().expect("a file").expect("a file");
    let mut text = std::fs::read_to_string(file.path()).expect("the text");
    text.push_str(tail);
    std::fs::write(folder.join(file.file_name()), text).expect("the copy");
    calls
}

#[tokio::test]
async fn what_a_killed_process_left_is_accounted_for() {
    let folder = TempDir::new().expect("a folder");
    // The last line was cut off in the middle.
    let calls = leave_behind(folder.path(), "{\"b\":{\"id\":\"0190");
    let sink = Arc::new(Memory::default());
    let recorder = Recorder::start(folder.path(), sink.clone(), quick()).expect("a recorder");
    let told: Vec<_> = records(&sink, 3)
        .await
        .into_iter()
        .map(|record| (record.call.id, record.outcome.and_then(|outcome| outcome.error).map(String::from)))
        .collect();
    let interrupted = Some("interrupted".to_owned());
    assert_eq!(told, [(calls[0].id, interrupted.clone()), (calls[1].id, None), (calls[2].id, interrupted)]);
    assert!(recorder.drain(SOON).await);
    timeout(SOON, async {
        while std::fs::read_dir(folder.path()).expect("the folder").count() > 1 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("only the new journal is left");
}

/// Waits for a number of records.
async fn records(sink: &Memory, number: usize) -> Vec<Record> {
    timeout(SOON, async {
        while sink.all().len() < number {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("all records");
    sink.all()
}

#[tokio::test]
async fn a_journal_with_lines_that_cannot_be_read_is_kept_aside() {
    let folder = TempDir::new().expect("a folder");
    leave_behind(folder.path(), "{\"x\":1}\n");
    let sink = Arc::new(Memory::default());
    let _recorder = Recorder::start(folder.path(), sink.clone(), quick()).expect("a recorder");
    records(&sink, 3).await;
    let aside = || {
        let entries = std::fs::read_dir(folder.path()).expect("the folder");
        entries.filter_map(|entry| Some(entry.ok()?.path())).find(|path| path.extension() == Some("unread".as_ref()))
    };
    timeout(SOON, async {
        while aside().is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it is kept");
    assert!(std::fs::read_to_string(aside().expect("a file")).expect("the text").ends_with("{\"x\":1}\n"));
    let again = Arc::new(Memory::default());
    let recorder = Recorder::start(folder.path(), again.clone(), quick()).expect("a recorder");
    begin(&recorder).await.finish(200, None);
    assert_eq!(records(&again, 1).await.len(), 1, "it is not read a second time");
}

#[test]
fn what_an_orderly_end_cuts_off_is_found_by_the_next_start() {
    let folder = TempDir::new().expect("a folder");
    let process = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let first = process();
    let [finished, streaming] = first.block_on(async {
        let sink = Arc::new(Memory::default());
        sink.away.store(true, Ordering::SeqCst);
        let recorder = Recorder::start(folder.path(), sink, quick()).expect("a recorder");
        let (one, two) = (begin(&recorder).await, begin(&recorder).await);
        let ids = [one.id(), two.id()];
        one.finish(200, None);
        tokio::spawn(async move {
            let _open = two;
            std::future::pending::<()>().await;
        });
        assert!(!recorder.drain(Duration::from_millis(20)).await);
        ids
    });
    drop(first);
    process().block_on(async {
        let sink = Arc::new(Memory::default());
        let _recorder = Recorder::start(folder.path(), sink.clone(), quick()).expect("a recorder");
        let ended = |record: Record| (record.call.id, record.outcome.map(|outcome| outcome.kind()));
        let told: Vec<_> = records(&sink, 2).await.into_iter().map(ended).collect();
        assert_eq!(told, [(finished, Some(logs::CallOutcome::Ok)), (streaming, Some(logs::CallOutcome::Lost))]);
    });
}

#[tokio::test]
async fn how_a_call_ended_is_known_and_not_guessed_from_words() {
    let (_folder, sink, recorder) = start(quick());
    for (sent, status, code) in [
        (false, 200, None),
        (false, 404, Some("virtual_key_not_found")),
        (true, 408, Some("request_timeout")),
        // Words of a provider's own.
        (true, 400, Some("interrupted")),
        (true, 400, Some("client_left")),
    ] {
        let mut open = begin(&recorder).await;
        if sent {
            open.sent();
        }
        open.finish(status, code);
    }
    drop(begin(&recorder).await);
    assert!(recorder.drain(SOON).await);
    use logs::CallOutcome::{Failed, Left, Ok, Refused};
    let kinds: Vec<_> = sink.all().iter().filter_map(|record| Some(record.outcome.as_ref()?.kind())).collect();
    assert_eq!(kinds, [Ok, Refused, Failed, Failed, Failed, Left]);
}

#[tokio::test]
async fn the_journal_of_a_living_process_is_left_alone() {
    let (folder, _first, one) = start(quick());
    let open = begin(&one).await;
    let sink = Arc::new(Memory::default());
    let two = Recorder::start(folder.path(), sink.clone(), quick()).expect("a recorder");
    assert!(two.drain(SOON).await);
    assert!(sink.all().is_empty());
    open.finish(200, None);
    assert!(one.drain(SOON).await);
}
