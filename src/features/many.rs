//! One act on several things, one after another: each with a transaction and an event of its own.

use crate::{
    kernel::{Code, Error, Id, Result, many::Outcome},
    policy::Operation,
};

/// Acts on each of these things, which stand beside their names. One that is refused does not keep the others from being
/// done.
///
/// # Errors
/// Why nothing was done at all, where that has nothing to do with one of the things: the caller lacks the permission, has to
/// prove their password first, or the server cannot do it now. What comes after such a fault is not tried.
pub async fn each<I, F, Fut>(operation: Operation, things: Vec<(I, String)>, act: F) -> Result<Vec<Outcome>>
where
    I: Id,
    F: Fn(I, String) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let mut outcomes: Vec<Outcome> = vec![];
    let mut fault: Option<Error> = None;
    for (id, name) in things {
        let result = match &fault {
            Some(fault) => Err(fault.clone()),
            None => act(id, name.clone()).await,
        };
        if let Err(error) = &result {
            let concerns_all = concerns_all(operation, error);
            let nothing_done = outcomes.iter().all(|outcome| outcome.refused.is_some());
            if nothing_done && (concerns_all || error.code == Code::PasswordNeeded) {
                return Err(error.clone());
            }
            if concerns_all {
                fault = Some(error.clone());
            }
        }
        outcomes.push(Outcome { id: id.to_string(), name, refused: result.err().map(|error| error.message) });
    }
    Ok(outcomes)
}

/// Whether a refusal would be the same for everything else. What somebody may not do to one thing, they may to another.
fn concerns_all(operation: Operation, error: &Error) -> bool {
    let lacks = error.missing.as_ref().is_some_and(|missing| {
        operation.spec().requires.permissions().any(|permission| permission.name() == &*missing.permission)
    });
    lacks || matches!(error.code, Code::SignInNeeded | Code::Unavailable | Code::Busy | Code::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kernel::KeyId,
        policy::{Denial, Permission},
    };
    use std::sync::{Mutex, PoisonError};

    /// Acts on three things, of which the second and the third end like this; gives how many were tried besides.
    async fn told(second: Error, third: Result<()>) -> (Result<Vec<Option<String>>>, usize) {
        let results = Mutex::new(vec![third, Err(second), Ok(())]);
        let things = (0..3).map(|number| (KeyId::numbered(number), String::new())).collect();
        let outcomes = each(Operation::ApiKeyDisable, things, |_, _| async {
            results.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or(Ok(()))
        })
        .await;
        let left = results.lock().unwrap_or_else(PoisonError::into_inner).len();
        (outcomes.map(|all| all.into_iter().map(|outcome| outcome.refused).collect()), 3 - left)
    }

    #[tokio::test]
    async fn what_is_refused_alone_stops_nothing_and_what_concerns_all_does() {
        let (gone, sentence) = (Error::not_found(), Some(Error::not_found().message));
        assert_eq!(told(gone.clone(), Ok(())).await, (Ok(vec![None, sentence, None]), 3));
        let above: Error = Denial::AboveOwnPermissions(Permission::LogsView).into();
        assert_eq!(told(above.clone(), Ok(())).await, (Ok(vec![None, Some(above.message), None]), 3));
        let lacking: Error = Denial::Missing(Permission::ApiKeysUpdate).into();
        let words = Some(lacking.message.clone());
        assert_eq!(told(lacking.clone(), Ok(())).await, (Ok(vec![None, words.clone(), words]), 2));
        let things = vec![(KeyId::numbered(0), String::new()), (KeyId::numbered(1), String::new())];
        let all = each(Operation::ApiKeyDisable, things, |_, _| async { Err(lacking.clone()) }).await;
        assert_eq!(all, Err(lacking.clone()));
    }
}
