//! Proxies from the environment.

use crate::support::server::Server;
use crate::support::{noise, sha256};
use crate::{Fetched, QUICK, Scratch, assert_failed, assert_fetched, command, results};

fn fetch(scratch: &Scratch, url: &str, content: &[u8], environment: &[(&str, &str)]) -> Fetched {
    let digest = sha256(content);
    let options = format!(
        "{QUICK}, files = {{ {{ path = 'f', urls = {{ '{url}' }}, sha256 = '{digest}' }} }}"
    );
    let mut command = command(scratch.path(), &options);
    command.envs(environment.iter().copied());
    results(&command.output().expect("bq runs")).remove(0)
}

#[test]
fn plain_http_goes_through_the_proxy() {
    let content = noise(1, 5000);
    let proxy = Server::constant(content.clone());
    let address = proxy.address();
    let with_password = format!("http://me:p%40ss@{address}/");
    let plain = address.to_string();
    for (environment, credentials) in [
        (("http_proxy", plain.as_str()), None),
        (("HTTP_PROXY", plain.as_str()), None),
        (
            ("all_proxy", with_password.as_str()),
            Some("Basic bWU6cEBzcw=="),
        ),
    ] {
        let scratch = Scratch::new();
        let url = "http://nowhere.invalid:81/a?b";
        let result = fetch(&scratch, url, &content, &[environment]);
        assert_fetched(&scratch, &result, &content, &[]);
        let request = proxy.requests().pop().expect("it was asked");
        assert_eq!(request.method, "GET");
        assert_eq!(request.target, url);
        assert_eq!(request.header("host"), Some("nowhere.invalid:81"));
        assert_eq!(request.header("proxy-authorization"), credentials);
    }
}

#[test]
fn https_asks_the_proxy_for_a_tunnel() {
    let scratch = Scratch::new();
    let proxy = Server::start(|_, reply| reply.answer("403 Forbidden", &[], b""));
    let address = proxy.address().to_string();
    let environment = [
        ("https_proxy", address.as_str()),
        ("http_proxy", "http://127.0.0.1:1"),
    ];
    let result = fetch(&scratch, "https://nowhere.invalid/a", b"x", &environment);
    assert_failed(&scratch, &result, &["proxy"; 2], &[]);
    let request = &proxy.requests()[0];
    assert_eq!(request.method, "CONNECT");
    assert_eq!(request.target, "nowhere.invalid:443");
}

#[test]
fn some_hosts_need_no_proxy() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let (server, proxy) = (Server::constant(content.clone()), Server::not_found());
    let address = proxy.address().to_string();
    let environment = [
        ("http_proxy", address.as_str()),
        ("no_proxy", "x.org, 127.0.0.1"),
    ];
    let result = fetch(&scratch, &server.url("f"), &content, &environment);
    assert_fetched(&scratch, &result, &content, &[]);
    assert!(proxy.requests().is_empty());

    // An empty variable means no proxy.
    let scratch = Scratch::new();
    let environment = [("http_proxy", ""), ("all_proxy", address.as_str())];
    let result = fetch(&scratch, &server.url("f"), &content, &environment);
    assert_fetched(&scratch, &result, &content, &[]);
}

#[test]
fn a_proxy_that_is_none_is_named() {
    for (value, message) in [
        (
            "http://",
            "`http_proxy` in the environment is not the URL of a proxy",
        ),
        (
            "socks5://127.0.0.1:1",
            "`http_proxy` in the environment names a proxy that is not http or https",
        ),
    ] {
        let scratch = Scratch::new();
        let environment = [("http_proxy", value)];
        let result = fetch(&scratch, "http://127.0.0.1:1/f", b"x", &environment);
        assert_failed(&scratch, &result, &["proxy"], &[]);
        assert_eq!(result.message(0), message);
    }
}
