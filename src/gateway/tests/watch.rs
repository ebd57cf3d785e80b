//! The watch over the keys of calls that are under way.

use super::support::*;
use crate::{
    gateway::{directory::Standing, target::Credential},
    kernel::provider::Provider,
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

/// A house whose provider streams for ever.
async fn house() -> (House, Upstream) {
    let upstream = Upstream::scripted(|mut stream| async move {
        let _ = stream.write_all(STREAM.as_bytes()).await;
        while stream.write_all(chunk(&piece("word ")).as_bytes()).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let mut limits = hasty();
    (limits.upstream.headers, limits.upstream.idle, limits.upstream.total) = (30 * SOON, 30 * SOON, 60 * SOON);
    let house = House::with(limits, 64).await;
    house.target("main", Provider::OpenAi, upstream.port);
    house.target("claude", Provider::Anthropic, upstream.port);
    (house, upstream)
}

/// Reads a stream to its end.
async fn whole(mut body: Incoming) -> String {
    let mut text = String::new();
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            text.push_str(&String::from_utf8_lossy(&frame.into_data().unwrap_or_default()));
        }
    };
    timeout(20 * SOON, read).await.expect("it ends");
    text
}

#[tokio::test]
async fn many_streams_of_one_key_ask_as_seldom_as_one() {
    let (house, _upstream) = house().await;
    let mut streams = vec![];
    for _ in 0..40 {
        let answer = house.open_chat(&streamed()).await;
        assert_eq!(answer.status(), 200);
        streams.push(tokio::spawn(whole(answer.into_body())));
    }
    let before = house.rooms.asked.load(Ordering::SeqCst);
    sleep(Duration::from_secs(6)).await;
    let asked = house.rooms.asked.load(Ordering::SeqCst) - before;
    assert!((1..=4).contains(&asked), "every two seconds, whoever asks: {asked} times");
    house.key("lk_good", |key| key.standing = Standing::Revoked);
    let since = Instant::now();
    for stream in streams {
        let text = stream.await.expect("it ends");
        let last = text.trim_end().lines().last().unwrap_or_default();
        assert!(last.contains("\"code\":\"api_key_revoked\""), "{last}");
        assert!(since.elapsed() < Duration::from_millis(5_500), "{:?}", since.elapsed());
    }
    let ends: Vec<_> = house.records().await.into_iter().filter_map(|record| record.outcome).collect();
    assert_eq!(ends.len(), 40);
    for end in ends {
        assert_eq!((end.status, end.error.as_deref(), end.sent), (200, Some("api_key_revoked"), true));
    }
}

#[tokio::test]
async fn a_stream_does_not_go_on_by_guesses_when_its_key_cannot_be_looked_up() {
    let (house, _upstream) = house().await;
    let answer = house.open_chat(&streamed()).await;
    house.rooms.away.store(true, Ordering::SeqCst);
    let since = Instant::now();
    let text = whole(answer.into_body()).await;
    assert!(text.contains("\"code\":\"verification_unavailable\""), "{text}");
    let lasted = since.elapsed();
    assert!(lasted > 2 * SOON && lasted < Duration::from_millis(5_500), "{lasted:?}");
}

#[tokio::test]
async fn a_virtual_key_that_changed_meanwhile_is_not_called_as_it_was() {
    // The log has room for one call, so the second one waits there, put together already.
    let house = House::with(hasty(), 1).await;
    let upstream = Upstream::scripted(|stream| async move {
        sleep(Duration::from_millis(30)).await;
        drop(stream);
    })
    .await;
    house.target("main", Provider::OpenAi, upstream.port);
    let (first, second) = (hello(), hello());
    let change = async {
        while upstream.seen() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        let mut targets = house.rooms.targets.lock().expect("the targets");
        let target = targets.get_mut(&(ORGANISATION, "main".to_owned())).expect("a target");
        target.credential = Some(Credential::new(Provider::OpenAi, "sk-another").expect("a credential"));
        drop(targets);
        house.gateway.directory.invalidate(ORGANISATION);
    };
    let (one, two, ()) = tokio::join!(house.chat(&first), house.chat(&second), change);
    let mut told = [one.refusal(), two.refusal()];
    told.sort();
    assert_eq!(told[1], (503, "virtual_key_changed".into()), "{told:?}");
    assert_eq!(upstream.seen(), 1);
}
