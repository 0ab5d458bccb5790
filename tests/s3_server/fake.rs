//! Servers on loopback that are not S3, or not quite: canned answers, a relay that changes what passes, a proxy.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::cache::remote::s3_config::config::{Route, S3Config};
use gocacheprog::s3_server::Certificate;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The first line and the headers, without the empty line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    /// Reads a request; `None` at the end of the connection.
    fn read(stream: &mut TcpStream) -> Option<Asked> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).ok()? == 0 {
                return None;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).trim_end().to_owned();
        let mut asked = Asked { head, body: Vec::new() };
        let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        asked.body = vec![0; length];
        stream.read_exact(&mut asked.body).ok()?;
        Some(asked)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut named = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.trim())
    }

    /// Method and path, without the query.
    pub fn line(&self) -> String {
        let mut words = self.head.split([' ', '?']);
        format!("{} {}", words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    pub fn is(&self, method: &str) -> bool {
        self.head.starts_with(&format!("{method} "))
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let target = self.head.split(' ').nth(1)?;
        let (_, query) = target.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// A server that answers each request by a function, and keeps what it was asked.
pub struct Fake {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// An answer that names no length, or is not HTTP/1.1, ends the connection.
    pub fn answering(answer: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Fake {
        Self::of(move |stream, asked| {
            let text = answer(asked);
            stream.write_all(text.as_bytes()).ok()?;
            let goes_on = text.starts_with("HTTP/1.1") && text.to_lowercase().contains("content-length");
            if goes_on && !text.contains("Connection: close") { Some(()) } else { None }
        })
    }

    /// A server that does anything with the connection of a request; `None` ends it.
    pub fn of(serve: impl Fn(&mut TcpStream, &Asked) -> Option<()> + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, serve) = (Arc::clone(&asked), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, kept, serve) = (stream.unwrap(), Arc::clone(&kept), Arc::clone(&serve));
                thread::spawn(move || {
                    while let Some(asked) = Asked::read(&mut stream) {
                        kept.lock().unwrap().push(asked.clone());
                        if serve(&mut stream, &asked).is_none() {
                            break;
                        }
                    }
                });
            }
        });
        Fake { address, asked }
    }

    /// A proxy that takes every name for `upstream`, and lets in only requests with this `Proxy-Authorization`, if one is given.
    pub fn proxy(upstream: SocketAddr, authorization: Option<&'static str>) -> Fake {
        Self::of(move |stream, asked| {
            if authorization.is_some() && asked.header("proxy-authorization") != authorization {
                let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(refusal.as_bytes()).ok()?;
                return None;
            }
            let mut onward = TcpStream::connect(upstream).ok()?;
            if asked.is("CONNECT") {
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
            } else {
                let (method, rest) = asked.head.split_once(" http://")?;
                let path = &rest[rest.find('/')?..];
                onward.write_all(format!("{method} {path}\r\nConnection: close\r\n\r\n").as_bytes()).ok()?;
                onward.write_all(&asked.body).ok()?;
            }
            join(stream, onward);
            None
        })
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A bucket `cache` of this server.
    pub fn config(&self) -> S3Config {
        S3Config {
            endpoint_url: self.endpoint(),
            access_key_id: "the-id".to_owned(),
            secret_access_key: "the-secret".to_owned(),
            session_token: None,
            bucket: "cache".to_owned(),
            region: "us-east-1".to_owned(),
            prefix: String::new(),
            route: Route::default(),
        }
    }

    pub fn client(&self) -> S3Client {
        S3Client::connect(&self.config())
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Method and path of each request.
    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }
}

/// A port that serves no http in the clear, as most stores; says where.
pub fn https_only(certificate: &Certificate) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Arc::clone(&certificate.server);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&settings)).unwrap();
            // What is no handshake gets an alert.
            let _ = tls.complete_io(&mut stream.unwrap());
        }
    });
    address
}

/// Copies both ways until one side ends.
fn join(one: &mut TcpStream, other: TcpStream) {
    let (mut from, mut to) = (one.try_clone().unwrap(), other.try_clone().unwrap());
    let there = thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut &other, one);
    let _ = one.shutdown(Shutdown::Both);
    let _ = there.join();
}

/// An answer with a body.
pub fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// S3's own form of an error.
pub fn refusal(status: &str, code: &str) -> String {
    answer(status, &format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>"))
}

/// A page of a listing: keys, and what else is in it.
pub fn page(keys: &[&str], rest: &str) -> String {
    let contents = keys.iter().map(|key| format!("<Contents><Key>{key}</Key><Size>3</Size></Contents>"));
    let contents: String = contents.collect();
    answer("200 OK", &format!("<ListBucketResult>{contents}{rest}</ListBucketResult>"))
}
