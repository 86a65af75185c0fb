-- Sends the requests of a file in their order, over and over. The file has, for each request, a line with its length in bytes
-- and then the request. At the end, prints the results as one line of JSON.

local requests, position = {}, 0

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   for length in file:lines() do
      requests[#requests + 1] = file:read(tonumber(length))
   end
   file:close()
end

function request()
   position = position % #requests + 1
   return requests[position]
end

function done(summary, latency)
   local errors = summary.errors
   print(string.format(
      '{"requests":%d,"duration_us":%d,"bytes":%d,"error_statuses":%d,"socket_errors":%d,"p50_us":%d,"p99_us":%d}',
      summary.requests, summary.duration, summary.bytes, errors.status,
      errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
