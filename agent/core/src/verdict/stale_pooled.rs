//! An idle outgoing connection that the server has closed and its pool still keeps.

use super::case::{Case, Grade, Opinion, Proof};
use super::pool;
use crate::model::finding::Verdict;

/// A set that stays small costs a retry at the next use; one that grows is a leak.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let kept = case.progress.left_at.is_none() && !case.view.holders.is_empty();
    if !kept || case.connection.delivery.at.is_some() || !pool::is_stale(case.view) {
        return Opinion::No;
    }
    let opinion = case.settle_alone(Verdict::StalePooled, case.read_at());
    let growing = case.pool.is_some_and(|pool| pool.growing);
    if let (Opinion::Holds(proof), true) = (&opinion, growing) {
        return Opinion::Holds(Proof {
            grade: Grade::Worse,
            missing: proof.missing.clone(),
        });
    }
    opinion
}
