//! Jobs that run at the same time.

use std::panic;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many of them the machine has processors for.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Runs all jobs, so many at the same time; what came of each, in the order of the jobs. A panic in one goes on in the
/// caller.
pub(crate) fn each<T: Sync, R: Send>(
    jobs: &[T],
    at_once: usize,
    run: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let waiting = Mutex::new(jobs.iter().enumerate());
    // A function of its own: the lock is free again before the job runs.
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.next()
    };
    let one_by_one = || {
        let mut done = Vec::new();
        while let Some((index, job)) = next() {
            done.push((index, run(job)));
        }
        done
    };
    let mut done: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once.max(1))
            .map(|_| scope.spawn(one_by_one))
            .collect();
        let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
        ended
            .flat_map(|done| done.unwrap_or_else(|cause| panic::resume_unwind(cause)))
            .collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_jobs_however_many_run_at_once() {
        for at_once in [0, 1, 2, 9] {
            let doubled = each(&[1, 2, 3, 4, 5], at_once, |number| number * 2);
            assert_eq!(doubled, [2, 4, 6, 8, 10], "{at_once}");
        }
        assert!(each(&[], 2, |number: &u8| *number).is_empty());
    }

    #[test]
    fn jobs_do_run_at_the_same_time() {
        let all = Barrier::new(3);
        each(&[(); 3], 3, |()| {
            all.wait();
        });
    }
}
