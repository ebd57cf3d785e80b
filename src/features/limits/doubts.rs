//! What is odd about limits that are set: one that is higher than another that holds for the same calls, or can match
//! nothing. They are set all the same; whoever sets them is told.

use super::{
    model::{Doubt, DoubtCode, Limit, Measure, On, Scope, Span, Wanted},
    store,
};
use crate::{
    features::api_keys::{self, Caller},
    kernel::{Result, Timestamp},
    server::database::OrgTx,
};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// What is odd about some limits as they stand, at most one doubt for each, in their order.
pub async fn doubts(tx: &mut OrgTx, limits: &[Limit], now: Timestamp) -> Result<Vec<Doubt>> {
    if limits.is_empty() {
        return Ok(vec![]);
    }
    let all = On { scope: Scope::Organisation, id: tx.organisation().0 };
    let keys: BTreeSet<Uuid> =
        limits.iter().filter(|limit| limit.on.scope == Scope::ApiKey).map(|limit| limit.on.id).collect();
    let callers = api_keys::callers(tx, &Vec::from_iter(keys), now).await?;
    let callers: HashMap<Uuid, Caller> = callers.into_iter().map(|caller| (caller.id.0, caller)).collect();
    let mut things: BTreeSet<Uuid> = limits.iter().map(|limit| limit.on.id).collect();
    things.insert(all.id);
    things.extend(callers.values().filter_map(|caller| caller.person).map(|person| person.0));
    let mut on: HashMap<On, Vec<Limit>> = HashMap::new();
    for limit in store::of_things(tx, &Vec::from_iter(things)).await? {
        on.entry(limit.on).or_default().push(limit);
    }
    let doubt = |limit: &Limit| {
        let caller = callers.get(&limit.on.id).filter(|_| limit.on.scope == Scope::ApiKey);
        let told = |code, message| Some(Doubt { limit: limit.id, code, message });
        if let Some(why) = caller.and_then(idle) {
            return told(DoubtCode::HoldsForNothing, format!("{} holds for no call: {why}", limit.is));
        }
        let person = caller.and_then(|caller| caller.person).map(|person| On { scope: Scope::Person, id: person.0 });
        let above = [(Some(all), "the limit of the organisation"), (person, "the limit of the person it answers for")];
        let same = (Some(limit.on), "another limit on the same thing");
        let above = above.into_iter().filter(|(thing, _)| *thing != Some(limit.on)).chain([same]);
        for (thing, name) in above {
            let there = thing.and_then(|thing| on.get(&thing)).map_or(&[][..], Vec::as_slice);
            if let Some(other) = there.iter().find(|other| is_reached_first(other, limit, now)) {
                let (is, least) = (as_it_is(limit, now), as_it_is(other, now));
                let message = format!("{is} is more than {name}, {least}: it is never reached.");
                return told(DoubtCode::NeverReached, message);
            }
        }
        None
    };
    Ok(limits.iter().filter_map(doubt).collect())
}

/// What a limit is at a moment, raised or not.
fn as_it_is(limit: &Limit, now: Timestamp) -> Wanted {
    Wanted { amount: limit.amount(now), ..limit.is.clone() }
}

/// Why a key makes no calls, if it makes none.
fn idle(caller: &Caller) -> Option<&'static str> {
    match (caller.is_over, caller.calls) {
        (true, _) => Some("the API key has expired, or is disabled."),
        (false, false) => Some("the API key may not call models."),
        (false, true) => None,
    }
}

/// Whether calls are refused by the other limit before they reach the one.
fn is_reached_first(other: &Limit, limit: &Limit, now: Timestamp) -> bool {
    other.id != limit.id
        && other.is.measure == limit.is.measure
        && other.blocks()
        && limit.amount(now) > other.amount(now)
        && counts_alike(limit, other)
        && lies_within(limit, other)
        // What was used before the other was set or begun anew does not count there, until the next period.
        && counts_from(other, now) <= counts_from(limit, now)
}

/// Whether one call is as much to the one limit as to the other. A virtual key's limit counts each attempt as a request, and
/// the others each call once, however often it is tried.
fn counts_alike(limit: &Limit, other: &Limit) -> bool {
    let by_attempts = |limit: &Limit| limit.on.scope == Scope::VirtualKey;
    limit.is.measure != Measure::Requests || by_attempts(limit) == by_attempts(other)
}

/// Since when a limit counts what it counts now.
fn counts_from(limit: &Limit, now: Timestamp) -> Timestamp {
    limit.period(now).start.max(limit.since)
}

/// Whether each period of a limit lies in one period of the other, so that the other counts all that the limit counts.
fn lies_within(limit: &Limit, other: &Limit) -> bool {
    let (one, two) = (limit.is.span, other.is.span);
    if one == two {
        // Days are counted from when a limit was set, where nothing else is said.
        let from = |limit: &Limit| limit.is.anchor.or(matches!(one, Span::Days(_)).then_some(limit.since));
        return from(limit) == from(other);
    }
    let by_calendar = limit.is.anchor.is_none() && other.is.anchor.is_none();
    match two {
        Span::Whole => true,
        Span::Days(_) => false,
        _ => by_calendar && rank(one) < rank(two),
    }
}

/// The order of spans that begin with the clock and the calendar. A week lies in no month.
const fn rank(span: Span) -> u8 {
    match span {
        Span::Second => 0,
        Span::Minute => 1,
        Span::Hour => 2,
        Span::Day => 3,
        Span::Week | Span::Month | Span::Days(_) => 4,
        Span::Whole => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        features::limits::model::{Action, Kind, Raised},
        kernel::{LimitId, time::DAY},
    };

    fn limit(amount: i64, span: Span) -> Limit {
        Limit {
            id: LimitId::new(),
            on: On { scope: Scope::ApiKey, id: Uuid::nil() },
            is: Wanted {
                kind: Kind::Budget,
                measure: Measure::Tokens,
                span,
                amount,
                action: Action::Block,
                alert_at: None,
                anchor: None,
            },
            emails: vec![],
            since: Timestamp(0),
            reset_at: None,
            raised: None,
        }
    }

    fn first(other: &Limit, one: &Limit) -> bool {
        is_reached_first(other, one, Timestamp(10))
    }

    #[test]
    fn one_limit_is_reached_before_another_where_it_counts_all_that_the_other_counts() {
        for (span, of, expected) in [
            (Span::Month, Span::Month, true),
            (Span::Day, Span::Month, true),
            (Span::Day, Span::Week, true),
            (Span::Second, Span::Hour, true),
            (Span::Month, Span::Whole, true),
            (Span::Days(10), Span::Whole, true),
            (Span::Days(10), Span::Days(10), true),
            (Span::Week, Span::Month, false),
            (Span::Month, Span::Week, false),
            (Span::Month, Span::Day, false),
            (Span::Whole, Span::Month, false),
            (Span::Days(10), Span::Month, false),
            (Span::Day, Span::Days(10), false),
            (Span::Days(9), Span::Days(10), false),
        ] {
            assert_eq!(first(&limit(5, of), &limit(6, span)), expected, "6 in {span:?} under 5 in {of:?}");
            assert!(!first(&limit(6, of), &limit(6, span)), "as high is not higher");
        }
    }

    #[test]
    fn what_only_warns_is_of_another_measure_or_begins_elsewhere_holds_nothing_up() {
        let one = limit(6, Span::Month);
        let other = |change: fn(&mut Limit)| {
            let mut other = limit(5, Span::Month);
            change(&mut other);
            other
        };
        assert!(first(&other(|_| ()), &one));
        assert!(!first(&other(|other| other.is.action = Action::Warn), &one));
        assert!(!first(&other(|other| other.is.measure = Measure::Requests), &one));
        assert!(!first(&other(|other| other.is.anchor = Some(Timestamp(5))), &one));
        let until = |until| Some(Raised { to: 7, until: Timestamp(until) });
        assert!(!first(&Limit { raised: until(11), ..limit(5, Span::Month) }, &one), "it is higher for now");
        assert!(first(&Limit { raised: until(10), ..limit(5, Span::Month) }, &one));
        assert!(!first(&one, &one));
        let days = Limit { since: Timestamp(3), ..limit(5, Span::Days(10)) };
        assert!(!first(&days, &limit(6, Span::Days(10))), "they begin on other days");
    }

    #[test]
    fn attempts_are_no_calls() {
        let on = |scope, measure| {
            let mut limit = limit(6, Span::Month);
            (limit.on.scope, limit.is.measure) = (scope, measure);
            limit
        };
        let all = |measure| Limit {
            is: Wanted { amount: 5, ..on(Scope::Organisation, measure).is },
            ..on(Scope::Organisation, measure)
        };
        assert!(first(&all(Measure::Requests), &on(Scope::ApiKey, Measure::Requests)));
        assert!(!first(&all(Measure::Requests), &on(Scope::VirtualKey, Measure::Requests)), "it counts each attempt");
        for measure in [Measure::Tokens, Measure::Cost] {
            assert!(first(&all(measure), &on(Scope::VirtualKey, measure)), "both count what all attempts used");
        }
        let own = Limit {
            is: Wanted { amount: 5, ..on(Scope::VirtualKey, Measure::Requests).is },
            ..on(Scope::VirtualKey, Measure::Requests)
        };
        assert!(first(&own, &on(Scope::VirtualKey, Measure::Requests)), "both are its own");
    }

    #[test]
    fn what_was_used_before_the_other_began_is_not_held_against_it() {
        // Noon of the tenth of January 1970, the eleventh, and the first of February.
        let (tenth, eleventh, next) = (Timestamp(9 * DAY + DAY / 2), Timestamp(10 * DAY), Timestamp(31 * DAY));
        let first = |other: &Limit, one: &Limit, now| is_reached_first(other, one, now);
        let begun_anew = Limit { reset_at: Some(tenth), ..limit(5, Span::Month) };
        let set_then = Limit { since: tenth, ..limit(5, Span::Month) };
        for other in [begun_anew, set_then] {
            let month = limit(6, Span::Month);
            assert!(!first(&other, &month, eleventh), "five before, and five after");
            assert!(first(&other, &month, next), "from the next period on it counts all");
            assert!(!first(&other, &limit(6, Span::Day), tenth.plus(1)), "the day began before");
            assert!(first(&other, &limit(6, Span::Day), eleventh), "a day that began later lies in it");
            let later = Limit { since: eleventh, ..limit(6, Span::Month) };
            assert!(first(&other, &later, eleventh), "what was set later has nothing from before");
            let anew = Limit { reset_at: Some(eleventh), ..limit(6, Span::Month) };
            assert!(first(&other, &anew, eleventh));
        }
    }
}
