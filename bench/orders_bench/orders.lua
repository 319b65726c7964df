-- Orders for wrk: one script for single and bulk requests. Told by BENCH_… variables what to send.
-- Every request has a key of its own; product and distributor are drawn from the loaded ones.

local ffi = require("ffi")
ffi.cdef([[
  typedef struct { long sec; long nsec; } bench_time;
  int clock_gettime(int clock, bench_time *now);
]])
local moment = ffi.new("bench_time")
local function now()
  ffi.C.clock_gettime(1, moment) -- CLOCK_MONOTONIC
  return tonumber(moment.sec) + tonumber(moment.nsec) / 1e9
end

local seconds = tonumber(os.getenv("BENCH_SECONDS"))
local size = tonumber(os.getenv("BENCH_BULK") or "0") -- 0: one order per request
local paid = os.getenv("BENCH_PAID") == "1" and ',"paid":true' or ""
local prefix = os.getenv("BENCH_KEY")
local path = size == 0 and "/api/orders" or "/api/orders/bulk"

local products, prices, sellers = {}, {}, {}
local threads = {}
-- Global, because `done` runs in another state and can only ask for those.
started, last, sent, finished = 0, 0, 0, 0
local rehearsed = false

local function read()
  for line in io.lines(os.getenv("BENCH_PRODUCTS")) do
    local id, price = line:match("(%d+) (%d+)")
    products[#products + 1], prices[#prices + 1] = id, tonumber(price)
  end
  for line in io.lines(os.getenv("BENCH_SELLERS")) do
    sellers[#sellers + 1] = line
  end
end

function setup(thread)
  thread:set("number", #threads)
  threads[#threads + 1] = thread
end

function init()
  read()
  math.randomseed(tonumber(os.getenv("BENCH_SEED")) + number)
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
end

local function order()
  local n = math.random(#products)
  local quantity = math.random(3)
  local total = prices[n] * quantity
  return string.format(
    '{"distributor_id":%s,"product_id":%s,"quantity":%d,"total_price":"%d.%02d"%s}',
    sellers[math.random(#sellers)], products[n], quantity, total / 100, total % 100, paid
  )
end

local function body()
  if size == 0 then
    return order()
  end
  local orders = {}
  for n = 1, size do
    orders[n] = order()
  end
  return '{"orders":[' .. table.concat(orders, ",") .. "]}"
end

function request()
  -- wrk asks its first thread for one request that it only looks at.
  if number == 0 and not rehearsed then
    rehearsed = true
    return wrk.format("POST", path)
  end
  last = now()
  if sent == 0 then
    started = last
  end
  sent = sent + 1
  wrk.headers["Idempotency-Key"] = prefix .. "-" .. number .. "-" .. sent
  return wrk.format("POST", path, nil, body())
end

-- Asked before every request: none is sent once the time is over, so that each that was sent gets its answer.
function delay()
  if sent > 0 and now() - started >= seconds then
    return 600000
  end
  return 0
end

-- Only for bulk: its answers are few. For single orders wrk would have to build every answer for Lua.
if size > 0 then
  function response()
    finished = now()
  end
end

function done(summary, latency)
  local all, first, final, answer = 0, math.huge, 0, 0
  for _, thread in ipairs(threads) do
    all = all + thread:get("sent")
    first = math.min(first, thread:get("started"))
    final = math.max(final, thread:get("last"))
    answer = math.max(answer, thread:get("finished"))
  end
  local errors = summary.errors
  print(string.format(
    'RESULT {"sent":%d,"answered":%d,"window":%.6f,"all":%.6f,"p50":%d,"p99":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}',
    all, summary.requests, final - first, math.max(answer - first, 0), latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status
  ))
end
