// SPDX-License-Identifier: Apache-2.0
//! TLS of both planes: never without it beyond loopback, a local authority, an operator's own
//! certificate, and certificates of clients.

use std::{
    io::{Error, ErrorKind, Read as _, Result, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

use casemate_http::{HttpError, Limits, Listener};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};

use crate::harness::{CONFIG, Home, PATIENCE, Reply, Server, chat, read_reply, request};

/// An authority of the test's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// A certificate for a name, and its key.
    fn issue(&self, name: &str) -> Identity {
        self.issue_until(name, 2200)
    }

    /// The same, expired in a year.
    fn issue_until(&self, name: &str, year: i32) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A certificate and its key in PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Identity {
    /// Puts both into files; gives the lines of `[tls]` that name them.
    fn lines(&self, home: &Home, name: &str) -> String {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        format!(
            "certificate = \"{}\"\nkey = \"{}\"\n",
            file(home, &certificate, &self.certificate),
            file(home, &key, &self.key)
        )
    }
}

fn file(home: &Home, name: &str, text: &str) -> String {
    let path = home.dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Who connects, and whom they trust.
#[derive(Clone, Copy)]
struct Client<'a> {
    trusts: &'a str,
    shows: Option<&'a Identity>,
    versions: &'a [&'static SupportedProtocolVersion],
}

impl<'a> Client<'a> {
    fn trusting(trusts: &'a str) -> Self {
        Self {
            trusts,
            shows: None,
            versions: ALL_VERSIONS,
        }
    }

    const fn showing(self, identity: &'a Identity) -> Self {
        Self {
            shows: Some(identity),
            ..self
        }
    }

    fn config(self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(self.trusts) {
            roots.add(certificate).unwrap();
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        match self.shows {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
                let chain = certificates(&identity.certificate);
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }

    /// Connects, takes the server for `name`, and sends a request. An error of TLS is one of kind
    /// `InvalidData` here, with what went wrong inside.
    fn send(self, address: SocketAddr, name: &str, request: &str) -> Result<Reply> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection =
            ClientConnection::new(Arc::new(self.config()), name).map_err(Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        stream.write_all(request.as_bytes())?;
        read_reply(&mut stream)
    }

    fn chat(self, server: &Server, name: &str, key: &str) -> Result<Reply> {
        let body = chat("stand-in", "Hello?").to_string();
        let request = request("POST", name, "/v1/chat/completions", key, &body);
        self.send(address(server.data_url()), name, &request)
    }

    /// Whether the admin plane is alive, which needs no key.
    fn admin(self, server: &Server, name: &str) -> Result<Reply> {
        let request = request("GET", name, "/livez", "", "");
        self.send(address(server.admin_url()), name, &request)
    }

    /// Both planes answer.
    #[track_caller]
    fn is_answered(self, server: &Server, name: &str) {
        let reply = self.chat(server, name, server.key()).unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert!(reply.body.contains("stand-in model"), "{}", reply.body);
        let reply = self.admin(server, name).unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);
    }

    /// Both planes end the handshake, for this reason.
    #[track_caller]
    fn fails(self, server: &Server, name: &str, why: &str) {
        for result in [
            self.chat(server, name, server.key()),
            self.admin(server, name),
        ] {
            let error = result.unwrap_err();
            // With TLS 1.3 the client may hear of it only as a connection that is gone.
            let gone = matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
            );
            assert!(gone || error.to_string().contains(why), "{error}");
        }
    }
}

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<std::result::Result<_, _>>()
        .unwrap()
}

/// Where to reach a listener from here, however it is bound.
fn address(url: &str) -> SocketAddr {
    let place = url.strip_prefix("https://").unwrap();
    // What listens everywhere is announced under the name that its certificate has.
    place.replace("localhost", "127.0.0.1").parse().unwrap()
}

/// Whatever is said in clear, nothing of HTTP comes back.
#[track_caller]
fn is_deaf_in_clear(server: &Server) {
    for (url, path) in [
        (server.data_url(), "/v1/models"),
        (server.admin_url(), "/livez"),
    ] {
        let mut stream = TcpStream::connect(address(url)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = request("GET", "localhost", path, server.key(), "");
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        // An alert of TLS and an end, or an end at once.
        match stream.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
        let text = String::from_utf8_lossy(&bytes);
        assert!(bytes.len() < 16, "{url} said in clear: {text}");
    }
}

fn everywhere() -> String {
    CONFIG.replace("127.0.0.1", "0.0.0.0")
}

#[test]
fn beyond_loopback_there_is_no_listener_without_tls() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    for (address, fine) in [
        ("127.0.0.1:0", true),
        ("0.0.0.0:0", false),
        ("[::]:0", false),
        ("192.0.2.1:0", false),
        // Loopback, and told to be.
        ("127.1.2.3:0", true),
        // What looks like loopback to some.
        ("[::ffff:127.0.0.1]:0", false),
    ] {
        let listen = Listener::tcp(address.parse().unwrap(), None, Limits::default());
        match runtime.block_on(listen) {
            Ok(_) => assert!(fine, "{address}"),
            Err(HttpError::NeedsTls(_)) => assert!(!fine, "{address}"),
            Err(error) => panic!("{address}: {error}"),
        }
    }
}

#[test]
fn nothing_in_the_configuration_turns_tls_off() {
    let authority = Authority::new("operator");
    let home = Home::new();
    let good = authority.issue("localhost");
    let pair = good.lines(&home, "good");
    let empty = file(&home, "empty.pem", "");
    let garbage = file(&home, "garbage.pem", "-----BEGIN CERTIFICATE-----\nno\n");
    let other_key = file(&home, "other.key", &authority.issue("localhost").key);
    let nowhere = home.dir.join("nowhere.pem");
    let nowhere = nowhere.to_str().unwrap();
    let with = |what: &str, path: &str| {
        let line = |line: &&str| !line.starts_with(what);
        let kept: Vec<_> = pair.lines().filter(line).collect();
        format!("[tls]\n{}\n{what} = \"{path}\"\n", kept.join("\n"))
    };
    let only = |line: usize| format!("[tls]\n{}\n", pair.lines().nth(line).unwrap());
    for (tls, said) in [
        ("[tls]\nenabled = false\n".into(), "unknown field `enabled`"),
        (
            "[tls]\ninsecure = true\n".into(),
            "unknown field `insecure`",
        ),
        ("tls = false\n".into(), "unknown field `tls`"),
        ("tls = true\n".into(), "unknown field `tls`"),
        (only(0), "belong together"),
        (only(1), "belong together"),
        (with("certificate", nowhere), "nowhere.pem` cannot be read"),
        (with("key", nowhere), "nowhere.pem` cannot be read"),
        (with("certificate", &empty), "a file has no certificate"),
        (with("certificate", &garbage), "TLS cannot be set up"),
        (with("key", &empty), "TLS cannot be set up"),
        (with("key", &other_key), "TLS cannot be set up"),
        (
            format!("[tls]\n{pair}client_authority = \"{nowhere}\"\n"),
            "nowhere.pem` cannot be read",
        ),
        (
            format!("[tls]\n{pair}client_authority = \"{empty}\"\n"),
            "a file has no certificate",
        ),
        (
            "[tls]\nnames = [\"käse.test\"]\n".into(),
            "TLS cannot be set up",
        ),
    ] {
        // Each plane alone beyond loopback is enough to refuse.
        for plane in ["[data_plane]\n", "[admin_plane]\n"] {
            let text = CONFIG.replace(
                &format!("{plane}listen = \"127.0.0.1:0\"\n"),
                &format!("{plane}listen = \"0.0.0.0:0\"\n"),
            );
            // A key of the plane's own table has to stand in it.
            let text = if tls.starts_with('[') {
                text + &tls
            } else {
                text.replace(plane, &format!("{plane}{tls}"))
            };
            home.configure(&text);
            let ran = home.fails_to_start().says(&[said]);
            assert!(ran.out.is_empty(), "{}", ran.out);
        }
    }
}

#[test]
fn the_local_authority_serves_whoever_trusts_it() {
    let home = Home::new();
    home.configure(&(everywhere() + "[tls]\nnames = [\"gateway.test\"]\n"));
    let server = home.up(&["--try"]);
    let made = home.data.join("tls");
    let authority = std::fs::read_to_string(made.join("authority.pem")).unwrap();
    let trusting = Client::trusting(&authority);
    for name in ["localhost", "gateway.test"] {
        for version in [&TLS12, &TLS13] {
            let versions = &[version];
            Client {
                versions,
                ..trusting
            }
            .is_answered(&server, name);
        }
    }
    trusting.fails(&server, "elsewhere.test", "not valid for name");
    let other = Authority::new("Casemate local authority").pem;
    Client::trusting(&other).fails(&server, "localhost", "invalid peer certificate");
    is_deaf_in_clear(&server);

    // The authority can sign nothing more, and its certificate's key is the owner's alone.
    let mut names: Vec<_> = std::fs::read_dir(&made)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["authority.pem", "names", "server.key", "server.pem"]
    );
    let key = made.join("server.key");
    let mode = std::fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let bytes = std::fs::read_to_string(key).unwrap();
    assert_eq!(bytes.matches("PRIVATE KEY").count(), 2, "one key");

    // Who trusted it before the next start trusts it afterwards.
    assert!(server.end().success());
    let server = home.up(&["--try"]);
    trusting.is_answered(&server, "localhost");
    // Made anew it is another one.
    assert!(server.end().success());
    std::fs::remove_dir_all(&made).unwrap();
    let server = home.up(&["--try"]);
    trusting.fails(&server, "localhost", "invalid peer certificate");
}

#[test]
fn an_own_certificate_is_shown_on_loopback_too() {
    let home = Home::new();
    let authority = Authority::new("operator");
    let identity = authority.issue("gateway.test");
    let lines = identity.lines(&home, "own");
    for config in [CONFIG.to_owned(), everywhere()] {
        home.configure(&format!("{config}[tls]\n{lines}"));
        let server = home.up(&["--try"]);
        let trusting = Client::trusting(&authority.pem);
        trusting.is_answered(&server, "gateway.test");
        trusting.fails(&server, "localhost", "not valid for name");
        let other = Authority::new("operator").pem;
        Client::trusting(&other).fails(&server, "gateway.test", "invalid peer certificate");
        is_deaf_in_clear(&server);
        assert!(
            !home.data.join("tls").exists(),
            "an authority that nobody asked for"
        );
        // The local socket stays what it was.
        assert!(home.ok(&["project", "list"]).contains("try"));
        assert!(server.end().success());
    }
}

/// Settings for client certificates of an authority, over the authority made here.
fn clients(home: &Home, authority: &Authority, required: bool) -> String {
    let path = file(home, "clients.pem", &authority.pem);
    format!("{CONFIG}[tls]\nclient_authority = \"{path}\"\nrequire_client = {required}\n")
}

fn local_authority(data: &Path) -> String {
    std::fs::read_to_string(data.join("tls/authority.pem")).unwrap()
}

#[test]
fn clients_without_the_right_certificate_are_refused() {
    let home = Home::new();
    let (ours, theirs) = (Authority::new("clients"), Authority::new("strangers"));
    // Somebody who knows what the authority calls itself.
    let forger = Authority::new("clients");
    home.configure(&clients(&home, &ours, true));
    let server = home.up(&["--try"]);
    let authority = local_authority(&home.data);
    let right = ours.issue("client.test");
    let foreign = theirs.issue("client.test");
    let forged = forger.issue("client.test");
    let expired = ours.issue_until("client.test", 2020);
    let stolen = Identity {
        certificate: right.certificate.clone(),
        key: foreign.key.clone(),
    };
    for version in [&TLS12, &TLS13] {
        let versions = &[version];
        let nobody = Client {
            versions,
            ..Client::trusting(&authority)
        };
        nobody.showing(&right).is_answered(&server, "localhost");
        nobody.fails(&server, "localhost", "alert");
        for wrong in [&foreign, &forged, &expired] {
            nobody.showing(wrong).fails(&server, "localhost", "alert");
        }
    }
    // A certificate without its key is no certificate; rustls does not even let us try.
    let key = PrivateKeyDer::from_pem_slice(stolen.key.as_bytes()).unwrap();
    let refused = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_client_auth_cert(certificates(&stolen.certificate), key);
    assert!(refused.is_err());
    // A certificate opens the door of the house, not that of the model: the key is still needed.
    let reply = Client::trusting(&authority)
        .showing(&right)
        .chat(&server, "localhost", "cm_nonsense")
        .unwrap();
    assert_eq!(reply.status, 401, "{}", reply.body);
    is_deaf_in_clear(&server);
    // Whoever was refused in the handshake left nothing in the book.
    let tail = home.ok(&["ledger", "tail", "-n", "1000"]);
    assert_eq!(tail.matches("model:invoke").count(), 4, "{tail}");
}

#[test]
fn a_welcome_certificate_is_seen_by_policies() {
    let home = Home::new();
    let (ours, theirs) = (Authority::new("clients"), Authority::new("strangers"));
    home.configure(&clients(&home, &ours, false));
    let server = home.up(&["--try"]);
    let authority = local_authority(&home.data);
    let (right, foreign) = (ours.issue("client.test"), theirs.issue("client.test"));
    let nobody = Client::trusting(&authority);
    nobody.is_answered(&server, "localhost");
    nobody.showing(&right).is_answered(&server, "localhost");
    // What is shown has to hold, even where nothing needs to be shown.
    nobody
        .showing(&foreign)
        .fails(&server, "localhost", "alert");

    let base = home.ok(&["policy", "show"]);
    let rule = "\n@id(\"only.bound\") @reason(\"a client certificate is needed\")\n\
        forbid (principal, action == Action::\"model:invoke\", resource)\n\
        unless { context.strength == \"bound\" };\n";
    let set = file(&home, "bound.cedar", &(base + rule));
    home.ok(&["policy", "apply", &set]);
    let reply = nobody.chat(&server, "localhost", server.key()).unwrap();
    assert_eq!(reply.status, 403, "{}", reply.body);
    assert!(
        home.ok(&["explain", reply.request()])
            .contains("only.bound"),
        "{}",
        reply.body
    );
    nobody.showing(&right).is_answered(&server, "localhost");
}

#[test]
fn the_generated_certificate_names_the_addresses_of_both_planes() {
    let home = Home::new();
    let ours = Authority::new("clients");
    let config = clients(&home, &ours, false);
    let admin = "[admin_plane]\nlisten = \"127.0.0.1:0\"";
    home.configure(&config.replace(admin, &admin.replace("0.0.1", "0.0.2")));
    let server = home.up(&["--try"]);
    let authority = local_authority(&home.data);
    let trusting = Client::trusting(&authority);
    let reply = trusting.chat(&server, "127.0.0.1", server.key()).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
    let reply = trusting.admin(&server, "127.0.0.2");
    assert_eq!(
        reply.map(|reply| reply.status).map_err(|e| e.to_string()),
        Ok(200)
    );
}

#[test]
fn the_generated_certificate_suits_strict_clients() {
    let home = Home::new();
    home.configure(&everywhere());
    assert!(home.up(&[]).end().success());
    let chain = std::fs::read_to_string(home.data.join("tls/server.pem")).unwrap();
    let all = certificates(&chain);
    assert_eq!(all.len(), 2, "its own, and that of the authority");
    // Object identifiers as they stand in a certificate, 2.5.29.14, .35 and .37.
    let has = |at: usize, last: u8| {
        all[at]
            .windows(5)
            .any(|five| five == [6, 3, 0x55, 0x1d, last])
    };
    assert!(has(1, 14), "the authority has no subject key identifier");
    assert!(has(0, 35), "no authority key identifier");
    assert!(has(0, 37), "no extended key usage");
}
