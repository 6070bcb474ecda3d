#!/usr/bin/env python3
"""A stand-in for kubectl, over the cluster that cluster.json beside it tells: pods whose containers are processes of this
machine. It knows what is asked of it and no more, and like the real one it does not bring back how an exec ended."""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def path(*names):
    return os.path.join(HERE, *names)


def refuse(reason):
    sys.exit(f"Error from server: {reason}")


def get(value, dotted):
    """What a dotted path finds: `.metadata.name`, or with a filter on `@.name`."""
    for step in re.findall(r"\.(\w+)|\[\?\(@\.name==\"([^\"]*)\"\)\]", dotted):
        if step[1]:
            value = next((item for item in value or [] if item["name"] == step[1]), None)
        elif value is not None:
            value = value.get(step[0])
    return "" if value is None else json.dumps(value) if isinstance(value, dict) else str(value)


def render(template, value):
    """The part of kubectl's JSONPath that is used: texts, quoted texts, paths, and a range over the items."""

    def part(found):
        inside = found.group(1)
        return json.loads(inside) if inside.startswith('"') else get(value, inside)

    def items(found):
        return "".join(render(found.group(1), item) for item in value["items"])

    template = re.sub(r"\{range \.items\[\*\]\}(.*?)\{end\}", items, template, flags=re.S)
    return re.sub(r"\{((?:[^{}\"]|\"[^\"]*\")*)\}", part, template)


def alive(name):
    """The process of a container of ours, while it runs."""
    try:
        os.kill(int(open(path(name, "pid")).read()), 0)
        return "running"
    except ProcessLookupError:
        return "terminated"
    except FileNotFoundError:
        return None


def main():
    words = sys.argv[1:]
    with open(path("calls"), "a") as calls:
        calls.write(json.dumps(words) + "\n")
    cluster = json.load(open(path("cluster.json")))
    options = {}
    while words and words[0].startswith("--"):
        name, _, value = words.pop(0).partition("=")
        options[name] = value
    if options.pop("--namespace", "default") != cluster["namespace"] or options.pop("--context", None) or options:
        refuse("the server does not know this namespace, or this context")
    verb = words.pop(0)
    behind = words[words.index("--") + 1 :] if "--" in words else []
    words = words[: words.index("--")] if "--" in words else words
    options = dict(word.lstrip("-").partition("=")[::2] for word in words if word.startswith("-"))
    names = [word for word in words if not word.startswith("-")]
    pods = cluster["pods"]

    if verb == "get" and names == ["pods"]:
        label, _, value = options["selector"].partition("=")
        phases = re.findall(r"status\.phase!=(\w+)", options["field-selector"])
        chosen = {
            name: pod
            for name, pod in pods.items()
            if pod["labels"].get(label) == value and pod["phase"] not in phases
        }
        items = [
            {"metadata": {"name": name, "deletionTimestamp": pod.get("deleting")}} for name, pod in chosen.items()
        ]
        print(render(options["output"].removeprefix("jsonpath="), {"items": items}), end="")
        return
    pod_name = names[-1].removeprefix("pod/")
    if pod_name not in pods:
        refuse(f'(NotFound): pods "{pod_name}" not found')
    pod = pods[pod_name]
    if verb == "get":
        found = [name for name in os.listdir(HERE) if name.startswith("gonogo-") and alive(name)]
        states = [{"name": name, "state": {alive(name): {}}} for name in found]
        status = {"status": {"ephemeralContainerStatuses": states}}
        print(render(options["output"].removeprefix("jsonpath="), status), end="")
    elif verb == "debug":
        if cluster.get("forbidden"):
            refuse("(Forbidden): pods/ephemeralcontainers is forbidden")
        assert options["target"] in pod["containers"] and options["image"] == "registry.example/tools:1", options
        folder = path(options["container"])
        os.mkdir(folder)
        # Its /tmp is its own.
        behind = [word.replace("/tmp/", folder + "/") for word in behind]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started = subprocess.Popen(behind, start_new_session=True, **quiet)
        open(os.path.join(folder, "pid"), "w").write(str(started.pid))
    elif verb == "exec":
        container = options.get("container", pod["containers"][0])
        if pod["phase"] != "Running":
            refuse(f"container {container} is not available: the pod is {pod['phase']}")
        ours = os.path.isdir(path(container))
        if ours:
            behind = [word.replace("/tmp/", path(container) + "/") for word in behind]
        elif container not in pod["containers"]:
            refuse(f"container {container} is not valid for pod {pod_name}")
        elif pod.get("distroless"):
            refuse(f'OCI runtime exec failed: exec: "{behind[0]}": executable file not found in $PATH')
        print(f"Defaulted container {container}", file=sys.stderr)
        # Each container has a file system of its own, of which only its working folder is played.
        folder = path("files", pod_name, container)
        os.makedirs(folder, exist_ok=True)
        subprocess.run(behind, cwd=folder)
    else:
        refuse(f"unknown command {verb}")


main()
