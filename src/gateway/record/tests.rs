//! The record against a sink that can be stopped, and journals that outlive their process.

use super::super::facts::{CallEnd, EndedBy, Tried};
use super::super::limits::{Ask, Foreseen, LimitSet, Meters, Priced, Spent, Ticket};
use super::super::tests::{
    charges::budget,
    support::{NoLedger, facts},
};
use super::open::CLIENT_LEFT;
use super::*;
use crate::dialect::usage::Usage;
use crate::features::limits::model::Measure;
use crate::features::logs::model::{self as logs, Next};
use crate::guardrails::HookResults;
use crate::kernel::provider::Provider;
use crate::kernel::{CallId, LimitId, OrganisationId, Timestamp, VirtualKeyId};
use async_trait::async_trait;
use std::sync::atomic::AtomicUsize;
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
        virtual_key: Some(VirtualKeyId::numbered(3)),
        provider: Some(Provider::OpenAi),
        ..facts(OrganisationId::numbered(1), Timestamp(1_700_000_000_000))
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

const REQUESTS: LimitId = LimitId::numbered(1);
const TOKENS: LimitId = LimitId::numbered(2);

/// Reserves what a call takes of two budgets that says so many tokens at most, with a request of so many bytes.
async fn ticket(foreseen: Foreseen, is_counted: bool) -> Ticket {
    let meters = Meters::new(Arc::new(NoLedger), false, uuid::Uuid::nil());
    let limits = vec![budget(REQUESTS, Measure::Requests, 100), budget(TOKENS, Measure::Tokens, 100_000)];
    let priced = Priced { own: None, provider: Provider::OpenAi, model: "gpt-4o", others: Some(&[]) };
    let now = Timestamp(1_700_000_000_000);
    let ask = Ask { organisation: OrganisationId::numbered(1), foreseen, priced, is_counted, now };
    meters.admit(&LimitSet::from(limits), &ask).await.expect("there is room")
}

/// Lets an attempt leave that may use so many tokens: a quarter of its request's bytes, and its most.
async fn leave(open: &mut Open, bytes: usize, most: u64) {
    let foreseen = Foreseen::new(bytes, Some(most));
    let ticket = ticket(foreseen, open.is_counted()).await;
    open.reserved(Some(ticket), None, foreseen);
    open.leaves().expect("a line");
    open.sent();
}

fn tried(path: &str) -> Tried {
    Tried {
        path: path.into(),
        virtual_key: Some(VirtualKeyId::numbered(3)),
        provider: Some(Provider::OpenAi),
        model: "gpt-4o".into(),
        began_us: 1,
        found: HookResults::default(),
        end: None,
    }
}

/// Requests and tokens that a record counts.
fn spent(record: &Record) -> [i64; 2] {
    let spent: &[Spent] = record.outcome.as_ref().map_or(&[], |end| &end.spent);
    [REQUESTS, TOKENS].map(|limit| spent.iter().filter(|of| of.limit == limit).map(|of| of.amount).sum())
}

/// The same journals in another folder, as if their process had been killed at this moment.
fn killed(folder: &Path) -> TempDir {
    let copy = TempDir::new().expect("a folder");
    for file in std::fs::read_dir(folder).expect("the folder") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), copy.path().join(file.file_name())).expect("the copy");
    }
    copy
}

#[tokio::test]
async fn what_a_call_has_reserved_counts_when_its_process_is_killed() {
    let (folder, first, recorder) = start(quick());
    first.away.store(true, Ordering::SeqCst);
    let begin = async || recorder.begin(call(), Instant::now()).await.expect("a place");
    // One that has left; one that has ended; one without limits; one that has not left.
    let mut left = begin().await;
    leave(&mut left, 40, 1_000).await;
    let mut ended = begin().await;
    leave(&mut ended, 40, 1_000).await;
    ended.answered(200, None);
    ended.used(Usage { input_tokens: 9, output_tokens: 2, ..Usage::default() });
    let (left_id, ended_id) = (left.id(), ended.id());
    ended.finish(200, None);
    let mut free = begin().await;
    free.leaves().expect("a line");
    free.sent();
    let free_id = free.id();
    let waiting = begin().await;
    // One that was led on to a second target.
    let mut led = begin().await;
    led.tries(tried("config.targets[0]"));
    leave(&mut led, 40, 1_000).await;
    led.answered(200, None);
    led.used(Usage { input_tokens: 9, output_tokens: 2, ..Usage::default() });
    led.tried(Some("guardrail"), Next::LedOn);
    led.tries(tried("config.targets[1]"));
    leave(&mut led, 80, 500).await;
    let led_id = led.id();
    // One that waits after its first attempt.
    let mut rests = begin().await;
    rests.tries(tried("config"));
    leave(&mut rests, 40, 1_000).await;
    rests.answered(500, None);
    rests.tried(Some("oh"), Next::Retried);
    let rests_id = rests.id();

    let copy = killed(folder.path());
    let sink = Arc::new(Memory::default());
    let _again = Recorder::start(copy.path(), sink.clone(), quick()).expect("a recorder");
    let told: Vec<_> = records(&sink, 5).await.iter().map(|record| (record.call.id, spent(record))).collect();
    let expected = [
        (left_id, [1, 1_010]),
        (ended_id, [1, 11]),
        (free_id, [0, 0]),
        // What the first has used, and what the second may have; together one request.
        (led_id, [1, 11 + 520]),
        (rests_id, [1, 0]),
    ];
    assert_eq!(told, expected);
    for record in sink.all().iter().filter(|record| record.call.id != ended_id) {
        let end = record.outcome.as_ref().expect("an outcome");
        assert!(end.is_interrupted() && end.usage.is_none() && end.cost.is_none(), "the log guesses nothing: {end:?}");
    }
    drop((left, free, waiting, led, rests));
}

#[tokio::test]
async fn a_line_of_a_call_without_limits_is_as_short_as_it_was_and_none_is_written_besides() {
    let (folder, _sink, recorder) = start(quick());
    let lines = || {
        let file = std::fs::read_dir(folder.path()).expect("the folder").next().expect("a file").expect("a file");
        let text = std::fs::read_to_string(file.path()).expect("the text");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut free = recorder.begin(call(), Instant::now()).await.expect("a place");
    assert!(lines().is_empty(), "it has not left");
    free.leaves().expect("a line");
    assert_eq!(lines(), [format!("{{\"b\":{}}}", serde_json::to_string(&*free.call).expect("JSON"))]);
    let mut limited = recorder.begin(call(), Instant::now()).await.expect("a place");
    leave(&mut limited, 40, 1_000).await;
    let all = lines();
    assert_eq!(all.len(), 2);
    assert!(all[1].starts_with("{\"B\":[{") && all[1].len() <= all[0].len() + 2 * 70, "{all:?}");
}

#[test]
fn of_a_stream_that_an_orderly_end_cuts_off_what_had_come_counts() {
    let folder = TempDir::new().expect("a folder");
    let process = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let first = process();
    let [streaming, waiting] = first.block_on(async {
        let recorder = Recorder::start(folder.path(), Arc::new(Memory::default()), quick()).expect("a recorder");
        let mut opens = vec![];
        for _ in 0..2 {
            let mut open = recorder.begin(call(), Instant::now()).await.expect("a place");
            leave(&mut open, 40, 1_000).await;
            opens.push(open);
        }
        opens[0].answered(200, None);
        opens[0].streaming(200);
        opens[0].said(br#"data: {"choices":[{"delta":{"content":"eight by"}}]}"#);
        let ids = [opens[0].id(), opens[1].id()];
        tokio::spawn(async move {
            let _opens = opens;
            std::future::pending::<()>().await;
        });
        assert!(!recorder.drain(Duration::from_millis(20)).await);
        ids
    });
    drop(first);
    process().block_on(async {
        let sink = Arc::new(Memory::default());
        let _recorder = Recorder::start(folder.path(), sink.clone(), quick()).expect("a recorder");
        let told: Vec<_> = records(&sink, 2).await.iter().map(|record| (record.call.id, spent(record))).collect();
        assert_eq!(told, [(streaming, [1, 12]), (waiting, [1, 1_010])]);
        assert!(sink.all().iter().all(|record| record.outcome.as_ref().is_some_and(CallEnd::is_interrupted)));
    });
}
