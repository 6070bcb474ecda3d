//! A search path, as the server writes it.

/// Names that are looked at.
const MOST: usize = 16;

/// The names in a search path, `"$user"` left out: that this is not there is no mistake.
pub(super) fn in_path(path: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = path.trim_start();
    while !rest.is_empty() && names.len() < MOST {
        let (name, after) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_name(quoted)
        } else {
            let (name, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            (name.trim().to_lowercase(), after)
        };
        if !name.is_empty() && name != "$user" {
            names.push(name);
        }
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    names
}

/// What is inside the quotes, a doubled one standing for itself, and what follows them.
fn quoted_name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            name.push_str(rest);
            return (name, "");
        };
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return (name, after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_read_as_the_server_writes_it() {
        assert_eq!(in_path("\"$user\", public"), ["public"]);
        assert_eq!(in_path("app1, \"Odd, \"\"one\"\"\" ,core"), ["app1", "Odd, \"one\"", "core"]);
        assert_eq!(in_path("\"\""), Vec::<String>::new());
        assert_eq!(in_path("\"unfinished"), ["unfinished"]);
    }
}
