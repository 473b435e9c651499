---@meta bq.grpc

---Calls of a gRPC server, many at once on one connection. Messages are bytes: what is in them is nobody's concern here.
---@class bq.grpc
local grpc = {}

---A server. It is connected to when it is first called, and again after a connection was lost: through the proxy that the environment
---names in `http_proxy` (`https_proxy` with `tls`) or `all_proxy`, by a tunnel (`CONNECT`), unless `no_proxy` names the host.
---@class bq.grpc.Connection

---@class bq.grpc.Place
---@field host string a name or an address
---@field port integer
---@field tls? boolean whether the connection is one of TLS, false if absent
---@field ca? string certificates in PEM that are trusted instead of the system's
---@field cert? string this client's certificates in PEM
---@field key? string the key of the first of them in PEM
---@field headers? string[] metadata of every call, `Name: value`
---@field connect_timeout? number seconds, 15 if absent; TLS included, but not the look-up of the name
---@field keep_alive? number seconds without a byte from the server after which it is asked whether it is there, and has as long to answer; 30 if absent

---Names a server; nothing is sent. Wrong headers and certificates raise, without their content in the message.
---
---```lua
---local connection = grpc.connection { host = "127.0.0.1", port = 50051 }
---```
---@param place bq.grpc.Place
---@return bq.grpc.Connection
function grpc.connection(place) end

---@class bq.grpc.Call
---@field method string `/package.Service/Method`
---@field send string|(fun(): string?) the message, or a function that gives one after the other and then `nil`
---@field receive? fun(message: string): boolean? takes each message that comes; with `false` the call is ended, with the status 1
---@field deadline number seconds for the whole call
---@field stall? number seconds in which nothing moves on the connection
---@field max_size? integer bytes of a message that comes, 4 MiB if absent

---@class bq.grpc.Exchange
---@field calls bq.grpc.Call[]
---@field jobs? integer at once, 100 if absent; no more than the server takes

---@class bq.grpc.Answer
---@field status integer a code of gRPC: 0 if all went well
---@field message string what the server says about it, or what went wrong on the way
---@field is_lost boolean the server did not say how it ended: there is no connection, or the stream was lost
---@field reply? string the last message that came, with status 0 and without `receive`

---Makes calls. Nothing is raised for an answer; what a function of a call raises ends all of them and is raised. Such a function makes no
---calls itself. When one has no answer in its time, those that were not sent yet are not sent, and have its status.
---
---What has no status of the server has one of these:
---
---| status | what happened |
---| --- | --- |
---| 4 | no connection within `connect_timeout`, no answer within `deadline`, or nothing moved for `stall` |
---| 13 | a message is compressed or longer than `max_size`, or the answer ended in it |
---| 14 | no connection, a lost one, or a stream that was not begun |
---| 1, 13 | the server ended the stream without a status |
---| 2, 7, 12, 13, 14, 16 | an answer that is none of gRPC, by its status of HTTP |
---
---```lua
---local answers = grpc.exchange(connection, {
---  calls = { { method = "/grpc.health.v1.Health/Check", send = "", deadline = 5 } },
---})
---```
---@param connection bq.grpc.Connection
---@param options bq.grpc.Exchange
---@return bq.grpc.Answer[] # in the order of `calls`
function grpc.exchange(connection, options) end

return grpc
