//! The section on loading: one paragraph per written format, with the result of its verification.

use super::{CardFacts, code, prose};
use crate::{
    export::{Example, Loading, WrittenForm},
    protocol::{RunRecord, Verified},
};

/// The section, with formats in the order of the list of formats.
pub fn section(record: &RunRecord, facts: &CardFacts) -> String {
    let mut text = String::from("## Loading\n");
    for written in facts.by_format() {
        let Loading { note, examples, .. } = written.format.exporter().loading(written);
        text += &format!(
            "\nFormat {}: it loads as {} and has {} weights. {note}\n",
            written.format,
            code(&written.loaded_as),
            prose(&written.weights)
        );
        for Example { program, language, code } in examples {
            text += &format!("\nWith {program}:\n\n```{language}\n{code}```\n");
        }
        text += &verification(record, written);
    }
    text
}

fn verification(record: &RunRecord, form: &WrittenForm) -> String {
    let verified = record.written.iter().find(|written| written.format == form.format);
    let Some(Verified { largest_difference, tolerance, spread, tokens }) =
        verified.and_then(|written| written.verified)
    else {
        return String::new();
    };
    format!(
        "\nVerified after export on {tokens} tokens: the logits differ from those of the pruned model in memory by at most \
         {largest_difference:.2e} (tolerance {tolerance:.2e}; standard deviation of the logits {spread:.2}).\n"
    )
}
