//! Proxies, read from the environment: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`.

use std::env::var_os;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::http::Uri;
use ureq::{Proxy, ProxyProtocol};

use super::failure::{Failure, Next};

/// The proxy for a download, if there is one.
pub(super) fn of(uri: &Uri) -> Result<Option<Proxy>, Failure> {
    named(uri).map_err(|text| Failure::new("proxy", Next::OtherUrl, text))
}

/// The proxy for a URL, if there is one. The error says what is wrong with the variable.
pub(crate) fn named(uri: &Uri) -> Result<Option<Proxy>, String> {
    let scheme = uri.scheme_str().unwrap_or("http");
    let Some((name, value)) = [format!("{scheme}_proxy"), "all_proxy".to_owned()]
        .into_iter()
        .find_map(|name| variable(&name).map(|value| (name, value)))
    else {
        return Ok(None);
    };
    let port = uri
        .port_u16()
        .unwrap_or(if scheme == "https" { 443 } else { 80 });
    let except = variable("no_proxy").unwrap_or_default();
    if value.is_empty() || is_exempt(&except, uri.host().unwrap_or_default(), port) {
        return Ok(None);
    }
    // The value is not shown: it may contain a password.
    let bad = |what: &str| format!("`{name}` in the environment {what}");
    match Proxy::new(&value) {
        Ok(proxy) if matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) => {
            Ok(Some(proxy))
        }
        Ok(_) => Err(bad("names a proxy that is not http or https")),
        Err(_) => Err(bad("is not the URL of a proxy")),
    }
}

/// What `Proxy-Authorization` says, if the proxy wants to know its users.
pub(crate) fn authorization(proxy: &Proxy) -> Option<String> {
    let (user, password) = match (proxy.username(), proxy.password()) {
        (None, None) => return None,
        (user, password) => (user.unwrap_or_default(), password.unwrap_or_default()),
    };
    let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
    Some(format!("Basic {pair}"))
}

/// A variable in lower or upper case. If both are set, lower case wins: it is the older custom.
fn variable(name: &str) -> Option<String> {
    let value = var_os(name).or_else(|| var_os(name.to_ascii_uppercase()))?;
    Some(value.to_string_lossy().into_owned())
}

/// Whether `no_proxy` names a host: by its name, by a domain that contains it, or by `*`, with or without a port.
fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let port = port.to_string();
    list.split(',').map(str::trim).any(|entry| {
        let entry = match entry.rsplit_once(':') {
            Some((name, number)) if number == port => name,
            _ => entry,
        };
        let entry = entry.trim_matches(['[', ']']).to_ascii_lowercase();
        let domain = entry.trim_start_matches('*').trim_start_matches('.');
        match domain {
            "" => entry == "*",
            domain => host
                .strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::is_exempt;

    #[test]
    fn exemptions() {
        let list = "localhost, .example.org,*.example.net,10.0.0.1, host:8080 ,::1";
        for (host, port, expected) in [
            ("localhost", 80, true),
            ("LOCALHOST", 80, true),
            ("notlocalhost", 80, false),
            ("a.localhost", 80, true),
            ("example.org", 80, true),
            ("a.b.example.org", 80, true),
            ("badexample.org", 80, false),
            ("a.example.net", 80, true),
            ("10.0.0.1", 80, true),
            ("10.0.0.10", 80, false),
            ("host", 8080, true),
            ("host", 80, false),
            ("[::1]", 80, true),
        ] {
            assert_eq!(is_exempt(list, host, port), expected, "{host}:{port}");
        }
        assert!(is_exempt("*", "any", 1));
        assert!(!is_exempt("", "any", 1));
        assert!(!is_exempt(" , ", "any", 1));
    }
}
