//! A real browser, headless: Debian's Chromium, driven by its own driver (W3C WebDriver, and the browser's own protocol
//! for what WebDriver has no word for: colour schemes, sizes, the accessibility tree).

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

use super::skip;

/// A browser with one page open; it ends with the test.
pub(crate) struct Browser {
    driver: Child,
    client: Client,
    _profile: TempDir,
}

/// A command that WebDriver has no word for.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// A node of the accessibility tree that is not ignored: what a screen reader has.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Such as `button`.
    pub(crate) role: String,
    /// What it is called.
    pub(crate) name: String,
    /// It can be reached by keyboard.
    pub(crate) focusable: bool,
}

impl Browser {
    /// Start one; none, said aloud, where Chromium or its driver is missing.
    pub(crate) async fn start() -> Option<Self> {
        const LIMIT: Duration = Duration::from_secs(30);
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let (Ok(driver), Ok(_)) = (driver, Command::new("chromium").arg("--version").output()) else {
            skip("chromium or chromedriver");
            return None;
        };
        let profile = tempfile::tempdir().expect("a folder");
        let capabilities = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
                "--force-color-profile=srgb",
                format!("--user-data-dir={}", profile.path().display()),
            ] },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object") };
        let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities);
        let began = Instant::now();
        // The driver takes a moment until it listens.
        let client = loop {
            match builder.connect(&format!("http://127.0.0.1:{port}")).await {
                Ok(client) => break client,
                Err(error) => assert!(began.elapsed() < LIMIT, "no browser: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        Some(Self { driver, client, _profile: profile })
    }

    /// Go to an address.
    pub(crate) async fn open(&self, url: &str) {
        self.client.goto(url).await.expect("a page");
    }

    /// Run a script in the page: what it returns.
    pub(crate) async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Press a key, such as `\u{e004}` for Tab (WebDriver, section 17.4.2), where the focus is.
    pub(crate) async fn press(&self, key: &str) {
        let focused = self.client.active_element().await.expect("an element with the focus");
        focused.send_keys(key).await.expect("a key");
    }

    /// The protocol of the browser itself.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        let told = self.client.issue_cmd(Own { path: "goog/cdp/execute", body }).await;
        told.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let body = json!({ "type": kind });
        let told = self.client.issue_cmd(Own { path: "se/log", body }).await.expect("a log");
        told.as_array().cloned().expect("entries")
    }

    /// What the console has been told since it was asked last: errors and broken policies too.
    pub(crate) async fn console(&self) -> Vec<String> {
        self.log("browser").await.iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// Every address that was asked for since it was asked last.
    pub(crate) async fn requests(&self) -> Vec<String> {
        let entries = self.log("performance").await;
        let messages = entries.iter().filter_map(|entry| {
            serde_json::from_str::<Value>(entry["message"].as_str()?).ok().map(|told| told["message"].clone())
        });
        messages
            .filter(|told| told["method"] == "Network.requestWillBeSent")
            .map(|told| told["params"]["request"]["url"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// As on a screen of this size, in pixels, in this colour scheme: `light` or `dark`.
    pub(crate) async fn screen(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// A picture of the screen, into the folder of `GONOGO_SCREENSHOTS`, for somebody to look at; not taken without it.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("GONOGO_SCREENSHOTS") else { return };
        let png = self.client.screenshot().await.expect("a picture");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), png).expect("a file");
    }

    /// What a screen reader has of the page, in its order.
    pub(crate) async fn accessible(&self) -> Vec<Node> {
        self.devtools("Accessibility.enable", json!({})).await;
        let tree = self.devtools("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().expect("nodes").iter().filter(|node| node["ignored"] != true);
        let word = |node: &Value, key: &str| node[key]["value"].as_str().unwrap_or_default().to_owned();
        let property = |node: &Value, name: &str| -> Option<Value> {
            let all = node["properties"].as_array()?;
            all.iter().find(|one| one["name"] == name).map(|one| one["value"]["value"].clone())
        };
        nodes
            .map(|node| Node {
                role: word(node, "role"),
                name: word(node, "name"),
                focusable: property(node, "focusable") == Some(Value::Bool(true)),
            })
            .collect()
    }

    /// Close it.
    pub(crate) async fn end(self) {
        // The driver is killed all the same.
        let _ = self.client.clone().close().await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
