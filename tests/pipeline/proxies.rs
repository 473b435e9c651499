//! Caches by gRPC behind a proxy that the environment names.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::rpc::Remote;
use super::sharing::started;
use super::{Left, Rig, certificates, needs_namespaces};

/// A proxy on 127.0.0.1 that connects its clients with servers there, whatever the host's name is, and notes what it was asked.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// `answer` is its status line. Other than 200 it connects nobody.
    fn start(answer: &'static str, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        listener.set_nonblocking(true).expect("it can be set");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let own = asked.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let tasks = tokio::task::LocalSet::new();
            tasks.block_on(&runtime, async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("it is one");
                while let Ok((stream, _)) = listener.accept().await {
                    let (tls, asked) = (tls.clone(), own.clone());
                    tokio::task::spawn_local(async move {
                        match tls {
                            Some(config) => match TlsAcceptor::from(config).accept(stream).await {
                                Ok(stream) => serve(stream, answer, &asked).await,
                                Err(_) => None,
                            },
                            None => serve(stream, answer, &asked).await,
                        }
                    });
                }
            });
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panicked").clone()
    }
}

async fn serve(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    answer: &str,
    asked: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let port = head.split(' ').nth(1)?.rsplit(':').next()?.parse().ok()?;
    asked.lock().expect("nobody panicked").push(head);
    let answer = format!("HTTP/1.1 {answer}\r\nVia: a test\r\n\r\n");
    client.write_all(answer.as_bytes()).await.ok()?;
    client.flush().await.ok()?;
    if answer.contains(" 200 ") {
        let port: u16 = port;
        let mut server = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        copy_bidirectional(&mut client, &mut server).await.ok()?;
    }
    Some(())
}

/// A build in a new workspace, with variables in its environment.
fn build(rig: &Rig, space: &str, words: &[&str], environment: &[(&str, &str)]) -> Left {
    rig.stage_in(space);
    let mut command = rig.command(&[&["coordinator", "--workspace", space], words].concat());
    command.envs(environment.iter().copied());
    command.output().expect("bq runs").into()
}

#[test]
fn grpc_goes_through_the_proxy() {
    needs_namespaces!();
    let rig = Rig::new();
    let (remote, proxy) = (Remote::new(), Proxy::start("200 OK", None));
    // Only the proxy knows this host.
    let url = format!("grpc://cache.example:{}", remote.port());
    let words = ["--remote", &url, "--remote-write"];
    let address = format!("http://user:s3cr3t@{}", proxy.address);
    let environment = [
        ("http_proxy", address.as_str()),
        ("https_proxy", "http://127.0.0.1:1"),
    ];
    let left = build(&rig, "space", &words, &environment).is(0);
    let left = left.says("wrote 5 outputs to stores and caches");
    assert!(!left.err.contains("s3cr3t"), "{}", left.err);
    // One connection to read, one to write.
    let head = format!(
        "CONNECT cache.example:{port} HTTP/1.1\r\nHost: cache.example:{port}\r\n\
         Proxy-Authorization: Basic dXNlcjpzM2NyM3Q=\r\n\r\n",
        port = remote.port()
    );
    assert_eq!(proxy.asked(), [head.clone(), head]);
    remote.is_content();
    let environment = [("all_proxy", address.as_str())];
    let left = build(&rig, "other", &["--remote", &url], &environment).is(0);
    assert_eq!(left.started(), [""; 0]);
    assert_eq!(proxy.asked().len(), 3);

    // A host that needs no proxy, and an empty variable.
    let url = remote.url();
    for (index, more) in [("no_proxy", "x.org, 127.0.0.1"), ("http_proxy", "")]
        .into_iter()
        .enumerate()
    {
        let environment = [("http_proxy", address.as_str()), more];
        let space = format!("direct-{index}");
        let left = build(&rig, &space, &["--remote", &url], &environment).is(0);
        assert_eq!(left.started(), [""; 0]);
    }
    assert_eq!(proxy.asked().len(), 3);
}

#[test]
fn grpc_over_tls_goes_through_proxies_with_and_without_tls() {
    needs_namespaces!();
    let rig = Rig::new();
    let Some(remote) = certificates::remote(&rig) else {
        return;
    };
    let plain = Proxy::start("200 OK", None);
    let config = certificates::server(&rig, false, b"http/1.1");
    let secured = Proxy::start("200 OK", Some(config));
    let (url, trusting) = (remote.url(), ["--remote-ca", "authority.pem"]);
    let known = ["--remote-cert", "client.pem", "--remote-key", "client.key"];
    let words = [&["--remote", &url, "--remote-write"][..], &trusting, &known].concat();
    for (index, (proxy, scheme)) in [(&plain, "http"), (&secured, "https")].iter().enumerate() {
        let address = format!("{scheme}://{}", proxy.address);
        let environment = [
            ("HTTPS_PROXY", address.as_str()),
            ("http_proxy", "http://127.0.0.1:1"),
        ];
        let space = format!("space-{index}");
        let left = build(&rig, &space, &words, &environment).is(0);
        assert_eq!(started(&left).len(), if index == 0 { 5 } else { 0 });
        assert!(!left.err.contains("left out"), "{}", left.err);
        let asked = proxy.asked();
        let head = format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", remote.port());
        assert!(!asked.is_empty() && asked.iter().all(|one| one.starts_with(&head)));
    }
    remote.is_content();
    // A proxy with another certificate than it should have.
    let address = format!("https://{}", secured.address);
    let words = [
        "--remote",
        "grpc://127.0.0.1:1",
        "--remote-ca",
        "stranger.pem",
    ];
    let left = build(&rig, "last", &words, &[("all_proxy", &address)]).is(0);
    left.says("is left out from here on: UNAVAILABLE: TLS: ");
}

#[test]
fn grpc_without_its_proxy_is_left_out() {
    needs_namespaces!();
    let rig = Rig::new();
    let remote = Remote::new();
    let url = remote.url();
    let refusing = Proxy::start("403 Not For You", None);
    let broken = Proxy::start("502 Bad Gateway", None);
    for (index, (value, says)) in [
        (
            format!("http://{}", refusing.address),
            "PERMISSION_DENIED: the proxy answered `HTTP/1.1 403 Not For You`",
        ),
        (
            format!("http://{}", broken.address),
            "UNAVAILABLE: the proxy answered `HTTP/1.1 502 Bad Gateway`",
        ),
        ("http://127.0.0.1:1".to_owned(), "UNAVAILABLE: "),
        (
            "no url of a proxy:s3cr3t".to_owned(),
            "UNAVAILABLE: `http_proxy` in the environment is not the URL of a proxy",
        ),
        (
            "socks5://127.0.0.1:1".to_owned(),
            "UNAVAILABLE: `http_proxy` in the environment names a proxy that is not http or https",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let space = format!("space-{index}");
        let environment = [("http_proxy", value.as_str())];
        let left = build(&rig, &space, &["--remote", &url], &environment).is(0);
        assert_eq!(started(&left).len(), 5);
        let left = left.says("is left out from here on: ").says(says);
        assert!(!left.err.contains("s3cr3t"), "{}", left.err);
    }
    assert_eq!(refusing.asked().len(), 1);
    assert_eq!(remote.connections(), 0);
}
