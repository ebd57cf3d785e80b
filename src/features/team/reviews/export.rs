//! A review as a file: CSV as RFC 4180 says, with nothing in it that a spreadsheet could take for a formula.

use super::model::{Facts, Review, Row};
use crate::{
    kernel::{Timestamp, text},
    policy::{PermissionSet, summary},
};

const COLUMNS: [&str; 21] = [
    "review",
    "started_at",
    "started_by",
    "finished_at",
    "finished_by",
    "reason",
    "number",
    "kind",
    "id",
    "name",
    "email",
    "role",
    "last_used_at",
    "level",
    "permissions",
    "unused_permissions",
    "acts_for",
    "decision",
    "decided_by",
    "decided_at",
    "comment",
];

/// The whole review: each row says also of which review it is.
pub fn csv(review: &Review, rows: &[Row]) -> String {
    let mut out = COLUMNS.join(",") + "\r\n";
    for row in rows {
        for (index, cell) in cells(review, row).iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            text::cell(&mut out, cell);
        }
        out.push_str("\r\n");
    }
    out
}

fn moment(at: Option<Timestamp>) -> String {
    at.map(Timestamp::rfc3339).unwrap_or_default()
}

fn names(set: PermissionSet) -> String {
    set.names().join(" ")
}

fn cells(review: &Review, row: &Row) -> [String; 21] {
    let finished = review.finished.as_ref();
    let [email, role, used_at, level, permissions, unused, acts_for] = match &row.facts {
        Facts::Person { email, role, active_at, .. } => {
            let nothing = String::new;
            [email.clone(), role.name().to_owned(), moment(*active_at), nothing(), nothing(), nothing(), nothing()]
        }
        Facts::ApiKey { permissions, unused, used_at, responsible } => [
            String::new(),
            String::new(),
            moment(*used_at),
            summary(*permissions),
            names(*permissions),
            unused.map_or_else(|| "not known yet".to_owned(), names),
            responsible.clone().unwrap_or_else(|| "the Owners".to_owned()),
        ],
    };
    let decided = row.decided.as_ref();
    [
        review.id.to_string(),
        review.started_at.rfc3339(),
        review.started_by.clone(),
        moment(finished.map(|finished| finished.at)),
        finished.map(|finished| finished.by.clone()).unwrap_or_default(),
        finished.map(|finished| finished.reason.clone()).unwrap_or_default(),
        row.number.to_string(),
        row.facts.kind().to_owned(),
        row.subject.clone(),
        row.name.clone(),
        email,
        role,
        used_at,
        level,
        permissions,
        unused,
        acts_for,
        decided.map_or("undecided", |decided| decided.decision.name()).to_owned(),
        decided.map(|decided| decided.by.clone()).unwrap_or_default(),
        moment(decided.map(|decided| decided.at)),
        decided.map(|decided| decided.comment.clone()).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        features::team::reviews::model::{Decided, Decision},
        kernel::AccessReviewId,
        policy::Role,
    };

    #[test]
    fn a_file_holds_no_formula_and_as_many_cells_as_its_head() {
        let review = Review {
            id: AccessReviewId::numbered(7),
            started_by: "=cmd()".into(),
            started_at: Timestamp(0),
            people: 1,
            keys: 1,
            confirmed: 1,
            revoked: 0,
            finished: None,
        };
        let by = "Ada".to_owned();
        let decided = Decided { decision: Decision::Confirmed, comment: "+1, \"fine\"".into(), by, at: Timestamp(0) };
        let row = |number, facts, decided| Row { number, subject: "s".into(), name: "@SUM(A1)".into(), facts, decided };
        let person = Facts::Person { email: "-a@b.c".into(), role: Role::Owner, active_at: None, disabled: false };
        let key = Facts::ApiKey {
            permissions: PermissionSet::key_default(),
            unused: None,
            used_at: Some(Timestamp(0)),
            responsible: None,
        };
        let file = csv(&review, &[row(1, person, Some(decided)), row(2, key, None)]);
        let lines: Vec<_> = file.split("\r\n").collect();
        assert_eq!((lines.len(), lines[0].split(',').count(), lines[3]), (4, COLUMNS.len(), ""));
        for line in &lines[1..3] {
            assert_eq!(line.matches("\",\"").count() + 1, COLUMNS.len(), "{line}");
            assert!(!["\"=", "\"+", "\"-", "\"@"].iter().any(|formula| line.contains(formula)), "{line}");
        }
        assert!(lines[1].contains("'+1, \"\"fine\"\"") && lines[1].contains("confirmed"), "{file}");
        assert!(lines[2].contains("models.call") && lines[2].contains("undecided"), "{file}");
    }
}
