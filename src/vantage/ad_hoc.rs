//! Vantages in one word, for the command line: `exec:ip netns exec app1`, `ssh:host`, `docker:name`, `kubectl:ns/pod`.

use super::{Docker, Exec, Kubectl, Podman, Spec, Ssh};

/// The vantage a word names, such as `ssh:app1@host:2222`.
///
/// # Errors
/// What is wrong with it.
pub fn ad_hoc(word: &str) -> Result<Spec, String> {
    let Some((kind, rest)) = word.split_once(':') else {
        return Err(format!("`{word}` names no kind of vantage"));
    };
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let spec = match kind {
        "exec" => Spec::Exec(Exec {
            prefix: rest.split_whitespace().map(ToOwned::to_owned).collect(),
            program: None,
        }),
        "ssh" => {
            let (user, host) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (some(user), host));
            // An IPv6 address is full of colons: only brackets tell its port.
            let (host, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
                Some((host, port)) => (host, port.strip_prefix(':')),
                None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
            };
            let port =
                port.map(str::parse).transpose().map_err(|_| format!("`{word}`: this port is no number"))?;
            Spec::Ssh(Ssh { host: host.to_owned(), user, port, config: None, program: None })
        }
        "docker" => {
            Spec::Docker(Docker { container: rest.to_owned(), user: None, context: None, program: None })
        }
        "podman" => Spec::Podman(Podman { container: rest.to_owned(), user: None, program: None }),
        "kubectl" => {
            let mut parts = rest.split('/');
            let (namespace, pod, container) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some(pod), None, None, None) => (None, some(pod), None),
                (Some(namespace), Some(pod), container, None) => {
                    (some(namespace), some(pod), container.and_then(some))
                }
                _ => return Err(format!("`{word}`: write it as kubectl:NAMESPACE/POD/CONTAINER")),
            };
            Spec::Kubectl(Kubectl {
                pod,
                deployment: None,
                selector: None,
                pods: None,
                debug_image: None,
                container,
                namespace,
                context: None,
                program: None,
            })
        }
        other => return Err(format!("there is no `{other}` vantage")),
    };
    match spec.problems().into_iter().next() {
        None => Ok(spec),
        Some(problem) => Err(format!("`{word}`: {}", problem.message)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn command(word: &str) -> String {
        let words = ["gonogo".to_owned(), "__agent".to_owned()];
        ad_hoc(word).map_or_else(|error| error, |spec| spec.command(&words, Path::new("/p")).join(" "))
    }

    #[test]
    fn words_become_commands() {
        assert_eq!(command("exec:ip netns exec app1"), "ip netns exec app1 gonogo __agent");
        assert_eq!(command("docker:app2"), "docker exec -i app2 gonogo __agent");
        assert_eq!(command("podman:app2"), "podman exec -i app2 gonogo __agent");
        assert_eq!(command("kubectl:pod-1"), "kubectl exec -i pod-1 -- gonogo __agent");
        assert_eq!(
            command("kubectl:shop/pod-1/app"),
            "kubectl --namespace=shop exec -i --container=app pod-1 -- gonogo __agent"
        );
        let ssh = command("ssh:me@[2001:db8::1]:2222");
        assert!(ssh.ends_with("-l me -p 2222 -- 2001:db8::1 gonogo __agent"), "{ssh}");
        assert!(ssh.contains("BatchMode=yes") && ssh.contains("ControlPath=/p/%C"), "{ssh}");
    }

    #[test]
    fn what_would_be_an_option_is_refused() {
        for word in
            ["ssh:-oProxyCommand=id", "docker:-v", "kubectl:ns/--all", "exec:", "ssh:h:x", "app1", "rsh:h"]
        {
            assert!(ad_hoc(word).is_err(), "{word}");
        }
    }
}
