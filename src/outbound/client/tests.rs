//! The client against a server on loopback that answers by path.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::{Client, GetLimits, absolute, redirected};

/// `/bytes/N` sends N bytes, `/status/N` a status, `/to?ADDRESS` redirects there, `/loop` to itself, `/silent` never answers.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let number = || request.uri().path().rsplit('/').next().unwrap().parse::<u16>().unwrap();
    let redirect = |to: &str| Response::builder().status(302).header(header::LOCATION, to).body(Full::default()).unwrap();
    Ok(match request.uri().path().split('/').nth(1).unwrap() {
        "bytes" => Response::new(Full::from(vec![b'x'; usize::from(number())])),
        "status" => Response::builder().status(number()).body(Full::default()).unwrap(),
        "to" => redirect(request.uri().query().unwrap()),
        "loop" => redirect("/loop"),
        _ => std::future::pending().await,
    })
}

async fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    format!("http://{address}")
}

/// `path -> bytes received, or the error after the server's address`.
#[tokio::test]
async fn answers_are_bounded() {
    let base = server().await;
    let client = Client::new().unwrap();
    let limits = GetLimits { bytes: 1000, silence: Duration::from_millis(200), redirects: 2 };
    let cases = "
        /bytes/0 -> 0
        /bytes/1000 -> 1000
        /bytes/1001 -> BASE/bytes/1001 sends more than 1000 bytes
        /status/404 -> BASE/status/404 answered with status 404
        /status/204 -> BASE/status/204 answered with status 204
        /to?/bytes/7 -> 7
        /to?BASE/bytes/8 -> 8
        /to?/to?/bytes/9 -> 9
        /to?http://example.org/ -> BASE/to?http://example.org/ redirects to http://example.org/, which is not followed
        /to?//example.org/ -> BASE/to?//example.org/ redirects to //example.org/, which is not followed
        /to?file:///etc/passwd -> BASE/to?file:///etc/passwd redirects to file:///etc/passwd, which is not followed
        /loop -> BASE/loop redirects to one more address than allowed, which is not followed
        /silent -> BASE/silent did not answer in time
    ";
    for case in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (path, expected) = case.split_once(" -> ").unwrap();
        let address = format!("{base}{}", path.replace("BASE", &base));
        let mut heard = 0;
        let told = match client.get(&address, limits, |received, _| heard = received).await {
            Ok(body) => {
                assert_eq!(heard, body.len() as u64, "{path}");
                body.len().to_string()
            }
            Err(error) => error.to_string().replace(&base, "BASE"),
        };
        assert_eq!(told, expected, "{path}");
    }
}

#[tokio::test]
async fn a_closed_port_is_a_transport_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::new().unwrap().get(&address, GetLimits::default(), |_, _| ()).await.unwrap_err();
    assert!(matches!(error, super::OutboundError::Transport { .. }), "{error}");
}

#[test]
fn redirects_never_leave_https() {
    for (from, to, followed) in [
        ("https://a.org/x", "https://b.org/y", Some("https://b.org/y")),
        ("https://a.org/x", "/y?z=1", Some("https://a.org/y?z=1")),
        ("https://a.org/x", "http://a.org/y", None),
        ("http://a.org/x", "https://b.org/y", Some("https://b.org/y")),
        ("http://a.org/x", "http://b.org/y", None),
        ("http://a.org:80/x", "http://a.org:81/y", None),
        ("https://a.org/x", "y", None),
        ("https://a.org/x", "", None),
    ] {
        assert_eq!(redirected(&from.parse().unwrap(), to).map(|uri| uri.to_string()).as_deref(), followed, "{from} to {to}");
    }
}

#[test]
fn addresses_are_absolute() {
    for (address, good) in
        [("https://a.org", true), ("http://a.org/x", true), ("a.org", false), ("/x", false), ("ftp://a.org/x", false), ("", false)]
    {
        assert_eq!(absolute(address).is_some(), good, "{address}");
    }
}
