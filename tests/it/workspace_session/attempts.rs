//! Attempts of a session in later processes: stale, dense, damaged, reactivated.

use super::*;

#[test]
fn stale_layers_are_solved_again_with_the_methods_of_their_active_attempts() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (path, place) = new_session(dir.path());
    let mut frontend = Frontend::open_in(&settings, place);
    let first = frontend.run(0, &settings).record();
    let planned = frontend.ratios(&settings);
    // Retries of layer 3 by hand: with other settings, then its attention with another ratio, and an FFN
    // without compensation.
    let own = Method {
        solver: Solver { damping: 0.1, group_size: GroupSize::Fixed(16), ..settings.solver },
        ..Method::of_run(&settings, planned[3])
    };
    frontend.retry(3, own.clone());
    frontend.choose(3, Some(1));
    let tried = Method { ratio: 0.5.into(), parts: vec![Part::Attention], ..own.clone() };
    frontend.retry(3, tried);
    frontend.choose(3, Some(2));
    frontend.close().unwrap();
    // Another attempt in an earlier layer makes these attempts stale.
    retried(&path, 1, 0.4);
    // As in the explorer, activating an attempt also plans its ratio.
    chosen(&path, 3, Some(2));
    let resumed = resume(&path, Some(dir.path().join("out"))).unwrap().record;

    let (again, before) = (&resumed.layers[3], &first.layers[3]);
    assert_eq!(again.attention.kept.len(), again.attention.units / 2, "its own ratio");
    assert_eq!(
        again.mlp.kept.len(),
        before.mlp.kept.len(),
        "the MLP has the size of the attempt that it was copied from"
    );
    assert!(again.mlp.group_sizes[..2] == [16, 16] && again.mlp.hessian.unwrap().damping_used == 0.1);
    let tuned = resumed.tuned.iter().find(|tuned| tuned.layer == 3).unwrap();
    assert_eq!(tuned.method.of_part(Part::Mlp).unwrap().ratio, planned[3].mlp);
    assert_eq!(tuned.method.of_part(Part::Attention).unwrap().ratio, 0.5);
    // Settings that a retry does not change are kept.
    let change = MethodChange {
        solver: SolverChanges { damping: Some(0.2), ..Default::default() },
        ..Default::default()
    };
    let job = Retry { session: path.clone(), model: None, layer: 3, changes: vec![change], choose: false };
    let tries = finished(engine::start(1, move |control| engine::retry(job, control))).unwrap().tries;
    let newest = &tries.last().unwrap().record;
    assert_eq!(newest.attention.kept.len(), again.attention.kept.len());
    assert_eq!(newest.mlp.kept.len(), again.mlp.kept.len());
    assert_eq!(newest.mlp.hessian.unwrap().damping_used, 0.2);
    // Nothing is left to do, and a second resume changes nothing.
    assert!(resume(&path, Some(dir.path().join("out"))).unwrap().was_finished);
    // Untouched layers have the method of the run.
    assert!(resumed.tuned.iter().all(|tuned| tuned.layer == 3), "{:?}", resumed.tuned);
}

#[test]
fn a_layer_set_to_dense_is_dense_after_resuming() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (session, _, _) = pruned(settings, dir.path());
    chosen(&session, 5, None);
    let resumed = resume(&session, Some(dir.path().join("dense"))).unwrap().record;
    assert!(resumed.layers[5].attention.removed.is_empty() && resumed.layers[5].mlp.removed.is_empty());
    assert!(!resumed.layers[6].mlp.removed.is_empty());
}

#[test]
fn a_replaced_output_does_not_count_as_written() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (session, out, _) = pruned(settings, dir.path());
    assert!(resume(&session, None).unwrap().was_finished);
    let weights = fs::read(out.join("model.safetensors")).unwrap();
    fs::write(out.join("model.safetensors"), "junk").unwrap();
    let error = resume(&session, None).err().unwrap().to_string();
    assert!(error.contains("it already exists"), "{error}");
    let job = Resume { session, model: None, out: None, force: true };
    assert!(!finished(engine::start(1, move |control| engine::resume(job, control))).unwrap().was_finished);
    assert!(fs::read(out.join("model.safetensors")).unwrap() == weights);
}

#[test]
fn retrying_the_last_layer_is_measured_and_finishes_the_session() {
    let dir = tempfile::tempdir().unwrap();
    let settings = measured(dir.path());
    let (session, _, first) = pruned(settings, dir.path());
    retried(&session, 11, 0.6);
    let resumed = resume(&session, Some(dir.path().join("other"))).unwrap();
    let (before, after) = (first.perplexity.unwrap(), resumed.record.perplexity.unwrap());
    assert!(after.after.unwrap() > before.after.unwrap());
    assert!(resume(&session, Some(dir.path().join("other"))).unwrap().was_finished);
}

#[test]
fn an_attempt_with_a_damaged_weight_is_solved_again() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (session, out, _) = pruned(settings, dir.path());
    let file = session.join("attempts/layer-004-attempt-000-mlp.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.len() - 100;
    bytes[at] ^= 4;
    fs::write(&file, bytes).unwrap();
    let job = Retry {
        session: session.clone(),
        model: None,
        layer: 4,
        changes: vec![Default::default()],
        choose: false,
    };
    finished(engine::start(1, move |control| engine::retry(job, control))).unwrap();
    resume(&session, Some(dir.path().join("again"))).unwrap();
    // The table of layers contains the attempt number, which has changed.
    let model = |dir: &Path| {
        let files = files(dir).into_iter().filter(|(name, _)| name != "layers.csv");
        files.collect::<Vec<_>>()
    };
    assert!(model(&out) == model(&dir.path().join("again")), "the files differ");
}

#[test]
fn matching_attempts_are_reactivated_instead_of_solved_again() {
    let dir = tempfile::tempdir().unwrap();
    let settings = measured(dir.path());
    let (session, out, _) = pruned(settings, dir.path());
    let first = files(&out);
    let choose = |attempt| chosen(&session, 7, Some(attempt));
    retried(&session, 7, 0.5);
    // A session may replace its own output.
    resume(&session, None).unwrap();
    assert!(files(&out) != first);
    assert_eq!(choose(0).stale_below, [8, 9, 10, 11]);
    let mut worker = engine::start(1, {
        let job = Resume { session: session.clone(), model: None, out: None, force: false };
        move |control| engine::resume(job, control)
    });
    while let Some(told) = worker.events.blocking_recv() {
        assert!(!matches!(told.event, Event::LayerStarted { .. }), "a layer was solved again");
    }
    worker.join().unwrap();
    assert!(files(&out) == first);
    assert!(choose(1).stale_below == [8, 9, 10, 11]);
}
