//! The directory before a source that counts, waits, fails and changes its mind.

use super::shelf::{SHARE, TARGETS};
use super::*;
use crate::features::guardrails::model::AllCalls;
use crate::kernel::{ConfigId, KeyId, OrganisationId, SecretId, VirtualKeyId};
use crate::policy::PermissionSet;
use crate::server::access::SignedInMember;
use crate::{
    gateway::{limits::LimitSet, target::Address},
    kernel::provider::Provider,
    server::outgoing::{AllowList, BaseUrl},
};
use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use tokio::sync::Notify;
use tokio::time::sleep;

struct Fake {
    standing: Mutex<Option<Standing>>,
    targets: Mutex<Vec<&'static str>>,
    away: AtomicBool,
    asked: AtomicUsize,
    /// While set, a look-up of a key reads its answer and then waits for the signal.
    held: AtomicBool,
    go: Notify,
    /// While set, a look-up of a target never ends.
    hangs: AtomicBool,
    /// The version of the only config; 0 where there is none.
    config: AtomicUsize,
}

#[async_trait]
impl KeySource for Fake {
    fn digest(&self, presented: &str) -> Option<Digest> {
        let number = presented.strip_prefix("lk_")?.parse::<u64>().ok()?;
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        Some(digest)
    }

    async fn key(&self, digest: &Digest) -> Result<Option<CallerKey>, Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(Unavailable);
        }
        let standing = *self.standing.lock().expect("the standing");
        if self.held.load(Ordering::SeqCst) {
            self.go.notified().await;
        }
        tokio::task::yield_now().await;
        Ok(standing.filter(|_| digest[0] == 1).map(|standing| CallerKey {
            organisation: ORGANISATION,
            key: KeyId::numbered(2),
            secret: SecretId::numbered(4),
            person: None,
            standing,
            expires_at: None,
            rotated_at: None,
            may_complete: true,
            permissions: PermissionSet::EMPTY,
            config: None,
            may_override: true,
            saved_only: false,
            guarded: false,
            keeps: None,
            prices: None,
            limits: LimitSet::default(),
            bounds: None,
        }))
    }

    async fn member(&self, _: &SignedInMember) -> Result<Option<CallerKey>, Unavailable> {
        Ok(None)
    }

    async fn target(&self, organisation: OrganisationId, slug: &str) -> Result<Option<CallTarget>, Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert_eq!(organisation, ORGANISATION);
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let base = BaseUrl::parse("https://api.example.com", &AllowList::default()).expect("a base");
        let known = self.targets.lock().expect("the targets").contains(&slug);
        Ok(known.then(|| CallTarget {
            virtual_key: VirtualKeyId::numbered(3),
            slug: slug.into(),
            provider: Provider::OpenAi,
            address: Some(Address::new(Provider::OpenAi, base)),
            credential: None,
            api_version: None,
            limits: LimitSet::default(),
        }))
    }

    async fn config(&self, _: OrganisationId, slug: &str) -> Result<Option<StoredConfig>, Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let version = i64::try_from(self.config.load(Ordering::SeqCst)).expect("a small number");
        let text = r#"{"virtual_key":"main"}"#.to_owned();
        Ok((slug == "pc-main" && version > 0).then_some(StoredConfig { id: ConfigId::numbered(7), version, text }))
    }

    async fn guardrail(&self, _: OrganisationId, _: &str) -> Result<Option<StoredGuardrail>, Unavailable> {
        Ok(None)
    }

    async fn guardrails_of_all_calls(
        &self,
        _: OrganisationId,
    ) -> Result<Vec<(StoredGuardrail, AllCalls)>, Unavailable> {
        Ok(vec![])
    }

    async fn prompt(&self, _: OrganisationId, _: &str) -> Result<Option<Runnable>, Unavailable> {
        Ok(None)
    }

    async fn slugs(&self, _: OrganisationId) -> Result<Vec<String>, Unavailable> {
        Ok(self.targets.lock().expect("the targets").iter().map(|slug| (*slug).to_owned()).collect())
    }
}

const ORGANISATION: OrganisationId = OrganisationId::numbered(1);
const LONG: Duration = Duration::from_secs(60);

fn directory(ages: Ages) -> (Arc<Fake>, Directory) {
    let source = Arc::new(Fake {
        standing: Mutex::new(Some(Standing::Live)),
        targets: Mutex::new(vec!["main"]),
        away: AtomicBool::new(false),
        asked: AtomicUsize::new(0),
        held: AtomicBool::new(false),
        go: Notify::new(),
        hangs: AtomicBool::new(false),
        config: AtomicUsize::new(1),
    });
    (source.clone(), Directory::new(source, ages))
}

fn lasting() -> Ages {
    Ages { fresh: LONG, limit: LONG, unknown: LONG, patience: Duration::from_secs(1) }
}

impl Fake {
    fn set(&self, standing: Option<Standing>) {
        *self.standing.lock().expect("the standing") = standing;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn standing(directory: &Directory) -> Result<Option<Standing>, Unavailable> {
    let found = directory.key("lk_1").await?;
    Ok(found.and_then(|known| known.as_ref().as_ref().map(|known| known.caller.standing)))
}

#[tokio::test]
async fn a_known_key_is_asked_for_once() {
    let (source, directory) = directory(lasting());
    for _ in 0..100 {
        assert_eq!(standing(&directory).await, Ok(Some(Standing::Live)));
    }
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn a_crowd_asks_once() {
    let (source, directory) = directory(lasting());
    let crowd = (0..100).map(|_| {
        let directory = directory.clone();
        tokio::spawn(async move { standing(&directory).await })
    });
    for one in futures_util::future::join_all(crowd).await {
        assert_eq!(one.expect("a task"), Ok(Some(Standing::Live)));
    }
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn unknown_keys_are_remembered_and_malformed_ones_not_asked_for() {
    let (source, directory) = directory(lasting());
    for _ in 0..10 {
        assert!(matches!(directory.key("lk_2").await, Ok(None)));
        assert!(matches!(directory.key("nonsense").await, Ok(None)));
    }
    assert_eq!(source.asked(), 1);
    let (source, directory) = self::directory(Ages { unknown: Duration::ZERO, ..lasting() });
    for _ in 0..10 {
        assert!(matches!(directory.key("lk_2").await, Ok(None)));
    }
    assert_eq!(source.asked(), 10);
}

#[tokio::test]
async fn a_change_is_seen_by_the_next_request() {
    let (source, directory) = directory(lasting());
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Live)));
    source.set(Some(Standing::Revoked));
    directory.invalidate(OrganisationId::numbered(99));
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Live)), "another organisation's change");
    directory.invalidate(ORGANISATION);
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Revoked)));
    source.set(None);
    directory.invalidate_all();
    assert_eq!(standing(&directory).await, Ok(None));
    source.set(Some(Standing::Live));
    directory.invalidate(ORGANISATION);
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Live)), "what was unknown becomes known");
}

#[tokio::test]
async fn an_answer_read_before_a_change_does_not_outlive_it() {
    let (source, directory) = directory(lasting());
    source.held.store(true, Ordering::SeqCst);
    let early = tokio::spawn({
        let directory = directory.clone();
        async move { standing(&directory).await }
    });
    while source.asked() == 0 {
        tokio::task::yield_now().await;
    }
    // The look-up has read "live"; now the key is revoked, and somebody arrives who must know.
    source.set(Some(Standing::Revoked));
    directory.invalidate(ORGANISATION);
    let late = tokio::spawn({
        let directory = directory.clone();
        async move { standing(&directory).await }
    });
    tokio::task::yield_now().await;
    source.held.store(false, Ordering::SeqCst);
    source.go.notify_one();
    assert!(early.await.expect("a task").is_ok());
    assert_eq!(late.await.expect("a task"), Ok(Some(Standing::Revoked)));
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Revoked)));
}

#[tokio::test]
async fn without_any_notice_a_change_is_seen_within_the_limit() {
    let ages = Ages { limit: Duration::from_millis(60), ..lasting() };
    let (source, directory) = directory(ages);
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Live)));
    source.set(Some(Standing::Revoked));
    sleep(ages.limit).await;
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Revoked)));
}

#[tokio::test]
async fn an_ageing_answer_is_renewed_beside_the_requests() {
    let ages = Ages { fresh: Duration::from_millis(20), ..lasting() };
    let (source, directory) = directory(ages);
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Live)));
    source.set(Some(Standing::Disabled));
    sleep(ages.fresh).await;
    for _ in 0..10 {
        assert_eq!(standing(&directory).await, Ok(Some(Standing::Live)), "the request itself does not wait");
    }
    sleep(Duration::from_millis(15)).await;
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Disabled)));
    assert_eq!(source.asked(), 2);
}

#[tokio::test]
async fn while_the_source_is_away_answers_are_used_up_to_the_limit_and_no_further() {
    let ages = Ages { fresh: Duration::ZERO, limit: Duration::from_millis(80), ..lasting() };
    let (source, directory) = directory(ages);
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Live)));
    source.away.store(true, Ordering::SeqCst);
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Live)));
    sleep(ages.limit).await;
    assert_eq!(standing(&directory).await, Err(Unavailable));
    source.away.store(false, Ordering::SeqCst);
    assert_eq!(standing(&directory).await, Ok(Some(Standing::Live)));
}

#[tokio::test]
async fn a_source_that_hangs_is_not_waited_for() {
    let (source, directory) = directory(Ages { patience: Duration::from_millis(50), ..lasting() });
    source.held.store(true, Ordering::SeqCst);
    assert_eq!(standing(&directory).await, Err(Unavailable));
}

#[tokio::test]
async fn targets_belong_to_the_keys_organisation_and_change_with_it() {
    let (source, directory) = directory(lasting());
    let key = directory.key("lk_1").await.expect("an answer").expect("a key");
    let known = key.as_ref().as_ref().expect("a key");
    let slug = |found: Arc<Option<CallTarget>>| found.as_ref().as_ref().map(|target| target.slug.to_string());
    for _ in 0..10 {
        assert_eq!(directory.target(known, "main").await.map(slug), Ok(Some("main".to_owned())));
        assert_eq!(directory.target(known, "other").await.map(slug), Ok(None));
    }
    assert_eq!(source.asked(), 3);
    *source.targets.lock().expect("the targets") = vec!["other"];
    directory.invalidate(ORGANISATION);
    assert_eq!(directory.target(known, "main").await.map(slug), Ok(None));
    assert_eq!(directory.target(known, "other").await.map(slug), Ok(Some("other".to_owned())));
    assert_eq!(directory.slugs(known).await, Ok(vec!["other".to_owned()]));
}

#[tokio::test]
async fn invented_slugs_push_out_none_that_there_are() {
    let (source, directory) = directory(lasting());
    let key = directory.key("lk_1").await.expect("an answer").expect("a key");
    let known = key.as_ref().as_ref().expect("a key");
    assert!(directory.target(known, "main").await.expect("an answer").is_some());
    for number in 0..3 * TARGETS {
        assert!(directory.target(known, &format!("invented-{number}")).await.expect("an answer").is_none());
    }
    let before = source.asked();
    assert!(directory.target(known, "main").await.expect("an answer").is_some());
    assert_eq!(source.asked(), before);
    assert_eq!(known.shelf.targets.read().expect("the shelf").len(), 1);
}

#[tokio::test]
async fn one_organisations_slow_look_ups_leave_turns_to_others() {
    let (source, directory) = directory(lasting());
    let key = directory.key("lk_1").await.expect("an answer").expect("a key");
    source.hangs.store(true, Ordering::SeqCst);
    for number in 0..2 * LOADS {
        let (directory, key) = (directory.clone(), key.clone());
        tokio::spawn(async move {
            let known = key.as_ref().as_ref().expect("a key");
            let _ = directory.target(known, &format!("slow-{number}")).await;
        });
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(source.asked(), 1 + SHARE);
    assert!(matches!(directory.key("lk_2").await, Ok(None)));
}

#[tokio::test]
async fn a_config_is_compiled_once_for_each_version() {
    let (source, directory) = directory(Ages { fresh: LONG, limit: LONG, unknown: LONG, patience: LONG });
    let found = directory.key("lk_1").await.expect("an answer").expect("a key");
    let known = found.as_ref().as_ref().expect("a key");
    let config = async || directory.config(known, "pc-main").await.expect("an answer");
    let first = config().await.expect("a config");
    let asked = source.asked.load(Ordering::SeqCst);
    assert!(config().await.is_some_and(|again| Arc::ptr_eq(&again, &first)));
    assert_eq!(source.asked.load(Ordering::SeqCst), asked, "a warm answer asks nobody");
    directory.invalidate(ORGANISATION);
    assert!(config().await.is_some_and(|again| Arc::ptr_eq(&again, &first)), "the same version");
    assert_eq!(source.asked.load(Ordering::SeqCst), asked + 1);
    source.config.store(2, Ordering::SeqCst);
    assert!(config().await.is_some_and(|again| Arc::ptr_eq(&again, &first)), "it is not known to have changed");
    directory.invalidate(ORGANISATION);
    let second = config().await.expect("a config");
    assert!(!Arc::ptr_eq(&second, &first));
    assert_eq!(second.as_ref().as_ref().map(|config| config.saved), Ok(Some((ConfigId::numbered(7), 2))));
    source.config.store(0, Ordering::SeqCst);
    directory.invalidate(ORGANISATION);
    assert!(config().await.is_none());
    let text = r#"{"virtual_key":"main"}"#;
    let inline = directory.inline_config(known, text).await.expect("a config");
    assert!(Arc::ptr_eq(&inline, &directory.inline_config(known, text).await.expect("a config")));
}
