//! What comes before a stage and has no go: such a stage is begun only by somebody who says why.

use super::Assessment;
use crate::model::outline::Outline;
use crate::model::verdict::Verdict;

/// What comes before the stages `wanted` (ascending), by `after`, is none of them, and has no go as the run stands; in words.
/// `told` is the run they would be stages of, if there is one.
#[must_use]
pub fn out_of_order(outline: &Outline, told: Option<&Assessment<'_>>, wanted: &[usize]) -> Vec<String> {
    let mut before = vec![false; outline.stages.len()];
    for index in (0..outline.stages.len()).rev() {
        if before[index] || wanted.contains(&index) {
            for &earlier in &outline.stages[index].after {
                before[earlier] = true;
            }
        }
    }
    let missing = outline.stages.iter().zip(before).enumerate().filter_map(|(index, (stage, is_before))| {
        if !is_before || wanted.contains(&index) {
            return None;
        }
        let id = &stage.id;
        match told.and_then(|told| told.stages.get(index)?.verdict) {
            Some(Verdict::Go | Verdict::GoWithIssues | Verdict::ProvisionalGo) => None,
            Some(verdict @ (Verdict::Hold | Verdict::NoGo)) => Some(format!("stage {id} is {verdict}")),
            None => Some(format!("stage {id} was not run in this attempt")),
        }
    });
    missing.collect()
}
