//! Downloads from the hub, against a single-threaded test hub on this machine.

mod transfers;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    ops::ControlFlow,
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use slimgpt::model::hub::{self, Error, HubId, Options, Transfer};
use tempfile::TempDir;

const MODEL: &str = "tiny/llama";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The files of a test hub, and the failures it simulates.
#[derive(Clone, Default)]
struct Repository {
    files: BTreeMap<&'static str, Vec<u8>>,
    commit: &'static str,
    /// The only token with access to the files.
    token: Option<&'static str>,
    /// The first complete request for this file is answered with half of it.
    cut: Option<&'static str>,
    /// A file that was renamed on the hub.
    renamed: Option<&'static str>,
    /// A file whose bytes are on another host.
    elsewhere: Option<&'static str>,
}

impl Repository {
    fn sharded() -> Self {
        let index = br#"{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors",
                         "c": "model-00001-of-00002.safetensors"}}"#;
        let files: [(&str, Vec<u8>); 11] = [
            ("config.json", br#"{"model_type": "llama"}"#.to_vec()),
            ("tokenizer.json", b"{}".to_vec()),
            ("tokenizer_config.json", b"{\"legacy\": false}".to_vec()),
            ("chat_template.jinja", b"{{ messages }}".to_vec()),
            ("LICENSE.txt", b"Do as you like.".to_vec()),
            ("generation_config.json", Vec::new()),
            ("README.md", b"# tiny".to_vec()),
            ("pytorch_model.bin", vec![7; 1000]),
            ("model.safetensors.index.json", index.to_vec()),
            ("model-00001-of-00002.safetensors", vec![1; 700_000]),
            ("model-00002-of-00002.safetensors", vec![2; 300_000]),
        ];
        Self { files: files.into(), commit: COMMIT, ..Self::default() }
    }

    fn without(mut self, files: &[&'static str]) -> Self {
        files.iter().for_each(|file| drop(self.files.remove(file)));
        self
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Request {
    path: String,
    range: Option<String>,
    authorization: Option<String>,
}

impl Request {
    /// Whether the request is for bytes of this file. Clients request the first byte to learn a file's etag
    /// and size.
    fn is_for_bytes_of(&self, file: &str) -> bool {
        self.path.ends_with(file) && self.range.as_deref() != Some("bytes=0-0")
    }
}

struct TestHub {
    endpoint: String,
    repository: Arc<Mutex<Repository>>,
    requests: Arc<Mutex<Vec<Request>>>,
    cache: TempDir,
}

impl TestHub {
    fn with(repository: Repository) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let repository = Arc::new(Mutex::new(repository));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (held, seen) = (repository.clone(), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                // Some tests close the connection.
                let _ = answer(stream.unwrap(), &held, &seen);
            }
        });
        Self { endpoint, repository, requests, cache: tempfile::tempdir().unwrap() }
    }

    fn options(&self) -> Options {
        Options {
            cache: self.cache.path().join("hub"),
            endpoint: self.endpoint.clone(),
            token: None,
            offline: false,
        }
    }

    fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    fn change(&self, change: impl FnOnce(&mut Repository)) {
        change(&mut self.repository.lock().unwrap());
    }
}

fn answer(
    stream: TcpStream,
    repository: &Mutex<Repository>,
    seen: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let port = stream.local_addr()?.port();
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let headers: BTreeMap<String, String> = lines
        .map_while(|line| line.ok().filter(|line| !line.is_empty()))
        .filter_map(|line| {
            line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_string()))
        })
        .collect();
    let path = first.split(' ').nth(1).unwrap_or_default().to_string();
    let request = Request {
        path: path.clone(),
        range: headers.get("range").cloned(),
        authorization: headers.get("authorization").cloned(),
    };
    seen.lock().unwrap().push(request.clone());
    let mut repository = repository.lock().unwrap();
    respond(stream, &request, &mut repository, port)
}

fn respond(
    mut stream: TcpStream,
    request: &Request,
    repository: &mut Repository,
    port: u16,
) -> std::io::Result<()> {
    let mut write = |head: &str, body: &[u8], length: usize| {
        write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
        stream.write_all(body)
    };
    let commit = repository.commit;
    if request.path.starts_with(&format!("/api/models/{MODEL}/revision/")) {
        let siblings: Vec<_> =
            repository.files.keys().map(|file| serde_json::json!({ "rfilename": file })).collect();
        let info = serde_json::json!({ "sha": commit, "siblings": siblings }).to_string();
        return write("200 OK\r\nContent-Type: application/json", info.as_bytes(), info.len());
    }
    let resolved = format!("/{MODEL}/resolve/{commit}/");
    if let Some(file) = repository.renamed.filter(|file| request.path == format!("{resolved}{file}")) {
        return write(&format!("307 Temporary Redirect\r\nLocation: /renamed/{file}"), b"", 0);
    }
    let moved = request.path.strip_prefix("/elsewhere/");
    let Some(file) =
        request.path.strip_prefix(&resolved).or(moved).or(request.path.strip_prefix("/renamed/"))
    else {
        return write("404 Not Found", b"", 0);
    };
    let bearer = repository.token.map(|token| format!("Bearer {token}"));
    if moved.is_none() && bearer.is_some() && bearer != request.authorization {
        return write("401 Unauthorized", b"", 0);
    }
    let Some(content) = repository.files.get(file) else { return write("404 Not Found", b"", 0) };
    let etag: String = content.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("ETag: \"{etag}{}\"\r\nX-Repo-Commit: {commit}", content.len());
    if repository.elsewhere == Some(file) && moved.is_none() {
        let head =
            format!("302 Found\r\nLocation: http://localhost:{port}/elsewhere/{file}\r\nX-Linked-{etag}");
        return write(&head, b"", 0);
    }
    let (start, end) =
        request.range.as_deref().unwrap_or("bytes=0-")["bytes=".len()..].split_once('-').unwrap();
    let start: usize = start.parse().unwrap();
    if start >= content.len() {
        return write("416 Range Not Satisfiable", b"", 0);
    }
    let end = end.parse().map_or(content.len(), |end: usize| end + 1);
    let head = format!(
        "206 Partial Content\r\nContent-Range: bytes {start}-{}/{}\r\n{etag}",
        end - 1,
        content.len()
    );
    let wanted = &content[start..end];
    if repository.cut == Some(file) && wanted.len() > 1 {
        repository.cut = None;
        return write(&head, &wanted[..wanted.len() / 2], wanted.len());
    }
    write(&head, wanted, wanted.len())
}

fn id() -> HubId {
    MODEL.parse().unwrap()
}

fn fetch(options: &Options) -> Result<std::path::PathBuf, Error> {
    let go_on = &mut |_: Transfer<'_>| ControlFlow::Continue(());
    hub::open(&id(), options, go_on)?.fetch(go_on)
}

fn names_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_sharded_checkpoint_is_cached_with_its_companion_files() {
    let hub = TestHub::with(Repository::sharded());
    let directory = fetch(&hub.options()).unwrap();
    let folder = hub.cache.path().join("hub/models--tiny--llama");
    assert_eq!(directory, folder.join("snapshots").join(COMMIT));
    assert_eq!(
        names_in(&directory),
        [
            "LICENSE.txt",
            "chat_template.jinja",
            "config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "tokenizer.json",
            "tokenizer_config.json"
        ]
    );
    for file in names_in(&directory) {
        assert_eq!(
            fs::read(directory.join(&file)).unwrap(),
            Repository::sharded().files[file.as_str()],
            "{file}"
        );
    }
    assert_eq!(fs::read_to_string(folder.join("refs/main")).unwrap(), COMMIT);
    let others = ["README.md", "pytorch_model.bin"];
    assert!(hub.requests().iter().all(|request| others.iter().all(|file| !request.path.ends_with(file))));
}

#[test]
fn one_file_of_weights_needs_no_index() {
    let mut repository = Repository::sharded();
    repository.files.insert("model.safetensors", vec![3; 10]);
    let hub = TestHub::with(repository);
    let directory = fetch(&hub.options()).unwrap();
    assert_eq!(fs::read(directory.join("model.safetensors")).unwrap(), [3; 10]);
    assert!(!directory.join("model.safetensors.index.json").exists());
}

#[test]
fn an_unknown_name_gives_a_hint_about_spelling() {
    let hub = TestHub::with(Repository::sharded());
    let misspelled: HubId = "tiny/lama".parse().unwrap();
    let error = hub::open(&misspelled, &hub.options(), &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert!(error.to_string().contains("tiny/lama; check the spelling"), "{error}");
}

#[test]
fn a_gated_checkpoint_requires_the_right_token() {
    let hub = TestHub::with(Repository { token: Some("hf_right"), ..Repository::sharded() });
    let error = fetch(&hub.options()).unwrap_err();
    assert!(matches!(error, Error::NotAllowed { status: 401, with_token: false, .. }), "{error}");
    assert!(error.to_string().contains("set HF_TOKEN"), "{error}");

    let with = |token: &str| Options { token: Some(token.into()), ..hub.options() };
    let error = fetch(&with("hf_wrong")).unwrap_err();
    assert!(error.to_string().contains("another HF_TOKEN"), "{error}");

    hub.requests();
    fetch(&with("hf_right")).unwrap();
    let requests = hub.requests();
    assert!(requests.iter().all(|request| request.authorization.as_deref() == Some("Bearer hf_right")));
}

#[test]
fn another_host_does_not_receive_the_token() {
    let shard = "model-00001-of-00002.safetensors";
    let hub = TestHub::with(Repository {
        token: Some("hf_right"),
        elsewhere: Some(shard),
        ..Repository::sharded()
    });
    let directory = fetch(&Options { token: Some("hf_right".into()), ..hub.options() }).unwrap();
    assert_eq!(fs::read(directory.join(shard)).unwrap(), vec![1; 700_000]);
    let (moved, on_hub): (Vec<_>, Vec<_>) =
        hub.requests().into_iter().partition(|request| request.path.starts_with("/elsewhere"));
    assert_eq!(
        moved.iter().map(|request| &request.range).collect::<Vec<_>>(),
        [&Some("bytes=0-0".to_string()), &Some("bytes=0-".to_string())]
    );
    assert!(moved.iter().all(|request| request.authorization.is_none()));
    assert!(on_hub.iter().all(|request| request.authorization.is_some()));
}

#[test]
fn a_redirect_within_the_hub_is_followed_with_the_token() {
    let renamed = Some("config.json");
    let hub = TestHub::with(Repository { token: Some("hf_right"), renamed, ..Repository::sharded() });
    let directory = fetch(&Options { token: Some("hf_right".into()), ..hub.options() }).unwrap();
    assert_eq!(fs::read(directory.join("config.json")).unwrap(), br#"{"model_type": "llama"}"#);
}

#[test]
fn a_family_can_be_refused_before_the_weights_are_downloaded() {
    let hub = TestHub::with(Repository::sharded());
    let checkpoint = hub::open(&id(), &hub.options(), &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(checkpoint.config()["model_type"], "llama");
    assert_eq!(checkpoint.commit(), COMMIT);
    let requests = hub.requests();
    assert!(
        requests
            .iter()
            .all(|request| { request.path.starts_with("/api/") || request.path.ends_with("/config.json") })
    );
}

#[test]
fn pickled_weights_are_fetched_only_without_safetensors() {
    let index = "model.safetensors.index.json";
    let hub = TestHub::with(Repository::sharded().without(&[index]));
    let directory = fetch(&hub.options()).unwrap();
    assert_eq!(fs::read(directory.join("pytorch_model.bin")).unwrap(), [7; 1000]);
}

#[test]
fn checkpoints_without_weights_are_refused() {
    let index = "model.safetensors.index.json";
    let hub = TestHub::with(Repository::sharded().without(&[index, "pytorch_model.bin"]));
    let error = fetch(&hub.options()).unwrap_err();
    assert!(matches!(error, Error::NoWeights { .. }), "{error}");
    let hub = TestHub::with(Repository::sharded().without(&["tokenizer.json"]));
    let error = fetch(&hub.options()).unwrap_err();
    assert!(matches!(error, Error::NoFile { file: "tokenizer.json", .. }), "{error}");
}

#[test]
fn an_index_cannot_point_outside_the_snapshot() {
    for index in [r#"{"weight_map": {"a": "../../../evil"}}"#, r#"{"weight_map": {}}"#, "[1]", "{"] {
        let mut repository = Repository::sharded();
        repository.files.insert("model.safetensors.index.json", index.into());
        let error = fetch(&TestHub::with(repository).options()).unwrap_err();
        assert!(matches!(error, Error::Broken { .. }), "{error}");
    }
}
