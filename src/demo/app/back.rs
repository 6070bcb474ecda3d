//! Application 2, the back end: it says who it is and whether it can read its orders.

use hyper::StatusCode;
use serde_json::json;

use super::Answer;
use super::settings::Settings;

pub(super) async fn answer(path: &str, settings: &Settings) -> Answer {
    match path {
        "/version" => Answer::json(StatusCode::OK, &json!({ "name": "app2", "version": settings.version })),
        "/status" => match settings.number("select count(*) from orders").await {
            Ok(orders) => Answer::json(StatusCode::OK, &json!({ "database": "ok", "orders": orders })),
            Err(words) => Answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "database": words })),
        },
        _ => Answer::not_found(),
    }
}
