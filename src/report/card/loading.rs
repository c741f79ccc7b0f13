//! How each form that was written is loaded, and how it compared when it was read back.

use super::{CardFacts, code, front_matter::formats, prose};
use crate::{
    export::Format,
    protocol::{RunRecord, Verified, WrittenRecord},
};

pub fn section(record: &RunRecord, facts: &CardFacts) -> String {
    let mut text = String::from("## Loading\n");
    for format in formats(record) {
        let written = record.written.iter().find(|written| written.format == format);
        text += "\n";
        text += &match format {
            Format::Hf => transformers(written, "Sizes as they were pruned"),
            Format::Padded => transformers(
                written,
                "Sizes as before, with zeros for what was removed: it loads everywhere, and is neither smaller nor faster",
            ),
            Format::Gguf => llama_cpp(written, facts),
        };
        text += &written.map(compared).unwrap_or_default();
    }
    text
}

fn transformers(written: Option<&WrittenRecord>, sizes: &str) -> String {
    let (loaded_as, trust, note) = match written {
        Some(WrittenRecord { loaded_as, remote_code: true, .. }) => (
            format!(" as {}", code(loaded_as)),
            ", trust_remote_code=True",
            " Every layer has sizes of its own, which no class of transformers has: the code comes along, and is to be trusted.",
        ),
        Some(WrittenRecord { loaded_as, .. }) => (format!(" as {}", code(loaded_as)), "", ""),
        None => (String::new(), "", ""),
    };
    let weights = written.map(|written| format!(", {} weights", prose(&written.weights))).unwrap_or_default();
    format!(
        "In transformers{loaded_as}. {sizes}{weights}.{note}\n\n\
         ```python\n\
         from transformers import AutoModelForCausalLM, AutoTokenizer\n\n\
         path = \".\"  # this directory\n\
         model = AutoModelForCausalLM.from_pretrained(path{trust})\n\
         tokenizer = AutoTokenizer.from_pretrained(path{trust})\n\
         inputs = tokenizer(\"Once upon a time\", return_tensors=\"pt\")\n\
         print(tokenizer.decode(model.generate(**inputs, max_new_tokens=40)[0]))\n\
         ```\n\n\
         In slimgpt:\n\n\
         ```sh\n\
         slimgpt eval . --text your-text.txt\n\
         slimgpt generate . --prompt \"Once upon a time\"\n\
         ```\n"
    )
}

fn llama_cpp(written: Option<&WrittenRecord>, facts: &CardFacts) -> String {
    let loaded_as = written.map(|written| {
        format!(" (architecture {}, {} weights)", code(&written.loaded_as), prose(&written.weights))
    });
    let file = facts.gguf_file.as_deref().unwrap_or("model.gguf");
    let file: String = file.chars().filter(|c| !c.is_control() && !"'`".contains(*c)).collect();
    format!(
        "In llama.cpp{}:\n\n```sh\nllama-cli -m '{file}' -p \"Once upon a time\" -n 40\n```\n",
        loaded_as.unwrap_or_default(),
    )
}

fn compared(written: &WrittenRecord) -> String {
    let Some(Verified { largest_difference, tolerance, spread, tokens }) = written.verified else {
        return String::new();
    };
    format!(
        "\nRead back after writing, on {tokens} tokens: the logits differ from those of the pruned model in memory by at \
         most {largest_difference:.2e} (allowed {tolerance:.2e}; the logits spread by {spread:.2}).\n"
    )
}
