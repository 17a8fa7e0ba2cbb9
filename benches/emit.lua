-- For wrk: the event of sql/insert.sql, said over HTTP by a service. The service key follows `--` on the command line.
local event = '{"user_id":%d,"type":"job.done","title":"Your photo is ready","body":"The photo that you uploaded this '
    .. 'morning has been developed and can be downloaded for the next seven days."}'

function init(args)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer " .. args[1]
end

function request()
    return wrk.format(nil, nil, nil, event:format(math.random(10000)))
end

-- One line that the bench reads: answers a second, and how many of them were no 2xx or never came.
function done(summary, _, _)
    local errors = summary.errors
    local lost = errors.connect + errors.read + errors.write + errors.timeout + errors.status
    io.write(string.format("result %f %d\n", summary.requests / (summary.duration / 1e6), lost))
end
