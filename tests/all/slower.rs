//! A server that answers as before, but far later: told though everything passes.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::program::Program;

#[test]
fn an_answer_that_comes_far_later_than_in_the_baseline_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let wait_ms = Arc::new(AtomicU64::new(0));
    let waits = Arc::clone(&wait_ms);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            std::thread::sleep(Duration::from_millis(waits.load(Ordering::SeqCst)));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    let plan =
        format!("gonogo: 1\nchecks:\n  - {{ id: shop, http: {{ url: 'http://{address}/version' }} }}\n");
    let program = Program::with_plan(&plan);
    program.run(&["baseline"]).code(0);
    program.run(&["run", "--fresh"]).code(0);
    assert!(!program.read("gonogo-out/summary.txt").contains("CHANGED"));

    wait_ms.store(3000, Ordering::SeqCst);
    program.run(&["run", "--fresh"]).code(0);
    let result = program.result();
    let changed = result["checks"][0]["changed"].as_array().unwrap();
    assert_eq!((changed.len(), &changed[0]["what"]), (1, &"first byte".into()), "{changed:?}");
    let summary = program.read("gonogo-out/summary.txt");
    assert!(summary.contains("CHANGED SINCE THE BASELINE, AND PASSES (1)"), "{summary}");
    assert!(summary.contains("shop from here: first byte: was ") && summary.contains(", is 3."), "{summary}");
}
