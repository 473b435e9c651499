---@meta

-- What watches a step. `b` itself is in `bq.run.step` and `bq.run.step_files`.

---@class bq.run.Command
---@field argv string[]
---@field cwd string
---@field env table<string, string>
---@field input? string
---@field ok? integer[] exit statuses that are no failure, besides 0

--- Is told what a step does: the benchmark writes it down.
---@class bq.run.Observer
---@field command fun(self: bq.run.Observer, call: bq.run.Command) before a command is run
---@field ran fun(self: bq.run.Observer) after it
---@field refilled fun(self: bq.run.Observer, path: string, from: string) a file got the content of another one
---@field normalise fun(self: bq.run.Observer) before the output is normalised
---@field finish fun(self: bq.run.Observer) after that
