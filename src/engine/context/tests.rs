//! Tests of the commands that a running job applies and the events that it emits.

use super::*;
use crate::protocol::job;

fn context() -> (Context, mpsc::Sender<Command>, mpsc::Receiver<Stamped>) {
    let (commands, command_receiver) = mpsc::channel(16);
    let (event_sender, events) = mpsc::channel(16);
    (Context::new(0, command_receiver, event_sender, DraftSaver::default()), commands, events)
}

fn choose(attempt: usize) -> Command {
    Command::activate(0, Some(attempt))
}

fn export(run: u64) -> Command {
    let form = crate::export::OutputForm::default();
    Command::start(run, job::Export { form, out: "slim".into(), force: false })
}

fn received(events: &mut mpsc::Receiver<Stamped>) -> Vec<(u64, Event)> {
    std::iter::from_fn(|| events.try_recv().ok()).map(|received| (received.run, received.event)).collect()
}

#[test]
fn jobs_are_queued_in_order_and_controls_of_other_jobs_are_ignored() {
    let (mut context, commands, _events) = context();
    context.begin(1, Pace::Free);
    for command in [choose(1), Command::control(1, Control::Replan(vec![0.5.into()])), choose(2)] {
        commands.blocking_send(command).unwrap();
    }
    assert!(context.checkpoint().is_continue());
    assert_eq!(context.replanned(), Some(vec![0.5.into()]));
    assert_eq!(context.replanned(), None);
    let late = [Command::control(1, Control::Cancel), Command::control(1, Control::Pause), choose(3)];
    for command in late {
        commands.blocking_send(command).unwrap();
    }
    for attempt in 1..=3 {
        assert_eq!(context.next(), Some(choose(attempt)));
        context.begin(2, Pace::Free);
        assert!(context.checkpoint().is_continue());
    }
    drop(commands);
    assert_eq!(context.next(), None);
}

#[test]
fn a_cancel_that_arrives_before_its_job_begins_is_not_lost() {
    let (mut context, commands, mut events) = context();
    context.begin(1, Pace::Free);
    commands.blocking_send(export(2)).unwrap();
    assert!(context.checkpoint().is_continue());
    commands.blocking_send(Command::control(2, Control::Cancel)).unwrap();
    assert_eq!(context.next(), Some(export(2)));
    context.begin(2, Pace::Free);
    assert!(context.checkpoint().is_break());
    assert_eq!(received(&mut events), []);
}

#[test]
fn a_queued_job_is_cancelled_without_beginning() {
    let (mut context, commands, mut events) = context();
    context.begin(1, Pace::Free);
    for command in
        [export(2), export(3), Command::control(2, Control::Cancel), Command::control(4, Control::Cancel)]
    {
        commands.blocking_send(command).unwrap();
    }
    assert!(context.checkpoint().is_continue(), "the running job is not cancelled");
    assert_eq!(received(&mut events), [(2, Event::JobCancelled)]);
    assert_eq!(context.next(), Some(export(3)));
}

/// Sends the commands to job 1, one per removed batch, and returns the emitted events.
fn after_each_batch(pace: Pace, sent: &[Command]) -> Vec<Event> {
    let (mut context, commands, mut events) = context();
    context.begin(1, pace);
    for command in sent {
        commands.blocking_send(command.clone()).unwrap();
        let broken = context.batch_removed().is_break();
        assert_eq!(broken, *command == Command::control(1, Control::Cancel));
    }
    received(&mut events).into_iter().map(|received| received.1).collect()
}

#[test]
fn a_stepwise_job_continues_to_the_next_batch_after_step_and_after_resume() {
    let (step, resume, cancel) = (
        Command::control(1, Control::Step),
        Command::control(1, Control::Resume),
        Command::control(1, Control::Cancel),
    );
    let (halt, on) = (Event::Paused, Event::Resumed);
    assert_eq!(
        after_each_batch(Pace::Stepwise, &[step, resume.clone(), resume, cancel]),
        [&halt, &on, &halt, &on, &halt, &on, &halt].map(Clone::clone)
    );
}

#[test]
fn a_step_halts_a_free_job_once() {
    let (step, resume, cancel) = (
        Command::control(1, Control::Step),
        Command::control(1, Control::Resume),
        Command::control(1, Control::Cancel),
    );
    let (halt, on) = (Event::Paused, Event::Resumed);
    // The first command is received after the first batch and halts the job after the second.
    assert_eq!(
        after_each_batch(Pace::Free, &[step, resume.clone(), resume, cancel]),
        [&halt, &on].map(Clone::clone)
    );
}

#[test]
fn a_new_pace_applies_from_the_next_batch_on_and_continues_a_halted_job() {
    let pace = |pace| Command::control(1, Control::SetPace(pace));
    let (resume, cancel) = (Command::control(1, Control::Resume), Command::control(1, Control::Cancel));
    let (halt, on) = (Event::Paused, Event::Resumed);
    let sent = [pace(Pace::Stepwise), resume.clone(), pace(Pace::Free), resume, cancel];
    assert_eq!(after_each_batch(Pace::Free, &sent), [&halt, &on, &halt, &on].map(Clone::clone));
}

#[test]
fn a_new_pace_does_not_continue_a_paused_job() {
    let (mut context, commands, mut events) = context();
    context.begin(1, Pace::Stepwise);
    let free = Command::control(1, Control::SetPace(Pace::Free));
    for command in [Command::control(1, Control::Pause), free, Command::control(1, Control::Cancel)] {
        commands.blocking_send(command).unwrap();
    }
    assert!(context.checkpoint().is_break());
    assert_eq!(received(&mut events), [(1, Event::Paused)]);
}

#[test]
fn the_clock_stops_while_a_job_is_halted_and_between_jobs() {
    let (mut context, commands, mut events) = context();
    context.begin(1, Pace::Stepwise);
    let halted = Duration::from_millis(250);
    let face = std::thread::spawn(move || {
        std::thread::sleep(halted);
        commands.blocking_send(Command::control(1, Control::Resume)).unwrap();
        std::thread::sleep(halted);
        commands.blocking_send(choose(0)).unwrap();
    });
    assert!(context.batch_removed().is_continue());
    let mut spent = 0.0;
    context.timed(&mut spent, |context| context.emit(Event::JobDone));
    assert_eq!(context.next(), Some(choose(0)));
    face.join().unwrap();
    assert!(context.seconds() < halted.as_secs_f64() && spent <= context.seconds());
    let at: Vec<f64> = std::iter::from_fn(|| events.try_recv().ok()).map(|received| received.at).collect();
    assert_eq!(at.len(), 3);
    assert!(at.is_sorted() && at[2] < halted.as_secs_f64(), "{at:?}");
}
