//! What is told of a config: dry runs, outlines, and what a run has decided.

use super::{super::run::Told, *};

#[test]
fn a_dry_run_goes_the_way_of_the_call() {
    let config = "{\n\"strategy\": {\"mode\": \"conditional\",\n \"conditions\": [\n  {\"query\": {\"metadata.plan\": \"paid\"}, \"then\": \"paid\"}],\n \"default\": \"rest\"},\n\"targets\": [\n {\"name\": \"paid\", \"strategy\": {\"mode\": \"fallback\"}, \"targets\": [\n  {\"virtual_key\": \"a\", \"retry\": {\"attempts\": 1}},\n  {\"virtual_key\": \"b\", \"override_params\": {\"model\": \"m-2\"}}]},\n {\"name\": \"rest\", \"virtual_key\": \"c\"}]\n}";
    let plan = compile(config).expect("a plan");
    let mut supposed = Supposed { model: Some("m-1".into()), ..Supposed::default() };
    let told = explain(&plan, &supposed);
    let reached = told.reached.expect("a target");
    assert_eq!(
        (reached.path.as_str(), reached.virtual_key.as_deref(), reached.model.as_deref()),
        ("config.targets[1]", Some("c"), Some("m-1"))
    );
    assert_eq!(told.steps.iter().map(|step| step.line).collect::<Vec<_>>(), [4, 5, 10]);
    supposed.metadata.insert("plan".into(), "paid".into());
    supposed.answers.insert("a".into(), Answer::Status(429));
    let told = explain(&plan, &supposed);
    let reached = told.reached.expect("a target");
    assert_eq!(
        (reached.path.as_str(), reached.model.as_deref(), told.status),
        ("config.targets[0].targets[1]", Some("m-2"), 200)
    );
    let words: Vec<_> = told.steps.iter().map(|step| (step.words.as_str(), step.line)).collect();
    assert_eq!(
        words,
        [
            ("metadata.plan equals paid", 4),
            ("@a answers 429", 8),
            ("After 429: retry 1, 1 s later", 8),
            ("@a answers 429", 8),
            ("After 429: no retry is left", 8),
            ("429 leads on to the next target", 7),
            ("@b answers, as m-2", 9),
        ]
    );
    supposed.answers.insert("config.targets[0].targets[1]".into(), Answer::Unreachable);
    let told = explain(&plan, &supposed);
    assert_eq!((told.status, told.steps.last().map(|step| step.verdict)), (503, Some(Verdict::Failed)));
    let open = compile(r#"{"retry": {"attempts": 1}}"#).expect("a plan");
    assert_eq!(explain(&open, &Supposed { model: Some("m".into()), ..Supposed::default() }).reached, None);
    let named =
        explain(&open, &Supposed { model: Some("@x/m".into()), ..Supposed::default() }).reached.expect("a target");
    assert_eq!((named.virtual_key.as_deref(), named.model.as_deref()), (Some("x"), Some("m")));
}

#[test]
fn an_outline_is_drawn_even_of_what_is_wrong() {
    let (outline, faults) = look(
        r#"{"strategy":{"mode":"loadbalance"},"virtual_key":"v","targets":[{"weight":3},{"weight":"1","override_params":{"model":"@w/m"}}],"zzz":1}"#,
    );
    assert_eq!(faults.len(), 2);
    let root = outline.expect("an outline").root;
    assert_eq!(root.kind, Kind::SharedOut { sticky: None });
    assert_eq!(root.targets[0].share, Some(0.75));
    assert_eq!(root.targets[0].kind, Kind::Target { virtual_key: Some("v".into()), model: None });
    assert_eq!(root.targets[1].kind, Kind::Target { virtual_key: Some("w".into()), model: Some("m".into()) });
    assert_eq!((root.targets[1].path.as_str(), root.targets[1].place.as_str()), ("config.targets[1]", "targets[1]"));
    assert_eq!(look("{").0, None);
    let (outline, _) = look(
        &conditional(
            &json!({ "$or": [{ "metadata.a": "1" }, { "metadata.b": { "$in": ["2", "3"] }, "params.n": 1 }] }),
        )
        .to_string(),
    );
    let Kind::ByCondition { cases, otherwise } = outline.expect("an outline").root.kind else { panic!("a condition") };
    assert_eq!(
        (cases[0].words.as_str(), cases[0].target, otherwise),
        ("metadata.a equals 1 or (metadata.b is one of 2, 3 and params.n equals 1)", Some(0), Some(1))
    );
}

#[test]
fn what_was_decided_is_told_only_when_asked_for() {
    let plan = plan(&fallback(&Value::Null, &["a", "b"]));
    let none = |_: &str| None;
    let nothing = |_: &str| None;
    let request = Request { path: "/", metadata: &nothing, header: &none, params: vec![], caller: [0; 16], config: "" };
    let mut silent = Run::new(&plan, &request, 0);
    silent.first(|leaf| leaf == 9);
    assert_eq!(silent.told(), []);
    let mut telling = Run::new(&plan, &request, 0).telling();
    telling.first(|_| false);
    telling.came(Came { status: 500, again_after: None }, |_| false);
    assert_eq!(telling.told(), [Told::LeadsOn { node: 0, status: 500 }]);
}
