//! What can be done with filters that are saved: one's own, which nobody else sees, and everybody's.

use super::{
    filters::{Draft, Listed, MOST_OWN, MOST_SHARED, NAME_LIMIT, Page, QUERY_LIMIT, SHOWN, Saved},
    model::{CallOutcome, Choices, FILTERS, Named, word_of},
    operations, query,
    store::saved::{self as store, Stored},
};
use crate::{
    features::team,
    kernel::{Asked, Code, Error, Fields, FilterId, Result, Timestamp, UserId, provider::Provider, text},
    policy::{Operation, Principal, Target},
    server::{
        access::Access,
        audit::event::{Event, Subject},
        database::OrgTx,
    },
};
use serde_json::Value;
use std::collections::BTreeMap;
use url::form_urlencoded;

/// What a stored filter says.
pub fn told(query: &str) -> Asked {
    form_urlencoded::parse(query.as_bytes()).fold(Asked::default(), |asked, (name, value)| asked.with(&name, value))
}

/// The one way in which a filter is written: what it says, in the order of [`FILTERS`].
fn written(asked: &Asked) -> String {
    let said = FILTERS.into_iter().map(|name| (name, asked.get(name))).filter(|(_, value)| !value.is_empty());
    form_urlencoded::Serializer::new(String::new()).extend_pairs(said).finish()
}

/// Reads a filter as it stands in an address, strictly: every name is one of [`FILTERS`], and every value one that the log
/// takes. Gives its canonical form.
fn parse(query: &str, now: Timestamp) -> Result<String> {
    if query.len() > 4 * QUERY_LIMIT {
        return Err(too_long());
    }
    let mut fields = Fields::default();
    let mut asked = Asked::default();
    for (name, value) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
        if FILTERS.contains(&&*name) {
            asked = asked.with(&name, value.trim());
        } else if !value.trim().is_empty() {
            fields.refuse(text::cut(&name, NAME_LIMIT), "The log has no such filter.");
        }
    }
    fields.finish()?;
    query::filter(&asked, now)?;
    let written = written(&asked);
    match written.len() {
        0 => Err(Error::field("filter", "There is no filter to save. Filter the log first.")),
        length if length > QUERY_LIMIT => Err(too_long()),
        _ => Ok(written),
    }
}

fn too_long() -> Error {
    Error::field("filter", "This filter is too long to be saved.")
}

/// What a stored filter says, part by part.
pub fn parts(query: &str) -> BTreeMap<&'static str, String> {
    let asked = told(query);
    let said = FILTERS.into_iter().filter(|name| !asked.get(name).is_empty());
    said.map(|name| (name, asked.get(name).to_owned())).collect()
}

/// The filters that stand above the log.
pub(super) async fn shown(tx: &mut OrgTx, principal: &Principal) -> Result<Vec<Saved>> {
    let all = store::seen(tx, principal.user()).await?;
    Ok(all.iter().take(SHOWN).map(Stored::saved).collect())
}

/// What is everybody's.
pub async fn shared(access: &Access) -> Result<Vec<Stored>> {
    let mut tx = access.read(Operation::LogFilters).await?;
    store::seen(&mut tx, None).await
}

/// All that the page shows. What is asked for is a filter to be saved, or by its `id` one to be changed.
pub async fn page(access: &Access, asked: &Asked) -> Result<Page> {
    let user = access.user()?;
    let choices = operations::all_choices(access).await?;
    let mut tx = access.read(Operation::LogFilters).await?;
    let all = store::seen(&mut tx, Some(user)).await?;
    let names = Names::read(&mut tx, access, choices, asked, &all).await?;
    let may_change_all = may_change_all(access, &tx);
    let listed = |stored: &Stored| {
        let saved = stored.saved();
        Listed {
            words: names.words(&saved.asked),
            saved,
            changed_by: stored.changed_by.clone(),
            changed_at: stored.changed_at,
            may_change: may_change(stored, user, may_change_all),
        }
    };
    let filters: Vec<Listed> = all.iter().map(listed).collect();
    let changed = asked.get("id").parse().ok().and_then(|id: FilterId| filters.iter().find(|one| one.saved.id == id));
    let draft = match changed {
        Some(one) => Some((Some(one.saved.id), one.saved.name.clone(), one.saved.asked.clone())),
        None => (!asked.is_silent(&FILTERS)).then(|| (None, String::new(), asked.clone())),
    };
    let draft = draft.map(|(id, name, asked)| Draft { id, name, query: written(&asked), words: names.words(&asked) });
    Ok(Page { draft, filters, now: access.now() })
}

fn may_change_all(access: &Access, tx: &OrgTx) -> bool {
    access.check(Operation::LogSettingsChange, Target::In(tx.organisation())).is_ok()
}

/// What is one's own is changed by its owner, who alone sees it; what is everybody's by its maker or by whoever may change the
/// settings of the log.
fn may_change(stored: &Stored, user: UserId, may_change_all: bool) -> bool {
    !stored.is_shared || stored.maker == user || may_change_all
}

fn not_theirs() -> Error {
    let sentence = "This filter is everybody’s. Its maker changes it, or an Owner or Admin. Save one of another name.";
    Error::new(Code::PermissionDenied, sentence)
}

/// Saves a filter, for oneself or for everybody. One of the same name gives place to it; with an `id`, that one gets this name
/// and filter, and stays whose it is. Gives its id.
pub async fn save(
    access: &Access,
    id: Option<FilterId>,
    name: &str,
    filter: &str,
    is_shared: bool,
) -> Result<FilterId> {
    let subject = Subject::unnamed("log_filter", id.map(|id| id.to_string()).unwrap_or_default());
    access
        .act(Operation::LogSaveFilter, subject, |mut change| async move {
            let (user, now) = (change.access().user()?, change.now());
            let changed_by = change.access().actor_name().to_owned();
            let (name, query) = read(name, filter, now)?;
            let was = match id {
                Some(id) => Some(store::find(change.tx(), id, user).await?.ok_or_else(Error::not_found)?),
                None => store::named(change.tx(), user, is_shared, &name).await?,
            };
            let is_shared = was.as_ref().map_or(is_shared, |was| was.is_shared);
            let here = Target::In(change.organisation());
            let may_change_all = change.access().check(Operation::LogSettingsChange, here).is_ok();
            if was.as_ref().is_some_and(|was| !may_change(was, user, may_change_all)) {
                return Err(not_theirs());
            }
            let (id, maker) = was.as_ref().map_or_else(|| (FilterId::new(), user), |was| (was.id, was.maker));
            let same = store::named(change.tx(), user, is_shared, &name).await?;
            if same.is_some_and(|same| same.id != id) {
                return Err(Error { code: Code::Conflict, ..Error::field("name", "There is a filter of this name.") });
            }
            let stored = Stored { id, is_shared, name, query, maker, changed_by, changed_at: now };
            if was.is_some() {
                store::update(change.tx(), &stored).await?;
            } else {
                room(change.tx(), user, is_shared).await?;
                store::insert(change.tx(), &stored).await?;
            }
            let event = Event::of(Subject::new("log_filter", id, stored.name.as_str()))
                .change("name", was.as_ref().map(|was| was.name.clone()), stored.name.as_str())
                .change("filter", was.as_ref().map(|was| was.query.clone()), stored.query.as_str())
                .with("shared", is_shared);
            change.commit(event, id).await
        })
        .await
}

/// Name and filter, each mistake by its field.
fn read(name: &str, filter: &str, now: Timestamp) -> Result<(String, String)> {
    let mut fields = Fields::default();
    let name = fields.take("name", text::line("The name", name, NAME_LIMIT));
    let query = match parse(filter, now) {
        Ok(query) => Some(query),
        Err(error) => {
            error.fields.into_iter().for_each(|field| fields.refuse(&field.field, field.message));
            None
        }
    };
    fields.build(|| Some((name?, query?)))
}

/// Refuses where as many are saved as can be.
async fn room(tx: &mut OrgTx, user: UserId, is_shared: bool) -> Result<()> {
    let (most, whose, what) = if is_shared {
        (MOST_SHARED, "An organisation can have", "shared filters")
    } else {
        (MOST_OWN, "You can have", "filters of your own")
    };
    if store::count(tx, user, is_shared).await? >= most {
        return Err(Error::conflict(format!("{whose} at most {most} {what}. Delete one first.")));
    }
    Ok(())
}

/// Deletes a filter.
pub async fn delete(access: &Access, id: FilterId) -> Result<()> {
    access
        .act(Operation::LogDeleteFilter, Subject::unnamed("log_filter", id), |mut change| async move {
            let user = change.access().user()?;
            let was = store::find(change.tx(), id, user).await?.ok_or_else(Error::not_found)?;
            let here = Target::In(change.organisation());
            let may_change_all = change.access().check(Operation::LogSettingsChange, here).is_ok();
            if !may_change(&was, user, may_change_all) {
                return Err(not_theirs());
            }
            store::delete(change.tx(), id).await?;
            let event = Event::of(Subject::new("log_filter", id, was.name))
                .change("filter", was.query, Value::Null)
                .with("shared", was.is_shared);
            change.commit(event, ()).await
        })
        .await
}

/// Deletes what a person who goes has saved for themselves. What they made for everybody stays.
pub async fn forget_of(tx: &mut OrgTx, user: UserId) -> Result<()> {
    store::forget_of(tx, user).await
}

/// What the ids in filters are called.
struct Names {
    choices: Choices,
    people: Vec<Named>,
}

impl Names {
    /// Whoever may not list the team reads a person's id.
    async fn read(tx: &mut OrgTx, access: &Access, choices: Choices, asked: &Asked, all: &[Stored]) -> Result<Self> {
        let may_list = access.check(Operation::TeamList, Target::In(tx.organisation())).is_ok();
        let names_somebody = !asked.get("person").is_empty() || all.iter().any(|one| one.query.contains("person="));
        let people = if may_list && names_somebody { team::active_people(tx).await? } else { vec![] };
        let people = people.into_iter().map(|(id, name, _)| Named { id: id.to_string(), name }).collect();
        Ok(Self { choices, people })
    }

    /// A filter in words, one for each of its parts.
    fn words(&self, asked: &Asked) -> Vec<String> {
        let said = FILTERS.into_iter().map(|name| (name, asked.get(name))).filter(|(_, value)| !value.is_empty());
        said.map(|(name, value)| format!("{}: {}", label(name), self.word(name, value))).collect()
    }

    fn word(&self, name: &str, value: &str) -> String {
        let among = |named: &[Named]| named.iter().find(|one| one.id == value).map(|one| one.name.clone());
        let word = match name {
            "range" => match value {
                "1h" => Some("last hour".to_owned()),
                "24h" => Some("last 24 hours".into()),
                "7d" => Some("last 7 days".into()),
                "30d" => Some("last 30 days".into()),
                _ => Some("from, to".into()),
            },
            "key" => among(&self.choices.keys),
            "virtual_key" => among(&self.choices.virtual_keys),
            "person" => among(&self.people),
            "provider" => Provider::parse(value).map(|provider| provider.label().to_owned()),
            "status" | "outcome" => CallOutcome::parse(value).map(|outcome| outcome.label().to_owned()),
            "rescued" | "cache" | "verdict" => word_of(name, value).map(str::to_lowercase),
            "min_cost" | "max_cost" => Some(format!("${value}")),
            "min_latency" | "max_latency" => Some(format!("{value} ms")),
            _ => None,
        };
        word.unwrap_or_else(|| value.to_owned())
    }
}

/// What a filter is called.
fn label(name: &str) -> String {
    let label = match name {
        "range" => "Time",
        "from" => "From",
        "to" => "To",
        "key" => "API key",
        "model" => "Model with",
        "model_is" => "Model",
        "provider_model" => "Provider and model",
        "status" => "Outcome",
        "search" => "Text in trace id or metadata",
        "error" => "Error code",
        "verdict" => "Guardrails",
        "rescued" => "Retries",
        "min_cost" => "Cost from",
        "max_cost" => "Cost to",
        "min_tokens" => "Tokens from",
        "max_tokens" => "Tokens to",
        "min_input_tokens" => "Tokens read from",
        "max_input_tokens" => "Tokens read to",
        "min_output_tokens" => "Tokens written from",
        "max_output_tokens" => "Tokens written to",
        "min_latency" => "Latency from",
        "max_latency" => "Latency to",
        other => return text::capital(&other.replace('_', " ")),
    };
    label.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_803_218_709_000);

    #[test]
    fn a_filter_is_written_in_one_way_and_read_back() {
        for (typed, canonical) in [
            ("status=4xx&range=7d", "range=7d&status=4xx"),
            ("?model=+gpt+4o+&status=", "model=gpt+4o"),
            ("metadata=team%3Dcore%26x&trace_id=a%25b", "trace_id=a%25b&metadata=team%3Dcore%26x"),
            ("range=custom&to=2027-02-20&from=2027-02-01&page=", "range=custom&from=2027-02-01&to=2027-02-20"),
        ] {
            assert_eq!(parse(typed, NOW).as_deref(), Ok(canonical), "{typed}");
            assert_eq!(parse(canonical, NOW).as_deref(), Ok(canonical));
            assert_eq!(written(&told(canonical)), canonical);
        }
    }

    #[test]
    fn what_the_log_does_not_take_is_refused_by_name() {
        let long = format!("model={}", "x".repeat(9 * 1024));
        let metadata = format!("metadata={}", "%22".repeat(1_500));
        for (typed, fields) in [
            ("", &["filter"][..]),
            ("status=&range=", &["filter"]),
            ("group=key&q=x", &["group", "q"]),
            ("status=9xx&key=x", &["key", "status"]),
            ("range=2y", &["range"]),
            ("page=2&status=4xx", &["page"]),
            (&long, &["filter"]),
            (&metadata, &["metadata"]),
        ] {
            let refused = parse(typed, NOW).expect_err(typed);
            let named: Vec<_> = refused.fields.iter().map(|field| field.field.as_str()).collect();
            assert_eq!((refused.code, named.as_slice()), (Code::Invalid, fields), "{typed}");
        }
    }

    #[test]
    fn filters_are_told_in_words() {
        let named = |id: &str, name: &str| Named { id: id.into(), name: name.into() };
        let choices = Choices { keys: vec![named("k", "ci")], virtual_keys: vec![], ..Choices::default() };
        let names = Names { choices, people: vec![named("p", "Ada")] };
        let asked =
            told("range=7d&key=k&virtual_key=gone&person=p&provider=openai&status=left&rescued=retry&min_cost=0.5");
        assert_eq!(
            names.words(&asked),
            [
                "Time: last 7 days",
                "API key: ci",
                "Virtual key: gone",
                "Person: Ada",
                "Provider: OpenAI",
                "Outcome: caller left",
                "Retries: answered after a retry",
                "Cost from: $0.5"
            ]
        );
    }
}
