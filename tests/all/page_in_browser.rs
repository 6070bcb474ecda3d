//! `report.html` in a real browser: it needs nothing from elsewhere, its filters work, it can be read on a phone, on a
//! wall, without colour, by keyboard and by a screen reader. With `GONOGO_SCREENSHOTS=DIR` pictures are left there.

use gonogo::compare::compare;
use gonogo::journal::event::Event;
use gonogo::model::examination::{Answer as Told, Before, Examination, Question};
use gonogo::model::layer::Layer;
use gonogo::model::trace::{Ended, Trace};
use gonogo::report::{Format, Options};
use gonogo::verdict::assess;
use serde_json::{Value, json};

use crate::night::{Night, worked};
use crate::reports::scenarios;
use crate::september;
use crate::support::browser::Browser;

/// A page in a folder of its own.
struct Page {
    _folder: tempfile::TempDir,
    url: String,
}

fn page(night: &Night, options: &Options) -> Page {
    let folder = tempfile::tempdir().expect("a folder");
    let rendered = Format::Html.render(&assess(&night.run, night.now()), options);
    let path = folder.path().join(&rendered[0].name);
    std::fs::write(&path, &rendered[0].text).expect("a file");
    Page { url: format!("file://{}", path.display()), _folder: folder }
}

/// The night at three, with what was asked from elsewhere and what the baseline has.
fn at_three() -> Night {
    let mut night = september::at_three();
    let check = night.run.outline.checks.iter().find(|check| &*check.id == "app1-to-app2").expect("a link");
    let trace = Trace { observations: worked(&check.layers, Layer::Payload), ended: Ended::Complete };
    let told =
        |vantage: &str| Told { question: Question::Elsewhere, vantage: vantage.into(), trace: trace.clone() };
    let before = Before { at: "2007-09-22T22:10-04:00".parse().expect("a moment"), trace: trace.clone() };
    let examination = Examination { before: Some(before), answers: vec![told("app2-a"), told("here")] };
    let check = check.id.clone();
    for vantage in ["app1-a", "app1-b"] {
        night.said(Event::Examined {
            stage: "app1".into(),
            check: check.clone(),
            vantage: vantage.into(),
            examination: Box::new(examination.clone()),
        });
    }
    night
}

/// What must hold whatever the page: no error, no broken policy, and nothing asked for but the file itself.
async fn is_alone(browser: &Browser, page: &Page) {
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:?}");
    let requests = browser.requests().await;
    assert!(!requests.is_empty(), "the log of requests works");
    let elsewhere: Vec<&String> = requests
        .iter()
        .filter(|url| url.split('#').next() != Some(&page.url) && !url.starts_with("data:"))
        .filter(|url| !url.starts_with("chrome://") && *url != "about:blank")
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[tokio::test]
async fn the_failing_link_is_in_the_picture_and_the_filters_work_without_a_server() {
    let Some(browser) = Browser::start().await else { return };
    let page = page(&at_three(), &Options::default());
    browser.screen(1366, 768, "light").await;
    browser.open(&page.url).await;
    assert_eq!(browser.script("return document.querySelector('h1').innerText").await, "NO-GO");
    let labels = browser
        .script("return [...document.querySelectorAll('#systems svg text.bad')].map(t => t.textContent)")
        .await;
    assert!(labels.to_string().contains("BREAKS at tcp TIMEOUT"), "{labels}");
    let cause = browser.script("return document.querySelector('#B1 .cause').innerText").await;
    assert!(cause.as_str().is_some_and(|cause| cause.contains("CAUSE") && cause.contains("DO")), "{cause}");

    let shown = "return [...document.querySelectorAll('details.checks tbody tr')].filter(r => r.checkVisibility()).map(r => r.cells[0].textContent)";
    let choose = |name: &str, value: &str| {
        format!(
            "const field = document.getElementById('filter').elements['{name}']; field.value = '{value}'; \
             field.dispatchEvent(new Event('input', {{ bubbles: true }}));"
        )
    };
    let all = browser.script("return document.querySelectorAll('details.checks tbody tr').length").await;
    assert_eq!(all, 10);
    assert_eq!(browser.script(shown).await.as_array().map(Vec::len), Some(5), "what passed is folded up");
    browser.script(&choose("outcome", "pass")).await;
    assert_eq!(browser.script(shown).await.as_array().map(Vec::len), Some(5), "and unfolded when asked for");
    browser.script(&choose("owner", "DBA team")).await;
    assert_eq!(browser.script("return location.hash").await, "#outcome=pass&owner=DBA+team");
    let told = browser.script("return document.getElementById('filter').elements.shown.value").await;
    assert_eq!(told, "3 of 10 shown");

    // What was chosen is in the address: somebody else sees the same.
    browser.open("about:blank").await;
    browser.open(&format!("{}#text=Back-end&outcome=fail", page.url)).await;
    assert_eq!(browser.script(shown).await, json!(["app2-status from app2-a"]));
    browser.script("document.querySelector('#filter button').click()").await;
    let reset = browser
        .script("return [location.hash, document.getElementById('filter').elements.shown.value]")
        .await;
    assert_eq!(reset, json!(["", ""]));

    // By keyboard alone: from the top to the filter, everything that has the focus says so.
    browser.open("about:blank").await;
    browser.open(&page.url).await;
    let mut reached = Vec::new();
    for _ in 0..60 {
        browser.press("\u{e004}").await;
        let focus = browser
            .script(
                "const at = document.activeElement, style = getComputedStyle(at); \
                 return [at.name || at.getAttribute('href') || at.getAttribute('aria-label') || at.tagName, \
                 style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]",
            )
            .await;
        assert_eq!(focus[1], true, "{focus} shows that it has the focus");
        reached.push(focus[0].as_str().unwrap_or_default().to_owned());
        if focus[0] == "text" {
            break;
        }
    }
    for wanted in [
        "#next",
        "#failures",
        "Picture of the systems",
        "Layers of app1-to-app2",
        "outcome",
        "stage",
        "owner",
        "text",
    ] {
        assert!(reached.iter().any(|name| name == wanted), "{wanted} in {reached:?}");
    }
    is_alone(&browser, &page).await;
    browser.end().await;
}

/// Every text with too little contrast to what is behind it: WCAG 2.2, success criterion 1.4.3, for small text.
const CONTRAST: &str = r"
const parse = (text) => { const n = (text.match(/[\d.]+/g) || []).map(Number); return n.length < 3 ? null : [n[0], n[1], n[2], n[3] ?? 1]; };
const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = parse(getComputedStyle(at).backgroundColor);
    if (color && color[3] === 1) return color;
    if (color && color[3] > 0) throw new Error('a background that shines through: ' + at.outerHTML.slice(0, 80));
  }
  return [255, 255, 255, 1];
};
const drawn = (text) => {
  const box = text.getBBox(), x = box.x + box.width / 2, y = box.y + box.height / 2;
  let found = null;
  for (const rect of text.ownerSVGElement.querySelectorAll('rect')) {
    if (text.compareDocumentPosition(rect) & Node.DOCUMENT_POSITION_FOLLOWING) break;
    const area = rect.getBBox();
    if (area.x <= x && x <= area.x + area.width && area.y <= y && y <= area.y + area.height) found = rect;
  }
  return found ? parse(getComputedStyle(found).fill) : behind(text.ownerSVGElement);
};
const bad = []; let looked = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const text = walker.currentNode, element = text.parentElement;
  if (!text.data.trim() || element.closest('script, title, desc, defs')) continue;
  const inside = element instanceof SVGElement;
  const color = parse(inside ? getComputedStyle(element).fill : getComputedStyle(element).color);
  const ground = inside ? drawn(element) : behind(element);
  looked += 1;
  const got = ratio(color, ground);
  if (got < 4.5) bad.push(`${got.toFixed(2)} ${text.data.slice(0, 40)} ${color} on ${ground} ${element.outerHTML.slice(0, 80)}`);
}
return [looked, bad];
";

/// Nothing that has to be moved sideways but what says so.
const OVERFLOW: &str = "return [document.documentElement.scrollWidth, innerWidth]";

#[tokio::test]
async fn it_can_be_read_on_every_screen_in_both_schemes_and_without_eyes() {
    let Some(browser) = Browser::start().await else { return };
    let three = page(&at_three(), &Options::default());
    let (first, second) = september::both_attempts();
    let compared = compare(&assess(&first.run, first.now()), &assess(&second.run, second.now()));
    let options = Options { before: Some(std::sync::Arc::new(compared)), ..Options::default() };
    let mut pages = vec![("three".to_owned(), three), ("second".to_owned(), page(&second, &options))];
    for (name, night) in scenarios::all() {
        if ["go", "provisional", "waived-and-flaky", "hostile", "permissions", "long-names", "could-not-look"]
            .contains(&name)
        {
            pages.push((name.to_owned(), page(&night, &Options::default())));
        }
    }
    for (name, page) in &pages {
        browser.open("about:blank").await;
        browser.requests().await;
        browser.open(&page.url).await;
        for (width, height) in [(360, 800), (1366, 768), (1920, 1080)] {
            for scheme in ["light", "dark"] {
                browser.screen(width, height, scheme).await;
                browser.picture(&format!("{name}-{width}-{scheme}")).await;
                let wide = browser.script(OVERFLOW).await;
                assert!(wide[0].as_u64() <= wide[1].as_u64(), "{name} at {width}: {wide}");
                let told = browser.script(CONTRAST).await;
                assert!(told[0].as_u64() > Some(20), "{told}");
                assert_eq!(told[1], json!([]), "{name} at {width}, {scheme}");
            }
        }
        reads_well(&browser, name).await;
        is_alone(&browser, page).await;
    }
    browser.end().await;
}

/// Every control has a name, headings go down step by step, and the parts of the page are there to jump to.
async fn reads_well(browser: &Browser, page: &str) {
    let nodes = browser.accessible().await;
    let nameless: Vec<_> = nodes
        .iter()
        .filter(|node| node.name.trim().is_empty())
        .filter(|node| {
            let control =
                ["button", "link", "combobox", "searchbox", "textbox", "heading", "img", "image", "region"];
            control.contains(&node.role.as_str()) || (node.focusable && node.role != "RootWebArea")
        })
        .collect();
    assert!(nameless.is_empty(), "{page}: {nameless:?}");
    // In the order of the page: the tree comes breadth first.
    let levels = browser
        .script("return [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])")
        .await;
    let levels: Vec<u64> = levels.as_array().expect("levels").iter().filter_map(Value::as_u64).collect();
    assert_eq!(levels.first(), Some(&1), "{page}: {levels:?}");
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{page}: {levels:?}");
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{page}: {levels:?}");
    for role in ["banner", "main", "navigation", "contentinfo", "status"] {
        assert!(nodes.iter().any(|node| node.role == role), "{page}: no {role}");
    }
    assert!(nodes.iter().any(|node| node.role == "columnheader"), "{page}");
}

#[tokio::test]
async fn two_thousand_checks_stay_fluid() {
    let Some(browser) = Browser::start().await else { return };
    let page = page(&scenarios::large(2_400), &Options::default());
    browser.screen(1366, 768, "light").await;
    browser.open(&page.url).await;
    let told = browser
        .script(
            "const field = document.getElementById('filter').elements.text; const times = []; \
             for (const word of ['c', 'check-0', 'check-01', 'check-012', '']) { \
               const began = performance.now(); field.value = word; \
               field.dispatchEvent(new Event('input', { bubbles: true })); document.body.offsetHeight; \
               times.push(performance.now() - began); } \
             return [document.querySelectorAll('details.checks tbody tr').length, Math.max(...times)]",
        )
        .await;
    assert!(told[0].as_u64() >= Some(2_000), "{told}");
    assert!(told[1].as_f64().is_some_and(|longest| longest < 1_000.0), "{told} ms");
    is_alone(&browser, &page).await;
    browser.end().await;
}

#[tokio::test]
async fn what_servers_said_is_text_and_nothing_else() {
    let Some(browser) = Browser::start().await else { return };
    let (_, night) = scenarios::all().into_iter().find(|(name, _)| *name == "hostile").expect("a scenario");
    let page = page(&night, &Options::default());
    browser.open(&page.url).await;
    let told = browser.script("return [document.scripts.length, document.querySelectorAll('b').length > 0, document.body.innerText.includes('<script>alert(1)</script>')]").await;
    assert_eq!(told[0], 1, "only our own");
    assert_eq!(told[2], true, "it is shown");
    // Even one that came into the page would not be run: neither a script, nor a handler, nor a style.
    let run: Value = browser
        .script(
            "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned = 1\"><p id=styled style=\"color: red\">x</p>'); \
             const script = document.createElement('script'); script.textContent = 'window.pwned = 2'; document.body.append(script); \
             return [window.pwned ?? null, getComputedStyle(document.getElementById('styled')).color === 'rgb(255, 0, 0)']",
        )
        .await;
    assert_eq!(run, json!([null, false]));
    browser.end().await;
}
