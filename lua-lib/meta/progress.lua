---@meta bq.progress

---Progress on standard error: lines that are drawn again on a terminal; elsewhere a line every minute of what takes so long. Messages
---of `bq.log` go above them. After `events` bars are said as lines of JSON, too.
---@class bq.progress
local progress = {}

---@class bq.progress.Bar
local bar = {}
---Also draws the bar again, so that its time goes on: nothing moves by itself, but during `process.run` and `process.reap`.
---@param position integer
function bar:set(position) end
---@param length integer
function bar:length(length) end
---Says what is being done, and draws it at once.
---@param text string
function bar:message(text) end
---Takes the bar away, and leaves nothing; so does the end of a `<close>` variable.
function bar:finish() end

---Lines of text that go above the bars, in place of those that were shown before; they may have colours. A line that is wider than
---the terminal is cut. Nothing is drawn elsewhere.
---@param lines string[]
function progress.show(lines) end

---Whether lines are drawn again: standard error is a terminal that can do so, and messages are shown.
---@return boolean
function progress.is_live() end

---Draws again what changes with time, for who waits for something.
function progress.tick() end

---From here on bars are events: lines of JSON on standard output when one starts (`"event":"start"`), every second (`"progress"`) and
---when it ends (`"end"`), with `activity` (the label), `id`, `unit`, `done`, `total`, `message` and `seconds` as far as they are known.
function progress.events() end

---@param options { label: string, length?: integer, unit?: "bytes"|"items" } without a length: the time that has passed
---@return bq.progress.Bar
function progress.bar(options) end

return progress
