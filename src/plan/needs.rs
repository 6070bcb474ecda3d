//! What a check needs first: no circles, and nothing that is due later than the check itself.

use super::draft::Draft;
use super::due::Due;
use super::load::Loading;
use crate::file::findings::Finding;
use crate::yaml::tree::NodeId;

/// Needs of all checks together; a need of a family is one of each of its members.
const NEEDS: usize = 1_000_000;

/// Positions of the checks each check needs.
pub(super) fn positions(draft: &Draft) -> Vec<Vec<usize>> {
    draft
        .checks
        .iter()
        .map(|item| {
            let needs = item.value.iter().flat_map(|asked| &asked.check.needs);
            needs.flat_map(|need| draft.by_id.get(need).cloned().unwrap_or_default()).collect()
        })
        .collect()
}

/// Tell circles, and needs that come too late.
pub(super) fn check(loading: &mut Loading<'_>, draft: &Draft, due: &[Due]) {
    let mut count = 0;
    for (index, item) in draft.checks.iter().enumerate() {
        let needs = item.value.iter().flat_map(|asked| &asked.check.needs);
        count += needs.map(|need| draft.by_id.get(need).map_or(0, Vec::len)).sum::<usize>();
        if count > NEEDS {
            let at = needs_node(loading, draft, index, item.node);
            loading.findings.push(
                Finding::at(
                    loading.tree.place(at),
                    format!(
                        "the checks of this plan have more than {NEEDS} needs, one for each check needed"
                    ),
                )
                .label("one too many")
                .help("let one check need all of them, and the others need that one"),
            );
            return;
        }
    }
    let needs = positions(draft);
    for (index, wanted) in needs.iter().enumerate() {
        for &need in wanted {
            let path = draft.parts.get(&index).filter(|part| part.path != index);
            // What comes too late for the path is told there, once for the link.
            let is_told = path.is_some_and(|part| due[need].at() > due[part.path].at());
            if due[need].at() > due[index].at() && !is_told {
                let item = &draft.checks[index];
                let at = needs_node(loading, draft, index, item.node);
                let need = &draft.checks[need].id;
                loading.findings.push(
                    Finding::at(
                        loading.tree.place(at),
                        format!("`{}` needs `{need}`, which is due at a later stage", item.id),
                    )
                    .label("cannot be known by then")
                    .help(format!(
                        "list `{}` at the same stage as `{need}` or later, or do not need it",
                        item.id
                    )),
                );
            }
        }
    }
    circles(loading, draft, needs);
}

/// Where the needs of a check are written: those of a link stand for all its parts.
fn needs_node(loading: &Loading<'_>, draft: &Draft, position: usize, check: NodeId) -> NodeId {
    let needs = draft.fields_of(position).and_then(|fields| loading.tree.get(fields, "needs"));
    needs.unwrap_or(check)
}

fn circles(loading: &mut Loading<'_>, draft: &Draft, mut needs: Vec<Vec<usize>>) {
    let count = needs.len();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (index, wanted) in needs.iter().enumerate() {
        for &need in wanted {
            needed_by[need].push(index);
        }
    }
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut free: Vec<usize> = (0..count).filter(|&index| open[index] == 0).collect();
    let mut done = vec![false; count];
    loop {
        while let Some(index) = free.pop() {
            done[index] = true;
            for &waiting in &needed_by[index] {
                open[waiting] = open[waiting].saturating_sub(1);
                if open[waiting] == 0 && !done[waiting] {
                    free.push(waiting);
                }
            }
        }
        // Whoever is left waits for another one that is left: following them leads into a circle.
        let Some(first) = done.iter().position(|done| !done) else { return };
        let mut step = vec![usize::MAX; count];
        let mut path = Vec::new();
        let mut here = first;
        while step[here] == usize::MAX {
            step[here] = path.len();
            path.push(here);
            match needs[here].iter().copied().find(|&need| !done[need]) {
                Some(next) => here = next,
                None => return,
            }
        }
        let circle = path.split_off(step[here]);
        tell(loading, draft, &circle);
        // Cut it open and look for others.
        for index in circle {
            needs[index].clear();
            open[index] = 0;
            if !done[index] {
                free.push(index);
            }
        }
    }
}

fn tell(loading: &mut Loading<'_>, draft: &Draft, circle: &[usize]) {
    /// Ids shown of a long circle.
    const SHOWN: usize = 6;
    let Some(&first) = circle.iter().min() else { return };
    let item = &draft.checks[first];
    let at = needs_node(loading, draft, first, item.node);
    let message = if circle.len() == 1 {
        format!("the check `{}` needs itself", item.id)
    } else {
        let mut ids: Vec<String> =
            circle.iter().take(SHOWN).map(|&index| format!("`{}`", draft.checks[index].id)).collect();
        if circle.len() > SHOWN {
            ids.push(format!("{} more", circle.len() - SHOWN));
        }
        format!("the checks {} need each other", ids.join(", "))
    };
    loading.findings.push(
        Finding::at(loading.tree.place(at), message)
            .label("none of them could ever begin")
            .help("remove one of the `needs`"),
    );
}
