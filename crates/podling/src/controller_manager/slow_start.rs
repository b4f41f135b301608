//! Doing many things that may all fail for the same reason.
//!
//! Source: `slowStartBatch` in `kubernetes/pkg/controller/replicaset`, and its copies for StatefulSets and DaemonSets.

/// Does `each` for 0, 1, … `count` − 1 in batches of 1, 2, 4 … and stops after the first batch in which one failed, so that
/// a set of 100 Pods that can't create any asks once, not 100 times.
///
/// # Errors
/// The first failure.
pub(crate) fn slow_start<E>(count: usize, mut each: impl FnMut(usize) -> Result<(), E>) -> Result<(), E> {
    let (mut done, mut batch) = (0, 1);
    while done < count {
        let until = count.min(done + batch);
        let mut result = Ok(());
        for index in done..until {
            result = result.and(each(index));
        }
        result?;
        done = until;
        batch *= 2;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_ends_its_batch_and_no_more() {
        let tried = |count: usize, failing: usize| {
            let mut tried = 0;
            let result = slow_start(count, |index| {
                tried += 1;
                if index == failing { Err(index) } else { Ok(()) }
            });
            (tried, result)
        };
        assert_eq!(tried(5, 9), (5, Ok(())));
        assert_eq!(tried(100, 0), (1, Err(0)));
        assert_eq!(tried(100, 1), (3, Err(1)), "the batch of two is finished");
        assert_eq!(tried(0, 0), (0, Ok(())));
    }
}
