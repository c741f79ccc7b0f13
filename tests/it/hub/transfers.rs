//! The cache of downloads, progress, and downloads that stop and continue.

use super::*;

#[test]
fn the_cache_is_not_downloaded_again() {
    let hub = TestHub::with(Repository::sharded().without(&["generation_config.json"]));
    let first = fetch(&hub.options()).unwrap();
    hub.requests();
    assert_eq!(fetch(&hub.options()).unwrap(), first);
    assert_eq!(hub.requests().len(), 1);
}

#[test]
fn a_new_commit_shares_the_bytes_that_did_not_change() {
    let hub = TestHub::with(Repository::sharded());
    fetch(&hub.options()).unwrap();
    hub.requests();
    hub.change(|repository| {
        repository.commit = "fedc";
        repository.files.insert("LICENSE.txt", b"Do better.".to_vec());
    });
    let directory = fetch(&hub.options()).unwrap();
    assert!(directory.ends_with("fedc"));
    assert_eq!(fs::read(directory.join("LICENSE.txt")).unwrap(), b"Do better.");
    assert_eq!(fs::read(directory.join("model-00002-of-00002.safetensors")).unwrap().len(), 300_000);
    assert!(!hub.requests().iter().any(|request| request.is_for_bytes_of(".safetensors")));
}

#[test]
fn offline_uses_the_cache_without_requests() {
    let hub = TestHub::with(Repository::sharded());
    let directory = fetch(&hub.options()).unwrap();
    hub.requests();
    assert_eq!(fetch(&Options { offline: true, ..hub.options() }).unwrap(), directory);
    assert_eq!(hub.requests(), []);
}

#[test]
fn offline_names_the_files_that_the_cache_lacks() {
    let hub = TestHub::with(Repository::sharded());
    let offline = Options { offline: true, ..hub.options() };
    let error = fetch(&offline).unwrap_err().to_string();
    assert!(
        error.contains("HF_HUB_OFFLINE") && error.contains("all files") && error.contains(MODEL),
        "{error}"
    );
    let directory = fetch(&hub.options()).unwrap();
    fs::remove_file(directory.join("model-00002-of-00002.safetensors")).unwrap();
    let error = fetch(&offline).unwrap_err().to_string();
    assert!(error.contains("lacks model-00002-of-00002.safetensors of"), "{error}");
}

#[test]
fn without_a_connection_the_cache_is_used_and_an_empty_cache_is_an_error() {
    let hub = TestHub::with(Repository::sharded());
    let unreachable = Options { endpoint: "http://127.0.0.1:1".into(), ..hub.options() };
    let error = fetch(&unreachable).unwrap_err();
    assert!(matches!(error, Error::Network { .. }), "{error}");
    let directory = fetch(&hub.options()).unwrap();
    assert_eq!(fetch(&unreachable).unwrap(), directory);
}

#[test]
fn progress_reports_every_file_up_to_its_last_byte() {
    let hub = TestHub::with(Repository::sharded());
    let mut told: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut progress = |transfer: Transfer<'_>| {
        let (done, _) = told.entry(transfer.file.into()).or_default();
        assert!(*done <= transfer.done);
        told.insert(transfer.file.into(), (transfer.done, transfer.total));
        ControlFlow::Continue(())
    };
    hub::open(&id(), &hub.options(), &mut progress).unwrap().fetch(&mut progress).unwrap();
    assert_eq!(told["config.json"], (23, 23));
    assert_eq!(told["model-00001-of-00002.safetensors"], (700_000, 700_000));
    assert_eq!(told["model-00002-of-00002.safetensors"], (300_000, 300_000));
}

#[test]
fn a_cancelled_download_continues_where_it_stopped() {
    let hub = TestHub::with(Repository::sharded());
    let shard = "model-00001-of-00002.safetensors";
    let mut reached = 0;
    let mut progress = |transfer: Transfer<'_>| {
        if transfer.file == shard && transfer.done > 0 {
            reached = transfer.done;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let checkpoint = hub::open(&id(), &hub.options(), &mut progress).unwrap();
    assert!(matches!(checkpoint.fetch(&mut progress), Err(Error::Cancelled)));
    assert!(0 < reached && reached < 700_000);
    assert!(fetch(&Options { offline: true, ..hub.options() }).is_err());

    hub.requests();
    let directory = fetch(&hub.options()).unwrap();
    assert_eq!(fs::read(directory.join(shard)).unwrap(), vec![1; 700_000]);
    let requests = hub.requests();
    let asked: Vec<_> = requests.iter().filter(|request| request.is_for_bytes_of(shard)).collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].range, Some(format!("bytes={reached}-")));
}

#[test]
fn a_lost_connection_is_resumed() {
    let shard = "model-00002-of-00002.safetensors";
    let hub = TestHub::with(Repository { cut: Some(shard), ..Repository::sharded() });
    let directory = fetch(&hub.options()).unwrap();
    assert_eq!(fs::read(directory.join(shard)).unwrap(), vec![2; 300_000]);
    let requests = hub.requests();
    let ranges: Vec<_> = requests
        .iter()
        .filter(|request| request.is_for_bytes_of(shard))
        .map(|request| &request.range)
        .collect();
    assert_eq!(ranges, [&Some("bytes=0-".into()), &Some("bytes=150000-".into())]);
}
