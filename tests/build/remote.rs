//! A cache on a server: what it saves, and what it may never do.
use super::cache::key;
use super::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Fair,
    /// To everything.
    Answering(&'static str),
    /// To what would change it.
    Reading,
}

/// GET, HEAD and PUT of objects by path, as nginx and bazel-remote have them, and If-None-Match.
struct Shelf {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    requests: Mutex<Vec<String>>,
    mood: Mutex<Mood>,
}

impl Shelf {
    fn start() -> (Arc<Shelf>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/cache/", listener.local_addr().unwrap());
        let shelf = Arc::new(Shelf { objects: Mutex::default(), requests: Mutex::default(), mood: Mutex::new(Mood::Fair) });
        let of_threads = shelf.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shelf = of_threads.clone();
                std::thread::spawn(move || shelf.answer(stream));
            }
        });
        (shelf, url)
    }

    fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut input = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 || line == "\r\n" {
                break;
            }
            head.push(line.trim_end().to_owned());
        }
        let mut words = head[0].split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let length =
            head.iter().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        self.requests.lock().unwrap().push(format!("{method} {path}"));
        let mood = *self.mood.lock().unwrap();
        let mut objects = self.objects.lock().unwrap();
        let (status, answer) = match (mood, method.as_str()) {
            (Mood::Answering(status), _) => (status, Vec::new()),
            (Mood::Reading, "PUT") => ("403 Forbidden", Vec::new()),
            (_, "PUT") if objects.contains_key(&path) && head.iter().any(|line| line == "If-None-Match: *") => {
                ("412 Precondition Failed", Vec::new())
            }
            (_, "PUT") => {
                objects.insert(path, body);
                ("201 Created", Vec::new())
            }
            _ => objects.get(&path).map_or(("404 Not Found", Vec::new()), |bytes| ("200 OK", bytes.clone())),
        };
        let mut out = input.into_inner();
        write!(out, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", answer.len())?;
        if method != "HEAD" {
            out.write_all(&answer)?;
        }
        Ok(())
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn count(&self, method: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|request| request.starts_with(method)).count()
    }
}

/// Builds with a local cache of that name; the report's counts, and what was said.
fn build(product: &Product, cache: &str, more: &[&str]) -> (Value, String) {
    let common = ["--codec", "fast", "-f", "deb,run", "--json", "--cache-key", "key", "--cache", cache];
    let output = product.build(&[&common[..], more].concat());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    (document["cache"].clone(), text(&output.stderr))
}

#[test]
fn a_second_machine_compresses_nothing_and_a_forged_object_is_a_miss() {
    let product = Product::of_several_units();
    key(&product);
    let (shelf, url) = Shelf::start();
    let remote = ["--remote-cache", url.as_str()];
    let clean = product.built(&["--codec", "fast", "-f", "deb,run", "--no-cache"]);
    let (first, said) = build(&product, "one", &remote);
    let all = first["compressed"].as_u64().unwrap();
    assert_eq!((&first["sent"], first.get("fetched")), (&all.into(), None), "{said}");
    assert_eq!(shelf.objects.lock().unwrap().len() as u64, all);
    let (second, said) = build(&product, "two", &remote);
    assert_eq!((&second["compressed"], &second["fetched"], second.get("sent")), (&0.into(), &all.into(), None), "{said}");
    let units = |cache: &str| cached(&product.path(cache)).into_values().collect::<Vec<_>>();
    assert!(units("one") == units("two"));
    assert!(clean == files(&product.path("dist")));
    // Another key's builders see none of these and disturb none.
    let before = shelf.objects.lock().unwrap().clone();
    product.write("other", noise(32, 9));
    fs::set_permissions(product.path("other"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let stranger = ["--codec", "fast", "-f", "deb,run", "-q", "--cache", "three", "--cache-key", "other"];
    product.built(&[&stranger[..], &remote].concat());
    assert!(before.iter().all(|(path, bytes)| shelf.objects.lock().unwrap().get(path) == Some(bytes)));
    // Changed, cut, prolonged, and one in another's place: each is compressed here and put right there.
    let mut paths = before.keys();
    let [one, two, three, four, five] = [(); 5].map(|()| paths.next().expect("five objects").clone());
    {
        let mut objects = shelf.objects.lock().unwrap();
        *objects.get_mut(&one).unwrap().last_mut().unwrap() ^= 1;
        objects.get_mut(&two).unwrap().truncate(100);
        objects.get_mut(&three).unwrap().extend(vec![0; 1 << 20]);
        objects.insert(four, before[&five].clone());
    }
    let (third, said) = build(&product, "four", &remote);
    assert_eq!((&third["compressed"], &third["sent"]), (&4.into(), &4.into()), "{said}");
    assert!(clean == files(&product.path("dist")));
    assert!(before.iter().all(|(path, bytes)| shelf.objects.lock().unwrap().get(path) == Some(bytes)));
    // What is here already is offered to a server that lost it, once for each unit.
    shelf.objects.lock().unwrap().clear();
    let (fourth, said) = build(&product, "four", &remote);
    assert_eq!((&fourth["compressed"], &fourth["sent"]), (&0.into(), &all.into()), "{said}");
}

#[test]
fn a_refusal_ends_the_build_and_silence_does_not() {
    let product = Product::of_several_units();
    key(&product);
    let (shelf, url) = Shelf::start();
    let arguments = |cache: &'static str, url: &str| -> Vec<String> {
        let common = ["--codec", "fast", "-f", "deb", "--cache-key", "key", "--cache", cache, "--remote-cache"];
        common.iter().map(|one| (*one).to_owned()).chain([url.to_owned()]).collect()
    };
    let refused = |arguments: Vec<String>| product.refused_again(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    product.built(&["--codec", "fast", "-f", "deb", "--no-cache"]);
    for status in ["401 Unauthorized", "403 Forbidden", "301 Moved Permanently", "405 Not Allowed"] {
        shelf.set(Mood::Answering(status));
        let said = refused(arguments("fresh", &url));
        assert!(said.contains(status) && said.contains(url.trim_end_matches('/')), "{status}: {said}");
    }
    // A builder that may only read says so.
    shelf.set(Mood::Reading);
    assert!(refused(arguments("fresh", &url)).contains("--remote-cache-read-only"));
    let (used, said) = build(&product, "reader", &["--remote-cache", &url, "--remote-cache-read-only"]);
    assert!(used["compressed"] != 0 && !said.contains("warning"), "{used} {said}");
    // A server that is down or out of order costs a few requests and a warning.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (mood, url, why) in [
        (Mood::Answering("503 Service Unavailable"), url.clone(), "503"),
        (Mood::Answering("413 Request Entity Too Large"), url.clone(), "413"),
        (Mood::Fair, format!("http://{nobody}/"), "refused"),
    ] {
        shelf.set(mood);
        let before = shelf.count("");
        let (used, said) = build(&product, why, &["--remote-cache", &url, "-j", "1"]);
        assert!(used["compressed"] != 0 && said.contains("warning") && said.contains(why), "{used} {said}");
        assert!(shelf.count("") - before <= 8, "{why}");
    }
    for (wrong, why) in
        [("https://h/", "is not the address of a remote cache"), ("s3://bucket/x", "s3"), ("http://u:p@h/", "is not one")]
    {
        let said = refused(arguments("fresh", wrong));
        assert!(said.to_lowercase().contains(why), "{said}");
    }
}
