//! A statement as CSV, as RFC 4180 says.

use super::{
    amount::decimal,
    statement::{Line, Part, Statement},
};
use crate::kernel::text::cell;
use std::fmt::Write;

const COLUMNS: &str = "kind,month,provider,model,id,name,calls,input_tokens,cached_input_tokens,output_tokens,calls_without_price,cost_usd,markup_percent,markup_usd,total_usd,currency,rate,shown_total\r\n";

/// The whole file: lines, corrections, the total; then API keys and virtual keys, whose costs are those of the lines once
/// more. Amounts in dollars are exact; `shown_total` is what the page shows.
pub fn file(statement: &Statement) -> String {
    let all: Vec<i64> = statement.all().map(Line::total).collect();
    let (shown, total) = statement.currency.shown(&all);
    let mut shown = shown.into_iter();
    let mut out = COLUMNS.to_owned();
    for of in &statement.lines {
        line(&mut out, statement, ("line", &statement.month.to_string()), of, shown.next());
    }
    for of in &statement.corrections {
        line(&mut out, statement, ("correction", &of.month.to_string()), &of.line, shown.next());
    }
    let month = statement.month.to_string();
    let sum = |of: fn(&Line) -> i64| statement.all().map(of).fold(0, i64::saturating_add);
    let (cost, added) = (usd(sum(|line| line.cost)), usd(sum(|line| line.added)));
    let tokens = [sum(|line| line.input_tokens), sum(|line| line.cached_input_tokens), sum(|line| line.output_tokens)];
    let _ = write!(
        out,
        "total,{month},,,,,{},{},{},{},{},{cost},,{added},{},{},{},{}\r\n",
        sum(|line| line.calls),
        tokens[0],
        tokens[1],
        tokens[2],
        sum(|line| line.unpriced),
        usd(statement.total()),
        statement.currency.code,
        decimal(statement.currency.rate, 6),
        in_units(statement, total),
    );
    for (kind, parts) in [("api_key", &statement.api_keys), ("virtual_key", &statement.virtual_keys)] {
        for Part { id, name, calls, cost } in parts {
            let _ = write!(out, "{kind},{month},,,{},", id.as_deref().unwrap_or_default());
            cell(&mut out, name);
            let _ = write!(out, ",{calls},,,,,{},,,,,,\r\n", usd(*cost));
        }
    }
    out
}

fn usd(micro_cents: i64) -> String {
    decimal(micro_cents, 8)
}

fn in_units(statement: &Statement, units: i64) -> String {
    // Without the commas that people read by.
    statement.currency.units(units).replace(',', "")
}

fn line(out: &mut String, statement: &Statement, (kind, month): (&str, &str), line: &Line, shown: Option<i64>) {
    let _ = write!(out, "{kind},{month},{},", line.provider.as_deref().unwrap_or_default());
    // Callers name models.
    cell(out, line.model.as_deref().unwrap_or("(other models)"));
    let _ = write!(
        out,
        ",,,{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
        line.calls,
        line.input_tokens,
        line.cached_input_tokens,
        line.output_tokens,
        line.unpriced,
        usd(line.cost),
        decimal(line.markup, 2),
        usd(line.added),
        usd(line.total()),
        statement.currency.code,
        decimal(statement.currency.rate, 6),
        in_units(statement, shown.unwrap_or_default()),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        features::billing::{amount::Currency, month::Month, statement::Seats},
        kernel::Timestamp,
    };

    #[test]
    fn a_file_has_as_many_cells_in_each_row_and_no_formula() {
        let line = Line {
            provider: Some("openai".into()),
            model: Some("=HYPERLINK(\"x\")".into()),
            calls: 2,
            cost: 123_456_789,
            markup: -1_000,
            added: -12_345_679,
            ..Line::default()
        };
        let statement = Statement {
            number: 1,
            month: Month::parse("2026-11").expect("a month"),
            organisation: "North".into(),
            contact_name: String::new(),
            contact_email: String::new(),
            lines: vec![line.clone(), Line { model: None, ..Line::default() }],
            corrections: vec![],
            api_keys: vec![Part { id: None, name: "+1".into(), calls: 2, cost: 123_456_789 }],
            virtual_keys: vec![],
            markups: vec![],
            currency: Currency { code: "EUR".into(), digits: 2, rate: 920_000 },
            seats: Seats::default(),
            made_at: Timestamp(0),
        };
        let file = file(&statement);
        let rows: Vec<&str> = file.trim_end().split("\r\n").collect();
        assert_eq!(rows.len(), 5);
        // The model's name holds no comma.
        let commas: Vec<usize> = rows.iter().map(|row| row.matches(',').count()).collect();
        assert_eq!(commas, [17; 5], "{file}");
        assert_eq!(
            rows[1],
            "line,2026-11,openai,\"'=HYPERLINK(\"\"x\"\")\",,,2,0,0,0,0,1.23456789,-10,-0.12345679,1.1111111,EUR,0.92,1.02"
        );
        assert_eq!(rows[3], "total,2026-11,,,,,2,0,0,0,0,1.23456789,,-0.12345679,1.1111111,EUR,0.92,1.02");
        assert_eq!(rows[4], "api_key,2026-11,,,,\"'+1\",2,,,,,1.23456789,,,,,,");
    }
}
