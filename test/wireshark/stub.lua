-- As much of Wireshark's API for Lua as the dissector uses, so that other Luas than Debian's tshark has can run it.
-- lua stub.lua DISSECTOR KEYLOG < lines of "A <hex>" or "B <hex>", a TCP segment each; prints a line for each field.
local dissector, keylog = arg[1], arg[2]
local frame, from, at = 0, "A", { A = 1, B = 1 }

local function hex(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
local function uint(bytes) local n = 0 for i = 1, #bytes do n = n * 256 + bytes:byte(i) end return n end
-- What Wireshark's numbers are to Lua: whole.
local function whole(n) return math.tointeger and math.tointeger(n) or n end

local Range = {}
Range.__index = Range
function Range:uint() return whole(uint(self.bytes)) end
function Range:int() local n = uint(self.bytes) return whole(n >= 2 ^ 31 and n - 2 ^ 32 or n) end

local Tvb = {}
Tvb.__index = Tvb
local function newTvb(bytes, start) return setmetatable({ bytes = bytes, start = start or 0 }, Tvb) end
function Tvb:len() return #self.bytes end
function Tvb:offset() return self.start end
function Tvb:raw(offset, count)
  offset = offset or 0
  assert(offset >= 0 and offset + (count or 0) <= #self.bytes, "Range is out of bounds")
  return self.bytes:sub(offset + 1, count and offset + count or #self.bytes)
end
function Tvb.__call(self, offset, count)
  offset = offset or 0
  count = count or #self.bytes - offset
  assert(math.floor(offset) == offset and math.floor(count) == count, "no whole number")
  assert(offset >= 0 and count >= 1 and offset + count <= #self.bytes, "Range is out of bounds")
  return setmetatable({ bytes = self.bytes:sub(offset + 1, offset + count), start = self.start + offset }, Range)
end
function Range:tvb() return newTvb(self.bytes, self.start) end
function Range:raw() return self.bytes end

local function decimal(bytes)
  -- 64 bits, in pieces that any Lua counts exactly.
  local digits = { 0 }
  for i = 1, #bytes do
    local carry = bytes:byte(i)
    for j = 1, #digits do
      local n = digits[j] * 256 + carry
      digits[j] = n % 10000000
      carry = math.floor(n / 10000000)
    end
    if carry > 0 then digits[#digits + 1] = carry end
  end
  local text = ("%d"):format(digits[#digits])
  for j = #digits - 1, 1, -1 do text = text .. ("%07d"):format(digits[j]) end
  return text
end

local SHOW = {
  bytes = function(b) return hex(b) end,
  ipv4 = function(b) return hex(b) end,
  ipv6 = function(b) return hex(b) end,
  string = function(b) return b end,
  uint32 = function(b) return ("%d"):format(uint(b)) end,
  int32 = function(b) local n = uint(b) return ("%d"):format(n >= 2 ^ 31 and n - 2 ^ 32 or n) end,
  uint64 = function(b) return decimal(b) end,
  bool = function(b) return ("%d"):format(uint(b)) end,
}

local Item = {}
Item.__index = Item
function Item:add(field, range, value)
  if getmetatable(field) ~= "field" and field.kind == nil then return Item end
  if type(range) == "string" or type(range) == "number" or (range and range.isTime) then value, range = range, nil end
  if field.kind ~= "none" and field.name ~= "stellar.length" and field.name ~= "stellar.last_fragment" then
    local text = value ~= nil and (type(value) == "table" and (value.text or "") or tostring(value)) or SHOW[field.kind](range.bytes)
    print(field.name .. " " .. text)
  end
  return Item
end
function Item:add_packet_field(field, range) return self:add(field, range) end
function Item:add_proto_expert_info(expert) print(expert.name) return self end
for _, name in ipairs({ "set_generated", "set_len", "append_text" }) do Item[name] = function(self) return self end end

function Proto() return { prefs = {}, register_heuristic = function() end } end
ProtoField = setmetatable({}, { __index = function(_, kind)
  return function(name) return { kind = kind, name = name } end
end })
ProtoExpert = { new = function(name) return { name = name } end }
Pref = { string = function() return keylog or "" end, uint = function(_, default) return default end }
Field = { new = function(name)
  return function()
    if name == "tcp.stream" then return { value = 0 } end
    if name == "tcp.seq" then return { value = at[from] } end
    if name == "tcp.completeness" then return { value = 7 } end
  end
end }
local none = setmetatable({}, { __index = function(_, key) return key end })
base, frametype, expert = none, none, { group = none, severity = none }
ENC_UTF_8, DESEGMENT_ONE_MORE_SEGMENT = 2, 0x0fffffff
ByteArray = { new = function() return { text = "" } end }
NSTime = { new = function(seconds, nanos) return { isTime = true, text = ("%d.%09d"):format(seconds, nanos) } end }
DissectorTable = { get = function() return { add = function(_, port, proto) stellarProto = proto end } end }

local waiting = { A = "", B = "" }
function dissect_tcp_pdus(tvb, tree, header, length, dissect)
  local offset = 0
  while tvb:len() - offset >= header do
    local size = length(tvb, pinfo, offset)
    if size > tvb:len() - offset then break end
    dissect(tvb(offset, size):tvb(), pinfo, tree)
    offset = offset + size
  end
  waiting[from] = tvb:raw(offset)
end

assert(loadfile(dissector))()
stellarProto.prefs.keylog = keylog or ""
stellarProto.init()
for line in io.lines() do
  local side, text = line:match("^(%u) (%x*)$")
  frame, from = frame + 1, side
  local bytes = text:gsub("..", function(c) return string.char(tonumber(c, 16)) end)
  local column = { set = function() end, append = function() end }
  pinfo = {
    number = frame, rel_ts = frame / 1000, src = side, src_port = side == "A" and 50000 or 11625,
    private = {}, cols = { protocol = column, info = column }, desegment_len = 0,
  }
  local all = waiting[side] .. bytes
  waiting[side] = ""
  stellarProto.dissector(newTvb(all), pinfo, Item)
  at[side] = at[side] + #bytes
end
