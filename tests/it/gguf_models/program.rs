//! Commands on GGUF files: pruning, sessions, records and outputs.

use super::*;

fn done(ran: &crate::program::Ran) {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

fn same_file(a: &Path, b: &Path) {
    assert!(fs::read(a).unwrap() == fs::read(b).unwrap(), "{} and {} differ", a.display(), b.display());
}

/// The built-in model in f32 as a directory and as a GGUF file.
fn both_forms(bench: &Workspace) -> (String, PathBuf) {
    let forms = ["--ratio", "0", "--format", "hf,gguf", "--gguf-type", "f32", "--export-dtype", "f32"];
    done(&bench.prune_to("whole", &forms));
    let file = bench.path("tiny.gguf");
    fs::rename(bench.path("whole/model-slim-f32.gguf"), &file).unwrap();
    (bench.text("whole"), file)
}

#[test]
fn pruning_a_gguf_file_gives_the_same_weights_as_pruning_its_directory() {
    let bench = Workspace::new();
    let (directory, file) = both_forms(&bench);
    let file = file.to_str().unwrap();
    let prune = |model: &str, out: &str| {
        let (text, out) = (bench.text("text.txt"), bench.text(out));
        let run = run(&[
            "prune",
            model,
            "--calibration",
            &text,
            "--samples",
            "8",
            "--seq-len",
            "64",
            "--out",
            &out,
        ]);
        done(&run);
    };
    prune(&directory, "from-directory");
    prune(file, "from-file");
    same_file(&bench.path("from-directory/model.safetensors"), &bench.path("from-file/model.safetensors"));
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "README.md", "run.json"] {
        assert!(bench.path("from-file").join(name).exists(), "{name}");
    }
    let perplexity = |model: &str| {
        let ran = run(&["eval", model, "--text", &bench.text("text.txt"), "--seq-len", "64", "--json"]);
        done(&ran);
        serde_json::from_str::<Json>(&ran.stdout).unwrap()["perplexity"].clone()
    };
    assert_eq!(perplexity(&directory), perplexity(file));
    assert_eq!(perplexity(&bench.text("from-directory")), perplexity(&bench.text("from-file")));
    let generated = |model: &str| {
        let ran =
            run(&["generate", model, "--prompt", "Once upon", "--max-tokens", "12", "--temperature", "0"]);
        done(&ran);
        ran.stdout
    };
    assert_eq!(generated(&directory), generated(file));
}

#[test]
fn a_session_of_a_gguf_file_resumes_and_refuses_a_changed_file() {
    let bench = Workspace::new();
    let (_, file) = both_forms(&bench);
    let (session, text) = (bench.text("session"), bench.text("text.txt"));
    let settings =
        ["--calibration", &text, "--samples", "8", "--seq-len", "64", "--session", &session, "--no-export"];
    done(&run(&[&["prune", file.to_str().unwrap()], settings.as_slice()].concat()));
    // Under another name, the file is the same model.
    let moved = bench.path("renamed.gguf");
    fs::rename(&file, &moved).unwrap();
    let export =
        |out: &str| run(&["export", &session, "--model", moved.to_str().unwrap(), "--out", &bench.text(out)]);
    done(&export("exported"));
    assert!(bench.path("exported/model.safetensors").exists());
    let mut bytes = fs::read(&moved).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&moved, bytes).unwrap();
    let refused = export("again");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("model.gguf has changed"), "{}", refused.stderr);
}

#[test]
fn a_quantised_source_is_reported_by_inspect_the_record_and_the_card() {
    let bench = Workspace::new();
    done(&bench.prune_to("small", &["--ratio", "0", "--format", "gguf", "--gguf-type", "q8_0"]));
    let file = bench.text("small/model-slim-q8_0.gguf");
    let inspected = run(&["inspect", &file]);
    done(&inspected);
    assert!(inspected.stdout.contains("q8_0 (quantised"), "{}", inspected.stdout);
    let (text, out) = (bench.text("text.txt"), bench.text("out"));
    done(&run(&["prune", &file, "--calibration", &text, "--samples", "8", "--seq-len", "64", "--out", &out]));
    let record: Json = serde_json::from_slice(&fs::read(bench.path("out/run.json")).unwrap()).unwrap();
    assert_eq!(record["model"]["quantised"], json!(["q8_0"]));
    let card = fs::read_to_string(bench.path("out/README.md")).unwrap();
    assert!(card.contains("The original weights are quantised (q8\\_0)"), "{card}");
    let config: Json = serde_json::from_slice(&fs::read(bench.path("out/config.json")).unwrap()).unwrap();
    assert_eq!(config["torch_dtype"], "float32");
}

#[test]
fn an_output_may_not_replace_the_directory_of_the_model() {
    let bench = Workspace::new();
    let (_, file) = both_forms(&bench);
    let inside = bench.path("home");
    fs::create_dir(&inside).unwrap();
    fs::rename(&file, inside.join("tiny.gguf")).unwrap();
    let (model, text) = (bench.text("home/tiny.gguf"), bench.text("text.txt"));
    let out = inside.to_str().unwrap();
    let refused = run(&["prune", &model, "--calibration", &text, "--out", out, "--force", "--no-session"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(inside.join("tiny.gguf").exists());
}
