-- What wrk sends, and how it reports. Arguments: "ping" or "post-auth": a thousand gateways, or logins, in turn, whose requests are made before
-- the load begins. Or "query", and a statement for the SQL endpoint; with a number after it, from which is counted, each is a text of its own.

local requests, index = {}, 0

local function query(sql)
  return wrk.format("POST", "/?param_id=3", nil, sql)
end

function init(args)
  if args[1] == "query" then
    local first = tonumber(args[3])
    requests[1] = query(args[2])
    if first then
      request = function()
        index = index + 1
        return query((args[2]:gsub("SELECT", string.format("SELECT %d AS n,", first + index), 1)))
      end
    end
    return
  end
  for i = 1, 1000 do
    if args[1] == "ping" then
      requests[i] = wrk.format("GET", string.format(
        "/ping/?gw_id=gw-%04d&sys_uptime=%d&sys_memfree=%d&sys_load=0.%02d&wifidog_uptime=%d",
        i, 700000 + i, 52000 + i, i % 100, 600000 + i), { ["User-Agent"] = "WiFiDog 1.3.0" })
    else
      requests[i] = wrk.format("POST", "/logging/post-auth", { ["Content-Type"] = "application/json" }, string.format(
        '{"username":"user%02d","mac":"50-A6-7F-84-9C-%02X","called_station_id":"01-39-38-93-93-%02X:Wireless",' ..
        '"site_ip_address":"10.0.%d.7","cert_name":"","authentication_result":"Access-Accept",' ..
        '"authentication_reply":"","task_id":"task-%04d"}', i % 100, i % 256, i % 256, i % 256, i))
    end
  end
end

function request()
  index = index % #requests + 1
  return requests[index]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'REPORT {"requests":%d,"durationUs":%d,"p50Us":%d,"p95Us":%d,"p99Us":%d,"maxUs":%d,"badStatus":%d,"socketErrors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(95), latency:percentile(99),
    latency.max, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
