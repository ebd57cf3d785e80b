//! Explanations are held to the decision: the same answer, and each step true of the facts.

use super::*;
use crate::policy::Operation;
use proptest::prelude::*;
use uuid::Uuid;

fn org(n: u128) -> OrganisationId {
    OrganisationId(Uuid::from_u128(n))
}

fn person(role: Role) -> Facts {
    let who = Who::Person { user: UserId(Uuid::from_u128(7)), role };
    Facts { organisation: org(1), standing: Standing::Active, who }
}

fn key(own: PermissionSet, answers_for: AnswersFor) -> Facts {
    let who = Who::Key { key: KeyId(Uuid::from_u128(8)), own, answers_for };
    Facts { organisation: org(1), standing: Standing::Active, who }
}

fn failed(explanation: &Explanation) -> Option<&Step> {
    explanation.steps.iter().find(|step| step.verdict == Verdict::Failed)
}

/// Whether a step is true of these facts, looked at without the decision. None: only the decision can tell.
fn holds(facts: &Facts, requirement: Requirement, target: Target, step: &Step) -> Option<bool> {
    let set =
        |permission: Option<Permission>, set: PermissionSet| permission.map(|permission| set.contains(permission));
    match (step.part, facts.who) {
        (Part::Open, _) => Some(requirement == Requirement::Anyone),
        (Part::Standing, _) => Some(facts.standing == Standing::Active),
        (Part::Organisation, _) => Some(match target {
            Target::Account => true,
            Target::In(place) => place == facts.organisation,
            Target::Rank { organisation, .. } | Target::Key { organisation, .. } => organisation == facts.organisation,
        }),
        (Part::People, who) => Some(matches!(who, Who::Person { .. })),
        (Part::Role, Who::Person { role, .. }) => set(step.permission, role.permissions()),
        (Part::OwnSet, Who::Key { own, .. }) => set(step.permission, own),
        (Part::Person, Who::Key { answers_for, .. }) => set(step.permission, answers_for.permissions()),
        (Part::Role, Who::Key { .. }) | (Part::OwnSet | Part::Person, Who::Person { .. }) => Some(false),
        (Part::Ceiling, _) => None,
    }
}

/// All that an explanation must be.
fn check(facts: &Facts, requirement: Requirement, target: Target) -> Result<(), TestCaseError> {
    let explanation = explain(facts, requirement, target);
    let decision = decide(&facts.principal(), requirement, target);
    prop_assert_eq!(explanation.allowed, decision.is_ok());
    prop_assert_eq!(explanation.denial, decision.err());
    // One step decides a denial, and none an allowance; none behind it is asked.
    let verdicts: Vec<_> = explanation.steps.iter().map(|step| step.verdict).collect();
    let end = verdicts.iter().position(|verdict| *verdict == Verdict::Failed);
    prop_assert_eq!(end.is_some(), decision.is_err(), "{:?}", explanation);
    for (at, verdict) in verdicts.iter().enumerate() {
        let expected = match end {
            Some(end) if at == end => Verdict::Failed,
            Some(end) if at > end => Verdict::NotAsked,
            _ => Verdict::Passed,
        };
        prop_assert_eq!(*verdict, expected, "{:?}", explanation);
    }
    for step in &explanation.steps {
        prop_assert!(!step.title.is_empty(), "{:?}", step);
        if step.verdict != Verdict::NotAsked
            && let Some(holds) = holds(facts, requirement, target, step)
        {
            prop_assert_eq!(holds, step.verdict == Verdict::Passed, "{:?} of {:?}", step, facts);
        }
    }
    // The step that fails names what the denial names.
    if let (Some(step), Err(denial)) = (failed(&explanation), decision) {
        if let Some(missing) = denial.missing() {
            prop_assert_eq!(step.permission, Some(missing));
            prop_assert!(step.words.contains(missing.name()) || matches!(step.part, Part::Person), "{:?}", step);
        }
        prop_assert!(!step.words.is_empty(), "{:?}", step);
    }
    Ok(())
}

const STANDINGS: [Standing; 6] =
    [Standing::Active, Standing::Disabled, Standing::Expired, Standing::Early, Standing::Blocked, Standing::Revoked];

fn any_set() -> impl Strategy<Value = PermissionSet> {
    proptest::collection::vec(proptest::sample::select(Permission::ALL), 0..40).prop_map(|p| p.into_iter().collect())
}

fn any_role() -> impl Strategy<Value = Role> {
    proptest::sample::select(Role::ALL.to_vec())
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let answers_for =
        prop_oneof![Just(AnswersFor::Owners), proptest::option::of(any_role()).prop_map(AnswersFor::Person),];
    let who = prop_oneof![
        any_role().prop_map(|role| person(role).who),
        (any_set(), answers_for).prop_map(|(own, answers_for)| key(own, answers_for).who),
    ];
    (who, proptest::sample::select(STANDINGS.to_vec()), 1u128..3).prop_map(|(who, standing, o)| Facts {
        organisation: org(o),
        standing,
        who,
    })
}

fn any_target() -> impl Strategy<Value = Target> {
    prop_oneof![
        Just(Target::Account),
        (1u128..3).prop_map(|o| Target::In(org(o))),
        (1u128..3, proptest::option::of(any_role()), proptest::option::of(any_role()))
            .prop_map(|(o, now, next)| Target::Rank { organisation: org(o), now, next }),
        (1u128..3, any_set(), any_set(), any::<bool>()).prop_map(|(o, now, next, itself)| Target::Key {
            organisation: org(o),
            now,
            next,
            itself
        }),
    ]
}

fn any_requirement() -> impl Strategy<Value = Requirement> {
    let permission = || proptest::sample::select(Permission::ALL);
    prop_oneof![
        Just(Requirement::Anyone),
        Just(Requirement::Person),
        Just(Requirement::Membership),
        Just(Requirement::Belonging),
        permission().prop_map(Requirement::Holds),
        (permission(), permission()).prop_map(|(first, second)| Requirement::Both(first, second)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_explanation_is_the_decision(f in any_facts(), r in any_requirement(), t in any_target()) {
        check(&f, r, t)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// For every operation there is, by every kind of person and key.
    #[test]
    fn every_operation_is_explained(f in any_facts(), t in any_target()) {
        for operation in Operation::ALL {
            check(&f, operation.spec().requires, t)?;
        }
    }
}

#[test]
fn each_role_and_level_is_explained_in_its_own_organisation() {
    let sets = KeyFeature::ALL
        .into_iter()
        .flat_map(|feature| feature.levels().into_iter().filter_map(move |level| feature.permissions(level)));
    let cut = [AnswersFor::Owners, AnswersFor::Person(None)]
        .into_iter()
        .chain(Role::ALL.map(|role| AnswersFor::Person(Some(role))));
    let keys = sets.flat_map(|set| cut.clone().map(move |answers_for| key(set, answers_for)));
    let here = Target::In(org(1));
    for facts in Role::ALL.map(person).into_iter().chain(keys) {
        for standing in STANDINGS {
            let facts = Facts { standing, ..facts };
            for operation in Operation::ALL {
                check(&facts, operation.spec().requires, here).expect("it is the decision");
            }
        }
    }
}

#[test]
fn a_demoted_persons_key_is_cut_and_says_so() {
    let write = KeyFeature::Prompts.permissions(Level::Write).expect("a level");
    let cut = key(write, AnswersFor::Person(Some(Role::Member)));
    let explanation = explain(&cut, Requirement::Holds(Permission::PromptsPublish), Target::In(org(1)));
    let told: Vec<_> = explanation
        .steps
        .iter()
        .map(|step| (step.part, step.verdict, step.title.as_str(), step.words.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Part::Standing, Verdict::Passed, "The key is live", ""),
            (Part::Organisation, Verdict::Passed, "It is in their own organisation", ""),
            (
                Part::OwnSet,
                Verdict::Passed,
                "Its own set holds it",
                "Prompts is Write, which includes prompts.publish."
            ),
            (
                Part::Person,
                Verdict::Failed,
                "The person it answers for does not hold it",
                "Their role is Member, which does not hold prompts.publish. Held by: Owners and Admins. A key can never \
                 do more than its person may do now."
            ),
        ]
    );
    let read = key(KeyFeature::Prompts.permissions(Level::Read).expect("a level"), AnswersFor::Owners);
    let explanation = explain(&read, Requirement::Holds(Permission::PromptsPublish), Target::In(org(1)));
    assert_eq!(
        failed(&explanation).map(|step| (step.part, step.words.as_str())),
        Some((Part::OwnSet, "Prompts is Read, without prompts.publish. The first level with it is Write."))
    );
}

#[test]
fn a_dead_key_is_told_by_what_it_died_of() {
    let all = key(PermissionSet::every_key_permission(), AnswersFor::Owners);
    for (standing, title) in [
        (Standing::Disabled, "The key is disabled"),
        (Standing::Expired, "The key has expired"),
        (Standing::Early, "The key does not work yet"),
        (Standing::Blocked, "The key is blocked by policy"),
        (Standing::Revoked, "The key was deleted"),
    ] {
        let facts = Facts { standing, ..all };
        let explanation = explain(&facts, Requirement::Holds(Permission::ModelsCall), Target::In(org(1)));
        assert_eq!(failed(&explanation).map(|step| step.title.as_str()), Some(title));
    }
    let now = Timestamp(1_000);
    for (revoked, disabled, end, standing) in [
        (false, false, None, Standing::Active),
        (false, false, Some(1_001), Standing::Active),
        (false, false, Some(1_000), Standing::Expired),
        (false, true, Some(1_000), Standing::Disabled),
        (true, true, Some(1_000), Standing::Revoked),
    ] {
        assert_eq!(Standing::of_key(revoked, disabled, end.map(Timestamp), now), standing);
    }
}

#[test]
fn acts_read_as_a_sentence_goes_on() {
    assert_eq!(Permission::PromptsPublish.act(), "publish prompts");
    assert_eq!(Permission::TeamAssignRoles.act(), "assign roles");
    assert_eq!(Permission::TeamView.act(), "view the team");
    assert_eq!(Permission::ModelsCall.act(), "call models");
}
