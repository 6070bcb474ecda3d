//! `include`: globs, relative to the file that holds them, confined to its folder.

use std::path::{Component, Path, PathBuf};

/// Files one pattern may find.
const MOST: usize = 10_000;

/// The files a pattern finds, sorted; or why it finds none.
pub fn included(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, (String, Option<String>)> {
    let told = |message: String, help: &str| Err((message, Some(help.to_owned())));
    let relative = Path::new(pattern);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if pattern.is_empty() || !inside {
        return told(
            format!("`{pattern}` leaves the folder of the plan"),
            "an included file has to be in the plan's folder or below: write a relative path without `..`",
        );
    }
    let escaped = glob::Pattern::escape(&folder.to_string_lossy());
    let options = glob::MatchOptions {
        require_literal_separator: true,
        require_literal_leading_dot: true,
        case_sensitive: true,
    };
    let found = match glob::glob_with(&format!("{escaped}/{pattern}"), options) {
        Ok(found) => found,
        Err(error) => {
            return told(
                format!("`{pattern}` is not a file pattern: {}", error.msg),
                "`*` stands for any part of a name, `**` for any folders",
            );
        }
    };
    let mut files = Vec::new();
    for path in found {
        match path {
            Ok(path) if path.is_dir() => {}
            Ok(path) => files.push(path),
            Err(error) => {
                return told(format!("cannot look for `{pattern}`: {error}"), "make the folder readable");
            }
        }
        if files.len() > MOST {
            return told(format!("`{pattern}` finds more than {MOST} files"), "write a narrower pattern");
        }
    }
    if files.is_empty() {
        return told(
            format!("`{pattern}` finds no file"),
            "an `include` that finds nothing would silently leave checks out",
        );
    }
    let confined = folder.canonicalize();
    for file in &files {
        // A symbolic link may lead out of the folder.
        let real = file.canonicalize();
        if let (Ok(confined), Ok(real)) = (&confined, real)
            && !real.starts_with(confined)
        {
            return told(
                format!("`{}` leads out of the folder of the plan", file.display()),
                "copy the file, or run the plan from a folder that holds both",
            );
        }
    }
    files.sort();
    Ok(files.into_iter().map(|file| file.strip_prefix("./").map(Path::to_path_buf).unwrap_or(file)).collect())
}
