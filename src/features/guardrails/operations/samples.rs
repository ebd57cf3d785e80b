//! Samples: texts that are kept with the verdict that they should have.

use super::{
    definition::{definition, sound},
    found, subject,
    trying::parse_text,
};
use crate::{
    features::guardrails::{
        bench,
        model::{MOST_SAMPLES, Sample, Samples},
        store,
    },
    kernel::{Error, Result, SampleId},
    policy::Operation,
    server::{
        access::Access,
        audit::event::{Event, Subject},
    },
};

/// The samples, each with whether it gets the verdict now that it should have.
pub async fn samples(access: &Access, of: &str) -> Result<Samples> {
    let mut tx = access.read(Operation::GuardrailSamples).await?;
    let guardrail = found(access, &mut tx, of).await?;
    let mut samples = store::samples(&mut tx, guardrail.id).await?;
    drop(tx);
    if let Ok(sound) = sound(access, &definition(&guardrail.text)) {
        let sampled = bench::run(access, &sound.guardrail, &samples).await;
        for (sample, holds) in samples.iter_mut().zip(sampled.holds) {
            sample.holds = holds;
        }
    }
    Ok(Samples { guardrail, samples })
}

/// Keeps a text with the verdict that it should have.
pub async fn keep_sample(access: &Access, of: &str, is_answer: bool, text: &str, passes: bool) -> Result<SampleId> {
    access
        .act(Operation::GuardrailKeepSample, Subject::unnamed("guardrail", of), |mut change| async move {
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let was = store::find(change.tx(), of, now).await?.ok_or_else(Error::not_found)?;
            let text = parse_text(text).map_err(|sentence| Error::field("text", sentence))?;
            if text.is_empty() {
                return Err(Error::field("text", "Enter the text of the sample."));
            }
            if was.samples >= MOST_SAMPLES {
                return Err(Error::conflict(format!("A guardrail can have at most {MOST_SAMPLES} samples.")));
            }
            let id = SampleId::new();
            let sample = Sample { id, is_answer, text, passes, created_by: by, created_at: now, holds: None };
            store::insert_sample(change.tx(), was.id, &sample).await?;
            let event = Event::of(subject(&was))
                .with("sample", id.to_string())
                .with("side", if is_answer { "answer" } else { "request" })
                .with("passes", passes);
            change.commit(event, id).await
        })
        .await
}

/// Removes a sample.
pub async fn drop_sample(access: &Access, of: &str, sample: SampleId) -> Result<()> {
    access
        .act(Operation::GuardrailDropSample, Subject::unnamed("guardrail", of), |mut change| async move {
            let now = change.now();
            let was = store::find(change.tx(), of, now).await?.ok_or_else(Error::not_found)?;
            if !store::delete_sample(change.tx(), was.id, sample).await? {
                return Err(Error::not_found());
            }
            let event = Event::of(subject(&was)).with("sample", sample.to_string());
            change.commit(event, ()).await
        })
        .await
}
