//! Groups of threads.

use super::{super::in_process, *};

/// Runs `work` on every rank of a group. Messages are cut at a few bytes.
fn on_ranks<T: Send>(size: usize, work: impl Fn(&Group) -> T + Sync) -> Vec<T> {
    // A rank that has done its work still receives.
    let groups: Vec<_> = in_process(size).into_iter().map(|end| Group::with_limit(end, 20)).collect();
    std::thread::scope(|scope| {
        let ranks = groups.iter().map(|group| scope.spawn(|| work(group)));
        let ranks: Vec<_> = ranks.collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

#[test]
fn every_rank_receives_what_each_sent_to_it() {
    for size in 1..=4 {
        let received = on_ranks(size, |group| {
            let to_each = (0..size).map(|to| vec![group.rank() as u8; 10 * to + 3]).collect();
            group.exchange(to_each).unwrap()
        });
        for (rank, received) in received.into_iter().enumerate() {
            let expected: Vec<_> = (0..size).map(|from| vec![from as u8; 10 * rank + 3]).collect();
            assert_eq!(received, expected);
        }
    }
}

#[test]
fn the_first_rank_gathers_and_all_receive_its_message() {
    for size in 1..=4 {
        let found = on_ranks(size, |group| {
            let gathered = group.gather(vec![group.rank() as u8; 50]).unwrap();
            let sum = gathered.map(|all| all.concat());
            let sum = group.broadcast(sum).unwrap();
            group.barrier().unwrap();
            (sum.len(), group.all(group.rank() < 2).unwrap())
        });
        assert_eq!(found, vec![(50 * size, size <= 2); size]);
    }
}

#[test]
fn a_rank_that_gives_up_ends_the_operation_on_all_and_the_next_one_works() {
    let found = on_ranks(3, |group| {
        let operation = |fails: bool| {
            if fails && group.rank() == 1 {
                group.give_up(Reason::Failed("the disk is full"));
                return Err(Error::Gone { rank: 1 });
            }
            group.barrier()?;
            group.finish()
        };
        let run = |fails| match group.leads() {
            true => {
                group.begin(Work::Pass, vec![u8::from(fails)]).unwrap();
                operation(fails)
            }
            false => {
                let (work, command) = group.next().unwrap();
                assert_eq!((work, command), (Work::Pass, vec![u8::from(fails)]));
                operation(fails)
            }
        };
        (run(true), run(false))
    });
    let failed = Err(Error::Rank { rank: 1, what: "the disk is full".into() });
    assert_eq!(found[0], (failed.clone(), Ok(())));
    assert_eq!(found[2], (failed, Ok(())));
    assert_eq!(found[1].1, Ok(()));
}

#[test]
fn a_cancelled_operation_ends_on_ranks_that_wait_for_each_other() {
    let found = on_ranks(3, |group| {
        if group.leads() {
            group.begin(Work::Pass, Vec::new()).unwrap();
            group.give_up(Reason::Cancelled);
            group.begin(Work::End, Vec::new()).unwrap();
            return Ok(());
        }
        group.next().unwrap();
        let ended = group.barrier();
        assert_eq!(group.next().unwrap().0, Work::End);
        ended
    });
    assert_eq!(found, [Ok(()), Err(Error::Cancelled), Err(Error::Cancelled)]);
}

#[test]
fn traffic_counts_the_bytes_of_messages() {
    let sent = on_ranks(2, |group| {
        group.exchange(vec![vec![0; 100]; 2]).unwrap();
        group.traffic()
    });
    assert_eq!(sent, [Traffic { messages: 1, bytes: 100 }; 2]);
}
