-- wrk: POST of 1 KB of JSON.
local items = {}
for i = 1, 16 do
  items[i] = string.format('{"id":%d,"name":"item number %02d","price":%d.5,"isThere":true}', i + 100, i, i * 10)
end
wrk.method = 'POST'
wrk.headers['Content-Type'] = 'application/json'
wrk.body = '{"items":[' .. table.concat(items, ',') .. ']}'
