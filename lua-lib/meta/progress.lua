---@meta bq.progress

---Progress on standard error: bars on a terminal, nothing elsewhere. Messages of `bq.log` go above the bars.
---@class bq.progress
local progress = {}

---@class bq.progress.Bar
local bar = {}
---Also draws the bar again, so that a spinner turns and its time goes on: nothing moves by itself.
---@param position integer
function bar:set(position) end
---@param length integer
function bar:length(length) end
---@param text string
function bar:message(text) end
---Takes the bar away, and leaves nothing; so does the end of a `<close>` variable.
function bar:finish() end

---@param options { label: string, length?: integer, unit?: "bytes"|"items" } without a length: a spinner with the time that has passed
---@return bq.progress.Bar
function progress.bar(options) end

return progress
