//! STARTTLS: the clear words before a handshake, for protocols that begin without TLS.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::os_error::broken;
use super::stream::one_line;
use crate::model::fault::Fault;

/// The longest the clear words are waited for.
pub const STARTTLS_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of one SMTP reply we read (RFC 5321 section 4.5.3.1.5 allows 512 a line).
const LONGEST_REPLY: usize = 16 * 1024;
const SHOWN: usize = 200;

/// Ask a PostgreSQL server for TLS: `SSLRequest`, answered by one byte (protocol section 55.2.11).
///
/// # Errors
/// `TlsNotOffered` for `N`, `BadProtocol` for anything else but `S`, `ClosedEarly`, `Reset`, `ConnectionLost`.
pub async fn postgres<S: AsyncRead + AsyncWrite + Unpin + Send>(stream: &mut S) -> Result<(), Fault> {
    /// Length 8, code 80877103.
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    const WAITING: &str = "answer to SSLRequest";
    stream.write_all(&SSL_REQUEST).await.map_err(|error| broken(&error, WAITING, 0))?;
    let mut answer = [0; 1];
    // One byte and no more: what comes after it unencrypted must not be taken for an answer (CVE-2021-23222).
    stream.read_exact(&mut answer).await.map_err(|error| broken(&error, WAITING, 0))?;
    match answer {
        [b'S'] => Ok(()),
        [b'N'] => Err(Fault::TlsNotOffered { said: "N to SSLRequest".to_owned() }),
        _ => {
            let mut head = answer.to_vec();
            let mut rest = [0; 256];
            if let Ok(Ok(read)) =
                tokio::time::timeout(Duration::from_millis(200), stream.read(&mut rest)).await
            {
                head.extend_from_slice(rest.get(..read).unwrap_or_default());
            }
            Err(Fault::BadProtocol {
                expected: "PostgreSQL".to_owned(),
                reason: "the answer to SSLRequest is neither S nor N".to_owned(),
                head: one_line(&head, SHOWN),
            })
        }
    }
}

/// Ask an SMTP server for TLS: greeting, EHLO, STARTTLS (RFC 3207). Answers the greeting.
///
/// # Errors
/// `TlsNotOffered` when EHLO does not name STARTTLS or the server refuses it, `BadProtocol`, `ClosedEarly`, `Reset`, `ConnectionLost`.
pub async fn smtp<S: AsyncRead + AsyncWrite + Unpin + Send>(stream: &mut S) -> Result<String, Fault> {
    let greeting = reply(stream, "SMTP greeting").await?;
    expect(&greeting, "220", "greeting")?;
    send(stream, b"EHLO gonogo.invalid\r\n").await?;
    let offered = reply(stream, "answer to EHLO").await?;
    expect(&offered, "250", "answer to EHLO")?;
    let offers = offered
        .lines()
        .any(|line| line.get(4..).is_some_and(|keyword| keyword.trim_end().eq_ignore_ascii_case("STARTTLS")));
    if !offers {
        return Err(Fault::TlsNotOffered { said: one_line(offered.trim_end().as_bytes(), SHOWN) });
    }
    send(stream, b"STARTTLS\r\n").await?;
    let ready = reply(stream, "answer to STARTTLS").await?;
    if !ready.starts_with("220") {
        return Err(Fault::TlsNotOffered { said: one_line(ready.trim_end().as_bytes(), SHOWN) });
    }
    Ok(one_line(greeting.trim_end().as_bytes(), SHOWN))
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, line: &[u8]) -> Result<(), Fault> {
    stream.write_all(line).await.map_err(|error| broken(&error, "SMTP", 0))
}

/// One reply of one or more lines; the last has a space after its code (RFC 5321 section 4.2).
async fn reply<S: AsyncRead + Unpin>(stream: &mut S, waiting_for: &str) -> Result<String, Fault> {
    let mut text: Vec<u8> = Vec::with_capacity(256);
    let mut chunk = [0; 512];
    loop {
        let read =
            stream.read(&mut chunk).await.map_err(|error| broken(&error, waiting_for, text.len() as u64))?;
        if read == 0 {
            return Err(Fault::ClosedEarly {
                waiting_for: waiting_for.to_owned(),
                received: text.len() as u64,
            });
        }
        text.extend_from_slice(chunk.get(..read).unwrap_or_default());
        let bad = |reason: &str| Fault::BadProtocol {
            expected: "SMTP".to_owned(),
            reason: reason.to_owned(),
            head: one_line(&text, SHOWN),
        };
        if text.len() > LONGEST_REPLY {
            return Err(bad("the reply does not end"));
        }
        if text.len() >= 4
            && !matches!(text.as_slice(), [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..])
        {
            return Err(bad("a reply begins with three digits"));
        }
        let Some(body) = text.strip_suffix(b"\n") else { continue };
        let last = body.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        if last.get(3) == Some(&b' ') || last.strip_suffix(b"\r").unwrap_or(last).len() == 3 {
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
    }
}

fn expect(reply: &str, code: &str, what: &str) -> Result<(), Fault> {
    if reply.starts_with(code) {
        return Ok(());
    }
    Err(Fault::BadProtocol {
        expected: "SMTP".to_owned(),
        reason: format!("the {what} is not {code}"),
        head: one_line(reply.trim_end().as_bytes(), SHOWN),
    })
}
