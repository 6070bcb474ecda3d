//! The blackbox exporter (its CONFIGURATION.md): a module says how, a target what; each pair of them becomes a check.

mod modules;
mod targets;

use super::ImportError;
use super::document::Document;
use super::draft::{Draft, Item};

/// A map with `modules`, each of which names its prober.
pub(super) fn is_one(document: &Document) -> bool {
    let tree = &document.tree;
    let modules = tree.get(document.root, "modules").map_or(&[][..], |modules| tree.entries(modules));
    modules.iter().any(|(_, module)| tree.get(*module, "prober").is_some())
}

pub(super) fn read(documents: &[Document], draft: &mut Draft) {
    let Some(file) = documents.iter().find(|document| is_one(document)) else {
        let file = documents.first().map_or_else(String::new, |document| document.file().to_owned());
        return draft.fail(ImportError::Unknown { file });
    };
    let modules = file.tree.get(file.root, "modules").map_or(&[][..], |modules| file.tree.entries(modules));
    for (key, value) in file.tree.entries(file.root) {
        if file.tree.text(*key) != Some("modules") {
            draft.lose(&file.place(*value), file.tree.text(*key).unwrap_or("?"), "it is no list of modules");
        }
    }
    let names: Vec<&str> = modules.iter().filter_map(|(name, _)| file.tree.text(*name)).collect();
    let mut used = vec![false; names.len()];
    let mut found = false;
    for document in documents.iter().filter(|document| !std::ptr::eq(*document, file)) {
        for target in targets::read(document, &names, draft) {
            found = true;
            let origin = format!("module {} at {}", target.module.as_deref().unwrap_or("?"), target.shown());
            let mut item = Item::new(target.place.clone(), &origin);
            if let Some(job) = &target.job {
                item.tag(job);
            }
            for (key, why, asserts) in &target.lost {
                item.lose_here(key, why, *asserts);
            }
            let module =
                target.module.as_deref().and_then(|module| names.iter().position(|name| *name == module));
            match module.zip(target.address.as_deref()) {
                Some((index, address)) => {
                    used[index] = true;
                    modules::check(file, modules[index].1, names[index], address, &mut item);
                }
                None if target.address.is_none() => {}
                None => item.lose_here("module", "no module of this name is in the file", true),
            }
            draft.add(item);
        }
    }
    if !found {
        return draft.fail(ImportError::NoTargets { file: file.file().to_owned() });
    }
    for (index, (_, module)) in modules.iter().enumerate().filter(|(index, _)| !used[*index]) {
        draft.lose(
            &file.place(*module),
            &format!("modules.{}", names.get(index).unwrap_or(&"?")),
            "no target uses it",
        );
    }
}
