-- Asks the gate about a request, and does what it says. It needs HAProxy 2.6 or
-- later, and in haproxy.cfg:
--
--	setenv GATE http://10.0.0.5:9080
--	lua-load /etc/haproxy/authentik.lua
--	...
--	http-request lua.authentik unless own
--	http-request deny deny_status 503 unless own or { var(txn.gate) -m str pass }
--
-- HAProxy goes on with a request if a Lua file fails. So the variable txn.gate says
-- that a request passes, and only then. The verdict names the headers that are set,
-- and those that are removed from what the client has sent.

local gate = os.getenv("GATE")
if gate == nil then
	error("write setenv GATE with the address of the gate before lua-load")
end

-- Headers that describe the request, or belong to the connection.
local left_out = {
	["host"] = true, ["connection"] = true, ["upgrade"] = true, ["te"] = true, ["trailer"] = true,
	["content-length"] = true, ["transfer-encoding"] = true, ["expect"] = true, ["keep-alive"] = true,
	["x-forwarded-method"] = true, ["x-forwarded-proto"] = true, ["x-forwarded-host"] = true,
	["x-forwarded-uri"] = true, ["x-forwarded-for"] = true,
	["x-original-method"] = true, ["x-original-url"] = true,
}

-- Headers of an answer that belong to its transfer.
local of_transfer = { ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["keep-alive"] = true }

-- lines returns the lines of a header. HAProxy counts them from 0.
local function lines(values)
	local all = {}
	for i = 0, #values do
		if values[i] ~= nil then
			all[#all + 1] = values[i]
		end
	end
	return all
end

-- names yields the names in a header that lists some.
local function names(headers, list)
	local text = headers[list] and headers[list][0] or ""
	return text:gmatch("[^,%s]+")
end

-- Names that some applications read as another name: CGI reads an underscore as a
-- hyphen. nginx and Caddy drop these too.
local function misread(name)
	return name:find("[^%w%-]") ~= nil
end

local function describe(txn)
	local headers = {}
	for name, values in pairs(txn.http:req_get_headers()) do
		if misread(name) then
			txn.http:req_del_header(name)
		elseif not left_out[name] then
			headers[name] = lines(values)
		end
	end
	local secure = txn.f:ssl_fc()
	headers["x-forwarded-method"] = { txn.sf:method() }
	headers["x-forwarded-proto"] = { (secure == true or secure == 1) and "https" or "http" }
	headers["x-forwarded-host"] = { txn.sf:req_fhdr("host") }
	headers["x-forwarded-uri"] = { txn.sf:pathq() }
	headers["x-forwarded-for"] = { txn.sf:src() }
	headers["host"] = { (gate:gsub("^https?://", "")) }
	return headers
end

local function pass(txn, headers)
	for name in names(headers, "x-gate-remove") do
		txn.http:req_del_header(name)
	end
	for name in names(headers, "x-gate-set") do
		txn.http:req_set_header(name, headers[name:lower()][0])
	end
	txn:set_var("txn.gate", "pass")
end

local function refuse(txn, status, headers, body)
	local reply = txn:reply({ status = status })
	for name, values in pairs(headers) do
		if not of_transfer[name] then
			for _, value in ipairs(lines(values)) do
				reply:add_header(name, value)
			end
		end
	end
	if txn.sf:method() ~= "HEAD" then
		reply:set_body(body or "")
	end
	txn:done(reply)
end

core.register_action("authentik", { "http-req" }, function(txn)
	local answer = core.httpclient():get({ url = gate .. "/.authentik/forward", headers = describe(txn), timeout = 10000 })
	local status = answer and answer.status or 0
	if status == 200 then
		pass(txn, answer.headers)
	elseif status >= 300 then
		refuse(txn, status, answer.headers, answer.body)
	else
		core.log(core.err, "authentik: the gate does not answer")
		refuse(txn, 503, { ["cache-control"] = { [0] = "no-store" }, ["retry-after"] = { [0] = "5" } }, "")
	end
end)
