//! What a job at work obeys, and what it tells.

use super::*;

fn control() -> (Control, mpsc::Sender<Command>, mpsc::Receiver<Stamped>) {
    let (commands, command_receiver) = mpsc::channel(16);
    let (event_sender, events) = mpsc::channel(16);
    (Control::new(0, command_receiver, event_sender), commands, events)
}

fn choose(attempt: usize) -> Command {
    Command::Choose { layer: 0, attempt: Some(attempt) }
}

fn export(run: u64) -> Command {
    let form = crate::export::OutputForm::default();
    Command::Export { run, form, out: "slim".into(), force: false }
}

fn told(events: &mut mpsc::Receiver<Stamped>) -> Vec<(u64, Event)> {
    std::iter::from_fn(|| events.try_recv().ok()).map(|told| (told.run, told.event)).collect()
}

#[test]
fn what_begins_work_waits_in_its_order_and_orders_to_other_jobs_hit_nothing() {
    let (mut control, commands, _events) = control();
    control.begin(1, Pace::Free);
    for command in [choose(1), Command::Replan { run: 1, ratios: vec![0.5.into()] }, choose(2)] {
        commands.blocking_send(command).unwrap();
    }
    assert!(control.checkpoint().is_continue());
    assert_eq!(control.replanned(), Some(vec![0.5.into()]));
    assert_eq!(control.replanned(), None);
    let late = [Command::Cancel { run: 1 }, Command::Pause { run: 1 }, choose(3)];
    for command in late {
        commands.blocking_send(command).unwrap();
    }
    for attempt in 1..=3 {
        assert_eq!(control.next(), Some(choose(attempt)));
        control.begin(2, Pace::Free);
        assert!(control.checkpoint().is_continue());
    }
    drop(commands);
    assert_eq!(control.next(), None);
}

#[test]
fn an_order_that_comes_before_its_job_begins_is_not_lost() {
    let (mut control, commands, mut events) = control();
    control.begin(1, Pace::Free);
    commands.blocking_send(export(2)).unwrap();
    assert!(control.checkpoint().is_continue());
    commands.blocking_send(Command::Cancel { run: 2 }).unwrap();
    assert_eq!(control.next(), Some(export(2)));
    control.begin(2, Pace::Free);
    assert!(control.checkpoint().is_break());
    assert_eq!(told(&mut events), []);
}

#[test]
fn a_job_that_waits_is_cancelled_without_beginning() {
    let (mut control, commands, mut events) = control();
    control.begin(1, Pace::Free);
    for command in [export(2), export(3), Command::Cancel { run: 2 }, Command::Cancel { run: 4 }] {
        commands.blocking_send(command).unwrap();
    }
    assert!(control.checkpoint().is_continue(), "the job at work is not meant");
    assert_eq!(told(&mut events), [(2, Event::RunCancelled)]);
    assert_eq!(control.next(), Some(export(3)));
}

/// Sends each command to job 1, one a batch that leaves, and gives what was told.
fn after_each_batch(pace: Pace, sent: &[Command]) -> Vec<Event> {
    let (mut control, commands, mut events) = control();
    control.begin(1, pace);
    for command in sent {
        commands.blocking_send(command.clone()).unwrap();
        let broken = control.batch_left().is_break();
        assert_eq!(broken, matches!(command, Command::Cancel { .. }));
    }
    told(&mut events).into_iter().map(|told| told.1).collect()
}

#[test]
fn a_stepwise_job_goes_on_up_to_the_next_batch_however_it_is_asked() {
    let (step, resume, cancel) =
        (Command::Step { run: 1 }, Command::Resume { run: 1 }, Command::Cancel { run: 1 });
    let (halt, on) = (Event::Paused, Event::Resumed);
    assert_eq!(
        after_each_batch(Pace::Stepwise, &[step, resume.clone(), resume, cancel]),
        [&halt, &on, &halt, &on, &halt, &on, &halt].map(Clone::clone)
    );
}

#[test]
fn a_step_halts_a_free_job_once() {
    let (step, resume, cancel) =
        (Command::Step { run: 1 }, Command::Resume { run: 1 }, Command::Cancel { run: 1 });
    let (halt, on) = (Event::Paused, Event::Resumed);
    // The first is found behind the first batch, and halts the second; from there it goes freely.
    assert_eq!(
        after_each_batch(Pace::Free, &[step, resume.clone(), resume, cancel]),
        [&halt, &on].map(Clone::clone)
    );
}

#[test]
fn another_pace_holds_from_the_next_batch_on_and_frees_a_job_that_halts() {
    let pace = |pace| Command::Pace { run: 1, pace };
    let (resume, cancel) = (Command::Resume { run: 1 }, Command::Cancel { run: 1 });
    let (halt, on) = (Event::Paused, Event::Resumed);
    let sent = [pace(Pace::Stepwise), resume.clone(), pace(Pace::Free), resume, cancel];
    assert_eq!(after_each_batch(Pace::Free, &sent), [&halt, &on, &halt, &on].map(Clone::clone));
}

#[test]
fn another_pace_does_not_wake_a_job_that_was_paused() {
    let (mut control, commands, mut events) = control();
    control.begin(1, Pace::Stepwise);
    let free = Command::Pace { run: 1, pace: Pace::Free };
    for command in [Command::Pause { run: 1 }, free, Command::Cancel { run: 1 }] {
        commands.blocking_send(command).unwrap();
    }
    assert!(control.checkpoint().is_break());
    assert_eq!(told(&mut events), [(1, Event::Paused)]);
}

#[test]
fn the_clock_stands_still_while_the_job_is_halted_and_between_jobs() {
    let (mut control, commands, mut events) = control();
    control.begin(1, Pace::Stepwise);
    let halted = Duration::from_millis(250);
    let face = std::thread::spawn(move || {
        std::thread::sleep(halted);
        commands.blocking_send(Command::Resume { run: 1 }).unwrap();
        std::thread::sleep(halted);
        commands.blocking_send(choose(0)).unwrap();
    });
    assert!(control.batch_left().is_continue());
    let mut spent = 0.0;
    control.timed(&mut spent, |control| control.emit(Event::JobDone));
    assert_eq!(control.next(), Some(choose(0)));
    face.join().unwrap();
    assert!(control.seconds() < halted.as_secs_f64() && spent <= control.seconds());
    let at: Vec<f64> = std::iter::from_fn(|| events.try_recv().ok()).map(|told| told.at).collect();
    assert_eq!(at.len(), 3);
    assert!(at.is_sorted() && at[2] < halted.as_secs_f64(), "{at:?}");
}
