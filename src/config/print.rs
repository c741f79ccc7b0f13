//! Settings as a file that `--config` reads again.

use serde::Serialize;

use super::Settings;
use crate::prune::Schedule;

impl Settings {
    /// Every key with its value; keys without a value are left out.
    pub fn to_file(&self, model: Option<&str>) -> String {
        let mut file = File::default();
        if let Some(model) = model {
            file.key("model", &model);
        }
        file.heading("Calibration");
        file.key("calibration", &self.calibration);
        file.key("samples", &self.samples);
        file.key("seq_len", &self.seq_len);
        file.key("seed", &self.seed);
        file.heading("Ratios");
        file.key("schedule", &self.schedule);
        match (&self.schedule, self.first_ratio, self.last_ratio) {
            (Schedule::Custom(_), _, _) => {}
            (_, Some(first), Some(last)) => {
                file.key("first_ratio", &first);
                file.key("last_ratio", &last);
            }
            _ => {
                file.key("ratio", &self.ratio);
                file.key("by_parameters", &self.by_parameters);
            }
        }
        if self.schedule == Schedule::Auto {
            file.key("search_samples", &self.search_samples);
            file.key("search_trials", &self.search_trials);
        }
        file.key("parts", &self.parts);
        file.key("layers", &self.layers);
        file.key("channel_multiple", &self.channel_multiple);
        file.key("uniform", &self.uniform);
        file.heading("Method");
        file.key("score", &self.score);
        file.key("head_score", &self.head_score);
        file.key("attention_unit", &self.attention_unit);
        file.key("group_size", &self.group_size);
        file.key("refine", &self.refine);
        file.key("target", &self.target);
        file.key("stream_weight", &self.stream_weight);
        file.key("damping", &self.damping);
        file.key("no_compensation", &!self.compensation);
        file.key("bias_compensation", &self.bias_compensation);
        file.key("solver_dtype", &self.solver_dtype);
        file.heading("Evaluation");
        file.key("track_errors", &self.track_errors);
        file.key("eval", &self.eval);
        file.key("eval_seq_len", &self.eval_seq_len);
        file.key("bos", &self.bos);
        file.heading("Output");
        file.key("format", &self.output.formats);
        file.key("gguf_type", &self.output.gguf_type);
        file.key("export_dtype", &self.output.export_dtype);
        file.key("shard_size", &self.output.shard_size);
        file.key("verify", &self.output.verify);
        file.key("session_cache", &self.session_cache);
        file.heading("Machine");
        file.key("device", &self.machine.device);
        file.key("dtype", &self.machine.dtype);
        file.key("memory_budget", &self.machine.memory_budget);
        file.key("threads", &self.machine.threads);
        file.0
    }
}

#[derive(Default)]
struct File(String);

impl File {
    fn heading(&mut self, heading: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.0 += &format!("{gap}# {heading}\n");
    }

    fn key(&mut self, key: &str, value: &impl Serialize) {
        // None is the one thing that TOML has no value for.
        if let Ok(value) = toml::Value::try_from(value) {
            self.0 += &format!("{key} = {value}\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Options, demo, parse_file};

    #[test]
    fn printed_settings_read_as_themselves() {
        let texts = [
            "",
            "first-ratio = 0.1\nlast-ratio = 0.3\nthreads = 2\nlayers = \"2..5\"",
            "schedule = [0.1, 0.2]\npreset = \"paper\"\nno-compensation = true\ndevice = \"cuda:1\"\ndtype = \"bf16\"\nsolver-dtype = \"f32\"",
            "group-size = 32\ncalibration = [\"a.txt\", \"demo:stories\"]\neval = \"b \\\"c\\\".txt\"\nmemory-budget = \"1.5GiB\"",
            "score = \"wanda-sp\"\nbias-compensation = true\nrefine = \"swaps\"\nuniform = true\nformat = [\"padded\", \"gguf\"]\ngguf-type = \"q4_k\"\nexport-dtype = \"bf16\"\nshard-size = \"5GiB\"\nverify = false",
        ];
        let mut all: Vec<Options> = texts.iter().map(|text| parse_file(text, "").unwrap()).collect();
        all.push(demo().unwrap());
        for options in all {
            let settings = Settings::new(options).unwrap();
            let text = settings.to_file(Some("some/model"));
            let again = parse_file(&text, "printed.toml").unwrap();
            assert_eq!(again.model.as_deref(), Some("some/model"));
            assert_eq!(Settings::new(again).unwrap(), settings, "{text}");
        }
    }
}
