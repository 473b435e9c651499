---@meta bq.process

---Runs programs from an argument list, never through a shell unless the list says so.
---@class bq.process
local process = {}

---@class bq.process.Command
---@field argv string[] `argv[1]` is looked up in the `PATH` of `env`, unless it has a `/`
---@field cwd? string
---@field env? table<string, string> the whole environment; the caller's own if absent
---@field stdin? string|integer|bq.syscall.Descriptor|string[] "null" (default for `spawn` and `run`), "inherit", a descriptor, or { path } to read from a file
---@field input? string bytes for its standard input
---@field stdout? string|integer|bq.syscall.Descriptor|string[] "inherit" (default), "null", "capture" (`run` only), a descriptor, or { path } to write to a file
---@field stderr? string|integer|bq.syscall.Descriptor|string[] as `stdout`, or "stdout" for the same place
---@field log? string a file that takes standard output and error, added to its end
---@field timeout? number seconds; then TERM, and after 2 seconds KILL, to its group
---@field session? boolean its own session (`setsid`), so that nothing of the terminal reaches it; signals do what they do by default, also those that the caller ignores
---@field group? boolean its own process group
---@field die_with_parent? boolean KILL when the caller's process ends
---@field pass? (integer|bq.syscall.Descriptor)[] descriptors that it keeps, under the same numbers
---@field limits? table<string, integer> soft and hard `setrlimit` values by lowercase name: `nofile`, `core`, `cpu`, `as`, `fsize`, `nproc`

---@class bq.process.Status
---@field pid integer
---@field ok boolean ended by itself with status 0
---@field code? integer its exit status
---@field signal? string the signal that ended it: `KILL`, `TERM`, …
---@field exit_status integer what a shell says: the code, or 128 and the number of the signal
---@field timed_out boolean
---@field seconds number wall time
---@field max_memory integer bytes; the most that it, or one that it has waited for, had in RAM
---@field stdout? string where captured
---@field stderr? string where captured

---Starts a program.
---@param command bq.process.Command
---@return integer pid
function process.spawn(command) end

---Runs a program to its end. A failing program is an answer, not an error: look at `ok`.
---@param command bq.process.Command
---@return bq.process.Status
function process.run(command) end

---Waits until any child that `spawn` started ends, a caught signal comes, or the time is over. A child that ended while `reap` waited is not
---told.
---@param options? { timeout?: number } seconds; for ever if absent
---@return bq.process.Status|{ caught: string }|nil # `{ caught = "INT" }` for a signal, nil for the time
function process.wait_any(options) end

---From here on these signals do not end the program, but wake `wait_any`; children start with them as usual.
---@param signals string[] such as `{ "INT", "TERM", "HUP" }`
function process.catch_signals(signals) end

---From here on SIGINT (Ctrl-C) writes this text to standard error before it ends the program. The first text stays. Nothing changes where
---SIGINT is ignored, or caught by `catch_signals`; children do not say it.
---@param text string
function process.on_interrupt(text) end

---@param pid integer negative for a whole group, as in `kill(2)`
---@param signal string `TERM`, `KILL`, …, or `0`
---@return boolean sent false if there is no such process
function process.kill(pid, signal) end

---Replaces this program by another.
---@param command bq.process.Command only `argv`, `env` and `cwd`
function process.exec(command) end

---A child that goes on from here, in a copy of this program: its id, or 0 in the child. Raises where threads are running.
---TERM, INT, HUP and QUIT wait from here on for `reap`, which passes them on; so they do in a child that is process 1 of a
---namespace.
---@return integer pid
function process.fork() end

---What the first process of a pid namespace does: waits for `pid`, reaps all others, passes TERM, INT, HUP and QUIT on to it.
---@param pid integer
---@return bq.process.Status
function process.reap(pid) end

---@class bq.process.Attribute
---@field path string as this process sees it; of a file that was made without a name (`O_TMPFILE`) it does not count
---@field type "file"|"dir"
---@field dev integer
---@field ino integer other names of the file have the same
---@field mode? integer the mode with set-id bits, if one was set last
---@field capability? string the value of `security.capability`

---@class bq.process.Keeper
local keeper = {}
---In a child that was forked: what it and all that it starts set from here on is kept. Wants `set_no_new_privs`.
function keeper:watch() end
---As `process.reap`, and carries out what is kept.
---@param pid integer the child that is watched
---@return bq.process.Status
function keeper:reap(pid) end
---What was kept of the files that are still there, by the order of their paths.
---@return bq.process.Attribute[]
function keeper:attributes() end
---What was kept of the files that were removed or replaced since, with the last path of each. At most 512 files are kept, both together;
---those that are gone are forgotten first.
---@return bq.process.Attribute[]
function keeper:removed() end
---The first calls that failed since the keeper could not do what they were to do: there are too many files, or the file or the process
---cannot be looked at. The path is that of the call; nil if it could not be read.
---@return { what: "mode"|"capability", path?: string }[]
function keeper:refused() end

---Keeps what programs set of files that is more than a tree in a user's hands can hold: set-id bits and capabilities
---(seccomp_unotify(2)). The calls succeed, the other bits of a mode are set, and the rest is noted: also where a file is made with such a
---mode at once, but for mknod(2), which fails with EPERM. To raise `setfcap` (capset(2)) succeeds and does nothing: the programs are to
---have no such capability. One keeper is for one child, and made before it.
---@param options? { machine?: string } `machine`: what uname(2) says of the machine
---@return bq.process.Keeper
function process.attribute_keeper(options) end

---@class bq.process.Terminal
---@field controller bq.syscall.Descriptor where a user would sit, for `relay`
---@field terminal bq.syscall.Descriptor for the program; to be kept by a `close_range` before `use_terminal`

---A new terminal with the settings and the size of the user's; `nil` if no standard stream is a terminal. A program that has it
---instead of the user's can type into its own only.
---@return bq.process.Terminal?
function process.open_terminal() end

---Makes this process the leader of a new session with that terminal, which takes the place of each standard stream that is a
---terminal. Without one there is only the new session. To be called in the pid namespace of the programs, by the one above them.
---@param terminal? bq.process.Terminal
function process.use_terminal(terminal) end

---Waits for a child and stands between the user's terminal and its own: what is typed, the size of the window, TERM, INT, HUP and
---QUIT go in, what is shown comes out. The user's terminal is raw meanwhile, and as before afterwards, also if this process is
---killed. Without a terminal it only waits and passes the signals on.
---@param pid integer from `fork`
---@param terminal? bq.process.Terminal
---@return bq.process.Status
function process.relay(pid, terminal) end

---Ends this process at once, without unwinding.
---@param status integer
function process.exit(status) end

---The folder entry that a command name stands for, `nil` if it is not there.
---@param name string
---@param path? string folders separated by `:`, `PATH` if absent
---@return string?
function process.which(name, path) end

---@return integer
function process.cores() end

---Seconds since some point in the past, for durations.
---@return number
function process.clock() end

---The program that is running: bq's own file.
---@return string
function process.executable() end

---@class bq.process.Jobserver
---@field fds integer[] the ends for reading and for writing, for `pass`
local jobserver = {}
---Puts tokens into the pipe, as far as it takes them at once.
---@param count integer
---@return integer put
function jobserver:put(count) end
---Takes tokens out of the pipe, as far as there are any now.
---@param count integer
---@return integer taken
function jobserver:take(count) end
---How many tokens are in the pipe now.
---@return integer
function jobserver:available() end
---Closes the pipe here; those that inherited it keep their ends.
function jobserver:close() end

---The pipe of a GNU make jobserver (make manual, "POSIX Jobserver Interaction"), without a token. No call waits, whatever
---those who have its ends do.
---@return bq.process.Jobserver
function process.jobserver() end

return process
