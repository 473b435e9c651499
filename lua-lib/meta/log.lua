---@meta bq.log

---Messages for people, on standard error. `-v` shows info of libraries and debug, `-q` only errors.
---@class bq.log
local log = {}

---@param message string
function log.error(message) end
---@param message string
function log.warn(message) end
---@param message string
function log.info(message) end
---@param message string
function log.debug(message) end
---A line as it is, whatever the level.
---@param text string
function log.raw(text) end
---Writes a line to standard output. A pipe that was closed at the other end ends the program with status 141, silently.
---@param text string
function log.out(text) end
---@class bq.log.Terminal
---@field is_terminal boolean whether standard error is one
---@field color boolean whether colours are wanted (`NO_COLOR`, `CLICOLOR_FORCE` are honoured)
---@field columns integer 80 if it does not say
---@field rows integer 24 if it does not say
---What standard error is.
---@return bq.log.Terminal
function log.terminal() end

return log
