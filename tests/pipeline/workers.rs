//! The workers of the test's server: each action is run as a plain process in a folder with its input root, as engines do it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Response};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::rpc::{Content, Fault, Incoming, Shared, refuse, send};
use super::sha256;
use super::wire::{Message, message};

/// The workers of a server.
#[derive(Clone)]
pub(crate) struct Workers {
    /// What the server says of having workers; `None` if it does not say it.
    pub(crate) are_there: Option<bool>,
    /// How many actions are done at once: 0 leaves all in the queue.
    pub(crate) jobs: usize,
    /// What is told of the stages. Only some engines do.
    pub(crate) tells: bool,
    /// `WaitExecution` is there.
    pub(crate) waits: bool,
    /// Results of actions that failed are kept, too.
    pub(crate) keeps_failures: bool,
    /// What a result says of the time in the queue, in seconds.
    pub(crate) queued: u64,
    /// The names of properties that are known; others are refused. `None` takes all.
    pub(crate) properties: Option<Vec<&'static str>>,
    /// The bq of another architecture. What comes with it has to have the property `machine=other`, and is run by the bq of
    /// this machine: that stands for a machine of the other kind.
    pub(crate) other: Option<Vec<u8>>,
    /// What runs the command: words before its own.
    pub(crate) runner: Vec<String>,
    /// A folder of the workers: `TMPDIR` of what they run, which must be empty in the end.
    pub(crate) folder: PathBuf,
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            are_there: Some(true),
            jobs: 2,
            tells: true,
            waits: true,
            keeps_failures: false,
            queued: 0,
            properties: None,
            other: None,
            runner: Vec::new(),
            folder: PathBuf::new(),
        }
    }
}

/// An action that was asked for.
#[derive(Default)]
pub(crate) struct Operation {
    pub(crate) action: String,
    /// What was said of it, the last of which counts.
    said: Vec<Vec<u8>>,
    is_done: bool,
    pub(crate) is_cancelled: bool,
    /// The processes that do it.
    group: Option<Pid>,
}

const QUEUED: u64 = 2;
const EXECUTING: u64 = 3;
const COMPLETED: u64 = 4;

/// What a message of any type is.
fn any(name: &str, value: &Message) -> Message {
    let kind = format!("type.googleapis.com/build.bazel.remote.execution.v2.{name}");
    message().with(1, kind.as_bytes()).with(2, &value.0)
}

fn status(code: u32, text: &str) -> Message {
    let code = message().with_number(1, code.into());
    code.with(2, text.as_bytes())
}

/// What an operation says before it is done.
fn going(name: &str, stage: u64, tells: bool) -> Message {
    let stage = if tells { stage } else { 0 };
    let metadata = any("ExecuteOperationMetadata", &message().with_number(1, stage));
    message().with(1, name.as_bytes()).with(2, &metadata.0)
}

/// What it says when it is done, with a response.
fn done(name: &str, tells: bool, response: &Message) -> Vec<u8> {
    let out = going(name, COMPLETED, tells).with_number(3, 1);
    out.with(5, &any("ExecuteResponse", response).0).0
}

/// Whether each is less than the next one.
fn is_sorted<T: PartialOrd>(list: &[T]) -> bool {
    list.windows(2).all(|pair| pair[0] < pair[1])
}

/// What is asked for, read from the blobs.
struct Task {
    command: Message,
    /// Of the input root: names, content, and whether it can be executed.
    files: Vec<(String, Vec<u8>, bool)>,
    outputs: Vec<String>,
    properties: Vec<(String, String)>,
}

impl Content {
    /// A blob; one of another size than its digest says is complained about.
    fn blob(&mut self, digest: &Message) -> Result<Vec<u8>, (u32, String)> {
        let (hash, size) = self.hash(digest);
        let Some(data) = self.blobs.get(&hash).cloned() else {
            if size == 0 {
                return Ok(Vec::new());
            } else if !self.has_forgotten {
                self.complain(format!("{hash} was not written before it is needed"));
            }
            // So all engines say it.
            return Err((13, format!("there is no blob {hash}")));
        };
        if data.len() as u64 != size {
            self.complain(format!("the digest of {hash} has a wrong size"));
        }
        Ok(data)
    }

    /// Reads an action, and complains about what is not right in it.
    fn task(&mut self, digest: &Message) -> Result<Task, (u32, String)> {
        let action = Message::read(&self.blob(digest)?);
        let command = Message::read(&self.blob(&action.message(1))?);
        let root = Message::read(&self.blob(&action.message(2))?);
        let texts = |list: Vec<Message>| -> Vec<String> {
            let list = list.into_iter();
            list.map(|one| String::from_utf8(one.0).expect("it is text"))
                .collect()
        };
        let outputs = texts(command.all(7));
        if outputs.is_empty() || outputs != texts(command.all(3)) || !is_sorted(&outputs) {
            self.complain(format!(
                "outputs that not all servers know, or not sorted: {outputs:?}"
            ));
        }
        if command.all(1).is_empty() {
            self.complain("a command without words");
        }
        if action.bytes(10) != command.bytes(5) {
            self.complain("the properties of a command are not those of its action");
        }
        let properties = properties_of(&action);
        if !is_sorted(&properties) {
            self.complain(format!("properties that are not sorted: {properties:?}"));
        }
        let variables: Vec<String> = command.all(2).iter().map(|one| one.text(1)).collect();
        if !is_sorted(&variables) {
            self.complain(format!("variables that are not sorted: {variables:?}"));
        }
        if !root.all(2).is_empty() || !root.all(3).is_empty() {
            self.complain("an input root with folders or links");
        }
        let mut files = Vec::new();
        for file in root.all(1) {
            let data = self.blob(&file.message(2))?;
            files.push((file.text(1), data, file.number(4) != 0));
        }
        let names: Vec<&String> = files.iter().map(|(name, ..)| name).collect();
        if !is_sorted(&names) || names.iter().any(|name| name.contains('/')) {
            let text = format!("names of an input root that are not right: {names:?}");
            self.complain(text);
        }
        Ok(Task {
            command,
            files,
            outputs,
            properties,
        })
    }

    /// Adds what is said of an operation, unless it is over.
    fn say(&mut self, name: &str, text: Vec<u8>, is_done: bool) -> bool {
        let Some(one) = self.operations.get_mut(name) else {
            return false;
        };
        let goes_on = !one.is_done;
        if goes_on {
            one.said.push(text);
            one.is_done = is_done;
            one.group = one.group.filter(|_| !is_done);
        }
        goes_on
    }

    /// Ends an operation for good.
    pub(crate) fn cancel(&mut self, name: &str) -> bool {
        let Some(one) = self.operations.get_mut(name) else {
            return false;
        };
        if !one.is_done {
            one.is_cancelled = true;
            if let Some(group) = one.group.take() {
                // It may have ended a moment ago.
                killpg(group, Signal::SIGKILL).ok();
            }
            let response = message().with(3, &status(1, "cancelled").0);
            let text = done(name, true, &response);
            self.say(name, text, true);
        }
        true
    }

    /// The actions that are neither done nor cancelled.
    pub(crate) fn going_on(&self) -> usize {
        self.operations.values().filter(|one| !one.is_done).count()
    }

    /// How many were cancelled.
    pub(crate) fn cancelled(&self) -> usize {
        let all = self.operations.values();
        all.filter(|one| one.is_cancelled).count()
    }
}

fn properties_of(action: &Message) -> Vec<(String, String)> {
    let list = action.message(10).all(1).into_iter();
    list.map(|one| (one.text(1), one.text(2))).collect()
}

/// Answers `Execute` and `WaitExecution`.
pub(crate) async fn answer(
    method: &str,
    body: RecvStream,
    mut answer: SendResponse<Bytes>,
    fault: Fault,
    shared: &Shared,
) {
    let found = match Incoming::new(body).next().await {
        None => Err((13, "no message".to_owned())),
        Some(bytes) => {
            let request = Message::read(&bytes);
            if method == "Execute" {
                begin(&request, fault, shared).map(|name| (name, 0))
            } else {
                again(&request.text(1), shared)
            }
        }
    };
    let (name, mut next) = match found {
        Ok(found) => found,
        Err((code, text)) => return refuse(&mut answer, code, &text),
    };
    let response = Response::builder().header("content-type", "application/grpc");
    let Ok(mut stream) = answer.send_response(response.body(()).expect("it is right"), false)
    else {
        return;
    };
    loop {
        let (said, is_done) = {
            let content = shared.content();
            let one = &content.operations[&name];
            (one.said[next..].to_vec(), one.is_done)
        };
        next += said.len();
        for text in said {
            if !send(&mut stream, &text).await {
                return;
            }
            match fault {
                Fault::Reset => {
                    // What was sent is on its way.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    stream.send_reset(Reason::INTERNAL_ERROR);
                    return;
                }
                Fault::End => return end(&mut stream),
                _ => {}
            }
        }
        if is_done {
            return end(&mut stream);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn end(stream: &mut h2::SendStream<Bytes>) {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    drop(stream.send_trailers(trailers));
}

/// An operation that goes on, and from where it is told.
fn again(name: &str, shared: &Shared) -> Result<(String, usize), (u32, String)> {
    let content = shared.content();
    if !shared.can.workers.waits {
        return Err((12, "unknown method".to_owned()));
    }
    match content.operations.get(name) {
        Some(one) => Ok((name.to_owned(), one.said.len() - 1)),
        None => Err((5, format!("no operation `{name}`"))),
    }
}

/// Begins an action, unless it goes on already or its result is kept. Returns the name of the operation.
fn begin(request: &Message, fault: Fault, shared: &Shared) -> Result<String, (u32, String)> {
    let (mut content, can) = (shared.content(), &shared.can);
    let workers = &can.workers;
    if request.text(1) != can.instance {
        return Err((3, format!("no instance for `{}`", request.text(1))));
    }
    let digest = request.message(6);
    let (hash, _) = content.hash(&digest);
    let (skips, task) = (request.number(3) != 0, content.task(&digest));
    content.asked.push((hash.clone(), skips));
    let top = can.instance;
    let slash = if top.is_empty() { "" } else { "/" };
    let name = format!("{top}{slash}operations/{}", content.asked.len());
    let mut one = Operation {
        action: hash.clone(),
        ..Operation::default()
    };
    one.said.push(going(&name, QUEUED, workers.tells).0);
    let kept = content.results.get(&hash).filter(|_| !skips).cloned();
    let end = match (fault, &task) {
        (Fault::Done(code, text), _) => Some(message().with(3, &status(code, text).0)),
        (_, Err((code, text))) => Some(message().with(3, &status(*code, text).0)),
        (Fault::Error(code, text), _) => {
            let text = going(&name, COMPLETED, workers.tells)
                .with_number(3, 1)
                .with(4, &status(code, text).0);
            one.said.push(text.0);
            one.is_done = true;
            None
        }
        _ => kept.map(|result| message().with(1, &result).with_number(2, 1)),
    };
    if let Some(response) = &end {
        one.said.push(done(&name, workers.tells, response));
        one.is_done = true;
    }
    let goes_on = content
        .operations
        .iter()
        .find(|(_, one)| one.action == hash && !one.is_done);
    if let (false, Some((name, _))) = (one.is_done, goes_on) {
        return Ok(name.clone());
    }
    let is_done = one.is_done;
    content.operations.insert(name.clone(), one);
    let Ok(task) = task else {
        return Ok(name);
    };
    let action = Message::read(&content.blobs[&hash]);
    if let Some(known) = &workers.properties {
        for (property, _) in properties_of(&action) {
            if !known.contains(&property.as_str()) {
                content.operations.remove(&name);
                return Err((9, format!("no worker knows the property `{property}`")));
            }
        }
    }
    drop(content);
    if !is_done {
        let (shared, own) = (shared.clone(), name.clone());
        std::thread::spawn(move || work(&shared, &own, &hash, &task, fault));
    }
    Ok(name)
}

/// Waits until a worker is free; `false` if the operation was ended meanwhile.
fn has_turn(shared: &Shared, name: &str) -> bool {
    loop {
        {
            let mut content = shared.content();
            if content.is_gone() || content.operations[name].is_done {
                return false;
            } else if content.working < shared.can.workers.jobs {
                content.working += 1;
                let text = going(name, EXECUTING, shared.can.workers.tells).0;
                return content.say(name, text, false);
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn work(shared: &Shared, name: &str, action: &str, task: &Task, fault: Fault) {
    if !has_turn(shared, name) {
        return;
    }
    let workers = &shared.can.workers;
    let folder = tempfile::tempdir_in(&workers.folder).expect("a folder can be made");
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let started = started.expect("it is after 1970").as_secs();
    let status = run(shared, name, task, folder.path());
    let mut result = message();
    let mut blobs = BTreeMap::new();
    let code = match (status.code(), status.signal(), fault) {
        (_, _, Fault::Killed) => 137,
        (Some(code), _, _) => code.cast_unsigned().into(),
        (_, signal, _) => 128 + u64::from(signal.unwrap_or_default().cast_unsigned()),
    };
    let complaint = look_around(folder.path(), task).filter(|_| status.code() == Some(0));
    for path in &task.outputs {
        let is_lacking =
            matches!(fault, Fault::Killed) || matches!(fault, Fault::Lacks(name) if name == path);
        let Ok(data) = std::fs::read(folder.path().join(path)) else {
            continue;
        };
        if !is_lacking {
            let hash = sha256(&data);
            let digest = message()
                .with(1, hash.as_bytes())
                .with_number(2, data.len() as u64);
            let file = message().with(1, path.as_bytes()).with(2, &digest.0);
            result = result.with(2, &file.0);
            blobs.insert(hash, (path.clone(), data));
        }
    }
    let moment = |seconds: u64| message().with_number(1, seconds).0;
    let times = message()
        .with(2, &moment(started - workers.queued))
        .with(3, &moment(started))
        .with(4, &moment(started));
    result = result.with_number(4, code).with(9, &times.0);

    folder.close().expect("it can be removed");
    let mut content = shared.content();
    content.working -= 1;
    content.executed.push(action.to_owned());
    content.complaints.extend(complaint);
    for (hash, (path, mut data)) in blobs {
        match fault {
            Fault::Lose(name) if name == path => continue,
            Fault::Spoil(name) if name == path => {
                let middle = data.len() / 2;
                data[middle] ^= 1;
            }
            _ => {}
        }
        content.blobs.insert(hash, data);
    }
    if code == 0 || workers.keeps_failures {
        content.results.insert(action.to_owned(), result.0.clone());
    }
    let text = done(name, workers.tells, &message().with(1, &result.0));
    content.say(name, text, true);
}

/// What is in the folder of an action besides inputs and outputs, and the library that it begins with.
fn look_around(folder: &Path, task: &Task) -> Option<String> {
    for entry in std::fs::read_dir(folder).expect("it is there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let is_known =
            task.outputs.contains(&name) || task.files.iter().any(|(file, ..)| *file == name);
        if name != "lua-lib" && !(is_file && is_known) {
            return Some(format!("an action left `{name}` in its folder"));
        }
    }
    None
}

/// Lays out the input root, and runs the command there.
fn run(shared: &Shared, name: &str, task: &Task, folder: &Path) -> ExitStatus {
    let own = shared.can.workers.other.is_some().then(|| {
        let bq = env!("CARGO_BIN_EXE_bq");
        std::fs::read(bq).expect("it is there")
    });
    for (file, data, is_program) in &task.files {
        let is_other = file == "bq" && shared.can.workers.other.as_ref() == Some(data);
        if file == "bq" && own.is_some() {
            let wanted = ("machine".to_owned(), "other".to_owned());
            if task.properties.contains(&wanted) != is_other {
                let text = format!("bq and {:?} are of two machines", task.properties);
                shared.content().complain(text);
            }
        }
        let data = own.as_ref().filter(|_| is_other).unwrap_or(data);
        let path = folder.join(file);
        std::fs::write(&path, data).expect("it can be written");
        let mode = if *is_program { 0o755 } else { 0o444 };
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("it is ours");
    }
    let workers = &shared.can.workers;
    let mut words = workers.runner.clone();
    words.extend(task.command.all(1).iter().map(|one| {
        let word = String::from_utf8_lossy(&one.0);
        word.into_owned()
    }));
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .current_dir(folder)
        .env_clear()
        .env("TMPDIR", workers.folder.join("tmp"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    for variable in task.command.all(2) {
        command.env(variable.text(1), variable.text(2));
    }
    let mut child = loop {
        let mut content = shared.content();
        match command.spawn() {
            Ok(child) => {
                let group = Pid::from_raw(child.id().cast_signed());
                let one = content.operations.get_mut(name).expect("it is there");
                one.group = Some(group);
                if one.is_done {
                    killpg(group, Signal::SIGKILL).expect("it was started");
                }
                break child;
            }
            // Another test that starts a program has the file still open.
            Err(err) if err.kind() == ErrorKind::ExecutableFileBusy => {}
            Err(err) => panic!("{words:?}: {err}"),
        }
        drop(content);
        std::thread::sleep(Duration::from_millis(10));
    };
    let status = child.wait().expect("it was started");
    if let Some(one) = shared.content().operations.get_mut(name) {
        one.group = None;
    }
    status
}
