//! Which certificates https trusts. The server is `openssl s_server`, if it is installed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::support::server::Server;
use crate::support::{noise, sha256};
use crate::{Fetched, QUICK, Scratch, assert_failed, assert_fetched, command, results};

/// A server for `localhost` with the self-signed certificate `cert.pem`. It sends files that contain whole answers.
struct Secure {
    folder: Scratch,
    server: Child,
    port: u16,
}

impl Secure {
    /// `None`, with the reason, if there is no openssl to run it.
    fn start() -> Option<Self> {
        let folder = Scratch::new();
        let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
            -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem";
        let made = openssl(&folder, arguments).output();
        if !made.as_ref().is_ok_and(|output| output.status.success()) {
            crate::support::skip(format!("openssl makes no certificate: {made:?}"));
            return None;
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let arguments =
            format!("s_server -accept 127.0.0.1:{port} -cert cert.pem -key key.pem -HTTP");
        let mut server = openssl(&folder, &arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it ran before");
        let stdout = server.stdout.take().expect("it is piped");
        let ready = BufReader::new(stdout)
            .lines()
            .any(|line| line.is_ok_and(|l| l == "ACCEPT"));
        let server = Self {
            folder,
            server,
            port,
        };
        if !ready || TcpStream::connect(("127.0.0.1", port)).is_err() {
            crate::support::skip("openssl does not serve");
            return None;
        }
        Some(server)
    }

    fn answer(&self, name: &str, head: &str, body: &[u8]) {
        let mut file = std::fs::File::create(self.folder.file(name)).expect("it can be made");
        write!(
            file,
            "HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .and_then(|()| file.write_all(body))
        .expect("it can be written");
    }

    fn fetch(&self, scratch: &Scratch, host: &str, content: &[u8], trust: &str) -> Fetched {
        let options = format!(
            "{QUICK}, files = {{ {{ path = 'f', urls = {{ 'https://{host}:{}/f' }}, sha256 = '{}' }} }}",
            self.port,
            sha256(content)
        );
        let mut command = command(scratch.path(), &options);
        command.env_remove("SSL_CERT_DIR");
        command.env("SSL_CERT_FILE", self.folder.file(trust));
        results(&command.output().expect("bq runs")).remove(0)
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

fn openssl(folder: &Scratch, arguments: &str) -> Command {
    let mut command = Command::new("openssl");
    command
        .args(arguments.split_ascii_whitespace())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[test]
fn trusts_the_certificates_of_the_environment_only() {
    let Some(secure) = Secure::start() else {
        return;
    };
    let (scratch, content) = (Scratch::new(), noise(1, 50_000));
    secure.answer("f", "200 OK", &content);
    let result = secure.fetch(&scratch, "localhost", &content, "cert.pem");
    assert_fetched(&scratch, &result, &content, &[]);

    let scratch = Scratch::new();
    let result = secure.fetch(&scratch, "127.0.0.1", &content, "cert.pem");
    assert_failed(&scratch, &result, &["tls"], &[]);
    // Another certificate, and none.
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj /CN=other -keyout other-key.pem -out other.pem";
    assert!(
        openssl(&secure.folder, arguments)
            .status()
            .is_ok_and(|s| s.success())
    );
    let result = secure.fetch(&scratch, "localhost", &content, "other.pem");
    assert_failed(&scratch, &result, &["tls"], &[]);
    assert!(result.message(0).contains("UnknownIssuer"), "{result:?}");
    let result = secure.fetch(&scratch, "localhost", &content, "absent.pem");
    assert_failed(&scratch, &result, &["tls"], &[]);
}

#[test]
fn https_never_falls_to_http() {
    let Some(secure) = Secure::start() else {
        return;
    };
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let plain = Server::constant(content.clone());
    let url = plain.url("f");
    secure.answer("f", &format!("302 Found\r\nLocation: {url}"), b"");
    let result = secure.fetch(&scratch, "localhost", &content, "cert.pem");
    assert_failed(&scratch, &result, &["redirect"], &[]);
    assert_eq!(
        result.message(0),
        format!("refused a redirect from https to http: {url}")
    );
    assert!(plain.requests().is_empty());
}

#[test]
fn a_server_without_tls_is_refused() {
    let scratch = Scratch::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the client comes");
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(answer).expect("the client listens");
        // Closing at once, with unread bytes, would reset the connection and lose the answer.
        drop(stream.read_to_end(&mut Vec::new()));
    });
    let result = scratch.one(QUICK, &format!("urls = {{ 'https://{address}/f' }}"));
    server.join().expect("it did not panic");
    assert_failed(&scratch, &result, &["tls"], &[]);
}
